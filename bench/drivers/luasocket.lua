-- LuaSocket: smtp, ltn12, mime. A connection a mail: it has no other way.
-- Usage: lua luasocket.lua PORT attach FILE | text FILE | mails N
local smtp, ltn12, mime = require "socket.smtp", require "ltn12", require "mime"
local port, what, arg3 = tonumber(arg[1]), arg[2], arg[3]

local function source()
  local headers = { from = "a@x.test", to = "b@x.test", subject = "bench" }
  if what == "mails" then
    return smtp.message { headers = headers, body = (("x"):rep(62) .. "\r\n"):rep(16) }
  end
  local encoding = what == "attach" and "base64" or "quoted-printable"
  local filter = what == "attach" and ltn12.filter.chain(mime.encode "base64", mime.wrap "base64")
    or ltn12.filter.chain(mime.normalize(), mime.encode "quoted-printable", mime.wrap "quoted-printable")
  return smtp.message {
    headers = headers,
    body = {
      { headers = { ["content-type"] = "text/plain" }, body = "hi\r\n" },
      {
        headers = { ["content-type"] = "application/octet-stream", ["content-transfer-encoding"] = encoding },
        body = ltn12.source.chain(ltn12.source.file(io.open(arg3, "rb")), filter),
      },
    },
  }
end

for _ = 1, what == "mails" and tonumber(arg3) or 1 do
  assert(smtp.send { from = "<a@x.test>", rcpt = "<b@x.test>", source = source(), server = "127.0.0.1", port = port })
end
