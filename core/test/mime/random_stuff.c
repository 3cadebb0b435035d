/* random_trees: what messages are made of: randomness that can be repeated, words, texts, octets,
 * the ways to give them, and the JSON of what a reader must find. */
#include "random_i.h"

#include <stdlib.h>
#include <string.h>

/* ---- the place: randomness that can be repeated ---- */

static uint64_t seed;

static uint64_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

size_t below(size_t n) {
    return (size_t)((next() >> 11) % n);
}

bool one_in(size_t n) {
    return below(n) == 0;
}

void random_seed(unsigned long long n) {
    size_t i;
    seed = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (i = 0; i < 20; i++)
        below(2);
}

typedef struct kept kept;
struct kept {
    kept *next;
    max_align_t p[];
};

static kept *all_kept;

void *keep(size_t len) {
    kept *k = calloc(1, sizeof *k + len);
    if (!k) exit(2);
    k->next = all_kept;
    all_kept = k;
    return k->p;
}

void keep_nothing(void) {
    while (all_kept) {
        kept *k = all_kept;
        all_kept = k->next;
        free(k);
    }
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old_len;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static posta_status entropy(void *user, void *out, size_t len) {
    size_t i;
    (void)user;
    for (i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next() >> 24);
    return POSTA_OK;
}

static uint64_t now(void *user) {
    (void)user;
    return 0;
}

static int64_t unix_time(void *user) {
    (void)user;
    return 1764000000;
}

const posta_port random_port = {.size = sizeof random_port,
                                .now_ms = now,
                                .unix_time = unix_time,
                                .entropy = entropy,
                                .allocate = allocate};

void must(posta_status status, const posta_message *m, const char *what) {
    if (!status) return;
    fprintf(stderr, "random_trees: %s: %s: %s\n", what, posta_status_name(status),
            posta_message_problem(m)->text);
    exit(1);
}

/* ---- what messages are made of ---- */

static const char *const words[] = {
    "a",
    "report",
    "Quarterly",
    "of",
    "the",
    "=?utf-8?q?x?=",
    "=?",
    "?=",
    "x@y.z",
    "<b>",
    "\"quoted\"",
    "back\\slash",
    "(paren)",
    "semi;colon",
    "comma,",
    "100%",
    "it's",
    "*star*",
    "From",
    ".",
    "..",
    "\xc3\xbc-ber",
    "Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87",
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\x98\x80\xf0\x9f\x8e\x89",
    "\xc2\xa0",
    "e\xcc\x81",
    "averyverylongwordthatgoesonandonandonuntilitisquitelongenoughtoneedalineofitsown",
};
#define WORDS         (sizeof words / sizeof words[0])
#define FIRST_SPECIAL 5u
#define FIRST_WIDE    21u

void make_words(char *out, size_t cap, size_t n, bool wide) {
    size_t i, len = 0;
    out[0] = 0;
    for (i = 0; i < n; i++) {
        const char *w = words[below(wide ? WORDS : FIRST_WIDE)];
        if (one_in(2)) w = words[below(FIRST_SPECIAL)];
        if (len + strlen(w) + 4 > cap) return;
        if (i > 0) len += (size_t)sprintf(out + len, one_in(9) ? "  " : " ");
        len += (size_t)sprintf(out + len, "%s", w);
    }
}

void make_text(bytes *b, bool wide) {
    static const char *const ends[] = {"\n", "\r\n", "\r", " \n", "\t\r\n", "\n\n", "\r\r\n"};
    size_t lines = one_in(6) ? 0 : below(30), i;
    b->len = 0;
    for (i = 0; i < lines; i++) {
        char line[1600];
        make_words(line, one_in(8) ? sizeof line : 200, below(one_in(10) ? 200 : 12), wide);
        if (b->len + strlen(line) + 8 > TEXT_CAP) return;
        b->len += (size_t)sprintf((char *)b->p + b->len, "%s%s", line,
                                  i + 1 == lines && one_in(2) ? "" : ends[below(7)]);
    }
}

void make_octets(bytes *b) {
    size_t n = one_in(8) ? 0 : below(one_in(4) ? TEXT_CAP : 300), i;
    for (i = 0; i < n; i++)
        b->p[i] = (uint8_t)(next() >> 30);
    b->len = n;
    if (one_in(3)) make_text(b, one_in(2));
}

/* ---- the expectation ---- */

void put_hex(FILE *f, const bytes *b, bool is_text) {
    size_t i;
    fputs(", \"octets\": \"", f);
    for (i = 0; i < b->len; i++) {
        uint8_t c = b->p[i];
        if (is_text && c == '\r' && i + 1 < b->len && b->p[i + 1] == '\n') continue;
        if (is_text && (c == '\r' || c == '\n'))
            fputs("0d0a", f);
        else
            fprintf(f, "%02x", c);
    }
    putc('"', f);
}

/* ---- bodies: the same octets by four ways ---- */

static posta_status pull_reading(void *user, posta_window *out) {
    reading *r = user;
    size_t n = r->b->len - r->at, room = out->cap - out->len;
    if (n > room) n = room;
    if (n > 1 && one_in(2)) n = 1 + below(n);
    if (n > 0) memcpy(out->p + out->len, r->b->p + r->at, n);
    out->len += n;
    r->at += n;
    return r->at == r->b->len ? POSTA_END : POSTA_OK;
}

static posta_status rewind_reading(void *user) {
    ((reading *)user)->at = 0;
    return POSTA_OK;
}

posta_body make_body(const bytes *b, mail *to) {
    reading *r = keep(sizeof *r);
    posta_source s = {r, pull_reading, rewind_reading, NULL, b->len};
    size_t way = below(5);
    r->b = b;
    if (way == 0 && to->slots_n < SLOTS) {
        to->slots[to->slots_n++] = *r;
        return posta_body_slot(one_in(2) ? b->len : POSTA_LEN_UNKNOWN);
    }
    if (way == 1) s.rewind = NULL;
    if (way <= 2 && one_in(2)) s.len = POSTA_LEN_UNKNOWN;
    return way <= 2 ? posta_body_source(s) : posta_body_data(b->p, b->len);
}

void feed_slot(mail *all) {
    size_t slot, left, n;
    reading *r;
    while (all && posta_message_wanted(all->m) == POSTA_NO_SLOT)
        all = all->next;
    if (!all) {
        fprintf(stderr, "random_trees: waits for no slot\n");
        exit(1);
    }
    slot = posta_message_wanted(all->m);
    r = &all->slots[slot];
    left = r->b->len - r->at;
    n = left > 0 ? 1 + below(left) : 0;
    if (n > 0)
        must(posta_message_feed(all->m, slot, r->b->p + r->at, n), all->m, "feed");
    else
        must(posta_message_finish(all->m, slot), all->m, "finish");
    r->at += n;
}
