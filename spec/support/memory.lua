--[[ support.memory: an SMTP server in memory, as a transport of posta.

    local server = require("spec.support.memory").new { RCPT = { "250 ok", "550 no such user" } }
    local s = posta.session { host = "mail.lan", security = "none", transport = server.transport }
    -- server.lines: the commands; server.texts: the messages; server.state: "new", "open", "closed"

A reply may be a string, a list (one after the other, the last again), false (silence), "" and "CLOSE" (the
connection ends), or a function(server, line) that gives one of these. GREETING and TEXT are replies too. ]]

local memory = {}

local FINE = {
    GREETING = "220 memory ESMTP", EHLO = "250-memory\r\n250 8BITMIME", MAIL = "250 2.1.0 sender ok",
    RCPT = "250 2.1.5 recipient ok", DATA = "354 go", TEXT = "250 2.0.0 kept", RSET = "250 2.0.0 flushed",
    NOOP = "250 2.0.0 here", QUIT = "221 2.0.0 bye",
}

local function answer(server, word, line)
    local reply = server.replies[word]
    if reply == nil then reply = FINE[word] end
    if reply == nil then reply = "500 what" end
    if type(reply) == "table" then
        local n = (server.asked[word] or 0) + 1
        server.asked[word] = n
        reply = reply[math.min(n, #reply)]
    end
    if type(reply) == "function" then reply = reply(server, line) end
    if not reply or reply == "" then return end
    if reply == "CLOSE" then
        server.has_ended = true
        return
    end
    server.out = server.out .. reply .. "\r\n"
    if word == "DATA" and reply:sub(1, 3) == "354" then server.text = {} end
end

local function take_line(server, line)
    if not server.text then
        server.lines[#server.lines + 1] = line
        return answer(server, line:match("^%a+"):upper(), line)
    end
    if line ~= "." then
        server.text[#server.text + 1] = line
        return
    end
    server.texts[#server.texts + 1] = table.concat(server.text, "\r\n") .. "\r\n"
    server.text = nil
    answer(server, "TEXT", line)
end

local function take(server, bytes)
    local all, at = server.rest .. bytes, 1
    while true do
        local cr = all:find("\r\n", at, true)
        if not cr then break end
        take_line(server, all:sub(at, cr - 1))
        at = cr + 2
    end
    server.rest = all:sub(at)
end

function memory.new(replies, options)
    options = options or {}
    local own = {}
    for word, reply in pairs(replies or {}) do own[word] = reply end
    local server = { replies = own, asked = {}, lines = {}, texts = {}, state = "new", opened = 0,
        takes = options.takes or 1000000, gives = options.gives or 1000000 }
    server.transport = {
        open = function(host, port)
            server.state, server.host, server.port = "open", host, port
            server.opened = server.opened + 1
            server.out, server.rest, server.text, server.has_ended = "", "", nil, false
            server.took = 0
            answer(server, "GREETING", "")
            return true
        end,
        read = function()
            if server.on_read then server.on_read() end
            if server.out == "" then
                if server.has_ended then return nil, "closed" end
                return nil, "timeout"
            end
            local bytes = server.out:sub(1, server.gives)
            server.out = server.out:sub(#bytes + 1)
            return bytes
        end,
        write = function(bytes)
            if server.on_write then server.on_write() end
            local n = math.min(#bytes, server.takes)
            if n == 0 then return nil, "timeout" end
            server.took = server.took + n
            take(server, bytes:sub(1, n))
            return n
        end,
        close = function() server.state = "closed" end,
    }
    return server
end

return memory
