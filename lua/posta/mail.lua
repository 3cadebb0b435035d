--- The table that says what to send, and the message that C makes of it.
-- First `misuse` looks at names and types, all of them, so that the public function can raise at its
-- caller's line; then `build` hands the values to C, whose judgement of them is returned.
-- @module posta.mail

local core = require "posta.core"
local body = require "posta.body"
local errors = require "posta.errors"
local names = require "posta.names"

local message = core.message
local mail = {}

------------------------------------------------------------------------------- names and types

local ADDRESS = {
    known = { name = "string", address = "string" },
    moved = { email = "address", mail = "address", addr = "address" },
}
local ADDRESS_SAID = "string or {name=,address=}"

local function is_mailbox(t)
    return rawget(t, "address") ~= nil or rawget(t, "name") ~= nil or rawget(t, "email") ~= nil
end

local function mailbox_misuse(value, path)
    if type(value) == "string" then return nil end
    if type(value) ~= "table" then return names.wrong_type(value, path, "string", ADDRESS_SAID) end
    local complaint = names.misuse(value, path, ADDRESS)
    if complaint then return complaint end
    if rawget(value, "address") == nil then
        return path .. ".address: expected string, got nil"
    end
    return nil
end

local function addresses_misuse(value, path)
    if type(value) ~= "table" then
        return names.wrong_type(value, path, "string", ADDRESS_SAID .. " or a list of them")
    end
    if is_mailbox(value) then return mailbox_misuse(value, path) end
    local n = names.list_len(value)
    if not n then
        return path .. ": expected " .. ADDRESS_SAID .. " or a list of them, got a table with other keys"
    end
    for i = 1, n do
        local complaint = mailbox_misuse(rawget(value, i), ("%s[%d]"):format(path, i))
        if complaint then return complaint end
    end
    return nil
end

local FIELD = { known = { name = "string", value = "string" } }

local function headers_misuse(value, path)
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
local function part_body_misuse(value, path)
    local file = type(value) == "table" and rawget(value, "file")
    if type(file) ~= "string" then return body.misuse(value, path) end
    for key in next, value do
        if key ~= "file" then return ("%s.%s: belongs to the part, beside body"):format(path, tostring(key)) end
    end
    return nil
end

local PART = {
    known = {
        file = "string", body = part_body_misuse, name = "string", type = "string", disposition = "string",
        description = "string", encoding = "string", charset = "string", size = "number",
        headers = headers_misuse, cid = "string",
    },
    moved = {
        filename = "name", path = "file", contentType = "type", content_type = "type",
        content = "body", data = "body", contentid = "cid", content_id = "cid",
    },
}

local function part_misuse(value, path)
    local complaint = names.misuse(value, path, PART)
    if complaint then return complaint end
    local file, given = rawget(value, "file"), rawget(value, "body")
    if file == nil and given == nil then return path .. ": expected file or body, got neither" end
    if file ~= nil and given ~= nil then return path .. ": expected file or body, got both" end
    return nil
end

local function is_part(value)
    return type(value) == "table" and (rawget(value, "file") ~= nil or rawget(value, "body") ~= nil)
end

-- text, html, raw: a body, or a part table.
local function content_misuse(value, path)
    if is_part(value) then return part_misuse(value, path) end
    return body.misuse(value, path)
end

local function attachment_misuse(value, path)
    if type(value) == "string" then return nil end
    return names.wrong_type(value, path, "table", "a path or a table with file or body")
        or part_misuse(value, path)
end

-- Pictures that the HTML names by cid: are a list of their own; many libraries mix the two.
local function attached_misuse(value, path)
    local complaint = attachment_misuse(value, path)
    if complaint then return complaint end
    if type(value) == "table" and rawget(value, "cid") ~= nil then
        return path .. ".cid: belongs to inline = { [cid] = ... }"
    end
    return nil
end

