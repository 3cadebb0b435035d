/* Rows G01-G03, G05-G08 in the composer: addresses that are not ASCII, for servers with and without
 * SMTPUTF8; header and envelope agree; nothing else changes. */
#include "t_mime.h"

#include "../../codec/codec_i.h"
#include "t_idna.h"

static posta_message *start(t_place *place, const char *from, const char *to) {
    posta_message *m = NULL;
    t_place_init(place);
    place->port.domain_to_ascii = t_domain_to_ascii;
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_FROM, from), POSTA_OK);
    if (to) assert_int_equal(posta_message_addresses(m, POSTA_TO, to), POSTA_OK);
    assert_int_equal(posta_message_text(m, posta_body_string("x"), NULL), POSTA_OK);
    return m;
}

static posta_status compose(posta_message *m, bool may_utf8, posta_source *s) {
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    o.may_8bit = o.may_utf8 = may_utf8;
    return posta_message_compose(m, &o, s, NULL);
}

static t_text text_of(posta_message *m, bool may_utf8) {
    posta_source s;
    posta_status status = compose(m, may_utf8, &s);
    if (status) fail_msg("%s", posta_message_problem(m)->text);
    t_text t = t_pull_all(&s, 0);
    assert_int_equal(t.status, POSTA_END);
    assert_int_equal(t.len, s.len);
    return t;
}

/* The value of a field, unfolded; free it. */
static char *field(const char *text, const char *name) {
    char mark[64], *copy = malloc(strlen(text) + 3), *at, *end;
    sprintf(copy, "\r\n%s", text);
    t_unfold(copy);
    snprintf(mark, sizeof mark, "\r\n%s: ", name);
    at = strstr(copy, mark);
    if (!at) fail_msg("no %s in %s", name, text);
    at += strlen(mark);
    end = strstr(at, "\r\n");
    memmove(copy, at, (size_t)(end - at));
    copy[end - at] = 0;
    return copy;
}

static void is_field(const char *text, const char *name, const char *value) {
    char *got = field(text, name);
    assert_string_equal(got, value);
    free(got);
}

static bool is_utf8_sent(posta_message *m) {
    posta_envelope e;
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    if (e.has_utf8) assert_true(e.has_8bit);
    return e.has_utf8;
}

/* ---- both ways ---- */

static void domains(void **state) {
    t_place place;
    posta_message *m = start(&place, "Zoe <z@" T_U_LABEL ">", "a@" T_U_LABEL ", b@x.org");
    t_text t;
    (void)state;
    t = text_of(m, false);
    assert_true(posta__is_ascii(posta__span(t.p, t.len)));
    is_field(t.p, "From", "Zoe <z@" T_A_LABEL ">");
    is_field(t.p, "To", "a@" T_A_LABEL ", b@x.org");
    assert_false(is_utf8_sent(m));
    free(t.p);
    t = text_of(m, true);
    is_field(t.p, "From", "Zoe <z@" T_U_LABEL ">");
    is_field(t.p, "To", "a@" T_U_LABEL ", b@x.org");
    assert_true(is_utf8_sent(m));
    free(t.p);
    t = text_of(m, false); /* and back */
    is_field(t.p, "From", "Zoe <z@" T_A_LABEL ">");
    assert_false(is_utf8_sent(m));
    free(t.p);
    t_done(&place, m);
}

/* Row G01: an error that names field and address; the message is not spoilt by it. */
static void locals(void **state) {
    t_place place;
    posta_message *m = start(&place, "a@x.org", "b@x.org");
    posta_source s;
    t_text t;
    (void)state;
    posta_message_label(m, "cc[2]");
    assert_int_equal(posta_message_mailbox(m, POSTA_CC, "Jo", T_LOCAL "@" T_U_LABEL), POSTA_OK);
    assert_int_equal(compose(m, false, &s), POSTA_E_EXTENSION);
    assert_string_equal(posta_message_problem(m)->field, "cc[2]");
    assert_string_equal(posta_message_problem(m)->text,
                        "cc[2]: \"" T_LOCAL "@" T_U_LABEL "\" is not ASCII before the @, and the "
                        "server does not offer SMTPUTF8");
    t = text_of(m, true);
    is_field(t.p, "Cc", "Jo <" T_LOCAL "@" T_U_LABEL ">"); /* row G03 */
    free(t.p);
    t_done(&place, m);
}

