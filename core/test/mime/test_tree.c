/* Trees put together by hand, enclosed messages, invitations, binary parts. Behaviour H15, H18,
 * H23, H24. */
#include "t_mime.h"

#define HEAD                                                                                       \
    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Ana <ana@example.org>\r\n"                     \
    "To: bob@example.org\r\n"                                                                      \
    "Message-ID: <000102030405060708090a0b0c0d0e0f@example.org>\r\nMIME-Version: 1.0\r\n"
#define B1                 "=_101112131415161718191a1b1c1d1e1f"
#define B2                 "=_202122232425262728292a2b2c2d2e2f"
#define B3                 "=_303132333435363738393a3b3c3d3e3f"
#define MULTIPART(type, b) "Content-Type: " type "; boundary=\"" b "\"\r\n\r\n"
#define PLAIN              "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"

/* Whole, then by windows of 1 to 64 octets: always the golden, folding aside. */
static void expect(posta_message *m, const char *golden) {
    t_text whole = t_compose(m, false, 4096);
    char *unfolded = malloc(whole.len + 1);
    if (whole.status != POSTA_END) fail_msg("%s", posta_message_problem(m)->text);
    memcpy(unfolded, whole.p, whole.len + 1);
    t_unfold(unfolded);
    assert_string_equal(unfolded, golden);
    for (size_t window = 0; window <= 64; window++) {
        t_text t = t_compose(m, false, window);
        assert_int_equal(t.status, POSTA_END);
        assert_int_equal(t.len, whole.len);
        assert_memory_equal(t.p, whole.p, whole.len);
        free(t.p);
    }
    free(unfolded);
    free(whole.p);
}

static posta_part_options of_type(const char *type) {
    posta_part_options o = POSTA_PART_OPTIONS;
    o.type = type;
    return o;
}

static posta_part *leaf(posta_message *m, const char *type, const char *text) {
    posta_part_options o = of_type(type);
    posta_part *p = NULL;
    assert_int_equal(posta_message_leaf(m, posta_body_string(text), &o, &p), POSTA_OK);
    return p;
}

static posta_part *multipart(posta_message *m, const char *type) {
    posta_part_options o = of_type(type);
    posta_part *p = NULL;
    assert_int_equal(posta_message_multipart(m, &o, &p), POSTA_OK);
    return p;
}

static posta_status compose(posta_message *m) {
    posta_source source;
    return posta_message_compose(m, NULL, &source, NULL);
}

static void one_leaf(void **state) {
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    assert_int_equal(posta_message_tree(m, leaf(m, "text/plain", "Hi")), POSTA_OK);
    expect(m, HEAD PLAIN "Hi\r\n");
    t_done(&place, m);
}

static void nested(void **state) {
    t_place place;
    posta_message *m;
    posta_part *mixed, *alternative, *report;
    posta_field about = {"report-type", "delivery-status"};
    posta_part_options o = of_type("multipart/report");
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    mixed = multipart(m, NULL);
    alternative = multipart(m, "multipart/alternative");
    o.parameters = &about;
    o.parameters_n = 1;
    o.language = "en, de-CH";
    o.description = "the report";
    assert_int_equal(posta_message_multipart(m, &o, &report), POSTA_OK);
    assert_int_equal(posta_part_add(mixed, alternative), POSTA_OK);
    assert_int_equal(posta_part_add(alternative, leaf(m, "text/plain", "a")), POSTA_OK);
    assert_int_equal(posta_part_add(alternative, leaf(m, "text/plain", "")), POSTA_OK);
    assert_int_equal(posta_part_add(mixed, report), POSTA_OK);
    assert_int_equal(posta_part_add(report, leaf(m, "text/plain", "c\n")), POSTA_OK);
    assert_int_equal(posta_message_tree(m, mixed), POSTA_OK);
    expect(m,
           HEAD MULTIPART("multipart/mixed", B1) "--" B1 "\r\n" MULTIPART(
               "multipart/alternative",
               B2) "--" B2 "\r\n" PLAIN "a\r\n--" B2 "\r\n" PLAIN "\r\n--" B2 "--\r\n--" B1 "\r\n"
                   "Content-Type: multipart/report; boundary=\"" B3
                   "\"; report-type=delivery-status\r\nContent-Description: the report\r\n"
                   "Content-Language: en, de-CH\r\n\r\n--" B3 "\r\n" PLAIN "c\r\n\r\n--" B3
                   "--\r\n--" B1 "--\r\n");
    t_done(&place, m);
}

