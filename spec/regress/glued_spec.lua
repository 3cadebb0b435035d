-- Replies glued behind the one that ends an action: they belong to what comes next.
local peer = require "spec.support.peer"
local posta = require "posta"

local MAIL = { from = "ana@example.org", to = "bob@example.org", text = "hi" }

-- A dialogue up to the dot, whose answer is `last`.
local function up_to_dot(last)
  return [[
S: 220 peer
C: /^EHLO /
S: 250 peer
C: MAIL FROM:<ana@example.org>
S: 250 fine
C: RCPT TO:<bob@example.org>
S: 250 fine
C: DATA
S: 354 go on
TEXT
]] .. last
end

describe("replies glued together", function()
  for _, more in ipairs{ "421 closing", "250 more" } do
    it("leave an accepted mail accepted: " .. more, function()
      local p = peer.play(nil, up_to_dot("GLUE\nS: 250 kept\nS: " .. more .. "\nCLOSE\n"))
      local receipt, message = posta.send(p.url, MAIL)
      assert.truthy(receipt, message)
      assert.equal("accepted", receipt.outcome)
      assert.equal("kept", receipt.reply.text)
    end)
  end

  it("leave a refused mail refused", function()
    local p = peer.play(nil, up_to_dot("GLUE\nS: 550 no\nS: 421 closing\nCLOSE\n"))
    local receipt, _, err = posta.send(p.url, MAIL)
    assert.is_nil(receipt)
    assert.equal("message.refused", err.code)
    assert.equal(550, err.reply.code)
  end)

  it("are a fault behind EHLO's answer, told with the server's words", function()
    for _, case in ipairs{ { "250 again", "protocol.error" }, { "421 busy", "connection.lost" } } do
      local p = peer.play(nil, "S: 220 peer\nC: /^EHLO /\nGLUE\nS: 250 peer\nS: " .. case[1] .. "\nCLOSE\n")
      local receipt, message, err = posta.send(p.url, MAIL)
      assert.is_nil(receipt)
      assert.equal(case[2], err.code)
      assert.equal("not_sent", err.outcome)
      assert.truthy(message:find(case[1], 1, true), message)
    end
  end)
end)