/* In each field, and each where the header does not have it. */
static void every_field(void **state) {
    static const posta_address_field fields[] = {
        POSTA_FROM, POSTA_SENDER,    POSTA_REPLY_TO,      POSTA_TO,         POSTA_CC,
        POSTA_BCC,  POSTA_NOTIFY_TO, POSTA_ENVELOPE_FROM, POSTA_ENVELOPE_TO};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        posta_address_field f = fields[i];
        bool in_header = f != POSTA_BCC && f != POSTA_ENVELOPE_FROM && f != POSTA_ENVELOPE_TO;
        t_place place;
        posta_message *m = start(&place, "a@x.org", "b@x.org");
        posta_source s;
        posta_envelope e;
        assert_int_equal(posta_message_addresses(m, f, T_LOCAL "@x.org"), POSTA_OK);
        assert_int_equal(compose(m, false, &s), POSTA_E_EXTENSION);
        assert_int_equal(compose(m, true, &s), POSTA_OK);
        assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
        assert_int_equal(e.has_utf8, in_header); /* the rest is the engine's to see */
        t_text t = t_pull_all(&s, 4096);
        assert_int_equal(strstr(t.p, T_LOCAL) != NULL, in_header);
        free(t.p);
        t_done(&place, m);
    }
}

/* Where nobody knows A-labels, only such a server can have it. */
static void no_idna(void **state) {
    t_place place;
    posta_message *m = NULL;
    posta_source s;
    t_text t;
    (void)state;
    t_place_init(&place);
    assert_int_equal(posta_message_new(&place.port, &m), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_FROM, "a@" T_U_LABEL), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_TO, "a@x.org"), POSTA_OK);
    assert_int_equal(compose(m, false, &s), POSTA_E_NOT_BUILT);
    assert_string_equal(posta_message_problem(m)->field, "from");
    assert_non_null(strstr(posta_message_problem(m)->text, "xn--"));
    t = text_of(m, true);
    is_field(t.p, "From", "a@" T_U_LABEL);
    assert_non_null(strstr(t.p, "@posta.invalid>\r\n")); /* Message-ID: ASCII for every server */
    free(t.p);
    t_done(&place, m);
}

/* Row G04: what IDNA refuses is refused when it is given, whatever the server. */
static void refused(void **state) {
    static const char *const wrong[] = {"a@other-\xc3\xbc.test", "a@x\xe3\x80\x82y", "a\xc3@x.org"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        t_place place;
        posta_message *m = start(&place, "a@x.org", NULL);
        posta_message_label(m, "to[7]");
        assert_int_equal(posta_message_mailbox(m, POSTA_TO, NULL, wrong[i]), POSTA_E_FIELD);
        assert_string_equal(posta_message_problem(m)->field, "to[7]");
        t_done(&place, m);
        m = start(&place, "a@x.org", NULL);
        assert_int_equal(posta_message_addresses(m, POSTA_TO, wrong[i]), POSTA_E_FIELD);
        t_done(&place, m);
    }
}

/* Row G05: domains are compared as A-labels, local parts as they are. */
static void each_once(void **state) {
    t_place place;
    posta_message *m =
        start(&place, "a@x.org",
              "a@" T_U_LABEL ", a@" T_A_LABEL ", a@" T_U_LABEL_CAPITAL ", A@" T_A_LABEL
              ", \xe2\x84\xaa@x.org, k@x.org, K@x.org, \xc3\x9f@x.org, ss@x.org");
    posta_envelope e;
    (void)state;
    free(text_of(m, true).p);
    assert_int_equal(posta_message_envelope(m, &e), POSTA_OK);
    assert_int_equal(e.to_n, 7);
    assert_string_equal(e.to[0].address, "a@" T_U_LABEL); /* as it was given first */
    assert_string_equal(e.to[1].address, "A@" T_A_LABEL);
    t_done(&place, m);
}

static void ids(void **state) {
    t_place place;
    posta_message *m = start(&place, "a@" T_U_LABEL, "b@x.org");
    (void)state;
    free(text_of(m, true).p);
    assert_non_null(strstr(posta_message_id_of(m), "@" T_A_LABEL ">"));
    t_done(&place, m);
}

/* ---- row G08 ---- */

