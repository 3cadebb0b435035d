/* core/codec: addresses that are not ASCII, RFC 6531 3.3: what may stand in them, and how they go
 * where only ASCII may. Contracts in codec_i.h.
 *
 * What a domain may hold is IDNA2008's matter, whose tables are the place's (posta_port). Here
 * stands only what is dangerous without them: what people, or programs that fold to compatible
 * characters, take for a dot, an @, or nothing at all (row G04). Nothing is folded here (row G05).
 */
#include "codec_i.h"

typedef struct range {
    uint32_t from, to;
} range;

static const range dots[] = {
    {0x2024, 0x2026}, {0x3002, 0x3002}, {0xFE12, 0xFE12}, {0xFE19, 0xFE19},
    {0xFE30, 0xFE30}, {0xFE52, 0xFE52}, {0xFF0E, 0xFF0E}, {0xFF61, 0xFF61},
};

static const range ats[] = {{0xFE6B, 0xFE6B}, {0xFF20, 0xFF20}};

/* Spaces, fillers, marks that are not seen; what is no character. ZWNJ and ZWJ are needed to write
 * some languages. */
static const range unseen[] = {
    {0xA0, 0xA0},     {0xAD, 0xAD},     {0x34F, 0x34F},     {0x115F, 0x1160},   {0x1680, 0x1680},
    {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200B},   {0x202F, 0x202F},   {0x205F, 0x2065},
    {0x206A, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164},   {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

/* Signs, punctuation, compatible and private characters, the blocks of them. IDNA2008 takes none
 * of these in a domain (core/test/codec/judge_letters.py holds that). */
static const range signs[] = {
    {0xA1, 0xB6},        {0xB8, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},     {0x2010, 0x2027},
    {0x2030, 0x205E},    {0x2070, 0x214D}, {0x214F, 0x2183}, {0x2185, 0x2BFF}, {0x2E00, 0x2E2E},
    {0x2E30, 0x2E7F},    {0x3001, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xE000, 0xF8FF},
    {0xFB00, 0xFB1D},    {0xFE10, 0xFE19}, {0xFE30, 0xFE6F}, {0xFF01, 0xFFEF}, {0x1F000, 0x1FAFF},
    {0xF0000, 0x10FFFF},
};

#define IS_IN(table, cp) is_in(table, sizeof(table) / sizeof *(table), cp)

static bool is_in(const range *table, size_t n, uint32_t cp) {
    for (size_t i = 0; i < n; i++)
        if (cp >= table[i].from && cp <= table[i].to) return true;
    return false;
}

static const char *letter_why(uint32_t cp, bool in_domain) {
    if (cp < 0x80) return NULL;
    if (!posta__is_harmless(cp)) return "has a control or a mark of direction in its address";
    if (IS_IN(dots, cp)) return "has a character that looks like a dot and is none";
    if (IS_IN(ats, cp)) return "has a character that looks like an @ and is none";
    if (IS_IN(unseen, cp) || (cp & 0xFFFE) == 0xFFFE)
        return "has a space or a character that is not seen in its address";
    if (in_domain && IS_IN(signs, cp)) return "has a sign in its domain that no domain may have";
    return NULL;
}

const char *posta__letters_why(posta_span s, bool in_domain) {
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp = 0;
        n = posta__utf8_next(posta__span(s.p + at, s.len - at), &cp);
        if (n == 0) return "is not UTF-8";
        const char *why = letter_why(cp, in_domain);
        if (why) return why;
    }
    return NULL;
}

/* ---- as ASCII ---- */

static posta_status refuse(posta__address_fault *fault, posta_status status, const char *why,
                           bool needs_smtputf8) {
    if (fault) *fault = (posta__address_fault){why, 0, needs_smtputf8};
    return status;
}

static size_t dots_in(posta_span s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.p[i] == '.';
    return n;
}

posta_status posta__domain_to_ascii(posta_span domain, const posta_port *port, posta_window *out,
                                    posta__address_fault *fault) {
    const char *why = posta__domain_why(domain);
    size_t start = out->len;
    posta_status status;
    if (why) return refuse(fault, POSTA_E_FIELD, why, false);
    why = "has a domain that IDNA does not allow";
    if (posta__is_ascii(domain)) return posta__put(out, domain) ? POSTA_OK : POSTA_E_LIMIT;
    if (!port || !port->domain_to_ascii)
        return refuse(fault, POSTA_E_NOT_BUILT,
                      "has a domain that is not ASCII; this build of posta has no IDNA: give its "
                      "A-labels (xn--...)",
                      true);
    status = port->domain_to_ascii(port->user, domain, out, &why);
    /* What a transformation made is looked at anew (row C18). */
    posta_span made = posta__span(out->p + start, out->len - start);
    bool is_sound = posta__is_ascii(made) && !posta__domain_why(made) && made.p[0] != '[' &&
                    dots_in(made) == dots_in(domain);
    if (status == POSTA_OK && is_sound) return POSTA_OK;
    out->len = start;
    if (status == POSTA_OK) status = POSTA_E_FIELD;
    return refuse(fault, status, why, status == POSTA_E_NOT_BUILT);
}

posta_status posta__address_form(posta__address *a, const posta__form *form, posta_window *store,
                                 posta__address_fault *fault) {
    size_t start = store->len;
    bool may_utf8 = form && form->may_utf8;
    if (may_utf8) return POSTA_OK;
    if (!posta__is_ascii(a->local))
        return refuse(fault, POSTA_E_EXTENSION,
                      "is not ASCII before the @, and the server does not offer SMTPUTF8", true);
    if (posta__is_ascii(a->domain)) return POSTA_OK;
    posta_status status = posta__domain_to_ascii(a->domain, form ? form->port : NULL, store, fault);
    if (status != POSTA_OK) return status;
    a->domain = posta__span(store->p + start, store->len - start);
    const char *why = posta__path_len_why(a->local, a->domain);
    return why ? refuse(fault, POSTA_E_FIELD, why, false) : POSTA_OK;
}
