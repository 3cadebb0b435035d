/* core/auth: OAUTHBEARER, RFC 7628, and XOAUTH2, which came before it. A challenge is the server's
 * error in JSON; it wants an answer before it refuses (row B12).
 */
#include "auth_i.h"

#define SEP "\x01"

static bool put_port(posta_window *out, uint16_t port) {
    char digits[POSTA_DECIMAL_CAP];
    return posta__put(out, posta__span(digits, posta__decimal(port, digits)));
}

static bool put_bearer(posta_window *out, const posta_login *l) {
    return posta__put(out, POSTA_LIT("auth=Bearer ")) && posta__put(out, l->token) &&
           posta__put(out, POSTA_LIT(SEP SEP));
}

static posta_status ask_again(const char **why_out) {
    *why_out = "the server asks on behind its error";
    return POSTA_E_PROTOCOL;
}

static posta_status bearer(const posta_mechanism *m, void *state, const posta_login *l,
                           posta_span challenge, posta_window *out, const char **why_out) {
    uint8_t *round = state;
    posta_span whom = l->authzid.len > 0 ? l->authzid : l->user;
    (void)m;
    (void)challenge;
    if (*round == 2) return ask_again(why_out);
    if ((*round)++ == 1)
        return posta__put(out, POSTA_LIT(SEP)) ? POSTA_OK : posta__auth_too_long(why_out);
    if (posta__put(out, POSTA_LIT("n,a=")) && posta__auth_put_name(out, whom) &&
        posta__put(out, POSTA_LIT("," SEP "host=")) && posta__put(out, l->host) &&
        posta__put(out, POSTA_LIT(SEP "port=")) && put_port(out, l->port) &&
        posta__put(out, POSTA_LIT(SEP)) && put_bearer(out, l))
        return POSTA_OK;
    return posta__auth_too_long(why_out);
}

static posta_status xoauth2(const posta_mechanism *m, void *state, const posta_login *l,
                            posta_span challenge, posta_window *out, const char **why_out) {
    uint8_t *round = state;
    (void)m;
    (void)challenge;
    if (*round == 2) return ask_again(why_out);
    if ((*round)++ == 1) return POSTA_OK; /* an empty line */
    if (posta__put(out, POSTA_LIT("user=")) && posta__put(out, l->user) &&
        posta__put(out, POSTA_LIT(SEP)) && put_bearer(out, l))
        return POSTA_OK;
    return posta__auth_too_long(why_out);
}

/* Behind its error the server cannot say yes. */
static bool is_proven(const posta_mechanism *m, const void *state) {
    (void)m;
    return *(const uint8_t *)state == 1;
}

const posta_mechanism posta__oauthbearer = {
    sizeof(posta_mechanism),
    "OAUTHBEARER",
    POSTA_MECHANISM_FIRST | POSTA_MECHANISM_TOKEN,
    sizeof(uint8_t),
    NULL,
    bearer,
    is_proven,
};

const posta_mechanism posta__xoauth2 = {
    sizeof(posta_mechanism),
    "XOAUTH2",
    POSTA_MECHANISM_FIRST | POSTA_MECHANISM_TOKEN,
    sizeof(uint8_t),
    NULL,
    xoauth2,
    is_proven,
};
