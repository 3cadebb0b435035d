--[==[ support.peer: an SMTP peer that plays one dialogue, as a process of its own.

    local peer = require("spec.support.peer").play("lua5.4", [[
    S: 220 hello
    C: /^EHLO /
    S: 250 ok
    C: QUIT
    S: 221 bye
    ]])
    -- ... let the client talk to peer.url ...
    local ok, transcript = peer.result()

    S: text       send the text and CRLF            C: text   expect this line, exactly
    RAW: text     send as it stands, with           C: *      expect any line
                  \r \n \t \\ \xHH                  C: /p/    expect a line in which p is found
    TEXT          take lines up to the lone dot     SLEEP n   wait n seconds
    GLUE [n]      the next S: goes out together     DRIP [n]  the next S: goes octet by octet,
                  with the n (1) behind it                    n (0.002) seconds apart
    CLOSE         close (FIN)                       RST       close with a reset
    STALL         read and write nothing more       ACCEPT    take another connection
    HOLD name     go on when the spec has called    TLS       the server's side of a handshake, with
                  peer.open(name)                             the certificate of peer.play
    # a remark

A C: line is what stands before CRLF; a bare LF inside it is a mismatch. After the last line the
client must close and say no more. The peer ends after 20 s whatever happens; `after_each(support.stop_all)`
ends those that a spec left, whose dialogues nobody asks for. ]==]

local LIFE = 20                -- seconds
local GRACE = 1                -- seconds left to the client once result() was called
local TICK = 0.01              -- seconds between two looks at what the spec wants

------------------------------------------------------------------------------- the process

local serve = {}
local WAITS = { timeout = true, wantread = true, wantwrite = true }

local function shown(octets)
    return (octets:gsub("[%z\1-\31\127-\255\\]", function(ch)
        local short = { ["\r"] = "\\r", ["\n"] = "\\n", ["\\"] = "\\\\" }
        return short[ch] or ("\\x%02x"):format(ch:byte())
    end))
end

local function unescaped(text)
    local plain = { r = "\r", n = "\n", t = "\t", ["\\"] = "\\" }
    return (text:gsub("\\(x?)(.)(%x?)", function(hex, first, second)
        if hex == "x" then return string.char(tonumber(first .. second, 16)) end
        return assert(plain[first], "peer: unknown escape \\" .. first) .. second
    end))
end

local function log(p, text)
    p.log:write(text, "\n")
    p.log:flush()
end

local function fail(p, text)
    log(p, "# " .. text)
    os.exit(1)
end

-- Seconds that are left; once the spec asked for the result only a little.
local function left(p)
    local now = p.net.gettime()
    if not p.asked then
        local file = io.open(p.stop_file, "rb")
        if file then
            p.asked = true
            p.finish = math.min(p.finish, now + (tonumber((file:read "*a")) or GRACE))
            file:close()
        end
    end
    return p.finish - now
end

-- OpenSSL says "closed" for close_notify, and "unexpected eof" where there was none.
local function tell_end(p, why)
    log(p, why == "closed" and "# the client ended TLS in order"
        or "# the client did not end TLS in order: " .. tostring(why))
end

-- Read until there is a line, or the end: the line, or nil and why not.
local function next_line(p)
    while true do
        local cr = p.input:find("\r\n", 1, true)
        if cr then
            local line = p.input:sub(1, cr - 1)
            p.input = p.input:sub(cr + 2)
            return line
        end
        if p.ended then return nil, "the client closed" end
        if left(p) <= 0 then return nil, "nothing came in time" end
        -- One octet is waited for, the rest is only taken: receive waits until it has all it is asked for.
        p.client:settimeout(TICK)
        local octets, why, partial = p.client:receive(1)
        if octets then
            p.input = p.input .. octets
            p.client:settimeout(0)
            octets, why, partial = p.client:receive(8192)
        end
        p.input = p.input .. (octets or partial or "")
        p.ended = why ~= nil and not WAITS[why]
        if p.ended and p.is_tls then tell_end(p, why) end
    end
end

local function expect(p, wanted)
    local line, why = next_line(p)
    if not line then
        local rest = p.input ~= "" and "; it sent " .. shown(p.input) or ""
        fail(p, ("expected C: %s, but %s%s"):format(wanted, why, rest))
    end
    log(p, "C: " .. shown(line))
    local pattern = wanted:match("^/(.*)/$")
    local fits = wanted == "*" or wanted == line or (pattern and line:find(pattern) ~= nil)
    if not fits or line:find("[\r\n]") then fail(p, "expected C: " .. wanted) end
end

local function send(p, octets)
    p.client:settimeout(math.max(left(p), 0.01))
    local sent, why = p.client:send(octets)
    if not sent then fail(p, "cannot send " .. shown(octets) .. ": " .. why) end
end

local function put(p, octets)
    if p.drip then
        for i = 1, #octets do
            send(p, octets:sub(i, i))
            p.net.sleep(p.drip)
        end
        p.drip = nil
        return
    end
    p.held = p.held .. octets
    if p.glue > 0 then
        p.glue = p.glue - 1
        return
    end
    send(p, p.held)
    p.held = ""
end

local function accept(p)
    repeat
        p.server:settimeout(TICK)
        p.client = p.server:accept()
        if not p.client and left(p) <= 0 then fail(p, "nobody connected") end
    until p.client
    p.client:setoption("tcp-nodelay", true)
    p.input, p.ended, p.held, p.glue, p.is_tls = "", false, "", 0, false
end

local function close(p)
    if p.client then p.client:close() end
    p.client = nil
end

serve["S:"] = function(p, text)
    log(p, "S: " .. text)
    put(p, text .. "\r\n")
