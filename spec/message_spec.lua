-- posta.message without any network: what is composed, read, refused.

local posta = require "posta"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local mail, text_of = support.message, support.text_of

describe("posta.message", function()
    it("writes the fields that were given, and Bcc nowhere", function()
        local text = text_of {
            from = { name = "Ana Ź", address = "ana@example.org" }, sender = "robot@example.org",
            to = { "bob@example.org", { name = "C, D", address = "cd@example.org" } },
            cc = "Eve <eve@example.org>, f@example.org", bcc = "hidden@example.org",
            reply_to = "reply@example.org", subject = "Zażółć gęślą jaźń",
            date = 0, message_id = "one@example.org",
            headers = { ["X-B"] = "2", ["X-A"] = "1" },
        }
        local field = support.field
        assert.equal("=?utf-8?B?QW5hIMW5?= <ana@example.org>", field(text, "From"))
        assert.equal("robot@example.org", field(text, "Sender"))
        assert.equal('bob@example.org, "C, D" <cd@example.org>', field(text, "To"))
        assert.equal("Eve <eve@example.org>, f@example.org", field(text, "Cc"))
        assert.equal("reply@example.org", field(text, "Reply-To"))
        assert.equal("Thu, 01 Jan 1970 00:00:00 +0000", field(text, "Date"))
        assert.equal("<one@example.org>", field(text, "Message-ID"))
        assert.is_true(text:find("X-A: 1", 1, true) < text:find("X-B: 2", 1, true))
        assert.is_nil(text:lower():find("hidden", 1, true))
        assert.is_nil(text:lower():find("bcc", 1, true))
        assert.truthy(support.read(text):find("Subject: Zażółć gęślą jaźń", 1, true))
    end)

    it("keeps the order of listed headers, and their repetition", function()
        local text = text_of { headers = { { name = "X-Z", value = "1" }, { name = "X-A", value = "2" },
            { name = "X-Z", value = "3" } } }
        assert.truthy(text:find("X-Z: 1\r\nX-A: 2\r\nX-Z: 3\r\n", 1, true))
    end)

    it("takes a date as text and a Message-ID with brackets", function()
        local text = text_of { date = "Fri, 21 Nov 1997 09:55:06 -0600", message_id = "<a@b.org>" }
        assert.equal("Fri, 21 Nov 1997 09:55:06 -0600", support.field(text, "Date"))
        assert.equal("<a@b.org>", support.field(text, "Message-ID"))
    end)

    it("derives the tree from what is given", function()
        local text = text_of {
            html = "<p>hi <img src='cid:logo'>",
            inline = { logo = { body = "\137PNG\r\n", type = "image/png", name = "Ż.png" } },
            attachments = { { body = "a,b\n", name = "x.csv" }, { body = "\0\1\2", type = "application/x-y" } },
        }
        local out = support.read(text)
        assert.truthy(out:find("1 multipart/mixed\n", 1, true), out)
        assert.truthy(out:find("1.1 multipart/alternative\n", 1, true), out)
        assert.truthy(out:find('image/png  inline  "Ż.png"  <logo>  6 octets', 1, true), out)
        assert.truthy(out:find('text/csv', 1, true), out)
        assert.truthy(out:find("application/x-y  attachment", 1, true), out)
    end)

    it("orders a map of inline parts by their keys and keeps a list", function()
        local part = function(cid) return { body = "x", type = "image/png", cid = cid } end
        local map = text_of { html = "x", inline = { b = part(), a = part(), c = part() } }
        assert.is_true(map:find("<a>", 1, true) < map:find("<b>", 1, true))
        assert.is_true(map:find("<b>", 1, true) < map:find("<c>", 1, true))
        local list = text_of { html = "x", inline = { part "z", part "y" } }
        assert.is_true(list:find("<z>", 1, true) < list:find("<y>", 1, true))
    end)

    it("takes each kind of body", function()
        local path, remove = support.file("report.txt", "from a file\n")
        finally(remove)
        local function pieces(...)
            local list, n = { ... }, 0
            return function()
                n = n + 1
                return list[n]
            end
        end
        local handle = assert(io.open(path, "rb"))
        handle:read(5)
        local object = { left = { "ob", "ject\n" } }
        function object:read() return table.remove(self.left, 1) or "" end
        local class = setmetatable({ n = 0 }, { __index = { read = function(self)
            self.n = self.n + 1
            return self.n < 3 and "again " or nil
        end } })
        local kinds = {
            { "plain\n", "plain\n" },
            { pieces("a ", "function\n"), "a function\n" },
            { handle, "a file\n" },
            { { file = path }, "from a file\n" },
            { { body = "named\n", charset = "utf-8" }, "named\n" },
            { { body = pieces "sized\n", size = 6 }, "sized\n" },
            { object, "object\n" },
            { class, "again again " },
        }
        for _, kind in ipairs(kinds) do
            local out = support.read(text_of { text = kind[1] })
            assert.truthy(out:find("| " .. kind[2]:gsub("%s+$", ""), 1, true), out)
        end
        assert.equal("file", io.type(handle))            -- it was not closed
        handle:close()
    end)

    it("attaches by path, with its name and type", function()
        local path, remove = support.file("report.csv", "1,2\n")
        finally(remove)
        for _, given in ipairs { { path }, { { file = path } }, path } do
            local out = support.read(text_of { attachments = given })
            assert.truthy(out:find('text/csv', 1, true), out)
            assert.truthy(out:find('"report.csv"', 1, true), out)
        end
        local out = support.read(text_of { attachments = { { file = path, name = "other.bin" } } })
        assert.truthy(out:find('"other.bin"', 1, true), out)
    end)

    it("says all about a part", function()
        local text = text_of { attachments = { { body = "x", name = "a.txt", type = "text/x-y",
            disposition = "inline", description = "a thing", encoding = "base64",
            headers = { ["X-Part"] = "1" } } } }
        assert.truthy(text:find("Content-Type: text/x-y", 1, true))
        assert.truthy(text:find("Content-Disposition: inline", 1, true))
        assert.truthy(text:find("Content-Description: a thing", 1, true))
        assert.truthy(text:find("Content-Transfer-Encoding: base64", 1, true))
        assert.truthy(text:find("X-Part: 1\r\n", 1, true))
        text = text_of { text = { body = "za\191\243", charset = "iso-8859-2" } }
        assert.truthy(text:find("charset=iso-8859-2", 1, true))
    end)

    it("takes a finished text", function()
        local m = assert(posta.message { raw = "Subject: x\nFrom: a@b.org\n\nhi\n.\n",
            envelope = { from = "", to = { "c@d.org" } } })
        assert.equal("Subject: x\r\nFrom: a@b.org\r\n\r\nhi\r\n.\r\n", m:tostring())
        assert.same({ from = "", to = { "c@d.org" } }, m:envelope())
        local strict = posta.message { raw = "a: b\n\nc", line_ends = "reject",
            envelope = { from = "", to = "c@d.org" } }
        fails("field.invalid", "raw", strict:tostring())
        local bcc = posta.message { raw = "Bcc: x@y.org\r\n\r\nc", envelope = { from = "", to = "c@d.org" } }
        fails("field.invalid", "raw", bcc:tostring())
    end)

    it("gives the envelope: as implied and as told", function()
        assert.same({ from = "robot@example.org", to = { "a@x.org", "b@x.org", "c@x.org" } },
            mail({ sender = "robot@example.org", to = "a@x.org", cc = { "b@x.org", "a@x.org" },
                bcc = "c@x.org" }):envelope())
        assert.same({ from = "", to = { "z@x.org" } },
            mail({ envelope = { from = "", to = "z@x.org" } }):envelope())
    end)

    it("writes to a function, to a file, and as often as the bodies allow", function()
        local m = mail { text = ("a line of text\n"):rep(5000) }
        local pieces = {}
        assert.is_true(m:write(function(bytes) pieces[#pieces + 1] = bytes end))
        assert.is_true(#pieces > 1)
        local file = assert(io.tmpfile())
        assert.is_true(m:write(file))
        file:seek("set")
        assert.equal(table.concat(pieces), file:read("*a"))
        file:close()
        assert.equal(table.concat(pieces), m:tostring())
        local err = fails("cancelled", nil, m:write(function() return nil, "disk full" end))
        assert.truthy(tostring(err):find("disk full", 1, true))
    end)

    it("reads a function once only", function()
        local given = false
        local m = mail { text = function()
            given = not given
            return given and "once\n" or nil
        end }
        assert.truthy(m:tostring():find("once", 1, true))
        local err = fails("body.failed", nil, m:tostring())
        assert.truthy(tostring(err):find("cannot be read a second time", 1, true), tostring(err))
    end)

    it("gives the MIME part alone by header(n) and body(n)", function()
        local text = "Zażółć\n"
        for n = 1, 40, 13 do
            local m = mail { text = text, attachments = { { body = "abc", name = "a.bin" } } }
            local head, rest = {}, {}
            for piece in function() return m:header(n) end do
                assert.is_true(#piece <= n)
                head[#head + 1] = piece
            end
            for piece in function() return m:body(n) end do rest[#rest + 1] = piece end
            head, rest = table.concat(head), table.concat(rest)
            assert.equal("MIME-Version: 1.0\r\n", head:match("^[^\n]*\n"))
            assert.equal("\r\n\r\n", head:sub(-4))
            assert.is_nil(head:find("Subject", 1, true))
            local out = support.read("From: a@b.org\r\n" .. head .. rest)
            assert.truthy(out:find("| Zażółć", 1, true), out)
        end
        local n = 0
        local slots = mail { text = function() n = n + 1 return n < 3 and "x" or nil end }
        while slots:header(100) do end
        local octets = {}
        for piece in function() return slots:body(100) end do octets[#octets + 1] = piece end
        assert.equal("xx", (table.concat(octets):gsub("%s", "")))
    end)

    it("lets body functions yield", function()
        local n = 0
        local m = mail { text = function()
            n = n + 1
            if n > 3 then return nil end
            coroutine.yield(n)
            return "piece " .. n .. "\n"
        end }
        local co = coroutine.create(function() return m:tostring() end)
        local seen = {}
        local ok, value = coroutine.resume(co)
        while coroutine.status(co) ~= "dead" do
            seen[#seen + 1] = value
            ok, value = coroutine.resume(co)
        end
        assert.is_true(ok)
        assert.same({ 1, 2, 3 }, seen)
        assert.truthy(value:find("piece 1\r\npiece 2\r\npiece 3\r\n", 1, true))
    end)

    it("passes an error of a body function through and stays usable", function()
        local thrown = { "unchanged" }
        local is_bad = true
        local m = mail { text = function()
            if is_bad then error(thrown) end
            is_bad = true
            return nil
        end }
        local ok, why = pcall(m.tostring, m)
        assert.is_false(ok)
        assert.equal(thrown, why)
        is_bad = false
        assert.truthy(m:tostring())
    end)

    it("stops a reader whose message was composed anew", function()
        local m = mail { text = ("0123456789\n"):rep(4000) }
        local err = fails("body.failed", nil, m:write(function() m:tostring() end))
        assert.truthy(tostring(err))
        assert.truthy(m:tostring())
    end)

    it("says what it is, and what it is not any more", function()
        local m = mail()
        assert.matches("^posta%.message: ", tostring(m))
        assert.is_nil(tostring(m):find("bob", 1, true))
        assert.is_true(m:close())
        assert.is_true(m:close())
        assert.equal("posta.message (closed)", tostring(m))
        for _, name in ipairs { "write", "tostring", "header", "body", "envelope", "message_id" } do
            raises(name .. ": message is closed", m[name], m, print)
        end
        raises("write: expected function or file handle, got nil", m.write, mail())
    end)
end)

describe("a wrong value", function()
    local function bad(code, field, fields)
        return fails(code, field, posta.message(support.mail(fields)))
    end

    it("is refused with its field's name", function()
        bad("field.invalid", "from", { from = "nobody" })
        bad("field.invalid", "to[2]", { to = { "a@b.org", "a b@c.org" } })
        bad("field.invalid", "cc", { cc = "a@b.org," .. "@" })
        bad("field.invalid", "to[1]", { to = { { name = "x\ny", address = "a@b.org" } } })
        bad("field.invalid", "subject", { subject = "a\r\nBcc: x@y.org" })
        bad("field.invalid", "message_id", { message_id = "no at sign" })
        bad("field.invalid", "date", { date = "yesterday" })
        bad("field.invalid", "date", { date = 0 / 0 })
        bad("field.invalid", "date", { date = 1e300 })
        bad("field.invalid", "headers.X Y", { headers = { ["X Y"] = "1" } })
        bad("field.invalid", "headers.Bcc", { headers = { Bcc = "a@b.org" } })
        bad("field.invalid", "headers[1]", { headers = { { name = "X", value = "a\nb" } } })
        bad("field.invalid", "attachments[1].type", { attachments = { { body = "", type = "text" } } })
        bad("field.invalid", "attachments[1].name", { attachments = { { body = "", name = "a\0b" } } })
        bad("field.invalid", "attachments[1].encoding", { attachments = { { body = "", encoding = "gzip" } } })
        bad("field.invalid", "attachments[2].size", { attachments = { { body = "" }, { body = "x", size = 2 } } })
        bad("field.invalid", "attachments[1].size", { attachments = { { body = print, size = -1 } } })
        bad("field.invalid", "envelope.to[1]", { envelope = { to = { "x@" } } }) -- "x" is a mailbox of LMTP
        fails("field.invalid", "line_ends", posta.message { raw = "", line_ends = "keep" })
    end)

    it("of a file is told with the path", function()
        local err = bad("file.not_found", "attachments[1].file", { attachments = { "/no/such/file" } })
        assert.truthy(tostring(err):find('"/no/such/file"', 1, true))
        bad("file.not_found", "attachments[1].file", { attachments = { "/" } })
        bad("field.invalid", "attachments[1].file", { attachments = { "a\0b" } })
    end)

    it("of size is a fault when the body is read", function()
        for size = 1, 3, 2 do
            local given = false
            local m = mail { attachments = { { name = "a.bin", size = size, body = function()
                given = not given
                return given and "xy" or nil
            end } } }
            local err = fails("body.failed", nil, m:tostring())
            assert.truthy(err.field:find("attachments[1]", 1, true))
        end
    end)

    it("never reaches the text, whatever field it is in", function()
        local lexicon = { "\r", "\n", "\r\n", "\n\r", "\r\n.\r\n", "\0", "\26", "\127", "\11", "\12", "\28",
            "\r\nX-Evil: 1", ">\r\nRCPT TO:<e@y.org", "\r\n X" }
        local fields = {
            from = function(s) return { from = "a" .. s .. "@b.org" } end,
            from_name = function(s) return { from = { name = "A" .. s, address = "a@b.org" } } end,
            sender = function(s) return { sender = "a@b.org" .. s .. "x" } end,
            to = function(s) return { to = { "a@b" .. s .. ".org" } } end,
            to_address = function(s) return { to = { address = "a@b.org" .. s .. "x" } } end,
            to_name = function(s) return { to = { name = s .. "x", address = "a@b.org" } } end,
            cc = function(s) return { cc = '"a' .. s .. '"@b.org' } end,
            bcc = function(s) return { bcc = "a@b.org" .. s .. "x" } end,
            reply_to = function(s) return { reply_to = "a" .. s .. " <a@b.org>" } end,
            subject = function(s) return { subject = "a" .. s .. "b" } end,
            date = function(s) return { date = "Fri, 21 Nov 1997 09:55:06 -0600" .. s .. "x" } end,
            message_id = function(s) return { message_id = "a" .. s .. "@b.org" } end,
            header_name = function(s) return { headers = { ["X-" .. s .. "A"] = "1" } } end,
            header_value = function(s) return { headers = { ["X-A"] = "1" .. s .. "2" } } end,
            type = function(s) return { attachments = { { body = "", type = "text/" .. s .. "x" } } } end,
            name = function(s) return { attachments = { { body = "", name = "a" .. s .. "b" } } } end,
            description = function(s) return { attachments = { { body = "", description = "a" .. s .. "b" } } } end,
            disposition = function(s) return { attachments = { { body = "", disposition = "inline" .. s } } } end,
            charset = function(s) return { text = { body = "", charset = "utf-8" .. s } } end,
            cid = function(s) return { html = "", inline = { ["a" .. s .. "b"] = { body = "" } } } end,
            part_header = function(s)
                return { attachments = { { body = "", headers = { ["X-A"] = "1" .. s .. "2" } } } }
            end,
            envelope_from = function(s) return { envelope = { from = "a@b.org" .. s .. "x" } } end,
            envelope_to = function(s) return { envelope = { to = { "a@b.org" .. s .. "x" } } } end,
        }
        local n = 0
        for name, make in pairs(fields) do
            for _, poison in ipairs(lexicon) do
                local m, _, err = posta.message(support.mail(make(poison)))
                if m or err.code ~= "field.invalid" or not err.field or err.field == "" then
                    error(("%s with %q: %s, field %s"):format(name, poison, tostring(m or err.code),
                        tostring(err and err.field)))
                end
                n = n + 1
            end
        end
        assert.equal(23 * #lexicon, n)
    end)
end)

describe("posta.address", function()
    it("parses, lists, formats and validates", function()
        local a = posta.address
        assert.same({ name = "Ana, M", address = "ana@x.org", local_part = "ana", domain = "x.org" },
            a.parse '"Ana, M" <ana@x.org>')
        assert.same({ address = '"a b"@x.org', local_part = "a b", domain = "x.org" }, a.parse '"a b"@x.org')
        local list = a.parse_list "a@x.org, Team: b@x.org, C <c@x.org>;, d@x.org"
        assert.equal(3, #list)
        assert.equal("Team", list[2].group)
        assert.equal("C", list[2].members[2].name)
        assert.equal("d@x.org", list[3].address)
        for _, name in ipairs { "Ana", "Ana M", "Ana, M", 'a"b\\c', "Ż", "a  b", "x.y" } do
            local text = a.format { name = name, address = "ana@x.org" }
            assert.equal(name, a.parse(text).name, text)
        end
        assert.equal("ana@x.org", a.format { address = "ana@x.org" })
        assert.is_true(a.validate "ana@x.org")
        fails("field.invalid", "address", a.validate "ana@@x.org")
        fails("field.invalid", "address", a.validate "a@x.org\r\nRCPT TO:<b@x.org>")
        fails("field.invalid", "address", a.parse "a@x.org, b@x.org")
        fails("field.invalid", "address", a.parse_list "a@x.org, b")
        fails("field.invalid", "address", a.parse "a\0@x.org")
        fails("field.invalid", "address", a.format { name = "a\nb", address = "a@x.org" })
        raises("parse: expected string, got nil", a.parse)
        raises("format.address: expected string, got nil", a.format, {})
    end)
end)
