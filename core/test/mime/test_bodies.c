/* Where octets come from: sources that lie or fail, slots, bodies that can be read once, a gibibyte
 * in constant memory, the MIME part alone. Behaviour C16, D09, D10, H16. */
#include "t_mime.h"

static posta_part_options encoded(posta_encoding e) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.encoding = e;
    return o;
}

static const posta_encoding ways[] = {POSTA_ENCODING_AUTO, POSTA_ENCODING_QUOTED_PRINTABLE,
                                      POSTA_ENCODING_BASE64, POSTA_ENCODING_7BIT};

/* ---- sources that lie ---- */

typedef struct lie {
    uint64_t said;
    bool can_rewind, late_end;
    size_t piece;
} lie;

/* The fault comes from compose where the source is read first, else while pulling; never an end. */
static void check_lie(lie l, posta_encoding e, bool as_text) {
    static const char text[] = "twenty octets here\r\n";
    t_place place;
    posta_message *m;
    posta_part_options o = encoded(e);
    t_body b = t_body_of(text, 20);
    posta_source s;
    posta_status status;
    t_place_init(&place);
    m = t_message(&place);
    b.piece = l.piece;
    b.late_end = l.late_end;
    posta_message_label(m, "attachments[4]");
    if (as_text)
        posta_message_text(m, t_source(&b, l.can_rewind, l.said), &o);
    else
        posta_message_attach(m, t_source(&b, l.can_rewind, l.said), &o);
    posta_message_html(m, posta_body_string("<p>"), NULL);
    status = posta_message_compose(m, NULL, &s, NULL);
    if (!status) {
        t_text t = t_pull_all(&s, 0);
        status = t.status;
        assert_null(strstr(t.p, "--\r\n")); /* the last boundary is not there */
        posta_window w = {(uint8_t *)t.p, t.len, 0, 0};
        assert_int_equal(s.pull(s.user, &w), status); /* sticky */
        free(t.p);
    }
    assert_int_equal(status, POSTA_E_BODY);
    assert_string_equal(posta_message_problem(m)->field, "attachments[4]");
    t_done(&place, m);
    assert_int_equal(b.closes, 1);
}

static void test_lying_sources(void **state) {
    static const uint64_t said[] = {0, 1, 19, 21, 1000};
    size_t i, j;
    (void)state;
    for (i = 0; i < sizeof said / sizeof said[0]; i++) {
        for (j = 0; j < 64; j++) {
            lie l = {said[i], j & 1, j & 2, (size_t)(j & 4 ? 1 : 0)};
            check_lie(l, ways[(j >> 3) & 3], j & 32);
        }
    }
}

/* A source that fails, at each offset; and one that gives nothing and never ends. */
static void check_broken(size_t at, bool stalls, bool can_rewind, posta_encoding e) {
    static const char text[] = "twenty octets here\r\n";
    t_place place;
    posta_message *m;
    posta_part_options o = encoded(e);
    t_body b = t_body_of(text, 20);
    posta_source s;
    posta_status status;
    t_place_init(&place);
    m = t_message(&place);
    if (stalls)
        b.stall_at = at;
    else
        b.fail_at = at;
    posta_message_text(m, t_source(&b, can_rewind, POSTA_LEN_UNKNOWN), &o);
    status = posta_message_compose(m, NULL, &s, NULL);
    if (!status) {
        t_text t = t_pull_all(&s, 0);
        status = t.status;
        free(t.p);
    }
    assert_int_equal(status, POSTA_E_BODY);
    assert_string_equal(posta_message_problem(m)->field, "text");
    if (!stalls)
        assert_non_null(strstr(posta_message_problem(m)->text, posta_status_text(POSTA_E_FILE)));
    t_done(&place, m);
    assert_int_equal(b.closes, 1);
}

static void test_broken_sources(void **state) {
    size_t at, i;
    (void)state;
    for (at = 0; at < 20; at++) {
        for (i = 0; i < 16; i++)
            check_broken(at, i & 1, i & 2, ways[i >> 2]);
    }
}

