-- What a handler may do, at every event: close, drop the last reference, call execute again, work on
-- another session, yield, raise. After each of it the session is whole.

local posta = require "posta"
local memory = require "spec.support.memory"
local support = require "spec.support.posta"

local function mail_to_bob(s) return s:send(support.mail()) end

-- How each event is reached: the replies, and the calls that lead there (each but the last is finished).
local function connect(s) return s:connect() end
local function sender(s) return s:sender "ana@example.org" end
local function recipient(s) return s:recipient "bob@example.org" end
local function begin(s) return s:begin_message { subject = "x" } end
local function finish_text(s)
    s:body "hi\n"
    return s:end_message()
end
local function noop(s) return s:noop() end

local WAYS = {
    connected = { {}, connect },
    sender_ack = { {}, connect, sender },
    recipient_ack = { {}, connect, sender, recipient },
    begin_ack = { {}, connect, sender, recipient, begin },
    end_ack = { {}, connect, sender, recipient, begin, finish_text },
    noop_ack = { {}, connect, noop },
    reset = { {}, connect, function(s) return s:reset() end },
    disconnected = { {}, connect, function(s) return s:disconnect() end },
    server_error = { { NOOP = "500 no" }, connect, noop },
    server_retry = { { NOOP = "450 later" }, connect, noop },
    timeout = { { NOOP = false }, connect, noop },
    failed = { { NOOP = "CLOSE" }, connect, noop },
    sent = { {}, connect, mail_to_bob },
}

local function until_done(s)
    for _ = 1, 100000 do
        local state, text, err = s:execute()
        if state ~= "in_progress" then return state, text, err end
    end
    error "it does not end"
end

