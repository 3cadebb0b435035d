/* core/mime: what a URL in HTML means as a path below a folder. It is decoded first and judged
 * then, so that no way of writing ".." gets out. */
#include "html_i.h"

static bool is_slash(uint8_t c) {
    return c == '/' || c == '\\'; /* browsers take the one for the other */
}

/* RFC 3986 3.1. A drive ("C:\x") looks like one too, and is none of our folder either. */
static bool has_scheme(posta_span s) {
    size_t n = 0;
    while (n < s.len && (posta__is_alpha(s.p[n]) || (n > 0 && posta__is_digit(s.p[n])) ||
                         (n > 0 && (s.p[n] == '+' || s.p[n] == '-' || s.p[n] == '.'))))
        n++;
    return n > 0 && n < s.len && s.p[n] == ':';
}

bool posta__url_is_elsewhere(posta_span s) {
    if (s.len == 0 || s.p[0] == '#' || s.p[0] == '?' || has_scheme(s)) return true;
    return s.len > 1 && is_slash(s.p[0]) && is_slash(s.p[1]);
}

/* In place; returns the length. */
static size_t decode(uint8_t *p, size_t len) {
    size_t n = 0, i;
    for (i = 0; i < len; i++) {
        uint8_t c = p[i];
        if (c == '%' && len - i > 2 && posta__hex_digit(p[i + 1]) >= 0 &&
            posta__hex_digit(p[i + 2]) >= 0) {
            c = (uint8_t)(posta__hex_digit(p[i + 1]) * 16 + posta__hex_digit(p[i + 2]));
            i += 2;
        }
        p[n++] = c;
    }
    return n;
}

/* Takes the last name of p[0..n) away; SIZE_MAX: there is none. */
static size_t parent(const uint8_t *p, size_t n) {
    if (n == 0) return SIZE_MAX;
    while (n > 0 && p[n - 1] != '/')
        n--;
    return n > 0 ? n - 1 : 0;
}

/* Joins the names between slashes anew, in place. SIZE_MAX: it leads out. */
static size_t normalise(uint8_t *p, size_t len) {
    size_t n = 0, at = 0;
    while (at < len) {
        size_t from = at;
        posta_span name;
        while (at < len && !is_slash(p[at]))
            at++;
        name = posta__span(p + from, at - from);
        at++;
        if (name.len == 0 || posta_span_is(name, POSTA_LIT("."))) continue;
        if (posta_span_is(name, POSTA_LIT(".."))) {
            n = parent(p, n);
            if (n == SIZE_MAX) return n;
            continue;
        }
        if (n > 0) p[n++] = '/';
        memmove(p + n, name.p, name.len);
        n += name.len;
    }
    return n;
}

const char *posta__url_path(uint8_t *p, size_t len, posta_span *path_out) {
    size_t n = 0;
    while (n < len && p[n] != '?' && p[n] != '#')
        n++;
    n = decode(p, n);
    if (n > 0 && memchr(p, 0, n)) return "has a NUL octet";
    if (n > 0 && is_slash(p[0]))
        return "is an absolute path; what is embedded lies in the base folder";
    n = normalise(p, n);
    if (n == SIZE_MAX) return "leads out of the base folder";
    if (n == 0) return "names no file";
    *path_out = posta__span(p, n);
    return NULL;
}
