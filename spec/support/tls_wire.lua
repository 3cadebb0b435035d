--[[ support.tls_wire: a wire over LuaSocket that watches what goes over it, for specs of posta's own TLS.

    local wire = require("spec.support.tls_wire").open(port, { take = 1, give = 1 })
    posta.pump(engine, wire.io, mail)             -- or transport = wire.transport
    wire.reads, wire.writes, wire.sent            -- how often, and all octets that went out
    wire.records()                                -- { { type = 22, len = 200, whole = true }, ... } of `sent`

From the first octet of a TLS record on, a read must name how many octets it awaits, gets exactly so many and
never a line: anything else raises. `take` and `give` bound what one write takes and one read gives; `more`
(a boolean) gives whatever there is instead of what was asked. on_read(n, hint, seconds) and on_write(n, bytes)
are called before the n-th of each; what on_write or on_read gives, other than nil, is the answer. ]]

local socket = require "socket"

local support = {}

local LIFE = 10                 -- seconds that a read or write waits at most, so that nothing hangs

local function records_of(octets)
    local list, at = {}, 1
    while at <= #octets do
        local kind, major, _, high, low = octets:byte(at, at + 4)
        if not low or major ~= 3 then return list, octets:sub(at) end
        local len = high * 256 + low
        list[#list + 1] = { type = kind, len = len, from = at, to = at + 4 + len,
            whole = at + 4 + len <= #octets }
        at = at + 5 + len
    end
    return list
end

-- Where TLS begins in what was written: behind STARTTLS, or at once.
local function start_of_tls(octets)
    if octets:find("^\22\3") then return 1 end
    local _, last = octets:find("\r\nSTARTTLS\r\n\22\3", 1, true)
    return last and last - 1
end

local function all_of(answer)
    return (table.unpack or unpack)(answer, 1, 3)
end

-- What there is, `most` octets of it; one is waited for.
local function read_some(wire, most, seconds)
    wire.socket:settimeout(seconds)
    local first, why = wire.socket:receive(1)
    if not first or most == 1 then return first, why, "" end
    wire.socket:settimeout(0)
    local rest, _, partial = wire.socket:receive(most - 1)
    return first .. (rest or partial)
end

local function read_exactly(wire, hint, seconds)
    local most = wire.options.give or hint
    if wire.options.more then return read_some(wire, 65536, seconds) end
    if wire.left then assert(hint == wire.left, ("asked for %d octets, awaited are %d"):format(hint, wire.left)) end
    wire.socket:settimeout(seconds)
    local bytes, why, partial = wire.socket:receive(math.min(most, hint))
    local n = #(bytes or partial or "")
    wire.left = n < hint and n > 0 and hint - n or nil
    return bytes, why, partial
end

local function read_line(wire, seconds)
    if wire.options.give then return read_some(wire, wire.options.give, seconds) end
    wire.socket:settimeout(seconds)
    local line, why, partial = wire.socket:receive("*l")
    if line then return line .. "\r\n" end
    return nil, why, partial
end

local function read(wire, hint, seconds)
    wire.reads = wire.reads + 1
    seconds = math.min(seconds or LIFE, LIFE)
    local answer = wire.on_read and { wire.on_read(wire.reads, hint, seconds) } or {}
    if answer[1] ~= nil or answer[2] ~= nil then return all_of(answer) end
    if hint == "line" then
        assert(not wire.in_tls(), "a line was asked for under TLS")
        return read_line(wire, seconds)
    end
    assert(wire.in_tls() and hint >= 1 and hint == math.floor(hint), "an odd hint: " .. tostring(hint))
    wire.largest = math.max(wire.largest, hint)
    return read_exactly(wire, hint, seconds)
end

local function write(wire, bytes, seconds)
    wire.writes = wire.writes + 1
    local answer = wire.on_write and { wire.on_write(wire.writes, bytes) } or {}
    if answer[1] ~= nil or answer[2] ~= nil then return all_of(answer) end
    return wire.put(bytes:sub(1, wire.options.take or #bytes), seconds)
end

function support.open(port, options)
    local wire = { reads = 0, writes = 0, sent = "", largest = 0, closed = 0, options = options or {} }
    wire.socket = assert(socket.connect("127.0.0.1", port))
    wire.socket:setoption("tcp-nodelay", true)

    -- Writes to the socket, past on_write.
    function wire.put(bytes, seconds)
        wire.socket:settimeout(math.min(seconds or LIFE, LIFE))
        local n, why, partial = wire.socket:send(bytes)
        wire.sent = wire.sent .. bytes:sub(1, n or partial)
        return n, why, partial
    end

    function wire.in_tls()
        wire.tls_at = wire.tls_at or start_of_tls(wire.sent)
        return wire.tls_at ~= nil
    end

    function wire.records()
        if not wire.in_tls() then return {}, wire.sent end
        return records_of(wire.sent:sub(wire.tls_at))
    end

    -- What went out in clear text.
    function wire.clear()
        return wire.in_tls() and wire.sent:sub(1, wire.tls_at - 1) or wire.sent
    end

    wire.io = {
        read = function(hint, seconds) return read(wire, hint, seconds) end,
        write = function(bytes, seconds) return write(wire, bytes, seconds) end,
        close = function()
            wire.closed = wire.closed + 1
            wire.socket:close()
        end,
    }
    wire.transport = { read = wire.io.read, write = wire.io.write, close = wire.io.close }
    return wire
end

support.records_of = records_of

return support
