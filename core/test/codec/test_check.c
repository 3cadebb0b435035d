/* checks: rows C04, C06, C08-C10, H11-H13, H19, H21, and the lexicon of chapter C against each of
 * them. Every payload must be refused wherever it stands, with a reason. */
#include "codec_t.h"

typedef posta_status (*check)(posta_span s, const char **why_out);

static posta_status content_id(posta_span s, const char **why) {
    posta_span bare;
    return posta__msg_id_check(s, POSTA__ID_BARE_LEFT, &bare, why);
}
static posta_status message_id(posta_span s, const char **why) {
    posta_span bare;
    return posta__msg_id_check(s, 0, &bare, why);
}
static posta_status date(posta_span s, const char **why) {
    return posta__date_parse(s, NULL, NULL, why);
}
static posta_status path(posta_span s, const char **why) {
    uint8_t room[300];
    posta_window w = posta__window(room, sizeof room);
    posta__address_fault fault = {0};
    posta_status status =
        posta__path_rewrite(s, POSTA__PATH_NULL_OK | POSTA__PATH_LOCAL_OK, NULL, &w, &fault);
    assert_true(status == POSTA_OK || w.len == 0);
    if (fault.why) *why = fault.why;
    return status;
}
static posta_status list(posta_span s, const char **why) {
    uint8_t room[2048];
    posta_arena arena;
    posta__address_reader r;
    posta__address a;
    posta__address_fault fault = {0};
    posta_status status = POSTA_OK;
    posta__arena_init(&arena, NULL, room, sizeof room, 0);
    posta__address_reader_init(&r, s);
    while (status == POSTA_OK)
        status = posta__address_next(&r, &arena, &a, &fault);
    if (fault.why) *why = fault.why;
    return status == POSTA_END ? POSTA_OK : status;
}

static const struct row {
    check fn;
    const char *host; /* good by itself; NULL ends */
} hosts[] = {
    {posta__text_check, "Some text"},
    {posta__field_name_check, "X-Name"},
    {posta__token_check, "utf-8"},
    {posta__media_type_check, "text/plain"},
    {posta__file_name_check, "report.pdf"},
    {posta__domain_check, "mail.example.org"},
    {posta__domain_check, "[127.0.0.1]"},
    {content_id, "logo"},
    {content_id, "<logo@x>"},
    {message_id, "<a.b@x.org>"},
    {message_id, "a@[x]"},
    {date, "Tue, 24 Nov 2026 18:12:26 +0000"},
    {path, "ana@example.org"},
    {path, "\"a b\"@example.org"},
    {path, "a@[127.0.0.1]"},
    {list, "Ana <ana@example.org>, b@y"},
    {list, "\"A \\\"B\" (c) <a@b>"},
    {list, "g: a@b;"},
};

static void refuse(posta_span bad, void *user) {
    const struct row *row = user;
    const char *why = NULL;
    if (row->fn(bad, &why) != POSTA_E_FIELD || !why || !*why)
        fail_msg("taken by the check of \"%s\": %.*s", row->host, (int)bad.len,
                 (const char *)bad.p);
    assert_int_equal(row->fn(bad, &why), POSTA_E_FIELD);
}

static void lexicon(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct row row = hosts[i];
        const char *why = NULL;
        if (row.fn(t_span(row.host), &why) != POSTA_OK) fail_msg("%s: %s", row.host, why);
        assert_null(why);
        t_each_bad(row.host, refuse, &row);
    }
}

/* Each of the 256 octets, alone and within; what is allowed is said here a second time, by RFC. */
static void every_octet(void **state) {
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[3] = {'a', (uint8_t)c, 'b'};
        posta_span in = posta__span(text, 3);
        bool visible = c > 0x20 && c < 0x7F;
        assert_int_equal(posta__field_name_check(in, NULL) == POSTA_OK, visible && c != ':');
        bool token = visible && !strchr("()<>@,;:\\\"/[]?=", (int)c);
        assert_int_equal(posta__token_check(in, NULL) == POSTA_OK, token);
        bool text_ok = c == '\t' || (c >= 0x20 && c < 0x7F);
        assert_int_equal(posta__text_check(in, NULL) == POSTA_OK, text_ok);
        bool file_ok = c >= 0x20 && c < 0x7F && c != '/' && c != '\\';
        assert_int_equal(posta__file_name_check(in, NULL) == POSTA_OK, file_ok);
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        assert_int_equal(posta__domain_check(in, NULL) == POSTA_OK, alnum || c == '-' || c == '.');
        bool atext = alnum || (c && strchr("!#$%&'*+-/=?^_`{|}~", (int)c));
        assert_int_equal(posta__is_atext((uint8_t)c), atext);
        assert_int_equal(content_id(in, NULL) == POSTA_OK, atext || c == '.' || c == '@');
    }
}

typedef struct verdict {
    check fn;
    const char *text;
    bool good;
} verdict;

