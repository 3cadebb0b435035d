/* core/mime: the sentence that says which field is wrong, with which value, and why. */
#include "mime_i.h"

#define VALUE_SHOWN 60u /* octets of a value in a sentence */

posta__text posta__text_in(char *p, size_t cap) {
    p[0] = 0;
    return (posta__text){p, cap, 0};
}

static bool put(posta__text *t, const void *p, size_t n) {
    if (n >= t->cap - t->len) return false;
    memcpy(t->p + t->len, p, n);
    t->len += n;
    t->p[t->len] = 0;
    return true;
}

void posta__text_put(posta__text *t, const char *s) {
    posta_span in = posta__span_of(s);
    if (put(t, in.p, in.len)) return;
    while (in.len > 0) {
        size_t n = posta__utf8_next(in, NULL);
        if (n == 0) n = 1;
        if (!put(t, in.p, n)) return;
        in = posta__span_sub(in, n, in.len);
    }
}

void posta__text_number(posta__text *t, uint64_t n) {
    char digits[POSTA_DECIMAL_CAP];
    put(t, digits, posta__decimal(n, digits));
}

static bool put_escaped(posta__text *t, uint8_t c) {
    static const char hex[] = "0123456789abcdef";
    char e[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
    if (c == '\r') return put(t, "\\r", 2);
    if (c == '\n') return put(t, "\\n", 2);
    if (c == '\t') return put(t, "\\t", 2);
    if (c == '"' || c == '\\') return put(t, (char[]){'\\', (char)c}, 2);
    return put(t, e, 4);
}

void posta__text_value(posta__text *t, posta_span value) {
    size_t end = t->len + VALUE_SHOWN;
    put(t, "\"", 1);
    while (value.len > 0 && t->len < end) {
        uint32_t c = 0;
        size_t n = posta__utf8_next(value, &c);
        bool as_is = n > 0 && posta__is_harmless(c) && c != '"' && c != '\\';
        size_t i;
        if (n == 0) n = 1;
        if (as_is) put(t, value.p, n);
        for (i = 0; !as_is && i < n; i++)
            put_escaped(t, value.p[i]);
        value = posta__span_sub(value, n, value.len);
    }
    put(t, value.len > 0 ? "...\"" : "\"", value.len > 0 ? 4 : 1);
}

void posta__blame_nothing(posta_message *m) {
    posta_problem *p = &m->problem;
    p->status = POSTA_OK;
    p->field[0] = p->text[0] = 0;
}

posta_status posta__blame_it(posta_message *m, posta_status status, posta__blame b) {
    posta_problem *p = &m->problem;
    posta__text field = posta__text_in(p->field, sizeof p->field);
    posta__text text = posta__text_in(p->text, sizeof p->text);
    p->status = status;
    posta__text_put(&field, b.label);
    posta__text_put(&text, b.label);
    posta__text_put(&text, b.label[0] ? ": " : "");
    if (b.value.p) {
        posta__text_value(&text, b.value);
        posta__text_put(&text, " ");
    }
    posta__text_put(&text, b.why);
    if (b.at != POSTA__NOWHERE) {
        posta__text_put(&text, " (byte ");
        posta__text_number(&text, (uint64_t)b.at + 1);
        posta__text_put(&text, ")");
    }
    return status;
}

posta_status posta__blame_on(posta_message *m, posta_status status, const char *label,
                             const char *why) {
    return posta__blame_it(m, status, (posta__blame){label, {NULL, 0}, why, POSTA__NOWHERE});
}