end
serve["RAW:"] = function(p, text)
    log(p, "RAW: " .. text)
    put(p, unescaped(text))
end
serve["C:"] = function(p, text) expect(p, text) end
serve.TEXT = function(p)
    repeat
        local line, why = next_line(p)
        if not line then fail(p, "inside the text: " .. why) end
        log(p, "C: " .. shown(line))
        if line:find("[\r\n]") then fail(p, "bare CR or LF inside the text") end
    until line == "."
end
serve.SLEEP = function(p, text) p.net.sleep(math.min(tonumber(text), left(p))) end
serve.GLUE = function(p, text) p.glue = tonumber(text) or 1 end
serve.DRIP = function(p, text) p.drip = tonumber(text) or 0.002 end
serve.CLOSE = close
serve.RST = function(p)
    p.client:setoption("linger", { on = true, timeout = 0 })
    close(p)
end
serve.STALL = function(p)
    while left(p) > 0 and not p.asked do p.net.sleep(TICK) end
    close(p)
end
serve.HOLD = function(p, text)
    log(p, "# holds " .. text)
    while left(p) > 0 and not p.asked do
        local file = io.open(p.folder .. "/open_" .. text, "rb")
        if file then return file:close() end
        p.net.sleep(0.002)
    end
end
serve.ACCEPT = function(p)
    close(p)
    accept(p)
end
-- Octets that came in clear text before it would be lost, so none may be there.
serve.TLS = function(p)
    if p.input ~= "" then fail(p, "in clear text before TLS came " .. shown(p.input)) end
    local ssl = require "ssl"
    p.client = assert(ssl.wrap(p.client, assert(ssl.newcontext {
        mode = "server", protocol = "any", certificate = p.cert, key = p.key, verify = "none" })))
    p.client:settimeout(math.max(left(p), 0.01))
    local done, why = p.client:dohandshake()
    if not done then fail(p, "TLS handshake: " .. tostring(why)) end
    p.is_tls = true
    log(p, "# TLS: " .. tostring(p.client:info("protocol")))
end

local function run(p, dialogue)
    local n = 0
    for line in (dialogue .. "\n"):gmatch("([^\n]*)\n") do
        n = n + 1
        local word, text = line:match("^%s*(%S+) ?(.*)$")
        if word and word:sub(1, 1) ~= "#" then
            local play = serve[word] or fail(p, ("line %d: unknown word %s"):format(n, word))
            if not p.client and word ~= "ACCEPT" then accept(p) end
            play(p, text)
        end
    end
    if not p.client then return end
    local line, why = next_line(p)
    if line then fail(p, "after the dialogue came C: " .. shown(line)) end
    if p.input ~= "" then fail(p, "after the dialogue came " .. shown(p.input)) end
    if why ~= "the client closed" then log(p, "# the client kept the connection") end
end

local function main(folder, cert, key)
    local net = require "socket"
    local file = assert(io.open(folder .. "/dialogue", "rb"))
    local dialogue = file:read("*a")
    file:close()
    local p = { net = net, finish = net.gettime() + LIFE, folder = folder, stop_file = folder .. "/asked",
        cert = cert, key = key }
    p.log = assert(io.open(folder .. "/transcript", "wb"))
    p.server = assert(net.bind("127.0.0.1", 0, 8))
    local _, port = p.server:getsockname()
    io.stdout:write("playing on ", port, "\n")
    io.stdout:flush()
    local ok, fault = pcall(run, p, dialogue)
    if not ok then fail(p, tostring(fault)) end
    log(p, "# the dialogue was played to its end")
    os.exit(0)
end

if (...) == "--serve" then return main(select(2, ...)) end

---------------------------------------------------------------------------------- the face

local child = require "spec.support.child"
local socket = require "socket"
local peer = {}
local playing = {}

-- lua: the interpreter for the peer (nil: the one of the spec); pair: { cert =, key = } for TLS. Gives
-- { url, port, open, said, result, stop }.
function peer.play(lua, dialogue, pair)
    local folder = child.new_folder()
    child.write_file(folder .. "/dialogue", dialogue)
    local process = child.start { lua or child.interpreter(),
        child.root() .. "/spec/support/peer.lua", "--serve", folder, pair and pair.cert, pair and pair.key }
    local port = tonumber((process:wait_for("playing on (%d+)")))
    local self = { port = port, url = "smtp://127.0.0.1:" .. port }
    local ok, transcript

    local function end_it()
        playing[self] = nil
        transcript = (child.read_file(folder .. "/transcript") or "") .. process:complaints()
        process:stop()
        os.execute("rm -rf -- " .. child.quoted(folder))
    end

    -- Lets it go on behind HOLD name, where it is or will be.
    function self.open(name) child.write_file(folder .. "/open_" .. name, "") end

    -- Waits until the transcript holds these words.
    function self.said(words)
        local finish = socket.gettime() + 5
        repeat
            if (child.read_file(folder .. "/transcript") or ""):find(words, 1, true) then return end
            socket.sleep(0.002)
        until socket.gettime() > finish
        error("the peer does not know of " .. words, 2)
    end

    -- Did the client keep to the dialogue, and what was said. Ends the peer, which leaves the client so many
    -- seconds (1); may be asked again.
    function self.result(grace)
        if ok ~= nil then return ok, transcript end
        child.write_file(folder .. "/asked", grace or "")
        ok = process:wait_end(5) == 0
        end_it()
        return ok, transcript
    end

    function self.stop() return self.result() end

    function self.kill()
        if ok ~= nil then return end
        ok = false
        end_it()
    end

    playing[self] = true
    return self
end

-- Ends all that still play.
function peer.stop_all()
    for p in pairs(playing) do p.kill() end
end

return peer
