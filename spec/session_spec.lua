-- posta.session: the calls of the model, both modes, every event that this build has, and what handlers
-- may do. The server is in memory, behind a custom transport; sockets are in session_wire_spec.lua, arguments and
-- options in session_options_spec.lua.

local posta = require "posta"
local memory = require "spec.support.memory"
local sessions = require "spec.support.session"
local support = require "spec.support.posta"
local fails = support.fails
local session_to, finish, did = sessions.to, sessions.finish, sessions.did

-- One message step by step, the given steps only, in order.
local STEPS = {
    { "connect", function(s) return s:connect() end },
    { "sender", function(s) return s:sender { address = "ana@example.org", name = "Ana" } end },
    { "recipient", function(s) return s:recipient { address = "bob@example.org" } end },
    { "begin_message", function(s) return s:begin_message { subject = "Hi" } end },
    { "end_message", function(s)
        assert.equal(3, s:body "hi\n")
        return s:end_message()
    end },
    { "noop", function(s) return s:noop() end },
    { "reset", function(s) return s:reset() end },
    { "disconnect", function(s) return s:disconnect() end },
}

local function walk(s, last)
    for _, step in ipairs(STEPS) do
        local state, text, err = did(s, step[2](s))
        if not state or step[1] == last then return state, text, err end
    end
    return true
end

local EVENTS = { "connected", "sender_ack", "recipient_ack", "begin_ack", "end_ack", "noop_ack", "reset",
    "disconnected" }

