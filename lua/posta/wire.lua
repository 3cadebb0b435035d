--- The outer world in Lua: custom transports and resolvers under a session.
-- C notes what it wants to know (session.asks); `turn` calls the hook, in a plain Lua frame where it may
-- yield and raise, and hands the answer in.
-- @module posta.wire

local core = require "posta.core"
local names = require "posta.names"

local session = core.session
local wire = {}

local FRUITLESS = 1000          -- reads in a row that gave nothing and did not wait, and it counts as lost

local RULES = {
    known = { open = "function", read = "function", write = "function", close = "function",
        wait = "function", starttls = "function", secure = "boolean" },
    moved = { receive = "read", recv = "read", send = "write", connect = "open" },
}

--- The complaint about a value of `transport`, or nil.
function wire.misuse(value, path)
    local complaint = names.wrong_type(value, path, "table") or names.misuse(value, path, RULES)
    if complaint then return complaint end
    return names.wrong_type(rawget(value, "read"), path .. ".read", "function")
        or names.wrong_type(rawget(value, "write"), path .. ".write", "function")
end

--- A transport's functions in a table that nobody else has.
function wire.plain(value)
    if not value then return nil end
    local own = {}
    for name in next, RULES.known do own[name] = rawget(value, name) end
    return own
end

local function check_count(n, most)
    if type(n) == "number" and n >= 0 and n <= most and n == math.floor(n) then return end
    local got = type(n) == "number" and ("%.17g"):format(n) or type(n)
    error(("transport.write: expected a count of bytes from 0 to %d, got %s"):format(most, got), 0)
end

local serve = {}

function serve.resolve(s, data, host)
    data.why_unresolved = nil
    local list, why = data.resolve(host, data.port)
    if session.is_closed(s) then return true end
    if type(list) == "string" then list = { list } end
    if list ~= nil and type(list) ~= "table" then
        error("resolve: expected a list of addresses, got " .. type(list), 0)
    end
    if list == nil or next(list) == nil then data.why_unresolved = tostring(why or "no address was given") end
    local fine, at = session.resolved(s, list)
    if not fine then
        session.resolved(s, nil)
        data.why_unresolved = ("resolve gave %q, which is no numeric address"):format(tostring(list[at]))
    end
    return true
end

function serve.open(s, data, _, host, port)
    local open = data.transport.open
    data.why_unopened = nil
    local ok, why = true, nil
    if open then ok, why = open(host, port) end
    if session.is_closed(s) then return true end
    if not ok and (why == "again" or why == "timeout") then return false end
    if not ok then data.why_unopened = tostring(why or "transport.open gave nothing") end
    session.opened(s, ok and true or false)
    return true
end

function serve.starttls(s, data, name)
    data.why_insecure = nil
    local ok, why = data.transport.starttls(name)
    if session.is_closed(s) then return true end
    if not ok and (why == "again" or why == "timeout") then return false end
    if not ok then data.why_insecure = tostring(why or "transport.starttls gave nothing") end
    session.secured(s, ok and true or false)
    return true
end

function serve.write(s, data, seconds, bytes)
    data.in_write = #bytes
    local n, why, partial = data.transport.write(bytes, seconds)
    -- Closed meanwhile: all of the bytes counted as written then (wire.settle).
    if session.is_closed(s) then return true end
    -- LuaSocket tells in a third value how many bytes went out before it gave up.
    if n == nil and type(partial) == "number" then n = partial end
    -- An answer that is no count raises, and as for any error the bytes count as written (wire.lose).
    if n ~= nil then check_count(n, #bytes) end
    data.in_write = nil
    if n ~= nil then session.wrote(s, n) end
    if why ~= nil and why ~= "timeout" and why ~= "again" then session.wrote(s, nil) end
    return n ~= nil and n > 0 or why ~= nil and why ~= "timeout" and why ~= "again"
end

local function fruitless(s, data)
    data.fruitless = (data.fruitless or 0) + 1
    if data.fruitless >= FRUITLESS then session.ended(s, true) end
end

function serve.read(s, data, seconds, hint)
    data.in_read = true
    local bytes, why, partial = data.transport.read(hint, seconds)
    data.in_read = nil
    if session.is_closed(s) then return true end
    if bytes ~= nil then
        why = nil
    else
        bytes = type(partial) == "string" and partial or ""
        -- Without a reason it is the end, as it is for Lua's files.
        if why == nil then why = "closed" end
    end
    if type(bytes) ~= "string" then error("transport.read: expected string, got " .. type(bytes), 0) end
    session.received(s, bytes)
    if #bytes > 0 then
        data.fruitless = 0
    elseif why == nil and seconds ~= 0 then
        fruitless(s, data)
    end
    local is_over = why ~= nil and why ~= "timeout" and why ~= "again"
    if is_over then session.ended(s, why ~= "closed") end
    return #bytes > 0 or is_over
end

-- A read before something is said that must not be answered already; that it gave nothing counts too.
function serve.now(s, data, _, hint)
    serve.read(s, data, 0, hint)
    return true
end

function serve.close(s, data)
    session.closed(s)
    if data.transport and data.transport.close then data.transport.close() end
    return true
end

local NEEDS_SECONDS = { read = true, write = true, now = true }

--- Does one thing that C asks for. `seconds`: how long it may take, nil: no limit. True when something
-- came of it.
function wire.turn(s, data, seconds)
    local what, host, port = session.asks(s)
    if not what then return false end
    if NEEDS_SECONDS[what] then return serve[what](s, data, seconds, host) end
    if what == "open" then return serve.open(s, data, seconds, host, port) end
    return serve[what](s, data, host)
end

--- An error came out of the transport's read or write. What went through it then nobody knows: the
-- connection is lost, and the bytes count as written, so that no mail is called unsent that may be there.
function wire.lose(s, data)
    if not data.in_write and not data.in_read then return end
    if data.in_write then session.wrote(s, data.in_write) end
    data.in_write, data.in_read = nil, nil
    session.ended(s, true)
end

--- The session is about to be closed. Inside the transport's write nobody knows yet how much goes out:
-- the bytes count as written, so that no mail is called unsent that may be there.
function wire.settle(s, data)
    if not data.in_write or session.is_closed(s) then return end
    session.wrote(s, data.in_write)
    data.in_write = nil
end

--- Does C want to read only? Then there is time for something else.
function wire.only_reads(s)
    return session.asks(s) == "read"
end

--- Writes the farewell of a connection that ended and closes it.
function wire.finish(s, data)
    if not data.transport then return end
    for _ = 1, 3 do
        local what, bytes = session.asks(s)
        if what == "write" and not session.is_connected(s) then
            session.wrote(s, nil)
            data.transport.write(bytes, 0)
        elseif what == "close" then
            serve.close(s, data)
        else
            return
        end
    end
end

return wire
