--[[ posta.catcher: a small SMTP server for people who write mail code.

It listens on loopback only, takes mail for anybody, keeps each message with its exact octets, and
says what it saw in one line. It is a strict receiver (RFC 5321): only CRLF ends a line, only
CRLF.CRLF ends a message, a parameter is taken only when its extension was offered.

    local catcher = require "posta.catcher"
    local c = assert(catcher.start{})            -- c.url, c.port, c.mails, c.dir
    -- ... send to c.url from another process, or from here with  wait = function() c:step(0.01) end
    local mails = assert(c:wait(1, 5))           -- mails[1].from, .to, .raw, .file, .notes
    c:stop()

One thread, nothing blocks: `step` serves what is ready. LuaSocket is needed by `start` alone, LuaSec by
its option tls.

Options of start: port (0: any free one), host ("127.0.0.1"), dir (a folder for NNNN.eml and
NNNN.envelope; true: a fresh temporary one), log (a function that takes a line; false: silence),
extensions (the EHLO lines), smtputf8 (true: offers SMTPUTF8 too, RFC 6531), keep (false: the octets
stay in the file only), tls, and refuse(verb, argument): a reply to give instead of doing it, or nil.
MAIL and RCPT come with the address, "." with the octets of the message, CONNECT with "".

tls = { cert =, key = } (files in PEM) offers STARTTLS, with
    implicit = true       TLS from the first octet: c.url is smtps://...
    required = true       no MAIL in clear text
    min, max              "tlsv1_2" or "tlsv1_3"; older ones are never spoken
    ca = file, verify = true    demand a client certificate of that CA
mails[1].tls is then { version =, cipher =, client = }, or false for a mail that came in clear text;
c.faults holds a sentence for each TLS that failed. catcher.certificate(dir) makes the files.

BUGS: no AUTH yet. Nothing closes an idle client, nor one that is slow in its handshake. ]]

local checks = require "posta.catcher.options"
local files = require "posta.catcher.files"
local grammar = require "posta.catcher.grammar"
local report = require "posta.catcher.report"
local tls = require "posta.catcher.tls"

local catcher = { certificate = tls.certificate }

local OFFERED = { "SIZE 52428800", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "HELP" }
local MAX_LINE = 4096          -- octets; RFC 5321, 4.5.3.1.4 asks for 512 and more for extensions
local MAX_CLIENTS = 200        -- select() takes 1024 descriptors; the others wait in the backlog
local MAX_UNSENT = 65536       -- a client that does not read is not read either
local CHUNK = 65536

------------------------------------------------------------------------------------ replies

