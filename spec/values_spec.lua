-- Misuse raises with the path and, where posta knows it, the right name; wrong values do not raise.

local posta = require "posta"
local support = require "spec.support.posta"
local fails, raises = support.fails, support.raises

local HERE = "smtp://127.0.0.1:1"

describe("misuse", function()
    local mails = {
        { "mail: expected table or posta.message, got string", "text" },
        { "mail.to: expected string or {name=,address=} or a list of them, got number", { to = 7 } },
        { "mail.to[2]: expected string or {name=,address=}, got number", { to = { "a@b.org", 7 } } },
        { "mail.to[1].address: expected string, got nil", { to = { { name = "x" } } } },
        { "mail.to[1].address: expected string, got boolean", { to = { { address = true } } } },
        { "mail.from.email: unknown; write address", { from = { email = "a@b.org" } } },
        { "mail.to: expected string or {name=,address=} or a list of them, got a table with other keys",
            { to = { [2] = "a@b.org" } } },
        { "mail.subject: expected string, got table", { subject = {} } },
        { "mail.date: expected number or string, got boolean", { date = true } },
        { "mail.text: expected string, function, file handle, { file = path } or object with read, got number",
            { text = 7 } },
        { "mail.text: expected string, function", { text = {} } },
        { "mail.text.file: expected string, got number", { text = { file = 7 } } },
        { "mail.text.chrset: unknown; did you mean charset?", { text = { body = "", chrset = "x" } } },
        { "mail.text: expected file or body, got both", { text = { body = "", file = "x" } } },
        { "mail.attachments[1]: expected a path or a table with file or body, got function",
            { attachments = { print } } },
        { "mail.attachments[1]: expected file or body, got neither", { attachments = { { name = "x" } } } },
        { "mail.attachments[2].size: expected number, got string",
            { attachments = { "x", { body = "", size = "1" } } } },
        { "mail.attachments: expected a list", { attachments = { a = "x" } } },
        { "mail.inline[1].cid: expected string, got nil", { inline = { { body = "" } } } },
        { "mail.inline.logo: expected file or body, got neither", { inline = { logo = {} } } },
        { "mail.headers[1].value: expected string, got nil", { headers = { { name = "X" } } } },
        { 'mail.headers["X"]: expected string, got number', { headers = { X = 1 } } },
        { "mail.envelope.rcpt: unknown; write to", { envelope = { rcpt = "x" } } },
        { "mail.envelope.from: expected string, got table", { envelope = { from = {} } } },
        { "mail[1]: unexpected; the table takes names only", { "text" } },
        { "mail.subjct: unknown; did you mean subject?", { subjct = "x" } },
        { "mail.xyzzyx: unknown", { xyzzyx = "x" } },
        { "mail.calendar: expected file or body, got neither", { calendar = {} } },
        { "mail.dkim: not built: it comes with a later version of posta", { dkim = {} } },
        { "mail.line_ends: goes with raw only", { line_ends = "fix" } },
        { "mail.subject: a raw message brings its own header; give raw, envelope and line_ends",
            { raw = "", subject = "x", text = "y" } },
        -- what migrants write
        { "mail.rcpt: unknown; write to", { rcpt = "a@b.org" } },
        { "mail.body: unknown; write text or html", { body = "x" } },
        { "mail.content: unknown; write text or html", { content = "x" } },
        { "mail.replyTo: unknown; write reply_to", { replyTo = "x" } },
        { "mail.attachments[1].filename: unknown; write name", { attachments = { { filename = "x" } } } },
        { "mail.attachments[1].path: unknown; write file", { attachments = { { path = "x" } } } },
        { "mail.attachments[1].contentType: unknown; write type", { attachments = { { contentType = "x" } } } },
        { "mail.cid: unknown; write inline", { cid = "x" } },
    }
    local wheres = {
        { "where: expected URL or table, got nil", nil },
        { "where: expected URL or table, got number", 25 },
        { "where: expected url or host, got neither", {} },
        { "where: expected url or host, got both", { url = HERE, host = "x" } },
        { "where.port: expected number, got string", { host = "x", port = "25" } },
        { "where.hots: unknown; did you mean host?", { hots = "x" } },
        { "where.timeout: expected number or table of seconds, got string", { host = "x", timeout = "5" } },
        { "where.timeout.greetings: unknown; did you mean greeting?", { host = "x", timeout = { greetings = 1 } } },
        { "where.timeout.data: expected number, got string", { host = "x", timeout = { data = "1" } } },
        { "where.wait: expected function, got boolean", { host = "x", wait = true } },
        { "where.trace: expected boolean or function, got string", { host = "x", trace = "on" } },
        { "where.auth: expected table, got string", { host = "x", auth = "ana" } },
        { "where.auth.pass: unknown; write password", { host = "x", auth = { pass = "y" } } },
        { "where.tls: expected table or posta.tls, got boolean", { host = "x", tls = true } },
        { "where.server: unknown; write host", { server = "x" } },
        { "where.user: unknown; write auth = { user =, password = }", { host = "x", user = "y" } },
        { "where.username: unknown; write auth", { host = "x", username = "y" } },
        { "where.pass: unknown; write auth", { host = "x", pass = "y" } },
        { "where.password: unknown; write auth", { host = "x", password = "y" } },
        { "where.secure: unknown; write security", { host = "x", secure = true } },
        { "where.ssl: unknown; write security", { host = "x", ssl = true } },
        { "where.helo: unknown; write hello", { host = "x", helo = "y" } },
        { "where.ehlo: unknown; write hello", { host = "x", ehlo = "y" } },
        { "where.domain: unknown; write hello", { host = "x", domain = "y" } },
    }

    it("of a mail raises with the path", function()
        for _, row in ipairs(mails) do
            raises(row[1], posta.send, HERE, row[2])
            raises(row[1], posta.message, row[2])
        end
    end)

    it("of a place raises with the path", function()
        for i = 1, #wheres do
            local text, where = wheres[i][1], wheres[i][2]
            raises(text, posta.send, where, support.mail())
            raises(text, posta.connect, where)
            raises(text, posta.engine, where)
        end
        raises("options: expected table, got string", posta.send, HERE, support.mail(), "x")
        raises("options.trce: unknown; did you mean trace?", posta.send, HERE, support.mail(), { trce = 1 })
    end)

    it("names the caller's line, not posta's", function()
        local here = debug.getinfo(1, "S").short_src
        local line = debug.getinfo(1, "l").currentline
        local calls = {
            function() return (posta.send(HERE, { to = 1 })) end,
            function() return (posta.connect {}) end,
            function() return (posta.message { to = 1 }) end,
            function() return (posta.engine {}) end,
            function() return (posta.pump(1, 2, 3)) end,
            function() return (posta.address.parse(1)) end,
            function() return (posta.message(support.mail()):write(1)) end,
            function() return (posta.message(support.mail()):body(0)) end,
        }
        for i, call in ipairs(calls) do
            local ok, why = pcall(call)
            assert.is_false(ok)
            assert.equal(("%s:%d:"):format(here, line + 1 + i), why:match("^.-:%d+:"), why)
        end
    end)

    it("does not run metamethods of the caller's tables", function()
        local function trap() error("a metamethod ran") end
        local meta = { __index = trap, __len = trap, __pairs = trap, __ipairs = trap, __eq = trap, __call = trap }
        local function set(t) return setmetatable(t, meta) end
        local m = assert(posta.message(set { from = set { name = "A", address = "a@b.org" },
            to = set { "c@d.org", set { address = "e@f.org" } }, headers = set { ["X-A"] = "1" },
            text = set { body = "x" }, attachments = set { set { body = "y", name = "y.txt" } },
            envelope = set { from = "a@b.org", to = set { "c@d.org" } } }))
        assert.truthy(m:tostring():find("X-A: 1", 1, true))
        fails("connect.refused", nil, posta.send(set { url = HERE, timeout = set { total = 5 } }, m))
    end)
end)

