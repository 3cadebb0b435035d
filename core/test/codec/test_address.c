/* addresses: rows C01-C03, C12, G01, G02, G04, I05. */

#include "field_t.h"

/* ---- the envelope ---- */

enum { S = POSTA__PATH_NULL_OK, R = POSTA__PATH_POSTMASTER_OK, L = POSTA__PATH_LOCAL_OK };

typedef struct path_row {
    unsigned flags;
    const char *text;
    const char *wire; /* null: refused */
} path_row;

#define X16 "xxxxxxxxxxxxxxxx"
#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X64 X63 "x"

static const path_row paths[] = {
    /* good */
    {0, "ana@example.org", "ana@example.org"},
    {0, "a@b", "a@b"},
    {0, "a.b.c@d.e.f", "a.b.c@d.e.f"},
    {0, "a+tag@example.org", "a+tag@example.org"},
    {0, "A.Z@EXAMPLE.ORG", "A.Z@EXAMPLE.ORG"},
    {0, "!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~@x.org"},
    {0, "-a@x.org", "-a@x.org"},
    {0, "a-@x.org", "a-@x.org"},
    {0, "1@2.3", "1@2.3"},
    {0, "_@x", "_@x"},
    {0, "a@x-y.org", "a@x-y.org"},
    {0, "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
    {0, "a@localhost", "a@localhost"},
    {0, "a@0.org", "a@0.org"},
    {0, "a@[127.0.0.1]", "a@[127.0.0.1]"},
    {0, "a@[IPv6:::1]", "a@[IPv6:::1]"},
    {0, "a@[ipv6:2001:db8::8:800:200c:417a]", "a@[ipv6:2001:db8::8:800:200c:417a]"},
    {0, "a@[IPv6:::ffff:192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]"},
    {0, "\"a b\"@x", "\"a b\"@x"},
    {0, "\"abc\"@x", "abc@x"}, /* quotes that say nothing go */
    {0, "\"a.b\"@x", "a.b@x"},
    {0, "\"a..b\"@x", "\"a..b\"@x"},
    {0, "\".a\"@x", "\".a\"@x"},
    {0, "\"a.\"@x", "\"a.\"@x"},
    {0, "\"\"@x", "\"\"@x"},
    {0, "\" \"@x", "\" \"@x"},
    {0, "\"a@b\"@x", "\"a@b\"@x"},
    {0, "\"a\\\"b\"@x", "\"a\\\"b\"@x"},
    {0, "\"a\\\\b\"@x", "\"a\\\\b\"@x"},
    {0, "\"\\a\\b\"@x", "ab@x"},
    {0, "\"<>\"@x", "\"<>\"@x"},
    {0, "\"(c)\"@x", "\"(c)\"@x"},
    {0, "\"a,b\"@x", "\"a,b\"@x"},
    {0, "\"e@evil x\"@internal.example",
     "\"e@evil x\"@internal.example"},                             /* C03: one mailbox, quoted */
    {0, "\"x> ORCPT=rfc822;e@y\"@x", "\"x> ORCPT=rfc822;e@y\"@x"}, /* C02: stays in quotes */
    {0, "%0d%0a@x", "%0d%0a@x"},
    {0, "=0D=0A@x", "=0D=0A@x"},
    {0, "%s%n@x", "%s%n@x"},
    {0, X64 "@x", X64 "@x"},
    {0, "a@" X63 ".org", "a@" X63 ".org"},
    {S, "", ""},
    {S, "a@b", "a@b"},
    {R, "Postmaster", "Postmaster"},
    {R, "POSTMASTER", "POSTMASTER"},
    {R, "postmaster@x", "postmaster@x"},
    {L, "ana", "ana"},
    {L, "a.b", "a.b"},
    {L, "\"a b\"", "\"a b\""},
    {L, "\"a@b\"", "\"a@b\""},
    /* bad */
    {0, "", NULL},
    {R, "", NULL},
    {L, "", NULL},
    {0, "postmaster", NULL},
    {S, "postmaster", NULL},
    {R, "ana", NULL},
    {0, "ana", NULL},
    {0, "@", NULL},
    {0, "@x", NULL},
    {0, "a@", NULL},
    {0, "a@@x", NULL},
    {0, "a@b@c", NULL},
    {0, ".a@x", NULL},
    {0, "a.@x", NULL},
    {0, "a..b@x", NULL},
    {0, ".@x", NULL},
    {0, "a b@x", NULL},
    {0, " a@x", NULL},
    {0, "a@x ", NULL},
    {0, "a @x", NULL},
    {0, "a@ x", NULL},
    {0, "a@x y", NULL},
    {0, "<a@x>", NULL},
    {0, "a@x>", NULL},
    {0, "<a@x", NULL},
    {0, "a@x> SIZE=1", NULL},
    {0, "<a@b> NOTIFY=NEVER", NULL}, /* C07 */
    {0, "x> ORCPT=rfc822;e@y", NULL},
    {0, "Ana <a@x>", NULL},
    {0, "a@x (c)", NULL},
    {0, "(c)a@x", NULL},
    {0, "a(c)@x", NULL},
    {0, "a,b@x", NULL},
    {0, "a@x,b@y", NULL},
    {0, "a;b@x", NULL},
    {0, "a:b@x", NULL},
    {0, "a[b@x", NULL},
    {0, "a\\b@x", NULL},
    {0, "a\"b@x", NULL},
    {0, "\"a@x", NULL},
    {0, "\"a\"b@x", NULL},
    {0, "a\"b\"@x", NULL},
    {0, "\"a\".\"b\"@x", NULL},
    {0, "\"a\\\"@x", NULL},
    {0, "\"a\"@evil\"@good", NULL}, /* C03 */
    {0, "\"a\tb\"@x", NULL},
    {0, "@a:b@c", NULL},
    {0, "@a,@b:c@d", NULL},
    {0, "a@-x", NULL},
    {0, "a@x-", NULL},
    {0, "a@x..y", NULL},
    {0, "a@.x", NULL},
    {0, "a@x.", NULL},
    {0, "a@x_y", NULL},
    {0, "a@x/y", NULL},
    {0, "a@x!y", NULL},
    {0, "a@\"x\"", NULL},
    {0, "a@[1.2.3]", NULL},
    {0, "a@[1.2.3.256]", NULL},
    {0, "a@[1.2.3.4", NULL},
    {0, "a@1.2.3.4]", NULL},
    {0, "a@[1.2.3.4]x", NULL},
    {0, "a@[]", NULL},
    {0, "a@[x]", NULL},
    {0, "a@[::1]", NULL},
    {0, "a@[IPv6:1.2.3.4]", NULL},
    {0, "a@[IPv6:::1%eth0]", NULL},
    {0, "a@[1.2.3.4\\]]", NULL},
    {0,
     "j\xc3\xb5"
     "e@example.org",
     NULL}, /* G01 */
    {0,
     "\"j\xc3\xb5"
     "e\"@example.org",
     NULL},
    {0,
     "a@b\xc3\xbc"
     "cher.example",
     NULL}, /* G02 */
    {0,
     "a@x\xe3\x80\x82"
     "y",
     NULL}, /* G04: U+3002 */
    {0,
     "a@x\xef\xbc\x8e"
     "y",
     NULL}, /* U+FF0E */
    {0,
     "a\xef\xbc\xa0"
     "x",
     NULL}, /* U+FF20 */
    {0,
     "a@x\xef\xbd\xa1"
     "y",
     NULL}, /* U+FF61 */
    {0,
     "a@\xe2\x80\xa4"
     "y",
     NULL}, /* U+2024 */
    {0,
     "a@x\xe5\x98\x8a"
     "y",
     NULL}, /* U+560A, low octet 0x0A */
    {0, "\xed\xa0\x80@x", NULL},
    {0, "\xc0\x8a@x", NULL},
    {0, "a\x7f@x", NULL},
    {0, "a@x\r\nRCPT TO:<e@y>", NULL}, /* C01 */
    {0, "a@x>\r\nRCPT TO:<e@y", NULL},
    {0, "\"a\r\nDATA\"@x", NULL},
    {0, "\"a\nb\"@x", NULL},
    {0, X64 "x@x", NULL},
    {0, "\"" X63 "\\\"\"@x", NULL},
    {0, "a@" X64 ".org", NULL},
    {L, "a b", NULL},
    {L, "a@", NULL},
    {L, "\xc3\xa9", NULL},
};

static void envelope_table(void **state) {
    (void)state;
    assert_true(sizeof paths / sizeof paths[0] >= 120);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const path_row *row = &paths[i];
        size_t len = strlen(row->text);
        uint8_t *p = t_guarded(row->text, len), room[POSTA_MAX_PATH], again[POSTA_MAX_PATH];
        posta__address_fault fault = {0};
        posta_window w = posta__window(room, sizeof room), w2 = posta__window(again, sizeof again);
        posta_status status =
            posta__path_rewrite(posta__span(p, len), row->flags, NULL, &w, &fault);
        if ((status == POSTA_OK) != (row->wire != NULL))
            fail_msg("row %zu \"%s\": %s", i, row->text, fault.why ? fault.why : "taken");
        if (row->wire) {
            assert_true(posta_span_is(posta__span(room, w.len), t_span(row->wire)));
            /* what was written reads back as itself */
            posta_span wire = posta__span(room, w.len);
            assert_int_equal(posta__path_rewrite(wire, row->flags, NULL, &w2, NULL), POSTA_OK);
            assert_true(posta_span_is(posta__span(again, w2.len), wire));
            if (w.len > 0) {
                posta_window small = posta__window(again, w.len - 1);
                assert_int_equal(posta__path_rewrite(wire, row->flags, NULL, &small, NULL),
                                 POSTA_E_LIMIT);
                assert_int_equal(small.len, 0);
            }
        } else {
            assert_int_equal(w.len, 0);
            assert_non_null(fault.why);
            assert_true(fault.at <= len);
            posta_span in = posta__span(p, len);
            if (fault.needs_smtputf8)
                assert_true(status == POSTA_E_EXTENSION || status == POSTA_E_NOT_BUILT);
            else
                assert_int_equal(status, POSTA_E_FIELD);
            if (posta__is_ascii(in)) assert_false(fault.needs_smtputf8);
        }
        t_guard_free(p, len);
    }
}

