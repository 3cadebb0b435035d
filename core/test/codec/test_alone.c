/* posta/codec.h: each encoder and decoder at every length and window, there and back; what is no
 * base64 and no quoted-printable; encoded words of others; mailboxes. Rows B08, C18, H02, H04. */
#include "codec_t.h"

#include "posta/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define IN_MAX 200u

static size_t run(posta_codec_kind kind, unsigned flags, posta_span in, size_t cut, size_t cap,
                  uint8_t *out, posta_status *status_out) {
    posta_codec c;
    uint8_t window[64];
    size_t len = 0;
    posta_status status = posta_codec_begin(&c, kind, flags, NULL);
    assert_int_equal(status, POSTA_OK);
    while (in.len > 0 && status == POSTA_OK) {
        posta_span piece = posta__span_sub(in, 0, cut);
        in = posta__span_sub(in, piece.len, in.len);
        do {
            posta_window w = posta__window(window, cap);
            size_t before = piece.len;
            status = posta_codec_step(&c, &piece, &w);
            if (cap >= 8 && status == POSTA_AGAIN) assert_true(w.len > 0 || piece.len < before);
            memcpy(out + len, window, w.len);
            len += w.len;
        } while (status == POSTA_AGAIN);
    }
    while (status == POSTA_OK) {
        posta_window w = posta__window(window, cap);
        status = posta_codec_end(&c, &w);
        memcpy(out + len, window, w.len);
        len += w.len;
        if (status != POSTA_AGAIN) break;
        status = POSTA_OK;
    }
    *status_out = status;
    return len;
}

static const struct {
    posta_codec_kind encode, decode;
    unsigned flags;
} pairs[] = {
    {POSTA_BASE64_ENCODE, POSTA_BASE64_DECODE, 0},
    {POSTA_BASE64_ENCODE, POSTA_BASE64_DECODE, POSTA_CODEC_WRAP},
    {POSTA_BASE64_ENCODE, POSTA_BASE64_DECODE, POSTA_CODEC_WRAP | POSTA_CODEC_TEXT},
    {POSTA_QP_ENCODE, POSTA_QP_DECODE, 0},
    {POSTA_QP_ENCODE, POSTA_QP_DECODE, POSTA_CODEC_TEXT},
};

/* CR, LF and CRLF as CRLF. */
static size_t canonical(posta_span in, uint8_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        bool is_end = in.p[i] == '\r' || in.p[i] == '\n';
        if (in.p[i] == '\n' && i > 0 && in.p[i - 1] == '\r') continue;
        if (is_end) out[n++] = '\r';
        out[n++] = is_end ? '\n' : in.p[i];
    }
    return n;
}

static void there_and_back(void **state) {
    uint8_t in[IN_MAX], want[2 * IN_MAX], encoded[8 * IN_MAX], first[8 * IN_MAX], back[8 * IN_MAX];
    uint32_t seed = 7;
    (void)state;
    for (size_t i = 0; i < IN_MAX; i++) {
        static const char some[] = "\r\n\t =.From abc\xc3\xb3\x80";
        seed = seed * 1664525u + 1013904223u;
        in[i] = (seed >> 24) % 3 ? (uint8_t)some[(seed >> 16) % (sizeof some - 1)]
                                 : (uint8_t)(seed >> 8);
    }
    for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++)
        for (size_t len = 0; len <= IN_MAX; len++) {
            posta_span text = posta__span(in, len);
            bool is_text = (pairs[p].flags & POSTA_CODEC_TEXT) != 0;
            size_t want_len = is_text ? canonical(text, want) : len, first_len = 0;
            if (!is_text) memcpy(want, in, len);
            for (size_t cap = 8; cap <= 16; cap++) {
                posta_status status;
                size_t cut = len % 7 + 1;
                size_t n = run(pairs[p].encode, pairs[p].flags, text, cut, cap, encoded, &status);
                assert_int_equal(status, POSTA_OK);
                if (cap == 8) {
                    memcpy(first, encoded, n);
                    first_len = n;
                }
                assert_int_equal(n, first_len);
                assert_memory_equal(encoded, first, n);
                n = run(pairs[p].decode, 0, posta__span(encoded, n), cut, cap, back, &status);
                assert_int_equal(status, POSTA_OK);
                assert_int_equal(n, want_len);
                assert_memory_equal(back, want, n);
            }
        }
}

typedef struct row {
    posta_codec_kind kind;
    unsigned flags;
    const char *in, *want; /* want null: refused */
    uint64_t at;
    const char *why;
} row;

