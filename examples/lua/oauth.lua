-- OAuth 2.0: the token is asked for when it is needed, and once more when the server refuses it, since a cached
-- one may have run out. Where tokens come from is not posta's business: here a command prints them.
--
--   POSTA_URL      smtps://smtp.gmail.com
--   POSTA_USER     ana@gmail.com
--   POSTA_TOKEN    a command that prints a token; with --refresh a new one (mutt_oauth2.py and the like)
local posta = require "posta"

local command = os.getenv "POSTA_TOKEN" or "oauth2-token"

local function token(why)
    local pipe = assert(io.popen(why == "refused" and command .. " --refresh" or command))
    local text = pipe:read "*l"
    pipe:close()
    if not text then return nil, command .. " printed no token" end
    return text
end

local receipt, message = posta.send({
    url = os.getenv "POSTA_URL" or "smtps://smtp.gmail.com",
    auth = { user = os.getenv "POSTA_USER" or "ana@gmail.com", token = token },
}, {
    from = os.getenv "POSTA_USER" or "ana@gmail.com", to = "bob@example.org",
    subject = "By token", text = "No password was involved.\n",
})
print(receipt and receipt.outcome or message)
