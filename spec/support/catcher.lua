--[[ support.catcher: tools/catch as a process of its own, for specs whose client blocks.

    local c = require("spec.support.catcher").spawn()
                                         -- { lua =, dir =, port =, once =, words = more arguments }
    -- ... send to c.url; with words = { "--tls" } trusting c.ca_file ...
    local mails = c:wait(1, 5)           -- mails[1].from, .to, .raw, .file
    c:stop()

Spawn it before the spec opens sockets of its own. ]]

local socket = require "socket"
local child = require "spec.support.child"

local support = {}
local methods = {}
methods.__index = methods

local function read_envelope(name)
    local from, to = nil, {}
    for line in assert(io.lines(name)) do
        from = line:match("^from: <(.*)>$") or from
        to[#to + 1] = line:match("^to: <(.*)>$")
    end
    return from, to
end

-- What has come so far, in order.
function methods:mails()
    local mails = {}
    while true do
        local name = ("%s/%04d"):format(self.dir, #mails + 1)
        local raw = child.read_file(name .. ".eml")
        if not raw then return mails end
        local from, to = read_envelope(name .. ".envelope")
        mails[#mails + 1] = { from = from, to = to, raw = raw, file = name .. ".eml" }
    end
end

-- All mails once there are n; an error after so many seconds (5).
function methods:wait(n, seconds)
    local finish = socket.gettime() + (seconds or 5)
    while true do
        local mails = self:mails()
        if #mails >= n then return mails end
        if socket.gettime() > finish then
            error(("waited for %d mail(s); %d came"):format(n, #mails), 2)
        end
        socket.sleep(0.01)
    end
end

function methods:output() return self.process:output() end

function methods:stop()
    self.process:stop()
    if self.own_dir then os.execute("rm -rf -- " .. child.quoted(self.dir)) end
end

function support.spawn(options)
    options = options or {}
    local dir = options.dir or child.new_folder()
    local words = { child.root() .. "/tools/catch", options.port or 0, "--dir", dir }
    if options.once then
        words[#words + 1] = "--once"
        words[#words + 1] = options.once
    end
    for _, word in ipairs(options.words or {}) do words[#words + 1] = word end
    local process = child.start(words, { POSTA_LUA = options.lua or child.interpreter() })
    local c = setmetatable({ process = process, dir = dir, own_dir = not options.dir }, methods)
    local url, port, pid = process:wait_for("catching on (smtps?://127%.0%.0%.1:(%d+)), pid (%d+);")
    c.ca_file = process:output():match("\ntrust it with ca_file=([^\n]+)\n")
    c.url, c.port, c.pid = url, tonumber(port), tonumber(pid)
    return c
end

return support
