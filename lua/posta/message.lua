--- The methods of posta.message: the finished text, whole, piece by piece, or its MIME part alone.
-- @module posta.message

local core = require "posta.core"
local body = require "posta.body"
local errors = require "posta.errors"
local loop = require "posta.loop"
local mail = require "posta.mail"
local names = require "posta.names"

local message = core.message
local methods = message.methods

local function expected(m, name, level)
    if not mail.is_message(m) then
        error(("%s: expected message, got %s"):format(name, type(m)), level or 3)
    end
end

local function checked(m, name)
    expected(m, name, 4)
    if message.is_closed(m) then error(name .. ": message is closed", 3) end
end

local function failure(m, status)
    local problem = not message.is_closed(m) and mail.problem(m)
    if problem then return errors.problem(problem) end
    -- "state" without a problem: somebody else, a hook perhaps, composed it anew meanwhile.
    local text = status == "state" and "it was read anew by another meanwhile" or status
    return errors.problem { code = status == "state" and "body.failed" or status,
        text = "message: " .. text }
end

-- Calls sink(bytes) for each piece of what `pull` gives. True, or the three values of failure.
local function each(m, pull, sink)
    while true do
        local bytes, status = pull()
        if bytes then
            local _, why = sink(bytes)
            if why ~= nil then
                return errors.problem { code = "cancelled", text = "write: " .. tostring(why) }
            end
            if message.is_closed(m) then error("message was closed while it was written", 0) end
        end
        if status == "end" then return true end
        if status == "again" then
            body.feed(m)
            if message.is_closed(m) then error("message was closed while it was written", 0) end
        elseif status ~= nil and status ~= "ok" then
            return failure(m, status)
        end
    end
end

local function write(m, sink)
    if not loop.is_free(m) then return errors.busy("message") end
    local composed, status = message.open(m)
    if not composed then return failure(m, status) end
    return each(m, function() return message.pull(m, composed) end, sink)
end

--- Writes the finished text.
-- @param target a function that takes a piece (answering nil and a message ends it), or an open file
-- @return true; or nil, message, err
function methods.write(m, target)
    checked(m, "write")
    if type(target) == "function" then return write(m, target) end
    if body.is_closed_file(target) then error("write: the file is closed", 2) end
    local is_file = type(target) == "userdata" or type(target) == "table"
    if not is_file or type(target.write) ~= "function" then
        error("write: expected function or file handle, got " .. type(target), 2)
    end
    return write(m, function(bytes)
        local ok, why = target:write(bytes)
        if not ok then return nil, why or "the file did not take it" end
    end)
end

