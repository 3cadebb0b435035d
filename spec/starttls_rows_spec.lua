-- Servers that misbehave around STARTTLS, over real sockets: not an octet of ours goes out in clear text behind it.
-- Rows A01 to A08 and A12.

local posta = require "posta"
local certs = require "spec.support.certs"
local peer_of = require "spec.support.tls_peer"
local support = require "spec.support.posta"
local fails = support.fails

local peers

local function where(peer, security)
    return { host = "127.0.0.1", port = peer.port, security = security or "starttls", timeout = 20,
        tls = { ca_file = certs.file "ca.pem" } }
end

-- What is sent to a peer that plays `dialogue`; it must have been played to its end.
local function sent(dialogue, security)
    local peer = peers.play(dialogue)
    local receipt, message, err = posta.send(where(peer, security), support.mail())
    local ok, transcript = peer.result()
    assert(ok, transcript .. tostring(message))
    return receipt, message, err
end

local HELLO = "S: 220 hello\nC: ^EHLO\nS: 250-here\nS: 250 STARTTLS\nC: ^STARTTLS$\n"

describe("STARTTLS", function()
    setup(function() peers = peer_of.start { cert = certs.file "server.pem", key = certs.file "server.key" } end)
    teardown(function() peers.stop() end)

    it("with octets behind its answer ends the connection before a ClientHello (A01)", function()
        for _, tail in ipairs { "250-x\\r\\n250 AUTH PLAIN\\r\\n", "250-SMTPUTF8 X\\x20", "\\n", "\\x20" } do
            local dialogue = HELLO .. "SAY 220 go\\r\\n" .. tail .. "\nGONE\n"
            local err = fails("protocol.error", nil, sent(dialogue))
            assert.equal("not_sent", err.outcome)
        end
    end)

    it("that is answered before it is said is no TLS (A02)", function()
        local dialogue = "S: 220 hello\nC: ^EHLO\nSAY 250 STARTTLS\\r\\n220 go\\r\\n\nGONE\n"
        local err = fails("protocol.error", nil, sent(dialogue))
        assert.equal("not_sent", err.outcome)
    end)

    it("that is refused, in any way, ends the connection (A03)", function()
        for _, answer in ipairs { "454 not now", "502 no", "500 what", "501 how", "530 no", "421 bye" } do
            local dialogue = HELLO .. "S: " .. answer .. "\nGONE\n"
            local none, message, err = sent(dialogue)
            assert.is_nil(none)
            assert.equal("not_sent", err.outcome)
            assert.truthy(err.code == "tls.unavailable" or err.code == "connection.lost", err.code .. message)
        end
        for _, answer in ipairs { "354 go", "221 bye", "250 ok", "334 x" } do
            local none, message, err = sent(HELLO .. "S: " .. answer .. "\nGONE\n")
            assert.is_nil(none)
            assert.truthy(err.code == "tls.unavailable" or err.code == "protocol.error", err.code .. message)
        end
    end)

    it("is said where it is required, offered or not, and is known by its whole name (A03, A04)", function()
        for _, line in ipairs { "250 SIZE", "250 STARTTLSX", "250 XSTARTTLS", "250 NO STARTTLS" } do
            local dialogue = "S: 220 hello\nC: ^EHLO\nS: 250-here\nS: " .. line .. "\nC: ^STARTTLS$\nS: 502 no\nGONE\n"
            local err = fails("tls.unavailable", nil, sent(dialogue))
            assert.truthy(err.message:find("the server offers no STARTTLS; nothing was sent.", 1, true), err.message)
        end
    end)

    it("that is only opportunistic goes on in clear text where it is not offered", function()
        for _, line in ipairs { "250 SIZE", "250 STARTTLSX", "250 XSTARTTLS" } do
            local dialogue = ("S: 220 hello\nC: ^EHLO\nS: 250-here\nS: %s\nC: ^MAIL\nS: 250 ok\nC: ^RCPT\nS: 250 ok\n"
                .. "C: ^DATA\nS: 354 go\nTEXT\nS: 250 ok\nC: ^QUIT\nS: 221 bye\n"):format(line)
            local receipt, message = sent(dialogue, "opportunistic")
            assert(receipt, message)
            assert.is_false(receipt.tls)
        end
    end)

    it("forgets what was offered before it, and is not said again (A05, A06)", function()
        local receipt, message = sent(HELLO .. "S: 220 go\nTLS\nC: ^EHLO\nS: 250-here\nS: 250 STARTTLS\nC: ^MAIL\n"
            .. "S: 250 ok\nC: ^RCPT\nS: 250 ok\nC: ^DATA\nS: 354 go\nTEXT\nS: 250 ok\nC: ^QUIT\nS: 221 bye\n")
        assert(receipt, message)
        assert.is_true(receipt.tls.verified)
    end)
end)

describe("a port of the other kind (A12)", function()
    setup(function() peers = peer_of.start { cert = certs.file "server.pem", key = certs.file "server.key" } end)
    teardown(function() peers.stop() end)

    it("is told: clear text for a handshake, and the reverse", function()
        local peer = peers.play "S: 220 hello\nGONE\n"
        local err = fails("tls.not_tls", nil, posta.send(where(peer, "tls"), support.mail()))
        assert.truthy(err.hint:find("smtp://127.0.0.1:" .. peer.port, 1, true), err.hint)
        peer = peers.play(HELLO .. "S: 220 go\nHELLO\nRAW 250 what\\r\\n\nGONE\n")
        err = fails("tls.not_tls", nil, posta.send(where(peer), support.mail()))
        assert.truthy(err.hint:find("agreed to STARTTLS", 1, true), err.hint)
        assert.falsy(err.hint:find(tostring(peer.port), 1, true), err.hint)
        peer = peers.play "RAW \\x15\\x03\\x01\\x00\\x02\\x02\\x46\nGONE\n"
        err = fails("tls.unexpected", nil, posta.send(where(peer, "starttls"), support.mail()))
        assert.truthy(err.hint:find("smtps://127.0.0.1:" .. peer.port, 1, true), err.hint)
    end)
end)
