/* lines: rows D01-D06. The oracle reads the wire as a strict server does and knows nothing of the
 * filter. */
#include "codec_t.h"

static posta_status step(void *x, posta_span *in, posta_window *out) {
    return posta__lines_step(x, in, out);
}
static posta_status end(void *x, posta_window *out) {
    return posta__lines_end(x, out);
}

static posta_status filter(posta__lines *l, posta_span in, unsigned flags, int cut, size_t window,
                           uint8_t *out, size_t cap, size_t *len) {
    t_run run = {step, end, l, cut, window};
    posta__lines_init(l, flags);
    return t_drive(&run, in, out, cap, len);
}

/* What the server must end up with: each line ended by CRLF, the last one too. */
static size_t canon_message(posta_span in, uint8_t *out) {
    size_t n = t_canon(in, out);
    if (n == 0 || out[n - 1] == '\n') return n;
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

/* Reads CRLF lines, takes a dot off those that begin with one, stops at ".". False: bare CR or LF,
   a NUL, no end, or octets behind the end. */
static bool receive(const uint8_t *wire, size_t len, uint8_t *out, size_t *n_out) {
    size_t n = 0, line = 0;
    for (size_t i = 0; i < len; i++) {
        if (wire[i] == 0 || wire[i] == '\n') return false;
        if (wire[i] != '\r') continue;
        if (i + 1 == len || wire[i + 1] != '\n') return false;
        size_t from = line, to = i;
        line = i += 1;
        line++;
        if (to - from == 1 && wire[from] == '.') {
            *n_out = n;
            return line == len;
        }
        if (to > from && wire[from] == '.') from++;
        memcpy(out + n, wire + from, to - from);
        n += to - from;
        out[n++] = '\r';
        out[n++] = '\n';
    }
    return false;
}

static bool arrives(posta_span in, const uint8_t *wire, size_t len) {
    uint8_t canon[64], got[64];
    size_t n = 0, want = canon_message(in, canon);
    return receive(wire, len, got, &n) && n == want && memcmp(got, canon, n) == 0;
}

/* Row D03: all strings over {CR, LF, '.', 'a'} up to length 8, cut in all ways: 9 586 980 cases. */
static void every_string_every_cut(void **state) {
    unsigned long cases = 0;
    (void)state;
    for (unsigned len = 1; len <= 8; len++)
        for (unsigned code = 0; code < 1u << (2 * len); code++) {
            uint8_t text[8], wire[64];
            for (unsigned i = 0; i < len; i++)
                text[i] = (uint8_t) "\r\n.a"[code >> (2 * i) & 3];
            for (unsigned cuts = 0; cuts < 1u << (len - 1); cuts++, cases++) {
                posta__lines l;
                posta_window w = posta__window(wire, sizeof wire);
                posta__lines_init(&l, POSTA__LINES_STUFF);
                for (unsigned from = 0, to = 1; to <= len; to++) {
                    if (to < len && !(cuts >> (to - 1) & 1)) continue;
                    posta_span piece = posta__span(text + from, to - from);
                    if (posta__lines_step(&l, &piece, &w) != POSTA_OK || piece.len) fail();
                    from = to;
                }
                if (posta__lines_end(&l, &w) != POSTA_OK) fail();
                if (!posta__put(&w, POSTA_LIT(".\r\n"))) fail();
                if (!arrives(posta__span(text, len), wire, w.len))
                    fail_msg("length %u, string %u, cuts %u", len, code, cuts);
            }
        }
    assert_int_equal(cases, 9586980);
}

/* Reject: the same strings; taken only if they hold no bare CR or LF, and then unchanged. */
static void reject_refuses_exactly_bare_ends(void **state) {
    (void)state;
    for (unsigned len = 1; len <= 8; len++)
        for (unsigned code = 0; code < 1u << (2 * len); code++)
            for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
                uint8_t text[8], out[64], canon[64];
                bool is_bare = false;
                size_t n = 0;
                posta__lines l;
                for (unsigned i = 0; i < len; i++)
                    text[i] = (uint8_t) "\r\n.a"[code >> (2 * i) & 3];
                for (unsigned i = 0; i < len; i++) {
                    if (text[i] == '\r' && (i + 1 == len || text[i + 1] != '\n')) is_bare = true;
                    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) is_bare = true;
                }
                posta_status status = filter(&l, posta__span(text, len), POSTA__LINES_REJECT, cut,
                                             16, out, sizeof out, &n);
                assert_int_equal(status, is_bare ? POSTA_E_FIELD : POSTA_OK);
                assert_int_equal(l.why, is_bare ? POSTA__LINES_BARE : POSTA__LINES_FINE);
                if (is_bare) continue;
                assert_int_equal(n, canon_message(posta__span(text, len), canon));
                assert_memory_equal(out, canon, n);
            }
}

