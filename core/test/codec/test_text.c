/* header text: rows H01-H07, C09. The judge is field_t.h. */
#include "field_t.h"

enum { TEXT, PHRASE };

static size_t put(int kind, posta_span name, posta_span text, uint8_t *out, size_t cap,
                  posta_status *status) {
    posta__fold f;
    posta_window w = posta__window(out, cap);
    posta__fold_begin(&f, &w, name);
    if (kind == TEXT)
        posta__fold_text(&f, text);
    else
        posta__fold_phrase(&f, text, 0);
    *status = posta__fold_end(&f);
    if (*status != POSTA_OK)
        assert_int_equal(w.len, 0);
    else
        assert_int_equal(w.len, f.len);
    return f.len;
}

/* A phrase as RFC 5322 reads it: atoms, or one quoted string. */
static size_t unquote(uint8_t *p, size_t len) {
    size_t n = 0;
    if (len == 0 || p[0] != '"') {
        for (size_t i = 0; i < len; i++)
            assert_true(p[i] == ' ' || posta__is_atext(p[i]));
        return len;
    }
    assert_int_equal(p[len - 1], '"');
    for (size_t i = 1; i + 1 < len; i++) {
        assert_true(p[i] != '"');
        if (p[i] == '\\') i++;
        assert_true(i + 1 < len);
        p[n++] = p[i];
    }
    assert_int_equal(t_find(p, n, "=?utf-8?"), SIZE_MAX); /* H07: quoted or encoded, never both */
    return n;
}

static void check(int kind, posta_span name, posta_span text) {
    size_t cap = 16 * text.len + 512;
    uint8_t *out = malloc(cap), *value = malloc(cap), *back = malloc(cap);
    uint8_t *in = t_guarded(text.p, text.len);
    posta_status status = POSTA_OK;
    size_t len = put(kind, name, posta__span(in, text.len), out, cap, &status);
    assert_int_equal(status, POSTA_OK);
    size_t n = t_unfold(out, len, value);
    bool is_quoted = kind == PHRASE && n > 0 && value[0] == '"';
    if (is_quoted) {
        n = unquote(value, n);
        memcpy(back, value, n);
    } else {
        n = t_decode(value, n, back, kind == PHRASE);
    }
    if (n != text.len || memcmp(back, text.p, n) != 0)
        fail_msg("\"%.*s\" came back as \"%.*s\" from %.*s", (int)text.len, (const char *)text.p,
                 (int)n, (const char *)back, (int)len, (const char *)out);

    posta__fold f; /* measuring gives the same, and a window one too small is left alone */
    posta__fold_begin(&f, NULL, name);
    if (kind == TEXT)
        posta__fold_text(&f, text);
    else
        posta__fold_phrase(&f, text, 0);
    assert_int_equal(posta__fold_end(&f), POSTA_OK);
    assert_int_equal(f.len, len);
    uint8_t *tight = t_guarded(NULL, len);
    assert_int_equal(put(kind, name, text, tight, len, &status), len);
    assert_int_equal(status, POSTA_OK);
    assert_memory_equal(tight, out, len);
    (void)put(kind, name, text, tight, len - 1, &status);
    assert_int_equal(status, POSTA_E_LIMIT);
    t_guard_free(tight, len);
    t_guard_free(in, text.len);
    free(out), free(value), free(back);
}

