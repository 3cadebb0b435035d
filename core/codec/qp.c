/* core/codec: quoted-printable, RFC 2045 6.7. Contracts in codec_i.h.
 *
 * A soft break is written before the unit that would not leave room for the "=" of another one: no
 * look ahead, so the output cannot depend on how the input was cut. Two things must wait for what
 * follows them: a blank (encoded before a line end) and the letters of "From" at a line start. */
#include "codec_i.h"

#define LINE 75u /* 76 with the "=" of a soft break */

static const char digits[] = "0123456789ABCDEF"; /* upper case by law: RFC 2045 6.7 (1) */

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

/* ---- what most text is made of, as long as nothing is held ---- */

/* All in locals: through memory each step would wait for the one before it. */
typedef struct fast {
    const uint8_t *p, *end; /* input */
    uint8_t *to, *stop;     /* room */
    size_t column;
} fast;

#define UNIT_ROOM 6u /* a soft break and an encoded octet */

static inline void soft_break(fast *f) {
    memcpy(f->to, "=\r\n", 3);
    f->to += 3;
    f->column = 0;
}

static inline void fast_hex(fast *f) {
    if (f->column + 3 > LINE) soft_break(f);
    f->to[0] = '=';
    f->to[1] = (uint8_t)digits[*f->p >> 4];
    f->to[2] = (uint8_t)digits[*f->p++ & 15];
    f->to += 3;
    f->column += 3;
}

/* CRLF or LF, behind a literal. False: a CR alone, or nobody knows yet. */
static inline bool fast_line_end(fast *f) {
    size_t n = *f->p == '\r' ? 2 : 1;
    if ((size_t)(f->end - f->p) < n || f->p[n - 1] != '\n') return false;
    memcpy(f->to, "\r\n", 2);
    f->to += 2;
    f->p += n;
    f->column = 0;
    return true;
}

/* Literals, and blanks with a literal behind them. False: a rule waits for what comes next. */
static inline bool fast_run(fast *f, const posta_kernels *k) {
    if (f->column == LINE) soft_break(f);
    if (f->column == 0 && (*f->p == '.' || *f->p == 'F')) return false;
    size_t len = (size_t)(f->end - f->p), most = LINE - f->column;
    if (len > (size_t)(f->stop - f->to)) len = (size_t)(f->stop - f->to);
    size_t n = k->qp_plain(f->p, most < len ? most : len, len, f->to);
    while (n > 0 && (f->p[n - 1] == ' ' || f->p[n - 1] == '\t'))
        n--;
    f->p += n;
    f->to += n;
    f->column += n;
    return n > 0;
}

static void take_fast(posta__qp *q, posta_span *in, posta_window *out) {
    const posta_kernels *k = posta__kernels(q->kernels);
    fast f = {in->p, in->p + in->len, out->p + out->len, out->p + out->cap, q->column};
    bool goes_on = q->from_n == 0 && q->blank == 0 && !(q->after_cr && *in->p == '\n');
    while (goes_on && f.p < f.end && (size_t)(f.stop - f.to) >= UNIT_ROOM) {
        uint8_t class = class_of(*f.p);
        if (class == CR || class == LF) class = q->is_binary ? ENCODE : class;
        if (class == ENCODE)
            fast_hex(&f);
        else
            goes_on = class == CR || class == LF ? fast_line_end(&f) : fast_run(&f, k);
    }
    if (f.p > in->p) q->after_cr = false;
    q->column = (uint8_t)f.column;
    out->len = (size_t)(f.to - out->p);
    *in = posta__span(f.p, (size_t)(f.end - f.p));
}

posta_status posta__qp_step(posta__qp *q, posta_span *in, posta_window *out) {
    for (;;) {
        if (!flush_line_end(q, out)) return POSTA_AGAIN;
        if (in->len > 0) take_fast(q, in, out);
        if (in->len == 0) return POSTA_OK;
        uint8_t c = *in->p;
        if (!q->is_binary && (c == '\r' || c == '\n')) {
            if (c == '\r' || !q->after_cr) q->line_end = 1;
            q->after_cr = c == '\r';
        } else {
            if (!take(q, c, out)) return POSTA_AGAIN;
            q->after_cr = false;
        }
        *in = posta__span(in->p + 1, in->len - 1);
    }
}

posta_status posta__qp_end(posta__qp *q, posta_window *out) {
    if (!flush_line_end(q, out) || !flush_line(q, out)) return POSTA_AGAIN;
    return POSTA_OK;
}
