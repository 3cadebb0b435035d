"""spec.support.tls_peer's process: plays dialogues of SMTP, with TLS by Python's ssl over memory.

    python3 tls_peer.py CERT KEY

Prints "listening on PORT"; there it takes dialogues, one a connection: its length and LF, its text. The answer is
the port where it is played, then the transcript."""

import re
import socket
import ssl
import sys
import threading
import time

LIFE = 30


class Wrong(Exception):
    pass


class Peer:
    def __init__(self, cert, key, log):
        self.cert, self.key, self.log, self.sock = cert, key, log, None
        self.plain, self.raw, self.ended, self.notified = b"", b"", False, False
        self.tls = None
        self.finish = time.time() + LIFE

    def accept(self, server):
        server.settimeout(LIFE)
        self.sock = server.accept()[0]
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.sock:
            self.sock.close()

    def more(self):
        """Waits for octets; False at the end of the connection."""
        self.sock.settimeout(max(0.01, self.finish - time.time()))
        try:
            octets = self.sock.recv(65536)
        except ConnectionError:
            octets = b""
        except OSError:
            raise Wrong("nothing came in time")
        if not octets:
            self.ended = True
            return False
        if self.tls:
            self.coming.write(octets)
            self.decrypt()
        else:
            self.raw += octets
        return True

    def flush(self):
        octets = self.going.read()
        if octets:
            self.sock.sendall(octets)

    def decrypt(self):
        try:
            while True:
                octets = self.tls.read(65536)
                if not octets:
                    self.notified = True
                    return
                self.raw += octets
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLZeroReturnError:
            self.notified = True

    def line(self):
        while b"\r\n" not in self.raw:
            if self.notified or not self.more():
                raise Wrong("the client has gone; it said %r" % self.raw)
        line, self.raw = self.raw.split(b"\r\n", 1)
        self.log("C: " + line.decode("latin-1"))
        return line.decode("latin-1")

    def send(self, octets):
        if self.tls:
            self.tls.write(octets)
            self.flush()
        else:
            self.sock.sendall(octets)

    # ---- the words ----

    def do_S(self, text):
        self.send(text.encode("latin-1") + b"\r\n")

    def do_RAW(self, text):
        """Octets past TLS, if there is any."""
        self.sock.sendall(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    def do_SAY(self, text):
        """Octets inside TLS, or in clear text."""
        self.send(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    def do_C(self, pattern):
        if not re.search(pattern, self.line()):
            raise Wrong("expected C: " + pattern)

    def do_TEXT(self, _):
        while self.line() != ".":
            pass

    def do_SLEEP(self, text):
        time.sleep(float(text))

    def do_TLS(self, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if version == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.coming.write(self.raw)
        self.raw = b""
        tls = context.wrap_bio(self.coming, self.going, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                octets = self.going.read()
                if octets:
                    self.sock.sendall(octets)
                self.sock.settimeout(max(0.01, self.finish - time.time()))
                octets = self.sock.recv(65536)
                if not octets:
                    raise Wrong("the client left in the handshake")
                self.coming.write(octets)
        self.tls = tls
        self.flush()
        self.decrypt()  # what came behind the Finished
        self.log("# " + tls.version())

    def do_NOTIFY(self, _):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()

    def do_HELLO(self, _):
        """A ClientHello comes next, and nothing before it."""
        while len(self.raw) < 6 and self.more():
            pass
        if not re.match(rb"\x16\x03[\x00-\x04]..\x01", self.raw, re.S):
            raise Wrong("expected a ClientHello, got %r" % self.raw)
        self.log("# ClientHello")

    def do_CLOSE(self, _):
        self.sock.close()

    def do_NOTIFIED(self, _):
        """The client ends TLS in order, says nothing else, and closes."""
        while not self.notified and self.more():
            pass
        if not self.notified or self.raw:
            raise Wrong("no close_notify; the client said %r" % self.raw)
        self.do_GONE("")

    def do_GONE(self, _):
        """The client says nothing more but TLS alerts, and closes."""
        before = len(self.raw) if self.tls is None else 0
        while not self.ended:
            self.more()
        rest = self.raw[before:] if self.tls is None else self.raw
        alerts = re.fullmatch(rb"(\x15\x03[\x00-\x04]\x00\x02..)*", rest, re.S)
        if not alerts:
            raise Wrong("the client still said %r" % rest)


def play(peer, dialogue):
    for line in dialogue.splitlines():
        word, _, text = line.strip().partition(" ")
        if word:
            getattr(peer, "do_" + word.rstrip(":"))(text)


def serve(control, cert, key):
    """One dialogue: takes its text, gives the port, then the transcript and how it ended."""
    said = control.makefile("rw", encoding="latin-1", newline="\n")
    dialogue = said.read(int(said.readline()))
    with socket.create_server(("127.0.0.1", 0)) as server:
        said.write("%d\n" % server.getsockname()[1])
        said.flush()
        peer = Peer(cert, key, lambda text: said.write(text + "\n"))
        try:
            peer.accept(server)
            play(peer, dialogue)
            said.write("# the dialogue was played to its end\n")
        except (Wrong, OSError, ssl.SSLError) as fault:
            said.write("# %s: %s\n" % (type(fault).__name__, fault))
        peer.close()
    said.flush()
    control.shutdown(socket.SHUT_RDWR)


def main(cert, key):
    server = socket.create_server(("127.0.0.1", 0))
    print("listening on %d" % server.getsockname()[1], flush=True)
    while True:
        control = server.accept()[0]
        threading.Thread(target=serve, args=(control, cert, key), daemon=True).start()


main(*sys.argv[1:])