describe("a wrong value of a place", function()
    local rows = {
        { "host", { host = "a b" } }, { "host", { host = "" } }, { "host", { host = "a\0b" } },
        { "host", { host = "a\r\nb" } },
        { "port", { host = "127.0.0.1", port = 0 } }, { "port", { host = "127.0.0.1", port = 65536 } },
        { "port", { host = "127.0.0.1", port = 2.5 } }, { "port", { host = "127.0.0.1", port = 0 / 0 } },
        { "port", "smtp://127.0.0.1:0" }, { "port", "smtp://127.0.0.1:x" },
        { "security", { host = "127.0.0.1", security = "ssl" } },
        { "on_refused", { host = "127.0.0.1", on_refused = "stop" } },
        { "chunking", { host = "127.0.0.1", chunking = "on" } },
        { "pipeline", { host = "127.0.0.1", pipeline = "on" } },
        { "timeout", { host = "127.0.0.1", timeout = 0 } }, { "timeout", { host = "127.0.0.1", timeout = -1 } },
        { "timeout", { host = "127.0.0.1", timeout = 0 / 0 } },
        { "timeout.data", { host = "127.0.0.1", timeout = { data = 1e300 } } },
        { "hello", { host = "127.0.0.1", hello = "x\r\nMAIL FROM:<>" } },
        { "hello", { host = "127.0.0.1", hello = "a_b" } }, { "hello", { host = "127.0.0.1", hello = "" } },
        { "hello", { host = "127.0.0.1", hello = ("a"):rep(300) } },
        { "url", "smtp://127.0.0.1/path" }, { false, "http://127.0.0.1" }, { false, "smtp://127.0.0.1?what=1" },
        { false, "smtp://" }, { false, "" },
    }

    it("comes back as an error", function()
        for i, row in ipairs(rows) do
            local where = row[2]
            local _, message, err = posta.send(where, support.mail())
            assert.truthy(err, "row " .. i)
            assert.equal("field.invalid", err.code, ("row %d: %s"):format(i, message))
            if row[1] then assert.equal(row[1], err.field, ("row %d: %s"):format(i, message)) end
            assert.truthy(message:find("nothing was sent", 1, true), message)
        end
    end)

    it("is a path where files are switched off", function()
        local err = fails("field.invalid", "attachments[1].file", posta.send({ url = HERE, files = false },
            support.mail { attachments = { "/etc/hostname" } }))
        assert.truthy(tostring(err):find("files are switched off", 1, true))
        fails("field.invalid", "text.file", posta.send({ url = HERE, files = false },
            support.mail { text = { file = "/etc/hostname" } }))
    end)
end)

