--- posta.tls: whom a connection trusts, and what is shown to servers. Read once, then shared by as many
-- sessions and engines as one likes.
-- @module posta.tls

local core = require "posta.core"
local errors = require "posta.errors"
local names = require "posta.names"

local M = {}
local methods = core.tls.methods

-- The complaint about what is no string and no list of them, or nil.
local function texts_misuse(value, path)
    if type(value) == "string" then return nil end
    local complaint = names.wrong_type(value, path, "table", "string or list")
    if complaint then return complaint end
    local n = names.list_len(value)
    if not n then return path .. ": expected string or list, got table with names" end
    for i = 1, n do
        complaint = complaint or names.wrong_type(rawget(value, i), ("%s[%d]"):format(path, i), "string")
    end
    return complaint
end

local BESIDE = "%s = true beside tls"

local RULES = {
    known = {
        ca_file = "string", ca_path = "string", ca = "string", cert = "string", key = "string",
        key_password = "string|function", pin = texts_misuse, server_name = "string",
        min_version = "string", ciphers = texts_misuse,
    },
    moved = {
        cafile = "ca_file", capath = "ca_path", certificate = "cert", certfile = "cert", keyfile = "key",
        cert_file = "cert", key_file = "key", password = "key_password", passphrase = "key_password",
        servername = "server_name", sni = "server_name", hostname = "server_name",
        protocol = "min_version", minVersion = "min_version",
        verify = BESIDE:format "insecure_no_verify", rejectUnauthorized = BESIDE:format "insecure_no_verify",
    },
}
for _, name in ipairs { "insecure_no_verify", "insecure_any_name", "insecure_cn", "insecure_no_time" } do
    RULES.moved[name] = BESIDE:format(name)
end

local VERSIONS = { ["1.2"] = "1.2", ["1.3"] = "1.3", ["TLSv1.2"] = "1.2", ["TLSv1.3"] = "1.3" }

--- The complaint about what is no table for posta.tls, or nil.
function M.misuse(value, path)
    return names.wrong_type(value, path, "table") or names.misuse(value, path, RULES)
end

--- The complaint about what is neither that nor a posta.tls that is open, or nil.
function M.rule(value, path)
    local is_tls, is_open = core.tls.is_tls(value)
    if is_tls then return not is_open and path .. ": posta.tls is closed" or nil end
    return names.wrong_type(value, path, "table", "table or posta.tls") or M.misuse(value, path)
end

local function problem(field, text, code)
    return nil, { code = code or "field.invalid", field = field, text = text, stage = "compose" }
end

-- PEM and DER tell themselves; anything else is a path.
local function is_content(text)
    local first, second = text:byte(1, 2)
    return text:find("-----BEGIN ", 1, true) ~= nil or (first == 0x30 and second ~= nil and second > 0x80)
end

-- A list of texts as one. Read raw, as everything.
local function joined(value, separator)
    if type(value) ~= "table" then return value end
    local own = {}
    for i, one in next, value do own[i] = one end
    return table.concat(own, separator)
end

local TEXTS = { "ca_file", "ca_path", "cert_file", "key_file", "key_password", "pin", "server_name", "ciphers" }

-- The plain values for C.
local function plain(t)
    local own = {}
    for name, value in next, t do own[name] = value end
    for _, name in ipairs { "cert", "key" } do
        if own[name] and not is_content(own[name]) then own[name .. "_file"], own[name] = own[name], nil end
    end
    if type(own.key_password) == "function" then own.key_password = nil end
    own.pin, own.ciphers = joined(own.pin, ";"), joined(own.ciphers, ":")
    -- C takes nothing for not given, and would trust the system's certificates instead.
    for _, name in ipairs { "ca", "pin" } do
        if own[name] == "" then return problem("tls." .. name, "tls." .. name .. ": is empty") end
    end
    for _, name in ipairs(TEXTS) do
        if own[name] and own[name]:find("\0", 1, true) then
            local field = "tls." .. name:gsub("_file$", name:find "^ca" and "_file" or "")
            return problem(field, field .. ": has a NUL octet")
        end
    end
    if own.min_version then
        own.min_version = VERSIONS[own.min_version]
        if not own.min_version then
            return problem("tls.min_version", ("tls.min_version: %q is none of \"1.2\" and \"1.3\""):format(
                tostring(t.min_version):sub(1, 40)))
        end
    end
    return own
end

local MOST_PASSWORD = 255

-- What the function gave as the key's password.
local function asked(own, ask)
    local password, why = ask()
    if password == nil then
        return problem("tls.key_password", "tls.key_password: " .. tostring(why or "the function gave none"))
    end
    if type(password) ~= "string" then
        error("tls.key_password: expected string, got " .. type(password), 0)
    end
    if password:find("\0", 1, true) or #password > MOST_PASSWORD then
        return problem("tls.key_password", "tls.key_password: has a NUL octet or is longer than 255")
    end
    own.key_password = password
    return own
end

--- A handle for the table `t` (looked at by M.misuse before), or for a handle itself. Nil and a problem.
-- `insecure`: bits of C, for a handle that trusts nobody.
function M.make(t, insecure)
    if core.tls.is_tls(t) then return t end
    local own, wrong = plain(t)
    if not own then return nil, wrong end
    own.insecure = insecure
    local handle, status, field, text, wants_password = core.tls.new(own)
    local ask = rawget(t, "key_password")
    if not handle and wants_password and type(ask) == "function" then
        own, wrong = asked(own, ask)
        if not own then return nil, wrong end
        handle, status, field, text = core.tls.new(own)
    end
    if handle then return handle end
    if status == "tls.not_built" then text = "TLS is needed and this build of posta has none" end
    if text == "" then text = status end
    return problem(field ~= "" and field or "tls", text, status)
end

--- posta.tls{...}: the handle; or nil, message, err.
function M.new(t)
    local handle, wrong = M.make(t)
    if handle then return handle end
    return errors.problem(wrong)
end

--- Gives this share up; sessions that use it keep theirs.
function methods.close(handle)
    if not core.tls.is_tls(handle) then error("close: expected posta.tls, got " .. type(handle), 2) end
    core.tls.close(handle)
    return true
end

return M
