-- posta.engine and posta.pump: the host owns the bytes.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local CLEAR = { host = "127.0.0.1", security = "none", hello = "client.example.org" }

local function engine(fields)
    local where = {}
    for name, value in pairs(CLEAR) do where[name] = value end
    for name, value in pairs(fields or {}) do where[name] = value end
    return assert(posta.engine(where))
end

-- A server in memory: takes lines, gives replies, keeps the text. `room` bounds each way.
local function toy(options)
    options = options or {}
    local t = { out = "220 toy\r\n", input = "", mails = {}, commands = {}, to = 0 }
    local in_text = false
    local function serve(line)
        if in_text then
            if line ~= "." then
                t.text = t.text .. line .. "\r\n"
                return
            end
            in_text = false
            t.mails[#t.mails + 1] = t.text
            t.out = t.out .. "250 2.0.0 kept\r\n"
            return
        end
        t.commands[#t.commands + 1] = line
        local word = line:sub(1, 4)
        if line == "STARTTLS" then
            t.out = t.out .. "220 go\r\n"
        elseif word == "EHLO" then
            t.out = t.out .. (options.ehlo or "250-toy\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elseif word == "DATA" then
            in_text, t.text = true, ""
            t.out = t.out .. "354 go\r\n"
        else
            -- Long enough that the replies to a reckless burst do not fit into a kilobyte.
            t.out = t.out .. (word == "QUIT" and "221 bye\r\n" or "250 " .. ("fine "):rep(10) .. "\r\n")
        end
    end
    function t.run()
        while true do
            local line, rest = t.input:match("^(.-)\r\n(.*)$")
            if not line or (options.room and #t.out > options.room) then return end
            t.input = rest
            serve(line)
        end
    end
    t.io = {
        write = function(bytes)
            t.run()
            local n = options.step and math.min(options.step, #bytes) or #bytes
            if options.room then n = math.min(n, options.room - #t.input) end
            if n <= 0 then error("deadlock: nobody reads", 0) end
            t.input = t.input .. bytes:sub(1, n)
            t.run()
            return n
        end,
        read = function(hint, seconds)
            t.run()
            if t.out == "" then
                if seconds == 0 then return nil, "timeout" end
                error("deadlock: nobody writes", 0)
            end
            local n = hint == "line" and t.out:find("\n", 1, true) or hint
            if options.step then n = math.min(n, options.step) end
            local bytes = t.out:sub(1, n)
            t.out = t.out:sub(n + 1)
            return bytes
        end,
        close = function() t.closed = (t.closed or 0) + 1 end,
    }
    return t
end

describe("posta.pump", function()
    it("sends through LuaSocket", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local lines = {}
        local host = support.host(c.port)
        host.io.trace = function(direction, line) lines[#lines + 1] = direction .. " " .. line end
        local receipt = assert(posta.pump(engine { port = c.port }, host.io,
            support.mail { attachments = { { name = "a.bin", body = ("\0\255"):rep(50000) } } }))
        local mails = c:wait(1)
        assert.equal("accepted", receipt.outcome)
        assert.equal(#mails[1].raw, receipt.bytes)
        assert.equal("kept as number 1", receipt.reply.text)
        assert.truthy(table.concat(lines, "\n"):find("C QUIT", 1, true))
        assert.is_nil(host.socket:receive(1))
    end)

    it("works whatever the sizes of reads and writes, and through pipes of a kilobyte", function()
        local to = {}
        for i = 1, 300 do to[i] = ("recipient%d@example.org"):format(i) end
        local mail = support.mail { to = to, text = ("a line\n.dot\n"):rep(3000) }
        for _, options in ipairs { {}, { step = 1 }, { step = 7 }, { room = 1024 },
            { room = 1024, step = 100 }, { ehlo = "250 toy\r\n" } } do
            if options.step == 1 then mail.to, mail.text = { to[1], to[2] }, "hi\n.\n" else
                mail.to, mail.text = to, ("a line\n.dot\n"):rep(3000)
            end
            local t = toy(options)
            local receipt, message = posta.pump(engine(), t.io, mail)
            assert.truthy(receipt, message)
            assert.equal(#mail.to, #receipt.accepted)
            assert.equal(1, #t.mails)
            assert.equal("QUIT", t.commands[#t.commands])
            assert.equal(1, t.closed)
        end
    end)

    it("keeps the connection where asked", function()
        local t = toy()
        t.io.keep = true
        local e = engine()
        for i = 1, 3 do assert(posta.pump(e, t.io, support.mail { subject = "n" .. i })) end
        assert.equal(3, #t.mails)
        assert.is_nil(t.closed)
        assert.equal("idle", e:state())
        t.io.keep = nil
        assert(posta.pump(e, t.io, support.mail()))
        assert.equal("QUIT", t.commands[#t.commands])
        assert.equal("closed", e:state())
        raises("pump: engine is closed", posta.pump, e, t.io, support.mail())
    end)

    it("lets read, write, trace and bodies yield", function()
        local t = toy { step = 5 }
        local io = {}
        for name, call in pairs(t.io) do
            io[name] = function(...)
                coroutine.yield(name)
                return call(...)
            end
        end
        io.trace = function() coroutine.yield "trace" end
        local n = 0
        local mail = support.mail { text = function()
            coroutine.yield "body"
            n = n + 1
            return n < 4 and "piece\n" or nil
        end }
        local seen = {}
        local co = coroutine.create(function() return posta.pump(engine(), io, mail) end)
        local ok, value = coroutine.resume(co)
        while coroutine.status(co) ~= "dead" do
            seen[value] = true
            ok, value = coroutine.resume(co)
        end
        assert.is_true(ok, tostring(value))
        assert.equal("accepted", value.outcome)
        assert.same({ read = true, write = true, close = true, trace = true, body = true }, seen)
        assert.truthy(t.mails[1]:find("piece\r\npiece\r\npiece\r\n", 1, true))
    end)

    after_each(peer.stop_all)

    it("reports what the world does", function()
        local function over(dialogue, timeout)
            local p = peer.play(nil, dialogue)
            local host = support.host(p.port)
            local _, message, err = posta.pump(engine { port = p.port, timeout = timeout }, host.io,
                support.mail())
            return err, message, p
        end
        local err = over "S: 554 go away\nC: QUIT\nS: 221 bye"
        assert.equal("greeting.refused", err.code)
        assert.equal(554, err.reply.code)
        err = over "SLEEP 0.05\nCLOSE"
        assert.equal("connection.lost", err.code)
        assert.equal("not_sent", err.outcome)
        local HELLO = "S: 220 hello\nC: /^EHLO /\nS: 250 ok\n"
        err = over(HELLO .. "C: /^MAIL/\nS: 550 no\nC: QUIT\nS: 221 bye")
        assert.equal("sender.refused", err.code)
        err = over(HELLO .. "C: /^MAIL/\nS: 250 ok\nC: *\nS: 250 ok\nC: DATA\nS: 354 go\nTEXT\nCLOSE")
        assert.equal("connection.lost", err.code)
        assert.equal("unknown", err.outcome)
        err = over("STALL", { greeting = 0.1 })
        assert.equal("timeout.greeting", err.code)
        local message
        err, message = over(HELLO .. "C: *\nSTALL", { command = 0.3 })
        assert.equal("timeout.command", err.code)
        assert.truthy(message:find("127.0.0.1:", 1, true))
    end)

    it("fails as the host's write fails", function()
        local t = toy()
        t.io.write = function() return nil, "closed" end
        fails("connection.lost", nil, posta.pump(engine(), t.io, support.mail()))
        assert.equal(1, t.closed)
        t = toy()
        t.io.read = function() return nil, "the tunnel fell in" end
        fails("connection.lost", nil, posta.pump(engine(), t.io, support.mail()))
    end)

    it("takes a read without a reason for the end", function()
        local t = toy()
        local calls = 0
        t.io.read = function()
            calls = calls + 1
            return nil
        end
        local err = fails("connection.lost", nil, posta.pump(engine(), t.io, support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.equal(1, calls)
    end)

    it("does not spin where nothing moves", function()
        local t = toy()
        local calls = 0
        local function nothing(what)
            return function()
                calls = calls + 1
                if calls > 5000 then error("it spins", 0) end
                return what
            end
        end
        t.io.read = nothing ""
        local err = fails("connection.lost", nil, posta.pump(engine(), t.io, support.mail()))
        assert.equal(1000, calls)
        assert.truthy(err.message:find("io.read gave nothing 1000 times in a row", 1, true), err.message)
        assert.equal("not_sent", err.outcome)
        t, calls = toy(), 0
        t.io.write = nothing(0)
        err = fails("connection.lost", nil, posta.pump(engine(), t.io, support.mail()))
        assert.equal(1000, calls)
        assert.truthy(err.message:find("io.write gave nothing 1000 times in a row", 1, true), err.message)
    end)

    it("asks io.wait where nothing moves, as often as it takes", function()
        local t = toy()
        local read, write = t.io.read, t.io.write
        local waits, reads, writes = 0, 0, 0
        t.io.wait = function() waits = waits + 1 end
        t.io.read = function(...)
            reads = reads + 1
            if select(2, ...) ~= 0 and reads % 300 ~= 0 then return "" end
            return read(...)
        end
        t.io.write = function(...)
            writes = writes + 1
            if writes % 1500 ~= 0 then return 0 end
            return write(...)
        end
        local receipt, message = posta.pump(engine(), t.io, support.mail())
        assert.truthy(receipt, message)
        assert.equal(1, #t.mails)
        assert.is_true(waits > 3000)
    end)

    it("names a count of bytes that cannot be", function()
        for value, said in pairs { [-1] = "-1", [1.5] = "1.5", [1e9] = "1000000000", [math.huge] = "inf",
            ["7"] = "string" } do
            local t = toy()
            t.io.write = function() return value end
            raises("io.write: expected a count of bytes from 0 to 25, got " .. said, posta.pump, engine(), t.io,
                support.mail())
        end
        local t = toy()
        t.io.write = function() return 0 / 0 end
        local why = raises("io.write: expected a count", posta.pump, engine(), t.io, support.mail())
        assert.truthy(why:find("nan", 1, true), why)
        t = toy()
        t.io.write = function() return nil, "timeout", 26 end
        raises("io.write: expected a count of bytes from 0 to 25, got 26", posta.pump, engine(), t.io,
            support.mail())
    end)

    it("looks at the mail before and at bodies while it sends", function()
        fails("field.invalid", "to", posta.pump(engine(), toy().io, support.mail { to = "x" }))
        fails("field.invalid", nil, posta.pump(engine(), toy().io, { from = "a@b.org", text = "" }))
        local err = fails("body.failed", "text", posta.pump(engine(), toy().io, support.mail {
            text = function() return nil, "gone" end }))
        assert.truthy(tostring(err):find("gone", 1, true))
    end)

    it("is busy once, and consistent after an error", function()
        local e, inner = engine(), nil
        local t = toy()
        local read = t.io.read
        t.io.read = function(...)
            inner = inner or { posta.pump(e, t.io, support.mail()) }
            return read(...)
        end
        assert(posta.pump(e, t.io, support.mail()))
        fails("busy", nil, inner[1], inner[2], inner[3])
        e = engine()
        t = toy()
        t.io.write = function() error "broken" end
        local m = assert(posta.message(support.mail()))
        raises("broken", posta.pump, e, t.io, m)
        assert.truthy(m:tostring())
        local ok, none, _, err = pcall(posta.pump, e, toy().io, m)
        assert.is_true(not ok or (none == nil and err.outcome == "not_sent"))
    end)

    it("survives being closed from inside", function()
        for _, name in ipairs { "read", "write" } do
            local e, t = engine(), toy()
            local call = t.io[name]
            t.io[name] = function(...)
                e:close()
                return call(...)
            end
            fails("cancelled", nil, posta.pump(e, t.io, support.mail()))
        end
    end)

    it("says STARTTLS and lets the host do the handshake", function()
        local t, names = toy(), {}
        t.io.starttls = function(name)
            names[#names + 1] = name .. " after " .. t.commands[#t.commands]
            return true
        end
        t.io.secure = false
        assert(posta.pump(engine { host = "mail.example.org", security = "starttls" }, t.io, support.mail()))
        assert.same({ "mail.example.org after STARTTLS" }, names)
        assert.equal("EHLO client.example.org", t.commands[3])      -- again, and what was offered before is forgotten
        assert.equal(1, #t.mails)

        t = toy()
        t.io.starttls = function() return nil, "unknown issuer" end
        local message = select(2, posta.pump(engine { host = "mail.example.org", security = "starttls" }, t.io,
            support.mail()))
        assert.equal("mail.example.org:587: the TLS handshake failed: unknown issuer; nothing was sent.", message)
        assert.equal("STARTTLS", t.commands[#t.commands])

        t = toy()
        fails("tls.not_built", "io.starttls", posta.pump(
            engine { host = "mail.example.org", security = "starttls", tls = "host" }, t.io, support.mail()))
        assert.same({}, t.commands)
    end)

    it("raises on misuse", function()
        local t = toy()
        raises("engine: expected posta.engine, got table", posta.pump, {}, t.io, support.mail())
        raises("engine: expected posta.engine, got userdata", posta.pump, posta.message(support.mail()), t.io, {})
        raises("io: expected table, got nil", posta.pump, engine(), nil, support.mail())
        raises("io.read: expected function, got nil", posta.pump, engine(), { write = print }, support.mail())
        raises("io.receive: unknown; write read", posta.pump, engine(), { receive = print }, support.mail())
        raises("io.resolve: not built", posta.pump, engine(), { read = print, write = print, resolve = print }, {})
        raises("mail.to: expected string", posta.pump, engine(), t.io, { to = 1 })
        t.io.write = function() return true end
        raises("io.write: expected a count of bytes from 0 to 25, got boolean", posta.pump, engine(), t.io,
            support.mail())
        t = toy()
        t.io.read = function() return 1 end
        raises("io.read: expected string, got number", posta.pump, engine(), t.io, support.mail())
    end)
end)

describe("posta.engine", function()
    it("can be driven by hand", function()
        local e, t = engine(), toy()
        local events = {}
        local function drive(until_event)
            for _ = 1, 1000 do
                e:tick()
                local name = e:next_event()
                while name do
                    events[#events + 1] = name
                    if name == until_event then return end
                    name = e:next_event()
                end
                local wants = e:wants()
                assert(e:timeout() == nil or e:timeout() >= 0)
                if wants.write then e:sent(t.io.write(e:pending()))
                elseif wants.body then e:feed()
                elseif wants.read then
                    local bytes = t.io.read(wants.read, wants.now and 0 or 1) or ""
                    assert.equal(#bytes, e:receive(bytes))
                end
            end
            error("no " .. until_event)
        end
        assert.matches("^posta%.engine: ", tostring(e))
        assert.equal("line", e:wants().read)
        drive "connected"
        assert.equal("idle", e:state())
        assert.same({}, e:wants())
        assert.is_true(e:capabilities().pipelining)
        local given = false
        assert.is_true(e:send(support.mail { text = function()
            given = not given
            return given and "by hand\n" or nil
        end }))
        assert.equal("busy", e:state())
        drive "sent"
        assert.equal("accepted", e:receipt().outcome)
        assert.truthy(t.mails[1]:find("by hand", 1, true))
        assert.is_true(e:quit())
        drive "disconnected"
        assert.equal("closed", e:state())
        assert.equal("connected recipient_ack sent disconnected",
            table.concat(events, " "))
    end)

    it("takes all of a dialogue at once, and says what it took", function()
        local e = engine()
        local bytes = ("250-x\r\n"):rep(2000)
        assert.equal(9, e:receive "220 toy\r\n")
        e:tick()
        assert.equal("EHLO client.example.org\r\n", e:pending())
        e:sent(5)
        assert.equal("client.example.org\r\n", e:pending())
        e:sent(#e:pending())
        local at = 0
        for _ = 1, 5000 do
            at = e:receive(bytes, at + 1)
            while e:next_event() do assert(true) end
            if at >= #bytes or e:state() == "closed" then break end
        end
        assert.is_true(at > 4096)
    end)

    it("checks what it is given", function()
        local e = engine()
        assert.has_error(function() e:sent(1) end)
        assert.has_error(function() e:sent(-1) end)
        assert.has_error(function() e:sent(0 / 0) end)
        assert.has_error(function() e:receive() end)
        assert.has_error(function() e:receive("x", 0) end)
        assert.has_error(function() e:receive("x", 3) end)
        raises("mail.to", e.send, e, { to = 1 })
        fails("field.invalid", "hello", posta.engine { host = "127.0.0.1", hello = "a b" })
        fails("field.invalid", "host", posta.engine { host = "a b", security = "none" })
        assert.is_true(e:close())
        assert.is_true(e:close())
        assert.equal("posta.engine (closed)", tostring(e))
        assert.equal("closed", e:state())
        for _, name in ipairs { "receive", "pending", "sent", "eof", "wants", "timeout", "tick", "next_event",
            "send", "feed", "receipt", "quit", "capabilities" } do
            raises(name .. ": engine is closed", e[name], e, "x")
        end
    end)

    it("hears the end", function()
        for _, lost in ipairs { false, true } do
            local e = engine()
            e:eof(lost)
            e:tick()
            while e:next_event() do assert(true) end
            assert.equal("closed", e:state())
            local _, _, err = e:receipt()
            assert.equal("connection.lost", err.code)
        end
    end)
end)