static void exact(void **state) {
    static const struct {
        int kind;
        const char *text, *field;
    } rows[] = {
        {TEXT, "", "X:\r\n"},
        {TEXT, "Hello", "X: Hello\r\n"},
        {TEXT, "=?utf-8?q?x?=", "X: =?utf-8?B?PT91dGYtOD9xP3g/PQ==?=\r\n"}, /* H04 */
        {TEXT, "a =? b", "X: a =?utf-8?B?PT8=?= b\r\n"},
        {TEXT, "https://x/?a=?b&c=?d", "X: https://x/?a=?b&c=?d\r\n"},
        {TEXT, "\xc3\xa9", "X: =?utf-8?B?w6k=?=\r\n"},
        {TEXT, "Re: caf\xc3\xa9 now", "X: Re: =?utf-8?B?Y2Fmw6k=?= now\r\n"},
        {TEXT, " ", "X: =?utf-8?Q?_?=\r\n"},
        {TEXT, " a", "X: =?utf-8?Q?_a?=\r\n"},
        {TEXT, "a ", "X: =?utf-8?Q?a_?=\r\n"},
        {TEXT, "a  b", "X: =?utf-8?Q?a__b?=\r\n"},
        {TEXT, "a\tb", "X: =?utf-8?B?YQli?=\r\n"},
        {TEXT, "x a  b y", "X: x =?utf-8?Q?a__b?= y\r\n"},
        {PHRASE, "", "X:\r\n"},
        {PHRASE, "John Doe", "X: John Doe\r\n"},
        {PHRASE, "Doe, John", "X: \"Doe, John\"\r\n"}, /* H07 */
        {PHRASE, "a\"b", "X: \"a\\\"b\"\r\n"},
        {PHRASE, "a\\", "X: \"a\\\\\"\r\n"},
        {PHRASE, "(x)", "X: \"(x)\"\r\n"},
        {PHRASE, "user@dom", "X: \"user@dom\"\r\n"},
        {PHRASE, "J. Doe", "X: \"J. Doe\"\r\n"},
        {PHRASE, " a", "X: \" a\"\r\n"},
        {PHRASE, "Foo @\xc3\xa9", "X: =?utf-8?B?Rm9vIEDDqQ==?=\r\n"}, /* H03 */
        {PHRASE, "Long name @ caf\xc3\xa9", "X: =?utf-8?Q?Long_name_=40_caf=C3=A9?=\r\n"},
        {PHRASE, "=?utf-8?q?x?=", "X: =?utf-8?B?PT91dGYtOD9xP3g/PQ==?=\r\n"},
    };
    uint8_t out[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        posta_status status = POSTA_OK;
        check(rows[i].kind, POSTA_LIT("X"), t_span(rows[i].text));
        if (POSTA_FOLD_AT != 78) continue;
        size_t len =
            put(rows[i].kind, POSTA_LIT("X"), t_span(rows[i].text), out, sizeof out, &status);
        out[len] = 0;
        assert_string_equal((char *)out, rows[i].field);
    }
}

/* H01, H02: an emoji at each offset, under names of each length, with neighbours of all kinds. */
static void emoji_at_each_offset(void **state) {
    static const char *fills[] = {"a", "a ", "\xc3\xa9", "ab@ ", "."};
    uint8_t name[76], text[400];
    (void)state;
    memset(name, 'N', sizeof name);
    for (size_t f = 0; f < 5; f++)
        for (size_t offset = 0; offset <= 130; offset++)
            for (size_t name_len = 1; name_len <= 76; name_len += 15) {
                size_t n = 0, fill = strlen(fills[f]);
                for (size_t at = 0; at < offset; at += fill, n += fill)
                    memcpy(text + n, fills[f], fill);
                memcpy(text + n, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80z", 9);
                check(TEXT, posta__span(name, name_len), posta__span(text, n + 9));
                check(PHRASE, posta__span(name, name_len), posta__span(text, n + 9));
            }
}

/* H06 and the laws of folding: words of all lengths around the limits. */
static void long_words(void **state) {
    static const size_t lens[] = {1,   17,  18,  19,  20,  60,  61,  62,   63,   68,
                                  72,  73,  74,  75,  76,  77,  78,  79,   80,   200,
                                  985, 990, 995, 996, 997, 998, 999, 1000, 2000, 5000};
    uint8_t *text = malloc(20000);
    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++)
        for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++) {
            memset(text, 'w', 20000);
            text[lens[i]] = ' ';
            size_t len = lens[i] + 1 + lens[j];
            check(TEXT, POSTA_LIT("Subject"), posta__span(text, len));
            check(PHRASE, POSTA_LIT("Subject"), posta__span(text, len));
            check(TEXT,
                  POSTA_LIT("A-Name-That-Is-As-Long-As-A-Name-May-Be-And-Then-Some-To-Fill-It-Up-"
                            "To-The-76"),
                  posta__span(text, lens[i]));
        }
    free(text);
}

