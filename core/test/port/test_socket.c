/* Sockets on loopback: every address is tried, by turns and in time; what is to be waited for is
 * one descriptor and its changes are told; options, paths; no descriptor is left (row K04).
 */
#define _DEFAULT_SOURCE
#include "port_t.h"

#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>

/* ---- connect, interrupted on demand (row F17) ---- */

static unsigned interruptions;

int connect(int fd, const struct sockaddr *to, socklen_t len) {
    long done = syscall(SYS_connect, fd, to, len);
    if (interruptions == 0) return (int)done;
    interruptions--;
    assert_true(done == 0 || errno == EINPROGRESS);
    errno = EINTR;
    return -1;
}

/* ---- a system without poller, on demand ---- */

static bool has_no_poller;

int epoll_create1(int flags) {
    return has_no_poller ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

/* ---- opening ---- */

static void talk(posta_transport *t, int listener) {
    char got[8] = "";
    size_t n = 0;
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(t->write(t->user, "ehlo", 4, &n), POSTA_OK);
    assert_int_equal(n, 4);
    assert_int_equal(recv(peer, got, sizeof got, 0), 4);
    assert_int_equal(t->read(t->user, got, sizeof got, &n), POSTA_AGAIN);
    assert_int_equal(send(peer, "220", 3, 0), 3);
    assert_int_equal(t->wait(t->user, POSTA_WANT_RX, 2000), POSTA_OK);
    assert_int_equal(t->read(t->user, got, sizeof got, &n), POSTA_OK);
    assert_int_equal(n, 3);
    close(peer);
}

static void numeric(void **state) {
    place p;
    uint16_t port;
    char literal[64];
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    assert_int_equal(posta_socket_fd(&t), -1);
    assert_int_equal(posta_socket_timeout(&t), -1);
    assert_int_equal(posta_socket_literal(&t, literal, sizeof literal), POSTA_E_STATE);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK);
    assert_int_equal(p.asked, 0); /* digits need no resolver */
    assert_int_equal(p.released_n, 0);
    assert_int_equal(posta_socket_wants(&t), 0);
    assert_int_equal(t.open(t.user, "127.0.0.1", port), POSTA_OK);
    int fd = posta_socket_fd(&t);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(posta_socket_literal(&t, literal, sizeof literal), POSTA_OK);
    assert_string_equal(literal, "[127.0.0.1]");
    assert_int_equal(posta_socket_literal(&t, literal, 5), POSTA_E_LIMIT);
    assert_true(posta_socket_is_loopback(&t));
    talk(&t, l);
    t.close(t.user);
    assert_int_equal(p.released_n, 1);
    assert_int_equal(p.released[0], fd);
    assert_int_equal(posta_socket_fd(&t), -1);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK); /* and again */
    posta_socket_free(&t);
    posta_socket_free(&t);
    assert_int_equal(p.released_n, 2);
    close(l);
    place_done(&p);
}

static void refused(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, -1, &port);
    posta_transport t = place_socket(&p, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_E_CONNECT_REFUSED);
        assert_string_equal(posta_socket_reason(&t), "connection refused");
        assert_int_equal(posta_socket_fd(&t), -1);
        p.addresses[0] = "127.0.0.1";
        p.addresses[1] = "127.0.0.2";
        assert_int_equal(open_by_fd(&t, "two.example", port), POSTA_E_CONNECT_REFUSED);
    }
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

/* The clock stands still: only the refusal brings the next address. */
static void next_at_once(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "127.0.0.2";
    p.addresses[1] = "127.0.0.3";
    p.addresses[2] = "127.0.0.1";
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_string_equal(posta_socket_reason(&t), "");
    assert_int_equal(p.asked, 1);
    assert_int_equal(p.released_n, 1); /* the poller, before the socket took its place */
    assert_int_not_equal(p.released[0], posta_socket_fd(&t));
    talk(&t, l);
    posta_socket_free(&t);
    assert_int_equal(p.released_n, 2);
    close(l);
    place_done(&p);
}

static void stagger(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    hole h = hole_at("127.0.0.2", port);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "127.0.0.2";
    p.addresses[1] = "127.0.0.1";
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 250);
    int poller = posta_socket_fd(&t);
    p.now += 249;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 1);
    assert_false(is_ready(&t, 0));
    p.now += 1;
    assert_int_equal(posta_socket_timeout(&t), 0);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 30000 - 250); /* the first one's patience */
    assert_int_equal(posta_socket_fd(&t), poller);
    unsigned during = open_fds();
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(open_fds(), during - 2); /* the loser, and the poller */
    assert_int_equal(p.released_n, 1);
    assert_int_equal(p.released[0], poller);
    talk(&t, l);
    posta_socket_free(&t);
    hole_close(&h);
    close(l);
    place_done(&p);
}

