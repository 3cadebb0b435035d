-- posta.part, enclosed messages, invitations, typed fields, check, size, read and rewind: what Python's email
-- makes of them, and what is refused.

local posta = require "posta"
local child = require "spec.support.child"
local support = require "spec.support.posta"
local fails, raises, field = support.fails, support.raises, support.field

local mail, text_of = support.message, support.text_of

local with = support.bare

describe("posta.part", function()
    it("is any shape of parts", function()
        local text = assert(assert(posta.message(with {
            part = posta.part {
                type = "multipart/mixed",
                parts = {
                    { type = "multipart/alternative", language = "en", parts = {
                        posta.part { type = "text/plain", body = "Zażółć\n" },
                        { type = "text/html", body = "<p>Zażółć" },
                    } },
                    { type = "multipart/report", parameters = { ["report-type"] = "delivery-status" },
                        description = "the report", parts = { { type = "text/plain", body = function() end } } },
                    { body = "\0\1\2", name = "x.bin", disposition = "attachment" },
                },
            },
        })):tostring())
        local out = support.read(text)
        for _, line in ipairs { "1 multipart/mixed\n", "1.1 multipart/alternative\n", "1.1.1 text/plain",
            "1.1.2 text/html", "1.2 multipart/report\n", "1.2.1 text/plain", "1.3 application/octet-stream" } do
            assert.truthy(out:find(line, 1, true), out)
        end
        assert.truthy(text:find("Content-Language: en\r\n", 1, true))
        assert.truthy(text:find("report-type=delivery-status", 1, true))
    end)

    it("may be another message, or its table, attached or as the content", function()
        local other = mail { subject = "inner", text = function() end }
        local text = text_of { attachments = {
            { message = other }, { message = { from = "eve@example.org", subject = "two", html = "<p>" } },
            posta.part { type = "multipart/digest", parts = { { message = with { text = "three" } } } },
        } }
        local out = support.read(text)
        assert.truthy(out:find("1.2 message/rfc822", 1, true), out)
        assert.truthy(out:find("1.4 multipart/digest", 1, true), out)
        assert.truthy(text:find("Subject: inner\r\n", 1, true))
        assert.truthy(text:find("Subject: two\r\n", 1, true))
        fails("body.failed", nil, other:tostring()) -- it belongs to the first now
        other:close()
    end)

    it("feeds what is read by Lua, however deep", function()
        local n = 0
        local text = text_of { attachments = { { message = { from = "eve@example.org", attachments = {
            { name = "x.txt", type = "text/plain", encoding = "7bit", body = function()
                n = n + 1
                return n < 4 and ("line %d\r\n"):format(n) or nil
            end } } } } } }
        assert.truthy(text:find("line 1\r\nline 2\r\nline 3\r\n", 1, true), text)
        fails("body.failed", "attachments[1]", mail { attachments = { { message = { from = "e@x.org",
            text = function() return nil, "the disk is gone" end } } } }:tostring())
    end)

    it("has one place", function()
        local p = posta.part { body = "x" }
        raises("mail.part.parts[2]: is used already at mail.part.parts[1]; a part has one place", posta.message,
            with { part = { parts = { p, p } } })
        local t = { type = "multipart/mixed" }
        t.parts = { { parts = { t } } }
        raises("part.parts[1].parts[1]: is a part of itself", posta.part, t)
        raises("mail.attachments[2]: is used already at mail.attachments[1]", posta.message,
            with { attachments = { { parts = { p } }, { parts = { { body = "y" } } } }, part = nil,
                text = "x" } and with { attachments = (function()
                    local node = posta.part { parts = { { body = "y" } } }
                    return { node, node }
                end)() })
        local deep = { body = "x" }
        for _ = 1, 39 do deep = { parts = { deep } } end
        assert(posta.message(with { part = deep }))
        raises("is deeper than 40 levels", posta.part, { parts = { deep } })
    end)

    it("has one place, messages in it too", function()
        local t = with {}
        t.part = { message = t }
        raises("mail.part.message: is a part of itself", posta.message, t)
        t = support.mail { text = "x" }
        t.attachments = { "a.png", { message = t } }
        raises("mail.attachments[2].message: is a part of itself", posta.message, t)
        local p = posta.part { body = "x" }
        raises("mail.part.parts[2].message.part: is used already at mail.part.parts[1]", posta.message,
            with { part = { parts = { p, { message = with { part = p } } } } })
        local deep = with { part = { body = "x" } }
        for _ = 1, 39 do deep = with { part = { message = deep } } end
        assert(posta.message(deep))
        for _ = 1, 1000 do deep = with { part = { message = deep } } end
        raises("is deeper than 40 levels", posta.message, deep)
        raises("part.message: expected table or posta.message, got string", posta.part, { message = "x" })
    end)

    it("tells what is wrong with it by its place", function()
        raises("part: expected file, body, parts or message, got neither", posta.part, { type = "text/plain" })
        raises("part: expected file, body, parts or message, got several", posta.part, { body = "x", parts = {} }
            and { body = "x", parts = { { body = "y" } } })
        raises("part.parts: a multipart needs at least one part", posta.part, { parts = {} })
        raises("part.parts[1].typ: unknown; did you mean type?", posta.part, { parts = { { typ = "a/b" } } })
        raises("part.message.form: unknown; did you mean from?", posta.part, { message = { form = "x" } })
        raises("mail.text: does not go with part", posta.message, with { text = "x", part = { body = "y" } })
        fails("field.invalid", "part.encoding", posta.message(with {
            part = { encoding = "base64", parts = { { body = "x" } } } }))
        fails("field.invalid", "part.parts[1].type", posta.message(with {
            part = { parts = { { type = "image/png", parts = { { body = "x" } } } } } }))
        fails("field.invalid", "part.parts[1].message", posta.message(with {
            part = { parts = { { message = { from = "nobody" } } } } }))
        fails("field.invalid", "part", assert(posta.message(with { part = { type = "multipart/related",
            parameters = { start = "<x@y>" }, parts = { { body = "x" } } } })):tostring())
        fails("file.not_found", "part.file", posta.message(with { part = { file = "/not/there" } }))
    end)
end)

