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

bool posta__is_ascii(posta_span s) {
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        if (word & UINT64_C(0x8080808080808080)) return false;
    }
    for (; i < s.len; i++)
        if (s.p[i] >= 0x80) return false;
    return true;
}