/* One hangs, the next one is refused: the third has its turn at once, not 250 ms later. */
static void next_beside(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    hole h = hole_at("127.0.0.2", port);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "127.0.0.2";
    p.addresses[1] = "127.0.0.3";
    p.addresses[2] = "127.0.0.1";
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 250;
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    talk(&t, l);
    posta_socket_free(&t);
    hole_close(&h);
    close(l);
    place_done(&p);
}

static void nobody_answers(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.9", 0, -1, &port);
    hole h = hole_at("127.0.0.2", port), h2 = hole_at("127.0.0.3", port);
    posta_socket_config c = place_config(&p);
    c.connect_ms = 1000;
    posta_transport t = place_socket(&p, &c);
    p.addresses[0] = "127.0.0.2";
    p.addresses[1] = "127.0.0.3";
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 250;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 749;
    assert_int_equal(posta_socket_timeout(&t), 1);
    p.now += 1;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 250);
    p.now += 250;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_TIMEOUT_CONNECT);
    assert_string_equal(posta_socket_reason(&t), "the network gave no answer");
    p.addresses[1] = "127.0.0.9"; /* refused wins over late */
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 250;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 750;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_CONNECT_REFUSED);
    /* A number alone: one attempt, whose descriptor is the socket. */
    assert_int_equal(t.open(t.user, "127.0.0.2", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_wants(&t), POSTA_WANT_TX);
    assert_false(is_ready(&t, 0));
    assert_int_equal(posta_socket_timeout(&t), 1000);
    p.now += 1000;
    assert_int_equal(t.open(t.user, "127.0.0.2", port), POSTA_E_TIMEOUT_CONNECT);
    /* No patience at all: for ever. */
    posta_socket_set(&t, "127.0.0.2", 0, 0);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), -1);
    posta_socket_free(&t); /* in the middle */
    hole_close(&h);
    hole_close(&h2);
    close(l);
    place_done(&p);
}

/* As where there is neither epoll nor kqueue: one after the other, each one's own descriptor. */
static void one_by_one(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    has_no_poller = true;
    int l = bound("127.0.0.1", 0, 8, &port);
    hole h = hole_at("127.0.0.2", port);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "127.0.0.3";
    p.addresses[1] = "127.0.0.2";
    p.addresses[2] = "127.0.0.1";
    p.again = 1;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_fd(&t), -1);
    assert_int_equal(posta_socket_wants(&t), 0);
    unsigned before = open_fds();
    posta_status status = t.open(t.user, "mx.example", port);
    for (unsigned i = 0; i < 10 && p.released_n < 1; i++) { /* until the first one is refused */
        assert_int_equal(status, POSTA_AGAIN);
        assert_int_equal(posta_socket_wants(&t), POSTA_WANT_TX);
        assert_true(is_ready(&t, 2000));
        status = t.open(t.user, "mx.example", port);
    }
    assert_int_equal(status, POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 30000); /* no stagger */
    assert_false(is_ready(&t, 0));
    assert_int_equal(open_fds(), before + 1);
    p.now += 30000;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(p.released_n, 2);
    int fd = posta_socket_fd(&t);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(posta_socket_fd(&t), fd); /* what was waited for is now the socket */
    assert_int_equal(p.released_n, 2);
    talk(&t, l);
    posta_socket_free(&t);
    assert_int_equal(p.released_n, 3);
    hole_close(&h);
    close(l);
    has_no_poller = false;
    place_done(&p);
}

static void six_at_once(void **state) {
    place p;
    uint16_t port;
    hole h[8];
    char names[8][24];
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, -1, &port);
    for (int i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "127.0.1.%d", i + 1);
        h[i] = hole_at(names[i], port);
        p.addresses[i] = names[i];
    }
    posta_transport t = place_socket(&p, NULL);
    unsigned before = open_fds();
    for (unsigned i = 1; i < 12; i++) {
        assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
        assert_int_equal(open_fds() - before - 1, i < 6 ? i : 6);
        p.now += 250;
    }
    assert_int_equal(posta_socket_timeout(&t), 30000 - 11 * 250);
    p.now += 30000;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN); /* all late: the seventh */
    assert_int_equal(open_fds() - before - 1, 1);
    t.close(t.user);
    assert_int_equal(open_fds(), before);
    posta_socket_free(&t);
    for (int i = 0; i < 8; i++)
        hole_close(&h[i]);
    close(l);
    place_done(&p);
}

