-- Each example in examples/lua runs as it stands and its mail arrives whole.

local catcher = require "spec.support.catcher"
local child = require "spec.support.child"
local support = require "spec.support.posta"

describe("examples/lua/", function()
    local c

    before_each(function() c = catcher.spawn {} end)
    after_each(function() c:stop() end)

    local function run(name)
        return child.run(("cd %s && POSTA_URL=%s %s examples/lua/%s 2>&1; echo status $?"):format(
            child.quoted(child.root()), c.url, child.interpreter(), name))
    end

    it("demo.lua sends all that mails have", function()
        local out = run "demo.lua"
        assert.truthy(out:find("\naccepted for 3, ", 1, true), out)
        assert.truthy(out:find("C: MAIL FROM:<ana@example.org>", 1, true), out)
        local read = support.read(c:wait(1)[1].raw)
        for _, words in ipairs { "Zażółć gęślą jaźń", "Ana Źródło", '"measurements.csv"', '"demo.lua"',
            "image/png", "<logo>", "multipart/alternative" } do
            assert.truthy(read:find(words, 1, true), read)
        end
    end)

    it("send.lua sends the first own mail, and says why not", function()
        assert.equal("sent to 1\nstatus 0\n", run "send.lua")
        assert.equal(1, #c:wait(1))
        c:stop()
        local out = run "send.lua"
        assert.truthy(out:find("the connection was refused; nothing was sent", 1, true), out)
        assert.truthy(out:find("status 75\n", 1, true), out)
    end)

    it("body_function.lua sends what it makes meanwhile", function()
        assert.equal("accepted\naccepted\naccepted\nstatus 0\n", run "body_function.lua")
        local read = support.read(c:wait(3)[3].raw)
        assert.truthy(read:find("588895 octets", 1, true), read)
    end)

    it("pump.lua sends through its own socket", function()
        assert.equal("accepted\nstatus 0\n", run "pump.lua")
        assert.truthy(c:wait(1)[1].raw:find("own socket", 1, true))
    end)

    it("events.lua sends step by step", function()
        assert.equal("sent 4400000 octets\nstatus 0\n", run "events.lua")
        local raw = c:wait(1)[1].raw
        assert.truthy(raw:find("\r\nSubject: My novel\r\n", 1, true))
        assert.truthy(raw:find("\r\nCc: danny@example.org\r\n", 1, true))
        assert.equal(4500000, #raw:match "\r\n\r\n(.*)$")
        c:stop()
        local out = run "events.lua"
        assert.truthy(out:find("the connection was refused; nothing was sent", 1, true), out)
        assert.truthy(out:find("status 1\n", 1, true), out)
    end)

    it("frame_loop.lua sends beside its frames", function()
        local out = run "frame_loop.lua"
        assert.truthy(out:find("accepted\nstatus 0\n", 1, true), out)
        local read = support.read(c:wait(1)[1].raw)
        assert.truthy(read:find('"scores.csv"', 1, true), read)
    end)

    it("coroutine.lua sends thirty mails over ten connections", function()
        local out = run "coroutine.lua"
        assert.equal(30, select(2, out:gsub(": accepted\n", "")), out)
        assert.truthy(out:find("status 0\n", 1, true), out)
        assert.equal(30, #c:wait(30))
    end)
end)
