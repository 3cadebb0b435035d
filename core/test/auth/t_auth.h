/* core/test/auth: what the tests of mechanisms share: a login, a mechanism's run, cryptography with
 * a known nonce. */
#ifndef T_AUTH_H
#define T_AUTH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth_i.h"
#include "posta/port.h"
#include "tls_i.h"

static posta_crypto t_crypto;
static const char *t_nonce; /* base64 of the random octets to come; null: really random */

static inline posta_span t_span(const char *s) {
    return posta__span(s, strlen(s));
}

static inline posta_status t_random(void *user, void *out, size_t len) {
    posta_window w = posta__window(out, len);
    (void)user;
    return t_nonce ? posta__base64_decode(t_span(t_nonce), &w)
                   : posta_port_default()->entropy(posta_port_default()->user, out, len);
}

static inline posta_login t_login(const char *user, const char *password) {
    posta_login l = {.min_iterations = 4096, .max_iterations = 100000};
    l.user = t_span(user);
    l.password = t_span(password);
    if (posta__crypto(posta_port_default(), &t_crypto)) l.crypto = &t_crypto;
    t_crypto.random = t_random;
    return l;
}

/* One exchange with a mechanism. */
typedef struct t_exchange {
    const posta_mechanism *m;
    posta_login login;
    uint64_t state[64];
    uint8_t store[16384], copy[16384];
    posta_window out;
    size_t slices;
    const char *why;
} t_exchange;

static inline void t_begin(t_exchange *x, const posta_mechanism *m, posta_login login) {
    memset(x, 0, sizeof *x);
    assert_true(m->state_len <= sizeof x->state);
    x->m = m;
    x->login = login;
}

/* One round, in a window of exactly `cap` octets. */
static inline posta_status t_answer_in(t_exchange *x, posta_span challenge, size_t cap) {
    posta_status status;
    uint8_t *exact = malloc(cap > 0 ? cap : 1);
    uint8_t *given = malloc(challenge.len > 0 ? challenge.len : 1);
    assert_true(exact && given && cap <= sizeof x->store);
    if (challenge.len > 0) memcpy(given, challenge.p, challenge.len);
    x->slices = 0;
    x->why = NULL;
    do {
        x->out = posta__window(exact, cap);
        status = x->m->answer(x->m, x->state, &x->login, posta__span(given, challenge.len), &x->out,
                              &x->why);
        x->slices++;
    } while (status == POSTA_E_IN_PROGRESS);
    memcpy(x->store, exact, x->out.len);
    x->out.p = x->store;
    free(exact);
    free(given);
    return status;
}

static inline posta_status t_answer(t_exchange *x, const char *challenge) {
    return t_answer_in(x, t_span(challenge), 12288);
}

static inline void t_said(const t_exchange *x, const char *expected) {
    if (!posta_span_is(posta__span(x->out.p, x->out.len), t_span(expected)))
        fail_msg("said \"%.*s\", not \"%s\"", (int)x->out.len, (const char *)x->out.p, expected);
}

static inline bool t_is_proven(const t_exchange *x) {
    return !x->m->is_proven || x->m->is_proven(x->m, x->state);
}

#endif