static void interrupted(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    interruptions = 1;
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK);
    assert_int_equal(interruptions, 0);
    talk(&t, l);
    t.close(t.user);
    close(l);
    interruptions = 1;
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_E_CONNECT_REFUSED);
    posta_socket_free(&t);
    place_done(&p);
}

static void families(void **state) {
    static const char *const from[] = {"::1", "::2", "::3", "1.1.1.1", "1.1.1.2", "::4"};
    static const char *const to[] = {"::1", "1.1.1.1", "::2", "1.1.1.2", "::3", "::4"};
    posta__peer peers[6], wanted;
    (void)state;
    for (size_t i = 0; i < 6; i++)
        assert_true(posta__peer_read(from[i], &peers[i]));
    posta__peers_interleave(peers, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(posta__peer_read(to[i], &wanted));
        assert_memory_equal(&peers[i], &wanted, sizeof wanted);
    }
    posta__peers_interleave(peers, 0);
    assert_true(posta__peer_read("fe80::1%1", &wanted));
    assert_int_equal(wanted.in6.sin6_scope_id, 1);
    assert_true(posta__peer_read("fe80::1%lo", &wanted));
    assert_false(posta__peer_read("fe80::1%", &wanted));
    assert_false(posta__peer_read("127.0.0.1%lo", &wanted));
    assert_false(posta__peer_read("127.1", &wanted));
    assert_false(posta__peer_read("", &wanted));
}

/* Row F17: nobody at ::1 (or no IPv6 at all), somebody at 127.0.0.1. Then ::1 itself, where it is.
 */
static void ip6(void **state) {
    place p;
    uint16_t port;
    char literal[64];
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port), l6 = socket(AF_INET6, SOCK_STREAM, 0);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "::1";
    p.addresses[1] = "127.0.0.1";
    assert_int_equal(open_by_fd(&t, "localhost", port), POSTA_OK);
    talk(&t, l);
    t.close(t.user);
    a.sin6_port = htons(port);
    if (l6 >= 0 && bind(l6, (struct sockaddr *)&a, sizeof a) == 0 && listen(l6, 8) == 0) {
        assert_int_equal(open_by_fd(&t, "localhost", port), POSTA_OK);
        assert_int_equal(posta_socket_literal(&t, literal, sizeof literal), POSTA_OK);
        assert_string_equal(literal, "[IPv6:::1]");
        assert_true(posta_socket_is_loopback(&t));
        talk(&t, l6);
    }
    posta_socket_free(&t);
    if (l6 >= 0) close(l6);
    close(l);
    place_done(&p);
}

static void path(void **state) {
    place p;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char literal[64], long_path[200];
    (void)state;
    place_init(&p);
    snprintf(a.sun_path, sizeof a.sun_path, "/tmp/posta_port_%d", (int)getpid());
    unlink(a.sun_path);
    posta_transport t = place_socket(&p, NULL);
    assert_int_equal(open_by_fd(&t, a.sun_path, 0), POSTA_E_CONNECT);
    assert_string_equal(posta_socket_reason(&t), "there is no such socket");
    int l = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(open_by_fd(&t, a.sun_path, 0), POSTA_E_CONNECT_REFUSED);
    assert_int_equal(listen(l, 4), 0);
    assert_int_equal(open_by_fd(&t, a.sun_path, 0), POSTA_OK);
    assert_true(posta_socket_is_loopback(&t));
    assert_int_equal(posta_socket_literal(&t, literal, sizeof literal), POSTA_OK);
    assert_string_equal(literal, "[127.0.0.1]");
    talk(&t, l);
    t.close(t.user);
    memset(long_path, '/', sizeof long_path);
    long_path[sizeof long_path - 1] = 0;
    assert_int_equal(open_by_fd(&t, long_path, 0), POSTA_E_CONNECT);
    assert_string_equal(posta_socket_reason(&t), "the socket's path is too long");
    posta_socket_free(&t);
    close(l);
    unlink(a.sun_path);
    place_done(&p);
}

/* ---- options ---- */

