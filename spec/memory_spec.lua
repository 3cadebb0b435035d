-- Garbage: collected at every chance, in every order, with the state closed under everything.

local posta = require "posta"
local catcher = require "spec.support.catcher"
local child = require "spec.support.child"
local support = require "spec.support.posta"

describe("the collector", function()
    local c

    setup(function() c = catcher.spawn {} end)
    teardown(function() c:stop() end)
    before_each(function()
        collectgarbage("setpause", 0)
        collectgarbage("setstepmul", 1000)
    end)
    after_each(function()
        collectgarbage("setpause", 200)
        collectgarbage("setstepmul", 200)
        if _VERSION == "Lua 5.4" then collectgarbage "incremental" end
    end)

    -- A body that is nowhere else than in the message, in pieces made and dropped.
    local function litter(n)
        return function()
            n = n - 1
            collectgarbage()
            if n < 0 then return nil end
            return (tostring(n) .. " "):rep(200) .. "\n"
        end
    end

    local function send_some()
        local text = {}
        for i = 1, 50 do text[i] = "line " .. i end
        local receipt = assert(posta.send({ url = c.url, trace = function() collectgarbage() end },
            support.mail { text = table.concat(text, "\n"), html = litter(5),
                attachments = { { name = "a.bin", body = ("\0x"):rep(3000) }, { name = "b.txt", body = litter(9) } },
                inline = { logo = { body = ("PNG"):rep(99), type = "image/png" } } }))
        return receipt
    end

    it("takes nothing that is in use", function()
        local receipt = send_some()
        local mails = c:wait(1)
        local mail = mails[#mails]
        assert.equal(#mail.raw, receipt.bytes)
        local out = support.read(mail.raw)
        assert.truthy(out:find("| line 1", 1, true), out)
        assert.truthy(out:find("6000 octets", 1, true), out)
        assert.truthy(out:find("297 octets", 1, true), out)
    end)

    it("takes nothing that a reader gave and nobody else holds", function()
        local left = 3
        local m = assert(posta.message(support.mail { text = function()
            left = left - 1
            if left < 0 then return nil end
            return ("piece " .. left .. "\n"):rep(5000)
        end }))
        local pieces = {}
        for piece in function() return m:body(999) end do
            collectgarbage()
            pieces[#pieces + 1] = piece
        end
        local text = table.concat(pieces)
        local _, n = text:gsub("piece %d\r\n", "")
        assert.equal(15000, n)
        assert.equal(15000 * #"piece 1\r\n", #text)
    end)

    it("takes nothing in generational mode either", function()
        if _VERSION ~= "Lua 5.4" then return end
        collectgarbage "generational"
        send_some()
    end)

    it("gives everything back", function()
        local function round()
            local conn = assert(posta.connect(c.url))
            conn:send(support.mail { attachments = { { name = "a.bin", body = ("x"):rep(20000) } } })
            local m = posta.message(support.mail { text = litter(3) })
            m:tostring()
            posta.message(support.mail { to = "bad" })
            posta.engine { host = "127.0.0.1" }
            conn:close()
        end
        for _ = 1, 6 do round() end
        collectgarbage()
        collectgarbage()
        local before = collectgarbage "count"
        for _ = 1, 12 do round() end
        collectgarbage()
        collectgarbage()
        assert.is_true(collectgarbage "count" < before + 200, collectgarbage "count" - before)
    end)

    it("may take a connection from under a coroutine that nobody resumes", function()
        for _ = 1, 20 do
            local co = coroutine.create(function()
                local conn = posta.connect(c.url)
                conn:send(support.mail { text = function() coroutine.yield() end })
            end)
            assert(coroutine.resume(co))
        end
        collectgarbage()
        collectgarbage()
        assert.truthy(posta.send(c.url, support.mail()))
    end)
end)

describe("a state that closes", function()
    it("may close with everything open, in any order of making", function()
        local c = catcher.spawn {}
        finally(function() c:stop() end)
        local script, remove = support.file("close.lua", [[
            local posta = require "posta"
            local url, order = ...
            local mail = { from = "a@b.org", to = "c@d.org", text = function() coroutine.yield() end,
                attachments = { { name = "a", body = ("x"):rep(9999) }, "/etc/hostname" } }
            local make = {
                m = function() M = assert(posta.message(mail)) end,
                s = function() S = assert(posta.connect(url)) end,
                e = function() E = assert(posta.engine { host = "127.0.0.1" }) end,
            }
            for letter in order:gmatch "." do make[letter]() end
            CO = coroutine.create(function() S:send(M) end)
            assert(coroutine.resume(CO))
            E:receive("220 hello\r\n")
            local out = E:pending()
            E:sent(#out)
            E:receive("250 hello\r\n")
            while E:next_event() do end
            local other = assert(posta.message(mail))
            assert(E:send(other))
            HALF = posta.message(mail)
            CO2 = coroutine.create(function() HALF:tostring() end)
            coroutine.resume(CO2)
            if order:find "^m" then other = nil M = nil collectgarbage() end
            print "end"
        ]])
        finally(function() c:stop() remove() end)
        for _, order in ipairs { "mse", "mes", "sme", "sem", "ems", "esm" } do
            local out = child.run(("cd %s && %s %s %s %s 2>&1; echo $?"):format(child.quoted(child.root()),
                child.interpreter(), child.quoted(script), c.url, order))
            assert.equal("end\n0\n", out)
        end
    end)
end)
