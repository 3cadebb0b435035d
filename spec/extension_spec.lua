-- What is asked for with MAIL and RCPT, from mails and step by step: the lines that go out, and what is refused.

local posta = require "posta"
local child = require "spec.support.child"
local memory = require "spec.support.memory"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local OFFER = "250-memory\r\n250-8BITMIME\r\n250-DSN\r\n250-AUTH PLAIN\r\n250-MT-PRIORITY\r\n250-DELIVERBY 60\r\n"
    .. "250-LIMITS RCPTMAX=5\r\n250 FUTURERELEASE 3600"

local function server(offer)
    return memory.new { EHLO = offer or OFFER }
end

local function where(s, more)
    local w = { host = "mail.lan", security = "none", transport = s.transport }
    for key, value in pairs(more or {}) do w[key] = value end
    return w
end

-- The MAIL and RCPT lines of a mail with these fields, without their paths.
local function said(fields)
    local s = server()
    assert(posta.send(where(s), support.mail(fields)))
    local mail = s.lines[2]:match("^MAIL FROM:<[^>]*>(.*)$"):gsub("^ BODY=8BITMIME", "")
    return mail, s.lines[3]:match("^RCPT TO:<[^>]*>(.*)$")
end

describe("A mail", function()
    it("asks for what its fields say", function()
        local function mail(want, fields) assert.equal(want, (said(fields))) end
        mail(" RET=FULL ENVID=a+2Bb", { dsn = { ret = "full", envid = "a+b" } })
        mail(" RET=HDRS", { dsn = { ret = "headers" } })
        mail(" MT-PRIORITY=-9", { mt_priority = -9 })
        mail(" MT-PRIORITY=0", { mt_priority = 0 })
        mail(" BY=120;N", { deliver_by = 120 })
        mail(" BY=60;RT", { deliver_by = { seconds = 60, mode = "return", trace = true } })
        mail(" HOLDFOR=60", { hold_for = 60 })
        mail(" HOLDUNTIL=2026-11-28T08:30:00Z", { hold_until = 1795854600 })
        mail(" AUTH=<>", { mail_auth = "" })
        mail(" AUTH=eve@example.org", { mail_auth = "eve@example.org" })
        local function rcpt(want, notify) assert.equal(want, (select(2, said { dsn = { notify = notify } }))) end
        rcpt(" NOTIFY=NEVER", "never")
        rcpt(" NOTIFY=SUCCESS,DELAY", "delay, Success")
        rcpt(" NOTIFY=FAILURE", { "failure" })
        assert.equal("", (said {}))
        -- a finished text may ask for it too
        local s = server()
        assert(posta.send(where(s), { raw = "From: a@b.c\r\n\r\nx\r\n", envelope = { from = "a@b.c", to = "d@e.f" },
            dsn = { notify = "never" }, hold_for = 1 }))
        assert.truthy(s.lines[2]:find("HOLDFOR=1", 1, true))
        assert.truthy(s.lines[3]:find("NOTIFY=NEVER", 1, true))
    end)

    it("is not sent where the server lacks one", function()
        local function lacks(field, text, fields, offer)
            local s = server(offer or "250 memory")
            local _, message, err = posta.send(where(s), support.mail(fields))
            assert.equal("extension.missing", err.code)
            assert.equal(field, err.field)
            assert.truthy(message:find(field .. ": " .. text .. "; nothing was sent", 1, true), message)
            assert.equal("QUIT", s.lines[2])
        end
        lacks("dsn", "the server does not offer DSN", { dsn = { ret = "full" } })
        lacks("dsn.notify", "the server does not offer DSN", { dsn = { notify = "never" } })
        lacks("mt_priority", "the server does not offer MT-PRIORITY", { mt_priority = 1 })
        lacks("deliver_by", "the server does not offer DELIVERBY", { deliver_by = 60 })
        lacks("hold_for", "the server does not offer FUTURERELEASE", { hold_for = 60 })
        lacks("hold_until", "the server does not offer FUTURERELEASE", { hold_until = 1795854600 })
        lacks("mail_auth", "the server does not offer AUTH", { mail_auth = "" })
        lacks("require_tls", "the connection is not protected by TLS", { require_tls = true },
            "250-x\r\n250 REQUIRETLS")
        lacks("deliver_by.seconds", "is sooner than the server promises",
            { deliver_by = { seconds = 59, mode = "return" } }, OFFER)
        lacks("hold_for", "is longer than the server holds mail", { hold_for = 3601 }, OFFER)
        local s = server()
        fails("limits.recipients", "envelope.to", posta.send(where(s), support.mail {
            to = { "a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org", "f@x.org" } }))
        assert.equal("QUIT", s.lines[2])
    end)

    it("is refused for a wrong value", function()
        local function wrong(text, fields) raises(text, posta.message, support.mail(fields)) end
        wrong("mail.dsn: expected { notify =, ret =, envid = }, got string", { dsn = "never" })
        wrong("mail.dsn.notify: expected \"never\", or a list", { dsn = { notify = "maybe" } })
        wrong("mail.dsn.notify: expected", { dsn = { notify = { "never", "delay" } } })
        wrong("mail.dsn.notify: expected", { dsn = { notify = { "delay", "delay" } } })
        wrong("mail.dsn.notify: expected", { dsn = { notify = {} } })
        wrong("mail.dsn.ret: expected \"full\" or \"headers\"", { dsn = { ret = "hdrs" } })
        wrong("mail.dsn.envid: expected 1 to 100 ASCII characters", { dsn = { envid = "a\r\nb" } })
        wrong("mail.dsn.envid: expected 1 to 100", { dsn = { envid = ("x"):rep(101) } })
        wrong("mail.dsn.id: unknown; write envid", { dsn = { id = "x" } })
        wrong("mail.mt_priority: expected a whole number from -9 to 9, got 10", { mt_priority = 10 })
        wrong("mail.mt_priority: expected", { mt_priority = 0.5 })
        wrong("mail.mt_priority: expected", { mt_priority = 0 / 0 })
        wrong("mail.deliver_by.seconds: expected number, got nil", { deliver_by = {} })
        wrong("mail.deliver_by.mode: expected", { deliver_by = { seconds = 1, mode = "x" } })
        wrong("is over already", { deliver_by = { seconds = 0, mode = "return" } })
        wrong("mail.hold_for: expected", { hold_for = 0 })
        wrong("mail.require_tls: expected boolean, got string", { require_tls = "yes" })
        fails("field.invalid", "hold_for", posta.message(support.mail { hold_for = 1, hold_until = 1 }))
        fails("field.invalid", "mail_auth", posta.message(support.mail { mail_auth = "a\0" }))
        fails("field.invalid", "mail_auth", posta.send(where(server()), support.mail { mail_auth = "nobody" }))
    end)
end)

