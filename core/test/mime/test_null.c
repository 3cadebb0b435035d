/* Null where a string is asked for, and options that hold nonsense: an error that names its field,
 * never a crash. */
#include "t_mime.h"

static posta_message *start(t_place *place) {
    posta_message *m = NULL;
    t_place_init(place);
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    return m;
}

static void expect(t_place *place, posta_message *m, posta_status status, posta_status want,
                   const char *field) {
    assert_int_equal(status, want);
    assert_string_equal(posta_message_problem(m)->field, field);
    assert_int_equal(posta_message_problem(m)->status, want);
    assert_true(strlen(posta_message_problem(m)->text) > strlen(field) + 2);
    t_done(place, m);
}

static void test_addresses(void **state) {
    static const char *const labels[] = {"from", "sender", "reply_to",      "to",
                                         "cc",   "bcc",    "envelope.from", "envelope.to"};
    t_place p;
    posta_message *m;
    int i;
    (void)state;
    for (i = POSTA_FROM; i <= POSTA_ENVELOPE_TO; i++) {
        posta_address_field f = (posta_address_field)i;
        m = start(&p);
        expect(&p, m, posta_message_addresses(m, f, NULL), POSTA_E_FIELD, labels[i]);
        m = start(&p);
        expect(&p, m, posta_message_mailbox(m, f, NULL, NULL), POSTA_E_FIELD, labels[i]);
        m = start(&p);
        expect(&p, m, posta_message_mailbox(m, f, "x", NULL), POSTA_E_FIELD, labels[i]);
        m = start(&p);
        assert_int_equal(posta_message_mailbox(m, f, NULL, "a@b.org"), POSTA_OK); /* may be */
        t_done(&p, m);
        assert_int_equal(posta_message_addresses(NULL, f, NULL), POSTA_E_ARGUMENT);
        assert_int_equal(posta_message_mailbox(NULL, f, NULL, NULL), POSTA_E_ARGUMENT);
    }
    m = start(&p);
    assert_int_equal(posta_message_addresses(m, (posta_address_field)99, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_mailbox(m, (posta_address_field)-1, NULL, NULL),
                     POSTA_E_ARGUMENT);
    t_done(&p, m);
}

static void test_texts(void **state) {
    t_place p;
    posta_message *m = start(&p);
    (void)state;
    expect(&p, m, posta_message_subject(m, NULL), POSTA_E_FIELD, "subject");
    m = start(&p);
    expect(&p, m, posta_message_date_text(m, NULL), POSTA_E_FIELD, "date");
    m = start(&p);
    expect(&p, m, posta_message_id(m, NULL), POSTA_E_FIELD, "message_id");
    m = start(&p);
    expect(&p, m, posta_message_header(m, NULL, NULL), POSTA_E_FIELD, "headers");
    m = start(&p);
    expect(&p, m, posta_message_header(m, NULL, "x"), POSTA_E_FIELD, "headers");
    m = start(&p);
    expect(&p, m, posta_message_header(m, "X-A", NULL), POSTA_E_FIELD, "headers.X-A");
    assert_int_equal(posta_message_subject(NULL, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_date(NULL, 0), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_date_text(NULL, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_id(NULL, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_header(NULL, NULL, NULL), POSTA_E_ARGUMENT);
}

static void test_labels(void **state) {
    t_place p;
    posta_message *m = start(&p);
    (void)state;
    posta_message_label(NULL, NULL);
    posta_message_label(NULL, "x");
    posta_message_label(m, "mine");
    posta_message_label(m, NULL); /* the default again */
    expect(&p, m, posta_message_subject(m, NULL), POSTA_E_FIELD, "subject");
}

typedef posta_status (*setter)(posta_message *m, posta_body body, const posta_part_options *o);

static const setter setters[] = {posta_message_text, posta_message_html, posta_message_inline,
                                 posta_message_attach};
static const char *const labels[] = {"text", "html", "inline[1]", "attachments[1]"};

static void test_bodies(void **state) {
    static const posta_source no_pull;
    t_place p;
    posta_message *m;
    size_t i, j;
    (void)state;
    for (i = 0; i < 4; i++) {
        posta_body bodies[] = {posta_body_string(NULL), posta_body_data(NULL, 5),
                               posta_body_source(no_pull), posta_body_slot(0)};
        bodies[3].kind = (posta_body_kind)77;
        for (j = 0; j < 4; j++) {
            m = start(&p);
            expect(&p, m, setters[i](m, bodies[j], NULL), POSTA_E_ARGUMENT, labels[i]);
            m = start(&p);
            expect(&p, m, posta_message_raw(m, bodies[j], POSTA_LINE_ENDS_FIX), POSTA_E_ARGUMENT,
                   "raw");
        }
        assert_int_equal(setters[i](NULL, posta_body_string(NULL), NULL), POSTA_E_ARGUMENT);
    }
    assert_int_equal(posta_message_raw(NULL, posta_body_string(NULL), POSTA_LINE_ENDS_FIX),
                     POSTA_E_ARGUMENT);
    m = start(&p); /* empty is not null */
    assert_int_equal(posta_message_text(m, posta_body_data(NULL, 0), NULL), POSTA_OK);
    t_done(&p, m);
}

static void test_options(void **state) {
    static const size_t sizes[] = {0, 1, sizeof(posta_part_options) - 1};
    static const posta_field nameless = {NULL, NULL}, valueless = {"X-A", NULL};
    t_place p;
    posta_message *m;
    char label[60];
    size_t i, j;
    (void)state;
    for (i = 0; i < 4; i++) {
        posta_part_options o = POSTA_PART_OPTIONS;
        for (j = 0; j < 3; j++) {
            /* what stands behind the size is not looked at */
            memset(&o, 0xa5, sizeof o);
            o.size = sizes[j];
            m = start(&p);
            expect(&p, m, setters[i](m, posta_body_string("x"), &o), POSTA_E_ARGUMENT, labels[i]);
        }
        memset(&o, 0, sizeof o);
        o.size = sizeof o;
        o.content_id = "a@b";
        o.headers_n = SIZE_MAX;
        snprintf(label, sizeof label, "%s.headers", labels[i]);
        m = start(&p);
        expect(&p, m, setters[i](m, posta_body_string("x"), &o), POSTA_E_FIELD, label);
        snprintf(label, sizeof label, "%s.headers[1]", labels[i]);
        o.headers_n = 1;
        o.headers = &nameless;
        m = start(&p);
        expect(&p, m, setters[i](m, posta_body_string("x"), &o), POSTA_E_FIELD, label);
        o.headers = &valueless;
        m = start(&p);
        expect(&p, m, setters[i](m, posta_body_string("x"), &o), POSTA_E_FIELD, label);
        o.headers_n = 0;
        o.size = SIZE_MAX; /* of a later version */
        m = start(&p);
        assert_int_equal(setters[i](m, posta_body_string("x"), &o), POSTA_OK);
        t_done(&p, m);
    }
}

static void test_reading(void **state) {
    t_place p;
    posta_message *m = start(&p);
    posta_compose_options o = {0};
    posta_source s;
    char out[8];
    size_t n;
    (void)state;
    assert_int_equal(posta_message_compose(m, NULL, NULL, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_compose(m, &o, &s, NULL), POSTA_E_ARGUMENT); /* no size */
    assert_int_equal(posta_message_envelope(m, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_header(m, NULL, 8, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_header(m, out, 8, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_header(NULL, out, 8, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_body(m, NULL, 8, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_body(m, out, 8, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_mime_get_body(NULL, out, 8, &n), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_feed(m, 0, NULL, 5), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_feed(NULL, 0, "x", 1), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_finish(NULL, 0), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_fail(NULL, 0, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_message_fail(m, POSTA_NO_SLOT, NULL), POSTA_E_STATE);
    assert_int_equal(posta_message_wanted(NULL), POSTA_NO_SLOT);
    assert_int_equal(posta_message_new(NULL, NULL), POSTA_E_ARGUMENT);
    assert_null(posta_message_id_of(NULL));
    assert_int_equal(posta_message_problem(NULL)->status, POSTA_E_ARGUMENT);
    t_done(&p, m);
}

static void test_mailto(void **state) {
    t_place p;
    posta_message *m = start(&p);
    (void)state;
    posta_message_addresses(m, POSTA_TO, "mailto:a@b.org");
    assert_string_equal(posta_message_problem(m)->text,
                        "to: \"mailto:a@b.org\" has a group that is not closed by a semicolon; "
                        "give the address without mailto:");
    t_done(&p, m);
    m = start(&p);
    posta_message_addresses(m, POSTA_FROM, "MailTo:a@b.org");
    assert_string_equal(posta_message_problem(m)->text,
                        "from: \"MailTo:a@b.org\" is no address; give the address without mailto:");
    t_done(&p, m);
    m = start(&p);
    posta_message_addresses(m, POSTA_CC, "friends: a@b.org");
    assert_string_equal(posta_message_problem(m)->text,
                        "cc: \"friends: a@b.org\" has a group that is not closed by a semicolon");
    t_done(&p, m);
    m = start(&p);
    assert_int_equal(posta_message_addresses(m, POSTA_TO, "mailto: a@b.org;"), POSTA_OK);
    t_done(&p, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_labels),    cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_options),   cmocka_unit_test(test_reading),
        cmocka_unit_test(test_mailto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
