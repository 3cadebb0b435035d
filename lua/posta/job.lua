--- posta.start: one mail, sent piece by piece by a host that must not wait: a game, an editor, a UI.
--
--     local job = assert(posta.start(where, mail))
--     -- each frame:
--     local done, receipt, message, err = job:step(0.002)
-- @module posta.job

local core = require "posta.core"
local connection = require "posta.connection"
local errors = require "posta.errors"
local loop = require "posta.loop"
local mail = require "posta.mail"
local receipt = require "posta.receipt"

local session = core.session
local M = {}

local methods = {}
local meta = { __index = methods, __name = "posta.job" }

--- Begins a job; where and mail have been looked at. Nil, message, err when a value is wrong.
function M.start(w, t, total)
    local s, text, err = connection.to(w, { total = total })
    if not s then return nil, text, err end
    local data = core.data(s)
    data.blocking, data.is_session = false, true
    local m
    m, text, err = connection.message_of(s, t)
    if m then m, text, err = mail.composed(m, data.peer) end
    if not m then
        s:close()
        return nil, text, err
    end
    return setmetatable({ session = s, message = m, is_begun = false, sent = 0 }, meta)
end

local function finish(job, result, text, err)
    if err then receipt.nobody_told(err, job.message) end
    job.sent, job.total = session.progress(job.session)
    job.is_done, job.receipt, job.text, job.err = true, result, text, err
    -- QUIT is written, and nobody waits for its answer.
    job.session:close()
    return true, result, text, err
end

-- Begins what comes next: connecting, then sending. The three values of failure when it cannot.
local function begin(job)
    local s = job.session
    if not job.is_begun then
        job.is_begun = true
        return s:connect()
    end
    return connection.send(s, job.message)
end

--- Works for at most so many seconds (nil: as long as there is something to do without waiting).
-- Nothing in it waits. Errors of body functions leave it; the next step goes on.
-- @treturn boolean done
-- @treturn[opt] table the receipt; or nil
-- @treturn[opt] string message
-- @treturn[opt] table err
function methods.step(job, seconds)
    if getmetatable(job) ~= meta then error("step: expected job, got " .. type(job), 2) end
    if seconds ~= nil and type(seconds) ~= "number" then
        error("step: expected seconds, got " .. type(seconds), 2)
    end
    if job.is_done then return true, job.receipt, job.text, job.err end
    local s = job.session
    if loop.is_busy(s) then return false end        -- a hook of its own asks
    local until_when = seconds and seconds > 0 and core.now() + seconds
    if not job.is_begun then
        local state, text, err
        if job.is_cancelled then
            state, text, err = errors.fail { code = "cancelled", stage = "idle", retry = "safe",
                message = core.data(s).prefix .. "cancelled; nothing was sent." }
        else
            state, text, err = begin(job)
        end
        if not state then return finish(job, nil, text, err) end
    end
    while true do
        local left = until_when and math.max(1e-6, until_when - core.now()) or nil
        local state, result, err = s:execute(left)
        if session.is_closed(s) and state == "in_progress" then return false end
        if state == "in_progress" then return false end
        if not state then return finish(job, nil, result, err) end
        if session.has_sent(s) then
            -- An error that a hook of the host's debugger raised may have lost the event, not the account.
            return finish(job, result or receipt.of(session.receipt(s)))
        end
        local text
        state, text, err = begin(job)
        if not state then return finish(job, nil, text, err) end
        if until_when and core.now() >= until_when then return false end
    end
end

--- How far it is: octets of the mail that were taken, octets in all (nil: not known).
function methods.progress(job)
    if job.is_done then return job.sent, job.total end
    return session.progress(job.session)
end

--- Gives up: the next step answers the error "cancelled", which tells what became of the mail.
function methods.cancel(job)
    if not job.is_done then
        job.is_cancelled = true
        if job.is_begun then session.cancel(job.session) end
    end
    return true
end

--- For hosts with a poll of their own: as the methods of connections; nil when it is done.
function methods.pollfd(job)
    return not job.is_done and job.session:pollfd() or nil
end

function methods.events(job)
    return job.is_done and "" or job.session:events()
end

function methods.timeout(job)
    if job.is_done then return nil end
    if not job.is_begun then return 0 end
    return job.session:timeout()
end

return M
