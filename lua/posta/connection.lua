--- A connection: a session and the methods that it has in common with posta.session's.
-- @module posta.connection

local core = require "posta.core"
local errors = require "posta.errors"
local events = require "posta.events"
local login = require "posta.login"
local loop = require "posta.loop"
local mail = require "posta.mail"
local names = require "posta.names"
local receipt = require "posta.receipt"
local where = require "posta.where"
local wire = require "posta.wire"

local session = core.session
local methods = session.methods
local connection = {}

local IDLE_BODY = 0.01          -- seconds between two questions to a body that has nothing yet

-- The user closed the session in the middle of its work; what C knew then is in `account`.
local function closed_meanwhile(s)
    local data = core.data(s)
    local account = data.account
    local why = "the session was closed while it was working"
    if account and account.code == "cancelled" then
        data.why_cancelled = why
        return events.failure(data, account)
    end
    local tells = data.is_sending or account and account.outcome ~= "not_sent"
    if tells and account and account.status ~= "ok" then return events.failure(data, account) end
    return errors.fail {
        code = "cancelled", retry = "safe", stage = "idle",
        message = ("%scancelled: %s; nothing was sent."):format(data.prefix, why),
    }
end

-- What ended the connection, when its account has not been told yet: its event comes.
local function fault(s, status, what)
    local code, stage, text = session.fault(s)
    if code == "ok" then code, stage, text = status, "idle", status end
    return errors.fail {
        code = code, stage = stage, retry = "safe", temporary = true,
        message = ("%s%s: %s; the message was not sent."):format(core.data(s).prefix, what, text),
    }
end

local WRONG_TIME = { state = true, busy = true, argument = true }

-- Why the message is what does not fit: a body was read and cannot be read again, or it is enclosed in another.
local function spent_message(s, data)
    local m = data.message
    if not m or core.message.is_closed(m) or session.is_acting(s) or not session.is_connected(s) then return nil end
    local problem = mail.problem(m)
    return problem and problem.code == "body.failed" and problem or nil
end

--- The answer to an action whose status is `status`: true, "in_progress", or nil, message, err.
function connection.answer(s, status, what)
    local data = core.data(s)
    if status == "ok" then return true end
    if status == "in_progress" then return status end
    local verdict = data.verdict
    -- A handler that closed the session in the event of the failure has changed nothing about it.
    if verdict and verdict.err and verdict.status == status then return nil, verdict.err.message, verdict.err end
    if status == "closed" or session.is_closed(s) then
        if data.is_sending and data.account and data.account.status == "ok" then return true end
        return closed_meanwhile(s)
    end
    if not WRONG_TIME[status] then
        local account = session.receipt(s)
        if account.status == status then return events.failure(data, account) end
        return fault(s, status, what)
    end
    local spent = status == "state" and what == "send" and spent_message(s, data)
    if spent then return errors.problem(spent, data.peer) end
    local why = session.is_connected(s) and "it does not fit here" or "the session is not connected"
    if status == "state" and session.is_acting(s) then why = "something else is under way" end
    return errors.fail {
        code = status, retry = "safe", stage = "idle",
        message = ("%s%s: %s; nothing was sent."):format(data.prefix, what, why),
    }
end

--- Begins an action; runs it to its end on a blocking session. As connection.answer.
function connection.act(s, what, begin)
    local data = core.data(s)
    if not session.is_acting(s) then data.texts, data.verdict, data.is_sending = {}, nil, what == "send" end
    if not data.blocking then
        local status = begin()
        -- Whether its octets go out by themselves only the next execute knows: they may have to pass TLS.
        if status == "in_progress" then data.has_news = true end
        return connection.answer(s, status, what)
    end
    data.texts, data.why_cancelled = {}, nil
    return connection.answer(s, loop.run(s, begin), what)
end
local act = connection.act

local FATES = {
    not_sent = "The mail before it was not sent.",
    unknown = "The mail before it may or may not have been delivered.",
    accepted = "The mail before it was accepted.",
    partial = "The mail before it was accepted for some of its recipients.",
}

