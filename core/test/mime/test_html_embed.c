/* Local pictures become inline parts: what is taken for one, what it is called, what gets out of
 * its folder. */
#include "../../mime/html_i.h"
#include "t_mime.h"

static t_place place;

/* ---- files ---- */

#define FILES 1000u

typedef struct disk {
    t_body bodies[FILES];
    char paths[FILES][64];
    size_t n, opened;
    const char *missing;
} disk;

static disk files;

static posta_status open_file(void *user, const char *path, posta_source *out, const char **why) {
    disk *d = user;
    if (d->missing && strcmp(path, d->missing) == 0) {
        if (why) *why = "there is no such file";
        return POSTA_E_FILE;
    }
    assert_true(d->n < FILES && strlen(path) < sizeof d->paths[0]);
    memcpy(d->paths[d->n], path, strlen(path) + 1);
    d->bodies[d->n] = t_body_of(d->paths[d->n], strlen(path));
    *out = t_source(&d->bodies[d->n], true, strlen(path)).source;
    d->n++;
    return POSTA_OK;
}

static posta_embed_options options(const char *base) {
    posta_embed_options o = POSTA_EMBED_OPTIONS;
    memset(&files, 0, sizeof files);
    o.base = base;
    o.open = open_file;
    o.user = &files;
    return o;
}

/* ---- what stands for what ---- */

/* In `html` each "[path]" is where cid: has to come, and the path what it was. */
static void expect(const char *marked) {
    char given[4096], seen[4096];
    const char *want[64];
    size_t lens[64], n = 0, at = 0;
    posta_message *m = t_message(&place);
    posta_embed_options o = options("dir");
    posta_span got;
    const uint8_t *p;
    for (const char *c = marked; *c; c++) {
        if (*c == '[') want[n] = c + 1;
        if (*c == ']') lens[n] = (size_t)(c - want[n]), n++;
        if (*c != '[' && *c != ']') given[at++] = *c;
    }
    given[at] = 0;
    assert_int_equal(posta_message_html(m, posta_body_string(given), NULL), POSTA_OK);
    if (posta_message_embed(m, &o)) fail_msg("%s: %s", marked, posta_message_problem(m)->text);
    got = m->html->body.data;
    assert_int_equal(m->html->len, got.len);
    p = got.p;
    at = 0;
    n = 0;
    for (const char *c = marked; *c; c++) {
        if (*c != '[') {
            if (p == got.p + got.len || *p++ != (uint8_t)*c)
                fail_msg("%s became %.*s", marked, (int)got.len, (const char *)got.p);
            continue;
        }
        if (got.p + got.len - p < 42 || memcmp(p, "cid:", 4) != 0)
            fail_msg("%s became %.*s", marked, (int)got.len, (const char *)got.p);
        memcpy(seen + n * 39, p + 4, 38);
        seen[n * 39 + 38] = 0;
        p += 42;
        c += 1 + lens[n++];
    }
    assert_true(p == got.p + got.len);
    assert_int_equal(got.p == (const uint8_t *)given, n == 0); /* nothing is copied for nothing */
    for (size_t i = 0; i < n; i++) {
        posta__part *part = m->inlines;
        while (part && !posta_span_is(part->content_id, posta__span_of(seen + i * 39)))
            part = part->next;
        assert_non_null(part);
    }
    posta_message_free(&m);
    for (size_t i = 0; i < files.n; i++)
        assert_int_equal(files.bodies[i].closes, 1);
}

