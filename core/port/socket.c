/* core/port: TCP and Unix sockets as a transport. Non-blocking throughout; only `wait`, and the
 * system's resolver inside the first `open`, take time.
 *
 * BUGS: getaddrinfo waits; a session that must not wait gives an address.
 */
#define _POSIX_C_SOURCE 200809L
#include "base_i.h"
#include "posta/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef POSTA_RESOLVER
#define POSTA_RESOLVER 1
#endif

typedef struct sock {
    const posta_port *port;
    posta_socket_config config;
    char address[64], local_address[64];
    struct addrinfo *list, *next; /* null: not resolved */
    struct sockaddr_un path;
    bool is_unix, is_resolved, is_connecting, was_refused, was_late;
    int fd;
    uint64_t connect_by;
    const char *reason;
} sock;

static const char *words_for(int error) {
    switch (error) {
    case 0: return "";
    case ECONNREFUSED: return "connection refused";
    case ECONNRESET: return "the server reset the connection";
    case EPIPE: return "the server closed the connection";
    case ETIMEDOUT: return "the network gave no answer";
    case ENETUNREACH: return "the network cannot be reached";
    case EHOSTUNREACH: return "the host cannot be reached";
    case EADDRNOTAVAIL: return "the local address is not to be had";
    case EACCES:
    case EPERM: return "the system does not permit it";
    case EMFILE:
    case ENFILE: return "too many files are open";
    case EAGAIN: return "the server takes no more connections now";
    case ENOENT: return "there is no such socket";
    default: return "the system refused";
    }
}

static void shut(sock *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    s->is_connecting = false;
}

/* ---- names ---- */

static posta_status resolve(sock *s, const char *host, uint16_t port) {
    struct addrinfo hints;
    char service[POSTA_DECIMAL_CAP + 1];
    const char *name = s->address[0] ? s->address : host;
    int error;
    service[posta__decimal(port, service)] = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
#if !POSTA_RESOLVER
    if (strcmp(name, "localhost") == 0) name = "127.0.0.1";
    hints.ai_flags |= AI_NUMERICHOST;
#endif
    if (s->address[0]) hints.ai_flags |= AI_NUMERICHOST;
    error = getaddrinfo(name, service, &hints, &s->list);
    if (error != 0) {
        s->list = NULL;
        s->reason = gai_strerror(error);
        return POSTA_E_DNS;
    }
    s->next = s->list;
    return POSTA_OK;
}

static posta_status name_path(sock *s, const char *path) {
    size_t len = strlen(path);
    if (len >= sizeof s->path.sun_path) {
        s->reason = "the socket's path is too long";
        return POSTA_E_CONNECT;
    }
    s->is_unix = true;
    memset(&s->path, 0, sizeof s->path);
    s->path.sun_family = AF_UNIX;
    memcpy(s->path.sun_path, path, len);
    return POSTA_OK;
}

/* ---- connecting ---- */

static bool bind_local(sock *s, int family) {
    struct addrinfo hints, *a = NULL;
    bool done;
    if (!s->local_address[0]) return true;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    if (getaddrinfo(s->local_address, NULL, &hints, &a) != 0) return false;
    done = bind(s->fd, a->ai_addr, a->ai_addrlen) == 0;
    freeaddrinfo(a);
    return done;
}

