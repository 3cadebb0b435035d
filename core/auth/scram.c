/* core/auth: SCRAM-SHA-1 and SCRAM-SHA-256, each also bound to TLS (-PLUS): RFC 5802, 7677, 9266.
 *
 *     we                                            the server
 *     gs2-header n=user,r=NONCE1                    r=NONCE1NONCE2,s=SALT,i=ITERATIONS
 *     c=base64(gs2-header binding),r=...,p=PROOF    v=SIGNATURE
 *     (nothing)                                     235
 *
 * The password never goes over the wire, and a server that does not know it cannot make the
 * signature: so no yes counts without it (row B06). The rounds of PBKDF2 are done in slices (row
 * B05).
 */
#include "auth_i.h"

#ifndef NONCE_LEN
#define NONCE_LEN 18u /* octets; 24 characters */
#endif
#define NONCE_TEXT (NONCE_LEN / 3u * 4u)
#define SLICE      256u /* rounds in a call */
#define MAX_SALT   128u

typedef enum stage { STAGE_FIRST, STAGE_CHALLENGED, STAGE_ROUNDS, STAGE_FINAL, STAGE_PROVEN } stage;

typedef struct scram {
    stage stage;
    uint8_t nonce[NONCE_TEXT];
    uint32_t rounds_left;
    uint8_t last[POSTA_MAX_HASH], salted[POSTA_MAX_HASH];
    uint8_t signature[POSTA_MAX_HASH]; /* what the server must say */
} scram;

/* The server's first message, taken apart. */
typedef struct first {
    posta_span nonce, salt; /* salt: base64 */
    uint32_t iterations;
} first;

static bool is_bound(const posta_mechanism *m) {
    return (m->flags & POSTA_MECHANISM_BINDING) != 0;
}

static posta_hash hash_of(const posta_mechanism *m) {
    return m->flags & POSTA_MECHANISM_SHA1 ? POSTA_HASH_SHA1 : POSTA_HASH_SHA256;
}

static size_t hash_len(const posta_mechanism *m) {
    return hash_of(m) == POSTA_HASH_SHA1 ? 20 : 32;
}

/* ---- what both messages of ours are made of ---- */

/* RFC 5802 6: "y" tells a server that offers -PLUS that somebody has taken it off the list. */
static bool put_gs2(const posta_mechanism *m, const posta_login *l, posta_window *out) {
    posta_span flag = is_bound(m)          ? POSTA_LIT("p=tls-exporter,")
                      : l->binding.len > 0 ? POSTA_LIT("y,")
                                           : POSTA_LIT("n,");
    if (!posta__put(out, flag)) return false;
    if (l->authzid.len > 0 &&
        !(posta__put(out, POSTA_LIT("a=")) && posta__auth_put_name(out, l->authzid)))
        return false;
    return posta__put(out, POSTA_LIT(","));
}

static bool put_bare(const scram *s, const posta_login *l, posta_window *out) {
    return posta__put(out, POSTA_LIT("n=")) && posta__auth_put_name(out, l->user) &&
           posta__put(out, POSTA_LIT(",r=")) && posta__put(out, posta__span(s->nonce, NONCE_TEXT));
}

/* base64 of gs2-header and binding, which is written behind where it will stand and then encoded.
 */
static bool put_binding(const posta_mechanism *m, const posta_login *l, posta_window *out) {
    uint8_t store[400];
    posta_window raw = posta__window(store, sizeof store);
    if (!put_gs2(m, l, &raw)) return false;
    if (is_bound(m) && !posta__put(&raw, l->binding)) return false;
    return posta__base64_put(out, posta__span(store, raw.len));
}

static posta_status begin(const posta_mechanism *m, scram *s, const posta_login *l,
                          posta_window *out, const char **why_out) {
    uint8_t octets[NONCE_LEN];
    posta_window text = posta__window(s->nonce, NONCE_TEXT);
    posta_status status = l->crypto->random(l->crypto->user, octets, sizeof octets);
    if (status != POSTA_OK) return status;
    posta__base64_put(&text, posta__span(octets, sizeof octets));
    s->stage = STAGE_CHALLENGED;
    if (put_gs2(m, l, out) && put_bare(s, l, out)) return POSTA_OK;
    return posta__auth_too_long(why_out);
}

/* ---- the server's first message ---- */

