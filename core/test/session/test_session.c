/* The session over a transport in memory: blocking and not, events, freeing in a callback, faults
 * of the transport (row F02), silence, cancelling, QUIT (row F19), one allocation. */
#include "net.h"

static posta_envelope envelope(posta_recipient *to, size_t n) {
    static const char *const names[] = {"b@y.example", "c@y.example", "d@y.example"};
    for (size_t i = 0; i < n; i++)
        to[i] = (posta_recipient){.address = names[i]};
    return (posta_envelope){.from = "a@x.example", .to = to, .to_n = n};
}

static void one_allocation(void **state) {
    net n;
    posta_recipient to[2];
    posta_envelope env = envelope(to, 2);
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_receipt receipt;
    (void)state;
    net_init(&n);
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_true(posta_session_is_connected(s));
    for (unsigned i = 0; i < 5; i++) {
        body.at = 0;
        assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_OK);
        assert_int_equal(receipt.outcome, POSTA_DELIVERY_ACCEPTED);
        assert_int_equal(receipt.accepted_n, 2);
        assert_int_equal(receipt.bytes, 4);
        assert_ptr_equal(receipt.recipients, to);
        assert_string_equal(receipt.message, "");
    }
    assert_int_equal(posta_session_noop(s), POSTA_OK);
    assert_int_equal(posta_session_reset(s), POSTA_OK);
    assert_int_equal(n.allocations, 1);
    assert_int_equal(posta_session_disconnect(s), POSTA_OK);
    assert_false(posta_session_is_connected(s));
    posta_session_free(&s);
    assert_null(s);
    assert_int_equal(n.toy.mails_n, 5);
    assert_string_equal(
        n.events, "CONNECTED RECIPIENT_ACK RECIPIENT_ACK SENT RECIPIENT_ACK RECIPIENT_ACK SENT "
                  "RECIPIENT_ACK RECIPIENT_ACK SENT RECIPIENT_ACK RECIPIENT_ACK SENT "
                  "RECIPIENT_ACK RECIPIENT_ACK SENT NOOP_ACK RESET DISCONNECTED");
    assert_int_equal(n.waited, 0);
    net_done(&n);
}

/* One octet a call, AGAIN between: the same, and execute never waits. */
static void non_blocking(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 60; piece += 1 + piece / 3) {
        net n;
        posta_recipient to[3];
        posta_envelope env = envelope(to, 3);
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        posta_receipt receipt;
        posta_status status;
        net_init(&n);
        n.piece = piece;
        n.open_again = 3;
        posta_session_config c = net_config(&n);
        c.non_blocking = true;
        posta_session *s = net_session(&n, &c);
        assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_connect(s), POSTA_E_STATE);
        while ((status = posta_session_execute(s, 1)) == POSTA_E_IN_PROGRESS) {
        }
        assert_int_equal(status, POSTA_OK);
        assert_int_equal(posta_session_execute(s, 0), POSTA_OK); /* nothing pending */
        assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
        while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
        }
        assert_int_equal(status, POSTA_OK);
        assert_int_equal(receipt.accepted_n, 3);
        assert_int_equal(n.waited, 0);
        posta_session_free(&s);
        assert_string_equal(n.events, "CONNECTED RECIPIENT_ACK RECIPIENT_ACK RECIPIENT_ACK SENT");
        if (piece > 6) assert_memory_equal(n.wire.p + n.wire.len - 6, "QUIT\r\n", 6);
        net_done(&n);
    }
}

/* Without a callback events are taken one by one, in the same order, none lost. */
static void next_event(void **state) {
    net n;
    char seen[500] = "";
    posta_recipient to[3];
    posta_envelope env = envelope(to, 3);
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.callback = NULL;
    c.non_blocking = true;
    posta_session *s = net_session(&n, &c);
    posta_session_connect(s);
    for (unsigned i = 0; i < 200; i++) {
        posta_event ev;
        posta_session_execute(s, 0);
        while (posta_session_next_event(s, &ev)) {
            size_t len = strlen(seen);
            snprintf(seen + len, sizeof seen - len, "%s ", t_event_name(ev.type));
        }
        if (i == 50) posta_session_send(s, &env, &source, NULL);
        if (i == 100) posta_session_disconnect(s);
    }
    assert_string_equal(seen,
                        "CONNECTED RECIPIENT_ACK RECIPIENT_ACK RECIPIENT_ACK SENT DISCONNECTED ");
    posta_session_free(&s);
    net_done(&n);
}

