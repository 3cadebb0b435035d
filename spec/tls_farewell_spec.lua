-- How a server is left that posta speaks TLS to, by posta.pump and by sessions over a Lua transport: QUIT and
-- close_notify go out though nobody waits for them, and octets of a message that was given up do not.

local posta = require "posta"
local certs = require "spec.support.certs"
local open = require("spec.support.tls_wire").open
local support = require "spec.support.posta"
local tls_peer = require "spec.support.tls_peer"
local socket = require "socket"

local HELLO = "S: 220 hello\nC: ^EHLO\nS: 250 ok\n"
local TEXT = "C: ^MAIL\nS: 250 ok\nC: ^RCPT\nS: 250 ok\nC: ^DATA\nS: 354 go\nTEXT\nS: 250 kept\n"

local peers

setup(function() peers = tls_peer.start { cert = certs.file "server.pem", key = certs.file "server.key" } end)
teardown(function() peers.stop() end)

-- What is to be done to a server that plays `dialogue` in each version of TLS: act(where, wire).
local function with(dialogue, act, may_end_early)
    for _, version in ipairs { "", " 1.2" } do
        local peer = peers.play(("TLS%s\n"):format(version) .. dialogue)
        local wire = open(peer.port)
        act({ host = "127.0.0.1", port = peer.port, security = "tls", tls = { ca_file = certs.file "ca.pem" } }, wire)
        local ok, transcript = peer.result()
        assert(ok or may_end_early, transcript)
        assert.equal(1, wire.closed)
    end
end

describe("posta.pump with posta's TLS", function()
    local function pump(where, wire)
        return posta.pump(assert(posta.engine(where)), wire.io, support.mail())
    end

    it("says close_notify behind QUIT", function()
        with(HELLO .. TEXT .. "C: ^QUIT$\nS: 221 bye\nNOTIFIED", function(...) assert(pump(...)) end)
    end)

    it("does not wait for a server that says nothing to QUIT", function()
        with(HELLO .. TEXT .. "C: ^QUIT$\nNOTIFIED", function(w, wire)
            w.timeout = { quit = 0.1 }
            assert(pump(w, wire))
        end)
    end)

    it("says it also when the mail was refused", function()
        with(HELLO .. "C: ^MAIL\nS: 550 no\nC: ^QUIT$\nS: 221 bye\nNOTIFIED", function(...)
            support.fails("sender.refused", nil, pump(...))
        end)
    end)

    it("takes the server's close_notify for the end, and hears no clear text behind it (A10)", function()
        for reply, code in pairs { ["S: 250 kept"] = false, [""] = "connection.lost" } do
            local text = TEXT:gsub("S: 250 kept", reply)
            with(HELLO .. text .. "NOTIFY\nRAW 250 raw\\r\\n221 raw\\r\\n\nCLOSE", function(...)
                local receipt, _, err = pump(...)
                if not code then return assert.equal("accepted", receipt.outcome) end
                assert.is_nil(receipt)
                assert.equal(code, err.code)
                assert.equal("unknown", err.outcome)
            end)
        end
        with(HELLO .. "C: ^MAIL\nNOTIFY\nRAW 250 raw\\r\\n\nCLOSE", function(...)
            local err = support.fails("connection.lost", nil, pump(...))
            assert.equal("not_sent", err.outcome)
        end)
    end)
end)

describe("over a Lua transport, a session with posta's TLS", function()
    local function by_session(dialogue, act, may_end_early)
        with(dialogue, function(w, wire)
            w.transport = wire.transport
            act(w, wire)
        end, may_end_early)
    end

    it("says close_notify behind QUIT", function()
        by_session(HELLO .. TEXT .. "C: ^QUIT$\nS: 221 bye\nNOTIFIED", function(w)
            assert(posta.send(w, support.mail()))
        end)
        by_session(HELLO .. "C: ^QUIT$\nS: 221 bye\nNOTIFIED", function(w) assert(posta.connect(w)):quit() end)
        by_session(HELLO .. "C: ^QUIT$\nNOTIFIED", function(w)
            w.timeout = { quit = 0.1 }
            assert(posta.connect(w)):quit()
        end)
    end)

    it("says QUIT when it is closed or refused, and does not wait", function()
        by_session(HELLO .. "C: ^QUIT$\nGONE", function(w) assert(posta.connect(w)):close() end)
        by_session("S: 554 no\nC: ^QUIT$\nGONE", function(w)
            support.fails("greeting.refused", nil, posta.connect(w))
        end)
        by_session(HELLO .. "C: ^QUIT$\nGONE", function(w)
            w.blocking = false
            local s = assert(posta.session(w))
            s:connect()
            repeat local state = s:execute() until state ~= "in_progress"
            s:close()
        end)
    end)

    it("writes no octet of a mail that was given up", function()
        local function give_up(w, wire)
            local is_stuck, late = false, 0
            wire.on_write = function(_, bytes)
                is_stuck = is_stuck or #bytes > 4096
                if is_stuck == "over" then late = late + #bytes end
                return is_stuck == true and 0 or nil
            end
            w.wait = function()
                if not is_stuck then return socket.sleep(0.001) or true end
                is_stuck = "over"
                return nil, "enough"
            end
            local err = support.fails("cancelled", nil, posta.send(w, support.mail { text = ("y "):rep(9000) }))
            assert.equal("not_sent", err.outcome)
            assert.equal(0, late)
        end
        by_session(HELLO .. TEXT, give_up, true)
        local peer = peers.play(HELLO .. TEXT)
        local wire = open(peer.port)
        give_up({ host = "127.0.0.1", port = peer.port, transport = wire.transport }, wire)
    end)
end)
