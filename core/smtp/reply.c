/* core/smtp: the reply parser. Bytes stream in; whole lines come out, so nothing is kept but one
 * line (clipped) and the code that the reply began with. Strict: RFC 5321 4.2 and rows E01-E15.
 */
#include "smtp_i.h"

void posta__reply_restart(reply_parser *p) {
    p->line_len = 0;
    p->total = 0;
    p->code = 0;
    p->blank_n = 0;
    p->after_cr = false;
    p->is_long = false;
}

/* Row E05: [2-5][0-5][0-9], then SP, "-" or the end. */
static bool code_of(posta_span line, uint16_t *code_out) {
    const uint8_t *p = line.p;
    if (line.len < 3) return false;
    if (p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '5' || !posta__is_digit(p[2]))
        return false;
    if (line.len > 3 && p[3] != ' ' && p[3] != '-') return false;
    *code_out = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
    return true;
}

static heard end_line(reply_parser *p, const posta_engine_config *config, reply_line *out,
                      const char **why_out) {
    size_t kept = p->line_len < LINE_KEEP ? p->line_len : LINE_KEEP;
    posta_span raw = posta__span(p->line, kept);
    out->is_clipped = p->line_len > LINE_KEEP;
    p->after_cr = false;
    p->line_len = 0;
    if (raw.len == 0 && p->code == 0 && config->lenient && p->blank_n < 4) {
        p->blank_n++;
        return HEARD_MORE;
    }
    out->raw = raw;
    if (!code_of(raw, &out->code)) {
        *why_out = "a reply does not begin with a code from 200 to 559";
        return HEARD_FAULT;
    }
    if (p->code != 0 && p->code != out->code) {
        *why_out = "the lines of one reply have different codes";
        return HEARD_FAULT;
    }
    p->code = out->code;
    out->is_last = raw.len == 3 || raw.p[3] == ' ';
    out->text = posta__span_sub(raw, 4, raw.len);
    return out->is_last ? HEARD_REPLY : HEARD_LINE;
}

static heard fault(const reply_parser *p, reply_line *out, const char *why, const char **why_out) {
    out->raw = posta__span(p->line, p->line_len < LINE_KEEP ? p->line_len : LINE_KEEP);
    *why_out = why;
    return HEARD_FAULT;
}

heard posta__reply_step(reply_parser *p, const posta_engine_config *config, posta_span *in,
                        reply_line *line_out, const char **why_out) {
    while (in->len > 0) {
        uint8_t c = *in->p++;
        in->len--;
        p->total++;
        if (c == '\n') {
            heard h;
            if (!p->after_cr && !config->lenient)
                return fault(p, line_out, "a reply's line ends with LF alone", why_out);
            h = end_line(p, config, line_out, why_out);
            if (h != HEARD_MORE) return h;
            continue;
        }
        if (c == 0) return fault(p, line_out, "a reply holds a NUL", why_out);
        if (p->after_cr) return fault(p, line_out, "a reply holds a CR inside a line", why_out);
        if (c == '\r') {
            p->after_cr = true;
            continue;
        }
        if (p->line_len < LINE_KEEP) p->line[p->line_len] = c;
        p->line_len++;
        if (p->line_len > (p->is_long ? 2 * POSTA_MAX_AUTH_LINE : config->line_max))
            return fault(p, line_out, "a reply's line is too long", why_out);
        if (p->total > config->reply_max) return fault(p, line_out, "a reply is too long", why_out);
    }
    return HEARD_MORE;
}

static bool number(posta_span *s, uint16_t *out) {
    unsigned n = 0;
    size_t digits = 0;
    while (digits < s->len && digits < 4 && posta__is_digit(s->p[digits]))
        n = n * 10 + (unsigned)(s->p[digits++] - '0');
    if (digits == 0 || digits > 3) return false;
    *out = (uint16_t)n;
    *s = posta__span_sub(*s, digits, s->len);
    return true;
}

static bool dot(posta_span *s) {
    if (s->len == 0 || s->p[0] != '.') return false;
    *s = posta__span_sub(*s, 1, s->len);
    return true;
}

bool posta__enhanced_take(posta_span *text, uint16_t code, uint16_t enhanced[3]) {
    posta_span s = *text;
    uint16_t n[3];
    enhanced[0] = enhanced[1] = enhanced[2] = 0;
    if (!number(&s, &n[0]) || !dot(&s) || !number(&s, &n[1]) || !dot(&s) || !number(&s, &n[2]))
        return false;
    if (n[0] != code / 100 || (s.len > 0 && s.p[0] != ' ')) return false;
    memcpy(enhanced, n, sizeof n);
    *text = posta__span_sub(s, s.len > 0 ? 1 : 0, s.len);
    return true;
}
