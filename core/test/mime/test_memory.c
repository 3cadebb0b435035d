/* Every allocation fails once, and once and for ever, while a full message is built, composed twice
 * and read: an error or the right octets, no leak, and the message can be freed. Behaviour K09. */
#include "t_mime.h"

#define RECIPIENTS 300u /* so many that the envelope needs blocks of its own */
#define SUBJECT    "a subject of \xc3\xbc"

typedef struct sources {
    t_body text, picture, refused;
} sources;

/* A setter may fail for want of memory only. */
static void want(posta_status status) {
    assert_true(status == POSTA_OK || status == POSTA_E_MEMORY);
}

static void build(posta_message *m, sources *src) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field extra = {"X-Part", "with a value of its own"};
    size_t i;
    want(posta_message_addresses(m, POSTA_FROM, "\xc3\x84nne (comment) <a@b.c>, Bo <bo@b.c>"));
    for (i = 0; i < RECIPIENTS; i++) {
        char list[100];
        snprintf(list, sizeof list, "team: a@b.c, \"d %zu\"@f.g;, h@i.j", i);
        want(posta_message_addresses(m, POSTA_TO, list));
    }
    want(posta_message_mailbox(m, POSTA_BCC, "Zo\xc3\xab", "z@b.c"));
    want(posta_message_subject(m, SUBJECT));
    want(posta_message_id(m, "<1@b.c>"));
    want(posta_message_header(m, "X-One", "one"));
    want(posta_message_text(m, t_source(&src->text, true, POSTA_LEN_UNKNOWN), NULL));
    want(posta_message_html(m, posta_body_string("<p>"), NULL));
    o.content_id = "x";
    o.name = "\xc3\xbc.png";
    o.description = "a picture";
    o.headers = &extra;
    o.headers_n = 1;
    want(posta_message_inline(m, t_source(&src->picture, false, 4), &o));
    o.content_id = NULL;
    want(posta_message_attach(m, posta_body_data("\0\1", 2), &o));
}

/* True when all went through. */
static bool use(posta_message *m, size_t *len_out) {
    posta_envelope e;
    posta_source s;
    size_t i;
    for (i = 0; i < 2; i++) {
        posta_status status = posta_message_compose(m, NULL, &s, NULL);
        want(status);
        if (status) assert_int_equal(posta_message_problem(m)->status, POSTA_E_MEMORY);
        if (status) return false;
    }
    if (posta_message_envelope(m, &e)) return false;
    assert_int_equal(e.to_n, RECIPIENTS + 3);
    t_text t = t_pull_all(&s, 0);
    assert_int_equal(t.status, POSTA_END);
    *len_out = t.len;
    free(t.p);
    return true;
}

static size_t run(size_t fail_at, bool for_ever, bool *ok_out, size_t *len_out) {
    t_place place;
    posta_message *m = NULL;
    sources src = {t_body_of("text \xc3\xbc\n", 8), t_body_of("\x89PNG", 4), t_body_of("", 0)};
    t_place_init(&place);
    place.fail_at = fail_at;
    place.fail_forever = for_ever;
    *ok_out = false;
    if (posta_message_new(&place.port, &m) == POSTA_OK) {
        build(m, &src);
        *ok_out = use(m, len_out);
        if (!*ok_out && !for_ever && !posta_message_subject(m, SUBJECT)) {
            /* no setter failed, and memory is there again: composing works now */
            *ok_out = use(m, len_out);
            assert_true(*ok_out);
        }
        posta_message_free(&m);
        assert_int_equal(src.text.closes, 1);
        assert_int_equal(src.picture.closes, 1);
    }
    assert_null(m);
    assert_int_equal(place.live, 0);
    return place.allocations;
}

static void test_each_allocation_fails(void **state) {
    bool ok;
    size_t len = 0, n = run(T_NEVER, false, &ok, &len), i, survived = 0, other = 0;
    (void)state;
    assert_true(ok);
    assert_true(n > 15);
    for (i = 0; i < n; i++) {
        run(i, false, &ok, &other);
        if (ok) assert_int_equal(other, len); /* nothing was lost on the way */
        survived += ok;
        run(i, true, &ok, &other);
        assert_false(ok);
    }
    assert_true(survived > 0 && survived < n);
    assert_true(len > 0);
}

