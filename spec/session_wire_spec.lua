-- posta.session over sockets: the classic failures of clients, each with its event, its code and what
-- became of the mail; pollfd, and texts that are larger than any buffer.

local posta = require "posta"
local peer = require "spec.support.peer"
local catcher = require "spec.support.catcher"
local child = require "spec.support.child"
local socket = require "socket"
local support = require "spec.support.posta"
local fails = support.fails

-- Waits as hosts do: by pollfd, events and timeout.
local function poll(s)
    local one = { getfd = function() return s:getfd() end, dirty = function() return s:dirty() end }
    local seconds = math.min(s:timeout() or 1, 1)
    if s:getfd() < 0 then return socket.sleep(math.min(seconds, 0.01)) end
    socket.select(s:events():find "r" and { one }, s:events():find "w" and { one }, seconds)
end

local function finish(s)
    local last = socket.gettime() + 15
    while true do
        local state, text, err = s:execute()
        if state ~= "in_progress" then return state, text, err end
        assert(socket.gettime() < last, "it does not end")
        poll(s)
    end
end

-- A non-blocking session to a peer that plays `dialogue`, and the names of its events.
local function session_to(dialogue, options)
    local p = peer.play(nil, dialogue)
    local seen = {}
    local all = { url = p.url, blocking = false, on_event = function(_, event, info)
        seen[#seen + 1] = event
        seen[event] = info
    end }
    for name, value in pairs(options or {}) do all[name] = value end
    return assert(posta.session(all)), seen, p
end

local function did(s, state, text, err)
    assert(state, text)
    if state ~= "in_progress" then return state, text, err end
    return finish(s)
end

local HELLO = "S: 220 hello\nC: /^EHLO /\nS: 250 ok\n"
local TEXT = HELLO .. "C: /^MAIL/\nS: 250 ok\nC: /^RCPT/\nS: 250 ok\nC: DATA\nS: 354 go\n"

-- Connects and goes to begin_message, which must work.
local function begin(s)
    did(s, s:connect())
    did(s, s:sender "ana@example.org")
    did(s, s:recipient "bob@example.org")
    assert.equal(true, (did(s, s:begin_message { subject = "x" })))
end

after_each(peer.stop_all)

describe("a connection", function()
    it("that is refused", function()
        local server = assert(socket.bind("127.0.0.1", 0))
        local _, port = server:getsockname()
        server:close()
        local seen = {}
        local s = assert(posta.session { host = "127.0.0.1", port = tonumber(port), blocking = false,
            on_event = function(_, event) seen[#seen + 1] = event end })
        local err = fails("connect.refused", nil, did(s, s:connect()))
        assert.equal("not_sent", err.outcome)
        assert.same({ "failed" }, seen)
    end)

    it("to a name that is not there", function()
        local seen = {}
        local s = assert(posta.session { host = "no-such-host.invalid", security = "none", blocking = false,
            on_event = function(_, event) seen[#seen + 1] = event end })
        local began = socket.gettime()
        assert.equal("in_progress", s:connect())
        assert.truthy(socket.gettime() - began < 0.2)
        fails("dns.failed", nil, finish(s))
        assert.same({ "failed" }, seen)
    end)

    it("that is cancelled while the name is looked for", function()
        local s = assert(posta.session { host = "no-such-host.invalid", security = "none", blocking = false })
        s:connect()
        s:execute()
        s:cancel()
        local _, _, err = finish(s)
        assert.truthy(err.code == "cancelled" or err.code == "dns.failed", err.code)
        s:close()
    end)

    for name, case in pairs {
        ["is closed before the greeting"] = { "CLOSE", "connection.lost" },
        ["is reset before the greeting"] = { "SLEEP 0.1\nRST", "connection.lost" },
        ["greets with nonsense"] = { "RAW: HTTP/1.1 400 Bad Request\\r\\n\\r\\n", "protocol.error" },
        ["greets with half a line"] = { "RAW: 220 he\nCLOSE", "connection.lost" },
        ["refuses in the greeting"] = { "S: 554 no\nC: QUIT", "greeting.refused", "server_error" },
        ["puts off in the greeting"] = { "S: 421 later\nC: QUIT", "greeting.refused", "server_retry" },
        ["is silent in the greeting"] = { "STALL", "timeout.greeting", "timeout" },
        ["is closed in the middle of EHLO's reply"] =
            { "S: 220 hello\nC: /^EHLO/\nS: 250-x\nCLOSE", "connection.lost" },
        ["answers what was not asked"] =
            { "GLUE\nS: 220 hello\nS: 250 early\nC: /^EHLO/\nS: 250 x", nil },
    } do
        it("that " .. name, function()
            local is_short = case[2] == "timeout.greeting"
            local s, seen = session_to(case[1], { timeout = { greeting = is_short and 0.1 or 5 } })
            local state, _, err = did(s, s:connect())
            if not case[2] then return end
            assert.is_nil(state)
            assert.equal(case[2], err.code)
            assert.equal(case[3] or "failed", seen[#seen])
            assert.equal(1, #seen)
            assert.is_false(s:is_connected())
            assert.is_nil(s:pollfd())
        end)
    end

    it("is up with one descriptor, and gives it back", function()
        local s = session_to(HELLO .. "C: QUIT\nS: 221 bye")
        assert.is_nil(s:pollfd())
        assert.equal(-1, s:getfd())
        did(s, s:connect())
        assert.equal("number", type(s:pollfd()))
        assert.equal(s:pollfd(), s:getfd())
        did(s, s:disconnect())
        assert.is_nil(s:pollfd())
    end)

    it("leaves no descriptor behind, and no child inherits one", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        -- Counted here: another process that looks may see a pipe that popen is about to close.
        local function mine()
            local n = 0
            for fd = 0, 255 do
                local file = io.open("/proc/self/fdinfo/" .. fd)
                if file then n = n + 1 file:close() end
            end
            return n
        end
        -- A look-up that nobody waits for any more ends by itself; its thread opens and closes what it likes.
        local function wait_for_lookups()
            local last = socket.gettime() + 20
            while not child.read_file("/proc/self/status"):find "\nThreads:%s*1\n" do
                assert(socket.gettime() < last, "a look-up does not end")
                socket.sleep(0.01)
            end
        end
        local function inherited() return tonumber(child.run "ls /proc/self/fd | wc -l") end
        -- Until what other specs left behind is gone: garbage, and look-ups that nobody waits for.
        local function collect()
            local last, n, deadline = -1, mine(), socket.gettime() + 20
            while n ~= last and socket.gettime() < deadline do
                for _ = 1, 3 do collectgarbage() end
                socket.sleep(0.2)
                last, n = n, mine()
            end
        end
        collect()
        wait_for_lookups()
        local before, before_inherited = mine(), inherited()
        -- In a coroutine of its own: no register of a stack that lives on keeps the last one.
        local function use()
            local open = {}
            for i = 1, 10 do
                open[i] = assert(posta.session { url = c.url, blocking = false })
                did(open[i], open[i]:connect())
            end
            assert.truthy(mine() >= before + 10)
            assert.equal(before_inherited, inherited())
            for i = 1, 5 do open[i]:close() end
        end
        coroutine.wrap(use)()
        collect()
        assert.equal(before, mine())
        for _, url in ipairs { "smtp://127.0.0.1:1", "smtp://localhost:1?security=none" } do
            local s = assert(posta.session { url = url, blocking = false })
            assert.is_nil((did(s, s:connect())))
            s:connect()
            s:execute()
            s:close()
        end
        wait_for_lookups()
        assert.equal(before, mine())
    end)

    it("takes options of its sockets", function()
        local s = session_to(HELLO .. "C: QUIT")
        assert.equal(true, s:set_socket_option("keepalive", true))
        assert.equal(true, s:set_socket_option("rcvbuf", 8192))
        fails("field.invalid", "ttl", s:set_socket_option("ttl", 300))
        local err = fails("field.invalid", "rcvbuf", s:set_socket_option("rcvbuf", 2 ^ 40))
        assert.truthy(err.message:find("expected a whole number from 0 to 2147483647", 1, true), err.message)
        if child.run("uname"):find "Linux" then
            local other = assert(posta.session { host = "127.0.0.1" })
            assert.equal(true, other:set_socket_option("priority", 1))
            assert.equal(true, other:set_socket_option("mark", 1))
            assert.equal(true, other:set_socket_option("bindtodevice", "lo"))
            fails("field.invalid", "bindtodevice", other:set_socket_option("bindtodevice", ("x"):rep(16)))
            support.raises("socket option.bindtodevice: expected string, got number", other.set_socket_option, other,
                "bindtodevice", 1)
        end
        assert.equal(true, (did(s, s:connect())))
        fails("state", "keepalive", s:set_socket_option("keepalive", false))
        s:close()
    end)
end)

describe("a message", function()
    for name, case in pairs {
        ["whose MAIL is not answered"] = { "MAIL", "STALL", "timeout.command" },
        ["lost behind MAIL"] = { "MAIL", "CLOSE", "connection.lost" },
        ["lost behind RCPT"] = { "RCPT", "CLOSE", "connection.lost" },
        ["reset behind DATA"] = { "DATA", "RST", "connection.lost" },
        ["with a partial reply to MAIL"] = { "MAIL", "RAW: 25\nCLOSE", "connection.lost" },
        ["with a bad reply to MAIL"] = { "MAIL", "S: what", "protocol.error" },
        ["with 250 to DATA"] = { "DATA", "S: 250 ok", "protocol.error" },
        ["with 354 to RCPT"] = { "RCPT", "S: 354 early", "protocol.error" },
    } do
        it(name .. " is not sent", function()
            local dialogue = (TEXT:gsub("C: /?%^?" .. case[2 - 1] .. ".*$", function(rest)
                return rest:match "^[^\n]*\n" .. case[2]
            end))
            local s, seen = session_to(dialogue, { timeout = {
                command = case[3] == "timeout.command" and 0.2 or 5 } })
            did(s, s:connect())
            local steps = {
                { "MAIL", function() return s:sender "ana@example.org" end },
                { "RCPT", function() return s:recipient "bob@example.org" end },
                { "DATA", function() return s:begin_message {} end },
            }
            for _, step in ipairs(steps) do
                local state, _, err = did(s, step[2]())
                if step[1] == case[1] then
                    assert.is_nil(state)
                    assert.equal(case[3], err.code)
                    assert.equal("not_sent", err.outcome)
                    assert.equal(case[3]:match "^timeout" and "timeout" or "failed", seen[#seen])
                    break
                end
                assert.equal(true, state)
            end
        end)
    end

    it("is unknown when the connection is lost behind the dot", function()
        for _, how in ipairs { "CLOSE", "RST", "STALL" } do
            local s, seen = session_to(TEXT .. "TEXT\n" .. how, { timeout = { result = how == "STALL" and 0.1 or 5 } })
            begin(s)
            s:body "hi\n"
            local _, _, err = did(s, s:end_message())
            assert.equal("unknown", err.outcome, how)
            assert.equal("duplicate_risk", err.retry)
            assert.equal(how == "STALL" and "timeout" or "failed", seen[#seen])
        end
    end)

    it("lost in the middle of its text is not sent", function()
        local s, seen, p = session_to(TEXT .. "HOLD text\nRST")
        begin(s)
        local text = (("x"):rep(78) .. "\n"):rep(200000)
        local last, at, err = socket.gettime() + 10, 0
        repeat
            local why
            at, why, err = s:body(text, at % #text + 1)
            if at then s:execute() end
            p.open "text"
            assert(socket.gettime() < last, why)
        until not at
        assert.equal("connection.lost", err.code)
        assert.equal(0, s:timeout())
        s:execute()
        assert.equal("failed", seen[#seen])
    end)

    it("refused early, in the middle of its text, is told as refused", function()
        local s, seen, p = session_to(TEXT .. "S: 552 5.3.4 too much\nHOLD heard\nCLOSE")
        begin(s)
        p.said "# holds heard"
        local text = (("x"):rep(78) .. "\n"):rep(100)
        s:body(text)
        local state, _, err = s:end_message()
        if state == "in_progress" then state, _, err = finish(s) else s:execute() end
        assert.is_nil(state)
        assert.equal("not_sent", err.outcome)
        assert.equal("message.refused", err.code)
        assert.truthy(seen.server_error)
        p.open "heard"
    end)

    it("of 5 MB goes out inside begin_ack, whole", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local line = ("m"):rep(76) .. "\n"
        local text = line:rep(math.floor(5 * 2 ^ 20 / #line))
        local ended = false
        local s = assert(posta.session { url = c.url, blocking = false, on_event = {
            begin_ack = function(s)
                local at = 0
                while at < #text do at = assert(s:body(text, at + 1)) end
                assert.equal("in_progress", s:end_message())
            end,
            end_ack = function() ended = true end,
        } })
        did(s, s:connect())
        did(s, s:sender "ana@example.org")
        did(s, s:recipient "bob@example.org")
        assert.equal(true, (did(s, s:begin_message { subject = "5 MB" })))
        assert.is_true(ended)
        did(s, s:disconnect())
        local raw = c:wait(1)[1].raw
        assert.equal(#text + select(2, text:gsub("\n", "")), #raw:match "\r\n\r\n(.*)$")
    end)

    it("for 100 recipients costs no sleeps", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local n = 0
        local s = assert(posta.session { url = c.url, blocking = false, on_event = {
            connected = function(s) s:sender "ana@example.org" end,
            sender_ack = function(s) s:recipient "r0@example.org" end,
            recipient_ack = function(s)
                n = n + 1
                if n < 100 then s:recipient(("r%d@example.org"):format(n)) else s:disconnect() end
            end,
        } })
        local began = socket.gettime()
        assert.equal(true, (did(s, s:connect())))
        assert.equal(100, n)
        assert.truthy(socket.gettime() - began < 5)
    end)

    it("goes out on a blocking session step by step", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local s = assert(posta.session { url = c.url })
        for _ = 1, 3 do
            if not s:is_connected() then assert(s:connect()) end
            assert(s:sender { address = "ana@example.org", name = "Ana Źródło" })
            assert(s:recipient "bob@example.org")
            assert(s:begin_message { subject = "Zażółć", date = 0 })
            assert.equal(9, s:body "gęślą\n")
            assert(s:end_message())
        end
        assert(s:disconnect())
        s:close()
        local read = support.read(c:wait(3)[3].raw)
        for _, words in ipairs { "Zażółć", "Ana Źródło", "gęślą" } do
            assert.truthy(read:find(words, 1, true), read)
        end
    end)
end)
