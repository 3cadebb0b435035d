/* posta/port.h: what a POSIX system gives: clock, entropy, memory, files, sockets. Devices bring
 * their own posta_port and posta_transport instead of these.
 */
#ifndef POSTA_PORT_H
#define POSTA_PORT_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The system's clock, random numbers and memory. Static; usable from any thread. */
POSTA_API const posta_port *posta_port_default(void);

/** A source that reads a regular file from its start, with its length. Opens it now: POSTA_E_FILE
 * when it cannot be read or is no regular file (`why_out`, may be null: a static or strerror-like
 * reason, good until the thread's next call); POSTA_E_MEMORY; POSTA_E_NOT_BUILT with
 * POSTA_FILES=OFF. A file that is shorter or longer at its end than at first is a fault. The source
 * owns the file; `port` is borrowed. */
POSTA_API posta_status posta_file_source(const posta_port *port, const char *path,
                                         posta_source *out, const char **why_out);

/** Where a socket transport connects. */
typedef struct posta_socket_config {
    size_t size;         /* sizeof(posta_socket_config) */
    const char *address; /* numeric address to use instead of the host's; null: resolve the host */
    const char *local_address; /* numeric address to connect from; null: any */
    uint32_t connect_ms;       /* patience for one address; 0: none */
} posta_socket_config;

#define POSTA_SOCKET_CONFIG                                                                        \
    { sizeof(posta_socket_config), 0, 0, 30000 }

/** True for an IPv4 or IPv6 address in digits, the latter also with a zone ("fe80::1%eth0"). */
POSTA_API bool posta_address_is_numeric(const char *address);

/** TCP over POSIX sockets as a transport: non-blocking, close-on-exec, TCP_NODELAY, no SIGPIPE;
 * `open` resolves the host (this call alone may wait for the resolver), tries its addresses in
 * turn. A host that starts with '/' is a Unix socket's path. Free with posta_socket_free, which
 * closes it. */
POSTA_API posta_status posta_socket_new(const posta_port *port, const posta_socket_config *config,
                                        posta_transport *out);
/** Closes and frees a transport of posta_socket_new, and clears it. Cleared already is fine. */
POSTA_API void posta_socket_free(posta_transport *t);
/** The file descriptor, -1 while there is none. It changes when the next address is tried. */
POSTA_API int posta_socket_fd(const posta_transport *t);
/** Writes the local address as an EHLO address literal ("[127.0.0.1]", "[IPv6:::1]"),
 * NUL-terminated. POSTA_E_STATE when not connected, POSTA_E_LIMIT when cap is too small (64 is
 * enough). */
POSTA_API posta_status posta_socket_literal(const posta_transport *t, char *out, size_t cap);
/** True when the peer's address is a loopback address or a Unix socket. */
POSTA_API bool posta_socket_is_loopback(const posta_transport *t);
/** The system's reason for the last fault ("Connection refused"); "" when there is none. */
POSTA_API const char *posta_socket_reason(const posta_transport *t);
/** The host's own name if it has a dot, else POSTA_E_FIELD. */
POSTA_API posta_status posta_host_name(char *out, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
