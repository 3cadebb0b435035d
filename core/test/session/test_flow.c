/* The session against a server in memory: calls, events, faults, receipts, memory. */
#include "memory_t.h"

/* ---- blocking ---- */

static void one_allocation_and_all_calls(void **state) {
    place at;
    peer p;
    posta_session *s = NULL;
    posta_receipt r;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    posta_session_config c = config_of(&p);
    assert_int_equal(posta_session_new(&c, &s, &r), POSTA_OK);
    assert_int_equal(at.allocations, 1);
    assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_E_STATE);
    assert_int_equal(posta_session_capabilities(s).size_max, 100000);
    for (int i = 0; i < 3; i++) {
        posta_message *m = mail_of(&at, "bob@x.test, carol@x.test");
        assert_int_equal(posta_session_send_message(s, m, &r), POSTA_OK);
        assert_int_equal(r.outcome, POSTA_DELIVERY_ACCEPTED);
        assert_int_equal(r.accepted_n, 2);
        assert_string_equal(r.message, "");
        assert_string_equal(r.reply.text, "kept");
        posta_message_free(&m);
        assert_int_equal(posta_session_noop(s), POSTA_OK);
        assert_int_equal(posta_session_reset(s), POSTA_OK);
    }
    assert_int_equal(posta_session_disconnect(s), POSTA_OK);
    assert_int_equal(p.closed, 1);
    assert_false(posta_session_is_connected(s));
    assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
    posta_session_free(&s);
    assert_null(s);
    assert_int_equal(at.live, 0);
    assert_non_null(strstr(p.in, "\r\nQUIT\r\n"));
}

/* Row K09: every allocation of building, connecting and sending fails, once or from then on. */
static long flow(long fail_at, bool fail_on, posta_status *status_out) {
    place at;
    peer p;
    posta_receipt r;
    posta_message *m;
    place_init(&at);
    peer_init(&p, &at);
    at.fail_at = fail_at;
    at.fail_on = fail_on;
    posta_session_config c = config_of(&p);
    c.url = "smtp://localhost";
    m = mail_of(&at, "bob@x.test");
    *status_out = m ? posta_send("smtp://localhost", m, &c, &r) : POSTA_E_MEMORY;
    if (*status_out == POSTA_OK)
        assert_non_null(strstr(p.in, "\r\n.\r\n"));
    else
        assert_null(strstr(p.in, "\r\n.\r\n"));
    posta_message_free(&m);
    assert_int_equal(at.live, 0);
    return at.allocations;
}

static void every_allocation_fails(void **state) {
    posta_status status;
    long all = flow(0, false, &status);
    (void)state;
    assert_int_equal(status, POSTA_OK);
    assert_true(all >= 2);
    for (long i = 1; i <= all; i++) {
        flow(i, false, &status);
        assert_int_equal(status, POSTA_E_MEMORY);
        flow(i, true, &status);
        assert_int_equal(status, POSTA_E_MEMORY);
    }
}

/* What is wrong is found before anything is connected, and named. */
static void wrong_settings_are_named(void **state) {
    static const char *const fields[] = {"hello", "address",  "local_address",
                                         "host",  "security", "auth"};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        place at;
        peer p;
        posta_session *s = NULL;
        posta_receipt r;
        place_init(&at);
        peer_init(&p, &at);
        posta_session_config c = config_of(&p);
        if (i == 0) c.hello = "x\r\nMAIL FROM:<>";
        if (i == 1) c.address = "mail.example.org";
        if (i == 2) c.local_address = "127.0.0.1\n";
        if (i == 3) c.host = "a b";
        if (i == 4) c.security = POSTA_SECURITY_STARTTLS;
        if (i == 5) c.user = "ana", c.security = POSTA_SECURITY_NONE;
        assert_int_not_equal(posta_session_new(&c, &s, &r), POSTA_OK);
        assert_null(s);
        assert_string_equal(r.field, fields[i]);
        assert_int_equal(r.status, i < 4    ? POSTA_E_FIELD
                                   : i == 4 ? POSTA_E_TLS_NOT_BUILT
                                            : POSTA_E_NOT_BUILT);
        assert_null(strchr(r.message, '\n'));
        assert_int_equal(at.live, 0);
        assert_int_equal(p.in_len, 0);
    }
}

