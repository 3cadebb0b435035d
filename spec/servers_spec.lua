-- Real mail servers on loopback (tools/servers): what is given is what lies in the mailbox.
-- The environment says which are there; one that is not is an error here, not a pass.
local child = require "spec.support.child"
local posta = require "posta"

local MAX_WAIT = 20

local function files_in(folder)
  local names = {}
  local list = assert(io.popen("ls -1 " .. child.quoted(folder) .. " 2>/dev/null"))
  for name in list:lines() do names[#names + 1] = folder .. "/" .. name end
  list:close()
  return names
end

-- The mail with this subject, once it has been delivered.
local function delivered(maildir, mark)
  for _ = 1, MAX_WAIT * 10 do
    for _, name in ipairs(files_in(maildir .. "/new")) do
      local raw = child.read_file(name)
      if raw and raw:find("\nX-Mark: " .. mark, 1, true) then return name end
    end
    os.execute("sleep 0.1")
  end
  error("not delivered in " .. MAX_WAIT .. " s: " .. mark, 2)
end

-- 5 MiB that no encoder finds easy: every octet value, no long runs.
local function noise(len)
  local t, x = {}, 12345
  for i = 1, 4096 do
    x = (x * 1103515245 + 12345) % 2147483648
    t[i] = string.char(math.floor(x / 65536) % 256)
  end
  local block = table.concat(t)
  return block:rep(math.ceil(len / #block)):sub(1, len)
end

-- What Python's email finds in the file: the attachment's octets, written beside it, and the header.
local READ = [[
import email, sys
from email import policy
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=policy.default)
parts = [p for p in m.walk() if not p.is_multipart()]
open(sys.argv[2] + '/text', 'wb').write(parts[0].get_content().encode('utf-8'))
open(sys.argv[2] + '/attachment', 'wb').write(parts[-1].get_payload(decode=True))
open(sys.argv[2] + '/name', 'wb').write(parts[-1].get_filename().encode('utf-8'))
open(sys.argv[2] + '/subject', 'wb').write(str(m['subject']).encode('utf-8'))
open(sys.argv[2] + '/from', 'wb').write(m['from'].addresses[0].display_name.encode('utf-8'))
]]

for _, name in ipairs{ "POSTFIX", "EXIM", "OPENSMTPD" } do
  describe(name:lower(), function()
    local url, maildir, folder

    setup(function()
      url = assert(os.getenv("POSTA_" .. name), "NOT HAD: " .. name:lower())
      maildir = assert(os.getenv("POSTA_" .. name .. "_MAILDIR"))
      folder = child.new_folder()
    end)

    teardown(function() os.execute("rm -rf -- " .. child.quoted(folder)) end)

    for _, chunking in ipairs{ "off", "auto" } do
    it("delivers names, text and 5 MiB unchanged, chunking " .. chunking, function()
      local octets = noise(5 * 1024 * 1024)
      local text = "Zażółć gęślą jaźń\n.\n..two dots\nFrom here on\n"
      local mark = name .. os.time() .. "big" .. chunking
      local receipt, message = posta.send({ url = url, chunking = chunking }, {
        from = { name = "Ana Żółć, \"the sender\"", address = "ana@example.test" }, to = "Bób <bob@example.test>",
        subject = "Zażółć gęślą jaźń — 日本語", text = text, headers = { ["X-Mark"] = mark },
        attachments = { { name = "zażółć 日本.bin", body = octets } },
      })
      assert.truthy(receipt, message)
      assert.equal("accepted", receipt.outcome)
      assert.equal(250, receipt.reply.code)
      child.write_file(folder .. "/read.py", READ)
      local file = delivered(maildir, mark)
      local done = os.execute(("python3 %s/read.py %s %s"):format(folder, child.quoted(file), folder))
      assert.is_true(done == true or done == 0)
      assert.is_true(octets == child.read_file(folder .. "/attachment"))
      assert.equal("zażółć 日本.bin", child.read_file(folder .. "/name"))
      assert.equal(text, child.read_file(folder .. "/text"))
      assert.equal("Zażółć gęślą jaźń — 日本語", child.read_file(folder .. "/subject"))
      assert.equal('Ana Żółć, "the sender"', child.read_file(folder .. "/from"))
    end)

    it("says who was refused and delivers to the others, chunking " .. chunking, function()
      local mark = name .. os.time() .. "some" .. chunking
      local receipt, message = posta.send({ url = url, chunking = chunking }, {
        from = "ana@example.test", subject = "some", text = "hi", headers = { ["X-Mark"] = mark },
        to = { "perm@example.test", "bob@example.test", "temp@example.test" },
      })
      assert.truthy(receipt, message)
      assert.equal("partial", receipt.outcome)
      assert.equal("refused", receipt.recipients[1].status)
      assert.equal(550, receipt.recipients[1].reply.code)
      assert.equal("pointless", receipt.recipients[1].retry)
      assert.equal("accepted", receipt.recipients[2].status)
      assert.equal(450, receipt.recipients[3].reply.code)
      assert.equal("safe", receipt.recipients[3].retry)
      delivered(maildir, mark)
    end)
    end

    it("offers CHUNKING, where it is known to", function()
      local conn = assert(posta.connect(url))
      assert.equal(name ~= "OPENSMTPD", conn:capabilities().chunking)
      conn:quit()
    end)

    it("keeps one connection through a text that goes by BDAT and one that is refused", function()
      local conn = assert(posta.connect{ url = url, chunking = "auto" })
      for i = 1, 3 do
        local mark = name .. os.time() .. "bdat" .. i
        assert(conn:send{ from = "ana@example.test", to = "bob@example.test", text = "turn " .. i,
          headers = { ["X-Mark"] = mark } })
        delivered(maildir, mark)
        local bad, _, err = conn:send{ from = "ana@example.test", to = "perm@example.test", text = "no" }
        assert.is_nil(bad)
        assert.equal("recipients.refused", err.code)
        assert.equal("not_sent", err.outcome)
        if not conn:is_connected() then conn = assert(posta.connect{ url = url, chunking = "auto" }) end
      end
      conn:quit()
    end)

    it("sends nothing when a refusal is to abort", function()
      local receipt, _, err = posta.send({ url = url, on_refused = "abort" }, {
        from = "ana@example.test", subject = "none", text = "hi",
        to = { "bob@example.test", "perm@example.test" },
      })
      assert.is_nil(receipt)
      assert.equal("recipients.refused", err.code)
      assert.equal("not_sent", err.outcome)
      assert.equal(550, err.reply.code)
    end)

    it("keeps one connection through refusals", function()
      local conn = assert(posta.connect(url))
      for i = 1, 5 do
        local bad, _, err = conn:send{ from = "ana@example.test", to = "perm@example.test", text = "no" }
        assert.is_nil(bad)
        assert.equal("recipients.refused", err.code)
        local mark = name .. os.time() .. "turn" .. i
        local receipt, message = conn:send{ from = "ana@example.test", to = "bob@example.test",
          text = "turn " .. i, headers = { ["X-Mark"] = mark } }
        assert.truthy(receipt, message)
        delivered(maildir, mark)
      end
      assert.is_true(conn:quit())
    end)
  end)
end

-- The octets of the mail in the file, as posta composed it: behind what the servers put before it.
local function is_whole(file, octets)
  local raw = child.read_file(file)
  local composed = octets:gsub("\r\n", "\n")
  assert.is_true(raw:sub(-#composed) == composed, "not the octets that were sent: " .. file)
  return raw:sub(1, -#composed - 1)
end

-- Row G03: what is written in the mailbox is what was given, in header and envelope.
describe("postfix with SMTPUTF8", function()
  local url, maildir

  setup(function()
    url = assert(os.getenv "POSTA_POSTFIX", "NOT HAD: postfix")
    maildir = assert(os.getenv "POSTA_POSTFIX_MAILDIR")
  end)

  it("takes addresses that are not ASCII", function()
    local mark = "UTF8" .. os.time()
    local conn, why = posta.connect(url)
    assert.truthy(conn, why)
    assert.is_true(conn:capabilities().smtputf8)
    local receipt, message = conn:send {
      from = "Jõe <jõe@bücher.example>", to = "用户@example.test", cc = "Bob <bob@example.test>", subject = "grüß",
      text = "hi", headers = { ["X-Mark"] = mark },
    }
    assert.truthy(receipt, message)
    assert.equal("accepted", receipt.outcome)
    local raw = child.read_file(delivered(maildir, mark))
    assert.truthy(raw:find("\nFrom: =?utf-8?Q?J=C3=B5e?= <jõe@bücher.example>\n", 1, true), raw)
    assert.truthy(raw:find("\nTo: 用户@example.test\n", 1, true), raw)
    assert.truthy(raw:find("Return-Path: <jõe@bücher.example>\n", 1, true), raw)
    assert.truthy(raw:find("\nReceived: [^\r]-with UTF8SMTP"), raw)
    conn:quit()
  end)

  it("is not told of it without need", function()
    local mark = "ASCII" .. os.time()
    assert(posta.send(url, { from = "Jõe <joe@example.test>", to = "bob@example.test", subject = "grüß", text = "grüß",
      headers = { ["X-Mark"] = mark } }))
    local raw = child.read_file(delivered(maildir, mark))
    assert.truthy(raw:find("\nReceived: [^\r]-with ESMTP"), raw)
  end)
end)

describe("postfix over TLS", function()
  local ca, maildir, urls

  setup(function()
    ca = assert(os.getenv "POSTA_POSTFIX_CA", "NOT HAD: postfix with TLS")
    maildir = assert(os.getenv "POSTA_POSTFIX_MAILDIR")
    urls = { smtps = assert(os.getenv "POSTA_POSTFIX_SMTPS"), starttls = assert(os.getenv "POSTA_POSTFIX") }
  end)

  local n = 0
  local function marked(name)
    n = n + 1
    return ("%sTLS%d.%d"):format(name, os.time(), n)
  end

  for _, name in ipairs { "smtps", "starttls" } do
    local function where(tls, more)
      local all = { url = urls[name], tls = tls, security = name == "starttls" and "starttls" or nil }
      for key, value in pairs(more or {}) do all[key] = value end
      return all
    end

    it("delivers every octet: " .. name, function()
      local mark = marked(name)
      local message = assert(posta.message {
        from = "ana@example.test", to = "bob@example.test", subject = "Zażółć gęślą jaźń", date = 1700000000,
        message_id = "<" .. mark .. "@example.test>", headers = { ["X-Mark"] = mark },
        text = "Zażółć\n.\n..two dots\nFrom here on\n", attachments = { { name = "a.bin", body = noise(1024 * 1024) } },
      })
      -- As a finished text, so that what the server offers does not choose the encodings.
      local octets = message:tostring()
      local receipt, why = posta.send(where { ca_file = ca }, { raw = octets,
        envelope = { from = "ana@example.test", to = "bob@example.test" } })
      assert.truthy(receipt, why)
      assert.equal("accepted", receipt.outcome)
      assert.is_true(receipt.tls.verified)
      assert.matches("^TLSv1%.[23]$", receipt.tls.version)
      assert.same({}, receipt.insecure)
      local before = is_whole(delivered(maildir, mark), octets)
      assert.truthy(before:find(" with ESMTPS ", 1, true), before)
    end)

    it("by the URL's ca_file: " .. name, function()
      local mark = marked(name)
      local url = urls[name] .. "?ca_file=" .. ca
      local receipt, why = posta.send(url, { from = "ana@example.test", to = "bob@example.test", text = "hi",
        headers = { ["X-Mark"] = mark } })
      assert.truthy(receipt, why)
      assert.is_true(receipt.tls.verified)
      delivered(maildir, mark)
    end)

    it("keeps one connection for several mails: " .. name, function()
      local conn = assert(posta.connect(where { ca_file = ca }))
      for i = 1, 3 do
        local mark = marked(name)
        local receipt, why = conn:send { from = "ana@example.test", to = "bob@example.test", text = "turn " .. i,
          headers = { ["X-Mark"] = mark } }
        assert.truthy(receipt, why)
        delivered(maildir, mark)
      end
      assert.is_true(conn:quit())
    end)

    it("is not believed without its CA: " .. name, function()
      local mark = marked(name)
      local mail = { from = "ana@example.test", to = "bob@example.test", text = "no", headers = { ["X-Mark"] = mark } }
      for _, w in ipairs { where(nil), where { ca_path = "/etc/ssl/certs" } } do
        local receipt, _, err = posta.send(w, mail)
        assert.is_nil(receipt)
        assert.truthy(err.code == "tls.verify.issuer" or err.code == "file.not_found", err.message)
        assert.equal("not_sent", err.outcome or "not_sent")
      end
      local receipt, _, err = posta.send({ host = "elsewhere.example.test", address = "127.0.0.1",
        port = tonumber(urls[name]:match "%d+$"), tls = { ca_file = ca },
        security = name == "smtps" and "tls" or "starttls" }, mail)
      assert.is_nil(receipt)
      assert.equal("tls.verify.name", err.code)
      for _, file in ipairs(files_in(maildir .. "/new")) do
        assert.falsy(child.read_file(file):find(mark, 1, true))
      end
    end)

    it("is taken at its word when nobody is verified, and that is told: " .. name, function()
      local mark = marked(name)
      local receipt, why = posta.send(where({}, { insecure_no_verify = true }), { from = "ana@example.test",
        to = "bob@example.test", text = "hi", headers = { ["X-Mark"] = mark } })
      assert.truthy(receipt, why)
      assert.same({ "insecure_no_verify" }, receipt.insecure)
      assert.same({ false, "tls.verify.issuer" }, { receipt.tls.verified, receipt.tls.reason })
      delivered(maildir, mark)
    end)
  end
end)

-- Binding needs an mbedTLS that exports keying material.
local BINDS = posta.tls_library():find "^mbed TLS 3%." ~= nil

-- { the server, its mechanisms by password, by token }
local LOGINS = {
  { "dovecot24", BINDS and { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256" }
    or { "SCRAM-SHA-256", "SCRAM-SHA-1" }, {} },
  { "postfix", { "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5" }, {} },
  { "exim", { "PLAIN", "LOGIN", "CRAM-MD5" }, {} },
  { "dovecot", { "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5" }, { "OAUTHBEARER", "XOAUTH2" } },
}

for _, row in ipairs(LOGINS) do
  local name, by_password, by_token = row[1], row[2], row[3]

  describe(name .. " with a login", function()
    local urls, lines

    local function of(what)
      return (assert(os.getenv(("POSTA_%s%s"):format(name:upper(), what)), "NOT HAD: " .. name .. " with a login"))
    end

    setup(function() urls = { of "_SMTPS", of "" } end)
    before_each(function() lines = {} end)

    local function where(url, auth, more)
      local tls = { ca_file = of "_CA" }
      for key, value in pairs(more or {}) do tls[key] = value end
      return { url = url, tls = tls, auth = auth, trace = function(_, line) lines[#lines + 1] = line end }
    end

    local function let_in(w, mechanism)
      local conn, why = posta.connect(w)
      assert(conn, why)
      assert(conn:send { from = "ana@example.test", to = "bob@example.test", text = "by " .. mechanism })
      assert.is_true(conn:quit())
    end

    local function keeps_out(w)
      local ok, message, err = posta.connect(w)
      assert.is_nil(ok)
      assert.equal("auth.rejected", err.code)
      assert.equal(535, err.reply.code)
      lines[#lines + 1] = message
      return message
    end

    local function without(secret, mechanism)
      local all = table.concat(lines, "\n")
      assert.truthy(all:find("AUTH " .. mechanism, 1, true))
      assert.falsy(all:find(secret, 1, true))
    end

    for _, mechanism in ipairs(by_password) do
      it("lets in by " .. mechanism .. ", and keeps out", function()
        local password = of "_PASSWORD"
        for _, url in ipairs(urls) do
          let_in(where(url, { user = of "_USER", password = password, mechanisms = mechanism }), mechanism)
        end
        keeps_out(where(urls[1], { user = of "_USER", password = password .. "x", mechanisms = mechanism }))
        without(password, mechanism)
      end)
    end

    for _, mechanism in ipairs(by_token) do
      it("lets in by " .. mechanism .. ", and keeps out a token that has run out", function()
        local asked = {}
        local function token(why)
          asked[#asked + 1] = why
          return of(why == "first" and "_EXPIRED" or "_TOKEN")
        end
        for _, url in ipairs(urls) do
          let_in(where(url, { user = of "_USER", token = of "_TOKEN", mechanisms = mechanism }), mechanism)
        end
        let_in(where(urls[1], { user = of "_USER", token = token, mechanisms = mechanism }), mechanism)
        assert.same({ "first", "refused" }, asked)
        local message = keeps_out(where(urls[1], { user = of "_USER", token = of "_EXPIRED", mechanisms = mechanism }))
        assert.truthy(message:find('{"status":"', 1, true), message)
        without(of "_TOKEN", mechanism)
      end)
    end

    it("chooses what shows least", function()
      let_in(where(urls[1], { user = of "_USER", password = of "_PASSWORD" }), "choice")
      without(of "_PASSWORD", by_password[1])
    end)
  end)
end

describe("dovecot", function()
  it("knows who shows a certificate: EXTERNAL", function()
    local client = assert(os.getenv "POSTA_DOVECOT_CLIENT", "NOT HAD: dovecot with a login")
    local conn, why = posta.connect { url = os.getenv "POSTA_DOVECOT_SMTPS", auth = {},
      tls = { ca_file = os.getenv "POSTA_DOVECOT_CA", cert = client .. ".pem", key = client .. ".key" } }
    assert(conn, why)
    assert.is_true(conn:quit())
  end)
end)

describe("postfix", function()
  it("lets anybody in who says so: ANONYMOUS", function()
    local url = assert(os.getenv "POSTA_POSTFIX_SMTPS", "NOT HAD: postfix with a login")
    local conn, why = posta.connect { url = url, tls = { ca_file = os.getenv "POSTA_POSTFIX_CA" },
      auth = { user = "somebody", mechanisms = "ANONYMOUS" } }
    assert(conn, why)
    assert.is_true(conn:quit())
  end)
end)
