/* A message step by step (posta/session.h): sender, recipient+, begin_message, body*, end_message;
 * its header, its text in every split, its events and its outcome. */
#include "steps.h"

#define HEAD_ASCII                                                                                 \
    "From: Ana <a@x.example>\r\nReply-To: r@x.example\r\nTo: Bob <b@y.example>,\r\n "              \
    "c@y.example\r\n"                                                                              \
    "Cc: d@y.example\r\nSubject: Hi\r\nDate: Sun, 09 Sep 2001 01:46:40 +0000\r\n"                  \
    "Message-ID: <42424242424242424242424242424242@x.example>\r\nX-Mailer: tester 1\r\n"
#define HEAD_8BIT                                                                                  \
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "

/* Unfolds, so that the tiny build's folds do not matter. */
static void unfold(const t_bytes *in, char *out, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < in->len && n + 1 < cap; i++) {
        bool is_fold =
            i + 2 < in->len && !memcmp(in->p + i, "\r\n ", 3) && (n == 0 || out[n - 1] != ',');
        if (is_fold)
            i++;
        else
            out[n++] = (char)in->p[i];
    }
    out[n] = 0;
}

/* ---- blocking ---- */

static void blocking(void **state) {
    net n;
    char text[2000];
    (void)state;
    posta_session *s = open_session(&n, false, NULL);
    for (unsigned i = 0; i < 3; i++) { /* repeats without reconnecting */
        address_it(s);
        assert_int_equal(posta_session_begin_message(s, "Hi", NULL, 0), POSTA_OK);
        put_all(s, "one\n.two\n", 9, 9);
        assert_int_equal(posta_session_end_message(s), POSTA_OK);
        const posta_receipt *r = posta_session_receipt(s);
        assert_int_equal(r->outcome, POSTA_DELIVERY_ACCEPTED);
        assert_int_equal(r->accepted_n, 4);
        assert_string_equal(r->message_id, "<42424242424242424242424242424242@x.example>");
        unfold(&n.toy.mails[i].text, text, sizeof text);
        assert_string_equal(text, HEAD_ASCII "\r\none\r\n.two\r\n");
        assert_string_equal(n.toy.mails[i].from, "a@x.example");
        assert_int_equal(n.toy.mails[i].rcpts.len, 4);
        assert_int_equal(r->bytes, n.toy.mails[i].text.len);
    }
    assert_int_equal(n.allocations, 1);
    assert_int_equal(posta_session_disconnect(s), POSTA_OK);
    close_session(&n, &s);
}

/* ---- the text ---- */

static void send_text(net *n, const char *offers, const char *p, size_t len, size_t piece) {
    posta_session *s = open_session(n, false, offers);
    address_it(s);
    assert_int_equal(posta_session_begin_message(s, "Hi", NULL, 0), POSTA_OK);
    put_all(s, p, len, piece);
    assert_int_equal(posta_session_end_message(s), POSTA_OK);
    assert_int_equal(n->toy.mails_n, 1);
    posta_session_free(&s);
}

/* Any split of the same text gives the same octets on the wire. */
static void every_split(void **state) {
    static const char *const offers[] = {"250-8BITMIME\r\n", ""};
    char *texts[] = {long_text(true), long_text(false)};
    (void)state;
    struct {
        const char *p;
        size_t len;
    } const cases[] = {{"", 0},
                       {"plain", 5},
                       {"a\r\nb\rc\n.\n..\n", 12},
                       {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \n", 11},
                       {"x\n\xc3\xa9\n", 5},
                       {texts[0], LONG_LEN},
                       {texts[1], LONG_LEN}};
    for (size_t o = 0; o < 2; o++) {
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            net whole;
            send_text(&whole, offers[o], cases[c].p, cases[c].len, SIZE_MAX);
            for (size_t piece = 1; piece < 20000; piece = piece * 5 + 2) {
                net cut;
                send_text(&cut, offers[o], cases[c].p, cases[c].len, piece);
                assert_int_equal(cut.wire.len, whole.wire.len);
                assert_memory_equal(cut.wire.p, whole.wire.p, whole.wire.len);
                net_done(&cut);
            }
            net_done(&whole);
        }
    }
    free(texts[0]);
    free(texts[1]);
}

