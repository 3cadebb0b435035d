-- What callers get wrong with messages: mails inside themselves, odd options, readers that give what is no body.
local posta = require "posta"
local support = require "spec.support.posta"

local one = support.mail

local function reader(...)
    local pieces, n = { ... }, 0
    return function()
        n = n + 1
        return pieces[n]
    end
end

describe("a mail in a mail", function()
    it("is no part of itself", function()
        local mail = { from = "ana@example.org" }
        mail.part = { message = mail }
        support.raises("mail.part.message: is a part of itself", posta.message, mail)
        mail.part = nil
        mail.attachments = { { message = mail } }
        support.raises("mail.attachments[1].message: is a part of itself", posta.message, mail)
    end)

    it("has one place", function()
        local inner = { from = "eve@example.org", text = "x" }
        support.raises("mail.part.parts[2].message: is used already at mail.part.parts[1].message",
            posta.message,
            { from = "ana@example.org", part = { parts = { { message = inner }, { message = inner } } } })
    end)

    it("is at most 40 levels deep", function()
        local mail = { from = "ana@example.org", text = "x" }
        for _ = 1, 41 do mail = { from = "ana@example.org", part = { message = mail } } end
        support.raises("is deeper than 40 levels", posta.message, mail)
    end)
end)

describe("options of a message's methods", function()
    it("are checked", function()
        local m = assert(posta.message(support.mail()))
        support.raises("size: expected table, got string", m.size, m, "8bit")
        support.raises("size.may8bit: unknown; did you mean may_8bit?", m.size, m, { may8bit = true })
        support.raises("check.size: expected a number of octets, got -1", m.check, m, { size = -1 })
        support.raises("check.size: expected a number of octets", m.check, m, { size = 1e300 })
        support.raises("check.size: expected a number of octets", posta.check, support.mail(), { size = 0 / 0 })
        support.raises("check: expected table, got string", posta.check, support.mail { to = "@" }, "x")
        support.raises("read: expected 1 to 16777216 octets, got 1.5", m.read, m, 1.5)
        support.raises("header: expected 1 to 16777216 octets, got 1.5", m.header, m, 1.5)
    end)

    it("tell of a closed file", function()
        local m, file = assert(posta.message(support.mail())), assert(io.tmpfile())
        file:close()
        support.raises("write: the file is closed", m.write, m, file)
    end)
end)

describe("a reader", function()
    it("of an invitation gives strings", function()
        support.fails("body.failed", "calendar", posta.message(one { calendar = { body = reader(5) } }))
        support.fails("body.failed", "calendar", posta.message(one { calendar = { body = reader(true) } }))
    end)

    it("has its reason told in one line", function()
        local function broken() return nil, "a\0b\r\nc" end
        local _, text = assert(posta.message(one { text = broken })):tostring()
        assert.equal("text: a?b??c; nothing was sent.", text)
        _, text = posta.message(one { calendar = { body = broken } })
        assert.equal("calendar: a?b??c; nothing was sent.", text)
    end)
end)

