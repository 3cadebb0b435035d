/* Messages that are queued, what waits its turn, and a session in the caller's memory. */
#include "net.h"

static posta_status finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
    }
    return status;
}

static posta_session *open_idle(net *n) {
    net_init(n);
    posta_session_config c = net_config(n);
    c.non_blocking = true;
    posta_session *s = net_session(n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(finish(s), POSTA_OK);
    return s;
}

static posta_status send_one(posta_session *s) {
    static t_body body;
    static posta_source source;
    static posta_recipient to[1];
    posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 1};
    body = (t_body)T_BODY("hi\r\n", 4);
    source = t_body_source(&body, 4);
    to[0] = (posta_recipient){.address = "b@y.example"};
    return posta_session_send(s, &env, &source, NULL);
}

/* ---- the queue ---- */

static void queued(void **state) {
    (void)state;
    for (unsigned mode = 0; mode < 3; mode++) {
        net n;
        t_body bodies[4];
        posta_source sources[4];
        posta_recipient rcpt[4];
        posta_envelope envelopes[4];
        posta_receipt receipts[4];
        posta_submission jobs[4];
        posta_session *s = open_idle(&n);
        for (size_t i = 0; i < 4; i++) {
            bodies[i] = (t_body)T_BODY("hi\r\n", 4);
            sources[i] = t_body_source(&bodies[i], 4);
            rcpt[i] = (posta_recipient){.address = "b@y.example"};
            envelopes[i] = (posta_envelope){.from = "a@x.example", .to = &rcpt[i], .to_n = 1};
            jobs[i] = (posta_submission){&envelopes[i], &sources[i], &receipts[i], POSTA_OK, NULL};
        }
        if (mode == 1) envelopes[1].from = "no address";
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(posta_session_submit(s, &jobs[i]), POSTA_E_IN_PROGRESS);
        if (mode == 2) n.toy.drop_at = n.toy.said + 40; /* in the middle of the first or second */
        assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_submit(s, &jobs[0]), POSTA_E_STATE);
        assert_int_equal(finish(s), POSTA_OK);
        size_t ok = 0, sent = 0;
        for (size_t i = 0; i < 4; i++) {
            assert_int_not_equal(jobs[i].status, POSTA_E_IN_PROGRESS);
            assert_int_equal(jobs[i].status, receipts[i].status);
            ok += jobs[i].status == POSTA_OK;
        }
        for (const char *p = n.events; (p = strstr(p, "SENT")) != NULL; p++)
            sent++;
        assert_int_equal(sent, 4);
        if (mode == 0) assert_int_equal(ok, 4);
        if (mode == 1) assert_int_equal(jobs[1].status, POSTA_E_FIELD);
        if (mode == 1) assert_int_equal(ok, 3);
        if (mode == 2) assert_in_range(ok, 0, 1);
        assert_non_null(strstr(n.events, "SENT DISCONNECTED"));
        posta_session_free(&s);
        net_done(&n);
    }
}

/* Without a callback, one event a call: while something waits its turn, execute says so, and the
   timeout says now. */
static void turns_are_seen(void **state) {
    static const posta_event_type expected[] = {POSTA_EVENT_CONNECTED, POSTA_EVENT_RESET,
                                                POSTA_EVENT_DISCONNECTED};
    net n;
    posta_event ev;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.callback = NULL;
    c.non_blocking = true;
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_reset(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(posta_session_execute(s, 0), i < 2 ? POSTA_E_IN_PROGRESS : POSTA_OK);
        assert_int_equal(posta_session_timeout(s), 0);
        assert_true(posta_session_next_event(s, &ev));
        assert_int_equal(ev.type, expected[i]);
    }
    assert_false(posta_session_next_event(s, &ev));
    posta_session_free(&s);
    net_done(&n);
}

/* ---- memory of the caller ---- */

static void placed(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    size_t len = posta_session_size(&c);
    void *mem = malloc(len);
    posta_session *s = NULL;
    assert_int_equal(posta_session_place(mem, len - 1, &c, &s, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_session_place(mem, len, &c, &s, NULL), POSTA_OK);
    assert_ptr_equal((void *)s, mem);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(send_one(s), POSTA_OK);
    posta_session_wipe(&s);
    assert_null(s);
    assert_int_equal(n.allocations, 0);
    free(mem);
    c.size = 1;
    assert_int_equal(posta_session_size(&c), 0);
    net_done(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queued),
        cmocka_unit_test(turns_are_seen),
        cmocka_unit_test(placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
