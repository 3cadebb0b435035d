/* base64: rows D05, H16, H22. The judge is the decoder in codec_t.h. */
#include "codec_t.h"

static posta_status step(void *x, posta_span *in, posta_window *out) {
    return posta__base64_step(x, in, out);
}
static posta_status end(void *x, posta_window *out) {
    return posta__base64_end(x, out);
}

static size_t encode(posta_span in, unsigned flags, int cut, size_t window, uint8_t *out,
                     size_t cap) {
    posta__base64 b;
    t_run run = {step, end, &b, cut, window};
    size_t len = 0;
    posta__base64_init(&b, flags);
    assert_int_equal(t_drive(&run, in, out, cap, &len), POSTA_OK);
    return len;
}

static void vectors(void **state) {
    static const char *rows[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"}, /* RFC 4648 10 */
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};
    uint8_t out[128];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = encode(t_span(rows[i][0]), 0, T_WHOLE, 64, out, sizeof out);
        assert_int_equal(len, strlen(rows[i][1]));
        assert_memory_equal(out, rows[i][1], len);
        posta_window w = posta__window(out, strlen(rows[i][1]));
        assert_true(posta__base64_put(&w, t_span(rows[i][0])));
        assert_int_equal(w.len, strlen(rows[i][1]));
        assert_memory_equal(out, rows[i][1], w.len);
        w = posta__window(out, strlen(rows[i][0]));
        assert_int_equal(posta__base64_decode(t_span(rows[i][1]), &w), POSTA_OK);
        assert_int_equal(w.len, strlen(rows[i][0]));
        assert_memory_equal(out, rows[i][0], w.len);
        if (w.len == 0) continue;
        w = posta__window(out, strlen(rows[i][0]) - 1);
        assert_int_equal(posta__base64_decode(t_span(rows[i][1]), &w), POSTA_E_LIMIT);
        w = posta__window(out, strlen(rows[i][1]) - 1);
        assert_false(posta__base64_put(&w, t_span(rows[i][0])));
        assert_int_equal(w.len, 0);
    }
}

static void decoder_refuses(void **state) {
    static const char *rows[] = {"A",    "AA",    "AAA",  "A===",     "====",
                                 "AA=A", "AB==",  "AAB=", "AA==AAAA", "AA A",
                                 "!!!!", "AAA\n", "=AAA", "AAAA=",    "AA-_"};
    uint8_t out[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        posta_window w = posta__window(out, sizeof out);
        uint8_t *p = t_guarded(rows[i], strlen(rows[i]));
        assert_int_equal(posta__base64_decode(posta__span(p, strlen(rows[i])), &w), POSTA_E_FIELD);
        assert_int_equal(w.len, 0);
        t_guard_free(p, strlen(rows[i]));
    }
}

/* Every length 0..200, every window 1..16, cut whole and by octets: same output, exact length. */
static void every_window(void **state) {
    uint8_t data[200], whole[2048], out[1024], back[600], canon[400];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t) "a\r\n\0\n\xff.\r=x"[t_random(10)];
    for (size_t len = 0; len <= 200; len++) {
        uint8_t *p = t_guarded(data, len);
        posta_span in = posta__span(p, len);
        for (unsigned flags = 0; flags < 4; flags++) {
            bool is_text = flags & POSTA__BASE64_TEXT, flat = flags & POSTA__BASE64_UNWRAPPED;
            size_t want = encode(in, flags, T_WHOLE, 600, whole, sizeof whole);
            size_t canon_len = t_canon(in, canon);
            size_t got = flat ? t_base64(whole, want, back) : t_base64_lines(whole, want, back);
            assert_int_equal(got, is_text ? canon_len : len);
            assert_memory_equal(back, is_text ? canon : data, got);
            uint64_t told = 0;
            assert_true(posta__base64_len(got, &told));
            if (!flat) assert_int_equal(told, want);
            for (size_t window = 1; window <= 16; window++)
                for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {

                    assert_int_equal(encode(in, flags, cut, window, out, sizeof out), want);
                    assert_memory_equal(out, whole, want);
                }
        }
        t_guard_free(p, len);
    }
}

static void a_megabyte(void **state) {
    size_t len = 1u << 20, cap = 5u << 20;
    uint8_t *data = malloc(len), *out = malloc(cap), *back = malloc(cap), *canon = malloc(cap);
    (void)state;
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)t_random(256);
    size_t canon_len = t_canon(posta__span(data, len), canon);
    for (unsigned flags = 0; flags < 2; flags++)
        for (int cut = T_WHOLE; cut <= T_RANDOM; cut++) {
            size_t n = encode(posta__span(data, len), flags, cut, 0, out, cap);
            uint64_t told = 0;
            assert_true(posta__base64_len(flags ? canon_len : len, &told));
            assert_int_equal(n, told);
            assert_int_equal(t_base64_lines(out, n, back), flags ? canon_len : len);
            assert_memory_equal(back, flags ? canon : data, flags ? canon_len : len);
        }
    posta_window w = posta__window(out, cap), d = posta__window(back, cap);
    assert_true(posta__base64_put(&w, posta__span(data, len)));
    assert_int_equal(posta__base64_decode(posta__span(out, w.len), &d), POSTA_OK);
    assert_int_equal(d.len, len);
    assert_memory_equal(back, data, len);
    free(data), free(out), free(back), free(canon);
}

static void lengths_do_not_overflow(void **state) {
    uint64_t len = 0;
    (void)state;
    assert_true(posta__base64_len(57, &len) && len == 76);
    assert_true(posta__base64_len(58, &len) && len == 82);
    assert_true(posta__base64_len((uint64_t)1 << 32, &len));
    assert_int_equal(len, 5726623064u + (5726623064u - 1) / 76 * 2);
    assert_false(posta__base64_len(UINT64_MAX, &len));
    assert_true(len == UINT64_MAX);
    assert_false(posta__base64_len((uint64_t)3 << 62, &len));
    assert_false(posta__base64_len(UINT64_MAX / 4 * 3, &len)); /* fits without line ends only */
    assert_true(len == UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(decoder_refuses),
        cmocka_unit_test(every_window),
        cmocka_unit_test(a_megabyte),
        cmocka_unit_test(lengths_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
