-- Every function of the C module with every kind of value, and hooks that raise at any instruction:
-- errors are fine, a crash is not (tools/test runs this under the sanitizers' eyes as well).

local core = require "posta.core"
local posta = require "posta"
local catcher = require "spec.support.catcher"
local support = require "spec.support.posta"

-- Own numbers, so that a run can be had again on every Lua.
local seed = 1
local function random(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
end

describe("posta.core", function()
    local function handles()
        return {
            core.message.new(), core.session.new { host = "127.0.0.1", port = 1, security = "none" },
            core.link.new { hello = "a.b", peer = "x:1" }, posta.message(support.mail()),
        }
    end

    local VALUES = {
        "", "x", "a\0b", ("long "):rep(3000), "to", "text", "data", "slot", "file", "a@b.org", "/etc/hostname", "10",
        0, 1, 2, -1, 0.5, 2 ^ 31, 2 ^ 53, -2 ^ 63, 1e300, 1 / 0, -1 / 0, 0 / 0, true, false,
        {}, { "x", "y" }, { hello = "a.b", headers = { "X", "y" } }, { host = "127.0.0.1", port = 9 },
        { headers = { 1, {} } }, { timeouts = { total = 5 }, hello = "a.b" }, { timeouts = { total = 0 / 0 } },
        print, function() end, coroutine.create(function() end), io.stdout,
    }

    it("survives any arguments", function()
        local functions = {}
        for _, name in ipairs { "message", "session", "link", "address" } do
            local words = {}
            for word, value in pairs(core[name]) do
                if type(value) == "function" and word ~= "wait" then words[#words + 1] = word end
            end
            table.sort(words)
            for _, word in ipairs(words) do functions[#functions + 1] = core[name][word] end
        end
        for _, word in ipairs { "data", "enter", "leave", "is_running", "where", "host_name" } do
            functions[#functions + 1] = core[word]
        end
        local known, calls = handles(), 0
        for round = 1, 4000 do
            local call = functions[random(#functions)]
            local n, args = random(9) - 1, {}
            for i = 1, n do
                local is_handle = i == 1 and random(10) > 2 or random(8) == 1
                if is_handle then args[i] = known[random(#known)] else args[i] = VALUES[random(#VALUES)] end
            end
            pcall(call, (table.unpack or _G.unpack)(args, 1, n))
            calls = calls + 1
            if round % 50 == 0 then known = handles() end
            if round % 500 == 0 then collectgarbage() end
        end
        assert.equal(4000, calls)
        assert.truthy(posta.message(support.mail()):tostring())
    end)

    it("survives every order of a handle's own functions", function()
        local words = {}
        for word, value in pairs(core.link) do
            if type(value) == "function" and word ~= "new" then words[#words + 1] = word end
        end
        table.sort(words)
        for _ = 1, 300 do
            local l = core.link.new { hello = "a.b", peer = "x:1", trace = random(2) == 1 }
            local m = posta.message(support.mail { text = function() return "x" end })
            for _ = 1, 40 do
                local word = words[random(#words)]
                local second = ({ receive = ({ "220 x\r\n", "250 x\r\n", "354 x\r\n", "250-", "\0" })[random(5)],
                    sent = random(30), send = m })[word]
                pcall(core.link[word], l, second)
                if random(5) == 1 then pcall(core.message.feed, m, 1, "more") end
                if random(50) == 1 then m:close() end
            end
        end
        assert.truthy(posta.message(support.mail()):tostring())
    end)
end)

describe("a count hook that raises", function()
    it("leaves connection and message consistent, wherever it strikes", function()
        local c = catcher.spawn {}
        finally(function()
            debug.sethook()
            c:stop()
        end)
        local struck, went = 0, 0
        for n = 1, 2500, 41 do
            local conn = assert(posta.connect(c.url))
            local m = assert(posta.message(support.mail()))
            local ok, why = pcall(function()
                debug.sethook(function()
                    debug.sethook()
                    error("struck", 0)
                end, "", n)
                local receipt = conn:send(m)
                debug.sethook()
                return receipt
            end)
            debug.sethook()
            if ok then went = went + 1 else
                struck = struck + 1
                assert.equal("struck", why)
            end
            assert.truthy(m:tostring())
            local receipt, _, err = conn:send(support.mail())
            assert.is_true(receipt ~= nil or err.code == "cancelled")
            conn:close()
            assert.truthy(struck + went)
        end
        assert.is_true(struck > 3)
        assert.truthy(posta.send(c.url, support.mail()))
    end)
end)
