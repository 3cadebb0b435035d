/* core/codec: what may stand in a field. One function a grammar; they refuse, never mend.
 * Contracts in codec_i.h. */
#include "codec_i.h"

static posta_status say(const char *why, const char **why_out) {
    if (!why) return POSTA_OK;
    if (why_out) *why_out = why;
    return POSTA_E_FIELD;
}

/* A bit for each ASCII character: letters, digits and !#$%&'*+-/=?^_`{|}~ */
const uint32_t posta__atext[4] = {0x00000000u, 0xA3FFACFAu, 0xC7FFFFFEu, 0x7FFFFFFFu};
/* all that is visible but ()<>@,;:\"/[]?= */
const uint32_t posta__token[4] = {0x00000000u, 0x03FF6CFAu, 0xC7FFFFFEu, 0x7FFFFFFFu};

/* ---- text ---- */

static const char *control_why(uint32_t cp) {
    if (cp == '\r' || cp == '\n') return "has a line break";
    if (cp == 0) return "has a NUL octet";
    if ((cp < 0x20 && cp != '\t') || cp == 0x7F) return "has a control character";
    return NULL;
}

posta_status posta__text_check_at(posta_span s, const char **why_out, size_t *at_out) {
    for (size_t at = 0, n;; at += n) {
        uint32_t cp = 0;
        while (at < s.len && s.p[at] >= 0x20 && s.p[at] < 0x7F)
            at++;
        if (at == s.len) return POSTA_OK;
        n = posta__utf8_next(posta__span(s.p + at, s.len - at), &cp);
        const char *why = n == 0 ? "is not valid UTF-8" : control_why(cp);
        if (!why) continue;
        if (at_out) *at_out = at;
        return say(why, why_out);
    }
}

posta_status posta__text_check(posta_span s, const char **why_out) {
    return posta__text_check_at(s, why_out, NULL);
}

posta_status posta__field_name_check(posta_span s, const char **why_out) {
    if (s.len == 0) return say("is empty", why_out);
    if (s.len > POSTA_MAX_FIELD_NAME) return say("is longer than 76 octets", why_out);
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == ':') return say("has a colon in it", why_out);
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7F)
            return say("has a character other than visible ASCII", why_out);
    }
    return POSTA_OK;
}

static const char *token_why(posta_span s) {
    if (s.len == 0) return "is empty";
    if (s.len > 127) return "is longer than 127 octets";
    for (size_t i = 0; i < s.len; i++)
        if (!posta__is_token(s.p[i])) return "has a character that is not allowed in a token";
    return NULL;
}

posta_status posta__token_check(posta_span s, const char **why_out) {
    return say(token_why(s), why_out);
}

posta_status posta__media_type_check(posta_span s, const char **why_out) {
    const uint8_t *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
    if (!slash) return say("is not of the form type/subtype", why_out);
    size_t len = (size_t)(slash - s.p);
    if (token_why(posta__span(s.p, len)) || token_why(posta__span(slash + 1, s.len - len - 1)))
        return say("is not of the form type/subtype", why_out);
    return POSTA_OK;
}

/* ---- file names ---- */

/* What changes how the name is shown: C1 controls, line separators, and the marks that turn the
   direction of writing ("gpj.exe" seen as "exe.jpg"). */
static const char *file_char_why(uint32_t cp) {
    if (cp == '/' || cp == '\\') return "has a / or \\ in it";
    if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) return "has a control character";
    if (cp == 0x2028 || cp == 0x2029) return "has a line separator";
    if ((cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069))
        return "has a character that changes the direction of writing";
    return NULL;
}

posta_status posta__file_name_check(posta_span s, const char **why_out) {
    if (s.len == 0) return say("is empty", why_out);
    if (s.len > 255) return say("is longer than 255 octets", why_out);
    if (posta_span_is(s, POSTA_LIT(".")) || posta_span_is(s, POSTA_LIT("..")))
        return say("is the name of a folder", why_out);
    posta_status status = posta__text_check(s, why_out);
    if (status != POSTA_OK) return status;
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp = 0;
        n = posta__utf8_next(posta__span(s.p + at, s.len - at), &cp);
        const char *why = file_char_why(cp);
        if (why) return say(why, why_out);
    }
    return POSTA_OK;
}

posta_span posta__file_basename(posta_span s) {
    size_t at = s.len;
    while (at > 0 && s.p[at - 1] != '/' && s.p[at - 1] != '\\')
        at--;
    return posta__span_sub(s, at, s.len - at);
}

/* ---- ids ---- */

/* dot-atom-text = 1*atext *("." 1*atext)        RFC 5322 3.2.3 */
static bool is_dot_atom(posta_span s) {
    uint8_t before = '.';
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (!posta__is_atext(c) && (c != '.' || before == '.')) return false;
        before = c;
    }
    return before != '.';
}

/* no-fold-literal = "[" *dtext "]" */
static bool is_no_fold_literal(posta_span s) {
    if (s.len < 2 || s.p[0] != '[' || s.p[s.len - 1] != ']') return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        uint8_t c = s.p[i];
        if (c <= 0x20 || c >= 0x7F || (c >= '[' && c <= ']')) return false;
    }
    return true;
}

posta_status posta__msg_id_check(posta_span s, unsigned flags, posta_span *bare_out,
                                 const char **why_out) {
    if (s.len >= 2 && s.p[0] == '<' && s.p[s.len - 1] == '>') s = posta__span(s.p + 1, s.len - 2);
    if (s.len == 0) return say("is empty", why_out);
    if (s.len > 900) return say("is longer than 900 octets", why_out);
    const uint8_t *at = memchr(s.p, '@', s.len);
    size_t left_len = at ? (size_t)(at - s.p) : s.len;
    posta_span right = posta__span_sub(s, left_len + 1, s.len);
    if (!at && !(flags & POSTA__ID_BARE_LEFT)) return say("has no @", why_out);
    if (!is_dot_atom(posta__span(s.p, left_len)) ||
        (at && !is_dot_atom(right) && !is_no_fold_literal(right)))
        return say("is not of the form left@right in plain ASCII", why_out);
    if (bare_out) *bare_out = s;
    return POSTA_OK;
}

void posta__boundary_put(const uint8_t random[16], char out[POSTA__BOUNDARY_LEN]) {
    static const char digits[] = "0123456789abcdef";
    out[0] = '=';
    out[1] = '_';
    for (size_t i = 0; i < 16; i++) {
        out[2 + 2 * i] = digits[random[i] >> 4];
        out[3 + 2 * i] = digits[random[i] & 15];
    }
}

/* xchar = any ASCII from "!" to "~" except "+" and "="; hexchar = "+" 2HEXDIG    RFC 3461 4 */
bool posta__xtext_put(posta_window *out, posta_span in) {
    static const char digits[] = "0123456789ABCDEF";
    size_t start = out->len;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.p[i];
        bool is_plain = c > 0x20 && c < 0x7F && c != '+' && c != '=';
        uint8_t hex[3] = {'+', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        if (posta__put(out, is_plain ? posta__span(in.p + i, 1) : posta__span(hex, 3))) continue;
        out->len = start;
        return false;
    }
    return true;
}
