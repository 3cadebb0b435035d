/* Rows G01-G03, G07 at the engine: SMTPUTF8 is announced where it is needed, and only there. */
#include "t_idna.h"
#include "t_smtp.h"

#define NEITHER "PIPELINING\nSIZE"
#define ALONE   "PIPELINING\nSIZE\nSMTPUTF8" /* RFC 6531 3.1 (8): counts only beside 8BITMIME */
#define BOTH    "PIPELINING\nSIZE\n8BITMIME\nSMTPUTF8"
#define EIGHT   "PIPELINING\nSIZE\n8BITMIME"

#define ASCII   "a@x.test"
#define LETTERS T_LOCAL "@x.test"
#define DOMAIN  "a@" T_U_LABEL
#define MIXED   T_LOCAL "@" T_U_LABEL
#define LABELS  "a@" T_A_LABEL

static const posta_port place = {.size = sizeof place, .domain_to_ascii = t_domain_to_ascii};

typedef struct row {
    const char *offers, *from, *to;
    bool has_utf8, has_8bit;
    posta_status status;
    const char *wire; /* MAIL with its parameters, and RCPT */
} row;

#define SAYS(from, parameters, to)                                                                 \
    "MAIL FROM:<" from ">" parameters "\r\nRCPT TO:<" to ">\r\nDATA\r\n"

static const row rows[] = {
    /* not needed: never said */
    {BOTH, ASCII, ASCII, false, false, POSTA_OK, SAYS(ASCII, "", ASCII)},
    {BOTH, ASCII, ASCII, false, true, POSTA_OK, SAYS(ASCII, " BODY=8BITMIME", ASCII)},
    {BOTH, "", LABELS, false, false, POSTA_OK, SAYS("", "", LABELS)},
    {BOTH, ASCII, "=?utf-8?Q?j=C3=B5e?=@x.test", false, false, POSTA_OK,
     SAYS(ASCII, "", "=?utf-8?Q?j=C3=B5e?=@x.test")}, /* row G08: no more than it is */
    /* needed */
    {BOTH, LETTERS, ASCII, false, false, POSTA_OK, SAYS(LETTERS, " SMTPUTF8", ASCII)},
    {BOTH, ASCII, LETTERS, false, false, POSTA_OK, SAYS(ASCII, " SMTPUTF8", LETTERS)},
    {BOTH, "", LETTERS, false, false, POSTA_OK, SAYS("", " SMTPUTF8", LETTERS)},
    {BOTH, DOMAIN, ASCII, false, false, POSTA_OK, SAYS(DOMAIN, " SMTPUTF8", ASCII)},
    {BOTH, MIXED, DOMAIN, false, false, POSTA_OK, SAYS(MIXED, " SMTPUTF8", DOMAIN)}, /* G03 */
    {BOTH, ASCII, ASCII, true, true, POSTA_OK, SAYS(ASCII, " BODY=8BITMIME SMTPUTF8", ASCII)},
    /* not offered */
    {EIGHT, DOMAIN, DOMAIN, false, false, POSTA_OK, SAYS(LABELS, "", LABELS)},
    {NEITHER, ASCII, DOMAIN, false, false, POSTA_OK, SAYS(ASCII, "", LABELS)},
    {ALONE, DOMAIN, ASCII, false, false, POSTA_OK, SAYS(LABELS, "", ASCII)},
    {EIGHT, LETTERS, ASCII, false, false, POSTA_E_EXTENSION, NULL},
    {EIGHT, ASCII, LETTERS, false, false, POSTA_E_EXTENSION, NULL},
    {ALONE, ASCII, LETTERS, false, false, POSTA_E_EXTENSION, NULL},
    {NEITHER, ASCII, MIXED, false, false, POSTA_E_EXTENSION, NULL},
    {EIGHT, ASCII, ASCII, true, true, POSTA_E_EXTENSION, NULL},
    {EIGHT, ASCII, "a@other-\xc3\xbc.test", false, false, POSTA_E_FIELD, NULL},
    /* never */
    {BOTH, ASCII, "a@x\xe3\x80\x82test", false, false, POSTA_E_FIELD, NULL},
    {BOTH, ASCII, "a\xff@x.test", false, false, POSTA_E_FIELD, NULL},
};

static void begin(t_wire *w, const char *offers, t_mode mode, const posta_port *port) {
    posta_engine_config c = POSTA_ENGINE_CONFIG;
    c.port = port;
    c.owed_max = 8;
    t_wire_open(w, &c, mode);
    t_wire_greet(w, offers);
}

static void table(void **state) {
    static const t_mode modes[] = {{.server = T_WHOLE}, {.client = T_BYTES, .trace = true}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i / 2];
        posta_recipient to = {.address = r->to};
        posta_envelope env = {.from = r->from,
                              .to = &to,
                              .to_n = 1,
                              .has_utf8 = r->has_utf8,
                              .has_8bit = r->has_8bit};
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        t_wire w;
        begin(&w, r->offers, modes[i % 2], &place);
        posta_status status = posta_engine_submit(w.e, &env, &source);
        if (status != (r->wire ? POSTA_E_IN_PROGRESS : r->status))
            fail_msg("row %zu: %s", i / 2, posta_status_name(status));
        t_wire_run(&w);
        if (r->wire) {
            t_wire_wrote(&w, r->wire);
            assert_string_equal(to.address, r->to); /* as it was given, for the account */
        } else {
            t_wire_wrote(&w, "");
            const posta_fault *f = posta_engine_fault(w.e);
            assert_int_equal(f->status, r->status);
            assert_int_equal(f->is_address, !r->has_utf8);
            assert_true(posta_engine_is_idle(w.e)); /* the connection is as it was */
        }
        t_wire_close(&w);
    }
}

