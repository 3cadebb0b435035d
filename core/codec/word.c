/* core/codec: posta/codec.h's encoded words, RFC 2047: there, and back. */
#include "codec_i.h"
#include "posta/codec.h"

void posta__unfold(posta_window *out, size_t start) {
    /* ":" and a blank before the value, CRLF behind it, CRLF in front of blanks in it */
    size_t to = start, at = start + 1, end = out->len - 2;
    if (at < end && out->p[at] == '\r') at += 2;
    if (at < end && out->p[at] == ' ') at++;
    while (at < end) {
        if (out->p[at] == '\r')
            at += 2;
        else
            out->p[to++] = out->p[at++];
    }
    out->len = to;
}

posta_status posta_word_encode(posta_span text, posta_window *out) {
    size_t start = out->len;
    posta__fold f;
    posta_status status = posta__text_check(text, NULL);
    if (status != POSTA_OK) return status;
    posta__fold_begin(&f, out, posta__span(NULL, 0));
    posta__fold_text(&f, text);
    status = posta__fold_end(&f);
    if (status != POSTA_OK) return status;
    posta__unfold(out, start);
    return POSTA_OK;
}

/* ---- back ---- */

typedef enum charset { UTF_8, LATIN_1, LATIN_9, WINDOWS_1252, UNKNOWN } charset;

static charset charset_of(posta_span name) {
    static const struct {
        const char *name;
        charset is;
    } names[] = {{"utf-8", UTF_8},        {"utf8", UTF_8},          {"us-ascii", LATIN_1},
                 {"iso-8859-1", LATIN_1}, {"iso-8859-15", LATIN_9}, {"windows-1252", WINDOWS_1252},
                 {"cp1252", WINDOWS_1252}};
    /* RFC 2231 5: a language may follow */
    const uint8_t *star = name.len > 0 ? memchr(name.p, '*', name.len) : NULL;
    if (star) name.len = (size_t)(star - name.p);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (posta_span_is_nocase(name, posta__span_of(names[i].name))) return names[i].is;
    return UNKNOWN;
}

/* 0x80..0x9F of windows-1252; 0: none. */
static const uint16_t cp1252[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                    0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                    0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

static uint32_t latin_9(uint8_t c) {
    switch (c) {
    case 0xA4: return 0x20AC;
    case 0xA6: return 0x160;
    case 0xA8: return 0x161;
    case 0xB4: return 0x17D;
    case 0xB8: return 0x17E;
    case 0xBC: return 0x152;
    case 0xBD: return 0x153;
    case 0xBE: return 0x178;
    default: return c;
    }
}

static uint32_t code_point(charset set, uint8_t c) {
    if (set == WINDOWS_1252 && c >= 0x80 && c < 0xA0)
        return cp1252[c - 0x80] ? cp1252[c - 0x80] : 0xFFFD;
    return set == LATIN_9 ? latin_9(c) : c;
}

#define REPLACEMENT 0xFFFDu

/* Row C18: what comes out of a word may not be what could not have stood there. */
static bool put_code_point(posta_window *out, uint32_t cp) {
    uint8_t u[4];
    if ((cp < 0x20 && cp != '\t') || (cp >= 0x7F && cp < 0xA0)) cp = REPLACEMENT;
    return posta__put(out, posta__span(u, posta__utf8_put(cp, u)));
}

/* The octets of words that follow each other, as text: a character may be cut between two words,
   though it should not. */
static bool put_text(posta_window *out, charset set, posta_span octets) {
    bool fits = true;
    for (size_t at = 0, n; at < octets.len && fits; at += n) {
        uint32_t cp = 0;
        n = 1;
        if (set != UTF_8) {
            fits = put_code_point(out, code_point(set, octets.p[at]));
            continue;
        }
        n = posta__utf8_next(posta__span_sub(octets, at, octets.len), &cp);
        if (n == 0) {
            n = 1;
            fits = put_code_point(out, REPLACEMENT);
        } else if (n < 4) {
            fits = put_code_point(out, cp);
        } else {
            fits = posta__put(out, posta__span(octets.p + at, n));
        }
    }
    return fits;
}

typedef struct word {
    charset set;
    bool is_b;
    posta_span text;
    size_t len; /* with =? and ?= */
} word;

static bool is_text_of_word(uint8_t c) {
    return c > 0x20 && c < 0x7F && c != '?';
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?="              RFC 2047 2 */
static bool word_at(posta_span s, word *out) {
    size_t at = 2, name;
    if (s.len < 8 || s.p[0] != '=' || s.p[1] != '?') return false;
    while (at < s.len && (posta__is_token(s.p[at]) || s.p[at] == '*'))
        at++;
    name = at;
    if (name == 2 || at + 3 >= s.len || s.p[at] != '?' || s.p[at + 2] != '?') return false;
    out->set = charset_of(posta__span_sub(s, 2, name - 2));
    out->is_b = posta__lower(s.p[at + 1]) == 'b';
    if (!out->is_b && posta__lower(s.p[at + 1]) != 'q') return false;
    at += 3;
    out->text = posta__span(s.p + at, 0);
    while (at < s.len && is_text_of_word(s.p[at]))
        at++;
    out->text.len = (size_t)(s.p + at - out->text.p);
    out->len = at + 2;
    return at + 1 < s.len && s.p[at] == '?' && s.p[at + 1] == '=';
}

/* False: it is not well-formed; what was written is the caller's to take back. */
static bool decode_q(posta_span text, posta_window *out) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i] == '_' ? ' ' : text.p[i];
        if (c == '=') {
            int high = i + 2 < text.len ? posta__hex_digit(text.p[i + 1]) : -1;
            int low = high >= 0 ? posta__hex_digit(text.p[i + 2]) : -1;
            if (low < 0) return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (!posta__put(out, posta__span(&c, 1))) return false;
    }
    return true;
}

