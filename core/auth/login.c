/* core/auth: LOGIN, as servers do it: two prompts, whatever they say (row B14). */
#include "auth_i.h"

static posta_status answer(const posta_mechanism *m, void *state, const posta_login *l,
                           posta_span challenge, posta_window *out, const char **why_out) {
    uint8_t *round = state;
    (void)m;
    (void)challenge;
    if (*round == 2) {
        *why_out = "the server asks a third time behind LOGIN";
        return POSTA_E_PROTOCOL;
    }
    if (posta__put(out, (*round)++ == 0 ? l->user : l->password)) return POSTA_OK;
    return posta__auth_too_long(why_out);
}

/* A yes behind the first prompt is no yes to the password. */
static bool is_proven(const posta_mechanism *m, const void *state) {
    (void)m;
    return *(const uint8_t *)state == 2;
}

const posta_mechanism posta__login_mechanism = {
    sizeof(posta_mechanism),
    "LOGIN",
    POSTA_MECHANISM_PASSWORD,
    sizeof(uint8_t),
    NULL,
    answer,
    is_proven,
};
