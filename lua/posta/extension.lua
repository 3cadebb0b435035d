--- What is asked for with MAIL and RCPT: notifications, priority, times; each needs an extension that the
-- server offers, and is judged against that when it is sent.
-- @module posta.extension

local core = require "posta.core"
local names = require "posta.names"

local message = core.message
local extension = {}

------------------------------------------------------------------------------- names and types

local NOTIFY = { never = 1, success = 2, failure = 4, delay = 8 }
local RET = { full = 1, headers = 2 }
local NOTIFY_SAID = "\"never\", or a list of \"success\", \"failure\" and \"delay\""

-- The bits of "success,delay" or { "success", "delay" }; nil: it is neither.
local function notify_bits(value)
    if type(value) == "string" then
        local list = {}
        for word in (value .. ","):gmatch("%s*(.-)%s*,") do list[#list + 1] = word end
        value = list
    end
    local n = type(value) == "table" and names.list_len(value)
    if not n or n == 0 then return nil end
    local bits, seen = 0, {}
    for i = 1, n do
        local word = rawget(value, i)
        local bit = type(word) == "string" and NOTIFY[word:lower()]
        if not bit or seen[bit] or (bit == 1 and n > 1) then return nil end
        seen[bit], bits = true, bits + bit
    end
    return bits
end

local function notify_misuse(value, path)
    return not notify_bits(value) and ("%s: expected %s"):format(path, NOTIFY_SAID) or nil
end

local function ascii_misuse(most)
    return function(value, path)
        local complaint = names.wrong_type(value, path, "string")
        if complaint or (#value >= 1 and #value <= most and not value:find("[^ -~]")) then return complaint end
        return ("%s: expected 1 to %d ASCII characters"):format(path, most)
    end
end

local function ret_misuse(value, path)
    return not RET[value] and path .. ": expected \"full\" or \"headers\"" or nil
end

local function whole_misuse(low, high, said)
    return function(value, path)
        local complaint = names.wrong_type(value, path, "number")
        if complaint or (value >= low and value <= high and value == math.floor(value)) then return complaint end
        return ("%s: expected %s, got %s"):format(path, said, tostring(value))
    end
end

local DSN = { known = { notify = notify_misuse, ret = ret_misuse, envid = ascii_misuse(100) },
    moved = { ["return"] = "ret", id = "envid", recipient = "orcpt of s:recipient" } }
local SECONDS = "a whole number of seconds, at most 999999999"
local BY_SECONDS = whole_misuse(-999999999, 999999999, SECONDS)
local BY = { known = { seconds = BY_SECONDS, trace = "boolean", mode = function(value, path)
    if value == "notify" or value == "return" then return nil end
    return path .. ": expected \"notify\" or \"return\""
end } }

local function dsn_misuse(value, path)
    return names.wrong_type(value, path, "table", "{ notify =, ret =, envid = }") or names.misuse(value, path, DSN)
end

local function deliver_by_misuse(value, path)
    if type(value) == "number" then return BY_SECONDS(value, path) end
    local complaint = names.wrong_type(value, path, "table", "seconds, or { seconds =, mode =, trace = }")
        or names.misuse(value, path, BY)
    if complaint then return complaint end
    local seconds = rawget(value, "seconds")
    if seconds == nil then return path .. ".seconds: expected number, got nil" end
    if rawget(value, "mode") == "return" and seconds <= 0 then
        return path .. ".seconds: is over already, so it can only be notified of"
    end
    return nil
end

--- The rules for a mail's table, and for that of s:sender.
extension.rules = {
    dsn = dsn_misuse, require_tls = "boolean", deliver_by = deliver_by_misuse, mail_auth = "string",
    mt_priority = whole_misuse(-9, 9, "a whole number from -9 to 9"),
    hold_for = whole_misuse(1, 999999999, "a whole number of seconds, 1 to 999999999"),
    hold_until = whole_misuse(1, 253402300799, "seconds since 1970, at most to the year 9999"),
}

--- The rules for s:recipient.
extension.recipient_rules = { notify = notify_misuse, orcpt = "string" }

-- The first key, in byte order, whose value has a NUL octet.
local function nul_at(t)
    local auth = rawget(t, "mail_auth")
    return auth and auth:find("\0", 1, true) and "mail_auth" or nil
end

--- What is wrong with the values beside each other: field and text, or nil.
function extension.odd(t)
    if rawget(t, "hold_for") and rawget(t, "hold_until") then return "hold_for", "does not go with hold_until" end
    local nul = nul_at(t)
    if nul then return nul, "has a NUL octet" end
    return nil
end

-------------------------------------------------------------------------------------- handing over

--- What C takes of it, or nil: nothing is asked for.
function extension.flat(t)
    local dsn, by = rawget(t, "dsn") or {}, rawget(t, "deliver_by")
    if type(by) == "number" then by = { seconds = by } end
    local flat = {
        ret = RET[rawget(dsn, "ret")], envid = rawget(dsn, "envid"), auth = rawget(t, "mail_auth"),
        require_tls = rawget(t, "require_tls") or nil, priority = rawget(t, "mt_priority"),
        deliver_by = by and rawget(by, "seconds"), by_return = by and rawget(by, "mode") == "return" or nil,
        by_trace = by and rawget(by, "trace") or nil, hold_for = rawget(t, "hold_for"),
        hold_until = rawget(t, "hold_until"),
    }
    return next(flat) and flat or nil
end

--- The bits of dsn.notify or of s:recipient's notify; 0: as the server likes.
function extension.notify(value)
    return value and notify_bits(value) or 0
end

--- Gives a message what its table asks for. False: the builder has the problem.
function extension.put(builder, t)
    local field, why = extension.odd(t)
    if field then return builder:refuse(field, why) end
    local flat, dsn = extension.flat(t), rawget(t, "dsn")
    if flat and not message.mail_options(builder.m, flat) then return false end
    local bits = extension.notify(dsn and rawget(dsn, "notify"))
    return bits == 0 or message.notify(builder.m, bits)
end

return extension