/* ---- faults and their sentences ---- */

typedef struct fault_case {
    const char *name;
    void (*prepare)(peer *p);
    posta_status status, cause;
    posta_phase stage;
    posta_delivery outcome;
    posta_retry retry;
    const char *message;
} fault_case;

static void refuse_connect(peer *p) {
    p->open_says = POSTA_E_CONNECT_REFUSED;
}
static void no_name(peer *p) {
    p->open_says = POSTA_E_DNS;
}
static void silent(peer *p) {
    p->greeting = NULL;
}
static void greeting_554(peer *p) {
    p->greeting = "554 5.3.2 go away\r\n";
}
static void not_smtp(peer *p) {
    p->greeting = "HTTP/1.1 400 Bad Request\r\n";
}
static void mail_550(peer *p) {
    p->mail = "550 5.1.8 not you\r\n";
}
static void rcpt_450(peer *p) {
    p->rcpt = "450 4.2.1 later\r\n";
}
static void data_silent(peer *p) {
    p->data = NULL;
}
static void text_552(peer *p) {
    p->text = "552 5.3.4 too much\r\n";
}
static void text_silent(peer *p) {
    p->text = NULL;
}
static void text_lost(peer *p) {
    p->text = NULL;
    p->ends = true;
}
static void small_server(peer *p) {
    p->ehlo = "250-peer\r\n250 SIZE 100\r\n";
}
static void mail_421(peer *p) {
    p->mail = "421 4.3.2 shutting\r\n down";
}

#define AT "localhost:25: "

static const fault_case cases[] = {
    {"refused", refuse_connect, POSTA_E_CONNECT_REFUSED, POSTA_E_CONNECT_REFUSED,
     POSTA_PHASE_CONNECT, POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE,
     AT "the connection was refused; nothing was sent. Is a mail server listening on that port? "
        "Submission is 465 or 587, a relay 25."},
    {"no name", no_name, POSTA_E_DNS, POSTA_E_DNS, POSTA_PHASE_RESOLVE, POSTA_DELIVERY_NOT_SENT,
     POSTA_RETRY_SAFE,
     AT "the name could not be found; nothing was sent. Check the host's name, or give a numeric "
        "address."},
    {"silent", silent, POSTA_E_TIMEOUT, POSTA_E_TIMEOUT_GREETING, POSTA_PHASE_GREETING,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE,
     AT "no greeting in time (300 s); nothing was sent. A server that is silent may expect TLS "
        "from the first byte (port 465)."},
    {"554", greeting_554, POSTA_E_SERVER_PERMANENT, POSTA_E_GREETING_REFUSED, POSTA_PHASE_GREETING,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS,
     AT "the server refused the connection: 554 5.3.2 go away; nothing was sent. The server takes "
        "no mail from here now."},
    {"not SMTP", not_smtp, POSTA_E_PROTOCOL, POSTA_E_PROTOCOL, POSTA_PHASE_GREETING,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE,
     AT "the server did not speak SMTP (a reply does not begin with a code from 200 to 559); "
        "nothing was sent. Is this really an SMTP server, and the port one without TLS from the "
        "start?"},
    {"sender", mail_550, POSTA_E_SERVER_PERMANENT, POSTA_E_SENDER_REFUSED, POSTA_PHASE_SENDER,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS,
     AT "the server refused the sender: 550 5.1.8 not you; nothing was sent."},
    {"recipients", rcpt_450, POSTA_E_SERVER_TEMPORARY, POSTA_E_RECIPIENTS_REFUSED,
     POSTA_PHASE_RECIPIENT, POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE,
     AT "the server refused the recipients: 450 4.2.1 later; nothing was sent. Try again later."},
    {"421", mail_421, POSTA_E_LOST, POSTA_E_LOST, POSTA_PHASE_SENDER, POSTA_DELIVERY_NOT_SENT,
     POSTA_RETRY_SAFE,
     AT "the server is closing the connection: 421 4.3.2 shutting; nothing was sent. Try again "
        "later."},
    {"data", data_silent, POSTA_E_TIMEOUT, POSTA_E_TIMEOUT_DATA, POSTA_PHASE_DATA,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE,
     AT "no answer to DATA in time (120 s); nothing was sent."},
    {"text", text_552, POSTA_E_SERVER_PERMANENT, POSTA_E_MESSAGE_REFUSED, POSTA_PHASE_RESULT,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS,
     AT "the server refused the message: 552 5.3.4 too much; nothing was sent. The message or the "
        "mailbox is too large for the server."},
    {"no verdict", text_silent, POSTA_E_TIMEOUT, POSTA_E_TIMEOUT_RESULT, POSTA_PHASE_RESULT,
     POSTA_DELIVERY_UNKNOWN, POSTA_RETRY_DUPLICATE_RISK,
     AT "no answer to the message in time (600 s); the message may or may not have been "
        "delivered. Ask before sending it again: it may arrive twice."},
    {"lost behind the dot", text_lost, POSTA_E_LOST, POSTA_E_LOST, POSTA_PHASE_RESULT,
     POSTA_DELIVERY_UNKNOWN, POSTA_RETRY_DUPLICATE_RISK,
     AT "the connection was lost; the message may or may not have been delivered. Ask before "
        "sending it again: it may arrive twice."},
    {"too big", small_server, POSTA_E_TOO_BIG, POSTA_E_TOO_BIG, POSTA_PHASE_COMPOSE,
     POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS, NULL},
};

