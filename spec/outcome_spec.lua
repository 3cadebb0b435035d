-- Bytes that a transport's write took count, whatever happens before posta hears of it: a mail whose dot may be
-- with the server is never called unsent.

local posta = require "posta"
local memory = require "spec.support.memory"
local socket = require "socket"
local support = require "spec.support.posta"

local function where(server, more)
    local all = { host = "mail.lan", security = "none", transport = server.transport }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

local function pack(...) return { n = select("#", ...), ... } end

-- A server in memory; `after(count)` runs inside the write that took the dot, whose answer it may give.
local function server_with(after)
    local server = memory.new()
    local write = server.transport.write
    local is_done = false
    server.transport.write = function(bytes)
        local n = write(bytes)
        if #server.texts == 0 or is_done then return n end
        is_done = true
        local answer = pack(after(n))
        if answer.n == 0 then return n end
        return (table.unpack or unpack)(answer, 1, answer.n)
    end
    return server
end

local function unknown(code, server, ...)
    local err = support.fails(code, nil, ...)
    assert.equal(1, #server.texts)
    assert.equal("unknown", err.outcome, err.message)
    assert.is_nil(err.message:find("nothing was sent", 1, true), err.message)
    return err
end

describe("the dot is with the transport", function()
    it("and its write fails with a count", function()
        local server = server_with(function(n) return nil, "closed", n end)
        -- The server's answer is there already, and is read.
        local receipt, message = posta.send(where(server), support.mail())
        assert(receipt, message)
        assert.equal("accepted", receipt.outcome)
    end)

    it("and its write gives no count at all", function()
        local server = server_with(function() return "all of it" end)
        local conn = assert(posta.connect(where(server)))
        support.raises("transport.write: expected a count of bytes", conn.send, conn, support.mail())
        local err = support.fails("cancelled", nil, conn:send(support.mail()))
        assert.truthy(err.message:find("may or may not have been delivered", 1, true), err.message)
    end)

    it("and the session is cancelled inside write", function()
        local conn
        local server = server_with(function() conn:cancel() end)
        conn = assert(posta.connect(where(server)))
        unknown("cancelled", server, conn:send(support.mail()))
    end)

    it("and the session is closed inside write", function()
        local conn
        local server = server_with(function() conn:close() end)
        conn = assert(posta.connect(where(server)))
        unknown("cancelled", server, conn:send(support.mail()))
        assert.equal("closed", server.state)
    end)

    it("and a session step by step is closed inside write", function()
        local s
        local server = server_with(function() s:close() end)
        s = assert(posta.session(where(server)))
        assert(s:connect())
        assert(s:sender "ana@example.org")
        assert(s:recipient "bob@example.org")
        assert(s:begin_message {})
        assert(s:body "hi\n")
        unknown("cancelled", server, s:end_message())
    end)

    it("and the total time runs out inside write", function()
        local server = server_with(function() socket.sleep(0.3) end)
        unknown("timeout.total", server, posta.send(where(server, { timeout = { total = 0.2 } }), support.mail()))
    end)

    it("and the time of a write runs out inside it", function()
        local server = server_with(function() socket.sleep(0.3) end)
        local receipt, message = posta.send(where(server, { timeout = { block = 0.2 } }), support.mail())
        assert(receipt, message)
    end)

    it("and a job is cancelled when the time of its step was over", function()
        local server = server_with(function() socket.sleep(0.02) end)
        local job = assert(posta.start(where(server), support.mail()))
        while #server.texts == 0 do assert.is_false(job:step(0.005)) end
        job:cancel()
        local done, receipt, message, err
        repeat done, receipt, message, err = job:step(0.005) until done
        unknown("cancelled", server, receipt, message, err)
    end)

    it("and a non-blocking session is cancelled", function()
        local server = server_with(function() socket.sleep(0.02) end)
        local s = assert(posta.session(where(server, { blocking = false })))
        s:connect()
        for _ = 1, 20 do s:execute() end
        s:send(support.mail())
        repeat s:execute(0.005) until #server.texts > 0
        s:cancel()
        local state, message, err
        repeat state, message, err = s:execute() until state ~= "in_progress"
        unknown("cancelled", server, state, message, err)
    end)

    it("and the host's engine is closed inside write", function()
        local engine
        local server = server_with(function() engine:close() end)
        engine = assert(posta.engine { host = "mail.lan", security = "none" })
        server.transport.open()
        unknown("cancelled", server, posta.pump(engine,
            { read = server.transport.read, write = server.transport.write }, support.mail()))
    end)
end)

describe("a session closed inside write", function()
    it("while it connects", function()
        local server, s = memory.new(), nil
        server.on_write = function() s:close() end
        s = assert(posta.session(where(server)))
        local err = support.fails("cancelled", nil, s:connect())
        assert.truthy(err.message:find("the session was closed while it was working", 1, true), err.message)
        assert.equal("closed", server.state)
    end)

    it("that writes a part of QUIT does not write it again", function()
        local server, s, said = memory.new(), nil, ""
        local write = server.transport.write
        server.transport.write = function(bytes)
            if bytes:sub(1, 4) ~= "QUIT" then return write(bytes) end
            said = said .. bytes:sub(1, 4)
            s:close()
            return 4
        end
        s = assert(posta.session(where(server)))
        assert(s:connect())
        s:disconnect()
        assert.equal("QUIT", said)
    end)
end)