/* No encoded word stands in an addr-spec, in any field that has some. */
static void no_words_in_addresses(void **state) {
    static const char *const names[] = {"Resent-From", "Resent-To",         "Resent-Cc",
                                        "Errors-To",   "Return-Receipt-To", "resent-sender"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        t_place place;
        posta_message *m = start(&place, "a@x.org", "b@x.org");
        posta_source s;
        t_text t;
        assert_int_equal(posta_message_header(m, names[i], "Zoe <z@" T_U_LABEL ">"), POSTA_OK);
        t = text_of(m, false);
        is_field(t.p, names[i], "Zoe <z@" T_A_LABEL ">");
        free(t.p);
        t = text_of(m, true);
        is_field(t.p, names[i], "Zoe <z@" T_U_LABEL ">");
        assert_true(is_utf8_sent(m));
        free(t.p);
        assert_int_equal(posta_message_header(m, names[i], T_LOCAL "@x.org"), POSTA_OK);
        assert_int_equal(compose(m, false, &s), POSTA_E_EXTENSION);
        assert_int_equal(posta_message_header(m, names[i], T_LOCAL " x.org"), POSTA_E_FIELD);
        t_done(&place, m);
    }
}

/* ---- enclosed, raw ---- */

static void enclosed(void **state) {
    t_place place, other_place;
    posta_message *other = start(&other_place, T_LOCAL "@x.org", "b@x.org");
    posta_message *m = start(&place, "a@x.org", "b@x.org");
    posta_part *part;
    posta_source s;
    (void)state;
    assert_int_equal(posta_message_enclose(m, other, NULL, &part), POSTA_OK);
    assert_int_equal(posta_message_attach_part(m, part), POSTA_OK);
    assert_int_equal(compose(m, false, &s), POSTA_E_EXTENSION);
    t_text t = text_of(m, true);
    assert_non_null(strstr(t.p, "Content-Type: message/global\r\n")); /* RFC 6532 3.7 */
    assert_null(strstr(t.p, "message/rfc822"));
    assert_true(is_utf8_sent(m));
    free(t.p);
    t_done(&place, m);
    t_done(&other_place, other);
}

static posta_message *raw(t_place *place, posta_body body) {
    posta_message *m = NULL;
    t_place_init(place);
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@x.org"), POSTA_OK);
    assert_int_equal(posta_message_addresses(m, POSTA_ENVELOPE_TO, "b@x.org"), POSTA_OK);
    assert_int_equal(posta_message_raw(m, body, POSTA_LINE_ENDS_FIX), POSTA_OK);
    return m;
}

#define RAW_UTF8  "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nx\r\n"
#define RAW_BODY  "Subject: x\r\n\r\ngr\xc3\xbc\r\n"
#define RAW_LATIN "Subject: gr\xfc\r\n\r\nx\r\n"
#define RAW_CUT   "Subject: gr\xc3\r\n\r\nx\r\n"

/* Row G07: a header in UTF-8 needs SMTPUTF8, a body in UTF-8 does not. Row G06: or it is none. */
static void raw_headers(void **state) {
    t_place place;
    posta_message *m = raw(&place, posta_body_string(RAW_UTF8));
    posta_source s;
    (void)state;
    assert_int_equal(compose(m, false, &s), POSTA_E_EXTENSION);
    assert_string_equal(posta_message_problem(m)->field, "raw");
    assert_int_equal(compose(m, true, &s), POSTA_OK);
    assert_true(is_utf8_sent(m));
    t_done(&place, m);
    m = raw(&place, posta_body_string(RAW_BODY));
    assert_int_equal(compose(m, false, &s), POSTA_OK);
    assert_int_equal(compose(m, true, &s), POSTA_OK);
    assert_false(is_utf8_sent(m));
    t_done(&place, m);
    m = raw(&place, posta_body_string(RAW_LATIN));
    assert_int_equal(compose(m, true, &s), POSTA_E_FIELD);
    assert_non_null(strstr(posta_message_problem(m)->text, "not UTF-8"));
    t_done(&place, m);
    m = raw(&place, posta_body_string(RAW_CUT));
    assert_int_equal(compose(m, true, &s), POSTA_E_FIELD);
    t_done(&place, m);
}