/* C12: 64, 255 and 256 octets with the brackets. */
static void limits(void **state) {
    uint8_t text[2000], room[POSTA_MAX_PATH];
    (void)state;
    for (size_t local = 1; local <= 66; local++)
        for (size_t domain = 180; domain <= 260; domain++) {
            memset(text, 'a', sizeof text);
            text[local] = '@';
            for (size_t i = 60; i < domain - 1; i += 60)
                text[local + 1 + i] = '.';
            posta_window w = posta__window(room, sizeof room);
            posta_span in = posta__span(text, local + 1 + domain);
            bool fits = local <= 64 && domain <= 255 && local + 1 + domain + 2 <= 256;
            assert_int_equal(posta__path_rewrite(in, 0, NULL, &w, NULL),
                             fits ? POSTA_OK : POSTA_E_FIELD);
        }
    for (size_t len = 600; len < 2000; len += 333) {
        posta_window w = posta__window(room, sizeof room);
        memset(text, 'a', sizeof text);
        assert_int_equal(posta__path_rewrite(posta__span(text, len), L, NULL, &w, NULL),
                         POSTA_E_FIELD);
    }
}

/* C02: any local part survives, and nothing in it gets out of its quotes. */
static void any_local_part(void **state) {
    uint8_t all[300], room[POSTA_MAX_PATH], mem[600];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        posta__address a = {.kind = POSTA__MAILBOX, .domain = POSTA_LIT("x.org")}, back;
        posta_window w = posta__window(room, sizeof room);
        posta_arena arena;
        size_t len = t_random(30);
        for (size_t i = 0; i < len; i++)
            all[i] =
                (uint8_t)(round & 1 ? 0x20 + t_random(95) : (uint8_t) "a.\"\\@ >"[t_random(7)]);
        a.local = posta__span(all, len);
        assert_true(posta__path_put(&w, &a));
        posta__arena_init(&arena, NULL, mem, sizeof mem, 0);
        assert_int_equal(posta__path_parse(posta__span(room, w.len), 0, &arena, &back, NULL),
                         POSTA_OK);
        assert_true(posta_span_is(back.local, a.local));
        assert_true(posta_span_is(back.domain, a.domain));
        bool quoted = room[0] == '"';
        for (size_t i = 0; i < w.len && !quoted;
             i++) /* bare: no blank, bracket or quote anywhere */
            assert_null(memchr(" <>\"\\", room[i], 5));
    }
}