static bool decode_b(posta_span text, posta_window *out) {
    posta__undo u;
    posta__undo_init(&u, true);
    /* some writers leave the padding away */
    if (posta__unbase64_step(&u, &text, out) != POSTA_OK) return false;
    if (u.held == 0) return true;
    while (u.held > 1 && u.held < 4) {
        posta_span pad = POSTA_LIT("=");
        if (posta__unbase64_step(&u, &pad, out) != POSTA_OK) return false;
        if (u.is_over) return true;
    }
    return false;
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#define WORD_MAX                                                                                   \
    224u /* octets of the words that follow each other, together, before they are given */

/* Decodes the words that begin at the front of `s`, and as many behind it as are of its charset and
   fit. Octets of `s` that were taken; 0: none, the word stays as it stands. */
static size_t take_words(posta_span s, posta_window *out, bool *fits) {
    uint8_t store[WORD_MAX];
    posta_window octets = posta__window(store, sizeof store);
    word w;
    charset set = UNKNOWN;
    size_t taken = 0, at = 0;
    while (at < s.len && word_at(posta__span_sub(s, at, s.len), &w)) {
        size_t before = octets.len;
        if (taken > 0 && w.set != set) break;
        if (w.set == UNKNOWN || w.text.len > posta__room(&octets)) break;
        if (!(w.is_b ? decode_b(w.text, &octets) : decode_q(w.text, &octets))) {
            octets.len = before;
            break;
        }
        set = w.set;
        taken = at + w.len;
        at = taken;
        while (at < s.len && is_blank(s.p[at]))
            at++;
    }
    if (taken > 0) *fits = put_text(out, set, posta__span(store, octets.len));
    return taken;
}

/* A word begins where white space or the text does, RFC 2047 5 (1); in comments and quotes too, as
   people meet it. */
static bool may_begin(posta_span s, size_t at) {
    return at == 0 || is_blank(s.p[at - 1]) || s.p[at - 1] == '(' || s.p[at - 1] == '"';
}

posta_status posta_word_decode(posta_span text, posta_window *out, size_t *left_out) {
    size_t start = out->len, left = 0, at = 0;
    bool fits = true, after_word = false;
    while (at < text.len && fits) {
        posta_span rest = posta__span_sub(text, at, text.len);
        word w;
        bool is_word = may_begin(text, at) && word_at(rest, &w);
        size_t taken = is_word ? take_words(rest, out, &fits) : 0;
        if (is_word && taken == 0 && w.set == UNKNOWN) left++;
        if (taken == 0) {
            /* white space between two words is no text: RFC 2047 6.2 */
            size_t blanks = 0;
            while (after_word && blanks < rest.len && is_blank(rest.p[blanks]))
                blanks++;
            if (blanks > 0 && word_at(posta__span_sub(rest, blanks, rest.len), &w) &&
                w.set != UNKNOWN) {
                at += blanks;
                continue;
            }
            taken = 1;
            fits = posta__put(out, posta__span(rest.p, 1));
            after_word = false;
        } else {
            after_word = true;
        }
        at += taken;
    }
    if (!fits) {
        out->len = start;
        return POSTA_E_LIMIT;
    }
    if (left_out) *left_out = left;
    return POSTA_OK;
}
