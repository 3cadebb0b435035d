-- Your first own mail: POSTA_URL says where, the two addresses are yours.
local posta = require "posta"

local receipt, message, err = posta.send(os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525", {
    from = os.getenv "POSTA_FROM" or "ana@example.org",
    to = os.getenv "POSTA_TO" or "bob@example.org",
    subject = "Hello",
    text = "Hello from posta.\n",
})

if not receipt then
    print(message)                      -- what happened, what became of the mail, what to do
    os.exit(err.temporary and 75 or 1)  -- 75: the same may work later
end
for _, one in ipairs(receipt.refused) do
    print(one.address .. " was refused: " .. one.reply.text)
end
print("sent to " .. #receipt.accepted)
