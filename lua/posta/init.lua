--- posta: sends mail.
--
--     local posta = require "posta"
--     local receipt, message, err = posta.send("smtp://127.0.0.1:2525", {
--       from = "ana@example.org", to = "bob@example.org", subject = "Hi", text = "Hello",
--     })
--
-- Misuse (a wrong type, an unknown name, a closed object) raises at the caller's line; what the world
-- answers (a wrong address, a refusal, a lost connection) comes as nil, message, err.
-- @module posta

local core = require "posta.core"

if core.version ~= "0.1.0" then
    error("posta: lua/posta is version 0.1.0, but posta.core is " .. tostring(core.version))
end
local wanted = ("Lua %d.%d"):format(math.floor(core.lua / 100), core.lua % 100)
if _VERSION ~= wanted then
    error(("posta: posta.core was built for %s, but this is %s"):format(wanted, _VERSION))
end

local codec = require "posta.codec"
local connection = require "posta.connection"
local job = require "posta.job"
local mail = require "posta.mail"
local message = require "posta.message"
local part = require "posta.part"
local pump = require "posta.pump"
local session = require "posta.session"
local tls = require "posta.tls"
local where = require "posta.where"

local posta = {
    --- The version of this library.
    version = core.version,
    --- Reads and writes addresses; see posta.address.
    address = require "posta.address",
    --- Encoders and decoders by themselves; see posta.codec.
    base64 = codec.base64,
    quoted_printable = codec.quoted_printable,
    encoded_word = codec.encoded_word,
}

local TOTAL = 900000            -- ms that one posta.send may take, unless told otherwise

-- The complaint about options that are laid over a place, or nil.
local function options_misuse(options)
    if options ~= nil and type(options) ~= "table" then
        return "options: expected table, got " .. type(options)
    end
    return nil
end

--- Sends one mail and closes the connection.
-- @tparam string|table w a URL ("smtp://127.0.0.1:2525") or a table of options
-- @tparam table|userdata t the mail, or a posta.message
-- @tparam[opt] table options more options, over those of `w`
-- @treturn[1] table the receipt: at least one recipient was accepted
-- @treturn[2] nil
-- @treturn[2] string what happened, what became of the mail, what to do
-- @treturn[2] table err, with a stable `code`
function posta.send(w, t, options)
    local complaint = options_misuse(options) or where.misuse(w, "where", "send")
    if complaint then error(complaint, 2) end
    w = where.joined(w, options)
    complaint = options and where.misuse(w, "options", "send")
        or mail.complaint(t, "mail")
    if complaint then error(complaint, 2) end
    local s, text, err = connection.to(w, { total = TOTAL })
    if not s then return nil, text, err end
    return connection.deliver(s, t)
end

--- Makes a connection that takes several mails; returns when the server has greeted.
-- @tparam string|table w a URL or a table of options
-- @treturn[1] userdata conn, see posta.connection
-- @treturn[2] nil, message, err
function posta.connect(w)
    local complaint = where.misuse(w, "where", "connect")
    if complaint then error(complaint, 2) end
    local s, text, err = connection.to(w)
    if not s then return nil, text, err end
    local ok
    ok, text, err = connection.open(s)
    if ok then return s end
    return nil, text, err
end

--- Begins to send one mail; the work is done by job:step, which never waits, for names neither.
-- @tparam string|table w a URL or a table of options
-- @tparam table|userdata t the mail, or a posta.message
-- @treturn[1] table job, see posta.job
-- @treturn[2] nil, message, err: the mail or the place is wrong
function posta.start(w, t)
    local complaint = where.misuse(w, "where", "start")
        or mail.complaint(t, "mail")
    if complaint then error(complaint, 2) end
    return job.start(w, t, TOTAL)
end

