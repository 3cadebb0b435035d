/* UTF-8: row G06. The judge is the table of RFC 3629 4, written as ranges; all sequences of up to
 * four octets that could matter are tried, each ending at a guard page. */
#include "codec_t.h"

static bool in_range(uint8_t c, unsigned from, unsigned to) {
    return c >= from && c <= to;
}

/* Length of the valid character at p, 0 if none: the ABNF of RFC 3629 4. */
static size_t judge(const uint8_t *p, size_t len) {
    if (len >= 1 && p[0] <= 0x7F) return 1;
    if (len >= 2 && in_range(p[0], 0xC2, 0xDF) && in_range(p[1], 0x80, 0xBF)) return 2;
    if (len >= 3 && in_range(p[2], 0x80, 0xBF)) {
        if (p[0] == 0xE0 && in_range(p[1], 0xA0, 0xBF)) return 3;
        if (in_range(p[0], 0xE1, 0xEC) && in_range(p[1], 0x80, 0xBF)) return 3;
        if (p[0] == 0xED && in_range(p[1], 0x80, 0x9F)) return 3;
        if (in_range(p[0], 0xEE, 0xEF) && in_range(p[1], 0x80, 0xBF)) return 3;
    }
    if (len >= 4 && in_range(p[2], 0x80, 0xBF) && in_range(p[3], 0x80, 0xBF)) {
        if (p[0] == 0xF0 && in_range(p[1], 0x90, 0xBF)) return 4;
        if (in_range(p[0], 0xF1, 0xF3) && in_range(p[1], 0x80, 0xBF)) return 4;
        if (p[0] == 0xF4 && in_range(p[1], 0x80, 0x8F)) return 4;
    }
    return 0;
}

static void every_sequence(void **state) {
    static const uint8_t tails[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                    0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    enum { TAILS = sizeof tails };
    uint8_t *p = t_guarded(NULL, 4);
    (void)state;
    for (size_t len = 1; len <= 4; len++)
        for (unsigned first = 0; first < 256; first++)
            for (unsigned second = 0; second < 256; second++)
                for (unsigned third = 0; third < (len > 2 ? TAILS : 1u); third++)
                    for (unsigned fourth = 0; fourth < (len > 3 ? TAILS : 1u); fourth++) {
                        uint8_t all[4] = {(uint8_t)first, (uint8_t)second, tails[third],
                                          tails[fourth]};
                        uint8_t *at = p + 4 - len;
                        memcpy(at, all, len);
                        size_t got = posta__utf8_next(posta__span(at, len), NULL);
                        if (got != judge(at, len)) fail_msg("%02x %02x", first, second);
                    }
    t_guard_free(p, 4);
}

static void every_code_point(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint8_t p[4];
        uint32_t got = 0;
        size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = len; i-- > 0;)
            p[i] = (uint8_t)(i == 0 ? leads[len] | cp >> (6 * (len - 1))
                                    : 0x80u | (cp >> (6 * (len - 1 - i)) & 0x3F));
        bool is_surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        if (posta__utf8_next(posta__span(p, len), &got) != (is_surrogate ? 0 : len)) fail();
        if (!is_surrogate && got != cp) fail();
    }
}

static void whole_texts(void **state) {
    size_t at = 99;
    (void)state;
    assert_true(posta__utf8_check(POSTA_LIT(""), &at));
    assert_true(posta__utf8_check(POSTA_LIT("a\xc3\xa9\xf0\x9f\x98\x80"), &at));
    assert_int_equal(at, 99);
    assert_false(posta__utf8_check(POSTA_LIT("ab\xc3"), &at));
    assert_int_equal(at, 2);
    assert_int_equal(posta__utf8_next(posta__span(NULL, 0), NULL), 0);
    assert_true(posta__is_ascii(POSTA_LIT("a\x7f")));
    assert_false(posta__is_ascii(POSTA_LIT("a\x80")));
}

/* One octet >= 0x80 at each place of texts of each length at each alignment; NUL and 0x7F are
 * ASCII. Each ends at a guard page. */
static void ascii_at_every_place(void **state) {
    enum { MOST = 40, PLACES = 8 };
    uint8_t *p = t_guarded(NULL, MOST + PLACES);
    (void)state;
    for (size_t len = 0; len <= MOST; len++)
        for (size_t behind = 0; behind < PLACES; behind++) {
            uint8_t *at = p + MOST + PLACES - behind - len;
            memset(p, 0xff, MOST + PLACES); /* what is around does not count */
            for (size_t i = 0; i < len; i++)
                at[i] = i % 3 ? 0x7f : 0;
            if (!posta__is_ascii(posta__span(at, len))) fail_msg("%zu octets", len);
            for (size_t i = 0; i < len; i++) {
                uint8_t old = at[i];
                at[i] = i & 1 ? 0x80 : 0xff;
                if (posta__is_ascii(posta__span(at, len))) fail_msg("%zu of %zu", i, len);
                at[i] = old;
            }
        }
    t_guard_free(p, MOST + PLACES);
}

/* In pieces it must say what it says of the whole, and the same place. */
static void check_cut(const uint8_t *p, size_t len, size_t cut) {
    posta__utf8 u = {0};
    size_t at = 0;
    bool is_fine = posta__utf8_check(posta__span(p, len), &at);
    for (size_t i = 0; i < len; i += cut)
        posta__utf8_step(&u, posta__span(p + i, len - i < cut ? len - i : cut));
    if (posta__utf8_end(&u) != is_fine) fail_msg("%02x %02x, %zu octets", p[0], p[1], len);
    if (u.at != (is_fine ? len : at)) fail_msg("%02x %02x at %zu", p[0], p[1], (size_t)u.at);
}

static void pieces(void **state) {
    static const uint8_t tails[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC3};
    uint8_t p[5];
    (void)state;
    for (size_t first = 0; first < 256; first++)
        for (size_t n = 0; n < 10000; n++) {
            p[0] = (uint8_t)first;
            p[1] = tails[n % 10];
            p[2] = tails[n / 10 % 10];
            p[3] = tails[n / 100 % 10];
            p[4] = tails[n / 1000];
            check_cut(p, 1 + n % 5, 1 + n / 5 % 3);
            check_cut(p, 5, 1 + n % 5);
        }
}

static void pieces_of_long_texts(void **state) {
    (void)state;
    for (size_t n = 0; n < 20000; n++) {
        uint8_t p[64];
        size_t len = 2 + t_random(60), odd = t_random(4);
        for (size_t i = 0; i < len; i++)
            p[i] = 'a';
        for (size_t i = 0; i < odd; i++) {
            size_t at = t_random((uint32_t)len - 1);
            memcpy(p + at, t_random(4) ? "\xc3\xbc" : "\xf0\x9f", 2);
        }
        check_cut(p, len, 1 + t_random(20));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence), cmocka_unit_test(every_code_point),
        cmocka_unit_test(whole_texts),    cmocka_unit_test(ascii_at_every_place),
        cmocka_unit_test(pieces),         cmocka_unit_test(pieces_of_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
