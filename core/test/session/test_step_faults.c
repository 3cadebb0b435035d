/* A message step by step that goes wrong: a peer that stops reading, one that refuses in the
 * middle, cuts at the end and behind each octet that the server says. */
#include "steps.h"

/* ---- what goes wrong in the text ---- */

/* The peer stops reading: body takes no more and in the end says TIMEOUT, in the callback too. */
static void stalled(void **state) {
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        net n;
        char *text = long_text(true);
        size_t at = 0;
        posta_status status = POSTA_OK;
        posta_session *s = open_session(&n, mode == 1, NULL);
        if (mode == 1) {
            posta_session_connect(s);
            finish(s);
            posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
            finish(s);
            posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
            finish(s);
            posta_session_begin_message(s, NULL, NULL, 0);
            finish(s);
        } else {
            address_it(s);
            assert_int_equal(posta_session_begin_message(s, "Hi", NULL, 0), POSTA_OK);
        }
        n.again_at = n.wire.len + 100;
        uint64_t began = n.now;
        for (unsigned i = 0; status == POSTA_OK && i < 100000; i++)
            at = (at + posta_session_body(s, text + at, LONG_LEN - at, &status)) % LONG_LEN;
        assert_int_equal(status, POSTA_E_TIMEOUT);
        assert_in_range(n.now - began, 180000, 181000);
        if (mode == 1) finish(s);
        assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_TIMEOUT_BLOCK);
        assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_NOT_SENT);
        assert_non_null(strstr(n.events, "TIMEOUT"));
        assert_false(posta_session_is_connected(s));
        assert_int_equal(posta_session_end_message(s), POSTA_E_TIMEOUT);
        free(text);
        close_session(&n, &s);
    }
}

/* Row D13: a refusal in the middle is heard, and told once. */
static void early_refusal(void **state) {
    net n;
    char *text = long_text(true);
    posta_status status = POSTA_OK;
    (void)state;
    posta_session *s = open_session(&n, true, NULL);
    n.toy.early_at = 500;
    n.toy.early_code = 552;
    posta_session_connect(s);
    finish(s);
    posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
    finish(s);
    posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
    finish(s);
    posta_session_begin_message(s, NULL, NULL, 0);
    finish(s);
    for (unsigned i = 0; status == POSTA_OK && i < 1000; i++) {
        posta_session_body(s, text, LONG_LEN, &status);
        posta_session_execute(s, 0);
    }
    assert_int_equal(status, POSTA_E_SERVER_PERMANENT);
    assert_int_equal(posta_session_receipt(s)->reply.code, 552);
    assert_string_equal(n.events, "CONNECTED SENDER_ACK RECIPIENT_ACK BEGIN_ACK SERVER_ERROR");
    assert_int_equal(n.toy.mails_n, 0);
    free(text);
    close_session(&n, &s);
}

static posta_status early_status;

static void until_it_ends(posta_session *s, const posta_event *ev, void *user_data) {
    net *n = user_data;
    static char text[LONG_LEN];
    memset(text, '\n', sizeof text);
    if (ev->type != POSTA_EVENT_BEGIN_ACK) return;
    n->again_at = n->wire.len + 600;
    for (unsigned i = 0; early_status == POSTA_OK && i < 1000; i++)
        posta_session_body(s, text, sizeof text, &early_status);
}

/* The same inside the callback, where nobody executes: body itself looks why nothing is taken. */
static void early_refusal_inside(void **state) {
    net n;
    (void)state;
    net_init(&n);
    n.toy.early_at = 500;
    n.toy.early_code = 552;
    posta_session_config c = net_config(&n);
    c.callback = until_it_ends;
    posta_session *s = net_session(&n, &c);
    early_status = POSTA_OK;
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO), POSTA_OK);
    posta_session_begin_message(s, NULL, NULL, 0);
    assert_int_equal(early_status, POSTA_E_SERVER_PERMANENT);
    posta_session_free(&s);
    net_done(&n);
}

/* Row F05: cut at the end. Before the last octet of the dot nothing was sent, behind it is unknown.
 */
