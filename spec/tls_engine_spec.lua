-- posta.engine and posta.pump with posta's own TLS, over LuaSocket, to a catcher with OpenSSL's. How they end it is
-- in tls_farewell_spec.lua.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local open = require("spec.support.tls_wire").open
local support = require "spec.support.posta"
local ssl = require "ssl"
local socket = require "socket"
local fails, raises = support.fails, support.raises

local MODES = { "tls", "starttls", "opportunistic" }

describe("posta's own TLS", function()
    local starttls, implicit, n = nil, nil, 0

    setup(function()
        starttls = catcher.spawn { words = { "--tls", "--require-tls" } }
        implicit = catcher.spawn { words = { "--tls", "--implicit" } }
    end)

    teardown(function()
        starttls:stop()
        implicit:stop()
    end)

    local function server(security)
        return security == "tls" and implicit or starttls
    end

    local function place(security, fields)
        local c = server(security)
        local where = { host = "127.0.0.1", port = c.port, security = security, hello = "client.example.org",
            tls = { ca_file = c.ca_file } }
        for name, value in pairs(fields or {}) do where[name] = value end
        return where
    end

    local function engine(security, fields)
        return assert(posta.engine(place(security, fields)))
    end

    -- A mail that no other is like, and what finds it at the server.
    local function new_mail(fields)
        n = n + 1
        local subject = ("mail number %d."):format(n)
        local mail = support.mail { subject = subject }
        for name, value in pairs(fields or {}) do mail[name] = value end
        return mail, subject
    end

    local function kept(security, subject)
        for _, mail in ipairs(server(security):mails()) do
            if mail.raw:find("\nSubject: " .. subject .. "\r", 1, true) then return mail end
        end
        return nil
    end

    -- Everything that was sent before this to the catcher has been served: it is one thread.
    local function settle(security)
        local mail, subject = new_mail()
        assert(posta.send(place(security), mail))
        assert.truthy(kept(security, subject))
    end

    local function sends(security, options, fields)
        local wire = open(server(security).port, options)
        local mail, subject = new_mail(fields)
        local receipt, message = posta.pump(engine(security), wire.io, mail)
        assert(receipt, message)
        assert.equal("accepted", receipt.outcome)
        assert.equal(#kept(security, subject).raw, receipt.bytes)
        assert.matches("^TLSv1%.[23]$", receipt.tls.version)
        assert.is_true(receipt.tls.verified)
        assert.same({}, receipt.insecure)
        assert.equal(1, wire.closed)
        return wire, receipt
    end

    describe("in posta.pump", function()
        for _, security in ipairs(MODES) do
            it("asks for exact numbers of octets: " .. security, function()
                local wire = sends(security, nil, { attachments = { { name = "a.bin",
                    body = ("\0\255"):rep(60000) } } })
                local clear = security == "tls" and ""
                    or "EHLO client.example.org\r\nSTARTTLS\r\n"
                assert.equal(clear, wire.clear())
                local records, rest = wire.records()
                assert.is_nil(rest)
                assert.is_true(records[#records].whole)
                assert.is_true(#records > 8 and wire.largest > 5)
            end)

            it("goes octet by octet, in and out: " .. security, function()
                local wire = sends(security, { take = 1, give = 1 })
                assert.equal(#wire.sent, wire.writes)
                sends(security, { take = 7 })
                sends(security, { give = 3 })
            end)

            it("takes more than it asked for: " .. security, function()
                sends(security, { more = true }, { text = ("a line\n.dot\n"):rep(9000) })
            end)
        end

        it("sends a second mail over the same connection", function()
            for _, security in ipairs(MODES) do
                local wire = open(server(security).port)
                local e = engine(security)
                wire.io.keep = true
                for i = 1, 3 do
                    if i == 3 then wire.io.keep = nil end
                    local mail, subject = new_mail()
                    local receipt, message = posta.pump(e, wire.io, mail)
                    assert(receipt, message)
                    assert.truthy(receipt.tls.verified)
                    assert.truthy(kept(security, subject))
                    assert.equal(i < 3 and "idle" or "closed", e:state())
                end
                assert.equal(1, wire.closed)
                local _, hellos = wire.sent:gsub("\22\3[%z\1-\4]..\1", "")
                assert.equal(1, hellos)
            end
        end)

        it("lets read, write and trace yield, in the handshake too", function()
            for _, security in ipairs(MODES) do
                local wire = open(server(security).port, { give = 40 })
                local io, yields, lines = {}, 0, {}
                for name, call in pairs(wire.io) do
                    io[name] = function(...)
                        yields = yields + 1
                        coroutine.yield(name)
                        return call(...)
                    end
                end
                io.trace = function(direction, line) lines[#lines + 1] = direction .. " " .. line end
                local co = coroutine.create(function()
                    return posta.pump(engine(security), io, (new_mail()))
                end)
                local ok, receipt, message
                repeat ok, receipt, message = coroutine.resume(co) until coroutine.status(co) == "dead"
                assert.is_true(ok, tostring(receipt))
                assert(receipt, message)
                assert.is_true(yields > 20)
                local said = table.concat(lines, "\n")
                assert.truthy(said:find("C MAIL FROM:<ana@example.org>", 1, true), said)
            end
        end)

        it("is thrown out by an error of read or write in the handshake", function()
            for _, security in ipairs(MODES) do
                for _, name in ipairs { "read", "write" } do
                    for at = 1, 4 do
                        local wire = open(server(security).port)
                        local m, calls, e = assert(posta.message((new_mail()))), 0, engine(security)
                        wire["on_" .. name] = function()
                            if wire.in_tls() or name == "write" and security == "tls" then calls = calls + 1 end
                            if calls == at then error("the tunnel fell in", 0) end
                        end
                        local ok, why = pcall(posta.pump, e, wire.io, m)
                        -- The handshake may be over before so many calls; the mail begins behind them.
                        if not ok then
                            assert.equal("the tunnel fell in", why)
                            assert.is_not_nil(m:tostring())
                            wire.on_read, wire.on_write = nil, nil
                            local _, none, _, err = pcall(posta.pump, e, wire.io, m)
                            assert.is_true(none == nil and err.outcome == "not_sent"
                                or tostring(none):find("engine is closed", 1, true) ~= nil)
                        end
                        e:close()
                        assert.is_false(wire.sent:find("MAIL FROM", 1, true) ~= nil)
                    end
                end
            end
        end)

        it("survives being closed from inside the handshake", function()
            for _, security in ipairs(MODES) do
                for _, name in ipairs { "read", "write" } do
                    local wire, e, calls = open(server(security).port), engine(security), 0
                    wire["on_" .. name] = function()
                        calls = calls + 1
                        if calls == 3 or name == "write" and security == "tls" then e:close() end
                    end
                    local mail, subject = new_mail()
                    local err = fails("cancelled", nil, posta.pump(e, wire.io, mail))
                    assert.equal("not_sent", err.outcome)
                    assert.equal("closed", e:state())
                    wire.socket:close()
                    settle(security)
                    assert.is_nil(kept(security, subject))
                end
            end
        end)

        it("hears the wire's failures, whatever was under way", function()
            for _, security in ipairs(MODES) do
                for _, reason in ipairs { "closed", "the tunnel fell in" } do
                    for at = 1, 4 do
                        for _, name in ipairs { "on_read", "on_write" } do
                            local wire, calls = open(server(security).port), 0
                            wire[name] = function()
                                calls = calls + 1
                                if calls >= at then return nil, reason end
                            end
                            local mail, subject = new_mail()
                            local none, _, err = posta.pump(engine(security), wire.io, mail)
                            assert.is_nil(none)
                            assert.is_true(err.code == "connection.lost" or err.code == "tls.handshake", err.code)
                            assert.equal("not_sent", err.outcome)
                            assert.equal(1, wire.closed)
                            assert.is_nil(kept(security, subject))
                        end
                    end
                end
            end
        end)

        it("runs out of time in the handshake", function()
            local wire = open(implicit.port)
            wire.on_read = function(_, _, seconds)
                assert(seconds and seconds <= 0.1)
                require("socket").sleep(seconds)
                return nil, "timeout"
            end
            local err = fails("timeout.tls", nil, posta.pump(engine("tls", { timeout = { tls = 0.1 } }), wire.io,
                (new_mail())))
            assert.equal("not_sent", err.outcome)
        end)

        it("does not spin where the wire gives nothing in the handshake", function()
            for _, name in ipairs { "read", "write" } do
                local wire, calls = open(implicit.port), 0
                wire["on_" .. name] = function()
                    calls = calls + 1
                    if name == "write" then return 0 end
                    return ""
                end
                local none, message, err = posta.pump(engine "tls", wire.io, (new_mail()))
                assert.is_nil(none)
                assert.equal("not_sent", err.outcome)
                assert.is_true(calls <= 1001, calls)
                assert.truthy(message:find("gave nothing 1000 times in a row", 1, true), message)
            end
        end)

        it("tells whom it does not trust", function()
            for _, security in ipairs { "tls", "starttls" } do
                local wire = open(server(security).port)
                local other = server(security == "tls" and "starttls" or "tls")
                local err = fails("tls.verify.issuer", nil, posta.pump(
                    engine(security, { tls = { ca_file = other.ca_file } }), wire.io, (new_mail())))
                assert.equal("not_sent", err.outcome)
                local records = wire.records()
                assert.equal(21, records[#records].type)            -- the alert
                wire = open(server(security).port)
                fails("tls.verify.name", nil, posta.pump(
                    engine(security, { host = "mail.example.org" }), wire.io, (new_mail())))
            end
            local wire = open(starttls.port)
            local receipt, message = posta.pump(engine("opportunistic", { tls = { ca_file = implicit.ca_file } }),
                wire.io, (new_mail()))
            assert(receipt, message)
            assert.is_false(receipt.tls.verified)
            assert.equal("tls.verify.issuer", receipt.tls.reason)
        end)
    end)

    it("of several engines at once keeps them apart", function()
        local pumps, subjects = {}, {}
        for i = 1, 9 do
            local security = MODES[i % 3 + 1]
            local wire = open(server(security).port, { take = 500 + i, give = 20 * i })
            local read, write = wire.io.read, wire.io.write
            wire.io.read = function(...)
                coroutine.yield()
                return read(...)
            end
            wire.io.write = function(...)
                coroutine.yield()
                return write(...)
            end
            local mail, subject = new_mail { text = ("mail of %d\n"):format(i):rep(2000) }
            subjects[i] = { security, subject, i }
            pumps[i] = coroutine.create(function() return posta.pump(engine(security), wire.io, mail) end)
        end
        local left = #pumps
        while left > 0 do
            for i, co in pairs(pumps) do
                local ok, receipt, message = coroutine.resume(co)
                assert(ok, receipt)
                if coroutine.status(co) == "dead" then
                    assert(receipt, message)
                    pumps[i], left = nil, left - 1
                end
            end
        end
        for _, row in ipairs(subjects) do
            local raw = kept(row[1], row[2]).raw
            local _, lines = raw:gsub(("mail of %d\r\n"):format(row[3]), "")
            assert.equal(2000, lines)
        end
    end)

    describe("that is the host's", function()
        -- LuaSec over the wire's socket.
        local function wrapped(wire, security)
            local secure = assert(ssl.wrap(wire.socket, { mode = "client", protocol = "any", verify = "peer",
                cafile = server(security).ca_file }))
            secure:settimeout(5)
            wire.socket = secure
            return secure:dohandshake()
        end

        local function host_io(wire)
            return {
                read = function(hint, seconds)
                    assert.equal("line", hint)
                    wire.socket:settimeout(seconds)
                    local line, why, partial = wire.socket:receive "*l"
                    if line then return line .. "\r\n" end
                    if why == "wantread" then why = "timeout" end
                    return nil, why, partial
                end,
                write = function(bytes, seconds)
                    wire.socket:settimeout(seconds)
                    return wire.socket:send(bytes)
                end,
                close = function() wire.socket:close() end,
            }
        end

        it("is brought by io.starttls, in place of posta's too", function()
            for _, fields in ipairs { {}, { tls = "host" } } do
                for _, security in ipairs(MODES) do
                    local wire, names = open(server(security).port), {}
                    local io = host_io(wire)
                    io.starttls = function(name)
                        names[#names + 1] = name
                        return wrapped(wire, security)
                    end
                    local mail, subject = new_mail()
                    local receipt, message = posta.pump(engine(security, fields), io, mail)
                    assert(receipt, message)
                    assert.same({ "127.0.0.1" }, names)
                    assert.truthy(kept(security, subject))
                end
            end
        end)

        it("is there from the beginning with io.secure", function()
            for _, fields in ipairs { {}, { tls = "host" } } do
                local wire = open(implicit.port)
                assert(wrapped(wire, "tls"))
                local io = host_io(wire)
                io.secure = true
                local mail, subject = new_mail()
                local receipt, message = posta.pump(engine("tls", fields), io, mail)
                assert(receipt, message)
                assert.truthy(kept("tls", subject))
            end
        end)

        it("comes too late where posta's own has begun", function()
            for name, value in pairs { starttls = function() return true end, secure = true } do
                local wire, e = open(implicit.port), engine "tls"
                e:pending()
                local io = host_io(wire)
                io[name] = value
                fails("state", "io." .. name, posta.pump(e, io, (new_mail())))
                assert.equal("", wire.sent)
                io.close()
            end
        end)

        it("is asked for by wants().tls and answered by secured", function()
            for _, done in ipairs { true, false } do
                for _, security in ipairs(MODES) do
                    local wire, e = open(server(security).port), engine(security, { tls = "host" })
                    local io, events, asked = host_io(wire), {}, 0
                    for _ = 1, 200 do
                        e:tick()
                        local name = e:next_event()
                        while name do
                            events[#events + 1] = name
                            name = e:next_event()
                        end
                        local wants = e:wants()
                        if wants.tls then
                            asked = asked + 1
                            if done then assert(wrapped(wire, security)) end
                            e:secured(done)
                        elseif wants.write then
                            e:sent(io.write(e:pending(), 5))
                        elseif wants.read then
                            e:receive(io.read(wants.read, wants.now and 0 or 5) or "")
                        else
                            break
                        end
                    end
                    assert.equal(1, asked)
                    assert.equal(done and "secure_ok connected" or "secure_fail",
                        table.concat(events, " "))
                    assert.equal(done and "idle" or "closed", e:state())
                    if not done then fails("tls.handshake", nil, e:receipt()) end
                    io.close()
                end
            end
        end)
    end)

    describe("by hand", function()
        -- Moves octets until the event; each read gives what was asked.
        local function drive(e, wire, until_event, events)
            for _ = 1, 5000 do
                e:tick()
                local name, info = e:next_event()
                while name do
                    events[#events + 1] = name
                    if name == until_event then return info end
                    name, info = e:next_event()
                end
                local wants = e:wants()
                assert(e:timeout() == nil or e:timeout() >= 0)
                assert.is_nil(wants.tls)
                if wants.write then
                    e:sent(assert(wire.io.write(e:pending())))
                elseif wants.body then
                    e:feed()
                elseif wants.read then
                    local bytes, why, partial = wire.io.read(wants.read, wants.now and 0 or 5)
                    bytes = bytes or partial
                    if why == "closed" then e:eof(false) else assert.equal(#bytes, e:receive(bytes)) end
                else
                    assert.equal("closed", e:state())
                    return nil
                end
            end
            error("no " .. until_event)
        end

        for _, security in ipairs(MODES) do
            it("drives the handshake by wants, pending, sent and receive: " .. security, function()
                for _, options in ipairs { {}, { give = 1, take = 1 } } do
                    local wire, e, events = open(server(security).port, options), engine(security), {}
                    if security == "tls" then
                        assert.same({ write = true }, e:wants())
                        assert.matches("^\22\3[\1-\3]", e:pending())
                    else
                        assert.equal("line", e:wants().read)
                    end
                    drive(e, wire, "connected", events)
                    assert.same({ "secure_ok", "connected" }, events)
                    assert.same({}, e:wants())
                    assert.is_false(e:capabilities().starttls)
                    local mail, subject = new_mail()
                    assert.is_true(e:send(mail))
                    drive(e, wire, "sent", events)
                    assert.equal("accepted", e:receipt().outcome)
                    assert.is_true(e:receipt().tls.verified)
                    assert.truthy(kept(security, subject))
                    assert.is_true(e:quit())
                    drive(e, wire, "disconnected", events)
                    assert.equal("closed", e:state())
                    wire.io.close()
                end
            end)
        end

        it("goes on by itself with whatever came in one piece, before it is asked what it wants", function()
            local s, e, connected = assert(socket.connect("127.0.0.1", implicit.port)), engine "tls", false
            for _ = 1, 100 do
                local out = e:pending()
                if out ~= "" then
                    assert.equal(#out, s:send(out))
                    e:sent(#out)
                else
                    local name = e:next_event()
                    if name == "connected" then connected = true break end
                    if not name then
                        s:settimeout(5)
                        local first = assert(s:receive(1))
                        socket.sleep(0.02)                  -- the Finished and the greeting, for one
                        s:settimeout(0)
                        local _, _, rest = s:receive(65536)
                        local at, bytes = 0, first .. rest
                        repeat
                            local before = at
                            at = e:receive(bytes, at + 1)
                        until at == #bytes or at == before
                        assert.equal(#bytes, at)
                    end
                end
            end
            assert.is_true(connected)
            s:close()
        end)

        it("tells of a certificate that is not trusted", function()
            for _, security in ipairs { "tls", "starttls" } do
                local wire, events = open(server(security).port), {}
                local e = engine(security, { host = "mail.example.org" })
                local info = drive(e, wire, "secure_fail", events)
                assert.equal("tls.verify.name", info.status)
                assert.is_nil(drive(e, wire, "connected", events))
                local _, _, err = e:receipt()
                assert.equal("tls.verify.name", err.code)
                assert.matches("^\21\3\3%z", e:pending())            -- the alert, for who wants to send it
                assert.same({}, e:wants())
                wire.io.close()
            end
        end)

        it("is not the host's to call secure", function()
            for _, security in ipairs(MODES) do
                local e = engine(security)
                for _, said in ipairs { "secured: the engine's TLS is posta's own; make it with tls = \"host\"",
                    "tls_engine_spec" } do
                    raises(said, function() e:secured(true) end)
                end
                assert.equal("busy", e:state())
            end
        end)

        it("may be closed at any octet of the handshake", function()
            for _, security in ipairs(MODES) do
                for _, at in ipairs { 0, 1, 2, 3, 5, 8, 13, 16, 21, 24, 27, 34 } do
                    local wire, e, turns = open(server(security).port, { give = 100, take = 100 }), engine(security), 0
                    repeat
                        local wants = e:wants()
                        if wants.write then
                            e:sent(assert(wire.io.write(e:pending())))
                        elseif wants.read then
                            local bytes, _, partial = wire.io.read(wants.read, wants.now and 0 or 5)
                            e:receive(bytes or partial)
                        end
                        turns = turns + 1
                    until turns >= at or e:next_event() == "connected"
                    assert.is_true(e:close())
                    assert.equal("closed", e:state())
                    wire.io.close()
                end
            end
        end)

        it("hears the end of the wire in the handshake", function()
            for _, lost in ipairs { false, true } do
                for _, security in ipairs { "tls", "starttls" } do
                    local wire, e = open(server(security).port), engine(security)
                    for _ = 1, 200 do
                        local wants = e:wants()
                        if wants.write then e:sent(assert(wire.io.write(e:pending()))) end
                        if wants.read and wire.in_tls() then break end
                        if wants.read then e:receive(wire.io.read(wants.read, wants.now and 0 or 5) or "") end
                    end
                    e:eof(lost)
                    local events = {}
                    drive(e, wire, "secure_fail", events)
                    drive(e, wire, "never", events)
                    local _, _, err = e:receipt()
                    assert.equal("tls.handshake", err.code)
                    assert.equal("not_sent", err.outcome)
                end
            end
        end)
    end)
end)