static const row rows[] = {
    {POSTA_BASE64_DECODE, 0, "", "", 0, NULL},
    {POSTA_BASE64_DECODE, 0, "YQ==", "a", 0, NULL},
    {POSTA_BASE64_DECODE, 0, " Y\r\nQ\t= = \n", "a", 0, NULL},
    {POSTA_BASE64_DECODE, 0, "YWJj", "abc", 0, NULL},
    {POSTA_BASE64_DECODE, 0, "YWI=", "ab", 0, NULL},
    {POSTA_BASE64_DECODE, POSTA_CODEC_STRICT, "YW Jj", NULL, 2, "white space"},
    {POSTA_BASE64_DECODE, 0, "YW!j", NULL, 2, "not of base64"},
    {POSTA_BASE64_DECODE, 0, "YWJ", NULL, 3, "middle of a group"},
    {POSTA_BASE64_DECODE, 0, "Y===", NULL, 1, "padding where none"},
    {POSTA_BASE64_DECODE, 0, "====", NULL, 0, "padding where none"},
    {POSTA_BASE64_DECODE, 0, "YQ==YQ==", NULL, 4, "behind its padding"},
    {POSTA_BASE64_DECODE, 0, "YQ=a", NULL, 3, "behind its padding"},
    {POSTA_BASE64_DECODE, 0, "YR==", NULL, 3, "not zero"},
    {POSTA_BASE64_DECODE, 0, "YWK=", NULL, 3, "not zero"}, /* K ends in 10 */
    {POSTA_QP_DECODE, 0, "a=\r\nb", "ab", 0, NULL},
    {POSTA_QP_DECODE, 0, "a=\nb", "ab", 0, NULL},
    {POSTA_QP_DECODE, 0, "a= \t\r\nb", "ab", 0, NULL},
    {POSTA_QP_DECODE, 0, "a \t\r\nb  ", "a\r\nb", 0, NULL},
    {POSTA_QP_DECODE, 0, "a \tb", "a \tb", 0, NULL},
    {POSTA_QP_DECODE, 0, "a\nb\rc\r\n", "a\r\nb\r\nc\r\n", 0, NULL},
    {POSTA_QP_DECODE, 0, "=41=c3=B3", "A\xc3\xb3", 0, NULL},
    {POSTA_QP_DECODE, 0, "=20\r\n", " \r\n", 0, NULL},
    {POSTA_QP_DECODE, 0, "a=", "a", 0, NULL},
    {POSTA_QP_DECODE, 0, "a=4", NULL, 3, "middle of an escape"},
    {POSTA_QP_DECODE, 0, "a=4x", NULL, 3, "two hex digits"},
    {POSTA_QP_DECODE, 0, "a=x4", NULL, 2, "two hex digits"},
    {POSTA_QP_DECODE, 0, "a= 4", NULL, 3, "two hex digits"},
    {POSTA_QP_DECODE, 0, "a=\rb", NULL, 3, "two hex digits"},
};

static void decoded(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t cut = 1; cut < 8; cut++) {
            const row *r = &rows[i];
            posta_span in = posta__span_of(r->in);
            uint8_t out[256];
            uint64_t at = 0;
            posta_codec c;
            posta_window w = posta__window(out, sizeof out);
            posta_status status = POSTA_OK;
            assert_int_equal(posta_codec_begin(&c, r->kind, r->flags, NULL), POSTA_OK);
            while (in.len > 0 && status == POSTA_OK) {
                posta_span piece = posta__span_sub(in, 0, cut);
                size_t n = piece.len;
                status = posta_codec_step(&c, &piece, &w);
                in = posta__span_sub(in, n - piece.len, in.len);
            }
            if (status == POSTA_OK) status = posta_codec_end(&c, &w);
            if (!r->want) {
                assert_int_equal(status, POSTA_E_FIELD);
                if (!strstr(posta_codec_why(&c, &at), r->why))
                    fail_msg("%s: %s", r->in, posta_codec_why(&c, NULL));
                assert_int_equal(at, r->at);
                continue;
            }
            if (status != POSTA_OK) fail_msg("%s: %s", r->in, posta_codec_why(&c, NULL));
            assert_null(posta_codec_why(&c, NULL));
            assert_int_equal(w.len, strlen(r->want));
            assert_memory_equal(out, r->want, w.len);
        }
}

/* All octets are refused or taken, none more than once, and the blanks of a line are not lost. */
static void any_octet(void **state) {
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (int kind = POSTA_BASE64_DECODE; kind <= POSTA_QP_DECODE; kind += 2) {
            uint8_t in[4] = {'Y', (uint8_t)c, 'Q', '='}, out[16];
            posta_status status;
            size_t n = run((posta_codec_kind)kind, 0, posta__span(in, 4), 4, 8, out, &status);
            assert_true(n <= 4);
        }
    for (size_t blanks = 0; blanks < 200; blanks++) {
        uint8_t in[256], out[256];
        posta_status status;
        for (size_t i = 0; i < blanks; i++)
            in[i] = i % 3 ? ' ' : '\t';
        in[blanks] = 'x';
        assert_int_equal(run(POSTA_QP_DECODE, 0, posta__span(in, blanks + 1), 5, 8, out, &status),
                         blanks + 1);
        assert_memory_equal(in, out, blanks + 1);
    }
}

