--- What happens in a session: the names of its events, and what their info tables tell.
-- @module posta.events

local core = require "posta.core"
local errors = require "posta.errors"
local login = require "posta.login"
local names = require "posta.names"
local receipt = require "posta.receipt"

local session = core.session
local events = {}

-- All names that handlers can have.
local NAMES = {}
for name in ([[connected sender_ack recipient_ack begin_ack end_ack disconnected server_error server_retry
    timeout failed auth_ok auth_fail secure_ok secure_fail reset noop_ack command_ack sent]]):gmatch "%S+" do
    NAMES[name] = "function"
end

local FAILURES = { server_error = true, server_retry = true, timeout = true, failed = true,
    auth_fail = true, secure_fail = true }

-- A step on the way: the action goes on behind it.
local ON_THE_WAY = { auth_ok = true, secure_ok = true }

local REFUSED = { sender = "sender.refused", recipient = "recipients.refused", data = "message.refused",
    result = "message.refused", greeting = "greeting.refused" }

--- The complaint about a value of `on_event`, or nil.
function events.misuse(value, path)
    if type(value) == "function" then return nil end
    return names.wrong_type(value, path, "table", "function or table of functions")
        or names.misuse(value, path, { known = NAMES })
end

--- `on_event` as C keeps it: a function, or a table that nobody else has.
function events.handlers(value)
    if type(value) ~= "table" then return value end
    local own = {}
    for name, handler in next, value do own[name] = handler end
    return own
end

-- The error of a refusal inside a send, of which there is no account of its own yet.
local function refusal(data, info)
    local reply = info.reply
    local said = reply and (": %d %s"):format(reply.code, (reply.text:gsub("\n", " "))) or ""
    return errors.new {
        code = REFUSED[info.action] or info.status, stage = info.action, reply = reply,
        temporary = info.temporary, retry = info.temporary and "safe" or "pointless",
        message = ("%sthe server refused the %s%s"):format(data.prefix,
            info.action == "result" and "message for a recipient" or info.action, said),
    }
end

-- The error of what ended the connection when no action was pending, or of an action that came too late
-- for it: it has no account.
local function lost(s, data, info)
    local code, _, text = session.fault(s)
    if code == "ok" then code, text = info.status, "the connection was lost" end
    local reply = info.reply
    local said = reply and (" (%d %s)"):format(reply.code, (reply.text:gsub("\n", " "))) or ""
    local when = info.action == "idle" and "while no command was pending" or "before the " .. info.action
    return errors.new {
        code = code, stage = info.action, reply = reply, temporary = info.temporary, retry = "safe",
        message = ("%s%s%s %s."):format(data.prefix, text, said, when),
    }
end

local function why_not(s, data, info)
    if data.is_sending and info.recipient then return refusal(data, info) end
    local account = session.receipt(s)
    if info.action == "idle" or account.status ~= info.status then return lost(s, data, info) end
    local _, _, err = events.failure(data, account)
    return err
end

--- The three values of failure, of C's account of the last action, with the user's words when a hook
-- cancelled it or a body could not be read.
function events.failure(data, account)
    receipt.blame_body(account, data.message, data.prefix)
    local why = data.why_cancelled
    if why and account.code == "cancelled" then receipt.say_why(account, "cancelled", why) end
    if data.why_unopened and account.stage ~= "compose" then
        receipt.say_why(account, "connection could be made", data.why_unopened)
    end
    if data.why_insecure and account.code == "tls.handshake" then
        receipt.say_why(account, "failed", data.why_insecure)
    end
    login.blame(data, account)
    if data.why_unresolved and account.code == "dns.failed" then
        receipt.say_why(account, "could not be found", data.why_unresolved)
    end
    return receipt.failure(account, data.texts)
end

-- The message of a send that has ended belongs to its owner again.
local function sent(s, data, info)
    local account = session.receipt(s)
    receipt.blame_body(account, data.message, data.prefix)
    local result, _, err
    if account.status == "ok" then result = receipt.of(account, data.texts) else
        _, _, err = events.failure(data, account)
    end
    info.receipt, info.err = result, err
    if data.blocking then return end
    if err then receipt.nobody_told(err, data.message) end
    if not core.message.is_closed(data.message) then core.data(data.message).owner = nil end
    data.is_sending = false
end

--- Completes the info table of event `name`, and keeps the verdict of an action that ended.
function events.dress(s, data, name, info)
    if info.recipient then data.texts[info.recipient] = info.text end
    if name == "sent" then
        sent(s, data, info)
    elseif FAILURES[name] then
        info.err = why_not(s, data, info)
        if data.is_sending and info.recipient then return end
    elseif ON_THE_WAY[name] or data.is_sending then
        return
    end
    data.verdict = { status = info.status, err = info.err, receipt = info.receipt }
end

return events
