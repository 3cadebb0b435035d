/* scan and the choice of encoding: rows D06-D08, H17. Counts are checked against counting by hand,
 * lengths against what the encoders write. */
#include "codec_t.h"

static posta__scan scan(posta_span in, int cut) {
    posta__scan s;
    posta__scan_init(&s, POSTA__SCAN_QP_TEXT | POSTA__SCAN_QP_BINARY);
    while (in.len > 0) {
        size_t n = t_cut_len(cut, in.len);
        posta__scan_step(&s, posta__span(in.p, n));
        in = posta__span(in.p + n, in.len - n);
    }
    posta__scan_end(&s);
    return s;
}

static size_t qp_len(posta_span in, bool binary) {
    posta__qp q;
    uint8_t *out = malloc(4 * in.len + 16);
    posta_window w = posta__window(out, 4 * in.len + 16);
    posta__qp_init(&q, binary);
    assert_int_equal(posta__qp_step(&q, &in, &w), POSTA_OK);
    assert_int_equal(posta__qp_end(&q, &w), POSTA_OK);
    free(out);
    return w.len;
}

static void check(posta_span in, int cut) {
    posta__scan s = scan(in, cut);
    uint64_t high = 0, nul = 0, cr = 0, lf = 0, longest = 0, column = 0;
    uint8_t *canon = malloc(2 * in.len + 1);
    size_t canon_len = t_canon(in, canon);
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.p[i];
        high += c >= 0x80;
        nul += c == 0;
        cr += c == '\r' && (i + 1 == in.len || in.p[i + 1] != '\n');
        lf += c == '\n' && (i == 0 || in.p[i - 1] != '\r');
        column = c == '\r' || c == '\n' ? 0 : column + 1;
        if (column > longest) longest = column;
    }
    free(canon);
    assert_int_equal(s.octets, in.len);
    assert_int_equal(s.canonical, canon_len);
    assert_int_equal(s.high, high);
    assert_int_equal(s.nul, nul);
    assert_int_equal(s.bare_cr, cr);
    assert_int_equal(s.bare_lf, lf);
    assert_int_equal(s.longest, longest);
    assert_int_equal(s.ends_line,
                     in.len == 0 || in.p[in.len - 1] == '\r' || in.p[in.len - 1] == '\n');
    assert_int_equal(s.qp_text_len, qp_len(in, false));
    assert_int_equal(s.qp_binary_len, qp_len(in, true));
}

static void every_string(void **state) {
    (void)state;
    for (unsigned len = 0; len <= 5; len++)
        for (unsigned code = 0; code < 1u << (3 * len); code++) {
            uint8_t text[5];
            for (unsigned i = 0; i < len; i++)
                text[i] = (uint8_t) "\r\n.a F\x80"[code >> (3 * i) & 7]; /* the eighth is NUL */
            uint8_t *p = t_guarded(text, len);
            check(posta__span(p, len), T_WHOLE);
            check(posta__span(p, len), T_BYTES);
            t_guard_free(p, len);
        }
}

static void long_and_random(void **state) {
    size_t len = 200000;
    uint8_t *data = malloc(len);
    (void)state;
    for (int round = 0; round < 8; round++) {
        for (size_t i = 0; i < len; i++)
            data[i] =
                (uint8_t)(round & 1 ? t_random(256) : (uint8_t) "some words.\r\n F"[t_random(15)]);
        check(posta__span(data, len), round % 3);
    }
    free(data);
}

/* Octets above 127 are looked at, however they are cut off from what follows. */
static void every_utf8(void **state) {
    (void)state;
    for (unsigned len = 0; len <= 5; len++)
        for (unsigned code = 0; code < 1u << (2 * len); code++)
            for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
                uint8_t text[5];
                size_t at = len;
                for (unsigned i = 0; i < len; i++)
                    text[i] = (uint8_t) "a\xc3\xa9\n"[code >> (2 * i) & 3];
                posta__scan s = scan(posta__span(text, len), cut);
                assert_int_equal(s.utf8.is_bad, !posta__utf8_check(posta__span(text, len), &at));
                assert_int_equal(s.utf8.at, at);
            }
}

static posta__cte choose(posta_span in, bool is_text, bool may_8bit) {
    posta__scan s = scan(in, T_RANDOM);
    return posta__encoding_choose(&s, is_text, may_8bit);
}

static void choices(void **state) {
    uint8_t line[2000];
    (void)state;
    memset(line, 'a', sizeof line);
    posta_span ascii = POSTA_LIT("Hello\nworld\r\n"),
               latin = POSTA_LIT("caf\xc3\xa9 and more words\n");
    posta_span nul = POSTA_LIT("a\0b"), crlf = POSTA_LIT("a\r\nb"), bare = POSTA_LIT("a\nb"),
               none = {0};
    assert_int_equal(choose(none, true, false), POSTA__CTE_7BIT);
    assert_int_equal(choose(none, false, false), POSTA__CTE_7BIT);
    assert_int_equal(choose(ascii, true, false), POSTA__CTE_7BIT);
    assert_int_equal(choose(ascii, true, true), POSTA__CTE_7BIT);
    assert_int_equal(choose(latin, true, true), POSTA__CTE_8BIT);
    assert_int_equal(choose(latin, true, false), POSTA__CTE_QP);
    assert_int_equal(choose(POSTA_LIT("\xd0\x96\xd0\x96\xd0\x96\xd0\x96"), true, false),
                     POSTA__CTE_BASE64);
    assert_true(choose(nul, true, true) >= POSTA__CTE_QP);
    assert_true(choose(nul, false, true) >= POSTA__CTE_QP);
    assert_int_equal(choose(crlf, false, true), POSTA__CTE_7BIT);
    assert_true(choose(bare, false, true) >= POSTA__CTE_QP);
    assert_true(choose(latin, false, true) >= POSTA__CTE_QP); /* octets never go as 8bit */
    for (size_t len = 997; len <= 1001; len++) {
        posta__cte want = len <= 998 ? POSTA__CTE_7BIT : POSTA__CTE_QP;
        assert_int_equal(choose(posta__span(line, len), true, true), want);
        assert_int_equal(choose(posta__span(line, len), false, true), want);
    }
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = (uint8_t)t_random(256);
    assert_int_equal(choose(posta__span(line, sizeof line), false, true), POSTA__CTE_BASE64);
    assert_int_equal(choose(posta__span(line, sizeof line), true, false), POSTA__CTE_BASE64);
    posta__scan s; /* not measured: never quoted-printable */
    posta__scan_init(&s, 0);
    posta__scan_step(&s, latin);
    posta__scan_end(&s);
    assert_int_equal(posta__encoding_choose(&s, true, false), POSTA__CTE_BASE64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_string),
        cmocka_unit_test(long_and_random),
        cmocka_unit_test(every_utf8),
        cmocka_unit_test(choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
