/* core/mime: references to characters in HTML: by number, and the names that people use. */
#include "html_i.h"

/* U+00A0 to U+00FF, in order. */
static const char latin[] =
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr "
    "deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 "
    "iquest "
    "Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute "
    "Icirc Iuml "
    "ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute "
    "THORN szlig "
    "agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute "
    "icirc iuml "
    "eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute "
    "thorn yuml ";

static const struct {
    char name[8];
    uint16_t cp;
} others[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},        {"quot", '"'},
    {"apos", '\''},     {"OElig", 0x152},   {"oelig", 0x153},   {"Scaron", 0x160},
    {"scaron", 0x161},  {"Yuml", 0x178},    {"ensp", 0x2002},   {"emsp", 0x2003},
    {"thinsp", 0x2009}, {"zwnj", 0x200C},   {"zwj", 0x200D},    {"ndash", 0x2013},
    {"mdash", 0x2014},  {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201A},
    {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"bdquo", 0x201E},  {"dagger", 0x2020},
    {"bull", 0x2022},   {"hellip", 0x2026}, {"permil", 0x2030}, {"prime", 0x2032},
    {"lsaquo", 0x2039}, {"rsaquo", 0x203A}, {"euro", 0x20AC},   {"trade", 0x2122},
    {"larr", 0x2190},   {"uarr", 0x2191},   {"rarr", 0x2192},   {"darr", 0x2193},
    {"harr", 0x2194},   {"minus", 0x2212},  {"infin", 0x221E},  {"asymp", 0x2248},
    {"ne", 0x2260},     {"le", 0x2264},     {"ge", 0x2265},     {"check", 0x2713},
};

/* Numbers 128 to 159 are meant as windows-1252 has them. */
static const uint16_t windows[32] = {
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178,
};

#define NONE UINT32_MAX

static uint32_t by_name(posta_span name) {
    posta_span all = posta__span(latin, sizeof latin - 1);
    uint32_t cp;
    size_t i;
    for (i = 0; i < sizeof others / sizeof *others; i++)
        if (posta_span_is(name, posta__span_of(others[i].name))) return others[i].cp;
    for (cp = 0xA0; all.len > 0; cp++) {
        size_t n = 0;
        while (all.p[n] != ' ')
            n++;
        if (posta_span_is(name, posta__span_sub(all, 0, n))) return cp;
        all = posta__span_sub(all, n + 1, all.len);
    }
    return NONE;
}

static uint32_t by_number(posta_span s) {
    bool is_hex = s.len > 0 && posta__lower(s.p[0]) == 'x';
    uint32_t base = is_hex ? 16 : 10, cp = 0;
    if (is_hex) s = posta__span_sub(s, 1, s.len);
    if (s.len == 0) return NONE;
    for (; s.len > 0; s = posta__span_sub(s, 1, s.len)) {
        uint32_t d = (uint32_t)posta__hex_digit(s.p[0]); /* none: above all */
        if (d >= base) return NONE;
        cp = cp > 0x10FFFF ? cp : cp * base + d;
    }
    if (cp >= 0x80 && cp < 0xA0) cp = windows[cp - 0x80];
    return cp == 0 || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000) ? 0xFFFD : cp;
}

/* ---- writing ---- */

static size_t put_character(uint32_t cp, uint8_t *out) {
    if (cp == 0xA0) cp = ' ';
    if (cp == 0xAD || (cp < 0x20 && !posta__is_blank((uint8_t)cp)) || (cp >= 0x7F && cp < 0xA0))
        return 0;
    return posta__utf8_put(cp, out);
}

/* The reference is over; `has_end`: by its semicolon. */
static size_t settle(posta__entity *e, bool has_end, bool in_value, uint8_t *out) {
    posta_span s = posta__span(e->p, e->n);
    uint32_t cp = NONE;
    e->is_open = false;
    if (s.len > 0 && s.p[0] == '#')
        cp = by_number(posta__span_sub(s, 1, s.len));
    else if (s.len > 0 && (has_end || !in_value))
        cp = by_name(s);
    if (cp != NONE) return put_character(cp, out);
    out[0] = '&';
    memcpy(out + 1, s.p, s.len);
    if (has_end) out[1 + s.len] = ';';
    return 1 + s.len + has_end;
}

/* "&#8217s" is a number and an s. */
static bool goes_on(const posta__entity *e, uint8_t c) {
    bool is_number = e->n > 0 && e->p[0] == '#';
    if (e->n == 0) return posta__is_alpha(c) || c == '#';
    if (!is_number) return e->n < POSTA__ENTITY_CAP && (posta__is_alpha(c) || posta__is_digit(c));
    if (e->n == 1) return posta__is_digit(c) || posta__lower(c) == 'x';
    return (uint32_t)posta__hex_digit(c) < (posta__lower(e->p[1]) == 'x' ? 16u : 10u);
}

/* Numbers may be of any length: zeros in front say nothing, and what does not fit is too large. */
static void take(posta__entity *e, uint8_t c) {
    if (e->n > 1 && e->p[0] == '#') {
        size_t first = posta__lower(e->p[1]) == 'x' ? 2 : 1;
        if (e->n == first + 1 && e->p[first] == '0') e->n--;
    }
    if (e->n < POSTA__ENTITY_CAP) e->p[e->n++] = c;
}

size_t posta__entity_step(posta__entity *e, uint8_t c, bool in_value,
                          uint8_t out[POSTA__ENTITY_OUT]) {
    size_t n = 0;
    if (e->is_open && c == ';') return settle(e, true, in_value, out);
    if (e->is_open && goes_on(e, c)) {
        take(e, c);
        return 0;
    }
    if (e->is_open) n = settle(e, false, in_value, out);
    if (c == '&') {
        e->is_open = true;
        e->n = 0;
        return n;
    }
    out[n] = c;
    return n + 1;
}

size_t posta__entity_end(posta__entity *e, bool in_value, uint8_t out[POSTA__ENTITY_OUT]) {
    return e->is_open ? settle(e, false, in_value, out) : 0;
}
