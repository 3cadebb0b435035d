-- Logging in, turn by turn: functions that yield, cancel, close and raise; sessions that share them; a second
-- login over the same connection. Over servers in memory.

local core = require "posta.core"
local posta = require "posta"
local memory = require "spec.support.memory"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local SECONDS = 5               -- whatever goes wrong, nothing here waits longer

-- PLAIN's answer for these, as it stands in AUTH.
local LINE = { old = "AUTH PLAIN AGFuYQBvbGQ=", new = "AUTH PLAIN AGFuYQBuZXc=", bob = "AUTH PLAIN AGJvYgBuZXc=" }

local function server_of(replies)
    local server = memory.new(replies)
    server.replies.EHLO = server.replies.EHLO or "250-memory\r\n250 AUTH PLAIN"
    server.replies.AUTH = server.replies.AUTH or "235 ok"
    server.transport.secure = true
    return server
end

local function session_to(server, auth, more)
    local w = { host = "m.example.org", transport = server.transport, auth = auth, timeout = SECONDS }
    for name, value in pairs(more or {}) do w[name] = value end
    return assert(posta.session(w))
end

-- Executes `n` times at most, or until it ends.
local function execute(s, n)
    for _ = 1, n do
        local state, text, err = s:execute()
        if state ~= "in_progress" then return state, text, err end
    end
    return "in_progress"
end

