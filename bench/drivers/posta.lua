-- posta, Lua. Usage: lua posta.lua PORT attach FILE | text FILE | mails N
local posta = require "posta"
local port, what, arg3 = arg[1], arg[2], arg[3]
local mail = { from = "a@x.test", to = "b@x.test", subject = "bench", text = "hi\n" }
local n = 1
if what == "attach" then
  mail.attachments = { arg3 }
elseif what == "text" then
  mail.text = { file = arg3, encoding = "quoted-printable" }
else
  n, mail.text = tonumber(arg3), (("x"):rep(63) .. "\n"):rep(16)
end
local conn = assert(posta.connect("smtp://127.0.0.1:" .. port))
for _ = 1, n do
  assert(conn:send(mail))
end
conn:close()