static posta_status pull_fails(void *user, posta_window *out) {
    (void)out;
    return *(posta_status *)user;
}

/* What failed is said once. */
static void test_failure_is_said_once(void **state) {
    posta_status fault;
    t_place place;
    posta_message *m;
    posta_source bad = {&fault, pull_fails, NULL, NULL, POSTA_LEN_UNKNOWN}, s;
    t_text t;
    (void)state;
    for (fault = POSTA_E_FILE; fault <= POSTA_E_BODY; fault++) {
        t_place_init(&place);
        m = t_message(&place);
        posta_message_attach(m, posta_body_source(bad), NULL);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        t = t_pull_all(&s, 0);
        assert_int_equal(t.status, POSTA_E_BODY);
        const char *text = posta_message_problem(m)->text;
        const char *head = "attachments[1]: could not be read to its end";
        assert_memory_equal(text, head, strlen(head));
        text += strlen(head);
        if (fault == POSTA_E_BODY)
            assert_string_equal(text, "");
        else
            assert_string_equal(text + 2, posta_status_text(fault));
        free(t.p);
        t_done(&place, m);
    }
}

/* The same length, other octets, between the first and the second reading. */
static void test_source_that_changes(void **state) {
    char text[] = "plain\nplain\nplain\n";
    t_place place;
    posta_message *m;
    t_body b = t_body_of(text, strlen(text));
    posta_source s;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, t_source(&b, true, POSTA_LEN_UNKNOWN), NULL);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    text[3] = '\xff';
    t = t_pull_all(&s, 0);
    assert_int_equal(t.status, POSTA_E_BODY); /* 7bit must stay 7bit */
    assert_null(strchr(t.p, 0xff));
    free(t.p);
    text[3] = '\n';
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    t = t_pull_all(&s, 0);
    assert_int_equal(t.status, POSTA_E_BODY); /* the length told before was another */
    free(t.p);
    t_done(&place, m);
}

/* ---- once or twice ---- */

static void test_rewinding(void **state) {
    t_place place;
    posta_message *m;
    t_body b = t_body_of("text\n", 5), c = t_body_of("\0\1\2", 3);
    posta_source s;
    t_text one, two;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, t_source(&b, true, POSTA_LEN_UNKNOWN), NULL);
    posta_message_attach(m, t_source(&c, true, 3), NULL);
    one = t_compose(m, false, 5);
    two = t_compose(m, false, 9);
    assert_string_equal(one.p, two.p);
    free(two.p);
    posta_message_compose(m, NULL, &s, NULL);
    two = t_pull_all(&s, 0);
    free(two.p);
    assert_non_null(s.rewind);
    assert_int_equal(s.rewind(s.user), POSTA_OK);
    two = t_pull_all(&s, 0);
    assert_string_equal(one.p, two.p);
    assert_int_equal(c.rewinds, 3); /* octets that are no text are not looked at first */
    free(one.p);
    free(two.p);
    t_done(&place, m);
}

static void test_consumed(void **state) {
    t_place place;
    posta_message *m;
    t_body b = t_body_of("text\n", 5);
    posta_source s;
    t_text t;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, t_source(&b, false, POSTA_LEN_UNKNOWN), NULL);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    assert_null(s.rewind);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK); /* not read yet */
    t = t_pull_all(&s, 0);
    assert_int_equal(t.status, POSTA_END);
    assert_non_null(strstr(t.p, "quoted-printable"));
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_STATE);
    assert_string_equal(posta_message_problem(m)->field, "text");
    free(t.p);
    t_done(&place, m);
}

