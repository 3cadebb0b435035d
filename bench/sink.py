#!/usr/bin/env python3
"""A server that takes N connections' mails at memory speed and keeps nothing. Prints its port."""
import socket
import sys

HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n"


def swallow(client):
    tail = b""
    while tail != b"\r\n.\r\n":
        piece = client.recv(1 << 20)
        if not piece:
            return
        tail = (tail + piece)[-5:]


def serve(client):
    client.sendall(b"220 sink\r\n")
    pending = b""
    while True:
        while b"\r\n" not in pending:
            piece = client.recv(4096)
            if not piece:
                return
            pending += piece
        line, pending = pending.split(b"\r\n", 1)
        verb = line[:4].upper()
        if verb == b"DATA":
            client.sendall(b"354 go\r\n")
            swallow(client)
        client.sendall(HELLO if verb == b"EHLO" else b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        if verb == b"QUIT":
            return


server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1)
print(server.getsockname()[1], flush=True)
for _ in range(int(sys.argv[1])):
    connection, _ = server.accept()
    with connection:
        serve(connection)
