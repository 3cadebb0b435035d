--- Who logs in: the table auth = { user =, password =, token =, ... } and the functions in it.
-- @module posta.login

local core = require "posta.core"
local names = require "posta.names"
local receipt = require "posta.receipt"

local login = {}

local MECHANISM = {
    known = { name = "string", first = "boolean", step = "function" },
    moved = { answer = "step", initial = "first" },
}

local MOST_MECHANISMS = 4

-- The complaint about a table that is no list, which ipairs would take for an empty one.
local function list_misuse(value, path, what, right)
    if names.list_len(value) then return nil end
    return ("%s: expected a list of %s; write { %s }"):format(path, what, right)
end

-- The host's own mechanisms: a list of { name =, first =, step = }.
local function custom_misuse(value, path)
    if type(value) ~= "table" then return names.wrong_type(value, path, "table") end
    local is_one = rawget(value, "name") ~= nil or rawget(value, "step") ~= nil
    if is_one then
        return path .. ": expected a list of mechanisms, got one; write { { name =, step = } }"
    end
    local no_list = list_misuse(value, path, "mechanisms", "{ name =, step = }, ...")
    if no_list then return no_list end
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

-- The names of the only ones to use.
local function mechanisms_misuse(value, path)
    if type(value) ~= "table" then return names.wrong_type(value, path, "string|table") end
    local no_list = list_misuse(value, path, "names", "\"PLAIN\", ...")
    if no_list then return no_list end
    for i, name in ipairs(value) do
        local complaint = names.wrong_type(name, ("%s[%d]"):format(path, i), "string")
        if complaint then return complaint end
    end
    return nil
end

local RULES = {
    known = {
        user = "string", password = "string|function", token = "string|function", authzid = "string",
        mechanisms = mechanisms_misuse, min_iterations = "number", max_iterations = "number",
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
    for i, one in ipairs(list) do own[i] = one end
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

-- What is being asked right now, by the table that the functions stand in and by why: sessions that share the
-- table wait for one answer instead of asking again. Owner and waiters are held weakly: who is dropped goes.
local flights = setmetatable({}, { __mode = "k" })
local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

-- Calls the functions. The values, or nil and why there are none.
local function call(ask, why, data)
    local given, longest = {}, 0
    for _, name in ipairs { "password", "token" } do
        if ask[name] then
            local value, text = ask[name](why)
            local field = "auth." .. name
            if value == nil then return nil, ("%s: %s"):format(field, tostring(text or "the function gave none")) end
            if type(value) ~= "string" then error(field .. ": expected string, got " .. type(value), 0) end
            if value:find("\0", 1, true) then return nil, field .. ": has a NUL octet" end
            given[name] = value
            if #value > longest then
                longest = #value
                data.longest_login = { field = field, text = ("%s has %d octets"):format(field, longest) }
            end
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

-- The flight to wait for, or nil: its owner asks still, and can go on meanwhile. That it cannot when it raised, was
-- closed, cancelled or dropped, or when this runs inside its function.
local function under_way(key, why)
    local flight = flights[key] and flights[key][why]
    local owner = flight and flight.owner[1]
    if not owner or flight.face.asks_login(owner) ~= why then return nil end
    local is_running, is_inside = core.is_running(owner)
    return is_running and not is_inside and flight or nil
end

-- One that others can wait for stays where they look for it.
local function take_off(s, key, why, face)
    local flight = { owner = setmetatable({ s }, WEAK_VALUES), waiters = setmetatable({}, WEAK_KEYS), face = face }
    flights[key] = flights[key] or {}
    if not under_way(key, why) then flights[key][why] = flight end
    return flight
end

-- Hands the answer to `s`, if it asks still.
local function answer(s, why, face, given, text)
    if face.is_closed(s) or face.asks_login(s) ~= why then return end
    core.data(s).why_no_login = text
    face.login(s, given)
end

-- All who wait get the answer; nothing of it stays here.
local function land(flight, key, why, given, text)
    local of_key = flights[key]
    if of_key and of_key[why] == flight then of_key[why] = nil end
    for s, face in next, flight.waiters do answer(s, why, face, given, text) end
end

--- A login begins: what is known of the one before is forgotten.
function login.begin(data)
    data.why_no_login, data.longest_login = nil, nil
end

--- Answers what C asks, if it asks. True when something came of it; false: another session asks the same
-- already, and `s` waits for it; nil: nothing is asked. `face`: core.session or core.link, whose handle it is.
-- `may_wait`: others can go on while `s` waits; otherwise it asks for itself.
function login.serve(s, data, face, may_wait)
    local why, which, challenge = face.asks_login(s)
    if not why then return nil end
    local ask = data.ask
    if why == "step" then
        local given, text = stepped(ask, which, challenge)
        answer(s, why, face, given, text)
        return true
    end
    local flight = may_wait and under_way(ask.key, why)
    if flight then
        flight.waiters[s] = face
        return false
    end
    flight = take_off(s, ask.key, why, face)
    local given, text = call(ask, why, data)
    answer(s, why, face, given, text)
    land(flight, ask.key, why, given, text)
    return true
end

--- Adds to C's account of a login what the functions had to do with it.
function login.blame(data, account)
    if account.stage ~= "auth" then return end
    local why, longest = data.why_no_login, data.longest_login
    if why and account.code == "cancelled" then
        receipt.say_why(account, "cancelled", why)
    elseif why and account.code == "auth.rejected" then
        account.message = ("%s (%s)"):format(account.message, why)
    elseif longest and account.code == "limit" then
        account.field = longest.field
        receipt.say_why(account, "a limit is reached", longest.text)
    end
end

return login
