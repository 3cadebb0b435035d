-- Addresses that are not ASCII, rows G01-G08, from Lua: with SMTPUTF8 as they are, without it as A-labels.
local catcher = require "spec.support.catcher"
local posta = require "posta"
local support = require "spec.support.posta"

local fails = support.fails

-- A build without libidn2 says so, and takes A-labels only.
local has_idna = (function()
    local _, _, err = posta.send("smtp://b\195\188cher.invalid:1?security=none&timeout=1",
        { from = "a@x.org", to = "b@x.org", text = "x" })
    return err.code ~= "not_built"
end)()

describe("a server with SMTPUTF8", function()
    local c
    setup(function() c = catcher.spawn { words = { "--smtputf8" } } end)
    teardown(function() c:stop() end)

    local function send(mail)
        local n = #c:mails()
        local receipt = assert(posta.send(c.url, mail.raw and mail or support.mail(mail)))
        return c:wait(n + 1)[n + 1], receipt
    end

    it("gets addresses as they were given, in header and envelope", function()
        local mail, receipt = send {
            from = "Jõe <jõe@bücher.example>", to = { "用户@例子.测试", "bob@example.org" }, cc = "ñ@xn--bcher-kva.example",
            bcc = "ß@x.org", subject = "grüß",
        }
        assert.equal("jõe@bücher.example", mail.from)
        assert.same({ "用户@例子.测试", "bob@example.org", "ñ@xn--bcher-kva.example", "ß@x.org" }, mail.to)
        assert.equal("=?utf-8?Q?J=C3=B5e?= <jõe@bücher.example>", support.field(mail.raw, "From"))
        assert.equal("用户@例子.测试, bob@example.org", support.field(mail.raw, "To"))
        assert.equal("ñ@xn--bcher-kva.example", support.field(mail.raw, "Cc"))
        assert.equal("=?utf-8?B?Z3LDvMOf?=", support.field(mail.raw, "Subject"))
        assert.is_nil(mail.raw:find("ß@x.org", 1, true))
        assert.equal("用户@例子.测试", receipt.recipients[1].address)
        assert.is_nil(c:output():find("note:", 1, true), c:output()) -- nothing a real server would mind
    end)

    it("is not told of it without need", function()
        local conn = assert(posta.connect { url = c.url, trace = function(_, line)
            if line:find("^MAIL") then c.said = line end
        end })
        assert.is_true(conn:capabilities().smtputf8)
        assert(conn:send(support.mail { from = "Zoë <z@example.org>", subject = "ü", text = "ü" }))
        assert.is_nil(c.said:find("SMTPUTF8", 1, true), c.said)
        assert(conn:send(support.mail { to = "ü@example.org" }))
        assert.truthy(c.said:find(" SMTPUTF8$"), c.said)
        conn:quit()
    end)

    it("takes a message step by step", function()
        local s = assert(posta.session { url = c.url })
        assert(s:connect())
        assert(s:sender { address = "ana@example.org" })
        local err = fails("extension.missing", "recipient.address", s:recipient { address = "ü@example.org" })
        assert.truthy(err.message:find("option smtputf8", 1, true), err.message)
        assert(s:reset())
        assert(s:set_option("smtputf8", true))
        assert.is_true(s:option("smtputf8"))
        local n = #c:mails()
        assert(s:sender { address = "ana@example.org" })
        assert(s:recipient { address = "ü@example.org", name = "Ü" })
        assert(s:begin_message { subject = "x" })
        s:body("hi\n")
        assert(s:end_message())
        s:disconnect()
        local mail = c:wait(n + 1)[n + 1]
        assert.same({ "ü@example.org" }, mail.to)
        assert.equal("=?utf-8?B?w5w=?= <ü@example.org>", support.field(mail.raw, "To"))
    end)

    it("takes a finished text with such a header", function()
        local raw = "From: ü@example.org\r\nSubject: grüß\r\n\r\nhi\r\n"
        local mail = send { raw = raw, envelope = { from = "a@example.org", to = "b@example.org" } }
        assert.equal(raw, mail.raw)
    end)
end)

