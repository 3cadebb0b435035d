"""The layers of core/ and what each may see. The one statement of the law that both guards hold.

    session > smtp, auth, mime (siblings) > tls > port > codec > base
"""

FREESTANDING = ("base", "codec", "mime", "smtp", "auth")

# A freestanding layer may not see what needs a system, so tls and port are not below the siblings
# as far as includes go: they meet in the interfaces of base.
BELOW = {
    "base": (),
    "codec": ("base",),
    "mime": ("codec", "base"),
    "smtp": ("codec", "base"),
    "auth": ("codec", "base"),
    "port": ("codec", "base"),
    "tls": ("port", "codec", "base"),
    "session": ("smtp", "auth", "mime", "tls", "port", "codec", "base"),
}

# Public headers by the layer that keeps their promise.
PUBLIC = {
    "status.h": "base",
    "base.h": "base",
    "codec.h": "codec",
    "mime.h": "mime",
    "engine.h": "smtp",
    "auth.h": "auth",
    "tls.h": "tls",
    "port.h": "port",
    "socket.h": "port",
    "session.h": "session",
    "posta.h": "session",
    "treck.h": "session",
}

FREESTANDING_HEADERS = {"stddef.h", "stdint.h", "stdbool.h", "string.h", "limits.h"}


def may_see(layer, other):
    return other == layer or other in BELOW[layer]