/* What can be read once is found when it is too late to announce: it is not sent. */
static void raw_once(void **state) {
    (void)state;
    for (size_t window = 1; window < 40; window++) {
        t_body body = t_body_of(RAW_UTF8, sizeof RAW_UTF8 - 1);
        t_place place;
        posta_message *m = raw(&place, t_source(&body, false, POSTA_LEN_UNKNOWN));
        posta_source s;
        assert_int_equal(compose(m, true, &s), POSTA_OK);
        assert_false(is_utf8_sent(m));
        t_text t = t_pull_all(&s, window);
        assert_int_equal(t.status, POSTA_E_BODY);
        assert_true(posta__is_ascii(posta__span(t.p, t.len)));
        free(t.p);
        t_done(&place, m);
    }
}

/* ---- looking, memory ---- */

static void found(void **state) {
    t_place place;
    posta_message *m = start(&place, "a@x.org", "b@x.org");
    posta_check_options o = POSTA_CHECK_OPTIONS;
    posta_finding f[8];
    size_t n;
    (void)state;
    posta_message_subject(m, "s");
    posta_message_label(m, "to[2]");
    assert_int_equal(posta_message_mailbox(m, POSTA_TO, NULL, T_LOCAL "@x.org"), POSTA_OK);
    assert_int_equal(posta_message_check(m, &o, f, 8, &n), POSTA_OK);
    assert_int_equal(n, 1);
    assert_string_equal(f[0].code, "smtputf8.needed");
    assert_string_equal(f[0].place, "to[2]");
    assert_int_equal(f[0].severity, POSTA_SEVERITY_WARNING);
    o.may_utf8 = true;
    assert_int_equal(posta_message_check(m, &o, f, 8, &n), POSTA_OK);
    assert_int_equal(n, 0);
    /* a domain alone can be written */
    t_done(&place, m);
    m = start(&place, "a@" T_U_LABEL, "b@x.org");
    posta_message_subject(m, "s");
    assert_int_equal(posta_message_addresses(m, POSTA_ENVELOPE_FROM, "a@" T_A_LABEL), POSTA_OK);
    o.may_utf8 = false;
    assert_int_equal(posta_message_check(m, &o, f, 8, &n), POSTA_OK);
    assert_int_equal(n, 0); /* nor are the two domains different */
    t_done(&place, m);
}

/* `pad` octets more, so that each place in turn is the one where the arena needs a new block. The
 * message's length; 0: it was starved. */
static uint64_t starve(size_t at, size_t pad, size_t *allocations_out) {
    char subject[1000] = "";
    t_place place;
    posta_message *m = NULL;
    posta_source s = {0};
    posta_status status;
    t_place_init(&place);
    place.port.domain_to_ascii = t_domain_to_ascii;
    place.fail_at = at;
    memset(subject, 'x', pad);
    status = posta_message_new(&place.port, &m);
    if (!status) status = posta_message_subject(m, subject);
    for (size_t i = 0; i < 40 && !status; i++) {
        status = posta_message_addresses(m, i ? POSTA_TO : POSTA_FROM, T_LOCAL "@" T_U_LABEL);
        if (!status) status = posta_message_header(m, "Resent-To", T_LOCAL "@" T_U_LABEL);
    }
    if (!status) status = compose(m, true, &s);
    *allocations_out = place.allocations;
    t_done(&place, m);
    if (status) assert_int_equal(status, POSTA_E_MEMORY);
    return status ? 0 : s.len;
}

/* Nothing is lost on the way: an error, or all of it. */
static void memory(void **state) {
    (void)state;
    for (size_t pad = 0; pad < 1000; pad += 7) {
        size_t n, ignored;
        uint64_t want = starve(T_NEVER, pad, &n);
        assert_true(want > 0 && n > 3);
        for (size_t at = 0; at < n; at++) {
            uint64_t len = starve(at, pad, &ignored);
            if (len > 0) assert_int_equal(len, want);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains),     cmocka_unit_test(locals),
        cmocka_unit_test(every_field), cmocka_unit_test(no_idna),
        cmocka_unit_test(refused),     cmocka_unit_test(each_once),
        cmocka_unit_test(ids),         cmocka_unit_test(no_words_in_addresses),
        cmocka_unit_test(enclosed),    cmocka_unit_test(raw_headers),
        cmocka_unit_test(raw_once),    cmocka_unit_test(found),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
