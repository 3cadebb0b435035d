-- posta.session: arguments and options, which are wrong, or late, or fine. The server is in memory.

local posta = require "posta"
local memory = require "spec.support.memory"
local sessions = require "spec.support.session"
local support = require "spec.support.posta"
local fails = support.fails
local session_to, finish, did = sessions.to, sessions.finish, sessions.did

describe("arguments", function()
    it("of a wrong type or name raise", function()
        local function refused(text, options) support.raises(text, session_to, memory.new(), options) end
        refused("where.on_event.conected: unknown; did you mean connected?", { on_event = { conected = print } })
        refused("where.on_event.sent: expected function, got string", { on_event = { sent = "print" } })
        refused("where.on_event: expected function or table of functions, got number", { on_event = 1 })
        refused("where.blocking: expected boolean", { blocking = 1 })
        refused("where.transport.read: expected function, got nil", { transport = {} })
        refused("where.transport.opne: unknown; did you mean open?",
            { transport = { opne = print, read = print, write = print } })
        support.raises("where.blocking: posta.connect always waits; use posta.session", posta.connect,
            { host = "x.lan", blocking = false })
        support.raises("where.blocking: posta.send always waits; use posta.start", posta.send,
            { host = "x.lan", blocking = false }, support.mail())
        support.raises("where.on_event: does not go with posta.engine", posta.engine,
            { host = "x.lan", on_event = print })
        local s = session_to(memory.new())
        local function raises(text, name, ...) support.raises(text, s[name], s, ...) end
        raises("sender: expected table or string, got nil", "sender")
        raises("sender.adress: unknown; did you mean address?", "sender", { adress = "x" })
        raises("sender.address: expected string, got nil", "sender", {})
        raises("recipient.type: expected string, got number", "recipient", { address = "x", type = 1 })
        raises("begin_message.subject: expected string", "begin_message", { subject = 1 })
        raises("body: expected string, got nil", "body")
        raises("body: i: expected a whole number", "body", "x", 1.5)
        raises("body: i: expected a whole number", "body", "x", "1")
        raises("body: i: expected a whole number", "body", "x", math.huge)
        raises("body: j: expected a whole number", "body", "x", 1, math.huge)
        raises("body: j: expected a whole number", "body", "x", 1, 0 / 0)
        raises("execute: expected seconds, got string", "execute", "x")
        raises("connect.hots: unknown; did you mean host?", "connect", { hots = "x" })
        raises("option.timeout.comand: unknown; did you mean timeout.command?", "set_option", "timeout.comand", 1)
        raises("option.timeout.command: expected number, got string", "set_option", "timeout.command", "1")
        raises("option.nonsense: unknown", "option", "nonsense")
        raises("option.timeout: unknown; write timeout.total", "option", "timeout")
        raises("socket option.keepaliv: unknown; did you mean keepalive?", "set_socket_option", "keepaliv", 1)
        raises("socket option.tos: expected number or boolean, got string", "set_socket_option", "tos", "x")
        s:close()
        raises("noop: session is closed", "noop")
        raises("take_event: session is closed", "take_event")
    end)

    it("of a wrong value are answered, and nothing is begun", function()
        local s, seen = session_to(memory.new())
        did(s, s:connect())
        fails("field.invalid", nil, s:sender { address = "no at" })
        fails("field.invalid", nil, s:sender { address = "a\r\nRCPT@x.org" })
        fails("field.invalid", nil, s:sender { address = "a@x.org", name = "a\0b" })
        did(s, s:sender { address = "ana@example.org", reply_to = "Re <re@example.org>" })
        fails("field.invalid", "recipient.type", s:recipient { address = "b@x.org", type = "too" })
        fails("field.invalid", nil, s:recipient { address = "" })
        did(s, s:recipient "Bob <bob@example.org>")
        fails("field.invalid", nil, s:begin_message { subject = "a\nb" })
        fails("field.invalid", "date", s:begin_message { date = 0 / 0 })
        fails("field.invalid", nil, s:begin_message { date = "yesterday" })
        assert.equal("connected sender_ack recipient_ack", table.concat(seen, " "))
        assert.equal(true, did(s, s:begin_message {}))
        fails("state", nil, s:connect { user = "ana", password = "x" })
        fails("field.invalid", "password", s:connect { user = "ana" })
    end)

    it("header_space full names the option, and the session stays usable", function()
        local s = session_to(memory.new(), { header_space = 64 })
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        did(s, s:recipient "bob@example.org")
        local state, text, err
        for i = 1, 5 do
            state, text, err = s:recipient(("someone-with-a-long-name-%d@example.org"):format(i))
            if not state then break end
            finish(s)
        end
        assert.is_nil(state)
        assert.equal("limit", err.code)
        assert.truthy(text:find("header_space", 1, true), text)
        assert.equal(true, did(s, s:begin_message {}))
        s:body "x"
        assert.equal(true, did(s, s:end_message()))
    end)
end)