static void faults(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const fault_case *f = &cases[i];
        place at;
        peer p;
        posta_receipt r;
        place_init(&at);
        peer_init(&p, &at);
        f->prepare(&p);
        posta_session_config c = config_of(&p);
        posta_message *m = mail_of(&at, "bob@x.test");
        c.engine.timeouts.total = UINT32_MAX;
        posta_status status = posta_send("localhost", m, &c, &r);
        if (status != f->status || r.cause != f->cause || r.stage != f->stage ||
            r.outcome != f->outcome || r.retry != f->retry)
            fail_msg("%s: status %s, cause %s, stage %s, outcome %d, retry %d: %s", f->name,
                     posta_status_name(status), posta_status_name(r.cause),
                     posta_phase_name(r.stage), (int)r.outcome, (int)r.retry, r.message);
#if POSTA_TEXTS
        if (f->message)
            assert_string_equal(r.message, f->message);
        else
            assert_non_null(strstr(r.message, "the server takes at most 100; nothing was sent."));
#endif
        posta_message_free(&m);
        assert_int_equal(at.live, 0);
        assert_int_equal(p.closed, 1);
    }
}

/* Row E13: a server that does not want us hears QUIT, and nothing else. */
static void refusal_is_answered_with_quit(void **state) {
    place at;
    peer p;
    posta_session *s = NULL;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    greeting_554(&p);
    posta_session_config c = config_of(&p);
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_E_SERVER_PERMANENT);
    assert_string_equal(p.in, "QUIT\r\n");
    assert_int_equal(p.closed, 1);
    p.greeting = "220 again\r\n";
    assert_int_equal(posta_session_connect(s), POSTA_OK); /* it may be tried again */
    posta_session_free(&s);
    assert_int_equal(at.live, 0);
}

