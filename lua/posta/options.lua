--- Options of a session by name: seconds, words, flags and texts here; what C has there.
-- @module posta.options

local core = require "posta.core"
local errors = require "posta.errors"
local names = require "posta.names"
local receipt = require "posta.receipt"

local session = core.session
local options = {}

local LIST = session.option_list()
local SOCKET_LIST = session.socket_option_list()

-- Numbers of C that are words here, from 0.
local WORDS = {
    tls_mode = { [0] = "default", "none", "opportunistic", "starttls", "tls" },
    on_refused = { [0] = "continue", "abort" },
    chunking = { [0] = "off", "auto" },
}

local function lua_type(name)
    return WORDS[name] and "string" or LIST[name].type
end

local KNOWN = {}
for name in next, LIST do KNOWN[name] = lua_type(name) end

local MOVED = { security = "tls_mode", timeout = "timeout.total" }
local SOCKET_KNOWN = {}
for name, kind in next, SOCKET_LIST do SOCKET_KNOWN[name] = kind == "string" and kind or "number|boolean" end

--- The complaint about the name (and the value, when there is to be one) of an option; or nil.
function options.misuse(name, value, has_value)
    local complaint = names.wrong_type(name, "option", "string")
    if complaint then return complaint end
    if not has_value then
        if KNOWN[name] then return nil end
        value = true
    elseif value == nil then
        return "option." .. name .. ": expected a value, got nil"
    end
    return names.misuse({ [name] = value }, "option", { known = KNOWN, moved = MOVED })
end

--- The same for set_socket_option.
function options.socket_misuse(name, value)
    return names.wrong_type(name, "socket option", "string")
        or names.misuse({ [name] = value == nil and {} or value }, "socket option", { known = SOCKET_KNOWN })
end

local function refuse(s, code, name, text)
    return errors.fail { code = code, field = name, retry = "pointless",
        message = ("%s%s: %s."):format(core.data(s).prefix, name, text) }
end

local WHEN = { closed = "it can be set while the session is not connected only",
    never = "it can be set when the session is made only", any = "it cannot be set now" }

local MOST_SECONDS = 4294967           -- in milliseconds still a number of C

--- What is wrong with a time in seconds, or nil.
function options.wrong_seconds(value)
    if value ~= value or value <= 0 then return "expected seconds, more than 0 (math.huge: no limit)" end
    if value ~= math.huge and value > MOST_SECONDS then
        return ("expected at most %d seconds (math.huge: no limit)"):format(MOST_SECONDS)
    end
    return nil
end

local function milliseconds(value)
    local wrong = options.wrong_seconds(value)
    if wrong then return nil, wrong end
    return value == math.huge and 0 or math.max(1, math.floor(value * 1000 + 0.5))
end

local function word(name, value)
    local said = {}
    for n = 0, #WORDS[name] do
        -- What a session was made with is settled: "default" is nothing that could be set.
        if WORDS[name][n] ~= "default" then
            if WORDS[name][n] == value then return n end
            said[#said + 1] = ("%q"):format(WORDS[name][n])
        end
    end
    return nil, ("%q is none of %s"):format(value:sub(1, 40), table.concat(said, ", "))
end

-- A whole number from `least` to `most`; nil and a sentence when it is none.
local function whole(value, least, most)
    if value == math.floor(value) and value >= least and value <= most then return value end
    return nil, ("expected a whole number from %.0f to %.0f"):format(least, most)
end

-- The value as C takes it; nil and a sentence when it is wrong.
local function for_c(name, value)
    if WORDS[name] then return word(name, value) end
    local info = LIST[name]
    if info.type == "string" then
        if value:find("\0", 1, true) then return nil, "has a NUL octet" end
        return value
    end
    if info.type ~= "number" then return value end
    if info.unit == "ms" then return milliseconds(value) end
    return whole(value, 0, 4294967295)
end

--- Sets an option. True; or nil, message, err: too late, or a wrong value.
function options.set(s, name, value)
    if LIST[name].when == "never" then return refuse(s, "state", name, WHEN.never) end
    local plain, why = for_c(name, value)
    if why then return refuse(s, "field.invalid", name, why) end
    if name == "blocking" then
        if session.is_connected(s) or session.is_acting(s) or core.is_running(s) then
            return refuse(s, "state", name, WHEN.closed)
        end
        core.data(s).blocking = value
        return true
    end
    local status = session.set_option(s, name, plain)
    if status == "ok" then return true end
    if status == "state" and (session.is_connected(s) or session.is_acting(s)) then
        return refuse(s, status, name, WHEN[LIST[name].when])
    end
    -- C has written whose option it was and why.
    local account = session.receipt(s)
    if account.status == status and account.message ~= "" then return receipt.failure(account) end
    return refuse(s, status, name, "is not taken: " .. status)
end

--- Reads an option.
function options.get(s, name)
    if name == "blocking" then return core.data(s).blocking end
    local value, status = session.option(s, name)
    if status then return refuse(s, status, name, "cannot be read: " .. status) end
    if WORDS[name] then return WORDS[name][value] end
    if LIST[name].unit == "ms" then return value == 0 and math.huge or value / 1000 end
    return value
end

-- What the systems take, where that is known.
local RANGES = { tos = { 0, 255 }, ttl = { 1, 255 }, keepidle = { 1, 32767 }, keepintvl = { 1, 32767 },
    keepcnt = { 1, 127 } }
local ANY = { 0, 2147483647 }

local MOST_DEVICE = 15

--- Sets an option of the sockets that will be made. True; or nil, message, err.
function options.set_socket(s, name, value)
    local why
    if type(value) == "number" then
        local range = RANGES[name] or ANY
        value, why = whole(value, range[1], range[2])
    elseif type(value) == "string" and (value == "" or #value > MOST_DEVICE or value:find("\0", 1, true)) then
        why = ("expected a name of 1 to %d octets"):format(MOST_DEVICE)
    end
    if why then return refuse(s, "field.invalid", name, why) end
    local status = session.set_socket_option(s, name, value)
    if status == "ok" then return true end
    if status == "state" then
        return refuse(s, status, name, core.data(s).transport and "the transport is the host's own, posta has no socket"
            or WHEN.closed)
    end
    return refuse(s, status, name, "is not taken: " .. status)
end

return options
