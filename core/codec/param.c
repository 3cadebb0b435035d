/* core/codec: parameters of Content-Type and Content-Disposition, RFC 2045 5.1 and RFC 2231.
 * Contracts in codec_i.h. */
#include "codec_i.h"

#define QUOTED_MAX    800u /* an ASCII value that is longer goes in pieces: lines end at 998 */
#define FALLBACK_MAX  60u  /* characters of the plain name beside an extended one */
#define EXTENSION_MAX 10u  /* of these, what is kept of its end */

/* What may stand without quotes; of the token's octets not those that mean something in RFC 2231,
   which readers take for its marks (Python's email does). */
static bool is_token(posta_span s) {
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (!posta__is_token(c) || c == '*' || c == '\'' || c == '%') return false;
    }
    return s.len > 0;
}

/* attribute-char of RFC 2231 7, less some that readers have stumbled over */
static bool is_attribute_char(uint8_t c) {
    return posta__is_alpha(c) || posta__is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_plain(posta_span s) {
    if (s.len > QUOTED_MAX || posta__looks_encoded(s)) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] >= 0x7F) return false;
    return true;
}

static size_t quoted_len(posta_span s) {
    size_t len = 2 + s.len;
    for (size_t i = 0; i < s.len; i++)
        len += s.p[i] == '"' || s.p[i] == '\\';
    return len;
}

static void put_quoted(posta__fold *f, posta_span s) {
    posta__fold_put(f, POSTA_LIT("\""));
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') posta__fold_put(f, POSTA_LIT("\\"));
        posta__fold_put(f, posta__span(s.p + i, 1));
    }
    posta__fold_put(f, POSTA_LIT("\""));
}

static void put_plain(posta__fold *f, posta_span name, posta_span value, bool quotes) {
    bool as_token = !quotes && is_token(value);
    posta__fold_break(f, name.len + 2 + (as_token ? value.len : quoted_len(value)));
    posta__fold_put(f, name);
    posta__fold_put(f, POSTA_LIT("="));
    if (as_token)
        posta__fold_put(f, value);
    else
        put_quoted(f, value);
}

/* ---- name*=utf-8''... ---- */

static size_t percent_len(posta_span s) {
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++)
        len += is_attribute_char(s.p[i]) ? 1 : 3;
    return len;
}

static void put_percent(posta__fold *f, posta_span s) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        uint8_t hex[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        posta__fold_put(f, is_attribute_char(c) ? posta__span(&c, 1) : posta__span(hex, 3));
    }
}

/* Octets at the front that fit into `cap` when encoded: whole characters, at least one. */
static size_t piece_take(posta_span s, size_t cap) {
    size_t at = 0, len = 0;
    while (at < s.len) {
        size_t n = posta__utf8_next(posta__span(s.p + at, s.len - at), NULL);
        if (n == 0) n = 1; /* only text that skipped its check comes here */
        len += percent_len(posta__span(s.p + at, n));
        if (len > cap && at > 0) break;
        at += n;
    }
    return at;
}

/* name*0*=utf-8''...; name*1*=...; numbers without gaps or zeros in front. RFC 2231 3 */
static void put_pieces(posta__fold *f, posta_span name, posta_span value) {
    for (uint64_t number = 0; value.len > 0; number++) {
        char digits[POSTA_DECIMAL_CAP];
        size_t digits_len = posta__decimal(number, digits);
        size_t head = name.len + digits_len + 3 + (number == 0 ? 7u : 0u);
        size_t cap = head + 2 < POSTA_FOLD_AT ? POSTA_FOLD_AT - head - 2 : 0;
        size_t n = piece_take(value, cap);
        posta_span piece = posta__span(value.p, n);
        if (number > 0) posta__fold_put(f, POSTA_LIT(";"));
        posta__fold_break(f, head + percent_len(piece) + 1);
        posta__fold_put(f, name);
        posta__fold_put(f, POSTA_LIT("*"));
        posta__fold_put(f, posta__span(digits, digits_len));
        posta__fold_put(f, number == 0 ? POSTA_LIT("*=utf-8''") : POSTA_LIT("*="));
        put_percent(f, piece);
        value = posta__span(value.p + n, value.len - n);
    }
}

static void put_extended(posta__fold *f, posta_span name, posta_span value) {
    size_t len = name.len + 9 + percent_len(value);
    if (len + 2 > POSTA_FOLD_AT) { /* a space before, a semicolon behind */
        put_pieces(f, name, value);
        return;
    }
    posta__fold_break(f, len + 1);
    posta__fold_put(f, name);
    posta__fold_put(f, POSTA_LIT("*=utf-8''"));
    put_percent(f, value);
}

/* ---- the plain name behind an extended one ---- */

static size_t count_chars(posta_span s) {
    size_t chars = 0;
    for (size_t i = 0; i < s.len; i++)
        chars += (s.p[i] & 0xC0) != 0x80;
    return chars;
}

/* Short, ASCII, with the extension kept; '_' for what is not plain, also for what could make it
   look encoded. */
static void put_fallback(posta__fold *f, posta_span name, posta_span value) {
    uint8_t room[FALLBACK_MAX];
    size_t chars = count_chars(value), dot = value.len, len = 0, index = 0;
    while (dot > 0 && value.p[dot - 1] != '.')
        dot--;
    size_t tail = dot > 0 ? count_chars(posta__span_sub(value, dot - 1, value.len)) : 0;
    if (tail > EXTENSION_MAX) tail = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.p[i];
        if ((c & 0xC0) == 0x80) continue;
        bool keeps = index < FALLBACK_MAX - tail || index >= chars - tail;
        bool is_safe = c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '?' && c != '%';
        index++;
        if (keeps && len < sizeof room) room[len++] = is_safe ? c : '_';
    }
    put_plain(f, name, posta__span(room, len), true);
}

static void put_words(posta__fold *f, posta_span name, posta_span value) {
    posta__fold_break(f, name.len + 28); /* the shortest word worth having on this line */
    posta__fold_put(f, name);
    posta__fold_put(f, POSTA_LIT("=\""));
    posta__fold_encoded(f, value, POSTA__WORDS_NO_SPACE | POSTA__WORDS_PHRASE, 2);
    posta__fold_put(f, POSTA_LIT("\""));
}

void posta__fold_param(posta__fold *f, posta_span name, posta_span value, posta__param_form form) {
    posta__fold_put(f, POSTA_LIT(";"));
    if (form == POSTA__PARAM_QUOTED || is_plain(value)) {
        bool quotes = form != POSTA__PARAM_PLAIN;
        if (!is_plain(value) && f->status == POSTA_OK) f->status = POSTA_E_FIELD;
        put_plain(f, name, value, quotes);
        return;
    }
    if (form == POSTA__PARAM_NAME) {
        put_words(f, name, value);
        return;
    }
    put_extended(f, name, value);
    if (form != POSTA__PARAM_FILENAME) return;
    posta__fold_put(f, POSTA_LIT(";"));
    put_fallback(f, name, value);
}
