/* A message command by command at the engine: mail, rcpt+, data, text*, text_end. In every cut of
 * the wire, with the smallest windows too; the law of liveness is checked after each step. */
#include "t_smtp.h"

#include <stdio.h>

#define EACH_MODE(m) for (const t_mode *m = modes; m < modes + sizeof modes / sizeof *modes; m++)

static const t_mode modes[] = {{T_WHOLE, T_WHOLE, 0, 0, false, false},
                               {T_BYTES, T_BYTES, 0, 0, false, false},
                               {T_BYTES, T_BYTES, 0, 0, true, true},
                               {T_RANDOM, T_RANDOM, 0, 7, true, false},
                               {T_RANDOM, T_RANDOM, 0, 9, false, true}};

static void text(t_wire *w, const char *p, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t took = posta_engine_text(w->e, p + at, len - at);
        at += took;
        t_wire_run(w);
        assert_true(took > 0 || posta_engine_tx_data(w->e).len == 0);
    }
}

static void open_text(t_wire *w, t_mode mode, const char *offers, posta_recipient *to) {
    t_wire_open(w, NULL, mode);
    t_wire_greet(w, offers);
    assert_int_equal(posta_engine_rcpt(w->e, to), POSTA_E_STATE);
    assert_int_equal(posta_engine_data(w->e), POSTA_E_STATE);
    assert_int_equal(posta_engine_text_end(w->e), POSTA_E_STATE);
    assert_int_equal(posta_engine_mail(w->e, "a@x.test"), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_engine_mail(w->e, "a@x.test"), POSTA_E_STATE);
    t_wire_run(w);
    t_wire_say(w, "250 ok\r\n");
    t_wire_expect(w, POSTA_EVENT_SENDER_ACK);
    assert_int_equal(posta_engine_mail(w->e, "a@x.test"), POSTA_E_STATE);
    assert_int_equal(posta_engine_data(w->e), POSTA_E_STATE); /* nobody would get it */
    assert_int_equal(posta_engine_rcpt(w->e, to), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_say(w, "550 5.1.1 no\r\n");
    assert_int_equal(t_wire_expect(w, POSTA_EVENT_SERVER_ERROR)->event.recipient, 0);
    assert_int_equal(posta_engine_rcpt(w->e, to), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_say(w, "251 will forward\r\n");
    assert_int_equal(t_wire_expect(w, POSTA_EVENT_RECIPIENT_ACK)->event.recipient, 1);
    assert_int_equal(posta_engine_accepted(w->e), 1);
    assert_int_equal(posta_engine_refused(w->e), 1);
    assert_int_equal(posta_engine_data(w->e), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_say(w, "354 go\r\n");
    t_wire_expect(w, POSTA_EVENT_BEGIN_ACK);
    assert_true(posta_engine_in_text(w->e));
}

static void whole(void **state) {
    posta_recipient to = {.address = "b@y.test"};
    (void)state;
    EACH_MODE(each) {
        t_wire w;
        open_text(&w, *each, "PIPELINING\n8BITMIME", &to);
        t_wire_wrote(&w, "MAIL FROM:<a@x.test> BODY=8BITMIME\r\n"
                         "RCPT TO:<b@y.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
        text(&w, "one\n.two\r", 9);
        text(&w, "\nz\xc5\x82", 4);
        assert_int_equal(posta_engine_reset(w.e), POSTA_E_STATE);
        assert_int_equal(posta_engine_text_end(w.e), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_engine_text(w.e, "x", 1), 0);
        t_wire_run(&w);
        t_wire_wrote(&w, "one\r\n..two\r\nz\xc5\x82\r\n.\r\n");
        t_wire_say(&w, "250 taken\r\n");
        t_wire_expect(&w, POSTA_EVENT_END_ACK);
        t_wire_expect_none(&w);
        assert_int_equal(posta_engine_outcome(w.e)->accepted_n, 1);
        assert_int_equal(posta_engine_outcome(w.e)->bytes, 16);
        assert_true(posta_engine_is_idle(w.e));
        assert_false(posta_engine_in_transaction(w.e));
        t_wire_close(&w);
    }
}

/* Without 8BITMIME octets above 127 end the connection, before any dot (rows D07, D09). */
static void eight_bit(void **state) {
    posta_recipient to = {.address = "b@y.test"};
    (void)state;
    EACH_MODE(each) {
        t_wire w;
        open_text(&w, *each, "", &to);
        t_wire_wrote(&w, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"
                         "RCPT TO:<b@y.test>\r\nDATA\r\n");
        posta_engine_text(w.e, "\xc5\x82", 2);
        t_wire_run(&w);
        assert_int_equal(t_wire_expect(&w, POSTA_EVENT_FAILED)->event.status, POSTA_E_BODY);
        t_wire_wrote(&w, "");
        assert_true(posta_engine_is_closed(w.e));
        assert_false(posta_engine_outcome(w.e)->unknown);
        t_wire_close(&w);
    }
}

/* Row D13, F05: what comes before the dot is with the transport. */
static void early(void **state) {
    static const struct {
        const char *say;
        posta_event_type event;
        bool unknown;
    } cases[] = {{"552 too much\r\n", POSTA_EVENT_SERVER_ERROR, false},
                 {"452 later\r\n", POSTA_EVENT_SERVER_RETRY, false},
                 {"421 bye\r\n", POSTA_EVENT_SERVER_RETRY, false},
                 {"250 yes\r\n", POSTA_EVENT_FAILED, true},
                 {"354 again\r\n", POSTA_EVENT_FAILED, false}};
    posta_recipient to = {.address = "b@y.test"};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        EACH_MODE(each) {
            t_wire w;
            open_text(&w, *each, "", &to);
            text(&w, "one\n", 4);
            t_wire_say(&w, "%s", cases[c].say);
            t_wire_expect(&w, cases[c].event);
            t_wire_expect_none(&w);
            assert_true(posta_engine_is_closed(w.e));
            assert_int_equal(posta_engine_outcome(w.e)->unknown, cases[c].unknown);
            assert_int_equal(posta_engine_text(w.e, "x", 1), 0);
            assert_int_equal(posta_engine_text_end(w.e), POSTA_E_STATE);
            t_wire_close(&w);
        }
    }
}

/* The host's own slowness is not the server's; what it has put out and is not taken, is. */
static void patience(void **state) {
    posta_recipient to = {.address = "b@y.test"};
    t_wire w;
    (void)state;
    open_text(&w, modes[0], "", &to);
    t_wire_tick(&w, 500000); /* longer than any patience */
    t_wire_expect_none(&w);
    w.window = 0;
    posta_engine_text(w.e, "one\n", 4);
    t_wire_tick(&w, 179999);
    t_wire_expect_none(&w);
    t_wire_tick(&w, 2);
    assert_int_equal(t_wire_expect(&w, POSTA_EVENT_TIMEOUT)->event.action, POSTA_PHASE_BODY);
    assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_TIMEOUT_BLOCK);
    t_wire_close(&w);

    open_text(&w, modes[0], "", &to);
    t_wire_tick(&w, 500000);
    assert_int_equal(posta_engine_text_end(w.e), POSTA_E_IN_PROGRESS);
    t_wire_run(&w);
    t_wire_tick(&w, 599999);
    t_wire_expect_none(&w);
    t_wire_tick(&w, 2);
    t_wire_expect(&w, POSTA_EVENT_TIMEOUT);
    assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_TIMEOUT_RESULT);
    assert_true(posta_engine_outcome(w.e)->unknown);
    t_wire_close(&w);
}

/* RSET forgets the message; a whole one may follow, and not before. */
static void reset_between(void **state) {
    posta_recipient to = {.address = "b@y.test"};
    posta_envelope env = {.from = "a@x.test", .to = &to, .to_n = 1};
    t_body body = T_BODY("hi\r\n", 4);
    posta_source source = t_body_source(&body, 4);
    (void)state;
    EACH_MODE(each) {
        t_wire w;
        t_wire_open(&w, NULL, *each);
        t_wire_greet(&w, "");
        posta_engine_mail(w.e, "");
        t_wire_run(&w);
        t_wire_say(&w, "250 ok\r\n");
        t_wire_expect(&w, POSTA_EVENT_SENDER_ACK);
        assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_STATE);
        assert_int_equal(posta_engine_noop(w.e), POSTA_E_IN_PROGRESS);
        t_wire_run(&w);
        t_wire_say(&w, "250 ok\r\n");
        t_wire_expect(&w, POSTA_EVENT_NOOP_ACK);
        assert_true(posta_engine_in_transaction(w.e));
        assert_int_equal(posta_engine_reset(w.e), POSTA_E_IN_PROGRESS);
        t_wire_run(&w);
        t_wire_say(&w, "250 ok\r\n");
        t_wire_expect(&w, POSTA_EVENT_RESET);
        assert_false(posta_engine_in_transaction(w.e));
        body.at = 0;
        assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_IN_PROGRESS);
        t_wire_close(&w);
    }
}

