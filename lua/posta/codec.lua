--- posta.base64, posta.quoted_printable, posta.encoded_word: the encoders of mail, each as a function and as a
-- filter for ltn12. A filter is a function that takes a piece and gives a piece; nil is the end. Filters
-- know no errors but raised ones.
-- @module posta.codec

local core = require "posta.core"
local errors = require "posta.errors"
local names = require "posta.names"

local c = core.codec
local codec = {}

local function refuse(name, why, at)
    return errors.fail { code = "field.invalid", field = name,
        message = ("%s: the text %s (byte %d)"):format(name, why, at) }
end

local function expect_string(value, name, level)
    if type(value) ~= "string" then error(("%s: expected string, got %s"):format(name, type(value)), level or 3) end
end

local function wrap_misuse(value, path)
    if type(value) == "boolean" or value == 76 then return nil end
    return path .. ": expected true, false or 76; lines of base64 have 76 characters"
end

local RULES = {
    base64 = { known = { wrap = wrap_misuse, text = "boolean" } },
    unbase64 = { known = { strict = "boolean" } },
    qp = { known = { binary = "boolean" } },
    unqp = { known = {} },
}

local FLAGS = {
    base64 = function(o) return (rawget(o, "wrap") and c.WRAP or 0) + (rawget(o, "text") and c.TEXT or 0) end,
    unbase64 = function(o) return rawget(o, "strict") and c.STRICT or 0 end,
    qp = function(o) return rawget(o, "binary") and 0 or c.TEXT end,
    unqp = function() return 0 end,
}

local function begin(kind, options, name)
    options = options or {}
    local complaint = names.wrong_type(options, name, "table") or names.misuse(options, name, RULES[kind])
    if complaint then error(complaint, 3) end
    return c.begin(kind, FLAGS[kind](options))
end

-- All at once, or nil, why, at.
local function whole(run, text)
    local out, why, at = c.step(run, text)
    if not out then return nil, why, at end
    local tail
    tail, why, at = c.finish(run)
    if not tail then return nil, why, at end
    return out .. tail
end

-- An ltn12 filter of two functions: of a piece, and of the end.
local function filter(step, finish)
    local has_ended = false
    return function(piece)
        if piece == "" then return "" end
        if piece ~= nil then return step(piece) end
        if has_ended then return nil end
        has_ended = true
        local tail = finish()
        return tail ~= "" and tail or nil
    end
end

local function filter_of(kind, options, name)
    local run = begin(kind, options, name)
    local function checked(out, why, at)
        if not out then error(("%s: the text %s (byte %d)"):format(name, why, at), 0) end
        return out
    end
    return filter(function(piece)
        expect_string(piece, name, 4)
        return checked(c.step(run, piece))
    end, function() return checked(c.finish(run)) end)
end

-- The table of a codec that can be called, too.
local function make(name, there, back)
    local t = {}
    function t.encode(text, options)
        expect_string(text, name .. ".encode")
        return (assert(whole(begin(there, options, name .. ".encode"), text)))
    end
    function t.decode(text, options)
        expect_string(text, name .. ".decode")
        local out, why, at = whole(begin(back, options, name .. ".decode"), text)
        if not out then return refuse(name, why, at) end
        return out
    end
    function t.encoder(options) return filter_of(there, options, name .. ".encoder") end
    function t.decoder(options) return filter_of(back, options, name .. ".decoder") end
    return setmetatable(t, { __call = function(_, text, options)
        expect_string(text, name)
        return (assert(whole(begin(there, options, name), text)))
    end })
end

--- Base64, RFC 2045 6.8. `encode(text [, { wrap = true, text = true }])`: `wrap` puts CRLF behind each 76
-- characters (none behind the last), `text` makes line ends CRLF first. `decode(text [, { strict = true }])`: white
-- space between characters is skipped, `strict` refuses it; nil, message, err names the byte. `encoder(options)`,
-- `decoder(options)`: filters. Called, it encodes.
codec.base64 = make("base64", "base64", "unbase64")

--- Quoted-printable, RFC 2045 6.7. `encode(text [, { binary = true }])`: line ends become CRLF; `binary` encodes
-- each of their octets. `decode(text)`; `encoder(options)`, `decoder()`. Called, it encodes.
codec.quoted_printable = make("quoted_printable", "qp", "unqp")

------------------------------------------------------------------------------------- header text

local word = {}

--- A header field's value for UTF-8 text: plain ASCII as it stands, else encoded words (RFC 2047), at most 75
-- characters each, parted by a blank: where a field may be folded.
-- @return string; or nil, message, err: controls, or not UTF-8
function word.encode(text)
    expect_string(text, "encoded_word.encode")
    local out = c.word_encode(text)
    if out then return out end
    return errors.fail { code = "field.invalid", field = "encoded_word",
        message = "encoded_word: the text has control characters or is not valid UTF-8" }
end

--- The text that people read, in UTF-8, of a header field's value. Words of charsets other than utf-8, us-ascii,
-- iso-8859-1, iso-8859-15 and windows-1252 stay as they stand, and so does what is not well-formed.
-- @treturn string
-- @treturn number how many words are of another charset
function word.decode(text)
    expect_string(text, "encoded_word.decode")
    return c.word_decode(text)
end

-- A value is whole or nothing: the filters keep it until its end.
local function gathering(convert, name)
    local pieces = {}
    return filter(function(piece)
        expect_string(piece, name, 4)
        pieces[#pieces + 1] = piece
        return ""
    end, function()
        local out, why = convert(table.concat(pieces))
        if not out then error(why, 0) end
        return out
    end)
end
codec.gathering = gathering

--- Filters: one value, given at its end.
function word.encoder() return gathering(word.encode, "encoded_word.encoder") end
function word.decoder() return gathering(word.decode, "encoded_word.decoder") end

codec.encoded_word = setmetatable(word, { __call = function(_, text) return word.encode(text) end })

return codec
