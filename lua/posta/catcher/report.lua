--[[ posta.catcher.report: what the catcher tells its user about a mail: one line, and notes. ]]

local report = {}

local HEAD = 65536             -- octets in which the end of the header is looked for

local function base64_octets(s)
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local out, bits, n = {}, 0, 0
    for ch in s:gmatch("[%w+/]") do
        bits, n = bits * 64 + alphabet:find(ch, 1, true) - 1, n + 6
        if n >= 8 then
            n = n - 8
            local unit = 2 ^ n
            out[#out + 1] = string.char(math.floor(bits / unit))
            bits = bits % unit
        end
    end
    return table.concat(out)
end

local function decode_word(charset, encoding, text)
    charset = charset:lower():gsub("%*.*", "")       -- RFC 2231, 5: charset*language
    if encoding:upper() == "B" then
        text = base64_octets(text)
    else
        text = text:gsub("_", " "):gsub("=(%x%x)", function(hex)
            return string.char(tonumber(hex, 16))
        end)
    end
    if charset == "utf-8" or charset == "us-ascii" then return text end
    if charset ~= "iso-8859-1" then return nil end
    return (text:gsub("[\128-\255]", function(ch)
        local n = ch:byte()
        return string.char(192 + math.floor(n / 64), 128 + n % 64)
    end))
end

-- Cut, and without anything that a terminal would obey.
local function plain(text)
    text = text:gsub("%c", "?"):gsub("\194[\128-\159]", "?")
    if #text <= 60 then return text end
    return (text:sub(1, 60):gsub("[\192-\255][\128-\191]*$", "")) .. "..."
end

-- For eyes only: unfolded and decoded.
local function subject_of(raw)
    local head = "\r\n" .. (raw:match("^(.-\r\n)\r\n") or raw:sub(1, HEAD))
    local value = head:match("\r\n[Ss][Uu][Bb][Jj][Ee][Cc][Tt]:[ \t]*([^\r\n]*)")
    if not value then return nil end
    local _, at = head:find("\r\n[Ss][Uu][Bb][Jj][Ee][Cc][Tt]:[ \t]*[^\r\n]*")
    for line in head:sub(at + 1):gmatch("\r\n([^\r\n]*)") do
        if not line:find("^[ \t]") then break end
        value = value .. line
    end
    value = value:gsub("(%?=)%s+(=%?)", "%1%2")
    return plain((value:gsub("=%?([^?]+)%?([BbQq])%?([^?]*)%?=", decode_word)))
end

-- What a real server might not forgive. The mail is taken all the same.
function report.notes(mail, raw, ahead)
    local notes = {}
    local function note(text) notes[#notes + 1] = text end
    if ahead then note("the text was sent before 354") end
    if raw:find("^\n") or raw:find("[^\r]\n") then note("bare LF in the text") end
    if raw:find("\r[^\n]") then note("bare CR in the text") end
    if raw:find("%z") then note("NUL in the text") end
    if raw:find("[\128-\255]") and mail.parameters.BODY ~= "8BITMIME" then
        note("8-bit text without BODY=8BITMIME")
    end
    local head = raw:sub(1, (raw:find("\r\n\r\n", 1, true)))
    if head:find("[\128-\255]") and not mail.parameters.SMTPUTF8 then note("8-bit header without SMTPUTF8") end
    local at, longest = 1, 0
    while true do
        local cr = raw:find("\r\n", at, true)
        longest = math.max(longest, (cr or #raw + 1) - at)
        if not cr then break end
        at = cr + 2
    end
    if longest > 998 then note("a line of " .. longest .. " octets (998 are allowed)") end
    return notes
end

function report.line(n, mail, raw)
    local to = table.concat(mail.to, ", ", 1, math.min(3, #mail.to))
    if #mail.to > 3 then to = to .. ", ... (" .. #mail.to .. " recipients)" end
    local from = mail.from == "" and "<>" or mail.from
    local line = ("%d  from %s to %s  %d octets"):format(n, from, to, #raw)
    if mail.tls then line = line .. "  " .. mail.tls.version end
    if mail.tls and mail.tls.client then line = line .. " as " .. plain(mail.tls.client) end
    local subject = subject_of(raw)
    if subject then line = line .. '  "' .. subject .. '"' end
    if #mail.notes > 0 then line = line .. "  note: " .. table.concat(mail.notes, "; ") end
    if mail.file then line = line .. " -> " .. mail.file end
    return line
end

return report