static void table(void **state) {
    static const verdict rows[] = {
        {posta__text_check, "", true},
        {posta__text_check, "a\tb", true},
        {posta__text_check, "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xf0\x9f\x98\x80", true},
        {posta__text_check, "\xc2\x85", true}, /* a C1 control, only ever within an encoded word */
        {posta__text_check, "%0d%0a =0D=0A %s%n", true},
        {posta__field_name_check, "", false},
        {posta__field_name_check, "X:y", false},
        {posta__field_name_check, "X y", false},
        {posta__field_name_check, "From ", false},
        {posta__field_name_check, "\xc3\xa9", false},
        {posta__token_check, "", false},
        {posta__media_type_check, "text", false},
        {posta__media_type_check, "text/", false},
        {posta__media_type_check, "/plain", false},
        {posta__media_type_check, "text/plain; charset=x", false},
        {posta__media_type_check, "text/a/b", false},
        {posta__media_type_check, " text/plain", false},
        {posta__media_type_check, "application/vnd.ms-excel+xml", true},
        {posta__file_name_check, "", false},
        {posta__file_name_check, ".", false},
        {posta__file_name_check, "..", false},
        {posta__file_name_check, "../x", false},
        {posta__file_name_check, "a\\b", false},
        {posta__file_name_check, "a\tb", false},
        {posta__file_name_check,
         "a\xe2\x80\xae"
         "gpj.exe",
         false},                                          /* U+202E */
        {posta__file_name_check, "a\xe2\x81\xa6", false}, /* U+2066 */
        {posta__file_name_check,
         "a\xe2\x80\xa8"
         "b",
         false}, /* U+2028 */
        {posta__file_name_check, "\xc2\x85", false},
        {posta__file_name_check, "a\"; x=\"b", true}, /* escaped when written */
        {posta__file_name_check, "\xe6\x96\x87.txt", true},
        {posta__file_name_check, "...", true},
        {posta__domain_check, "", false},
        {posta__domain_check, "a", true},
        {posta__domain_check, "a..b", false},
        {posta__domain_check, ".a", false},
        {posta__domain_check, "a.", false},
        {posta__domain_check, "a_b.org", false},
        {posta__domain_check, "-a.org", false},
        {posta__domain_check, "a-.org", false},
        {posta__domain_check,
         "b\xc3\xbc"
         "cher.example",
         false},
        {posta__domain_check, "xn--bcher-kva.example", true},
        {posta__domain_check,
         "b\xc3\xbc"
         "cher.example",
         false}, /* EHLO takes ASCII only */
        {posta__domain_check, "a b", false},
        {posta__domain_check,
         "a\xef\xbc\x8e"
         "b",
         false}, /* U+FF0E, row G04 */
        {posta__domain_check, "[192.168.0.1]", true},
        {posta__domain_check, "[256.1.1.1]", false},
        {posta__domain_check, "[1.2.3]", false},
        {posta__domain_check, "[1.2.3.4.5]", false},
        {posta__domain_check, "[01.2.3.4]", false},
        {posta__domain_check, "[1.2.3.4", false},
        {posta__domain_check, "1.2.3.4]", false},
        {posta__domain_check, "[]", false},
        {posta__domain_check, "[", false},
        {posta__domain_check, "[IPv6:::1]", true},
        {posta__domain_check, "[ipv6:2001:db8::1]", true},
        {posta__domain_check, "[IPv6:::]", true},
        {posta__domain_check, "[IPv6:1:2:3:4:5:6:7:8]", true},
        {posta__domain_check, "[IPv6:1:2:3:4:5:6:1.2.3.4]", true},
        {posta__domain_check, "[IPv6:::ffff:1.2.3.4]", true},
        {posta__domain_check, "[IPv6:1:2:3:4:5:6::]", true},
        {posta__domain_check, "[IPv6:1:2:3:4:5:6:7::]", false}, /* RFC 5321 4.1.3: at least two */
        {posta__domain_check, "[IPv6:1:2:3:4:5:6:7]", false},
        {posta__domain_check, "[IPv6:1:2:3:4:5:6:7:8:9]", false},
        {posta__domain_check, "[IPv6:1::2::3]", false},
        {posta__domain_check, "[IPv6::1]", false},
        {posta__domain_check, "[IPv6:1:]", false},
        {posta__domain_check, "[IPv6:12345::]", false},
        {posta__domain_check, "[IPv6:g::]", false},
        {posta__domain_check, "[IPv6:::1.2.3]", false},
        {posta__domain_check, "[IPv6:]", false},
        {posta__domain_check, "[fe80::1%eth0]", false},
        {posta__domain_check, "[IPv6:fe80::1%eth0]", false},
        {posta__domain_check, "[fe80::1]", false},
        {posta__domain_check, "[tag:x]", false},
        {content_id, "", false},
        {content_id, "<>", false},
        {content_id, "<a", false},
        {content_id, "a>", false},
        {content_id, "<<a>>", false},
        {content_id, "a b", false},
        {content_id, "a@", false},
        {content_id, "@a", false},
        {content_id, "a@b@c", false},
        {content_id, "a..b", false},
        {content_id, "\xc3\xa9", false},
        {content_id, "img.1@x-y", true},
        {message_id, "a", false},
        {message_id, "<a@host name>", false},
        {message_id, "<a@>", false},
        {message_id, "a@b", true},
        {message_id, "<a=b$c@[1.2.3.4]>", true},
        {message_id, "a@[b", false},
        {message_id, "a@[b\\]", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].text);
        uint8_t *p = t_guarded(rows[i].text, len);
        const char *why = NULL;
        posta_status status = rows[i].fn(posta__span(p, len), &why);
        if ((status == POSTA_OK) != rows[i].good || (why == NULL) != rows[i].good)
            fail_msg("row %zu: \"%s\": %s", i, rows[i].text, why ? why : "taken");
        t_guard_free(p, len);
    }
}