static void named_rows(void **state) {
    static const char *rows[][2] = {
        {"", ""}, /* D04 */
        {"\r", "\r\n"},
        {"\n", "\r\n"},
        {".", "..\r\n"},
        {"a", "a\r\n"},
        {"a\r\n", "a\r\n"},
        {"a\r", "a\r\n"},
        {"\r\n.\r\n", "\r\n..\r\n"}, /* D01 */
        {"\n.\n", "\r\n..\r\n"},
        {"\n.\r", "\r\n..\r\n"},
        {"\r.\n", "\r\n..\r\n"},
        {"\r.\r", "\r\n..\r\n"},
        {"\n.\r\n", "\r\n..\r\n"},
        {"\r.\r\n", "\r\n..\r\n"},
        {"\r\n.\r\r\n", "\r\n..\r\n\r\n"},
        {"\r\r\n.\r\r\n", "\r\n\r\n..\r\n\r\n"},
        {"\r\n\r\n.\r\nMAIL FROM:<e@e>\r\n", "\r\n\r\n..\r\nMAIL FROM:<e@e>\r\n"}, /* D02 */
        {"a.\n.b.", "a.\r\n..b.\r\n"},
    };
    uint8_t out[128];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
            posta__lines l;
            size_t n = 0;
            uint8_t *p = t_guarded(rows[i][0], strlen(rows[i][0]));
            posta_span in = posta__span(p, strlen(rows[i][0]));
            assert_int_equal(filter(&l, in, POSTA__LINES_STUFF, cut, 40, out, sizeof out, &n),
                             POSTA_OK);
            assert_int_equal(n, strlen(rows[i][1]));
            assert_memory_equal(out, rows[i][1], n);
            t_guard_free(p, in.len);
        }
}

/* Row D06: 998 octets pass, 999 do not, wherever they stand and however they come. */
static void long_lines(void **state) {
    uint8_t *text = malloc(4000), *out = malloc(8000);
    (void)state;
    for (size_t len = 996; len <= 1002; len++)
        for (int place = 0; place < 4; place++)
            for (int cut = T_WHOLE; cut <= T_RANDOM; cut++)
                for (unsigned both = 0; both < 4; both++) {
                    unsigned flags = (both & 1 ? POSTA__LINES_STUFF : 0u) |
                                     (both & 2 ? POSTA__LINES_ANY_LEN : 0u);
                    posta__lines l;
                    size_t n = 0, at = place & 1 ? 3 : 0, total = at + len;
                    memcpy(text, "x\r\n", 3);
                    memset(text + at, '.', len); /* a dot added in front must not count */
                    if (place & 2) text[total++] = '\n';
                    posta_status status =
                        filter(&l, posta__span(text, total), flags, cut, 0, out, 8000, &n);
                    bool fits = len <= 998 || (flags & POSTA__LINES_ANY_LEN);
                    assert_int_equal(status, fits ? POSTA_OK : POSTA_E_FIELD);
                    assert_int_equal(l.why, fits ? POSTA__LINES_FINE : POSTA__LINES_LONG);
                    if (!fits) assert_int_equal(l.taken, at + 998);
                    if (fits && !(flags & POSTA__LINES_STUFF)) assert_int_equal(n, at + len + 2);
                    if (fits && (flags & POSTA__LINES_STUFF)) assert_int_equal(n, at + len + 3);
                }
    free(text), free(out);
}

static void nul_is_refused(void **state) {
    uint8_t text[20], out[64];
    (void)state;
    for (size_t at = 0; at < sizeof text; at++)
        for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
            posta__lines l;
            size_t n = 0;
            memset(text, 'a', sizeof text);
            text[at] = 0;
            posta_span in = posta__span(text, sizeof text);
            assert_int_equal(filter(&l, in, 0, cut, 16, out, sizeof out, &n), POSTA_E_FIELD);
            assert_int_equal(l.why, POSTA__LINES_NUL);
            assert_int_equal(l.taken, at);
            assert_null(memchr(out, 0, n));
            posta_window w = posta__window(out, sizeof out); /* sticky */
            posta_span more = POSTA_LIT("a");
            assert_int_equal(posta__lines_step(&l, &more, &w), POSTA_E_FIELD);
            assert_int_equal(posta__lines_end(&l, &w), POSTA_E_FIELD);
            assert_int_equal(filter(&l, in, POSTA__LINES_ANY_NUL, cut, 16, out, sizeof out, &n),
                             POSTA_OK);
            assert_int_equal(n, sizeof text + 2);
        }
}

