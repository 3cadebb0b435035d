/* core/auth: EXTERNAL, RFC 4422 appendix A: who we are, TLS has said by our certificate. And
 * ANONYMOUS, RFC 4505: nobody, with a word for the log.
 */
#include "auth_i.h"

static posta_status once(void *state, posta_span text, posta_window *out, const char **why_out) {
    bool *is_said = state;
    if (*is_said) {
        *why_out = "the server asks on behind a mechanism of one answer";
        return POSTA_E_PROTOCOL;
    }
    *is_said = true;
    return posta__put(out, text) ? POSTA_OK : posta__auth_too_long(why_out);
}

static posta_status external(const posta_mechanism *m, void *state, const posta_login *l,
                             posta_span challenge, posta_window *out, const char **why_out) {
    (void)m;
    (void)challenge;
    return once(state, l->authzid.len > 0 ? l->authzid : l->user, out, why_out);
}

static posta_status anonymous(const posta_mechanism *m, void *state, const posta_login *l,
                              posta_span challenge, posta_window *out, const char **why_out) {
    (void)m;
    (void)challenge;
    return once(state, l->user, out, why_out);
}

const posta_mechanism posta__external = {
    sizeof(posta_mechanism), "EXTERNAL", POSTA_MECHANISM_FIRST, sizeof(bool), NULL, external, NULL,
};

const posta_mechanism posta__anonymous = {
    sizeof(posta_mechanism),
    "ANONYMOUS",
    POSTA_MECHANISM_FIRST | POSTA_MECHANISM_NAMED | POSTA_MECHANISM_PUBLIC,
    sizeof(bool),
    NULL,
    anonymous,
    NULL,
};