static void options(void **state) {
    place p;
    uint16_t port;
    int size = 16384, one = 1, got = 0;
    socklen_t len = sizeof got;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_RCVBUF, NULL, 4), POSTA_E_ARGUMENT);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_RCVBUF, &size, 0), POSTA_E_ARGUMENT);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_RCVBUF, "12345678901234567", 17),
                     POSTA_E_LIMIT);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_RCVBUF, &one, sizeof one), POSTA_OK);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), POSTA_OK);
    assert_int_equal(posta_socket_option(&t, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one), POSTA_OK);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK);
    int fd = posta_socket_fd(&t);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len), 0);
    assert_true(got == size || got == 2 * size); /* Linux doubles it */
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &got, &len), 0);
    assert_true(got != 0);
    t.close(t.user);
    assert_int_equal(posta_socket_option(&t, 6, 12345, &one, sizeof one), POSTA_OK);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_E_CONNECT);
    assert_string_equal(posta_socket_reason(&t),
                        "the system refused the socket option 12345 of level 6");
    for (int i = 0; i < 5; i++)
        assert_int_equal(posta_socket_option(&t, 6, 20000 + i, &one, sizeof one), POSTA_OK);
    assert_int_equal(posta_socket_option(&t, 6, 30000, &one, sizeof one), POSTA_E_LIMIT);
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

static void local_address(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_socket_config c = place_config(&p);
    c.local_address = "127.0.0.77";
    posta_transport t = place_socket(&p, &c);
    char literal[64];
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK);
    assert_int_equal(posta_socket_literal(&t, literal, sizeof literal), POSTA_OK);
    assert_string_equal(literal, "[127.0.0.77]");
    posta_socket_free(&t);
    c.local_address = "192.0.2.7";
    t = place_socket(&p, &c);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_E_CONNECT);
    assert_string_equal(posta_socket_reason(&t), "the local address is not to be had");
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

static void set(void **state) {
    place p;
    uint16_t port;
    char too_long[100];
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    posta_socket_set(&t, "127.0.0.1", 1, 1);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(p.asked, 0);
    t.close(t.user);
    posta_socket_set(&t, "", 1, 1);
    p.addresses[0] = "127.0.0.1";
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(p.asked, 1);
    t.close(t.user);
    memset(too_long, '1', sizeof too_long);
    too_long[sizeof too_long - 1] = 0;
    posta_socket_set(&t, too_long, 1, 1);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_E_DNS);
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

static void *speak_later(void *peer) {
    poll(NULL, 0, 50);
    assert_int_equal(send(*(int *)peer, "220", 3, 0), 3);
    return NULL;
}

/* Waits for what comes only while it waits. */
static void wait_for_it(posta_transport *t, int listener) {
    char got[8];
    size_t n = 0;
    pthread_t speaker;
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(pthread_create(&speaker, NULL, speak_later, &peer), 0);
    assert_int_equal(t->wait(t->user, POSTA_WANT_RX, 10000), POSTA_OK);
    assert_int_equal(t->read(t->user, got, sizeof got, &n), POSTA_OK);
    assert_int_equal(n, 3);
    pthread_join(speaker, NULL);
    close(peer);
}

/* Row J25: a descriptor that select could not take. */
static void past_select(void **state) {
    enum { HELD = 2000 };
    static int held[HELD];
    struct rlimit limit, was;
    place p;
    uint16_t port;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    limit = was;
    if (limit.rlim_cur < HELD + 100) limit.rlim_cur = HELD + 100;
    assert_true(limit.rlim_cur <= limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    for (unsigned i = 0; i < HELD; i++)
        assert_true((held[i] = dup(l)) >= 0);
    assert_int_equal(open_by_fd(&t, "127.0.0.1", port), POSTA_OK);
    assert_true(posta_socket_fd(&t) >= FD_SETSIZE);
    wait_for_it(&t, l);
    t.close(t.user);
    posta_socket_free(&t);
    for (unsigned i = 0; i < HELD; i++)
        close(held[i]);
    close(l);
    place_done(&p);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric),      cmocka_unit_test(refused),
        cmocka_unit_test(next_at_once), cmocka_unit_test(stagger),
        cmocka_unit_test(next_beside),  cmocka_unit_test(nobody_answers),
        cmocka_unit_test(six_at_once),  cmocka_unit_test(one_by_one),
        cmocka_unit_test(interrupted),  cmocka_unit_test(families),
        cmocka_unit_test(ip6),          cmocka_unit_test(path),
        cmocka_unit_test(options),      cmocka_unit_test(local_address),
        cmocka_unit_test(set),          cmocka_unit_test(past_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