local function attachments_misuse(value, path)
    if type(value) == "string" then return nil end
    if type(value) ~= "table" then
        return names.wrong_type(value, path, "string", "a list of paths or tables")
    end
    if is_part(value) then return attached_misuse(value, path) end
    local n = names.list_len(value)
    if not n then return path .. ": expected a list of paths or tables" end
    for i = 1, n do
        local complaint = attached_misuse(rawget(value, i), ("%s[%d]"):format(path, i))
        if complaint then return complaint end
    end
    return nil
end

local function inline_misuse(value, path)
    if type(value) ~= "table" then return names.wrong_type(value, path, "table") end
    local n = names.list_len(value)
    if n and n > 0 then
        for i = 1, n do
            local at, one = ("%s[%d]"):format(path, i), rawget(value, i)
            local complaint = names.wrong_type(one, at, "table") or part_misuse(one, at)
                or names.wrong_type(rawget(one, "cid"), at .. ".cid", "string")
            if complaint then return complaint end
        end
        return nil
    end
    for cid, one in next, value do
        local complaint = names.wrong_type(cid, path, "string", "Content-IDs as keys")
            or attachment_misuse(one, ("%s.%s"):format(path, tostring(cid)))
        if complaint then return complaint end
    end
    return nil
end

local ENVELOPE = { known = { from = "string", to = addresses_misuse },
    moved = { sender = "from", mail_from = "from", rcpt = "to", rcpt_to = "to", recipients = "to" } }

local function envelope_misuse(value, path)
    return names.wrong_type(value, path, "table") or names.misuse(value, path, ENVELOPE)
end

local MAIL = {
    known = {
        from = addresses_misuse, sender = addresses_misuse, to = addresses_misuse,
        cc = addresses_misuse, bcc = addresses_misuse, reply_to = addresses_misuse,
        subject = "string", date = "number|string", message_id = "string", headers = headers_misuse,
        text = content_misuse, html = content_misuse, inline = inline_misuse,
        attachments = attachments_misuse, envelope = envelope_misuse,
        raw = content_misuse, line_ends = "string",
    },
    moved = {
        rcpt = "to", recipient = "to", recipients = "to", body = "text or html",
        content = "text or html", message = "text or html", replyTo = "reply_to",
        replyto = "reply_to", messageId = "message_id", files = "attachments",
        attachment = "attachments", attach = "attachments", filename = "attachments",
        charset = "text = { body =, charset = }", cid = "inline", images = "inline",
        source = "raw", mail_from = "envelope = { from =, to = }",
        rcpt_to = "envelope = { from =, to = }",
    },
    later = { calendar = true, dkim = true, dsn = true, priority = true, list = true },
}

local WITH_RAW = { raw = true, envelope = true, line_ends = true }

--- The complaint about a wrong type or name in a mail's table, or nil.
function mail.misuse(t, path)
    if type(t) ~= "table" then
        return ("%s: expected table or posta.message, got %s"):format(path, type(t))
    end
    local complaint = names.misuse(t, path, MAIL)
    if complaint or rawget(t, "raw") == nil then
        if not complaint and rawget(t, "line_ends") ~= nil then
            complaint = path .. ".line_ends: goes with raw only"
        end
        return complaint
    end
    for key in next, t do
        local line = ("%s.%s: a raw message brings its own header; give raw, envelope and line_ends")
            :format(path, key)
        if not WITH_RAW[key] and (not complaint or line < complaint) then complaint = line end
    end
    return complaint
end

--- The complaint about what is to be sent: a mail's table or a posta.message; or nil.
function mail.complaint(t, path)
    if not mail.is_message(t) then return mail.misuse(t, path) end
    return message.is_closed(t) and path .. ": message is closed" or nil
end

-------------------------------------------------------------------------------------- building

-- Each `put` answers true, or false when the message (or `self.problem`) has a problem.
local builder = {}
builder.__index = builder

local function sorted(t)
    local keys = {}
    for key in next, t do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
end

function builder:refuse(field, text, code)
    self.problem = { code = code or "field.invalid", field = field, text = field .. ": " .. text }
    return false
end

function builder:mailbox(label, field, value)
    if type(value) == "string" then
        return message.addresses(self.m, label, field, value)
    end
    return message.mailbox(self.m, label, field, rawget(value, "address"), rawget(value, "name"))
