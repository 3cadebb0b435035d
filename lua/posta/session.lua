--- posta.session: the calls of the model, one step of SMTP each. What it has in common with connections
-- (send, reset, noop, close, what is known) is in connection.lua; both are the same userdata.
--
-- On a blocking session a call returns when the server has answered: true; or nil, message, err. On one
-- with `blocking = false` it returns "in_progress" at once, `execute` does the work, and the action ends
-- in one event: the one named here, or server_error, server_retry, timeout, failed. nil, message, err
-- then means that nothing was begun and that no event comes.
-- @module posta.session

local core = require "posta.core"
local address = require "posta.address"
local connection = require "posta.connection"
local errors = require "posta.errors"
local extension = require "posta.extension"
local loop = require "posta.loop"
local names = require "posta.names"
local options = require "posta.options"
local tls = require "posta.tls"
local wire = require "posta.wire"

local session = core.session
local methods = session.methods
local checked = connection.checked
local M = {}

--- Makes a session for `w` (looked at by where.misuse before).
function M.new(w)
    local s, text, err = connection.to(w)
    if not s then return nil, text, err end
    core.data(s).is_session = true
    if type(w) == "string" or rawget(w, "on_event") == nil then core.data(s).untaken = {} end
    return s
end

-- Begins a step whose arguments have been looked at.
local function step(s, name, begin)
    local is_stopped, none, text, err = connection.obstacle(s)
    if is_stopped then return none, text, err end
    return connection.act(s, name, begin)
end

local function refuse(s, field, text)
    return errors.problem({ code = "field.invalid", field = field, text = field .. ": " .. text },
        core.data(s).peer)
end

-- The first text in `t` with a NUL octet, which C could not see the end of: its name, or nil.
local function has_nul(t)
    local found
    for name, value in next, t do
        local odd = type(value) == "string" and value:find("\0", 1, true)
        if odd and (not found or name < found) then found = name end
    end
    return found
end

-------------------------------------------------------------------------------- the connection

local CONNECT = { known = { host = "string", port = "number", user = "string", password = "string" },
    moved = { server = "host", username = "user", pass = "password" } }

local MOST_LOGIN = 255          -- octets; longer ones go by `auth`

