-- Sessions, connections and jobs over TLS: events, waiting, the end. Whom they trust is in tls_spec.lua.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local certs = require "spec.support.certs"
local peer = require "spec.support.peer"
local socket = require "socket"
local support = require "spec.support.posta"
local fails, raises, file = support.fails, support.raises, certs.file

local LIMIT = 5                 -- seconds in which something must happen
local TLS = { ca_file = file "ca.pem" }
local BOTH = { "implicit", "starttls" }

local pool = catcher.pool()
local function server(kind, cert)
    cert = cert or "server"
    return pool.get(kind .. cert, { tls = certs.pair(cert, { implicit = kind == "implicit" }) })
end

teardown(pool.stop)

-- What posta.session takes, for a non-blocking session that notes its events.
local function noting(url, more)
    local seen = {}
    local w = { url = url, tls = TLS, blocking = false, on_event = function(_, event, info)
        seen[#seen + 1] = event
        seen[event] = info
    end }
    for name, value in pairs(more or {}) do w[name] = value end
    return w, seen
end

local function session_to(url, more)
    local w, seen = noting(url, more)
    return assert(posta.session(w)), seen
end

-- Waits for what pollfd, events, timeout (by getfd and dirty) of sessions and jobs say, and for nothing else.
local function wait(list)
    local reads, writes, seconds = {}, {}, LIMIT
    for _, s in ipairs(list) do
        local events = s:events()
        if events:find "r" then reads[#reads + 1] = s end
        if events:find "w" then writes[#writes + 1] = s end
        seconds = math.min(seconds, s:timeout() or LIMIT)
    end
    assert(#reads + #writes > 0 or seconds < LIMIT, "nothing to wait for")
    local _, _, why = socket.select(reads, writes, seconds)
    if why == "timeout" and seconds == LIMIT then error("it hangs", 2) end
end

-- Executes and waits until the verdict: how often, and what execute gave.
local function finish(s, slice)
    for n = 1, 20000 do
        local state, text, err = s:execute(slice)
        if state ~= "in_progress" then return n, state, text, err end
        wait { s }
    end
    error("it does not end", 2)
end

local function did(s, state, text, err)
    assert(state, text)
    if state == "in_progress" then return select(2, finish(s)) end
    return state, text, err
end

describe("a session's events", function()
    for _, kind in ipairs(BOTH) do
        it("tell of TLS before the connection: " .. kind, function()
            local s, seen = session_to(server(kind).url)
            assert.is_false((s:tls()))
            assert.is_true(did(s, s:connect()))
            assert.same({ "secure_ok", "connected" }, { seen[1], seen[2] })
            assert.equal("ok", seen.secure_ok.status)
            assert.is_nil(seen.secure_ok.err)
            local tls, insecure = s:tls()
            assert.is_true(tls.verified)
            assert.matches("^TLSv1", tls.version)
            assert.same({}, insecure)
            assert.is_true(did(s, s:disconnect()))
            assert.equal("disconnected", seen[#seen])
            s:close()
        end)

        it("tell why there is none: " .. kind, function()
            local s, seen = session_to(server(kind, "expired").url)
            s:connect()
            local _, state, _, err = finish(s)
            assert.is_nil(state)
            assert.equal("tls.verify.expired", err.code)
            assert.equal("secure_fail", table.concat(seen, " "))
            assert.equal(err, seen.secure_fail.err)
            assert.equal("tls", seen.secure_fail.action)
            assert.equal("tls.verify.expired", seen.secure_fail.status)
            assert.is_false(s:is_connected())
            assert.is_nil(s:pollfd())
            s:close()
        end)
    end

    it("tell what is against a peer that need not be verified", function()
        local s, seen = session_to(server("starttls", "expired").url, { security = "opportunistic" })
        assert.is_true(did(s, s:connect()))
        assert.equal("secure_ok connected", table.concat(seen, " "))
        assert.equal("tls.verify.expired", seen.secure_ok.status)
        assert.same({ false, "tls.verify.expired" }, { s:tls().verified, s:tls().reason })
        s:close()
        s, seen = session_to(server("implicit", "expired").url, { insecure_no_verify = true })
        assert.is_true(did(s, s:connect()))
        assert.equal("tls.verify.expired", seen.secure_ok.status)
        assert.same({ "insecure_no_verify" }, (select(2, s:tls())))
        s:close()
    end)

    it("are taken without handlers too", function()
        local s = assert(posta.session { url = server "implicit".url, tls = TLS, blocking = false })
        s:connect()
        finish(s)
        local _, event = s:take_event()
        assert.equal("secure_ok", event)
        _, event = s:take_event()
        assert.equal("connected", event)
        s:close()
    end)

    it("may close the session, and connect it again", function()
        for _, kind in ipairs(BOTH) do
            local s
            s = session_to(server(kind).url, { on_event = { secure_ok = function() s:close() end } })
            s:connect()
            local ok = pcall(function()
                for _ = 1, 1000 do
                    if s:execute() ~= "in_progress" then break end
                    wait { s }
                end
            end)
            assert.is_true(ok)
            raises("session is closed", s.connect, s)
        end
    end)
end)

describe("waiting", function()
    local big = support.mail { attachments = { { name = "a.bin", body = ("0123456789abcde\n"):rep(300 * 64) } } }

    for _, kind in ipairs(BOTH) do
        it("by pollfd, events and timeout alone: 300 KB, " .. kind, function()
            local c = server(kind)
            local n = #c:mails()
            local s, seen = session_to(c.url)
            did(s, s:connect())
            assert.equal("in_progress", s:send(big))
            local turns = finish(s)
            assert.truthy(seen.sent.receipt, tostring(seen.sent.err))
            assert.is_true(seen.sent.receipt.tls.verified)
            assert.truthy(turns < 5000, turns)
            assert.truthy(#c:wait(n + 1)[n + 1].raw > 300 * 1024)
            did(s, s:disconnect())
            s:close()
        end)

        it("in slices of a millisecond, which are kept: " .. kind, function()
            local s, seen = session_to(server(kind).url)
            local longest = 0
            local function slices(state)
                while state == "in_progress" do
                    local began = socket.gettime()
                    state = s:execute(0.001)
                    longest = math.max(longest, socket.gettime() - began)
                    if state == "in_progress" then wait { s } end
                end
                return state
            end
            assert.is_true(slices(s:connect()))
            assert.is_true(slices(s:send(big)))
            assert.equal("accepted", seen.sent.receipt.outcome)
            assert.truthy(longest < 0.5, longest)
            s:close()
        end)
    end

    -- Replies that fill a record and more than posta's window: the rest waits inside TLS, where no descriptor
    -- tells of it.
    local function long_reply(code, last)
        local lines = {}
        for i = 1, 60 do lines[i] = ("S: %s-line %d %s"):format(code, i, ("x"):rep(120)) end
        lines[#lines + 1] = ("S: %s %s"):format(code, last)
        return table.concat(lines, "\n"), #lines
    end

    it("several replies in one record do not hang", function()
        local long, n = long_reply("250", "done")
        local go = long_reply("354", "go")
        local p = peer.play(nil, table.concat({ "TLS", "S: 220 x", "C: /^EHLO/", "GLUE 2", "S: 250-x",
            "S: 250-8BITMIME", "S: 250 PIPELINING", "GLUE " .. 3 * n - 1, "C: /^MAIL/", long, "C: /^RCPT/", long,
            "C: DATA", go, "TEXT", "GLUE " .. n - 1, long, "C: NOOP", "GLUE " .. n - 1, long, "C: QUIT",
            "S: 221 bye" }, "\n"), certs.pair "server")
        finally(p.stop)
        local s, seen = session_to("smtps://127.0.0.1:" .. p.port)
        did(s, s:connect())
        s:send(support.mail())
        finish(s)
        assert.equal("accepted", seen.sent.receipt.outcome)
        assert.is_true(did(s, s:noop()))
        did(s, s:disconnect())
        s:close()
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
    end)

    it("blocking calls do not hang there either", function()
        local long, n = long_reply("250", "done")
        local p = peer.play(nil, table.concat({ "TLS", "GLUE 1", "S: 220-x", "S: 220 y", "C: /^EHLO/", "S: 250 x",
            "C: NOOP", "GLUE " .. n - 1, long, "C: NOOP", "DRIP 0.0001", "S: 250 fine", "C: QUIT", "S: 221 bye" },
            "\n"), certs.pair "server")
        finally(p.stop)
        local conn = assert(posta.connect { url = "smtps://127.0.0.1:" .. p.port, tls = TLS, timeout = 10 })
        assert(conn:noop())
        assert(conn:noop())
        assert(conn:quit())
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
    end)

    it("comes first, and the work behind it: what was begun is there to be done", function()
        for _, kind in ipairs(BOTH) do
            local s, seen = session_to(server(kind).url)
            local function waits_first(state)
                assert.equal("in_progress", state)
                wait { s }
                return select(2, finish(s))
            end
            assert.is_true(waits_first(s:connect()))
            assert.is_true(waits_first(s:noop()))
            assert.is_true(waits_first(s:sender "ana@example.org"))
            assert.is_true(waits_first(s:recipient "bob@example.org"))
            assert.is_true(waits_first(s:begin_message()))
            s:body(("x"):rep(900))
            assert.is_true(waits_first(s:end_message()))
            assert.is_true(waits_first(s:send(support.mail())))
            assert.is_true(waits_first(s:disconnect()))
            assert.equal("disconnected", seen[#seen])
            s:close()
        end
    end)

    it("getfd, dirty and pollfd agree", function()
        local s = session_to(server "implicit".url)
        assert.same({ -1, false }, { s:getfd(), s:dirty() })
        assert.equal("", s:events())
        s:connect()
        assert.is_true(s:dirty())
        finish(s)
        assert.equal(s:pollfd(), s:getfd())
        assert.is_false(s:dirty())
        s:noop()
        finish(s)
        assert.is_false(s:dirty())
        s:close()
        assert.is_false(s:dirty())
    end)
end)

describe("a session", function()
    it("is used again, with TLS anew each time", function()
        for _, kind in ipairs(BOTH) do
            local c = server(kind)
            local n = #c:mails()
            local s, seen = session_to(c.url)
            for i = 1, 3 do
                did(s, s:connect())
                assert.is_true(s:tls().verified)
                s:send(support.mail { subject = "turn " .. i })
                finish(s)
                assert.equal("accepted", seen.sent.receipt.outcome)
                did(s, s:disconnect())
                assert.is_false(s:is_connected())
            end
            s:close()
            for i = n + 1, n + 3 do assert.truthy(c:wait(n + 3)[i].tls) end
        end
    end)

    it("walks through all steps", function()
        local c = server "starttls"
        local n = #c:mails()
        local s = assert(posta.session { url = c.url, tls = TLS })
        assert(s:connect())
        assert(s:sender "ana@example.org")
        assert(s:recipient "bob@example.org")
        assert(s:begin_message { subject = "steps" })
        local text = ("a line\r\n"):rep(10000)
        assert.equal(#text, s:body(text))
        assert(s:end_message())
        assert(s:disconnect())
        s:close()
        local mail = c:wait(n + 1)[n + 1]
        assert.truthy(mail.tls)
        assert.equal(text, mail.raw:match "\r\n\r\n(.*)$")
    end)

    it("takes another posta.tls while it is not connected, and no other (A15)", function()
        local c = server "implicit"
        local s = assert(posta.session { url = c.url, tls = { ca_file = file "other-ca.pem" } })
        fails("tls.verify.issuer", nil, s:connect())
        assert.is_true(s:set_tls(TLS))
        assert(s:connect())
        fails("state", nil, s:set_tls(TLS))
        assert(s:disconnect())
        local shared = assert(posta.tls { pin = certs.pin() })
        assert.is_true(s:set_tls(shared))
        shared:close()
        assert(s:connect())
        assert(s:disconnect())
        assert.is_true(s:set_tls(nil))
        local none = s:connect()                        -- the system's certificates do not have the tests' CA
        assert.is_nil(none)
        fails("file.not_found", "tls.ca_file", s:set_tls { ca_file = "/not/there" })
        raises("tls.cafile: unknown; write ca_file", s.set_tls, s, { cafile = "x" })
        raises("tls: posta.tls is closed", s.set_tls, s, shared)
        raises("tls: expected table or posta.tls, got number", s.set_tls, s, 1)
        s:close()
        raises("set_tls: session is closed", s.set_tls, s, TLS)
    end)

    it("on loopback wants STARTTLS once it has one", function()
        local s = assert(posta.session(server "starttls".url))
        assert.equal("none", s:option "tls_mode")
        assert(s:connect())
        assert.is_false((s:tls()))
        assert(s:disconnect())
        assert.is_true(s:set_tls(TLS))
        assert.equal("starttls", s:option "tls_mode")
        assert(s:connect())
        assert.is_true(s:tls().verified)
        assert(s:disconnect())
        assert(s:set_option("tls_mode", "none"))
        assert(s:connect())
        assert.is_false((s:tls()))
        s:close()
    end)

    it("keeps its connection for several mails", function()
        for _, kind in ipairs(BOTH) do
            local c = server(kind)
            local n = #c:mails()
            local conn = assert(posta.connect { url = c.url, tls = TLS })
            for i = 1, 5 do
                local receipt = assert(conn:send(support.mail { subject = "mail " .. i }))
                assert.same(conn:tls(), receipt.tls)
                assert(i % 2 == 0 and conn:noop() or conn:reset())
            end
            assert(conn:quit())
            assert.equal(n + 5, #c:wait(n + 5))
        end
    end)
end)

describe("posta.start", function()
    local function steps(job, slice)
        for n = 1, 20000 do
            local done, receipt, message, err = job:step(slice)
            if done then return receipt, message, err, n end
            local fd = { getfd = function() return job:pollfd() or -1 end,
                dirty = function() return job:timeout() == 0 end }
            wait { setmetatable(fd, { __index = { events = function() return job:events() end,
                timeout = function() return job:timeout() end } }) }
        end
        error("it does not end", 2)
    end

    it("sends over TLS, in slices", function()
        for _, kind in ipairs(BOTH) do
            local c = server(kind)
            local n = #c:mails()
            local job = assert(posta.start({ url = c.url, tls = TLS }, support.mail { text = ("line\n"):rep(20000) }))
            local receipt, message, _, turns = steps(job, 0.001)
            assert(receipt, message)
            assert.is_true(receipt.tls.verified)
            assert.truthy(turns < 5000, turns)
            assert.truthy(c:wait(n + 1)[n + 1].tls)
        end
    end)

    it("tells who is not to be believed", function()
        local job = assert(posta.start({ url = server("implicit", "expired").url, tls = TLS }, support.mail()))
        local receipt, message, err = steps(job)
        fails("tls.verify.expired", nil, receipt, message, err)
        assert.equal("not_sent", err.outcome)
    end)
end)

describe("a wait hook", function()
    it("that yields: three sends at once", function()
        local waiting, outcomes = {}, {}
        local function hook(s)
            waiting[coroutine.running()] = s
            coroutine.yield()
            return true
        end
        local function send(i)
            local url = server(BOTH[i % 2 + 1]).url
            local receipt, message = posta.send({ url = url, tls = TLS, wait = hook },
                support.mail { text = ("line\n"):rep(30000) })
            outcomes[#outcomes + 1] = receipt and receipt.tls.verified and receipt.outcome or message
        end
        local most = 0
        local function run(co, ...)
            waiting[co] = nil
            assert(coroutine.resume(co, ...))
        end
        for i = 1, 3 do run(coroutine.create(send), i) end
        while next(waiting) do
            local sessions, ready = {}, {}
            for co, s in pairs(waiting) do sessions[#sessions + 1], ready[#ready + 1] = s, co end
            most = math.max(most, #sessions)
            wait(sessions)
            for _, co in ipairs(ready) do run(co) end
        end
        assert.same({ "accepted", "accepted", "accepted" }, outcomes)
        assert.equal(3, most)
    end)

    it("cancels in the middle of the handshake", function()
        local p = peer.play(nil, "STALL")
        finally(p.stop)
        local n = 0
        local err = fails("cancelled", nil, posta.send({ url = "smtps://127.0.0.1:" .. p.port, tls = TLS,
            wait = function(s)
                wait { { events = function() return "" end, timeout = function() return 0.01 end } }
                n = n + 1
                if s:events() == "r" and n > 5 then return nil, "enough" end
                return true
            end }, support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.truthy(err.message:find("cancelled: enough", 1, true), err.message)
    end)
end)

describe("the middle of a handshake", function()
    local dialogues = { implicit = "STALL", starttls = [[
        S: 220 x
        C: /^EHLO/
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 go
        STALL]] }

    -- A session that has said its ClientHello to a server which is silent since.
    local function stalled(kind, more)
        local p = peer.play(nil, dialogues[kind])
        finally(p.stop)
        local options = { security = kind == "implicit" and "tls" or "starttls" }
        for name, value in pairs(more or {}) do options[name] = value end
        local s, seen = session_to("127.0.0.1:" .. p.port, options)
        s:connect()
        while true do
            assert.equal("in_progress", s:execute())
            if s:events() == "r" and (kind == "implicit" or s:last_response() == "go") then return s, seen end
            wait { s }
        end
    end

    for _, kind in ipairs(BOTH) do
        it("is cancelled: " .. kind, function()
            local s, seen = stalled(kind)
            assert.is_true(s:cancel())
            assert.is_true(s:dirty())
            fails("cancelled", nil, s:execute())
            assert.equal("cancelled", seen[#seen] and seen[seen[#seen]].err.code)
            assert.is_false(s:is_connected())
            assert.is_false((s:tls()))
            -- It may be used again.
            fails("connect.refused", nil, did(s, s:connect { host = "127.0.0.1", port = 1 }))
            s:close()
        end)

        it("is closed: " .. kind, function()
            local s = stalled(kind)
            assert.is_true(s:close())
            raises("session is closed", s.execute, s)
        end)

        it("ends by disconnect: " .. kind, function()
            local s = stalled(kind)
            local state = s:disconnect()
            if state == "in_progress" then s:cancel() s:execute() end
            s:close()
        end)

        it("is collected: " .. kind, function()
            stalled(kind)
            collectgarbage()
            collectgarbage()
        end)

        it("has its own time: " .. kind, function()
            local s, seen = stalled(kind, { timeout = { tls = 0.4 } })
            local began = socket.gettime()
            local _, state, message, err = finish(s)
            fails("timeout.tls", nil, state, message, err)
            assert.equal("tls", err.stage)
            assert.truthy(socket.gettime() - began < 3)
            assert.truthy(message:find("(400 ms)", 1, true), message)
            assert.equal("timeout", seen[#seen])
            s:close()
        end)
    end

    it("has its own time, for who blocks", function()
        local p = peer.play(nil, dialogues.implicit)
        finally(p.stop)
        local began = socket.gettime()
        local err = fails("timeout.tls", nil, posta.send({ url = "smtps://127.0.0.1:" .. p.port, tls = TLS,
            timeout = { tls = 0.1 } }, support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.truthy(socket.gettime() - began < 3)
        fails("timeout.total", nil, posta.connect { url = "smtps://127.0.0.1:" .. p.port, tls = TLS, timeout = 0.1 })
    end)

    it("is left at every moment", function()
        for _, leave in ipairs { "cancel", "close" } do
            for n = 1, 12 do
                local s = session_to(server(BOTH[n % 2 + 1]).url)
                s:connect()
                for _ = 1, n do
                    if s:execute(1e-6) ~= "in_progress" then break end
                    wait { s }
                end
                s[leave](s)
                if leave == "cancel" then
                    s:execute()
                    assert.is_false(s:is_connected())
                    s:close()
                end
            end
        end
    end)
end)

describe("the end of TLS", function()
    -- Plays one connection to the last word; how the client ended it is in the transcript.
    local function ended(dialogue, act, may_say_more)
        local p = peer.play(nil, dialogue, certs.pair "server")
        finally(p.stop)
        act { url = "127.0.0.1:" .. p.port, security = dialogue:find "^TLS" and "tls" or "starttls", tls = TLS }
        local ok, transcript = p.result()
        assert.is_true(ok or may_say_more, transcript)
        assert.truthy(transcript:find("# the client ended TLS in order", 1, true), transcript)
    end

    local HELLO = "TLS\nS: 220 x\nC: /^EHLO/\nS: 250 x\n"
    local QUIT = "C: QUIT\nS: 221 bye"
    local MAIL = "C: /^MAIL/\nS: 250 x\nC: /^RCPT/\nS: 250 x\nC: DATA\nS: 354 x\nTEXT\nS: 250 x\n"

    it("is said: send, quit, close, disconnect, a job", function()
        ended(HELLO .. MAIL .. QUIT, function(w) assert(posta.send(w, support.mail())) end)
        ended("S: 220 x\nC: /^EHLO/\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: /^EHLO/\nS: 250 x\n" .. QUIT,
            function(w) assert(posta.connect(w)):quit() end)
        ended(HELLO .. "C: QUIT", function(w) assert(posta.connect(w)):close() end)
        ended(HELLO .. QUIT, function(w)
            w.blocking = false
            local s = assert(posta.session(w))
            did(s, s:connect())
            did(s, s:disconnect())
        end)
        ended(HELLO .. MAIL .. "C: QUIT", function(w)
            local job = assert(posta.start(w, support.mail()))
            local finish_by = socket.gettime() + LIMIT
            repeat socket.select(nil, nil, 0.001) until job:step() or socket.gettime() > finish_by
        end)
    end)

    it("is said when a mail is given up", function()
        ended(HELLO .. "C: /^MAIL/\nS: 250 x\nC: /^RCPT/\nS: 250 x\nC: DATA\nS: 354 x\nTEXT", function(w)
            local s = assert(posta.session(w))
            assert(s:connect() and s:sender "ana@example.org" and s:recipient "bob@example.org")
            assert(s:begin_message { mime = true })
            s:body "A: b\n"
            s:disconnect()
            s:close()
        end, true)
    end)

    it("is noticed when the server ends without a word", function()
        local p = peer.play(nil, HELLO .. "C: NOOP\nCLOSE", certs.pair "server")
        finally(p.stop)
        local conn = assert(posta.connect { url = "smtps://127.0.0.1:" .. p.port, tls = TLS })
        fails("connection.lost", nil, conn:noop())
        assert.is_false(conn:is_connected())
        conn:close()
    end)
end)