describe("the module", function()
    it("sets and reads no global of its own, and needs none of the big libraries", function()
        local child = require "spec.support.child"
        local script, remove = support.file("bare.lua", [[
            local preload, loaded, loaders = package.preload, package.loaded, package
            local find = package.searchpath
            local real = require
            local core = real "posta.core"
            local read = io.open
            local load_text, set_environment = loadstring or load, setfenv
            local env = { type = type, next = next, pairs = pairs, ipairs = ipairs, error = error,
                tostring = tostring, tonumber = tonumber, rawget = rawget, rawequal = rawequal,
                setmetatable = setmetatable, select = select, print = print, pcall = pcall,
                string = string, table = table, math = math, _VERSION = _VERSION }
            local seen = {}
            local has = { ["posta.core"] = core }
            function env.require(name)
                if has[name] then return has[name] end
                local path = name:gsub("%.", "/")
                local file = read("lua/" .. path .. ".lua") or assert(read("lua/" .. path .. "/init.lua"))
                local text = file:read("*a")
                file:close()
                local guarded = setmetatable({}, { __index = function(_, key)
                    if env[key] == nil and key ~= "io" then seen[#seen + 1] = name .. " reads " .. key end
                    return env[key]
                end, __newindex = function(_, key) seen[#seen + 1] = name .. " writes " .. key end })
                local chunk
                if set_environment then
                    chunk = set_environment(assert(load_text(text, "=" .. name)), guarded)
                else
                    chunk = assert(load(text, "=" .. name, "t", guarded))
                end
                has[name] = chunk(name) or true
                return has[name]
            end
            local posta = env.require "posta"
            local m = assert(posta.message { from = "a@b.org", to = "c@d.org", text = "x" })
            assert(m:tostring():find("Subject", 1, true) == nil)
            assert(posta.address.validate "a@b.org")
            local r, message = posta.send("smtp://127.0.0.1:1", m)
            assert(r == nil and message:find("refused", 1, true))
            print(#seen == 0 and "clean" or table.concat(seen, ", "))
        ]])
        finally(remove)
        local out = child.run(("cd %s && %s %s 2>&1"):format(child.quoted(child.root()), child.interpreter(),
            child.quoted(script)))
        assert.equal("clean\n", out)
    end)

    it("knows its version", function()
        assert.matches("^%d+%.%d+%.%d+$", posta.version)
    end)
end)

describe("what nobody need be called for", function()
    -- Nobody listens HERE: connect.refused would say that somebody was called.

    it("raises for objects that are of no use, at the caller's line", function()
        local here = debug.getinfo(1, "S").short_src
        local closed = assert(posta.message(support.mail()))
        closed:close()
        local file = assert(io.tmpfile())
        file:close()
        local new_userdata = rawget(_G, "newproxy")
        local without_read = new_userdata and new_userdata(true) or coroutine.create(print)
        local engine = assert(posta.engine { host = "127.0.0.1", security = "none", hello = "a.example" })
        local session = require("posta.core").session.methods
        local message, link = getmetatable(closed).__index, getmetatable(engine).__index
        for _, row in ipairs {
            { "mail: message is closed", function() local _ = posta.send(HERE, closed) end },
            { "mail: message is closed", function()
                local _ = posta.pump(engine, { read = print, write = print }, closed) end },
            { "mail: message is closed", function() local _ = engine:send(closed) end },
            { "send: expected connection, got nil", function() local _ = session.send(nil, support.mail()) end },
            { "quit: expected connection, got userdata", function() local _ = session.quit(engine) end },
            { "close: expected connection, got nil", function() local _ = session.close() end },
            { "is_connected: expected connection, got table", function() local _ = session.is_connected {} end },
            { "write: expected message, got nil", function() local _ = message.write(nil, print) end },
            { "close: expected message, got string", function() local _ = message.close "x" end },
            { "tick: expected engine, got nil", function() local _ = link.tick() end },
            { "close: expected engine, got nil", function() local _ = link.close() end },
            { "state: expected engine, got userdata", function() local _ = link.state(closed) end },
            { "mail.text: the file is closed", function()
                local _ = posta.send(HERE, support.mail { text = file }) end },
            { "mail.attachments[1].body: the file is closed", function()
                local _ = posta.message(support.mail { attachments = { { name = "a", body = file } } }) end },
            { "mail.text: expected string, function", function()
                local _ = posta.send(HERE, support.mail { text = without_read }) end },
            { "mail.text: expected string, function", function()
                local _ = posta.send(HERE, support.mail { text = setmetatable({}, { __index = error }) }) end },
        } do
            local why = raises(row[1], row[2])
            assert.equal(1, (why:find(here, 1, true)), why)
        end
    end)

    it("knows a closed file without io.type", function()
        local file, io_type = assert(io.tmpfile()), io.type
        file:close()
        finally(function() rawset(io, "type", io_type) end)
        rawset(io, "type", nil)
        raises("mail.text: the file is closed", posta.send, HERE, support.mail { text = file })
    end)

    it("does not call for a message whose file was closed since", function()
        local file = assert(io.tmpfile())
        local m = assert(posta.message(support.mail { text = file }))
        file:close()
        fails("body.failed", "text", posta.send(HERE, m))
    end)

    it("does not call for a finished text that cannot be sent", function()
        local envelope = { from = "ana@example.org", to = "bob@example.org" }
        local HEAD = "From: ana@example.org\r\n"
        for _, raw in ipairs { HEAD .. "Bcc: eve@example.org\r\n\r\nx\r\n", HEAD .. "\r\na\0b\r\n",
            HEAD .. "\r\n" .. ("x"):rep(999) .. "\r\n" } do
            local err = fails("field.invalid", "raw", posta.send(HERE, { raw = raw, envelope = envelope }))
            assert.equal("compose", err.stage)
            assert.equal("not_sent", err.outcome)
            local function called() error "called" end
            local engine = assert(posta.engine { host = "127.0.0.1", security = "none", hello = "a.example" })
            fails("field.invalid", "raw", posta.pump(engine, { read = called, write = called },
                { raw = raw, envelope = envelope }))
        end
        fails("field.invalid", "raw", posta.send(HERE,
            { raw = HEAD .. "\nx", line_ends = "reject", envelope = envelope }))
        -- What can be read only once is judged on the way.
        fails("connect.refused", nil, posta.send(HERE, { raw = function() return nil end, envelope = envelope }))
        fails("connect.refused", nil, posta.send(HERE, { raw = HEAD .. "\r\nx\r\n", envelope = envelope }))
    end)
end)

describe("what is named in the design and not built yet", function()
    it("is answered with not_built, and never ignored", function()
        local options = { pipeline = "deep" }
        for name, value in pairs(options) do
            local receipt, message, err = posta.send({ host = "127.0.0.1", port = 9, [name] = value },
                { from = "a@x.org", to = "b@x.org", text = "hi" })
            assert.is_nil(receipt)
            assert.equal("not_built", err.code)
            assert.equal(name, err.field)
            assert.truthy(message:find("^" .. name), message)
        end
    end)

    it("does not hide what belongs elsewhere", function()
        local ok, message = pcall(posta.message, { from = "a@x.org", to = "b@x.org",
            attachments = { { body = "x", cid = "logo" } } })
        assert.is_false(ok)
        assert.truthy(message:find("mail.attachments[1].cid: belongs to inline", 1, true), message)
        local file = os.tmpname()
        local m = assert(posta.message { from = "a@x.org", to = "b@x.org",
            attachments = { { name = "a.txt", body = { file = file } } } })
        assert.truthy(m:tostring():find('filename="a.txt"', 1, true))
        os.remove(file)
    end)
end)