describe("Step by step", function()
    it("sender and recipient ask for the same, each once", function()
        local s = server()
        local session = assert(posta.session(where(s)))
        assert(session:connect())
        assert(session:sender { address = "ana@example.org", dsn = { ret = "full", envid = "x" }, hold_for = 5 })
        assert(session:recipient { address = "bob@example.org", notify = "success,failure", orcpt = "b+b@x.org" })
        assert(session:recipient { address = "carol@example.org" })
        collectgarbage()
        assert(session:reset())
        assert(session:sender "ana@example.org")
        session:close()
        assert.equal("MAIL FROM:<ana@example.org> BODY=8BITMIME RET=FULL ENVID=x HOLDFOR=5", s.lines[2])
        assert.equal("RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bb@x.org", s.lines[3])
        assert.equal("RCPT TO:<carol@example.org>", s.lines[4])
        assert.equal("MAIL FROM:<ana@example.org> BODY=8BITMIME", s.lines[6])
    end)

    it("a step that failed leaves nothing to the next", function()
        local s = server()
        local session = assert(posta.session(where(s)))
        assert(session:connect())
        fails("field.invalid", "sender.address", session:sender { address = "a b", dsn = { ret = "full" } })
        assert(session:sender "ana@example.org")
        fails("field.invalid", "recipient.address",
            session:recipient { address = "a b", notify = "never", orcpt = ("b"):rep(200) .. "@x.org" })
        collectgarbage()
        assert(session:recipient "bob@example.org")
        fails("field.invalid", "recipient.orcpt", session:recipient { address = "c@example.org", orcpt = "a\0b" })
        session:close()
        assert.equal("MAIL FROM:<ana@example.org> BODY=8BITMIME", s.lines[2])
        assert.equal("RCPT TO:<bob@example.org>", s.lines[3])
    end)

    it("a limit beyond Lua's integers stays a large number", function()
        local session = assert(posta.session(where(server "250-memory\r\n250 SIZE 18446744073709551615")))
        assert(session:connect())
        assert.equal(2 ^ 64, session:capabilities().size_max)
        session:close()
    end)

    it("what does not fit is refused, and the session goes on", function()
        local s = server "250 memory"
        local session = assert(posta.session(where(s)))
        assert(session:connect())
        fails("extension.missing", "dsn", session:sender { address = "ana@example.org", dsn = { ret = "full" } })
        fails("field.invalid", "sender.dsn.notify", session:sender { address = "a@b.c", dsn = { notify = "never" } })
        assert(session:sender "ana@example.org")
        fails("extension.missing", "dsn.notify", session:recipient { address = "bob@example.org", notify = "never" })
        assert(session:recipient "bob@example.org")
        raises("recipient.notify: expected", session.recipient, session, { address = "a@b.c", notify = "x" })
        session:close()
    end)
end)