--- What stands in the way of an action: true and the three values of failure, or false.
function connection.obstacle(s)
    local data = core.data(s)
    if data.blocking and loop.is_busy(s) then return true, errors.busy("session") end
    -- C says what does not fit.
    if data.is_session then return false end
    if data.is_abandoned then
        local fate = FATES[data.abandoned]
        return true, errors.fail {
            code = "cancelled", retry = "safe", stage = "idle",
            message = data.prefix .. "the connection was given up because a hook or body function raised "
                .. "an error in the middle of it; nothing was sent now." .. (fate and " " .. fate or ""),
            hint = data.abandoned == "unknown" and "Ask before sending the mail before it again." or nil,
        }
    end
    if not session.is_connected(s) then
        return true, errors.fail {
            code = "connection.lost", retry = "safe", temporary = true, stage = "idle",
            message = data.prefix .. "the connection was lost before this; nothing was sent. Connect again.",
            hint = "Connect again.",
        }
    end
    return false
end

local obstacle = connection.obstacle

local function expected(s, name, level)
    if not session.is_session(s) then
        error(("%s: expected connection, got %s"):format(name, type(s)), level or 3)
    end
end

--- Raises at the caller of the public method `name` unless `s` is an open session.
function connection.checked(s, name)
    expected(s, name, 4)
    if session.is_closed(s) then error(name .. ": session is closed", 3) end
end
local checked = connection.checked

--- Learns where the session leads: it may have been moved.
function connection.place(s)
    local data, peer = core.data(s), session.peer(s)
    if peer == "" then return end
    data.peer, data.prefix, data.port = peer, peer .. ": ", tonumber(peer:match(":(%d+)$"))
end

--- A session for plain options of where.config. Nil, message, err.
function connection.new(config)
    local s, account = session.new(config)
    if not s then return receipt.failure(account) end
    local data = core.data(s)
    data.wait, data.on_trace, data.files = config.wait, config.on_trace, config.files
    data.ask, data.has_login = config.ask, config.auth ~= nil
    data.resolve, data.transport, data.on_progress = config.resolve, config.transport, config.on_progress
    data.blocking, data.prefix = config.blocking, ""
    connection.place(s)
    data.texts = {}
    return s
end

--- Begins to connect, or to log in again; the status.
function connection.begin(s)
    login.begin(core.data(s))
    return session.connect(s)
end

--- Connects. True, or nil, message, err and the session is closed.
function connection.open(s)
    local ok, text, err = act(s, "connect", function() return connection.begin(s) end)
    if ok then return true end
    methods.close(s)
    return nil, text, err
end

--- Sends a posta.message. A receipt; "in_progress" on a non-blocking session; or nil, message, err.
function connection.send(s, m)
    local data = core.data(s)
    if not data.blocking and session.is_acting(s) then
        return connection.answer(s, "state", "send")
    end
    local owned = core.data(m)
    owned.owner, owned.abandon = s, loop.abandon
    data.message, data.is_sending, data.progress = m, true, nil
    local ok, text, err = act(s, "send", function()
        data.texts = {}
        return session.send(s, m)
    end)
    if ok == "in_progress" then return ok end
    data.is_sending = false
    owned.owner = nil
    if not ok then
        receipt.nobody_told(err, m)
        return nil, text, err
    end
    return receipt.of(data.account or session.receipt(s), data.texts)
end

