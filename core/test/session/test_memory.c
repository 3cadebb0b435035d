/* Every allocation fails in turn, for a message with an attachment from making it to free: the call
 * says out of memory, nothing leaks, nothing crashes, no half mail is accepted. And receipts: the
 * sentences, word for word. */
#include "net.h"

/* The status of the first call that failed; *sent_out: the server has the mail. */
static posta_status whole_way(net *n, bool by_send, posta_receipt *receipt) {
    posta_session_config c = net_config(n);
    posta_session *s = NULL;
    posta_message *m = NULL;
    posta_status status = net_message(n, &m);
    memset(receipt, 0, sizeof *receipt);
    if (status != POSTA_OK && !m) return status;
    if (by_send) {
        c.url = NULL;
        status = posta_send("smtp://mx.example:2525?security=none", m, &c, receipt);
    } else if (status == POSTA_OK) {
        status = posta_session_new(&c, &s, receipt);
        if (status == POSTA_OK) status = posta_session_connect(s);
        if (status == POSTA_OK) status = posta_session_send_message(s, m, receipt);
    }
    posta_session_free(&s);
    posta_message_free(&m);
    return status;
}

static void each_allocation_fails(void **state) {
    (void)state;
    for (unsigned by_send = 0; by_send < 2; by_send++) {
        size_t all = 0;
        for (size_t fail_at = 0; fail_at <= all; fail_at++) {
            net n;
            posta_receipt receipt;
            net_init(&n);
            n.fail_at = fail_at;
            posta_status status = whole_way(&n, by_send == 1, &receipt);
            if (fail_at == 0) {
                all = n.allocations;
                assert_true(all >= 2);
                assert_int_equal(status, POSTA_OK);
                assert_int_equal(receipt.outcome, POSTA_DELIVERY_ACCEPTED);
                assert_int_equal(n.toy.mails_n, 1);
                assert_true(n.toy.mails[0].accepted);
                assert_int_equal(n.toy.mails[0].size_said, n.toy.mails[0].text.len); /* D08 */
            } else {
                assert_int_equal(status, POSTA_E_MEMORY);
                assert_int_equal(n.toy.mails_n, 0);
                assert_true(receipt.outcome == POSTA_DELIVERY_NOT_SENT);
            }
            net_done(&n);
        }
    }
}

/* ---- receipts ---- */

static toy_verb refused_verb;
static unsigned refused_code, refused_nth, refused_seen;

static unsigned refuse(toy *t, toy_verb verb) {
    (void)t;
    if (verb != refused_verb) return 0;
    return refused_nth == 0 || refused_seen++ + 1 == refused_nth ? refused_code : 0;
}