static unsigned long pow_of(unsigned long base, unsigned n) {
    return n == 0 ? 1 : base * pow_of(base, n - 1);
}

static void every_window(void **state) {
    uint8_t data[200], whole[2048], out[1024];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t) "a\r\n.\n.\xff"[t_random(7)];
    for (size_t len = 0; len <= 200; len++) {
        uint8_t *p = t_guarded(data, len);
        posta__lines l;
        size_t want = 0, n = 0;
        posta_span in = posta__span(p, len);
        assert_int_equal(
            filter(&l, in, POSTA__LINES_STUFF, T_WHOLE, 800, whole, sizeof whole, &want), POSTA_OK);
        for (size_t window = 1; window <= 16; window++)
            for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
                assert_int_equal(
                    filter(&l, in, POSTA__LINES_STUFF, cut, window, out, sizeof out, &n), POSTA_OK);
                assert_int_equal(n, want);
                assert_memory_equal(out, whole, n);
            }
        t_guard_free(p, len);
    }
}

/* What passes is what the filter writes as it is and forgets nothing of: all strings up to length
 * 6, behind each shorter one. */
static void what_passes(void **state) {
    static const char letters[] = "\r\n.\0\xe9";
    unsigned long passed = 0;
    (void)state;
    for (unsigned len = 0; len <= 6; len++)
        for (unsigned code = 0, all = (unsigned)pow_of(5, len); code < all; code++)
            for (unsigned first = 0; first <= len; first++) {
                uint8_t text[6], wire[32];
                unsigned digits = code;
                for (unsigned i = 0; i < len; i++, digits /= 5)
                    text[i] = (uint8_t)letters[digits % 5];
                posta__lines l, as_was, other;
                posta_window w = posta__window(wire, sizeof wire);
                posta_span head = posta__span(text, first);
                posta_span tail = posta__span(text + first, len - first), in = tail;
                bool has_high, is_same;
                posta__lines_init(&l, POSTA__LINES_STUFF);
                if (posta__lines_step(&l, &head, &w) != POSTA_OK) continue;
                as_was = other = l;
                w = posta__window(wire, sizeof wire);
                is_same = !other.after_cr && posta__lines_step(&other, &in, &w) == POSTA_OK &&
                          !other.after_cr && posta_span_is(posta__span(wire, w.len), tail);
                assert_int_equal(posta__lines_pass(&l, tail, &has_high), is_same);
                assert_memory_equal(&l, is_same ? &other : &as_was, sizeof l);
                if (is_same) assert_int_equal(has_high, !posta__is_ascii(tail));
                passed += is_same;
            }
    assert_true(passed > 1000);
}

/* A line may have 998 octets, however they come. */
static void long_lines_pass(void **state) {
    uint8_t text[1100];
    bool has_high;
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t len = 900; len <= 1001; len++)
        for (size_t first = 0; first <= len; first += 90) {
            posta__lines l;
            posta__lines_init(&l, POSTA__LINES_STUFF);
            memcpy(text + len, "\r\nxyz\r\n", 7);
            assert_true(posta__lines_pass(&l, posta__span(text, first), &has_high));
            assert_int_equal(
                posta__lines_pass(&l, posta__span(text + first, len + 7 - first), &has_high),
                len <= 998);
            memset(text, 'x', sizeof text);
        }
}

static void a_megabyte(void **state) {
    size_t len = 1u << 20, cap = 4u << 20, n = 0, got = 0;
    uint8_t *data = malloc(len), *out = malloc(cap), *back = malloc(cap), *canon = malloc(cap);
    (void)state;
    for (int cut = T_WHOLE; cut <= T_RANDOM; cut++) {
        posta__lines l;
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)(1 + t_random(255));
        unsigned flags = POSTA__LINES_STUFF | POSTA__LINES_ANY_LEN;
        assert_int_equal(filter(&l, posta__span(data, len), flags, cut, 0, out, cap, &n), POSTA_OK);
        memcpy(out + n, ".\r\n", 3);
        assert_true(receive(out, n + 3, back, &got));
        assert_int_equal(got, canon_message(posta__span(data, len), canon));
        assert_memory_equal(back, canon, got);
    }
    free(data), free(out), free(back), free(canon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_rows),     cmocka_unit_test(every_string_every_cut),
        cmocka_unit_test(long_lines),     cmocka_unit_test(reject_refuses_exactly_bare_ends),
        cmocka_unit_test(nul_is_refused), cmocka_unit_test(every_window),
        cmocka_unit_test(what_passes),    cmocka_unit_test(long_lines_pass),
        cmocka_unit_test(a_megabyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
