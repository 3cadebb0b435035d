--- What a send gives back: the receipt, or nil, message and err; made of C's account of it.
-- @module posta.receipt

local core = require "posta.core"
local errors = require "posta.errors"

local receipt = {}

-- C keeps the first 127 octets of each reply; the events had all of it.
local function whole_texts(recipients, texts)
    for i, one in ipairs(recipients) do
        local text = texts and texts[i]
        if text and one.reply and text:sub(1, 40):gsub("\n", " ") == one.reply.text:sub(1, 40) then
            one.reply.text = text
        end
    end
end

local function with_status(recipients, status)
    local found = {}
    for _, one in ipairs(recipients) do
        if one.status == status then found[#found + 1] = one end
    end
    return found
end

local function filled(text)
    return text ~= "" and text or nil
end

--- A body that failed on the way: the message knows which and why, the engine does not.
function receipt.blame_body(account, m, prefix)
    local is_body = account.code == "body.failed" or account.code == "state"
    if not is_body or not m or core.message.is_closed(m) then return end
    local _, field, text = core.message.problem(m)
    if not field then return end
    account.code, account.field = "body.failed", field
    account.message = prefix .. text .. "; nothing was sent."
end

--- Adds to the account's sentence, behind its first `word`, why it was so.
function receipt.say_why(account, word, why)
    local from, to = account.message:find(word, 1, true)
    if from then
        account.message = account.message:sub(1, to) .. ": " .. why .. account.message:sub(to + 1)
    else
        account.message = ("%s (%s)"):format(account.message, why)
    end
end

--- The three values of a failed call, from C's account of it.
function receipt.failure(account, texts)
    whole_texts(account.recipients, texts)
    return errors.fail {
        code = account.code,
        stage = account.stage,
        field = filled(account.field),
        reply = account.reply,
        temporary = account.temporary,
        outcome = account.outcome,
        retry = account.retry,
        recipients = account.recipients,
        hint = filled(account.hint),
        transcript = account.transcript,
        message = account.message,
    }
end

--- Fills in the recipients of a failure that came before any of them was named to the server.
function receipt.nobody_told(err, m)
    if #err.recipients > 0 or core.message.is_closed(m) then return end
    local _, to = core.message.envelope(m)
    for i, address in ipairs(to or {}) do
        err.recipients[i] = { address = address, status = "not_sent", retry = err.retry }
    end
end

--- The receipt, or the three values of a failed send.
function receipt.of(account, texts)
    if account.status ~= "ok" then return receipt.failure(account, texts) end
    local recipients = account.recipients
    whole_texts(recipients, texts)
    return {
        outcome = account.outcome,
        message_id = filled(account.message_id),
        reply = account.reply,
        recipients = recipients,
        accepted = with_status(recipients, "accepted"),
        refused = with_status(recipients, "refused"),
        bytes = account.bytes,
        tls = account.tls,
        insecure = account.insecure,
        duration = account.duration,
    }
end

return receipt
