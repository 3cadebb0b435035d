--- Bodies: where the octets of a part come from.
-- Strings and files are read by C. All else (functions, file handles, objects with `read`) is a slot:
-- C says which slot it waits for, `feed` asks the reader and hands the piece over. Readers run here, in
-- plain Lua frames: they may yield and may raise.
-- @module posta.body

local core = require "posta.core"
local names = require "posta.names"

local message = core.message
local body = {}

local PIECE = 16384

local function method_read(value)
    return value.read
end

local function has_read(value)
    if type(value) ~= "userdata" and type(value) ~= "table" then return false end
    -- Objects are asked the ordinary way, so that classes work. Some raise when asked: they have none.
    local ok, read = pcall(method_read, value)
    return ok and type(read) == "function"
end

--- Is it a file handle that was closed? io.type would say it too, but a host may have no io.
function body.is_closed_file(value)
    return type(value) == "userdata" and tostring(value) == "file (closed)"
end

--- The complaint about a value that is no body, or nil. `{ file = path }` is looked at by the caller.
function body.misuse(value, path)
    if body.is_closed_file(value) then return path .. ": the file is closed" end
    if type(value) == "string" or type(value) == "function" or has_read(value) then return nil end
    return names.wrong_type(value, path, "string|function",
        "string, function, file handle, { file = path } or object with read")
end

--- Is it read by Lua?
function body.is_slot(value)
    return type(value) ~= "string"
end

--- A function that gives the next piece: string; nil at the end; nil and a message.
function body.reader(value)
    if type(value) == "function" then return value end
    return function()
        if body.is_closed_file(value) then return nil, "the file is closed" end
        local piece, why = value:read(PIECE)
        -- "" is "not yet" for functions, the end for objects: files of other hosts say it so.
        if piece == "" then piece = nil end
        return piece, why
    end
end

--- What a reader says, as part of a message of one line.
function body.reason(why)
    return (tostring(why):gsub("[%z\1-\31\127]", "?"))
end

-- The message that waits for a slot: `m`, or one that is enclosed in it. Those are read in the order of the
-- list, so looking begins where one waited last: else a thousand of them were a million looks.
local function waiting(m)
    if message.wanted(m) then return m end
    local data = core.data(m)
    local enclosed, from = data.enclosed or {}, data.waited or 1
    for i = from, from + #enclosed - 1 do
        local at = (i - 1) % #enclosed + 1
        local found = waiting(enclosed[at])
        if found then
            data.waited = at
            return found
        end
    end
    return nil
end

--- Gives the slot that message `m` waits for its next piece. True when the reader had nothing yet.
function body.feed(m)
    m = waiting(m)
    if not m then return false end
    local slot, data = message.wanted(m), core.data(m)
    local piece, why = data.readers[slot]()
    -- The reader may have closed the message or let somebody else compose it again.
    if message.is_closed(m) or message.wanted(m) ~= slot then return false end
    if piece == "" then return true end
    if type(piece) == "string" then
        message.feed(m, slot, piece)
    elseif piece ~= nil then
        message.fail(m, slot, ("expected a string from the body's reader, got %s"):format(type(piece)))
    elseif why ~= nil then
        message.fail(m, slot, body.reason(why))
    else
        message.finish(m, slot)
    end
    return false
end

--- Ends the slot that message `m` waits for with a failure.
function body.fail(m, why)
    m = not message.is_closed(m) and waiting(m)
    if m then message.fail(m, message.wanted(m), why) end
end

return body