local function auths(server)
    local list = {}
    for _, line in ipairs(server.lines) do
        if line:find "^AUTH" then list[#list + 1] = line end
    end
    return list
end

-- A table whose function says what `answers` says, one after the other, the last again; and how often it was asked.
local function asking(answers)
    local auth = { user = "ana" }
    local calls = 0
    function auth.password()
        calls = calls + 1
        local answer = answers[math.min(calls, #answers)]
        if type(answer) == "function" then return answer() end
        return answer
    end
    return auth, function() return calls end
end

local function yielding(answer)
    return function()
        coroutine.yield()
        return answer
    end
end

-- A session in a coroutine of its own that waits inside its function.
local function owner_of(auth, server)
    local own = session_to(server, auth, { blocking = false })
    own:connect()
    local co = coroutine.create(function() return execute(own, 100) end)
    assert(coroutine.resume(co))
    assert.equal("suspended", coroutine.status(co))
    return own, co
end

-- One whose coroutine nobody has; the session itself, if it is held, or nil. A function of its own: no register of
-- the caller's may hold what is to be collected.
local function left_owner(auth, is_held)
    local own = owner_of(auth, server_of {})
    return is_held and own or nil
end

describe("a second login over a transport", function()
    for name, more in pairs {
        ["that waits itself"] = {},
        ["with a wait"] = { wait = true },
        ["without waiting"] = { blocking = false },
    } do
        it(name .. " goes over the connection that stands", function()
            local server = server_of { AUTH = { "535 no", "235 ok" } }
            if more.wait then server.transport.wait = function() return true end end
            local s = session_to(server, { user = "ana", password = "old" }, { blocking = more.blocking })
            local function connected(...)
                if ... == "in_progress" then return execute(s, 500) end
                return ...
            end
            fails("auth.rejected", nil, connected(s:connect()))
            assert.equal(true, (connected(s:connect { user = "bob", password = "new" })))
            assert.same({ LINE.old, LINE.bob }, auths(server))
            assert.equal(1, server.opened)
            s:close()
        end)
    end
end)

describe("an answer", function()
    it("of a login that was cancelled is not the next one's", function()
        for _, more in ipairs { {}, { blocking = false } } do
            local server = server_of {}
            local s
            local auth, calls = asking { function()
                s:cancel()
                return "old"
            end, "new" }
            s = session_to(server, auth, more)
            local function connected(...)
                if ... == "in_progress" then return execute(s, 500) end
                return ...
            end
            local err = fails("cancelled", nil, connected(s:connect()))
            assert.equal("m.example.org:465: cancelled; nothing was sent.", err.message)
            assert.equal("auth", err.stage)
            assert.equal(true, (connected(s:connect())))
            assert.equal(2, calls())
            assert.same({ LINE.new }, auths(server))
        end
    end)

    it("to a challenge is not one to another server's", function()
        local challenges, s = {}, nil
        local server = server_of { EHLO = "250-memory\r\n250 AUTH X-OWN", AUTH = { "334 Zmlyc3Q=", "334 c2Vjb25k" },
            QTI = "235 ok" }                -- A2
        s = session_to(server, { custom = { { name = "X-OWN", step = function(challenge)
            challenges[#challenges + 1] = challenge
            if #challenges == 1 then s:cancel() end
            return "A" .. #challenges
        end } } })
        fails("cancelled", nil, s:connect())
        assert.equal(true, (s:connect()))
        assert.same({ "first", "second" }, challenges)
    end)

    it("is not asked for behind a cancel, nor before there is a connection", function()
        local challenges, passwords = {}, 0
        local server = server_of { EHLO = { "250-memory\r\n250 AUTH X-OWN", "250-memory\r\n250 AUTH PLAIN" },
            AUTH = { "334 Zmlyc3Q=", "235 ok" } }
        local s = session_to(server, { user = "ana", custom = { { name = "X-OWN", step = function(challenge)
            challenges[#challenges + 1] = challenge
            error "boom"
        end } }, password = function()
            passwords = passwords + 1
            return passwords == 1 and "old" or "new"
        end }, { blocking = false })
        s:connect()
        assert.is_false((pcall(execute, s, 100)))
        s:cancel()
        fails("cancelled", nil, execute(s, 100))
        s:connect()
        assert.equal(true, (execute(s, 100)))
        assert.same({ "first" }, challenges)
        assert.equal(2, passwords)
        assert.same({ "AUTH X-OWN", LINE.new }, auths(server))
    end)

    it("is not asked for again after an error, or a time that ran out, before there is a connection", function()
        for _, more in ipairs { {}, { blocking = false }, { blocking = false, timeout = 0.05 } } do
            local opened, server = {}, server_of {}
            local function boom()
                opened[#opened + 1] = server.opened
                if more.timeout then return coroutine.yield() end
                error "boom"
            end
            local s = session_to(server, (asking { boom, function()
                opened[#opened + 1] = server.opened
                return "new"
            end }), more)
            local co = coroutine.create(function() return s:connect() == "in_progress" and execute(s, 100) end)
            assert.equal(more.timeout ~= nil, (coroutine.resume(co)))
            if more.timeout then
                local last = os.clock() + 0.06
                while os.clock() < last do end
                assert(coroutine.resume(co, "old"))
                assert.equal("dead", coroutine.status(co))
            elseif s:option "blocking" then
                fails("state", nil, s:noop())           -- which cleans up behind the error
                assert.is_nil((core.session.asks_login(s)))
            else
                s:cancel()
                fails("cancelled", nil, execute(s, 100))
            end
            assert(s:connect())
            execute(s, 100)
            assert.same({ 1, 2 }, opened)
            assert.same({ LINE.new }, auths(server))
        end
    end)

    it("that is none is told once, not of the next login", function()
        local s
        local auth = asking { function() return nil, "the keyring is locked" end, function()
            s:cancel()
            return "new"
        end }
        s = session_to(server_of {}, auth)
        local first = fails("cancelled", nil, s:connect())
        assert.truthy(first.message:find("the keyring is locked", 1, true), first.message)
        local second = fails("cancelled", nil, s:connect())
        assert.falsy(second.message:find("keyring", 1, true), second.message)
    end)

    it("that is none behind a refusal stands with the server's words", function()
        local server = server_of { EHLO = "250-memory\r\n250 AUTH XOAUTH2", AUTH = "535 5.7.8 expired" }
        local s = session_to(server, { user = "ana", token = function(why)
            if why == "first" then return "old" end
            return nil, "no newer one"
        end })
        local err = fails("auth.rejected", nil, s:connect())
        assert.truthy(err.message:find("535 5.7.8 expired", 1, true), err.message)
        assert.truthy(err.message:find("(auth.token: no newer one)", 1, true), err.message)
    end)

    it("that is too long is named with its size", function()
        local auth = asking { ("x"):rep(9300) }
        local err = fails("limit", "auth.password", session_to(server_of {}, auth):connect())
        assert.truthy(err.message:find("auth.password has 9300 octets", 1, true), err.message)
        local own = { custom = { { name = "X-OWN", first = true, step = function() return ("x"):rep(9300) end } } }
        local server = server_of { EHLO = "250-memory\r\n250 AUTH X-OWN" }
        err = fails("limit", nil, session_to(server, own):connect())
        assert.truthy(err.message:find("answer is longer", 1, true), err.message)
    end)

    it("that comes too late says what became of the mail", function()
        local server = server_of {}
        local auth = asking { function()
            local last = os.clock() + 0.06
            while os.clock() < last do end
            return "old"
        end }
        local err = fails("timeout.total", nil, posta.send({ host = "m.example.org", transport = server.transport,
            auth = auth, timeout = 0.03 }, support.mail()))
        assert.truthy(err.message:find("nothing was sent", 1, true), err.message)
        assert.equal("auth", err.stage)
    end)
end)

describe("sessions that share one table", function()
    it("wait for one answer, and each asks again for its next login", function()
        local auth, calls = asking { yielding "old", "new" }
        local server = server_of {}
        local own, co = owner_of(auth, server_of {})
        local s = session_to(server, auth, { blocking = false })
        s:connect()
        assert.equal("in_progress", execute(s, 50))
        assert(own and coroutine.resume(co))
        assert.equal(true, (execute(s, 50)))
        assert.equal(1, calls())
        s:disconnect()
        execute(s, 50)
        s:connect()
        assert.equal(true, (execute(s, 50)))
        assert.equal(2, calls())
        assert.same({ LINE.old, LINE.new }, auths(server))
    end)

    it("take no answer that came when they had been cancelled", function()
        local auth, calls = asking { yielding "old", "new" }
        local server = server_of {}
        local own, co = owner_of(auth, server_of {})
        local s = session_to(server, auth, { blocking = false })
        s:connect()
        assert.equal("in_progress", execute(s, 50))
        s:cancel()
        fails("cancelled", nil, execute(s, 50))
        assert(own and coroutine.resume(co))
        s:connect()
        assert.equal(true, (execute(s, 50)))
        assert.equal(2, calls())
        assert.same({ LINE.new }, auths(server))
    end)

    it("do not wait for one that was closed or cancelled", function()
        for _, stop in ipairs { "close", "cancel" } do
            local auth, calls = asking { yielding "old", "new" }
            local server = server_of {}
            local own, co = owner_of(auth, server_of {})
            local s = session_to(server, auth, { blocking = false })
            s:connect()
            assert.equal("in_progress", execute(s, 50))
            own[stop](own)
            assert.equal(true, (execute(s, 50)))
            assert.equal(2, calls())
            assert.same({ LINE.new }, auths(server))
            assert(coroutine.resume(co))
        end
    end)

    it("do not wait for one whose coroutine is gone", function()
        for _, is_held in ipairs { true, false } do
            local auth, calls = asking { yielding "old", "new" }
            local server = server_of {}
            local held = left_owner(auth, is_held)
            local s = session_to(server, auth, { blocking = false })
            s:connect()
            if is_held then assert.equal("in_progress", execute(s, 50)) end
            for _ = 1, 3 do collectgarbage() end
            assert.equal(true, (execute(s, 50)))
            assert.equal(2, calls())
            -- Nor is that one busy for ever.
            if held then fails("state", nil, held:noop()) end
        end
    end)

    it("do not wait for themselves", function()
        local auth, calls = asking { function() error "boom" end, "new" }
        local server = server_of {}
        local s = session_to(server, auth, { blocking = false })
        s:connect()
        assert.is_false((pcall(execute, s, 50)))
        assert.equal(true, (execute(s, 50)))
        assert.equal(2, calls())
        local inner
        auth, calls = asking { function()
            inner = session_to(server_of {}, auth, { wait = function() return true end })
            assert(inner:connect())
            return "old"
        end, "new" }
        assert.equal(true, (session_to(server, auth, { wait = function() return true end }):connect()))
        assert.equal(2, calls())
    end)

    it("ask for themselves by hand", function()
        local auth, calls = asking { yielding "old", "new" }
        local own, co = owner_of(auth, server_of {})
        local server = server_of {}
        local io = server.transport
        io.open()
        local e = assert(posta.engine { host = "m.example.org", security = "none", insecure_auth = true, auth = auth })
        for _ = 1, 50 do
            local wants = e:wants()
            if wants.write then e:sent(io.write(e:pending())) end
            if wants.read then e:receive((io.read()) or "") end
            while e:next_event() do end
        end
        assert.equal(2, calls())
        -- Nor are others led astray by it.
        local s = session_to(server_of {}, auth, { blocking = false })
        s:connect()
        assert.equal("in_progress", execute(s, 50))
        assert(own and coroutine.resume(co))
        assert.equal(true, (execute(s, 50)))
        assert.equal(2, calls())
        assert.same({ LINE.new }, auths(server))
    end)

    it("ask for themselves where nothing waits", function()
        local auth, calls = asking { yielding "old", yielding "new" }
        local function io_of(server)
            local read = server.transport.read
            return { write = server.transport.write, read = function()
                coroutine.yield()
                return read()
            end }
        end
        local threads, servers = {}, { server_of {}, server_of {}, server_of {}, server_of {} }
        for i, server in ipairs(servers) do
            threads[i] = coroutine.create(function()
                if i > 2 then
                    server.transport.read = io_of(server).read
                    return assert(session_to(server, auth):connect())
                end
                server.transport.open()
                local e = assert(posta.engine { host = "m.example.org", security = "none", insecure_auth = true,
                    auth = auth, timeout = SECONDS })
                return assert(posta.pump(e, io_of(server), support.mail()))
            end)
        end
        for _ = 1, 200 do
            for _, co in ipairs(threads) do
                if coroutine.status(co) ~= "dead" then assert(coroutine.resume(co)) end
            end
        end
        for _, co in ipairs(threads) do assert.equal("dead", coroutine.status(co)) end
        assert.equal(4, calls())
    end)
end)

describe("an engine that its function closes", function()
    local function engine(io)
        local e
        local auth = asking { function()
            e:close()
            return "old"
        end }
        e = assert(posta.engine { host = "m.example.org", security = "none", insecure_auth = true, auth = auth })
        io.open()
        return e
    end

    it("has not sent, by posta.pump", function()
        local io = server_of {}.transport
        local err = fails("cancelled", nil, posta.pump(engine(io), { read = io.read, write = io.write },
            support.mail()))
        assert.truthy(err.message:find("the engine was closed", 1, true), err.message)
        assert.equal("not_sent", err.outcome)
    end)

    it("wants nothing, by hand", function()
        local io = server_of {}.transport
        local e = engine(io)
        for _ = 1, 50 do
            local wants = e:wants()
            if e:state() == "closed" then
                assert.same({}, wants)
                return
            end
            if wants.write then e:sent(io.write(e:pending())) end
            if wants.read then e:receive((io.read()) or "") end
            while e:next_event() do end
        end
        error "it asked nothing"
    end)
end)

describe("the login of connect", function()
    it("goes with another host", function()
        local server = server_of {}
        local s = session_to(server, { user = "ana", password = "old" })
        assert(s:connect { host = "other.example.org", user = "bob", password = "new" })
        assert.equal("other.example.org", server.host)
        assert.same({ LINE.bob }, auths(server))
    end)

    it("stays as it was when the host is wrong", function()
        local server = server_of {}
        local s = session_to(server, { user = "ana", password = "old" })
        fails("field.invalid", "host", s:connect { host = "no host", user = "bob", password = "new" })
        assert(s:connect())
        assert.same({ LINE.old }, auths(server))
    end)

    it("is looked at", function()
        local s = session_to(server_of {}, { user = "ana", password = "old" })
        local err = fails("field.invalid", "user", s:connect { user = ("u"):rep(256), password = "x" })
        assert.truthy(err.message:find("256 octets, at most 255", 1, true), err.message)
        fails("field.invalid", "password", s:connect { user = "ana", password = ("x"):rep(256) })
        assert(s:connect { user = ("u"):rep(255), password = "x" })
        assert(s:disconnect())
        assert(s:connect { user = "u", password = ("x"):rep(255) })
        err = fails("state", "user", session_to(server_of {}):connect { user = "ana", password = "x" })
        assert.truthy(err.message:find("made to log in nobody", 1, true), err.message)
        local server = server_of {}
        assert(session_to(server, {}):connect { user = "bob", password = "new" })
        assert.same({ LINE.bob }, auths(server))
    end)
end)

describe("a table of names", function()
    it("is no list of mechanisms", function()
        local function make(auth) return posta.session { host = "m.example.org", auth = auth } end
        local one = { name = "X-OWN", step = print }
        raises("where.auth.custom: expected a list of mechanisms, got one; write { { name =, step = } }", make,
            { user = "ana", password = "x", custom = one })
        raises("where.auth.custom: expected a list of mechanisms", make, { custom = { own = one } })
        raises("where.auth.custom: expected a list of mechanisms", make, { custom = { [2] = one } })
        raises("where.auth.mechanisms: expected a list of names", make, { mechanisms = { LOGIN = true } })
        raises("where.auth.mechanisms[1]: expected string, got boolean", make, { mechanisms = { true } })
    end)
end)

describe("a transport that is secure", function()
    it("is asked for no STARTTLS, unless security says so", function()
        for _, security in ipairs { false, "starttls" } do
            local asked = false
            local server = server_of { STARTTLS = "220 go", EHLO = "250-memory\r\n250-STARTTLS\r\n250 AUTH PLAIN" }
            function server.transport.starttls()
                asked = true
                return true
            end
            assert(posta.session { url = "smtp://m.example.org", transport = server.transport, timeout = SECONDS,
                security = security or nil, auth = { user = "ana", password = "old" } }:connect())
            assert.equal(security == "starttls", asked)
        end
    end)

    it("leads where C says, by host and by URL", function()
        for _, w in ipairs { { host = "m.example.org" }, { url = "smtps://m.example.org" } } do
            local server = server_of { EHLO = "250 memory" }
            w.transport, w.timeout = server.transport, SECONDS
            w.auth = { user = "ana", password = "old" }
            local s = assert(posta.session(w))
            local by_lua = fails("field.invalid", nil, s:connect { user = "ana" })
            local by_c = fails("auth.unavailable", nil, s:connect())
            assert.truthy(by_lua.message:find("^m.example.org:465: "), by_lua.message)
            assert.truthy(by_c.message:find("^m.example.org:465: "), by_c.message)
            assert.equal(465, server.port)
        end
    end)
end)
