/* STARTTLS at the engine (rows A01-A06): the host does the handshake when POSTA_WANT_TLS asks for
 * it; what was said in clear text counts for nothing afterwards, and no octet of it gets through.
 */
#include "t_smtp.h"

static const t_mode modes[] = {{T_WHOLE, T_WHOLE, 0, 0, false, false},
                               {T_BYTES, T_BYTES, 0, 0, false, false},
                               {T_BYTES, T_BYTES, 0, 0, true, true},
                               {T_RANDOM, T_RANDOM, 0, 7, false, false}};

#define EACH_MODE(m) for (const t_mode *m = modes; m < modes + sizeof modes / sizeof *modes; m++)

#define EHLO_SAID "EHLO client.test\r\n"

static void open_wire(t_wire *w, posta_starttls starttls, t_mode mode, const char *offers) {
    posta_engine_config c = POSTA_ENGINE_CONFIG;
    c.hello = "client.test";
    c.starttls = starttls;
    t_wire_open(w, &c, mode);
    t_wire_say(w, "220 x\r\n");
    t_wire_wrote(w, EHLO_SAID);
    t_wire_say(w, "%s", offers);
}

static void up(void **state) {
    (void)state;
    EACH_MODE(m) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_ALWAYS, *m,
                  "250-x\r\n250-SIZE 10\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
        t_wire_wrote(&w, "STARTTLS\r\n");
        assert_int_equal(posta_engine_capabilities(w.e).size_max, 10);
        t_wire_say(&w, "220 go\r\n");
        assert_int_equal(posta_engine_wants(w.e), POSTA_WANT_TLS);
        assert_int_equal(posta_engine_rx_space(w.e).cap, 0);
        assert_int_equal(posta_engine_phase(w.e), POSTA_PHASE_TLS);
        t_wire_expect_none(&w);
        assert_false(posta_engine_is_secure(w.e));
        posta_engine_secured(w.e, POSTA_OK);
        t_wire_run(&w);
        t_wire_expect(&w, POSTA_EVENT_SECURE_OK);
        assert_true(posta_engine_is_secure(w.e));
        t_wire_wrote(&w, EHLO_SAID);
        /* row A05: what was offered before is forgotten; row A06: a second STARTTLS is not taken */
        assert_int_equal(posta_engine_capabilities(w.e).bits, 0);
        t_wire_say(&w, "250-x\r\n250 STARTTLS\r\n");
        t_wire_expect(&w, POSTA_EVENT_CONNECTED);
        t_wire_wrote(&w, "");
        assert_int_equal(posta_engine_capabilities(w.e).size_max, 0);
        assert_int_equal(posta_engine_capabilities(w.e).bits, POSTA_CAN_ESMTP | POSTA_CAN_STARTTLS);
        posta_engine_secured(w.e, POSTA_OK); /* nothing asked for it */
        t_wire_expect_none(&w);
        t_wire_close(&w);
    }
}

/* Row A01: octets behind the 220, glued or later in the same read: nothing more is written. */
static void injected(void **state) {
    static const char *const tails[] = {"250-x\r\n250 AUTH PLAIN\r\n", "250-SMTPUTF8 X ", "\n", " ",
                                        "235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_ALWAYS, modes[0], "250 STARTTLS\r\n");
        t_wire_wrote(&w, "STARTTLS\r\n");
        t_wire_say(&w, "220 go\r\n%s", tails[i]);
        assert_int_equal(t_wire_expect(&w, POSTA_EVENT_FAILED)->event.status, POSTA_E_PROTOCOL);
        assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_UNASKED);
        t_wire_wrote(&w, "");
        assert_true(posta_engine_is_closed(w.e));
        t_wire_close(&w);
    }
}

/* Row A02: the answer before the question, at each cut. */
static void ahead(void **state) {
    (void)state;
    EACH_MODE(m) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_ALWAYS, *m, "250 STARTTLS\r\n220 ready\r\n");
        if (m->server == T_WHOLE) {
            t_wire_expect(&w, POSTA_EVENT_FAILED);
            t_wire_wrote(&w, "");
        }
        assert_false(posta_engine_is_secure(w.e));
        t_wire_close(&w);
    }
}

/* The same where it comes by a read of its own before anything was written: one read that does not
 * wait comes first, and what it finds ends it. */
static void ahead_by_itself(void **state) {
    (void)state;
    for (unsigned step = 0; step < 2; step++) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_ALWAYS, modes[0], "");
        posta_mspan space = posta_engine_rx_space(w.e);
        memcpy(space.p, "250 STARTTLS\r\n", 14);
        posta_engine_rx_commit(w.e, 14);
        assert_int_equal(posta_engine_tx_data(w.e).len, 0);
        assert_int_equal(posta_engine_wants(w.e), POSTA_WANT_RX | POSTA_WANT_NOW);
        space = posta_engine_rx_space(w.e);
        memcpy(space.p, "220 ready\r\n", 11);
        posta_engine_rx_commit(w.e, step == 0 ? 11 : 0);
        if (step == 0) {
            assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_UNASKED);
            assert_true(posta_engine_is_closed(w.e));
        } else {
            assert_int_equal(posta_engine_tx_data(w.e).len, 10);
        }
        t_wire_close(&w);
    }
}

