--- The loop around a session: step, take the events, feed the bodies, serve the hooks, wait.
-- All that a user gave (handlers, hooks, body functions) is called from here, in plain Lua frames: it may
-- yield, raise, and close the session. No pcall: Lua 5.1 cannot yield across one. Instead an operation is
-- marked with its frame (core.enter), and the next one can tell whether that frame still runs.
-- @module posta.loop

local core = require "posta.core"
local body = require "posta.body"
local events = require "posta.events"
local login = require "posta.login"
local wire = require "posta.wire"

local session = core.session
local message = core.message
local loop = {}

local LONGEST_WAIT = 1000       -- ms: so often Ctrl-C and count hooks get their turn
local MOST_UNTAKEN = 100        -- events that wait for take_event; the oldest go
local IDLE_BODY = 10            -- ms between two questions to a body that has nothing yet

--- The next event: its handler or nil, its name, its info table. Lines of the trace come too.
function loop.take(s, data)
    local handler, name, info = session.take_event(s)
    if not name then return nil end
    if name == "trace" then
        if data.on_trace then data.on_trace(info.direction, info.text) end
        return nil, name, info
    end
    events.dress(s, data, name, info)
    return handler, name, info
end

-- Keeps an event for take_event, on sessions without handlers.
local function keep(untaken, name, info)
    untaken[#untaken + 1] = { name, info }
    if #untaken > MOST_UNTAKEN then table.remove(untaken, 1) end
end

-- Takes all events. True when there was one.
local function take_events(s, data)
    local any = false
    while not session.is_closed(s) do
        local handler, name, info = loop.take(s, data)
        if not name then return any end
        any = true
        if handler and not session.is_closed(s) then
            data.in_handler = true
            handler(s, name, info)
            data.in_handler = false
        elseif data.untaken and name ~= "trace" then
            keep(data.untaken, name, info)
        end
    end
    return true
end

local function tell_progress(s, data)
    if not data.on_progress or not data.is_sending or session.is_closed(s) then return end
    local sent, total = session.progress(s)
    if sent == data.progress then return end
    data.progress = sent
    data.on_progress(sent, total)
end

local function cancel_by(s, data, ok, why)
    if ok or why == nil or session.is_closed(s) then return end
    data.why_cancelled = tostring(why)
    session.cancel(s)
end

local function wait(s, data, longest)
    local seconds = session.timeout(s)
    if seconds == 0 then return end
    if data.wait then return cancel_by(s, data, data.wait(s)) end
    if data.transport and not data.transport.wait then return end
    local ms = seconds and math.ceil(seconds * 1000) or LONGEST_WAIT
    ms = math.max(1, math.min(ms, longest))
    if not data.transport then return session.wait(s, ms) end
    cancel_by(s, data, data.transport.wait(session.events(s), ms / 1000))
end

-- Feeds the body that is waited for, once. True when its reader had nothing yet.
local function feed(data)
    data.is_feeding = true
    local is_idle = body.feed(data.message)
    data.is_feeding = false
    return is_idle
end

-- Lets the outer world do one thing. True when something came of it.
local function serve(s, data)
    -- With a hook that waits, nothing else does.
    local waits_itself = data.transport and not data.wait and not data.transport.wait
    local seconds = 0
    if waits_itself then seconds = session.timeout(s) end
    return wire.turn(s, data, seconds)
end

-- Can others go on while this session waits? Without a hook nobody but the system hears of it.
local function may_wait(data)
    return data.wait ~= nil or data.transport ~= nil and data.transport.wait ~= nil
end

-- One turn of a loop that may wait.
local function move(s, data, is_busy)
    local asked = login.serve(s, data, session, may_wait(data))
    if asked then return end
    if asked == false then return wait(s, data, IDLE_BODY) end
    if session.wants_body(s) and (not session.asks(s) or wire.only_reads(s)) then
        if feed(data) and not session.is_closed(s) then wait(s, data, IDLE_BODY) end
    elseif not is_busy and not serve(s, data) and not session.is_closed(s) then
        wait(s, data, LONGEST_WAIT)
    end
end

local SLICE = 20000             -- microseconds between two reports of progress

-- Runs what was begun until it has its verdict; "closed" when the user closed the session meanwhile.
local function turn(s, data, status)
    local slice = data.on_progress and SLICE or 0
    -- A step before the first wait: until then there is nothing to wait for.
    if status == "in_progress" then status = session.step(s, slice) end
    while true do
        local any = take_events(s, data)
        tell_progress(s, data)
        if session.is_closed(s) then return status == "in_progress" and "closed" or status end
        if status ~= "in_progress" then
            wire.finish(s, data)
            return status
        end
        move(s, data, any)
        if session.is_closed(s) then return "closed" end
        status = session.step(s, slice)
    end
end

-- The text of a blocking session: bytes[i..j], all of it. Its status, and the last index that was taken.
local function push_text(s, data, bytes, i, j)
    while true do
        local at, status = session.body(s, bytes, i, j)
        if at >= j or status ~= "ok" then return status, at end
        session.step(s)
        take_events(s, data)
        if session.is_closed(s) then return "closed", at end
        if at < i and not serve(s, data) and not session.is_closed(s) then wait(s, data, LONGEST_WAIT) end
        if session.is_closed(s) then return "closed", at end
        i = at + 1
    end
end

-- What can be done without waiting, for `seconds` at most (nil or 0: no limit). Behind an event there may be
-- more: what a handler began, or an action whose turn comes.
local function execute(s, data, seconds)
    local finish = seconds and seconds > 0 and core.now() + seconds
    while true do
        local left = finish and math.max(1e-6, finish - core.now()) or 0
        local status = session.step(s, left * 1e6)
        local any = take_events(s, data)
        tell_progress(s, data)
        data.is_idle_body, data.has_news = false, false
        if not session.is_closed(s) and session.wants_body(s) and data.message then
            data.is_idle_body = feed(data)
            any = any or not data.is_idle_body
        end
        if not session.is_closed(s) and login.serve(s, data, session, true) then any = true end
        if not session.is_closed(s) and wire.turn(s, data, 0) then any = true end
        if session.is_closed(s) then return status == "in_progress" and "closed" or status end
        local is_over = status ~= "in_progress" and not session.is_acting(s)
        if is_over or not any then
            if status ~= "in_progress" then wire.finish(s, data) end
            return status
        end
        if finish and core.now() >= finish then
            data.has_news = true        -- more can be done at once, and no descriptor tells
            return "in_progress"
        end
    end
end

--- Cleans up after an error that threw an operation out, so that message and session are consistent.
-- What a handler threw out of a non-blocking session goes on by the next execute.
function loop.abandon(s)
    core.leave(s)
    local data = core.data(s)
    local in_handler, is_feeding = data.in_handler, data.is_feeding
    data.in_handler, data.is_feeding = false, false
    if session.is_closed(s) then return end
    wire.lose(s, data)
    if not data.blocking then
        -- Whether a piece was lost nobody can tell: the body is not whole.
        if is_feeding then body.fail(data.message, "its reader raised an error") end
        return
    end
    if in_handler and not session.is_acting(s) then return end
    data.is_abandoned = not data.is_session
    local account = session.give_up(s)
    data.abandoned = data.is_sending and account.outcome or nil
end

--- Does an operation run on this session? One that an error ended is cleaned up first.
function loop.is_busy(s)
    local running = core.is_running(s)
    if running == nil then loop.abandon(s) end
    return running == true
end

-- Marks an operation with its frame while it runs.
local function marked(s, operation)
    local function frame()
        local status, more = operation()
        return status, more         -- no tail call: the frame is the mark
    end
    core.enter(s, frame)
    local status, more = frame()
    core.leave(s)
    return status, more
end

--- Begins an action by `begin` and runs it to its end. Answers its status; the caller has made sure
-- that the session is not busy.
function loop.run(s, begin)
    local data = core.data(s)
    data.account = nil
    return marked(s, function() return turn(s, data, begin()) end)
end

--- Writes bytes[i..j] of a text, waiting. Status and the last index that was taken.
function loop.push_text(s, bytes, i, j)
    local data = core.data(s)
    data.account = nil
    return marked(s, function() return push_text(s, data, bytes, i, j) end)
end

--- Makes progress without waiting, for `seconds` at most; answers the status. Not busy, as for run.
function loop.execute(s, seconds)
    local data = core.data(s)
    data.account = nil
    return marked(s, function() return execute(s, data, seconds) end)
end

--- Is the message free to be read or sent? Takes it back from a session that an error threw out.
function loop.is_free(m)
    if not message.is_busy(m) then return true end
    local owner = core.data(m).owner
    if owner and core.is_running(owner) == nil then core.data(m).abandon(owner) end
    return not message.is_busy(m)
end

return loop
