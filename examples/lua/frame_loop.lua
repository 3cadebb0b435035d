-- A game sends its high scores: each frame has 16 ms, and posta gets at most 2 of them. Looking up the
-- name, connecting, waiting for the server: nothing stops the frames.
local posta = require "posta"
local socket = require "socket"

local scores = {}
for i = 1, 20000 do scores[i] = ("%d;player %d;%d\n"):format(i, i, 1000000 - i) end

local job = assert(posta.start(os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525", {
    from = "game@example.org", to = "scores@example.org", subject = "High scores",
    text = "The scores are attached.\n",
    attachments = { { name = "scores.csv", body = table.concat(scores) } },
}))

local function draw(frame, sent, total)
    if frame % 60 == 0 then print(("frame %d: %d of %s"):format(frame, sent, total or "?")) end
end

local frame = 0
local done, receipt, message
repeat
    local began = socket.gettime()
    frame = frame + 1
    draw(frame, job:progress())
    if frame > 3600 then job:cancel() end               -- a minute, and it is enough
    done, receipt, message = job:step(0.002)
    socket.sleep(math.max(0, 0.016 - (socket.gettime() - began)))
until done

print(receipt and receipt.outcome or message)
os.exit(receipt and 0 or 1)
