--- What failed calls return as third value: a table that reads as its message.
-- Misuse (a wrong type, an unknown name) raises instead; the sentences for that are in names.lua and
-- come to the caller's line by `error(complaint, level)` in the public functions.
-- @module posta.errors

local errors = {}

local meta = { __name = "posta.error" }
meta.__tostring = function(err) return err.message end

--- Makes an error of its fields; `message` is required.
function errors.new(fields)
    fields.stage = fields.stage or "compose"
    fields.outcome = fields.outcome or "not_sent"
    fields.retry = fields.retry or "pointless"
    fields.temporary = fields.temporary or false
    fields.recipients = fields.recipients or {}
    fields.transcript = fields.transcript or ""
    return setmetatable(fields, meta)
end

--- The three values of a failed call.
function errors.fail(fields)
    local err = errors.new(fields)
    return nil, err.message, err
end

-- As the C library's policy has it: the same call gives the same answer.
local POINTLESS = { ["field.invalid"] = true, ["file.not_found"] = true, not_built = true,
    ["tls.not_built"] = true }

--- A wrong value found before anything was sent. `problem` has code, field, text; `peer` may be nil.
function errors.problem(problem, peer)
    local prefix = peer and peer .. ": " or ""
    local hint = problem.hint
    return errors.fail {
        code = problem.code,
        field = problem.field,
        hint = hint,
        stage = problem.stage,
        retry = POINTLESS[problem.code] and "pointless" or "safe",
        message = prefix .. problem.text .. "; nothing was sent." .. (hint and " " .. hint or ""),
    }
end

--- One operation at a time: the answer to a second one.
function errors.busy(what)
    return errors.fail { code = "busy", message = what .. " is busy", retry = "safe", temporary = true }
end

return errors
