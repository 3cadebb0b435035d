-- TLS by posta itself: whom to trust, what to show, what a receipt tells. Who must not be believed is in
-- tls_verify_spec.lua.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local support = require "spec.support.posta"
local fails, raises, file = support.fails, support.raises, certs.file

local pool = catcher.pool()
local HAS_1_3 = not posta.tls_library():find "2%.%d+%.%d+$"

-- A catcher with the certificate "server"; more: options of its TLS.
local function server(name, more) return pool.get(name, { tls = certs.pair("server", more) }) end
local function implicit() return server("implicit", { implicit = true }) end
local function starttls() return server "starttls" end
local function demanding()
    return server("demanding", { implicit = true, ca = file "ca.pem", verify = true })
end

local function where(c, tls, more)
    local all = { url = c.url, tls = tls }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

-- Sends one mail that must arrive by TLS: the receipt, and the TLS as the server saw it.
local function arrives(c, w)
    local n = #c:mails()
    local receipt, message = posta.send(w, support.mail())
    assert(receipt, message)
    local seen = c:wait(n + 1)[n + 1].tls
    assert(seen, "the mail came in clear text")
    assert.truthy(receipt.tls, "the receipt says that it was clear text")
    return receipt, seen
end

-- Sends one mail that must not arrive: err.
local function refused(code, c, w)
    local n = #c:mails()
    local err = fails(code, nil, posta.send(w, support.mail()))
    assert.equal("not_sent", err.outcome or "not_sent")
    assert.equal(n, #c:mails())
    return err
end

teardown(pool.stop)

describe("posta.send over TLS", function()
    it("trusts the URL's ca_file, by smtps:// and by STARTTLS", function()
        local ca = "?ca_file=" .. file "ca.pem"
        local receipt, seen = arrives(implicit(), implicit().url .. ca)
        assert.equal(receipt.tls.version, seen.version)
        assert.matches("^smtps:", implicit().url)
        arrives(starttls(), starttls().url .. ca)                       -- loopback too: it says whom to trust
        arrives(starttls(), starttls().url .. ca .. "&security=starttls")
        arrives(starttls(), where(starttls(), nil, { url = starttls().url .. ca, security = "starttls" }))
        refused("tls.verify.issuer", implicit(), implicit().url .. "?ca_file=" .. file "other-ca.pem")
        refused("tls.verify.issuer", starttls(), starttls().url .. "?ca_file=" .. file "other-ca.pem")
    end)

    it("takes the trusted certificates in every form", function()
        local der = certs.text "ca.der"
        for _, tls in ipairs {
            { ca_file = file "ca.pem" }, { ca_file = file "ca.der" }, { ca_file = file "bundle.pem" },
            { ca = certs.text "ca.pem" }, { ca = der }, { ca = certs.text "bundle.pem" },
            { ca_path = file "cas" }, { ca_file = file "other-ca.pem", ca = der },
        } do
            assert.is_true(arrives(implicit(), where(implicit(), tls)).tls.verified)
        end
        refused("tls.verify.issuer", implicit(), where(implicit(), { ca = certs.text "other-ca.pem" }))
    end)

    it("shows a certificate where it is demanded", function()
        local cert, key = certs.text "client.pem", certs.text "client.key"
        local both, remove = support.file("both.pem", cert .. key)
        finally(remove)
        for _, tls in ipairs {
            { cert = file "client.pem", key = file "client.key" }, { cert = cert, key = key },
            { cert = file "client.pem", key = key }, { cert = cert, key = file "client.key" },
            { cert = both },
        } do
            tls.ca_file = file "ca.pem"
            local _, seen = arrives(demanding(), where(demanding(), tls))
            assert.equal("CN=robot", seen.client)
        end
        local none = { ca_file = file "ca.pem" }
        local _, message, err = posta.send(where(demanding(), none), support.mail())
        assert.equal("not_sent", err.outcome, message)
        _, message, err = posta.send(where(demanding(), { ca_file = file "ca.pem",
            cert = file "other-client.pem", key = file "other-client.key" }), support.mail())
        assert.equal("not_sent", err.outcome, message)
        -- Nobody asks, nobody sees.
        local _, seen = arrives(implicit(), where(implicit(), { ca_file = file "ca.pem", cert = cert, key = key }))
        assert.is_nil(seen.client)
    end)

    it("takes pins instead of certificates: one of several", function()
        local pin, other = certs.pin(), "sha256//" .. ("A"):rep(43) .. "="
        for _, tls in ipairs {
            { pin = pin }, { pin = { pin } }, { pin = { other, pin } }, { pin = other .. ";" .. pin },
            { pin = pin, ca_file = file "other-ca.pem" },
        } do
            local receipt = arrives(implicit(), where(implicit(), tls))
            assert.is_true(receipt.tls.verified)
            assert.same({}, receipt.insecure)
        end
        for _, tls in ipairs { { pin = other }, { pin = { other, other }, ca_file = file "ca.pem" } } do
            local err = refused("tls.verify.issuer", implicit(), where(implicit(), tls))
            assert.truthy(err.message:find("none of those in tls.pin; the pin of its key is " .. pin, 1, true))
        end
    end)

    it("checks the pin's certificate for its dates, not for its name", function()
        local c = pool.get("expired", { tls = certs.pair("expired", { implicit = true }) })
        local err = refused("tls.verify.issuer", c, where(c, { pin = certs.pin() }))
        local pin = err.message:match "the pin of its key is (sha256//%S+=);"
        refused("tls.verify.expired", c, where(c, { pin = pin }))
        c = pool.get("wrong", { tls = certs.pair("wrong", { implicit = true }) })
        err = refused("tls.verify.issuer", c, where(c, { pin = certs.pin() }))
        pin = err.message:match "the pin of its key is (sha256//%S+=);"
        arrives(c, where(c, { pin = pin }))
    end)

    it("checks server_name instead of the host", function()
        local c = pool.get("wrong", { tls = certs.pair("wrong", { implicit = true }) })
        local tls = { ca_file = file "ca.pem", server_name = "mx.hoster.net" }
        assert.is_true(arrives(c, where(c, tls)).tls.verified)
        tls.server_name = "hoster.net"
        refused("tls.verify.name", c, where(c, tls))
        tls.server_name = "MX.Hoster.NET."
        arrives(c, where(c, tls))
    end)

    it("speaks no version older than min_version", function()
        local old = server("1.2", { max = "tlsv1_2" })
        for _, word in ipairs { "1.2", "TLSv1.2" } do
            local receipt, seen = arrives(old, where(old, { ca_file = file "ca.pem", min_version = word }))
            assert.same({ "TLSv1.2", "TLSv1.2" }, { receipt.tls.version, seen.version })
        end
        local new = server("1.3", { min = "tlsv1_3" })
        local tls = { ca_file = file "ca.pem", min_version = "1.3" }
        if HAS_1_3 then
            refused("tls.handshake", old, where(old, tls))
            assert.equal("TLSv1.3", (arrives(new, where(new, tls)).tls.version))
        else
            fails("not_built", "tls.min_version", posta.tls(tls))
            tls.min_version = nil
            refused("tls.handshake", new, where(new, tls))
        end
    end)

    it("offers these ciphers and no others", function()
        local c = server("1.2", { max = "tlsv1_2" })
        local gcm, cbc = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"
        local rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        for _, row in ipairs {
            { gcm, gcm }, { { gcm }, gcm }, { { rsa, gcm }, gcm }, { rsa .. ":" .. gcm, gcm }, { cbc, cbc },
        } do
            local receipt = arrives(c, where(c, { ca_file = file "ca.pem", ciphers = row[1] }))
            assert.equal(row[2], receipt.tls.cipher)
        end
        local err = refused("tls.handshake", c, where(c, { ca_file = file "ca.pem", ciphers = rsa }))
        assert.truthy(err.message:find("no version or cipher suite in common", 1, true), err.message)
    end)

    it("tells in the receipt what TLS it was, and false of clear text", function()
        local receipt, seen = arrives(implicit(), where(implicit(), { ca_file = file "ca.pem" }))
        assert.same({ version = seen.version, cipher = receipt.tls.cipher, verified = true }, receipt.tls)
        assert.matches("^TLSv1%.[23]$", receipt.tls.version)
        assert.matches("^TLS_[%u%d_]+$", receipt.tls.cipher)
        assert.same({}, receipt.insecure)
        local clear = assert(posta.send(starttls().url, support.mail()))
        assert.is_false(clear.tls)
        assert.same({}, clear.insecure)
        local n = #starttls():mails()
        assert.is_false(starttls():mails()[n].tls)
    end)
end)

describe("the key's password", function()
    local function tls(password, key)
        return { ca_file = file "ca.pem", cert = file "client.pem", key = key or file "client-enc-legacy.key",
            key_password = password }
    end

    it("is a string, for each form of key", function()
        for _, name in ipairs { "client-enc-legacy.key", "client-enc-des3.key" } do
            for _, key in ipairs { file(name), certs.text(name) } do
                local _, seen = arrives(demanding(), where(demanding(), tls("hunter2", key)))
                assert.equal("CN=robot", seen.client)
            end
        end
    end)

    it("or a function, asked once and only if it is needed", function()
        local n = 0
        local function ask(...)
            assert.equal(0, select("#", ...))
            n = n + 1
            return "hunter2"
        end
        local shared = assert(posta.tls(tls(ask)))
        assert.equal(1, n)
        for _ = 1, 3 do arrives(demanding(), where(demanding(), shared)) end
        assert.equal(1, n)
        arrives(demanding(), where(demanding(), tls(ask)))
        assert.equal(2, n)
        assert(posta.tls(tls(ask, file "client.key")))
        assert(posta.tls { ca_file = file "ca.pem", key_password = ask })
        fails("file.not_found", "tls.key", posta.tls(tls(ask, "/not/there")))
        assert.equal(2, n)
    end)

    it("or not to be had, or a wrong one", function()
        local function says(text, field, password)
            local err = fails("field.invalid", field, posta.tls(tls(password)))
            assert.truthy(err.message:find(text, 1, true), err.message)
            assert.falsy(err.message:find("hunter3", 1, true))
            local sent = fails("field.invalid", field, posta.send(where(demanding(), tls(password)), support.mail()))
            assert.equal(("127.0.0.1:%d: %s"):format(demanding().port, err.message), sent.message)
        end
        says("tls.key_password: the vault is shut", "tls.key_password", function() return nil, "the vault is shut" end)
        says("tls.key_password: the function gave none", "tls.key_password", function() end)
        says("longer than 255", "tls.key_password", function() return ("x"):rep(256) end)
        says("has a NUL octet", "tls.key_password", function() return "a\0b" end)
        says("has a NUL octet", "tls.key_password", "a\0b")
        for _, wrong in ipairs { "hunter3", function() return "hunter3" end } do
            says("client-enc-legacy.key\": line 1: the key is encrypted, and tls.key_password is not its password",
                "tls.key", wrong)
        end
        for _, none in ipairs { "", function() return "" end } do
            says("client-enc-legacy.key\": line 1: the key is encrypted, and tls.key_password is not given",
                "tls.key", none)
        end
        says("the key is encrypted, and tls.key_password is not given", "tls.key", nil)
        raises("out of order", posta.tls, tls(function() error("out of order", 0) end))
        raises("tls.key_password: expected string, got number", posta.tls, tls(function() return 7 end))
    end)
end)

describe("posta.tls", function()
    it("is shared by connections, and outlives its handle in them", function()
        local tls = assert(posta.tls { ca_file = file "ca.pem" })
        local conns = {}
        for i = 1, 4 do conns[i] = assert(posta.connect(where(i % 2 == 0 and implicit() or starttls(), tls))) end
        assert(conns[1]:send(support.mail()))
        assert.is_true(tls:close())
        assert.is_true(tls:close())
        tls = nil                                                       -- luacheck: ignore 311
        collectgarbage()
        collectgarbage()
        for _, conn in ipairs(conns) do
            assert(conn:send(support.mail()))
            assert.is_true(conn:tls().verified)
            assert.is_true(conn:quit())
        end
    end)

    it("goes with its connection when a table made it", function()
        local conn = assert(posta.connect(where(implicit(), { ca_file = file "ca.pem" })))
        collectgarbage()
        collectgarbage()
        assert(conn:send(support.mail()))
        conn:quit()
        local copy = { ca_file = file "ca.pem" }
        assert(posta.tls(copy))
        assert.same({ ca_file = file "ca.pem" }, copy)                  -- it is left as it was
    end)

    it("shows no secret", function()
        local t = { ca_file = file "ca.pem", cert = certs.text "client.pem", key = certs.text "client-enc-legacy.key",
            key_password = "hunter2" }
        local tls = assert(posta.tls(t))
        assert.matches("^posta%.tls: 0?x?%x+$", tostring(tls))
        tls:close()
        assert.equal("posta.tls (closed)", tostring(tls))
        assert.is_nil(tls.key)
        local lines = {}
        assert(posta.send(where(demanding(), t, { trace = function(_, line) lines[#lines + 1] = line end }),
            support.mail()))
        local all = table.concat(lines, "\n")
        assert.falsy(all:find("hunter2", 1, true) or all:find("PRIVATE", 1, true))
    end)

    it("raises on misuse, with the path and the nearest name", function()
        local closed = assert(posta.tls { ca_file = file "ca.pem" })
        closed:close()
        local pin = certs.pin()
        for _, row in ipairs {
            { { ca_fil = "x" }, ".ca_fil: unknown; did you mean ca_file?" },
            { { pins = "x" }, ".pins: unknown; did you mean pin?" },
            { { min_verson = "x" }, ".min_verson: unknown; did you mean min_version?" },
            { { cipher = "x" }, ".cipher: unknown; did you mean ciphers?" },
            { { cafile = "x" }, ".cafile: unknown; write ca_file" },
            { { certfile = "x" }, ".certfile: unknown; write cert" },
            { { cert_file = "x" }, ".cert_file: unknown; write cert" },
            { { keyfile = "x" }, ".keyfile: unknown; write key" },
            { { password = "x" }, ".password: unknown; write key_password" },
            { { sni = "x" }, ".sni: unknown; write server_name" },
            { { minVersion = "x" }, ".minVersion: unknown; write min_version" },
            { { verify = false }, ".verify: unknown; write insecure_no_verify = true beside tls" },
            { { rejectUnauthorized = false }, ".rejectUnauthorized: unknown; write insecure_no_verify = true" },
            { { insecure_cn = true }, ".insecure_cn: unknown; write insecure_cn = true beside tls" },
            { { zebra = 1 }, ".zebra: unknown" },
            { { "x" }, "[1]: unexpected; the table takes names only" },
            { { ca_file = 1 }, ".ca_file: expected string, got number" },
            { { ca = {} }, ".ca: expected string, got table" },
            { { key_password = true }, ".key_password: expected string or function, got boolean" },
            { { min_version = 1.2 }, ".min_version: expected string, got number" },
            { { pin = 1 }, ".pin: expected string or list, got number" },
            { { pin = { pin, 1 } }, ".pin[2]: expected string, got number" },
            { { pin = { a = pin } }, ".pin: expected string or list" },
            { { ciphers = { true } }, ".ciphers[1]: expected string, got boolean" },
            { { ciphers = print }, ".ciphers: expected string or list, got function" },
        } do
            raises("tls" .. row[2], posta.tls, row[1])
            raises("where.tls" .. row[2], posta.send, where(implicit(), row[1]), support.mail())
            raises("where.tls" .. row[2], posta.connect, where(implicit(), row[1]))
            raises("where.tls" .. row[2], posta.session, where(implicit(), row[1]))
            raises("where.tls" .. row[2], posta.start, where(implicit(), row[1]), support.mail())
            raises("where.tls" .. row[2], posta.engine, where(implicit(), row[1]))
        end
        raises("tls: expected table, got nil", posta.tls)
        raises("tls: expected table, got userdata", posta.tls, closed)
        raises("where.tls: posta.tls is closed", posta.send, where(implicit(), closed), support.mail())
        raises("where.tls: expected table or posta.tls, got string", posta.connect, where(implicit(), "x"))
        raises("where.tls: \"host\" goes with posta.engine only", posta.connect, where(implicit(), "host"))
        raises("where.insecure_no_verify: expected boolean, got string", posta.connect,
            where(implicit(), nil, { insecure_no_verify = "yes" }))
        raises("where.insecure_no_verfy: unknown; did you mean insecure_no_verify?", posta.connect,
            where(implicit(), nil, { insecure_no_verfy = true }))
        raises("close: expected posta.tls, got table", closed.close, {})
        local why = raises("tls.zebra", function() posta.tls { zebra = 1 } end)
        assert.truthy(why:find("tls_spec.lua:", 1, true), why)
    end)

    it("answers wrong values, with field, file and line", function()
        local function is(field, text, t, code)
            local err = fails(code or "field.invalid", field, posta.tls(t))
            assert.equal("compose", err.stage)
            assert.equal(1, (err.message:find(text, 1, true)), err.message)
            assert.equal("; nothing was sent.", err.message:sub(-19))
        end
        local function at(name) return ('"%s": '):format(file(name)) end
        local ca, none = file "ca.pem", "file.not_found"
        is("tls.ca_file", 'tls.ca_file: "/not/there": there is no such file', { ca_file = "/not/there" }, none)
        is("tls.ca_file", 'tls.ca_file: "/": it is a folder', { ca_file = "/" }, none)
        is("tls.ca_file", "tls.ca_file: " .. at "bad.pem" .. "line 11: this is no certificate",
            { ca_file = file "bad.pem" })
        is("tls.ca_file", "tls.ca_file: " .. at "cut.pem" .. "line 1: the certificate that begins here has no end",
            { ca_file = file "cut.pem" })
        is("tls.ca_file", "tls.ca_file: " .. at "text.pem" .. "there is no certificate", { ca_file = file "text.pem" })
        is("tls.ca_file", "tls.ca_file: " .. at "empty.pem" .. "there is no cert", { ca_file = file "empty.pem" })
        is("tls.ca_file", "tls.ca_file: has a NUL octet", { ca_file = "a\0b" })
        is("tls.ca", "tls.ca: line 11: this is no certificate", { ca = certs.text "bad.pem" })
        is("tls.ca", "tls.ca: there is no certificate in it", { ca = "/etc/ca.pem" })
        is("tls.ca", "tls.ca: is empty", { ca = "" })
        is("tls.ca_path", 'tls.ca_path: "/not/there": there is no such folder', { ca_path = "/not/there" }, none)
        is("tls.ca_path", 'tls.ca_path: "' .. child.root() .. 'docs": no file of the folder holds a certificate',
            { ca_path = child.root() .. "docs" }, none)
        is("tls.cert", 'tls.cert: "/not/there": there is no such file', { ca_file = ca, cert = "/not/there" }, none)
        is("tls.cert", 'tls.cert: "0client.pem": there is no such file', { ca_file = ca, cert = "0client.pem" }, none)
        is("tls.cert", ('tls.cert: "/%s/last.pem": there is no such file'):format(("x"):rep(9)),
            { ca_file = ca, cert = ("/" .. ("x"):rep(50)):rep(3) .. "/" .. ("x"):rep(9) .. "/last.pem" }, none)
        is("tls.cert", "tls.cert: the key needs its certificate", { ca_file = ca, key = file "client.key" })
        is("tls.cert", "tls.cert: " .. at "cut.pem" .. "line 1:", { ca_file = ca, cert = file "cut.pem" })
        is("tls.key", "tls.key: the certificate needs its key", { ca_file = ca, cert = certs.text "client.pem" })
        is("tls.key", "tls.key: " .. at "client.pem" .. "this is no private key",
            { ca_file = ca, cert = file "client.pem" })
        is("tls.key", "tls.key: " .. at "server.key" .. "the key is not that of the certificate in tls.cert",
            { ca_file = ca, cert = file "client.pem", key = file "server.key" })
        is("tls.key", "tls.key: the key is not that of the certificate in tls.cert",
            { ca_file = ca, cert = file "client.pem", key = certs.text "server.key" })
        for _, pin in ipairs { "sha256//abc", "md5//" .. ("A"):rep(22) .. "==", certs.pin() .. ";x" } do
            is("tls.pin", "tls.pin: \"", { pin = pin })
        end
        for _, pin in ipairs { "", {} } do is("tls.pin", "tls.pin: is empty", { pin = pin }) end
        is("tls.server_name", 'tls.server_name: "a b": it is no host name', { ca_file = ca, server_name = "a b" })
        is("tls.server_name", 'tls.server_name: "": a name is needed', { ca_file = ca, server_name = "" })
        is("tls.server_name", 'tls.server_name: "żółw。pl": the name is not ASCII', { ca_file = ca,
            server_name = "żółw。pl" }) -- row G04
        is("tls.server_name", "tls.server_name: has a NUL octet", { ca_file = ca, server_name = "a\0b" })
        is("tls.min_version", 'tls.min_version: "1.1" is none of "1.2" and "1.3"',
            { ca_file = ca, min_version = "1.1" })
        for _, one in ipairs { "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_PSK_WITH_AES_128_GCM_SHA256", "ECDHE" } do
            is("tls.ciphers", ('tls.ciphers: "%s": no cipher suite that posta takes'):format(one),
                { ca_file = ca, ciphers = { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", one } })
        end
        is("tls.ciphers", 'tls.ciphers: "": no cipher suite', { ca_file = ca, ciphers = {} })
    end)

    it("names the place when it stood in one", function()
        local err = fails("file.not_found", "tls.ca_file",
            posta.send({ host = "mail.example.org", tls = { ca_file = "/not/there" } }, support.mail()))
        assert.equal('mail.example.org:465: tls.ca_file: "/not/there": there is no such file; nothing was sent.',
            err.message)
        fails("file.not_found", "tls.ca_file",
            posta.send("smtps://mail.example.org?ca_file=/not/there", support.mail()))
        err = fails("field.invalid", "tls.ca_file",
            posta.connect("smtps://mail.example.org?ca_file=" .. file "bad.pem"))
        assert.truthy(err.message:find("bad.pem\": line 11: ", 1, true), err.message)
        err = fails("file.not_found", "tls.ca_file", posta.connect { host = "127.0.0.1",
            tls = { ca_file = "/not/there" } })
        assert.equal(1, (err.message:find("127.0.0.1:587: ", 1, true)), err.message)
        fails("field.invalid", "ca_file", posta.connect { url = implicit().url .. "?ca_file=" .. file "ca.pem",
            tls = { ca_file = file "ca.pem" } })
    end)
end)