describe("capabilities()", function()
    it("tells what the server offers", function()
        local conn = assert(posta.connect(where(server())))
        local can = conn:capabilities()
        for name, value in pairs { dsn = true, mt_priority = true, deliverby = true, futurerelease = true,
            limits = true, requiretls = false, chunking = false, binarymime = false, etrn = false, deliverby_min = 60,
            futurerelease_max = 3600, rcpt_max = 5 } do
            assert.equal(value, can[name], name)
        end
        assert.is_nil(can.mail_max)
        conn:quit()
    end)
end)

describe("chunking = \"auto\"", function()
    local function chunked(fields, more)
        local c = { play = [[
S: 220 hello
C: /^EHLO /
S: 250-x
S: 250-PIPELINING
S: 250-CHUNKING
S: 250 SIZE
C: /^MAIL FROM:<ana@example.org> SIZE=%d+$/
C: RCPT TO:<bob@example.org>
C: /^BDAT %d+ LAST$/
]] }
        local one = peer.play(child.interpreter(), c.play .. more)
        local receipt, message, err = posta.send({ url = one.url, chunking = "auto" }, support.mail(fields))
        local ok, transcript = one.result()
        assert.is_true(ok, transcript)
        return receipt, message, err
    end
    after_each(function() peer.stop_all() end)

    local TEXT = ("C: *\n"):rep(9)     -- eight lines of header and the blank one

    it("sends the text behind the recipients", function()
        local receipt = assert(chunked({ text = ".hi\n" }, TEXT
            .. "C: .hi\nS: 250 ok\nS: 250 ok\nS: 250 taken\nC: QUIT\nS: 221 bye"))
        assert.equal("bob@example.org", receipt.accepted[1].address or receipt.accepted[1])
    end)

    it("says what is unknown, and what is safe", function()
        local _, _, err = chunked({ text = "hi\n" }, TEXT .. "C: hi\nCLOSE")
        assert.equal("unknown", err.outcome)
        assert.equal("duplicate_risk", err.retry)
        _, _, err = chunked({ text = "hi\n" }, TEXT .. "C: hi\nS: 250 ok\nS: 250 ok\nS: 500 what")
        assert.equal("not_sent", err.outcome)
        assert.equal("safe", err.retry)
    end)

    it("sends octets as they are where BINARYMIME is offered", function()
        local one = peer.play(child.interpreter(), [[
S: 220 hello
C: /^EHLO /
S: 250-x
S: 250-CHUNKING
S: 250 BINARYMIME
C: MAIL FROM:<ana@example.org> BODY=BINARYMIME
S: 250 ok
C: RCPT TO:<bob@example.org>
S: 250 ok
C: /^BDAT %d+ LAST$/
]] .. ("C: *\n"):rep(20) .. [[
C: /^a.b.x$/
C: /^--=_%x+--$/
S: 250 taken
C: QUIT
S: 221 bye]])
        local receipt, message = posta.send({ url = one.url, chunking = "auto" }, support.mail {
            attachments = { { name = "x.bin", body = "a\0b\255x" } } })
        local ok, transcript = one.result()
        assert.is_true(ok, tostring(message) .. "\n" .. tostring(transcript))
        assert.equal("accepted", receipt.outcome)
    end)

    it("is an option of sessions, and of engines", function()
        local s = assert(posta.session(where(server())))
        assert.equal("off", s:option("chunking"))
        assert(s:set_option("chunking", "auto"))
        assert.equal("auto", s:option("chunking"))
        s:close()
        assert(posta.engine { host = "x", security = "none", chunking = "auto" }):close()
    end)
end)