--- The finished text as one string.
function methods.tostring(m)
    checked(m, "tostring")
    local pieces = {}
    local ok, text, err = write(m, function(bytes) pieces[#pieces + 1] = bytes end)
    if not ok then return nil, text, err end
    return table.concat(pieces)
end

local function counted(n, name)
    if n == nil then return end
    if type(n) ~= "number" or not (n >= 1 and n <= 2 ^ 24) or n ~= math.floor(n) then
        error(("%s: expected 1 to 16777216 octets, got %s"):format(name, tostring(n)), 3)
    end
end

------------------------------------------------------------------------------- looking and reading

local function octets_misuse(value, path)
    if type(value) == "number" and value >= 0 and value <= 2 ^ 53 then return nil end
    return ("%s: expected a number of octets, got %s"):format(path, tostring(value))
end

local SIZE = { known = { may_8bit = "boolean", may_utf8 = "boolean" } }
local CHECK = { known = { size = octets_misuse, bulk = "boolean", may_8bit = "boolean", may_utf8 = "boolean" } }

-- The options, or {}; raises at the caller of the method.
local function checked_options(options, name, rules)
    options = options == nil and {} or options
    local complaint = names.wrong_type(options, name, "table") or names.misuse(options, name, rules)
    if complaint then error(complaint, 3) end
    return options
end

--- Looks for what will go wrong or annoy, before it is sent: a list of { code =, severity =, place =, text = },
-- severity "error" (it cannot be sent so), "warning" or "note". docs/mime.md has the codes.
-- @tparam[opt] table options size: octets that the server takes (conn:capabilities().size_max); bulk = true: it
-- goes to many who asked for it; may_8bit = true: the server has 8BITMIME; may_utf8 = true: and SMTPUTF8
function methods.check(m, options)
    checked(m, "check")
    options = checked_options(options, "check", CHECK)
    if not loop.is_free(m) then return errors.busy("message") end
    return message.findings(m, rawget(options, "size"), rawget(options, "bulk"), rawget(options, "may_8bit"),
        rawget(options, "may_utf8"))
end

--- Octets that it will have, as SIZE counts them. Text is looked at, nothing is encoded.
-- @tparam[opt] table options may_8bit = true: for a server with 8BITMIME; may_utf8 = true: with SMTPUTF8 too
-- @return number; or nil, message, err: code "size.unknown" where a body's length is not known
function methods.size(m, options)
    checked(m, "size")
    options = checked_options(options, "size", SIZE)
    if not loop.is_free(m) then return errors.busy("message") end
    local n, status = message.size(m, rawget(options, "may_8bit"), rawget(options, "may_utf8"))
    if n == false then return failure(m, status) end
    if n ~= true then return n end
    return errors.problem { code = "size.unknown", text = "size: the length of a body is not known" }
end

-- Composes from the beginning; what `read` goes on with.
local function reopen(m)
    if not loop.is_free(m) then return errors.busy("message") end
    local composed, status = message.open(m)
    if not composed then return failure(m, status) end
    core.data(m).reading = { composed = composed, left = "" }
    return core.data(m).reading
end

-- Adds to what is left until there are n octets, or the end.
local function fill(m, r, n)
    local pieces, len = { r.left }, #r.left
    while len < n and not r.ended do
        local bytes, status = message.pull(m, r.composed)
        if bytes then
            pieces[#pieces + 1] = bytes
            len = len + #bytes
        end
        if status == "end" then
            r.ended = true
        elseif status == "again" then
            body.feed(m)
            if message.is_closed(m) then error("message was closed while it was read", 0) end
        elseif status ~= nil and status ~= "ok" then
            core.data(m).reading = nil
            return failure(m, status)
        end
    end
    r.left = table.concat(pieces)
    return true
end

--- The next n octets (fewer at the end) of the finished text; nil at the end; nil, message, err when something
-- is wrong. `function() return m:read() end` is a source for ltn12.
function methods.read(m, n)
    checked(m, "read")
    counted(n, "read")
    n = n or 8192
    local r, text, err = core.data(m).reading, nil, nil
    if not r then r, text, err = reopen(m) end
    if not r then return nil, text, err end
    local ok
    ok, text, err = fill(m, r, n)
    if not ok then return nil, text, err end
    local bytes = r.left:sub(1, n)
    r.left = r.left:sub(n + 1)
    if bytes ~= "" then return bytes end
    return nil
end

--- Begins anew: the next `read` gives the first octets. True; or nil, message, err: a body was read and cannot be
-- read a second time.
function methods.rewind(m)
    checked(m, "rewind")
    local r, text, err = reopen(m)
    if not r then return nil, text, err end
    return true
end

-- One piece by the model's calls; nil at the end.
local function read(m, get, n)
    if not loop.is_free(m) then return errors.busy("message") end
    while true do
        local bytes, status = get(m, n or 8192)
        if bytes then return bytes end
        if status == "end" then return nil end
        if status ~= "again" then return failure(m, status) end
        body.feed(m)
        if message.is_closed(m) then error("message was closed while it was read", 0) end
    end
end

--- The next octets, at most n, of the MIME header alone (MIME-Version, Content-*, extra fields and the
-- blank line); nil at the end; nil, message, err when something is wrong.
function methods.header(m, n)
    checked(m, "header")
    counted(n, "header")
    return read(m, message.mime_header, n)
end

--- The next octets, at most n, of what follows the blank line; the same otherwise.
function methods.body(m, n)
    checked(m, "body")
    counted(n, "body")
    return read(m, message.mime_body, n)
end

--- Who it goes to: { from =, to = { ... } }; or nil, message, err.
function methods.envelope(m)
    checked(m, "envelope")
    local from, to = message.envelope(m)
    if from then return { from = from, to = to } end
    return failure(m, "field.invalid")
end

--- The Message-ID that the text carries; nil before it was written or sent.
function methods.message_id(m)
    checked(m, "message_id")
    return message.id_of(m)
end

--- Gives the memory back now. A session that is sending it keeps what it needs.
function methods.close(m)
    expected(m, "close")
    message.close(m)
    return true
end

local M = {}

--- Makes a message of a table; raises `complaint` at `level`.
function M.new(t, files)
    local m, problem = mail.build(t, files)
    if m then return m end
    return errors.problem(problem)
end

--- What posta.message{...}:check(options) finds, behind the files that are not there; where no message can be made of
-- it, why is a finding too.
function M.check(t, options)
    options = checked_options(options, "check", CHECK)
    local all = {}
    local m, problem, begun = mail.build(t, nil, all)
    if not m then
        local code = problem.code
        -- C's check has names of its own for some: "bcc.in_header".
        for _, one in ipairs(message.findings(begun, 0, false, false, false)) do
            if one.place == problem.field and one.severity == "error" then code = one.code end
        end
        message.close(begun)
        all[#all + 1] = { severity = "error", code = code, place = problem.field, text = problem.text }
        return all
    end
    local found, text, err = methods.check(m, options)
    message.close(m)
    if not found then return nil, text, err end
    for _, one in ipairs(found) do all[#all + 1] = one end
    return all
end

return M