/* Takes "X=value" up to the next comma off the front. */
static bool take(posta_span *in, char letter, posta_span *value_out) {
    size_t n = 2;
    if (in->len < 2 || in->p[0] != (uint8_t)letter || in->p[1] != '=') return false;
    while (n < in->len && in->p[n] != ',')
        n++;
    *value_out = posta__span_sub(*in, 2, n - 2);
    *in = posta__span_sub(*in, n < in->len ? n + 1 : n, in->len);
    return true;
}

static bool is_printable(posta_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] > 0x7e) return false;
    return true;
}

/* Rows B05, B07: in this order, nothing before it, a nonce that begins with ours and is longer. */
static const char *read_first(const scram *s, const posta_login *l, posta_span in, first *out) {
    posta_span digits;
    uint64_t n = 0;
    if (!take(&in, 'r', &out->nonce) || !take(&in, 's', &out->salt) || !take(&in, 'i', &digits))
        return "the server's first message of SCRAM is malformed";
    if (out->nonce.len <= NONCE_TEXT || !is_printable(out->nonce) ||
        memcmp(out->nonce.p, s->nonce, NONCE_TEXT) != 0)
        return "the server's nonce does not continue ours";
    if (out->salt.len == 0) return "the server's salt is empty";
    if (digits.len == 0 || digits.p[0] == '0' || !posta__parse_decimal(digits, &n))
        return "the server's count of iterations is no number";
    if (n < l->min_iterations) return "the server asks for too few iterations";
    if (n > l->max_iterations) return "the server asks for too many iterations";
    out->iterations = (uint32_t)n;
    return NULL;
}

/* U1 = HMAC(password, salt 00 00 00 01), which is the first of the rounds. */
static posta_status begin_rounds(const posta_mechanism *m, scram *s, const posta_login *l,
                                 const first *f, const char **why_out) {
    uint8_t store[MAX_SALT];
    posta_window salt = posta__window(store, sizeof store);
    posta_span parts[2];
    posta_status status;
    if (posta__base64_decode(f->salt, &salt) != POSTA_OK || salt.len == 0) {
        *why_out = "the server's salt is no base64, or too long";
        return POSTA_E_PROTOCOL;
    }
    parts[0] = posta__span(store, salt.len);
    parts[1] = POSTA_LIT("\0\0\0\1");
    status = l->crypto->hmac(l->crypto->user, hash_of(m), l->password, parts, 2, s->last);
    memcpy(s->salted, s->last, sizeof s->salted);
    s->rounds_left = f->iterations - 1;
    s->stage = STAGE_ROUNDS;
    return status;
}

/* ---- our second message ---- */

static posta_status hmac(const posta_mechanism *m, const posta_login *l, const uint8_t *key,
                         const posta_span *parts, size_t parts_n, uint8_t *out) {
    return l->crypto->hmac(l->crypto->user, hash_of(m), posta__span(key, hash_len(m)), parts,
                           parts_n, out);
}

/* The proof, and the signature that the server has to give. `bare` and `final` are ours. RFC
 * 5802 3. */
static posta_status prove(const posta_mechanism *m, scram *s, const posta_login *l, posta_span bare,
                          posta_span challenge, posta_span final, uint8_t *proof) {
    posta_span said[] = {bare, POSTA_LIT(","), challenge, POSTA_LIT(","), final};
    posta_span label = POSTA_LIT("Client Key");
    uint8_t key[POSTA_MAX_HASH], stored[POSTA_MAX_HASH];
    posta_status status = hmac(m, l, s->salted, &label, 1, key);
    if (status == POSTA_OK)
        status =
            l->crypto->digest(l->crypto->user, hash_of(m), posta__span(key, hash_len(m)), stored);
    if (status == POSTA_OK) status = hmac(m, l, stored, said, 5, proof);
    for (size_t i = 0; i < hash_len(m); i++)
        proof[i] ^= key[i];
    label = POSTA_LIT("Server Key");
    if (status == POSTA_OK) status = hmac(m, l, s->salted, &label, 1, key);
    if (status == POSTA_OK) status = hmac(m, l, key, said, 5, s->signature);
    posta__wipe(key, sizeof key);
    posta__wipe(stored, sizeof stored);
    return status;
}