-- What is wrong with the login of `connect`: true and the three values of failure, or false.
local function wrong_login(s, user, password)
    if user == nil and password == nil then return false end
    if user == nil or password == nil then return true, refuse(s, user and "password" or "user", "is missing") end
    for name, value in next, { user = user, password = password } do
        if #value > MOST_LOGIN then
            return true, refuse(s, name, ("has %d octets, at most %d go here; a longer one goes by `auth`"):format(
                #value, MOST_LOGIN))
        end
    end
    if core.data(s).has_login then return false end
    local hint = "Make it with auth = { user =, password = }, or with auth = {}."
    return true, errors.fail { code = "state", field = "user", retry = "pointless", hint = hint,
        message = core.data(s).prefix .. "user: this session was made to log in nobody; nothing was sent. " .. hint }
end

--- Connects, greets, learns what the server offers; event `connected`. `t` may name another host than
-- the session was made for, and others to log in. Behind `auth_fail` the connection stands, and the login is
-- tried over it once more.
-- @tparam[opt] table t host, port; user, password: both or none, of a session made with `auth`; at most 255 octets
-- each
function methods.connect(s, t)
    checked(s, "connect")
    local complaint = t ~= nil and (names.wrong_type(t, "connect", "table")
        or names.misuse(t, "connect", CONNECT))
    if complaint then error(complaint, 2) end
    t = t or {}
    local host, port = rawget(t, "host"), rawget(t, "port")
    if has_nul(t) then return refuse(s, has_nul(t), "has a NUL octet") end
    if port and (port ~= port or port < 1 or port > 65535 or port ~= math.floor(port)) then
        return refuse(s, "port", "expected 1 to 65535")
    end
    local user, password = rawget(t, "user"), rawget(t, "password")
    local is_refused, none, text, err = wrong_login(s, user, password)
    if is_refused then return none, text, err end
    if port and not host then return refuse(s, "port", "goes with host only") end
    return step(s, "connect", function()
        -- The host first: a login is for the host that is set when it comes.
        local status = host and session.set_host(s, host, port) or "ok"
        connection.place(s)
        if status == "ok" and user then status = session.set_login(s, user, password) end
        if status ~= "ok" then return status end
        return connection.begin(s)
    end)
end

--- Whom the next connects trust and what is shown to the server: a posta.tls, a table for one, or nil: the
-- system's certificates. While not connected only.
-- @return true; or nil, message, err
function methods.set_tls(s, t)
    checked(s, "set_tls")
    local complaint = t ~= nil and tls.rule(t, "tls")
    if complaint then error(complaint, 2) end
    local handle, wrong
    if t ~= nil then
        handle, wrong = tls.make(t)
        if not handle then return errors.problem(wrong, core.data(s).peer) end
    end
    local status = session.set_tls(s, { tls = handle })
    if status == "ok" then return true end
    return connection.answer(s, status, "set_tls")
end

--- Says QUIT and closes; event `disconnected` and nothing else. Legal while an action is pending, whose
-- event comes first. Inside a text it closes at once: the message is not sent.
function methods.disconnect(s)
    checked(s, "disconnect")
    return step(s, "disconnect", function() return session.disconnect(s) end)
end

--- Ends what is pending with the code "cancelled" and closes, by the next `execute`.
function methods.cancel(s)
    checked(s, "cancel")
    session.cancel(s)
    return true
end

------------------------------------------------------------------------------------- a message

local MAILBOX = { name = "string", address = "string" }
local SENDER = {
    known = { address = "string", name = "string", reply_to = function(value, path)
        if type(value) == "string" then return nil end
        return names.wrong_type(value, path, "table", "string or {name=,address=}")
            or names.misuse(value, path, { known = MAILBOX })
    end },
    moved = { from = "address", email = "address", replyTo = "reply_to" },
}
for name, rule in next, extension.rules do SENDER.known[name] = rule end
local RECIPIENT = {
    known = { address = "string", name = "string", type = "string" },
    moved = { to = "address", email = "address", kind = "type" },
}
for name, rule in next, extension.recipient_rules do RECIPIENT.known[name] = rule end
local TYPES = { to = true, cc = true, bcc = true }

-- The table that is meant by a table or by a string like "Ana <ana@example.org>"; or nil, message, err.
local function mailbox(s, value, field)
    if type(value) == "table" then
        local own = {}
        for name, one in next, value do own[name] = one end
        return own
    end
    if value == "" then return { address = "" } end
    local parsed, text = address.parse(value)
    if not parsed then return refuse(s, field, text) end
    return { address = parsed.address, name = parsed.name ~= "" and parsed.name or nil }
end

local function mailbox_misuse(value, name, rules)
    if type(value) == "string" then return nil end
    local complaint = names.wrong_type(value, name, "table", "table or string") or names.misuse(value, name, rules)
    if complaint then return complaint end
    return names.wrong_type(rawget(value, "address"), name .. ".address", "string")
end

--- Begins a message (MAIL); event `sender_ack`.
-- @tparam table|string t address ("" is the null path), name, reply_to (string or {name=,address=}); and what
-- is asked for with it, as in a mail: dsn = { ret =, envid = }, require_tls, mt_priority, deliver_by, hold_for,
-- hold_until, mail_auth
function methods.sender(s, t)
    checked(s, "sender")
    local complaint = mailbox_misuse(t, "sender", SENDER)
    if complaint then error(complaint, 2) end
    local own, text, err = mailbox(s, t, "sender")
    if not own then return nil, text, err end
    if own.reply_to then
        local reply_to
        reply_to, text, err = mailbox(s, own.reply_to, "reply_to")
        if not reply_to then return nil, text, err end
        own.reply_to, own.reply_to_name = reply_to.address, reply_to.name
    end
    local odd = has_nul(own)
    if odd then return refuse(s, "sender." .. odd, "has a NUL octet") end
    local field, why = extension.odd(own)
    if field then return refuse(s, "sender." .. field, why) end
    if own.dsn and rawget(own.dsn, "notify") then return refuse(s, "sender.dsn.notify", "goes with s:recipient") end
    return step(s, "sender", function()
        local asked = extension.flat(own)
        core.data(s).mail_options = asked       -- C borrows its strings
        if asked then session.set_mail_options(s, asked) end
        return session.sender(s, own)
    end)
end

--- Names a recipient (RCPT); event `recipient_ack`. A refusal is an event, and the next may follow.
-- @tparam table|string t address, name, type: "to" (default), "cc" or "bcc" (never in the header); notify, orcpt:
-- when the sender wants to be told, and the address that it was first sent to (RFC 3461)
function methods.recipient(s, t)
    checked(s, "recipient")
    local complaint = mailbox_misuse(t, "recipient", RECIPIENT)
    if complaint then error(complaint, 2) end
    local own, text, err = mailbox(s, t, "recipient")
    if not own then return nil, text, err end
    local odd = has_nul(own)
    if odd then return refuse(s, "recipient." .. odd, "has a NUL octet") end
    if own.type and not TYPES[own.type] then
        return refuse(s, "recipient.type", ("%q is none of \"to\", \"cc\" and \"bcc\""):format(own.type:sub(1, 40)))
    end
    return step(s, "recipient", function()
        local bits = extension.notify(own.notify)
        core.data(s).orcpt = own.orcpt          -- C borrows it
        if bits > 0 or own.orcpt then session.set_notify(s, bits, own.orcpt) end
        return session.recipient(s, own)
    end)
end

local DAYS = { [0] = "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

-- Seconds since 1970 as an RFC 5322 date-time in UTC. There may be no os.date.
local function date_text(seconds)
    local day, second = math.floor(seconds / 86400), math.floor(seconds % 86400)
    local z = day + 719468                              -- days since 1 March of the year 0
    local era = math.floor(z / 146097)
    local of_era = z - era * 146097
    local year_of_era = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
        - math.floor(of_era / 146096)) / 365)
    local of_year = of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
    local mp = math.floor((5 * of_year + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
    return ("%s, %d %s %04d %02d:%02d:%02d +0000"):format(DAYS[day % 7],
        of_year - math.floor((153 * mp + 2) / 5) + 1, MONTHS[month], year,
        math.floor(second / 3600), math.floor(second / 60) % 60, second % 60)
end

local MESSAGE = { known = { subject = "string", date = "string|number", mime = "boolean" } }

--- Begins the text (DATA) and writes its header; event `begin_ack`.
-- @tparam[opt] table t subject; date: seconds since 1970 or an RFC 5322 string, default now;
-- mime = true: the caller brings the MIME fields, the blank line and the body (m:header, m:body)
function methods.begin_message(s, t)
    checked(s, "begin_message")
    local complaint = t ~= nil and (names.wrong_type(t, "begin_message", "table")
        or names.misuse(t, "begin_message", MESSAGE))
    if complaint then error(complaint, 2) end
    t = t or {}
    local own = { subject = rawget(t, "subject"), date = rawget(t, "date"), mime = rawget(t, "mime") }
    if type(own.date) == "number" then
        -- The years 1900 to 9999; NaN fails both.
        if not (own.date >= -2208988800 and own.date < 253402300800) then
            return refuse(s, "date", "is not a time in the years 1900 to 9999")
        end
        own.date = date_text(own.date)
    end
    local odd = has_nul(own)
    if odd then return refuse(s, odd, "has a NUL octet") end
    return step(s, "begin_message", function() return session.begin_message(s, own) end)
end

-- An index of `bytes` as string.sub takes it, within its bounds.
local function index(value, name, fallback, len)
    if value == nil then return fallback end
    if type(value) ~= "number" or value ~= math.floor(value) or math.abs(value) == math.huge then
        error(("body: %s: expected a whole number, got %s"):format(name, tostring(value)), 3)
    end
    if value < 0 then value = len + value + 1 end
    return value
end

--- Writes what is queued without waiting and takes what fits of bytes[i..j]: some, none, or all of it. A
-- blocking session takes all. Line ends become CRLF, dots are doubled. No event.
-- @tparam string bytes
-- @tparam[opt=1] number i
-- @tparam[opt] number j
-- @treturn[1] number the index of the last byte taken, i - 1 when none was
-- @treturn[2] nil, message, err: not inside a text, or the connection has ended
function methods.body(s, bytes, i, j)
    checked(s, "body")
    local complaint = names.wrong_type(bytes, "body", "string")
    if complaint then error(complaint, 2) end
    i, j = index(i, "i", 1, #bytes), math.min(index(j, "j", #bytes, #bytes), #bytes)
    i = math.max(i, 1)
    local is_stopped, none, text, err = connection.obstacle(s)
    if is_stopped then return none, text, err end
    local data = core.data(s)
    local at, status
    if i > j then
        -- Nothing to write: C says whether a text is open.
        at, status = i - 1, select(2, session.body(s, bytes, 1, 0))
    elseif data.blocking then
        status, at = loop.push_text(s, bytes, i, j)
    else
        at, status = session.body(s, bytes, i, j)
        if status == "ok" and at < j and wire.turn(s, data, 0) and not session.is_closed(s) then
            at, status = session.body(s, bytes, at + 1, j)
        end
    end
    if status == "ok" then return at end
    data.has_news = status ~= "state"       -- the event of what ended it
    none, text, err = connection.answer(s, status, "body")
    return none, text, err
end

--- Ends the text; event `end_ack`: the server took the message. What is queued goes first.
function methods.end_message(s)
    checked(s, "end_message")
    return step(s, "end_message", function() return session.end_message(s) end)
end

----------------------------------------------------------------------------------- the events

--- Makes progress without waiting, and calls the handlers: handler(s, event, info). Any method may be
-- called inside a handler, `close` too; `execute` there is busy. An error in a handler leaves `execute`
-- as it is, and the next `execute` goes on; a yield suspends it.
-- @tparam[opt=0] number seconds how long, looked at between bounded units of work; 0: no limit
-- @return "in_progress" while something is pending; then the verdict: true (and the receipt of a send);
-- or nil, message, err
function methods.execute(s, seconds)
    checked(s, "execute")
    local complaint = seconds ~= nil and names.wrong_type(seconds, "execute", "number", "seconds")
    if complaint then error(complaint, 2) end
    if loop.is_busy(s) then return errors.busy("session") end
    local status = loop.execute(s, seconds)
    local verdict = core.data(s).verdict
    if status == "ok" then return true, verdict and verdict.status == "ok" and verdict.receipt or nil end
    return connection.answer(s, status, "execute")
end

--- Takes the next event that no handler was called for: on a session without `on_event` they wait here
-- (the last hundred); otherwise inside handlers.
-- @return handler or nil, event, info; nothing when there is none
function methods.take_event(s)
    checked(s, "take_event")
    local data = core.data(s)
    local first = data.untaken and table.remove(data.untaken, 1)
    if first then return nil, first[1], first[2] end
    while not session.is_closed(s) do
        local handler, name, info = loop.take(s, data)
        if not name then return nil end
        if name ~= "trace" then return handler, name, info end
    end
    return nil
end

-------------------------------------------------------------------------------- what is known

--- Seconds until the server's time runs out, 0 when it has; nil when nothing is awaited.
function methods.read_timer(s)
    checked(s, "read_timer")
    return session.read_timer(s)
end

--- Sets an option; see docs/session.md. Times are in seconds, math.huge is no limit.
-- @return true; or nil, message, err: too late, or a wrong value
function methods.set_option(s, name, value)
    checked(s, "set_option")
    local complaint = options.misuse(name, value, true)
    if complaint then error(complaint, 2) end
    local ok, text, err = options.set(s, name, value)
    connection.place(s)
    return ok, text, err
end

--- The value of an option.
function methods.option(s, name)
    checked(s, "option")
    local complaint = options.misuse(name)
    if complaint then error(complaint, 2) end
    return options.get(s, name)
end

--- Sets an option of the sockets that will be made: "keepalive", "rcvbuf", "sndbuf", "nodelay", "tos", "ttl" ...
-- @tparam string name
-- @tparam number|boolean|string value a string for "bindtodevice" only
-- @return true; or nil, message, err: connected already, a wrong value, or one too many
function methods.set_socket_option(s, name, value)
    checked(s, "set_socket_option")
    local complaint = options.socket_misuse(name, value)
    if complaint then error(complaint, 2) end
    return options.set_socket(s, name, value)
end

--- Keeps any value with the session.
function methods.set_user_data(s, value)
    checked(s, "set_user_data")
    core.data(s).user_data = value
end

--- The value of the last set_user_data.
function methods.user_data(s)
    checked(s, "user_data")
    return core.data(s).user_data
end

return M