-- Walks to `event` on a session whose handler there is `abuse`; the session, the last answer.
local function reach(event, abuse, server)
    local way = WAYS[event]
    server = server or memory.new(way[1])
    local s = assert(posta.session { host = "mail.lan", security = "none", blocking = false,
        transport = server.transport, timeout = { command = 0.02 }, on_event = { [event] = abuse } })
    for i = 2, #way - 1 do
        assert.equal("in_progress", way[i](s))
        assert.equal(true, (until_done(s)))
    end
    assert.equal("in_progress", way[#way](s))
    return s, server
end

local EVENTS = {}
for event in pairs(WAYS) do EVENTS[#EVENTS + 1] = event end
table.sort(EVENTS)
local FAILS = { server_error = true, server_retry = true, timeout = true, failed = true }

for _, event in ipairs(EVENTS) do
    describe("a handler of " .. event, function()
        it("is given the session, the name and the info", function()
            local calls = {}
            local s = reach(event, function(...) calls[#calls + 1] = { ... } end)
            local state = until_done(s)
            assert.equal(FAILS[event] == nil, state == true)
            assert.equal(1, #calls)
            assert.equal(s, calls[1][1])
            assert.equal(event, calls[1][2])
            local info = calls[1][3]
            assert.equal("string", type(info.action))
            assert.equal("boolean", type(info.temporary))
            assert.equal(FAILS[event] == true, info.err ~= nil)
            assert.equal(event == "sent", info.receipt ~= nil)
        end)

        it("may close the session", function()
            local s, server = reach(event, function(s) s:close() end)
            local state, text, err = until_done(s)
            if FAILS[event] then
                assert.is_nil(state)
                assert.truthy(err.code ~= "cancelled", text)
            else
                assert.equal(true, state, text)
            end
            assert.equal("closed", server.state)
            support.raises("session is closed", s.noop, s)
            assert.equal(true, s:close())
        end)

        it("may drop the last reference", function()
            local s
            s = reach(event, function()
                s = nil
                collectgarbage()
                collectgarbage()
            end)
            local execute, given = s.execute, s
            local function run()
                local own = given
                given = nil
                local state
                repeat state = execute(own) until state ~= "in_progress"
                return state
            end
            assert.equal(FAILS[event] == nil, run() == true)
            collectgarbage()
        end)

        it("that calls execute is told that it is busy", function()
            local codes = {}
            local s = reach(event, function(s)
                local _, _, err = s:execute()
                codes[#codes + 1] = err.code
            end)
            until_done(s)
            assert.same({ "busy" }, codes)
        end)

        it("may work on another session, also to its end, and close the first", function()
            local other_server = memory.new()
            local other = assert(posta.session { host = "other.lan", security = "none", blocking = false,
                transport = other_server.transport })
            local ended
            local s, server = reach(event, function(s)
                assert.equal("in_progress", other:connect())
                assert.equal(true, (until_done(other)))
                s:close()
                other:send(support.mail())
                local state, receipt = until_done(other)
                ended = state == true and receipt.outcome
            end)
            until_done(s)
            assert.equal("accepted", ended)
            assert.equal("closed", server.state)
            other:close()
        end)

        it("may yield, and execute is busy meanwhile", function()
            local s = reach(event, function() assert.equal("back", coroutine.yield "away") end)
            local co = coroutine.create(function() return "end", until_done(s) end)
            local ok, what = coroutine.resume(co)
            assert.is_true(ok, what)
            assert.equal("away", what)
            local _, _, err = s:execute()
            assert.equal("busy", err.code)
            local state
            ok, what, state = coroutine.resume(co, "back")
            assert.is_true(ok, what)
            assert.equal("end", what)
            assert.equal(FAILS[event] == nil, state == true)
        end)

        it("may be left in a coroutine that nobody resumes", function()
            local s = reach(event, function() coroutine.yield() end)
            local co = coroutine.create(function() return until_done(s) end)
            coroutine.resume(co)
            co, s = nil, nil
            collectgarbage()
            collectgarbage()
            assert.is_nil(co or s)
        end)

        for name, value in pairs { string = "broken", table = { "broken" }, ["nil"] = false } do
            it("may raise a " .. name .. ", which leaves execute as it is, and the session goes on", function()
                local n = 0
                local thrown = value or nil
                local s, server = reach(event, function()
                    n = n + 1
                    error(thrown, 0)
                end)
                local ok, why
                for _ = 1, 100000 do
                    ok, why = pcall(s.execute, s)
                    if not ok then break end
                end
                assert.is_false(ok)
                assert.is_true(why == thrown or thrown == nil)
                assert.equal(1, n)
                assert.equal(FAILS[event] == nil, (s:execute()) == true)
                if server.state == "open" and event ~= "begin_ack" then
                    server.replies.NOOP = "250 ok"
                    if event == "noop_ack" then return end
                    assert.equal("in_progress", s:noop())
                    assert.equal(true, (until_done(s)))
                end
                s:close()
            end)
        end
    end)
end

describe("a chain of handlers", function()
    it("sends a message step by step, all of it in the events", function()
        local server = memory.new()
        local s = assert(posta.session { host = "mail.lan", security = "none", blocking = false,
            transport = server.transport, on_event = {
                connected = sender, sender_ack = recipient, recipient_ack = begin, begin_ack = finish_text,
                end_ack = function(s) s:disconnect() end, disconnected = function(s) s:close() end,
            } })
        s:connect()
        assert.equal(true, (until_done(s)))
        assert.equal(1, #server.texts)
        support.raises("closed", s.execute, s)
    end)

    it("works through hooks that yield at every turn", function()
        local server = memory.new()
        server.on_read = coroutine.yield
        server.on_write = coroutine.yield
        for _, blocking in ipairs { true, false } do
            local s = assert(posta.session { host = "mail.lan", security = "none", blocking = blocking,
                transport = server.transport })
            local co = coroutine.create(function()
                local function all(state, text)
                    assert(state, text)
                    if state == "in_progress" then assert(until_done(s)) end
                end
                all(s:connect())
                all(s:send(support.mail()))
                all(s:disconnect())
                return "end"
            end)
            local ok, what
            repeat ok, what = coroutine.resume(co) until not ok or what == "end"
            assert.is_true(ok, what)
        end
        assert.equal(2, #server.texts)
    end)
end)

describe("a handler of a blocking session or connection", function()
    local function blocking(server, on_event)
        return assert(posta.session { host = "mail.lan", security = "none", transport = server.transport,
            on_event = on_event })
    end

    it("may raise: the call is left, what had ended has ended, and the next call works", function()
        for _, event in ipairs { "connected", "sender_ack", "noop_ack", "sent", "server_error" } do
            local broken = true
            local server = memory.new { NOOP = event == "server_error" and { "500 no", "250 ok" } or nil }
            local s = blocking(server, { [event] = function()
                if not broken then return end
                broken = false
                error("broken", 0)
            end })
            local raised = 0
            local function call(name, ...)
                local ok, state, text = pcall(s[name], s, ...)
                if ok then assert(state or text) return state end
                assert.equal("broken", state)
                raised = raised + 1
            end
            call("connect")
            call("noop")
            call("sender", "ana@example.org")
            call("reset")
            local m = assert(posta.message(support.mail()))
            call("send", m)
            assert.equal(1, raised, event)
            assert.equal(1, #server.texts)
            assert.equal("accepted", (call("send", m) or {}).outcome)
            assert.equal(true, call "noop")
            assert.equal(true, call "disconnect")
            s:close()
        end
    end)

    it("may yield, and the session is busy meanwhile", function()
        local server = memory.new()
        local s = blocking(server, { noop_ack = function() coroutine.yield "away" end })
        assert(s:connect())
        local co = coroutine.wrap(function() return s:noop() end)
        assert.equal("away", co())
        support.fails("busy", nil, s:noop())
        support.fails("busy", nil, s:disconnect())
        assert.equal(true, co())
        assert.equal(true, s:disconnect())
    end)

    it("may close in the middle of a send, and what is told is true", function()
        local server = memory.new()
        local conn = assert(posta.connect { host = "mail.lan", security = "none", transport = server.transport,
            on_event = { recipient_ack = function(s) s:close() end } })
        local err = support.fails("cancelled", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.equal(0, #server.texts)
        conn = assert(posta.connect { host = "mail.lan", security = "none", transport = server.transport,
            on_event = { sent = function(s) s:close() end } })
        local receipt, message = conn:send(support.mail())
        assert(receipt, message)
        assert.equal("accepted", receipt.outcome)
    end)

    it("may close in the event of a failure, which is told as it was", function()
        local first = blocking(memory.new { NOOP = "450 4.3.0 later" }, { server_retry = function(s) s:close() end })
        assert(first:connect())
        local err = support.fails("command.refused", nil, first:noop())
        assert.equal("4.3.0", err.reply.enhanced)
        local server = memory.new { RCPT = "550 no", TEXT = "550 no" }
        local conn = assert(posta.connect { host = "mail.lan", security = "none", transport = server.transport,
            on_event = { sent = function(s) s:close() end } })
        err = support.fails("recipients.refused", nil, conn:send(support.mail()))
        assert.equal("refused", err.recipients[1].status)
    end)

    it("is called for the events of a connection", function()
        local seen = {}
        local server = memory.new { RCPT = { "250 ok", "550 no" } }
        local conn = assert(posta.connect { host = "mail.lan", security = "none", transport = server.transport,
            on_event = function(_, event) seen[#seen + 1] = event end })
        assert(conn:send(support.mail { to = { "a@x.org", "b@x.org" } }))
        assert(conn:quit())
        assert.equal("connected recipient_ack server_error sent disconnected", table.concat(seen, " "))
    end)
end)
