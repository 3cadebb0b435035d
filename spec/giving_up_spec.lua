-- A send that is given up in the middle: by closing the connection or the engine, or by an error in a
-- hook. What is told must be true of the mail at that moment.

local posta = require "posta"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails = support.fails

-- The client waits for each HOLD at least once, however slow or fast the machine is.
local DIALOGUE = [[
S: 220 hello
C: /^EHLO /
S: 250 ok
C: /^MAIL/
HOLD sender
S: 250 sender ok
C: /^RCPT/
S: 250 recipient ok
C: DATA
S: 354 go
TEXT
HOLD kept
S: 250 2.0.0 kept
]]

-- Lets the peer answer what was waited for.
local function go_on(p, last)
    if last:find "^C MAIL" then p.open "sender" end
    if last == "C ." then p.open "kept" end
end

-- A connection to such a peer. `at(what)` is called with each line of the trace ("C MAIL...") and with
-- "wait after <last line>" from the wait hook.
local function connected(at)
    local p = peer.play(nil, DIALOGUE)
    local last, conn = "", nil
    conn = assert(posta.connect {
        url = p.url,
        trace = function(direction, line)
            last = direction .. " " .. line
            if conn then at(last, conn) end
        end,
        wait = function()
            if conn then at("wait after " .. last, conn) end
            go_on(p, last)
            require("socket").sleep(0.002)
        end,
    })
    return conn
end

-- Sends, and closes when `at` matches.
local function closed_at(pattern)
    local conn = connected(function(what, c)
        if what:find(pattern) then c:close() end
    end)
    return conn:send(support.mail())
end

after_each(peer.stop_all)

describe("closing a connection in the middle of a send", function()
    it("before the dot: nothing was sent, and the stage says where", function()
        local err = fails("cancelled", nil, closed_at "^wait after C MAIL")
        assert.equal("not_sent", err.outcome)
        assert.equal("safe", err.retry)
        assert.equal("sender", err.stage)
        assert.equal("not_sent", err.recipients[1].status)
        assert.truthy(err.message:find("the session was closed", 1, true), err.message)
        assert.truthy(err.message:find("nothing was sent", 1, true), err.message)
    end)

    it("behind the dot: unknown", function()
        local err = fails("cancelled", nil, closed_at "^wait after C %.$")
        assert.equal("unknown", err.outcome)
        assert.equal("duplicate_risk", err.retry)
        assert.equal("result", err.stage)
        assert.equal("unknown", err.recipients[1].status)
        assert.truthy(err.message:find("may or may not have been delivered", 1, true), err.message)
        assert.truthy(err.hint, err.message)
    end)

    it("when the 250 was heard: the receipt", function()
        local receipt, message = closed_at "^S 250 2%.0%.0 kept"
        assert.truthy(receipt, message)
        assert.equal("accepted", receipt.outcome)
        assert.equal(1, #receipt.accepted)
        assert.equal(250, receipt.reply.code)
    end)

    it("from another coroutine", function()
        local suspends = true
        local conn = connected(function(what)
            if suspends and what:find "^wait after C %.$" then coroutine.yield "behind the dot" end
        end)
        local co = coroutine.wrap(function() return conn:send(support.mail()) end)
        assert.equal("behind the dot", (co()))
        suspends = false
        conn:close()
        local err = fails("cancelled", nil, co())
        assert.equal("unknown", err.outcome)
    end)

    it("in posta.send as well", function()
        local p = peer.play(nil, DIALOGUE)
        local last = ""
        local err = fails("cancelled", nil, posta.send({ url = p.url,
            trace = function(direction, line) last = direction .. " " .. line end,
            wait = function(s)
                if last == "C ." then return s:close() end
                go_on(p, last)
                require("socket").sleep(0.002)
            end }, support.mail()))
        assert.equal("unknown", err.outcome)
    end)

    it("leaves a message alone that another connection sends by now", function()
        local suspends = false
        local two = connected(function() if suspends then coroutine.yield() end end)
        local one = connected(function() return nil end)
        local m = assert(posta.message(support.mail()))
        assert(one:send(m))
        suspends = true
        local co = coroutine.wrap(function() return two:send(m) end)
        co()
        one:close()
        fails("busy", nil, m:tostring())
        suspends = false
        assert.equal("accepted", co().outcome)
        two:close()
    end)
end)

describe("an error in a hook", function()
    local function fate_of(pattern)
        local broken = true
        local conn = connected(function(what)
            if broken and what:find(pattern) then
                broken = false
                error("broken", 0)
            end
        end)
        support.raises("broken", conn.send, conn, support.mail())
        local err = fails("cancelled", nil, conn:send(support.mail()))
        assert.equal("not_sent", err.outcome)
        assert.truthy(err.message:find("nothing was sent now", 1, true), err.message)
        conn:close()
        return err
    end

    it("tells the next what became of the mail before it", function()
        local err = fate_of "^wait after C MAIL"
        assert.truthy(err.message:find("The mail before it was not sent", 1, true), err.message)
        err = fate_of "^wait after C %.$"
        assert.truthy(err.message:find("The mail before it may or may not have been delivered", 1, true),
            err.message)
        assert.truthy(err.hint)
        err = fate_of "^S 250 2%.0%.0 kept"
        assert.truthy(err.message:find("The mail before it was accepted", 1, true), err.message)
    end)
end)

describe("closing an engine in the middle of posta.pump", function()
    local function pumped(pattern)
        local p = peer.play(nil, DIALOGUE)
        local host = support.host(p.port)
        local e = assert(posta.engine { host = "127.0.0.1", port = p.port, security = "none" })
        local last = ""
        host.io.trace = function(direction, line)
            last = direction .. " " .. line
            if last:find(pattern) then e:close() end
        end
        local read = host.io.read
        host.io.read = function(...)
            if ("read after " .. last):find(pattern) then e:close() end
            go_on(p, last)
            return read(...)
        end
        return posta.pump(e, host.io, support.mail())
    end

    it("tells the truth, wherever it was", function()
        local err = fails("cancelled", nil, pumped "^read after $")
        assert.equal("not_sent", err.outcome)
        err = fails("cancelled", nil, pumped "^read after C MAIL")
        assert.equal("not_sent", err.outcome)
        assert.equal("safe", err.retry)
        assert.equal("sender", err.stage)
        assert.truthy(err.message:find("the engine was closed", 1, true), err.message)
        assert.truthy(err.message:find("nothing was sent", 1, true), err.message)
        err = fails("cancelled", nil, pumped "^read after C %.$")
        assert.equal("unknown", err.outcome)
        assert.equal("duplicate_risk", err.retry)
        assert.truthy(err.message:find("may or may not", 1, true), err.message)
        local receipt, message = pumped "^S 250 2%.0%.0 kept"
        assert.truthy(receipt, message)
        assert.equal("accepted", receipt.outcome)
    end)
end)
