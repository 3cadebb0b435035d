--- Where a mail goes: a URL, or a table of options, made into plain values for C.
-- The URL itself, ports and security are C's (posta_where_parse), so that C, Lua and tools agree.
-- @module posta.where

local core = require "posta.core"
local login = require "posta.login"
local events = require "posta.events"
local names = require "posta.names"
local options = require "posta.options"
local trust = require "posta.tls"
local wire = require "posta.wire"

local where = {}

local PHASES = {
    resolve = "number", connect = "number", tls = "number", greeting = "number", command = "number",
    data = "number", block = "number", result = "number", quit = "number", total = "number",
}

local function timeout_misuse(value, path)
    if type(value) == "table" then return names.misuse(value, path, { known = PHASES }) end
    return names.wrong_type(value, path, "number", "number or table of seconds")
end

-- "host" is for engines: the host brings its own TLS.
local function tls_misuse(value, path)
    if value == "host" then return nil end
    return trust.rule(value, path)
end

local RULES = {
    known = {
        url = "string", host = "string", port = "number", address = "string", security = "string",
        tls = tls_misuse, auth = login.misuse, hello = "string", local_address = "string",
        timeout = timeout_misuse, on_refused = "string", chunking = "string", pipeline = "string",
        files = "boolean", wait = "function", trace = "boolean|function",
        blocking = "boolean", on_event = events.misuse, resolve = "function", transport = wire.misuse,
        on_progress = "function", agent = "string", header_space = "number", reply_space = "number",
        insecure_no_verify = "boolean", insecure_any_name = "boolean", insecure_cn = "boolean",
        insecure_no_time = "boolean", insecure_auth = "boolean",
    },
    moved = {
        server = "host", hostname = "host",
        user = "auth = { user =, password = }", username = "auth = { user =, password = }",
        pass = "auth = { user =, password = }", password = "auth = { user =, password = }",
        secure = "security", ssl = "security", starttls = "security = \"starttls\"",
        helo = "hello", ehlo = "hello", domain = "hello",
        timeouts = "timeout", debug = "trace", verbose = "trace",
    },
    answers_later = true,           -- by where.config, with the code not_built
    later = {},
}

-- Values that are right by design but whose part is not there yet.
local LATER = { pipeline = "deep" }

-- What not every call can do.
local NOT_FOR = {
    engine = { on_event = true, resolve = true, transport = true, on_progress = true, blocking = true },
    start = { wait = true },
}

-- The complaint about an option that goes with other calls than `kind`, or nil.
local function misplaced(w, path, kind)
    local odd
    for name in next, NOT_FOR[kind] or {} do
        if rawget(w, name) ~= nil and (not odd or name < odd) then odd = name end
    end
    if odd then return ("%s.%s: does not go with posta.%s"):format(path, odd, kind) end
    if rawget(w, "tls") == "host" and kind ~= "engine" then
        return path .. ".tls: \"host\" goes with posta.engine only"
    end
    if kind == "session" or rawget(w, "blocking") == nil then return nil end
    local blocks = kind ~= "start"
    if rawget(w, "blocking") == blocks then return nil end
    return ("%s.blocking: posta.%s always %s; use posta.%s"):format(path, kind,
        blocks and "waits" or "works without waiting",
        blocks and (kind == "connect" and "session" or "start") or "send")
end

--- The complaint about a wrong type or name, or nil. `kind`: "send", "connect", "start", "session" or
-- "engine", as the public function is called.
function where.misuse(w, path, kind)
    if type(w) == "string" then return nil end
    if type(w) ~= "table" then
        return ("%s: expected URL or table, got %s"):format(path, type(w))
    end
    local complaint = names.misuse(w, path, RULES) or misplaced(w, path, kind)
    if complaint then return complaint end
    if rawget(w, "url") and rawget(w, "host") then
        return path .. ": expected url or host, got both"
    end
    if not rawget(w, "url") and not rawget(w, "host") then
        return path .. ": expected url or host, got neither"
    end
    return nil
end

--- `w` with the fields of `over`, which win. Both are left as they are.
function where.joined(w, over)
    if over == nil then return w end
    local all = {}
    if type(w) == "string" then all.url = w else
        for key, value in next, w do all[key] = value end
    end
    for key, value in next, over do all[key] = value end
    return all
end

local function problem(field, text, code, hint)
    return nil, { code = code or "field.invalid", field = field, text = text, hint = hint }
end

local WORDS = {
    security = { tls = true, starttls = true, opportunistic = true, none = true },
    on_refused = { continue = true, abort = true },
    chunking = { off = true, auto = true },
    pipeline = { auto = true, off = true },
}
local WORDS_SAID = {
    security = "\"tls\", \"starttls\", \"opportunistic\" or \"none\"",
    on_refused = "\"continue\" or \"abort\"",
    chunking = "\"off\" or \"auto\"",
    pipeline = "\"auto\", \"off\" or \"deep\"",
}

local TEXTS = { "url", "host", "address", "security", "hello", "local_address", "on_refused",
    "chunking", "pipeline", "agent" }

-- Texts go to C with their end marked by NUL: none may be inside.
local function texts(w, config)
    for _, name in ipairs(TEXTS) do
        local value = rawget(w, name)
        if value then
            if value:find("\0", 1, true) then return problem(name, name .. ": has a NUL octet") end
            if WORDS[name] and not WORDS[name][value] then
                return problem(name, ("%s: %q is none of %s"):format(name, value:sub(1, 40),
                    WORDS_SAID[name]))
            end
            config[name] = value
        end
    end
    return true
end

-- Seconds into milliseconds; math.huge is no limit, which C writes as 0.
local function milliseconds(value, field)
    if value == math.huge then return 0 end
    local wrong = options.wrong_seconds(value)
    if wrong then return problem(field, field .. ": " .. wrong) end
    return math.max(1, math.floor(value * 1000 + 0.5))