static void random_texts(void **state) {
    static const char *parts[] = {
        "word",
        " ",
        "  ",
        "\xc5\xbc\xc3\xb3\xc5\x82w",
        "=?utf-8?q?x?=",
        "=?",
        "\t",
        "\"",
        "\\",
        ",",
        "<a@b>",
        "\xf0\x9f\x98\x80",
        " and ",
        "?=",
        "_",
        "(c)",
        "a-rather-long-word-that-goes-on-and-on-and-on-without-a-single-space",
        " x "};
    uint8_t text[2000];
    (void)state;
    for (int round = 0; round < 40000; round++) {
        size_t n = 0;
        for (uint32_t count = t_random(16); count > 0; count--) {
            const char *part = parts[t_random(18)];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        check(round & 1, POSTA_LIT("Subject"), posta__span(text, n));
    }
}

static void looks_encoded(void **state) {
    static const char *yes[] = {"=?utf-8?q?x?=", "=?UTF-8?B?eA==", "a=?x?Q?",
                                "=?=?utf-8?q?x", "=?iso*en?b?y?=", "=?",
                                "a =?",          "=??q?"};
    static const char *no[] = {
        "", "=", "?", "?=", "= ?", "a=?", "a=?utf-8?x?y?=", "a=?a?q", "a==?b"};
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(posta__looks_encoded(t_span(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        uint8_t *p = t_guarded(no[i], strlen(no[i]));
        assert_false(posta__looks_encoded(posta__span(p, strlen(no[i]))));
        t_guard_free(p, strlen(no[i]));
    }
}

/* A token that no fold can save is refused, not cut. */
static void hard_limit(void **state) {
    uint8_t *text = malloc(1200), *out = malloc(4000);
    (void)state;
    memset(text, 'x', 1200);
    for (size_t len = 995; len <= 1000; len++) {
        posta__fold f;
        posta_window w = posta__window(out, 4000);
        posta__fold_begin(&f, &w, POSTA_LIT("X"));
        posta__fold_words(&f, posta__span(text, len));
        assert_int_equal(posta__fold_end(&f), len <= 997 ? POSTA_OK : POSTA_E_FIELD);
        assert_int_equal(w.len > 0, len <= 997);
    }
    free(text), free(out);
}

/* Two breaks with nothing between them are one: no line of white space, however long the line is.
 */
static void breaks_do_not_pile_up(void **state) {
    uint8_t out[400], flat[400];
    (void)state;
    for (size_t first = 1; first < 90; first++)
        for (size_t second = 1; second < 90; second++) {
            uint8_t word[90];
            posta__fold f;
            posta_window w = posta__window(out, sizeof out);
            memset(word, 'w', sizeof word);
            posta__fold_begin(&f, &w, POSTA_LIT("X"));
            posta__fold_token(&f, posta__span(word, first));
            posta__fold_break(&f, second);
            posta__fold_break(&f, second);
            posta__fold_put(&f, posta__span(word, second));
            assert_int_equal(posta__fold_end(&f), POSTA_OK);
            assert_int_equal(t_unfold(out, w.len, flat), first + 1 + second);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaks_do_not_pile_up), cmocka_unit_test(exact),
        cmocka_unit_test(emoji_at_each_offset),  cmocka_unit_test(long_words),
        cmocka_unit_test(random_texts),          cmocka_unit_test(hard_limit),
        cmocka_unit_test(looks_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
