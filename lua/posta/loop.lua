--- The loop around a session: step, take the events, feed the bodies, wait.
-- All that a user gave (hooks, body functions) is called from here, in plain Lua frames: it may yield,
-- raise, and close the session. No pcall: Lua 5.1 cannot yield across one. Instead an operation is
-- marked with its frame (core.enter), and the next one can tell whether that frame still runs.
-- @module posta.loop

local core = require "posta.core"
local body = require "posta.body"

local session = core.session
local message = core.message
local loop = {}

local LONGEST_WAIT = 1000       -- ms: so often Ctrl-C and count hooks get their turn
local IDLE_BODY = 10            -- ms between two questions to a body that has nothing yet

-- Takes all events. True when there was one.
local function take_events(s, data)
    local any = false
    while not session.is_closed(s) do
        local name, info = session.next_event(s)
        if not name then return any end
        any = true
        if name == "trace" then
            if data.on_trace then data.on_trace(info.direction, info.text) end
        elseif info.recipient then
            data.texts[info.recipient] = info.text
        end
    end
    return true
end

local function wait(s, data, longest)
    local seconds = session.timeout(s)
    if seconds == 0 then return end
    if not data.wait then
        local ms = seconds and math.ceil(seconds * 1000) or LONGEST_WAIT
        return session.wait(s, math.max(1, math.min(ms, longest)))
    end
    local ok, why = data.wait(s)
    if not ok and why ~= nil and not session.is_closed(s) then
        data.why_cancelled = tostring(why)
        session.cancel(s)
    end
end

-- Runs what was begun until it has its verdict; "closed" when the user closed the session meanwhile.
local function turn(s, data, status)
    -- A step before the first wait: until then there is nothing to wait for.
    if status == "in_progress" then status = session.step(s) end
    while true do
        local any = take_events(s, data)
        if session.is_closed(s) then return "closed" end
        if status ~= "in_progress" then return status end
        if session.wants_body(s) then
            if body.feed(data.message) and not session.is_closed(s) then wait(s, data, IDLE_BODY) end
        elseif not any then
            wait(s, data, LONGEST_WAIT)
        end
        if session.is_closed(s) then return "closed" end
        status = session.step(s)
    end
end

--- Ends what an error threw out, so that message and session are consistent again.
function loop.abandon(s)
    core.leave(s)
    local data = core.data(s)
    data.is_abandoned = true
    if session.is_closed(s) then return end
    local account = session.give_up(s)
    data.abandoned = data.is_sending and account.outcome or nil
end

--- Does an operation run on this session? One that an error ended is cleaned up first.
function loop.is_busy(s)
    local running = core.is_running(s)
    if running == nil then loop.abandon(s) end
    return running == true
end

--- Begins an action by `begin` and runs it to its end. Answers its status; the caller has made sure
-- that the session is not busy.
function loop.run(s, begin)
    local data = core.data(s)
    data.texts = {}
    data.why_cancelled, data.account = nil, nil
    local function frame()
        local status = turn(s, data, begin())
        return status               -- no tail call: the frame is the mark
    end
    core.enter(s, frame)
    local status = frame()
    core.leave(s)
    return status
end

--- Is the message free to be read or sent? Takes it back from a session that an error threw out.
function loop.is_free(m)
    if not message.is_busy(m) then return true end
    local owner = core.data(m).owner
    if owner and core.is_running(owner) == nil then core.data(m).abandon(owner) end
    return not message.is_busy(m)
end

return loop
