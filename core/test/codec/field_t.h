/* core/test/codec: reads header fields back, from the RFCs alone, and holds what every field that
 * posta writes must keep. */
#ifndef FIELD_T_H
#define FIELD_T_H

#include "codec_t.h"

static inline size_t t_find(const uint8_t *p, size_t len, const char *what) {
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(p + i, what, n) == 0) return i;
    return SIZE_MAX;
}

/* One line without its CRLF. `first`: it begins with the field's name. */
static inline void t_line_law(const uint8_t *p, size_t len, bool first) {
    size_t at = 0, tokens = 0;
    bool has_word = t_find(p, len, "=?utf-8?") != SIZE_MAX, has_quote = memchr(p, '"', len) != NULL;
    assert_true(len >= 1 && len <= 998);
    for (size_t i = 0; i < len; i++)
        assert_true(p[i] >= 0x20 && p[i] <= 0x7E); /* no control, no 8-bit, no bare CR or LF */
    if (!first) assert_true(p[0] == ' ' && len > 1 && p[1] != ' ');
    assert_true(p[len - 1] != ' ');
    if (has_word) assert_true(len <= 76);
    while (at < len) {
        while (at < len && p[at] == ' ')
            at++;
        tokens += at < len;
        while (at < len && p[at] != ' ')
            at++;
    }
    /* too long only when there was nowhere to fold */
    if (len > POSTA_FOLD_AT && !has_quote) assert_true(tokens <= (first ? 2u : 1u));
    /* text stays behind its field's name; addresses do not if a new line helps */
    bool is_address = len > 3 && memcmp(p, "To:", 3) == 0;
    if (len > POSTA_FOLD_AT && first && tokens == 2 && !has_quote && is_address) {
        const uint8_t *space = memchr(p, ' ', len);
        size_t token = len - (size_t)(space - p) - 1;
        assert_true(1 + token + 2 > POSTA_FOLD_AT); /* two: what may be glued behind an address */
    }
}

/* Checks all of a field and unfolds it: the value without "Name:", one space, and the last CRLF. */
static inline size_t t_unfold(const uint8_t *p, size_t len, uint8_t *out) {
    size_t n = 0, line = 0;
    assert_true(len >= 2 && memcmp(p + len - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i + 1 < len; i++) {
        if (p[i] != '\r' || p[i + 1] != '\n') continue;
        t_line_law(p + line, i - line, line == 0);
        memcpy(out + n, p + line, i - line);
        n += i - line;
        line = i + 2;
    }
    assert_int_equal(line, len);
    const uint8_t *colon = memchr(out, ':', n);
    assert_non_null(colon);
    size_t from = (size_t)(colon - out) + 1;
    if (from < n) assert_true(out[from++] == ' ');
    memmove(out, out + from, n - from);
    return n - from;
}

/* Octets of the encoded word at the front, 0: none. Checks RFC 2047 2 and 5: at most 75 octets,
   utf-8, whole characters. `strict_q`: the letters of a phrase. */
static inline size_t t_word(const uint8_t *p, size_t len, uint8_t *out, size_t *n_out,
                            bool strict_q) {
    if (len < 12 || memcmp(p, "=?utf-8?", 8) != 0 || p[9] != '?') return 0;
    size_t end = t_find(p + 10, len - 10, "?="), n = 0;
    if (end == SIZE_MAX) return 0;
    assert_true(end > 0 && end + 12 <= 75);
    if (p[8] == 'B') {
        n = t_base64(p + 10, end, out);
        assert_true(n != SIZE_MAX);
    } else {
        assert_int_equal(p[8], 'Q');
        for (size_t i = 10; i < 10 + end; n++) {
            uint8_t c = p[i];
            assert_true(c > 0x20 && c < 0x7F && c != '?');
            bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (strict_q) assert_true(alnum || strchr("!*+-/=_", c)); /* RFC 2047 5 (3) */
            if (c == '=') {
                assert_true(i + 2 < 10 + end && t_hex(p[i + 1]) >= 0 && t_hex(p[i + 2]) >= 0);
                out[n] = (uint8_t)(t_hex(p[i + 1]) * 16 + t_hex(p[i + 2]));
            } else {
                out[n] = c == '_' ? ' ' : c;
            }
            i += c == '=' ? 3 : 1;
        }
    }
    assert_true(posta__utf8_check(posta__span(out, n), NULL));
    *n_out = n;
    return end + 12;
}

/* RFC 2047 6.2: words become text, white space between two of them goes. */
static inline size_t t_decode(const uint8_t *p, size_t len, uint8_t *out, bool strict_q) {
    size_t n = 0, after_word = SIZE_MAX; /* out position behind the last word */
    for (size_t i = 0; i < len;) {
        size_t got = 0, word = 0;
        if (i == 0 || p[i - 1] == ' ' || p[i - 1] == '"')
            word = t_word(p + i, len - i, out + n, &got, strict_q);
        if (word == 0) {
            if (p[i] != ' ') after_word = SIZE_MAX;
            out[n++] = p[i++];
            continue;
        }
        if (after_word != SIZE_MAX && after_word < n) {
            memmove(out + after_word, out + n, got);
            n = after_word;
        }
        n += got;
        i += word;
        after_word = n;
    }
    return n;
}

#endif
