--- The table that says what to send, and the message that C makes of it.
-- First `misuse` looks at names and types, all of them, so that the public function can raise at its
-- caller's line; then `build` hands the values to C, whose judgement of them is returned.
-- @module posta.mail

local core = require "posta.core"
local body = require "posta.body"
local errors = require "posta.errors"
local extension = require "posta.extension"
local names = require "posta.names"
local part = require "posta.part"
local typed = require "posta.typed"

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

-- text, html, raw: a body, or a part table.
local function content_misuse(value, path)
    if part.is_part(value) then return part.misuse(value, path) end
    return body.misuse(value, path)
end

-- true: made of the HTML.
local function text_misuse(value, path)
    if type(value) == "boolean" then return nil end
    return content_misuse(value, path)
end

local function html_misuse(value, path)
    if part.is_part(value) then return part.html_misuse(value, path) end
    return body.misuse(value, path)
end

local function attachment_misuse(value, path)
    if type(value) == "string" then return nil end
    return names.wrong_type(value, path, "table", "a path or a table with file or body")
        or part.misuse(value, path)
end

-- Pictures that the HTML names by cid: are a list of their own; many libraries mix the two.
local function attached_misuse(value, path)
    if part.is_node(value) then return nil end -- looked at with the tree
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
    if part.is_part(value) or part.is_node(value) then return attached_misuse(value, path) end
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
            local complaint = names.wrong_type(one, at, "table") or part.misuse(one, at)
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
        subject = "string", date = "number|string", message_id = "string", headers = part.headers_misuse,
        text = text_misuse, html = html_misuse, inline = inline_misuse,
        embed = "boolean|string", flowed = "boolean",
        attachments = attachments_misuse, envelope = envelope_misuse,
        raw = content_misuse, line_ends = "string", part = "table",
    },
    moved = {
        rcpt = "to", recipient = "to", recipients = "to", body = "text or html",
        content = "text or html", message = "text or html", replyTo = "reply_to",
        replyto = "reply_to", messageId = "message_id", files = "attachments",
        attachment = "attachments", attach = "attachments", filename = "attachments",
        charset = "text = { body =, charset = }", cid = "inline", images = "inline",
        format = "flowed = true", embed_images = "embed", embedImages = "embed",
        source = "raw", mail_from = "envelope = { from =, to = }",
        rcpt_to = "envelope = { from =, to = }",
    },
    later = { dkim = true },
}
for name, rule in next, extension.rules do MAIL.known[name] = rule end
for name, rule in next, typed.rules(addresses_misuse) do MAIL.known[name] = rule end
for name, said in next, typed.moved do MAIL.moved[name] = said end

-- Parts that hold others: each has one place in the mail. A mail inside another, `depth` levels down, shares
-- what was `seen`: nothing else ends a cycle.
local function tree_misuse(t, path, seen, depth)
    seen, depth = seen or { [t] = path }, (depth or 0) + 1
    local root, attached = rawget(t, "part"), rawget(t, "attachments")
    local complaint = root and part.node_misuse(root, path .. ".part", seen, depth)
    if complaint or type(attached) ~= "table" then return complaint end
    if part.is_node(attached) then return part.node_misuse(attached, path .. ".attachments", seen, depth) end
    for i = 1, names.list_len(attached) or 0 do
        local one = rawget(attached, i)
        if part.is_node(one) then
            complaint = complaint
                or part.node_misuse(one, ("%s.attachments[%d]"):format(path, i), seen, depth)
        end
    end
    return complaint
end

-- What makes sense beside another field only.
local function lonely_misuse(t, path)
    if rawget(t, "html") == nil then
        if rawget(t, "text") == true then return path .. ".text: true makes it of html, which is missing" end
        if rawget(t, "embed") then return path .. ".embed: goes with html only" end
    end
    if rawget(t, "flowed") and not rawget(t, "text") then return path .. ".flowed: goes with text only" end
    return nil
end

local BESIDE_PART = { "text", "html", "inline", "attachments", "calendar" }

local function beside_misuse(t, path)
    for _, name in ipairs(BESIDE_PART) do
        if rawget(t, "part") ~= nil and rawget(t, name) ~= nil then
            return ("%s.%s: does not go with part; put it into the tree"):format(path, name)
        end
    end
    return nil
end

local WITH_RAW = { raw = true, envelope = true, line_ends = true }
for name in next, extension.rules do WITH_RAW[name] = true end