describe("a server without SMTPUTF8", function()
    local c
    setup(function() c = catcher.spawn() end)
    teardown(function() c:stop() end)

    it("gets domains as A-labels", function()
        local receipt, message, err = posta.send(c.url, support.mail {
            from = "Zoë <z@bücher.example>", to = { "a@faß.de", "bob@παράδειγμα.δοκιμή" } })
        if not has_idna then return fails("not_built", "from", receipt, message, err) end
        assert.truthy(receipt, message)
        local mail = c:wait(1)[1]
        assert.equal("z@xn--bcher-kva.example", mail.from)
        assert.same({ "a@xn--fa-hia.de", "bob@xn--hxajbheg2az3al.xn--jxalpdlp" }, mail.to)
        assert.equal("=?utf-8?Q?Zo=C3=AB?= <z@xn--bcher-kva.example>", support.field(mail.raw, "From"))
        assert.is_nil(mail.raw:find("[\128-\255]"))
        assert.equal("a@faß.de", receipt.accepted[1].address)
        assert.equal("bob@παράδειγμα.δοκιμή", receipt.recipients[2].address)
    end)

    it("gets them so from an engine, too", function()
        local n, host = #c:mails(), support.host(c.port)
        local engine = assert(posta.engine { host = "127.0.0.1", port = c.port })
        local receipt, message, err = posta.pump(engine, host.io, support.mail { to = "a@faß.de" })
        host.socket:close()
        if not has_idna then return fails("not_built", "to", receipt, message, err) end
        assert.truthy(receipt, message)
        assert.same({ "a@xn--fa-hia.de" }, c:wait(n + 1)[n + 1].to)
    end)

    it("is spared a local part that is not ASCII: the error names it", function()
        local n, conn = #c:mails(), assert(posta.connect(c.url))
        assert.is_false(conn:capabilities().smtputf8)
        local err = fails("extension.missing", "to[2]", conn:send(support.mail { to = { "a@x.org", "jõe@x.org" } }))
        assert.truthy(err.message:find('"jõe@x.org" is not ASCII before the @', 1, true), err.message)
        assert.equal("not_sent", err.outcome)
        assert.equal("pointless", err.retry)
        fails("extension.missing", "from", conn:send(support.mail { from = "jõe@x.org" }))
        fails("extension.missing", "raw", conn:send { raw = "Subject: ü\r\n\r\nx\r\n",
            envelope = { from = "a@x.org", to = "b@x.org" } })
        assert.equal(n, #c:mails())
        assert(conn:send(support.mail())) -- the connection is as it was
        conn:quit()
    end)
end)

describe("addresses", function()
    it("that deceive are refused, whatever the server", function()
        for _, text in ipairs {
            "a@x。y", "a@x．y", "a@x｡y", "a@x․y", "a＠x.org", "a\194\160b@x.org", "a\226\128\174b@x.org",
            "a@x\226\128\139y", "a\193\129@x.org", "a\237\160\128@x.org", "a@x.\195", "a@½.org",
        } do
            fails("field.invalid", nil, posta.message(support.mail { to = text }))
            fails("field.invalid", "address", posta.address.validate(text))
        end
    end)

    it("are judged alike by validate and by messages", function()
        for _, text in ipairs { "a@Ü.de", "a@\226\128\141x.de", "a@" .. ("ü"):rep(60) .. ".de" } do
            local m = posta.message(support.mail { to = text })
            assert.equal(m ~= nil, posta.address.validate(text) ~= nil)
            assert.equal(has_idna, m == nil)
        end
        assert.is_true(posta.address.validate("jõe@bücher.example"))
    end)

    it("are parsed and written as they are", function()
        local a = assert(posta.address.parse("Jõe <jõe@bücher.example>"))
        assert.same({ name = "Jõe", address = "jõe@bücher.example", local_part = "jõe", domain = "bücher.example" }, a)
        assert.is_true(posta.address.validate("K@x.org"))
        assert.equal('K@x.org', assert(posta.address.parse("K@x.org")).address) -- U+212A is no k
        assert.equal("Jõe <jõe@x.org>", posta.address.format { name = "Jõe", address = "jõe@x.org" })
    end)
end)

describe("a message with such addresses", function()
    it("is written in ASCII where it can be", function()
        local m = assert(posta.message(support.mail { to = "a@bücher.example" }))
        local to = support.field(assert(m:tostring()), "To")
        assert.equal(has_idna and "a@xn--bcher-kva.example" or "a@bücher.example", to)
        m = assert(posta.message(support.mail { to = "jõe@bücher.example" }))
        assert.equal("jõe@bücher.example", support.field(assert(m:tostring()), "To"))
        assert.equal(#m:tostring(), m:size())
    end)

    it("is looked at before", function()
        local m = assert(posta.message(support.mail { to = "jõe@x.org" }))
        assert.same({ { code = "smtputf8.needed", severity = "warning", place = "to",
            text = "is not ASCII: only a server with SMTPUTF8 takes it" } }, m:check())
        assert.same({}, m:check { may_8bit = true, may_utf8 = true })
    end)
end)

describe("a host that is not ASCII", function()
    it("is asked for as A-labels", function()
        local asked
        local receipt, message, err = posta.send({
            host = "Bücher.example", port = 2525, security = "none",
            resolve = function(host) asked = host return nil, "not today" end,
        }, support.mail())
        if not has_idna then return fails("not_built", "host", receipt, message, err) end
        assert.equal("xn--bcher-kva.example", asked)
        err = fails("dns.failed", nil, receipt, message, err)
        assert.truthy(err.message:find("xn--bcher-kva.example:2525: ", 1, true), err.message)
    end)

    it("that deceives is refused", function()
        fails("field.invalid", "host", posta.send({ host = "x。y", security = "none" }, support.mail()))
    end)
end)
