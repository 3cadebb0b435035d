-- STARTTLS over a transport that brings its own TLS.

local posta = require "posta"
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