/* Whatever happens to the setter, the source is closed once (mime.h). */
static void test_sources_are_closed_once(void **state) {
    t_place place;
    posta_message *m;
    posta_part_options o = POSTA_PART_OPTIONS;
    t_body b = t_body_of("x", 1), c = b, d = b, e = b;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, t_source(&b, true, 1), NULL);
    posta_message_text(m, t_source(&c, true, 1), NULL); /* replaces the first */
    o.name = "bad\nname";
    assert_int_equal(posta_message_attach(m, t_source(&d, true, 1), &o), POSTA_E_FIELD);
    assert_int_equal(d.closes, 1);
    assert_int_equal(posta_message_html(m, t_source(&e, true, 1), NULL), POSTA_E_FIELD);
    assert_int_equal(e.closes, 1);
    posta_message_text(NULL, t_source(&e, true, 1), NULL);
    assert_int_equal(e.closes, 2);
    t_done(&place, m);
    assert_int_equal(b.closes, 1);
    assert_int_equal(c.closes, 1);
    assert_int_equal(d.closes, 1);
}

/* ---- slots ---- */

/* Pulls all; feeds slots from `bodies` in pieces, with an empty feed before each. */
static t_text pull_fed(posta_message *m, const posta_source *s, const char *const *bodies,
                       size_t piece) {
    size_t at[4] = {0};
    t_text t = {calloc(1, 8192), 0, POSTA_OK};
    while (t.status == POSTA_OK || t.status == POSTA_AGAIN) {
        posta_window w = {(uint8_t *)t.p + t.len, 13, 0, 0};
        size_t slot = posta_message_wanted(m), n;
        if (t.status == POSTA_AGAIN) {
            const char *left = bodies[slot] + at[slot];
            assert_int_not_equal(slot, POSTA_NO_SLOT);
            assert_int_equal(posta_message_feed(m, slot + 1, "x", 1), POSTA_E_STATE);
            assert_int_equal(posta_message_feed(m, slot, NULL, 0), POSTA_OK);
            assert_int_equal(posta_message_wanted(m), slot); /* nothing came: still wanted */
            n = strlen(left) < piece ? strlen(left) : piece;
            if (n > 0)
                assert_int_equal(posta_message_feed(m, slot, left, n), POSTA_OK);
            else
                assert_int_equal(posta_message_finish(m, slot), POSTA_OK);
            assert_int_equal(posta_message_wanted(m), POSTA_NO_SLOT);
            assert_int_equal(posta_message_feed(m, slot, "x", 1), POSTA_E_STATE);
            at[slot] += n;
        }
        t.status = s->pull(s->user, &w);
        if (t.status == POSTA_AGAIN) assert_int_equal(w.len, 0);
        t.len += w.len;
        assert_true(t.len < 8000);
    }
    return t;
}

static posta_message *with_slots(t_place *place, uint64_t len) {
    posta_message *m;
    t_place_init(place);
    m = t_message(place);
    posta_message_attach(m, posta_body_slot(len), NULL);
    posta_message_text(m, posta_body_slot(POSTA_LEN_UNKNOWN), NULL);
    return m;
}

static void test_slots(void **state) {
    static const char *const bodies[] = {"twenty octets here\r\n", "a text of \xc3\xbc\nlines "};
    t_text first = {NULL, 0, POSTA_OK};
    size_t piece;
    (void)state;
    for (piece = 1; piece < 30; piece++) {
        t_place place;
        posta_message *m = with_slots(&place, piece & 1 ? 20 : POSTA_LEN_UNKNOWN);
        posta_source s;
        t_text t;
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        assert_int_equal(s.len, POSTA_LEN_UNKNOWN); /* of the text */
        t = pull_fed(m, &s, bodies, piece);
        assert_int_equal(t.status, POSTA_END);
        if (first.p) assert_string_equal(t.p, first.p);
        assert_non_null(strstr(t.p, "\r\na text of =C3=BC\r\nlines=20\r\n--"));
        assert_non_null(strstr(t.p, "\r\ndHdlbnR5IG9jdGV0cyBoZXJlDQo=\r\n--"));
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_E_STATE);
        free(first.p);
        first = t;
        t_done(&place, m);
    }
    free(first.p);
}