static void limits(void **state) {
    uint8_t *text = malloc(70000);
    (void)state;
    memset(text, 'a', 70000);
    for (size_t len = 1; len < 70000; len += len < 1100 ? 1 : 9973) {
        posta_span in = posta__span(text, len);
        assert_int_equal(posta__field_name_check(in, NULL) == POSTA_OK, len <= 76);
        assert_int_equal(posta__token_check(in, NULL) == POSTA_OK, len <= 127);
        assert_int_equal(posta__file_name_check(in, NULL) == POSTA_OK, len <= 255);
        assert_int_equal(posta__domain_check(in, NULL) == POSTA_OK, len <= 63);
        assert_int_equal(content_id(in, NULL) == POSTA_OK, len <= 900);
    }
    for (size_t i = 1; i < 300; i += 2)
        text[i] = '.';
    assert_int_equal(posta__domain_check(posta__span(text, 255), NULL), POSTA_OK);
    assert_int_equal(posta__domain_check(posta__span(text, 257), NULL), POSTA_E_FIELD);
    free(text);
}

static void ids_lose_their_brackets(void **state) {
    posta_span bare = {0};
    (void)state;
    assert_int_equal(posta__msg_id_check(POSTA_LIT("<a@b>"), 0, &bare, NULL), POSTA_OK);
    assert_true(posta_span_is(bare, POSTA_LIT("a@b")));
    assert_int_equal(posta__msg_id_check(POSTA_LIT("a@b"), 0, &bare, NULL), POSTA_OK);
    assert_true(posta_span_is(bare, POSTA_LIT("a@b")));
}

static void base_names(void **state) {
    static const char *rows[][2] = {{"a.txt", "a.txt"},
                                    {"/x/a.txt", "a.txt"},
                                    {"C:\\x\\a.txt", "a.txt"},
                                    {"../../etc/passwd", "passwd"},
                                    {"a/", ""},
                                    {"", ""},
                                    {"\\/a", "a"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(posta_span_is(posta__file_basename(t_span(rows[i][0])), t_span(rows[i][1])));
}

static void boundaries(void **state) {
    uint8_t random[16];
    char out[POSTA__BOUNDARY_LEN];
    (void)state;
    for (unsigned i = 0; i < 16; i++)
        random[i] = (uint8_t)(i * 17);
    posta__boundary_put(random, out);
    assert_memory_equal(out, "=_00112233445566778899aabbccddeeff", sizeof out);
}

/* xtext of all octets, decoded by the letter of RFC 3461 4. */
static void xtext(void **state) {
    uint8_t all[256], out[800], back[256];
    size_t n = 0;
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    posta_window w = posta__window(out, sizeof out);
    assert_true(posta__xtext_put(&w, posta__span(all, 256)));
    for (size_t i = 0; i < w.len; n++) {
        assert_true(out[i] >= 0x21 && out[i] <= 0x7E && out[i] != '=');
        bool is_hex = out[i] == '+';
        if (is_hex) assert_true(t_hex(out[i + 1]) >= 0 && t_hex(out[i + 2]) >= 0);
        back[n] = is_hex ? (uint8_t)(t_hex(out[i + 1]) * 16 + t_hex(out[i + 2])) : out[i];
        i += is_hex ? 3 : 1;
    }
    assert_int_equal(n, 256);
    assert_memory_equal(back, all, 256);
    for (size_t cap = 0; cap < 5; cap++) {
        posta_window small = posta__window(out, cap);
        assert_int_equal(posta__xtext_put(&small, POSTA_LIT("a+b")), cap >= 5);
        assert_int_equal(small.len, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lexicon),    cmocka_unit_test(every_octet),
        cmocka_unit_test(table),      cmocka_unit_test(limits),
        cmocka_unit_test(base_names), cmocka_unit_test(ids_lose_their_brackets),
        cmocka_unit_test(boundaries), cmocka_unit_test(xtext),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
