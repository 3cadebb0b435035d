-- The catcher's TLS, driven by LuaSec.

local socket = require "socket"
local ssl = require "ssl"
local catcher = require "posta.catcher"
local child = require "spec.support.child"
local connect = require("spec.support.client").connect
local support = require "spec.support.catcher"

local MAIL = { "MAIL FROM:<ana@example.org>", "RCPT TO:<bob@example.org>", "DATA" }

local function expect(client, lines)
    for _, row in ipairs(lines) do
        local got = assert(client.ask(row[1]))
        assert.equal(row[2], got:sub(1, #row[2]), row[1] .. " -> " .. got)
    end
end

local function deliver(client, text)
    for _, line in ipairs(MAIL) do assert.matches("^[23]5", client.ask(line)) end
    client.send(text .. "\r\n.\r\n")
    assert.matches("^250 ", client.reply())
end

describe("the catcher's TLS", function()
    local c, made, other, lines

    setup(function()
        made = assert(catcher.certificate(true))
        other = assert(catcher.certificate(true))
    end)

    teardown(function()
        for _, files in ipairs { made, other } do
            os.execute("rm -rf -- " .. child.quoted(files.dir))
        end
    end)

    local function start(fields, options)
        options = options or {}
        lines = {}
        options.log = function(line) lines[#lines + 1] = line end
        options.tls = { cert = made.cert, key = made.key }
        for name, value in pairs(fields or {}) do options.tls[name] = value end
        c = assert(catcher.start(options))
        return c
    end

    -- A client behind STARTTLS and a fresh EHLO; or nil and why the handshake failed.
    local function secured(fields)
        local client = connect(c)
        expect(client, { { "EHLO me.example", "220 " } })
        assert.matches("^250", client.reply())
        expect(client, { { "STARTTLS", "220 2.0.0" } })
        local ok, why = client.secure(fields)
        if not ok then return nil, why end
        local said
        said, why = client.ask("EHLO me.example")
        if not said then return nil, why end
        return client
    end

    local function faults(n)
        local finish = socket.gettime() + 5
        while #c.faults < n and socket.gettime() < finish do c:step(0.01) end
        assert.same(c.faults, lines)
        return c.faults
    end

    after_each(function()
        if c then c:stop() end
        c = nil
    end)

    it("offers STARTTLS in clear text only, and forgets what was said there", function()
        start()
        assert.equal("smtp://127.0.0.1:" .. c.port, c.url)
        local client = connect(c)
        client.reply()
        assert.matches("\n250 STARTTLS$", client.ask("EHLO me.example"))
        expect(client, { { MAIL[1], "250" }, { MAIL[2], "250" }, { "starttls", "220 2.0.0" } })
        assert(client.secure { cafile = made.ca, verify = "peer" })
        assert.is_true(client.socket:getpeerverification())
        expect(client, { { MAIL[1], "503" }, { MAIL[2], "503" }, { "NOOP", "250" } })
        assert.not_matches("STARTTLS", client.ask("EHLO me.example"))
        expect(client, { { MAIL[2], "503" }, { "STARTTLS", "503 5.5.1" } })
        deliver(client, "Subject: x\r\n\r\nhello")
        assert.same({ version = "TLSv1.3", cipher = client.socket:info("cipher") }, c.mails[1].tls)
        expect(client, { { "QUIT", "221" } })
        assert.same({ nil, "closed" }, { client.reply() })
        assert.same({ '1  from ana@example.org to bob@example.org  21 octets  TLSv1.3  "x"' }, lines)
        assert.same({}, c.faults)
        assert.equal(0, c:clients())
    end)

    it("takes mails in clear text too, and says so", function()
        start()
        local client = connect(c)
        client.reply()
        client.ask("EHLO me.example")
        deliver(client, "hello")
        assert.is_false(c.mails[1].tls)
        assert.not_matches("TLS", lines[1])
    end)

    it("refuses a STARTTLS that is malformed, too early or not wanted", function()
        local reply = "454 4.7.0 not now"
        start(nil, { refuse = function(verb) return verb == "STARTTLS" and reply end })
        local client = connect(c)
        client.reply()
        expect(client, { { "STARTTLS", "503 5.5.1" }, { "HELO x", "250" }, { "STARTTLS", "503" },
            { "EHLO x", "250" }, { "STARTTLS now", "501" }, { "STARTTLS", "454 4.7.0 not now" },
            { "NOOP", "250" } })
        reply = false
        expect(client, { { "STARTTLS", "220" } })
        assert(client.secure())
        expect(client, { { "EHLO x", "250" } })
    end)

    it("takes no mail in clear text where TLS is required", function()
        start { required = true }
        local client = connect(c)
        client.reply()
        expect(client, { { MAIL[1], "503" }, { "EHLO x", "250" }, { "NOOP", "250" },
            { MAIL[1], "530 5.7.0 Must issue a STARTTLS command first" }, { "STARTTLS", "220" } })
        assert(client.secure())
        client.ask("EHLO x")
        deliver(client, "hello")
        assert.equal("TLSv1.3", c.mails[1].tls.version)
    end)

    it("speaks TLS from the first octet where it is implicit", function()
        start { implicit = true, required = true }
        assert.equal("smtps://127.0.0.1:" .. c.port, c.url)
        local client = connect(c)
        assert.is_true(client.silent())
        assert(client.secure { cafile = made.ca, verify = "peer" })
        assert.matches("^220 ", client.reply())
        assert.not_matches("STARTTLS", client.ask("EHLO x"))
        expect(client, { { "STARTTLS", "503 5.5.1" } })
        deliver(client, "hello")
        assert.equal("TLSv1.3", c.mails[1].tls.version)
        assert.same({}, c.faults)
    end)

    it("throws away what came in clear text behind STARTTLS, and the connection too", function()
        start()
        for _, behind in ipairs { "EHLO evil.example\r\n", "N", "\22\3\1" } do
            local client = connect(c)
            client.reply()
            client.ask("EHLO x")
            expect(client, { { "STARTTLS\r\n" .. behind:gsub("\r\n$", ""), "554 5.5.1" } })
            assert.same({ nil, "closed" }, { client.reply() })
        end
        local fault = "octets came in clear text behind STARTTLS; they were thrown away"
        assert.same({ fault, fault, fault }, faults(3))
        assert.equal(0, c:clients())
    end)

    it("tells what is wrong with a client that speaks no TLS, or leaves", function()
        start { implicit = true }
        local client = connect(c)
        client.send("EHLO me.example\r\n")
        assert.matches("^TLS handshake failed: the client does not speak TLS", faults(1)[1])
        client = connect(c)
        client.send("\22\3\1")
        client.socket:close()
        assert.matches("^TLS handshake failed: the client closed the connection", faults(2)[2])
        client = connect(c)
        assert.is_nil((client.secure { cafile = other.ca, verify = "peer" }))
        assert.matches("^TLS handshake failed: the client does not trust the certificate %(",
            faults(3)[3])
        assert.equal(0, c:clients())
    end)

    it("serves others while one is slow in its handshake", function()
        start()
        local slow, stuck = connect(c), connect(c)
        for _, client in ipairs { slow, stuck } do
            client.reply()
            client.ask("EHLO x")
            expect(client, { { "STARTTLS", "220" } })
        end
        stuck.send("\22\3\1\2\0\1\0")                 -- the head of a ClientHello
        local began = socket.gettime()
        for i = 1, 3 do deliver(assert(secured()), "mail " .. i) end
        assert.is_true(socket.gettime() - began < 3)
        assert(slow.secure())
        slow.ask("EHLO x")
        deliver(slow, "late")
        assert.equal("late\r\n", c.mails[4].raw)
        assert.same({}, c.faults)
    end)

    it("demands a client certificate of its CA", function()
        start { ca = made.ca, verify = true }
        assert.is_nil((secured()))
        assert.matches("^TLS handshake failed: .*certificate", faults(1)[1])
        assert.is_nil((secured { certificate = other.cert, key = other.key }))
        assert.matches("^TLS handshake failed: .*verify failed", faults(2)[2])
        for i, protocol in ipairs { "any", "tlsv1_2" } do
            local client = assert(secured { certificate = made.cert, key = made.key,
                protocol = protocol })
            deliver(client, "hello")
            assert.equal("CN=localhost", c.mails[i].tls.client)
        end
        assert.matches("  TLSv1%.2 as CN=localhost", lines[4])
        assert.equal(2, #c.faults)
    end)

    it("keeps to the versions that it may speak", function()
        start { min = "tlsv1_3" }
        assert.is_nil((secured { protocol = "tlsv1_2" }))
        assert.matches("^TLS handshake failed: .*protocol", faults(1)[1])
        deliver(assert(secured()), "new")
        assert.equal("TLSv1.3", c.mails[1].tls.version)
        c:stop()
        start { max = "tlsv1_2" }
        assert.is_nil((secured { protocol = "tlsv1_3" }))
        deliver(assert(secured()), "old")
        assert.equal("TLSv1.2", c.mails[1].tls.version)
    end)

    it("keeps a large mail octet by octet as it came", function()
        local parts = {}
        for i = 1, 3500 do
            parts[i] = (i % 7 == 0 and "." or "") .. i .. (" \255\0 "):rep(20) .. "\r\n"
        end
        local text = table.concat(parts)
        assert.is_true(#text > 300000)
        local stuffed = ("\r\n" .. text):gsub("\r\n%.", "\r\n.."):sub(3)
        for i, protocol in ipairs { "any", "tlsv1_2" } do
            start()
            local client = assert(secured { protocol = protocol })
            for _, line in ipairs(MAIL) do client.ask(line) end
            client.send(stuffed .. ".\r\nNOOP " .. i .. "\r\n")
            assert.matches("^250 2.0.0 kept", client.reply())
            assert.matches("^250 2.0.0 still", client.reply())
            assert.is_true(c.mails[1].raw == text)
            c:stop()
        end
    end)

    it("takes what comes at once, without another octet to wake it", function()
        start()
        local client = assert(secured())
        -- One record holds 16 KiB; the catcher's own reads end elsewhere.
        for _, n in ipairs { 1, 16383, 16384, 16385, 65535, 65536, 65537, 200000 } do
            local commands = ("NOOP " .. ("x"):rep(3000) .. "\r\n"):rep(math.ceil(n / 3007))
            commands = commands:sub(1, n)
            client.send(commands .. "\r\nRSET\r\n")
            local reply
            repeat reply = assert(client.reply()) until reply:find("forgotten")
        end
    end)

    it("writes in order to read, and reads in order to write, where TLS wants that", function()
        start()
        local client = assert(secured())
        local s = c.sessions[1]
        local real, answer = s.socket, {}
        -- OpenSSL hardly ever wants it, so a socket between does.
        local between = {
            receive = function(_, n)
                if answer.receive then return nil, answer.receive, "" end
                return real:receive(n)
            end,
            send = function(_, octets)
                if answer.send then return nil, answer.send, 0 end
                return real:send(octets)
            end,
        }
        for _, name in ipairs { "getfd", "dirty", "close" } do
            between[name] = function() return real[name](real) end
        end
        c.by_socket[real], c.by_socket[between], s.socket = nil, s, between
        answer.receive = "wantwrite"
        client.send("NOOP\r\n")
        assert.equal("write", s.read_when)
        answer.receive = nil
        assert.matches("^250 ", client.reply())
        assert.equal("read", s.read_when)
        answer.send = "wantread"
        client.send("NOOP\r\n")
        assert.equal("read", s.write_when)
        answer.send = nil
        assert.is_true(client.silent())               -- it could be written, but TLS must read first
        client.send("RSET\r\n")
        assert.matches("^250 .*still", client.reply())
        assert.matches("^250 .*forgotten", client.reply())
        assert.equal("write", s.write_when)
    end)

    it("waits for no client that does not read, not even to say goodbye", function()
        start()
        local deaf = assert(secured())
        local commands, at, refused = ("HELP\r\n"):rep(10000), 1, 0
        for _ = 1, 5000 do
            local sent, _, upto = deaf.socket:send(commands, at)
            refused = (sent or upto) < at and refused + 1 or 0
            at = sent and 1 or upto + 1
            if refused == 50 then break end
            c:step(0)
        end
        assert.equal(50, refused)
        deliver(assert(secured()), "hello")
        assert.equal(2, c:clients())
        local began = socket.gettime()
        c:stop()
        assert.is_true(socket.gettime() - began < 1)
    end)

    it("serves many clients whose handshakes come mixed", function()
        start { implicit = true }
        local context = assert(ssl.newcontext { mode = "client", protocol = "any", verify = "none" })
        local clients, left = {}, 40
        for i = 1, left do
            local s = assert(socket.connect("127.0.0.1", c.port))
            clients[i] = assert(ssl.wrap(s, context))
            clients[i]:settimeout(0)
            c:step(0)
        end
        local finish = socket.gettime() + 10
        local done = {}
        while left > 0 and socket.gettime() < finish do
            for i, s in ipairs(clients) do
                if not done[i] and s:dohandshake() then
                    done[i], left = true, left - 1
                    assert(s:send("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.org>\r\nDATA\r\nmail " .. i
                        .. "\r\n.\r\nQUIT\r\n"))
                end
            end
            c:step(0)
        end
        assert(c:wait(40, 5))
        local seen = {}
        for _, mail in ipairs(c.mails) do seen[mail.raw] = true end
        for i = 1, 40 do assert.is_true(seen["mail " .. i .. "\r\n"]) end
        for _, s in ipairs(clients) do s:close() end
    end)

    it("may be stopped by the user's own function", function()
        for _, verb in ipairs { "CONNECT", "NOOP", "STARTTLS" } do
            start({ implicit = verb == "CONNECT" }, { refuse = function(asked)
                if asked == verb then c:stop() end
            end })
            local client = connect(c)
            if verb == "CONNECT" then
                client.secure()
            else
                client.reply()
                client.ask("EHLO x")
                client.ask(verb)
            end
            assert.same({ nil, "closed" }, { client.reply() })
            assert.same({ nil, "the catcher is stopped" }, { c:step(0) })
        end
    end)

    it("says what is wrong with its options", function()
        local rows = {
            ["tls: expected table, got true"] = true,
            ["unknown option tls.certt"] = { certt = "x" },
            ["tls.cert: expected string, got nil"] = { key = made.key },
            ["tls.key: expected string, got nil"] = { cert = made.cert },
            ["tls.key: expected string, got true"] = { cert = made.cert, key = true },
            ["tls.implicit: expected boolean, got string"] = { implicit = "yes" },
            ["tls.cert: cannot read /none.pem: No such file"] = { cert = "/none.pem", key = made.key },
            ["tls.ca: cannot read /none.pem: No such file"] = {
                cert = made.cert, key = made.key, ca = "/none.pem" },
            ["tls.ca: expected string, got nil; verify"] = {
                cert = made.cert, key = made.key, verify = true },
            ["tls.min: expected \"tlsv1_2\" or \"tlsv1_3\", got \"sslv3\""] = {
                cert = made.cert, key = made.key, min = "sslv3" },
            ["tls.max: tlsv1_2 is older than tls.min"] = {
                cert = made.cert, key = made.key, min = "tlsv1_3", max = "tlsv1_2" },
            ["catcher.start: tls: "] = { cert = made.key, key = made.key },
            ["catcher.start: tls: private key does not match"] = { cert = made.cert, key = other.key },
        }
        for text, tls in pairs(rows) do
            local ok, fault = pcall(function() catcher.start { tls = tls } end)
            assert.is_false(ok)
            assert.truthy(fault:find(text, 1, true), text .. " <- " .. fault)
            assert.truthy(fault:find("catcher_tls_spec", 1, true), fault)
        end
        local _, fault = pcall(catcher.start, { extensions = { "STARTTLS" },
            tls = { cert = made.cert, key = made.key } })
        assert.matches("extensions: tls offers STARTTLS itself", fault)
    end)

    it("names LuaSec when it is missing, and does without it otherwise", function()
        local file = made.dir .. "/load.lua"
        child.write_file(file, [[
            package.path = arg[1] .. "/lua/?.lua;" .. package.path
            package.preload.ssl = function() error("no such library") end
            local catcher = require "posta.catcher"
            for name in pairs(package.loaded) do assert(name ~= "posta.core", name) end
            catcher.start{}:stop()
            print(pcall(catcher.start, { tls = { cert = arg[2], key = arg[3] } }))]])
        local out = child.run(("%s %s %s %s %s 2>&1"):format(child.interpreter(), file, child.root(),
            made.cert, made.key))
        assert.truthy(out:find("posta.catcher needs LuaSec (Debian: lua-sec; LuaRocks: luasec)", 1,
            true), out)
    end)
end)

describe("catcher.certificate", function()
    local dir

    before_each(function() dir = child.new_folder() .. "/it's new" end)
    after_each(function() os.execute("rm -rf -- " .. child.quoted(dir:match("^(.*)/"))) end)

    it("makes files that a strict client trusts, and leaves no more than these", function()
        local made = assert(catcher.certificate(dir))
        assert.same({ cert = dir .. "/server.pem", key = dir .. "/server.key", ca = dir .. "/ca.pem",
            dir = dir }, made)
        assert.equal("ca.pem\nserver.key\nserver.pem\n",
            child.run("cd " .. child.quoted(dir) .. " && ls -A"))
        for _, name in ipairs { "-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1" } do
            assert.matches(": OK\n$", child.run(("cd %s && openssl verify -x509_strict -purpose sslserver "
                .. "-CAfile ca.pem %s server.pem 2>&1"):format(child.quoted(dir), name)))
        end
    end)

    it("takes those that are there, and overwrites none", function()
        assert(catcher.certificate(dir))
        local first = child.read_file(dir .. "/server.pem")
        assert(catcher.certificate(dir))
        assert.equal(first, child.read_file(dir .. "/server.pem"))
        os.remove(dir .. "/server.key")
        local none, why = catcher.certificate(dir)
        assert.is_nil(none)
        assert.equal(dir .. " has some of ca.pem, server.pem and server.key, but not all", why)
    end)

    it("says why there is none", function()
        assert.same({ nil, "cannot write into the folder /dev/null/x: /dev/null/x/.catcher: "
            .. "Not a directory" }, { catcher.certificate("/dev/null/x") })
        assert.has_error(function() catcher.certificate() end)
        local bin = dir .. "/bin"
        os.execute(("mkdir -p %s && cd %s && for name in sh mktemp rm cat mkdir; do "
            .. "ln -s $(command -v $name) .; done"):format(child.quoted(bin), child.quoted(bin)))
        child.write_file(dir .. "/make.lua", [[
            package.path = arg[1] .. "/lua/?.lua;" .. package.path
            print(require("posta.catcher").certificate(arg[2]))]])
        local out = child.run(("lua=$(command -v %s); PATH=%s $lua %s %s %s 2>&1"):format(
            child.interpreter(), child.quoted(bin), child.quoted(dir .. "/make.lua"), child.root(),
            child.quoted(bin)))
        assert.equal("nil\tcannot make a certificate: openssl was not found (Debian: openssl)\n", out)
    end)
end)

describe("tools/catch with TLS", function()
    local c

    after_each(function()
        if c then c:stop() end
        c = nil
    end)

    local function secured(sock)
        local s = assert(ssl.wrap(sock, { mode = "client", protocol = "any", verify = "peer",
            cafile = c.ca_file }))
        s:settimeout(5)
        assert(s:dohandshake())
        return s
    end

    local function read_until(s, pattern)
        local all = ""
        repeat
            local octet = assert(s:receive(1))
            all = all .. octet
        until all:find(pattern)
        return all
    end

    it("makes a certificate, offers STARTTLS, prints the version", function()
        c = support.spawn { words = { "--tls", "--require-tls" } }
        assert.equal(c.dir .. "/ca.pem", c.ca_file)
        assert.matches("^smtp://", c.url)
        local s = assert(socket.connect("127.0.0.1", c.port))
        s:settimeout(5)
        s:send("EHLO x\r\nMAIL FROM:<a@b.org>\r\nSTARTTLS\r\n")
        assert.matches("250 STARTTLS\r\n530 .-\r\n220 ", read_until(s, "220 2%.0%.0 .-\r\n"))
        s = secured(s)
        s:send("EHLO x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
        read_until(s, "221 .-\r\n")
        s:close()
        assert.equal("hi\r\n", c:wait(1)[1].raw)
        assert.matches("\n1  from a@b.org to c@d.org  4 octets  TLSv1%.3  ", c:output())
    end)

    it("takes a certificate that is given, speaks TLS at once, prints a failure", function()
        local made = assert(catcher.certificate(true))
        c = support.spawn { words = { "--cert", made.cert, "--key", made.key, "--implicit" } }
        assert.is_nil(c.ca_file)
        assert.matches("^smtps://", c.url)
        c.ca_file = made.ca
        local s = secured(assert(socket.connect("127.0.0.1", c.port)))
        assert.matches("^220 ", s:receive("*l"))
        s:close()
        s = assert(socket.connect("127.0.0.1", c.port))
        s:send("EHLO x\r\n")
        c.process:wait_for("\n(TLS handshake failed: the client does not speak TLS)")
        s:close()
        os.execute("rm -rf -- " .. child.quoted(made.dir))
    end)

    it("drops who spoils its TLS while answers are on the way, and serves the next", function()
        c = support.spawn { words = { "--tls", "--implicit" } }
        for n = 1, 2 do
            local raw = assert(socket.connect("127.0.0.1", c.port))
            local s = secured(raw)
            assert.matches("^220 ", (assert(s:receive "*l")))
            os.execute("kill -STOP " .. c.process.pid)                  -- so that one read finds both
            assert(s:send(("NOOP\r\n"):rep(3000)))
            raw:setfd(s:getfd())
            assert(raw:send "this is not TLS at all")
            raw:setfd(-1)
            os.execute("kill -CONT " .. c.process.pid)
            c.process:wait_for("(" .. ("TLS failed: [^\n]*\n.*"):rep(n) .. ")")
            local next_one = secured(assert(socket.connect("127.0.0.1", c.port)))
            assert.matches("^220 ", (assert(next_one:receive "*l")))
            next_one:close()
            s:close()
        end
    end)

    it("says which arguments belong together", function()
        local process = child.start({ child.root() .. "/tools/catch", "0", "--cert", "x.pem" },
            { POSTA_LUA = child.interpreter() })
        assert.equal(2, process:wait_end(5))
        assert.matches("%-%-cert and %-%-key belong together", process:complaints())
        process:stop()
        process = child.start({ child.root() .. "/tools/catch", "0", "--cert", "/x", "--key", "/x" },
            { POSTA_LUA = child.interpreter() })
        assert.equal(1, process:wait_end(5))
        assert.matches("^tools/catch: tls.cert: cannot read /x: No such file", process:complaints())
        process:stop()
    end)
end)
