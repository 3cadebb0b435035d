/* core/test/support: a place for the composer that is the same each run: a clock that stands,
 * randomness that counts, memory that is counted and can be made to fail; and bodies that lie. For
 * tests only. */
#ifndef POSTA_TEST_MIME_H
#define POSTA_TEST_MIME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "posta/mime.h"

#define T_NEVER SIZE_MAX

typedef struct t_place {
    posta_port port;
    int64_t time;
    uint8_t next_random;
    bool no_entropy, same_entropy;
    size_t allocations, live, live_bytes, peak_bytes;
    size_t fail_at;    /* the allocation with this number fails, */
    bool fail_forever; /* and all that follow */
} t_place;

static inline void *t_allocate(void *user, void *old, size_t old_len, size_t len) {
    t_place *place = user;
    void *p;
    if (len == 0) {
        if (old) {
            place->live--;
            place->live_bytes -= old_len;
            memset(old, 0xdd, old_len);
        }
        free(old);
        return NULL;
    }
    if (old) abort(); /* the composer never resizes */
    place->allocations++;
    if (place->allocations - 1 == place->fail_at) return NULL;
    if (place->fail_forever && place->allocations - 1 > place->fail_at) return NULL;
    p = malloc(len);
    if (!p) abort();
    memset(p, 0xcc, len); /* nobody may count on zeros */
    place->live++;
    place->live_bytes += len;
    if (place->live_bytes > place->peak_bytes) place->peak_bytes = place->live_bytes;
    return p;
}

static inline posta_status t_entropy(void *user, void *out, size_t len) {
    t_place *place = user;
    size_t i;
    if (place->no_entropy) return POSTA_E_ENTROPY;
    for (i = 0; i < len; i++)
        ((uint8_t *)out)[i] = place->same_entropy ? 7 : place->next_random++;
    return POSTA_OK;
}

static inline uint64_t t_now(void *user) {
    (void)user;
    return 0;
}

static inline int64_t t_time(void *user) {
    return ((t_place *)user)->time;
}

static inline void t_place_init(t_place *place) {
    memset(place, 0, sizeof *place);
    place->time = 1700000000;
    place->fail_at = T_NEVER;
    place->port =
        (posta_port){sizeof place->port, place, t_now, t_time, t_entropy, t_allocate, NULL, NULL};
}

/* ---- bodies ---- */

typedef struct t_body {
    const uint8_t *p;
    size_t len, at;
    size_t piece;    /* octets a pull gives at most; 0: what fits */
    size_t fail_at;  /* the pull that would pass this offset fails */
    size_t stall_at; /* from this offset on it answers OK with nothing */
    bool late_end;   /* END comes alone, with no octets */
    size_t pulls, rewinds, closes;
} t_body;

static inline posta_status t_body_pull(void *user, posta_window *out) {
    t_body *b = user;
    size_t n = b->len - b->at, room = out->cap - out->len;
    b->pulls++;
    if (n > room) n = room;
    if (b->piece && n > b->piece) n = b->piece;
    if (b->at + n > b->fail_at) n = b->fail_at - b->at;
    if (b->at + n > b->stall_at) n = b->stall_at - b->at;
    if (n > 0) memcpy(out->p + out->len, b->p + b->at, n);
    out->len += n;
    b->at += n;
    if (n == 0 && b->at == b->fail_at) return POSTA_E_FILE;
    if (n == 0 && b->at == b->stall_at) return POSTA_OK;
    if (b->late_end && n > 0) return POSTA_OK;
    return b->at == b->len ? POSTA_END : POSTA_OK;
}

static inline posta_status t_body_rewind(void *user) {
    t_body *b = user;
    b->at = 0;
    b->rewinds++;
    return POSTA_OK;
}

static inline void t_body_close(void *user) {
    ((t_body *)user)->closes++;
}

static inline t_body t_body_of(const void *p, size_t len) {
    return (t_body){.p = p, .len = len, .fail_at = T_NEVER, .stall_at = T_NEVER};
}

static inline posta_body t_source(t_body *b, bool can_rewind, uint64_t len) {
    posta_source s = {b, t_body_pull, can_rewind ? t_body_rewind : NULL, t_body_close, len};
    return posta_body_source(s);
}

/* ---- reading ---- */

typedef struct t_text {
    char *p; /* NUL-terminated */
    size_t len;
    posta_status status; /* POSTA_END, or what ended it */
} t_text;

/** Pulls all of it through windows of `window` octets; 0: of changing sizes. Free t.p. */
static inline t_text t_pull_all(const posta_source *source, size_t window) {
    t_text t = {malloc(1), 0, POSTA_OK};
    size_t cap = 1, turns = 0, size = window;
    while (!t.status) {
        posta_window w;
        uint8_t small[4096];
        if (!window) size = 1 + (turns * 7919) % 97;
        if (size > sizeof small) size = sizeof small;
        w = (posta_window){small, size, 0, 0};
        t.status = source->pull(source->user, &w);
        assert_true(w.len <= w.cap);
        if (!t.status) assert_true(w.len > 0); /* each call moves on */
        if (t.len + w.len + 1 > cap) t.p = realloc(t.p, cap = 2 * (t.len + w.len + 1));
        memcpy(t.p + t.len, small, w.len);
        t.len += w.len;
        turns++;
    }
    t.p[t.len] = 0;
    return t;
}

/** Removes folding, so that one golden stands for every fold width. In place. */
static inline void t_unfold(char *s) {
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\r' && s[1] == '\n' && s[2] == ' ') s += 2;
        *to++ = *s;
    }
    *to = 0;
}

/** A message with a sender and a recipient. */
static inline posta_message *t_message(t_place *place) {
    posta_message *m = NULL;
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_FROM, "Ana <ana@example.org>"), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_TO, "bob@example.org"), POSTA_OK);
    return m;
}

/** Composes, reads by `window`, holds the promised length against what came. Free t.p. */
static inline t_text t_compose(posta_message *m, bool may_8bit, size_t window) {
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    posta_source source;
    t_text t;
    posta_status status;
    o.may_8bit = may_8bit;
    status = posta_message_compose(m, &o, &source, NULL);
    if (status) print_message("%s\n", posta_message_problem(m)->text);
    assert_int_equal(status, POSTA_OK);
    t = t_pull_all(&source, window);
    if (t.status == POSTA_END && source.len != POSTA_LEN_UNKNOWN)
        assert_int_equal(t.len, source.len);
    return t;
}

static inline void t_done(t_place *place, posta_message *m) {
    posta_message_free(&m);
    assert_null(m);
    assert_int_equal(place->live, 0);
    assert_int_equal(place->live_bytes, 0);
}

#endif
