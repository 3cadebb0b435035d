--- posta.engine and posta.pump: the host owns the bytes.
-- @module posta.pump

local core = require "posta.core"
local body = require "posta.body"
local errors = require "posta.errors"
local login = require "posta.login"
local loop = require "posta.loop"
local mail = require "posta.mail"
local names = require "posta.names"
local receipt = require "posta.receipt"
local tls = require "posta.tls"
local where = require "posta.where"

local link = core.link
local methods = link.methods
local M = {}

------------------------------------------------------------------------------------ the engine

-- What posta's own TLS trusts; nil when there is none to be: the host brings it, or nobody needs it. Then a
-- problem, when it cannot be had.
local function trusted(config, security)
    if config.has_host_tls or security == "none" or core.tls.library() == "" then return nil end
    if config.tls then return config.tls end
    local handle, wrong = tls.make { ca_file = config.ca_file }
    -- Who does not insist on a peer that is verified needs nobody to trust.
    if not handle and security == "opportunistic" and not config.ca_file then handle = tls.make({}, 1) end
    if not handle then return nil, wrong end
    return handle
end

--- An engine for `w` (looked at by where.misuse before).
function M.engine(w)
    local config, problem = where.config(w)
    if not config then return errors.problem(problem) end
    if not config.peer then
        return errors.problem { code = "field.invalid", field = "host",
            text = "host: is no host name and no address" }
    end
    local security = config.place_security
    if config.auth and not config.insecure_auth and (security == "none" or security == "opportunistic") then
        return errors.problem({ code = "auth.insecure", field = "auth", stage = "connect",
            text = "auth: a login needs security=\"starttls\" or \"tls\", or insecure_auth" }, config.peer)
    end
    local own, wrong = trusted(config, security)
    if wrong then return errors.problem(wrong, config.peer) end
    if not own and security == "opportunistic" and not config.has_host_tls then security = "none" end
    local e, status = link.new {
        -- There is no socket to take an address literal from.
        hello = config.hello or core.host_name() or "[127.0.0.1]",
        url = config.url, auth = config.auth, peer_port = config.peer_port,
        peer = config.peer, timeouts = config.timeouts, trace = true,
        security = security, tls = own, name = config.name, insecure = config.insecure,
        abort_on_refused = config.abort_on_refused, no_pipelining = config.no_pipelining, by_chunks = config.by_chunks,
        is_lmtp = config.is_lmtp,
        -- Both sides may be blocking pipes of a kilobyte: the replies to a burst must fit in one.
        owed_max = 8,
    }
    if not e then
        return errors.problem({ code = status, field = status == "field.invalid" and "hello" or nil,
            text = "hello: is neither a domain nor an address literal" }, config.peer)
    end
    local data = core.data(e)
    data.on_trace, data.files, data.peer = config.on_trace, config.files, config.peer
    data.prefix = config.peer .. ": "
    data.name, data.security, data.ask = config.name, security, config.ask
    data.wait = config.wait
    data.texts = {}
    return e
end

-- The message for `t`, with sender and recipients. Nil, message, err.
local function message_of(e, t)
    local data = core.data(e)
    local m, text, err = mail.of(t, data.files, data.peer)
    if not m then return nil, text, err end
    if not loop.is_free(m) then return errors.busy("message") end
    return mail.addressed(m, data.peer)
end

-- Begins to send a message.
local function begin(e, m)
    local data = core.data(e)
    data.texts, data.message = {}, m
    local owned = core.data(m)
    owned.owner, owned.abandon = e, M.abandon
    if link.send(e, m) == "in_progress" then return true end
    return M.result(e)
end

-- A receipt, or nil, message, err, of C's account.
local function told(e, account)
    local data = core.data(e)
    receipt.blame_body(account, data.message, data.prefix)
    if data.why_insecure and account.code == "tls.handshake" then
        receipt.say_why(account, "failed", data.why_insecure)
    end
    login.blame(data, account)
    if data.why_lost and (account.code == "connection.lost" or account.code == "tls.handshake") then
        receipt.say_why(account, "lost", data.why_lost)
    end
    return receipt.of(account, data.texts)
end

--- What became of the last message: a receipt; or nil, message, err.
function M.result(e)
    return told(e, link.receipt(e))
end

local function expected(e, name, level)
    if not link.is_link(e) then
        error(("%s: expected engine, got %s"):format(name, type(e)), level or 3)
    end
end

