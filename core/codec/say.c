/* core/codec: text for people: what came from elsewhere made harmless, and what is wrong with a
 * value.
 */
#include "codec_i.h"

#define VALUE_SHOWN 60u /* octets of a value in a sentence */

void posta__printable(posta_window *out, posta_span s) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len;) {
        uint8_t c = s.p[i];
        size_t n = 1;
        bool plain = c >= 0x20 && c < 0x7f;
        if (c >= 0x80) {
            uint32_t cp = 0;
            n = posta__utf8_next(posta__span_sub(s, i, 4), &cp);
            plain = n > 0 && posta__is_harmless(cp);
            if (n == 0) n = 1;
        }
        if (plain) {
            if (!posta__put(out, posta__span_sub(s, i, n))) return;
        } else {
            for (size_t k = 0; k < n; k++) {
                uint8_t esc[4] = {'\\', 'x', (uint8_t)hex[s.p[i + k] >> 4],
                                  (uint8_t)hex[s.p[i + k] & 15]};
                if (!posta__put(out, posta__span(esc, 4))) return;
            }
        }
        i += n;
    }
}

posta_status posta__problem(posta_problem *p, posta_status status, const char *field,
                            const char *why, posta_span value) {
    posta_window w;
    posta_span f = posta__span_of(field), text = posta__span_of(why);
    if (!p) return status;
    memset(p, 0, sizeof *p);
    p->status = status;
    w = posta__window(p->field, sizeof p->field - 1);
    posta__put_some(&w, &f);
    w = posta__window(p->text, sizeof p->text - 1);
    f = posta__span_of(field);
    posta__put_some(&w, &f);
    posta__put(&w, POSTA_LIT(": "));
    if (value.p) {
        posta__put(&w, POSTA_LIT("\""));
        posta__printable(&w, posta__span_sub(value, 0, VALUE_SHOWN));
        posta__put(&w, value.len > VALUE_SHOWN ? POSTA_LIT("...\": ") : POSTA_LIT("\": "));
    }
    posta__put_some(&w, &text);
    return status;
}
