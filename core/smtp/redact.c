/* core/smtp: does a text show a secret (rows L01, L02)? As it is, in base64 at any of its three
 * alignments, in hex; and a good part of it counts as all of it, since servers cut what they
 * repeat.
 */
#include "smtp_i.h"

/* A way to write octets: how many signs, and which is the i-th. */
typedef struct form {
    size_t n;      /* signs that depend on the octets alone */
    size_t enough; /* that many one after the other show it */
    unsigned skip; /* bits of the first octet that share a sign with what stands before */
    uint8_t (*sign)(posta_span s, size_t i, unsigned skip);
    uint8_t (*like)(uint8_t c); /* signs that mean the same */
} form;

static uint8_t same(uint8_t c) {
    return c;
}

static uint8_t octet(posta_span s, size_t i, unsigned skip) {
    (void)skip;
    return s.p[i];
}

static uint8_t hex(posta_span s, size_t i, unsigned skip) {
    uint8_t c = s.p[i / 2];
    (void)skip;
    return (uint8_t) "0123456789abcdef"[i % 2 == 0 ? c >> 4 : c & 15];
}

static uint8_t base64(posta_span s, size_t i, unsigned skip) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bit = skip + 6 * i, at = bit / 8;
    unsigned two = (unsigned)s.p[at] << 8 | (at + 1 < s.len ? s.p[at + 1] : 0u);
    return (uint8_t)alphabet[two >> (10 - bit % 8) & 63u];
}

/* RFC 4648 5 has other signs for two. */
static uint8_t like_base64(uint8_t c) {
    return c == '-' ? (uint8_t)'+' : c == '_' ? (uint8_t)'/' : c;
}

/* Whatever as long as `enough` is shared covers a position that is a multiple of `stride`, and from
 * there on at least `least` signs: so long secrets are looked for in a few places only. */
static bool shares(posta_span text, posta_span secret, const form *f) {
    size_t stride = f->enough > 16 ? f->enough / 2 : 1, least = f->enough - stride + 1;
    for (size_t at = 0; at + least <= text.len; at += stride) {
        for (size_t from = 0; from + least <= f->n; from++) {
            size_t i = 0;
            while (i < least && f->like(text.p[at + i]) == f->sign(secret, from + i, f->skip))
                i++;
            if (i == least) return true;
        }
    }
    return false;
}

static size_t enough(size_t secret_len) {
    return secret_len > 64 ? 24 : 6;
}

static bool shares_base64(posta_span text, posta_span octets, unsigned skip) {
    form f = {(8 * octets.len - skip) / 6, enough(octets.len) / 3 * 4, skip, base64, like_base64};
    if (f.enough > f.n) f.enough = f.n;
    return f.n >= 4 && shares(text, octets, &f);
}

static bool is_word(uint8_t c) {
    return posta__is_alpha(c) || posta__is_digit(c);
}

/* So short a secret stands in many words; alone it is meant. */
static bool has_word(posta_span text, posta_span word) {
    for (size_t at = 0; at + word.len <= text.len; at++) {
        size_t end = at + word.len;
        if (memcmp(text.p + at, word.p, word.len) != 0) continue;
        if ((at == 0 || !is_word(text.p[at - 1])) && (end == text.len || !is_word(text.p[end])))
            return true;
    }
    return false;
}

bool posta__shows_base64(posta_span text, posta_span octets) {
    return octets.len > 0 && shares_base64(text, octets, 0);
}

bool posta__shows(posta_span text, posta_span secret) {
    form as_is = {secret.len, enough(secret.len), 0, octet, same};
    form in_hex = {2 * secret.len, 2 * enough(secret.len), 0, hex, posta__lower};
    if (secret.len == 0) return false;
    if (secret.len < 4) return has_word(text, secret);
    if (as_is.enough > as_is.n) as_is.enough = as_is.n;
    if (in_hex.enough > in_hex.n) in_hex.enough = in_hex.n;
    return shares(text, secret, &as_is) || shares(text, secret, &in_hex) ||
           shares_base64(text, secret, 0) || shares_base64(text, secret, 4) ||
           shares_base64(text, secret, 2);
}
