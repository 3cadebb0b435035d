/* The watcher: once per arming, times, thousands of entries; nothing runs after free; nothing hangs
 * when entries are disarmed, freed and their descriptors closed in the middle, nor after a fork. */
#define _POSIX_C_SOURCE 200809L
#include "port_t.h"
#include "watcher_i.h"

#include <sys/wait.h>

#ifdef __SANITIZE_THREAD__
/* The forked child makes a thread, which TSan does not like, but can do. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void) {
    return "die_after_fork=0";
}
#endif

typedef struct entry {
    posta__watch *w;
    atomic_uint fired;
    atomic_bool is_over; /* freed: must not fire any more */
    posta__bell bell;
    /* what its fire does */
    bool frees, arms_again, drains;
    struct entry *frees_too;
    atomic_bool *may_end; /* null: ends at once */
    pthread_t thread;
    bool was_blocked;
} entry;

static void fire(void *user) {
    entry *e = user;
    sigset_t blocked;
    assert_false(atomic_load(&e->is_over));
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    e->was_blocked = sigismember(&blocked, SIGINT) == 1;
    e->thread = pthread_self();
    if (e->drains) posta__bell_clear(&e->bell);
    if (e->arms_again) posta__watch_arm(e->w, e->bell.rx, POSTA_WANT_RX, -1);
    if (e->frees_too) {
        atomic_store(&e->frees_too->is_over, true);
        posta__watch_free(&e->frees_too->w);
    }
    if (e->frees) posta__watch_free(&e->w);
    atomic_fetch_add(&e->fired, 1);
    while (e->may_end && !atomic_load(e->may_end))
        sched_yield();
}

static void entry_init(entry *e) {
    memset(e, 0, sizeof *e);
    assert_true(posta__bell_open(&e->bell));
    assert_int_equal(posta__watch_new(fire, e, &e->w), POSTA_OK);
}

static void entry_done(entry *e) {
    posta__watch_free(&e->w);
    atomic_store(&e->is_over, true);
    posta__bell_close(&e->bell);
}

static void arm(entry *e) {
    posta__watch_arm(e->w, e->bell.rx, POSTA_WANT_RX, -1);
}

/* Bounded, so that a fault is a failure and no hanging test. */
static void await(entry *e, unsigned n) {
    uint64_t began = real_ms();
    while (atomic_load(&e->fired) < n && real_ms() - began < 5000)
        sched_yield();
    assert_int_equal(atomic_load(&e->fired), n);
}

/* The thread has looked at everything that was armed before. */
static void settle(void) {
    entry e;
    entry_init(&e);
    posta__bell_ring(e.bell.tx);
    arm(&e);
    await(&e, 1);
    entry_done(&e);
}

static void once_per_arming(void **state) {
    entry e;
    unsigned fds = open_fds();
    (void)state;
    entry_init(&e);
    posta__bell_ring(e.bell.tx);
    settle();
    assert_int_equal(atomic_load(&e.fired), 0); /* not armed */
    for (unsigned i = 1; i < 20; i++) {
        arm(&e);
        await(&e, i);
        settle();
        assert_int_equal(atomic_load(&e.fired), i); /* ready still, and not armed */
    }
    assert_true(e.was_blocked);
    assert_false(pthread_equal(e.thread, pthread_self()));
    posta__bell_clear(&e.bell);
    arm(&e);
    settle();
    assert_int_equal(atomic_load(&e.fired), 19);
    posta__bell_ring(e.bell.tx);
    await(&e, 20);
    posta__watch_arm(e.w, e.bell.tx, POSTA_WANT_TX, -1);
    await(&e, 21);
    entry_done(&e);
    assert_int_equal(open_fds(), fds); /* the last one took the thread with it */
}

