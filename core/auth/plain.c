/* core/auth: PLAIN, RFC 4616. */
#include "auth_i.h"

static posta_status answer(const posta_mechanism *m, void *state, const posta_login *l,
                           posta_span challenge, posta_window *out, const char **why_out) {
    bool *is_said = state;
    (void)m;
    (void)challenge;
    if (*is_said) {
        *why_out = "the server asks on behind PLAIN";
        return POSTA_E_PROTOCOL;
    }
    *is_said = true;
    if (posta__put(out, l->authzid) && posta__put(out, POSTA_LIT("\0")) &&
        posta__put(out, l->user) && posta__put(out, POSTA_LIT("\0")) &&
        posta__put(out, l->password))
        return POSTA_OK;
    return posta__auth_too_long(why_out);
}

const posta_mechanism posta__plain = {
    sizeof(posta_mechanism),
    "PLAIN",
    POSTA_MECHANISM_FIRST | POSTA_MECHANISM_PASSWORD,
    sizeof(bool),
    NULL,
    answer,
    NULL,
};
