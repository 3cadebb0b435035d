/* Kernels in vector instructions do exactly what the portable ones do, which the other tests judge;
 * each reads and writes nothing but what it is given. No cmocka here: the same file is
 * cross-compiled and run where that is not to be had (tools/test --step arm64). */
#include "../../port/simd_i.h"
#include "../support/guard.h"

#include <stdio.h>
#include <stdlib.h>

static const posta_kernels *fast;

static void check(bool is_true, const char *what, size_t a, size_t b) {
    if (is_true) return;
    printf("FAILED: %s (%zu, %zu)\n", what, a, b);
    exit(1);
}

static uint32_t random_below(uint32_t n) {
    static uint32_t seed = 88172645u;
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* Octets of one of several kinds: any, plain, plain with a few others, those around the limits,
 * lines, lines as they are sent with a fault now and then. */
enum { KINDS = 6 };
static void fill(uint8_t *p, size_t len, unsigned kind) {
    static const char limits[] = "\x00\x08\t\n\x0b\r\x1f !<=>~\x7f\x80\x89\x8a\x8d\xa0\xbd\xfe\xff";
    static const char text[] = "words of text. From =\xc3\xa9\t";
    for (size_t i = 0; i < len; i++) {
        uint32_t dice = random_below(100);
        p[i] = (uint8_t)random_below(256);
        if (kind == 1 || (kind == 2 && dice > 1)) p[i] = (uint8_t)(' ' + random_below('=' - ' '));
        if (kind == 3) p[i] = (uint8_t)limits[random_below(sizeof limits - 1)];
        if (kind == 4) p[i] = (uint8_t)text[random_below(sizeof text - 1)];
        if (kind == 4 && dice == 0) p[i] = '\r';
        if (kind == 4 && dice <= 1) p[i] = '\n';
        if (kind == 4 && dice == 0 && i > 0) p[i - 1] = '\r';
        if (kind == 5) p[i] = dice > 3 ? 'x' : '.';
    }
    if (kind != 5) return;
    for (size_t i = random_below(120); i + 2 < len; i += 2 + random_below(90))
        memcpy(p + i, random_below(20) ? "\r\nx" : "\r\n.", 3);
    if (len > 0 && random_below(4) == 0)
        p[random_below((uint32_t)len)] = (uint8_t)random_below(256);
}

/* ---- each kernel alone, its input and its output before a page that may not be touched ---- */

typedef size_t (*kernel)(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out);

static size_t groups(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    k->base64_groups(in, n, out);
    return 4 * n;
}
static size_t lines(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    k->base64_lines(in, n, out);
    return 78 * n;
}
static size_t plain(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    return k->qp_plain(in, n, n, out);
}
static size_t plain_near(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    return k->qp_plain(in, n < 75 ? n : 75, n, out);
}
static size_t plain_nearer(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    return k->qp_plain(in, n < 9 ? n : 9, n, out);
}
/* With room for what most lines become, and not for all. */
static size_t some_lines(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    posta_span left = posta__span(in, n);
    posta_window w = posta__window(out, n + n / 16);
    k->text_lines(&left, POSTA__LINES_STUFF, &w);
    check(left.p == in + (n - left.len), "what is left", n, left.len);
    check(w.len <= w.cap && w.at == 0 && w.p == out, "what is written", n, w.len);
    return w.len;
}
static size_t scan(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    posta__scan s;
    posta__scan_init(&s, 0);
    for (int twice = 0; twice < 2; twice++) /* it adds, and a line goes on */
        k->scan(&s, in, n);
    memcpy(out, &s, sizeof s);
    return 0;
}
/* Behind so many octets of the line. */
static size_t filtered(const posta_kernels *k, const uint8_t *in, size_t n, uint8_t *out) {
    static const size_t columns[] = {0, 900, 940, 980, 998};
    for (size_t i = 0; n > 0 && i < sizeof columns / sizeof columns[0]; i++) {
        size_t at = columns[i];
        bool has_high = false;
        if (!k->is_filtered(in, n, &at, &has_high)) continue;
        out[has_high] = 1;
        out[2] = (uint8_t)(out[2] * 31 + at + 1);
    }
    return 0;
}

/* n units of `in_len` octets to `out_len`; `kept`: octets of output to compare, 0: as many as it
 * says. */
typedef struct unit {
    const char *name;
    kernel call;
    size_t in_len, out_len, kept;
} unit;

static const unit units[] = {
    {"base64_groups", groups, 3, 4, 0},
    {"base64_lines", lines, 57, 78, 0},
    {"qp_plain", plain, 1, 1, 0},
    {"qp_plain of 75", plain_near, 1, 1, 0},
    {"qp_plain of 9", plain_nearer, 1, 1, 0},
    {"text_lines", some_lines, 1, 2, 0},
    {"scan", scan, 1, 0, sizeof(posta__scan)},
    {"is_filtered", filtered, 1, 0, 3},
};

enum { UNITS = sizeof units / sizeof units[0] };
enum { BEFORE = 40 }; /* octets in front of the output that must stay */

static void compare(const unit *u, size_t n, const uint8_t *data) {
    size_t cap = BEFORE + (u->kept ? u->kept : n * u->out_len);
    uint8_t *in = t_guarded(data, n * u->in_len);
    uint8_t *a = t_guarded(NULL, cap), *b = t_guarded(NULL, cap);
    size_t want = u->call(&posta__kernels_portable, in, n, a + BEFORE);
    size_t got = u->call(fast, in, n, b + BEFORE);
    check(want == got, u->name, n, got);
    check(memcmp(a, b, BEFORE + (u->kept ? u->kept : got)) == 0, u->name, n, got);
    t_guard_free(in, n * u->in_len);
    t_guard_free(a, cap);
    t_guard_free(b, cap);
}

static void each_alone(void) {
    uint8_t data[57 * 200];
    for (const unit *u = units; u < units + UNITS; u++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (size_t n = 0; n <= 200; n++) {
                fill(data, n * u->in_len, kind);
                compare(u, n, data);
            }
}

/* Every octet at every place among harmless ones. */
static void each_octet(void) {
    static const size_t lens[] = {15, 16, 31, 32, 33, 64, 75, 96, 97, 130};
    uint8_t data[130];
    for (const unit *u = units + 2; u < units + UNITS; u++) /* those that look at octets */
        for (size_t l = 0; l < sizeof lens / sizeof lens[0]; l++)
            for (size_t at = 0; at < lens[l]; at++)
                for (unsigned c = 0; c < 256; c++) {
                    uint8_t a[sizeof data * 2 + sizeof(posta__scan)] = {0}, b[sizeof a] = {0};
                    memset(data, 'a', sizeof data);
                    data[lens[l] - 1] = '\n';
                    data[at] = (uint8_t)c;
                    size_t n = u->call(&posta__kernels_portable, data, lens[l], a);
                    check(u->call(fast, data, lens[l], b) == n, u->name, at, c);
                    check(memcmp(a, b, u->kept ? u->kept : n) == 0, u->name, at, c);
                }
}

/* Lines with each room from none to more than enough: as many of them, and as much taken. */
static void lines_alike(const uint8_t *data, size_t n, unsigned flags, size_t room) {
    enum { ROOM = 4096 };
    static uint8_t a[ROOM];
    uint8_t *in = t_guarded(data, n), *b = t_guarded(NULL, room);
    posta_span x = posta__span(in, n), y = x;
    posta_window v = posta__window(a, room), w = posta__window(b, room);
    posta__kernels_portable.text_lines(&x, flags, &v);
    fast->text_lines(&y, flags, &w);
    check(x.p == y.p && x.len == y.len, "lines taken", n, room);
    check(v.len == w.len && memcmp(a, b, v.len) == 0, "lines given", n, room);
    t_guard_free(in, n);
    t_guard_free(b, room);
}

static void each_room(void) {
    static uint8_t data[2200];
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned flags = 0; flags < 4; flags++) {
            fill(data, 150, kind);
            for (size_t i = 0; i < 150 && kind == 1; i += 1 + random_below(60))
                memcpy(data + i, "\n.", 2);
            for (size_t room = 0; room <= 170; room++)
                lines_alike(data, 150, flags, room);
        }
    for (size_t len = 1; len <= 70; len++) { /* lines of that many octets, with dots in front */
        memset(data, 'a', 150);
        for (size_t i = 0; i < 150; i += len + 1) {
            data[i] = '.';
            data[i + len] = '\n';
        }
        for (size_t room = 0; room <= 170; room++)
            lines_alike(data, 150, POSTA__LINES_STUFF, room);
    }
    for (size_t len = 990; len <= 1005; len++) /* around the longest line */
        for (unsigned eol = 1; eol <= 2; eol++) {
            memset(data, 'a', sizeof data);
            memcpy(data + 3, "\r\n", 2);
            memcpy(data + 5 + len, eol == 1 ? "\n\n" : "\r\n", 2);
            memcpy(data + 2000, "\n", 1);
            lines_alike(data, 2100, 0, 4000);
            lines_alike(data, 5 + len + eol, 0, 4000);
            lines_alike(data, 5 + len + eol, POSTA__LINES_REJECT, 4000);
        }
}

/* ---- the encoders with them ---- */

/* base64 with each set of flags, quoted-printable of text and of octets, lines. */
enum { QP = 4, LINES = 6, CODERS = 7 };

typedef struct coder {
    unsigned which;
    union {
        posta__base64 base64;
        posta__qp qp;
        posta__lines lines;
    } x;
} coder;

static void begin(coder *c, unsigned which, const posta_kernels *k) {
    c->which = which;
    if (which < QP) {
        posta__base64_init(&c->x.base64, which);
        c->x.base64.kernels = k;
    } else if (which < LINES) {
        posta__qp_init(&c->x.qp, which > QP);
        c->x.qp.kernels = k;
    } else {
        posta__lines_init(&c->x.lines,
                          POSTA__LINES_STUFF | POSTA__LINES_ANY_LEN | POSTA__LINES_ANY_NUL);
        c->x.lines.kernels = k;
    }
}

static posta_status step(coder *c, posta_span *in, posta_window *out) {
    if (c->which < QP) return posta__base64_step(&c->x.base64, in, out);
    return c->which < LINES ? posta__qp_step(&c->x.qp, in, out)
                            : posta__lines_step(&c->x.lines, in, out);
}

static posta_status end(coder *c, posta_window *out) {
    if (c->which < QP) return posta__base64_end(&c->x.base64, out);
    return c->which < LINES ? posta__qp_end(&c->x.qp, out) : posta__lines_end(&c->x.lines, out);
}

/* Encodes through windows of `room` octets (0: random), pieces of `piece` (0: random) octets. */
static size_t encode(unsigned which, const posta_kernels *k, posta_span in, size_t room,
                     size_t piece, uint8_t *out) {
    coder c;
    size_t done = 0, extra = 0;
    bool is_ending = false;
    begin(&c, which, k);
    for (;;) {
        size_t len = piece ? piece : 1 + random_below(4000);
        if (len > in.len) len = in.len;
        posta_span part = posta__span(in.p, len);
        posta_window w = posta__window(out + done, (room ? room : 8 + random_below(9000)) + extra);
        posta_status status = is_ending ? end(&c, &w) : step(&c, &part, &w);
        check(w.len <= w.cap, "an encoder takes more than its room", which, room);
        bool moved = w.len > 0 || part.len < len;
        done += w.len;
        in = posta__span(in.p + (len - part.len), in.len - (len - part.len));
        extra = moved ? 0 : extra + 1;
        check(extra <= POSTA__STEP_ROOM, "an encoder stands still", which, room);
        if (status == POSTA_OK && is_ending) return done;
        if (status == POSTA_OK && in.len == 0) is_ending = true;
    }
}

static void every_window(void) {
    static uint8_t data[200], want[1024], got[1024 + 9000];
    for (size_t len = 0; len <= 200; len++)
        for (unsigned kind = 0; kind < KINDS; kind++) {
            fill(data, len, kind);
            uint8_t *in = t_guarded(data, len);
            for (unsigned which = 0; which < CODERS; which++) {
                size_t n = encode(which, NULL, posta__span(in, len), 1000, 200, want);
                for (size_t room = 1; room <= 17; room++) {
                    /* and one window for all */
                    size_t m = encode(which, fast, posta__span(in, len), room > 16 ? 1000 : room,
                                      200, got);
                    check(n == m && memcmp(want, got, n) == 0, "every window", len, room);
                }
            }
            t_guard_free(in, len);
        }
}

static void same_scan(posta_span in, size_t piece) {
    posta__scan a, b;
    posta__scan_init(&a, POSTA__SCAN_QP_TEXT | POSTA__SCAN_QP_BINARY);
    posta__scan_init(&b, POSTA__SCAN_QP_TEXT | POSTA__SCAN_QP_BINARY);
    b.kernels = fast;
    posta__scan_step(&a, in);
    posta__scan_end(&a);
    while (in.len > 0) {
        size_t n = piece < in.len ? piece : in.len;
        posta__scan_step(&b, posta__span(in.p, n));
        in = posta__span(in.p + n, in.len - n);
    }
    posta__scan_end(&b);
    check(a.octets == b.octets && a.canonical == b.canonical, "scan: octets", piece, 0);
    check(a.high == b.high && a.nul == b.nul, "scan: kinds", piece, 0);
    check(a.bare_cr == b.bare_cr && a.bare_lf == b.bare_lf, "scan: bare", piece, 0);
    check(a.longest == b.longest && a.ends_line == b.ends_line, "scan: lines", piece, 0);
    check(a.qp_text_len == b.qp_text_len, "scan: text", piece, 0);
    check(a.qp_binary_len == b.qp_binary_len, "scan: octets", piece, 0);
}

static void long_and_random(void) {
    enum { LEN = 200000 };
    static uint8_t data[LEN], want[4 * LEN], got[4 * LEN + 9000];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fill(data, LEN, kind);
        posta_span in = posta__span(data, LEN);
        for (unsigned which = 0; which < CODERS; which++) {
            size_t n = encode(which, NULL, in, sizeof want, LEN, want);
            for (int round = 0; round < 3; round++) {
                size_t m = encode(which, fast, in, round ? 0 : sizeof want, round ? 0 : LEN, got);
                check(n == m && memcmp(want, got, n) == 0, "long and random", which, kind);
            }
        }
        same_scan(in, LEN);
        same_scan(in, 1000);
        same_scan(in, 61);
    }
}

int main(void) {
    fast = posta__simd_fits() ? &posta__kernels_simd : &posta__kernels_portable;
    if (fast == &posta__kernels_portable)
        printf("this machine has no kernels; the portable ones are compared with themselves\n");
    each_alone();
    each_octet();
    each_room();
    every_window();
    long_and_random();
    printf("5 passed, 0 failed\n");
    return 0;
}