/* What no step may answer (row E16): a code outside its set, silence, the end of the stream. */
static void aliens(void **state) {
    static const char *const replies[] = {"220 x\r\n", "235 x\r\n", "354 x\r\n", "150 x\r\n", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        EACH_MODE(each) {
            posta_recipient to = {.address = "b@y.test"};
            t_wire w;
            t_wire_open(&w, NULL, *each);
            t_wire_greet(&w, "");
            posta_engine_mail(w.e, "a@x.test");
            t_wire_run(&w);
            t_wire_say(&w, "250 ok\r\n");
            t_wire_expect(&w, POSTA_EVENT_SENDER_ACK);
            posta_engine_rcpt(w.e, &to);
            t_wire_run(&w);
            if (replies[i])
                t_wire_say(&w, "%s", replies[i]);
            else
                t_wire_end(&w, POSTA_OK);
            assert_int_equal(t_wire_expect(&w, POSTA_EVENT_FAILED)->event.action,
                             POSTA_PHASE_RECIPIENT);
            t_wire_expect_none(&w);
            assert_true(posta_engine_is_closed(w.e));
            assert_int_equal(posta_engine_outcome(w.e)->retry, POSTA_RETRY_SAFE);
            t_wire_close(&w);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole),         cmocka_unit_test(eight_bit),
                                       cmocka_unit_test(early),         cmocka_unit_test(patience),
                                       cmocka_unit_test(reset_between), cmocka_unit_test(aliens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
