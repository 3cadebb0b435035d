/* core/port: whole lines by blocks, the part that is the same in all vector instructions. Whoever
 * includes it has said LINE_BLOCK (octets of a block), VECTOR (what its functions are declared
 * with) and copy_block(in, out): copies a block and returns its octets before the first CR, LF or
 * NUL, or LINE_BLOCK. */
#ifndef POSTA_SIMD_LINES_I_H
#define POSTA_SIMD_LINES_I_H

#include "simd_i.h"

/* Room that a last block needs: a dot, all octets but one of a block with a stop in it, CRLF. */
enum { LAST_ROOM = 1 + LINE_BLOCK - 1 + 2 };

/* A line on its way. No block may begin behind the last places. */
typedef struct line_way {
    const uint8_t *line, *p, *p_last;
    uint8_t *to, *to_last;
} line_way;

/* Copies a block more and stands at its first CR, LF or NUL; false: it has none. */
VECTOR static inline bool stops_in_block(line_way *w) {
    size_t n = copy_block(w->p, w->to);
    w->p += n;
    w->to += n;
    return n < LINE_BLOCK;
}

/* The same for a line that is longer; false too where it is too long. The last block goes back in
   the line, and does some octets twice. */
VECTOR static bool stops_later(line_way *w) {
    do {
        size_t back = 0;
        if (w->p > w->p_last) back = (size_t)(w->p - w->p_last);
        if (w->to > w->to_last + back) back = (size_t)(w->to - w->to_last);
        if (back == LINE_BLOCK || back > (size_t)(w->p - w->line)) return false;
        w->p -= back;
        w->to -= back;
    } while (!stops_in_block(w));
    return w->p - w->line <= (ptrdiff_t)POSTA_MAX_LINE;
}

/* Lines that begin at least a block before the end. */
VECTOR static void copy_lines(posta_span *in, unsigned flags, posta_window *out) {
    const uint8_t *end = in->p + in->len;
    uint8_t *to = out->p + out->len;
    int lone = flags & POSTA__LINES_REJECT ? -1 : '\n'; /* ends a line by itself */
    line_way w = {in->p, in->p, end - LINE_BLOCK, to, out->p + out->cap - LAST_ROOM};
    while (w.p <= w.p_last && w.to <= w.to_last) {
        if (*w.p == '.' && (flags & POSTA__LINES_STUFF)) *w.to++ = '.';
        if (!stops_in_block(&w) && !stops_later(&w)) break;
        if (*w.p != lone) {
            if (*w.p != '\r' || end - w.p < 2 || w.p[1] != '\n') break;
            w.p++;
        }
        memcpy(w.to, "\r\n", 2);
        to = w.to += 2;
        w.line = ++w.p;
    }
    out->len = (size_t)(to - out->p);
    *in = posta__span(w.line, (size_t)(end - w.line));
}

/* Less than a block, from a copy that is one: NUL ends no line. */
VECTOR static void copy_tail(posta_span *in, unsigned flags, posta_window *out) {
    uint8_t block[LINE_BLOCK] = {0};
    posta_span tail = {block, LINE_BLOCK};
    memcpy(block, in->p, in->len);
    copy_lines(&tail, flags, out);
    size_t n = LINE_BLOCK - tail.len;
    *in = posta__span(in->p + n, in->len - n);
}

VECTOR static void text_lines(posta_span *in, unsigned flags, posta_window *out) {
    if (in->len >= LINE_BLOCK && posta__room(out) >= LAST_ROOM) copy_lines(in, flags, out);
    if (in->len == 0) return;
    if (in->len < LINE_BLOCK && posta__room(out) >= LAST_ROOM) copy_tail(in, flags, out);
    /* What is left is no whole line, unless the room was too small for blocks. */
    if (posta__room(out) < in->len + LAST_ROOM) posta__kernels_portable.text_lines(in, flags, out);
}

#endif