describe("options", function()
    it("are read and set in seconds, words, flags and texts", function()
        local s = session_to(memory.new())
        assert.equal(300, s:option "timeout.command")
        assert.equal(true, s:set_option("timeout.command", 1.5))
        assert.equal(1.5, s:option "timeout.command")
        assert.equal(true, s:set_option("timeout.total", math.huge))
        assert.equal(math.huge, s:option "timeout.total")
        assert.equal("continue", s:option "on_refused")
        assert.equal(true, s:set_option("on_refused", "abort"))
        assert.equal("abort", s:option "on_refused")
        assert.equal(true, s:set_option("agent", "mine"))
        assert.equal("mine", s:option "agent")
        assert.is_false(s:option "blocking")
        assert.equal(true, s:set_option("pipelining", false))
        assert.is_false(s:option "pipelining")
        assert.equal(2048, s:option "header_space")
        fails("field.invalid", "on_refused", s:set_option("on_refused", "perhaps"))
        fails("field.invalid", "timeout.command", s:set_option("timeout.command", -1))
        fails("state", "header_space", s:set_option("header_space", 4096))
        fails("state", "header_space", s:set_option("header_space", -1))
    end)

    it("say once what is wrong, and whose it is", function()
        local s = session_to(memory.new())
        for _, case in ipairs {
            { "agent", "a\r\nb", "agent: has a line break; nothing was sent." },
            { "hello", "a b", "hello: has a character in its domain that is no letter, digit, hyphen or dot; "
                .. "nothing was sent." },
            { "tls_mode", "default", 'tls_mode: "default" is none of "none", "opportunistic", "starttls", "tls".' },
            { "timeout.command", 1e12, "timeout.command: expected at most 4294967 seconds (math.huge: no limit)." },
            { "timeout.command", 0, "timeout.command: expected seconds, more than 0 (math.huge: no limit)." },
        } do
            local err = fails("field.invalid", case[1], s:set_option(case[1], case[2]))
            assert.equal("mail.lan:587: " .. case[3], err.message)
        end
        fails("state", "tls_mode", s:set_option("tls_mode", "tls"))     -- it was made with security none
        local err = fails("state", "keepalive", s:set_socket_option("keepalive", true))
        assert.equal("mail.lan:587: keepalive: the transport is the host's own, posta has no socket.", err.message)
        err = fails("field.invalid", "timeout.command", posta.session { host = "x.lan", timeout = { command = 1e12 } })
        assert.truthy(err.message:find("expected at most 4294967 seconds", 1, true), err.message)
    end)

    it("header_space may be 0: no recipient in the header", function()
        local s = session_to(memory.new(), { header_space = 0 })
        assert.equal(0, s:option "header_space")
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        assert.equal(true, did(s, s:recipient { address = "bob@example.org", type = "bcc" }))
        assert.equal(true, did(s, s:begin_message {}))
        fails("field.invalid", "header_space", posta.session { host = "x.lan", header_space = -1 })
    end)

    it("that are late are refused by name", function()
        local s = session_to(memory.new())
        did(s, s:connect())
        local err = fails("state", "hello", s:set_option("hello", "me.example.org"))
        assert.truthy(err.message:find("hello: it can be set while the session is not connected only", 1, true))
        fails("state", "blocking", s:set_option("blocking", true))
        assert.equal(true, s:set_option("timeout.result", 20))
        did(s, s:disconnect())
        assert.equal(true, s:set_option("hello", "me.example.org"))
        assert.equal(true, s:set_option("blocking", true))
        assert.equal(true, s:connect())
    end)
end)
