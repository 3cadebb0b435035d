--- Who logs in: the table auth = { user =, password =, token =, ... } and the functions in it.
-- @module posta.login

local core = require "posta.core"
local names = require "posta.names"

local login = {}

local MECHANISM = {
    known = { name = "string", first = "boolean", step = "function" },
    moved = { answer = "step", initial = "first" },
}

local MOST_MECHANISMS = 4

-- The host's own mechanisms: a list of { name =, first =, step = }.
local function custom_misuse(value, path)
    if type(value) ~= "table" then return names.wrong_type(value, path, "table") end
    for i, one in ipairs(value) do
        local at = ("%s[%d]"):format(path, i)
        local complaint = names.wrong_type(one, at, "table") or names.misuse(one, at, MECHANISM)
            or names.wrong_type(rawget(one, "name"), at .. ".name", "string")
            or names.wrong_type(rawget(one, "step"), at .. ".step", "function")
        if complaint then return complaint end
        if not one.name:find "^[A-Z0-9_-]+$" or #one.name > 20 then
            return ("%s.name: expected 1 to 20 of A-Z 0-9 - _, got %q"):format(at, one.name:sub(1, 40))
        end
    end
    if #value > MOST_MECHANISMS then return ("%s: expected at most %d"):format(path, MOST_MECHANISMS) end
    return nil
end

local RULES = {
    known = {
        user = "string", password = "string|function", token = "string|function", authzid = "string",
        mechanisms = "string|table", min_iterations = "number", max_iterations = "number",
        custom = custom_misuse,
    },
    moved = { username = "user", pass = "password", login = "user", access_token = "token",
        accessToken = "token", mechanism = "mechanisms", method = "mechanisms" },
}

--- The complaint about a value of `auth`, or nil.
function login.misuse(value, path)
    return names.wrong_type(value, path, "table") or names.misuse(value, path, RULES)
end

local function problem(field, what)
    return nil, { code = "field.invalid", field = field, text = field .. ": " .. what, stage = "compose" }
end

local function words(list)
    if type(list) ~= "table" then return list end
    local own = {}
    for i, one in ipairs(list) do own[i] = tostring(one) end
    return table.concat(own, " ")
end

--- The plain values for C and the functions of the table `auth`; or nil and a problem. `insecure`: over any
-- channel.
function login.config(auth, insecure)
    local plain, ask = { insecure = insecure }, nil
    for _, name in ipairs { "user", "password", "token", "authzid" } do
        local value = rawget(auth, name)
        if type(value) == "function" then
            ask = ask or { key = auth }
            ask[name] = value
        elseif value ~= nil then
            if value:find("\0", 1, true) then return problem("auth." .. name, "has a NUL octet") end
            plain[name] = value
        end
    end
    for _, name in ipairs { "min_iterations", "max_iterations" } do
        local n = rawget(auth, name)
        if n and not (n >= 1 and n <= 2 ^ 31 and n == math.floor(n)) then
            return problem("auth." .. name, "expected a whole number from 1, got " .. tostring(n))
        end
        plain[name] = n
    end
    plain.mechanisms = words(rawget(auth, "mechanisms"))
    plain.asks = ask ~= nil
    local custom = rawget(auth, "custom")
    if custom then
        ask = ask or { key = auth }
        plain.custom, ask.steps = {}, {}
        for i, one in ipairs(custom) do
            plain.custom[i] = { name = rawget(one, "name"), first = rawget(one, "first") }
            ask.steps[i] = rawget(one, "step")
        end
    end
    return plain, ask
end

-------------------------------------------------------------------------------- the functions

-- What is being asked right now, by the table that the functions stand in: sessions that share it wait for
-- one answer instead of asking again.
local flights = setmetatable({}, { __mode = "k" })

-- Calls the functions. The values, or nil and why there are none.
local function call(ask, why)
    local given = {}
    for _, name in ipairs { "password", "token" } do
        if ask[name] then
            local value, text = ask[name](why)
            local field = "auth." .. name
            if value == nil then return nil, ("%s: %s"):format(field, tostring(text or "the function gave none")) end
            if type(value) ~= "string" then error(field .. ": expected string, got " .. type(value), 0) end
            if value:find("\0", 1, true) then return nil, field .. ": has a NUL octet" end
            given[name] = value
        end
    end
    return given
end

-- One step of a mechanism of the host's. The values, or nil and why there is no answer.
local function stepped(ask, which, challenge)
    local said, text = ask.steps[which](challenge)
    if said == nil then return nil, tostring(text or "the mechanism's function gave no answer") end
    if type(said) ~= "string" then error("auth.custom.step: expected string, got " .. type(said), 0) end
    return { said = said }
end

-- The flight to join, or nil. One whose owner does not run any more, as after an error, is none.
local function joined(data, key, why)
    local flight = data.flight or flights[key]
    if not flight or flight.why ~= why or not (flight.is_over or core.is_running(flight.owner)) then
        data.flight = nil
        return nil
    end
    data.flight = flight
    return flight
end

--- Answers what C asks, if it asks. True when something came of it; false: another session asks the same
-- already; nil: nothing is asked. `face`: core.session or core.link, whose handle it is.
function login.serve(s, data, face)
    local why, which, challenge = face.asks_login(s)
    if not why then return nil end
    local ask = data.ask
    if why == "step" then
        local given
        given, data.why_no_login = stepped(ask, which, challenge)
        if not face.is_closed(s) then face.login(s, given) end
        return true
    end
    local flight = joined(data, ask.key, why)
    if not flight then
        flight = { why = why, owner = s }
        flights[ask.key] = flight
        flight.given, flight.text = call(ask, why)
        flight.is_over = true
        if flights[ask.key] == flight then flights[ask.key] = nil end
    end
    if not flight.is_over then return false end
    data.flight = nil
    data.why_no_login = flight.text
    if not face.is_closed(s) then face.login(s, flight.given) end
    return true
end

return login