/* The session may be freed in the callback, at any event. */
static void free_in_callback(void **state) {
    static const posta_event_type events[] = {POSTA_EVENT_CONNECTED, POSTA_EVENT_RECIPIENT_ACK,
                                              POSTA_EVENT_SENT, POSTA_EVENT_DISCONNECTED};
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++)
        for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
            net n;
            posta_recipient to[2];
            posta_envelope env = envelope(to, 2);
            t_body body = T_BODY("hi\r\n", 4);
            posta_source source = t_body_source(&body, 4);
            posta_receipt receipt;
            net_init(&n);
            posta_session_config c = net_config(&n);
            c.non_blocking = mode == 1;
            posta_session *s = net_session(&n, &c);
            n.free_in = &s;
            n.free_at = events[i];
            posta_session_connect(s);
            for (unsigned k = 0; k < 100 && s && mode; k++)
                posta_session_execute(s, 0);
            if (s) posta_session_send(s, &env, &source, &receipt);
            for (unsigned k = 0; k < 100 && s && mode; k++)
                posta_session_execute(s, 0);
            if (s) posta_session_disconnect(s);
            for (unsigned k = 0; k < 100 && s && mode; k++)
                posta_session_execute(s, 0);
            assert_null(s);
            /* It was the last event. */
            const char *last = t_event_name(events[i]);
            assert_string_equal(n.events + strlen(n.events) - strlen(last), last);
            if (events[i] == POSTA_EVENT_RECIPIENT_ACK)
                assert_string_equal(n.events, "CONNECTED RECIPIENT_ACK");
            net_done(&n);
        }
}

static void faults_of_opening(void **state) {
    static const struct {
        posta_status fault, status;
        posta_phase stage;
        const char *code, *message;
    } cases[] = {
        {POSTA_E_CONNECT_REFUSED, POSTA_E_CONNECT_REFUSED, POSTA_PHASE_CONNECT, "connect.refused",
         "mx.example:2525: the connection was refused; nothing was sent. Is a mail server "
         "listening "
         "on that port? Submission is 465 or 587, a relay 25."},
        {POSTA_E_CONNECT, POSTA_E_CONNECT, POSTA_PHASE_CONNECT, "connect.failed",
         "mx.example:2525: no connection could be made; nothing was sent. Check the host, the port "
         "and the network."},
        {POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, "dns.failed",
         "mx.example:2525: the name could not be found; nothing was sent. Check the host's name, "
         "or "
         "give a numeric address."},
        {POSTA_E_TIMEOUT_CONNECT, POSTA_E_TIMEOUT, POSTA_PHASE_CONNECT, "timeout.connect",
         "mx.example:2525: no connection in time (30 s); nothing was sent. Check the host, the "
         "port "
         "and the network."}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        net_init(&n);
        n.open_fault = cases[i].fault;
        n.open_again = (unsigned)i;
        posta_session *s = net_session(&n, NULL);
        assert_int_equal(posta_session_connect(s), cases[i].status);
        const posta_receipt *r = posta_session_receipt(s);
        net_sentence(r->message, cases[i].message);
        assert_string_equal(posta_receipt_code(r), cases[i].code);
        assert_int_equal(r->stage, cases[i].stage);
        assert_true(r->temporary);
        assert_int_equal(r->retry, POSTA_RETRY_SAFE);
        assert_int_equal(posta_session_fault(s)->cause, cases[i].fault);
        assert_string_equal(n.events, i == 3 ? "TIMEOUT" : "FAILED");
        n.open_fault = POSTA_OK; /* connect may follow */
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        posta_session_free(&s);
        net_done(&n);
    }
}

static unsigned refuse_data(toy *t, toy_verb verb) {
    if (verb != T_DATA) return 0;
    ((net *)t->user)->write_most = ((net *)t->user)->wire.len;
    return 0;
}

static void broken_in_text(void **state) {
    net n;
    posta_recipient to[1];
    posta_envelope env = envelope(to, 1);
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_receipt receipt;
    (void)state;
    net_init(&n);
    n.toy.user = &n;
    n.toy.decide = refuse_data;
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    /* DATA is answered with 354, then the wire breaks and nothing more comes. */
    assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_LOST);
    assert_int_equal(receipt.outcome, POSTA_DELIVERY_NOT_SENT);
    assert_int_equal(receipt.stage, POSTA_PHASE_BODY);
    posta_session_free(&s);
    net_done(&n);
}

/* Row F02: writing fails, but what the server said last waits to be read. */
static unsigned goodbye(toy *t, toy_verb verb) {
    net *n = t->user;
    if (verb != T_RCPT) return 0;
    n->write_most = n->wire.len; /* nothing can be written from now on */
    t->closing = true;
    return 554;
}