describe("command()", function()
    local function conn_to(replies)
        local s = memory.new(replies)
        return assert(posta.connect(where(s))), s
    end

    it("says it and gives the reply", function()
        local conn, s = conn_to { VRFY = "252-2.1.5 one\r\n252 2.1.5 two", HELP = "502 5.5.1 none",
            EXPN = "450 later" }
        local reply = assert(conn:command("VRFY", "bob"))
        assert.equal(252, reply.code)
        assert.equal("2.1.5", reply.enhanced)
        assert.equal("one\ntwo", reply.text)
        local _, message, err = conn:command "HELP"
        assert.equal("command.refused", err.code)
        assert.equal(502, err.reply.code)
        assert.truthy(message:find("502 5.5.1 none", 1, true), message)
        _, _, err = conn:command("EXPN", "list")
        assert.is_true(err.temporary)
        assert(conn:send(support.mail()))
        assert.equal("VRFY bob", s.lines[2])
        assert.equal("HELP", s.lines[3])
        conn:quit()
    end)

    it("refuses what is not for it", function()
        local conn, s = conn_to {}
        for _, verb in ipairs { "MAIL", "rcpt", "Data", "BDAT", "RSET", "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH",
            "QUIT", "", "A B", ("X"):rep(17) } do
            fails("field.invalid", "verb", conn:command(verb, "x"))
        end
        fails("field.invalid", "args", conn:command("VRFY", "a\r\nQUIT"))
        fails("field.invalid", "args", conn:command("VRFY", "\195\179"))
        fails("field.invalid", "args", conn:command("VRFY", ("x"):rep(506)))
        fails("field.invalid", "args", conn:command("VRFY", "a\0b"))
        fails("extension.missing", "verb", conn:command("ETRN", "x"))
        raises("command.verb: expected string, got nil", conn.command, conn)
        assert.equal(1, #s.lines)
        conn:quit()
    end)
end)

describe("send_all()", function()
    local function mails()
        return { support.mail { subject = "1" }, support.mail { from = "nobody" }, support.mail { subject = "3",
            to = "refused@example.org" }, support.mail { subject = "4" } }
    end
    local function open(replies)
        local s = memory.new(replies)
        return assert(posta.connect(where(s))), s
    end
    local REFUSES = { RCPT = function(_, line) return line:find "refused" and "550 no" or "250 ok" end }

    it("sends those that can be, and tells of each", function()
        local conn, s = open(REFUSES)
        local seen = {}
        local receipts, errs = conn:send_all(mails(), function(i, receipt, message, err)
            seen[i] = receipt and receipt.outcome or err.code
            assert.equal(receipt == nil, type(message) == "string")
        end)
        assert.same({ "accepted", "field.invalid", "recipients.refused", "accepted" }, seen)
        assert.equal("accepted", receipts[4].outcome)
        assert.is_false(receipts[2])
        assert.equal("recipients.refused", errs[3].code)
        assert.equal(2, #s.texts)
        conn:quit()
    end)

    it("takes an iterator, and ends when it is told", function()
        local conn, s = open {}
        local n = 0
        local receipts = conn:send_all(function()
            n = n + 1
            return n <= 5 and support.mail { subject = tostring(n) } or nil
        end, function(i) return i < 3 end)
        assert.equal(3, #receipts)
        assert.equal(3, #s.texts)
        conn:quit()
    end)

    it("accounts for those behind a lost connection", function()
        local conn = open { TEXT = "CLOSE" }
        local receipts, errs = conn:send_all { support.mail {}, support.mail {}, support.mail {} }
        assert.same({ false, false, false }, receipts)
        assert.equal("unknown", errs[1].outcome)
        assert.equal("not_sent", errs[2].outcome)
        assert.equal("not_sent", errs[3].outcome)
    end)

    it("is misused by name", function()
        local conn, s = open {}
        raises("send_all.mails: expected a list of mails or a function, got nil", conn.send_all, conn)
        raises("mails[1].subjct: unknown; did you mean subject?", conn.send_all, conn, { { subjct = "x" } })
        raises("mails[2].subjct: unknown", conn.send_all, conn, { support.mail {}, { subjct = "x" } })
        assert.equal(0, #s.texts) -- else nobody had the receipt of the first
        raises("send_all.mails: expected a list of mails", conn.send_all, conn, { from = "x" })
        conn:quit()
    end)
end)