static void labelled_truly(void **state) {
    net n;
    char text[2000];
    (void)state;
    send_text(&n, "250-8BITMIME\r\n", "\xc5\x82\n", 3, 1);
    unfold(&n.toy.mails[0].text, text, sizeof text);
    assert_string_equal(text, HEAD_ASCII HEAD_8BIT "8bit\r\n\r\n\xc5\x82\r\n");
    assert_true(n.toy.mails[0].body_8bit);
    net_done(&n);
    send_text(&n, "", "\xc5\x82 \n.\n", 6, 1);
    unfold(&n.toy.mails[0].text, text, sizeof text);
    assert_string_equal(text, HEAD_ASCII HEAD_8BIT "quoted-printable\r\n\r\n=C5=82=20\r\n=2E\r\n");
    assert_false(n.toy.mails[0].body_8bit);
    net_done(&n);
}

/* ---- MIME: the caller brings header and body ---- */

static void mime(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 3000; piece = piece * 3 + 1) {
        net n;
        posta_message *m;
        char buffer[3000], text[3000];
        size_t got;
        posta_session *s = open_session(&n, false, NULL);
        posta_message_new(&n.port, &m);
        posta_message_text(m, posta_body_string("z\xc5\x82\n"), NULL);
        address_it(s);
        assert_int_equal(posta_session_begin_message(s, "Hi", NULL, POSTA_MESSAGE_MIME), POSTA_OK);
        do {
            assert_int_equal(posta_mime_get_header(m, buffer, piece, &got), POSTA_OK);
            put_all(s, buffer, got, 100);
        } while (got > 0);
        do {
            assert_int_equal(posta_mime_get_body(m, buffer, piece < 4 ? 4 : piece, &got), POSTA_OK);
            put_all(s, buffer, got, 100);
        } while (got > 0);
        assert_int_equal(posta_session_end_message(s), POSTA_OK);
        unfold(&n.toy.mails[0].text, text, sizeof text);
        assert_string_equal(text, HEAD_ASCII
                            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\nesWCDQo=\r\n");
        posta_message_free(&m);
        close_session(&n, &s);
    }
}

/* ---- non-blocking ---- */

static void non_blocking(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 6) {
        net n;
        posta_session *s = open_session(&n, true, NULL);
        n.piece = piece;
        n.open_again = 2;
        assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
        assert_int_equal(finish(s), POSTA_OK);
        assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL),
                         POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO),
                         POSTA_E_STATE); /* one action at a time */
        assert_int_equal(finish(s), POSTA_OK);
        assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO),
                         POSTA_E_IN_PROGRESS);
        assert_int_equal(finish(s), POSTA_OK);
        assert_int_equal(posta_session_begin_message(s, NULL, NULL, 0), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_body(s, "x", 1, NULL), 0); /* not yet */
        assert_int_equal(finish(s), POSTA_OK);
        put_all(s, "text\n", 5, 5);
        assert_int_equal(posta_session_reset(s), POSTA_E_STATE); /* inside a text */
        assert_int_equal(posta_session_end_message(s), POSTA_E_IN_PROGRESS);
        assert_int_equal(posta_session_body(s, "x", 1, NULL), 0); /* no more */
        assert_int_equal(finish(s), POSTA_OK);
        assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
        assert_int_equal(finish(s), POSTA_OK);
        assert_string_equal(n.events,
                            "CONNECTED SENDER_ACK RECIPIENT_ACK BEGIN_ACK END_ACK DISCONNECTED");
        assert_int_equal(n.toy.mails_n, 1);
        assert_int_equal(n.waited, 0);
        close_session(&n, &s);
    }
}

/* ---- refusals ---- */

static unsigned refuse_some(toy *t, toy_verb verb) {
    const unsigned *codes = t->user;
    return codes[verb];
}

static void refused_recipient(void **state) {
    (void)state;
    for (unsigned abort = 0; abort < 2; abort++) {
        unsigned codes[16] = {0};
        net n;
        net_init(&n);
        n.toy.decide = refuse_some;
        n.toy.user = codes;
        posta_session_config c = net_config(&n);
        c.engine.on_refused = abort ? POSTA_REFUSED_ABORT : POSTA_REFUSED_CONTINUE;
        posta_session *s = net_session(&n, &c);
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
        codes[T_RCPT] = 550;
        assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO),
                         POSTA_E_SERVER_PERMANENT);
        assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_RECIPIENTS_REFUSED);
        /* nobody would get it */
        assert_int_equal(posta_session_begin_message(s, NULL, NULL, 0), POSTA_E_SERVER_PERMANENT);
        codes[T_RCPT] = 0;
        assert_int_equal(posta_session_recipient(s, NULL, "c@y.example", POSTA_RECIPIENT_TO),
                         POSTA_OK);
        posta_status status = posta_session_begin_message(s, NULL, NULL, 0);
        if (abort) {
            assert_int_equal(status, POSTA_E_SERVER_PERMANENT);
            assert_int_equal(posta_session_receipt(s)->cause, POSTA_E_RECIPIENTS_REFUSED);
            assert_int_equal(posta_session_reset(s), POSTA_OK);
        } else {
            assert_int_equal(status, POSTA_OK);
            assert_int_equal(posta_session_end_message(s), POSTA_OK);
            assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_PARTIAL);
            /* every recipient that was given stands in the header */
            assert_true(wrote(&n, "To: b@y.example,\r\n c@y.example\r\n"));
        }
        assert_int_equal(n.toy.mails_n, !abort);
        close_session(&n, &s);
    }
}