static void sentences(void **state) {
    static const struct {
        toy_verb verb;
        unsigned code, nth; /* nth reply to that verb; 0: all */
        posta_status status, cause;
        posta_phase stage;
        posta_delivery outcome;
        posta_retry retry;
        bool temporary;
        const char *message;
    } cases[] = {
        {T_NOOP, 0, 0, POSTA_OK, POSTA_OK, POSTA_PHASE_NONE, POSTA_DELIVERY_ACCEPTED,
         POSTA_RETRY_POINTLESS, false, ""},
        {T_RCPT, 550, 2, POSTA_OK, POSTA_OK, POSTA_PHASE_NONE, POSTA_DELIVERY_PARTIAL,
         POSTA_RETRY_POINTLESS, false, ""},
        {T_MAIL, 550, 0, POSTA_E_SERVER_PERMANENT, POSTA_E_SENDER_REFUSED, POSTA_PHASE_SENDER,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS, false,
         "mx.example:2525: the server refused the sender: 550 2.1.0 sender; nothing was sent."},
        {T_MAIL, 530, 0, POSTA_E_SERVER_PERMANENT, POSTA_E_SENDER_REFUSED, POSTA_PHASE_SENDER,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS, false,
         "mx.example:2525: the server refused the sender: 530 2.1.0 sender; nothing was sent. The "
         "server may want a login, or TLS first."},
        {T_RCPT, 450, 0, POSTA_E_SERVER_TEMPORARY, POSTA_E_RECIPIENTS_REFUSED,
         POSTA_PHASE_RECIPIENT, POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE, true,
         "mx.example:2525: the server refused the recipients: 450 rcpt; nothing was sent. Try "
         "again "
         "later."},
        {T_RCPT, 552, 0, POSTA_E_SERVER_PERMANENT, POSTA_E_RECIPIENTS_REFUSED,
         POSTA_PHASE_RECIPIENT, POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS, false,
         "mx.example:2525: the server refused the recipients: 552 rcpt; nothing was sent. The "
         "message "
         "or the mailbox is too large for the server."},
        {T_DATA, 451, 0, POSTA_E_SERVER_TEMPORARY, POSTA_E_MESSAGE_REFUSED, POSTA_PHASE_DATA,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE, true,
         "mx.example:2525: the server refused the message: 451 data; nothing was sent. Try again "
         "later."},
        {T_TEXT, 554, 0, POSTA_E_SERVER_PERMANENT, POSTA_E_MESSAGE_REFUSED, POSTA_PHASE_RESULT,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_POINTLESS, false,
         "mx.example:2525: the server refused the message: 554 text; nothing was sent. The server "
         "does not relay this for you: check the address, or log in."},
        {T_MAIL, 354, 0, POSTA_E_PROTOCOL, POSTA_E_PROTOCOL, POSTA_PHASE_SENDER,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE, false,
         "mx.example:2525: the server did not speak SMTP (the reply code does not fit the "
         "command): "
         "354 2.1.0 sender; nothing was sent. Is this really an SMTP server, and the port one "
         "without TLS from the start?"},
        {T_TEXT, 354, 0, POSTA_E_PROTOCOL, POSTA_E_PROTOCOL, POSTA_PHASE_RESULT,
         POSTA_DELIVERY_UNKNOWN, POSTA_RETRY_DUPLICATE_RISK, false,
         "mx.example:2525: the server did not speak SMTP (the reply code does not fit the "
         "command): "
         "354 text; the message may or may not have been delivered. Ask before sending it again: "
         "it "
         "may arrive twice."},
        {T_EHLO, 451, 0, POSTA_E_SERVER_TEMPORARY, POSTA_E_GREETING_REFUSED, POSTA_PHASE_HELLO,
         POSTA_DELIVERY_NOT_SENT, POSTA_RETRY_SAFE, true,
         "mx.example:2525: the server refused the connection: 451 HELP; nothing was sent. The "
         "server "
         "takes no mail from here now."},
        {T_MAIL, 421, 0, POSTA_E_LOST, POSTA_E_LOST, POSTA_PHASE_SENDER, POSTA_DELIVERY_NOT_SENT,
         POSTA_RETRY_SAFE, true,
         "mx.example:2525: the server is closing the connection: 421 2.1.0 sender; nothing was "
         "sent. "
         "Try again later."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        posta_receipt r;
        net_init(&n);
        n.toy.decide = refuse;
        refused_verb = cases[i].verb;
        refused_code = cases[i].code;
        refused_nth = cases[i].nth;
        refused_seen = 0;
        assert_int_equal(whole_way(&n, i % 2 == 0, &r), cases[i].status);
        net_sentence(r.message, cases[i].message);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.cause, cases[i].cause);
        assert_int_equal(r.stage, cases[i].stage);
        assert_int_equal(r.outcome, cases[i].outcome);
        assert_int_equal(r.retry, cases[i].retry);
        assert_int_equal(r.temporary, cases[i].temporary);
        assert_true(strlen(r.hint) <= strlen(r.message));
        assert_string_equal(r.message + strlen(r.message) - strlen(r.hint), r.hint);
        assert_non_null(strstr(r.transcript, "S: 220 toy\nC: EHLO client.test\n"));
        net_done(&n);
    }
}

/* A target that this build cannot serve is refused before anything is connected; a password never
   shows. */
static void refused_targets(void **state) {
    static const struct {
        const char *where;
        posta_status status;
        const char *message;
    } cases[] = {
        {"smtps://ana:sesame@mx.example", POSTA_E_TLS_NOT_BUILT,
         "mx.example:465: TLS is needed and this build of posta has none; nothing was sent. If you "
         "trust this network: security=\"none\". Local servers: smtp://127.0.0.1:PORT."},
        {"smtp://ana:sesame@mx.example?security=none", POSTA_E_AUTH_INSECURE,
         "mx.example:587: auth: a login would go over clear text, which only insecure_auth allows; "
         "nothing was sent. Use security=starttls or tls with a verified server; insecure_auth takes "
         "the risk."},
        {"smtp://ana:sesame@mx.example:0", POSTA_E_FIELD,
         "port: \"0\": a port is a number from 1 to 65535; nothing was sent."}};
    (void)state;
    for (size_t i = has_tls(); i < sizeof cases / sizeof *cases; i++) {
        net n;
        posta_receipt r;
        posta_message *m;
        net_init(&n);
        posta_session_config c = net_config(&n);
        assert_int_equal(net_message(&n, &m), POSTA_OK);
        assert_int_equal(posta_send(cases[i].where, m, &c, &r), cases[i].status);
        net_sentence(r.message, cases[i].message);
        assert_null(strstr(r.message, "sesame"));
        assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
        assert_int_equal(r.retry, POSTA_RETRY_POINTLESS);
        assert_int_equal(n.opened, 0);
        posta_message_free(&m);
        net_done(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails),
                                       cmocka_unit_test(sentences),
                                       cmocka_unit_test(refused_targets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
