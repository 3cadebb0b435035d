/* posta_send and posta_session_send_message: composed for what the server offers (row D07), the
 * total time, the duration, and what a setting that is found wrong late leaves behind. */
#include "net.h"

static bool wrote(const net *n, const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= n->wire.len; i++)
        if (!memcmp(n->wire.p + i, text, len)) return true;
    return false;
}

static bool has_high(const t_bytes *b) {
    for (size_t i = 0; i < b->len; i++)
        if (b->p[i] >= 0x80) return true;
    return false;
}

/* Row D07: 8bit is announced and used where it is offered, never elsewhere. */
static void eight_bit(void **state) {
    (void)state;
    for (unsigned offered = 0; offered < 2; offered++) {
        net n;
        posta_message *m;
        posta_receipt r;
        net_init(&n);
        if (!offered) n.toy.offers = "250-SIZE\r\n";
        posta_session_config c = net_config(&n);
        assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
        posta_message_addresses(m, POSTA_FROM, "ana@x.example");
        posta_message_addresses(m, POSTA_TO, "bob@y.example");
        posta_message_text(m, posta_body_string("d\xc5\xbaw\xc4\x99k\n"), NULL);
        assert_int_equal(posta_send("smtp://mx.example?security=none", m, &c, &r), POSTA_OK);
        assert_int_equal(n.toy.mails_n, 1);
        assert_int_equal(n.toy.mails[0].body_8bit, has_high(&n.toy.mails[0].text));
        if (!offered) assert_false(has_high(&n.toy.mails[0].text));
        if (offered) assert_true(wrote(&n, "BODY=8BITMIME\r\n"));
        assert_int_equal(n.toy.mails[0].size_said, n.toy.mails[0].text.len); /* row D08 */
        assert_int_equal(r.bytes, n.toy.mails[0].text.len);
        assert_true(r.message_id[0] == '<');
        posta_message_free(&m);
        net_done(&n);
    }
}

static posta_status pull_and_see(void *user, posta_window *out) {
    *(size_t *)user = out->cap;
    out->p[out->len++] = 'x';
    return POSTA_END;
}

/* A session reads a message's sources by as much as its configuration says. */
static void reads_by_body_space(void **state) {
    net n;
    posta_message *m;
    size_t seen = 0;
    posta_source source = {&seen, pull_and_see, NULL, NULL, 1};
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.engine.body_space = 777;
    assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "ana@x.example");
    posta_message_addresses(m, POSTA_TO, "bob@y.example");
    posta_message_attach(m, posta_body_source(source), NULL);
    assert_int_equal(posta_send("smtp://mx.example?security=none", m, &c, NULL), POSTA_OK);
    assert_int_equal(seen, 777);
    posta_message_free(&m);
    net_done(&n);
}

/* A large text goes out by 64 KiB, whatever its source's pieces are. */
static void goes_by_large_pieces(void **state) {
    enum { PIECE = 64 * 1024, PIECES = 10, LEN = PIECE / 78 * 57 * PIECES };
    static uint8_t octets[LEN];
    net n;
    posta_message *m;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    if (c.engine.tx_space < 1024) { /* the tiny build */
        net_done(&n);
        return;
    }
    assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "ana@x.example");
    posta_message_addresses(m, POSTA_TO, "bob@y.example");
    posta_message_attach(m, posta_body_data(octets, LEN), NULL);
    assert_int_equal(posta_send("smtp://mx.example?security=none", m, &c, NULL), POSTA_OK);
    /* EHLO, the envelope, QUIT; the text, and what is over */
    assert_in_range(n.writes, PIECES, 3 + PIECES + 1);
    posta_message_free(&m);
    net_done(&n);
}

/* Row F03: the whole has a limit, 900 s unless said. */
static void total_time(void **state) {
    static const struct {
        const char *where;
        uint32_t total;
        uint64_t ms;
        const char *message;
    } cases[] = {{"smtp://mx.example?security=none", 0, 900000,
                  "mx.example:587: the total time ran out (900 s); nothing was sent."},
                 {"smtp://mx.example?security=none", 7500, 7500,
                  "mx.example:587: the total time ran out (7500 ms); nothing was sent."},
                 {"smtp://mx.example?security=none&timeout=20", 0, 20000,
                  "mx.example:587: the total time ran out (20 s); nothing was sent."}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        posta_message *m;
        posta_receipt r;
        net_init(&n);
        n.silent = true;
        posta_session_config c = net_config(&n);
        c.engine.timeouts.greeting = 0;
        c.engine.timeouts.total = cases[i].total;
        assert_int_equal(net_message(&n, &m), POSTA_OK);
        uint64_t began = n.now;
        assert_int_equal(posta_send(cases[i].where, m, &c, &r), POSTA_E_TIMEOUT);
        assert_int_equal(n.now - began, cases[i].ms);
        net_sentence(r.message, cases[i].message);
        assert_string_equal(posta_receipt_code(&r), "timeout.total");
        posta_message_free(&m);
        net_done(&n);
    }
}

static void duration(void **state) {
    net n;
    posta_recipient to[1] = {{.address = "b@y.example"}};
    posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 1};
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_receipt r;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.engine.owed_max = 8;
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    n.slow = 10;
    assert_int_equal(posta_session_send(s, &env, &source, &r), POSTA_OK);
    assert_int_equal(r.duration_ms, 20); /* MAIL, RCPT and DATA together, then the text */
    posta_session_free(&s);
    net_done(&n);
}

/* What is found wrong after the memory was taken gives it back. */
static void wrong_address(void **state) {
    net n;
    posta_session *s = (posta_session *)&n;
    posta_receipt why;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.transport = NULL;
    c.address = "not-an-address";
    assert_int_equal(posta_session_new(&c, &s, &why), POSTA_E_FIELD);
    assert_null(s);
    assert_string_equal(why.field, "address");
    c.address = NULL; /* sockets of our own: their memory is the second allocation */
    n.fail_at = n.allocations + 2;
    assert_int_equal(posta_session_new(&c, &s, &why), POSTA_E_MEMORY);
    assert_int_equal(n.allocations, n.fail_at);
    assert_null(s);
    net_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(eight_bit),
                                       cmocka_unit_test(reads_by_body_space),
                                       cmocka_unit_test(goes_by_large_pieces),
                                       cmocka_unit_test(total_time),
                                       cmocka_unit_test(duration),
                                       cmocka_unit_test(wrong_address)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
