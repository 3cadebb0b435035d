/* core/port: TCP and Unix sockets as a transport. Non-blocking throughout; only `wait` takes time.
 * Opening is connect.c's.
 */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"

#include <errno.h>
#include <poll.h>

/* Without a bell a wake is seen this late. */
#define DEAF_MS 100u

/* ---- the transport ---- */

/* The connection is the parent's: a forked child keeps its hands off it (row K07). */
static bool is_foreign(posta__sock *s) {
    if (s->forks == posta__forks()) return false;
    s->reason = "it belongs to the process before the fork";
    return true;
}

static posta_status sock_open(void *user, const char *host, uint16_t port) {
    posta__sock *s = user;
    if (s->stage == SOCK_CLOSED) s->forks = posta__forks();
    return posta__sock_open(user, host, port);
}

static posta_status fault(posta__sock *s, int error) {
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS)
        return POSTA_AGAIN;
    s->reason = posta__sock_words(error);
    return POSTA_E_LOST;
}

static posta_status sock_read(void *user, void *p, size_t cap, size_t *n_out) {
    posta__sock *s = user;
    ssize_t n;
    *n_out = 0;
    if (is_foreign(s)) return POSTA_E_LOST;
    n = recv(s->fd, p, cap, 0);
    *n_out = n > 0 ? (size_t)n : 0;
    return n < 0 ? fault(s, errno) : POSTA_OK;
}

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS MSG_NOSIGNAL
#else
#define SEND_FLAGS 0
#endif

static posta_status sock_write(void *user, const void *p, size_t len, size_t *n_out) {
    posta__sock *s = user;
    ssize_t n;
    *n_out = 0;
    if (is_foreign(s)) return POSTA_E_LOST;
    n = send(s->fd, p, len, SEND_FLAGS);
    *n_out = n > 0 ? (size_t)n : 0;
    return n < 0 ? fault(s, errno) : POSTA_OK;
}

static void sock_close(void *user) {
    posta__sock_shut(user);
}

/* ---- waiting ---- */

static unsigned opening_wants(const posta__sock *s) {
    if (s->shown < 0 || s->stage == SOCK_OPEN) return 0;
    return s->stage == SOCK_CONNECTING && s->poller < 0 ? POSTA_WANT_TX : POSTA_WANT_RX;
}

/* Where wakes are heard: made by the first wait, since most sockets are never waited for. */
static bool has_bell(posta__sock *s) {
    if (s->bell.rx < 0 && !posta__bell_open(&s->bell)) return false;
    atomic_store(&s->wake_fd, s->bell.tx);
    return true;
}