end

function builder:addresses(label, field, value)
    if value == nil then return true end
    if type(value) == "string" or is_mailbox(value) then return self:mailbox(label, field, value) end
    for i = 1, names.list_len(value) do
        if not self:mailbox(("%s[%d]"):format(label, i), field, rawget(value, i)) then return false end
    end
    return true
end

-- A header's fields as a flat list: name, value, name, value; and the label of each.
local function flat(headers, label)
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

function builder:headers(value)
    if value == nil then return true end
    local list, labels = flat(value, "headers")
    for i, label in ipairs(labels) do
        if not message.header(self.m, label, list[2 * i - 1], list[2 * i]) then return false end
    end
    return true
end

local ENCODINGS = { ["7bit"] = true, ["8bit"] = true, ["quoted-printable"] = true, base64 = true }

-- Octets that will come from a reader; nil: not told. False: refused.
function builder:size(label, part, value)
    local size = rawget(part, "size")
    if size == nil then return nil end
    local name = label .. ".size"
    if size ~= size or size < 0 or size > 2 ^ 53 or size ~= math.floor(size) then
        return self:refuse(name, "expected a whole number of octets")
    end
    if type(value) == "string" and size ~= #value then
        return self:refuse(name, ("says %d, but the body has %d octets"):format(size, #value))
    end
    if value == nil then return self:refuse(name, "a file knows its own size") end
    return size
end

local function base_name(path)
    return path:match("[^/\\]*$")
end

-- `part` is a table of the user's; `use` and `cid` come from where it stood.
function builder:part(label, use, part, cid)
    local file, value = rawget(part, "file"), rawget(part, "body")
    if not file and type(value) == "table" and type(rawget(value, "file")) == "string" then
        file, value = rawget(value, "file"), nil
    end
    local encoding = rawget(part, "encoding")
    if encoding and not ENCODINGS[encoding] then
        return self:refuse(label .. ".encoding", "is none of 7bit, 8bit, quoted-printable and base64")
    end
    local options = {
        name = rawget(part, "name"), type = rawget(part, "type"), charset = rawget(part, "charset"),
        disposition = rawget(part, "disposition"), description = rawget(part, "description"),
        encoding = encoding, content_id = cid or rawget(part, "cid"),
    }
    local headers = rawget(part, "headers")
    if headers then options.headers = flat(headers, label) end
    local size = self:size(label, part, value)
    if size == false then return false end
    if file then
        if not self.files then
            return self:refuse(label .. ".file", "files are switched off (files = false)")
        end
        if file:find("\0", 1, true) then return self:refuse(label .. ".file", "has a NUL octet") end
        if not options.name and (use == "attachment" or use == "inline") then
            options.name = base_name(file)
        end
        return message.part(self.m, label, use, "file", file, options)
    end
    if not body.is_slot(value) then
        return message.part(self.m, label, use, "data", value, options)
    end
    -- First the reader: C counts slots from the setter on.
    local data = core.data(self.m)
    data.readers[#data.readers + 1] = body.reader(value)
    if type(value) == "userdata" then data.handles[label] = value end
    return message.part(self.m, label, use, "slot", size, options)
end

function builder:content(label, use, value)
    if value == nil then return true end
    if is_part(value) then return self:part(label, use, value) end
    return self:part(label, use, { body = value })
end

-- An entry of attachments or inline: a path stands for { file = path }.
function builder:entry(label, use, value, cid)
    if type(value) == "string" then value = { file = value } end
    return self:part(label, use, value, cid)
end

function builder:inline(value)
    if value == nil then return true end
    local n = names.list_len(value)
    if n and n > 0 then
        for i = 1, n do
            if not self:entry(("inline[%d]"):format(i), "inline", rawget(value, i)) then return false end
        end
        return true
    end
    for _, cid in ipairs(sorted(value)) do
        local label = "inline." .. cid:gsub("%c", "?"):sub(1, 60)
        if not self:entry(label, "inline", rawget(value, cid), cid) then return false end
    end
    return true
end

function builder:attachments(value)
    if value == nil then return true end
    if type(value) == "string" or is_part(value) then value = { value } end
    for i = 1, names.list_len(value) do
        if not self:entry(("attachments[%d]"):format(i), "attachment", rawget(value, i)) then
            return false
        end
    end
    return true
end

function builder:one(setter, name, value)
    return value == nil or setter(self.m, name, value)
end

function builder:envelope(value)
    if value == nil then return true end
    local from = rawget(value, "from")
    -- "" is the null path, which is no address list.
    return (from == nil or message.mailbox(self.m, "envelope.from", "envelope_from", from))
        and self:addresses("envelope.to", "envelope_to", rawget(value, "to"))
end

local LINE_ENDS = { fix = "raw", reject = "raw-strict" }

function builder:raw(t)
    local ends = LINE_ENDS[rawget(t, "line_ends") or "fix"]
    if not ends then return self:refuse("line_ends", "is none of \"fix\" and \"reject\"") end
    return self:content("raw", ends, rawget(t, "raw")) and self:envelope(rawget(t, "envelope"))
end

function builder:all(t)
    local function get(name) return rawget(t, name) end
    return self:addresses("from", "from", get "from")
        and self:addresses("sender", "sender", get "sender")
        and self:addresses("reply_to", "reply_to", get "reply_to")
        and self:addresses("to", "to", get "to")
        and self:addresses("cc", "cc", get "cc")
        and self:addresses("bcc", "bcc", get "bcc")
        and self:envelope(get "envelope")
        and self:one(message.subject, "subject", get "subject")
        and self:one(message.date, "date", get "date")
        and self:one(message.id, "message_id", get "message_id")
        and self:headers(get "headers")
        and self:content("text", "text", get "text")
        and self:content("html", "html", get "html")
        and self:inline(get "inline")
        and self:attachments(get "attachments")
end

--- Makes the message of a table that `misuse` found fine. Nil and a problem when a value is wrong.
function mail.build(t, files)
    local m = message.new()
    core.data(m).readers, core.data(m).handles = {}, {}
    local self = setmetatable({ m = m, files = files ~= false }, builder)
    local fine
    if rawget(t, "raw") ~= nil then fine = self:raw(t) else fine = self:all(t) end
    if fine then return m end
    return nil, self.problem or mail.problem(m)
end

--- What is wrong with a message, as errors.problem takes it; nil: nothing.
function mail.problem(m)
    local code, field, text = message.problem(m)
    -- The one state that a finished message can be in: a body that cannot be read twice was read.
    if code == "state" then code = "body.failed" end
    return code and { code = code, field = field, text = text }
end

-- A problem when a file that it is to read was closed since it was made.
local function closed_file(m)
    for label, handle in next, core.data(m).handles do
        if body.is_closed_file(handle) then
            return { code = "body.failed", field = label, text = label .. ": the file is closed" }
        end
    end
    return nil
end

--- `m` itself when it has a sender and a recipient, and no file of it was closed; else nil, message,
-- err. Nobody need be called to know that.
function mail.addressed(m, peer)
    if not message.envelope(m) then return errors.problem(mail.problem(m), peer) end
    local problem = closed_file(m)
    if problem then return errors.problem(problem, peer) end
    return m
end

--- `m` itself when it can be composed, as far as can be seen without reading what can be read only
-- once; else nil, message, err. Before anybody is called: who must not hear of a mail that is wrong.
function mail.composed(m, peer)
    local fine, status = message.check(m)
    if fine then return m end
    return errors.problem(mail.problem(m) or { code = status, text = "mail: " .. status }, peer)
end

--- The message for `t`: itself when it is one. Nil, message, err on a wrong value.
function mail.of(t, files, peer)
    if mail.is_message(t) then return t end
    local m, problem = mail.build(t, files)
    if m then return m end
    return errors.problem(problem, peer)
end

--- Is it a posta.message?
function mail.is_message(value)
    return type(value) == "userdata" and message.is_message(value)
end

return mail
