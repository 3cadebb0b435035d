/* core/test/session: a message step by step, for the tests of it. */
#ifndef POSTA_TEST_STEPS_H
#define POSTA_TEST_STEPS_H

#include "net.h"

static inline bool wrote(const net *n, const char *what) {
    size_t len = strlen(what);
    for (size_t i = 0; i + len <= n->wire.len; i++)
        if (memcmp(n->wire.p + i, what, len) == 0) return true;
    return false;
}

static inline posta_session *open_session(net *n, bool non_blocking, const char *offers) {
    net_init(n);
    if (offers) n->toy.offers = offers;
    posta_session_config c = net_config(n);
    c.non_blocking = non_blocking;
    c.agent = "tester 1";
    posta_session *s = net_session(n, &c);
    if (!non_blocking) assert_int_equal(posta_session_connect(s), POSTA_OK);
    return s;
}

static inline void close_session(net *n, posta_session **s) {
    posta_session_free(s);
    net_done(n);
}

static inline posta_status finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
    }
    return status;
}

static inline void address_it(posta_session *s) {
    assert_int_equal(posta_session_sender(s, "Ana", "a@x.example", NULL, "r@x.example"), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, "Bob", "b@y.example", POSTA_RECIPIENT_TO),
                     POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "d@y.example", POSTA_RECIPIENT_CC), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "e@y.example", POSTA_RECIPIENT_BCC),
                     POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "c@y.example", POSTA_RECIPIENT_TO), POSTA_OK);
}

/* All of the text in pieces; each answer says how much. */
static inline void put_all(posta_session *s, const char *p, size_t len, size_t piece) {
    for (size_t at = 0; at < len;) {
        posta_status status = POSTA_E_STATE;
        size_t n = len - at < piece ? len - at : piece;
        size_t took = posta_session_body(s, p + at, n, &status);
        assert_int_equal(status, POSTA_OK);
        assert_true(took <= n);
        at += took;
    }
}

#define LONG_LEN 40000u

static inline char *long_text(bool is_ascii) {
    char *p = malloc(LONG_LEN);
    assert_non_null(p);
    for (size_t i = 0; i < LONG_LEN; i++)
        p[i] = i % 50 == 49 ? '\n' : (char)('a' + i % 23);
    if (!is_ascii) memcpy(p + LONG_LEN - 10, "\xc5\x82", 2);
    return p;
}

#endif