/* Each misuse names its part. */
static void misuse(void **state) {
    (void)state;
    for (int row = 0; row < 15; row++) {
        t_place place;
        posta_message *m, *other;
        posta_part *a, *b, *c;
        const char *field = "a", *says = "?";
        posta_part_options o = POSTA_PART_OPTIONS;
        posta_status status = POSTA_OK;
        t_place_init(&place);
        m = t_message(&place);
        other = t_message(&place);
        posta_message_label(m, "a");
        a = multipart(m, NULL);
        posta_message_label(m, "b");
        b = multipart(m, "multipart/related");
        posta_message_label(m, "c");
        c = leaf(m, "text/plain", "x");
        switch (row) {
        case 0: /* twice */
            posta_part_add(a, c);
            status = posta_part_add(b, c);
            field = "c";
            says = "used already";
            break;
        case 1: /* cycle */
            posta_part_add(a, b);
            status = posta_part_add(b, a);
            says = "part of itself";
            break;
        case 2: status = posta_part_add(a, a), says = "part of itself"; break;
        case 3: status = posta_part_add(c, a), field = "c", says = "no multipart"; break;
        case 4: /* empty */
            posta_part_add(a, c);
            posta_part_add(a, b);
            posta_message_tree(m, a);
            status = compose(m);
            field = "b";
            says = "without parts";
            break;
        case 5: /* no place */
            posta_part_add(a, c);
            posta_message_tree(m, a);
            status = compose(m);
            field = "b";
            says = "no place";
            break;
        case 6:
            posta_message_tree(m, a);
            status = posta_message_tree(m, b);
            field = "b";
            says = "second tree";
            break;
        case 7:
            posta_part_add(a, b);
            status = posta_message_tree(m, b);
            field = "b";
            says = "used already";
            break;
        case 8:
            o.type = "multipart/mixed";
            o.encoding = POSTA_ENCODING_BASE64;
            posta_message_label(m, "d");
            status = posta_message_multipart(m, &o, &c);
            field = "d.encoding";
            says = "RFC 2045 6.4";
            break;
        case 9: {
            posta_field start = {"start", "<nobody>"};
            o.type = "multipart/related";
            o.parameters = &start;
            o.parameters_n = 1;
            posta_message_label(m, "d");
            posta_message_multipart(m, &o, &b);
            posta_part_add(b, c);
            posta_message_attach_part(m, b);
            status = compose(m);
            field = "d";
            says = "start";
            break;
        }
        case 10:
            posta_part_add(a, c);
            posta_part_add(b, a);
            posta_message_text(m, posta_body_string("x"), NULL);
            posta_message_tree(m, b);
            status = compose(m);
            field = "text";
            says = "tree given by hand";
            break;
        case 11:
            status = posta_part_add(multipart(other, NULL), c);
            posta_message_free(&m);
            m = other;
            other = NULL;
            field = "c";
            says = "another message";
            break;
        case 12:
            o.type = "image/png";
            posta_message_label(m, "d");
            status = posta_message_multipart(m, &o, &c);
            field = "d.type";
            says = "multipart";
            break;
        case 13:
            posta_message_attach_part(m, c);
            status = posta_message_attach_part(m, c);
            field = "c";
            says = "used already";
            break;
        default: {
            posta_field twice[] = {{"x", "1"}, {"X", "2"}};
            o.type = "text/plain";
            o.parameters = twice;
            o.parameters_n = 2;
            posta_message_label(m, "d");
            status = posta_message_leaf(m, posta_body_string("x"), &o, &c);
            field = "d.parameters";
            says = "there already";
        }
        }
        if (status != POSTA_E_FIELD) fail_msg("row %d: %d", row, status);
        assert_string_equal(posta_message_problem(m)->field, field);
        if (!strstr(posta_message_problem(m)->text, says))
            fail_msg("row %d: %s", row, posta_message_problem(m)->text);
        if (other) posta_message_free(&other);
        t_done(&place, m);
    }
}

/* 40 levels are fine, 41 are not. */
static void deep(void **state) {
    (void)state;
    for (size_t levels = 40; levels <= 41; levels++) {
        t_place place;
        posta_message *m;
        posta_part *root, *p;
        t_place_init(&place);
        m = t_message(&place);
        root = p = multipart(m, NULL);
        for (size_t i = 1; i + 1 < levels; i++) {
            posta_part *next = multipart(m, NULL);
            posta_part_add(p, next);
            p = next;
        }
        posta_message_label(m, "the deepest");
        posta_part_add(p, leaf(m, "text/plain", "x"));
        posta_message_tree(m, root);
        assert_int_equal(compose(m), levels == 40 ? POSTA_OK : POSTA_E_FIELD);
        if (levels > 40) assert_string_equal(posta_message_problem(m)->field, "the deepest");
        t_done(&place, m);
    }
}

