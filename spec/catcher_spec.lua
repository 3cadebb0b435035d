-- The catcher, driven by raw sockets: in this process, and as tools/catch.

local socket = require "socket"
local catcher = require "posta.catcher"
local child = require "spec.support.child"
local connect = require("spec.support.client").connect
local support = require "spec.support.catcher"

local ENVELOPE = "EHLO me.example\r\nMAIL FROM:<ana@example.org>\r\nRCPT TO:<bob@example.org>\r\n"

local function begin(c)
    local client = connect(c)
    assert.matches("^220 ", client.reply())
    client.send(ENVELOPE .. "DATA\r\n")
    for _, code in ipairs { "250", "250", "250", "354" } do
        assert.equal(code, client.reply():sub(1, 3))
    end
    return client
end

local function codes(client, lines)
    for _, row in ipairs(lines) do
        local got = assert(client.ask(row[1]))
        assert.equal(row[2], got:sub(1, #row[2]), row[1] .. " -> " .. got)
    end
end

describe("the catcher", function()
    local c

    local function start(options)
        options = options or {}
        if options.log == nil then options.log = false end
        c = assert(catcher.start(options))
        return c
    end

    after_each(function()
        if c then c:stop() end
        c = nil
    end)

    it("takes a mail and keeps its octets", function()
        start()
        assert.equal("smtp://127.0.0.1:" .. c.port, c.url)
        local client = begin(c)
        client.send("Subject: x\r\n\r\nHello\r\n\0\255.\r\n.\r\n")
        assert.equal("250 2.0.0 kept as number 1", client.reply())
        local mails = assert(c:wait(1, 1))
        assert.equal(c.mails, mails)
        assert.equal("ana@example.org", mails[1].from)
        assert.same({ "bob@example.org" }, mails[1].to)
        assert.equal("Subject: x\r\n\r\nHello\r\n\0\255.\r\n", mails[1].raw)
        assert.equal("221", client.ask("quit"):sub(1, 3))
        assert.same({ nil, "closed" }, { client.reply() })
        assert.equal(0, c:clients())
    end)

    it("answers a whole pipelined session with several mails and recipients", function()
        start()
        local client = connect(c)
        client.send("ehlo me.example\r\nMail From:<>\r\nrcpt to:<a@x.org>\r\nRCPT TO:<b@x.org>\r\n"
            .. "RCPT TO:<Postmaster>\r\nDATA\r\none\r\n.\r\nRSET\r\nMAIL FROM:<c@x.org>\r\n"
            .. "RCPT TO:<\"d >\\\" e\"@[127.0.0.1]>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n")
        local got = {}
        repeat
            local reply = client.reply()
            got[#got + 1] = reply and reply:sub(1, 3)
        until not reply
        assert.equal("220 250 250 250 250 250 354 250 250 250 250 354 250 221",
            table.concat(got, " "))
        assert.equal("", c.mails[1].from)
        assert.same({ "a@x.org", "b@x.org", "Postmaster" }, c.mails[1].to)
        assert.equal("one\r\n", c.mails[1].raw)
        assert.same({ '"d >\\" e"@[127.0.0.1]' }, c.mails[2].to)
        assert.equal("two\r\n", c.mails[2].raw)
        assert.same({ "the text was sent before 354" }, c.mails[2].notes)
    end)

    -- RFC 5321, 4.5.2, and nothing but CRLF.CRLF ends: { wire, kept }
    local texts = {
        { ".\r\n", "" },
        { "..\r\n.\r\n", ".\r\n" },
        { "...\r\n.\r\n", "..\r\n" },
        { "..a\r\n..\r\n...b\r\n.\r\n", ".a\r\n.\r\n..b\r\n" },
        { ".a\r\n.\r\n", "a\r\n" },
        { "a.\r\n b..\r\n.\r\n", "a.\r\n b..\r\n" },
        { "\r\n\r\n.\r\n", "\r\n\r\n" },
        { "a\n.\nb\r.\rc\r\n.\r\n", "a\n.\nb\r.\rc\r\n" },
        { "a\n.\r\nb\r\n.\nc\r\n.\r\n", "a\n.\r\nb\r\n\nc\r\n" },
        { "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n" },
        { "a\r\r\n.\r\n", "a\r\r\n" },
        { "\r\n.\r\n", "\r\n" },
    }
    for _, row in ipairs(texts) do
        it(("takes the text %q whole and octet by octet"):format(row[1]), function()
            start()
            local whole = begin(c)
            whole.send(row[1])
            assert.equal("250", whole.reply():sub(1, 3))
            local slow = begin(c)
            for octet in row[1]:gmatch(".") do
                assert.is_true(slow.silent())
                slow.send(octet)
            end
            assert.equal("250", slow.reply():sub(1, 3))
            assert.equal(row[2], c.mails[1].raw)
            assert.equal(row[2], c.mails[2].raw)
            assert.is_true(whole.silent() and slow.silent())
        end)
    end

    it("keeps every text over CR LF . a up to length 5 as a second reading of the rule does",
        function()
            start()
            local client = connect(c)
            client.reply()
            client.ask("EHLO me.example")
            local letters, n = { "\r", "\n", ".", "a" }, 0
            for number = 0, 4 ^ 5 - 1 do
                local text, left = "", number
                for _ = 1, 5 do
                    text = text .. letters[left % 4 + 1]
                    left = math.floor(left / 4)
                end
                text = text .. "\r\n"
                -- stuffed line by line; the catcher unstuffs by pattern
                local lines = {}
                for line in text:gmatch("(.-)\r\n") do
                    lines[#lines + 1] = (line:sub(1, 1) == "." and "." or "") .. line
                end
                client.send("MAIL FROM:<>\r\nRCPT TO:<a@b.org>\r\nDATA\r\n"
                    .. table.concat(lines, "\r\n") .. "\r\n.\r\n")
                for _ = 1, 4 do client.reply() end
                n = n + 1
                assert.equal(text, c.mails[n] and c.mails[n].raw)
            end
        end)

    it("takes commands octet by octet", function()
        start()
        local client = connect(c)
        client.reply()
        for octet in (ENVELOPE .. "DATA\r\nx\r\n.\r\n"):gmatch(".") do client.send(octet) end
        for _, code in ipairs { "250", "250", "250", "354", "250" } do
            assert.equal(code, client.reply():sub(1, 3))
        end
        assert.equal("x\r\n", c.mails[1].raw)
    end)

    it("refuses what comes out of order or is malformed", function()
        start()
        local client = connect(c)
        client.reply()
        codes(client, {
            { "MAIL FROM:<a@b.org>", "503 5.5.1" }, { "DATA", "503 5.5.1" },
            { "EHLO", "501" }, { "EHLO under_score", "501" }, { "EHLO [127.0.0.1]", "250" },
            { "RCPT TO:<a@b.org>", "503 5.5.1" }, { "DATA", "503 5.5.1" },
            { "MAIL FROM: <a@b.org>", "501 5.1.7" }, { "MAIL FROM:a@b.org", "501 5.1.7" },
            { "MAIL FROM:<a@b..org>", "501" }, { "MAIL FROM:<a b@c.org>", "501" },
            { "MAIL FROM:<.a@b.org>", "501" }, { "MAIL FROM:<a@b.org", "501" },
            { "MAIL FROM:<a@b.org> SIZE=x", "501" }, { "MAIL FROM:<a@b.org>  SIZE=1", "501" },
            { "MAIL FROM:<a@b.org>SIZE=1", "501" },
            { "MAIL FROM:<a@b.org> SIZE=1 SIZE=1", "501" },
            { "MAIL FROM:<a@b.org> BODY=9BIT", "501" },
            { "MAIL FROM:<a@b.org> FOO=1", "555 5.5.4" },
            { "MAIL FROM:<a@b.org> SMTPUTF8", "555" },
            { "MAIL FROM:<\195\177@b.org>", "553 5.6.7" },
            { "MAIL FROM:<a@b.org> SIZE=52428801", "552 5.3.4" },
            { "MAIL FROM:<a@b.org> SIZE=10 BODY=8BITMIME", "250 2.1.0" },
            { "MAIL FROM:<a@b.org>", "503" }, { "DATA", "554 5.5.1" },
            { "RCPT TO:<>", "501 5.1.3" }, { "RCPT TO:<nobody>", "501" },
            { "RCPT TO:<" .. ("x"):rep(65) .. "@b.org>", "501" },
            { "RCPT TO:<a@b.org> NOTIFY=NEVER", "555" },
            { "RCPT TO:<@r.org,@s.org:a@b.org>", "250" },
            { "DATA now", "501" }, { "RSET x", "501" }, { "VRFY", "501" }, { "VRFY bob", "252" },
            { "NOOP what so ever", "250" }, { "HELP", "214" }, { "STARTTLS", "502 5.5.1" },
            { "FOO", "500 5.5.2" }, { "", "500" }, { "RCPT\tTO:<a@b.org>", "500" },
            { "RSET", "250" }, { "RCPT TO:<a@b.org>", "503" },
            { ("x"):rep(5000), "500" }, { "NOOP", "250" }, { "NOOP \0", "500" },
            { "HELO me.example", "250" }, { "MAIL FROM:<a@b.org> SIZE=1", "555" },
        })
        client.send("NOOP\n")
        assert.matches("CRLF", client.reply())
        assert.equal("221", client.ask("QUIT"):sub(1, 3))
        assert.equal(0, #c.mails)
    end)

    it("offers what it is told, and no enhanced codes then", function()
        start { extensions = { "SIZE 10", "SMTPUTF8", "X-OTHER thing" } }
        local client = connect(c)
        client.reply()
        assert.equal("250-localhost greets me.example\n250-SIZE 10\n250-SMTPUTF8\n"
            .. "250 X-OTHER thing", client.ask("EHLO me.example"))
        assert.equal("250 sender taken", client.ask("MAIL FROM:<\195\177@b.org> SMTPUTF8"))
        assert.equal("250 recipient taken", client.ask("RCPT TO:<\195\177@\195\177.org>"))
        client.send("NOOP\r\nNOOP\r\n")
        assert.matches("^503 .*PIPELINING", client.reply())
        assert.same({ nil, "closed" }, { client.reply() })
    end)

    it("holds to the size that it offered, counted without the stuffed dots", function()
        start { extensions = { "SIZE 8" } }
        for text, code in pairs {
            ["..3456\r\n.\r\n"] = "250", ["..34567\r\n.\r\n"] = "250",
            ["1234567\r\n.\r\n"] = "552", [("x"):rep(300000) .. "\r\n.\r\n"] = "552",
        } do
            local client = connect(c)
            client.reply()
            codes(client, { { "EHLO x", "250" }, { "MAIL FROM:<>", "250" },
                { "RCPT TO:<a@b.org>", "250" }, { "DATA", "354" } })
            client.send(text)
            assert.equal(code, client.reply():sub(1, 3))
            assert.equal("250", client.ask("NOOP"):sub(1, 3))
        end
        assert.equal(2, #c.mails)
    end)

    it("refuses what the hook refuses", function()
        local asked, say = {}, {}
        start { refuse = function(verb, argument)
            asked[#asked + 1] = verb .. " " .. argument
            return say[verb .. " " .. argument]
        end }
        say["RCPT no@x.org"] = "550 5.1.1 no such user"
        say["DATA "] = "451 later\n451 much later"
        say[". t\r\n"] = "554 5.6.0 spam"
        say["NOOP "] = "421 4.3.2 away"
        local client = connect(c)
        client.reply()
        codes(client, { { "EHLO x", "250" }, { "MAIL FROM:<a@x.org>", "250" },
            { "RCPT TO:<no@x.org>", "550 5.1.1 no such user" }, { "RCPT TO:<ok@x.org>", "250" },
            { "DATA", "451-later\n451 much later" } })
        say["DATA "] = nil
        codes(client, { { "DATA", "354" }, { "t\r\n.", "554 5.6.0 spam" }, { "NOOP", "421" } })
        assert.same({ nil, "closed" }, { client.reply() })
        assert.same({ "CONNECT ", "EHLO x", "MAIL a@x.org", "RCPT no@x.org", "RCPT ok@x.org",
            "DATA ", "DATA ", ". t\r\n", "NOOP " }, asked)
        assert.equal(0, #c.mails)
        say["CONNECT "] = "554 not here"
        client = connect(c)
        assert.equal("554 not here", client.reply())
        codes(client, { { "EHLO x", "503" }, { "QUIT", "221" } })
        say["CONNECT "] = "nonsense"
        client = connect(c)
        assert.has_error(client.reply, 'refuse: expected a reply such as '
            .. '"550 5.1.1 no such user", got "nonsense"')
    end)

    it("serves many clients whose octets come mixed", function()
        start()
        local clients, replies = {}, 0
        for i = 1, 60 do
            clients[i] = connect(c)
            c:step(0)
        end
        local wires = {}
        for i = 1, 60 do
            wires[i] = ENVELOPE .. "DATA\r\nmail " .. i .. "\r\n.\r\nQUIT\r\n"
        end
        for at = 1, #wires[60], 7 do
            for i, client in ipairs(clients) do client.send(wires[i]:sub(at, at + 6)) end
        end
        assert(c:wait(60, 5))
        for _, client in ipairs(clients) do
            while client.reply() do replies = replies + 1 end
        end
        assert.equal(60 * 7, replies)
        local seen = {}
        for _, mail in ipairs(c.mails) do seen[mail.raw] = true end
        for i = 1, 60 do assert.is_true(seen["mail " .. i .. "\r\n"]) end
        assert.equal(0, c:clients())
    end)

    it("lets go of a text that is too large while it still comes", function()
        start { extensions = { "SIZE 1000", "PIPELINING" } }
        local client = begin(c)
        local piece = ("x"):rep(65536)
        collectgarbage()
        local before = collectgarbage("count")
        -- each piece another one: equal strings would be kept once
        for i = 1, 200 do client.send((i .. piece):sub(1, 65536)) end
        collectgarbage()
        assert.is_true(collectgarbage("count") - before < 2048)       -- KiB; 12 800 were sent
        client.send("\r\n.\r\n")
        assert.equal("552", client.reply():sub(1, 3))
    end)

    it("outlives a client that goes away, and one that does not read", function()
        start()
        local gone = begin(c)
        gone.send("half a mail\r\n")
        gone.socket:close()
        local deaf, commands, at, refused = connect(c), ("HELP\r\n"):rep(10000), 1, 0
        for _ = 1, 2000 do
            local sent, _, upto = deaf.socket:send(commands, at)
            refused = (sent or upto) < at and refused + 1 or 0
            at = sent and 1 or upto + 1
            if refused == 50 then break end
            c:step(0)
        end
        assert.equal(50, refused)             -- the catcher reads no more either
        local client = begin(c)
        client.send("x\r\n.\r\n")
        assert.equal("250", client.reply():sub(1, 3))
        assert.equal(1, #c.mails)
        assert.equal(2, c:clients())
    end)

    it("writes each mail and its envelope, and overwrites nothing", function()
        local dir = child.new_folder() .. "/new one's"
        local lines = {}
        start { dir = dir, log = function(line) lines[#lines + 1] = line end }
        local function deliver(text)
            local client = begin(c)
            client.send(text .. "\r\n.\r\n")
            assert.equal("250", client.reply():sub(1, 3))
        end
        deliver("Subject: =?utf-8?Q?Za=C5=BC?=\r\n =?UTF-8?b?w7PFgsSH?= \27[1m\r\n\r\n\n\255")
        deliver("two")
        assert.equal(dir .. "/0002.eml", c.mails[2].file)
        assert.equal("two\r\n", child.read_file(dir .. "/0002.eml"))
        assert.equal(c.mails[1].raw, child.read_file(dir .. "/0001.eml"))
        assert.equal("from: <ana@example.org>\nto: <bob@example.org>\n",
            child.read_file(dir .. "/0001.envelope"))
        assert.equal('1  from ana@example.org to bob@example.org  65 octets  "Zażółć ?[1m"'
            .. "  note: bare LF in the text; 8-bit text without BODY=8BITMIME -> " .. dir
            .. "/0001.eml", lines[1])
        c:stop()
        start { dir = dir, keep = false }
        deliver("three")
        assert.equal(dir .. "/0003.eml", c.mails[1].file)
        assert.is_nil(c.mails[1].raw)
        os.execute("rm -rf -- " .. child.quoted(dir))
        local client = begin(c)
        client.send("four\r\n.\r\n")
        assert.matches("^452 4.3.1 cannot keep", client.reply())
        assert.equal(1, #c.mails)
        os.execute("rmdir -- " .. child.quoted(dir:match("^(.*)/")))
    end)

    it("says how long it waited, and stops", function()
        start()
        local mails, why = c:wait(1, 0.05)
        assert.is_nil(mails)
        assert.equal("waited 0.05 s for 1 mail(s); 0 came", why)
        local client = connect(c)
        client.reply()
        c:stop()
        c:stop()
        assert.same({ nil, "the catcher is stopped" }, { c:step(0) })
        assert.same({ nil, "the catcher is stopped" }, { c:wait(1, 1) })
        assert.same({ nil, "closed" }, { client.reply() })
        assert.is_nil((socket.connect("127.0.0.1", c.port)))
    end)

    it("says what is wrong with its options, and that a port is taken", function()
        start()
        local second, why = catcher.start { port = c.port, log = false }
        assert.is_nil(second)
        assert.matches("^port " .. c.port .. " of 127%.0%.0%.1 is in use", why)
        for text, options in pairs {
            ["only loopback is served, got \"0.0.0.0\""] = { host = "0.0.0.0" },
            ["unknown option prot"] = { prot = 1 },
            ["port: expected number, got string"] = { port = "25" },
            ["port: expected 0 to 65535, got 65536"] = { port = 65536 },
            ["extensions[1]: malformed"] = { extensions = { "SIZE 1\r\nX" } },
        } do
            local ok, fault = pcall(catcher.start, options)
            assert.is_false(ok)
            assert.truthy(fault:find(text, 1, true), fault)
        end
        local _, folder = catcher.start { dir = "/dev/null/x", log = false }
        assert.matches("^cannot write into the folder /dev/null/x", folder)
    end)

    it("loads without io, os and debug, and names LuaSocket when it is missing", function()
        local file = child.new_folder() .. "/load.lua"
        child.write_file(file, [[
            package.path = arg[1] .. "/lua/?.lua;" .. package.path
            io, os, debug = nil, nil, nil
            local catcher = require "posta.catcher"
            package.preload.socket = function() error("no such library") end
            print(pcall(catcher.start, {}))]])
        local out = child.run(("%s %s %s 2>&1"):format(child.interpreter(), file, child.root()))
        os.remove(file)
        os.execute("rmdir -- " .. file:match("^(.*)/"))
        assert.matches("^false\t", out)
        assert.truthy(out:find("posta.catcher needs LuaSocket (Debian: lua-socket; "
            .. "LuaRocks: luasocket)", 1, true), out)
    end)
end)

describe("tools/catch", function()
    local c

    after_each(function()               -- also when an assertion failed
        if c then c:stop() end
        c = nil
    end)

    local function talk(port, octets)
        local client = assert(socket.connect("127.0.0.1", port))
        client:settimeout(5)
        client:send(octets)
        local all, why, partial = client:receive("*a")
        client:close()
        return all or partial, why
    end

    it("keeps mails, prints a line for each, ends on TERM", function()
        c = support.spawn()
        local said = talk(c.port, ENVELOPE .. "DATA\r\n..x\r\n.\r\nQUIT\r\n")
        assert.matches("354 .-\r\n250 .-\r\n221 .-\r\n$", said)
        local mails = c:wait(1)
        assert.same({ { from = "ana@example.org", to = { "bob@example.org" }, raw = ".x\r\n",
            file = c.dir .. "/0001.eml" } }, mails)
        assert.matches("\n1  from ana@example.org to bob@example.org  4 octets.- %-> %S+%.eml\n",
            c:output())
        assert.equal(c.process.pid, c.pid)
        assert.is_nil(c.process:ended())
        c:stop()
        assert.is_nil((socket.connect("127.0.0.1", c.port)))
    end)

    it("ends by itself after --once mails, and says that a port is in use", function()
        c = support.spawn { once = 1 }
        local second = child.start({ child.root() .. "/tools/catch", c.port },
            { POSTA_LUA = child.interpreter() })
        assert.equal(1, second:wait_end(5))
        assert.matches("port %d+ of 127%.0%.0%.1 is in use", second:complaints())
        second:stop()
        talk(c.port, ENVELOPE .. "DATA\r\nx\r\n.\r\nQUIT\r\n")
        assert.equal(0, c.process:wait_end(5))
        c:stop()
    end)
end)
