-- The scripted peer of the specs: it must be able to say no.

local socket = require "socket"
local peer = require "spec.support.peer"

describe("the scripted peer", function()
    local function client_of(p)
        local s = assert(socket.connect("127.0.0.1", p.port))
        s:settimeout(5)
        return s
    end

    it("plays its dialogue, dripping and gluing, and tells what it heard", function()
        local p = peer.play(nil, [[
            DRIP
            S: 220 hello
            C: EHLO x
            GLUE
            S: 250 ok
            S: 220 early
            C: /^MAIL FROM:<.*>$/
            C: *
            TEXT
            RAW: 2\x350 do\x6ee\r\n
            C: QUIT]])
        local s = client_of(p)
        assert.equal("220 hello", s:receive("*l"))
        s:send("EHLO x\r\n")
        assert.equal("250 ok", s:receive("*l"))
        assert.equal("220 early", s:receive("*l"))
        s:send("MAIL FROM:<a>\r\nanything\r\nSubject: x\r\n\r\n..\r\n.\r\n")
        assert.equal("250 done", s:receive("*l"))
        s:send("QUIT\r\n")
        s:close()
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
        assert.matches("C: Subject: x\nC: \nC: %.%.\nC: %.\nRAW: ", transcript)
    end)

    local wrong = {
        { "another line", "C: NOOP", "QUIT\r\n", "expected C: NOOP" },
        { "a bare LF", "C: *", "NO\nOP\r\n", "C: NO\\nOP\n# expected C: *" },
        { "too little", "C: NOOP", "NO", "the client closed; it sent NO" },
        { "too much", "C: NOOP", "NOOP\r\nX", "after the dialogue came X" },
        { "an unknown word", "C: *\nD: NOOP", "NOOP\r\n", "unknown word D:" },
    }
    for _, row in ipairs(wrong) do
        it("does not take " .. row[1], function()
            local p = peer.play(nil, row[2])
            local s = client_of(p)
            s:send(row[3])
            s:close()
            local ok, transcript = p.result()
            assert.is_false(ok)
            assert.truthy(transcript:find(row[4], 1, true), transcript)
        end)
    end

    it("closes, resets, stalls and takes another connection", function()
        local p = peer.play(nil, "S: 1\nCLOSE\nACCEPT\nS: 2\nRST\nACCEPT\nC: a\nSTALL")
        local s = client_of(p)
        assert.equal("1", s:receive("*l"))
        assert.same({ nil, "closed" }, { (s:receive("*l")), (select(2, s:receive("*l"))) })
        s:close()
        s = client_of(p)
        s:receive("*l")
        local _, why = s:receive("*l")
        assert.truthy(why == "closed" or why:find("reset"))
        s:close()
        s = client_of(p)
        s:settimeout(0.1)
        s:send("a\r\n")
        assert.equal("timeout", (select(2, s:receive("*l"))))
        local ok, transcript = p.result()
        assert.is_true(ok, transcript)
        s:close()
    end)

    it("says that nobody came", function()
        local ok, transcript = peer.play(nil, "S: 220 hello").result(0.05)
        assert.is_false(ok)
        assert.matches("nobody connected", transcript)
    end)
end)
