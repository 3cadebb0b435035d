/* core/base: spans, windows, numbers. See base_i.h for the contracts. */
#include "base_i.h"

extern inline posta_span posta__span_sub(posta_span s, size_t at, size_t len);
extern inline bool posta__put(posta_window *w, posta_span s);
extern inline bool posta__add(uint64_t a, uint64_t b, uint64_t *out);

int posta__hex_digit(uint8_t c) {
    if (posta__is_digit(c)) return c - '0';
    c = posta__lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

posta_span posta__span_of(const char *s) {
    return s ? posta__span(s, strlen(s)) : posta__span(NULL, 0);
}

bool posta_span_is(posta_span a, posta_span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool posta_span_is_nocase(posta_span a, posta_span b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (posta__lower(a.p[i]) != posta__lower(b.p[i])) return false;
    return true;
}

size_t posta__decimal(uint64_t n, char *out) {
    char back[POSTA_DECIMAL_CAP];
    size_t len = 0;
    do {
        back[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = back[len - 1 - i];
    return len;
}

bool posta__mul(uint64_t a, uint64_t b, uint64_t *out) {
    bool fits = a == 0 || b <= UINT64_MAX / a;
    *out = fits ? a * b : UINT64_MAX;
    return fits;
}

bool posta__parse_decimal(posta_span s, uint64_t *n_out) {
    uint64_t n = 0;
    *n_out = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!posta__is_digit(s.p[i])) return false;
        if (!posta__mul(n, 10, &n) || !posta__add(n, (uint64_t)(s.p[i] - '0'), &n)) return false;
    }
    *n_out = n;
    return true;
}

void posta__window_compact(posta_window *w) {
    size_t unread = posta__unread(w);
    if (w->at == 0) return;
    if (unread > 0) memmove(w->p, w->p + w->at, unread);
    w->at = 0;
    w->len = unread;
}

void posta__put_some(posta_window *w, posta_span *in) {
    size_t n = posta__room(w) < in->len ? posta__room(w) : in->len;
    if (n == 0) return;
    memcpy(w->p + w->len, in->p, n);
    w->len += n;
    in->p += n;
    in->len -= n;
}

void posta__wipe(void *p, size_t len) {
    volatile uint8_t *v = p;
    for (size_t i = 0; i < len; i++)
        v[i] = 0;
}
