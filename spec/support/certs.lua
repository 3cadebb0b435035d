--[[ support.certs: the certificates and keys of tools/certs, whose head lists them.

    local certs = require "spec.support.certs"
    certs.file "ca.pem"                  -- a path
    certs.text "client.key"              -- what stands in it
    certs.pair("wrong", { implicit = true })       -- TLS of spec.support.catcher: cert, key and that

They are made once, in build/certs, and again when they are a day old; some seconds. ]]

local child = require "spec.support.child"

local certs = {}
local dir

-- The folder of them all.
function certs.dir()
    if dir then return dir end
    local wanted = child.root():gsub("/$", "") .. "/build/certs"
    local out = child.run(("%s/tools/certs %s 2>&1 && echo made"):format(child.quoted(child.root()),
        child.quoted(wanted)))
    assert(out:find("made\n$"), "tools/certs: " .. out)
    dir = wanted
    return dir
end

function certs.file(name) return certs.dir() .. "/" .. name end

function certs.text(name)
    return (assert(child.read_file(certs.file(name)), "no such certificate or key: " .. name))
end

-- The pin of "server", as tls.pin takes it.
function certs.pin() return certs.text("server.pin"):match("^%S+") end

function certs.pair(name, more)
    local t = { cert = certs.file(name .. ".pem"), key = certs.file(name .. ".key") }
    for key, value in pairs(more or {}) do t[key] = value end
    return t
end

return certs