/* What the message above has not: fields with a meaning, an invitation, parts by hand, a message in
 * another one. */
static void build_more(posta_message *m, posta_message *inner, const char *subject) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field parameter = {"x-one", "\xc3\xbc"};
    posta_part *box = NULL, *leaf = NULL, *other = NULL;
    want(posta_message_subject(m, subject));
    want(posta_message_addresses(inner, POSTA_FROM, "in@b.c"));
    want(posta_message_text(inner, posta_body_string("x"), NULL));
    want(posta_message_idempotency_key(m, "key"));
    want(posta_message_addresses(m, POSTA_FROM, "a@b.c"));
    want(posta_message_addresses(m, POSTA_TO, "d@b.c"));
    want(posta_message_addresses(m, POSTA_NOTIFY_TO, "a@b.c"));
    want(posta_message_answer(m, "1@b.c", "<2@b.c> <3@b.c>"));
    want(posta_message_list(m, POSTA_LIST_ID, "News <news.b.c>"));
    want(posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "https://b.c/u"));
    want(posta_message_one_click(m));
    want(posta_message_auto_submitted(m, "auto-replied"));
    want(posta_message_priority(m, POSTA_PRIORITY_HIGH));
    want(posta_message_text(m, posta_body_string("y"), NULL));
    want(posta_message_calendar(m, posta_body_string("BEGIN:VCALENDAR"), "REQUEST", NULL));
    o.language = "en";
    o.parameters = &parameter;
    o.parameters_n = 1;
    want(posta_message_multipart(m, &o, &box));
    want(posta_message_leaf(m, posta_body_string("z"), &o, &leaf));
    want(posta_message_enclose(m, inner, NULL, &other));
    if (!box || !leaf || !other) return;
    want(posta_part_add(box, leaf));
    want(posta_part_add(box, other));
    want(posta_message_attach_part(m, box));
}

/* `pad` octets more, so that each place in turn is the one where an arena needs a new block. 0
 * octets: it was starved. */
static size_t run_more(size_t fail_at, bool for_ever, size_t pad, size_t *len_out) {
    char subject[1000] = "";
    t_place place;
    posta_message *m = NULL, *inner = NULL;
    posta_source s;
    *len_out = 0;
    memset(subject, 'x', pad);
    t_place_init(&place);
    place.fail_at = fail_at;
    place.fail_forever = for_ever;
    want(posta_message_new(&place.port, &m));
    want(posta_message_new(&place.port, &inner));
    if (m && inner) {
        build_more(m, inner, subject);
        posta_status status = posta_message_compose(m, NULL, &s, NULL);
        want(status);
        if (!status) {
            t_text t = t_pull_all(&s, 0);
            assert_int_equal(t.status, POSTA_END);
            *len_out = t.len;
            free(t.p);
        }
    }
    posta_message_free(&m);
    posta_message_free(&inner);
    assert_int_equal(place.live, 0);
    return place.allocations;
}

static void test_each_allocation_of_more_fails(void **state) {
    (void)state;
    for (size_t pad = 0; pad < 1000; pad += 29) {
        size_t len, want_len, n = run_more(T_NEVER, false, pad, &want_len), i;
        assert_true(want_len > 1000);
        for (i = 0; i < n; i++) {
            run_more(i, false, pad, &len);
            if (len > 0) assert_int_equal(len, want_len);
            run_more(i, true, pad, &len);
            assert_int_equal(len, 0);
        }
    }
}

/* Errors are told without memory. */
static void test_errors_need_no_memory(void **state) {
    t_place place;
    posta_message *m;
    size_t before;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    before = place.allocations;
    place.fail_at = before;
    place.fail_forever = true;
    assert_int_equal(posta_message_subject(m, "a\nb"), POSTA_E_FIELD);
    assert_int_equal(place.allocations, before);
    assert_string_equal(posta_message_problem(m)->field, "subject");
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_each_allocation_of_more_fails),
        cmocka_unit_test(test_errors_need_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
