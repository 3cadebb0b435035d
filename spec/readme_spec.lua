-- The README's examples, word for word: each Lua block is run, the C block is compiled by the README's own
-- command and run, and every one must put its mails into the catcher.
local catcher = require "spec.support.catcher"
local child = require "spec.support.child"

local function readme()
  return assert(child.read_file(child.root() .. "/README.md"))
end

local function blocks(language)
  local found = {}
  for block in readme():gmatch("\n```" .. language .. "\n(.-)\n```\n") do found[#found + 1] = block end
  return found
end

local function shell(command)
  local code = os.execute(command)
  return code == true or code == 0
end

describe("the README", function()
  local caught, folder

  before_each(function()
    caught = catcher.spawn()
    folder = child.new_folder()
  end)

  after_each(function()
    caught:stop()
    shell("rm -rf -- " .. child.quoted(folder))
  end)

  local function run_lua(source)
    local file = folder .. "/example.lua"
    child.write_file(file, source)
    return shell(("POSTA_URL=%s %s %s >%s/out 2>&1"):format(
      caught.url, child.interpreter(), child.quoted(file), child.quoted(folder)))
  end

  it("has a Lua example that sends one mail", function()
    local source = assert(blocks("lua")[1])
    assert.is_true(run_lua(source), child.read_file(folder .. "/out"))
    local mail = caught:wait(1)[1]
    assert.equal("ana@example.org", mail.from)
    assert.same({ "bob@example.org", "carol@example.org" }, mail.to)
    assert.truthy(mail.raw:find("multipart/mixed", 1, true))
    assert.truthy(child.read_file(folder .. "/out"):find("accepted for 2", 1, true))
  end)

  it("has a Lua example that sends three mails over one connection", function()
    local source = assert(blocks("lua")[2])
    assert.is_true(run_lua(source), child.read_file(folder .. "/out"))
    local mails = caught:wait(3)
    assert.equal(3, #mails)
    for i, mail in ipairs(mails) do
      assert.truthy(mail.raw:find("Subject: Report " .. i .. "\r\n", 1, true))
      assert.truthy(mail.raw:find("first line\r\nsecond line\r\n", 1, true))
    end
    assert.equal("", child.read_file(folder .. "/out"))
  end)

  it("has a Lua example that sends by TLS", function()
    caught:stop()
    caught = catcher.spawn { words = { "--tls" } }
    local file = folder .. "/example.lua"
    child.write_file(file, assert(blocks("lua")[3]) .. "\n")
    assert.is_true(shell(("POSTA_URL=%s POSTA_CA=%s %s %s >%s/out 2>&1"):format(
      caught.url, child.quoted(caught.ca_file), child.interpreter(), child.quoted(file), child.quoted(folder))))
    assert.truthy(child.read_file(folder .. "/out"):find("^TLSv1%.[23]\n"))
    assert.truthy(caught:wait(1)[1].raw:find("Hello by TLS.", 1, true))
  end)

  -- Makes the program folder/mail of this source by the README's command. That compiles all of core, and five
  -- Luas ask for it within minutes, so what came of the same sources within the hour is taken as it is.
  local function compile(source)
    local command = assert(readme():match("\n    (cc %-std=c11[^\n]*)\n"))
    child.write_file(folder .. "/mail.c", source)
    child.write_file(folder .. "/make", ([[
set -e
root=$1
cd "$(dirname "$0")"
ln -s "$root/core" core
key=$({ cc --version; cat mail.c make; cd "$root"; find core -name '*.[ch]' | sort | xargs sha256sum; } |
  sha256sum | cut -c 1-20)
kept=$root/build/readme/$key
mkdir -p "$kept"
exec 9>"$kept/lock"
flock 9
if [ -z "$(find "$kept" -name mail -mmin -60)" ]; then
  %s
  cp mail "$kept/mail.new"
  mv "$kept/mail.new" "$kept/mail"
fi
cp "$kept/mail" mail
]]):format(command))
    assert.is_true(shell(("sh %s/make %s >%s/out 2>&1"):format(
      child.quoted(folder), child.quoted(child.root()), child.quoted(folder))), child.read_file(folder .. "/out"))
  end

  it("has a C example, compiled as it says", function()
    compile(assert(blocks("c")[1]) .. "\n")
    child.write_file(folder .. "/README.md", readme())
    assert.is_true(shell(("cd %s && POSTA_URL=%s ./mail >out 2>&1"):format(
      child.quoted(folder), caught.url)), child.read_file(folder .. "/out"))
    local mail = caught:wait(1)[1]
    assert.truthy(mail.raw:find('filename="README.md"', 1, true))
    assert.truthy(child.read_file(folder .. "/out"):find("^accepted: <"))
  end)

  it("'s way to compile serves examples/c/send.c too", function()
    compile(child.read_file(child.root() .. "/examples/c/send.c"))
    assert.is_true(shell(("%s/mail %s ana@example.org bob@example.org >%s/out 2>&1"):format(
      child.quoted(folder), caught.url, child.quoted(folder))), child.read_file(folder .. "/out"))
    assert.equal("ana@example.org", caught:wait(1)[1].from)
    assert.truthy(child.read_file(folder .. "/out"):find("^accepted for 1 of 1: 250 "))
  end)

  it("parses on Lua 5.1", function()
    for _, source in ipairs(blocks("lua")) do
      child.write_file(folder .. "/example.lua", source)
      assert.is_true(shell(("lua5.1 -e 'assert(loadfile(%q))'"):format(folder .. "/example.lua")))
    end
  end)

  it("names only files that exist", function()
    for file in readme():gmatch("%]%(([%w/_.]+)%)") do
      assert.truthy(child.read_file(child.root() .. "/" .. file), file)
    end
  end)
end)
