--- A connection: a session and its Lua methods.
-- @module posta.connection

local core = require "posta.core"
local errors = require "posta.errors"
local loop = require "posta.loop"
local mail = require "posta.mail"
local receipt = require "posta.receipt"
local where = require "posta.where"

local session = core.session
local methods = session.methods
local connection = {}

-- The three values of failure, of C's account of the last action, with the user's words when a hook
-- cancelled it or a body could not be read.
local function failure(s, account)
    local data = core.data(s)
    local why = data.why_cancelled
    receipt.blame_body(account, data.message, data.prefix)
    if why and account.code == "cancelled" then receipt.say_why(account, "cancelled", why) end
    return receipt.failure(account, data.texts)
end

-- The user closed the session in the middle of its work; what C knew then is in `account`.
local function closed_meanwhile(s)
    local data = core.data(s)
    local account = data.account
    local why = "the session was closed while it was working"
    if account and account.code == "cancelled" then
        data.why_cancelled = why
        return failure(s, account)
    end
    if data.is_sending and account and account.status ~= "ok" then return failure(s, account) end
    return errors.fail {
        code = "cancelled", retry = "safe", stage = "idle",
        message = ("%scancelled: %s; nothing was sent."):format(data.prefix, why),
    }
end

-- Runs one action: true, or the three values of failure.
local function act(s, begin)
    local status = loop.run(s, begin)
    if status == "ok" then return true end
    if status == "closed" then
        local data = core.data(s)
        if data.is_sending and data.account and data.account.status == "ok" then return true end
        return closed_meanwhile(s)
    end
    return failure(s, session.receipt(s))
end

local FATES = {
    not_sent = "The mail before it was not sent.",
    unknown = "The mail before it may or may not have been delivered.",
    accepted = "The mail before it was accepted.",
    partial = "The mail before it was accepted for some of its recipients.",
}

-- What stands in the way of an action: the three values of failure, or false.
local function obstacle(s)
    if loop.is_busy(s) then return true, errors.busy("session") end
    local data = core.data(s)
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

local function expected(s, name, level)
    if not session.is_session(s) then
        error(("%s: expected connection, got %s"):format(name, type(s)), level or 3)
    end
end

local function checked(s, name)
    expected(s, name, 4)
    if session.is_closed(s) then error(name .. ": session is closed", 3) end
end

--- A session for plain options of where.config. Nil, message, err.
function connection.new(config)
    local s, account = session.new(config)
    if not s then return receipt.failure(account) end
    local data = core.data(s)
    data.wait, data.on_trace, data.files = config.wait, config.on_trace, config.files
    data.peer = config.peer
    data.prefix = config.peer and config.peer .. ": " or ""
    data.texts = {}
    return s
end

--- Connects. True, or nil, message, err and the session is closed.
function connection.open(s)
    local ok, text, err = act(s, function() return session.connect(s) end)
    if ok then return true end
    session.close(s)
    return nil, text, err
end

--- Sends a posta.message.
function connection.send(s, m)
    local owned = core.data(m)
    owned.owner, owned.abandon = s, loop.abandon
    local data = core.data(s)
    data.message, data.is_sending = m, true
    local ok, text, err = act(s, function() return session.send(s, m) end)
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
    return act(s, function() return session.disconnect(s) end)
end

--- Sends one mail on a session of its own: connects, sends, says QUIT, closes. The mail is looked at
-- before anybody is called.
function connection.deliver(s, t)
    local m, text, err = connection.message_of(s, t)
    if m then m, text, err = mail.composed(m, core.data(s).peer) end
    if not m then
        session.close(s)
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
        session.close(s)
    end
    return result, text, err
end

-------------------------------------------------------------------------------- for the user

--- Sends one mail on this connection.
-- @tparam table|userdata t the mail, or a posta.message
-- @treturn[1] table the receipt
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

--- Ends the connection in order (QUIT) and closes it.
-- @return true; or nil, message, err when the server did not take its leave
function methods.quit(s)
    checked(s, "quit")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped and err.code == "busy" then return none, text, err end
    local ok
    if not is_stopped then ok, text, err = connection.quit(s) end
    session.close(s)
    if ok then return true end
    return nil, text, err
end

--- Forgets a message that was begun (RSET); the connection stays.
function methods.reset(s)
    checked(s, "reset")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    return act(s, function() return session.reset(s) end)
end

--- Asks whether the server is still there (NOOP).
function methods.noop(s)
    checked(s, "noop")
    local is_stopped, none, text, err = obstacle(s)
    if is_stopped then return none, text, err end
    return act(s, function() return session.noop(s) end)
end

--- Closes at once: QUIT is written when nothing is under way, and its answer is not awaited. Legal
-- at any time, also inside hooks, and on a closed connection.
function methods.close(s)
    expected(s, "close")
    session.close(s)
    return true
end

--- What the server offers: esmtp, pipelining, eightbitmime, size, size_max, starttls, auth, enhanced_codes.
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
    return session.timeout(s)
end

--- LuaSocket's form of the same, for socket.select: the descriptor, -1 while there is none.
function methods.getfd(s)
    checked(s, "getfd")
    return session.pollfd(s) or -1
end

--- LuaSocket's question whether bytes wait inside: never, posta takes them at once.
function methods.dirty(s)
    expected(s, "dirty")
    return false
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
