--[==[ support.tls_peer: SMTP peers that play a dialogue each and may speak TLS in it; one process plays them all.

    local peers = require("spec.support.tls_peer").start(made)     -- made.cert, made.key
    local peer = peers.play([[
    S: 220 hello
    C: ^EHLO
    S: 250 STARTTLS
    C: ^STARTTLS$
    S: 220 go
    TLS
    ...
    NOTIFIED
    ]])                               -- ... let the client talk to peer.port ...
    local ok, transcript = peer.result()
    peers.stop()

    S: text    a line             SAY text    octets as they stand (\r \n \xHH), inside TLS where there is some
    C: regex   expect a line      RAW text    the same past TLS, on the naked wire
    TEXT       up to the dot      SLEEP n     wait n seconds
    TLS [1.2]  the handshake      HELLO       expect a ClientHello, and nothing in clear text before it
    NOTIFY     say close_notify   NOTIFIED    expect close_notify, nothing else, and the end
    CLOSE      close (FIN)        GONE        expect the end, and before it nothing but alerts

A dialogue takes 30 s at most. ]==]

local child = require "spec.support.child"
local socket = require "socket"

local support = {}

function support.start(made)
    local process = child.start { "python3", "-B", child.root() .. "/spec/support/tls_peer.py", made.cert, made.key }
    local port = tonumber((process:wait_for("listening on (%d+)\n", 30)))
    local peers = { stop = function() process:stop() end }

    function peers.play(dialogue)
        local control = assert(socket.connect("127.0.0.1", port))
        control:settimeout(40)
        assert(control:send(#dialogue .. "\n" .. dialogue))
        local peer = { port = assert(tonumber((control:receive "*l"))) }

        -- Was the dialogue played to its end, and what was said. May be asked again.
        function peer.result()
            if not peer.transcript then
                peer.transcript = assert(control:receive "*a")
                control:close()
            end
            return peer.transcript:find("played to its end", 1, true) ~= nil, peer.transcript
        end

        return peer
    end

    return peers
end

return support
