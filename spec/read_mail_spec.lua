-- tools/read_mail.py, the independent judge: what it shows, and that it finds what is wrong.

local child = require "spec.support.child"

describe("tools/read_mail.py", function()
    local folder

    before_each(function() folder = child.new_folder() end)
    after_each(function() os.execute("rm -rf -- " .. child.quoted(folder)) end)

    local function read(octets, options)
        child.write_file(folder .. "/mail.eml", octets)
        local command = "python3 %s/tools/read_mail.py %s %s/mail.eml; echo status $?"
        local out = child.run(command:format(child.root(), options or "", folder))
        return out, tonumber(out:match("status (%d+)\n$"))
    end

    local GOOD = table.concat({ "From: =?utf-8?Q?=C5=BB?= <a@b.org>", "Subject: x",
        'Content-Type: multipart/mixed; boundary="b"', "", "--b",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
        "xbsK", "--b", "Content-Type: image/png", "Content-ID: <logo>",
        "Content-Disposition: inline; filename*=utf-8''%C5%BB.png", "", "abc", "--b--", "" },
        "\r\n")

    it("shows the headers and the tree of parts", function()
        local out, status = read(GOOD, "--strict")
        assert.equal(0, status)
        assert.equal("From:    Ż <a@b.org>\nSubject: x\n\n1 multipart/mixed\n"
            .. "  1.1 text/plain  charset=utf-8  3 octets  sha256 d24045ef6c5e  | Ż\n"
            .. '  1.2 image/png  inline  "Ż.png"  <logo>  3 octets  sha256 ba7816bf8f01\n'
            .. "status 0\n", out)
        out = read(GOOD, "--json")
        assert.truthy(out:find('"cid": "logo"', 1, true))
        assert.truthy(out:find('"filename": "Ż.png"', 1, true))
    end)

    it("ends with 1 and says why when the mail has a defect", function()
        for defect, octets in pairs {
            ["CloseBoundaryNotFoundDefect"] = GOOD:gsub("%-%-b%-%-\r\n", ""),
            ["InvalidBase64"] = GOOD:gsub("xbsK", "xbs"),
            ["text is not utf-8"] = GOOD:gsub("xbsK", "xcXF"),
            ["From: InvalidHeaderDefect"] = GOOD:gsub("a@b.org", "a@"),
        } do
            local out, status = read(octets)
            assert.equal(1, status, defect)
            assert.truthy(out:find("defect: .*" .. defect:gsub("%p", "%%%0")), out)
        end
        for defect, octets in pairs {
            ["bare LF"] = GOOD:gsub("abc", "a\nb"), ["bare CR"] = GOOD:gsub("abc", "a\rb"),
            ["NUL"] = GOOD:gsub("abc", function() return "a\0b" end),
            ["a line of 999 octets"] = GOOD:gsub("abc", ("x"):rep(999)),
            ["8-bit octets in the header"] = GOOD:gsub("x\r", "\255\r", 1),
        } do
            local out, status = read(octets, "--strict")
            assert.equal(1, status, defect)
            assert.truthy(out:find("octets: " .. defect, 1, true), out)
        end
    end)
end)