/* ---- lists ---- */

/* Entries as text: "name|local|domain;" a mailbox, "{name" and "}" a group, "!reason" at a fault.
 */
static void read_list(posta_span in, char *out, posta__address_fault *fault) {
    static uint8_t mem[1 << 16];
    posta_arena arena;
    posta__address_reader r;
    posta__address a;
    posta_status status;
    size_t n = 0;
    posta__arena_init(&arena, NULL, mem, sizeof mem, 0);
    posta__address_reader_init(&r, in);
    while ((status = posta__address_next(&r, &arena, &a, fault)) == POSTA_OK) {
        const char *form = a.kind == POSTA__MAILBOX       ? "%.*s|%.*s|%.*s;"
                           : a.kind == POSTA__GROUP_BEGIN ? "{%.*s%.*s%.*s;"
                                                          : "}%.*s%.*s%.*s";
        n += (size_t)sprintf(out + n, form, (int)a.name.len, (const char *)a.name.p,
                             (int)a.local.len, (const char *)a.local.p, (int)a.domain.len,
                             (const char *)a.domain.p);
    }
    out[n] = 0;
    if (status != POSTA_END) (void)sprintf(out, "!%s", fault->why);
}

static void list_table(void **state) {
    static const char *rows[][2] = {
        {"a@b", "|a|b;"},
        {"  a@b  ", "|a|b;"},
        {"<a@b>", "|a|b;"},
        {"Ana <a@b>", "Ana|a|b;"},
        {"Ana<a@b>", "Ana|a|b;"},
        {"Ana Maria  Kowalska <a@b>", "Ana Maria Kowalska|a|b;"},
        {"\"Kowalska, Ana\" <a@b>", "Kowalska, Ana|a|b;"},
        {"\"A \\\"Q\\\" B\\\\\" <a@b>", "A \"Q\" B\\|a|b;"},
        {"\"  two  \" <a@b>", "  two  |a|b;"},
        {"J. R. Tolkien <a@b>", "J. R. Tolkien|a|b;"},
        {"\"\" <a@b>", "|a|b;"},
        {"Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 <a@b>", "Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87|a|b;"},
        {"\"\xc5\xbb, x\" <a@b>", "\xc5\xbb, x|a|b;"},
        {"=?utf-8?q?x?= <a@b>", "=?utf-8?q?x?=|a|b;"},
        {"a@b (Ana)", "|a|b;"},
        {"(x) a (y) @ (z) b (w)", "|a|b;"},
        {"Ana (the (nested \\) one)) K <a@b>", "Ana K|a|b;"},
        {"Ana < (c) a@b > ", "Ana|a|b;"},
        {"\"a b\"@c", "|a b|c;"},
        {"x <\"a@b\"@c>", "x|a@b|c;"},
        {"a@[127.0.0.1]", "|a|[127.0.0.1];"},
        {"a@b, c@d", "|a|b;|c|d;"},
        {"a@b,c@d,E <e@f>", "|a|b;|c|d;E|e|f;"},
        {"a@b (x, y), c@d", "|a|b;|c|d;"},
        {"g:;", "{g;}"},
        {"g: ;", "{g;}"},
        {"undisclosed-recipients:;", "{undisclosed-recipients;}"},
        {"A Group: Ana <a@b>, c@d;", "{A Group;Ana|a|b;|c|d;}"},
        {"\"g, h\":a@b;, x@y", "{g, h;|a|b;}|x|y;"},
        {"x@y, g:a@b;", "|x|y;{g;|a|b;}"},
        {"g:a@b; , h:c@d;", "{g;|a|b;}{h;|c|d;}"},
        {"a\t@\tb", "|a|b;"},
        {"\"Ana\"\"K\" <a@b>", "AnaK|a|b;"},
    };
    char out[4096];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        posta__address_fault fault = {0};
        size_t len = strlen(rows[i][0]);
        uint8_t *p = t_guarded(rows[i][0], len);
        read_list(posta__span(p, len), out, &fault);
        assert_string_equal(out, rows[i][1]);
        t_guard_free(p, len);
    }
}

