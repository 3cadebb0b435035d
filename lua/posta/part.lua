--- Parts of a message: their tables, and what C makes of them. A part has one of file, body, parts (it is
-- a multipart) and message (it is another message); what stands elsewhere says what it is for.
-- @module posta.part

local core = require "posta.core"
local body = require "posta.body"
local names = require "posta.names"

local message = core.message
local part = {}

local MAX_DEPTH = 40

------------------------------------------------------------------------------- names and types

local FIELD = { known = { name = "string", value = "string" } }

--- The complaint about what is no map of header fields and no list of { name =, value = }, or nil.
function part.headers_misuse(value, path)
    if type(value) ~= "table" then return names.wrong_type(value, path, "table") end
    local n = names.list_len(value)
    if n and n > 0 then
        for i = 1, n do
            local at, one = ("%s[%d]"):format(path, i), rawget(value, i)
            local complaint = names.wrong_type(one, at, "table", "{name=,value=}")
                or names.misuse(one, at, FIELD)
                or names.wrong_type(rawget(one, "name"), at .. ".name", "string")
                or names.wrong_type(rawget(one, "value"), at .. ".value", "string")
            if complaint then return complaint end
        end
        return nil
    end
    for name, one in next, value do
        local complaint = names.wrong_type(name, path, "string", "names as keys")
            or names.wrong_type(one, ("%s[%q]"):format(path, name), "string")
        if complaint then return complaint end
    end
    return nil
end

-- A part's body may be { file = path } too, as everywhere.
local function body_misuse(value, path)
    local file = type(value) == "table" and rawget(value, "file")
    if type(file) ~= "string" then return body.misuse(value, path) end
    for key in next, value do
        if key ~= "file" then return ("%s.%s: belongs to the part, beside body"):format(path, tostring(key)) end
    end
    return nil
end

local function parts_misuse(value, path)
    local n = type(value) == "table" and names.list_len(value)
    if not n then return path .. ": expected a list of parts" end
    if n == 0 then return path .. ": a multipart needs at least one part" end
    for i = 1, n do
        local complaint = names.wrong_type(rawget(value, i), ("%s[%d]"):format(path, i), "table")
        if complaint then return complaint end
    end
    return nil
end

-- What is in a message's table is looked at by node_misuse, which knows what is above it.
local function message_misuse(value, path)
    if type(value) == "table" then return nil end
    if type(value) ~= "userdata" or not message.is_message(value) then
        return ("%s: expected table or posta.message, got %s"):format(path, type(value))
    end
    return message.is_closed(value) and path .. ": message is closed" or nil
end

local PART = {
    known = {
        file = "string", body = body_misuse, name = "string", type = "string", disposition = "string",
        description = "string", encoding = "string", charset = "string", size = "number",
        headers = part.headers_misuse, cid = "string", language = "string", parameters = part.headers_misuse,
        flowed = "boolean",
    },
    moved = {
        filename = "name", path = "file", contentType = "type", content_type = "type",
        content = "body", data = "body", contentid = "cid", content_id = "cid", lang = "language",
        params = "parameters",
    },
}

local NODE = { known = { parts = parts_misuse, message = message_misuse }, moved = { children = "parts" } }
for key, rule in next, PART.known do NODE.known[key] = rule end
for key, rule in next, PART.moved do NODE.moved[key] = rule end

local HTML = { known = { embed = "boolean|string", base = "string" }, moved = PART.moved }
for key, rule in next, PART.known do HTML.known[key] = rule end

