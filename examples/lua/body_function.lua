-- A body that is made while it is sent, on a connection that takes several mails. However long it
-- gets, memory stays as it is.
local posta = require "posta"

local function numbers(from, to)
    return function()
        if from > to then return nil end            -- the end
        from = from + 1
        return from - 1 .. "\n"                     -- the next piece; nil, message would be a failure
    end
end

local conn = assert(posta.connect(os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525"))
for _, last in ipairs { 10, 1000, 100000 } do
    local receipt, message = conn:send {
        from = "ana@example.org", to = "bob@example.org", subject = "Numbers to " .. last,
        text = "The numbers are attached.\n",
        attachments = { { name = "numbers.txt", body = numbers(1, last) } },
    }
    print(receipt and receipt.outcome or message)
end
conn:quit()