static void bad_lists(void **state) {
    static const char *rows[] = {
        "",
        " ",
        "(c)",
        "a",
        "Ana",
        "Ana K",
        "Ana <a>",
        "Ana <>",
        "<>",
        "<",
        ">",
        "<a@b",
        "a@b>",
        "Ana <a@b> x",
        "Ana <a@b> <c@d>",
        "a@b c@d",
        "a b@c",
        "Ana a@b",
        ",",
        ",a@b",
        "a@b,",
        "a@b,,c@d",
        "a@b;",
        "a@b;c@d",
        ";",
        "g:",
        "g:a@b",
        "g:a@b,;",
        "g:,;",
        ":a@b;",
        "g:h:a@b;;",
        "g:a@b;;",
        "g:a@b;x",
        "\"a",
        "\"a <a@b>",
        "(a",
        "a@b (c",
        "(\\) a@b",
        "a@b)",
        "Ana [x] <a@b>",
        "Ana @ <a@b>",
        "Ana: <a@b>",
        "Ana \\ <a@b>",
        "a.b. <a@b",
        "a@b@c",
        "<@x:a@b>",
        "<a@b,c@d>",
        "a..b@c",
        "a@b..c",
        "a@b_c",
        "\xef\xbc\xa0@b",
        "x <\xe2\x80\xa4@b>",
        "a@x\xe3\x80\x82y",
        "a@(c)",
        "a@",
        "@b",
        "<@b>",
        "a@\"b\"",
        "\"a\" \"b\"@c",
        "a \"b\"@c",
        "a@[1.2.3.4",
        "a@[1.2.3.4]]",
        "Ana\r\n <a@b>",
        "Ana\n<a@b>",
        "\"A\r\nB\" <a@b>",
        "(\r\n) a@b",
        "a@b\r\nBcc: c@d",
        "Ana\x01 <a@b>",
        "\xff <a@b>",
        "\"\xed\xa0\x80\" <a@b>",
        "<a@b>,(x)",
        "(((((((((((((((((x))))))))))))))))) a@b",
        "Ana <a@b>, Bob",
        "a@b, <c@d",
    };
    char out[4096];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        posta__address_fault fault = {0};
        size_t len = strlen(rows[i]);
        uint8_t *p = t_guarded(rows[i], len);
        read_list(posta__span(p, len), out, &fault);
        if (out[0] != '!' || !fault.why || fault.at > len)
            fail_msg("row %zu \"%s\" gave \"%s\"", i, rows[i], out);
        t_guard_free(p, len);
    }
    posta__address_fault fault = {0};
    read_list(POSTA_LIT("((((((((((((((((x)))))))))))))))) a@b"), out,
              &fault); /* sixteen are fine */
    assert_string_equal(out, "|a|b;");
    read_list(POSTA_LIT("Ana <j\xc3\xb5"
                        "e@x>"),
              out, &fault);
    assert_string_equal(out, "Ana|j\xc3\xb5"
                             "e|x;");
    read_list(POSTA_LIT("a@b, c"), out, &fault);
    assert_string_equal(out, "!has no @");
    assert_int_equal(fault.at, 5);
}