static void cut_at_the_end(void **state) {
    net n;
    size_t end = 0;
    (void)state;
    for (unsigned cut = 0; cut < 8; cut++) {
        posta_session *s = open_session(&n, false, NULL);
        address_it(s);
        assert_int_equal(posta_session_begin_message(s, "Hi", NULL, 0), POSTA_OK);
        put_all(s, "text\n", 5, 5);
        n.silent = cut == 1;
        if (cut > 1) n.write_most = end - (cut - 1);
        posta_status status = posta_session_end_message(s);
        if (cut == 0) {
            assert_int_equal(status, POSTA_OK);
            end = n.wire.len;
        } else {
            assert_int_equal(status, cut == 1 ? POSTA_E_TIMEOUT : POSTA_E_LOST);
            assert_int_equal(posta_session_receipt(s)->outcome,
                             cut == 1 ? POSTA_DELIVERY_UNKNOWN : POSTA_DELIVERY_NOT_SENT);
            assert_int_equal(posta_session_receipt(s)->retry,
                             cut == 1 ? POSTA_RETRY_DUPLICATE_RISK : POSTA_RETRY_SAFE);
        }
        close_session(&n, &s);
    }
}

/* ---- every cut: the server hangs up, or says nothing more, behind each octet that it says ---- */

typedef struct cut_run {
    net n;
    unsigned begun, ended; /* actions, and their completion events */
} cut_run;

static void count_ends(posta_session *s, const posta_event *ev, void *user_data) {
    cut_run *r = user_data;
    (void)s;
    (void)ev;
    r->ended++;
}

static posta_status one_action(cut_run *r, posta_session *s, posta_status status) {
    if (status != POSTA_E_IN_PROGRESS) return status;
    r->begun++;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS)
        r->n.now += 50000;
    assert_int_equal(r->ended, r->begun);
    return status;
}

static void run_cut(cut_run *r, size_t drop_at, size_t piece, bool goes_silent) {
    posta_delivery expected = POSTA_DELIVERY_NOT_SENT;
    net_init(&r->n);
    r->n.toy.drop_at = drop_at;
    r->n.goes_silent = goes_silent;
    r->n.piece = piece;
    posta_session_config c = net_config(&r->n);
    c.non_blocking = true;
    c.callback = count_ends;
    c.user_data = r;
    posta_session *s = net_session(&r->n, &c);
    posta_status status = one_action(r, s, posta_session_connect(s));
    if (status == POSTA_OK)
        status = one_action(r, s, posta_session_sender(s, NULL, "a@x.example", NULL, NULL));
    if (status == POSTA_OK)
        status =
            one_action(r, s, posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO));
    if (status == POSTA_OK) status = one_action(r, s, posta_session_begin_message(s, "x", NULL, 0));
    if (status == POSTA_OK) put_all(s, "text\n", 5, 5);
    if (status == POSTA_OK) {
        status = one_action(r, s, posta_session_end_message(s));
        if (r->n.toy.mails_n == 1) expected = POSTA_DELIVERY_UNKNOWN;
        if (status == POSTA_OK) expected = POSTA_DELIVERY_ACCEPTED;
    }
    assert_int_equal(posta_session_receipt(s)->outcome, expected);
    if (status == POSTA_OK) status = one_action(r, s, posta_session_reset(s));
    if (status == POSTA_OK) status = one_action(r, s, posta_session_noop(s));
    if (status != POSTA_OK) assert_int_equal(status, goes_silent ? POSTA_E_TIMEOUT : POSTA_E_LOST);
    assert_int_equal(posta_session_is_connected(s), status == POSTA_OK);
    status = one_action(r, s, posta_session_disconnect(s));
    assert_int_equal(status, POSTA_OK); /* row F19: whatever the server does */
    posta_session_free(&s);
}

static void cut_anywhere(void **state) {
    (void)state;
    cut_run whole = {.begun = 0};
    run_cut(&whole, SIZE_MAX, 0, false);
    size_t said = whole.n.toy.said;
    assert_int_equal(whole.begun, 8);
    net_done(&whole.n);
    for (size_t at = 0; at < said; at++) {
        for (unsigned mode = 0; mode < 4; mode++) {
            cut_run r = {.begun = 0};
            run_cut(&r, at, mode % 2 ? 3 : 0, mode >= 2);
            net_done(&r.n);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stalled),
        cmocka_unit_test(early_refusal),
        cmocka_unit_test(early_refusal_inside),
        cmocka_unit_test(cut_at_the_end),
        cmocka_unit_test(cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