static void last_words_are_told(void **state) {
    net n;
    posta_recipient to[1];
    posta_envelope env = envelope(to, 1);
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_receipt receipt;
    (void)state;
    net_init(&n);
    n.toy.offers = "";
    n.toy.user = &n;
    n.toy.decide = goodbye;
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_SERVER_PERMANENT);
    assert_int_equal(receipt.reply.code, 554);
    assert_int_equal(receipt.refused_n, 1);
    net_sentence(receipt.message,
                 "mx.example:2525: the server refused the recipients: 554 rcpt; nothing was "
                 "sent. The server does not relay this for you: check the address, or log in.");
    posta_session_free(&s);
    net_done(&n);
}

static void silence(void **state) {
    static const struct {
        unsigned at; /* 0 greeting, 1 EHLO's answer, 2 the text's verdict */
        const char *code, *message;
        uint64_t ms;
        posta_delivery outcome;
    } cases[] = {{0, "timeout.greeting",
                  "mx.example:2525: no greeting in time (300 s); nothing was sent. A server that "
                  "is silent may "
                  "expect TLS from the first byte (port 465).",
                  300000, POSTA_DELIVERY_NOT_SENT},
                 {2, "timeout.result",
                  "mx.example:2525: no answer to the message in time (600 s); the message may or "
                  "may not have "
                  "been delivered. Ask before sending it again: it may arrive twice.",
                  600000, POSTA_DELIVERY_UNKNOWN}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        net n;
        posta_recipient to[1];
        posta_envelope env = envelope(to, 1);
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        uint64_t began;
        net_init(&n);
        n.silent = cases[i].at == 0;
        posta_session *s = net_session(&n, NULL);
        began = n.now;
        posta_status status = posta_session_connect(s);
        if (cases[i].at == 2) {
            assert_int_equal(status, POSTA_OK);
            n.toy.drop_at = n.toy.said + strlen("250 2.1.0 sender\r\n250 rcpt\r\n354 data\r\n");
            /* A server that hangs: it neither answers nor closes. */
            n.read_fault = POSTA_AGAIN;
            status = posta_session_send(s, &env, &source, NULL);
        }
        assert_int_equal(status, POSTA_E_TIMEOUT);
        net_sentence(posta_session_receipt(s)->message, cases[i].message);
        assert_string_equal(posta_receipt_code(posta_session_receipt(s)), cases[i].code);
        assert_int_equal(posta_session_receipt(s)->outcome, cases[i].outcome);
        assert_int_equal(n.now - began, cases[i].ms);
        assert_false(posta_session_is_connected(s));
        posta_session_free(&s);
        net_done(&n);
    }
}

static void cancelled(void **state) {
    (void)state;
    for (unsigned steps = 0; steps < 60; steps++) {
        net n;
        posta_recipient to[2];
        posta_envelope env = envelope(to, 2);
        t_body body = T_BODY("hi\r\n", 4);
        posta_source source = t_body_source(&body, 4);
        posta_receipt receipt = {0};
        bool sending = false;
        net_init(&n);
        n.piece = 7;
        n.open_again = 2;
        posta_session_config c = net_config(&n);
        c.non_blocking = true;
        posta_session *s = net_session(&n, &c);
        posta_session_connect(s);
        for (unsigned i = 0; i < steps; i++) {
            posta_status status = posta_session_execute(s, 1);
            n.now++; /* so that a budget is used up at once */
            if (status == POSTA_OK && !sending)
                sending = posta_session_send(s, &env, &source, &receipt) == POSTA_E_IN_PROGRESS;
        }
        bool pending = posta_session_execute(s, 1) == POSTA_E_IN_PROGRESS;
        size_t wrote = n.wire.len;
        posta_session_cancel(s);
        posta_status status = posta_session_execute(s, 0);
        assert_int_equal(n.wire.len, wrote); /* row F14: not an octet more */
        if (pending) assert_int_equal(status, POSTA_E_CANCELLED);
        assert_false(posta_session_is_connected(s));
        assert_false(n.is_open);
        if (sending && pending) assert_int_equal(receipt.cause, POSTA_E_CANCELLED);
        posta_session_free(&s);
        net_done(&n);
    }
}

/* A slot cannot be fed while a blocking call waits: an error, not a hang. */
static void slot_in_blocking(void **state) {
    net n;
    posta_message *m;
    posta_receipt receipt;
    (void)state;
    net_init(&n);
    assert_int_equal(posta_message_new(&n.port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "a@x.example");
    posta_message_addresses(m, POSTA_TO, "b@y.example");
    posta_message_text(m, posta_body_slot(POSTA_LEN_UNKNOWN), NULL);
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_send_message(s, m, &receipt), POSTA_E_BODY);
    assert_int_equal(receipt.outcome, POSTA_DELIVERY_NOT_SENT);
    posta_session_free(&s);
    posta_message_free(&m);
    net_done(&n);
}