static int start(sock *s, int family, const struct sockaddr *to, socklen_t len) {
    int one = 1;
    s->fd = socket(family, SOCK_STREAM, 0);
    if (s->fd < 0) return errno;
    if (fcntl(s->fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0)
        return errno;
    if (family != AF_UNIX) setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef SO_NOSIGPIPE
    setsockopt(s->fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
    if (family != AF_UNIX && !bind_local(s, family)) return EADDRNOTAVAIL;
    if (connect(s->fd, to, len) == 0) return 0;
    return errno == EINTR ? EINPROGRESS : errno; /* row F17: it goes on by itself */
}

static void note_failure(sock *s, int error) {
    s->reason = words_for(error);
    if (error == ECONNREFUSED) s->was_refused = true;
    shut(s);
}

/* Tries address after address. POSTA_AGAIN: one is on its way. */
static posta_status try_next(sock *s) {
    while (s->is_unix || s->next) {
        const struct addrinfo *a = s->next;
        int error = s->is_unix
                        ? start(s, AF_UNIX, (const struct sockaddr *)&s->path, sizeof s->path)
                        : start(s, a->ai_family, a->ai_addr, a->ai_addrlen);
        bool is_path = s->is_unix;
        if (!is_path) s->next = a->ai_next;
        if (error == 0) return POSTA_OK;
        if (error == EINPROGRESS) {
            s->is_connecting = true;
            s->connect_by = s->port->now_ms(s->port->user) + s->config.connect_ms;
            return POSTA_AGAIN;
        }
        note_failure(s, error);
        if (is_path) break;
    }
    if (s->was_refused) return POSTA_E_CONNECT_REFUSED;
    return s->was_late ? POSTA_E_TIMEOUT_CONNECT : POSTA_E_CONNECT;
}

static posta_status look(sock *s) {
    struct pollfd p = {s->fd, POLLOUT, 0};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&p, 1, 0) <= 0) {
        if (s->config.connect_ms == 0 || s->port->now_ms(s->port->user) < s->connect_by)
            return POSTA_AGAIN;
        s->was_late = true;
        note_failure(s, ETIMEDOUT);
        return try_next(s);
    }
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    if (error == 0) {
        s->is_connecting = false;
        return POSTA_OK;
    }
    note_failure(s, error);
    return s->is_unix ? POSTA_E_CONNECT : try_next(s);
}

static posta_status sock_open(void *user, const char *host, uint16_t port) {
    sock *s = user;
    posta_status status;
    if (s->is_connecting) return look(s);
    s->reason = "";
    s->was_refused = s->was_late = false;
    if (!s->is_resolved) {
        status = host[0] == '/' ? name_path(s, host) : resolve(s, host, port);
        if (status != POSTA_OK) return status;
        s->is_resolved = true;
    }
    s->next = s->list;
    return try_next(s);
}

/* ---- bytes ---- */

static posta_status fault(sock *s, int error) {
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS)
        return POSTA_AGAIN;
    s->reason = words_for(error);
    return POSTA_E_LOST;
}

static posta_status sock_read(void *user, void *p, size_t cap, size_t *n_out) {
    sock *s = user;
    ssize_t n = recv(s->fd, p, cap, 0);
    *n_out = n > 0 ? (size_t)n : 0;
    return n < 0 ? fault(s, errno) : POSTA_OK;
}

static posta_status sock_write(void *user, const void *p, size_t len, size_t *n_out) {
    sock *s = user;
#ifdef MSG_NOSIGNAL
    ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);
#else
    ssize_t n = send(s->fd, p, len, 0);
#endif
    *n_out = n > 0 ? (size_t)n : 0;
    return n < 0 ? fault(s, errno) : POSTA_OK;
}

static void sock_close(void *user) {
    sock *s = user;
    shut(s);
    if (s->list) freeaddrinfo(s->list);
    s->list = s->next = NULL;
    s->is_resolved = s->is_unix = false;
}

static posta_status sock_wait(void *user, unsigned wants, uint32_t ms) {
    sock *s = user;
    struct pollfd p = {s->fd, 0, 0};
    if (s->is_connecting || (wants & POSTA_WANT_TX)) p.events |= POLLOUT;
    if (wants & POSTA_WANT_RX) p.events |= POLLIN;
    poll(&p, s->fd >= 0 ? 1 : 0, ms > INT32_MAX ? INT32_MAX : (int)ms);
    return POSTA_OK;
}

/* ---- life ---- */

