--[[ posta.catcher.grammar: what MAIL and RCPT may say to a strict receiver (RFC 5321, 4.1.2).
Only strings come in and go out. ]]

local grammar = {}

local ATOM = "^[%w!#$%%&'*+/=?^_`{|}~%-\128-\255]+$"

local function is_dot_string(s)
    for atom in (s .. "."):gmatch("([^.]*)%.") do
        if not atom:find(ATOM) then return false end
    end
    return true
end

function grammar.is_domain(s)
    if s:find("^%[%d+%.%d+%.%d+%.%d+%]$") or s:find("^%[[Ii][Pp][Vv]6:[%x:.]+%]$") then
        return true
    end
    if #s > 255 then return false end
    for label in (s .. "."):gmatch("([^.]*)%.") do
        local good = label:find("^[%w\128-\255][%w%-\128-\255]*$") and not label:find("%-$")
        if not good or #label > 63 then return false end
    end
    return true
end

-- Local-part = Dot-string / Quoted-string        RFC 5321, 4.1.2. Gives the place behind it.
local function local_part_end(s, at)
    if s:sub(at, at) ~= '"' then
        local _, last = s:find("^[^%s<>@\",;:()\\%[%]]+", at)
        if not last or not is_dot_string(s:sub(at, last)) then return nil end
        return last + 1
    end
    local i = at + 1
    while i <= #s do
        local ch = s:sub(i, i)
        if ch == '"' then return i + 1 end
        if ch == "\\" then i = i + 1 end
        if not s:find("^[ -~\128-\255]", i) then return nil end
        i = i + 1
    end
    return nil
end

-- MAIL FROM:<path> and RCPT TO:<path>: the address without brackets and source route, and what
-- follows the path; or nil and what is wrong. No blank is allowed around the colon (3.3).
function grammar.path(argument, word)
    if argument:sub(1, #word):upper() ~= word then
        return nil, "expected " .. word .. "<address>"
    end
    local s = argument:sub(#word + 1)
    if s:find("^%s") then return nil, "no blank may follow " .. word end
    if s:sub(1, 1) ~= "<" then return nil, "the address must stand in angle brackets" end
    if word == "FROM:" and s:sub(2, 2) == ">" then return "", s:sub(3) end
    local bare = s:match("^<(%a+)>")
    if word == "TO:" and bare and bare:lower() == "postmaster" then
        return bare, s:sub(#bare + 3)
    end
    local _, route = s:find("^<@[%w.%-@,%[%]]+:")
    local first = (route or 1) + 1
    local at = local_part_end(s, first)
    if not at then return nil, "the local part is not a dot-string or a quoted string" end
    if s:sub(at, at) ~= "@" then return nil, "the address has no @" end
    if at - first > 64 then return nil, "the local part is longer than 64 octets" end
    local close = s:find(">", at, true)
    if not close then return nil, "the closing bracket is missing" end
    if not grammar.is_domain(s:sub(at + 1, close - 1)) then
        return nil, "the domain is malformed"
    end
    return s:sub(first, close - 1), s:sub(close + 1)
end

local function size_value(s)
    return s and #s <= 20 and s:find("^%d+$")
end
local function body_value(s)
    return s and (s:upper() == "7BIT" or s:upper() == "8BITMIME")
end
local function some_value(s) return s end
local function no_value(s) return not s end

local PARAMETERS = {      -- keyword = { the extension that allows it, what its value may be }
    MAIL = {
        SIZE = { "SIZE", size_value }, BODY = { "8BITMIME", body_value },
        SMTPUTF8 = { "SMTPUTF8", no_value }, RET = { "DSN", some_value },
        ENVID = { "DSN", some_value },
    },
    RCPT = { NOTIFY = { "DSN", some_value }, ORCPT = { "DSN", some_value } },
}

-- The parameters behind a path, by name in capitals; or nil, code, enhanced code and what is wrong.
-- esmtp-param = esmtp-keyword ["=" esmtp-value]    RFC 5321, 4.1.2
function grammar.parameters(offers, verb, text)
    local found = {}
    local at = 1
    while at <= #text do
        local _, last, word = text:find("^ ([^ ]+)", at)
        if not last then
            return nil, "501", "5.5.4", "one blank must stand before each parameter"
        end
        local key, equals, value = word:match("^(%w[%w%-]*)(=?)(.*)$")
        if not key or value:find("[^!-<>-~]") or (equals == "=") ~= (value ~= "") then
            return nil, "501", "5.5.4", "malformed parameter"
        end
        key = key:upper()
        local rule = PARAMETERS[verb][key]
        if not rule or not offers[rule[1]] then
            return nil, "555", "5.5.4", "parameter " .. key .. " was not offered"
        end
        if equals == "" then value = nil end
        if found[key] ~= nil or not rule[2](value) then
            return nil, "501", "5.5.4", "bad or repeated parameter " .. key
        end
        found[key] = value or true
        at = last + 1
    end
    return found
end

return grammar
