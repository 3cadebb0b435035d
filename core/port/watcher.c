/* core/port: the watcher. All entries stand in one list under one lock. The thread makes an array
 * for poll() of the armed ones, waits without the lock, and then takes the array's rows one by one;
 * an entry knows its row, so that one that is disarmed, armed anew or freed meanwhile just takes
 * itself out of it. Changes wake the thread by a bell.
 *
 * The thread is made by the first entry and ends with the last one, whose free waits for that: then
 * no descriptor, thread or memory of it is left. In the child of a fork there is no thread; the
 * next arming there makes one. It is the one thing in posta that outlives a call
 * (core/test/guards).
 *
 * BUGS: each wake looks at all entries. Where the thread of a forked child cannot be made, its
 * entries never fire. More armed entries than the process may have descriptors: only their times
 * are kept.
 */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"
#include "watcher_i.h"

#if POSTA_THREADS

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define NO_ROW     SIZE_MAX
#define REFUSED_MS 50

struct posta__watch {
    posta__watch *prev, *next;
    void (*fire)(void *user);
    void *user;
    /* arming */
    bool is_armed;
    short events;
    int fd;
    uint64_t due; /* ms; UINT64_MAX: never */
    size_t row;   /* in rows of the poll under way; NO_ROW: not in it */
};

/* Room for `cap` entries and the bell, which has row 0. */
typedef struct rows {
    size_t cap;
    struct pollfd *polls;
    posta__watch **who; /* null: not waited for any more */
} rows;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a fire or the thread has ended */
    pthread_once_t once;
    posta__watch *first;
    size_t n;
    rows rows;  /* the thread's, while one runs */
    rows spare; /* larger ones, for its next poll */
    posta__bell bell;
    bool is_running;
    pthread_t thread;
    unsigned turn;        /* counts threads: one that a fork copied is none of them */
    posta__watch *firing; /* its fire is under way, on the thread; null: none, or freed inside it */
} the = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .changed = PTHREAD_COND_INITIALIZER,
         .once = PTHREAD_ONCE_INIT,
         .bell = {-1, -1}};

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static bool is_on_thread(void) {
    return the.is_running && pthread_equal(the.thread, pthread_self());
}

/* ---- rows ---- */

static void free_rows(rows *r) {
    free(r->polls);
    free(r->who);
    *r = (rows){0, NULL, NULL};
}

/* The thread may be in a poll on its rows: more of them wait in `spare` until it takes them. */
static bool reserve(size_t n) {
    size_t had = the.spare.cap > the.rows.cap ? the.spare.cap : the.rows.cap;
    rows more = {had > 0 ? had * 2 : 16, NULL, NULL};
    if (n <= had) return true;
    more.polls = malloc((more.cap + 1) * sizeof *more.polls);
    more.who = malloc((more.cap + 1) * sizeof *more.who);
    if (!more.polls || !more.who) {
        free_rows(&more);
        return false;
    }
    free_rows(&the.spare);
    the.spare = more;
    return true;
}

static void leave_row(posta__watch *w) {
    if (w->row != NO_ROW) the.rows.who[w->row] = NULL;
    w->row = NO_ROW;
}

/* Rows for a poll; says how many, and how long it may take. */
static size_t fill_rows(int *ms_out) {
    uint64_t at = now(), soonest = UINT64_MAX;
    size_t n = 1;
    if (the.spare.cap > the.rows.cap) {
        free_rows(&the.rows);
        the.rows = the.spare;
        the.spare = (rows){0, NULL, NULL};
    }
    the.rows.polls[0] = (struct pollfd){the.bell.rx, POLLIN, 0};
    the.rows.who[0] = NULL;
    for (posta__watch *w = the.first; w; w = w->next) {
        w->row = NO_ROW;
        if (!w->is_armed) continue;
        w->row = n++;
        the.rows.who[w->row] = w;
        the.rows.polls[w->row] = (struct pollfd){w->fd, w->events, 0};
        if (w->due < soonest) soonest = w->due;
    }
    *ms_out = -1;
    if (soonest == UINT64_MAX) return n;
    soonest = soonest > at ? soonest - at : 0;
    *ms_out = soonest < INT32_MAX ? (int)soonest : INT32_MAX;
    return n;
}

/* ---- the thread ---- */

/* Without the lock meanwhile; `w` may be freed in there. */
static void fire(posta__watch *w, unsigned turn) {
    w->is_armed = false;
    leave_row(w);
    the.firing = w;
    pthread_mutex_unlock(&the.lock);
    w->fire(w->user);
    pthread_mutex_lock(&the.lock);
    if (the.turn != turn) return; /* forked in there */
    the.firing = NULL;
    pthread_cond_broadcast(&the.changed);
}

static void fire_due(size_t n, unsigned turn) {
    uint64_t at = now();
    for (size_t i = 1; i < n && the.turn == turn; i++) {
        posta__watch *w = the.rows.who[i];
        if (w && (the.rows.polls[i].revents != 0 || w->due <= at)) fire(w, turn);
    }
}

/* One that fails leaves in revents what was there before: nothing. Where the system refuses so many
   rows, times are still kept. */
static int wait_for(struct pollfd *polls, size_t n, int ms) {
    int found = poll(polls, (nfds_t)n, ms);
    if (found >= 0 || errno == EINTR) return found;
    return poll(polls, 1, ms < 0 || ms > REFUSED_MS ? REFUSED_MS : ms);
}