local function say(s, code, enhanced, text)
    if enhanced and s.catcher.offers.ENHANCEDSTATUSCODES then text = enhanced .. " " .. text end
    s.out[#s.out + 1] = code .. " " .. text .. "\r\n"
end

-- What went wrong between catcher and client below SMTP.
local function tell(c, sentence)
    c.faults[#c.faults + 1] = sentence
    if c.log then c.log(sentence) end
end

-- The user's refusal: "550 5.1.1 no such user", lines parted by \n. True when one was given.
local function is_refused(s, verb, argument)
    local refuse = s.catcher.options.refuse
    local text = refuse and refuse(verb, argument)
    if not text then return false end
    local lines = {}
    for line in (tostring(text) .. "\n"):gmatch("([^\r\n]*)\r?\n") do
        if not line:find("^[2-5]%d%d") then
            error("refuse: expected a reply such as \"550 5.1.1 no such user\", got "
                .. string.format("%q", line), 0)
        end
        lines[#lines + 1] = line
    end
    for i, line in ipairs(lines) do
        local mark = i < #lines and "-" or " "
        s.out[#s.out + 1] = line:sub(1, 3) .. mark .. line:sub(5) .. "\r\n"
    end
    local code = lines[#lines]:sub(1, 3)
    s.closing = s.closing or code == "421" or code == "221"
    return true
end

------------------------------------------------------------------------------------ keeping

-- Who sees NNNN.eml sees all of it, and its envelope: the name is given last.
local function save(c, mail, raw)
    local name, taken
    repeat
        c.last_file = c.last_file + 1
        name = ("%s/%04d"):format(c.dir, c.last_file)
        taken = io.open(name .. ".eml", "rb")
        if taken then taken:close() end
    until not taken
    local lines = { "from: <" .. mail.from .. ">\n" }
    for _, address in ipairs(mail.to) do lines[#lines + 1] = "to: <" .. address .. ">\n" end
    local ok, why = files.write(name .. ".envelope", table.concat(lines))
    if ok then ok, why = files.write(name .. ".part", raw) end
    if ok then ok, why = os.rename(name .. ".part", name .. ".eml") end
    if not ok then return nil, why end
    mail.file = name .. ".eml"
    return true
end

local function forget(s)
    s.mail, s.text = nil, nil
end

local function keep(s, raw)
    local c, mail, text = s.catcher, s.mail, s.text
    forget(s)
    if text.over or (c.limit > 0 and #raw > c.limit) then
        return say(s, "552", "5.3.4", "the message is larger than " .. c.limit .. " octets")
    end
    if is_refused(s, ".", raw) then return end
    mail.notes = report.notes(mail, raw, text.ahead)
    if c.dir then
        local ok, why = save(c, mail, raw)
        if not ok then return say(s, "452", "4.3.1", "cannot keep the message: " .. why) end
    end
    if c.options.keep ~= false then mail.raw = raw end
    local n = #c.mails + 1
    c.mails[n] = mail
    if c.log then c.log(report.line(n, mail, raw)) end
    say(s, "250", "2.0.0", "kept as number " .. n)
end

----------------------------------------------------------------------------------- commands

local verbs = {}

local function greet(s, argument, extended)
    if not grammar.is_domain(argument) or argument:find("[\128-\255]") then
        return say(s, "501", nil, "expected a domain or an address literal")
    end
    forget(s)
    s.hello, s.extended = argument, extended
    if not extended then return say(s, "250", nil, "localhost") end
    local lines = { "localhost greets " .. argument }
    for _, line in ipairs(s.catcher.extensions) do lines[#lines + 1] = line end
    if s.catcher.context and not s.tls then lines[#lines + 1] = "STARTTLS" end
    for i, line in ipairs(lines) do
        s.out[#s.out + 1] = "250" .. (i < #lines and "-" or " ") .. line .. "\r\n"
    end
end

function verbs.EHLO(s, argument)
    if not is_refused(s, "EHLO", argument) then greet(s, argument, true) end
end

function verbs.HELO(s, argument)
    if not is_refused(s, "HELO", argument) then greet(s, argument, false) end
end

-- Both commands: path, parameters, characters; nil when a reply was given.
local function address_of(s, verb, argument)
    local word, fault = "FROM:", "5.1.7"
    if verb == "RCPT" then word, fault = "TO:", "5.1.3" end
    local address, rest = grammar.path(argument, word)
    if not address then return say(s, "501", fault, rest) end
    local parameters, code, enhanced, why = grammar.parameters(
        s.extended and s.catcher.offers or {}, verb, rest)
    if not parameters then return say(s, code, enhanced, why) end
    local utf8 = parameters.SMTPUTF8 or (s.mail and s.mail.parameters.SMTPUTF8)
    if address:find("[\128-\255]") and not utf8 then
        return say(s, "553", "5.6.7", "an address that is not ASCII needs SMTPUTF8")
    end
    if is_refused(s, verb, address) then return nil end
    return address, parameters
end

function verbs.MAIL(s, argument)
    if not s.hello then return say(s, "503", "5.5.1", "EHLO comes first") end
    if s.mail then return say(s, "503", "5.5.1", "a mail was already begun") end
    if not s.tls and s.catcher.context and s.catcher.options.tls.required then
        return say(s, "530", "5.7.0", "Must issue a STARTTLS command first")
    end
    local address, parameters = address_of(s, "MAIL", argument)
    if not address then return end
    local limit = s.catcher.limit
    if limit > 0 and parameters.SIZE and tonumber(parameters.SIZE) > limit then
        return say(s, "552", "5.3.4", "the message is larger than " .. limit .. " octets")
    end
    if parameters.BODY then parameters.BODY = parameters.BODY:upper() end
    s.mail = { from = address, to = {}, parameters = parameters, hello = s.hello,
        tls = s.tls or false }
    say(s, "250", "2.1.0", "sender taken")
end

function verbs.RCPT(s, argument)
    if not s.mail then return say(s, "503", "5.5.1", "MAIL comes first") end
    local address = address_of(s, "RCPT", argument)
    if not address then return end
    s.mail.to[#s.mail.to + 1] = address
    say(s, "250", "2.1.5", "recipient taken")
end

function verbs.DATA(s, argument)
    if argument ~= "" then return say(s, "501", "5.5.4", "DATA takes no argument") end
    if not s.mail then return say(s, "503", "5.5.1", "MAIL comes first") end
    if #s.mail.to == 0 then return say(s, "554", "5.5.1", "no recipient was taken") end
    if is_refused(s, "DATA", "") then return end
    -- The CRLF of the command line counts: a dot right behind it is the end. It is cut off later.
    s.text = { pieces = {}, tail = "\r\n", n = 0, ahead = s.at <= #s.input }
    say(s, "354", nil, "go on; end with a dot on a line of its own")
end

function verbs.RSET(s, argument)
    if argument ~= "" then return say(s, "501", "5.5.4", "RSET takes no argument") end
    if is_refused(s, "RSET", "") then return end
    forget(s)
    say(s, "250", "2.0.0", "forgotten")
end

function verbs.NOOP(s, argument)
    if not is_refused(s, "NOOP", argument) then say(s, "250", "2.0.0", "still here") end
end

function verbs.VRFY(s, argument)
    if argument == "" then return say(s, "501", "5.5.4", "VRFY whom?") end
    if is_refused(s, "VRFY", argument) then return end
    say(s, "252", "2.1.5", "mail is taken for anybody")
end

function verbs.HELP(s, argument)
    if is_refused(s, "HELP", argument) then return end
    say(s, "214", "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT; mail goes nowhere")
end

function verbs.QUIT(s, argument)
    if argument ~= "" then return say(s, "501", "5.5.4", "QUIT takes no argument") end
    s.closing = true
    if not is_refused(s, "QUIT", "") then say(s, "221", "2.0.0", "goodbye") end
end

-- Obeyed when the catcher has a certificate only. Once the reply has gone, `flush` begins TLS.
local function starttls(s, argument)
    if argument ~= "" then return say(s, "501", "5.5.4", "STARTTLS takes no argument") end
    if s.tls then return say(s, "503", "5.5.1", "this is TLS already") end
    if not s.extended then return say(s, "503", "5.5.1", "EHLO comes first") end
    -- Whoever sits between client and server could put them there: they must not count as the client's
    -- own once it speaks TLS. Some may still be inside LuaSocket.
    if s.at <= #s.input or s.socket:dirty() then
        s.closing = true
        tell(s.catcher, "octets came in clear text behind STARTTLS; they were thrown away")
        return say(s, "554", "5.5.1", "nothing may follow STARTTLS before its reply")
    end
    if is_refused(s, "STARTTLS", "") then return end
    s.upgrading = true
    say(s, "220", "2.0.0", "begin TLS")
end

local KNOWN = { STARTTLS = true, AUTH = true, BDAT = true, EXPN = true, TURN = true, ETRN = true }

local function obey(s, line)
    local word, blank, argument = line:match("^(%a+)( ?)(.*)$")
    if line:find("[%z\r\n]") or not word or (blank == "" and argument ~= "") then
        return say(s, "500", "5.5.2", "not a command")
    end
    local verb = word:upper()
    if s.unwelcome and verb ~= "QUIT" then return say(s, "503", "5.5.1", "only QUIT is taken") end
    local act = verbs[verb] or (verb == "STARTTLS" and s.catcher.context and starttls)
    if act then
        -- Blanks at the end mean nothing, but for NOOP's sake only there (RFC 5321, 4.1.1).
        return act(s, (argument:gsub("[ \t]+$", "")))
    end
    if is_refused(s, verb, argument) then return end
    if KNOWN[verb] then return say(s, "502", "5.5.1", verb .. " is not offered") end
    say(s, "500", "5.5.2", "unknown command")
end

------------------------------------------------------------------------------------- octets

-- One command line. A bare LF ends it too, only to be refused: silence would explain nothing.
local function take_line(s)
    local lf = s.input:find("\n", s.at, true)
    local len = (lf or #s.input + 1) - s.at
    if len > MAX_LINE and not s.skipping then
        s.skipping = true
        say(s, "500", "5.5.2", "the line is longer than " .. MAX_LINE .. " octets")
    end
    if not lf then
        if s.skipping then s.at = #s.input + 1 end
        return false
    end
    local line = s.input:sub(s.at, lf - 1)
    s.at = lf + 1
    if s.skipping then
        s.skipping = false
        return true
    end
    if line:sub(-1) ~= "\r" then
        say(s, "500", "5.5.2", "a command line must end in CRLF")
        return true
    end
    local ahead = s.at <= #s.input and line:upper() ~= "DATA\r"
    if ahead and not s.catcher.offers.PIPELINING then
        s.closing = true
        say(s, "503", "5.5.0", "commands came ahead, but PIPELINING was not offered")
        return true
    end
    obey(s, line:sub(1, -2))
    return true
end

-- The text up to CRLF.CRLF. The last four octets wait, for the end may come in pieces.
local function take_text(s)
    local text, limit = s.text, s.catcher.limit
    local window = text.tail .. s.input:sub(s.at)
    local first, last = window:find("\r\n.\r\n", 1, true)
    if first then
        s.input, s.at = window:sub(last + 1), 1
        text.pieces[#text.pieces + 1] = window:sub(1, first + 1)
        -- The first CRLF is DATA's own. RFC 5321, 4.5.2: a dot that begins a line is taken away.
        keep(s, (table.concat(text.pieces):gsub("\r\n%.", "\r\n"):sub(3)))
        return true
    end
    s.input, s.at = "", 1
    local done = math.max(#window - 4, 0)
    text.n = text.n + done
    text.over = limit > 0 and text.n > 2 * limit + 2      -- taking dots away cannot save it now
    if text.over then
        text.pieces = {}
    elseif done > 0 then
        text.pieces[#text.pieces + 1] = window:sub(1, done)
    end
    text.tail = window:sub(done + 1)
    return false
end

local function take(s, octets)
    s.input, s.at = s.input:sub(s.at) .. octets, 1
    local more = true
    while more and not s.closing do
        if s.text then more = take_text(s) else more = take_line(s) end
    end
end

-------------------------------------------------------------------------------- connections

local function drop(c, s)
    c.by_socket[s.socket] = nil
    if s.raw then tls.close(c.net, s) else s.socket:close() end
    for i, other in ipairs(c.sessions) do
        if other == s then table.remove(c.sessions, i) break end
    end
end

local function welcome(s)
    if is_refused(s, "CONNECT", "") then
        s.unwelcome = true
    else
        say(s, "220", nil, "localhost ESMTP posta catcher")
    end
end

local flush

-- One slice of the handshake; drops the session when that fails.
local function shake(c, s)
    local ok, why = tls.shake(s)
    if not ok then
        tell(c, "TLS handshake failed: " .. why)
        return drop(c, s)
    end
    if s.handshake then return end
    if c.options.tls.implicit then welcome(s) end
    flush(c, s)
end

-- From here on TLS. Nothing that was said in clear text counts any more (RFC 3207, 4.2).
local function secure(c, s)
    forget(s)
    s.hello, s.extended, s.upgrading, s.input, s.at = nil, nil, nil, "", 1
    c.by_socket[s.socket] = nil
    local ok, why = tls.wrap(c.ssl, c.context, s)
    c.by_socket[s.socket] = s
    if ok then return shake(c, s) end
    tell(c, "TLS cannot begin: " .. why)
    drop(c, s)
end

function flush(c, s)
    if #s.out > 0 then
        s.unsent = s.unsent .. table.concat(s.out)
        s.out = {}
    end
    if s.unsent ~= "" then
        local sent, why, upto = s.socket:send(s.unsent)
        s.write_when = tls.WAITS_FOR[why] or "write"
        if not sent and why ~= "timeout" and not tls.WAITS_FOR[why] then return drop(c, s) end
        s.unsent = s.unsent:sub((sent or upto) + 1)
    end
    if s.unsent ~= "" then return end
    if s.closing then return drop(c, s) end
    if s.upgrading then secure(c, s) end
end

local function may_read(s)
    return not s.closing and not s.upgrading and #s.unsent < MAX_UNSENT
end

local function read(c, s)
    local octets, why, partial = s.socket:receive(CHUNK)
    s.read_when = tls.WAITS_FOR[why] or "read"
    take(s, octets or partial or "")
    if why and why ~= "timeout" and not tls.WAITS_FOR[why] then
        s.closing = true
        local ill = s.tls and tls.fault_in(why)
        if ill then tell(c, "TLS failed: " .. ill) end
        -- LuaSec's send never returns behind a fault; behind the client's goodbye it does.
        if s.tls and why ~= "closed" then return drop(c, s) end
    end
    flush(c, s)
end

local function accept(c)
    local socket = c.server:accept()
    if not socket then return end
    socket:settimeout(0)
    socket:setoption("tcp-nodelay", true)
    local s = { catcher = c, socket = socket, input = "", at = 1, out = {}, unsent = "",
        read_when = "read", write_when = "write" }
    c.sessions[#c.sessions + 1] = s
    c.by_socket[socket] = s
    if c.context and c.options.tls.implicit then return secure(c, s) end
    welcome(s)
    flush(c, s)
end

-- The socket can be read or written. Whichever it is: TLS may have waited for it to do the other.
local function serve(c, socket)
    local s = c.by_socket[socket]
    if not s then return end                          -- gone since select, or another socket by now
    if s.handshake then return shake(c, s) end
    if s.unsent ~= "" then flush(c, s) end
    if c.by_socket[socket] == s and may_read(s) then read(c, s) end
end

----------------------------------------------------------------------------------- the face

local methods = {}
methods.__index = methods

-- Serve what is ready, once; wait for it at most so many seconds (0 when none are given).
function methods:step(seconds)
    if not self.server then return nil, "the catcher is stopped" end
    local waiting = { read = {}, write = {} }
    local function wait_for(what, socket) table.insert(waiting[what], socket) end
    if #self.sessions < MAX_CLIENTS then wait_for("read", self.server) end
    for _, s in ipairs(self.sessions) do
        if s.handshake then
            wait_for(s.handshake, s.socket)
        else
            if may_read(s) then wait_for(s.read_when, s.socket) end
            if s.unsent ~= "" then wait_for(s.write_when, s.socket) end
        end
    end
    -- LuaSocket's select asks `dirty` too: octets that wait inside a socket, even decrypted, are heard.
    local can_read, can_write = self.net.select(waiting.read, waiting.write, seconds or 0)
    for _, socket in ipairs(can_write) do serve(self, socket) end
    for _, socket in ipairs(can_read) do
        if socket == self.server then accept(self) else serve(self, socket) end
        if not self.server then return true end          -- stopped by the user's own function
    end
    return true
end

-- Serve until n mails have come: the list of all; or nil and a sentence.
function methods:wait(n, seconds)
    local now = self.net.gettime
    local finish = now() + seconds
    while #self.mails < n do
        local left = finish - now()
        if not self.server then return nil, "the catcher is stopped" end
        if left <= 0 then
            return nil, ("waited %g s for %d mail(s); %d came"):format(seconds, n, #self.mails)
        end
        self:step(math.min(left, 0.1))
    end
    return self.mails
end

-- Clients that are connected now.
function methods:clients() return #self.sessions end

-- Close everything; what was kept stays. May be called twice.
function methods:stop()
    if not self.server then return end
    self.server:close()
    self.server = nil
    while #self.sessions > 0 do drop(self, self.sessions[1]) end
end

-- The EHLO lines; a sentence when one makes no sense.
local function read_extensions(c, lines)
    c.extensions, c.offers, c.limit = {}, {}, 0
    local all = {}
    for i, line in ipairs(lines) do all[i] = line end
    if c.options.smtputf8 then all[#all + 1] = "SMTPUTF8" end
    for i, line in ipairs(all) do
        local key, value = tostring(line):match("^(%w[%w%-]*) ?([ -~]*)$")
        if not key then return ("extensions[%d]: malformed"):format(i) end
        c.extensions[i] = line
        c.offers[key:upper()] = true
        if key:upper() == "SIZE" then c.limit = tonumber(value) or 0 end
    end
    if c.offers.STARTTLS and c.options.tls then return "extensions: tls offers STARTTLS itself" end
    return nil
end

local function print_line(line)
    io.stdout:write(line, "\n")
    io.stdout:flush()
end

-- A library that LuaRocks and Debian have, or an error for the caller of start.
local function need(module, library, package)
    local found, loaded = pcall(require, module)
    if found then return loaded end
    error(("posta.catcher needs %s (Debian: %s; LuaRocks: %s)"):format(library, package,
        (package:gsub("-", ""))), 3)
end

-- A catcher; or nil and a sentence when the port or the folder cannot be had. Raises when LuaSocket
-- (with tls: LuaSec) is missing, as any require does, and for options that make no sense.
function catcher.start(options)
    options = options or {}
    local why = checks.fault_of(options)
    if why then error("catcher.start: " .. why, 2) end
    local c = setmetatable({ options = options, net = need("socket", "LuaSocket", "lua-socket"),
        mails = {}, faults = {}, sessions = {}, by_socket = {}, last_file = 0, log = options.log },
        methods)
    if c.log == nil then c.log = print_line end
    why = read_extensions(c, options.extensions or OFFERED)
    if not why and options.tls then
        c.ssl = need("ssl", "LuaSec", "lua-sec")
        c.context, why = tls.context(c.ssl, options.tls)
    end
    if why then error("catcher.start: " .. why, 2) end
    local host = options.host or "127.0.0.1"
    if host == "localhost" then host = "127.0.0.1" end
    c.server, why = c.net.bind(host, options.port or 0, 128)
    if not c.server then
        if why:find("in use") then
            return nil, ("port %d of %s is in use: another program listens there"):format(
                options.port, host)
        end
        return nil, ("cannot listen on %s:%d: %s"):format(host, options.port or 0, why)
    end
    if options.dir then
        c.dir, why = files.folder(options.dir)
        if not c.dir then
            c.server:close()
            return nil, why
        end
    end
    c.server:settimeout(0)
    local _, port = c.server:getsockname()
    c.host, c.port = host, tonumber(port)
    c.url = ("%s://%s:%d"):format(options.tls and options.tls.implicit and "smtps" or "smtp",
        host:find(":") and "[" .. host .. "]" or host, c.port)
    return c
end

return catcher
