/* What the place offers is used, and changes nothing; what lies in memory is encoded like what a
 * source gives, though it is measured later. */
#include "t_mime.h"

#include "../../codec/codec_i.h"

/* ---- memory and sources ---- */

typedef struct content {
    const char *p;
    size_t len;
} content;

static t_text compose(content c, posta_encoding e, bool is_source, bool may_8bit) {
    t_place place;
    posta_message *m;
    posta_part_options o = POSTA_PART_OPTIONS;
    t_body b = t_body_of(c.p, c.len);
    t_text t;
    t_place_init(&place);
    m = t_message(&place);
    o.encoding = e;
    posta_message_text(m, is_source ? t_source(&b, true, c.len) : posta_body_data(c.p, c.len), &o);
    posta_message_id(m, "one@example.org");
    t = t_compose(m, may_8bit, 0);
    t_done(&place, m);
    return t;
}

static void test_memory_is_a_source(void **state) {
    static char long_line[1200];
    static const content contents[] = {
        {"plain\nlines\n", 12}, {"a NUL\0 among much that is plain\n", 32},
        {"caf\xc3\xa9\n", 6},   {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 12},
        {"no line end", 11},    {long_line, sizeof long_line},
    };
    static const posta_encoding ways[] = {POSTA_ENCODING_AUTO, POSTA_ENCODING_QUOTED_PRINTABLE,
                                          POSTA_ENCODING_BASE64};
    (void)state;
    memset(long_line, 'x', sizeof long_line);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        for (size_t j = 0; j < 6; j++) {
            t_text a = compose(contents[i], ways[j / 2], false, j % 2);
            t_text b = compose(contents[i], ways[j / 2], true, j % 2);
            assert_int_equal(a.status, POSTA_END);
            assert_int_equal(a.len, b.len);
            assert_memory_equal(a.p, b.p, a.len);
            free(a.p), free(b.p);
        }
}

/* ---- kernels that count how often they were asked ---- */

static size_t asked[5];

static void base64_groups(const uint8_t *in, size_t n, uint8_t *out) {
    asked[0]++;
    posta__kernels_portable.base64_groups(in, n, out);
}
static void base64_lines(const uint8_t *in, size_t n, uint8_t *out) {
    asked[1]++;
    posta__kernels_portable.base64_lines(in, n, out);
}
static size_t qp_plain(const uint8_t *in, size_t most, size_t len, uint8_t *out) {
    asked[2]++;
    return posta__kernels_portable.qp_plain(in, most, len, out);
}
static void text_lines(posta_span *in, unsigned flags, posta_window *out) {
    asked[3]++;
    posta__kernels_portable.text_lines(in, flags, out);
}
static void scan(posta__scan *s, const uint8_t *in, size_t len) {
    asked[4]++;
    posta__kernels_portable.scan(s, in, len);
}

static t_text compose_each(const posta_kernels *k) {
    static const uint8_t octets[500];
    t_place place;
    posta_message *m;
    t_text t;
    t_place_init(&place);
    place.port.kernels = k;
    m = t_message(&place);
    posta_message_text(m, posta_body_string("Text as it is.\r\n"), NULL);
    posta_message_html(m, posta_body_string("<p>caf\xc3\xa9 and more words"), NULL);
    posta_message_attach(m, posta_body_data(octets, sizeof octets), NULL);
    posta_message_id(m, "one@example.org");
    t = t_compose(m, false, 1000);
    t_done(&place, m);
    return t;
}

static void test_offered_kernels_are_used(void **state) {
    posta_kernels spies = {base64_groups, base64_lines, qp_plain, text_lines, scan, NULL};
    t_text a = compose_each(NULL), b = compose_each(&spies);
    (void)state;
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_true(asked[i] > 0);
    free(a.p), free(b.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_a_source),
        cmocka_unit_test(test_offered_kernels_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