describe("a non-blocking session", function()
    it("begins each action at once, and ends it in its event", function()
        local server = memory.new()
        local s, seen = session_to(server)
        assert.equal("in_progress", s:connect())
        assert.equal("new", server.state)
        assert.equal(true, finish(s))
        assert.equal("in_progress", s:noop())
        assert.equal(true, finish(s))
        assert.same({ "connected", "noop_ack" }, { seen[1], seen[2] })
        assert.equal(2, #seen)
        s:close()
        assert.equal("closed", server.state)
        assert.equal("QUIT", server.lines[#server.lines])
    end)

    it("walks through all steps", function()
        local server = memory.new()
        local s, seen = session_to(server)
        assert.equal(true, walk(s))
        for i, event in ipairs(EVENTS) do assert.equal(event, seen[i]) end
        assert.equal(#EVENTS, #seen)
        assert.equal("250", tostring(seen.end_ack.reply.code))
        assert.equal("2.0.0", seen.end_ack.reply.enhanced)
        assert.equal("kept", seen.end_ack.reply.text)
        assert.equal(1, seen.recipient_ack.recipient)
        local text = server.texts[1]
        assert.truthy(text:find("\r\nSubject: Hi\r\n", 1, true), text)
        assert.equal("hi\r\n", text:match "\r\n\r\n(.*)$")
        assert.equal("closed", server.state)
        assert.is_false(s:is_connected())
    end)

    it("works without a handler, and is read by take_event", function()
        local s = assert(posta.session { host = "mail.lan", security = "none", blocking = false,
            transport = memory.new().transport })
        s:connect()
        assert.equal(true, finish(s))
        did(s, s:noop())
        local handler, event, info = s:take_event()
        assert.is_nil(handler)
        assert.equal("connected", event)
        assert.equal(250, info.reply.code)
        assert.equal("noop_ack", (select(2, s:take_event())))
        assert.is_nil((select(2, s:take_event())))
        for _ = 1, 150 do did(s, s:noop()) end
        local n = 0
        while select(2, s:take_event()) do n = n + 1 end
        assert.equal(100, n)
    end)

    it("gives the next event to a handler that asks, with its own handler", function()
        local taken
        local function other() return nil end
        local s = session_to(memory.new { RCPT = "550 no" }, { on_event = {
            server_error = function(s) taken = { s:take_event() } end, sent = other } })
        did(s, s:connect())
        s:send(support.mail())
        fails("recipients.refused", nil, finish(s))
        if taken[2] then
            assert.equal("sent", taken[2])
            assert.equal(other, taken[1])
        end
    end)

    it("calls handlers of a table by their name", function()
        local server, calls = memory.new(), {}
        local s
        s = session_to(server, { on_event = {
            connected = function(...) calls[#calls + 1] = { ... } end,
            noop_ack = function(...) calls[#calls + 1] = { ... } end,
        } })
        assert.equal(true, walk(s))
        assert.equal(2, #calls)
        assert.equal(s, calls[1][1])
        assert.equal("connected", calls[1][2])
        assert.equal("noop_ack", calls[2][2])
        assert.equal("noop", calls[2][3].action)
    end)

    it("takes a whole mail, which ends in sent", function()
        local server = memory.new()
        local s, seen = session_to(server)
        did(s, s:connect())
        assert.equal("in_progress", s:send(support.mail()))
        local state, receipt = finish(s)
        assert.equal(true, state)
        assert.equal("accepted", receipt.outcome)
        assert.equal(receipt, seen.sent.receipt)
        assert.truthy(receipt.message_id)
        assert.equal("hi\r\n", server.texts[1]:match "\r\n\r\n(.*)$")
        server.replies.RCPT = "550 5.1.1 nobody"
        s:send(support.mail())
        local err = fails("recipients.refused", nil, finish(s))
        assert.equal(err, seen.sent.err)
        assert.equal("recipients.refused", seen.server_error.err.code)
        assert.equal("refused", err.recipients[1].status)
    end)

    it("sends one mail in the event of another, and one message by two sessions in turn", function()
        local server, n = memory.new(), 0
        local m = assert(posta.message(support.mail()))
        local s = session_to(server, { on_event = {
            connected = function(s) assert.equal("in_progress", s:send(m)) end,
            sent = function(s, _, info)
                assert(info.receipt, info.err)
                n = n + 1
                if n < 3 then assert.equal("in_progress", s:send(m)) end
            end,
        } })
        s:connect()
        assert.equal(true, finish(s))
        assert.equal(3, n)
        assert.equal(3, #server.texts)
    end)

    it("refuses a second action by name, and goes on", function()
        local s, seen = session_to(memory.new())
        s:connect()
        local err = fails("state", nil, s:noop())
        assert.truthy(err.message:find("noop: something else is under way", 1, true), err.message)
        fails("state", nil, s:send(support.mail()))
        assert.equal(true, finish(s))
        fails("state", nil, s:begin_message {})
        fails("state", nil, s:end_message())
        fails("state", nil, s:body "x")
        fails("state", nil, s:connect())
        assert.equal(true, did(s, s:noop()))
        assert.same({ "connected", "noop_ack" }, { seen[1], seen[2] })
        did(s, s:disconnect())
        err = fails("state", nil, s:noop())
        assert.truthy(err.message:find("not connected", 1, true), err.message)
    end)

    it("queues reset and disconnect behind what is pending", function()
        local s, seen = session_to(memory.new())
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        assert.equal("in_progress", s:recipient "bob@example.org")
        assert.equal("in_progress", s:reset())
        assert.equal("in_progress", s:disconnect())
        assert.equal(true, finish(s))
        assert.equal("connected sender_ack recipient_ack reset disconnected", table.concat(seen, " "))
    end)

    it("connects again after it was lost, and elsewhere", function()
        local server = memory.new { NOOP = { "CLOSE", "250 ok" } }
        local s, seen = session_to(server)
        did(s, s:connect())
        s:noop()
        local err = fails("connection.lost", nil, finish(s))
        assert.equal(err, seen.failed.err)
        assert.equal("closed", server.state)
        assert.equal(true, did(s, s:connect { host = "other.lan", port = 2525 }))
        assert.equal("other.lan", server.host)
        assert.equal(2525, server.port)
        assert.equal(true, did(s, s:noop()))
    end)

    it("is cancelled by the next execute", function()
        local s, seen = session_to(memory.new { NOOP = false })
        did(s, s:connect())
        s:noop()
        assert.equal("in_progress", s:execute())
        s:cancel()
        fails("cancelled", nil, finish(s))
        assert.equal("cancelled", seen.failed.err.code)
        assert.is_false(s:is_connected())
    end)

    it("tells time, answers and what is awaited", function()
        local s = session_to(memory.new { NOOP = { false, "250 ok" } }, { timeout = { command = 7 } })
        assert.is_nil(s:read_timer())
        did(s, s:connect())
        s:noop()
        s:execute()
        local left = s:read_timer()
        assert.truthy(left > 5 and left < 7.1, left)
        local text, reply = s:last_response()
        assert.equal(250, reply.code)
        assert.truthy(text:find("8BITMIME", 1, true))
        assert.truthy(s:timeout() <= 7)
        assert.equal("r", s:events())
        assert.is_nil(s:pollfd())
        s:set_user_data { 1 }
        assert.same({ 1 }, s:user_data())
    end)

    it("ends in timeout when the server is silent", function()
        local s, seen = session_to(memory.new { NOOP = false }, { timeout = { command = 0.05 } })
        did(s, s:connect())
        s:noop()
        local err
        repeat
            local state, _, e = s:execute()
            err = e
        until state ~= "in_progress"
        assert.equal("timeout.command", err.code)
        assert.equal("timeout.command", seen.timeout.err.code)
        assert.is_false(s:is_connected())
    end)
end)

describe("refusals of the server", function()
    local CASES = {
        { "connect", "GREETING", "greeting.refused" }, { "sender", "MAIL", "sender.refused" },
        { "recipient", "RCPT", "recipients.refused" }, { "begin_message", "DATA", "message.refused" },
        { "end_message", "TEXT", "message.refused" }, { "noop", "NOOP", "command.refused" },
        { "reset", "RSET", "command.refused" },
    }
    for _, case in ipairs(CASES) do
        it(case[1] .. " ends in server_error or server_retry", function()
            local s, seen = session_to(memory.new { [case[2]] = "554 5.7.0 no thanks" })
            local err = fails(case[3], nil, walk(s, case[1]))
            assert.equal("server_error", seen[#seen])
            assert.is_false(err.temporary)
            assert.equal(case[3], seen.server_error.err.code)
            assert.equal(554, seen.server_error.reply.code)
            s, seen = session_to(memory.new { [case[2]] = "451 4.3.0 later" })
            err = fails(case[3], nil, walk(s, case[1]))
            assert.equal("server_retry", seen[#seen])
            assert.is_true(err.temporary)
            assert.is_true(seen.server_retry.temporary)
        end)

        it(case[1] .. " ends in failed when the connection is lost", function()
            local s, seen = session_to(memory.new { [case[2]] = "CLOSE" })
            local err = fails("connection.lost", nil, walk(s, case[1]))
            assert.equal("failed", seen[#seen])
            assert.equal(case[1] == "end_message" and "unknown" or "not_sent", err.outcome)
        end)
    end

    it("of one recipient leave the others", function()
        local server = memory.new { RCPT = { "550 5.1.1 nobody", "250 ok" } }
        local s, seen = session_to(server)
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        fails("recipients.refused", nil, did(s, s:recipient "no@example.org"))
        assert.equal(1, seen.server_error.recipient)
        assert.equal(true, did(s, s:recipient { address = "cy@example.org", type = "cc", name = "Cy" }))
        assert.equal(true, did(s, s:recipient { address = "di@example.org", type = "bcc" }))
        assert.equal(true, did(s, s:begin_message { subject = "x", date = "Mon, 1 Jan 2024 10:00:00 +0100" }))
        assert.equal(1, s:body "x")
        assert.equal(true, did(s, s:end_message()))
        local text = server.texts[1]
        assert.truthy(text:find("\r\nTo: no@example.org\r\n", 1, true), text)
        assert.truthy(text:find("\r\nCc: Cy <cy@example.org>\r\n", 1, true), text)
        assert.truthy(text:find("\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n", 1, true), text)
        assert.falsy(text:find("di@", 1, true), text)
    end)

    it("of all recipients keep the text from being begun", function()
        local server = memory.new { RCPT = "550 5.1.1 nobody" }
        local s = session_to(server)
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        did(s, s:recipient "no@example.org")
        fails("recipients.refused", nil, s:begin_message {})
        assert.falsy(table.concat(server.lines, " "):find "DATA")
        assert.equal(true, did(s, s:reset()))
    end)
end)

describe("a blocking session", function()
    it("returns from each call when the server has answered, and calls the handlers too", function()
        local server = memory.new()
        local s, seen = session_to(server, { blocking = true })
        for i, step in ipairs(STEPS) do
            assert.equal(true, (step[2](s)))
            assert.equal(EVENTS[i], seen[#seen])
        end
        assert.equal(1, #server.texts)
        s:close()
    end)

    it("returns nil, message, err on a refusal, and goes on", function()
        local s = session_to(memory.new { MAIL = { "550 5.7.1 not you", "250 ok" } }, { blocking = true })
        assert(s:connect())
        local err = fails("sender.refused", nil, s:sender "ana@example.org")
        assert.equal("5.7.1", err.reply.enhanced)
        assert.truthy(err.message:find("not you", 1, true))
        assert(s:sender "ana@example.org")
        s:close()
    end)

    it("answers busy to its own calls inside a handler", function()
        local err, closed
        local s
        s = session_to(memory.new(), { blocking = true, on_event = { noop_ack = function()
            err = fails("busy", nil, s:noop())
            fails("busy", nil, s:execute())
            closed = s:is_connected()
        end } })
        assert(s:connect())
        assert(s:noop())
        assert.truthy(err)
        assert.is_true(closed)
    end)

    it("takes all of a text, however small the server's window is", function()
        local server = memory.new({}, { takes = 7, gives = 3 })
        local s = session_to(server, { blocking = true })
        assert(walk(s, "begin_message"))
        local text = (("x"):rep(70) .. "\n"):rep(3000)
        assert.equal(#text, s:body(text))
        assert.equal(10, s:body("0123456789", 11, 10))
        assert.equal(5, s:body("0123456789", 3, 5))
        assert(s:end_message())
        assert.equal(3000 * 72 + 5, #server.texts[1]:match "\r\n\r\n(.*)$")
    end)
end)

describe("the text of a message", function()
    it("may be split anywhere", function()
        local body = "one\r\n.two\n..three\rfour\n.\nfive"
        local wanted
        for cut = 0, #body do
            local server = memory.new()
            local s = session_to(server)
            walk(s, "begin_message")
            local at = s:body(body, 1, cut)
            assert.equal(cut, at)
            assert.equal(#body, s:body(body, cut + 1))
            did(s, s:end_message())
            local got = server.texts[1]:match "\r\n\r\n(.*)$"
            wanted = wanted or got
            assert.equal(wanted, got)
        end
        assert.equal("one\r\n..two\r\n...three\r\nfour\r\n..\r\nfive\r\n", wanted)
    end)

    it("is written whole inside begin_ack to a slow server, as the model does it", function()
        local server = memory.new({}, { takes = 5000 })
        local line = ("y"):rep(76) .. "\n"
        local text = line:rep(math.floor(5 * 2 ^ 20 / #line))
        local calls = 0
        local s, ended
        s = session_to(server, { on_event = {
            begin_ack = function()
                local at = 0
                while at < #text do
                    at = assert(s:body(text, at + 1))
                    calls = calls + 1
                end
                assert.equal("in_progress", s:end_message())
            end,
            end_ack = function() ended = true end,
        } })
        assert.equal(true, walk(s, "begin_message"))
        assert.is_true(ended)
        assert.truthy(calls > 100, calls)
        assert.equal(#text + select(2, text:gsub("\n", "")), #server.texts[1]:match "\r\n\r\n(.*)$")
    end)

    it("ends in timeout when the server reads no more", function()
        local server = memory.new()
        local s, seen = session_to(server, { timeout = { block = 0.1 } })
        walk(s, "begin_message")
        server.takes = 0
        local text = (("z"):rep(70) .. "\n"):rep(10000)
        local at, err = 0
        repeat
            local why
            at, why, err = s:body(text, at % #text + 1)
            assert.truthy(at or why)
        until not at
        assert.equal("timeout.block", err.code)
        fails("timeout.block", nil, finish(s))
        assert.equal(1, #{ seen.timeout })
    end)

    it("comes as MIME from a message", function()
        local server = memory.new()
        local s = session_to(server)
        local m = assert(posta.message(support.mail { text = "Zażółć\n", attachments = {
            { name = "a.bin", body = ("\0\1\2"):rep(1000) } } }))
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        did(s, s:recipient "bob@example.org")
        did(s, s:begin_message { subject = "MIME", mime = true })
        for _, read in ipairs { m.header, m.body } do
            for piece in function() return read(m, 100) end do
                local at = 0
                repeat at = assert(s:body(piece, at + 1)) until at == #piece
            end
        end
        assert.equal(true, did(s, s:end_message()))
        local read = support.read((server.texts[1]:gsub("\r\n%.", "\r\n")))
        assert.truthy(read:find('"a.bin"', 1, true), read)
        assert.truthy(read:find("MIME", 1, true), read)
    end)

    it("inside it, reset does not fit, and disconnect closes without a dot", function()
        local server = memory.new()
        local s, seen = session_to(server)
        walk(s, "begin_message")
        s:body "half"
        fails("state", nil, s:reset())
        assert.equal(true, did(s, s:disconnect()))
        assert.equal("disconnected", seen[#seen])
        assert.equal(0, #server.texts)
        assert.equal("DATA", server.lines[#server.lines])
    end)
end)

describe("a text", function()
    it("that is not open takes nothing, wherever the indices point", function()
        local s = session_to(memory.new())
        local function refused()
            for _, i in ipairs { 1, 4, 5, 1000 } do fails("state", nil, s:body("abc", i)) end
            fails("state", nil, s:body "")
        end
        refused()
        did(s, s:connect())
        refused()
        did(s, s:sender "ana@example.org")
        did(s, s:recipient "bob@example.org")
        did(s, s:begin_message {})
        assert.equal(0, s:body "")
        assert.equal(3, s:body("abc", 4))
        assert.equal(3, s:body("abc", -1))
    end)
end)

describe("an idle session", function()
    it("says what ended it", function()
        local server = memory.new()
        local s, seen = session_to(server)
        did(s, s:connect())
        s:cancel()
        finish(s)
        local err = seen.failed.err
        assert.equal("cancelled", err.code)
        assert.equal("mail.lan:587: cancelled while no command was pending.", err.message)
        did(s, s:connect())
        server.out = "250 stray\r\n"
        did(s, s:noop())
        err = seen.failed.err
        assert.equal("mail.lan:587: the server sent something that nobody asked for (250 here) "
            .. "while no command was pending.", err.message)
        assert.equal("protocol.error", err.code)
    end)
end)