--- Makes a session: the calls and events of the model, one step of SMTP each. Connects nothing.
-- @tparam string|table w a URL or a table of options; `blocking = false`: calls return "in_progress" and
-- `execute` does the work; `on_event`: a function or a table of functions by event name, called as
-- handler(s, event, info)
-- @treturn[1] userdata s, see posta.session
-- @treturn[2] nil, message, err
function posta.session(w)
    local complaint = where.misuse(w, "where", "session")
    if complaint then error(complaint, 2) end
    return session.new(w)
end

--- Reads certificates and keys, for as many connections as one likes: `tls = posta.tls{...}`.
-- @tparam table t ca_file, ca_path (a folder), ca (PEM or DER): the certificates that are trusted, the system's
-- when none is given; cert, key (a path, PEM or DER) and key_password (string, or a function that is asked when
-- the key needs one): shown to servers that ask; pin ("sha256//..." or a list): the server's key must be one of
-- them; server_name: the name to check, apart from the host; min_version "1.2" or "1.3"; ciphers: IANA's names,
-- a list or separated by ":"
-- @treturn[1] userdata
-- @treturn[2] nil, message, err: a file or a value is wrong; named with its line
function posta.tls(t)
    local complaint = tls.misuse(t, "tls")
    if complaint then error(complaint, 2) end
    return tls.new(t)
end

--- The TLS library that runs, "mbed TLS 2.28.3"; nil when this build has none.
function posta.tls_library()
    local name = core.tls.library()
    return name ~= "" and name or nil
end

--- Makes a message to send, to write to a file or to look at.
-- @tparam table t the mail
-- @treturn[1] userdata m, see posta.message
-- @treturn[2] nil, message, err
function posta.message(t)
    local complaint = mail.misuse(t, "mail")
    if complaint then error(complaint, 2) end
    return message.new(t)
end

--- Makes a part that holds octets, other parts or a message, for `part` of a mail, `parts` of another part, or
-- `attachments`; raises on misuse: a part used twice, a cycle, more than 40 levels.
-- @tparam table t one of `body`, `file`, `parts` (a list: it is a multipart, `type = "multipart/..."`) and
-- `message` (a mail's table or a posta.message); and name, type, parameters, charset, disposition, description,
-- language, cid, encoding, size, headers
-- @treturn table
function posta.part(t)
    return part.new(t)
end

--- Looks for what will go wrong with a mail, or annoy, without sending it. What posta.message would refuse is
-- a finding too.
-- @tparam table t the mail
-- @tparam[opt] table options see posta.message's check
-- @treturn table a list of { code =, severity =, place =, text = }
function posta.check(t, options)
    local complaint = mail.misuse(t, "mail")
    if complaint then error(complaint, 2) end
    return message.check(t, options)
end

--- Makes an engine for a host that owns the bytes; see posta.pump and the methods in posta/pump.lua.
-- @tparam string|table w a URL or a table of options; host and port are for the sentences only
-- @treturn[1] userdata engine
-- @treturn[2] nil, message, err
function posta.engine(w)
    local complaint = where.misuse(w, "where", "engine")
    if complaint then error(complaint, 2) end
    return pump.engine(w)
end

--- Sends one mail through an engine.
-- @tparam userdata engine
-- @tparam table io read(hint, seconds) -> bytes | nil, reason [, partial], where hint is "line" (a line
-- with its line end, or any bytes) or an exact count, and reason "timeout" or "closed" or another;
-- write(bytes, seconds) -> count | nil, reason; close(), trace(direction, line) and starttls(name) (the host's
-- TLS over its own wire, instead of posta's: true, or nil and a reason) optional; secure = true: the host
-- encrypts and has verified;
-- keep = true leaves the connection open for the next pump, else QUIT is said
-- @tparam table|userdata t the mail, or a posta.message
-- @return as posta.send
function posta.pump(engine, io, t)
    local complaint = pump.misuse(engine, io)
        or mail.complaint(t, "mail")
    if complaint then error(complaint, 2) end
    if engine:state() == "closed" then error("pump: engine is closed", 2) end
    return pump.pump(engine, io, t)
end

return posta