static void test_slot_with_a_length(void **state) {
    static const char *const bodies[] = {"twenty octets here\r\n"};
    static const uint64_t said[] = {20, 19, 21, 0};
    size_t i;
    (void)state;
    for (i = 0; i < 4; i++) {
        t_place place;
        posta_message *m;
        posta_source s;
        t_text t;
        t_place_init(&place);
        m = t_message(&place);
        posta_message_attach(m, posta_body_slot(said[i]), NULL);
        assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
        assert_int_not_equal(s.len, POSTA_LEN_UNKNOWN);
        t = pull_fed(m, &s, bodies, 7);
        assert_int_equal(t.status, i == 0 ? POSTA_END : POSTA_E_BODY);
        if (i == 0)
            assert_int_equal(t.len, s.len);
        else
            assert_string_equal(posta_message_problem(m)->field, "attachments[1]");
        free(t.p);
        t_done(&place, m);
    }
}

static void test_slot_that_fails(void **state) {
    t_place place;
    posta_message *m = with_slots(&place, POSTA_LEN_UNKNOWN);
    posta_source s;
    uint8_t space[4096];
    posta_window w = {space, sizeof space, 0, 0};
    (void)state;
    posta_message_compose(m, NULL, &s, NULL);
    assert_int_equal(posta_message_fail(m, 1, "early"), POSTA_E_STATE);
    while (s.pull(s.user, &w) == POSTA_OK)
        w.len = 0;
    assert_int_equal(posta_message_wanted(m), 1);
    assert_int_equal(posta_message_fail(m, 0, "not this"), POSTA_E_STATE);
    assert_int_equal(posta_message_fail(m, 1, "the disk is gone"), POSTA_OK);
    assert_int_equal(s.pull(s.user, &w), POSTA_E_BODY);
    assert_int_equal(posta_message_wanted(m), POSTA_NO_SLOT);
    assert_int_equal(posta_message_feed(m, 1, "x", 1), POSTA_E_STATE);
    assert_string_equal(posta_message_problem(m)->text, "text: the disk is gone");
    t_done(&place, m);
}

/* ---- a gibibyte ---- */

static posta_status pull_pattern(void *user, posta_window *out) {
    uint64_t *left = user;
    size_t n = out->cap - out->len;
    if (n > *left) n = (size_t)*left;
    memset(out->p + out->len, 0x5a, n);
    out->len += n;
    *left -= n;
    return *left == 0 ? POSTA_END : POSTA_OK;
}

static void test_a_gibibyte(void **state) {
    uint64_t left = UINT64_C(1) << 30, total = 0;
    posta_source big = {&left, pull_pattern, NULL, NULL, UINT64_C(1) << 30}, s;
    static uint8_t space[16384];
    t_place place;
    posta_message *m;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_status status = POSTA_OK;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    o.name = "film.mp4";
    posta_message_text(m, posta_body_string("See the film."), NULL);
    posta_message_attach(m, posta_body_source(big), &o);
    assert_int_equal(posta_message_compose(m, NULL, &s, NULL), POSTA_OK);
    while (status == POSTA_OK) {
        posta_window w = {space, sizeof space, 0, 0};
        status = s.pull(s.user, &w);
        total += w.len;
    }
    assert_int_equal(status, POSTA_END);
    assert_int_equal(total, s.len);
    assert_true(total > (UINT64_C(1) << 30) / 3 * 4);
    assert_true(place.peak_bytes <= 64 * 1024);
    t_done(&place, m);
}

typedef struct seen {
    size_t cap, left;
} seen;

static posta_status pull_and_see(void *user, posta_window *out) {
    seen *s = user;
    s->cap = out->cap;
    out->p[out->len++] = 'x';
    return --s->left == 0 ? POSTA_END : POSTA_OK;
}