static void one_mailbox(void **state) {
    static const char *bad[] = {"a@b, c@d", "g:a@b;", "g:;", "", "a@b,", "a@b c"};
    uint8_t mem[256];
    (void)state;
    for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
        posta_arena arena;
        posta__address a;
        bool is_good = i == sizeof bad / sizeof bad[0];
        posta__arena_init(&arena, NULL, mem, sizeof mem, 0);
        posta_span in = is_good ? POSTA_LIT("Ana <a@b> (x)") : t_span(bad[i]);
        assert_int_equal(posta__mailbox_parse(in, &arena, &a, NULL),
                         is_good ? POSTA_OK : POSTA_E_FIELD);
    }
    posta_arena arena;
    posta__address a;
    posta__arena_init(&arena, NULL, mem, 3, 0);
    assert_int_equal(posta__mailbox_parse(POSTA_LIT("Ana Maria <ana@example>"), &arena, &a, NULL),
                     POSTA_E_MEMORY);
}

/* C03 and H05: parts -> field -> unfolded -> parsed again: the same parts. */
static void there_and_back(void **state) {
    static const char *names[] = {
        "",
        "Ana",
        "Kowalska, Ana",
        "a\"b\\",
        "Za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 G\xc4\x99\xc5\x9bl\xc4\x85",
        "=?utf-8?q?x?=",
        "A. B. <c>",
        "\xf0\x9f\x98\x80 long long long long name; with: signs, and more of it here"};
    static const char *locals[] = {
        "a",
        "a.b",
        "a b",
        "",
        "x> y",
        "\"",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    uint8_t *out = malloc(1 << 16), *flat = malloc(1 << 16), *mem = malloc(1 << 16), name[4096];
    (void)state;
    for (int round = 0; round < 5000; round++) {
        posta__address entries[12], back;
        posta__address_reader r;
        posta_arena arena;
        posta__fold f;
        size_t n = 1 + t_random(10), from = 0, to = 0;
        bool grouped = t_random(3) == 0;
        if (grouped) from = t_random((uint32_t)n), to = from + 1 + t_random((uint32_t)(n - from));
        posta_window w = posta__window(out, 1 << 16);
        posta__fold_begin(&f, &w, POSTA_LIT("To"));
        for (size_t i = 0; i < n; i++) {
            posta__address begin = {.kind = POSTA__GROUP_BEGIN,
                                    .name = t_span(names[1 + t_random(7)])};
            posta__address end = {.kind = POSTA__GROUP_END};
            entries[i] = (posta__address){.kind = POSTA__MAILBOX,
                                          .name = t_span(names[t_random(8)]),
                                          .local = t_span(locals[t_random(7)]),
                                          .domain = POSTA_LIT("mail.example.org")};
            bool last_in_group = grouped && i + 1 == to;
            if (grouped && i == from) posta__fold_address(&f, &begin, false);
            posta__fold_address(&f, &entries[i], i + 1 == n || last_in_group);
            if (last_in_group) posta__fold_address(&f, &end, i + 1 == n);
        }
        assert_int_equal(posta__fold_end(&f), POSTA_OK);
        size_t len = t_unfold(out, w.len, flat), i = 0;
        posta__arena_init(&arena, NULL, mem, 1 << 16, 0);
        posta__address_reader_init(&r, posta__span(flat, len));
        posta_status status;
        while ((status = posta__address_next(&r, &arena, &back, NULL)) == POSTA_OK) {
            if (back.kind == POSTA__GROUP_BEGIN) assert_true(grouped && i == from);
            if (back.kind == POSTA__GROUP_END) assert_true(grouped && i == to);
            if (back.kind != POSTA__MAILBOX) continue;
            assert_true(i < n);
            size_t got = t_decode(back.name.p, back.name.len, name, true);
            assert_true(posta_span_is(posta__span(name, got), entries[i].name));
            assert_true(posta_span_is(back.local, entries[i].local));
            assert_true(posta_span_is(back.domain, entries[i].domain));
            i++;
        }
        assert_int_equal(status, POSTA_END);
        assert_int_equal(i, n);
    }
    free(out), free(flat), free(mem);
}

/* I05: shapes that make quadratic parsers stand still. A megabyte each: a quadratic one would need
   hours, and the runner's limit ends it. No clock is looked at. */
static void hostile_megabytes(void **state) {
    static const char *shapes[][3] = {
        {"a@[", "a", "]"},    {"", "a ", "<a@b>"},      {"", "(x)", "a@b"},
        {"(", "\\a", ")a@b"}, {"\"", "\\a", "\"<a@b>"}, {"", "\"a\"", "@b"},
        {"a@b", ",a@b", ""},  {"g:a@b", ",<a@b>", ";"}, {"", ".", "@b"},
        {"", "(", ""},        {"", "a:", ";"},          {"", "<", ""},
        {"", "=?", "<a@b>"}};
    size_t cap = 1u << 20;
    uint8_t *text = malloc(cap + 64), *mem = malloc(4 * cap);
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t n = strlen(shapes[i][0]), unit = strlen(shapes[i][1]);
        posta_arena arena;
        posta__address_reader r;
        posta__address a;
        memcpy(text, shapes[i][0], n);
        for (; n < cap; n += unit)
            memcpy(text + n, shapes[i][1], unit);
        memcpy(text + n, shapes[i][2], strlen(shapes[i][2]));
        n += strlen(shapes[i][2]);
        posta__arena_init(&arena, NULL, mem, 4 * cap, 0);
        posta__address_reader_init(&r, posta__span(text, n));
        while (posta__address_next(&r, &arena, &a, NULL) == POSTA_OK)
            continue;
        assert_true(r.at <= n);
        posta__fold f; /* and the writers */
        posta__fold_begin(&f, NULL, POSTA_LIT("X"));
        posta__fold_text(&f, posta__span(text, n));
        posta__fold_phrase(&f, posta__span(text, n), 0);
    }
    free(text), free(mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelope_table), cmocka_unit_test(limits),
        cmocka_unit_test(any_local_part), cmocka_unit_test(list_table),
        cmocka_unit_test(bad_lists),      cmocka_unit_test(one_mailbox),
        cmocka_unit_test(there_and_back), cmocka_unit_test(hostile_megabytes),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
