-- LMTP, over TCP and over a Unix socket: a verdict for each recipient. RFC 2033.

local posta = require "posta"
local child = require "spec.support.child"
local peer = require "spec.support.peer"
local support = require "spec.support.posta"
local fails = support.fails

local HELLO = "S: 220 lmtp\nC: /^LHLO /\nS: 250-x\nS: 250 PIPELINING\n"
local TO_TEXT = HELLO .. [[
C: MAIL FROM:<ana@example.org>
C: RCPT TO:<bob@example.org>
C: RCPT TO:<carol>
C: RCPT TO:<dave@example.org>
C: DATA
GLUE 4
S: 250 ok
S: 250 ok
S: 250 ok
S: 550 no dave
S: 354 go
TEXT
]]

describe("LMTP", function()
    after_each(function() peer.stop_all() end)

    local function send(script, more)
        local one = peer.play(child.interpreter(), script)
        local where = { url = (one.url:gsub("^smtp:", "lmtp:")) }
        for key, value in pairs(more or {}) do where[key] = value end
        local receipt, message, err = posta.send(where, support.mail {
            to = "bob@example.org", envelope = { from = "ana@example.org",
                to = { "bob@example.org", "carol", "dave@example.org" } } })
        local ok, transcript = one.result()
        assert.is_true(ok, tostring(message) .. "\n" .. transcript)
        return receipt, message, err
    end

    it("has a verdict for each recipient that was taken", function()
        local receipt = assert(send(TO_TEXT
            .. "GLUE\nS: 250 bob has it\nS: 452 4.2.2 carol is full\nC: QUIT\nS: 221 bye"))
        assert.equal("partial", receipt.outcome)
        local by = {}
        for _, r in ipairs(receipt.recipients) do by[r.address] = r end
        assert.equal("accepted", by["bob@example.org"].status)
        assert.equal("refused", by.carol.status)
        assert.equal("safe", by.carol.retry)
        assert.equal("carol is full", by.carol.reply.text)
        assert.equal(550, by["dave@example.org"].reply.code)
    end)

    it("keeps the verdicts that came when the connection is lost", function()
        local _, _, err = send(TO_TEXT .. "S: 250 bob has it\nCLOSE")
        assert.equal("unknown", err.outcome)
        local by = {}
        for _, r in ipairs(err.recipients) do by[r.address] = r.status end
        assert.equal("accepted", by["bob@example.org"])
        assert.equal("unknown", by.carol)
        assert.equal("refused", by["dave@example.org"])
    end)

    it("does not go with what it cannot do", function()
        local one = peer.play(child.interpreter(), HELLO .. "C: QUIT\nS: 221 bye")
        fails("field.invalid", "on_refused", posta.send({ url = (one.url:gsub("^smtp:", "lmtp:")),
            on_refused = "abort" }, support.mail()))
        one = peer.play(child.interpreter(), HELLO .. "C: QUIT\nS: 221 bye")
        local s = assert(posta.session((one.url:gsub("^smtp:", "lmtp:"))))
        assert(s:connect())
        fails("not_built", "sender", s:sender "ana@example.org")
        s:close()
    end)

    it("goes over a Unix socket", function()
        local folder = child.new_folder()
        finally(function() os.execute("rm -rf -- " .. child.quoted(folder)) end)
        local path = folder .. "/lmtp"
        child.write_file(folder .. "/server.py", [[
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
s.settimeout(20)
print("ready", flush=True)
c, _ = s.accept()
f = c.makefile("rwb")
def say(text):
    f.write(text.encode() + b"\r\n")
    f.flush()
say("220 unix")
in_text = False
for line in f:
    line = line.rstrip(b"\r\n")
    word = line[:4].upper()
    if in_text:
        if line == b".":
            in_text = False
            say("250 taken")
    elif word == b"LHLO":
        say("250 x")
    elif word == b"DATA":
        in_text = True
        say("354 go")
    elif word == b"QUIT":
        say("221 bye")
        break
    else:
        say("250 ok")
]])
        local server = io.popen(("python3 %s/server.py %s 2>&1"):format(folder, child.quoted(path)))
        assert.equal("ready", server:read("*l"))
        local receipt, message = posta.send("lmtp+unix://" .. path, support.mail())
        server:close()
        assert.truthy(receipt, message)
        assert.equal("accepted", receipt.outcome)
    end)

    it("is spoken by an engine, too", function()
        local one = peer.play(child.interpreter(), HELLO .. [[
C: MAIL FROM:<ana@example.org>
C: RCPT TO:<bob@example.org>
C: DATA
GLUE 2
S: 250 ok
S: 250 ok
S: 354 go
TEXT
S: 250 taken
C: QUIT
S: 221 bye]])
        local host = support.host(tonumber(one.url:match(":(%d+)")))
        local engine = assert(posta.engine { url = (one.url:gsub("^smtp:", "lmtp:")), security = "none" })
        assert(posta.pump(engine, host.io, support.mail()))
        assert.is_true((one.result()))
    end)
end)