static void *watch(void *user) {
    unsigned turn;
    (void)user;
    pthread_mutex_lock(&the.lock);
    turn = the.turn;
    while (the.n > 0 && the.turn == turn) {
        int ms;
        size_t n = fill_rows(&ms);
        struct pollfd *polls = the.rows.polls;
        posta__bell bell = the.bell;
        pthread_mutex_unlock(&the.lock);
        if (wait_for(polls, n, ms) > 0 && polls[0].revents) posta__bell_clear(&bell);
        pthread_mutex_lock(&the.lock);
        fire_due(n, turn);
    }
    if (the.turn == turn) {
        posta__bell_close(&the.bell);
        free_rows(&the.rows);
        free_rows(&the.spare);
        the.is_running = false;
        pthread_cond_broadcast(&the.changed);
    }
    pthread_mutex_unlock(&the.lock);
    return NULL;
}

static bool make_thread(void) {
    pthread_attr_t attr;
    sigset_t all, old;
    if (pthread_attr_init(&attr) != 0) return false;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    /* The host's signals stay with the host's threads. */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    the.turn++;
    the.is_running = pthread_create(&the.thread, &attr, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return the.is_running;
}

/* With the lock held, and the entries counted that the thread is for. */
static bool run(void) {
    if (the.is_running) return true;
    if (!posta__bell_open(&the.bell)) return false;
    if (make_thread()) return true;
    posta__bell_close(&the.bell);
    return false;
}

/* ---- fork ---- */

static void before_fork(void) {
    pthread_mutex_lock(&the.lock);
}

static void in_parent(void) {
    pthread_mutex_unlock(&the.lock);
}

/* Who waited for the condition is not here, so it is made anew. */
static void in_child(void) {
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;
    the.changed = fresh;
    the.is_running = false;
    the.firing = NULL;
    the.turn++;
    posta__bell_close(&the.bell);
    pthread_mutex_unlock(&the.lock);
}

static void mind_forks(void) {
    pthread_atfork(before_fork, in_parent, in_child);
}

/* ---- entries ---- */

static void put_in(posta__watch *w) {
    w->next = the.first;
    if (the.first) the.first->prev = w;
    the.first = w;
    the.n++;
}

static void take_out(posta__watch *w) {
    leave_row(w);
    if (w->next) w->next->prev = w->prev;
    if (w->prev)
        w->prev->next = w->next;
    else
        the.first = w->next;
    the.n--;
}

static void ring(void) {
    if (the.is_running && !is_on_thread()) posta__bell_ring(the.bell.tx);
}

posta_status posta__watch_new(void (*fire_it)(void *user), void *user, posta__watch **out) {
    posta__watch *w = calloc(1, sizeof *w);
    bool done;
    *out = NULL;
    if (!w) return POSTA_E_MEMORY;
    w->fire = fire_it;
    w->user = user;
    w->fd = -1;
    w->row = NO_ROW;
    pthread_once(&the.once, mind_forks);
    pthread_mutex_lock(&the.lock);
    done = reserve(the.n + 1);
    if (done) {
        put_in(w);
        done = run();
        if (!done) take_out(w);
    }
    if (the.n == 0 && !the.is_running) free_rows(&the.spare);
    pthread_mutex_unlock(&the.lock);
    if (!done) free(w);
    if (done) *out = w;
    return done ? POSTA_OK : POSTA_E_MEMORY;
}

void posta__watch_arm(posta__watch *w, int fd, unsigned wants, int64_t ms) {
    pthread_mutex_lock(&the.lock);
    leave_row(w);
    w->is_armed = true;
    w->fd = fd;
    w->events =
        (short)((wants & POSTA_WANT_RX ? POLLIN : 0) | (wants & POSTA_WANT_TX ? POLLOUT : 0));
    w->due = ms < 0 ? UINT64_MAX : now() + (uint64_t)ms;
    run();
    ring();
    pthread_mutex_unlock(&the.lock);
}

void posta__watch_disarm(posta__watch *w) {
    pthread_mutex_lock(&the.lock);
    leave_row(w);
    w->is_armed = false;
    pthread_mutex_unlock(&the.lock);
}

void posta__watch_free(posta__watch **entry) {
    posta__watch *w = *entry;
    *entry = NULL;
    if (!w) return;
    pthread_mutex_lock(&the.lock);
    take_out(w);
    if (is_on_thread()) {
        if (the.firing == w) the.firing = NULL; /* its place may be that of a new one */
    } else {
        while (the.firing == w)
            pthread_cond_wait(&the.changed, &the.lock);
        if (the.n == 0) ring();
        while (the.n == 0 && the.is_running)
            pthread_cond_wait(&the.changed, &the.lock);
    }
    if (the.n == 0 && !the.is_running) {
        free_rows(&the.rows);
        free_rows(&the.spare);
    }
    pthread_mutex_unlock(&the.lock);
    free(w);
}

#else

posta_status posta__watch_new(void (*fire)(void *user), void *user, posta__watch **out) {
    (void)fire;
    (void)user;
    *out = NULL;
    return POSTA_E_NOT_BUILT;
}

void posta__watch_arm(posta__watch *w, int fd, unsigned wants, int64_t ms) {
    (void)w;
    (void)fd;
    (void)wants;
    (void)ms;
}

void posta__watch_disarm(posta__watch *w) {
    (void)w;
}

void posta__watch_free(posta__watch **w) {
    (void)w;
}

#endif
