/* core/codec: UTF-8, RFC 3629. Contracts in codec_i.h. */
#include "codec_i.h"

size_t posta__utf8_next(posta_span in, uint32_t *cp_out) {
    if (in.len == 0) return 0;
    uint8_t lead = in.p[0];
    size_t len = lead < 0x80 ? 1u : lead < 0xC2 ? 0u : lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u;
    if (lead > 0xF4 || len == 0 || len > in.len) return 0;
    uint32_t cp = len == 1 ? lead : lead & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((in.p[i] & 0xC0) != 0x80) return 0;
        cp = cp << 6 | (in.p[i] & 0x3Fu);
    }
    if (len == 3 && (cp < 0x800 || (cp >= 0xD800 && cp <= 0xDFFF))) return 0;
    if (len == 4 && (cp < 0x10000 || cp > 0x10FFFF)) return 0;
    if (cp_out) *cp_out = cp;
    return len;
}

bool posta__utf8_check(posta_span s, size_t *at_out) {
    for (size_t at = 0, n; at < s.len; at += n) {
        n = posta__utf8_next(posta__span(s.p + at, s.len - at), NULL);
        if (n > 0) continue;
        if (at_out) *at_out = at;
        return false;
    }
    return true;
}

size_t posta__utf8_put(uint32_t cp, uint8_t *out) {
    size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    if (n == 1) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (uint8_t)(0x80 | (cp & 0x3F));
    out[0] = (uint8_t)((0xF00u >> n) | cp);
    return n;
}

/* Octets < 0x80 at the front. */
static size_t ascii_len(posta_span s) {
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    while (i < s.len && s.p[i] < 0x80)
        i++;
    return i;
}

bool posta__is_ascii(posta_span s) {
    return ascii_len(s) == s.len;
}

/* The ranges of RFC 3629 4: only the octet behind the lead can be bound more than 80..BF. */
static bool take_lead(posta__utf8 *u, uint8_t c) {
    if (c < 0xC2 || c > 0xF4) return false;
    u->need = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    u->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    u->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool posta__utf8_step(posta__utf8 *u, posta_span s) {
    while (s.len > 0 && !u->is_bad) {
        size_t n = u->need > 0 ? 0 : ascii_len(s);
        if (n > 0) {
            u->at += n;
        } else if (u->need == 0) {
            n = 1;
            u->taken = 1;
            u->is_bad = !take_lead(u, s.p[0]);
        } else {
            n = 1;
            u->taken++;
            u->is_bad = s.p[0] < u->low || s.p[0] > u->high;
            u->low = 0x80;
            u->high = 0xBF;
            if (--u->need == 0 && !u->is_bad) u->at += u->taken;
        }
        s = posta__span(s.p + n, s.len - n);
    }
    return !u->is_bad;
}

bool posta__utf8_end(posta__utf8 *u) {
    if (u->need > 0) u->is_bad = true;
    return !u->is_bad;
}

bool posta__is_harmless(uint32_t cp) {
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) return false;
    if (cp == 0x200e || cp == 0x200f || cp == 0x061c) return false;
    return !(cp >= 0x2028 && cp <= 0x202e) && !(cp >= 0x2066 && cp <= 0x2069);
}
