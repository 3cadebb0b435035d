--[[ support.session: non-blocking sessions to a server in memory.

    local sessions = require "spec.support.session"
    local s, seen = sessions.to(memory.new(), { more options })     -- seen: the events' names, and seen[name] = info
    sessions.did(s, s:connect())         -- what it ended with, whether at once or by execute ]]

local posta = require "posta"

local support = {}

function support.to(server, options)
    local seen = {}
    local all = { host = "mail.lan", security = "none", transport = server.transport, blocking = false,
        on_event = function(_, event, info)
            seen[#seen + 1] = event
            seen[event] = info
        end }
    for name, value in pairs(options or {}) do all[name] = value end
    return assert(posta.session(all)), seen
end

--- Executes until something else than "in_progress" comes; all that execute gave.
function support.finish(s)
    for _ = 1, 5000 do
        local state, text, err = s:execute()
        if state ~= "in_progress" then return state, text, err end
    end
    error("it does not end", 2)
end

function support.did(s, state, text, err)
    assert(state, text)
    if state ~= "in_progress" then return state, text, err end
    return support.finish(s)
end

return support
