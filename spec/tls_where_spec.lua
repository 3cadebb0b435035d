-- The table of ports and security of docs/where.md: as a session understands it, and as it goes over the wire. Row
-- A16.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local certs = require "spec.support.certs"
local support = require "spec.support.posta"
local fails = support.fails

local CA = "ca_file=" .. certs.file "ca.pem"
local TLS = { ca_file = certs.file "ca.pem" }

-- Where it would connect to, by which transport.open is asked, and the security.
local function understood(w)
    local all = type(w) == "string" and { url = w } or w
    local asked
    all.transport = { read = function() end, write = function() end, open = function(host, port)
        asked = ("%s %d"):format(host, port)
        return nil, "it was only asked"
    end }
    local s, message = posta.session(all)
    assert(s, message)
    local mode = s:option "tls_mode"
    fails("connect.failed", nil, s:connect())
    s:close()
    return asked .. " " .. mode
end

local ROWS = {
    { "smtps://h.example", "h.example 465 tls" },
    { "smtps://h.example:2465", "h.example 2465 tls" },
    { "smtps://h.example?security=tls", "h.example 465 tls" },
    { "SMTPS://h.example", "h.example 465 tls" },
    { "h.example", "h.example 465 tls" },
    { { host = "h.example" }, "h.example 465 tls" },
    { "h.example:465", "h.example 465 tls" },
    { "h.example:2525", "h.example 2525 starttls" },
    { { host = "h.example", port = 465 }, "h.example 465 tls" },
    { { host = "h.example", port = 2525 }, "h.example 2525 starttls" },
    { "smtp://h.example", "h.example 587 starttls" },
    { "smtp://h.example:25", "h.example 25 starttls" },
    { "smtp://h.example:465", "h.example 465 tls" },
    { "smtp://localhost", "localhost 25 none" },
    { "localhost", "localhost 25 none" },
    { "smtp://127.0.0.1", "127.0.0.1 25 none" },
    { "127.3.2.1:2525", "127.3.2.1 2525 none" },
    { "smtp://[::1]", "::1 25 none" },
    { { host = "::1" }, "::1 25 none" },
    { "smtp://[::1]:2525", "::1 2525 none" },
    { "smtp://127.0.0.1?security=none", "127.0.0.1 25 none" },
    { { host = "127.0.0.1", security = "none" }, "127.0.0.1 25 none" },
    { "smtp://127.0.0.1:2525?security=none", "127.0.0.1 2525 none" },
    { "smtps://127.0.0.1", "127.0.0.1 465 tls" },
    { "smtp://127.0.0.1?" .. CA, "127.0.0.1 587 starttls" },
    { "smtp://[::1]:2525?" .. CA, "::1 2525 starttls" },
    { "localhost:465?" .. CA, "localhost 465 tls" },
    { { host = "127.0.0.1", tls = TLS }, "127.0.0.1 587 starttls" },
    { { host = "localhost", port = 2525, tls = TLS }, "localhost 2525 starttls" },
    { { host = "localhost", port = 465, tls = TLS }, "localhost 465 tls" },
    { { url = "smtp://127.0.0.1:2525", tls = TLS }, "127.0.0.1 2525 starttls" },
    { { url = "127.0.0.1:465", tls = TLS }, "127.0.0.1 465 tls" },
    { { url = "smtp://127.0.0.1", tls = TLS }, "127.0.0.1 587 starttls" },
    { { url = "localhost", tls = TLS }, "localhost 587 starttls" },
    { { url = "smtp://h.example", security = "tls" }, "h.example 465 tls" },
    { { url = "smtp://h.example:587", security = "tls" }, "h.example 587 tls" },
    { { url = "h.example", security = "starttls" }, "h.example 587 starttls" },
    { { url = "h.example:465", port = 2525 }, "h.example 2525 starttls" },
    { { url = "smtp://127.0.0.1?security=none", tls = TLS }, "127.0.0.1 25 none" },
    { { url = "smtp://127.0.0.1:2525", tls = TLS, security = "none" }, "127.0.0.1 2525 none" },
    { { host = "h.example", security = "tls" }, "h.example 465 tls" },
    { { host = "h.example", security = "starttls" }, "h.example 587 starttls" },
    { { host = "h.example", security = "opportunistic" }, "h.example 587 opportunistic" },
    { { host = "h.example", security = "none" }, "h.example 587 none" },
    { { host = "h.example", port = 465, security = "none" }, "h.example 465 none" },
    { "smtp://h.example?security=none", "h.example 587 none" },
    { "smtp://h.example:25?security=opportunistic", "h.example 25 opportunistic" },
    { "smtp://h.example?security=tls", "h.example 465 tls" },
    { "smtp+unix:///run/smtp", "/run/smtp 0 none" },
    { { host = "h.example", tls = { pin = certs.pin() } }, "h.example 465 tls" },
}

