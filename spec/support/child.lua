--[[ support.child: a process that a spec starts, watches and ends by its own number.

    local child = require "spec.support.child"
    local p = child.start({ "/path/of/program", "argument" }, { NAME = "value" })
    p:output()   p:wait_for(pattern, seconds)   p:ended()   p:stop()

Everything it leaves lies in p.folder; stop removes that. ]]

local socket = require "socket"

local child = {}

local TICK = 0.002              -- seconds between two looks; most of what is waited for takes a few milliseconds

function child.quoted(s)
    return "'" .. tostring(s):gsub("'", "'\\''") .. "'"
end
local quoted = child.quoted

function child.read_file(name)
    local file = io.open(name, "rb")
    if not file then return nil end
    local octets = file:read("*a")
    file:close()
    return octets
end

function child.write_file(name, octets)
    local file = assert(io.open(name, "wb"))
    assert(file:write(octets))
    file:close()
end

function child.run(command)
    local pipe = assert(io.popen(command, "r"))
    local out = pipe:read("*a")
    pipe:close()
    return out
end

function child.new_folder()
    return (assert(child.run("mktemp -d"):match("^(%S+)"), "mktemp -d gave nothing"))
end

-- The folder that holds spec/, lua/ and tools/.
function child.root()
    local here = debug.getinfo(1, "S").source:match("^@(.*)spec/support/child%.lua$")
    local at = child.run("pwd"):match("^([^\n]+)")
    if here == "" then return at end
    return here:sub(1, 1) == "/" and here or at .. "/" .. here
end

-- The interpreter that runs this spec: the first word of its command line.
function child.interpreter()
    local given = os.getenv("POSTA_LUA")
    if given then return given end
    local list, at = _G.arg or {}, 0
    while list[at - 1] do at = at - 1 end
    local word = at < 0 and list[at] or ""
    if word:find("lua[%w.%-]*$") then return word end
    return _G.jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")
end

local methods = {}
methods.__index = methods

function methods:output()
    return child.read_file(self.folder .. "/out") or ""
end

function methods:complaints()
    return child.read_file(self.folder .. "/err") or ""
end

-- Its exit status; nil while it runs.
function methods:ended()
    local text = child.read_file(self.folder .. "/status")
    return text and tonumber(text:match("^(%d+)\n"))
end

function methods:wait_for(pattern, seconds)
    local finish = socket.gettime() + (seconds or 5)
    repeat
        local found = { self:output():match(pattern) }
        if found[1] then return (table.unpack or _G.unpack)(found) end
        if self:ended() then break end
        socket.sleep(TICK)
    until socket.gettime() > finish
    error("the child did not say " .. pattern .. "; it said: " .. self:output()
        .. self:complaints(), 2)
end

function methods:wait_end(seconds)
    local finish = socket.gettime() + (seconds or 5)
    while not self:ended() and socket.gettime() < finish do socket.sleep(TICK) end
    return self:ended()
end

-- TERM, and KILL if that was not heard. The folder goes unless keep is true.
function methods:stop(keep)
    if self.stopped then return end         -- its number may be another's by now
    self.stopped = true
    if not self:ended() then
        os.execute("kill " .. self.pid .. " 2>/dev/null")
        if not self:wait_end(2) then
            os.execute("kill -9 " .. self.pid .. " 2>/dev/null")
            self:wait_end(2)
        end
    end
    if not keep then os.execute("rm -rf -- " .. quoted(self.folder)) end
end

-- Descriptors are closed for it: sockets of the spec must not live on in the child, for then
-- closing them here would not end the connection.
function child.start(words, environment)
    local p = setmetatable({ folder = child.new_folder() }, methods)
    local list, set = {}, {}
    for i, word in ipairs(words) do list[i] = quoted(word) end
    for name, value in pairs(environment or {}) do set[#set + 1] = name .. "=" .. quoted(value) end
    local command = ([[( exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- </dev/null
%s %s >%s/out 2>%s/err &
echo $! >%s/pid; wait $!; echo $? >%s/status ) >/dev/null 2>&1 &]]):format(
        table.concat(set, " "), table.concat(list, " "), p.folder, p.folder, p.folder, p.folder)
    os.execute(command)
    local finish = socket.gettime() + 5
    repeat
        p.pid = tonumber((child.read_file(p.folder .. "/pid") or ""):match("^(%d+)\n"))
        if not p.pid then socket.sleep(TICK) end
    until p.pid or socket.gettime() > finish
    assert(p.pid, "the child did not start")
    return p
end

return child
