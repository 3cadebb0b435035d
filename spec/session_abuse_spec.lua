-- What no well-behaved program does to a session: any argument anywhere, hooks of the debugger that raise at
-- any instruction, errors in the transport, collection at any moment. Errors are fine; a crash, a mail
-- that is told wrong, or a session that cannot be closed is not.

local posta = require "posta"
local memory = require "spec.support.memory"
local support = require "spec.support.posta"
local fails = support.fails

local seed = 7
local function random(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
end

local function session_to(server, options)
    local all = { host = "mail.lan", security = "none", transport = server.transport, blocking = false }
    for name, value in pairs(options or {}) do all[name] = value end
    return assert(posta.session(all))
end

local METHODS = { "connect", "disconnect", "reset", "noop", "sender", "recipient", "begin_message", "body",
    "end_message", "execute", "set_option", "option", "set_socket_option", "set_user_data", "user_data",
    "last_response", "read_timer", "pollfd", "events", "timeout", "getfd", "dirty", "send", "cancel", "close",
    "quit", "take_event", "is_connected", "capabilities" }

local VALUES = {
    "", "x", "a\0b", ("long "):rep(3000), "to", "bcc", "a@b.org", "Ana <a@b.org>", "timeout.command", "hello",
    "blocking", "keepalive", 0, 1, 2, -1, 0.5, 2 ^ 31, 2 ^ 53, -2 ^ 63, 1e300, 1 / 0, -1 / 0, 0 / 0, true, false,
    {}, { "x" }, { address = "a@b.org" }, { address = "a@b.org", type = "cc" }, { address = "x\r\ny" },
    { subject = "x" }, { subject = "a\nb" }, { date = 1e12 }, { mime = true }, { host = "127.0.0.1" },
    setmetatable({}, { __index = function() error "no" end }), print, coroutine.create(function() end), io.stdout,
    { from = "a@x.org", to = "b@x.org", text = "x" },
}

describe("a session", function()
    it("survives any call with any arguments", function()
        local server = memory.new()
        local s = session_to(server)
        for round = 1, 4000 do
            local name = METHODS[random(#METHODS)]
            if name ~= "close" and name ~= "quit" or round % 7 == 0 then
                local args, n = {}, random(5) - 1
                for i = 1, n do args[i] = VALUES[random(#VALUES)] end
                local ok, why = pcall(s[name], s, (table.unpack or unpack)(args, 1, n))
                assert(ok or type(why) == "string", name)
            end
            if round % 3 == 0 then pcall(s.execute, s) end
            if round % 40 == 0 then
                s:close()
                s = session_to(server, { blocking = random(2) == 1 })
                pcall(s.connect, s)
            end
        end
        s:close()
    end)

    it("raises at each method when it is closed, but for close, dirty and is_connected", function()
        local s = session_to(memory.new())
        s:close()
        for _, name in ipairs(METHODS) do
            local ok, why = pcall(s[name], s)
            if name == "close" or name == "dirty" or name == "is_connected" then
                assert.is_true(ok, why)
            else
                assert.is_false(ok, name)
                assert.truthy(why:find(name .. ": session is closed", 1, true), why)
            end
            ok, why = pcall(s[name], {})
            assert.is_false(ok, name)
            assert.truthy(why:find("expected connection, got table", 1, true), why)
        end
    end)

    it("is closed by <close>, transport and all", function()
        local chunk = (_G.loadstring or load)([[
            local posta, server = ...
            local s <close> = posta.session { host = "x.lan", security = "none", transport = server.transport }
            assert(s:connect())
        ]])
        if not chunk then return end            -- before Lua 5.4
        local server = memory.new()
        chunk(posta, server)
        assert.equal("closed", server.state)
        assert.equal("QUIT", server.lines[#server.lines])
    end)

    it("works while the collector runs at every turn", function()
        for _ = 1, 5 do
            local server = memory.new({}, { takes = 100, gives = 5 })
            server.on_read, server.on_write = collectgarbage, collectgarbage
            local s = session_to(server, { blocking = true, on_event = function() collectgarbage() end })
            assert(s:connect())
            assert(s:send(support.mail { text = ("x\n"):rep(300) }))
            assert(s:sender "a@x.org")
            assert(s:recipient "b@x.org")
            assert(s:begin_message {})
            assert(s:body(("y\n"):rep(300)))
            assert(s:end_message())
        end
        collectgarbage()
    end)

    it("outlives the coroutine that made it", function()                        -- row M04
        local server, seen = memory.new(), {}
        local s
        local co = coroutine.create(function()
            s = session_to(server, { on_event = function(_, event) seen[#seen + 1] = event end })
            s:connect()
            s:execute()
        end)
        assert(coroutine.resume(co))
        co = nil                                                                -- luacheck: ignore
        for _ = 1, 3 do collectgarbage() end
        for _ = 1, 10 do s:execute() end
        s:noop()
        for _ = 1, 10 do s:execute() end
        assert.same({ "connected", "noop_ack" }, seen)
        s:close()
    end)

    it("takes ten thousand recipients", function()                              -- row M18
        local server, to = memory.new(), {}
        for i = 1, 10000 do to[i] = ("r%d@example.org"):format(i) end
        local s = session_to(server, { blocking = true })
        assert(s:connect())
        local receipt = assert(s:send(support.mail { to = to }))
        assert.equal(10000, #receipt.accepted)
        assert.equal("r10000@example.org", receipt.recipients[10000].address)
        s:close()
    end)
end)

describe("a hook of the debugger that raises at the n-th instruction", function()
    -- Runs call in a coroutine whose count hook raises once.
    local function interrupted(n, call)
        local co = coroutine.create(call)
        local function hook()
            debug.sethook()
            error("interrupted", 0)
        end
        if _G.jit then
            return coroutine.resume(coroutine.create(function()
                debug.sethook(hook, "", n)
                call()
                debug.sethook()
            end))
        end
        debug.sethook(co, hook, "", n)
        return coroutine.resume(co)
    end

    it("leaves a job that ends, and tells the truth", function()
        if _G.jit then _G.jit.off() end
        for n = 1, 900, 3 do
            local server = memory.new()
            local job = assert(posta.start({ host = "mail.lan", security = "none", timeout = { command = 0.05,
                greeting = 0.05, data = 0.05, result = 0.05 }, transport = server.transport }, support.mail()))
            interrupted(n, function()
                repeat local done = job:step() until done
            end)
            debug.sethook()
            local done, receipt, _, err
            repeat done, receipt, _, err = job:step() until done
            if receipt then
                assert.equal("accepted", receipt.outcome)
                assert.equal(1, #server.texts)
            else
                assert.truthy(err and err.code, n)
                if err.outcome == "not_sent" then assert.equal(0, #server.texts, n .. " " .. tostring(err)) end
            end
        end
        if _G.jit then _G.jit.on() end
    end)

    it("leaves a blocking session that can be closed", function()
        if _G.jit then _G.jit.off() end
        for n = 1, 900, 7 do
            local server = memory.new()
            local s = session_to(server, { blocking = true, timeout = { command = 0.05 } })
            interrupted(n, function()
                s:connect()
                s:send(support.mail())
                s:sender "a@x.org"
                s:noop()
            end)
            debug.sethook()
            s:noop()
            assert.equal(true, s:close())
        end
        if _G.jit then _G.jit.on() end
    end)
end)

describe("an error in the transport", function()
    it("loses the connection, and a mail that may be there is unknown", function()
        for _, blocking in ipairs { false, true } do
            for _, case in ipairs { { "write", "unknown" }, { "read", "unknown" } } do
                local server = memory.new()
                local s = session_to(server, { blocking = blocking })
                local plain = server.transport
                local function all(state, text, err)
                    if state ~= "in_progress" then return state, text, err end
                    repeat state, text, err = s:execute() until state ~= "in_progress"
                    return state, text, err
                end
                -- Once the dot was written, the next call raises.
                local hurt = false
                local before = { read = plain.read, write = plain.write }
                server.transport = nil
                s:close()
                s = assert(posta.session { host = "mail.lan", security = "none", blocking = blocking, transport = {
                    open = plain.open, close = plain.close,
                    read = function()
                        if case[1] == "read" and #server.texts == 1 and not hurt then
                            hurt = true
                            error("broken", 0)
                        end
                        return before.read()
                    end,
                    write = function(bytes)
                        local n = before.write(bytes)
                        if case[1] == "write" and #server.texts == 1 and not hurt then
                            hurt = true
                            error("broken", 0)
                        end
                        return n
                    end,
                } })
                assert.equal(true, (all(s:connect())))
                local ok, why = pcall(function() return all(s:send(support.mail())) end)
                assert.is_false(ok)
                assert.equal("broken", why)
                if not blocking then
                    local err = fails("connection.lost", nil, all(s:execute()))
                    assert.equal(case[2], err.outcome)
                end
                assert.equal(true, (all(s:connect())))
                assert.equal(true, (all(s:noop())))
                s:close()
            end
        end
    end)
end)