/* Row A03, A07: where TLS is only wished for, what else than 220 may go on without. */
static void opportunistic_codes(void **state) {
    static const struct {
        unsigned code;
        bool goes_on;
    } rows[] = {{454, true},  {502, true},  {500, true},  {501, true},  {530, true},
                {421, false}, {250, false}, {354, false}, {334, false}, {221, false},
                {235, false}, {251, false}, {450, true},  {559, true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_OFFERED, modes[0], "250-x\r\n250 STARTTLS\r\n");
        t_wire_wrote(&w, "STARTTLS\r\n");
        t_wire_say(&w, "%u no\r\n", rows[i].code);
        if (rows[i].goes_on) {
            t_wire_expect(&w, POSTA_EVENT_CONNECTED);
            assert_false(posta_engine_is_closed(w.e));
        } else {
            t_wire_expect(&w, POSTA_EVENT_SECURE_FAIL);
            assert_true(posta_engine_is_closed(w.e));
        }
        t_wire_wrote(&w, "");
        assert_false(posta_engine_is_secure(w.e));
        t_wire_close(&w);
    }
}

/* Row A03: required, it is said though not offered, though EHLO is not known; all but 220 ends it.
 */
static void stripped(void **state) {
    static const unsigned codes[] = {502, 454, 354, 221, 421, 500, 501, 530, 250, 235, 334};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        EACH_MODE(m) {
            t_wire w;
            open_wire(&w, POSTA_STARTTLS_ALWAYS, *m, i % 2 ? "250 nothing\r\n" : "500 what\r\n");
            if (i % 2 == 0) {
                t_wire_wrote(&w, "HELO client.test\r\n");
                t_wire_say(&w, "250 ok\r\n");
            }
            t_wire_wrote(&w, "STARTTLS\r\n");
            t_wire_say(&w, "%u no\r\n", codes[i]);
            assert_int_equal(t_wire_expect(&w, POSTA_EVENT_SECURE_FAIL)->event.status,
                             POSTA_E_TLS_UNAVAILABLE);
            t_wire_expect_none(&w);
            t_wire_wrote(&w, "");
            assert_int_equal(posta_engine_fault(w.e)->reply.code, codes[i]);
            assert_true(posta_engine_is_closed(w.e));
            t_wire_close(&w);
        }
    }
}

static void opportunistic(void **state) {
    (void)state;
    EACH_MODE(m) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_OFFERED, *m, "250-x\r\n250-XSTARTTLS\r\n250 STARTTLSX\r\n");
        t_wire_expect(&w, POSTA_EVENT_CONNECTED); /* row A04: not offered */
        t_wire_wrote(&w, "");
        t_wire_close(&w);
        open_wire(&w, POSTA_STARTTLS_OFFERED, *m, "250-x\r\n250 starttls\r\n");
        t_wire_wrote(&w, "STARTTLS\r\n");
        t_wire_say(&w, "454 not now\r\n");
        t_wire_expect(&w, POSTA_EVENT_CONNECTED);
        assert_false(posta_engine_is_secure(w.e));
        t_wire_close(&w);
        open_wire(&w, POSTA_STARTTLS_NEVER, *m, "250-x\r\n250 STARTTLS\r\n");
        t_wire_expect(&w, POSTA_EVENT_CONNECTED);
        t_wire_close(&w);
    }
}

/* A handshake that fails, lasts too long, is cut off; EHLO refused behind it: no HELO, no clear
 * text. */
static void failing(void **state) {
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        t_wire w;
        open_wire(&w, POSTA_STARTTLS_ALWAYS, modes[0], "250 STARTTLS\r\n");
        t_wire_wrote(&w, "STARTTLS\r\n");
        t_wire_say(&w, "220 go\r\n");
        if (how == 0) {
            posta_engine_secured(w.e, POSTA_E_TLS_NAME);
            t_wire_run(&w);
            assert_int_equal(t_wire_expect(&w, POSTA_EVENT_SECURE_FAIL)->event.status,
                             POSTA_E_TLS_NAME);
        } else if (how == 1) {
            t_wire_tick(&w, 59999);
            t_wire_expect_none(&w);
            t_wire_tick(&w, 2);
            t_wire_expect(&w, POSTA_EVENT_TIMEOUT);
            assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_TIMEOUT_TLS);
        } else if (how == 2) {
            posta_engine_rx_end(w.e, POSTA_OK);
            t_wire_run(&w);
            t_wire_expect(&w, POSTA_EVENT_FAILED);
        } else {
            posta_engine_secured(w.e, POSTA_OK);
            t_wire_run(&w);
            t_wire_expect(&w, POSTA_EVENT_SECURE_OK);
            t_wire_wrote(&w, EHLO_SAID);
            t_wire_say(&w, "502 no\r\n");
            t_wire_expect(&w, POSTA_EVENT_SERVER_ERROR);
        }
        t_wire_wrote(&w, "");
        t_wire_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(up),
                                       cmocka_unit_test(injected),
                                       cmocka_unit_test(ahead),
                                       cmocka_unit_test(ahead_by_itself),
                                       cmocka_unit_test(opportunistic_codes),
                                       cmocka_unit_test(stripped),
                                       cmocka_unit_test(opportunistic),
                                       cmocka_unit_test(failing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