static void times(void **state) {
    entry e, late;
    uint64_t began = real_ms();
    (void)state;
    entry_init(&e);
    entry_init(&late);
    posta__watch_arm(late.w, -1, 0, 600000);
    posta__watch_arm(e.w, -1, 0, 30);
    await(&e, 1);
    assert_in_range(real_ms() - began, 29, 4000);
    posta__watch_arm(e.w, e.bell.rx, POSTA_WANT_RX, 10);
    await(&e, 2);
    posta__watch_arm(e.w, -1, 0, 0);
    await(&e, 3);
    /* A later arming replaces the time of the one before. */
    posta__watch_arm(e.w, -1, 0, 20);
    posta__watch_arm(e.w, -1, 0, 600000);
    nap(40);
    assert_int_equal(atomic_load(&e.fired), 3);
    posta__watch_arm(e.w, -1, 0, 20);
    posta__watch_disarm(e.w);
    nap(40);
    assert_int_equal(atomic_load(&e.fired), 3);
    assert_int_equal(atomic_load(&late.fired), 0);
    entry_done(&e);
    entry_done(&late);
}

/* Its descriptor may be closed, and its number may become another's, right after. */
static void disarmed(void **state) {
    entry e, other;
    (void)state;
    entry_init(&e);
    entry_init(&other);
    arm(&other);
    for (unsigned i = 0; i < 500; i++) {
        posta__bell b;
        assert_true(posta__bell_open(&b));
        posta__watch_arm(e.w, b.rx, POSTA_WANT_RX, -1);
        if (i % 3 == 0) settle();
        posta__watch_disarm(e.w);
        posta__bell_close(&b);
        assert_true(posta__bell_open(&b));
        posta__bell_ring(b.tx);
        if (i % 5 == 0) settle();
        posta__bell_close(&b);
    }
    settle();
    assert_int_equal(atomic_load(&e.fired), 0);
    assert_int_equal(atomic_load(&other.fired), 0);
    entry_done(&e);
    entry_done(&other);
}

/* ---- freeing ---- */

static void *free_it(void *user) {
    entry *e = user;
    posta__watch_free(&e->w);
    atomic_store(&e->is_over, true);
    return NULL;
}

static void free_waits_for_fire(void **state) {
    entry e, other; /* the other one keeps the thread, whose end free would wait for */
    atomic_bool may_end = false;
    pthread_t id;
    (void)state;
    entry_init(&e);
    entry_init(&other);
    e.may_end = &may_end;
    posta__bell_ring(e.bell.tx);
    arm(&e);
    await(&e, 1);
    assert_int_equal(pthread_create(&id, NULL, free_it, &e), 0);
    nap(20);
    assert_false(atomic_load(&e.is_over));
    atomic_store(&may_end, true);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_true(atomic_load(&e.is_over));
    entry_done(&e);
    entry_done(&other);
}

static void free_races_with_fire(void **state) {
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        entry e;
        entry_init(&e);
        arm(&e);
        posta__bell_ring(e.bell.tx);
        for (unsigned j = 0; j < i % 7 * 20; j++)
            sched_yield();
        entry_done(
            &e); /* e is gone after this: fire would see is_over, and TSan and ASan the rest */
    }
}

static void free_inside_fire(void **state) {
    entry e, other, last;
    unsigned fds = open_fds();
    (void)state;
    entry_init(&last);
    for (unsigned i = 0; i < 50; i++) {
        entry_init(&e);
        entry_init(&other);
        e.frees = true;
        e.frees_too = &other;
        posta__bell_ring(other.bell.tx);
        posta__bell_ring(e.bell.tx);
        arm(&e);
        await(&e, 1);
        assert_null(e.w);
        assert_null(other.w);
        assert_int_equal(atomic_load(&other.fired), 0);
        entry_done(&e);
        entry_done(&other);
    }
    entry_done(&last);
    assert_int_equal(open_fds(), fds);
}

static void arms_again_inside_fire(void **state) {
    entry e;
    (void)state;
    entry_init(&e);
    e.arms_again = e.drains = true;
    arm(&e);
    for (unsigned i = 1; i < 100; i++) {
        posta__bell_ring(e.bell.tx);
        await(&e, i);
    }
    entry_done(&e);
}

/* ---- many ---- */

enum { MANY = 2500 };

