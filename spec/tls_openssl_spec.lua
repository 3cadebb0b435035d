-- `openssl s_server`, pinned to each version of TLS. It greets with 554, so that a handshake which came to its
-- end shows as greeting.refused, and one which did not in words of its own. Row J08.

local posta = require "posta"
local certs = require "spec.support.certs"
local child = require "spec.support.child"
local socket = require "socket"
local fails = require("spec.support.posta").fails

local HAS_1_3 = not posta.tls_library():find("^mbed TLS 2%.")

local function free_port()
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    server:close()
    return tonumber(port)
end

local function serve(version)
    local port = free_port()
    -- The shell becomes openssl, so the child's number is the server's and `stop` ends it.
    local command = ("exec openssl s_server -accept 127.0.0.1:%d -cert %s -key %s %s -cipher ALL:@SECLEVEL=0 2>&1 "
        .. "<<'END'\n554 go away\r\nEND\n"):format(port, child.quoted(certs.file "server.pem"),
        child.quoted(certs.file "server.key"), version)
    local process = child.start { "sh", "-c", command }
    process:wait_for("ACCEPT", 20)
    return process, port
end

local function meet(version, tls)
    local process, port = serve(version)
    tls = tls or {}
    tls.ca_file = certs.file "ca.pem"
    local s = assert(posta.session { host = "127.0.0.1", port = port, security = "tls", tls = tls, timeout = 15 })
    local ok, message, err = s:connect()
    local info = s:tls()
    s:close()
    process:stop()
    return info, ok, message, err
end

describe("openssl s_server", function()
    it("is met by TLS 1.2", function()
        local info, ok, message, err = meet "-tls1_2"
        fails("greeting.refused", nil, ok, message, err)
        assert.equal("TLSv1.2", info.version)
        assert.is_true(info.verified)
    end)

    it("is met by TLS 1.3 where mbedTLS has it, and refused in words where not", function()
        local info, ok, message, err = meet "-tls1_3"
        if HAS_1_3 then
            fails("greeting.refused", nil, ok, message, err)
            assert.equal("TLSv1.3", info.version)
        else
            fails("tls.handshake", nil, ok, message, err)
            assert.is_false(info)
            assert.truthy(message:find("no version of TLS in common; what is spoken here is 1.2;", 1, true), message)
        end
    end)

    it("that wants a client certificate says so, also where the handshake is over for us", function()
        for _, version in ipairs(HAS_1_3 and { "-tls1_2", "-tls1_3" } or { "-tls1_2" }) do
            local _, ok, message, err = meet(version .. " -Verify 1")
            fails(version == "-tls1_2" and "tls.handshake" or "connection.lost", nil, ok, message, err)
            assert.truthy(message:find("it wants a client certificate", 1, true), message)
            assert.truthy(message:find("tls.cert", 1, true), message)
        end
    end)

    it("is refused with TLS 1.0 and 1.1", function()
        for _, version in ipairs { "-tls1", "-tls1_1" } do
            local info, ok, message, err = meet(version)
            fails("tls.handshake", nil, ok, message, err)
            assert.is_false(info)
            assert.equal("not_sent", err.outcome)
            assert.truthy(message:find("no version ", 1, true), message)      -- "or cipher suite", of alert 40
        end
    end)

    it("is refused with TLS 1.2 where 1.3 is wanted", function()
        if HAS_1_3 then
            local info, ok, message, err = meet("-tls1_2", { min_version = "1.3" })
            fails("tls.handshake", nil, ok, message, err)
            assert.is_false(info)
        else
            fails("not_built", "tls.min_version", posta.tls { min_version = "1.3" })
        end
    end)
end)