end

local function timeouts(w, config)
    local given = rawget(w, "timeout")
    config.timeouts = {}
    if given == nil then return true end
    if type(given) == "number" then
        local ms, wrong = milliseconds(given, "timeout")
        config.timeouts.total = ms
        return ms and true, wrong
    end
    for phase in next, PHASES do
        local seconds = rawget(given, phase)
        if seconds then
            local ms, wrong = milliseconds(seconds, "timeout." .. phase)
            if not ms then return nil, wrong end
            config.timeouts[phase] = ms
        end
    end
    return true
end

local function port(w, config)
    local n = rawget(w, "port")
    if n == nil then return true end
    if n ~= n or n < 1 or n > 65535 or n ~= math.floor(n) then
        return problem("port", "port: expected 1 to 65535, got " .. tostring(n))
    end
    config.port = n
    return true
end

local function spaces(w, config)
    for _, name in ipairs { "header_space", "reply_space" } do
        local n = rawget(w, name)
        local least = name == "header_space" and 0 or 1
        if n and (n ~= n or n < least or n > 2 ^ 24 or n ~= math.floor(n)) then
            return problem(name, ("%s: expected %d to 16777216 octets, got %s"):format(name, least, tostring(n)))
        end
        config[name] = n
    end
    return true
end

local function auth(w, config)
    local given = rawget(w, "auth")
    config.insecure_auth = rawget(w, "insecure_auth") or nil
    if given == nil then return true end
    local plain, ask = login.config(given, config.insecure_auth)
    if not plain then return nil, ask end
    config.auth, config.ask, config.has_auth = plain, ask, true
    return true
end

-- The bits of C, in their order.
local INSECURE = { "insecure_no_verify", "insecure_any_name", "insecure_cn", "insecure_no_time" }

-- The handle that is trusted by, when one is given. Wrong ones are told by `place`, with the peer's name.
local function tls(w, config)
    local given = rawget(w, "tls")
    config.insecure = 0
    for i, name in ipairs(INSECURE) do
        if rawget(w, name) then config.insecure = config.insecure + 2 ^ (i - 1) end
    end
    config.has_host_tls = given == "host"
    config.has_tls = given ~= nil and given ~= "host"
    if not config.has_tls then return nil end
    local wrong
    config.tls, wrong = trust.make(given)
    return wrong
end

-- Where it goes, by C: "host:port" as errors name it, and how that is protected.
local function place(w, config)
    local wrong = tls(w, config)
    local parsed, field, text, code = core.where(config)
    if not parsed then
        if config.host and field == "host" then return true end      -- C says it better with the session
        return problem(field ~= "" and field or "url", text, code)
    end
    config.is_lmtp, config.place_security = parsed.is_lmtp, parsed.security
    config.name, config.ca_file = not parsed.is_unix and parsed.host or nil, parsed.ca_file
    -- The URL's credentials, C reads for itself.
    if parsed.has_user and not config.auth then config.auth = { insecure = config.insecure_auth } end
    local host = parsed.host:find(":", 1, true) and "[" .. parsed.host .. "]" or parsed.host
    config.peer = parsed.is_unix and parsed.host or ("%s:%d"):format(host, parsed.port)
    config.peer_port = parsed.port
    if not wrong then return true end
    wrong.text = config.peer .. ": " .. wrong.text
    return nil, wrong
end

local function print_line(direction, line)
    -- What a server says must not steer the terminal.
    local shown = direction .. ": " .. line:gsub("%c", function(c)
        return ("\\x%02X"):format(c:byte())
    end)
    if io then io.stderr:write(shown, "\n") else print(shown) end
end

-- Names and values that are right, but whose part is not there yet: the first in byte order.
local function not_built(w)
    local found
    for name, value in next, w do
        if (RULES.later[name] or LATER[name] == value) and (not found or name < found) then found = name end
    end
    if not found then return true end
    local value = LATER[found] and (" = %q"):format(LATER[found]) or ""
    return problem(found, found .. value .. ": not built: it comes with a later version of posta", "not_built")
end

-- What is called while the session works.
local function hooks(w, config)
    local transport = wire.plain(rawget(w, "transport"))
    config.wait, config.on_progress = rawget(w, "wait"), rawget(w, "on_progress")
    config.resolve, config.has_resolve = rawget(w, "resolve"), rawget(w, "resolve") ~= nil
    config.transport, config.has_transport = transport, transport ~= nil
    config.on_event = events.handlers(rawget(w, "on_event"))
    config.blocking = rawget(w, "blocking") ~= false
    if not transport then return end
    -- The host's own encryption is the protection; without a word on security posta asks for no more.
    config.is_secure = transport.secure == true
    config.has_starttls = transport.starttls ~= nil and not (config.is_secure and not config.security)
    -- There is no socket to take an address literal from.
    config.hello = config.hello or core.host_name() or "[127.0.0.1]"
end

--- The plain values for C and the hooks; or nil and a problem for errors.problem.
function where.config(w)
    if type(w) == "string" then w = { url = w } end
    local config = {}
    for _, step in ipairs { not_built, texts, port, timeouts, spaces, auth, place } do
        local ok, wrong = step(w, config)
        if not ok then return nil, wrong end
    end
    config.abort_on_refused = config.on_refused == "abort"
    config.no_pipelining = config.pipeline == "off"
    config.by_chunks = config.chunking == "auto"
    config.files = rawget(w, "files") ~= false
    hooks(w, config)
    local trace = rawget(w, "trace")
    config.trace = trace and true or false
    if trace == true then trace = print_line end
    config.on_trace = trace or nil
    return config
end

return where
