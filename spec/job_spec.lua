-- posta.start: one mail in pieces, for hosts with a loop of their own.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local memory = require "spec.support.memory"
local socket = require "socket"
local support = require "spec.support.posta"
local fails = support.fails

local function where(server, options)
    local all = { host = "mail.lan", security = "none", transport = server.transport }
    for name, value in pairs(options or {}) do all[name] = value end
    return all
end

-- Steps until it is done; how often, and what the last step gave.
local function run(job, seconds)
    local finish, n = socket.gettime() + 10, 0
    while true do
        n = n + 1
        local done, receipt, message, err = job:step(seconds)
        if done then return n, receipt, message, err end
        assert.is_false(done)
        assert.is_nil(receipt)
        assert(socket.gettime() < finish, "it does not end")
    end
end

describe("posta.start", function()
    it("does nothing until it is stepped, then all in small pieces", function()
        local server = memory.new({}, { takes = 1000 })
        local job = assert(posta.start(where(server), support.mail { text = ("line\n"):rep(20000) }))
        assert.equal("new", server.state)
        assert.equal(0, job:progress())
        local last, done, receipt, sent, total = 0
        repeat
            done, receipt = job:step(0.001)
            sent, total = job:progress()
            assert(sent >= last)
            last = sent
        until done
        assert.equal("accepted", receipt.outcome)
        assert.equal(last, total)
        assert.truthy(total > 120000)
        assert.equal("closed", server.state)
        assert.equal("QUIT", server.lines[#server.lines])
        assert.equal(20000, select(2, server.texts[1]:gsub("line\r\n", "")))
        -- What it said once it says again.
        local _, again = job:step()
        assert.is_true((job:step()))
        assert.equal(receipt, again)
    end)

    it("sends over sockets, without waiting", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local job = assert(posta.start(c.url, support.mail { attachments = {
            { name = "a.bin", body = ("x"):rep(2000000) } } }))
        local longest = 0
        local done, receipt, message
        repeat
            local began = socket.gettime()
            done, receipt, message = job:step(0.002)
            longest = math.max(longest, socket.gettime() - began)
            socket.sleep(0.001)
        until done
        assert(receipt, message)
        assert.truthy(longest < 0.25, longest)
        assert.truthy(#c:wait(1)[1].raw > 2000000)
    end)

    it("can be waited for by pollfd, events and timeout", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local job, n = assert(posta.start(c.url, support.mail())), 0
        local done, receipt
        repeat
            done, receipt = job:step()
            n = n + 1
            if not done then
                local fd = { getfd = function() return job:pollfd() or -1 end, dirty = function() return false end }
                local reads, writes = job:events():find "r" and { fd }, job:events():find "w" and { fd }
                if job:pollfd() then socket.select(reads, writes, math.min(job:timeout() or 1, 1)) end
            end
        until done
        assert.equal("accepted", receipt.outcome)
        assert.truthy(n < 100, n)
        assert.is_nil(job:pollfd())
        assert.equal("", job:events())
    end)

    it("answers wrong values at once, and raises on misuse", function()
        fails("field.invalid", nil, posta.start("smtp://127.0.0.1:1", support.mail { to = "nobody" }))
        fails("file.not_found", "tls.ca_file",
            posta.start("smtps://mail.example.org?ca_file=/not/there", support.mail()))
        support.raises("mail.form: unknown; did you mean from?", posta.start, "smtp://127.0.0.1:1",
            { form = "a@x.org" })
        support.raises("where.wait: does not go with posta.start", posta.start,
            { host = "x.lan", wait = print }, support.mail())
        local job = assert(posta.start(where(memory.new()), support.mail()))
        support.raises("step: expected seconds, got string", job.step, job, "x")
        support.raises("step: expected job, got table", job.step, {})
    end)

    it("tells what failed: refused, lost, silent, not there", function()
        local function outcome(replies, options)
            local job = assert(posta.start(where(memory.new(replies), options), support.mail()))
            local _, receipt, message, err = run(job, 0.01)
            return receipt, message, err
        end
        local err = fails("recipients.refused", nil, outcome { RCPT = "550 no" })
        assert.equal("refused", err.recipients[1].status)
        err = fails("connection.lost", nil, outcome { TEXT = "CLOSE" })
        assert.equal("unknown", err.outcome)
        err = fails("greeting.refused", nil, outcome { GREETING = "554 no" })
        assert.equal("not_sent", err.recipients[1].status)
        fails("timeout.command", nil, outcome({ MAIL = false }, { timeout = { command = 0.05 } }))
        fails("timeout.total", nil, outcome({ MAIL = false }, { timeout = 0.05 }))
        local job = assert(posta.start("smtp://127.0.0.1:1", support.mail()))
        fails("connect.refused", nil, select(2, run(job)))
    end)

    it("is cancelled at every moment", function()
        local server = memory.new()
        local job = assert(posta.start(where(server), support.mail()))
        job:cancel()
        fails("cancelled", nil, select(2, run(job)))
        assert.equal("new", server.state)
        for _, stage in ipairs { "GREETING", "EHLO", "MAIL", "RCPT", "DATA", "TEXT" } do
            server = memory.new { [stage] = false }
            job = assert(posta.start(where(server), support.mail()))
            for _ = 1, 20 do assert.is_false((job:step(0.001))) end
            job:cancel()
            local err = fails("cancelled", nil, select(2, run(job)))
            assert.equal(stage == "TEXT" and "unknown" or "not_sent", err.outcome, stage)
            job:cancel()
        end
    end)

    it("feeds bodies that are functions, and waits for those that have nothing yet", function()
        local server, n = memory.new(), 0
        local job = assert(posta.start(where(server), support.mail { text = function()
            n = n + 1
            if n % 10 ~= 0 then return "" end
            if n < 200 then return ("piece %d\n"):format(n) end
        end }))
        local steps, receipt, message = run(job, 0.001)
        assert(receipt, message)
        assert.truthy(steps > 100, steps)
        assert.equal(19, select(2, server.texts[1]:gsub("piece", "")))
    end)

    it("ends with body.failed when a body's reader raised, and never sends half of it", function()
        local server = memory.new()
        local job = assert(posta.start(where(server), support.mail { text = function() error("broken", 0) end }))
        local ok, why = true, nil
        for _ = 1, 50 do
            ok, why = pcall(job.step, job)
            if not ok then break end
        end
        assert.is_false(ok)
        assert.equal("broken", why)
        local err = fails("body.failed", nil, select(2, run(job)))
        assert.truthy(err.message:find("its reader raised an error", 1, true), err.message)
        assert.equal(0, #server.texts)
    end)

    it("does not wait for names", function()
        local began = socket.gettime()
        local job = assert(posta.start("smtp://no-such-host.invalid:25?security=none", support.mail()))
        local done = job:step()
        assert.truthy(socket.gettime() - began < 0.2)
        if not done then run(job) end
        fails("dns.failed", nil, select(2, job:step()))
    end)

    it("many at a time, every mail accounted for", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local jobs, accepted = {}, 0
        for i = 1, 50 do jobs[i] = assert(posta.start(c.url, support.mail { subject = "n" .. i })) end
        local left, finish = #jobs, socket.gettime() + 20
        while left > 0 do
            assert(socket.gettime() < finish, left .. " are left")
            for i, job in pairs(jobs) do
                local done, receipt, message = job:step(0.001)
                if done then
                    assert(receipt, message)
                    accepted, left, jobs[i] = accepted + 1, left - 1, nil
                end
            end
        end
        assert.equal(50, accepted)
        assert.equal(50, #c:wait(50))
    end)
end)
