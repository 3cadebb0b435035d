-- Pictures of the HTML as parts, text from the HTML, format=flowed: as Python's email reads them.

local posta = require "posta"
local child = require "spec.support.child"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local with = support.bare

local function text_of(fields)
    return assert(assert(posta.message(with(fields))):tostring())
end

local function judge(text, what)
    local path, remove = support.file("mail.eml", text)
    local out = child.run(("python3 %s/spec/support/html_judge.py %s %s 2>&1"):format(child.root(), path, what))
    remove()
    return out
end

-- A folder with a page and pictures; gives its path, and what removes it.
local function page(html)
    local path, remove = support.file("page.html", html)
    local folder = path:match("^(.*)/")
    os.execute("mkdir " .. folder .. "/img")
    child.write_file(folder .. "/logo.png", "the logo")
    child.write_file(folder .. "/img/ü 1.jpg", "one")
    return folder, remove
end

describe("embed", function()
    local HTML = [[<body background="logo.png"><img src='img/%C3%BC%201.jpg'><img src=logo.png>
        <p style="background: url('img/&#252; 1.jpg')">x<img src="https://x.org/y.png">]]
    local SEEN = "logo.png image/png the logo\n" .. "ü 1.jpg image/jpeg one\n" .. "logo.png image/png the logo\n"
        .. "ü 1.jpg image/jpeg one\n"

    it("makes parts of local pictures, however the folder is told", function()
        local folder, remove = page(HTML)
        finally(remove)
        for i, fields in ipairs {
            { html = HTML, embed = folder },
            { html = { body = HTML, embed = true, base = folder } },
            { html = { body = HTML, embed = folder .. "/" } },
            { html = { file = folder .. "/page.html" }, embed = true },
            { html = { body = { file = folder .. "/page.html" }, embed = true } },
            { html = { file = folder .. "/page.html", embed = true }, embed = "elsewhere" },
        } do
            local text = text_of(fields)
            assert.equal(SEEN, judge(text, "pictures"), tostring(i))
            local _, n = text:gsub("\r\nContent%-ID: ", "")
            assert.equal(2, n)
            assert.truthy(text:find("https://x.org/y.png", 1, true))
        end
        local plain = text_of { html = { body = HTML, embed = false, base = folder }, embed = folder }
        assert.equal("", judge(plain, "pictures"))
    end)

    it("goes with inline parts, text, attachments and check", function()
        local folder, remove = page("")
        finally(remove)
        local fields = with { html = "<h1>Hi</h1><img src=logo.png alt='the logo'><img src=cid:own>", text = true,
            embed = folder, inline = { own = { file = folder .. "/logo.png" } },
            attachments = { folder .. "/page.html" } }
        local out = support.read(text_of(fields))
        for _, line in ipairs { "1 multipart/mixed\n", "1.1 multipart/alternative\n", "1.1.1 text/plain",
            "1.1.2 multipart/related\n", "1.1.2.1 text/html", "1.1.2.2 image/png", "1.1.2.3 image/png",
            "1.2 text/html" } do
            assert.truthy(out:find(line, 1, true), out)
        end
        assert.same({}, posta.check(fields))
    end)

    it("makes the same octets of the same key", function()
        local folder, remove = page("")
        finally(remove)
        local function text(key)
            return text_of { idempotency_key = key, date = 0, html = "<img src=logo.png>", embed = folder }
        end
        assert.equal(text "order 1", text "order 1")
        assert.are_not.equal(text "order 1", text "order 2")
    end)

    it("refuses what is not there, and what is none of its folder", function()
        local folder, remove = page("")
        finally(remove)
        local function wrong(code, why, src)
            local err = fails(code, "html", posta.message(with { html = "<img src='" .. src .. "'>", embed = folder }))
            assert.truthy(tostring(err):find(why, 1, true), tostring(err))
        end
        wrong("file.not_found", '"no.png" cannot be embedded: "' .. folder .. '/no.png": there is no such file '
            .. "(byte 11)", "no.png")
        wrong("field.invalid", '"../logo.png" leads out of the base folder (byte 11)', "../logo.png")
        wrong("field.invalid", "leads out of the base folder", "img/%2e%2e/..%2flogo.png")
        wrong("field.invalid", "is an absolute path", folder .. "/logo.png")
        wrong("field.invalid", "is no picture by its name", "page.html")
        fails("field.invalid", "html.embed", posta.send({ host = "127.0.0.1", port = 1,
            security = "none", files = false }, with { html = "<p>", embed = folder }))
        fails("field.invalid", "html", posta.message(with { html = function() end, embed = folder }))
        fails("field.invalid", "html", posta.message(with { html = "<p>", embed = "a\0b" }))
        raises("mail.embed: goes with html only", posta.message, with { text = "x", embed = true })
        raises("mail.html.embed: expected boolean or string, got number", posta.message,
            with { html = { body = "x", embed = 1 } })
        raises("mail.text.embed: unknown", posta.message, with { text = { body = "x", embed = true } })
    end)
end)