/* Each step refused, for now and for good; the session then stands and can do it again. */
static void refused_steps(void **state) {
    (void)state;
    static const toy_verb verbs[] = {T_MAIL, T_RCPT, T_DATA, T_TEXT};
    for (size_t v = 0; v < 4; v++) {
        for (unsigned soft = 0; soft < 2; soft++) {
            unsigned codes[16] = {0};
            posta_status expected = soft ? POSTA_E_SERVER_TEMPORARY : POSTA_E_SERVER_PERMANENT;
            net n;
            posta_session *s = open_session(&n, false, NULL);
            n.toy.decide = refuse_some;
            n.toy.user = codes;
            codes[verbs[v]] = soft ? 450 : 550;
            posta_status status = posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
            if (v > 0) assert_int_equal(status, POSTA_OK);
            if (v > 0) status = posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
            if (v > 1) assert_int_equal(status, POSTA_OK);
            if (v > 1) status = posta_session_begin_message(s, "One", NULL, 0);
            if (v > 2) assert_int_equal(status, POSTA_OK);
            if (v > 2) status = posta_session_end_message(s);
            assert_int_equal(status, expected);
            assert_int_equal(posta_session_receipt(s)->reply.code, codes[verbs[v]]);
            assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_NOT_SENT);
            codes[verbs[v]] = 0;
            assert_int_equal(posta_session_reset(s), POSTA_OK);
            address_it(s);
            assert_int_equal(posta_session_begin_message(s, "Two", NULL, 0), POSTA_OK);
            assert_int_equal(posta_session_end_message(s), POSTA_OK);
            assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_ACCEPTED);
            close_session(&n, &s);
        }
    }
}

/* DATA refused, then begun again: one Subject, and a recipient that came between. */
static void begun_again(void **state) {
    unsigned codes[16] = {0};
    net n;
    char text[2000];
    (void)state;
    posta_session *s = open_session(&n, false, NULL);
    n.toy.decide = refuse_some;
    n.toy.user = codes;
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO), POSTA_OK);
    codes[T_DATA] = 451;
    assert_int_equal(posta_session_begin_message(s, "One", NULL, 0), POSTA_E_SERVER_TEMPORARY);
    codes[T_DATA] = 0;
    assert_int_equal(posta_session_recipient(s, NULL, "c@y.example", POSTA_RECIPIENT_CC), POSTA_OK);
    assert_int_equal(posta_session_begin_message(s, "Two", NULL, 0), POSTA_OK);
    assert_int_equal(posta_session_end_message(s), POSTA_OK);
    unfold(&n.toy.mails[0].text, text, sizeof text);
    assert_non_null(strstr(text, "To: b@y.example\r\nCc: c@y.example\r\nSubject: Two\r\nDate: "));
    assert_null(strstr(text, "One"));
    close_session(&n, &s);
}

/* ---- bad values: named, and nothing is written ---- */