describe("header and body", function()
    it("end where the message is composed anew midway, and give no octet twice", function()
        local m = assert(posta.message(support.mail { text = ("line\n"):rep(1000) }))
        assert.equal(10, #m:header(10))
        assert(m:size())
        support.fails("body.failed", nil, m:header(10))
        assert.equal("MIME-Versi", m:header(10))
        while m:header() do end
        assert(m:size())
        assert.equal("line", m:body(4))
        assert(m:tostring())
        support.fails("body.failed", nil, m:body(4))
        assert.equal("line", m:body(4))
    end)

    it("are not given of a message that is enclosed in another", function()
        local inner = assert(posta.message(support.mail { text = ("line\n"):rep(1000) }))
        local outer = assert(posta.message { from = "ana@example.org", to = "bob@example.org",
            part = { message = inner } })
        local begin = assert(outer:read(2000))
        support.fails("body.failed", nil, inner:body(10))
        support.fails("body.failed", nil, inner:header(10))
        assert.truthy((begin .. assert(outer:read(100000))):find("line\r\n$"))
    end)
end)

describe("a parameter's name", function()
    it("is no way to another parameter (RFC 2231)", function()
        for _, name in ipairs { "charset*", "boundary*", "name*0*", "a'b", "a%b" } do
            local err = support.fails("field.invalid", "attachments[1].parameters", posta.message(support.mail {
                attachments = { { body = "x", type = "text/plain", parameters = { [name] = "utf-8''x" } } } }))
            assert.truthy(tostring(err):find("RFC 2231", 1, true))
        end
    end)
end)

describe("the method of an invitation", function()
    it("stands in its own line of the text", function()
        local m = assert(posta.message(support.mail { calendar = "BEGIN:VCALENDAR\nMETHOD:\n\nVERSION:2.0\n" }))
        assert.truthy(assert(m:tostring()):find("method=PUBLISH", 1, true))
        m = assert(posta.message(support.mail { calendar = "BEGIN:VCALENDAR\rMETHOD: CANCEL\r" }))
        assert.truthy(assert(m:tostring()):find("method=CANCEL", 1, true))
    end)
end)

describe("an enclosed message", function()
    local function enclosing(inner)
        return assert(posta.message { from = "ana@example.org", to = "bob@example.org", part = { message = inner } })
    end

    it("may be closed by its maker, its reader is asked all the same", function()
        local inner = assert(posta.message { from = "eve@example.org", text = reader("one\n", "two\n") })
        local outer = enclosing(enclosing(inner))
        inner:close()
        inner = nil -- luacheck: ignore
        collectgarbage()
        assert.truthy(assert(outer:tostring()):find("one\r\ntwo\r\n", 1, true))
    end)

    -- Calls, not time: each feed once looked at all that are enclosed.
    it("is found at once among many", function()
        local parts, calls, core = {}, 0, require "posta.core"
        for i = 1, 200 do
            parts[i] = { message = { from = "eve@example.org", text = reader("x" .. i .. "\n") } }
        end
        local m = assert(posta.message { from = "ana@example.org", to = "bob@example.org", part = { parts = parts } })
        local wanted = core.message.wanted
        core.message.wanted = function(...)
            calls = calls + 1
            return wanted(...)
        end
        local text = m:tostring()
        core.message.wanted = wanted
        assert.truthy(text:find("x200\r\n", 1, true))
        assert.is_true(calls < 200 * 10, calls .. " calls")
    end)
end)

describe("check", function()
    it("gives all it finds, an error behind many warnings too", function()
        local html = {}
        for i = 1, 100 do html[i] = ("<img src='cid:c%d@x'>"):format(i) end
        local found = posta.check(support.mail { html = table.concat(html) }, { size = 1 })
        assert.equal(102, #found) -- and a long line
        assert.equal("size.over", found[102].code)
    end)

    it("sees a cid: behind any blank and behind a reference", function()
        for _, shown in ipairs { "<img src='\tcid:a@x'>", "<img src='\ncid:a@x'>",
            '<p style="background:url(&quot;cid:a@x&quot;)">' } do
            assert.same({}, posta.check(support.mail { html = shown, inline = { ["a@x"] = { body = "x" } } }))
        end
    end)
end)

describe("what cannot be sent again", function()
    local function connected()
        local server = require("spec.support.memory").new()
        return assert(posta.connect { host = "mail.lan", security = "none", transport = server.transport }), server
    end

    it("says which body was read", function()
        local conn, server = connected()
        local m = assert(posta.message(support.mail { text = reader("one\n") }))
        assert(conn:send(m))
        local err = support.fails("body.failed", "text", conn:send(m))
        assert.equal("mail.lan:587: text: was read already and cannot be read a second time; nothing was sent.",
            err.message)
        assert.equal("not_sent", err.outcome)
        assert(conn:send(support.mail()))
        assert.equal(2, #server.texts)
    end)

    it("says that it is enclosed in another", function()
        local conn, server = connected()
        local inner = assert(posta.message(support.mail()))
        local outer = assert(posta.message { from = "ana@example.org", to = "bob@example.org",
            part = { message = inner } })
        local err = support.fails("body.failed", nil, conn:send(inner))
        assert.truthy(err.message:find("the message is enclosed in another", 1, true))
        assert(conn:send(outer))
        assert.equal(1, #server.texts)
    end)
end)

it("a reader's size may be what docs say", function()
    local m = assert(posta.message(support.mail { attachments = { { body = reader(), size = 2 ^ 53 } } }))
    assert.is_true(m:size() > 2 ^ 53)
end)

describe("address.format", function()
    it("knows its names, and writes nothing that cannot be read", function()
        local format = posta.address.format
        support.raises("format.nam: unknown; did you mean name?", format, { address = "a@b.org", nam = "x" })
        support.raises("format.email: unknown; write address", format, { email = "a@b.org" })
        support.raises("format.address: expected string, got nil", format, {})
        support.fails("field.invalid", "address", format { address = "a@b.org", name = "\255" })
        local parsed = assert(posta.address.parse '"A, \\"B" <a@b.org>')
        assert.equal('"A, \\"B" <a@b.org>', format(parsed))
    end)
end)

it("the count of words of another charset is whole", function()
    assert.equal("1", tostring((select(2, posta.encoded_word.decode "=?koi8-r?q?a?="))))
end)

-- Row G08: as a text it had an encoded word for its address; and there could be two.
it("Disposition-Notification-To has its own field", function()
    for _, value in ipairs { "a@b.org", "j\195\181e@b.org" } do
        local err = support.fails("field.invalid", "headers.Disposition-Notification-To",
            posta.message(support.mail { headers = { ["Disposition-Notification-To"] = value } }))
        assert.truthy(tostring(err):find("disposition_notification_to", 1, true))
    end
end)
