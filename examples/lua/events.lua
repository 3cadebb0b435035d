-- One message step by step, each step in the event of the one before; the program waits as it likes, here
-- with LuaSocket's select. Nothing that posta is asked waits.
local posta = require "posta"
local socket = require "socket"

local text = ("All work and no play makes Jack a dull boy.\n"):rep(100000)
local refused = false

local s = assert(posta.session {
    url = os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525", blocking = false,
    on_event = {
        connected = function(s) s:sender { address = "jack@example.org", name = "Jack" } end,
        sender_ack = function(s) s:recipient { address = "wendy@example.org" } end,
        recipient_ack = function(s, _, info)
            if info.recipient == 1 then
                s:recipient { address = "danny@example.org", type = "cc" }
            else
                s:begin_message { subject = "My novel" }
            end
        end,
        begin_ack = function(s)
            local at = 0
            while at < #text do at = assert(s:body(text, at + 1)) end
            s:end_message()
        end,
        end_ack = function(s) s:disconnect() end,
        server_error = function(s, _, info)
            refused = true
            print(info.action .. " was refused: " .. info.reply.text)
            s:disconnect()
        end,
    },
})

assert(s:connect())
local state, message
repeat
    state, message = s:execute()
    if state == "in_progress" and s:pollfd() then
        local reads, writes = s:events():find "r" and { s }, s:events():find "w" and { s }
        socket.select(reads, writes, s:timeout())
    end
until state ~= "in_progress" and not s:is_connected()
s:close()

if not state then print(message) end
if refused or not state then os.exit(1) end
print(("sent %d octets"):format(#text))