static void places(void **state) {
    (void)state;
    expect("");
    expect("<p>no pictures <b src=a.png>");
    expect(
        "<img src=\"[a.png]\"><IMG alt='x' SRC='[b.jpg]'/><img src=[c.gif]><img src = [d.svg] x>");
    expect("<img src=\" [a.png] \"><img\nsrc='[a.png]'><img src=[a.png]\n>");
    expect(
        "<img src='[a.png]' /><img src='[./a.png]'><img src=[x/../a.png]><img src='[x//b.png]'>");
    expect(
        "<img src='[a.png?v=1]'><img src='[a.png#x]'><img src='[a%2epng]'><img src='[a&#46;png]'>");
    expect("<body background='[bg.png]'><td BACKGROUND=[bg.png]>");
    expect("<p style='background:url([a.png])'>"
           "<p style=\"x:URL( '[b.png]' ) no-repeat, url( [c.png] );y:url(&quot;[d.png]&quot;)\">"
           "<p style='x:url(\"[e.png]\"), url(&#39;[f.png]&#39;)'>");
    /* what is left alone */
    expect(
        "<img src='http://x/a.png'><img src='//x/a.png'><img src='cid:a'><img "
        "src='data:image/png;x'>"
        "<img src='#a'><img src=''><img src=><img src><img src='C:\\a.png'><img src='\\\\x\\a.png'>"
        "<img src='&#104;ttp://x'><img src='?a.png'><img src=' '><img src=mailto:x>");
    expect("<!-- <img src=a.png> --><script>'<img src=a.png>'</script><style>url(a.png)</style>"
           "<img alt='<img src=a.png>'><a href=a.png><input src=a.png></img src=a.png><img "
           "srcset=a.png>");
    expect(
        "<p style='x:myurl(a.png)'><p style='url(a\\29.png)'><p style='url(a.png'><p style='url('>"
        "<p style='x:url(\"a.png)'><p style='url()'><p style=url>");
    expect("<img src='a.png"); /* no end, no tag */
}

static void one_part_a_file(void **state) {
    posta_message *m = t_message(&place);
    posta_embed_options o = options("dir/");
    (void)state;
    posta_message_html(m,
                       posta_body_string("<img src=b/a%20%c3%bc.png><img src='b\\a \xc3\xbc.png'>"
                                         "<img src=./b/./a%20%C3%BC.png><img src=a.png>"),
                       NULL);
    assert_int_equal(posta_message_embed(m, &o), POSTA_OK);
    assert_int_equal(files.n, 2);
    assert_string_equal(files.paths[0], "dir/b/a \xc3\xbc.png");
    assert_string_equal(files.paths[1], "dir/a.png");
    assert_int_equal(m->inlines_n, 2);
    assert_true(posta_span_is(m->inlines->name, POSTA_LIT("a \xc3\xbc.png")));
    assert_true(posta_span_is(m->inlines->type, POSTA_LIT("image/png")));
    assert_true(posta_span_is(m->inlines->disposition, POSTA_LIT("inline")));
    assert_string_equal(m->inlines->label, "inline.b/a \xc3\xbc.png");
    /* a second time there is nothing left to do */
    assert_int_equal(posta_message_embed(m, &o), POSTA_OK);
    assert_int_equal(files.n, 2);
    posta_message_free(&m);
}

static void many(void **state) {
    static char html[FILES * 64];
    size_t at = 0;
    posta_message *m = t_message(&place);
    posta_embed_options o = options(NULL);
    (void)state;
    for (size_t i = 0; i < 2 * FILES; i++)
        at += (size_t)sprintf(html + at, "<img src=%zu.png>", i % FILES);
    posta_message_idempotency_key(m, "x"); /* the place's randomness repeats too soon */
    posta_message_html(m, posta_body_string(html), NULL);
    assert_int_equal(posta_message_embed(m, &o), POSTA_OK);
    assert_int_equal(files.n, FILES);
    assert_string_equal(files.paths[999], "999.png");
    assert_int_equal(m->html->len, at - 2 * 4 * FILES - 2 * 2890 + 2 * 42 * FILES);
    posta_message_free(&m);
    for (size_t i = 0; i < files.n; i++)
        assert_int_equal(files.bodies[i].closes, 1);
}

static void long_data(void **state) {
    static char html[6000] = "<img src='data:image/png;base64,";
    posta_message *m = t_message(&place);
    posta_embed_options o = options("dir");
    (void)state;
    memset(html + strlen(html), 'a', 5000);
    memcpy(html + strlen(html), "'><img src=a.png>", 18);
    posta_message_html(m, posta_body_string(html), NULL);
    assert_int_equal(posta_message_embed(m, &o), POSTA_OK);
    assert_int_equal(files.n, 1);
    posta_message_free(&m);
}

/* ---- what is refused ---- */

