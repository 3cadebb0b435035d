/* core/codec: header text, RFC 5322 2.2.1 and RFC 2047. Contracts in codec_i.h.
 *
 * A word here is what stands between two single spaces; two spaces in a row have an empty word
 * between them. */
#include "codec_i.h"

#define WORD_LINE     76u /* RFC 2047 2: the longest line with an encoded word in it */
#define WORD_OVERHEAD 12u /* =?utf-8?Q? and ?= */
#define WORD_TEXT     63u /* 75 without that */
#define WORD_WORTH    16u /* less room than this at a line's end is left empty */
#define QUOTED_MAX    76u /* longer names are encoded, so that they fold */

/* "=?" charset "?" encoding "?": the text and the end do not matter, lenient readers take any.
   Where a word begins "=?" is enough: GMime 3.2 then loses the real encoded words behind it. */
static bool begins_encoded(posta_span s, bool is_word) {
    if (s.len < 2 || s.p[0] != '=' || s.p[1] != '?') return false;
    size_t i = 2;
    while (i < s.len && s.p[i] != '?' && s.p[i] != ' ')
        i++;
    return is_word || (i > 2 && i + 2 < s.len && s.p[i] == '?' &&
                       (posta__lower(s.p[i + 1]) == 'q' || posta__lower(s.p[i + 1]) == 'b') &&
                       s.p[i + 2] == '?');
}

bool posta__looks_encoded(posta_span text) {
    bool is_word = true;
    for (size_t i = 0; i < text.len; i++) {
        if (begins_encoded(posta__span_sub(text, i, text.len), is_word)) return true;
        is_word = text.p[i] == ' ';
    }
    return false;
}

/* ---- encoded words ---- */

static bool is_q_literal(uint8_t c, unsigned flags) {
    if (posta__is_alpha(c) || posta__is_digit(c)) return true;
    if (c == '!' || c == '*' || c == '+' || c == '-' || c == '/') return true;
    return !(flags & POSTA__WORDS_PHRASE) && c > 0x20 && c < 0x7F && c != '=' && c != '?' &&
           c != '_';
}

static size_t q_len(posta_span s, unsigned flags) {
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++)
        len += s.p[i] == ' ' || is_q_literal(s.p[i], flags) ? 1 : 3;
    return len;
}

static size_t b_len(size_t n) {
    return (n + 2) / 3 * 4;
}

/* Octets at the front of `text` that make the longest word within `cap`: whole characters, at least
   one. */
static size_t word_take(posta_span text, bool is_q, unsigned flags, size_t cap) {
    size_t at = 0, len = 0;
    while (at < text.len) {
        size_t n = posta__utf8_next(posta__span(text.p + at, text.len - at), NULL);
        if (n == 0) n = 1; /* only text that skipped its check comes here */
        len = is_q ? len + q_len(posta__span(text.p + at, n), flags) : b_len(at + n);
        if (len > cap && at > 0) break;
        at += n;
    }
    return at;
}

