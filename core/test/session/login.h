/* core/test/session: what the tests of logins share: pieces of dialogues, and how one is played. */
#ifndef POSTA_TEST_LOGIN_H
#define POSTA_TEST_LOGIN_H

#include "script.h"

#define HELLO "S: 220 hi\nC: EHLO client.test\nS: 250-here\n"
#define QUIT  "C: QUIT\nS: 221 bye\n"
#define PLAIN "AGFuYQBzZXNhbWU=" /* ana, sesame */

typedef struct login_case {
    const char *dialogue;
    posta_status status;
    const char *says, *events;
} login_case;

static inline posta_status run(script *s, posta_session_config *c, const posta_auth *auth,
                               posta_receipt *r) {
    posta_session *session = NULL;
    posta_status status;
    c->auth = auth;
    memset(r, 0, sizeof *r);
    status = posta_session_new(c, &session, r);
    if (status != POSTA_OK) return status;
    status = posta_session_connect(session);
    *r = *posta_session_receipt(session);
    posta_session_free(&session);
    if (s->at[0]) fail_msg("not played: %s", s->at);
    assert_int_equal(s->closed, 1);
    return status;
}

static inline void play(const login_case *row, const posta_auth *auth) {
    script s;
    posta_receipt r;
    posta_session_config c = script_config(&s, row->dialogue);
    posta_status status = run(&s, &c, auth, &r);
    if (status != row->status)
        fail_msg("%s: %s: %s", row->dialogue, posta_status_name(status), r.message);
    assert_string_equal(s.events, row->events);
    if (POSTA_TEXTS && row->says && !strstr(r.message, row->says)) fail_msg("%s", r.message);
    assert_null(strstr(r.message, "sesame"));
    assert_null(strstr(r.transcript, "sesame"));
    assert_null(strstr(r.transcript, "c2VzYW1l"));
    assert_null(strstr(r.transcript, PLAIN));
    if (status != POSTA_OK) assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
}

#define OK_EVENTS   "AUTH_OK CONNECTED "
#define FAIL_EVENTS "AUTH_FAIL "

#endif
