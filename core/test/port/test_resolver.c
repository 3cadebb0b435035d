/* Names: asked off the caller's thread, given up without waiting, through the hook, in time. The
 * system's getaddrinfo is replaced by one that hangs until it is let go. */
#define _DEFAULT_SOURCE
#include "port_t.h"

#include <sys/syscall.h>

#ifndef POSTA_RESOLVER
#define POSTA_RESOLVER 1
#endif

/* ---- a getaddrinfo of our own; and no descriptors, on demand ---- */

static bool has_no_poller, has_no_bell;

int epoll_create1(int flags) {
    return has_no_poller ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int eventfd(unsigned count, int flags) {
    return has_no_bell ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool is_shut;
static unsigned asked, ended;
static bool was_blocked; /* signals, in the thread that asked */
static pthread_t asker;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    struct room {
        struct addrinfo info;
        struct sockaddr_in a;
    } * r;
    sigset_t blocked;
    assert_null(service);
    assert_int_equal(hints->ai_socktype, SOCK_STREAM);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&gate);
    asked++;
    asker = pthread_self();
    was_blocked = sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGUSR1) == 1;
    pthread_cond_broadcast(&gate_moved);
    while (is_shut)
        pthread_cond_wait(&gate_moved, &gate);
    ended++;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
    if (strcmp(host, "none.example") == 0) return EAI_NONAME;
    r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->a = at("127.0.0.1", 0);
    r->info.ai_family = AF_INET;
    r->info.ai_addr = (struct sockaddr *)&r->a;
    r->info.ai_addrlen = sizeof r->a;
    *out = &r->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    free(list);
}

static void gate_set(bool shut) {
    pthread_mutex_lock(&gate);
    is_shut = shut;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
}

static void gate_await(const unsigned *count, unsigned n) {
    pthread_mutex_lock(&gate);
    while (*count < n)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

static void gate_reset(void) {
    pthread_mutex_lock(&gate);
    is_shut = false;
    asked = ended = 0;
    pthread_mutex_unlock(&gate);
}

static posta_transport by_system(place *p, uint32_t resolve_ms, bool may_wait) {
    posta_socket_config c = place_config(p);
    c.resolver = NULL;
    c.resolve_ms = resolve_ms;
    c.may_wait = may_wait;
    return place_socket(p, &c);
}

/* ---- with threads ---- */

static void named(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    gate_reset();
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = by_system(&p, 30000, false);
    for (unsigned i = 1; i < 4; i++) {
        gate_set(true);
        assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
        gate_await(&asked, i);
        assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
        assert_int_equal(posta_socket_timeout(&t), 30000);
        assert_int_equal(posta_socket_wants(&t), POSTA_WANT_RX);
        assert_false(is_ready(&t, 0));
        gate_set(false);
        assert_true(is_ready(&t, 2000));
        assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
        assert_int_equal(asked, i);
        assert_true(was_blocked);
        assert_false(pthread_equal(asker, pthread_self()));
        t.close(t.user);
    }
    assert_int_equal(open_by_fd(&t, "none.example", port), POSTA_E_DNS);
    assert_true(posta_socket_reason(&t)[0] != 0);
    /* The same by wait. */
    posta_status status;
    while ((status = t.open(t.user, "mx.example", port)) == POSTA_AGAIN)
        assert_int_equal(t.wait(t.user, 0, 2000), POSTA_OK);
    assert_int_equal(status, POSTA_OK);
    posta_socket_free(&t);
    close(l);
    /* The thread may hold its share of the last answer for a moment longer. */
    for (unsigned i = 0; i < 50 && open_fds() != p.fds; i++)
        nap(1);
    place_done(&p);
}

static void in_time(void **state) {
    place p;
    (void)state;
    place_init(&p);
    gate_reset();
    gate_set(true);
    posta_transport t = by_system(&p, 700, true);
    assert_int_equal(t.open(t.user, "mx.example", 25), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 700);
    p.now += 699;
    assert_int_equal(t.open(t.user, "mx.example", 25), POSTA_AGAIN);
    p.now += 1;
    assert_int_equal(posta_socket_timeout(&t), 0);
    assert_int_equal(t.open(t.user, "mx.example", 25), POSTA_E_TIMEOUT_RESOLVE);
    assert_string_equal(posta_socket_reason(&t), "the resolver gave no answer");
    posta_socket_free(&t);
    gate_await(&asked, 1);
    gate_set(false);
    gate_await(&ended, 1);
    for (unsigned i = 0; i < 50 && open_fds() != p.fds; i++)
        nap(1);
    place_done(&p);
}

/* Closed and freed while it hangs: at once, and the thread's answer harms nobody afterwards. */
static void given_up(void **state) {
    place p;
    (void)state;
    place_init(&p);
    gate_reset();
    gate_set(true);
    posta_transport t = by_system(&p, 0, false);
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(t.open(t.user, "mx.example", 25), POSTA_AGAIN);
        assert_int_equal(posta_socket_timeout(&t), -1);
        int fd = posta_socket_fd(&t);
        gate_await(&asked, i);
        t.close(t.user);
        assert_int_equal(p.released_n, i);
        assert_int_equal(p.released[i - 1], fd);
    }
    assert_int_equal(t.open(t.user, "mx.example", 25), POSTA_AGAIN);
    posta_socket_free(&t);
    assert_int_equal(p.live, 0);
    assert_int_equal(ended, 0);
    gate_await(&asked, 9);
    gate_set(false);
    gate_await(&ended, 9);
    for (unsigned i = 0; i < 50 && open_fds() != p.fds; i++)
        nap(1);
    place_done(&p);
}

