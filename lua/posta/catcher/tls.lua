--[[ posta.catcher.tls: TLS for the catcher, by LuaSec; and a certificate to try it with.

A session's socket is wrapped in place: s.socket is LuaSec's object from then on, s.raw the emptied one of
LuaSocket. While the handshake goes on, s.handshake is what it waits for, "read" or "write".

LuaSec is handed in by who loaded it. Nothing here blocks, but for the commands of `certificate`.

BUGS: the reasons of a failed handshake are OpenSSL's own, so they change with its versions; HINTS knows
those of 1.1 to 3. No session is resumed where client certificates are demanded. ]]

local files = require "posta.catcher.files"

local tls = {}

-- One context for all sessions of a catcher; or nil and what OpenSSL has against the files.
function tls.context(ssl, options)
    local ruled_out = { "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1", "no_renegotiation" }
    if options.min == "tlsv1_3" then ruled_out[#ruled_out + 1] = "no_tlsv1_2" end
    if options.max == "tlsv1_2" then ruled_out[#ruled_out + 1] = "no_tlsv1_3" end
    -- LuaSec names no context for its sessions, and OpenSSL ends a connection that resumes a nameless
    -- one where a certificate is demanded.
    if options.verify then ruled_out[#ruled_out + 1] = "no_ticket" end
    local known = {}                        -- an OpenSSL without SSL 2 has no option against it
    for _, name in ipairs(ruled_out) do
        if ssl.config.options[name] then known[#known + 1] = name end
    end
    local context, why = ssl.newcontext {
        mode = "server", protocol = "any", certificate = options.cert, key = options.key,
        cafile = options.ca, options = known,
        verify = options.verify and { "peer", "fail_if_no_peer_cert" } or "none",
    }
    if context then return context end
    return nil, "tls: " .. tostring(why)
end

----------------------------------------------------------------------------------- handshake

tls.WAITS_FOR = { wantread = "read", wantwrite = "write" }

local HINTS = {       -- { a pattern in OpenSSL's reason, what it means to a client's author }
    { "^closed$", "the client closed the connection" },
    { "unexpected eof", "the client closed the connection" },
    { "wrong version number", "the client does not speak TLS" },
    { "http request", "the client does not speak TLS" },
    { "alert unknown ca", "the client does not trust the certificate" },
    { "alert bad certificate", "the client does not like the certificate" },
    { "alert certificate unknown", "the client does not like the certificate" },
}

local function explained(why)
    why = tostring(why or "no reason given")
    for _, row in ipairs(HINTS) do
        if why:find(row[1]) then
            return why == "closed" and row[2] or row[2] .. " (" .. why .. ")"
        end
    end
    return why
end

local SHORT = {       -- RFC 4514, 3
    commonName = "CN", organizationName = "O", organizationalUnitName = "OU", countryName = "C",
    stateOrProvinceName = "ST", localityName = "L",
}

local function subject_of(certificate)
    local parts = {}
    for _, part in ipairs(certificate:subject()) do
        parts[#parts + 1] = (SHORT[part.name] or part.name or part.oid) .. "=" .. tostring(part.value)
    end
    return table.concat(parts, ", ")
end

local function about(socket)
    local info = socket:info()
    local certificate = socket:getpeercertificate()
    return { version = info.protocol, cipher = info.cipher,
        client = certificate and subject_of(certificate) }
end

-- Wraps the session's socket; true, or nil and why not.
function tls.wrap(ssl, context, s)
    local socket, why = ssl.wrap(s.socket, context)
    if not socket then return nil, explained(why) end
    socket:settimeout(0)
    s.raw, s.socket, s.handshake = s.socket, socket, "read"
    return true
end

-- One slice of the handshake. At its end s.tls tells what was agreed on; nil and a reason: it failed.
function tls.shake(s)
    local done, why = s.socket:dohandshake()
    if done then
        s.tls, s.handshake = about(s.socket), nil
        return true
    end
    s.handshake = tls.WAITS_FOR[why]
    if s.handshake then return true end
    return nil, explained(why)
end

local QUIET = { closed = true, ["System error"] = true }

-- What ended a connection inside TLS, when that is more than an end; else nil.
function tls.fault_in(why)
    if QUIET[why] or why:find("unexpected eof") or why:lower():find("reset by peer") then return nil end
    return explained(why)
end

-- LuaSec blocks to say goodbye; so that goodbye must fail at once where the client reads no more.
function tls.close(net, s)
    local _, writable = net.select(nil, { s.socket }, 0)
    if not writable[1] then
        s.raw:setfd(s.socket:getfd())
        s.raw:shutdown("both")
        s.raw:setfd(-1)
    end
    s.socket:close()
end

--------------------------------------------------------------------------------- certificate

-- Made in a folder of its own and moved when all is well. The CA's key stays there and goes: nobody can
-- sign more in the name of a CA that a user's machine trusts.
local SCRIPT = [[
umask 077
work=$(mktemp -d "$dir/making.XXXXXX") || exit 1
trap 'rm -rf -- "$work"' EXIT
command -v openssl >/dev/null || { echo "openssl was not found (Debian: openssl)"; exit 1; }
cat >"$work/openssl.cnf" <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
END
OPENSSL_CONF=$work/openssl.cnf
export OPENSSL_CONF
(
    cd "$work" &&
        openssl ecparam -name prime256v1 -genkey -noout -out ca.key &&
        openssl req -new -x509 -sha256 -days 365 -config openssl.cnf -extensions ca \
            -subj "/CN=posta catcher $serial" -key ca.key -out ca.pem &&
        openssl ecparam -name prime256v1 -genkey -noout -out server.key &&
        openssl req -new -sha256 -config openssl.cnf -key server.key -out server.csr &&
        openssl x509 -req -sha256 -days 365 -extfile openssl.cnf -extensions server -CA ca.pem \
            -CAkey ca.key -set_serial "$serial" -in server.csr -out server.pem &&
        chmod 644 ca.pem server.pem
) >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mv -- "$work/ca.pem" "$work/server.pem" "$work/server.key" "$dir/" && echo made
]]

-- { cert =, key =, ca =, dir = }: a certificate for localhost, 127.0.0.1 and ::1, its key and the CA that
-- signed it, in a folder (true: a fresh temporary one). When they are there already, they are taken as they
-- are. A client may show it too. Needs the command openssl; nil and a sentence when that fails.
function tls.certificate(dir)
    if dir ~= true and type(dir) ~= "string" then
        error("catcher.certificate: expected string or true, got " .. type(dir), 2)
    end
    local why
    dir, why = files.folder(dir)
    if not dir then return nil, why end
    local made = { cert = dir .. "/server.pem", key = dir .. "/server.key", ca = dir .. "/ca.pem" }
    local there = {}
    for _, name in pairs(made) do there[#there + 1] = files.read(name, 1) and name end
    made.dir = dir
    if #there == 3 then return made end
    if #there > 0 then
        return nil, dir .. " has some of ca.pem, server.pem and server.key, but not all"
    end
    local variables = ("dir=%s serial=%d\n"):format(files.quoted(dir), os.time())
    local pipe = io.popen("exec 2>&1\n" .. variables .. SCRIPT, "r")
    local said = pipe and pipe:read("*a") or ""
    if pipe then pipe:close() end
    if said:find("made\n$") then return made end
    return nil, "cannot make a certificate: " .. (said:match("([^\r\n]+)") or "openssl failed")
end

return tls