describe("where", function()
    it("has its ports and its security by the table", function()
        for _, row in ipairs(ROWS) do
            local w = row[1]
            local shown = type(w) == "string" and w or ("%s %s %s"):format(w.url or w.host, tostring(w.port),
                tostring(w.security))
            assert.equal(row[2], understood(w), shown)
        end
    end)

    it("takes smtps:// for tls and nothing else", function()
        for _, word in ipairs { "none", "starttls", "opportunistic" } do
            for _, w in ipairs { "smtps://h.example?security=" .. word,
                { url = "smtps://h.example", security = word }, { url = "SmtpS://127.0.0.1:2525", security = word } } do
                local _, message = posta.send(w, support.mail())
                assert.equal("security: smtps:// is security=tls; nothing was sent.", message)
                fails("field.invalid", "security", posta.connect(w))
                fails("field.invalid", "security", posta.engine(w))
            end
        end
    end)

    it("has its CA file from the URL or from tls, not from both", function()
        for _, make in ipairs { posta.connect, posta.engine } do
            fails("field.invalid", "ca_file", make { url = "smtps://h.example?" .. CA, tls = TLS })
        end
    end)

    it("leads to the ports of LMTP and of submission", function()
        local engine = assert(posta.engine "lmtp://h.example")
        engine:close()
        fails("connect.failed", nil, posta.connect "lmtp+unix:///not/there")
        local _, message = posta.connect "smtp://ana:secret@127.0.0.1"
        assert.matches("^127%.0%.0%.1:587: ", message)
        assert.falsy(message:find("secret", 1, true))
    end)
end)

describe("over the wire", function()
    local pool = catcher.pool()
    local starttls, implicit

    setup(function()
        starttls = pool.get("starttls", { tls = certs.pair "server" })
        implicit = pool.get("implicit", { tls = certs.pair("server", { implicit = true }) })
    end)
    teardown(pool.stop)

    -- The TLS of a mail to `w`: by the receipt and by the catcher, which must agree.
    local function goes(c, w)
        local n = #c:mails()
        local receipt, message = posta.send(w, support.mail())
        assert(receipt, message)
        local seen = c:wait(n + 1)[n + 1].tls
        assert.equal(not seen, not receipt.tls)
        return seen and "TLS" or "clear"
    end

    it("loopback is clear text, unless somebody says otherwise", function()
        local url, port = starttls.url, starttls.port
        for _, row in ipairs {
            { "clear", url }, { "clear", "127.0.0.1:" .. port }, { "clear", "localhost:" .. port },
            { "clear", url .. "?security=none" }, { "clear", { host = "127.0.0.1", port = port } },
            { "clear", { url = url, security = "none", tls = TLS } },
            { "TLS", { url = url, tls = TLS } }, { "TLS", { url = url, tls = posta.tls(TLS) } },
            { "TLS", { host = "127.0.0.1", port = port, tls = TLS } },
            { "TLS", { host = "localhost", port = port, tls = TLS } },
            { "TLS", url .. "?" .. CA }, { "TLS", "127.0.0.1:" .. port .. "?" .. CA },
            { "TLS", url .. "?security=starttls&" .. CA }, { "TLS", url .. "?" .. CA .. "&security=opportunistic" },
            { "TLS", { url = url, security = "starttls", tls = TLS } },
            { "TLS", { url = url, security = "opportunistic", tls = TLS } },
            { "TLS", { url = url, security = "starttls", tls = {}, insecure_no_verify = true } },
        } do assert.equal(row[1], goes(starttls, row[2]), row[1]) end
    end)

    it("TLS from the first octet, by scheme and by security", function()
        local url, port = implicit.url, implicit.port
        for _, w in ipairs {
            url .. "?" .. CA, { url = url, tls = TLS }, { url = url, tls = TLS, security = "tls" },
            "smtps://localhost:" .. port .. "?" .. CA, "127.0.0.1:" .. port .. "?security=tls&" .. CA,
            { host = "127.0.0.1", port = port, security = "tls", tls = TLS },
            { host = "mail.example.org", port = port, address = "127.0.0.1", security = "tls", tls = TLS },
        } do assert.equal("TLS", goes(implicit, w)) end
    end)

    it("a name elsewhere wants STARTTLS, unless clear text was said", function()
        local w = { host = "mail.example.org", port = starttls.port, address = "127.0.0.1", tls = TLS }
        assert.equal("TLS", goes(starttls, w))
        w.security = "none"
        assert.equal("clear", goes(starttls, w))
        w.tls, w.security = nil, "opportunistic"
        assert.equal("TLS", goes(starttls, w))
    end)
end)
