-- Many mails at once, each in a coroutine that reads like a program of its own. posta makes no coroutines
-- and never yields by itself: the `wait` hook does, and the loop below resumes whoever is ready.
local posta = require "posta"
local socket = require "socket"

local url = os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525"
local waiting = {}                      -- coroutine -> the session that it waits for

local function wait(s)
    waiting[coroutine.running()] = s
    coroutine.yield()
    return true                         -- nil, "why" would cancel
end

local function send(i)
    local conn = assert(posta.connect { url = url, wait = wait })
    for n = 1, 3 do
        local receipt, message = conn:send {
            from = "ana@example.org", to = "bob@example.org", subject = ("mail %d of %d"):format(n, i),
            text = "Hi\n",
        }
        print(("%d.%d: %s"):format(i, n, receipt and receipt.outcome or message))
    end
    conn:quit()
end

local function run(co, ...)
    waiting[co] = nil
    assert(coroutine.resume(co, ...))
end

for i = 1, 10 do run(coroutine.create(send), i) end
while next(waiting) do
    local reads, writes, seconds = {}, {}, 1
    for _, s in pairs(waiting) do
        if s:events():find "r" then reads[#reads + 1] = s end
        if s:events():find "w" then writes[#writes + 1] = s end
        seconds = math.min(seconds, s:timeout() or 1)
    end
    socket.select(reads, writes, seconds)
    local ready = {}
    for co in pairs(waiting) do ready[#ready + 1] = co end
    for _, co in ipairs(ready) do run(co) end       -- a turn in vain does no harm
end