-- Exactly one of the keys is there.
local function one_of(value, path, ...)
    local n, said = 0, {}
    for i = 1, select("#", ...) do
        said[i] = (select(i, ...))
        if rawget(value, said[i]) ~= nil then n = n + 1 end
    end
    if n == 1 then return nil end
    local last = table.remove(said)
    return ("%s: expected %s or %s, got %s"):format(path, table.concat(said, ", "), last,
        n == 0 and "neither" or #said > 1 and "several" or "both")
end

--- The complaint about a part that stands where only octets can, or nil.
function part.misuse(value, path)
    return names.misuse(value, path, PART) or one_of(value, path, "file", "body")
end

--- The same for the HTML, whose pictures may be embedded.
function part.html_misuse(value, path)
    return names.misuse(value, path, HTML) or one_of(value, path, "file", "body")
end

--- Is it a table with octets?
function part.is_part(value)
    return type(value) == "table" and (rawget(value, "file") ~= nil or rawget(value, "body") ~= nil)
end

--- Is it a table that holds other parts, or a message?
function part.is_node(value)
    return type(value) == "table" and (rawget(value, "parts") ~= nil or rawget(value, "message") ~= nil)
end

-- The complaint about a part used twice, a cycle, too many levels; `seen` has the places of all.
local function place_misuse(t, path, seen, depth)
    local before = seen[t]
    if before and path:sub(1, #before) == before then return path .. ": is a part of itself" end
    if before then return ("%s: is used already at %s; a part has one place in a message"):format(path, before) end
    if depth > MAX_DEPTH then return path .. ": is deeper than 40 levels" end
    seen[t] = path
    return nil
end

--- The complaint about a part that may hold others, or nil. `seen`: of one message and those enclosed in it, so
-- that a message that encloses itself ends somewhere.
function part.node_misuse(t, path, seen, depth)
    depth = depth or 1
    local complaint = names.wrong_type(t, path, "table", "a part: posta.part{...} or such a table")
        or place_misuse(t, path, seen, depth)
        or names.misuse(t, path, NODE)
        or one_of(t, path, "file", "body", "parts", "message")
    local parts, enclosed = not complaint and rawget(t, "parts"), not complaint and rawget(t, "message")
    if type(enclosed) == "table" then
        path = path .. ".message"
        return place_misuse(enclosed, path, seen, depth) or part.mail_misuse(enclosed, path, seen, depth)
    end
    for i = 1, parts and names.list_len(parts) or 0 do
        complaint = complaint or part.node_misuse(rawget(parts, i), ("%s.parts[%d]"):format(path, i), seen, depth + 1)
    end
    return complaint
end

-------------------------------------------------------------------------------------- building

local function sorted(t)
    local keys = {}
    for key in next, t do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
end
part.sorted = sorted

--- Fields as a flat list: name, value, name, value; and the label of each.
function part.flat(headers, label)
    local list, labels = {}, {}
    local n = names.list_len(headers)
    if n and n > 0 then
        for i = 1, n do
            local one = rawget(headers, i)
            list[#list + 1], list[#list + 2] = rawget(one, "name"), rawget(one, "value")
            labels[#labels + 1] = ("%s[%d]"):format(label, i)
        end
        return list, labels
    end
    for _, name in ipairs(sorted(headers)) do
        list[#list + 1], list[#list + 2] = name, rawget(headers, name)
        labels[#labels + 1] = label .. "." .. name:gsub("%c", "?"):sub(1, 60)
    end
    return list, labels
end

local ENCODINGS = { ["7bit"] = true, ["8bit"] = true, ["quoted-printable"] = true, base64 = true, binary = true }

-- Octets that will come from a reader; nil: not told. False: refused.
local function size_of(builder, label, t, value)
    local size = rawget(t, "size")
    if size == nil then return nil end
    local name = label .. ".size"
    if size ~= size or size < 0 or size > 2 ^ 53 or size ~= math.floor(size) then
        return builder:refuse(name, "expected a whole number of octets")
    end
    if type(value) == "string" and size ~= #value then
        return builder:refuse(name, ("says %d, but the body has %d octets"):format(size, #value))
    end
    if value == nil then return builder:refuse(name, "a file knows its own size") end
    return size
end

local function base_name(path)
    return path:match("[^/\\]*$")
end

-- The path of a part that is a file, or nil; and else its body.
local function file_and_body(t)
    local file, value = rawget(t, "file"), rawget(t, "body")
    if not file and type(value) == "table" and type(rawget(value, "file")) == "string" then
        return rawget(value, "file"), nil
    end
    return file, value
end

--- The folder that the HTML's pictures are in: `base`, embed = "folder", else that of its file; "" is the
-- program's own. Nil: they are not to be embedded.
function part.embed_base(value, embed)
    local t = type(value) == "table" and part.is_part(value) and value or {}
    if rawget(t, "embed") ~= nil then embed = rawget(t, "embed") end
    if not embed then return nil end
    local base = type(embed) == "string" and embed or rawget(t, "base")
    local file = file_and_body(t)
    return base or file and file:sub(1, -1 - #base_name(file)) or ""
end

-- What is said about a part, for C; false: refused.
local function options_of(builder, label, t, cid)
    local encoding = rawget(t, "encoding")
    if encoding and not ENCODINGS[encoding] then
        return builder:refuse(label .. ".encoding", "is none of 7bit, 8bit, quoted-printable, base64 and binary")
    end
    local options = {
        name = rawget(t, "name"), type = rawget(t, "type"), charset = rawget(t, "charset"),
        disposition = rawget(t, "disposition"), description = rawget(t, "description"),
        encoding = encoding, content_id = cid or rawget(t, "cid"), language = rawget(t, "language"),
        flowed = rawget(t, "flowed"),
    }
    local headers, parameters = rawget(t, "headers"), rawget(t, "parameters")
    if headers then options.headers = part.flat(headers, label) end
    if parameters then options.parameters = part.flat(parameters, label) end
    return options
end

local NAMED = { attachment = true, inline = true, leaf = true }

--- Gives C a part with octets. `use` and `cid` come from where it stood. True, and of a leaf its handle; or
-- false: the message or the builder has the problem.
function part.put(builder, label, use, t, cid, method)
    local m = builder.m
    local file, value = file_and_body(t)
    local options = options_of(builder, label, t, cid)
    local size = options and size_of(builder, label, t, value)
    if not options or size == false then return false end
    if file then
        if not builder.files then
            return builder:refuse(label .. ".file", "files are switched off (files = false)")
        end
        if file:find("\0", 1, true) then return builder:refuse(label .. ".file", "has a NUL octet") end
        if not options.name and NAMED[use] then options.name = base_name(file) end
        local fine, leaf = message.part(m, label, use, "file", file, options, method)
        if fine or not builder:lost() then return fine, leaf end
        return message.part(m, label, use, "data", "", options, method)
    end
    if not body.is_slot(value) then
        return message.part(m, label, use, "data", value, options, method)
    end
    -- First the reader: C counts slots from the setter on.
    local data = core.data(m)
    data.readers[#data.readers + 1] = body.reader(value)
    if type(value) == "userdata" then data.handles[label] = value end
    return message.part(m, label, use, "slot", size, options, method)
end

-- A handle of its own: its caller may close `other`, whose readers are asked for all that.
local function keep_enclosed(data, other)
    local own, given = message.share(other), core.data(other)
    local kept = core.data(own)
    kept.given, kept.readers, kept.enclosed = other, given.readers, given.enclosed
    data.enclosed = data.enclosed or {}
    data.enclosed[#data.enclosed + 1] = own
end

local function enclose(builder, label, t)
    local other = rawget(t, "message")
    local options = options_of(builder, label, t)
    if not options then return false end
    if type(other) == "table" then
        local problem
        other, problem = builder.build(other, builder.files)
        if not other then
            return builder:refuse(label .. ".message", problem.text, problem.code)
        end
    elseif message.is_busy(other) then
        return builder:refuse(label .. ".message", "is being sent")
    end
    local fine, node = message.enclose(builder.m, label, other, options)
    if fine then keep_enclosed(core.data(builder.m), other) end
    return fine, node
end

--- Gives C a part with all that hangs on it. True and its handle; or false.
function part.put_node(builder, label, t)
    local parts = rawget(t, "parts")
    if rawget(t, "message") ~= nil then return enclose(builder, label, t) end
    if not parts then return part.put(builder, label, "leaf", t) end
    local options = options_of(builder, label, t)
    if not options then return false end
    local fine, node = message.multipart(builder.m, label, options)
    if not fine then return false end
    for i = 1, names.list_len(parts) do
        local child
        fine, child = part.put_node(builder, ("%s.parts[%d]"):format(label, i), rawget(parts, i))
        if not fine or not message.add(builder.m, node, child) then return false end
    end
    return true, node
end

local META = { __name = "posta.part", __metatable = "posta.part" }

--- A part to be given as `part`, in `parts` or in `attachments`; raises on misuse.
function part.new(t)
    local complaint = part.node_misuse(t, "part", {})
    if complaint then error(complaint, 3) end
    local own = {}
    for key, value in next, t do own[key] = value end
    return setmetatable(own, META)
end

return part
