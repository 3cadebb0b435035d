/* core/port: opening a socket: find the addresses, then try them by RFC 8305, the first one that
 * answers wins and the others are closed.
 *
 *   CLOSED -begin-> RESOLVING -hear-> CONNECTING -race-> OPEN       any fault: CLOSED
 *
 * Each stage that is done falls through to the next one in the same call. A number or a path goes
 * straight to CONNECTING. What the host may wait for is one descriptor (`shown`): a poller that
 * holds lookup and attempts; where it cannot be had, or where there is but one thing to wait for,
 * that thing itself, and then attempts go one after the other.
 *
 * BUGS: at most 16 addresses of a host are tried.
 */
#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* SO_NOSIGPIPE */
#endif
#include "port_i.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#define STAGGER_MS 250u /* RFC 8305, 5: Connection Attempt Delay */
#define ASK_MS     10u  /* until a resolver hook that said POSTA_AGAIN is asked again */

static uint64_t now(const posta__sock *s) {
    return s->port->now_ms(s->port->user);
}

/* When a patience of `ms` that begins now ends. */
static uint64_t end_of(const posta__sock *s, uint32_t ms) {
    return ms == 0 ? UINT64_MAX : now(s) + ms;
}

const char *posta__sock_words(int error) {
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

/* The host may have the old descriptor in a set of its own, so it is told first. */
static void show(posta__sock *s, int fd) {
    if (s->shown >= 0 && s->shown != fd && s->config.on_release)
        s->config.on_release(s->shown, s->config.release_user);
    s->shown = fd;
}

/* ---- one attempt ---- */

static void drop_attempt(posta__sock *s, size_t i) {
    int fd = s->attempts[i].fd;
    if (s->poller >= 0)
        posta__poller_remove(s->poller, fd, POSTA_WANT_TX);
    else
        show(s, -1);
    close(fd);
    s->attempts_n--;
    memmove(s->attempts + i, s->attempts + i + 1, (s->attempts_n - i) * sizeof *s->attempts);
}

/* Another address may have its turn at once. */
static void note_failure(posta__sock *s, int error) {
    if (error != 0) s->reason = posta__sock_words(error);
    if (error == ECONNREFUSED) s->was_refused = true;
    s->next_at = 0;
}

static void say_refused_option(posta__sock *s, const posta__sock_option *o) {
    posta_window w = posta__window(s->said, sizeof s->said - 1);
    char digits[POSTA_DECIMAL_CAP];
    posta__put(&w, POSTA_LIT("the system refused the socket option "));
    posta__put(&w, posta__span(digits, posta__decimal((uint64_t)o->name, digits)));
    posta__put(&w, POSTA_LIT(" of level "));
    posta__put(&w, posta__span(digits, posta__decimal((uint64_t)o->level, digits)));
    s->said[w.len] = 0;
    s->reason = s->said;
}

static bool set_options(posta__sock *s, int fd) {
    for (const posta__sock_option *o = s->options; o < s->options + s->options_n; o++)
        if (setsockopt(fd, o->level, o->name, o->value, o->len) != 0) {
            say_refused_option(s, o);
            return false;
        }
    return true;
}

#ifdef SO_NOSIGPIPE
static void no_signal(int fd) {
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
}
#else
static void no_signal(int fd) { /* send has a flag for it */
    (void)fd;
}
#endif

static bool bind_local(const posta__sock *s, int fd, int family) {
    posta__peer local;
    if (!s->local_address[0]) return true;
    if (!posta__peer_read(s->local_address, &local) || local.any.sa_family != family) return false;
    return bind(fd, &local.any, posta__peer_len(&local)) == 0;
}

/* 0: connected; EINPROGRESS: on its way; -1: `reason` is said already; else what failed. */
static int connect_to(posta__sock *s, int fd, int family, const struct sockaddr *to,
                      socklen_t len) {
    int one = 1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return errno;
    no_signal(fd);
    if (family != AF_UNIX) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!set_options(s, fd)) return -1;
    if (family != AF_UNIX && !bind_local(s, fd, family)) return EADDRNOTAVAIL;
    if (connect(fd, to, len) == 0) return 0;
    return errno == EINTR ? EINPROGRESS : errno; /* row F17: it goes on by itself */
}

/* Begins with the next address: as connect_to, and an attempt more unless it failed. */
static int start(posta__sock *s) {
    posta__peer *peer = &s->peers[s->peers_at++];
    const struct sockaddr *to = s->is_unix ? (const struct sockaddr *)&s->path : &peer->any;
    socklen_t len = s->is_unix ? sizeof s->path : posta__peer_len(peer);
    int fd = socket(to->sa_family, SOCK_STREAM, 0), error;
    if (fd < 0) return errno;
    error = connect_to(s, fd, to->sa_family, to, len);
    if ((error == 0 || error == EINPROGRESS) && s->poller >= 0 &&
        !posta__poller_add(s->poller, fd, POSTA_WANT_TX))
        error = ENOMEM;
    if (error != 0 && error != EINPROGRESS) {
        close(fd);
        return error;
    }
    if (s->poller < 0) show(s, fd);
    s->attempts[s->attempts_n++] = (posta__attempt){fd, false, end_of(s, s->config.connect_ms)};
    return error;
}

