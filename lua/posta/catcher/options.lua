--[[ posta.catcher.options: what posta.catcher.start may be told. ]]

local files = require "posta.catcher.files"

local options = {}

local FIELDS = {
    port = "number", host = "string", dir = "string or true", log = "function or false",
    extensions = "table", smtputf8 = "boolean", keep = "boolean", refuse = "function", tls = "table",
}

local TLS_FIELDS = {
    cert = "string", key = "string", ca = "string", verify = "boolean", min = "string",
    max = "string", implicit = "boolean", required = "boolean",
}

local function fault_of_fields(given, fields, prefix)
    for name, value in pairs(given) do
        local allowed = fields[name]
        if not allowed then return "unknown option " .. prefix .. tostring(name) end
        local got = type(value) == "boolean" and tostring(value) or type(value)
        if type(value) == "boolean" and allowed == "boolean" then got = "boolean" end
        if not (" " .. allowed .. " "):find(" " .. got .. " ", 1, true) then
            return ("%s%s: expected %s, got %s"):format(prefix, name, allowed, got)
        end
    end
    return nil
end

local function fault_of_file(name, file)
    if not file and name == "ca" then return nil end
    if not file then return ("tls.%s: expected string, got nil"):format(name) end
    local first, why = files.read(file, 1)
    if first then return nil end
    return ("tls.%s: cannot read %s"):format(name, why)
end

local function fault_of_version(name, version)
    if not version or version == "tlsv1_2" or version == "tlsv1_3" then return nil end
    return ("tls.%s: expected \"tlsv1_2\" or \"tlsv1_3\", got %q"):format(name, version)
end

local function fault_of_tls(given)
    local why = fault_of_fields(given, TLS_FIELDS, "tls.")
        or fault_of_file("cert", given.cert) or fault_of_file("key", given.key)
        or fault_of_file("ca", given.ca)
        or fault_of_version("min", given.min) or fault_of_version("max", given.max)
    if why then return why end
    if given.verify and not given.ca then
        return "tls.ca: expected string, got nil; verify asks for certificates of that CA"
    end
    if given.min == "tlsv1_3" and given.max == "tlsv1_2" then
        return "tls.max: tlsv1_2 is older than tls.min"
    end
    return nil
end

-- What is wrong with the options of start, a sentence; nil when nothing is.
function options.fault_of(given)
    local why = fault_of_fields(given, FIELDS, "")
    if why then return why end
    local port, host = given.port or 0, given.host or "127.0.0.1"
    if port < 0 or port > 65535 or port % 1 ~= 0 then
        return "port: expected 0 to 65535, got " .. tostring(port)
    end
    if host ~= "localhost" and host ~= "::1" and not host:find("^127%.%d+%.%d+%.%d+$") then
        return ("host: only loopback is served, got %q"):format(host)
    end
    return given.tls and fault_of_tls(given.tls)
end

return options