static int capped(const posta__sock *s, uint32_t ms, bool hears) {
    int64_t soon = posta__sock_timeout(s);
    if (soon >= 0 && soon < (int64_t)ms) ms = (uint32_t)soon;
    if (!hears && ms > DEAF_MS) ms = DEAF_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* wake sets the flag, then rings if there is a bell. Here the bell is shown before the flag is
   read, so that a wake between them is seen by one or by the other. */
static posta_status sock_wait(void *user, unsigned wants, uint32_t ms) {
    posta__sock *s = user;
    bool hears = has_bell(s);
    struct pollfd p[2] = {{s->shown, 0, 0}, {s->bell.rx, POLLIN, 0}};
    if (s->stage != SOCK_OPEN) wants = opening_wants(s);
    if (wants & POSTA_WANT_RX) p[0].events |= POLLIN;
    if (wants & POSTA_WANT_TX) p[0].events |= POLLOUT;
    if (atomic_exchange(&s->is_woken, false)) return POSTA_OK;
    if (poll(p, 2, capped(s, ms, hears)) > 0 && p[1].revents) {
        posta__bell_clear(&s->bell);
        atomic_store(&s->is_woken, false);
    }
    return POSTA_OK;
}

void posta_socket_wake(posta_transport *t) {
    posta__sock *s = t->user;
    int fd;
    atomic_store(&s->is_woken, true);
    fd = atomic_load(&s->wake_fd);
    if (fd >= 0) posta__bell_ring(fd);
}

/* ---- life ---- */

static bool copy(char *to, size_t cap, const char *from) {
    size_t len = from ? strlen(from) : 0;
    if (len >= cap) return false;
    if (len > 0) memcpy(to, from, len);
    to[len] = 0;
    return true;
}

posta_status posta_socket_new(const posta_port *port, const posta_socket_config *config,
                              posta_transport *out) {
    posta__sock *s;
    memset(out, 0, sizeof *out);
    s = port->allocate(port->user, NULL, 0, sizeof *s);
    if (!s) return POSTA_E_MEMORY;
    memset(s, 0, sizeof *s);
    s->port = port;
    s->config = *config;
    s->fd = s->shown = s->poller = -1;
    s->bell = POSTA__NO_BELL;
    atomic_init(&s->wake_fd, -1);
    atomic_init(&s->is_woken, false);
    s->reason = "";
    if (!copy(s->address, sizeof s->address, config->address) ||
        !copy(s->local_address, sizeof s->local_address, config->local_address)) {
        port->allocate(port->user, s, sizeof *s, 0);
        return POSTA_E_FIELD;
    }
    s->config.address = s->config.local_address = NULL; /* the copies are used */
    *out = (posta_transport){.size = sizeof *out,
                             .user = s,
                             .open = sock_open,
                             .read = sock_read,
                             .write = sock_write,
                             .close = sock_close,
                             .wait = sock_wait};
    return POSTA_OK;
}

void posta_socket_free(posta_transport *t) {
    posta__sock *s = t->user;
    if (!s) return;
    posta__sock_shut(s);
    posta__bell_close(&s->bell);
    s->port->allocate(s->port->user, s, sizeof *s, 0);
    memset(t, 0, sizeof *t);
}

/* ---- what the next open uses ---- */

void posta_socket_may_wait(posta_transport *t, bool may_wait) {
    ((posta__sock *)t->user)->config.may_wait = may_wait;
}

void posta_socket_set(posta_transport *t, const char *address, uint32_t resolve_ms,
                      uint32_t connect_ms) {
    posta__sock *s = t->user;
    /* Too long to be an address: kept as one that no open takes. */
    if (address && !copy(s->address, sizeof s->address, address))
        copy(s->address, sizeof s->address, "?");
    s->config.resolve_ms = resolve_ms;
    s->config.connect_ms = connect_ms;
}

static posta__sock_option *option_slot(posta__sock *s, int level, int name) {
    for (posta__sock_option *o = s->options; o < s->options + s->options_n; o++)
        if (o->level == level && o->name == name) return o;
    return s->options_n < POSTA__MAX_OPTIONS ? &s->options[s->options_n++] : NULL;
}

posta_status posta_socket_option(posta_transport *t, int level, int name, const void *value,
                                 size_t len) {
    posta__sock_option *o;
    if (!value || len == 0) return POSTA_E_ARGUMENT;
    if (len > POSTA__MAX_OPTION_VALUE) return POSTA_E_LIMIT;
    o = option_slot(t->user, level, name);
    if (!o) return POSTA_E_LIMIT;
    o->level = level;
    o->name = name;
    o->len = (socklen_t)len;
    memcpy(o->value, value, len);
    return POSTA_OK;
}

/* ---- what is known of it ---- */

int posta_socket_fd(const posta_transport *t) {
    return ((const posta__sock *)t->user)->shown;
}

unsigned posta_socket_wants(const posta_transport *t) {
    return opening_wants(t->user);
}

int64_t posta_socket_timeout(const posta_transport *t) {
    return posta__sock_timeout(t->user);
}

const char *posta_socket_reason(const posta_transport *t) {
    return ((const posta__sock *)t->user)->reason;
}