static void many(void **state) {
    static entry entries[MANY];
    (void)state;
    posta__bell b[50]; /* fifty entries on each: a process may have but 1024 descriptors */
    unsigned fds = open_fds();
    for (size_t i = 0; i < 50; i++)
        assert_true(posta__bell_open(&b[i]));
    for (size_t i = 0; i < MANY; i++) {
        memset(&entries[i], 0, sizeof entries[i]);
        assert_int_equal(posta__watch_new(fire, &entries[i], &entries[i].w), POSTA_OK);
        posta__watch_arm(entries[i].w, b[i % 50].rx, POSTA_WANT_RX, i % 50 == 7 ? 20 : -1);
    }
    posta__bell_ring(b[3].tx);
    posta__bell_ring(b[49].tx);
    for (size_t i = 0; i < MANY; i++)
        if (i % 50 == 3 || i % 50 == 49 || i % 50 == 7) await(&entries[i], 1);
    for (size_t i = 0; i < MANY; i += 2) {
        posta__watch_free(&entries[i].w);
        atomic_store(&entries[i].is_over, true);
    }
    for (size_t i = 0; i < 50; i++)
        posta__bell_ring(b[i].tx);
    for (size_t i = 1; i < MANY; i += 2)
        await(&entries[i], 1);
    for (size_t i = 0; i < MANY; i++)
        posta__watch_free(&entries[i].w);
    for (size_t i = 0; i < 50; i++)
        posta__bell_close(&b[i]);
    assert_int_equal(open_fds(), fds);
}

/* ---- many threads ---- */

static void *churn(void *user) {
    unsigned seed = *(unsigned *)user;
    for (unsigned i = 0; i < 300; i++) {
        entry e;
        seed = seed * 1103515245u + 12345u;
        entry_init(&e);
        if (seed & 0x10000) posta__bell_ring(e.bell.tx);
        posta__watch_arm(e.w, e.bell.rx, POSTA_WANT_RX, seed & 0x20000 ? 0 : -1);
        if (seed & 0x40000) posta__watch_disarm(e.w);
        if (seed & 0x80000) posta__bell_ring(e.bell.tx);
        if (seed & 0x100000) sched_yield();
        entry_done(&e);
    }
    return NULL;
}

static void from_many_threads(void **state) {
    pthread_t id[4];
    unsigned seeds[4] = {1, 2, 3, 4}, fds = open_fds();
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&id[i], NULL, churn, &seeds[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(id[i], NULL), 0);
    assert_int_equal(open_fds(), fds);
}

/* ---- fork ---- */

/* The child uses what it inherited, and new ones; alarm ends it if it hangs. */
static int child(entry *inherited) {
    entry e;
    alarm(5);
    posta__bell_ring(inherited->bell.tx);
    arm(inherited);
    await(inherited, 1);
    entry_init(&e);
    posta__bell_ring(e.bell.tx);
    arm(&e);
    await(&e, 1);
    posta__watch_free(&e.w);
    posta__watch_free(&inherited->w);
    return 7;
}

static void forked(void **state) {
    entry e;
    int status = 0;
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        entry_init(&e);
        settle();
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) _exit(child(&e));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        posta__bell_clear(&e.bell); /* one file for both processes */
        arm(&e);
        posta__bell_ring(e.bell.tx);
        await(&e, 1);
        entry_done(&e);
    }
}

static void not_built(void **state) {
    posta__watch *w = (posta__watch *)(void *)&w;
    (void)state;
    assert_int_equal(posta__watch_new(fire, NULL, &w), POSTA_E_NOT_BUILT);
    assert_null(w);
    posta__watch_free(&w);
}

#if POSTA_THREADS
#define WATCHER_TESTS                                                                              \
    cmocka_unit_test(once_per_arming), cmocka_unit_test(times), cmocka_unit_test(disarmed),        \
        cmocka_unit_test(free_waits_for_fire), cmocka_unit_test(free_races_with_fire),             \
        cmocka_unit_test(free_inside_fire), cmocka_unit_test(arms_again_inside_fire),              \
        cmocka_unit_test(many), cmocka_unit_test(from_many_threads), cmocka_unit_test(forked)
#else
#define WATCHER_TESTS cmocka_unit_test(not_built)
#endif

int main(void) {
    const struct CMUnitTest tests[] = {WATCHER_TESTS};
    (void)once_per_arming, (void)times, (void)disarmed, (void)free_waits_for_fire;
    (void)free_races_with_fire, (void)free_inside_fire, (void)arms_again_inside_fire;
    (void)many, (void)from_many_threads, (void)forked, (void)not_built;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