local function checked(e, name)
    expected(e, name, 4)
    if link.is_closed(e) then error(name .. ": engine is closed", 3) end
end

--- Hands over bytes that came from the server. "" says that a read was tried and there was nothing.
-- @return the index of the last byte taken; fewer than all: take the events and call again with `from`
function methods.receive(e, bytes, from)
    checked(e, "receive")
    return link.receive(e, bytes, from)
end

--- The bytes to write now; "" when there are none. They stay until `sent` says how many went out.
function methods.pending(e)
    checked(e, "pending")
    return link.pending(e)
end

--- The first n bytes of `pending` were written.
function methods.sent(e, n)
    checked(e, "sent")
    return link.sent(e, n)
end

--- The server closed its side; `lost`: not in order.
function methods.eof(e, lost)
    checked(e, "eof")
    return link.eof(e, lost)
end

--- What the engine needs: { read = "line" or an exact number of bytes, write = true, body = true, now = true,
-- tls = true }; an empty table when it is idle or closed. It calls the functions of `auth`, which may close it.
-- `tls`, of an engine made with tls = "host": the server awaits the handshake of the host's TLS, whose end `secured`
-- tells. `now`: one read that does not wait, then receive what it gave.
function methods.wants(e)
    checked(e, "wants")
    login.serve(e, core.data(e), link, false)
    if link.is_closed(e) then return {} end
    local read, write, feeds, now, hint, hosts = link.wants(e)
    local what = read and (hint == 0 and "line" or hint) or nil
    return { read = what, write = write or nil, body = feeds or nil, now = now or nil, tls = hosts or nil }
end

--- The host's TLS, which `wants().tls` asked for, is up and the peer is verified (`done`), or it has failed.
function methods.secured(e, done)
    checked(e, "secured")
    if link.has_own_tls(e) then
        error("secured: the engine's TLS is posta's own; make it with tls = \"host\" to bring yours", 2)
    end
    return link.secured(e, done)
end

--- Seconds until `tick` must be called, nil: no limit runs.
function methods.timeout(e)
    checked(e, "timeout")
    return link.timeout(e)
end

--- Looks at the clock.
function methods.tick(e)
    checked(e, "tick")
    return link.tick(e)
end

--- The next thing that happened: its name and a table with action, code, text, recipient, temporary,
-- status; nothing when there is none.
function methods.next_event(e)
    checked(e, "next_event")
    while true do
        local name, info = link.next_event(e)
        if name ~= "trace" then return name, info end
        if core.data(e).on_trace then core.data(e).on_trace(info.direction, info.text) end
        if link.is_closed(e) then return nil end
    end
end

--- Begins to send a mail; drive the engine until the event "sent", then ask `receipt`.
-- @return true; or nil, message, err and nothing was sent
function methods.send(e, t)
    checked(e, "send")
    local complaint = mail.complaint(t, "mail")
    if complaint then error(complaint, 2) end
    local m, text, err = message_of(e, t)
    if not m then return nil, text, err end
    return begin(e, m)
end

--- Feeds the body that `wants().body` asks for, once. True when its reader had nothing yet.
function methods.feed(e)
    checked(e, "feed")
    return core.data(e).message ~= nil and body.feed(core.data(e).message)
end

--- What became of the last message: a receipt; or nil, message, err.
function methods.receipt(e)
    checked(e, "receipt")
    return M.result(e)
end

--- Begins QUIT; ends in the event "disconnected".
function methods.quit(e)
    checked(e, "quit")
    return link.quit(e) == "in_progress"
end

--- What the server offers, as conn:capabilities.
function methods.capabilities(e)
    checked(e, "capabilities")
    return link.capabilities(e)
end

--- "idle", "busy" or "closed".
function methods.state(e)
    expected(e, "state")
    return link.state(e)
end