static void test_read_space(void **state) {
    static const size_t spaces[] = {POSTA_MIN_READ_SPACE, 100, 40000};
    (void)state;
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        posta_compose_options options = POSTA_COMPOSE_OPTIONS;
        seen reader = {0, 3};
        posta_source source = {&reader, pull_and_see, NULL, NULL, 3}, s;
        t_place place;
        posta_message *m;
        uint8_t space[2000];
        posta_window w = {space, sizeof space, 0, 0};
        t_place_init(&place);
        m = t_message(&place);
        posta_message_attach(m, posta_body_source(source), NULL);
        options.read_space = POSTA_MIN_READ_SPACE - 1;
        assert_int_equal(posta_message_compose(m, &options, &s, NULL), POSTA_E_ARGUMENT);
        options.read_space = spaces[i];
        assert_int_equal(posta_message_compose(m, &options, &s, NULL), POSTA_OK);
        assert_int_equal(s.pull(s.user, &w), POSTA_END);
        assert_int_equal(reader.cap, spaces[i]);
        t_done(&place, m);
    }
}

/* ---- the MIME part alone ---- */

static void read_mime(posta_message *m, size_t cap, char *head, char *body) {
    size_t n = 1;
    while (n > 0) {
        assert_int_equal(posta_mime_get_header(m, head, cap, &n), POSTA_OK);
        head += n;
    }
    for (n = 1; n > 0; body += n)
        assert_int_equal(posta_mime_get_body(m, body, cap, &n), POSTA_OK);
    *head = *body = 0;
}

static void test_mime_part_alone(void **state) {
    size_t cap;
    (void)state;
    for (cap = 1; cap < 70; cap++) {
        t_place place;
        posta_message *m = NULL;
        char head[500], body[500];
        size_t i;
        t_place_init(&place);
        posta_message_new(&place.port, &m);
        posta_message_header(m, "X-Extra", "1");
        posta_message_text(m, posta_body_string("gr\xc3\xbc\xc3\x9f aus der Stadt Wien.\n"), NULL);
        for (i = 0; i < 2; i++) { /* a second reading begins anew */
            read_mime(m, cap, head, body);
            t_unfold(head);
            assert_string_equal(head, "MIME-Version: 1.0\r\nX-Extra: 1\r\n"
                                      "Content-Type: text/plain; charset=utf-8\r\n"
                                      "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
            assert_string_equal(body, "gr=C3=BC=C3=9F aus der Stadt Wien.\r\n");
        }
        t_done(&place, m);
    }
}

static void test_mime_body_of_a_slot(void **state) {
    t_place place;
    posta_message *m = NULL;
    char out[200];
    size_t n = 0;
    (void)state;
    t_place_init(&place);
    posta_message_new(&place.port, &m);
    posta_message_text(m, posta_body_slot(POSTA_LEN_UNKNOWN), NULL);
    assert_int_equal(posta_mime_get_body(m, out, sizeof out, &n), POSTA_AGAIN); /* head skipped */
    assert_int_equal(n, 0);
    assert_int_equal(posta_message_feed(m, 0, "abc", 3), POSTA_OK);
    assert_int_equal(posta_mime_get_body(m, out, sizeof out, &n), POSTA_OK);
    assert_int_equal(n, 3);
    assert_int_equal(posta_mime_get_body(m, out, sizeof out, &n), POSTA_AGAIN);
    assert_int_equal(posta_message_finish(m, 0), POSTA_OK);
    assert_int_equal(posta_mime_get_body(m, out, sizeof out, &n), POSTA_OK);
    assert_int_equal(n, 2); /* the line end */
    assert_int_equal(posta_mime_get_body(m, out, sizeof out, &n), POSTA_OK);
    assert_int_equal(n, 0);
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lying_sources),
        cmocka_unit_test(test_broken_sources),
        cmocka_unit_test(test_failure_is_said_once),
        cmocka_unit_test(test_source_that_changes),
        cmocka_unit_test(test_rewinding),
        cmocka_unit_test(test_consumed),
        cmocka_unit_test(test_sources_are_closed_once),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_slot_with_a_length),
        cmocka_unit_test(test_slot_that_fails),
        cmocka_unit_test(test_a_gibibyte),
        cmocka_unit_test(test_read_space),
        cmocka_unit_test(test_mime_part_alone),
        cmocka_unit_test(test_mime_body_of_a_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
