/* quoted-printable: rows D05, H17. The judge is the decoder in codec_t.h, which also refuses what
 * RFC 2045 6.7 forbids. */
#include "codec_t.h"

static posta_status step(void *x, posta_span *in, posta_window *out) {
    return posta__qp_step(x, in, out);
}
static posta_status end(void *x, posta_window *out) {
    return posta__qp_end(x, out);
}

static size_t encode(posta_span in, bool is_binary, int cut, size_t window, uint8_t *out,
                     size_t cap) {
    posta__qp q;
    t_run run = {step, end, &q, cut, window};
    size_t len = 0;
    posta__qp_init(&q, is_binary);
    assert_int_equal(t_drive(&run, in, out, cap, &len), POSTA_OK);
    return len;
}

static void vectors(void **state) {
    static const char *rows[][3] = {
        /* input, text, binary */
        {"", "", ""},
        {"a b", "a b", "a b"},
        {"a=b", "a=3Db", "a=3Db"},
        {"caf\xc3\xa9", "caf=C3=A9", "caf=C3=A9"},
        {"a \n", "a=20\r\n", "a =0A"},
        {"a\t\r\nb", "a=09\r\nb", "a\t=0D=0Ab"},
        {"a  \r", "a =20\r\n", "a  =0D"},
        {"a ", "a=20", "a=20"},
        {" ", "=20", "=20"},
        {"\r\n\r", "\r\n\r\n", "=0D=0A=0D"},
        {"\n\r", "\r\n\r\n", "=0A=0D"},
        {".", "=2E", "=2E"},
        {"..\n.", "=2E.\r\n=2E", "=2E.=0A."},
        {"From me\nFrom\nFro\nF", "=46rom me\r\nFrom\r\nFro\r\nF", "=46rom me=0AFrom=0AFro=0AF"},
        {"FFrom From ", "FFrom From=20", "FFrom From=20"},
        {"From ", "=46rom=20", "=46rom=20"},
        {"From \n", "=46rom=20\r\n", "=46rom =0A"},
        {"Fr=m", "Fr=3Dm", "Fr=3Dm"},
        {"\x7f\x01", "=7F=01", "=7F=01"},
    };
    uint8_t out[128];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int binary = 0; binary < 2; binary++) {
            size_t len = encode(t_span(rows[i][0]), binary, T_WHOLE, 64, out, sizeof out);
            assert_int_equal(len, strlen(rows[i][1 + binary]));
            assert_memory_equal(out, rows[i][1 + binary], len);
        }
}

static void check(posta_span in, const uint8_t *wire, size_t wire_len, bool binary) {
    uint8_t *back = malloc(3 * wire_len + 1), *canon = malloc(2 * in.len + 1);
    size_t want = t_canon(in, canon), got = t_qp(wire, wire_len, back);
    assert_int_equal(got, binary ? in.len : want);
    if (got > 0) assert_memory_equal(back, binary ? in.p : canon, got);
    free(back), free(canon);
}

static void every_window(void **state) {
    uint8_t data[200], whole[4096], out[2048];
    (void)state;
    for (int round = 0; round < 6; round++) {
        /* letters that matter often, then long lines where soft breaks meet them */
        static const char *alphabets[] = {
            "a \r\n.From=\xc3\t", "From .a", "aaaaaaaaaaaaaaaa. F", " ", "a\xff", "\r\n"};
        size_t n = strlen(alphabets[round]);
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)alphabets[round][t_random((uint32_t)n)];
        for (size_t len = 0; len <= 200; len++) {
            uint8_t *p = t_guarded(data, len);
            posta_span in = posta__span(p, len);
            for (int binary = 0; binary < 2; binary++) {
                size_t want = encode(in, binary, T_WHOLE, 1024, whole, sizeof whole);
                check(in, whole, want, binary);
                for (size_t window = 1; window <= 16; window++)
                    for (int cut = T_WHOLE; cut <= T_BYTES; cut++) {
                        assert_int_equal(encode(in, binary, cut, window, out, sizeof out), want);
                        assert_memory_equal(out, whole, want);
                    }
            }
            t_guard_free(p, len);
        }
    }
}

/* All strings over the letters of the rules, behind a line filled to each place near its end. */
static void every_string_at_the_line_end(void **state) {
    static const char letters[] = {'\r', '\n', ' ', '.', 'F', '='};
    uint8_t data[100], out[400];
    (void)state;
    for (size_t fill = 68; fill <= 78; fill++)
        for (unsigned n = 0; n < 6 * 6 * 6 * 6 * 6; n++) {
            memset(data, 'a', fill);
            unsigned code = n;
            for (size_t i = 0; i < 5; i++, code /= 6)
                data[fill + i] = (uint8_t)letters[code % 6];
            for (int binary = 0; binary < 2; binary++) {
                posta_span in = posta__span(data, fill + 5);
                check(in, out, encode(in, binary, T_WHOLE, 300, out, sizeof out), binary);
            }
        }
}

static void lines_are_full(void **state) {
    uint8_t data[1000], out[2000];
    (void)state;
    memset(data, 'x', sizeof data);
    size_t len = encode(posta__span(data, 750), false, T_WHOLE, 1000, out, sizeof out);
    assert_int_equal(len, 750 + 9 * 3); /* 75 and a soft break on each line but the last */
}

static void a_megabyte(void **state) {
    size_t len = 1u << 20, cap = 4u << 20;
    uint8_t *data = malloc(len), *out = malloc(cap);
    (void)state;
    for (int binary = 0; binary < 2; binary++)
        for (int cut = T_WHOLE; cut <= T_RANDOM; cut++) {
            for (size_t i = 0; i < len; i++)
                data[i] = (uint8_t)(cut == T_BYTES ? (uint8_t) "word .From=\r\n"[t_random(13)]
                                                   : t_random(256));
            check(posta__span(data, len), out,
                  encode(posta__span(data, len), binary, cut, 0, out, cap), binary);
        }
    free(data), free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),        cmocka_unit_test(every_window),
        cmocka_unit_test(lines_are_full), cmocka_unit_test(every_string_at_the_line_end),
        cmocka_unit_test(a_megabyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
