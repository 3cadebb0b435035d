-- What the world answers: codes, stages, outcomes, sentences.

local socket = require "socket"
local posta = require "posta"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails = support.fails

local HELLO = "S: 220 hello\nC: /^EHLO /\nS: 250 ok\n"
local TO_DATA = HELLO .. "C: /^MAIL/\nS: 250 ok\nC: /^RCPT/\nS: 250 ok\nC: DATA\n"

-- A port on which nobody listens.
local function closed_port()
    local s = assert(socket.bind("127.0.0.1", 0))
    local _, port = s:getsockname()
    s:close()
    return port
end

describe("a failed send", function()
    -- dialogue, then what err must say; the rest of `where` and of the mail may be given.
    local rows = {
        { "greeting", "S: 554 5.7.1 go away\nC: QUIT",
            { code = "greeting.refused", stage = "greeting", outcome = "not_sent", retry = "pointless" },
            { 554, "5.7.1", "go away" } },
        { "greeting for now", "S: 421 4.3.2 busy",
            { code = "greeting.refused", stage = "greeting", outcome = "not_sent", retry = "safe",
                temporary = true }, { 421, "4.3.2", "busy" } },
        { "not SMTP", "S: SSH-2.0-OpenSSH_9.2",
            { code = "protocol.error", outcome = "not_sent" } },
        { "closed before the greeting", "SLEEP 0.05\nCLOSE",
            { code = "connection.lost", stage = "greeting", outcome = "not_sent", retry = "safe",
                temporary = true } },
        { "sender", HELLO .. "C: /^MAIL/\nS: 550 5.1.8 not you\nC: QUIT\nS: 221 bye",
            { code = "sender.refused", stage = "sender", outcome = "not_sent", retry = "pointless" },
            { 550, "5.1.8", "not you" } },
        { "sender for now", HELLO .. "C: /^MAIL/\nS: 451 4.7.1 later\nC: QUIT\nS: 221 bye",
            { code = "sender.refused", outcome = "not_sent", retry = "safe", temporary = true },
            { 451, "4.7.1", "later" } },
        { "recipients", HELLO .. "C: /^MAIL/\nS: 250 ok\nC: /^RCPT/\nS: 550 5.1.1 nobody\nC: *\nS: 250 ok\n"
            .. "C: QUIT\nS: 221 bye",
            { code = "recipients.refused", stage = "recipient", outcome = "not_sent" }, { 550, "5.1.1", "nobody" } },
        { "data", TO_DATA .. "S: 554 5.5.1 no text\nC: *\nS: 250 ok\nC: QUIT\nS: 221 bye",
            { code = "message.refused", stage = "data", outcome = "not_sent" }, { 554, "5.5.1", "no text" } },
        { "text", TO_DATA .. "S: 354 go\nTEXT\nS: 554 5.6.0 spam\nC: QUIT\nS: 221 bye",
            { code = "message.refused", stage = "result", outcome = "not_sent", retry = "pointless" },
            { 554, "5.6.0", "spam" } },
        { "text for now", TO_DATA .. "S: 354 go\nTEXT\nS: 452 4.3.1 full\nC: QUIT\nS: 221 bye",
            { code = "message.refused", stage = "result", outcome = "not_sent", retry = "safe",
                temporary = true }, { 452, "4.3.1", "full" } },
        { "lost before the verdict", TO_DATA .. "S: 354 go\nTEXT\nCLOSE",
            { code = "connection.lost", stage = "result", outcome = "unknown", retry = "duplicate_risk" } },
        { "reset before the verdict", TO_DATA .. "S: 354 go\nTEXT\nRST",
            { code = "connection.lost", outcome = "unknown", retry = "duplicate_risk" } },
        { "half a verdict", TO_DATA .. "S: 354 go\nTEXT\nRAW: 250 o\nCLOSE",
            { code = "connection.lost", outcome = "unknown", retry = "duplicate_risk" } },
        { "lost after MAIL", HELLO .. "C: /^MAIL/\nCLOSE",
            { code = "connection.lost", stage = "sender", outcome = "not_sent", retry = "safe" } },
        { "unasked", HELLO .. "C: /^MAIL/\nGLUE\nS: 250 ok\nS: 250 and again",
            { code = "protocol.error", outcome = "not_sent" } },
        { "a reply that is none", HELLO .. "C: /^MAIL/\nS: 999 what",
            { code = "protocol.error", stage = "sender", outcome = "not_sent" } },
        { "too big", "S: 220 hello\nC: /^EHLO /\nS: 250-ok\nS: 250 SIZE 20\nC: QUIT\nS: 221 bye",
            { code = "message.too_big", outcome = "not_sent" } },
        { "no greeting in time", "STALL",
            { code = "timeout.greeting", stage = "greeting", outcome = "not_sent", retry = "safe",
                temporary = true } },
        { "no answer in time", HELLO .. "C: /^MAIL/\nSTALL",
            { code = "timeout.command", stage = "sender", outcome = "not_sent" } },
        { "no answer to DATA in time", TO_DATA .. "STALL",
            { code = "timeout.data", stage = "data", outcome = "not_sent" } },
        { "no verdict in time", TO_DATA .. "S: 354 go\nTEXT\nSTALL",
            { code = "timeout.result", stage = "result", outcome = "unknown", retry = "duplicate_risk" } },
    }

    -- Only the time that is to run out is short. EHLO is a command too, and must be in time.
    local function times(code)
        local all = { greeting = 5, command = 5, data = 5, result = 5, quit = 1 }
        local short = code:match "^timeout%.(%a+)$"
        if short then all[short] = short == "command" and 0.3 or 0.1 end
        return all
    end

    for _, row in ipairs(rows) do
        local name, dialogue, wanted, reply = row[1], row[2], row[3], row[4]
        it("says what happened: " .. name, function()
            local p = peer.play(nil, dialogue)
            local err = fails(wanted.code, nil, posta.send({ url = p.url, timeout = times(wanted.code) },
                support.mail()))
            local _, transcript = p.result()
            for key, value in pairs(wanted) do
                if err[key] ~= value then
                    error(("%s: expected %s, got %s\n%s\n%s"):format(key, tostring(value),
                        tostring(err[key]), tostring(err), transcript))
                end
            end
            assert.is_boolean(err.temporary)
            assert.is_nil(transcript:find("expected C:", 1, true), transcript)
            if reply then
                assert.same(reply, { err.reply.code, err.reply.enhanced, err.reply.text })
                assert.truthy(tostring(err):find(reply[3], 1, true), tostring(err))
            end
            assert.equal(1, (tostring(err):find("127.0.0.1:" .. p.port .. ": ", 1, true)), tostring(err))
            local fate = err.outcome == "unknown" and "unknown" or "nothing was sent"
            local says = tostring(err):find("; .+%.") and (err.outcome == "unknown"
                or tostring(err):find(fate, 1, true))
            assert.truthy(says, tostring(err))
            if err.stage ~= "greeting" and err.code ~= "message.too_big" then
                assert.truthy(err.transcript:find("C: EHLO", 1, true), err.transcript)
            end
        end)
    end

    it("tells of each recipient", function()
        local p = peer.play(nil, HELLO .. "C: /^MAIL/\nS: 250 ok\nC: *\nS: 550 5.1.1 one\nC: *\nS: 452 4.2.2 two\n"
            .. "C: *\nS: 250 ok\nC: QUIT\nS: 221 bye")
        local err = fails("recipients.refused", nil, posta.send(p.url, support.mail {
            to = { "a@example.org", "b@example.org" } }))
        p.stop()
        assert.equal(2, #err.recipients)
        assert.equal("refused", err.recipients[1].status)
        assert.equal("one", err.recipients[1].reply.text)
        assert.equal("safe", err.recipients[2].retry)
    end)

    it("obeys on_refused = abort", function()
        local p = peer.play(nil, HELLO .. "C: /^MAIL/\nS: 250 ok\nC: *\nS: 250 ok\nC: *\nS: 550 no\n"
            .. "C: RSET\nS: 250 ok\nC: QUIT\nS: 221 bye")
        local err = fails("recipients.refused", nil, posta.send({ url = p.url, on_refused = "abort" },
            support.mail { to = { "a@example.org", "b@example.org" } }))
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
        assert.equal("not_sent", err.outcome)
        assert.equal("not_sent", err.recipients[1].status)
    end)

    it("says that nobody listens, that there is no such name, and that the time ran out", function()
        local port = closed_port()
        local err = fails("connect.refused", nil, posta.send("smtp://127.0.0.1:" .. port, support.mail()))
        assert.equal("connect", err.stage)
        assert.equal("safe", err.retry)
        assert.same({ { address = "bob@example.org", status = "not_sent", retry = "safe" } }, err.recipients)
        assert.is_string(err.hint)
        assert.truthy(tostring(err):find(err.hint, 1, true))
        err = fails("dns.failed", nil, posta.send({ host = "no.such.host.invalid", security = "none" },
            support.mail()))
        assert.equal("resolve", err.stage)
        local p = peer.play(nil, "STALL")
        fails("timeout.total", nil, posta.send({ url = p.url, timeout = 0.3 }, support.mail()))
        p.stop()
        p = peer.play(nil, "STALL")
        fails("timeout.total", nil, posta.send(p.url .. "?timeout=1", support.mail()))
        p.stop()
    end)

    it("loses nothing when a body fails in the middle", function()
        local n = 0
        local p = peer.play(nil, TO_DATA .. "S: 354 go\nTEXT")
        local err = fails("body.failed", "text", posta.send(p.url, support.mail { text = function()
            n = n + 1
            if n > 20 then return nil, "the disk is gone" end
            return ("x"):rep(70) .. "\n"
        end }))
        p.stop()
        assert.equal("not_sent", err.outcome)
        assert.truthy(tostring(err):find("the disk is gone", 1, true))
    end)

    it("of connect is told the same way", function()
        fails("connect.refused", nil, posta.connect("smtp://127.0.0.1:" .. closed_port()))
        local p = peer.play(nil, "S: 554 no\nC: QUIT")
        fails("greeting.refused", nil, posta.connect(p.url))
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
    end)

    it("on a connection that was lost says so, once and again", function()
        local p = peer.play(nil, HELLO .. "CLOSE")
        local conn = assert(posta.connect(p.url))
        p.stop()
        local err = fails("connection.lost", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
        err = fails("connection.lost", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
        conn:quit()
    end)

    it("takes a 421 that came while idle", function()
        local p = peer.play(nil, HELLO .. "S: 421 4.4.2 timeout\nCLOSE")
        local conn = assert(posta.connect(p.url))
        p.stop()
        local _, _, err = conn:send(support.mail())
        assert.equal("not_sent", err.outcome)
        assert.equal("safe", err.retry)
        conn:close()
    end)

    it("never shows a password", function()
        local secret = "s3cr3t-word"
        for _, where in ipairs { "smtp://ana:" .. secret .. "@127.0.0.1:1?security=none",
            "smtps://ana:" .. secret .. "@mail.example.org", "smtp://ana:" .. secret .. "@bad host",
            "smtp://ana:" .. secret .. "@h:99999", "smtp://ana:" .. secret .. "@h?what=1",
            { host = "127.0.0.1", auth = { user = "ana", password = secret } } } do
            local _, message, err = posta.send(where, support.mail())
            assert.is_nil(message:find(secret, 1, true))
            for _, value in pairs(err) do
                assert.is_nil(tostring(value):find(secret, 1, true))
            end
        end
    end)
end)