/* The table is worth nothing where no place knows A-labels. */
static void no_idna(void **state) {
    static const posta_port none = {.size = sizeof none};
    const posta_port *ports[] = {NULL, &none};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        posta_recipient to[2] = {{.address = ASCII}, {.address = DOMAIN}};
        posta_envelope env = {.from = ASCII, .to = to, .to_n = 2};
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        t_wire w;
        begin(&w, EIGHT, (t_mode){.seed = 0}, ports[i]);
        assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_NOT_BUILT);
        assert_int_equal(posta_engine_fault(w.e)->recipient, 1);
        assert_non_null(strstr(posta_engine_fault(w.e)->why, "xn--"));
        t_wire_wrote(&w, "");
        t_wire_close(&w);
        begin(&w, BOTH, (t_mode){.seed = 0}, ports[i]);
        assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_IN_PROGRESS);
        t_wire_close(&w);
    }
}

/* What EHLO told is forgotten with HELO, and so is SMTPUTF8. */
static void takes(void **state) {
    static const char *const offers[] = {NEITHER, ALONE, EIGHT, BOTH};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        t_wire w;
        begin(&w, offers[i], (t_mode){.seed = 0}, NULL);
        assert_int_equal(posta_engine_takes_utf8(w.e), i == 3);
        t_wire_close(&w);
    }
}

/* ---- command by command ---- */

static void step(t_wire *w, posta_status status, posta_event_type type) {
    assert_int_equal(status, POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_say(w, "250 ok\r\n");
    t_wire_expect(w, type);
}

static void stepwise(void **state) {
    posta_recipient letters = {.address = LETTERS}, domain = {.address = DOMAIN};
    t_wire w;
    (void)state;
    begin(&w, BOTH, (t_mode){.seed = 0}, &place);
    /* an ASCII sender announces nothing, so what needs it comes too late */
    step(&w, posta_engine_mail(w.e, ASCII), POSTA_EVENT_SENDER_ACK);
    t_wire_wrote(&w, "MAIL FROM:<" ASCII "> BODY=8BITMIME\r\n");
    assert_int_equal(posta_engine_rcpt(w.e, &letters), POSTA_E_EXTENSION);
    assert_non_null(strstr(posta_engine_fault(w.e)->why, "option smtputf8"));
    step(&w, posta_engine_rcpt(w.e, &domain), POSTA_EVENT_RECIPIENT_ACK);
    t_wire_wrote(&w, "RCPT TO:<" LABELS ">\r\n");
    step(&w, posta_engine_reset(w.e), POSTA_EVENT_RESET);
    t_wire_wrote(&w, "RSET\r\n");
    /* unless it was asked for */
    posta_engine_set_smtputf8(w.e, true);
    step(&w, posta_engine_mail(w.e, ""), POSTA_EVENT_SENDER_ACK);
    t_wire_wrote(&w, "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n");
    step(&w, posta_engine_rcpt(w.e, &letters), POSTA_EVENT_RECIPIENT_ACK);
    step(&w, posta_engine_rcpt(w.e, &domain), POSTA_EVENT_RECIPIENT_ACK);
    t_wire_wrote(&w, "RCPT TO:<" LETTERS ">\r\nRCPT TO:<" DOMAIN ">\r\n");
    step(&w, posta_engine_reset(w.e), POSTA_EVENT_RESET);
    posta_engine_set_smtputf8(w.e, false);
    step(&w, posta_engine_mail(w.e, MIXED), POSTA_EVENT_SENDER_ACK);
    t_wire_wrote(&w, "RSET\r\nMAIL FROM:<" MIXED "> BODY=8BITMIME SMTPUTF8\r\n");
    t_wire_close(&w);
    /* nothing is announced that is not offered */
    begin(&w, EIGHT, (t_mode){.seed = 0}, &place);
    posta_engine_set_smtputf8(w.e, true);
    assert_int_equal(posta_engine_mail(w.e, MIXED), POSTA_E_EXTENSION);
    step(&w, posta_engine_mail(w.e, DOMAIN), POSTA_EVENT_SENDER_ACK);
    t_wire_wrote(&w, "MAIL FROM:<" LABELS "> BODY=8BITMIME\r\n");
    t_wire_close(&w);
}

/* ---- a place that changes its mind ---- */

static unsigned asked;

static posta_status once(void *user, posta_span domain, posta_window *out, const char **why_out) {
    if (++asked > 1) return POSTA_E_MEMORY;
    return t_domain_to_ascii(user, domain, out, why_out);
}

/* An address that cannot be written any more ends the connection; it never becomes an empty one. */
static void forgets(void **state) {
    static const posta_port fickle = {.size = sizeof fickle, .domain_to_ascii = once};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        posta_recipient to = {.address = i ? DOMAIN : ASCII};
        posta_envelope env = {.from = i ? ASCII : DOMAIN, .to = &to, .to_n = 1};
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        t_wire w;
        asked = 0;
        begin(&w, EIGHT, (t_mode){.seed = 0}, &fickle);
        assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_IN_PROGRESS);
        t_wire_run(&w);
        assert_int_equal(t_wire_expect(&w, POSTA_EVENT_SENT)->event.status, POSTA_E_MEMORY);
        assert_true(posta_engine_is_closed(w.e));
        assert_int_equal(posta_engine_outcome(w.e)->retry, POSTA_RETRY_SAFE);
        for (size_t at = w.client_at; at + 1 < w.client.len; at++)
            assert_int_not_equal(memcmp(w.client.p + at, "<>", 2), 0);
        t_wire_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),    cmocka_unit_test(no_idna), cmocka_unit_test(takes),
        cmocka_unit_test(stepwise), cmocka_unit_test(forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