/* ---- without ---- */

/* POSTA_THREADS=0, or no thread to be had: here, if that is allowed. */
static void here(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    gate_reset();
    has_no_bell = true; /* and so no thread */
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = by_system(&p, 30000, true);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(asked, 1);
    assert_true(pthread_equal(asker, pthread_self()));
    posta_socket_free(&t);
    t = by_system(&p, 30000, false);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_NOT_BUILT);
    assert_string_equal(posta_socket_reason(&t),
                        "no thread for names: give an address or a resolver");
    posta_socket_set(&t, "127.0.0.1", 0, 0);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(asked, 1);
    has_no_bell = false;
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

/* No poller: the answer's own descriptor is shown, and taken back before it is closed. */
static void shown_itself(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    gate_reset();
    gate_set(true);
    has_no_poller = true;
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = by_system(&p, 30000, false);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_wants(&t), POSTA_WANT_RX);
    assert_false(is_ready(&t, 0));
    gate_set(false);
    assert_true(is_ready(&t, 2000));
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(p.released_n, 1);
    posta_socket_free(&t);
    assert_int_equal(p.released_n, 2);
    has_no_poller = false;
    close(l);
    for (unsigned i = 0; i < 50 && open_fds() != p.fds; i++)
        nap(1);
    place_done(&p);
}

/* POSTA_RESOLVER=0: numbers and localhost only. */
static void numbers_only(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = by_system(&p, 30000, false);
    assert_int_equal(open_by_fd(&t, "localhost", port), POSTA_OK);
    t.close(t.user);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_E_DNS);
    assert_string_equal(posta_socket_reason(&t), "this build of posta takes addresses only");
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

/* ---- the hook ---- */

static void hook(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    gate_reset();
    int l = bound("127.0.0.1", 0, 8, &port);
    posta_transport t = place_socket(&p, NULL);
    p.addresses[0] = "mx.example"; /* not numeric: skipped */
    p.addresses[1] = "127.0.0.1";
    p.again = 2;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(posta_socket_timeout(&t), 10);
    assert_false(is_ready(&t, 0));
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(p.asked, 2);
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_OK);
    assert_int_equal(p.asked, 3);
    t.close(t.user);
    p.addresses[1] = NULL;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_DNS);
    assert_string_equal(posta_socket_reason(&t), "the resolver gave no address");
    p.hook_status = POSTA_E_MEMORY;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_MEMORY);
    p.again = 100;
    posta_socket_set(&t, "", 15, 0);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 10;
    assert_int_equal(posta_socket_timeout(&t), 5);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 5;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_E_TIMEOUT_RESOLVE);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    posta_socket_free(&t); /* in the middle */
    assert_int_equal(asked, 0);
    close(l);
    place_done(&p);
}

/* More than fit: the rest is left. */
static void many(void **state) {
    place p;
    uint16_t port;
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, -1, &port);
    posta_transport t = place_socket(&p, NULL);
    for (size_t i = 0; i < 19; i++)
        p.addresses[i] = "127.0.0.1";
    assert_int_equal(open_by_fd(&t, "mx.example", port), POSTA_E_CONNECT_REFUSED);
    posta_socket_free(&t);
    close(l);
    place_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if !POSTA_RESOLVER
        cmocka_unit_test(numbers_only),
#elif POSTA_THREADS
        cmocka_unit_test(named),
        cmocka_unit_test(in_time),
        cmocka_unit_test(given_up),
        cmocka_unit_test(here),
        cmocka_unit_test(shown_itself),
#else
        cmocka_unit_test(here),
#endif
        cmocka_unit_test(hook),
        cmocka_unit_test(many),
    };
    (void)named, (void)in_time, (void)given_up, (void)here, (void)numbers_only, (void)shown_itself;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