--- The message for `t` (a mail's table or a message), with sender and recipients. Nil, message, err.
function connection.message_of(s, t)
    local data = core.data(s)
    local m, text, err = mail.of(t, data.files, data.peer)
    if not m then return nil, text, err end
    if not loop.is_free(m) then return errors.busy("message") end
    return mail.addressed(m, data.peer)
end

--- Says QUIT. What comes of it does not matter to mail that was sent.
function connection.quit(s)
    if not session.is_connected(s) then return true end
    return act(s, "disconnect", function() return session.disconnect(s) end)
end

--- Sends one mail on a session of its own: connects, sends, says QUIT, closes. The mail is looked at
-- before anybody is called.
function connection.deliver(s, t)
    local m, text, err = connection.message_of(s, t)
    if m then m, text, err = mail.composed(m, core.data(s).peer) end
    if not m then
        methods.close(s)
        return nil, text, err
    end
    local ok
    ok, text, err = connection.open(s)
    if not ok then
        receipt.nobody_told(err, m)
        return nil, text, err
    end
    local result
    result, text, err = connection.send(s, m)
    if not session.is_closed(s) then
        connection.quit(s)
        methods.close(s)
    end
    return result, text, err
end

-------------------------------------------------------------------------------- for the user

--- Sends one mail on this connection.
-- @tparam table|userdata t the mail, or a posta.message
-- @treturn[1] table the receipt; "in_progress" on a non-blocking session, where the event `sent` brings
-- `info.receipt` or `info.err`
-- @treturn[2] nil
-- @treturn[2] string what happened, what became of the mail
-- @treturn[2] table err
function methods.send(s, t)
    checked(s, "send")
    local complaint = mail.complaint(t, "mail")
    if complaint then error(complaint, 2) end
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    local m
    m, text, err = connection.message_of(s, t)
    if not m then return nil, text, err end
    return connection.send(s, m)
end

-- The complaint about a list, before any of it is sent: an error behind half of them would take their receipts along.
local function mails_misuse(mails)
    local n = names.list_len(mails)
    if not n then return "send_all.mails: expected a list of mails" end
    for i = 1, n do
        local complaint = mail.complaint(rawget(mails, i), ("mails[%d]"):format(i))
        if complaint then return complaint end
    end
    return nil
end

-- The next mail of a list or of an iterator.
local function each(mails)
    if type(mails) == "function" then return mails end
    local i = 0
    return function()
        i = i + 1
        return rawget(mails, i)
    end
end

--- Sends mails one after the other, in their order. What is wrong with one, or refused, does not keep the others
-- from being sent; when the connection is lost, those behind it are accounted for as not sent.
-- @tparam table|function mails a list of mails (tables or messages), or a function that gives the next, nil at
-- the end; it may yield
-- @tparam[opt] function handler called behind each: handler(i, receipt) or handler(i, nil, message, err); false
-- ends it
-- @treturn table for each mail its receipt, or false
-- @treturn table by number, the errors of those that have none
function methods.send_all(s, mails, handler)
    checked(s, "send_all")
    local complaint = names.wrong_type(mails, "send_all.mails", "table|function", "a list of mails or a function")
        or (handler ~= nil and names.wrong_type(handler, "send_all.handler", "function"))
        or (type(mails) == "table" and mails_misuse(mails))
    if not complaint and not core.data(s).blocking then complaint = "send_all: the session does not block" end
    if complaint then error(complaint, 2) end
    local receipts, errs, i = {}, {}, 0
    for t in each(mails) do
        i = i + 1
        complaint = mail.complaint(t, ("mails[%d]"):format(i))
        if complaint then error(complaint, 2) end
        local one, text, err = methods.send(s, t)
        receipts[i], errs[i] = one or false, err
        if handler and handler(i, one, text, err) == false then break end
        if session.is_closed(s) then break end
    end
    return receipts, errs
end

--- Ends the connection in order (QUIT) and closes it; on a non-blocking session as disconnect.
-- @return true; or nil, message, err when the server did not take its leave
function methods.quit(s)
    checked(s, "quit")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped and err.code == "busy" then return none, text, err end
    if not core.data(s).blocking then return connection.quit(s) end
    local ok
    if not is_stopped then ok, text, err = connection.quit(s) end
    methods.close(s)
    if ok then return true end
    return nil, text, err
end

--- Forgets a message that was begun (RSET); the connection stays.
function methods.reset(s)
    checked(s, "reset")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    return act(s, "reset", function() return session.reset(s) end)
end

--- Asks whether the server is still there (NOOP).
function methods.noop(s)
    checked(s, "noop")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    return act(s, "noop", function() return session.noop(s) end)
end

--- Says a command that posta does not say itself (VRFY, EXPN, HELP, ETRN, ...), between messages.
-- @tparam string verb 1 to 16 letters, digits or hyphens
-- @tparam[opt] string args visible ASCII
-- @return the reply { code, enhanced, text }, `text` with all its lines; on a session that does not block
-- "in_progress", and event `command_ack`; nil, message, err when it was refused, there or here
function methods.command(s, verb, args)
    checked(s, "command")
    local complaint = names.wrong_type(verb, "command.verb", "string")
        or (args ~= nil and names.wrong_type(args, "command.args", "string"))
    if complaint then error(complaint, 2) end
    for name, text in next, { verb = verb, args = args } do
        if text:find("\0", 1, true) then
            return errors.problem({ code = "field.invalid", field = name, text = name .. ": has a NUL octet" },
                core.data(s).peer)
        end
    end
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    core.data(s).command = { verb, args }       -- C borrows them
    local ok
    ok, text, err = act(s, "command", function() return session.command(s, verb, args) end)
    if ok ~= true then return ok, text, err end
    local all, reply = session.last_response(s)
    reply.text = all
    return reply
end

--- Closes at once: QUIT is written when nothing is under way, and its answer is not awaited. Legal
-- at any time, also inside hooks, and on a closed connection.
function methods.close(s)
    expected(s, "close")
    local data = core.data(s)
    wire.settle(s, data)
    session.close(s)
    wire.finish(s, data)
    return true
end
session.on_close(methods.close)

--- What the server offers: booleans by the names of the extensions in small letters with "_" (pipelining, size, dsn,
-- mt_priority, ...; eightbitmime, enhanced_codes), and the limits that it told: size_max in octets, deliverby_min and
-- futurerelease_max in seconds, mail_max, rcpt_max, rcpt_domain_max.
-- @treturn table
function methods.capabilities(s)
    checked(s, "capabilities")
    return session.capabilities(s)
end

--- The last complete reply: its text with lines parted by "\n", { code, enhanced, text }, and whether
-- the text was cut.
function methods.last_response(s)
    checked(s, "last_response")
    return session.last_response(s)
end

--- Is the connection up?
function methods.is_connected(s)
    expected(s, "is_connected")
    return session.is_connected(s)
end

--- For wait hooks: the descriptor, nil while there is none; "r", "w", "rw" or ""; seconds or nil.
function methods.pollfd(s)
    checked(s, "pollfd")
    return session.pollfd(s)
end

function methods.events(s)
    checked(s, "events")
    return session.events(s)
end

function methods.timeout(s)
    checked(s, "timeout")
    local seconds = session.timeout(s)
    if core.data(s).has_news then return 0 end
    -- A body that had nothing yet is asked again.
    if core.data(s).is_idle_body then return math.min(seconds or IDLE_BODY, IDLE_BODY) end
    return seconds
end

--- LuaSocket's form of the same, for socket.select: the descriptor, -1 while there is none.
function methods.getfd(s)
    checked(s, "getfd")
    return session.pollfd(s) or -1
end

--- LuaSocket's question whether there is work that no descriptor tells of: octets that wait inside TLS, events.
function methods.dirty(s)
    expected(s, "dirty")
    return not session.is_closed(s) and methods.timeout(s) == 0
end

--- TLS of this connection: { version, cipher, verified, reason }, false while there is none; and the list of
-- the insecure_ options that were allowed.
function methods.tls(s)
    checked(s, "tls")
    local info = session.tls(s)
    return info.tls, info.insecure
end

--- Makes the connection for `w` (URL or table, looked at by where.misuse before).
function connection.to(w, defaults)
    local config, problem = where.config(w)
    if not config then
        problem.stage = problem.code ~= "field.invalid" and "connect" or nil
        return errors.problem(problem)
    end
    if defaults and not config.timeouts.total then config.timeouts.total = defaults.total end
    return connection.new(config)
end

return connection
