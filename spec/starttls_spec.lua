-- STARTTLS over a transport that brings its own TLS.

local posta = require "posta"
local certs = require "spec.support.certs"
local memory = require "spec.support.memory"
local support = require "spec.support.posta"
local fails = support.fails

local OFFERS = "250-memory\r\n250 STARTTLS"

-- A server whose TLS is a wish: `server.names` are the names that starttls was called with.
local function secure_server(replies, answer)
    replies.STARTTLS = replies.STARTTLS == nil and "220 go" or replies.STARTTLS
    replies.EHLO = replies.EHLO or { OFFERS, "250 memory" }
    local server = memory.new(replies)
    server.names = {}
    server.transport.starttls = function(name)
        server.names[#server.names + 1] = name
        if answer then return answer(#server.names) end
        return true
    end
    return server
end

local function where(server, more)
    local all = { host = "mail.example.org", security = "starttls", transport = server.transport }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

describe("a transport with starttls", function()
    it("is asked for it behind the 220, and EHLO is said again", function()
        local server, seen = secure_server {}, {}
        local receipt, message = posta.send(where(server, { on_event = function(_, event)
            seen[#seen + 1] = event
        end }), support.mail())
        assert(receipt, message)
        assert.same({ "mail.example.org" }, server.names)
        assert.equal("STARTTLS", server.lines[2])
        assert.equal("EHLO", server.lines[3]:match "^%a+")
        assert.equal("secure_ok connected recipient_ack sent disconnected", table.concat(seen, " "))
    end)

    it("may take its time, and may yield", function()
        local server = secure_server({}, function(n)
            if n < 3 then return nil, "again" end
            return coroutine.yield "shaking hands"
        end)
        local s = assert(posta.session(where(server, { blocking = false })))
        s:connect()
        local co = coroutine.create(function()
            local state, text
            repeat state, text = s:execute() until state ~= "in_progress"
            return state, text
        end)
        assert.same({ true, "shaking hands" }, { coroutine.resume(co) })
        assert.same({ true, true }, { coroutine.resume(co, true) })
        assert.equal(3, #server.names)
        s:close()
    end)

    it("that cannot make it secure ends the connection, in its own words", function()
        local server, seen = secure_server({}, function() return nil, "the certificate is for a cat" end), {}
        local err = fails("tls.handshake", nil, posta.send(where(server, { on_event = function(_, event, info)
            seen[event] = info
        end }), support.mail()))
        assert.truthy(err.message:find("the certificate is for a cat", 1, true), err.message)
        assert.equal("not_sent", err.outcome)
        assert.equal("tls.handshake", seen.secure_fail.err.code)
        assert.equal("closed", server.state)
    end)

    it("is not asked when the server says no, and nothing goes out in clear text", function()
        local server = secure_server { STARTTLS = "454 not now", EHLO = "250 memory" }
        local none, _, err = posta.send(where(server), support.mail())
        assert.is_nil(none)
        assert.equal("not_sent", err.outcome)
        assert.same({}, server.names)
        assert.falsy(table.concat(server.lines, " "):find("MAIL", 1, true))
    end)
end)

-- Row A01: what comes behind the 220 in a segment of its own is seen by the last read before the ClientHello.
describe("octets behind the 220", function()
    local TLS = { ca_file = certs.file "ca.pem" }

    -- Each line written has its answer, which one read gives; once all were given, the next has `behind`.
    local function injecting(behind)
        local answers = { "220 hello\r\n", "250 STARTTLS\r\n", "220 go\r\n" }
        local wire = { written = "", n = 0, tries = 0 }
        function wire.read(_, seconds)
            local _, lines = wire.written:gsub("\r\n", "")
            if wire.n == #answers then
                wire.tries = wire.tries + 1
                if behind then
                    local given = behind
                    behind = nil
                    return given
                end
                if wire.tries > 1 then return nil, "closed" end
            elseif wire.n <= lines then
                wire.n = wire.n + 1
                return answers[wire.n]
            end
            assert(seconds == 0, "waits for nothing")
            return ""
        end
        function wire.write(bytes)
            wire.written = wire.written .. bytes
            return #bytes
        end
        return wire
    end

    local function target(wire, more)
        local w = { host = "mail.example.org", port = 587, security = "starttls", hello = "x.example", tls = TLS }
        if wire then w.transport = { read = wire.read, write = wire.write } end
        for name, value in pairs(more or {}) do w[name] = value end
        return w
    end

    local WAYS = {
        send = function(wire) return posta.send(target(wire), support.mail()) end,
        ["wait hook"] = function(wire)
            return posta.send(target(wire, { wait = function() return true end }), support.mail())
        end,
        execute = function(wire)
            local s = assert(posta.session(target(wire, { blocking = false })))
            s:connect()
            local done, message, err
            repeat done, message, err = s:execute() until done ~= "in_progress"
            s:close()
            return done, message, err
        end,
        pump = function(wire)
            return posta.pump(assert(posta.engine(target())), { read = wire.read, write = wire.write }, support.mail())
        end,
    }

    for name, way in pairs(WAYS) do
        it("are an error before the handshake: " .. name, function()
            local wire = injecting "250 x\r\n"
            local err = fails("protocol.error", nil, way(wire))
            assert.equal("not_sent", err.outcome)
            assert.equal("EHLO x.example\r\nSTARTTLS\r\n", wire.written)
        end)

        it("are looked for once, and the handshake begins: " .. name, function()
            local wire = injecting(nil)
            fails("tls.handshake", nil, way(wire))
            assert.equal("\r\nSTARTTLS\r\n\22\3", wire.written:match("\r\nSTARTTLS\r\n.."))
            assert.equal(2, wire.tries)                 -- that one, and the one for the ServerHello
        end)
    end
end)