bool posta_address_is_numeric(const char *address) {
    uint8_t in6[16], in4[4];
    char text[INET6_ADDRSTRLEN + 1];
    size_t len = strcspn(address, "%");
    if (len >= sizeof text) return false;
    memcpy(text, address, len);
    text[len] = 0;
    if (inet_pton(AF_INET6, text, in6) == 1) return true;
    return address[len] == 0 && inet_pton(AF_INET, text, in4) == 1;
}

static bool copy(char *to, size_t cap, const char *from) {
    size_t len = from ? strlen(from) : 0;
    if (len >= cap) return false;
    if (len > 0) memcpy(to, from, len);
    to[len] = 0;
    return true;
}

posta_status posta_socket_new(const posta_port *port, const posta_socket_config *config,
                              posta_transport *out) {
    sock *s;
    memset(out, 0, sizeof *out);
    s = port->allocate(port->user, NULL, 0, sizeof *s);
    if (!s) return POSTA_E_MEMORY;
    memset(s, 0, sizeof *s);
    s->port = port;
    s->config = *config;
    s->fd = -1;
    s->reason = "";
    if (!copy(s->address, sizeof s->address, config->address) ||
        !copy(s->local_address, sizeof s->local_address, config->local_address)) {
        port->allocate(port->user, s, sizeof *s, 0);
        return POSTA_E_FIELD;
    }
    *out = (posta_transport){sizeof *out, s,         sock_open, sock_read, sock_write,
                             sock_close,  sock_wait, NULL,      0};
    return POSTA_OK;
}

void posta_socket_free(posta_transport *t) {
    sock *s = t->user;
    if (!s) return;
    sock_close(s);
    s->port->allocate(s->port->user, s, sizeof *s, 0);
    memset(t, 0, sizeof *t);
}

int posta_socket_fd(const posta_transport *t) {
    return ((const sock *)t->user)->fd;
}

const char *posta_socket_reason(const posta_transport *t) {
    return ((const sock *)t->user)->reason;
}

posta_status posta_socket_literal(const posta_transport *t, char *out, size_t cap) {
    const sock *s = t->user;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    posta_window w = posta__window(out, cap);
    char text[INET6_ADDRSTRLEN];
    if (s->fd < 0 || getsockname(s->fd, (struct sockaddr *)&a, &len) != 0) return POSTA_E_STATE;
    if (a.ss_family == AF_UNIX) {
        memcpy(text, "127.0.0.1", 10);
    } else if (a.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &a, sizeof in6);
        if (!inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text)) return POSTA_E_STATE;
    } else {
        struct sockaddr_in in4;
        memcpy(&in4, &a, sizeof in4);
        if (!inet_ntop(AF_INET, &in4.sin_addr, text, sizeof text)) return POSTA_E_STATE;
    }
    if (!posta__put(&w, posta__span_of(a.ss_family == AF_INET6 ? "[IPv6:" : "[")) ||
        !posta__put(&w, posta__span_of(text)) || !posta__put(&w, posta__span("]", 2)))
        return POSTA_E_LIMIT;
    return POSTA_OK;
}

bool posta_socket_is_loopback(const posta_transport *t) {
    const sock *s = t->user;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (s->fd < 0 || getpeername(s->fd, (struct sockaddr *)&a, &len) != 0) return false;
    if (a.ss_family == AF_UNIX) return true;
    if (a.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &a, sizeof in6);
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) != 0;
    }
    if (a.ss_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, &a, sizeof in4);
        return ntohl(in4.sin_addr.s_addr) >> 24 == 127;
    }
    return false;
}

posta_status posta_host_name(char *out, size_t cap) {
    if (cap == 0) return POSTA_E_LIMIT;
    out[0] = 0;
    if (gethostname(out, cap) != 0) return POSTA_E_FIELD;
    out[cap - 1] = 0;
    return strchr(out, '.') ? POSTA_OK : POSTA_E_FIELD;
}
