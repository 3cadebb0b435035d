--[[ support.catcher: tools/catch as a process of its own, for specs whose client blocks.

    local c = require("spec.support.catcher").spawn()
                                         -- { lua =, dir =, port =, once =, words = more arguments }
    -- ... send to c.url; with words = { "--tls" } trusting c.ca_file ...
    local mails = c:wait(1, 5)           -- mails[1].from, .to, .raw, .file
    c:stop()

With tls = { cert =, key =, ... } (all that posta.catcher takes) it is the catcher alone, without tools/catch; then
mails[1].tls tells as posta.catcher's, and c:faults() what went wrong with TLS.

Spawn it before the spec opens sockets of its own. ]]

------------------------------------------------------------------------------- the process

-- Words that are options of tls; each mail's TLS is told before the mail is acknowledged.
local function serve(root, dir, ...)
    package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. package.path
    local tls, c = {}, nil
    for _, word in ipairs { ... } do
        local name, value = word:match("^(%w+)=(.*)$")
        if name then tls[name] = value else tls[word] = true end
    end
    local function log(line)
        local mail = c.mails[#c.mails]
        io.stdout:write(line, "\n")
        if mail and line:find("^%d+  from ") then
            local t = mail.tls or { version = "clear", cipher = "" }
            io.stdout:write(("mail %d: %s|%s|%s\n"):format(#c.mails, t.version, t.cipher, t.client or ""))
        end
        io.stdout:flush()
    end
    c = assert(require("posta.catcher").start { dir = dir, keep = false, tls = tls, log = log })
    io.stdout:write("catching on ", c.url, ", pid 0;\n")
    io.stdout:flush()
    while true do c:step(1) end
end

if (...) == "--serve" then return serve(select(2, ...)) end

---------------------------------------------------------------------------------- the face

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

local function tls_of(output, n)
    local version, cipher, client = output:match(("\nmail %d: ([^|\n]*)|([^|\n]*)|([^|\n]*)\n"):format(n))
    if not version or version == "clear" then return false end
    return { version = version, cipher = cipher, client = client ~= "" and client or nil }
end

-- What has come so far, in order.
function methods:mails()
    local mails = {}
    while true do
        local name = ("%s/%04d"):format(self.dir, #mails + 1)
        local raw = child.read_file(name .. ".eml")
        if not raw then return mails end
        local from, to = read_envelope(name .. ".envelope")
        local mail = { from = from, to = to, raw = raw, file = name .. ".eml" }
        if self.tells_tls then mail.tls = tls_of(self:output(), #mails + 1) end
        mails[#mails + 1] = mail
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

-- The sentences about TLS that failed, one a line.
function methods:faults()
    local found = {}
    for line in self:output():gmatch("([^\n]+)") do
        if line:find("TLS") and not line:find("^mail %d") and not line:find("^%d+  from ") then
            found[#found + 1] = line
        end
    end
    return table.concat(found, "\n")
end

function methods:stop()
    self.process:stop()
    if self.own_dir then os.execute("rm -rf -- " .. child.quoted(self.dir)) end
end

-- OpenSSL refuses to serve with a certificate that is weak, unless told so.
local WEAK = [[
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
CipherString = DEFAULT@SECLEVEL=0
]]

local function words_of_tls(dir, interpreter, tls)
    local words = { interpreter, child.root() .. "/spec/support/catcher.lua", "--serve", child.root(), dir }
    for name, value in pairs(tls) do
        if value then words[#words + 1] = value == true and name or name .. "=" .. value end
    end
    return words
end

local function words_of_catch(dir, options)
    local words = { child.root() .. "/tools/catch", options.port or 0, "--dir", dir }
    if options.once then
        words[#words + 1] = "--once"
        words[#words + 1] = options.once
    end
    for _, word in ipairs(options.words or {}) do words[#words + 1] = word end
    return words
end

function support.spawn(options)
    options = options or {}
    local dir, lua = options.dir or child.new_folder(), options.lua or child.interpreter()
    local words = options.tls and words_of_tls(dir, lua, options.tls) or words_of_catch(dir, options)
    local conf = options.tls and dir .. "/openssl.cnf"
    if conf then child.write_file(conf, WEAK) end
    local process = child.start(words, { POSTA_LUA = lua, OPENSSL_CONF = conf })
    local c = setmetatable({ process = process, dir = dir, own_dir = not options.dir,
        tells_tls = options.tls ~= nil }, methods)
    local url, port, pid = process:wait_for("catching on (smtps?://127%.0%.0%.1:(%d+)), pid (%d+);")
    c.ca_file = process:output():match("\ntrust it with ca_file=([^\n]+)\n")
    c.url, c.port, c.pid = url, tonumber(port), tonumber(pid)
    return c
end

-- Catchers by name, each spawned when it is first asked for: pool.get("name", options), pool.stop().
function support.pool()
    local pool, all = {}, {}
    function pool.get(name, options)
        all[name] = all[name] or support.spawn(options)
        return all[name]
    end
    function pool.stop()
        for _, c in pairs(all) do c:stop() end
        all = {}
    end
    return pool
end

return support
