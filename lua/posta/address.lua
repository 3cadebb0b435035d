--- posta.address: e-mail addresses, read and written as messages do it.
-- @module posta.address

local codec = require "posta.codec"
local core = require "posta.core"
local errors = require "posta.errors"
local names = require "posta.names"

local address = {}

local function refuse(text, why, at)
    local shown = text:gsub("[%c\127-\255]", "?"):sub(1, 60)
    return errors.fail {
        code = "field.invalid", field = "address",
        message = ("address: \"%s\" %s (byte %d)"):format(shown, why, at),
    }
end

local function expect_string(value, name)
    if type(value) ~= "string" then
        error(("%s: expected string, got %s"):format(name, type(value)), 3)
    end
end

local function public(entry)
    return {
        name = entry.name, address = entry.address,
        local_part = entry.local_part, domain = entry.domain,
    }
end

--- Reads one mailbox: "Ana <ana@x.org>" or "ana@x.org".
-- @return { name, address, local_part, domain }; or nil, message, err
function address.parse(text)
    expect_string(text, "parse")
    local entry, why, at = core.address.mailbox(text)
    if not entry then return refuse(text, why, at) end
    return public(entry)
end

--- Reads an address list. A group becomes { group = name, members = { ... } } in its place.
-- @return list; or nil, message, err
function address.parse_list(text)
    expect_string(text, "parse_list")
    local entries, why, at = core.address.list(text)
    if not entries then return refuse(text, why, at) end
    local list, group = {}, nil
    for _, entry in ipairs(entries) do
        if entry.kind == "group" then
            group = { group = entry.name or "", members = {} }
            list[#list + 1] = group
        elseif entry.kind == "end" then
            group = nil
        else
            local into = group and group.members or list
            into[#into + 1] = public(entry)
        end
    end
    return list
end

-- RFC 5322 atoms and spaces go as they are, and so does what is not ASCII; the rest is quoted.
local function phrase(name)
    local plain = name:gsub("[\128-\255]", "x")
    if plain:find("^[%w!#$%%&'*+/=?^_`{|}~-][%w!#$%%&'*+/=?^_`{|}~ -]*$") and not plain:find("  ", 1, true)
        and not plain:find(" $") then
        return name
    end
    return '"' .. name:gsub('[\\"]', "\\%0") .. '"'
end

-- What parse gives may be written again.
local FORMAT = {
    known = { name = "string", address = "string", local_part = "string", domain = "string" },
    moved = { email = "address", mail = "address", addr = "address" },
}

--- Writes { name =, address = } as people read it: `Ana <ana@x.org>`.
-- @return string; or nil, message, err
function address.format(t)
    if type(t) ~= "table" then error("format: expected table, got " .. type(t), 2) end
    local complaint = names.misuse(t, "format", FORMAT)
    if complaint then error(complaint, 2) end
    local name, bare = rawget(t, "name"), rawget(t, "address")
    if bare == nil then error("format.address: expected string, got nil", 2) end
    local entry, why, at = core.address.path(bare)
    if not entry then return refuse(bare, why, at) end
    if name == nil or name == "" then return entry.address end
    if name:find("%c") then return refuse(name, "has a control character", (name:find("%c"))) end
    if not core.codec.word_encode(name) then return refuse(name, "is not valid UTF-8", 1) end
    return phrase(name) .. " <" .. entry.address .. ">"
end

--- Is it a bare address that a server can be told (`ana@x.org`)?
-- @return true; or nil, message, err
function address.validate(text)
    expect_string(text, "validate")
    local entry, why, at = core.address.path(text)
    if not entry then return refuse(text, why, at) end
    return true
end

--- A filter for ltn12: an address list goes in, in pieces; each mailbox comes out on a line of its own, as
-- `format` writes it, those of groups too. It gives all at the end, and raises what is wrong.
function address.filter()
    return codec.gathering(function(text)
        local list, why = address.parse_list(text)
        if not list then return nil, why end
        local lines = {}
        local function add(one) lines[#lines + 1] = address.format(one) .. "\r\n" end
        for _, one in ipairs(list) do
            if not one.group then add(one) end
            for _, member in ipairs(one.members or {}) do add(member) end
        end
        return table.concat(lines)
    end, "address.filter")
end

return address