/* Row F02: the peer takes no more, but its last words wait. */
static void last_words_are_read(void **state) {
    place at;
    peer p;
    posta_session *s = NULL;
    posta_receipt r;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    posta_session_config c = config_of(&p);
    posta_message *m = mail_of(&at, "bob@x.test");
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    p.last_words = "552 5.3.4 enough\r\n";
    p.write_left = 200;
    p.write_says = POSTA_E_LOST;
    p.ends = true;
    assert_int_equal(posta_session_send_message(s, m, &r), POSTA_E_SERVER_PERMANENT);
    assert_int_equal(r.cause, POSTA_E_MESSAGE_REFUSED);
    assert_int_equal(r.reply.code, 552);
    assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
    posta_message_free(&m);
    posta_session_free(&s);
    assert_int_equal(at.live, 0);
}

/* Row F13: a server that left while we idled is noticed before MAIL. */
static void idle_end_is_noticed(void **state) {
    place at;
    peer p;
    posta_session *s = NULL;
    posta_receipt r;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    posta_session_config c = config_of(&p);
    posta_message *m = mail_of(&at, "bob@x.test");
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    p.ends = true;
    at.now += 1500;
    assert_int_equal(posta_session_send_message(s, m, &r), POSTA_E_LOST);
    assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
    assert_int_equal(r.retry, POSTA_RETRY_SAFE);
    assert_null(strstr(p.in, "MAIL"));
    posta_message_free(&m);
    posta_session_free(&s);
}

/* ---- events ---- */

typedef struct event_log {
    char text[512];
    posta_event_type free_at;
} event_log;

static const char *event_word(posta_event_type type) {
    switch (type) {
    case POSTA_EVENT_CONNECTED: return "connected ";
    case POSTA_EVENT_RECIPIENT_ACK: return "recipient ";
    case POSTA_EVENT_SERVER_ERROR: return "error ";
    case POSTA_EVENT_SERVER_RETRY: return "retry ";
    case POSTA_EVENT_SENT: return "sent ";
    case POSTA_EVENT_RESET: return "reset ";
    case POSTA_EVENT_NOOP_ACK: return "noop ";
    case POSTA_EVENT_DISCONNECTED: return "disconnected ";
    case POSTA_EVENT_TIMEOUT: return "timeout ";
    case POSTA_EVENT_FAILED: return "failed ";
    default: return "? ";
    }
}

static void on_event(posta_session *s, const posta_event *ev, void *user) {
    event_log *l = user;
    strncat(l->text, event_word(ev->type), sizeof l->text - strlen(l->text) - 1);
    if (ev->type == l->free_at) posta_session_free(&s);
}

/* Runs until the pending action has its verdict. */
static posta_status run(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS)
        posta_session_wait(s, 1000);
    return status;
}

