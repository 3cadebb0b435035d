/* The kernels of a session's place reach what encodes a text step by step, and the engine. */
#include "steps.h"

#include "../../codec/codec_i.h"

static size_t plain_n, lines_n;

static size_t qp_plain(const uint8_t *in, size_t most, size_t len, uint8_t *out) {
    plain_n++;
    return posta__kernels_portable.qp_plain(in, most, len, out);
}

static void text_lines(posta_span *in, unsigned flags, posta_window *out) {
    lines_n++;
    posta__kernels_portable.text_lines(in, flags, out);
}

static void test_they_are_used(void **state) {
    static const char text[] = "some caf\xc3\xa9, and what is plain\n";
    posta_kernels spies = posta__kernels_portable;
    net n;
    (void)state;
    spies.qp_plain = qp_plain;
    spies.text_lines = text_lines;
    net_init(&n);
    n.port.kernels = &spies;
    n.toy.offers = "";
    posta_session_config c = net_config(&n);
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    address_it(s);
    assert_int_equal(posta_session_begin_message(s, "s", NULL, 0), POSTA_OK);
    put_all(s, text, sizeof text - 1, sizeof text);
    assert_int_equal(posta_session_end_message(s), POSTA_OK);
    assert_true(wrote(&n, "some caf=C3=A9, and what is plain\r\n.\r\n"));
    assert_true(plain_n > 0);
    assert_true(lines_n > 0);
    close_session(&n, &s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_they_are_used)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