/* ---- enclosed messages ---- */

static posta_message *letter(const t_place *place, const char *subject) {
    posta_message *m = NULL;
    assert_int_equal(posta_message_new(&place->port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "eve@example.org");
    posta_message_date(m, 0);
    posta_message_id(m, "1@example.org");
    posta_message_subject(m, subject);
    return m;
}

#define LETTER                                                                                     \
    "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: eve@example.org\r\n"                           \
    "To: undisclosed-recipients:;\r\nSubject: s\r\nMessage-ID: <1@example.org>\r\n"                \
    "MIME-Version: 1.0\r\n"

static void enclosed(void **state) {
    t_place place;
    posta_message *m, *other;
    posta_part *p;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    other = letter(&place, "s");
    posta_message_text(other, posta_body_string("many and many gr\xc3\xbc\xc3\x9f\n"), NULL);
    posta_message_text(m, posta_body_string("see"), NULL);
    assert_int_equal(posta_message_enclose(m, other, NULL, &p), POSTA_OK);
    assert_int_equal(posta_message_attach_part(m, p), POSTA_OK);
    expect(m, HEAD MULTIPART(
                  "multipart/mixed",
                  B1) "--" B1 "\r\n" PLAIN "see\r\n--" B1
                      "\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n"
                      "Content-Disposition: attachment\r\n\r\n" LETTER
                      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
                      "quoted-printable\r\n\r\nmany and many gr=C3=BC=C3=9F\r\n\r\n--" B1 "--\r\n");
    /* where 8bit may go, all the way up says so */
    t_text t = t_compose(m, true, 4096);
    assert_non_null(strstr(t.p, "8bit\r\n\r\n--" B1));
    assert_non_null(strstr(t.p, "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(t.p, "gr\xc3\xbc\xc3\x9f\r\n\r\n--"));
    free(t.p);
    /* it is not sent by itself any more, and not changed */
    assert_int_equal(compose(other), POSTA_E_STATE);
    assert_int_equal(posta_message_text(other, posta_body_string("x"), NULL), POSTA_E_STATE);
    posta_message_free(&other);
    t_done(&place, m);
}

static void enclosed_wrongly(void **state) {
    t_place place;
    posta_message *m, *a, *b;
    posta_part *p;
    posta_part_options o = of_type("text/plain");
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    a = letter(&place, "a");
    b = letter(&place, "b");
    assert_int_equal(posta_message_enclose(a, b, NULL, &p), POSTA_OK);
    assert_int_equal(posta_message_enclose(b, a, NULL, &p), POSTA_E_STATE);
    posta_message_free(&b);
    b = letter(&place, "b");
    assert_int_equal(posta_message_enclose(b, b, NULL, &p), POSTA_E_FIELD);
    assert_non_null(strstr(posta_message_problem(b)->text, "in itself"));
    posta_message_free(&b);
    b = letter(&place, "b");
    assert_int_equal(posta_message_enclose(m, b, &o, &p), POSTA_E_FIELD);
    posta_message_free(&b);
    posta_message_free(&a);
    t_done(&place, m);
    /* what is wrong with it is told as the part's */
    m = t_message(&place);
    a = NULL;
    assert_int_equal(posta_message_new(&place.port, &a), POSTA_OK);
    posta_message_label(m, "forwarded");
    posta_message_enclose(m, a, NULL, &p);
    posta_message_attach_part(m, p);
    assert_int_equal(compose(m), POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->text, "forwarded: from: is needed: an address");
    posta_message_free(&a);
    assert_int_equal(compose(m), POSTA_E_STATE); /* it is gone too early */
    assert_string_equal(posta_message_problem(m)->field, "forwarded");
    t_done(&place, m);
}

/* A chain of 39 letters in the message goes, one more does not. */
static void chain(void **state) {
    t_place place;
    posta_message *m, *all[41];
    posta_part *p;
    size_t n = 1;
    (void)state;
    t_place_init(&place);
    all[0] = letter(&place, "s");
    posta_message_text(all[0], posta_body_string("x"), NULL);
    for (; n < 41; n++) {
        all[n] = letter(&place, "s");
        if (posta_message_enclose(all[n], all[n - 1], NULL, &p) != POSTA_OK) break;
        assert_int_equal(posta_message_tree(all[n], p), POSTA_OK);
    }
    assert_int_equal(n, 40);
    assert_non_null(strstr(posta_message_problem(all[40])->text, "deeper than 40"));
    m = t_message(&place);
    assert_int_equal(posta_message_enclose(m, all[38], NULL, &p), POSTA_E_FIELD);
    posta_message_free(&m);
    posta_message_free(&all[40]);
    posta_message_free(&all[39]);
    m = t_message(&place);
    assert_int_equal(posta_message_enclose(m, all[38], NULL, &p), POSTA_OK);
    posta_message_tree(m, p);
    t_text t = t_compose(m, false, 100);
    assert_int_equal(t.status, POSTA_END);
    free(t.p);
    for (n = 39; n-- > 0;)
        posta_message_free(&all[n]);
    t_done(&place, m);
}

/* ---- invitations ---- */

static void calendar(void **state) {
    static const char ics[] = "BEGIN:VCALENDAR\nEND:VCALENDAR\n";
    t_place place;
    posta_message *m;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    posta_message_text(m, posta_body_string("come"), NULL);
    assert_int_equal(posta_message_calendar(m, posta_body_string(ics), "REQUEST", NULL), POSTA_OK);
    expect(
        m,
        HEAD MULTIPART("multipart/mixed", B1) "--" B1 "\r\n" MULTIPART(
            "multipart/alternative",
            B2) "--" B2 "\r\n" PLAIN "come\r\n--" B2 "\r\n"
                "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n"
                "Content-Transfer-Encoding: "
                "7bit\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n\r\n--" B2 "--\r\n--" B1
                "\r\nContent-Type: application/ics; name=\"invite.ics\"\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition: attachment; "
                "filename=\"invite.ics\"\r\n\r\nBEGIN:VCALENDAR=0AEND:VCALENDAR=0A\r\n--" B1
                "--\r\n");
    assert_int_equal(posta_message_calendar(m, posta_body_string(ics), "RE QUEST", NULL),
                     POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "calendar.method");
    t_done(&place, m);
}

/* ---- binary ---- */

static void binary(void **state) {
    static const char octets[] = "a\0b\r\xff\n..";
    t_place place;
    posta_message *m;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_source source;
    uint8_t store[2000];
    posta_window w = {store, sizeof store, 0, 0};
    bool has_8bit = false;
    (void)state;
    t_place_init(&place);
    m = t_message(&place);
    o.name = "x.bin";
    posta_message_text(m, posta_body_string("hi"), NULL);
    posta_message_attach(m, posta_body_data(octets, sizeof octets - 1), &o);
    options.may_binary = true;
    assert_int_equal(posta_message_compose(m, &options, &source, &has_8bit), POSTA_OK);
    assert_true(has_8bit);
    assert_int_equal(source.pull(source.user, &w), POSTA_END);
    assert_int_equal(w.len, source.len);
    store[w.len] = 0;
    t_unfold((char *)store);
    assert_non_null(strstr((char *)store,
                           "boundary=\"" B1 "\"\r\nContent-Transfer-Encoding: binary\r\n\r\n--"));
    assert_memory_equal(store + w.len - strlen("\r\n--" B1 "--\r\n") - 8, octets, 8);
    posta_envelope env;
    assert_int_equal(posta_message_envelope(m, &env), POSTA_OK);
    assert_true(env.has_binary);
    /* elsewhere it is base64, also where binary was asked for */
    t_text t = t_compose(m, true, 4096);
    assert_null(strstr(t.p, "binary"));
    free(t.p);
    /* and where the length of all cannot be told first */
    posta_message_attach(m, posta_body_slot(POSTA_LEN_UNKNOWN), NULL);
    assert_int_equal(posta_message_compose(m, &options, &source, &has_8bit), POSTA_OK);
    assert_int_equal(posta_message_envelope(m, &env), POSTA_OK);
    assert_false(env.has_binary);
    t_done(&place, m);
}

/* A part made by hand and then attached: a file, whose octets and charset nobody vouches for. */
static void attached_by_hand(void **state) {
    static const struct {
        const char *name, *disposition, *charset, *octets, *want, *not ;
    } rows[] = {
        {"a.txt", NULL, NULL, "x", "Content-Disposition: attachment; filename=\"a.txt\"", "inline"},
        {NULL, NULL, NULL, "x", "Content-Disposition: attachment\r\n", "inline"},
        {"a.txt", "inline", NULL, "x", "Content-Disposition: inline; filename", "attachment"},
        {NULL, NULL, NULL, "\xc3\xa9", "Content-Type: text/plain; charset=utf-8\r\n", "us-ascii"},
        {NULL, NULL, NULL, "\xe9", "Content-Type: text/plain\r\n", "charset"},
        {NULL, NULL, "iso-8859-2", "\xe9", "text/plain; charset=iso-8859-2\r\n", "utf-8"},
        {NULL, "attachment", NULL, "x", "Content-Type: text/plain; charset=utf-8\r\n", "inline"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t_place place;
        posta_message *m = (t_place_init(&place), t_message(&place));
        posta_part_options o = of_type("text/plain");
        posta_part *p = NULL;
        t_text t;
        o.name = rows[i].name;
        o.disposition = rows[i].disposition;
        o.charset = rows[i].charset;
        posta_message_leaf(m, posta_body_string(rows[i].octets), &o, &p);
        assert_int_equal(posta_message_attach_part(m, p), POSTA_OK);
        t = t_compose(m, false, 4096);
        assert_int_equal(t.status, POSTA_END);
        t_unfold(t.p);
        if (!strstr(t.p, rows[i].want) || strstr(t.p, rows[i].not ))
            fail_msg("row %zu:\n%s", i, t.p);
        free(t.p);
        t_done(&place, m);
    }
}

/* RFC 2046 5.2.1: a message within one is not encoded, whoever asks for it. */
static void whole_is_not_encoded(void **state) {
    static const posta_encoding all[] = {POSTA_ENCODING_BASE64, POSTA_ENCODING_QUOTED_PRINTABLE,
                                         POSTA_ENCODING_AUTO, POSTA_ENCODING_7BIT};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        t_place place;
        posta_message *m = (t_place_init(&place), t_message(&place));
        posta_part_options o = of_type("message/rfc822");
        o.encoding = all[i];
        assert_int_equal(posta_message_attach(m, posta_body_string("Subject: x\r\n\r\n"), &o),
                         i < 2 ? POSTA_E_FIELD : POSTA_OK);
        if (i < 2) assert_string_equal(posta_message_problem(m)->field, "attachments[1].encoding");
        t_done(&place, m);
    }
}

/* 64 of them, and not one more. */
static void many_parameters(void **state) {
    static char names[65][8];
    posta_field f[65];
    (void)state;
    for (size_t i = 0; i < 65; i++) {
        snprintf(names[i], sizeof names[i], "p%zu", i);
        f[i] = (posta_field){names[i], "v"};
    }
    for (size_t n = 64; n <= 65; n++) {
        t_place place;
        posta_message *m = (t_place_init(&place), t_message(&place));
        posta_part_options o = POSTA_PART_OPTIONS;
        o.parameters = f;
        o.parameters_n = n;
        assert_int_equal(posta_message_attach(m, posta_body_string("x"), &o),
                         n == 64 ? POSTA_OK : POSTA_E_FIELD);
        t_done(&place, m);
    }
}

/* Parameters of its own do not take the method's place; the method is said once. */
static void calendar_parameters(void **state) {
    t_place place;
    posta_message *m = (t_place_init(&place), t_message(&place));
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_field f[] = {{"component", "vevent"}, {"method", "CANCEL"}};
    t_text t;
    (void)state;
    o.parameters = f;
    o.parameters_n = 1;
    o.name = "meeting.ics"; /* of the copy; readers show an alternative with a name as one, too */
    posta_message_calendar(m, posta_body_string("BEGIN:VCALENDAR"), "REQUEST", &o);
    t = t_compose(m, false, 4096);
    t_unfold(t.p);
    assert_non_null(strstr(t.p, "text/calendar; method=REQUEST; component=vevent; "
                                "charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"));
    assert_non_null(strstr(t.p, "attachment; filename=\"meeting.ics\""));
    free(t.p);
    t_done(&place, m);
    m = (t_place_init(&place), t_message(&place));
    o.parameters_n = 2;
    o.name = NULL;
    assert_int_equal(posta_message_calendar(m, posta_body_string("x"), "REQUEST", &o),
                     POSTA_E_FIELD);
    assert_string_equal(posta_message_problem(m)->field, "calendar.parameters");
    t_done(&place, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_leaf),
        cmocka_unit_test(nested),
        cmocka_unit_test(misuse),
        cmocka_unit_test(deep),
        cmocka_unit_test(enclosed),
        cmocka_unit_test(enclosed_wrongly),
        cmocka_unit_test(chain),
        cmocka_unit_test(calendar),
        cmocka_unit_test(binary),
        cmocka_unit_test(attached_by_hand),
        cmocka_unit_test(calendar_parameters),
        cmocka_unit_test(many_parameters),
        cmocka_unit_test(whole_is_not_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
