/* What shows a secret: rows L01, L02. The encodings are made here, by other code than what looks
 * for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../smtp/smtp_i.h"
#include "guard.h"

static size_t base64(const uint8_t *p, size_t len, const char *alphabet, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = 0;
        size_t have = len - i < 3 ? len - i : 3;
        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (j < have ? p[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            out[n++] = j <= have ? alphabet[v >> (18 - 6 * j) & 63u] : '=';
    }
    return n;
}

static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* `text` at the end of a page. */
static bool shows(const char *text, size_t len, const uint8_t *secret, size_t secret_len) {
    uint8_t *copy = t_guarded((const uint8_t *)text, len);
    bool is_shown = posta__shows(posta__span(copy, len), posta__span(secret, secret_len));
    t_guard_free(copy, len);
    return is_shown;
}

static void fill(uint8_t *p, size_t len, unsigned seed) {
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
}

/* Whatever its length, whatever stands before and behind it. */
static void every_form(void **state) {
    static const size_t lengths[] = {4, 5, 6, 7, 8, 12, 16, 63, 64, 65, 66, 100, 255};
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        for (size_t before = 0; before < 40; before++) {
            uint8_t all[400];
            char text[900];
            size_t len = lengths[k], n = before + len + 5;
            const uint8_t *secret = all + before;
            fill(all, sizeof all, (unsigned)(before + 100 * len));
            assert_true(shows((const char *)all, n, secret, len));
            assert_true(shows(text, base64(all, n, usual, text), secret, len));
            assert_true(shows(text, base64(all, n, for_urls, text), secret, len));
            for (size_t i = 0; i < n; i++)
                sprintf(text + 2 * i, before % 2 == 0 ? "%02x" : "%02X", all[i]);
            assert_true(shows(text, 2 * n, secret, len));
            /* The same text without it. */
            fill(all + before, len, 77);
            uint8_t other[256];
            fill(other, len, 7);
            assert_false(shows((const char *)all, n, other, len));
            assert_false(shows(text, base64(all, n, usual, text), other, len));
        }
    }
}

/* A part of it that is worth something. */
static void parts(void **state) {
    static const struct {
        const char *text, *secret;
        bool is_shown;
    } rows[] = {
        {"535 sesame", "sesame1234", true},
        {"535 me1234.", "sesame1234", true},
        {"535 esame no", "sesame1234", false},
        {"cannot decode AGFuYQBzZXNhbWUxMj...", "sesame1234", true},
        {"cannot decode eHNlc2FtZTEyMzQ=", "sesame1234", true},
        {"7365736 1", "sesame1234", false},
        {"at 736573616D65", "sesame1234", true},
        {"UGFzc3dvcmQ6", "sesame1234", false},
        {"", "sesame1234", false},
        {"535 sesame", "", false},
        {"535 abc", "abc", true},
        {"535 \"abc\" no", "abc", true},
        {"535 abcd xabc", "abc", false},
        {"abc", "abc", true},
        {"535 a b", "x", false},
        {"xpass1", "pass1", true},
        {"xpass", "pass1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (shows(rows[i].text, strlen(rows[i].text), (const uint8_t *)rows[i].secret,
                  strlen(rows[i].secret)) != rows[i].is_shown)
            fail_msg("%s in %s", rows[i].secret, rows[i].text);
    assert_true(posta__shows_base64(POSTA_LIT("cannot AGFuYQBz"), POSTA_LIT("\0ana\0sesame")));
    assert_false(posta__shows_base64(POSTA_LIT("cannot AGFuYQB"), POSTA_LIT("\0ana\0sesame")));
    assert_false(posta__shows_base64(POSTA_LIT("anything"), posta__span(NULL, 0)));
}

/* Of a long secret any 32 octets are found, wherever they stand. */
static void long_secrets(void **state) {
    uint8_t *secret = malloc(9000);
    uint8_t text[512];
    (void)state;
    assert_non_null(secret);
    fill(secret, 9000, 3);
    for (size_t at = 0; at <= 480; at++) {
        memset(text, ' ', sizeof text);
        memcpy(text + at, secret + (at * 17) % 8900, 32);
        assert_true(shows((const char *)text, sizeof text, secret, 9000));
    }
    memset(text, ' ', sizeof text);
    assert_false(shows((const char *)text, sizeof text, secret, 9000));
    free(secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_form), cmocka_unit_test(parts),
                                       cmocka_unit_test(long_secrets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