describe("docs/mime.md", function()
    local doc = child.read_file(child.root() .. "/docs/mime.md")

    it("has an example that runs", function()
        local folder = child.new_folder()
        finally(function() os.execute("rm -rf -- " .. child.quoted(folder)) end)
        child.write_file(folder .. "/x.lua", assert(doc:match("\n```lua\n(.-)\n```\n")))
        local text = child.run(child.interpreter() .. " " .. child.quoted(folder .. "/x.lua") .. " 2>&1")
        local out = support.read(text)
        for _, line in ipairs { "1.1 multipart/alternative", "1.2 text/csv", "1.3 message/rfc822" } do
            assert.truthy(out:find(" " .. line, 1, true), out)
        end
    end)

    it("has every code of check", function()
        local source = child.read_file(child.root() .. "/core/mime/check.c")
        local n = 0
        for code in source:gmatch('POSTA_SEVERITY_%u+, "([%l%._]+)"') do
            n = n + 1
            assert.truthy(doc:find("| `?[%l%._`, ]*`" .. code:gsub("%.", "%%.") .. "`"), code)
        end
        assert.is_true(n >= 10)
    end)
end)

describe("An invitation", function()
    local ICS = "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n"

    local function looks_fine(text, method)
        local out = support.read(text)
        assert.truthy(out:find("1.1 multipart/alternative\n", 1, true), out)
        assert.truthy(out:find("1.1.2 text/calendar", 1, true), out)
        assert.truthy(out:find("1.2 application/ics", 1, true), out)
        assert.truthy(text:find("Content-Type: text/calendar; method=" .. method, 1, true), text)
    end

    it("is an alternative and an attachment", function()
        looks_fine(text_of { calendar = ICS }, 'CANCEL')
        looks_fine(text_of { calendar = { body = ICS, method = "REQUEST", name = "x.ics" } }, 'REQUEST')
        local done
        looks_fine(text_of { calendar = { body = function()
            if not done then done = true return "BEGIN:VCALENDAR\r\n" end
        end } }, 'PUBLISH')
        local path, remove = support.file("meeting.ics", ICS)
        finally(remove)
        local text = text_of { calendar = { file = path, method = "REPLY" } }
        looks_fine(text, 'REPLY')
        assert.truthy(text:find('filename="meeting.ics"', 1, true))
        looks_fine(text_of { calendar = { file = path } }, 'CANCEL')
        fails("file.not_found", "calendar.file", posta.message(support.mail { calendar = { file = path .. "x" } }))
        looks_fine(text_of { calendar = ICS:gsub("METHOD", "DESCRIPTION:our\r\n method: REPLY\r\n%0") }, 'CANCEL')
        fails("field.invalid", "calendar.method", posta.message(support.mail {
            calendar = { body = "x", method = "a b" } }))
        raises("mail.calendar: expected file or body, got neither", posta.message, support.mail { calendar = {} })
        fails("field.invalid", "calendar", posta.message(support.mail {
            calendar = { body = function() return "" end } }))
    end)
end)

