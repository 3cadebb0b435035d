/* core/auth: CRAM-MD5, RFC 2195. Only when named: who sees the answer can guess the password (row
 * B11). */
#include "auth_i.h"

static posta_status answer(const posta_mechanism *m, void *state, const posta_login *l,
                           posta_span challenge, posta_window *out, const char **why_out) {
    static const char hex[] = "0123456789abcdef";
    bool *is_said = state;
    uint8_t mac[POSTA_MAX_HASH];
    posta_status status;
    (void)m;
    if (*is_said || challenge.len == 0) {
        *why_out =
            *is_said ? "the server asks on behind CRAM-MD5" : "the server's challenge is empty";
        return POSTA_E_PROTOCOL;
    }
    *is_said = true;
    status = l->crypto->hmac(l->crypto->user, POSTA_HASH_MD5, l->password, &challenge, 1, mac);
    if (status != POSTA_OK) return status;
    if (!posta__put(out, l->user) || posta__room(out) < 33) return posta__auth_too_long(why_out);
    posta__put(out, POSTA_LIT(" "));
    for (size_t i = 0; i < 16; i++) {
        char two[2] = {hex[mac[i] >> 4], hex[mac[i] & 15]};
        posta__put(out, posta__span(two, 2));
    }
    posta__wipe(mac, sizeof mac);
    return POSTA_OK;
}

static bool is_proven(const posta_mechanism *m, const void *state) {
    (void)m;
    return *(const bool *)state;
}

const posta_mechanism posta__cram_md5 = {
    sizeof(posta_mechanism),
    "CRAM-MD5",
    POSTA_MECHANISM_PASSWORD | POSTA_MECHANISM_CRYPTO | POSTA_MECHANISM_MD5 | POSTA_MECHANISM_NAMED,
    sizeof(bool),
    NULL,
    answer,
    is_proven,
};