/* Row F19, and the quit of free: at most the quit time. */
static void quitting(void **state) {
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        net n;
        net_init(&n);
        posta_session *s = net_session(&n, NULL);
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        n.silent = true;
        uint64_t began = n.now;
        if (mode == 0) assert_int_equal(posta_session_disconnect(s), POSTA_OK);
        posta_session_free(&s);
        assert_int_equal(n.now - began, 2000);
        assert_memory_equal(n.wire.p + n.wire.len - 6, "QUIT\r\n", 6);
        net_done(&n);
    }
    net n;
    net_init(&n);
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    posta_session_drop(&s); /* without a word */
    assert_int_equal(n.wire.len, strlen("EHLO client.test\r\n"));
    net_done(&n);
}

static unsigned not_now(toy *t, toy_verb verb) {
    (void)t;
    return verb == T_GREET ? 554 : 0;
}

/* Row E13: a greeting that refuses us is answered with QUIT. */
static void refused_greeting(void **state) {
    net n;
    (void)state;
    net_init(&n);
    n.toy.decide = not_now;
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_E_SERVER_PERMANENT);
    net_sentence(posta_session_receipt(s)->message,
                 "mx.example:2525: the server refused the connection: 554 toy; nothing was "
                 "sent. The server takes no mail from here now.");
    assert_int_equal(n.wire.len, 6);
    assert_memory_equal(n.wire.p, "QUIT\r\n", 6);
    assert_string_equal(n.events, "SERVER_ERROR");
    posta_session_free(&s);
    net_done(&n);
}

/* The total begins with connecting: what that took is not given twice. */
static void total_is_total(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.engine.timeouts.total = 3000;
    n.open_again = 2; /* a second each */
    n.silent = true;
    posta_session *s = NULL;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    uint64_t began = n.now;
    assert_int_equal(posta_session_connect(s), POSTA_E_TIMEOUT);
    assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_TIMEOUT_TOTAL);
    assert_int_equal(n.now - began, 3000);
    posta_session_free(&s);
    net_done(&n);
}

/* Row F13: the server has hung up while we were idle. */
static void idle_goodbye(void **state) {
    net n;
    posta_recipient to[1];
    posta_envelope env = envelope(to, 1);
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    posta_receipt receipt;
    (void)state;
    net_init(&n);
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    size_t wrote = n.wire.len;
    n.now += 60000;
    toy_say(&n.toy, 421, "4.4.2 idle");
    assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_LOST);
    assert_int_equal(n.wire.len, wrote);
    net_sentence(receipt.message,
                 "mx.example:2525: the server is closing the connection: 421 4.4.2 idle; "
                 "nothing was sent. Try again later.");
    assert_int_equal(receipt.retry, POSTA_RETRY_SAFE);
    /* Another try is told the same, not that there is no connection. */
    assert_int_equal(posta_session_send(s, &env, &source, &receipt), POSTA_E_LOST);
    assert_int_equal(receipt.reply.code, 421);
    posta_session_free(&s);
    net_done(&n);
}

/* Row F13: one read that does not wait, and when nothing is there, on we go. */
static void idle_and_well(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    n.now += 60000;
    assert_int_equal(posta_session_noop(s), POSTA_OK);
    assert_int_equal(n.waited, 0);
    posta_session_free(&s);
    net_done(&n);
}

static unsigned no_noop(toy *t, toy_verb verb) {
    (void)t;
    return verb == T_NOOP ? 502 : 0;
}

/* A refused NOOP is told as such, also behind a refused message. */
static void refused_command(void **state) {
    net n;
    (void)state;
    net_init(&n);
    n.toy.decide = no_noop;
    posta_session *s = net_session(&n, NULL);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_noop(s), POSTA_E_SERVER_PERMANENT);
    net_sentence(posta_session_receipt(s)->message,
                 "mx.example:2525: the server refused the command: 502 noop; nothing was "
                 "sent.");
    assert_true(posta_session_is_connected(s));
    posta_session_free(&s);
    net_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_allocation),
                                       cmocka_unit_test(non_blocking),
                                       cmocka_unit_test(next_event),
                                       cmocka_unit_test(free_in_callback),
                                       cmocka_unit_test(faults_of_opening),
                                       cmocka_unit_test(broken_in_text),
                                       cmocka_unit_test(last_words_are_told),
                                       cmocka_unit_test(silence),
                                       cmocka_unit_test(cancelled),
                                       cmocka_unit_test(slot_in_blocking),
                                       cmocka_unit_test(quitting),
                                       cmocka_unit_test(refused_greeting),
                                       cmocka_unit_test(total_is_total),
                                       cmocka_unit_test(idle_goodbye),
                                       cmocka_unit_test(idle_and_well),
                                       cmocka_unit_test(refused_command)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
