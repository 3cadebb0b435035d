/* core/base: helpers on spans, windows and the arena, shared by all layers. Freestanding. */
#ifndef POSTA_BASE_I_H
#define POSTA_BASE_I_H

#include "posta/base.h"

#include <string.h>

/** A string literal as a span. */
#define POSTA_LIT(s) ((posta_span){(const uint8_t *)(s), sizeof(s) - 1})

/* ---- spans ---- */

static inline posta_span posta__span(const void *p, size_t len) {
    return (posta_span){(const uint8_t *)p, len};
}

/** A C string as a span; null gives the empty span. */
posta_span posta__span_of(const char *s);

/** Same bytes. */
bool posta_span_is(posta_span a, posta_span b);

/** Same bytes, ASCII letters compared without case. Locale-free. */
bool posta_span_is_nocase(posta_span a, posta_span b);

/* Small and called for each token of a header: inline where that pays, once in base.c elsewhere. */

/** The part from `at` on, at most `len` bytes; clamped to the span. */
inline posta_span posta__span_sub(posta_span s, size_t at, size_t len) {
    if (at > s.len) at = s.len;
    if (len > s.len - at) len = s.len - at;
    return (posta_span){s.p ? s.p + at : NULL, len};
}

/* ---- characters: own tables, no locale ---- */

static inline bool posta__is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}
static inline bool posta__is_alpha(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline uint8_t posta__lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}
/** 0..15; -1: it is no hexadecimal digit, of either case. */
int posta__hex_digit(uint8_t c);

/* ---- numbers ---- */

#define POSTA_DECIMAL_CAP 20u /* digits in UINT64_MAX */

/** Writes n in decimal (no NUL) into out[POSTA_DECIMAL_CAP]; returns the number of digits. */
size_t posta__decimal(uint64_t n, char *out);

/** Parses all of `s` as decimal digits. False on anything else or on overflow. */
bool posta__parse_decimal(posta_span s, uint64_t *n_out);

/** out = a + b; false (and UINT64_MAX) on overflow. */
inline bool posta__add(uint64_t a, uint64_t b, uint64_t *out) {
    *out = b > UINT64_MAX - a ? UINT64_MAX : a + b;
    return b <= UINT64_MAX - a;
}
bool posta__mul(uint64_t a, uint64_t b, uint64_t *out);

/* ---- memory ---- */

/* As strictly aligned as anything posta puts into raw memory. */
typedef union posta__strictest {
    void *p;
    uint64_t n;
    long double d;
} posta__strictest;

#define POSTA__ALIGN sizeof(posta__strictest)
/* The next multiple of POSTA__ALIGN: where an object may begin behind n octets. */
#define POSTA__ALIGNED(n) (((n) + POSTA__ALIGN - 1) / POSTA__ALIGN * POSTA__ALIGN)

/* ---- windows ---- */

static inline posta_window posta__window(void *p, size_t cap) {
    return (posta_window){(uint8_t *)p, cap, 0, 0};
}
static inline size_t posta__room(const posta_window *w) {
    return w->cap - w->len;
}
static inline size_t posta__unread(const posta_window *w) {
    return w->len - w->at;
}

/** Moves the unread bytes to the front, so that all room is at the end. */
void posta__window_compact(posta_window *w);

/** Appends all of `s`, or nothing and false. */
inline bool posta__put(posta_window *w, posta_span s) {
    if (w->cap - w->len < s.len) return false;
    if (s.len > 0) memcpy(w->p + w->len, s.p, s.len);
    w->len += s.len;
    return true;
}

/** Appends as much of `in` as fits and advances `in` past it. */
void posta__put_some(posta_window *w, posta_span *in);

/** Overwrites secrets: no compiler leaves it out (row L04). */
void posta__wipe(void *p, size_t len);

/* ---- the arena: one block at first, chained blocks when it is full; freed at once ---- */

typedef struct posta_arena_block posta_arena_block;

typedef struct posta_arena {
    const posta_port *port;    /* borrowed; null: only the given block is used */
    posta_arena_block *blocks; /* newest first */
    size_t block_len;          /* bytes asked for a further block, at least */
    uint8_t *p;                /* room in the newest block */
    size_t left;
} posta_arena;

/** Starts an arena. `first` (may be null) is memory of the caller's that is used before any block
 * is allocated; it must outlive the arena. */
void posta__arena_init(posta_arena *a, const posta_port *port, void *first, size_t first_len,
                       size_t block_len);

/** `len` bytes, aligned for any object, not cleared. Null: out of memory (the arena stays usable).
 */
void *posta__arena_take(posta_arena *a, size_t len);

/** `len` bytes without alignment, for text. */
uint8_t *posta__arena_bytes(posta_arena *a, size_t len);

/** Gives the unused end of the newest `posta__arena_bytes` back. */
void posta__arena_trim(posta_arena *a, uint8_t *p, size_t taken, size_t used);

/** A copy of `s` with a NUL behind it. Null: out of memory. */
char *posta__arena_copy(posta_arena *a, posta_span s);

/** Frees every block. The arena may be initialised again. */
void posta__arena_free(posta_arena *a);

/* ---- status ---- */

/** The call's result for a cause: folds the second group of the status list into the first.
 *  `code` is the reply code that led to it, 0 if none. */
posta_status posta__status_fold(posta_status cause, unsigned code);

#endif