static void word_put(posta__fold *f, posta_span text, bool is_q, unsigned flags) {
    static const char digits[] = "0123456789ABCDEF";
    uint8_t room[WORD_TEXT + 1];
    posta_window w = posta__window(room, sizeof room);
    posta__fold_put(f, is_q ? POSTA_LIT("=?utf-8?Q?") : POSTA_LIT("=?utf-8?B?"));
    if (!is_q) (void)posta__base64_put(&w, text);
    for (size_t i = 0; is_q && i < text.len; i++) {
        uint8_t c = text.p[i];
        uint8_t hex[3] = {'=', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        if (c == ' ')
            (void)posta__put(&w, POSTA_LIT("_"));
        else if (is_q_literal(c, flags))
            (void)posta__put(&w, posta__span(&c, 1));
        else
            (void)posta__put(&w, posta__span(hex, 3));
    }
    posta__fold_put(f, posta__span(room, w.len));
    posta__fold_put(f, POSTA_LIT("?="));
    f->has_encoded = true;
}

/* Room for a word's text when `used` octets of the line are taken. */
static size_t word_room(size_t used, size_t glue) {
    size_t limit = POSTA_FOLD_AT < WORD_LINE ? POSTA_FOLD_AT : WORD_LINE;
    size_t taken = used + WORD_OVERHEAD + glue;
    size_t cap = taken < limit ? limit - taken : 0;
    return cap < WORD_TEXT ? cap : WORD_TEXT;
}

void posta__fold_encoded(posta__fold *f, posta_span text, unsigned flags, size_t glue) {
    bool is_q = q_len(text, flags) <= b_len(text.len);
    bool breaks = !(flags & POSTA__WORDS_NO_SPACE);
    for (; text.len > 0; breaks = true) {
        size_t cap = word_room(f->column + (breaks ? 1 : 0), glue);
        size_t n = word_take(text, is_q, flags, cap);
        size_t fresh = word_take(text, is_q, flags, word_room(1, glue));
        /* A name that fits into one word gets it: not all readers join the words of a phrase. */
        bool is_better = (flags & POSTA__WORDS_PHRASE) && fresh == text.len;
        if (breaks && n < text.len && (cap < WORD_WORTH || is_better)) n = fresh;
        posta_span word = posta__span(text.p, n);
        size_t len = WORD_OVERHEAD + glue + (is_q ? q_len(word, flags) : b_len(n));
        /* as in posta__fold_token: a text begins on its name's line while the law allows it */
        bool stays = f->has_name_only && !(flags & POSTA__WORDS_PHRASE);
        size_t limit = stays || POSTA_FOLD_AT > WORD_LINE ? WORD_LINE : POSTA_FOLD_AT;
        if (breaks) posta__fold_break_at(f, len, limit);
        word_put(f, word, is_q, flags);
        text = posta__span(text.p + n, text.len - n);
    }
}

/* ---- unstructured text ---- */

static size_t word_len(posta_span text, size_t at) {
    const uint8_t *space = at < text.len ? memchr(text.p + at, ' ', text.len - at) : NULL;
    return space ? (size_t)(space - text.p) - at : text.len - at;
}

static bool word_is_plain(posta_span word) {
    for (size_t i = 0; i < word.len; i++)
        if (word.p[i] <= 0x20 || word.p[i] >= 0x7F) return false;
    return word.len > 0 && word.len < POSTA_MAX_LINE && !posta__looks_encoded(word);
}

/* The part of `text` that must be encoded: from the first to the last word that is not plain, an
   empty word with its neighbours, as an encoded word cannot be empty. Empty if all is plain. */
static posta_span part_to_encode(posta_span text) {
    size_t from = text.len, to = 0, before = 0;
    bool wants_next = false;
    for (size_t at = 0, len; at <= text.len && text.len > 0; at += len + 1) {
        len = word_len(text, at);
        bool is_plain = word_is_plain(posta__span_sub(text, at, len));
        size_t first = len == 0 ? before : at;
        if (!is_plain && first < from) from = first;
        if (!is_plain || wants_next) to = at + len;
        wants_next = len == 0;
        before = at;
    }
    return from < to ? posta__span_sub(text, from, to - from) : posta__span(NULL, 0);
}

void posta__fold_words(posta__fold *f, posta_span text) {
    for (size_t at = 0, len; at < text.len; at += len + 1) {
        len = word_len(text, at);
        posta__fold_token(f, posta__span_sub(text, at, len));
    }
}

bool posta__text_is_simple(posta_span text) {
    if (text.len == 0 || text.p[0] == ' ' || text.p[text.len - 1] == ' ') return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c > '?' && c < 0x7F) continue; /* most of all letters */
        if (c < ' ' || c >= 0x7F) return false;
        if (i > 0 && ((c == ' ' && text.p[i - 1] == ' ') || (c == '?' && text.p[i - 1] == '=')))
            return false;
    }
    return true;
}

void posta__fold_text(posta__fold *f, posta_span text) {
    posta_span part = part_to_encode(text);
    if (part.len == 0) {
        posta__fold_words(f, text);
        return;
    }
    size_t from = (size_t)(part.p - text.p), to = from + part.len;
    posta__fold_words(f, posta__span(text.p, from));
    posta__fold_encoded(f, part, 0, 0);
    posta__fold_words(f, posta__span(text.p + to, text.len - to));
}

/* ---- phrases ---- */

enum { ATOMS, QUOTED, ENCODED };

static int phrase_form(posta_span text) {
    bool is_atoms = true, was_space = true;
    size_t quoted_len = 2, word = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c < 0x20 || c >= 0x7F) return ENCODED;
        quoted_len += c == '"' || c == '\\' ? 2 : 1;
        if (c == ' ' ? was_space : !posta__is_atext(c)) is_atoms = false;
        was_space = c == ' ';
        word = was_space ? 0 : word + 1;
        if (word + 2 > QUOTED_MAX) return ENCODED;
    }
    if (posta__looks_encoded(text)) return ENCODED;
    if (is_atoms && !was_space) return ATOMS;
    return quoted_len <= QUOTED_MAX ? QUOTED : ENCODED;
}

static void put_quoted(posta__fold *f, posta_span text, size_t glue) {
    uint8_t room[2 * QUOTED_MAX];
    posta_window w = posta__window(room, sizeof room);
    (void)posta__put(&w, POSTA_LIT("\""));
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\') (void)posta__put(&w, POSTA_LIT("\\"));
        (void)posta__put(&w, posta__span(text.p + i, 1));
    }
    (void)posta__put(&w, POSTA_LIT("\""));
    posta__fold_break(f, w.len + glue);
    posta__fold_put(f, posta__span(room, w.len));
}

void posta__fold_phrase(posta__fold *f, posta_span text, size_t glue) {
    if (text.len == 0) return;
    int form = phrase_form(text);
    if (form == QUOTED) {
        put_quoted(f, text, glue);
        return;
    }
    if (form == ENCODED) {
        posta__fold_encoded(f, text, POSTA__WORDS_PHRASE, glue);
        return;
    }
    for (size_t at = 0, len; at < text.len; at += len + 1) {
        len = word_len(text, at);
        posta__fold_break(f, len + (at + len == text.len ? glue : 0));
        posta__fold_put(f, posta__span(text.p + at, len));
    }
}
