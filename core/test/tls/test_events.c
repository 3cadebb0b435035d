/* Who looks at some events after each execute, and waits by timeout and wants alone, never waits
 * for what is here already: octets inside TLS that no descriptor tells of. Row F15, curl #14201.
 */
#include "peer.h"

#include <time.h>

static posta_tls *tls;

/* Executes, looks at `most` events, waits; until `type` comes. */
static void turn_until(posta_session *s, posta_event_type type, unsigned most) {
    for (unsigned turn = 0; turn < 100000; turn++) {
        posta_event ev;
        posta_session_execute(s, 0);
        for (unsigned i = 0; i < most && posta_session_next_event(s, &ev); i++)
            if (ev.type == type) return;
        posta_session_wait(s, 3600000);
    }
    fail_msg("it does not come");
}

static void some_events_a_turn(void **state) {
    (void)state;
    for (size_t rx = 16; rx <= 4096; rx *= 2)
        for (size_t most = 1; most < 100; most += 33) {
            peer p;
            posta_receipt r;
            posta_recipient to[20];
            posta_envelope envelope = {
                .from = "a@x.example", .to = to, .to_n = 20, .has_crlf = true};
            t_body body = T_BODY("hello\r\n", 7);
            posta_source source = t_body_source(&body, 7);
            peer_init(&p);
            posta_session_config c = peer_config(&p, tls);
            c.non_blocking = true;
            c.callback = NULL;
            c.engine.rx_space = rx;
            for (size_t i = 0; i < 20; i++)
                to[i] = (posta_recipient){.address = "b@y.example"};
            posta_session *s = peer_session(&c);
            assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
            turn_until(s, POSTA_EVENT_CONNECTED, (unsigned)most);
            assert_int_equal(posta_session_send(s, &envelope, &source, &r), POSTA_E_IN_PROGRESS);
            turn_until(s, POSTA_EVENT_SENT, (unsigned)most);
            assert_int_equal(r.accepted_n, 20);
            assert_int_equal(p.now, 5000); /* no time passed: nothing was waited for in vain */
            posta_session_free(&s);
            peer_done(&p);
        }
}

/* What ends TLS when it is up is told: an alert in its words, octets that are nobody's. */
static void told_why_it_ended(void **state) {
    static const struct {
        unsigned char alert; /* 0: none, its record is spoilt */
        const char *says;
    } rows[] = {{49, "the server ended TLS: access is denied; "},
                {116, "the server ended TLS: it wants a client certificate: set tls.cert and "},
                {255, "the server ended TLS: TLS alert 255; "},
                {0, "a record came that cannot be decrypted; "}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        posta_receipt r;
        memset(&r, 0, sizeof r);
        peer_init(&p);
        posta_session_config c = peer_config(&p, tls);
        posta_session *s = peer_session(&c);
        assert_int_equal(peer_connect(s), POSTA_OK);
        mbedtls_ssl_send_alert_message(&p.ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, rows[i].alert);
        if (rows[i].alert == 0) p.down.bytes.p[p.down.bytes.len - 1] ^= 1;
        assert_int_equal(peer_send(s, "hello\r\n", 7, &r), POSTA_E_LOST);
        assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
        if (POSTA_TEXTS && !strstr(r.message, rows[i].says)) fail_msg("%s", r.message);
        posta_session_free(&s);
        peer_done(&p);
    }
}

static int set_up(void **state) {
    posta_tls_config c = peer_tls_config(NULL);
    (void)state;
    tls = peer_tls(&c);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    posta_tls_free(&tls);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(some_events_a_turn),
                                       cmocka_unit_test(told_why_it_ended)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
