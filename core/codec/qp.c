/* core/codec: quoted-printable, RFC 2045 6.7. Contracts in codec_i.h.
 *
 * A soft break is written before the unit that would not leave room for the "=" of another one: no
 * look ahead, so the output cannot depend on how the input was cut. Two things must wait for what
 * follows them: a blank (encoded before a line end) and the letters of "From" at a line start. */
#include "codec_i.h"

#define LINE 75u /* 76 with the "=" of a soft break */

enum { LITERAL, BLANK, ENCODE, CR, LF };

static uint8_t class_of(uint8_t c) {
    if (c == '\r') return CR;
    if (c == '\n') return LF;
    if (c == ' ' || c == '\t') return BLANK;
    return c > 0x20 && c < 0x7F && c != '=' ? LITERAL : ENCODE;
}

void posta__qp_init(posta__qp *q, bool is_binary) {
    *q = (posta__qp){0};
    q->is_binary = is_binary;
}

/* Makes the line ready for `width` more characters. */
static bool begin_unit(posta__qp *q, posta_window *out, size_t width) {
    if (q->column + width > LINE) {
        if (!posta__put(out, POSTA_LIT("=\r\n"))) return false;
        q->column = 0;
    }
    return posta__room(out) >= width;
}

static bool put_char(posta__qp *q, posta_window *out, uint8_t c) {
    if (!begin_unit(q, out, 1)) return false;
    out->p[out->len++] = c;
    q->column++;
    return true;
}

static bool put_hex(posta__qp *q, posta_window *out, uint8_t c) {
    static const char digits[] = "0123456789ABCDEF"; /* upper case by law: RFC 2045 6.7 (1) */
    if (!begin_unit(q, out, 3)) return false;
    out->p[out->len++] = '=';
    out->p[out->len++] = (uint8_t)digits[c >> 4];
    out->p[out->len++] = (uint8_t)digits[c & 15];
    q->column = (uint8_t)(q->column + 3);
    return true;
}

/* Writes the held letters of "From", their F encoded if the blank did follow. */
static bool flush_from(posta__qp *q, posta_window *out, bool is_from_line) {
    static const char from[] = "From";
    size_t len = q->from_n + (is_from_line ? 2u : 0u);
    if (q->from_n == 0) return true;
    if (posta__room(out) < len) return false;
    if (is_from_line) {
        (void)put_hex(q, out, 'F');
        (void)posta__put(out, POSTA_LIT("rom"));
    } else {
        (void)posta__put(out, posta__span(from, q->from_n));
    }
    q->column = (uint8_t)len;
    q->from_n = 0;
    return true;
}

static bool flush_blank(posta__qp *q, posta_window *out, bool is_last) {
    if (q->blank == 0) return true;
    if (!(is_last ? put_hex(q, out, q->blank) : put_char(q, out, q->blank))) return false;
    q->blank = 0;
    return true;
}

/* A line end, or the end: nothing held may stay. */
static bool flush_line(posta__qp *q, posta_window *out) {
    return flush_from(q, out, false) && flush_blank(q, out, true);
}

static bool flush_line_end(posta__qp *q, posta_window *out) {
    if (q->line_end == 0) return true;
    if (!flush_line(q, out) || !posta__put(out, POSTA_LIT("\r\n"))) return false;
    q->line_end = 0;
    q->column = 0;
    return true;
}

/* One octet that is neither CR nor LF of a text. False: no room; then it is not taken. */
static bool take(posta__qp *q, uint8_t c, posta_window *out) {
    uint8_t class = class_of(c);
    if (q->from_n > 0 || (q->column == 0 && c == 'F' && q->blank == 0)) {
        if (q->from_n < 4 && c == (uint8_t) "From"[q->from_n]) {
            q->from_n++;
            return true;
        }
        if (!flush_from(q, out, q->from_n == 4 && c == ' ')) return false;
    }
    if (!flush_blank(q, out, false)) return false;
    if (class == BLANK) {
        q->blank = c;
        return true;
    }
    if (class != LITERAL) return put_hex(q, out, c);
    if (!begin_unit(q, out, 1)) return false;
    /* A soft break may just have made this a line start. */
    if (q->column == 0 && c == '.') return put_hex(q, out, c);
    if (q->column == 0 && c == 'F') {
        q->from_n = 1;
        return true;
    }
    return put_char(q, out, c);
}

/* Copies what needs no thought: literals, and blanks with a literal behind them. False: there is
 * none. */
static bool take_run(posta__qp *q, posta_span *in, posta_window *out) {
    if (q->from_n > 0 || q->blank != 0 || class_of(*in->p) == ENCODE) return false;
    if (!begin_unit(q, out, 1)) return false;
    if (q->column == 0 && (*in->p == '.' || *in->p == 'F')) return false;
    size_t len = LINE - q->column;
    if (len > posta__room(out)) len = posta__room(out);
    if (len > in->len) len = in->len;
    size_t n = posta__kernels(q->kernels)->qp_plain(in->p, len, out->p + out->len);
    while (n > 0 && (in->p[n - 1] == ' ' || in->p[n - 1] == '\t'))
        n--;
    out->len += n;
    q->column = (uint8_t)(q->column + n);
    *in = posta__span(in->p + n, in->len - n);
    return n > 0;
}

/* A line end behind a literal, where nothing is held. */
static bool take_crlf(posta__qp *q, posta_span *in, posta_window *out) {
    if (in->len < 2 || posta__room(out) < 2 || q->from_n > 0 || q->blank != 0) return false;
    if (in->p[0] != '\r' || in->p[1] != '\n') return false;
    memcpy(out->p + out->len, in->p, 2);
    out->len += 2;
    q->column = 0;
    q->after_cr = false;
    *in = posta__span(in->p + 2, in->len - 2);
    return true;
}

/* An octet that is CR or LF of a text. */
static void take_line_end(posta__qp *q, uint8_t c) {
    if (c == '\r' || !q->after_cr) q->line_end = 1;
    q->after_cr = c == '\r';
}

posta_status posta__qp_step(posta__qp *q, posta_span *in, posta_window *out) {
    for (;;) {
        if (!flush_line_end(q, out)) return POSTA_AGAIN;
        if (in->len == 0) return POSTA_OK;
        uint8_t c = *in->p;
        if (!q->is_binary && (c == '\r' || c == '\n')) {
            if (take_crlf(q, in, out)) continue;
            take_line_end(q, c);
        } else {
            q->after_cr = false;
            if (take_run(q, in, out)) continue;
            if (!take(q, c, out)) return POSTA_AGAIN;
        }
        *in = posta__span(in->p + 1, in->len - 1);
    }
}

posta_status posta__qp_end(posta__qp *q, posta_window *out) {
    if (!flush_line_end(q, out) || !flush_line(q, out)) return POSTA_AGAIN;
    return POSTA_OK;
}
