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
