/* Waiting: as long as asked for, no longer than open can wait, and until somebody wakes it, from
 * another thread or a signal handler; no wake is lost. */
#define _DEFAULT_SOURCE
#include "port_t.h"

#include <sys/syscall.h>

/* A system without descriptors for bells, on demand. */
static bool has_no_bell;

int eventfd(unsigned count, int flags) {
    return has_no_bell ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

static void *wake_soon(void *user) {
    nap(20);
    posta_socket_wake(user);
    return NULL;
}

static posta_transport *to_wake;
static void on_signal(int number) {
    (void)number;
    errno = 0;
    posta_socket_wake(to_wake);
    assert_int_equal(errno, 0);
}

static void wake(void **state) {
    place p;
    pthread_t id;
    uint64_t began = real_ms();
    struct sigaction action = {.sa_handler = on_signal}, old;
    (void)state;
    place_init(&p);
    posta_transport t = place_socket(&p, NULL);
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 1), POSTA_OK);
    posta_socket_wake(&t); /* before the wait */
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
    for (unsigned i = 0; i < 3; i++) { /* during the wait */
        assert_int_equal(pthread_create(&id, NULL, wake_soon, &t), 0);
        assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
        assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
        assert_int_equal(pthread_join(id, NULL), 0);
        if (i < 2) posta_socket_wake(&t);
    }
    to_wake = &t;
    sigaction(SIGUSR1, &action, &old);
    raise(SIGUSR1);
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
    sigaction(SIGUSR1, &old, NULL);
    assert_true(real_ms() - began < 5000);
    posta_socket_free(&t);
    place_done(&p);
}

/* No descriptor for a bell: late, but heard. */
static void wake_without_bell(void **state) {
    place p;
    pthread_t id;
    uint64_t began = real_ms();
    (void)state;
    place_init(&p);
    has_no_bell = true;
    posta_transport t = place_socket(&p, NULL);
    posta_socket_wake(&t);
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
    assert_int_equal(pthread_create(&id, NULL, wake_soon, &t), 0);
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_true(real_ms() - began < 5000);
    has_no_bell = false;
    posta_socket_free(&t);
    place_done(&p);
}

/* Every wake ends a wait that was under way or the next one: none is lost. */
typedef struct pair {
    posta_transport *t;
    atomic_uint woken, seen;
} pair;

static void *wake_often(void *user) {
    pair *x = user;
    for (unsigned i = 1; i <= 2000; i++) {
        atomic_store(&x->woken, i);
        posta_socket_wake(x->t);
        while (atomic_load(&x->seen) < i)
            sched_yield();
    }
    return NULL;
}

static void no_wake_is_lost(void **state) {
    place p;
    pthread_t id;
    (void)state;
    place_init(&p);
    posta_transport t = place_socket(&p, NULL);
    pair x = {&t, 0, 0};
    assert_int_equal(pthread_create(&id, NULL, wake_often, &x), 0);
    while (atomic_load(&x.seen) < 2000) {
        uint64_t began = real_ms();
        t.wait(t.user, POSTA_WANT_RX, 60000);
        assert_true(real_ms() - began < 5000);
        atomic_store(&x.seen, atomic_load(&x.woken));
    }
    assert_int_equal(pthread_join(id, NULL), 0);
    posta_socket_free(&t);
    place_done(&p);
}

static void silent(int number) {
    (void)number;
}

/* A signal that wakes nobody ends a wait too, and nothing else does before its time. */
static void waits(void **state) {
    place p;
    uint16_t port;
    struct sigaction action = {.sa_handler = silent}, old;
    uint64_t began = real_ms();
    (void)state;
    place_init(&p);
    int l = bound("127.0.0.1", 0, 8, &port);
    hole h = hole_at("127.0.0.2", port);
    posta_transport t = place_socket(&p, NULL);
    sigaction(SIGALRM, &action, &old);
    struct timespec soon = {0, 20 * 1000000};
    timer_t timer;
    struct sigevent by = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec when = {{0, 0}, soon};
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &by, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &when, NULL), 0);
    assert_int_equal(t.wait(t.user, POSTA_WANT_RX, 60000), POSTA_OK);
    timer_delete(timer);
    sigaction(SIGALRM, &old, NULL);
    assert_true(real_ms() - began < 5000);
    /* While opening it waits no longer than open's next step. */
    p.addresses[0] = "127.0.0.2";
    p.addresses[1] = "127.0.0.1";
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    p.now += 230;
    began = real_ms();
    assert_int_equal(t.wait(t.user, 0, 60000), POSTA_OK);
    assert_in_range(real_ms() - began, 15, 5000);
    p.now += 20;
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_AGAIN);
    assert_int_equal(t.wait(t.user, 0, 60000), POSTA_OK);
    assert_int_equal(t.open(t.user, "mx.example", port), POSTA_OK);
    assert_int_equal(t.wait(t.user, POSTA_WANT_TX, 60000), POSTA_OK);
    posta_socket_free(&t);
    hole_close(&h);
    close(l);
    place_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wake),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(wake_without_bell),
        cmocka_unit_test(waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