describe("text = true", function()
    it("is made of the HTML", function()
        local html = "<html><head><title>x</title><style>p{}</style></head><body><h1>Za&zdot;ó&lstrok;ć</h1>"
            .. "<p>Dear <b>Bob</b>,<br>see <a href='https://x.org/?a=1&amp;b=2'>our&nbsp;page</a> &mdash; 5&euro;."
            .. "<ul><li>one<li>two<ol><li>x</ol></ul><blockquote>said</blockquote><pre>a  b\n c</pre>"
        local want = "Za&zdot;ó&lstrok;ć\n" .. ("="):rep(18) .. "\n\nDear Bob,\n"
            .. "see our page <https://x.org/?a=1&b=2> — 5€.\n\n* one\n* two\n  1. x\n\n> said\n\na  b\n c\n"
        local path, remove = support.file("page.html", html)
        finally(remove)
        for _, given in ipairs { html, { body = html }, { file = path } } do
            local m = assert(posta.message(with { html = given, text = true }))
            assert.equal(want, judge(assert(m:tostring()), "text"))
            assert.equal(want, judge(assert(m:tostring()), "text")) -- and again
        end
        fails("field.invalid", "html", posta.message(with { html = function() end, text = true }))
        fails("field.invalid", "html",
            posta.message(with { html = { body = "x", charset = "iso-8859-2" }, text = true }))
        raises("mail.text: true makes it of html, which is missing", posta.message, with { text = true })
        assert.falsy(text_of { html = html, text = false }:find("text/plain", 1, true))
    end)

    it("has an end for any HTML", function()
        math.randomseed(7)
        local pieces = { "<", ">", "</", "<a href=", "<img alt=", '"', "'", "&", ";", "#", "<!--", "-->", "<script>",
            "</script>", "<ul><li>", "<pre>", "</pre>", "x", " ", "\n", "=", "<blockquote>", "<h1>", "</h1>", "\0" }
        for _ = 1, 200 do
            local all = {}
            for i = 1, math.random(400) do all[i] = pieces[math.random(#pieces)] end
            assert(posta.message(with { html = table.concat(all), text = true, flowed = true }):tostring())
        end
    end)
end)

describe("flowed", function()
    local LONG = ("Pack my box with five dozen liquor jugs, says the quick brown fox. "):rep(9):sub(1, -2)
    local TEXT = "Hi,\n" .. LONG .. "\n\n> " .. LONG .. "\n> short\n>> deeper\n  set in\nFrom here\n" .. ("x"):rep(200)
        .. "\n-- \nAna\n"

    it("comes back as it was, and its lines fit", function()
        local n = 0
        local function reader()
            n = n + 7
            return n - 6 <= #TEXT and TEXT:sub(n - 6, n) or nil
        end
        for _, fields in ipairs {
            { text = TEXT, flowed = true }, { text = { body = TEXT, flowed = true } }, { text = reader, flowed = true },
            { text = { body = TEXT, encoding = "base64" }, flowed = true },
            { text = { body = TEXT, encoding = "quoted-printable", flowed = true }, flowed = false },
            { part = { type = "text/plain", body = TEXT, flowed = true } },
        } do
            local text = text_of(fields)
            assert.truthy(text:find("format=flowed", 1, true))
            assert.equal(TEXT, judge(text, "text"))
            for line in judge(text, "lines"):gmatch("[^\n]*") do
                assert.is_true(#line <= 72 or line == ("x"):rep(200), line)
            end
        end
    end)

    it("is for text that is shown", function()
        assert.falsy(text_of { text = { body = "x", flowed = false }, flowed = true }:find("flowed", 1, true))
        fails("field.invalid", "html.flowed", posta.message(with { html = { body = "x", flowed = true } }))
        fails("field.invalid", "attachments[1].flowed", posta.message(with { attachments = { { body = "x",
            type = "text/plain", flowed = true } } }))
        raises("mail.flowed: goes with text only", posta.message, with { html = "x", flowed = true })
        raises("mail.format: unknown; write flowed = true", posta.message, with { text = "x", format = "flowed" })
    end)
end)
