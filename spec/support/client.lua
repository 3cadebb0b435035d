--[[ support.client: a raw SMTP client for a catcher in the same process.

    local client = require("spec.support.client").connect(c)
    client.reply()   client.ask("EHLO me.example")   client.send(octets)   client.silent()
    client.secure{ cafile = ... }        -- TLS from here on; the fields are LuaSec's

It never blocks: it serves the catcher while it waits. ]]

local socket = require "socket"

local support = {}

local WAITS = { timeout = true, wantread = true, wantwrite = true }

function support.connect(c)
    local client = { input = "", socket = assert(socket.connect("127.0.0.1", c.port)) }
    client.socket:setoption("tcp-nodelay", true)
    client.socket:settimeout(0)

    local function read_more()
        local octets, why, partial = client.socket:receive(8192)
        octets = octets or partial or ""
        client.input = client.input .. octets
        local open = why == nil or WAITS[why] == true
        if octets == "" and open then c:step(0.001) end
        return open
    end

    function client.send(octets)
        local at = 1
        while at <= #octets do
            local sent, why, upto = client.socket:send(octets, at)
            if not sent and not WAITS[why] then error(why) end
            at = (sent or upto) + 1
            c:step(0)
        end
    end

    function client.reply()
        local lines, finish = {}, socket.gettime() + 5
        while socket.gettime() < finish do
            local line, rest = client.input:match("^([^\r\n]*)\r\n(.*)$")
            if line then
                client.input = rest
                lines[#lines + 1] = line
                if line:sub(4, 4) ~= "-" then return table.concat(lines, "\n") end
            elseif not read_more() and not client.input:find("\r\n", 1, true) then
                return nil, "closed"
            end
        end
        return nil, "timeout"
    end

    function client.ask(line)
        client.send(line .. "\r\n")
        return client.reply()
    end

    function client.silent()
        for _ = 1, 5 do read_more() end
        return client.input == ""
    end

    -- The handshake: true, or nil and a reason. TLS 1.3 may fail only when something is read.
    function client.secure(fields)
        local ssl = require "ssl"
        local settings = { mode = "client", protocol = "any", verify = "none" }
        for name, value in pairs(fields or {}) do settings[name] = value end
        client.socket = assert(ssl.wrap(client.socket, assert(ssl.newcontext(settings))))
        client.socket:settimeout(0)
        local finish = socket.gettime() + 5
        while socket.gettime() < finish do
            local done, why = client.socket:dohandshake()
            if done then return true end
            if not WAITS[why] then return nil, why end
            c:step(0.001)
        end
        return nil, "timeout"
    end

    return client
end

return support
