-- Who must not be believed, what each insecure_ option lets pass, and when there is TLS at all.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local peer = require "spec.support.peer"
local socket = require "socket"
local support = require "spec.support.posta"
local fails, file = support.fails, certs.file

local NAME = "mail.example.org"
local pool = catcher.pool()
local trusted

-- A catcher with this certificate.
local function implicit(cert) return pool.get(cert, { tls = certs.pair(cert, { implicit = true }) }) end
local function starttls(cert) return pool.get("starttls " .. cert, { tls = certs.pair(cert) }) end

-- To the catcher by the name that its certificate should have.
local function where(c, more)
    local is_implicit = c.url:find "^smtps" ~= nil
    local all = { host = NAME, port = c.port, address = "127.0.0.1", tls = trusted,
        security = is_implicit and "tls" or "starttls" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

local function passes(c, more)
    local n = #c:mails()
    local receipt, message = posta.send(where(c, more), support.mail())
    assert(receipt, message)
    assert.truthy(c:wait(n + 1)[n + 1].tls)
    return receipt
end

-- Nothing of the mail reaches the catcher, its addresses neither.
local function stopped(code, c, more)
    local n, before = #c:mails(), #c:output()
    local err = fails(code, nil, posta.send(where(c, more), support.mail()))
    assert.equal("not_sent", err.outcome)
    assert.equal("not_sent", err.recipients[1].status)
    assert.equal("tls", err.stage)
    assert.truthy(err.message:find("; nothing was sent.", 1, true), err.message)
    assert.falsy((err.transcript or ""):find("MAIL", 1, true), err.transcript)
    assert.equal(n, #c:mails())
    assert.falsy(c:output():sub(before + 1):find("@", 1, true))
    return err
end

setup(function() trusted = assert(posta.tls { ca_file = file "ca.pem" }) end)
teardown(pool.stop)

local HINTS = {
    name = "Set tls.server_name, or connect to the name on the certificate.",
    issuer = "Give its CA in tls.ca_file, or, if you know this server, the pin of its key in tls.pin.",
    expired = "Its owner has to renew it; or is the clock here wrong?",
    not_yet = "Check the clock here.",
    weak = "Its owner has to replace it: with SHA-256, and a key of 2048 bits (RSA) or 256 (ECDSA) or more.",
}

-- { certificate, what is wrong, a piece of the sentence, more options }
local WRONG = {
    { "expired", "expired", "the certificate expired on 2020-06-01" },
    { "future", "not_yet", "the certificate is not valid before 2090-01-01" },
    { "wrong", "name", "certificate is for *.hoster.net, not mail.example.org" },
    { "wild-tld", "name", "certificate is for *.org, not mail.example.org" },
    { "wild-part", "name", "certificate is for m*.example.org, not" },
    { "wild-deep", "name", "certificate is for *.*.example.org, not" },
    { "wild", "name", "certificate is for *.example.org, not a.mail.example.org", { host = "a.mail.example.org" } },
    { "wild", "name", "certificate is for *.example.org, not example.org", { host = "example.org" } },
    { "cn-only", "name", "(its CN is no name, RFC 9525; insecure_cn takes it)" },
    { "cn-differs", "name", "certificate is for other.example.org, not mail.example.org" },
    { "ip-only", "name", "certificate is for 127.0.0.1, not mail.example.org" },
    { "dns-ip", "name", "certificate is for DNS:127.0.0.1, not 127.0.0.1", { host = "127.0.0.1" } },
    { "wild", "name", "certificate is for *.example.org, not 127.0.0.1", { host = "127.0.0.1" } },
    { "uri", "name", "certificate is for no name at all, not mail.example.org" },
    { "nul", "name", "certificate is for mail.example.org\\x00.evil.example, not mail.example.org" },
    { "selfsigned", "issuer", 'the certificate is self-signed ("CN=posta test selfsigned"); the pin of its key is' },
    { "unknown", "issuer", 'issuer "CN=posta other CA" is not trusted; the pin of its key is sha256//' },
    { "not-ca", "issuer", 'the certificate\'s issuer "CN=posta test server" is not trusted' },
    { "long", "issuer", "longer than 8, or broken, which only its owner can mend; nothing" },
    { "client-usage", "issuer", "the certificate is not one for servers: its owner has to replace it; nothing" },
    { "weak", "weak", "the certificate is too weak: its key or its issuer's is too short" },
    { "by-secp224r1", "weak", "the certificate is too weak: its key or its issuer's is too short" },
    { "sha1", "weak", "the certificate is too weak: it is signed with an old hash" },
}

-- The check is the same, whichever way TLS began; so a few will do.
local BY_STARTTLS = { expired = true, wrong = true, selfsigned = true, weak = true }

-- No CA and no pin would help.
local HOPELESS = { long = true, ["client-usage"] = true }

describe("a wrong peer", function()
    for _, row in ipairs(WRONG) do
        local cert, what, text, more = row[1], row[2], row[3], row[4]
        local host = more and more.host or NAME
        it(("is stopped: %s, as %s"):format(cert, host), function()
            local c = implicit(cert)
            local err = stopped("tls.verify." .. what, c, more)
            assert.truthy(err.message:find(text, 1, true), err.message)
            assert.equal(("%s:%d: "):format(host, c.port), err.message:match "^%S+: ")
            local hint = not HOPELESS[cert] and HINTS[what] or nil
            assert.equal(hint, err.hint)
            assert.equal(hint or "sent.", err.message:sub(-#(hint or "sent.")))
            if BY_STARTTLS[cert] then stopped("tls.verify." .. what, starttls(cert), more) end
        end)
    end

    it("is none: each certificate that is right", function()
        for _, cert in ipairs { "server", "server-rsa", "wild", "chain" } do
            local receipt = passes(implicit(cert))
            assert.is_true(receipt.tls.verified)
            assert.is_nil(receipt.tls.reason)
            assert.same({}, receipt.insecure)
        end
        passes(starttls "server")
        assert.is_true(passes(implicit "ip-only", { host = "127.0.0.1" }).tls.verified)
        passes(implicit "server", { host = "localhost" })
        passes(implicit "server", { host = "MAIL.Example.Org" })
    end)

    it("is told in one sentence, to the letter", function()
        local err = stopped("tls.verify.name", implicit "wrong")
        assert.equal(("mail.example.org:%d: certificate is for *.hoster.net, not mail.example.org; nothing was "
            .. "sent. Set tls.server_name, or connect to the name on the certificate."):format(
            implicit "wrong".port), err.message)
    end)

    it("can be known by the pin that the sentence tells", function()
        for _, cert in ipairs { "selfsigned", "unknown" } do
            local err = stopped("tls.verify.issuer", implicit(cert))
            local pin = err.message:match "the pin of its key is (sha256//[%w+/]+=);"
            assert.is_true(passes(implicit(cert), { tls = { pin = pin } }).tls.verified)
        end
    end)
end)

-- { option, certificates that it lets pass, those that it does not }; reason: what is told all the same.
local INSECURE = {
    { "insecure_no_verify", { "expired", "future", "wrong", "cn-only", "selfsigned", "unknown", "weak", "sha1" }, {} },
    { "insecure_any_name", { "wrong", "cn-only", "ip-only", "wild-tld", "nul" },
        { "expired", "future", "selfsigned", "unknown", "weak", "sha1" } },
    { "insecure_cn", { "cn-only" }, { "cn-differs", "wrong", "expired", "unknown", "nul" } },
    { "insecure_no_time", { "expired", "future" }, { "wrong", "selfsigned", "unknown", "weak" } },
}

local function what_of(cert)
    for _, row in ipairs(WRONG) do
        if row[1] == cert then return "tls.verify." .. row[2] end
    end
    error("no row for " .. cert)
end

describe("insecure options", function()
    for _, row in ipairs(INSECURE) do
        local option, lets_pass, stops = row[1], row[2], row[3]
        it(option .. " weakens this check and no other", function()
            for _, cert in ipairs(lets_pass) do
                local receipt = passes(implicit(cert), { [option] = true })
                assert.same({ option }, receipt.insecure)
                assert.equal(option == "insecure_cn", receipt.tls.verified, cert)
                assert.equal(option == "insecure_no_verify" and what_of(cert) or nil, receipt.tls.reason, cert)
                if BY_STARTTLS[cert] then passes(starttls(cert), { [option] = true }) end
                stopped(what_of(cert), implicit(cert), { [option] = false })
            end
            for _, cert in ipairs(stops) do stopped(what_of(cert), implicit(cert), { [option] = true }) end
        end)
    end

    it("are listed all, in their order", function()
        local receipt = passes(implicit "server", { insecure_no_time = true, insecure_cn = true,
            insecure_any_name = true, insecure_no_verify = true })
        assert.same({ "insecure_no_verify", "insecure_any_name", "insecure_cn", "insecure_no_time" },
            receipt.insecure)
        assert.is_false(receipt.tls.verified)
        assert.same({ "insecure_cn" }, passes(implicit "server", { insecure_cn = true }).insecure)
    end)

    it("need nobody to trust, when none is verified", function()
        passes(implicit "server", { tls = {}, insecure_no_verify = true })
    end)

    it("stand beside a pin, which they do not switch off", function()
        local tls = { pin = certs.pin() }
        for _, option in ipairs { "insecure_any_name", "insecure_cn", "insecure_no_time" } do
            stopped("tls.verify.issuer", implicit "selfsigned", { tls = tls, [option] = true })
        end
    end)
end)

describe("security = \"opportunistic\"", function()
    local more = { security = "opportunistic" }

    it("goes on with a bad certificate, and tells the reason", function()
        for _, cert in ipairs { "expired", "wrong", "selfsigned", "weak" } do
            local receipt = passes(starttls(cert), more)
            assert.is_false(receipt.tls.verified)
            assert.equal(what_of(cert), receipt.tls.reason)
            assert.same({}, receipt.insecure)
        end
        local receipt = passes(starttls "server", more)
        assert.is_true(receipt.tls.verified)
        assert.is_nil(receipt.tls.reason)
    end)

    it("sends in clear text where no STARTTLS is offered", function()
        local c = pool.get("clear", {})
        local n = #c:mails()
        local receipt = assert(posta.send(where(c, more), support.mail()))
        assert.is_false(receipt.tls)
        c:wait(n + 1)
    end)

    it("does not go on in clear text when the handshake fails", function()
        local p = peer.play(nil, [[
            S: 220 x
            C: /^EHLO/
            GLUE
            S: 250-x
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 go
            CLOSE
        ]])
        finally(p.stop)
        local err = fails("tls.handshake", nil, posta.send({ url = p.url, security = "opportunistic" }, support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.is_true(p.result())
    end)
end)

describe("a server without STARTTLS", function()
    it("is told in one sentence, to the letter", function()
        local c = pool.get("clear", {})
        for _, host in ipairs { NAME, "127.0.0.1" } do
            local err = stopped("tls.unavailable", c, { host = host })
            assert.equal(("%s:%d: the server offers no STARTTLS; nothing was sent. If you trust this network: "
                .. "security=\"none\". If the server has a TLS port: smtps://%s"):format(host, c.port, host),
                err.message)
            assert.truthy(err.hint:find("smtps://" .. host, 1, true))
        end
    end)

    it("or with one that says no", function()
        local p = peer.play(nil, [[
            S: 220 x
            C: /^EHLO/
            GLUE
            S: 250-x
            S: 250 STARTTLS
            C: STARTTLS
            S: 454 4.7.0 no TLS now
        ]])
        finally(p.stop)
        local err = fails("tls.unavailable", nil, posta.send({ url = p.url, security = "starttls" }, support.mail()))
        assert.equal(454, err.reply.code)
        assert.truthy(err.message:find("454 4.7.0 no TLS now", 1, true), err.message)
        assert.equal("not_sent", err.outcome)
    end)
end)

describe("the wrong kind of port", function()
    it("clear text where TLS was expected", function()
        local p = peer.play(nil, "S: 220 clear ESMTP\nSTALL")
        finally(p.stop)
        local err = fails("tls.not_tls", nil, posta.send("smtps://127.0.0.1:" .. p.port .. "?ca_file="
            .. file "ca.pem", support.mail()))
        assert.truthy(err.hint:find(("smtp://127.0.0.1:%d?security=starttls"):format(p.port), 1, true), err.message)
        assert.truthy(err.message:find('it begins with "220', 1, true), err.message)
    end)

    it("TLS where clear text was expected", function()
        local p = peer.play(nil, "RAW: \\x15\\x03\\x03\\x00\\x02\\x02\\x0a\nSTALL")
        finally(p.stop)
        local err = fails("tls.unexpected", nil, posta.send(p.url, support.mail()))
        assert.truthy(err.hint:find("smtps://127.0.0.1:" .. p.port, 1, true), err.message)
    end)

    it("octets between STARTTLS's answer and the handshake", function()
        local p = peer.play(nil, [[
            S: 220 x
            C: /^EHLO/
            S: 250 STARTTLS
            C: STARTTLS
            GLUE
            S: 220 go
            S: 250 an answer from nowhere
        ]])
        finally(p.stop)
        local err = fails("protocol.error", nil, posta.send({ url = p.url, tls = trusted }, support.mail()))
        assert.equal("not_sent", err.outcome)
    end)
end)

describe("the system's certificates", function()
    -- What posta.send gives in a process with these variables: its lines. "" is as good as none.
    local function sends(w, ca_file, ca_path)
        local environment = { SSL_CERT_FILE = ca_file or "", SSL_CERT_DIR = ca_path or "" }
        local script, remove = support.file("send.lua", ([[
            local posta = require "posta"
            local receipt, message, err = posta.send(%s,
                { from = "ana@example.org", to = "bob@example.org", text = "hi" })
            if receipt then print("sent", receipt.tls.verified, receipt.tls.reason)
            else print(err.code, err.field) print(message) end]]):format(w))
        local p = child.start({ child.interpreter(), script }, environment)
        assert(p:wait_end(10), "it does not end")
        local out = p:output() .. p:complaints()
        p:stop()
        remove()
        return out
    end

    it("that are not there: an error before connecting, with the places that were looked at", function()
        local server = assert(socket.bind("127.0.0.1", 0))
        finally(function() server:close() end)
        local _, port = server:getsockname()
        local w = ('{ host = "mail.example.org", port = %d, address = "127.0.0.1" }'):format(port)
        for _, places in ipairs { { "/not/there" }, { nil, "/not/there" }, { "/not/there", "/nor/there" },
            { file "text.pem" } } do
            local out = sends(w, places[1], places[2])
            assert.matches("^file%.not_found\ttls%.ca_file\n", out)
            assert.truthy(out:find(("mail.example.org:%d: "):format(port), 1, true), out)
            for i, name in ipairs { "SSL_CERT_FILE=", "SSL_CERT_DIR=" } do
                assert.equal(places[i] ~= nil, out:find(name .. (places[i] or ""), 1, true) ~= nil, out)
            end
            assert.truthy(out:find("; nothing was sent.", 1, true), out)
        end
        server:settimeout(0)
        assert.is_nil((server:accept()))
    end)

    it("are those of SSL_CERT_FILE and SSL_CERT_DIR", function()
        local w = ('{ host = "mail.example.org", port = %d, address = "127.0.0.1", security = "tls" }'):format(
            implicit "server".port)
        assert.equal("sent\ttrue\tnil\n", sends(w, file "ca.pem"))
        assert.equal("sent\ttrue\tnil\n", sends(w, nil, file "cas"))
        assert.matches("^tls%.verify%.issuer\t", sends(w, file "other-ca.pem"))
    end)

    it("are not needed by who does not insist", function()
        local w = ('{ host = "mail.example.org", port = %d, address = "127.0.0.1", security = "opportunistic" }')
            :format(starttls "server".port)
        assert.equal("sent\tfalse\ttls.verify.issuer\n", sends(w, "/not/there"))
    end)
end)
