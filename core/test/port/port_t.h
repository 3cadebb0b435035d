/* core/test/port: listeners on loopback addresses, a clock by hand, a count of open descriptors
 * (row K04), a resolver hook, and getaddrinfo and connect of our own in place of the system's.
 */
#ifndef POSTA_TEST_PORT_T_H
#define POSTA_TEST_PORT_T_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "port_i.h"

static inline unsigned open_fds(void) {
    unsigned n = 0;
    for (int fd = 0; fd < 4096; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static inline uint64_t real_ms(void) {
    return posta_port_default()->now_ms(NULL);
}

static inline void nap(long ms) {
    struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

/* ---- listeners ---- */

static inline struct sockaddr_in at(const char *address, uint16_t port) {
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    return a;
}

/* Bound, and listening when backlog >= 0; port 0: any, told in `port_out`. */
static inline int bound(const char *address, uint16_t port, int backlog, uint16_t *port_out) {
    struct sockaddr_in a = at(address, port);
    socklen_t len = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (backlog >= 0) assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    if (port_out) *port_out = ntohs(a.sin_port);
    return fd;
}

/* A listener whose queue is full: further connects get no answer. */
typedef struct hole {
    int fd, filler;
} hole;

static inline hole hole_at(const char *address, uint16_t port) {
    hole h = {bound(address, port, 0, NULL), socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in a = at(address, port);
    assert_int_equal(connect(h.filler, (struct sockaddr *)&a, sizeof a), 0);
    return h;
}

static inline void hole_close(hole *h) {
    close(h->filler);
    close(h->fd);
}

/* ---- a place whose clock is moved by hand ---- */

typedef struct place {
    posta_port port;
    uint64_t now;
    size_t live;
    unsigned fds;
    /* hook */
    const char *addresses[20]; /* null-terminated */
    unsigned again, asked;
    posta_status hook_status;
    /* released */
    int released[16];
    size_t released_n;
} place;

static inline uint64_t place_now(void *user) {
    return ((place *)user)->now;
}

static inline void *place_allocate(void *user, void *old, size_t old_len, size_t len) {
    place *p = user;
    (void)old_len;
    if (len == 0) {
        if (old) p->live--;
        free(old);
        return NULL;
    }
    if (!old) p->live++;
    return realloc(old, len);
}

static inline posta_status place_resolve(void *user, const char *host,
                                         char (*out)[POSTA_MAX_ADDRESS_TEXT], size_t cap,
                                         size_t *n_out) {
    place *p = user;
    assert_true(host[0] != 0);
    p->asked++;
    if (p->again > 0) {
        p->again--;
        return POSTA_AGAIN;
    }
    *n_out = 0;
    for (size_t i = 0; p->addresses[i] && i < cap; i++)
        snprintf(out[(*n_out)++], POSTA_MAX_ADDRESS_TEXT, "%s", p->addresses[i]);
    return p->hook_status;
}

/* Still open and still what it was when this comes. */
static inline void place_release(int fd, void *user) {
    place *p = user;
    assert_true(fcntl(fd, F_GETFD) >= 0);
    assert_true(p->released_n < 16);
    p->released[p->released_n++] = fd;
}

static inline void place_init(place *p) {
    memset(p, 0, sizeof *p);
    p->now = 1000;
    p->port = *posta_port_default();
    p->port.user = p;
    p->port.now_ms = place_now;
    p->port.allocate = place_allocate;
    p->fds = open_fds();
}

static inline void place_done(place *p) {
    assert_int_equal(p->live, 0);
    assert_int_equal(open_fds(), p->fds);
}

static inline posta_socket_config place_config(place *p) {
    posta_socket_config c = POSTA_SOCKET_CONFIG;
    c.resolver = place_resolve;
    c.resolver_user = p;
    c.on_release = place_release;
    c.release_user = p;
    return c;
}

static inline posta_transport place_socket(place *p, const posta_socket_config *config) {
    posta_socket_config c = config ? *config : place_config(p);
    posta_transport t;
    assert_int_equal(posta_socket_new(&p->port, &c, &t), POSTA_OK);
    return t;
}

/* Ready for what posta_socket_wants says, within `ms`. */
static inline bool is_ready(const posta_transport *t, int ms) {
    unsigned wants = posta_socket_wants(t);
    struct pollfd p = {posta_socket_fd(t), 0, 0};
    assert_true(p.fd >= 0 && (wants == POSTA_WANT_RX || wants == POSTA_WANT_TX));
    p.events = wants == POSTA_WANT_RX ? POLLIN : POLLOUT;
    return poll(&p, 1, ms) == 1;
}

/* Opens as a host with a set of its own does, the clock standing still. */
static inline posta_status open_by_fd(posta_transport *t, const char *host, uint16_t port) {
    posta_status status;
    unsigned rounds = 0;
    while ((status = t->open(t->user, host, port)) == POSTA_AGAIN) {
        assert_true(rounds++ < 50);
        if (posta_socket_timeout(t) != 0) assert_true(is_ready(t, 2000));
    }
    return status;
}

#endif