static void bad_values(void **state) {
    net n;
    (void)state;
    posta_session *s = open_session(&n, false, NULL);
    size_t wrote = n.wire.len;
    const posta_receipt *r = posta_session_receipt(s);
    assert_int_equal(posta_session_sender(s, NULL, "a@x>\r\nRCPT TO:<e@y", NULL, NULL),
                     POSTA_E_FIELD);
    assert_string_equal(r->field, "sender.address");
    assert_int_equal(posta_session_sender(s, "A\nna", "a@x.example", NULL, NULL), POSTA_E_FIELD);
    assert_string_equal(r->field, "sender.name");
    assert_int_equal(posta_session_sender(s, NULL, NULL, NULL, NULL), POSTA_E_FIELD);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, "no"), POSTA_E_FIELD);
    assert_string_equal(r->field, "sender.reply_to.address");
    assert_int_equal(n.wire.len, wrote);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
    wrote = n.wire.len;
    assert_int_equal(posta_session_recipient(s, NULL, "b@", POSTA_RECIPIENT_BCC), POSTA_E_FIELD);
    assert_string_equal(r->field, "recipient.address");
    assert_int_equal(posta_session_recipient(s, NULL, "Postmaster", POSTA_RECIPIENT_TO),
                     POSTA_E_FIELD);
    assert_int_equal(n.wire.len, wrote);
    assert_int_equal(posta_session_recipient(s, NULL, "Postmaster", POSTA_RECIPIENT_BCC), POSTA_OK);
    wrote = n.wire.len;
    assert_int_equal(posta_session_begin_message(s, "a\r\nBcc: x", NULL, 0), POSTA_E_FIELD);
    assert_string_equal(r->field, "subject");
    assert_int_equal(posta_session_begin_message(s, NULL, "yesterday", 0), POSTA_E_FIELD);
    assert_string_equal(r->field, "date");
    assert_int_equal(n.wire.len, wrote);
    assert_int_equal(posta_session_begin_message(s, NULL, "Mon, 01 Jan 2024 10:00:00 +0100", 0),
                     POSTA_OK);
    assert_int_equal(posta_session_end_message(s), POSTA_OK);
    close_session(&n, &s);
}

/* The header's room: the option is named, the recipient is not begun, and all goes on. */
static void header_space(void **state) {
    net n;
    unsigned taken = 0;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.header_space = 200;
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "z@y.example", POSTA_RECIPIENT_CC), POSTA_OK);
    posta_status status;
    do {
        size_t commands = n.toy.commands;
        status = posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
        assert_int_equal(n.toy.commands - commands, status == POSTA_OK);
        taken += status == POSTA_OK;
    } while (status == POSTA_OK);
    assert_int_equal(status, POSTA_E_LIMIT);
    assert_non_null(strstr(posta_session_receipt(s)->message, "header_space"));
    assert_int_equal(taken, 12); /* 17 for the Cc, 17 and 15 each for the To */
    assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_BCC),
                     POSTA_OK);
    assert_int_equal(posta_session_begin_message(s, "x", NULL, 0), POSTA_OK);
    assert_int_equal(posta_session_end_message(s), POSTA_OK);
    close_session(&n, &s);
}

/* ---- reset and disconnect while something is pending: its event comes first ---- */

static void in_turn(void **state) {
    (void)state;
    net n;
    posta_session *s = open_session(&n, true, NULL);
    posta_session_connect(s);
    finish(s);
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_reset(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_reset(s), POSTA_E_STATE);
    assert_int_equal(posta_session_disconnect(s), POSTA_E_IN_PROGRESS);
    assert_int_equal(posta_session_disconnect(s), POSTA_E_STATE);
    assert_int_equal(finish(s), POSTA_OK);
    assert_string_equal(n.events, "CONNECTED SENDER_ACK RESET DISCONNECTED");
    close_session(&n, &s);

    /* the connection ends before their turn */
    s = open_session(&n, true, NULL);
    posta_session_connect(s);
    finish(s);
    posta_session_noop(s);
    posta_session_reset(s);
    posta_session_disconnect(s);
    n.silent = true;
    n.now += 300001;
    finish(s);
    assert_string_equal(n.events, "CONNECTED TIMEOUT FAILED DISCONNECTED");
    close_session(&n, &s);
}

/* Inside a text disconnect closes: no dot, no QUIT. */
static void leaving_a_text(void **state) {
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        net n;
        posta_session *s = open_session(&n, false, NULL);
        address_it(s);
        assert_int_equal(posta_session_begin_message(s, "Hi", NULL, 0), POSTA_OK);
        put_all(s, "text\n", 5, 5);
        if (mode == 0) assert_int_equal(posta_session_disconnect(s), POSTA_OK);
        posta_session_free(&s);
        if (mode == 0) assert_non_null(strstr(n.events, "BEGIN_ACK DISCONNECTED"));
        assert_false(wrote(&n, "QUIT"));
        assert_int_equal(n.toy.mails_n, 0);
        net_done(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking),       cmocka_unit_test(every_split),
        cmocka_unit_test(labelled_truly), cmocka_unit_test(mime),
        cmocka_unit_test(non_blocking),   cmocka_unit_test(refused_recipient),
        cmocka_unit_test(refused_steps),  cmocka_unit_test(begun_again),
        cmocka_unit_test(bad_values),     cmocka_unit_test(header_space),
        cmocka_unit_test(in_turn),        cmocka_unit_test(leaving_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
