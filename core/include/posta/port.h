/* posta/port.h: what a POSIX system gives: clock, entropy, memory, files, sockets. Devices bring
 * their own posta_port and posta_transport instead of these.
 */
#ifndef POSTA_PORT_H
#define POSTA_PORT_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The system's clock, random numbers, memory, and IDNA where it is built in. Static; usable from
 * any thread. */
POSTA_API const posta_port *posta_port_default(void);

/** Appends a domain with U-labels ("b\xc3\xbccher.example") as A-labels ("xn--bcher-kva.example"),
 * by IDNA2008 without mappings but ASCII capitals and NFC. ASCII labels stay, in small letters.
 * POSTA_E_FIELD: a label that no domain may have; *why_out (may be null) is a static phrase.
 * POSTA_E_NOT_BUILT with POSTA_IDNA=OFF; POSTA_E_LIMIT: no room; POSTA_E_MEMORY. */
POSTA_API posta_status posta_domain_to_ascii(posta_span domain, posta_window *out,
                                             const char **why_out);

/** A source that reads a regular file from its start, with its length. Opens it now: POSTA_E_FILE
 * when it cannot be read or is no regular file (`why_out`, may be null: a static or strerror-like
 * reason, good until the thread's next call); POSTA_E_MEMORY; POSTA_E_NOT_BUILT with
 * POSTA_FILES=OFF. A file that is shorter or longer at its end than at first is a fault. The source
 * owns the file; `port` is borrowed. */
POSTA_API posta_status posta_file_source(const posta_port *port, const char *path,
                                         posta_source *out, const char **why_out);

/** The same in the shape of a posta_opener (posta/mime.h); `port` is a posta_port. */
POSTA_API posta_status posta_file_open(void *port, const char *path, posta_source *out,
                                       const char **why_out);

/** Octets of an address in digits with a zone, with its NUL. */
#define POSTA_MAX_ADDRESS_TEXT 64u

/** Finds the addresses of a host: writes at most `cap` numeric ones and says how many. POSTA_OK;
 * POSTA_AGAIN: not yet, ask again (it must not wait in non-blocking sessions); POSTA_E_DNS or
 * another fault. */
typedef posta_status (*posta_resolver)(void *user, const char *host,
                                       char (*out)[POSTA_MAX_ADDRESS_TEXT], size_t cap,
                                       size_t *n_out);

/** Told before a descriptor that pollfd gave is closed or replaced, so that the host can take it
 * out of its own set. */
typedef void (*posta_release)(int fd, void *user);

/** Where a socket transport connects. */
typedef struct posta_socket_config {
    size_t size;         /* sizeof(posta_socket_config) */
    const char *address; /* numeric address to use instead of the host's; null: resolve the host */
    const char *local_address; /* numeric address to connect from; null: any */
    uint32_t connect_ms;       /* patience for one address; 0: none */
    uint32_t resolve_ms;       /* patience for the resolver; 0: none */
    posta_resolver resolver;   /* instead of the system's; may be null */
    void *resolver_user;
    posta_release on_release; /* may be null */
    void *release_user;
    bool may_wait; /* without POSTA_THREADS: getaddrinfo may be called where it waits */
} posta_socket_config;

#define POSTA_SOCKET_CONFIG                                                                        \
    { sizeof(posta_socket_config), 0, 0, 30000, 30000, 0, 0, 0, 0, true }

/** True for an IPv4 or IPv6 address in digits, the latter also with a zone ("fe80::1%eth0"). */
POSTA_API bool posta_address_is_numeric(const char *address);

/** TCP over POSIX sockets as a transport: non-blocking, close-on-exec, TCP_NODELAY, no SIGPIPE.
 * `open` finds the host's addresses off this thread, then tries them all, families interleaved,
 * each 250 ms after the one before or when that has failed (RFC 8305). Only `wait` takes time. A
 * host that starts with '/' is a Unix socket's path. Free with posta_socket_free, which closes it.
 */
POSTA_API posta_status posta_socket_new(const posta_port *port, const posta_socket_config *config,
                                        posta_transport *out);
/** Closes and frees a transport of posta_socket_new, and clears it. Cleared already is fine. */
POSTA_API void posta_socket_free(posta_transport *t);
/** Replaces what the next open uses: patience, numeric address ("" resolves the host, null keeps
 * it).
 */
POSTA_API void posta_socket_set(posta_transport *t, const char *address, uint32_t resolve_ms,
                                uint32_t connect_ms);
/** posta_socket_config.may_wait from now on. */
POSTA_API void posta_socket_may_wait(posta_transport *t, bool may_wait);
/** setsockopt(level, name) on every socket that is made from now on, before it connects; the value
 * is copied. POSTA_E_LIMIT: more than 8 of them, or more than 16 bytes; POSTA_E_ARGUMENT. A socket
 * that refuses one counts as a failed address. */
POSTA_API posta_status posta_socket_option(posta_transport *t, int level, int name,
                                           const void *value, size_t len);
/** One descriptor that stands for all that is awaited: while opening it becomes ready for
 * posta_socket_wants when `open` has work; once open it is the socket. -1 while there
 * is none. on_release comes before it changes. */
POSTA_API int posta_socket_fd(const posta_transport *t);
/** What that descriptor is to be waited for while opening: POSTA_WANT_RX, or POSTA_WANT_TX when it
 * is the connecting socket itself (a numeric address, a Unix path, a system without epoll and
 * kqueue). 0: there is none, or it is open. */
POSTA_API unsigned posta_socket_wants(const posta_transport *t);
/** While opening: milliseconds until `open` has work without any descriptor's help; -1: never. */
POSTA_API int64_t posta_socket_timeout(const posta_transport *t);
/** Ends a `wait` under way, or the next one, at once. From any thread and from signal handlers. */
POSTA_API void posta_socket_wake(posta_transport *t);
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
