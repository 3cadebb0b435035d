-- A mail with all that mails have: names from everywhere, text, HTML with a picture in it, two
-- attachments. tools/demo sends it to a catcher on this machine; with POSTA_URL set it runs alone.
local posta = require "posta"

local here = arg[0]:match("^(.*)/") or "."
local url = os.getenv "POSTA_URL" or "smtp://127.0.0.1:2525"

-- An attachment need not be anywhere as a whole: a function gives it piece by piece, nil at the end.
local row = 0
local function measurements()
    row = row + 1
    if row > 1000 then return nil end
    return ("%d;%.3f\n"):format(row, math.sin(row / 100))
end

local receipt, message = posta.send({ url = url, trace = true }, {
    from = "Ana Źródło <ana@example.org>",
    to = { "bob@example.org", { name = "Søren Ærø", address = "soren@example.org" } },
    cc = { name = "Zoë, the first", address = "zoe@example.org" },
    subject = "Zażółć gęślą jaźń: the measurements",
    text = "Hi,\n\nthe measurements are attached.\n\n-- \nAna\n",
    html = "<p>Hi,</p><p><img src='cid:logo' alt=''> the <b>measurements</b> are attached.</p>",
    inline = { logo = { file = here .. "/logo.png" } },
    attachments = {
        here .. "/demo.lua",
        { name = "measurements.csv", body = measurements },
    },
})

if not receipt then
    print(message)
    os.exit(1)
end
print(("%s for %d, %d octets by %s, %s"):format(receipt.outcome, #receipt.accepted, receipt.bytes,
    receipt.tls and receipt.tls.version or "clear text", receipt.message_id))