static void outside(void **state) {
    static const char *const rows[][2] = {
        {"../a.png", "\"../a.png\" leads out of the base folder (byte 16)"},
        {"a/../../b.png", "leads out of the base folder"},
        {"..", "leads out of the base folder"},
        {"%2e%2e/a.png", "leads out of the base folder"},
        {"%2E%2e%2Fa.png", "leads out of the base folder"},
        {"..%5Ca.png", "leads out of the base folder"},
        {"&#46;&#x2e;&#47;a.png", "leads out of the base folder"},
        {"..\\a.png", "leads out of the base folder"},
        {"./.././a.png", "leads out of the base folder"},
        {"/etc/a.png", "is an absolute path"},
        {"%2fetc/a.png", "is an absolute path"},
        {"%2f/etc/a.png", "is an absolute path"},
        {"\\a.png", "is an absolute path"},
        {"a%00.png", "has a NUL octet"},
        {".", "names no file"},
        {"a/..", "names no file"},
        {"secret.txt", "is no picture by its name; only pictures are embedded"},
        {".env", "is no picture by its name"},
        {"a.png/", "\"a.png/\" cannot be embedded: \"dir/a.png\": there is no such file (byte 16)"},
        {"b%0a.png", "inline.b\\n.png.name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char html[128];
        posta_message *m = t_message(&place);
        posta_embed_options o = options("dir");
        posta_status want = strstr(rows[i][1], "no such") ? POSTA_E_FILE : POSTA_E_FIELD;
        files.missing = "dir/a.png";
        sprintf(html, "x<img x=y src='%s'>", rows[i][0]);
        posta_message_html(m, posta_body_string(html), NULL);
        assert_int_equal(posta_message_embed(m, &o), want);
        if (i != 19 && !strstr(posta_message_problem(m)->text, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], posta_message_problem(m)->text);
        if (i != 19) assert_string_equal(posta_message_problem(m)->field, "html");
        assert_int_equal(posta_message_embed(m, &o), want); /* sticky */
        posta_message_free(&m);
        assert_int_equal(files.n, i == 19);
        if (files.n > 0) assert_int_equal(files.bodies[0].closes, 1);
    }
}

static void refused(void **state) {
    static char longer[5000];
    (void)state;
    for (int row = 0; row < 10; row++) {
        posta_message *m = t_message(&place);
        posta_embed_options o = options("dir");
        t_body b = t_body_of("<img src=a.png>", 15);
        posta_status want = POSTA_E_FIELD, got;
        if (row == 0) posta_message_html(m, posta_body_slot(15), NULL);
        if (row == 1) posta_message_html(m, t_source(&b, true, POSTA_LEN_UNKNOWN), NULL);
        if (row == 2) posta_message_html(m, t_source(&b, true, POSTA_MAX_EMBED + 1), NULL);
        if (row == 3) want = POSTA_E_STATE; /* no HTML */
        if (row == 4) o.open = NULL, want = POSTA_E_ARGUMENT;
        if (row == 5) o.size--, want = POSTA_E_ARGUMENT;
        if (row == 6) b.fail_at = 7, want = POSTA_E_BODY;
        if (row == 7) b.stall_at = 7, want = POSTA_E_BODY;
        if (row == 8) want = POSTA_E_BODY;
        if (row >= 4 && row < 9)
            posta_message_html(m, t_source(&b, true, row == 8 ? 14 : 15), NULL);
        memset(longer, 'a', sizeof longer - 1);
        memcpy(longer, "<img src=", 9);
        longer[sizeof longer - 2] = '>';
        if (row == 9) posta_message_html(m, posta_body_string(longer), NULL);
        got = posta_message_embed(m, &o);
        if (got != want) fail_msg("row %d: %d, %s", row, (int)got, posta_message_problem(m)->text);
        posta_message_free(&m);
        assert_int_equal(b.closes, row != 0 && row != 3 && row != 9);
    }
    assert_int_equal(posta_message_embed(NULL, NULL), POSTA_E_ARGUMENT);
}

/* ---- the whole message ---- */

static void from_a_source(void **state) {
    static const char html[] = "<p>x<img src=a.png><img src='http://x'>";
    (void)state;
    for (size_t piece = 0; piece < 9; piece++) {
        posta_message *m = t_message(&place);
        posta_embed_options o = options(NULL);
        t_body b = t_body_of(html, strlen(html));
        t_text t;
        b.piece = piece;
        b.late_end = piece % 2;
        posta_message_html(m, t_source(&b, false, b.len), NULL);
        assert_int_equal(posta_message_embed(m, &o), POSTA_OK);
        assert_int_equal(b.closes, 1);
        assert_int_equal(posta_message_text_from_html(m, NULL), POSTA_OK);
        t = t_compose(m, false, 100);
        t_unfold(t.p);
        assert_int_equal(t.status, POSTA_END);
        if (!strstr(t.p, "Content-Type: image/png; name=\"a.png\"\r\n") ||
            strstr(t.p, "src=a.png") || !strstr(t.p, "src=cid:") ||
            !strstr(t.p, "\r\nYS5wbmc=\r\n"))
            fail_msg("%s", t.p);
        free(t.p);
        posta_message_free(&m);
        assert_int_equal(b.closes, 1);
        assert_int_equal(files.bodies[0].closes, 1);
    }
}

static void finds_nothing_wrong(void **state) {
    posta_message *m = t_message(&place);
    posta_embed_options o = options(NULL);
    posta_finding found[8];
    size_t n = 8;
    (void)state;
    posta_message_subject(m, "x");
    posta_message_html(m, posta_body_string("<p>x<img src=a.png><p style='x:url(b.png)'>"), NULL);
    posta_message_embed(m, &o);
    posta_message_text_from_html(m, NULL);
    assert_int_equal(posta_message_check(m, NULL, found, 8, &n), POSTA_OK);
    if (n > 0) fail_msg("%s", found[0].text);
    posta_message_free(&m);
}

static void one_key(void **state) {
    t_text texts[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        posta_message *m = t_message(&place);
        posta_embed_options o = options(NULL);
        posta_message_idempotency_key(m, i < 2 ? "one" : "two");
        posta_message_html(m, posta_body_string("<img src=a.png><img src=b.png>"), NULL);
        posta_message_embed(m, &o);
        texts[i] = t_compose(m, false, 100);
        posta_message_free(&m);
    }
    assert_string_equal(texts[0].p, texts[1].p);
    assert_memory_not_equal(strstr(texts[0].p, "cid:"), strstr(texts[2].p, "cid:"), 42);
    assert_memory_not_equal(strstr(texts[0].p, "cid:"),
                            strstr(strstr(texts[0].p, "cid:") + 1, "cid:"), 42);
    for (int i = 0; i < 3; i++)
        free(texts[i].p);
}

/* Every allocation fails once, and once and for ever. Behaviour K09. */
static void starved(void **state) {
    static const char html[] = "<p style='x:url(a.png)'>x<img src=a.png><img src=b.png> y";
    (void)state;
    for (int forever = 0; forever < 2; forever++) {
        bool is_done = false;
        for (size_t at = 0; !is_done; at++) {
            t_place own;
            posta_message *m = NULL;
            posta_embed_options o = options("dir");
            posta_part_options flow = POSTA_PART_OPTIONS;
            t_body b = t_body_of(html, strlen(html));
            posta_source s;
            posta_status status;
            t_place_init(&own);
            own.fail_at = at;
            own.fail_forever = forever;
            flow.is_flowed = true;
            if (posta_message_new(&own.port, &m)) continue;
            posta_message_addresses(m, POSTA_FROM, "ana@example.org");
            posta_message_addresses(m, POSTA_TO, "bob@example.org");
            posta_message_html(m, t_source(&b, true, b.len), NULL);
            posta_message_embed(m, &o);
            posta_message_text_from_html(m, &flow);
            status = posta_message_compose(m, NULL, &s, NULL);
            assert_true(status == POSTA_OK || status == POSTA_E_MEMORY);
            if (!status) {
                t_text t = t_pull_all(&s, 100);
                assert_int_equal(t.status, POSTA_END);
                free(t.p);
            }
            is_done = !status && own.allocations <= at;
            t_done(&own, m);
            assert_int_equal(b.closes, 1);
            for (size_t i = 0; i < files.n; i++)
                assert_int_equal(files.bodies[i].closes, 1);
        }
    }
}

static int begin(void **state) {
    (void)state;
    t_place_init(&place);
    return 0;
}

static int finish(void **state) {
    (void)state;
    return place.live != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),        cmocka_unit_test(one_part_a_file),
        cmocka_unit_test(many),          cmocka_unit_test(long_data),
        cmocka_unit_test(outside),       cmocka_unit_test(refused),
        cmocka_unit_test(from_a_source), cmocka_unit_test(finds_nothing_wrong),
        cmocka_unit_test(one_key),       cmocka_unit_test(starved),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