static void arguments(void **state) {
    posta_codec c;
    (void)state;
    assert_int_equal(posta_codec_begin(NULL, POSTA_QP_DECODE, 0, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_codec_begin(&c, (posta_codec_kind)4, 0, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_codec_begin(&c, POSTA_QP_DECODE, POSTA_CODEC_TEXT, NULL),
                     POSTA_E_ARGUMENT);
    assert_int_equal(posta_codec_begin(&c, POSTA_QP_ENCODE, POSTA_CODEC_WRAP, NULL),
                     POSTA_E_ARGUMENT);
}

/* ---- words ---- */

#define R "\xef\xbf\xbd"

static void words_back(void **state) {
    static const struct {
        const char *in, *want;
        size_t left;
    } cases[] = {
        {"", "", 0},
        {"plain text", "plain text", 0},
        {"=?utf-8?Q?a_=C3=B3?=", "a \xc3\xb3", 0},
        {"=?UTF-8?b?w7M=?=", "\xc3\xb3", 0},
        {"=?UTF-8?B?w7M?=", "\xc3\xb3", 0}, /* no padding */
        {"a =?utf-8?q?b?= c", "a b c", 0},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab", 0},
        {"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab", 0},
        {"=?utf-8?q?a?= =?iso-8859-1?q?=F3?= c", "a\xc3\xb3 c", 0},
        {"=?utf-8?q?=C3?= =?utf-8?q?=B3?=", "\xc3\xb3", 0}, /* a character cut in two */
        {"=?iso-8859-1*en?q?=E9?=", "\xc3\xa9", 0},
        {"=?iso-8859-15?q?=A4?=", "\xe2\x82\xac", 0},
        {"=?windows-1252?q?=80=81?=", "\xe2\x82\xac" R, 0},
        {"=?utf-8?q?a=0D=0ABcc:_x=00?=", "a" R R "Bcc: x" R, 0},
        {"=?utf-8?q?=FF?=", R, 0},
        {"=?koi8-r?q?=C1?= x", "=?koi8-r?q?=C1?= x", 1},
        {"=?utf-8?q?a?= =?koi8-r?q?=C1?=", "a =?koi8-r?q?=C1?=", 1},
        {"x=?utf-8?q?a?=", "x=?utf-8?q?a?=", 0}, /* not at the begin of a word */
        {"(=?utf-8?q?a?=)", "(a)", 0},
        {"=?utf-8?q?a b?=", "=?utf-8?q?a b?=", 0},
        {"=?utf-8?x?a?=", "=?utf-8?x?a?=", 0},
        {"=?utf-8?q?=4?=", "=?utf-8?q?=4?=", 0},
        {"=?utf-8?b?!!!!?=", "=?utf-8?b?!!!!?=", 0},
        {"=?utf-8?q?" "?=", "", 0},
        {"=?utf-8?q?a?", "=?utf-8?q?a?", 0},
        {"=?", "=?", 0},
        {"\xc3\xb3 raw", "\xc3\xb3 raw", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[256];
        posta_window w = posta__window(out, sizeof out);
        size_t left = 99;
        posta_span in = posta__span_of(cases[i].in);
        assert_int_equal(posta_word_decode(in, &w, &left), POSTA_OK);
        if (w.len != strlen(cases[i].want) || memcmp(out, cases[i].want, w.len) != 0)
            fail_msg("%s: \"%.*s\"", cases[i].in, (int)w.len, (const char *)out);
        assert_int_equal(left, cases[i].left);
        for (size_t cap = 0; cap < strlen(cases[i].want); cap++) {
            w = posta__window(out, cap);
            assert_int_equal(posta_word_decode(in, &w, NULL), POSTA_E_LIMIT);
            assert_int_equal(w.len, 0);
        }
    }
}

static void words_there(void **state) {
    uint32_t seed = 3;
    (void)state;
    for (size_t n = 0; n < 4000; n++) {
        static const char *const some[] = {"a",         " ",  "\xc3\xb3", "\xf0\x9f\x98\x80",
                                           "=?x?q?y?=", "?",  "=",        "word",
                                           ".",         "\"", "\t",       "\xe2\x82\xac"};
        uint8_t text[512], coded[3000], back[1600];
        posta_window t = posta__window(text, sizeof text), c = posta__window(coded, sizeof coded),
                     b = posta__window(back, sizeof back);
        for (size_t i = n % 60; i > 0; i--) {
            seed = seed * 1664525u + 1013904223u;
            posta__put(&t, posta__span_of(some[(seed >> 16) % 12]));
        }
        assert_int_equal(posta_word_encode(posta__span(text, t.len), &c), POSTA_OK);
        assert_true(posta__is_ascii(posta__span(coded, c.len)));
        assert_null(c.len > 0 ? memchr(coded, '\n', c.len) : NULL);
        assert_int_equal(posta_word_decode(posta__span(coded, c.len), &b, NULL), POSTA_OK);
        if (b.len != t.len || memcmp(back, text, t.len) != 0)
            fail_msg("\"%.*s\": \"%.*s\": \"%.*s\"", (int)t.len, (const char *)text, (int)c.len,
                     (const char *)coded, (int)b.len, (const char *)back);
        for (size_t cap = 0; cap < c.len && cap < 40; cap++) {
            posta_window small = posta__window(coded, cap);
            assert_int_equal(posta_word_encode(posta__span(text, t.len), &small), POSTA_E_LIMIT);
            assert_int_equal(small.len, 0);
        }
    }
    posta_window w = posta__window(NULL, 0);
    assert_int_equal(posta_word_encode(POSTA_LIT("a\r\nb"), &w), POSTA_E_FIELD);
    assert_int_equal(posta_word_encode(POSTA_LIT("\xff"), &w), POSTA_E_FIELD);
}

/* ---- mailboxes ---- */

static void mailboxes(void **state) {
    char store[128];
    uint8_t out[256];
    posta_mailbox m;
    posta_problem p;
    posta_window w = posta__window(out, sizeof out);
    (void)state;
    assert_int_equal(
        posta_mailbox_parse(POSTA_LIT("\"Doe, J\" <\"a b\"@x.org>"), store, sizeof store, &m, &p),
        POSTA_OK);
    assert_true(posta_span_is(m.name, POSTA_LIT("Doe, J")));
    assert_true(posta_span_is(m.local_part, POSTA_LIT("a b")));
    assert_true(posta_span_is(m.domain, POSTA_LIT("x.org")));
    assert_int_equal(posta_mailbox_format(&m, &w), POSTA_OK);
    assert_true(posta_span_is(posta__span(out, w.len), POSTA_LIT("\"Doe, J\" <\"a b\"@x.org>")));
    w.len = 0;
    m.name = POSTA_LIT("\xc3\xb3");
    assert_int_equal(posta_mailbox_format(&m, &w), POSTA_OK);
    assert_true(
        posta_span_is(posta__span(out, w.len), POSTA_LIT("=?utf-8?B?w7M=?= <\"a b\"@x.org>")));
    for (size_t cap = 0; cap < w.len; cap++) {
        posta_window small = posta__window(out, cap);
        assert_int_equal(posta_mailbox_format(&m, &small), POSTA_E_LIMIT);
        assert_int_equal(small.len, 0);
    }
    m.name = POSTA_LIT("a\nb");
    assert_int_equal(posta_mailbox_format(&m, &w), POSTA_E_FIELD);
    m.name.len = 0;
    m.local_part = POSTA_LIT("a\r\nb");
    assert_int_equal(posta_mailbox_format(&m, &w), POSTA_E_FIELD);
    m.local_part = POSTA_LIT("a");
    m.domain = POSTA_LIT("x>y");
    assert_int_equal(posta_mailbox_format(&m, &w), POSTA_E_FIELD);
    assert_int_equal(posta_mailbox_parse(POSTA_LIT("a@b, c@d"), store, sizeof store, &m, &p),
                     POSTA_E_FIELD);
    assert_string_equal(p.field, "address");
    assert_non_null(strstr(p.text, "address: \"a@b, c@d\" "));
    assert_int_equal(posta_mailbox_parse(POSTA_LIT("abc@def"), store, 3, &m, NULL), POSTA_E_LIMIT);
    assert_int_equal(posta_address_validate(POSTA_LIT("a@b"), &p), POSTA_OK);
    assert_int_equal(posta_address_validate(POSTA_LIT("A <a@b>"), &p), POSTA_E_FIELD);
    assert_int_equal(posta_address_validate(POSTA_LIT("a"), &p), POSTA_E_FIELD);
    assert_non_null(strstr(p.text, "has no @"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(decoded),
        cmocka_unit_test(any_octet),      cmocka_unit_test(arguments),
        cmocka_unit_test(words_back),     cmocka_unit_test(words_there),
        cmocka_unit_test(mailboxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
