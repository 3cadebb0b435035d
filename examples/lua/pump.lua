-- The host owns the bytes: posta speaks SMTP, the program reads and writes. Here over LuaSocket; in a
-- game, a proxy or an editor over whatever is there.
local posta = require "posta"
local socket = require "socket"

local url = os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525"
local host, port = url:match("^smtp://([^:/]+):(%d+)$")

local sock = assert(socket.connect(host, tonumber(port)))
local io = {}

-- `hint` is "line" (line end included, or any bytes at all) or an exact count; in clear text always
-- "line". LuaSocket takes the line end away, so it is put back.
function io.read(_, seconds)
    sock:settimeout(seconds)
    local line, reason, partial = sock:receive "*l"
    if line then return line .. "\r\n" end
    return nil, reason, partial
end

function io.write(bytes, seconds)
    sock:settimeout(seconds)
    return sock:send(bytes)
end

function io.close()
    sock:close()
end

local engine = assert(posta.engine { host = host, port = tonumber(port), security = "none" })
local receipt, message = posta.pump(engine, io, {
    from = "ana@example.org", to = "bob@example.org", subject = "Through a pump",
    text = "These bytes went through the program's own socket.\n",
})
print(receipt and receipt.outcome or message)
os.exit(receipt and 0 or 1)
