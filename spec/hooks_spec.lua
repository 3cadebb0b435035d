-- The hooks: resolve, transport, on_progress, wait. Each may yield, and each may say no.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local child = require "spec.support.child"
local memory = require "spec.support.memory"
local peer = require "spec.support.peer"
local socket = require "socket"
local support = require "spec.support.posta"
local fails = support.fails

describe("resolve", function()
    local function with(c, resolve, more)
        local all = { host = "somewhere.lan", port = c.port, security = "none", resolve = resolve }
        for name, value in pairs(more or {}) do all[name] = value end
        return all
    end

    it("is asked for the place that the session was moved to, and what goes wrong names it", function()
        local asked
        local s = assert(posta.session { host = "first.lan", port = 1, resolve = function(host, port)
            asked = host .. " " .. port
            return nil, "nobody"
        end })
        fails("dns.failed", nil, s:connect { host = "second.lan", port = 2 })
        assert.equal("second.lan 2", asked)
        local _, message = s:connect { host = "third.lan", port = 0 }
        assert.truthy(message:find("second.lan:2: ", 1, true), message)
        s:close()
        s = assert(posta.session { host = "first.lan", resolve = function(host, port)
            asked = host .. " " .. port
            return nil, "nobody"
        end })
        assert(s:set_option("tls_mode", "tls"))
        fails("dns.failed", nil, s:connect { host = "third.lan" })
        assert.equal("third.lan 465", asked)
        s:close()
    end)

    it("is asked for host and port, and its addresses are connected to", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local asked = {}
        local function resolve(host, port)
            asked[#asked + 1] = host .. " " .. port
            return { "127.0.0.1" }
        end
        local receipt, message = posta.send(with(c, resolve), support.mail())
        assert(receipt, message)
        local conn = assert(posta.connect(with(c, resolve)))
        assert(conn:send(support.mail()))
        assert(conn:quit())
        local s = assert(posta.session(with(c, resolve, { blocking = false })))
        s:connect()
        assert.equal(2, #asked)
        local state
        repeat state = s:execute() until state ~= "in_progress"
        assert.equal(true, state)
        s:close()
        assert.same({ "somewhere.lan " .. c.port, "somewhere.lan " .. c.port, "somewhere.lan " .. c.port }, asked)
        -- One that does not answer is no obstacle.
        assert(posta.send(with(c, function() return { "127.0.0.9", "127.0.0.1" } end), support.mail()))
        assert(posta.send(with(c, function() return "127.0.0.1" end), support.mail()))
    end)

    it("may yield", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local co = coroutine.create(function()
            return posta.send(with(c, function() return coroutine.yield "asked" end), support.mail())
        end)
        local _, what = coroutine.resume(co)
        assert.equal("asked", what)
        local ok, receipt = coroutine.resume(co, { "127.0.0.1" })
        assert(ok, receipt)
        assert.equal("accepted", receipt.outcome)
    end)

    it("may fail, with its own words", function()
        local here = { port = 25 }
        local function no(...)
            local given = { ... }
            return fails("dns.failed", nil, posta.send(with(here, function()
                return (table.unpack or unpack)(given)
            end), support.mail()))
        end
        local err = no(nil, "the moon is in the way")
        assert.truthy(err.message:find("the moon is in the way", 1, true), err.message)
        assert.equal("resolve", err.stage)
        no {}
        no()
        err = no { "mail.example.org" }
        assert.truthy(err.message:find('"mail.example.org", which is no numeric address', 1, true), err.message)
        no { "127.0.0.1", 7 }
        support.raises("resolve: expected a list of addresses, got number", no, 7)
        support.raises("broken", posta.connect, with(here, function() error("broken", 0) end))
    end)

    it("is not asked for an address", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        assert(posta.send({ host = "127.0.0.1", port = c.port, resolve = error }, support.mail()))
    end)
end)

describe("transport", function()
    local function where(server, more)
        local all = { host = "mail.lan", port = 2525, security = "none", transport = server.transport }
        for name, value in pairs(more or {}) do all[name] = value end
        return all
    end

    it("carries posta.send and posta.connect", function()
        local server = memory.new()
        local receipt, message = posta.send(where(server), support.mail())
        assert(receipt, message)
        assert.equal("mail.lan", server.host)
        assert.equal(2525, server.port)
        assert.equal("closed", server.state)
        assert.equal("QUIT", server.lines[#server.lines])
        local conn = assert(posta.connect(where(server)))
        assert.equal(2, server.opened)
        for _ = 1, 3 do assert(conn:send(support.mail())) end
        assert(conn:noop())
        assert(conn:quit())
        assert.equal(4, #server.texts)
        conn = assert(posta.connect(where(server)))
        conn:close()
        assert.equal("closed", server.state)
        assert.equal("QUIT", server.lines[#server.lines])
    end)

    it("may be as narrow as one octet", function()
        local server = memory.new({ EHLO = "250-x\r\n250 PIPELINING" }, { takes = 1, gives = 1 })
        local to = {}
        for i = 1, 50 do to[i] = ("r%d@example.org"):format(i) end
        local receipt, message = posta.send(where(server), support.mail { to = to })
        assert(receipt, message)
        assert.equal(50, #receipt.accepted)
    end)

    it("tells an honest outcome wherever it breaks", function()
        for _, case in ipairs { { "GREETING", "not_sent" }, { "EHLO", "not_sent" }, { "MAIL", "not_sent" },
            { "RCPT", "not_sent" }, { "DATA", "not_sent" }, { "TEXT", "unknown" } } do
            local server = memory.new { [case[1]] = "CLOSE" }
            local err = fails("connection.lost", nil, posta.send(where(server), support.mail()))
            assert.equal(case[2], err.outcome, case[1])
            assert.equal("closed", server.state)
        end
        -- A write that fails in the middle of the text: the dot never went out.
        local server = memory.new()
        local write = server.transport.write
        server.transport.write = function(bytes)
            if server.text then return nil, "closed" end
            return write(bytes)
        end
        local err = fails("connection.lost", nil, posta.send(where(server), support.mail()))
        assert.equal("not_sent", err.outcome)
    end)

    it("may refuse to open, in its own words", function()
        local server = memory.new()
        server.transport.open = function() return nil, "the tunnel is down" end
        local err = fails("connect.failed", nil, posta.send(where(server), support.mail()))
        assert.truthy(err.message:find("the tunnel is down", 1, true), err.message)
        assert.equal("not_sent", err.outcome)
        err = fails("connect.failed", nil, posta.connect(where(server)))
        assert.truthy(err.message:find("the tunnel is down", 1, true), err.message)
    end)

    it("is waited for by its own wait, or by the wait hook", function()
        local server, waits = memory.new(), {}
        local ready, read = false, server.transport.read
        server.transport.read = function()
            if not ready then return nil, "timeout" end
            ready = false
            return read()
        end
        server.transport.wait = function(events, seconds)
            waits[#waits + 1] = events
            assert.equal("number", type(seconds))
            ready = true
            return true
        end
        assert(posta.send(where(server), support.mail()))
        assert.truthy(#waits > 3)
        assert.equal("r", waits[1])
        server = memory.new { MAIL = false }
        local err = fails("cancelled", nil, posta.send(where(server, { wait = function(s)
            assert.is_nil(s:pollfd())
            if #server.lines > 1 then return nil, "enough" end
            return true
        end }), support.mail()))
        assert.truthy(err.message:find("enough", 1, true), err.message)
    end)

    it("may be secure by itself, and then needs no TLS of ours", function()
        local server = memory.new()
        server.transport.secure = true
        local receipt, message = posta.send({ host = "mail.example.org", transport = server.transport },
            support.mail())
        assert(receipt, message)
        server.transport.secure = nil
        fails("tls.not_tls", nil, posta.send({ host = "mail.example.org", transport = server.transport },
            support.mail()))
    end)

    it("that misbehaves is found out", function()
        local function broken(name, ...)
            local server, given = memory.new(), { ... }
            server.transport[name] = function() return (table.unpack or unpack)(given) end
            return posta.send, where(server), support.mail()
        end
        support.raises("transport.read: expected string, got number", broken("read", 7))
        support.raises("transport.write: expected a count of bytes from 0 to", broken("write", 1e9))
        support.raises("transport.write: expected a count of bytes from 0 to", broken("write", 1.5))
        local server = memory.new()
        server.transport.read = function() return "" end
        fails("connection.lost", nil, posta.send(where(server), support.mail()))
    end)

    it("hears what came before it was asked", function()
        local server = memory.new()
        local conn = assert(posta.connect(where(server)))
        server.out, server.has_ended = "421 4.3.2 going down\r\n", true
        local err = fails("connection.lost", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
    end)
end)

describe("on_progress", function()
    it("tells how far it is, up to the whole", function()
        local server, calls = memory.new({}, { takes = 4000 }), {}
        assert(posta.send({ host = "x.lan", security = "none", transport = server.transport,
            on_progress = function(sent, total) calls[#calls + 1] = { sent, total } end },
            support.mail { text = ("line\n"):rep(30000) }))
        assert.truthy(#calls > 10, #calls)
        local last = calls[#calls]
        assert.equal(last[1], last[2])
        assert.truthy(last[1] > 180000)
        for i = 2, #calls do assert(calls[i][1] > calls[i - 1][1]) end
    end)

    it("does not know the whole of a body that is a function", function()
        local server, n, total = memory.new(), 0, true
        assert(posta.send({ host = "x.lan", security = "none", transport = server.transport,
            on_progress = function(_, t) total = t end },
            support.mail { text = function()
                n = n + 1
                return n < 5 and "line\n" or nil
            end }))
        assert.is_nil(total)
    end)
end)

describe("waiting", function()
    it("of a blocking session ends within 1.5 s of Ctrl-C", function()
        local p = peer.play(nil, "S: 220 hello\nC: /^EHLO /\nS: 250 ok\nC: NOOP\nSTALL\n")
        finally(p.stop)
        for _, code in ipairs {
            ([[local s = assert(posta.session { url = %q }) assert(s:connect()) print "waiting" io.flush() s:noop()]])
                :format(p.url),
        } do
            local process = child.start({ child.interpreter(), "-e",
                'local posta = require "posta" ' .. code })
            process:wait_for "waiting()"
            p.said "C: NOOP"
            socket.sleep(0.05)          -- by now it waits for the answer
            local began = socket.gettime()
            os.execute("kill -INT " .. process.pid)
            local status = process:wait_end(5)
            local took = socket.gettime() - began
            local said = process:complaints()
            process:stop()
            assert.equal(1, status, said)
            assert.truthy(said:find("interrupted!", 1, true), said)
            assert.truthy(took < 1.5, took)
        end
    end)

    it("lets count hooks have their turn", function()
        local p = peer.play(nil, "S: 220 hello\nC: /^EHLO /\nSTALL\n")
        finally(p.stop)
        local began, fired = socket.gettime(), false
        local co = coroutine.create(function()
            debug.sethook(function()
                if fired or socket.gettime() - began <= 0.5 then return end
                fired = true            -- LuaJIT's hooks are every coroutine's
                error("time is up", 0)
            end, "", 1)
            return posta.connect(p.url)
        end)
        -- Compiled traces run no hooks, and those that exist run on when the compiler is off.
        if _G.jit then _G.jit.off() _G.jit.flush() end
        local ok, why = coroutine.resume(co)
        debug.sethook()
        if _G.jit then _G.jit.on() end
        assert.is_false(ok)
        assert.equal("time is up", why)
        assert.truthy(socket.gettime() - began < 5)
    end)
end)
