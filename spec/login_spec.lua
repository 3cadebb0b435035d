-- Logging in: posta.connect, posta.send, sessions, jobs, engines, over TLS to peers that play a dialogue each.

local posta = require "posta"
local certs = require "spec.support.certs"
local support = require "spec.support.posta"
local tls_peer = require "spec.support.tls_peer"
local fails = support.fails

local ANA = { user = "ana", password = "sesame" }
local TLS = { ca_file = certs.file "ca.pem" }
local HELLO = "TLS\nS: 220 hi\nC: ^EHLO\nS: 250-here\n"
local PLAIN = "AGFuYQBzZXNhbWU="        -- ana, sesame
local QUIT = "C: ^QUIT$\nS: 221 bye\n"
local MAIL = "C: ^MAIL\nS: 250 ok\nC: ^RCPT\nS: 250 ok\nC: ^DATA$\nS: 354 go\nTEXT\nS: 250 ok\n"
local OFFER = HELLO .. "S: 250 AUTH PLAIN LOGIN\n"
local ACCEPTED = OFFER .. "C: ^AUTH PLAIN " .. PLAIN .. "$\nS: 235 2.7.0 ok\n"

describe("a login", function()
    local peers

    setup(function() peers = tls_peer.start { cert = certs.file "server.pem", key = certs.file "server.key" } end)
    teardown(function() peers.stop() end)

    local function played(peer)
        local ok, transcript = peer.result()
        assert(ok, transcript)
    end

    local function where(peer, auth, more)
        local w = { host = "127.0.0.1", port = peer.port, security = "tls", tls = TLS, auth = auth, timeout = 20 }
        for name, value in pairs(more or {}) do w[name] = value end
        return w
    end

    it("comes before the mail, by table and by URL", function()
        for _, auth in ipairs { ANA,
            { user = "ana", password = function() return "sesame" end } } do
            local peer = peers.play(ACCEPTED .. MAIL .. QUIT)
            assert(posta.send(where(peer, auth), support.mail()))
            played(peer)
        end
        local peer = peers.play(ACCEPTED .. MAIL .. QUIT)
        local url = ("smtps://ana:sesame@127.0.0.1:%d?ca_file=%s"):format(peer.port, TLS.ca_file)
        assert(posta.send(url, support.mail()))
        played(peer)
    end)

    it("is behind STARTTLS too, and never before it", function()
        local peer = peers.play("S: 220 hi\nC: ^EHLO\nS: 250-here\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: ^STARTTLS$\n"
            .. "S: 220 go\nTLS\nC: ^EHLO\nS: 250-x\nS: 250 AUTH PLAIN\nC: ^AUTH PLAIN " .. PLAIN
            .. "$\nS: 235 ok\n" .. QUIT)
        local conn = assert(posta.connect(where(peer, ANA, { security = "starttls" })))
        assert(conn:quit())
        played(peer)
    end)

    it("that is refused says so, and what to do", function()
        for answer, hint in pairs {
            ["535 5.7.8 Error: authentication failed"] = "user and password",
            ["534 5.7.9 Application-specific password required"] = "application password",
            ["530 5.7.0 Must issue a STARTTLS command first"] = "TLS",
            ["454 4.7.0 Temporary authentication failure"] = "later",
            ["432 4.7.12 A password transition is needed"] = "password has to be changed",
            ["538 5.7.11 Encryption required"] = "TLS",
        } do
            local peer = peers.play(OFFER .. "C: ^AUTH PLAIN\nS: " .. answer .. "\n" .. QUIT)
            local err = fails("auth.rejected", nil, posta.send(where(peer, ANA),
                support.mail()))
            assert.equal("not_sent", err.outcome)
            assert.equal("auth", err.stage)
            assert.truthy(err.message:find(answer, 1, true), err.message)
            assert.truthy(err.hint and err.hint:lower():find(hint:lower(), 1, true), tostring(err.hint))
            assert.equal(answer:sub(1, 1) == "4", err.temporary)
            played(peer)
        end
    end)

    it("where none can be is no mail", function()
        for _, offer in ipairs { "S: 250 SIZE\n", "S: 250 AUTH GSSAPI\n" } do
            local peer = peers.play(HELLO .. offer .. QUIT)
            fails("auth.unavailable", nil, posta.send(where(peer, ANA), support.mail()))
            played(peer)
        end
    end)

    it("never goes over clear text, or to somebody unverified, unless insecure_auth", function()
        for _, security in ipairs { "none", "opportunistic" } do
            local w = { host = "127.0.0.1", port = 1, security = security, auth = ANA }
            for _, make in ipairs { posta.connect, posta.engine, posta.session } do
                fails("auth.insecure", "auth", make(w))
            end
        end
        local peer = peers.play(OFFER .. QUIT)
        fails("auth.insecure", nil, posta.connect(where(peer, ANA,
            { tls = {}, insecure_no_verify = true })))
        played(peer)
        peer = peers.play(ACCEPTED .. QUIT)
        assert(posta.connect(where(peer, ANA,
            { tls = {}, insecure_no_verify = true, insecure_auth = true }))):quit()
        played(peer)
        peer = peers.play((ACCEPTED .. QUIT):gsub("^TLS\n", ""))
        assert(posta.connect { host = "127.0.0.1", port = peer.port, security = "none", insecure_auth = true,
            auth = ANA }):quit()
        played(peer)
    end)

    it("has its events, and AUTH_FAIL leaves a connection for another try", function()
        local seen = {}
        local function note(_, name, info) seen[#seen + 1] = name .. (info.err and "!" or "") end
        local peer = peers.play(OFFER .. "C: ^AUTH PLAIN\nS: 535 no\nC: ^AUTH PLAIN " .. PLAIN .. "$\nS: 235 ok\n"
            .. QUIT)
        local s = assert(posta.session(where(peer, { user = "ana", password = "wrong" }, { on_event = note })))
        fails("auth.rejected", nil, s:connect())
        assert.is_true(s:is_connected())
        fails("state", nil, s:noop())
        assert(s:connect(ANA))
        assert(s:disconnect())
        s:close()
        played(peer)
        assert.equal("secure_ok auth_fail! auth_ok connected disconnected", table.concat(seen, " "))
    end)

    it("asks for a token, once more when it was refused, and tells why", function()
        local asked = {}
        local function token(why)
            asked[#asked + 1] = why
            return why == "first" and "old" or "new"
        end
        local peer = peers.play(HELLO .. "S: 250 AUTH XOAUTH2\nC: ^AUTH XOAUTH2 \nS: 334 e30=\nC: ^$\nS: 535 5.7.8 no\n"
            .. "C: ^AUTH XOAUTH2 \nS: 235 ok\n" .. QUIT)
        assert(posta.connect(where(peer, { user = "ana", token = token }))):quit()
        played(peer)
        assert.same({ "first", "refused" }, asked)
        local refusal = "C: ^AUTH XOAUTH2 \nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: ^$\nS: 535 5.7.8 no\n"
        peer = peers.play(HELLO .. "S: 250 AUTH XOAUTH2\n" .. refusal:rep(2) .. QUIT)
        local err = fails("auth.rejected", nil, posta.connect(where(peer, { user = "ana", token = token })))
        assert.truthy(err.message:find('{"status":"401"}', 1, true), err.message)
        played(peer)
    end)

    it("function that has none, gives nonsense or raises", function()
        local peer = peers.play(OFFER .. QUIT)
        local err = fails("cancelled", nil, posta.connect(where(peer, { user = "ana",
            password = function() return nil, "the keyring is locked" end })))
        assert.truthy(err.message:find("auth.password: the keyring is locked", 1, true), err.message)
        played(peer)
        for _, bad in ipairs { function() return 5 end, function() error "boom" end } do
            peer = peers.play(OFFER .. "GONE\n")
            assert.is_false((pcall(posta.connect, where(peer, { user = "ana", password = bad }))))
            collectgarbage()
            collectgarbage()
        end
        local ok, message = pcall(posta.connect, { host = "x", auth = { pass = "x" } })
        assert.is_false(ok)
        assert.truthy(message:find("auth.pass", 1, true) and message:find("password", 1, true), message)
    end)

    it("asks one function once for sessions that share it, though it yields", function()
        local calls, offered, shared = 0, 0, { user = "ana" }
        function shared.token()
            calls = calls + 1
            local rounds = 0
            repeat
                if offered == 3 then rounds = rounds + 1 end
                coroutine.yield()
            until rounds == 100             -- by then all three have asked
            return "one"
        end
        local function trace(_, line)
            if line == "250 AUTH XOAUTH2" then offered = offered + 1 end
        end
        local threads, done, list = {}, 0, {}
        for i = 1, 3 do
            local peer = peers.play(HELLO .. "S: 250 AUTH XOAUTH2\nC: ^AUTH XOAUTH2 \nS: 235 ok\n" .. QUIT)
            list[i] = peer
            threads[i] = coroutine.create(function()
                local conn = assert(posta.connect(where(peer, shared, { trace = trace, wait = function()
                    coroutine.yield()
                    return true
                end })))
                assert(conn:quit())
                done = done + 1
            end)
        end
        for _ = 1, 20000 do
            for _, co in ipairs(threads) do
                if coroutine.status(co) ~= "dead" then assert(coroutine.resume(co)) end
            end
            if done == 3 then break end
            require("socket").sleep(0.0005)
        end
        assert.equal(3, done)
        assert.equal(1, calls)
        for _, peer in ipairs(list) do played(peer) end
    end)

    it("works without waiting: a session, a job", function()
        local peer = peers.play(ACCEPTED .. MAIL .. QUIT)
        local job = assert(posta.start(where(peer, { user = "ana", password = function() return "sesame" end }),
            support.mail()))
        local done, receipt, message
        for _ = 1, 10000 do
            done, receipt, message = job:step()
            if done then break end
            require("socket").sleep(0.0005)
        end
        assert(receipt, message)
        played(peer)
    end)

    it("by an engine of the host's", function()
        local open = require("spec.support.tls_wire").open
        for _, auth in ipairs { ANA,
            { user = "ana", password = function() return "sesame" end } } do
            local peer = peers.play(ACCEPTED .. MAIL .. QUIT)
            local e = assert(posta.engine { host = "127.0.0.1", port = peer.port, security = "tls", tls = TLS,
                auth = auth })
            assert(posta.pump(e, open(peer.port).io, support.mail()))
            played(peer)
        end
    end)

    it("by an engine, whose function has none or raises", function()
        local open = require("spec.support.tls_wire").open
        local calls, auth = 0, { user = "ana" }
        function auth.password()
            calls = calls + 1
            if calls == 1 then return nil, "the keyring is locked" end
            if calls < 4 then error "boom" end
            return "sesame"
        end
        local function engine(peer)
            return assert(posta.engine { host = "127.0.0.1", port = peer.port, security = "tls", tls = TLS,
                auth = auth })
        end
        local peer = peers.play(OFFER .. QUIT)
        local err = fails("cancelled", nil, posta.pump(engine(peer), open(peer.port).io, support.mail()))
        assert.truthy(err.message:find("auth.password: the keyring is locked", 1, true), err.message)
        played(peer)
        peer = peers.play(OFFER .. "GONE\n")
        assert.is_false((pcall(posta.pump, engine(peer), open(peer.port).io, support.mail())))
        -- What an error threw out stands in nobody's way.
        peer = peers.play(OFFER .. "GONE\n")
        assert.is_false((pcall(posta.connect, where(peer, auth))))
        peer = peers.play(ACCEPTED .. QUIT)
        assert(posta.connect(where(peer, auth))):quit()
        played(peer)
    end)

    it("leaves no secret in errors, trace or names of things", function()
        local lines = {}
        local peer = peers.play(OFFER .. "C: ^AUTH PLAIN\nS: 535 5.7.8 sesame is wrong, and so is " .. PLAIN .. "\n"
            .. QUIT)
        local s = assert(posta.session(where(peer, ANA,
            { trace = function(direction, line) lines[#lines + 1] = direction .. line end })))
        local _, message, err = s:connect()
        lines[#lines + 1] = message .. tostring(err) .. tostring(s) .. tostring(err.transcript) .. tostring(err.hint)
        for _, value in pairs(err) do lines[#lines + 1] = tostring(value) end
        s:disconnect()
        s:close()
        played(peer)
        local all = table.concat(lines, "\n")
        assert.truthy(all:find("AUTH PLAIN", 1, true))
        for _, secret in ipairs { "sesame", PLAIN, "c2VzYW1l", "NlzYW1l", "zZXNhbWU", "736573616d65" } do
            assert.falsy(all:find(secret, 1, true), secret)
        end
    end)

    it("by mechanisms of the caller's choice", function()
        for _, list in ipairs { "LOGIN", { "LOGIN" } } do
            local peer = peers.play(OFFER .. "C: ^AUTH LOGIN$\nS: 334 VXNlcm5hbWU6\nC: ^YW5h$\nS: 334 UGFzc3dvcmQ6\n"
                .. "C: ^c2VzYW1l$\nS: 235 ok\n" .. QUIT)
            assert(posta.connect(where(peer, { user = "ana", password = "sesame", mechanisms = list }))):quit()
            played(peer)
        end
        local peer = peers.play(OFFER .. QUIT)
        fails("auth.unavailable", nil, posta.connect(where(peer, { user = "ana", password = "sesame",
            mechanisms = "SCRAM-SHA-256" })))
        played(peer)
    end)

    it("as examples/lua/oauth.lua has it", function()
        local child = require "spec.support.child"
        local function run(peer, command)
            return child.run(("cd %s && SSL_CERT_FILE=%s POSTA_URL=smtps://127.0.0.1:%d "
                .. "POSTA_USER=ana@example.org "
                .. "POSTA_TOKEN=%s %s examples/lua/oauth.lua 2>&1"):format(child.quoted(child.root()),
                child.quoted(TLS.ca_file), peer.port, child.quoted(command), child.interpreter()))
        end
        local old = "dXNlcj1hbmFAZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIgb2xkAQE="
        local new = "dXNlcj1hbmFAZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIgbmV3AQE="
        local peer = peers.play(HELLO .. "S: 250 AUTH XOAUTH2\nC: ^AUTH XOAUTH2 " .. old .. "$\nS: 535 no\n"
            .. "C: ^AUTH XOAUTH2 " .. new .. "$\nS: 235 ok\n" .. MAIL .. QUIT)
        assert.equal("accepted\n", run(peer, 'f() { [ "$1" = --refresh ] && echo new || echo old; }; f'))
        played(peer)
        peer = peers.play(HELLO .. "S: 250 AUTH XOAUTH2\n" .. QUIT)
        local out = run(peer, "true")
        assert.truthy(out:find("printed no token", 1, true), out)
    end)

    it("by a mechanism of the host's", function()
        local function echo()
            local challenges = {}
            return { { name = "ECHO", first = true, step = function(challenge)
                challenges[#challenges + 1] = challenge
                if #challenges == 3 then return nil, "echo is done" end
                return #challenges == 1 and "hi" or challenge
            end } }, challenges
        end
        local dialogue = HELLO .. "S: 250 AUTH PLAIN ECHO\nC: ^AUTH ECHO aGk=$\nS: 334 YWJj\nC: ^YWJj$\n"
        local peer = peers.play(dialogue .. "S: 235 ok\n" .. QUIT)
        local custom, challenges = echo()
        assert(posta.connect(where(peer, { user = "ana", password = "sesame", custom = custom }))):quit()
        played(peer)
        assert.same({ "", "abc" }, challenges)
        peer = peers.play(dialogue .. "S: 334 YWJj\nC: ^[*]$\nS: 501 ok\n" .. QUIT)
        local err = fails("cancelled", nil, posta.connect(where(peer, { custom = (echo()) })))
        assert.truthy(err.message:find("echo is done", 1, true), err.message)
        played(peer)
        for bad, complaint in pairs { [{ { name = "ECHO" } }] = "auth.custom[1].step: expected function, got nil",
            [{ { name = "echo", step = print } }] = "auth.custom[1].name: expected 1 to 20",
            [{ { name = "E", step = print, stop = 1 } }] = "auth.custom[1].stop" } do
            local ok, message = pcall(posta.connect, { host = "x", auth = { custom = bad } })
            assert.is_false(ok)
            assert.truthy(message:find(complaint, 1, true), message)
        end
    end)
end)