/* ---- all of them ---- */

static posta_status win(posta__sock *s, size_t i) {
    int fd = s->attempts[i].fd;
    if (s->poller >= 0) posta__poller_remove(s->poller, fd, POSTA_WANT_TX);
    s->attempts_n--;
    memmove(s->attempts + i, s->attempts + i + 1, (s->attempts_n - i) * sizeof *s->attempts);
    show(s, fd);
    while (s->attempts_n > 0)
        drop_attempt(s, s->attempts_n - 1);
    if (s->poller >= 0) close(s->poller);
    s->poller = -1;
    s->fd = fd;
    s->reason = "";
    s->stage = SOCK_OPEN;
    return POSTA_OK;
}

static void mark_ready(posta__sock *s) {
    struct pollfd p[POSTA__MAX_ATTEMPTS];
    for (size_t i = 0; i < s->attempts_n; i++) {
        p[i] = (struct pollfd){s->attempts[i].fd, POLLOUT, 0};
        s->attempts[i].is_ready = false;
    }
    if (poll(p, (nfds_t)s->attempts_n, 0) <= 0) return;
    for (size_t i = 0; i < s->attempts_n; i++)
        s->attempts[i].is_ready = p[i].revents != 0;
}

static int outcome_of(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* POSTA_AGAIN: none has been answered yet; those that failed or were late are gone. */
static posta_status look(posta__sock *s) {
    uint64_t at = now(s);
    size_t i = 0;
    mark_ready(s);
    while (i < s->attempts_n) {
        const posta__attempt *a = &s->attempts[i];
        int error = a->is_ready ? outcome_of(a->fd) : ETIMEDOUT;
        if (a->is_ready && error == 0) return win(s, i);
        if (!a->is_ready && at < a->by) {
            i++;
            continue;
        }
        s->was_late |= !a->is_ready;
        note_failure(s, error);
        drop_attempt(s, i);
    }
    return POSTA_AGAIN;
}

/* One that was refused says most: there is a host, and nobody listens. */
static posta_status verdict(posta__sock *s) {
    if (s->was_refused) {
        s->reason = posta__sock_words(ECONNREFUSED);
        return POSTA_E_CONNECT_REFUSED;
    }
    if (!s->was_late) return POSTA_E_CONNECT;
    s->reason = posta__sock_words(ETIMEDOUT);
    return POSTA_E_TIMEOUT_CONNECT;
}

static bool may_start(const posta__sock *s) {
    size_t most = s->poller >= 0 ? POSTA__MAX_ATTEMPTS : 1;
    return s->peers_at < s->peers_n && s->attempts_n < most;
}

static posta_status race(posta__sock *s) {
    posta_status status = look(s);
    if (status != POSTA_AGAIN) return status;
    while (may_start(s) && (s->attempts_n == 0 || now(s) >= s->next_at)) {
        int error = start(s);
        if (error == 0) return win(s, s->attempts_n - 1);
        if (error == EINPROGRESS)
            s->next_at = now(s) + STAGGER_MS;
        else
            note_failure(s, error > 0 ? error : 0);
    }
    return s->attempts_n > 0 ? POSTA_AGAIN : verdict(s);
}

/* ---- finding addresses ---- */

static posta_status name_path(posta__sock *s, const char *path) {
    size_t len = strlen(path);
    if (len >= sizeof s->path.sun_path) {
        s->reason = "the socket's path is too long";
        return POSTA_E_CONNECT;
    }
    s->is_unix = true;
    memset(&s->path, 0, sizeof s->path);
    s->path.sun_family = AF_UNIX;
    memcpy(s->path.sun_path, path, len);
    s->peers_n = 1;
    s->stage = SOCK_CONNECTING;
    return POSTA_OK;
}

static void drop_lookup(posta__sock *s) {
    int fd = s->lookup ? posta__lookup_fd(s->lookup) : -1;
    if (fd >= 0 && s->poller >= 0) posta__poller_remove(s->poller, fd, POSTA_WANT_RX);
    if (fd >= 0 && s->poller < 0) show(s, -1);
    posta__lookup_drop(&s->lookup);
}

static posta_status start_lookup(posta__sock *s, const char *name) {
    posta_status status = posta__lookup_start(name, s->config.may_wait, &s->lookup, &s->reason);
    int fd = status == POSTA_OK ? posta__lookup_fd(s->lookup) : -1;
    if (fd < 0) return status;
    if (s->poller < 0) {
        show(s, fd);
        return POSTA_OK;
    }
    if (posta__poller_add(s->poller, fd, POSTA_WANT_RX)) return POSTA_OK;
    s->reason = posta__sock_words(ENOMEM);
    return POSTA_E_DNS;
}

static posta_status begin(posta__sock *s, const char *host, uint16_t port) {
    const char *name = s->address[0] ? s->address : host;
    s->reason = "";
    s->was_refused = s->was_late = false;
    s->peers_n = s->peers_at = 0;
    s->next_at = 0;
    s->to_port = port;
    if (host[0] == '/') return name_path(s, host);
    if (posta__peer_read(name, &s->peers[0])) {
        posta__peer_set_port(&s->peers[0], port);
        s->peers_n = 1;
        s->stage = SOCK_CONNECTING;
        return POSTA_OK;
    }
    if (posta_address_is_numeric(name) || s->address[0]) {
        s->reason = s->address[0] ? "the address is wrong" : "there is no such interface";
        return POSTA_E_DNS;
    }
    s->stage = SOCK_RESOLVING;
    s->resolve_by = end_of(s, s->config.resolve_ms);
    s->poller = posta__poller_open();
    show(s, s->poller);
    return s->config.resolver ? POSTA_OK : start_lookup(s, name);
}

static posta_status ask_hook(posta__sock *s, const char *host) {
    char text[POSTA__MAX_PEERS][POSTA_MAX_ADDRESS_TEXT];
    size_t n = 0;
    posta_status status;
    memset(text, 0, sizeof text);
    status = s->config.resolver(s->config.resolver_user, host, text, POSTA__MAX_PEERS, &n);
    if (status == POSTA_AGAIN) return status;
    s->reason = "the resolver failed";
    if (status != POSTA_OK) return status == POSTA_END ? POSTA_E_DNS : status;
    for (size_t i = 0; i < n && i < POSTA__MAX_PEERS; i++) {
        text[i][POSTA_MAX_ADDRESS_TEXT - 1] = 0;
        if (posta__peer_read(text[i], &s->peers[s->peers_n])) s->peers_n++;
    }
    s->reason = s->peers_n > 0 ? "" : "the resolver gave no address";
    return s->peers_n > 0 ? POSTA_OK : POSTA_E_DNS;
}

static posta_status hear(posta__sock *s, const char *host) {
    posta_status status = s->lookup ? posta__lookup_take(s->lookup, s->peers, POSTA__MAX_PEERS,
                                                         &s->peers_n, &s->reason)
                                    : ask_hook(s, host);
    if (status == POSTA_AGAIN && now(s) >= s->resolve_by) {
        s->reason = "the resolver gave no answer";
        return POSTA_E_TIMEOUT_RESOLVE;
    }
    if (status != POSTA_OK) return status;
    drop_lookup(s);
    for (size_t i = 0; i < s->peers_n; i++)
        posta__peer_set_port(&s->peers[i], s->to_port);
    posta__peers_interleave(s->peers, s->peers_n);
    s->stage = SOCK_CONNECTING;
    return POSTA_OK;
}

/* ---- from outside ---- */

posta_status posta__sock_open(posta__sock *s, const char *host, uint16_t port) {
    posta_status status = POSTA_OK;
    if (s->stage == SOCK_CLOSED) status = begin(s, host, port);
    if (status == POSTA_OK && s->stage == SOCK_RESOLVING) status = hear(s, host);
    if (status == POSTA_OK && s->stage == SOCK_CONNECTING) status = race(s);
    if (status != POSTA_OK && status != POSTA_AGAIN) posta__sock_shut(s);
    return status;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

int64_t posta__sock_timeout(const posta__sock *s) {
    uint64_t at, by = UINT64_MAX;
    if (s->stage != SOCK_RESOLVING && s->stage != SOCK_CONNECTING) return -1;
    at = now(s);
    if (s->stage == SOCK_RESOLVING) {
        by = s->resolve_by;
        if (!s->lookup) by = earlier(by, at + ASK_MS);
    } else {
        if (may_start(s)) by = s->next_at;
        for (size_t i = 0; i < s->attempts_n; i++)
            by = earlier(by, s->attempts[i].by);
    }
    if (by == UINT64_MAX) return -1;
    return by > at ? (int64_t)(by - at) : 0;
}

void posta__sock_shut(posta__sock *s) {
    show(s, -1);
    drop_lookup(s);
    while (s->attempts_n > 0)
        drop_attempt(s, s->attempts_n - 1);
    if (s->poller >= 0) close(s->poller);
    if (s->fd >= 0) close(s->fd);
    s->poller = s->fd = -1;
    s->stage = SOCK_CLOSED;
    s->is_unix = false;
}