static posta_status finish(const posta_mechanism *m, scram *s, const posta_login *l, const first *f,
                           posta_span challenge, posta_window *out, const char **why_out) {
    uint8_t proof[POSTA_MAX_HASH];
    size_t at;
    posta_status status;
    /* Our first message is needed once more: it stands in front for the while. */
    if (!put_bare(s, l, out)) return posta__auth_too_long(why_out);
    at = out->len;
    if (!posta__put(out, POSTA_LIT("c=")) || !put_binding(m, l, out) ||
        !posta__put(out, POSTA_LIT(",r=")) || !posta__put(out, f->nonce))
        return posta__auth_too_long(why_out);
    status = prove(m, s, l, posta__span(out->p, at), challenge,
                   posta__span(out->p + at, out->len - at), proof);
    if (status != POSTA_OK) return status;
    memmove(out->p, out->p + at, out->len - at);
    out->len -= at;
    s->stage = STAGE_FINAL;
    if (posta__put(out, POSTA_LIT(",p=")) &&
        posta__base64_put(out, posta__span(proof, hash_len(m))))
        return POSTA_OK;
    return posta__auth_too_long(why_out);
}

static posta_status challenged(const posta_mechanism *m, scram *s, const posta_login *l,
                               posta_span challenge, posta_window *out, const char **why_out) {
    first f;
    uint32_t n;
    posta_status status = POSTA_OK;
    *why_out = read_first(s, l, challenge, &f);
    if (*why_out) return POSTA_E_PROTOCOL;
    if (s->stage == STAGE_CHALLENGED) status = begin_rounds(m, s, l, &f, why_out);
    if (status != POSTA_OK) return status;
    n = s->rounds_left < SLICE ? s->rounds_left : SLICE;
    status = l->crypto->iterate(l->crypto->user, hash_of(m), l->password, s->last, s->salted, n);
    if (status != POSTA_OK) return status;
    s->rounds_left -= n;
    if (s->rounds_left > 0) return POSTA_E_IN_PROGRESS;
    return finish(m, s, l, &f, challenge, out, why_out);
}

/* ---- the server's last message ---- */

static posta_status check(const posta_mechanism *m, scram *s, posta_span challenge,
                          const char **why_out) {
    uint8_t store[POSTA_MAX_HASH];
    posta_window given = posta__window(store, sizeof store);
    posta_span value;
    if (take(&challenge, 'v', &value) && posta__base64_decode(value, &given) == POSTA_OK &&
        posta__auth_is_same(posta__span(store, given.len),
                            posta__span(s->signature, hash_len(m)))) {
        s->stage = STAGE_PROVEN;
        return POSTA_OK;
    }
    if (challenge.len >= 2 && challenge.p[0] == 'e' && challenge.p[1] == '=') {
        *why_out = "the server says that the login failed";
        return POSTA_E_AUTH_REJECTED;
    }
    *why_out = "the server's signature is wrong: it does not know the password";
    return POSTA_E_PROTOCOL;
}

static posta_status answer(const posta_mechanism *m, void *state, const posta_login *l,
                           posta_span challenge, posta_window *out, const char **why_out) {
    scram *s = state;
    switch (s->stage) {
    case STAGE_FIRST: return begin(m, s, l, out, why_out);
    case STAGE_CHALLENGED:
    case STAGE_ROUNDS: return challenged(m, s, l, challenge, out, why_out);
    case STAGE_FINAL: return check(m, s, challenge, why_out);
    default: *why_out = "the server asks on behind its signature"; return POSTA_E_PROTOCOL;
    }
}

static bool is_proven(const posta_mechanism *m, const void *state) {
    (void)m;
    return ((const scram *)state)->stage == STAGE_PROVEN;
}

/* ---- the four ---- */

#define FLAGS (POSTA_MECHANISM_FIRST | POSTA_MECHANISM_PASSWORD | POSTA_MECHANISM_CRYPTO)
#define SCRAM(name, more)                                                                          \
    { sizeof(posta_mechanism), name, FLAGS | (more), sizeof(scram), NULL, answer, is_proven }

const posta_mechanism posta__scram_sha256_plus =
    SCRAM("SCRAM-SHA-256-PLUS", POSTA_MECHANISM_SHA256 | POSTA_MECHANISM_BINDING);
const posta_mechanism posta__scram_sha1_plus =
    SCRAM("SCRAM-SHA-1-PLUS", POSTA_MECHANISM_SHA1 | POSTA_MECHANISM_BINDING);
const posta_mechanism posta__scram_sha256 = SCRAM("SCRAM-SHA-256", POSTA_MECHANISM_SHA256);
const posta_mechanism posta__scram_sha1 = SCRAM("SCRAM-SHA-1", POSTA_MECHANISM_SHA1);
