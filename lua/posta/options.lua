--- Options of a session by name: seconds, words, flags and texts here; what C has there.
-- @module posta.options

local core = require "posta.core"
local errors = require "posta.errors"
local names = require "posta.names"

local session = core.session
local options = {}

local LIST = session.option_list()
local SOCKET_LIST = session.socket_option_list()

-- Numbers of C that are words here, from 0.
local WORDS = {
    tls_mode = { [0] = "default", "none", "opportunistic", "starttls", "tls" },
    on_refused = { [0] = "continue", "abort" },
}

local function lua_type(name)
    return WORDS[name] and "string" or LIST[name].type
end

local KNOWN = {}
for name in next, LIST do KNOWN[name] = lua_type(name) end

local MOVED = { security = "tls_mode", timeout = "timeout.total" }
local SOCKET_KNOWN = {}
for name in next, SOCKET_LIST do SOCKET_KNOWN[name] = "number|boolean|string" end

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

-- The value as C takes it; nil and a sentence when it is wrong.
local function for_c(name, value)
    if WORDS[name] then
        for n = 0, #WORDS[name] do
            if WORDS[name][n] == value then return n end
        end
        return nil, ("%q is none of %s"):format(value:sub(1, 40), table.concat(WORDS[name], ", "))
    end
    if LIST[name].type == "string" then
        if value:find("\0", 1, true) then return nil, "has a NUL octet" end
        return value
    end
    if LIST[name].type ~= "number" then return value end
    if LIST[name].unit == "ms" then
        if value == math.huge then return 0 end
        value = value > 0 and math.max(1, math.floor(value * 1000 + 0.5)) or -1
    end
    if value ~= value or value < 0 or value > 4294967295 or value ~= math.floor(value) then
        return nil, LIST[name].unit == "ms" and "expected seconds, more than 0 (math.huge: no limit)"
            or "expected a whole number from 0"
    end
    return value
end

--- Sets an option. True; or nil, message, err: too late, or a wrong value.
function options.set(s, name, value)
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
    if status == "state" then return refuse(s, status, name, WHEN[LIST[name].when]) end
    local text = session.receipt(s).message
    return refuse(s, status, name, text ~= "" and status == "field.invalid" and text or "is not taken: " .. status)
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

--- Sets an option of the sockets that will be made. True; or nil, message, err.
function options.set_socket(s, name, value)
    if type(value) == "number" and (value ~= math.floor(value) or math.abs(value) >= 2 ^ 31) then
        return refuse(s, "field.invalid", name, "expected a whole number")
    end
    local status = session.set_socket_option(s, name, value)
    if status == "ok" then return true end
    if status == "state" then return refuse(s, status, name, WHEN.closed) end
    return refuse(s, status, name, "is not taken: " .. status)
end

return options
