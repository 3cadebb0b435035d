--[[ support.posta: what the specs of the Lua face share. ]]

local posta = require "posta"
local socket = require "socket"
local child = require "spec.support.child"

local support = {}

--- A mail without a body, with `fields` laid over it.
function support.bare(fields)
    local mail = { from = "ana@example.org", to = "bob@example.org", subject = "x" }
    for name, value in pairs(fields or {}) do mail[name] = value end
    return mail
end

--- A mail that is fine, with `fields` laid over it.
function support.mail(fields)
    local mail = support.bare { text = "hi\n" }
    for name, value in pairs(fields or {}) do mail[name] = value end
    return mail
end

--- The message of support.mail(fields).
function support.message(fields)
    return assert(posta.message(support.mail(fields)))
end

--- Its octets.
function support.text_of(fields)
    return assert(support.message(fields):tostring())
end

--- A host of posta.pump over a LuaSocket connection to a port.
function support.host(port)
    local sock = assert(socket.connect("127.0.0.1", port))
    sock:setoption("tcp-nodelay", true)
    return {
        socket = sock,
        io = {
            read = function(hint, seconds)
                sock:settimeout(seconds)
                if hint ~= "line" then return sock:receive(hint) end
                local line, why, partial = sock:receive("*l")
                if line then return line .. "\r\n" end
                return nil, why, partial
            end,
            write = function(bytes, seconds)
                sock:settimeout(seconds)
                return sock:send(bytes)
            end,
            close = function() sock:close() end,
        },
    }
end

--- A mail as Python's email reads it: the text of tools/read_mail.py, in which parts are lines.
function support.read(octets)
    local folder = child.new_folder()
    child.write_file(folder .. "/mail.eml", octets)
    local out = child.run(("python3 %s/tools/read_mail.py --strict %s/mail.eml 2>&1"):format(
        child.root(), folder))
    os.execute("rm -rf -- " .. child.quoted(folder))
    return out
end

--- The value of a header field as it stands, unfolded.
function support.field(octets, name)
    local head = "\n" .. octets:match("^(.-\r\n)\r\n"):gsub("\r\n([ \t])", "%1"):gsub("\r", "")
    local from, to = head:lower():find("\n" .. name:lower():gsub("%-", "%%-") .. ": ", 1)
    return from and head:match("([^\n]*)", to + 1)
end

--- A file with `octets` in a folder of its own; gives the path, and what removes it.
function support.file(name, octets)
    local folder = child.new_folder()
    child.write_file(folder .. "/" .. name, octets)
    return folder .. "/" .. name, function() os.execute("rm -rf -- " .. child.quoted(folder)) end
end

--- Asserts nil, message, err with this code (and field); gives err.
function support.fails(code, field, ...)
    local none, message, err = ...
    assert(none == nil, "expected a failure, got " .. tostring(none))
    assert(type(message) == "string" and type(err) == "table", "expected nil, message, err")
    if err.code ~= code then error(("expected code %s, got %s: %s"):format(code, tostring(err.code), message), 2) end
    if field and err.field ~= field then
        error(("expected field %s, got %s: %s"):format(field, tostring(err.field), message), 2)
    end
    assert(tostring(err) == message, "tostring(err) is another sentence")
    return err
end

--- Asserts that a call raises a sentence, and that it blames the line of the caller: this file's user.
function support.raises(text, call, ...)
    local ok, why = pcall(call, ...)
    assert(not ok, "expected an error: " .. text)
    if not tostring(why):find(text, 1, true) then
        error(("expected %q, got %q"):format(text, tostring(why)), 2)
    end
    return why
end

return support
