--- Header fields with a meaning of their own: answers, lists, priority and the like; and invitations.
-- `misuse` functions look at types, `put` gives the values to C, whose judgement of them is returned.
-- @module posta.typed

local core = require "posta.core"
local body = require "posta.body"
local names = require "posta.names"
local part = require "posta.part"

local message = core.message
local typed = {}

------------------------------------------------------------------------------- names and types

-- A string, or a list of strings.
local function strings_misuse(value, path)
    if type(value) == "string" then return nil end
    local n = type(value) == "table" and names.list_len(value)
    if not n then return names.wrong_type(value, path, "string", "string or a list of strings") end
    for i = 1, n do
        local complaint = names.wrong_type(rawget(value, i), ("%s[%d]"):format(path, i), "string")
        if complaint then return complaint end
    end
    return nil
end

local PARENT = { known = { message_id = "string", references = "string" }, moved = { id = "message_id" } }

local function answered_misuse(value, path)
    if type(value) ~= "table" or names.list_len(value) then return strings_misuse(value, path) end
    local complaint = names.misuse(value, path, PARENT)
    if not complaint and rawget(value, "message_id") == nil then
        complaint = path .. ".message_id: expected string, got nil"
    end
    return complaint
end

local LIST = {
    known = {
        id = "string", unsubscribe = strings_misuse, subscribe = strings_misuse, post = strings_misuse,
        help = strings_misuse, owner = strings_misuse, archive = strings_misuse, one_click = "boolean",
    },
    moved = { oneClick = "one_click", unsub = "unsubscribe" },
}

local function list_misuse(value, path)
    return names.wrong_type(value, path, "table") or names.misuse(value, path, LIST)
end

local PRIORITIES = { low = true, normal = true, high = true }

local function priority_misuse(value, path)
    if PRIORITIES[value] then return nil end
    return path .. ": expected \"high\", \"normal\" or \"low\""
end

local CALENDAR_OWN = { method = "string", name = "string", body = body.misuse, file = "string" }
local CALENDAR = { known = CALENDAR_OWN, moved = { filename = "name", path = "file", content = "body" } }

local function calendar_misuse(value, path)
    if type(value) == "string" then return nil end
    local complaint = names.wrong_type(value, path, "table", "string or { method =, body = | file =, name = }")
        or names.misuse(value, path, CALENDAR)
    if complaint then return complaint end
    if (rawget(value, "body") == nil) == (rawget(value, "file") == nil) then
        return path .. ": expected file or body, got " .. (rawget(value, "file") and "both" or "neither")
    end
    return nil
end

--- The rules for a mail's table; `addresses` is the rule for addresses.
function typed.rules(addresses)
    return {
        in_reply_to = answered_misuse, references = strings_misuse, list = list_misuse,
        auto_submitted = "string|boolean", priority = priority_misuse, idempotency_key = "string",
        disposition_notification_to = addresses, calendar = calendar_misuse,
    }
end

--- What migrants write for them.
typed.moved = {
    inReplyTo = "in_reply_to", autoSubmitted = "auto_submitted", importance = "priority",
    list_unsubscribe = "list = { unsubscribe = }", listUnsubscribe = "list = { unsubscribe = }",
    icalEvent = "calendar", ical = "calendar", ics = "calendar",
    read_receipt = "disposition_notification_to", readReceipt = "disposition_notification_to",
}

-------------------------------------------------------------------------------------- building

-- Calls set(m, label, value) for the string or each of the list.
local function each(m, label, value, set)
    if type(value) == "string" then return set(m, label, value) end
    for i = 1, names.list_len(value) do
        if not set(m, ("%s[%d]"):format(label, i), rawget(value, i)) then return false end
    end
    return true
end

local function put_answered(m, value)
    local id = type(value) == "table" and rawget(value, "message_id")
    if not id then return each(m, "in_reply_to", value, message.in_reply_to) end
    return message.answer(m, "in_reply_to", id, rawget(value, "references") or "")
end

local FIELDS = { "id", "unsubscribe", "subscribe", "post", "help", "owner", "archive" }

local function put_list(m, value)
    for _, field in ipairs(FIELDS) do
        local one = rawget(value, field)
        local function set(_, label, text) return message.list(m, label, field, text) end
        if one ~= nil and not each(m, "list." .. field, one, set) then return false end
    end
    return not rawget(value, "one_click") or message.one_click(m, "list.one_click")
end

-- All that a reader gives, which has to be there at once: an invitation is short.
local function all_of(builder, value)
    local pieces, n = {}, 0
    local reader = body.reader(value)
    while true do
        local piece, why = reader()
        if piece == nil and why ~= nil then return builder:refuse("calendar", body.reason(why), "body.failed") end
        if piece == nil then return table.concat(pieces) end
        if type(piece) ~= "string" then
            local said = "expected a string from the body's reader, got " .. type(piece)
            return builder:refuse("calendar", said, "body.failed")
        end
        n = n + #piece
        if piece == "" or n > 2 ^ 20 then
            return builder:refuse("calendar", piece == "" and "has to be there at once" or "is longer than 1 MiB")
        end
        pieces[#pieces + 1] = piece
    end
end

-- RFC 5545 3.7.2: the method stands in the text too. A line that begins with a blank goes on from the one before.
local function method_in(text)
    return ("\n" .. text):match("[\r\n][Mm][Ee][Tt][Hh][Oo][Dd]:[ \t]*([%a-]+)")
end

local function put_calendar(builder, value)
    local m = builder.m
    if type(value) == "string" then value = { body = value } end
    local text, file = rawget(value, "body"), rawget(value, "file")
    if text ~= nil and body.is_slot(text) then
        text = all_of(builder, text)
        if not text then return false end
    end
    local head = text or file and builder.files and message.file_head(m, file) or ""
    local method = rawget(value, "method") or method_in(head) or "PUBLISH"
    local name = rawget(value, "name")
    -- A file is read twice: as the alternative and as the attachment.
    if not part.put(builder, "calendar", "calendar", { body = text, file = file, name = name }, nil, method) then
        return false
    end
    if not file then return true end
    local fine, copy = part.put(builder, "calendar", "leaf",
        { file = file, name = name, type = "application/ics", disposition = "attachment" })
    return fine and message.attach_part(m, copy)
end

--- Gives C what is there of them. False: the message or the builder has the problem.
function typed.put(builder, t)
    local m = builder.m
    local function given(name, put)
        local value = rawget(t, name)
        return value == nil or put(m, value)
    end
    return given("idempotency_key", function(_, key) return message.key(m, "idempotency_key", key) end)
        and given("in_reply_to", put_answered)
        and given("references", function(_, value) return each(m, "references", value, message.reference) end)
        and given("list", put_list)
        and given("auto_submitted", function(_, how)
            if how == false then return true end
            return message.auto_submitted(m, "auto_submitted", how == true and "auto-generated" or how)
        end)
        and given("priority", function(_, word) return message.priority(m, "priority", word) end)
        and builder:addresses("disposition_notification_to", "notify_to", rawget(t, "disposition_notification_to"))
end

--- The invitation, behind text and HTML.
function typed.put_calendar(builder, value)
    return value == nil or put_calendar(builder, value)
end

return typed
