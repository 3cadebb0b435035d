/* core/auth: which mechanism it will be. The order is ours, not the server's (row B03): what shows
 * least of the secret comes first. A mechanism that was refused in earnest is the last that is
 * tried (row B04); that is the caller's to see to, who asks again only where the server does not
 * know the mechanism.
 */
#include "auth_i.h"

static const posta_mechanism *const own[] = {
    &posta__external,        &posta__scram_sha256_plus, &posta__scram_sha1_plus,
    &posta__scram_sha256,    &posta__scram_sha1,        &posta__plain,
    &posta__login_mechanism, &posta__oauthbearer,       &posta__xoauth2,
    &posta__cram_md5,        &posta__anonymous,
};

#define OWN_N (sizeof own / sizeof *own)

posta_span posta__auth_next_word(posta_span *s) {
    size_t n = 0;
    posta_span word;
    while (s->len > 0 && s->p[0] == ' ')
        *s = posta__span_sub(*s, 1, s->len);
    while (n < s->len && s->p[n] != ' ')
        n++;
    word = posta__span_sub(*s, 0, n);
    *s = posta__span_sub(*s, n, s->len);
    return word;
}

bool posta__auth_has_word(posta_span words, posta_span name) {
    for (;;) {
        posta_span word = posta__auth_next_word(&words);
        if (word.len == 0) return false;
        if (posta_span_is_nocase(word, name)) return true;
    }
}

size_t posta__auth_state_len(const posta_mechanism *const *custom, size_t custom_n) {
    size_t len = 0;
    for (size_t i = 0; i < OWN_N; i++)
        if (own[i]->state_len > len) len = own[i]->state_len;
    for (size_t i = 0; i < custom_n; i++)
        if (custom[i]->state_len > len) len = custom[i]->state_len;
    return len;
}

bool posta__auth_is_known(posta_span name, const posta_mechanism *const *custom, size_t custom_n) {
    for (size_t i = 0; i < custom_n; i++)
        if (posta_span_is_nocase(name, posta__span_of(custom[i]->name))) return true;
    for (size_t i = 0; i < OWN_N; i++)
        if (posta_span_is_nocase(name, posta__span_of(own[i]->name))) return true;
    return false;
}

static bool has_hashes(const posta_mechanism *m, const posta_crypto *c) {
    if ((m->flags & POSTA_MECHANISM_MD5) && !(c->hashes & 1u << POSTA_HASH_MD5)) return false;
    if ((m->flags & POSTA_MECHANISM_SHA1) && !(c->hashes & 1u << POSTA_HASH_SHA1)) return false;
    return !(m->flags & POSTA_MECHANISM_SHA256) || (c->hashes & 1u << POSTA_HASH_SHA256);
}

/* Why this mechanism cannot be, or null. "" where nobody wants to know. */
static const char *against(const posta__choice *c, const posta_mechanism *m) {
    const posta_login *l = c->login;
    if (m == &posta__external && (!c->may_be_external || l->password.len > 0 || l->token.len > 0))
        return "";
    if ((m->flags & POSTA_MECHANISM_PASSWORD) && l->token.len > 0)
        return "a token was given, and those that it offers take passwords";
    if ((m->flags & POSTA_MECHANISM_PASSWORD) && (l->user.len == 0 || l->password.len == 0))
        return "those that it offers need user and password";
    if ((m->flags & POSTA_MECHANISM_TOKEN) && (l->user.len == 0 || l->token.len == 0))
        return "those that it offers need user and token";
    if ((m->flags & POSTA_MECHANISM_CRYPTO) && !(l->crypto && has_hashes(m, l->crypto)))
        return "those that it offers need cryptography, which this build of posta lacks";
    if ((m->flags & POSTA_MECHANISM_BINDING) && l->binding.len == 0)
        return "those that it offers bind to TLS, which cannot be done here";
    if ((m->flags & POSTA_MECHANISM_CRYPTO) && (m->flags & POSTA_MECHANISM_PASSWORD) &&
        !(posta__auth_is_ascii(l->user) && posta__auth_is_ascii(l->password)))
        return "a user or password that is not ASCII can go by PLAIN or LOGIN only: this build has "
               "no "
               "SASLprep";
    return NULL;
}

static bool is_allowed(const posta__choice *c, const posta_mechanism *m) {
    if (c->allowed)
        return posta__auth_has_word(posta__span_of(c->allowed), posta__span_of(m->name));
    return !(m->flags & POSTA_MECHANISM_NAMED);
}

/* The host's come first: who adds them means them. */
static const posta_mechanism *nth(const posta__choice *c, size_t i) {
    return i < c->custom_n ? c->custom[i] : own[i - c->custom_n];
}

const posta_mechanism *posta__auth_choose(posta__choice *c, posta_status *cause_out,
                                          const char **why_out) {
    const char *why = NULL;
    bool has_insecure = false;
    for (size_t i = 0; i < c->custom_n + OWN_N; i++) {
        const posta_mechanism *m = nth(c, i);
        const char *reason;
        if ((c->tried & 1u << i) || !is_allowed(c, m) ||
            !posta__auth_has_word(c->offered, posta__span_of(m->name)))
            continue;
        reason = against(c, m);
        if (reason) {
            if (!why && reason[0]) why = reason;
        } else if (!c->is_protected && !(m->flags & POSTA_MECHANISM_PUBLIC)) {
            has_insecure = true;
        } else {
            c->tried |= 1u << i;
            return m;
        }
    }
    if (!c->is_protected && (c->login->password.len > 0 || c->login->token.len > 0))
        has_insecure = true;
    *cause_out = has_insecure ? POSTA_E_AUTH_INSECURE : POSTA_E_AUTH_UNAVAILABLE;
    *why_out = has_insecure ? NULL : why;
    return NULL;
}

/* ---- for mechanisms ---- */

bool posta__auth_is_ascii(posta_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) return false;
    return true;
}

bool posta__auth_is_same(posta_span a, posta_span b) {
    volatile uint8_t differs = 0;
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        differs = (uint8_t)(differs | (a.p[i] ^ b.p[i]));
    return differs == 0;
}

bool posta__auth_put_name(posta_window *out, posta_span name) {
    for (size_t i = 0; i < name.len; i++) {
        posta_span one = posta__span_sub(name, i, 1);
        if (one.p[0] == ',') one = POSTA_LIT("=2C");
        if (one.p[0] == '=' && one.len == 1) one = POSTA_LIT("=3D");
        if (!posta__put(out, one)) return false;
    }
    return true;
}

posta_status posta__auth_too_long(const char **why_out) {
    *why_out = "user, password or token are longer than there is room for in a line of AUTH";
    return POSTA_E_LIMIT;
}
