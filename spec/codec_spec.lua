-- posta.base64, posta.quoted_printable, posta.encoded_word, posta.address.filter: as functions, as filters of
-- LuaSocket's ltn12, and against Python's decoders.

local ltn12 = require "ltn12"
local posta = require "posta"
local child = require "spec.support.child"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

-- What Python makes of the octets in a file: `code` reads `data` and prints `out`.
local function python(data, code)
    local path, remove = support.file("data", data)
    local out = child.run(("python3 -c %s %s"):format(child.quoted(
        "import sys,base64,quopri,email.header\ndata=open(sys.argv[1],'rb').read()\n" .. code
            .. "\nsys.stdout.write(out.hex())"), child.quoted(path)))
    remove()
    return (out:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function octets(n, seed)
    local t = {}
    for i = 1, n do
        seed = (seed * 1103515245 + 12345) % 2147483648
        t[i] = string.char(math.floor(seed / 65536) % 256)
    end
    return table.concat(t)
end

-- A text through filters, in pieces of n octets.
local function through(text, n, ...)
    local pieces = {}
    local source = ltn12.source.chain(function()
        if text == "" then return nil end
        local piece = text:sub(1, n)
        text = text:sub(n + 1)
        return piece
    end, ltn12.filter.chain(...))
    assert(ltn12.pump.all(source, (ltn12.sink.table(pieces))))
    return table.concat(pieces)
end

local function same(x) return x end

describe("posta.base64", function()
    local base64 = posta.base64

    it("encodes and decodes", function()
        assert.equal("YWJj", base64 "abc")
        assert.equal("YWI=", base64.encode("ab"))
        assert.equal("", base64.encode "")
        assert.equal("DQo=", base64.encode("\n", { text = true }))
        assert.equal("ab", base64.decode "YWI=")
        assert.equal("abc", base64.decode " YW\r\nJj ")
        local long = base64.encode(("x"):rep(100), { wrap = true })
        assert.equal(76, long:find("\r\n", 1, true) - 1)
        for n = 0, 200 do
            local data = octets(n, n)
            assert.equal(data, base64.decode(base64.encode(data, { wrap = n % 2 == 0 })))
        end
        local data = octets(100000, 7)
        assert.is_true(data == base64.decode(base64.encode(data)))
        assert.is_true(data == python(base64.encode(data, { wrap = 76 }), "out=base64.b64decode(data)"))
    end)

    it("says where a text is wrong", function()
        local _, message = base64.decode "YW!j"
        assert.equal("base64: the text has a character that is not of base64 (byte 3)", message)
        fails("field.invalid", "base64", base64.decode "YWJ")
        fails("field.invalid", "base64", base64.decode("YW Jj", { strict = true }))
        raises("base64: expected string, got nil", base64, nil)
        raises("base64.decode: expected string, got table", base64.decode, {})
        raises("base64.encode.rap: unknown; did you mean wrap?", base64.encode, "x", { rap = true })
        raises("base64.encode.wrap: expected true, false or 76", base64.encode, "x", { wrap = 64 })
    end)

    it("is a filter", function()
        local data = octets(5000, 3)
        for _, n in ipairs { 1, 2, 3, 57, 1000, 9999 } do
            assert.equal(base64.encode(data, { wrap = true }), through(data, n, base64.encoder { wrap = true }, same))
            assert.equal(data, through(base64.encode(data), n, base64.decoder(), same))
            assert.equal(data, through(data, n, base64.encoder(), base64.decoder()))
        end
        assert.equal("", through("", 1, base64.encoder(), same))
        raises("base64.decoder: the text goes on behind its padding (byte 5)", function()
            through("YQ==YQ==", 2, base64.decoder(), same)
        end)
        raises("base64.decoder: the text ends in the middle", function() through("YQ", 2, base64.decoder(), same) end)
    end)
end)

describe("posta.quoted_printable", function()
    local qp = posta.quoted_printable

    it("encodes and decodes", function()
        assert.equal("a=3Db", qp "a=b")
        assert.equal("=C5=BC\r\n", qp.encode("ż\n"))
        assert.equal("=0A", qp.encode("\n", { binary = true }))
        assert.equal("a b\r\n", qp.decode "a=20b \n")
        for n = 0, 200 do
            local data = octets(n, n + 1)
            assert.equal(data, qp.decode(qp.encode(data, { binary = true })))
        end
        local data = octets(20000, 9)
        assert.is_true(data == python(qp.encode(data, { binary = true }), "out=quopri.decodestring(data)"))
        local text = ("Zażółć gęślą jaźń = " .. ("x"):rep(90) .. " \t\n."):rep(200)
        assert.equal(text:gsub("\n", "\r\n"), (python(qp.encode(text), "out=quopri.decodestring(data)")))
        for line in (qp.encode(text) .. "\r\n"):gmatch("(.-)\r\n") do assert.is_true(#line <= 76) end
    end)

    it("says where a text is wrong", function()
        fails("field.invalid", "quoted_printable", qp.decode "a=4x")
        local _, message = qp.decode("ab=4")
        assert.equal("quoted_printable: the text ends in the middle of an escape (byte 5)", message)
        raises("quoted_printable.decode.binary: unknown", qp.decode, "x", { binary = true })
    end)

    it("is a filter", function()
        local data = ("line = ż \r\nFrom x\n."):rep(100)
        for _, n in ipairs { 1, 2, 3, 76, 9999 } do
            assert.equal(qp.encode(data), through(data, n, qp.encoder(), same))
            assert.equal(qp.decode(qp.encode(data)), through(data, n, qp.encoder(), qp.decoder()))
        end
    end)
end)

describe("posta.encoded_word", function()
    local word = posta.encoded_word

    it("encodes and decodes", function()
        assert.equal("plain", word "plain")
        assert.equal("Zażółć gęślą jaźń", (word.decode(word.encode "Zażółć gęślą jaźń")))
        for _, text in ipairs { "ż", "  x ", "=?utf-8?q?x?=", ("😀"):rep(60), ("word "):rep(50) .. "é", "a\tb" } do
            local coded = word.encode(text)
            assert.is_nil(coded:find("[^ -~]"))
            for one in coded:gmatch("=%?%S+%?=") do assert.is_true(#one <= 75) end
            assert.equal(text, (word.decode(coded)))
            assert.equal(text, (python(coded,
                "out=str(email.header.make_header(email.header.decode_header(data.decode()))).encode()")))
        end
        local text, left = word.decode("=?koi8-r?B?8NLJ18XU?= =?iso-8859-1?q?caf=E9?=")
        assert.equal("=?koi8-r?B?8NLJ18XU?= café", text)
        assert.equal(1, left)
        fails("field.invalid", "encoded_word", word.encode "a\nb")
        fails("field.invalid", "encoded_word", word.encode "\255")
        assert.is_nil((word.decode "=?utf-8?q?a=0D=0ABcc:_x?="):find("[\r\n]"))
    end)

    it("is a filter", function()
        assert.equal(word.encode "Zażółć", through("Zażółć", 1, word.encoder(), same))
        assert.equal("Zażółć", through("Zażółć", 2, word.encoder(), word.decoder()))
        raises("control characters", function() through("a\nb", 2, word.encoder(), same) end)
    end)
end)

describe("posta.address.filter", function()
    it("gives a line for each mailbox", function()
        assert.equal("Ana <ana@x.org>\r\nb@y.org\r\nc@z.org\r\n",
            through("Ana <ana@x.org>, b@y.org, g: c@z.org;", 3, posta.address.filter(), same))
        raises("address: ", function() through("nobody", 3, posta.address.filter(), same) end)
    end)
end)

describe("docs/codec.md", function()
    it("has an example that runs", function()
        local doc = child.read_file(child.root() .. "/docs/codec.md")
        local path, remove = support.file("x.lua", (assert(doc:match("\n```lua\n(.-)\n```\n"))))
        finally(remove)
        assert.equal("Zażółć\r\n", child.run(child.interpreter() .. " " .. child.quoted(path) .. " 2>&1"))
    end)
end)

describe("A source of ltn12", function()
    it("is a body", function()
        local text = assert(assert(posta.message(support.mail { text = ltn12.source.string("hi\n"),
            attachments = { { name = "x", body = ltn12.source.string(octets(9000, 1)) } } })):tostring())
        assert.truthy(text:find("\r\n\r\nhi\r\n", 1, true))
        assert.truthy(text:find(posta.base64.encode(octets(9000, 1), { wrap = true }), 1, true))
        fails("body.failed", "text", assert(posta.message(support.mail {
            text = ltn12.source.error("the disk is gone") })):tostring())
    end)
end)
