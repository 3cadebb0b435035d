-- posta.send and posta.connect against the catcher: what arrives, what is told.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

-- A body function that gives one piece.
local function once(piece)
    local given = false
    return function()
        if given then return nil end
        given = true
        return piece
    end
end

describe("posta.send", function()
    local c, n

    setup(function()
        c = catcher.spawn {}
        n = 0
    end)
    teardown(function() c:stop() end)

    -- Sends and gives the mail that arrived, and the receipt.
    local function arrived(fields, where)
        local receipt = assert(posta.send(where or c.url, fields))
        n = n + 1
        return c:wait(n)[n], receipt
    end

    it("delivers one mail and tells all about it", function()
        local got, receipt = arrived(support.mail { subject = "Zażółć", bcc = "eve@example.org" })
        assert.equal("ana@example.org", got.from)
        assert.same({ "bob@example.org", "eve@example.org" }, got.to)
        assert.equal(#got.raw, receipt.bytes)
        assert.equal("accepted", receipt.outcome)
        assert.equal(support.field(got.raw, "Message-ID"), receipt.message_id)
        assert.equal(250, receipt.reply.code)
        assert.equal("2.0.0", receipt.reply.enhanced)
        assert.equal("kept as number 1", receipt.reply.text)
        assert.equal(2, #receipt.recipients)
        assert.equal(2, #receipt.accepted)
        assert.same({}, receipt.refused)
        local bob = receipt.recipients[1]
        assert.equal("bob@example.org", bob.address)
        assert.equal("accepted", bob.status)
        assert.same({ code = 250, enhanced = "2.1.5", text = "recipient taken" }, bob.reply)
        assert.is_false(receipt.tls)
        assert.same({}, receipt.insecure)
        assert.is_true(receipt.duration >= 0 and receipt.duration < 5)
        assert.is_nil(got.raw:find("eve", 1, true))
    end)

    it("takes the place as a URL, as a table, and with options beside it", function()
        arrived(support.mail(), { host = "127.0.0.1", port = c.port })
        arrived(support.mail(), { url = c.url, security = "none", hello = "client.example.org" })
        arrived(support.mail(), { host = "localhost", address = "127.0.0.1", port = c.port })
        arrived(support.mail(), { host = "relay.example.org", address = "127.0.0.1", port = c.port,
            security = "none", local_address = "127.0.0.1", on_refused = "abort", chunking = "off",
            pipeline = "off", timeout = 10 })
        assert.truthy(posta.send(c.url, support.mail(), { hello = "other.example.org" }))
        n = n + 1
        assert.truthy(posta.send(("smtp://127.0.0.1:%d?timeout=5"):format(c.port), support.mail(),
            { timeout = { connect = 2, greeting = 3, total = math.huge } }))
        n = n + 1
        assert.equal(n, #c:wait(n))
    end)

    it("leaves the caller's tables as they were", function()
        local where = { host = "127.0.0.1", port = c.port }
        local mail = support.mail { to = { "bob@example.org" } }
        arrived(mail, where)
        assert.same({ host = "127.0.0.1", port = c.port }, where)
        assert.same(support.mail { to = { "bob@example.org" } }, mail)
    end)

    it("sends every octet of big and odd bodies", function()
        local octets = {}
        for i = 0, 255 do octets[#octets + 1] = string.char(i) end
        octets = table.concat(octets):rep(1200) .. "\r.\n.\r\n\0"
        local path, remove = support.file("big.bin", octets)
        finally(remove)
        local at = 1
        local function stream()
            if at > #octets then return nil end
            local piece = octets:sub(at, at + 9999)
            at = at + 10000
            return piece
        end
        local got = arrived(support.mail { attachments = { path, { name = "b.bin", body = octets },
            { name = "c.bin", body = stream }, { name = "d.bin", body = assert(io.open(path, "rb")) } } })
        local out = support.read(got.raw)
        local _, count = out:gsub(("%d octets"):format(#octets), "")
        assert.equal(4, count, out)
        local sum
        for this in out:gmatch("sha256 (%x+)") do
            if #this > 0 and out:find(("%d octets  sha256 %s"):format(#octets, this), 1, true) then
                assert.equal(sum or this, this)
                sum = this
            end
        end
        assert.truthy(sum)
    end)

    it("sends a message object, also twice", function()
        local m = assert(posta.message(support.mail()))
        local first = arrived(m)
        local second = arrived(m)
        assert.equal(first.raw, second.raw)
        assert.equal(first.raw, m:tostring())
        assert.equal(support.field(first.raw, "Message-ID"), m:message_id())
        local used = assert(posta.message(support.mail { text = once "x" }))
        arrived(used)
        fails("body.failed", nil, posta.send(c.url, used))
    end)

    it("sends finished text to an envelope", function()
        local path, remove = support.file("mail.eml", "Subject: from a file\r\n\r\n.dot\r\n")
        finally(remove)
        local got, receipt = arrived { raw = { file = path }, envelope = { from = "", to = "bob@example.org" } }
        assert.equal("", got.from)
        assert.equal("Subject: from a file\r\n\r\n.dot\r\n", got.raw)
        assert.is_nil(receipt.message_id)
    end)

    it("traces to a function, and prints for true", function()
        local lines = {}
        arrived(support.mail(), { url = c.url, trace = function(direction, line)
            lines[#lines + 1] = direction .. " " .. line
        end })
        local all = table.concat(lines, "\n")
        assert.truthy(all:find("C MAIL FROM:<ana@example.org>", 1, true), all)
        assert.truthy(all:find("S 250 2.1.5 recipient taken", 1, true), all)
        assert.truthy(all:find("C QUIT", 1, true), all)
    end)

    it("waits in a hook, which may yield", function()
        local asked = 0
        local p = peer.play(nil, "SLEEP 0.1\nS: 220 hello\nC: *\nS: 250 ok\nC: *\nS: 250 ok\nC: *\nS: 250 ok\n"
            .. "C: DATA\nS: 354 go\nTEXT\nSLEEP 0.1\nS: 250 done\nC: QUIT\nS: 221 bye")
        finally(p.stop)
        local where = { url = p.url, wait = function(s)
            asked = asked + 1
            assert(s:pollfd() == nil or s:pollfd() >= 0)
            assert(s:events():find("^r?w?$"))
            assert(s:timeout() == nil or s:timeout() > 0)
            assert.equal(s:pollfd() or -1, s:getfd())
            assert.is_false(s:dirty())
            coroutine.yield "waiting"
            require("socket").select({ s }, nil, 0.01)
        end }
        local co = coroutine.create(function() return posta.send(where, support.mail()) end)
        local ok, value
        repeat
            ok, value = coroutine.resume(co)
            assert.is_true(ok, tostring(value))
        until coroutine.status(co) == "dead"
        assert.equal("accepted", value.outcome)
        assert.is_true(asked > 0)
    end)

    it("asks a body again that has nothing yet", function()
        local turns = 0
        local got = arrived(support.mail { text = function()
            turns = turns + 1
            if turns > 6 then return nil end
            return turns % 2 == 0 and "piece\n" or ""
        end })
        assert.truthy(got.raw:find("piece\r\npiece\r\npiece\r\n", 1, true))
    end)

    it("takes what Ctrl-C and count hooks raise", function()
        local stop = { "stop" }
        local ok, why = pcall(posta.send, { url = c.url, wait = function() error(stop) end }, support.mail())
        assert.is_false(ok)
        assert.equal(stop, why)
        ok, why = pcall(posta.send, c.url, support.mail { text = function() error(stop) end })
        assert.is_false(ok)
        assert.equal(stop, why)
    end)

    it("tells who was refused, and by which words", function()
        local long = ("many words "):rep(30)
        local p = peer.play(nil, ([[
            S: 220 hello
            C: /^EHLO /
            S: 250 ok
            C: MAIL FROM:<ana@example.org>
            S: 250 ok
            C: RCPT TO:<a@example.org>
            S: 250 ok
            C: RCPT TO:<b@example.org>
            S: 550-5.1.1 nobody
            S: 550 5.1.1 %s
            C: RCPT TO:<c@example.org>
            S: 452 4.2.2 full
            C: DATA
            S: 354 go
            TEXT
            S: 250 done
            C: QUIT
            S: 221 bye]]):format(long))
        local receipt, message = posta.send(p.url, support.mail { to = { "a@example.org", "b@example.org",
            "c@example.org" } })
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
        assert.truthy(receipt, message)
        assert.equal("partial", receipt.outcome)
        assert.equal(1, #receipt.accepted)
        assert.equal(2, #receipt.refused)
        assert.equal("b@example.org", receipt.refused[1].address)
        assert.equal("refused", receipt.refused[1].status)
        assert.equal("pointless", receipt.refused[1].retry)
        assert.equal(550, receipt.refused[1].reply.code)
        assert.equal("5.1.1", receipt.refused[1].reply.enhanced)
        assert.truthy(receipt.refused[1].reply.text:find(long, 1, true), "the words were cut")
        assert.equal("safe", receipt.refused[2].retry)
        assert.equal("4.2.2", receipt.refused[2].reply.enhanced)
    end)

    it("does not turn a success into a failure because of QUIT", function()
        for _, quitting in ipairs { "C: QUIT\nS: 500 no", "C: QUIT\nCLOSE", "CLOSE", "RST", "C: QUIT\nRST" } do
            local p = peer.play(nil, [[
                S: 220 hello
                C: /^EHLO /
                S: 250 ok
                C: *
                S: 250 ok
                C: *
                S: 250 ok
                C: DATA
                S: 354 go
                TEXT
                S: 250 done
                ]] .. quitting)
            local receipt, message = posta.send({ url = p.url, timeout = { quit = 0.3 } }, support.mail())
            local _, transcript = p.result()
            assert.truthy(receipt, tostring(message) .. "\n" .. quitting .. "\n" .. transcript)
        end
    end)

    it("raises at the caller's line", function()
        local here = debug.getinfo(1, "S").short_src
        local why = raises("mail.to: expected", function() posta.send(c.url, { to = 1 }) end)
        assert.equal(1, (why:find(here, 1, true)), why)
        why = raises("where.hst: unknown; did you mean host?", function()
            local r = posta.send({ hst = "x" }, {})
            return r
        end)
        assert.equal(1, (why:find(here, 1, true)), why)
    end)
end)

describe("posta.connect", function()
    local c

    setup(function() c = catcher.spawn {} end)
    teardown(function() c:stop() end)

    -- A peer that lets the client wait for the answer to MAIL until open "sender", whatever the machine is like.
    local function slow(rest)
        local p = peer.play(nil, [[
            S: 220 hello
            C: /^EHLO /
            S: 250 ok
            C: /^MAIL/
            HOLD sender
            S: 250 ok
            C: *
            S: 250 ok
            C: DATA
            S: 354 go
            TEXT
            S: 250 done
            ]] .. (rest or ""))
        return p
    end

    after_each(peer.stop_all)

    it("sends several mails on one connection", function()
        local conn = assert(posta.connect(c.url))
        assert.matches("^posta%.session: ", tostring(conn))
        assert.is_true(conn:is_connected())
        assert.is_true(conn:capabilities().pipelining)
        assert.equal(52428800, conn:capabilities().size_max)
        for i = 1, 5 do
            local receipt = assert(conn:send(support.mail { subject = "number " .. i }))
            assert.equal("accepted", receipt.outcome)
        end
        assert.is_true(conn:noop())
        assert.is_true(conn:reset())
        local text, reply, cut = conn:last_response()
        assert.is_string(text)
        assert.equal(250, reply.code)
        assert.is_false(cut)
        assert.is_true(conn:quit())
        assert.is_false(conn:is_connected())
        assert.equal(5, #c:wait(5))
    end)

    it("refuses a wrong mail and goes on", function()
        local conn = assert(posta.connect(c.url))
        local before = #c:mails()
        fails("field.invalid", "to", conn:send(support.mail { to = "nobody" }))
        fails("field.invalid", "to", conn:send { from = "ana@example.org", text = "" })
        raises("mail.to: expected string", conn.send, conn, { to = 7 })
        local err = fails("body.failed", "text", conn:send(support.mail { text = function() return 1 end }))
        assert.equal("not_sent", err.outcome)
        conn:close()
        conn = assert(posta.connect(c.url))
        assert.truthy(conn:send(support.mail()))
        assert.is_true(conn:quit())
        assert.equal(before + 1, #c:wait(before + 1))
    end)

    it("does one thing at a time", function()
        local inner, is_up
        local p = slow "C: QUIT\nS: 221 bye"
        local conn = assert(posta.connect { url = p.url, wait = function(s)
            inner = inner or { s:send(support.mail()) }
            if is_up then p.open "sender" end
            require("socket").sleep(0.002)
        end })
        inner, is_up = nil, true
        assert.truthy(conn:send(support.mail()))
        local err = fails("busy", nil, inner[1], inner[2], inner[3])
        assert.equal("session is busy", tostring(err))
        assert.is_true(err.temporary)
        assert.is_true(conn:quit())
    end)

    it("is busy for others while a coroutine waits in it", function()
        local waits
        local p = slow()
        local conn = assert(posta.connect { url = p.url, wait = function()
            if waits then coroutine.yield() end
            require("socket").sleep(0.002)
        end })
        waits = true
        local co = coroutine.wrap(function() return conn:send(support.mail()) end)
        assert.is_nil(co())
        fails("busy", nil, conn:send(support.mail()))
        fails("busy", nil, conn:noop())
        fails("busy", nil, conn:quit())
        waits = false
        p.open "sender"
        assert.equal("accepted", co().outcome)
        conn:close()
    end)

    it("is given up, not corrupt, when user code raised in the middle", function()
        local broken = false
        local conn = assert(posta.connect { url = slow().url, wait = function()
            if broken then error("broken") end
            require("socket").sleep(0.002)
        end })
        broken = true
        local m = assert(posta.message(support.mail()))
        raises("broken", conn.send, conn, m)
        broken = false
        local err = fails("cancelled", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
        fails("cancelled", nil, conn:noop())
        assert.truthy(m:tostring())                  -- the message came back
        assert.truthy(posta.send(c.url, m))
        fails("cancelled", nil, conn:quit())
        raises("noop: session is closed", conn.noop, conn)
    end)

    it("gives the message back when nobody asks the broken connection again", function()
        local broken = false
        local conn = assert(posta.connect { url = slow().url, wait = function()
            if broken then error("broken") end
            require("socket").sleep(0.002)
        end })
        broken = true
        local m = assert(posta.message(support.mail()))
        raises("broken", conn.send, conn, m)
        assert.truthy(m:tostring())
        conn:close()
    end)

    it("is given up when the coroutine that used it died of an error", function()
        local conn = assert(posta.connect(c.url))
        local co = coroutine.create(function()
            conn:send(support.mail { text = function() error("in a body", 0) end })
        end)
        local ok, why = coroutine.resume(co)
        assert.is_false(ok)
        assert.equal("in a body", why)
        fails("cancelled", nil, conn:send(support.mail()))
        conn:close()
    end)

    it("is cancelled by a hook", function()
        local enough = false
        local conn = assert(posta.connect { url = slow().url, wait = function()
            if enough then return nil, "enough" end
            require("socket").sleep(0.002)
        end })
        enough = true
        local err = fails("cancelled", nil, conn:send(support.mail()))
        assert.truthy(tostring(err):find("cancelled: enough", 1, true), tostring(err))
        assert.is_false(conn:is_connected())
        conn:close()
    end)

    it("may be closed from inside", function()
        local conn
        conn = assert(posta.connect { url = slow().url, wait = function()
            if conn then conn:close() else require("socket").sleep(0.002) end
        end })
        fails("cancelled", nil, conn:send(support.mail()))
        local other = assert(posta.connect(c.url))
        fails("cancelled", nil, other:send(support.mail { text = function() other:close() return "x" end }))
        local third
        third = assert(posta.connect { url = c.url, trace = function() if third then third:close() end end })
        fails("cancelled", nil, third:noop())
        local loose = assert(posta.connect(c.url))
        fails("cancelled", nil, loose:send(support.mail { text = function()
            loose:close()
            loose = nil
            collectgarbage()
            collectgarbage()
            return "x"
        end }))
    end)

    it("may use another connection from inside", function()
        local one, two = assert(posta.connect(c.url)), assert(posta.connect(c.url))
        local given = false
        local receipt = assert(one:send(support.mail { text = function()
            if given then return nil end
            given = true
            assert(two:send(support.mail { text = "inner\n" }))
            two:quit()
            return "outer\n"
        end }))
        assert.equal("accepted", receipt.outcome)
        one:quit()
    end)

    it("does not read or send a message that another sends", function()
        local one = assert(posta.connect(c.url))
        local m, seen
        m = assert(posta.message(support.mail { text = function()
            if seen then return nil end
            seen = { { m:tostring() }, { posta.send(c.url, m) }, { m:header(10) } }
            return "x"
        end }))
        assert(one:send(m))
        for _, answer in ipairs(seen) do
            local err = fails("busy", nil, answer[1], answer[2], answer[3])
            assert.equal("message is busy", tostring(err))
        end
        one:quit()
    end)

    it("raises on a closed connection", function()
        local conn = assert(posta.connect(c.url))
        assert.is_true(conn:close())
        assert.is_true(conn:close())
        assert.equal("posta.session (closed)", tostring(conn))
        for _, name in ipairs { "send", "quit", "reset", "noop", "capabilities", "last_response", "pollfd",
            "events", "timeout", "getfd" } do
            raises(name .. ": session is closed", conn[name], conn, {})
        end
        assert.is_false(conn:is_connected())
    end)

    it("says QUIT when it is closed idle, and nothing when it is collected", function()
        local function dialogue(ending)
            return peer.play(nil, "S: 220 hello\nC: /^EHLO /\nS: 250 ok\n" .. ending)
        end
        local p = dialogue "C: QUIT"
        assert(posta.connect(p.url)):close()
        assert.is_true((p.result()))
        p = dialogue ""
        assert(posta.connect(p.url))
        collectgarbage()
        collectgarbage()
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
    end)

    it("is closed by a to-be-closed variable where Lua has them", function()
        local load_text = rawget(_G, "loadstring") or load
        local chunk = load_text("local conn <close> = ... ; return conn:noop()")
        if not chunk then return assert.is_true(_VERSION ~= "Lua 5.4") end
        local conn = assert(posta.connect(c.url))
        assert.is_true(chunk(conn))
        raises("noop: session is closed", conn.noop, conn)
        return nil
    end)
end)