static void callback_sees_each_action_end_once(void **state) {
    place at;
    peer p;
    event_log l = {"", POSTA_EVENT_NONE};
    posta_session *s = NULL;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    p.open_after = 3;
    posta_session_config c = config_of(&p);
    c.non_blocking = true;
    c.callback = on_event;
    c.user_data = &l;
    posta_message *m = mail_of(&at, "bob@x.test, carol@x.test");
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_timeout(s), 0);
    assert_int_equal(run(s), POSTA_OK);
    assert_int_equal(posta_session_send_message(s, m, NULL), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_noop(s), POSTA_E_STATE);
    assert_int_equal(run(s), POSTA_OK);
    assert_int_equal(posta_session_noop(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(run(s), POSTA_OK);
    assert_int_equal(posta_session_reset(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(run(s), POSTA_OK);
    assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(run(s), POSTA_OK);
    assert_string_equal(l.text, "connected recipient recipient sent noop reset disconnected ");
    posta_message_free(&m);
    posta_session_free(&s);
    assert_int_equal(at.live, 0);
}

static void free_in_callback(void **state) {
    static const posta_event_type when[] = {POSTA_EVENT_CONNECTED, POSTA_EVENT_RECIPIENT_ACK,
                                            POSTA_EVENT_SENT};
    (void)state;
    for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
        place at;
        peer p;
        event_log l = {"", when[i]};
        posta_session *s = NULL;
        place_init(&at);
        peer_init(&p, &at);
        posta_session_config c = config_of(&p);
        c.non_blocking = true;
        c.callback = on_event;
        c.user_data = &l;
        posta_message *m = mail_of(&at, "bob@x.test");
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
        for (int n = 0; n < 20 && at.live > 1 && !strstr(l.text, "connected"); n++)
            posta_session_execute(s, 0);
        if (when[i] != POSTA_EVENT_CONNECTED) {
            assert_int_equal(posta_session_send_message(s, m, NULL), POSTA_E_IN_PROGRESS);
            for (int n = 0; n < 20 && !strstr(l.text, event_word(when[i])); n++)
                posta_session_execute(s, 0);
        }
        posta_message_free(&m);
        assert_int_equal(at.live, 0); /* the session freed itself behind its callback */
    }
}

static void events_are_taken_without_a_callback(void **state) {
    place at;
    peer p;
    event_log l = {"", POSTA_EVENT_NONE};
    posta_session *s = NULL;
    posta_event ev;
    (void)state;
    place_init(&at);
    peer_init(&p, &at);
    p.rcpt = "550 5.1.1 nobody\r\n";
    posta_session_config c = config_of(&p);
    c.non_blocking = true;
    posta_message *m = mail_of(&at, "bob@x.test, carol@x.test");
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    posta_session_connect(s);
    for (int n = 0; n < 60; n++) {
        posta_session_execute(s, 0);
        while (posta_session_next_event(s, &ev)) {
            on_event(s, &ev, &l);
            if (ev.type == POSTA_EVENT_CONNECTED) posta_session_send_message(s, m, NULL);
            if (ev.type == POSTA_EVENT_SERVER_ERROR) assert_memory_equal(ev.text.p, "nobody", 6);
            if (ev.type == POSTA_EVENT_SENT) posta_session_disconnect(s);
        }
    }
    assert_string_equal(l.text, "connected error error sent disconnected ");
    posta_message_free(&m);
    posta_session_free(&s);
    assert_int_equal(at.live, 0);
}

static void cancel_anywhere(void **state) {
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        place at;
        peer p;
        posta_session *s = NULL;
        posta_receipt r;
        place_init(&at);
        peer_init(&p, &at);
        p.open_after = 2;
        p.text = NULL;
        posta_session_config c = config_of(&p);
        c.non_blocking = true;
        posta_message *m = mail_of(&at, "bob@x.test");
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        posta_session_connect(s);
        bool is_sending = false;
        for (int n = 0; n < steps; n++) {
            posta_session_execute(s, 0);
            if (!is_sending && posta_session_send_message(s, m, &r) == POSTA_E_IN_PROGRESS)
                is_sending = true;
        }
        bool dot = strstr(p.in, "\r\n.\r\n") != NULL;
        posta_session_cancel(s);
        for (int n = 0; n < 5; n++)
            posta_session_execute(s, 0);
        assert_false(posta_session_is_connected(s));
        if (is_sending)
            assert_int_equal(r.outcome, dot ? POSTA_DELIVERY_UNKNOWN : POSTA_DELIVERY_NOT_SENT);
        if (is_sending) assert_int_equal(r.cause, POSTA_E_CANCELLED);
        posta_message_free(&m);
        posta_session_free(&s);
        assert_int_equal(at.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_allocation_and_all_calls),
        cmocka_unit_test(every_allocation_fails),
        cmocka_unit_test(wrong_settings_are_named),
        cmocka_unit_test(faults),
        cmocka_unit_test(refusal_is_answered_with_quit),
        cmocka_unit_test(last_words_are_read),
        cmocka_unit_test(idle_end_is_noticed),
        cmocka_unit_test(callback_sees_each_action_end_once),
        cmocka_unit_test(free_in_callback),
        cmocka_unit_test(events_are_taken_without_a_callback),
        cmocka_unit_test(cancel_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
