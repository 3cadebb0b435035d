--[[ posta.catcher.files: what the catcher does with folders and files. A failure is nil and a sentence. ]]

local files = {}

-- A word for the shell.
function files.quoted(s)
    return "'" .. s:gsub("'", "'\\''") .. "'"
end

function files.write(name, octets)
    local file, why = io.open(name, "wb")
    if not file then return nil, why end
    local ok, fault = file:write(octets)
    local closed, late = file:close()
    if ok and closed then return true end
    return nil, fault or late
end

-- Its octets, at most n when n is given.
function files.read(name, n)
    local file, why = io.open(name, "rb")
    if not file then return nil, why end
    local octets, fault = file:read(n or "*a")
    file:close()
    if octets then return octets end
    return nil, fault or name .. ": is empty"
end

-- A folder that one can write into, made when it is not there; true: a fresh temporary one.
function files.folder(dir)
    if dir == true then
        local pipe = io.popen("mktemp -d", "r")
        dir = pipe and pipe:read("*l")
        if pipe then pipe:close() end
        if not dir then return nil, "cannot make a temporary folder" end
    end
    local probe = dir .. "/.catcher"
    local ok = files.write(probe, "")
    if not ok then
        os.execute("mkdir -p -- " .. files.quoted(dir) .. " 2>/dev/null")
        local why
        ok, why = files.write(probe, "")
        if not ok then return nil, "cannot write into the folder " .. dir .. ": " .. why end
    end
    os.remove(probe)
    return dir
end

return files