--- The complaint about a wrong type or name in a mail's table, or nil. `seen` and `depth`: of a mail that is enclosed
-- in another.
function mail.misuse(t, path, seen, depth)
    if type(t) ~= "table" then
        return ("%s: expected table or posta.message, got %s"):format(path, type(t))
    end
    local complaint = names.misuse(t, path, MAIL) or beside_misuse(t, path) or tree_misuse(t, path, seen, depth)
        or lonely_misuse(t, path)
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

part.mail_misuse = mail.misuse

-- Each `put` answers true, or false when the message (or `self.problem`) has a problem.
local builder = {}
builder.__index = builder

function builder:refuse(field, text, code)
    self.problem = { code = code or "field.invalid", field = field, text = field .. ": " .. text }
    return false
end

-- A file could not be read. True: it is noted, and an empty part may stand in for it.
function builder:lost()
    local code, field, text = message.problem(self.m)
    if not self.missing or code ~= "file.not_found" then return false end
    self.missing[#self.missing + 1] = { severity = "error", code = code, place = field, text = text }
    message.forget(self.m)
    return true
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

function builder:headers(value)
    if value == nil then return true end
    local list, labels = part.flat(value, "headers")
    for i, label in ipairs(labels) do
        if not message.header(self.m, label, list[2 * i - 1], list[2 * i]) then return false end
    end
    return true
end

function builder:content(label, use, value)
    if value == nil then return true end
    if part.is_part(value) then return part.put(self, label, use, value) end
    return part.put(self, label, use, { body = value })
end

-- `flowed` is the mail's; a part's own is nearer.
function builder:text(value, flowed)
    local is_part = part.is_part(value)
    if not is_part or rawget(value, "flowed") == nil then
        local own = { flowed = flowed }
        for key, one in next, is_part and value or { body = value } do own[key] = one end
        value = own
    end
    return part.put(self, "text", "text", value)
end

-- The HTML, its pictures, and the text where it is made of the HTML.
function builder:html(t)
    local value, text = rawget(t, "html"), rawget(t, "text")
    local base = part.embed_base(value, rawget(t, "embed"))
    if not self:content("html", "html", value) then return false end
    if base then
        if not self.files then return self:refuse("html.embed", "files are switched off (files = false)") end
        if not message.embed(self.m, "html", base) then return false end
    end
    return text ~= true or message.text_from_html(self.m, "text", { flowed = rawget(t, "flowed") })
end

-- An entry of attachments or inline: a path stands for { file = path }.
function builder:entry(label, use, value, cid)
    if type(value) == "string" then value = { file = value } end
    return part.put(self, label, use, value, cid)
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
    for _, cid in ipairs(part.sorted(value)) do
        local label = "inline." .. cid:gsub("%c", "?"):sub(1, 60)
        if not self:entry(label, "inline", rawget(value, cid), cid) then return false end
    end
    return true
end

function builder:attachments(value)
    if value == nil then return true end
    if type(value) == "string" or part.is_part(value) or part.is_node(value) then value = { value } end
    for i = 1, names.list_len(value) do
        local one, label = rawget(value, i), ("attachments[%d]"):format(i)
        local fine, node
        if part.is_node(one) then
            fine, node = part.put_node(self, label, one)
            fine = fine and message.attach_part(self.m, node)
        else
            fine = self:entry(label, "attachment", one)
        end
        if not fine then return false end
    end
    return true
end

function builder:tree(value)
    if value == nil then return true end
    local fine, root = part.put_node(self, "part", value)
    return fine and message.tree(self.m, root)
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
        and extension.put(self, t)
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
        and typed.put(self, t)
        and extension.put(self, t)
        and self:headers(get "headers")
        and (type(get "text") == "boolean" or get "text" == nil or self:text(get "text", get "flowed"))
        and self:html(t)
        and self:inline(get "inline")
        and typed.put_calendar(self, get "calendar")
        and self:attachments(get "attachments")
        and self:tree(get "part")
end

--- Makes the message of a table that `misuse` found fine. Nil and a problem when a value is wrong. `missing`: a list
-- for files that are not there, of which posta.check tells all; the message is then for looking at only. Behind the problem comes what was made so far.
function mail.build(t, files, missing)
    local m = message.new()
    core.data(m).readers, core.data(m).handles = {}, {}
    local self = setmetatable({ m = m, files = files ~= false, build = mail.build, missing = missing }, builder)
    local fine
    if rawget(t, "raw") ~= nil then fine = self:raw(t) else fine = self:all(t) end
    if fine then return m end
    return nil, self.problem or mail.problem(m), m
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