describe("Fields with a meaning", function()
    it("are written as their RFCs have them", function()
        local text = text_of {
            in_reply_to = { message_id = "<p@x.org>", references = "<q@x.org> <r@x.org>" },
            list = { id = "News <news.x.org>", unsubscribe = { "https://x.org/u", "mailto:u@x.org" }, one_click = true,
                post = "NO" },
            auto_submitted = true, priority = "low", disposition_notification_to = "Ana <ana@example.org>",
        }
        assert.equal("<p@x.org>", field(text, "In-Reply-To"))
        assert.equal("<q@x.org> <r@x.org> <p@x.org>", field(text, "References"))
        assert.equal("News <news.x.org>", field(text, "List-Id"))
        assert.equal("<https://x.org/u>, <mailto:u@x.org>", field(text, "List-Unsubscribe"))
        assert.equal("List-Unsubscribe=One-Click", field(text, "List-Unsubscribe-Post"))
        assert.equal("NO", field(text, "List-Post"))
        assert.equal("auto-generated", field(text, "Auto-Submitted"))
        assert.equal("5", field(text, "X-Priority"))
        assert.equal("low", field(text, "Importance"))
        assert.equal("Ana <ana@example.org>", field(text, "Disposition-Notification-To"))
        support.read(text)
        text = text_of { in_reply_to = { "a@b", "c@d" }, references = "e@f", auto_submitted = false }
        assert.equal("<a@b> <c@d>", field(text, "In-Reply-To"))
        assert.equal("<e@f>", field(text, "References"))
        assert.is_nil(field(text, "Auto-Submitted"))
    end)

    it("are refused by name", function()
        local function wrong(name, fields) fails("field.invalid", name, posta.message(support.mail(fields))) end
        wrong("in_reply_to", { in_reply_to = "no id" })
        wrong("references[2]", { references = { "a@b", "c d" } })
        wrong("list.unsubscribe", { list = { unsubscribe = "x.org" } })
        wrong("list.help[1]", { list = { help = { "a b" } } })
        wrong("auto_submitted", { auto_submitted = "yes" })
        wrong("idempotency_key", { idempotency_key = "" })
        wrong("disposition_notification_to", { disposition_notification_to = "nobody" })
        raises('mail.priority: expected "high", "normal" or "low"', posta.message, support.mail { priority = 1 })
        raises("mail.list.unsub: unknown; write unsubscribe", posta.message, support.mail { list = { unsub = "x" } })
        fails("field.invalid", "list.one_click", mail { list = { unsubscribe = "mailto:x@y.org", one_click = true } }
            :tostring())
    end)

    it("make the same octets of the same key", function()
        local function text(key) return text_of { idempotency_key = key, date = 0, html = "<p>",
            attachments = { { message = { from = "eve@example.org", date = 0, text = "x", html = "y" } } } } end
        assert.equal(text "order 1", text "order 1")
        assert.are_not.equal(text "order 1", text "order 2")
    end)
end)

describe("A message", function()
    it("is looked at before it is sent", function()
        local function codes(found)
            local all = {}
            for i, one in ipairs(found) do
                assert.truthy(one.text ~= "" and one.place)
                all[i] = one.severity .. " " .. one.code
            end
            return table.concat(all, ", ")
        end
        assert.equal("", codes(mail():check()))
        assert.equal("warning cid.without_part, warning part.without_cid", codes(mail { html = "<img src='cid:a'>",
            inline = { b = { body = "x", type = "image/png" } } }:check()))
        assert.equal("warning bulk.no_unsubscribe, error size.over", codes(mail():check { bulk = true, size = 10 }))
        assert.equal("error file.not_found", codes(posta.check(support.mail { attachments = { "/not/there" } })))
        local found = posta.check(with { html = "<p>",
            attachments = { "/not/there", { body = "x" }, { file = "/usr" } } })
        assert.equal("error file.not_found, error file.not_found, warning text.missing", codes(found))
        assert.equal("attachments[1].file", found[1].place)
        assert.equal("attachments[3].file", found[2].place)
        assert.equal("error file.not_found, error field.invalid",
            codes(posta.check(support.mail { text = { file = "/not/there" }, inline = { x = { body = "x" } } })))
        assert.equal("error bcc.in_header", codes(posta.check(support.mail { headers = { Bcc = "eve@example.org" } })))
        assert.equal("error field.invalid", codes(posta.check(support.mail { subject = "a\nb" })))
        assert.equal("error field.invalid", codes(posta.check(support.mail { subject = "a\0b" })))
        assert.equal("", codes(posta.check(support.mail())))
        raises("check.sise: unknown; did you mean size?", function() mail():check { sise = 1 } end)
    end)

    it("knows its size", function()
        local m = mail { attachments = { { body = function() return nil end, size = 0 }, { body = ("x"):rep(999) } } }
        local n = m:size()
        assert.equal(#m:tostring(), n)
        local kind = rawget(math, "type")
        assert.equal("integer", kind and kind(n) or "integer")
        fails("size.unknown", nil, mail { attachments = { { body = function() end } } }:size())
        fails("field.invalid", nil, mail { inline = { x = { body = "x" } } }:size())
    end)

    it("is read piece by piece, and again", function()
        local m = mail { date = 0, message_id = "1@x", text = ("line\n"):rep(5000) }
        local whole = m:tostring()
        for _, n in ipairs { 1, 7, 8192, 100000 } do
            local pieces = {}
            assert.is_true(m:rewind())
            for piece in function() return m:read(n) end do pieces[#pieces + 1] = piece end
            assert.is_true(#pieces[1] == math.min(n, #whole))
            assert.equal(whole, table.concat(pieces))
            assert.is_nil((m:read(n)))
        end
        local given
        local once = mail { text = function()
            if not given then given = true return "x" end
        end }
        assert(once:read(10))
        while once:read() do end
        fails("body.failed", "text", once:rewind())
        raises("read: expected 1 to 16777216 octets, got 0", m.read, m, 0)
    end)
end)