-- The end of an engine inside io.write, or by an error of it: what went out nobody knows, so the bytes count
-- as written, that no mail is called unsent that may be there.
local function settle(e)
    local data = core.data(e)
    if not data.in_write or link.is_closed(e) then return end
    link.sent(e, math.min(data.in_write, #link.pending(e)))
    data.in_write = nil
end

--- Gives the memory back. Nothing is written.
function methods.close(e)
    expected(e, "close")
    settle(e)
    link.close(e)
    return true
end

---------------------------------------------------------------------------------- the pump

--- Ends what an error threw out.
function M.abandon(e)
    core.leave(e)
    settle(e)
    if not link.is_closed(e) then link.cancel(e) end
end

local RULES = {
    known = { read = "function", write = "function", close = "function", trace = "function",
        wait = "function", keep = "boolean", starttls = "function", secure = "boolean" },
    moved = { receive = "read", recv = "read", send = "write" },
    later = { resolve = true },
}

--- The complaint about the arguments of posta.pump, or nil.
function M.misuse(e, io)
    if type(e) ~= "userdata" or not link.is_link(e) then
        return "engine: expected posta.engine, got " .. type(e)
    end
    local complaint = names.wrong_type(io, "io", "table") or names.misuse(io, "io", RULES)
    if complaint then return complaint end
    return names.wrong_type(rawget(io, "read"), "io.read", "function")
        or names.wrong_type(rawget(io, "write"), "io.write", "function")
end

-- Takes the events; true when `until_event` was among them.
local function take_events(e, io, until_event)
    local data = core.data(e)
    local found = false
    while not link.is_closed(e) do
        local name, info = link.next_event(e)
        if not name then return found end
        if name == "trace" then
            local trace = io.trace or data.on_trace
            if trace then trace(info.direction, info.text) end
        elseif info.recipient then
            data.texts[info.recipient] = info.text
        end
        if name == until_event then found = true end
    end
    return found
end

local FRUITLESS = 1000          -- turns in a row without a byte, and it counts as lost

-- A turn of io.read or io.write (`name`) that moved nothing and did not say that it waited.
local function fruitless(e, io, name)
    local data = core.data(e)
    if io.wait then return io.wait(e) end
    data.fruitless = data.fruitless + 1
    if data.fruitless < FRUITLESS then return end
    data.why_lost = ("%s gave nothing %d times in a row"):format(name, FRUITLESS)
    link.eof(e, true)
end

local function check_count(n, most, what)
    if type(n) == "number" and n >= 0 and n <= most and n == math.floor(n) then return end
    local got = type(n) == "number" and ("%.17g"):format(n) or type(n)
    error(("%s: expected a count of bytes from 0 to %d, got %s"):format(what, most, got), 0)
end

local function write_some(e, io)
    local bytes = link.pending(e)
    if bytes == "" then return end
    local data = core.data(e)
    data.in_write = #bytes
    local n, why, partial = io.write(bytes, link.timeout(e))
    if link.is_closed(e) then return end
    -- LuaSocket tells in a third value how many bytes went out before it gave up.
    local count = n == nil and type(partial) == "number" and partial or n
    if count ~= nil then check_count(count, #bytes, "io.write") end
    data.in_write = nil
    if n == nil then
        if count then link.sent(e, count) end
        if why ~= "timeout" then link.eof(e, true) end
        return
    end
    if n == 0 then return fruitless(e, io, "io.write") end
    data.fruitless = 0
    link.sent(e, n)
end

local function read_some(e, io, now, hint, until_event)
    local bytes, why, partial = io.read(hint == 0 and "line" or hint, now and 0 or link.timeout(e))
    if link.is_closed(e) then return end
    if bytes ~= nil then
        why = nil
    else
        bytes = type(partial) == "string" and partial or ""
        -- Without a reason it is the end, as it is for Lua's files.
        if why == nil then why = "closed" end
    end
    if type(bytes) ~= "string" then error("io.read: expected string, got " .. type(bytes), 0) end
    local found, at = false, 0
    if #bytes > 0 then core.data(e).fruitless = 0 end
    if #bytes == 0 and now then
        link.receive(e, "")
    elseif #bytes == 0 and why == nil then
        fruitless(e, io, "io.read")
    end
    while at < #bytes and not link.is_closed(e) do
        local before = at
        at = link.receive(e, bytes, at + 1)
        found = take_events(e, io, until_event) or found
        if link.is_closed(e) or link.state(e) == "closed" then return found end
        -- TLS must write before it takes more.
        if at == before and select(2, link.wants(e)) then write_some(e, io) end
    end
    if why and why ~= "timeout" and not link.is_closed(e) then link.eof(e, why ~= "closed") end
    return found
end

-- The host's TLS takes over its own wire, or has it from the beginning.
local function handshake(e, io)
    local ok, why = io.secure, nil
    if io.starttls then ok, why = io.starttls(core.data(e).name) end
    if link.is_closed(e) then return end
    if not ok then core.data(e).why_insecure = tostring(why or "io.starttls gave nothing") end
    link.secured(e, ok)
end

-- Moves bytes until `until_event` comes or the engine is closed. True when it came.
local function turn(e, io, until_event)
    while not link.is_closed(e) do
        link.tick(e)
        if take_events(e, io, until_event) then return true end
        if link.is_closed(e) or link.state(e) == "closed" then return false end
        local asked = login.serve(e, core.data(e), link, io.wait ~= nil)
        if link.is_closed(e) then return false end
        local read, write, feeds, now, hint, hosts = link.wants(e)
        if asked ~= nil then
            if not asked then io.wait(e) end
        elseif hosts then
            handshake(e, io)
        elseif write then
            write_some(e, io)
        elseif feeds then
            if body.feed(core.data(e).message) and io.wait then io.wait(e) end
        elseif read then
            if read_some(e, io, now, hint, until_event) then return true end
        else
            return false            -- nothing is under way: the event was not to come
        end
    end
    return false
end

-- The host closed the engine in the middle of its work; what C knew then is in `account`.
local function closed_meanwhile(e, has_begun)
    local data = core.data(e)
    local account = data.account
    local why = "the engine was closed while it was working"
    if account and (has_begun or account.status ~= "ok") then
        if account.code == "cancelled" then receipt.say_why(account, "cancelled", why) end
        return told(e, account)
    end
    return errors.fail { code = "cancelled", retry = "safe", stage = "idle",
        message = ("%scancelled: %s; nothing was sent."):format(data.prefix, why) }
end

local function deliver(e, io, t)
    -- The mail is looked at before anybody is spoken to.
    local m, text, err = message_of(e, t)
    if m then m, text, err = mail.composed(m, core.data(e).peer) end
    if not m then return nil, text, err end
    local ok, has_begun = true, false
    if link.state(e) ~= "busy" or turn(e, io, "connected") then
        ok, text, err = begin(e, m)
        if ok then
            has_begun = true
            turn(e, io, "sent")
        end
    end
    local result
    if link.is_closed(e) then
        result, text, err = closed_meanwhile(e, has_begun)
    elseif ok then
        result, text, err = M.result(e)
    end
    if err then receipt.nobody_told(err, m) end
    return result, text, err
end

-- TLS's alert or close_notify: one try that does not wait.
local function say_last_words(e, io)
    if link.is_closed(e) or not link.has_own_tls(e) then return end
    link.goodbye(e)
    local bytes = link.pending(e)
    if bytes ~= "" then io.write(bytes, 0) end
end

local function leave_server(e, io)
    if io.keep and link.state(e) == "idle" then return end
    -- Also after a greeting that refused us: RFC 5321, 3.1.
    if link.state(e) ~= "closed" and link.quit(e) == "in_progress" then turn(e, io, "disconnected") end
    say_last_words(e, io)
    if io.close then io.close() end
end

-- Whose TLS it is; the three values of failure when nobody brings any.
local function choose_tls(e, io)
    local data = core.data(e)
    if data.security == "none" then return nil end
    local brought = io.starttls and "io.starttls" or io.secure and "io.secure"
    if brought and not link.use_host_tls(e) then
        return errors.problem({ code = "state", field = brought, stage = "connect",
            text = brought .. ": posta's own TLS has begun on this engine already",
            hint = "Make the engine with tls=\"host\"." }, data.peer)
    end
    if link.has_own_tls(e) or io.starttls or data.security == "opportunistic" then return nil end
    if io.secure and data.security == "tls" then return nil end
    return errors.problem({ code = "tls.not_built", field = "io.starttls", stage = "connect",
        text = "TLS is needed: this engine has none of posta's, and io.starttls is not given",
        hint = "If you trust this network: security=\"none\"." }, data.peer)
end

--- Sends one mail through an engine with the host's read and write (both looked at before).
function M.pump(e, io, t)
    local plain = {}
    for name, value in next, io do plain[name] = value end
    if core.is_running(e) then return errors.busy("engine") end
    if core.is_running(e) == nil then M.abandon(e) end
    local data = core.data(e)
    data.fruitless, data.why_lost, data.account = 0, nil, nil
    local none, why, fault = choose_tls(e, io)
    if fault then return none, why, fault end
    local function frame()
        local result, text, err = deliver(e, plain, t)
        if not link.is_closed(e) then leave_server(e, plain) end
        return result, text, err
    end
    core.enter(e, frame)
    local result, text, err = frame()
    core.leave(e)
    return result, text, err
end

return M
