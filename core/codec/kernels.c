/* core/codec: the inner loops of the encoders in portable C. Contracts in codec_i.h.
 *
 * Machine words serve as vectors of octets: a test gives 0x80 in each octet that passes it. None
 * may carry into the next octet, so the top bit is taken away before anything is added. */
#include "codec_i.h"

#define EACH(c) (UINT64_C(0x0101010101010101) * (c))

/* ---- base64 ---- */

#if POSTA__IS_SMALL

static void base64_groups(const uint8_t *in, size_t n, uint8_t *out) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (; n > 0; n--, in += 3, out += 4) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        out[0] = (uint8_t)alphabet[v >> 18];
        out[1] = (uint8_t)alphabet[v >> 12 & 63];
        out[2] = (uint8_t)alphabet[v >> 6 & 63];
        out[3] = (uint8_t)alphabet[v & 63];
    }
}

#else

/* The two characters of each twelve bits: half the look-ups, for 8 KiB. */
#define PAIRS(a, b, c, d, e, f, g, h, i)                                                           \
    {a, b}, {a, c}, {a, d}, {a, e}, {a, f}, {a, g}, {a, h}, {                                      \
        a, i                                                                                       \
    }
#define ROW(a)                                                                                     \
    {                                                                                              \
        PAIRS(a, 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'),                                          \
            PAIRS(a, 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P'),                                      \
            PAIRS(a, 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X'),                                      \
            PAIRS(a, 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f'),                                      \
            PAIRS(a, 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'),                                      \
            PAIRS(a, 'o', 'p', 'q', 'r', 's', 't', 'u', 'v'),                                      \
            PAIRS(a, 'w', 'x', 'y', 'z', '0', '1', '2', '3'),                                      \
            PAIRS(a, '4', '5', '6', '7', '8', '9', '+', '/')                                       \
    }
static const char pairs[64][64][2] = {
    ROW('A'), ROW('B'), ROW('C'), ROW('D'), ROW('E'), ROW('F'), ROW('G'), ROW('H'),
    ROW('I'), ROW('J'), ROW('K'), ROW('L'), ROW('M'), ROW('N'), ROW('O'), ROW('P'),
    ROW('Q'), ROW('R'), ROW('S'), ROW('T'), ROW('U'), ROW('V'), ROW('W'), ROW('X'),
    ROW('Y'), ROW('Z'), ROW('a'), ROW('b'), ROW('c'), ROW('d'), ROW('e'), ROW('f'),
    ROW('g'), ROW('h'), ROW('i'), ROW('j'), ROW('k'), ROW('l'), ROW('m'), ROW('n'),
    ROW('o'), ROW('p'), ROW('q'), ROW('r'), ROW('s'), ROW('t'), ROW('u'), ROW('v'),
    ROW('w'), ROW('x'), ROW('y'), ROW('z'), ROW('0'), ROW('1'), ROW('2'), ROW('3'),
    ROW('4'), ROW('5'), ROW('6'), ROW('7'), ROW('8'), ROW('9'), ROW('+'), ROW('/'),
};

static void put_pair(uint32_t twelve, uint8_t *out) {
    memcpy(out, pairs[twelve >> 6 & 63][twelve & 63], 2);
}

static void base64_groups(const uint8_t *in, size_t n, uint8_t *out) {
    for (; n > 1; n -= 2, in += 6, out += 8) {
        uint32_t v = (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
        uint64_t all = (uint64_t)v << 16 | (uint32_t)in[4] << 8 | in[5];
        put_pair((uint32_t)(all >> 36), out);
        put_pair((uint32_t)(all >> 24), out + 2);
        put_pair((uint32_t)(all >> 12), out + 4);
        put_pair((uint32_t)all, out + 6);
    }
    if (n == 0) return;
    uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    put_pair(v >> 12, out);
    put_pair(v, out + 2);
}

#endif

static void base64_lines(const uint8_t *in, size_t n, uint8_t *out) {
    for (; n > 0; n--, in += 57, out += 78) {
        out[0] = '\r';
        out[1] = '\n';
        base64_groups(in, 19, out + 2);
    }
}

/* ---- quoted-printable ---- */

static bool is_plain(uint8_t c) {
    return (c >= 0x20 && c < 0x7F && c != '=') || c == '\t';
}

/* ---- words ---- */

#if POSTA__IS_SMALL

static size_t plain_words(const uint8_t *in, size_t len, uint8_t *out) {
    (void)in, (void)len, (void)out;
    return 0;
}

static size_t run_words(posta__scan *s, const uint8_t *in, size_t len) {
    (void)s, (void)in, (void)len;
    return 0;
}

#else

/* Octets that are not `c`; in `word` the top bits are off. */
static uint64_t differ(uint64_t word, uint8_t c) {
    return (word ^ EACH(c)) + EACH(0x7F);
}

/* Octets with the top bit. */
static size_t count(uint64_t tops) {
    return (size_t)((tops >> 7 & EACH(1)) * EACH(1) >> 56);
}

static size_t plain_words(const uint8_t *in, size_t len, uint8_t *out) {
    size_t n = 0;
    for (; len - n >= 8; n += 8) {
        uint64_t word, low;
        memcpy(&word, in + n, 8);
        low = word & EACH(0x7F);
        uint64_t printable = (low + EACH(0x60)) & ~(low + EACH(1)) & differ(low, '=');
        if ((~word & (printable | ~differ(low, '\t')) & EACH(0x80)) != EACH(0x80)) break;
        memcpy(out + n, &word, 8);
    }
    return n;
}

static size_t run_words(posta__scan *s, const uint8_t *in, size_t len) {
    size_t n = 0;
    for (; len - n >= 8; n += 8) {
        uint64_t word, low, odd;
        memcpy(&word, in + n, 8);
        low = word & EACH(0x7F);
        if (((word | (differ(low, '\r') & differ(low, '\n'))) & EACH(0x80)) != EACH(0x80)) break;
        odd = (word | ~differ(low, 0)) & EACH(0x80); /* most words have neither */
        if (!odd) continue;
        s->high += count(word);
        s->nul += count(odd & ~word);
    }
    return n;
}

#endif

static size_t qp_plain(const uint8_t *in, size_t most, size_t len, uint8_t *out) {
    size_t n = plain_words(in, most, out);
    (void)len;
    for (; n < most && is_plain(in[n]); n++)
        out[n] = in[n];
    return n;
}

/* ---- lines ---- */

/* The next `c` from `p` on, or `end`. */
static const uint8_t *next(const uint8_t *p, const uint8_t *end, uint8_t c) {
    const uint8_t *hit = p < end ? memchr(p, c, (size_t)(end - p)) : NULL;
    return hit ? hit : end;
}

/* Lines of a piece that is hardly longer than one may be: so that what is searched for each is
   bounded, and NUL is searched once for many. */
static void lines_of_piece(posta_span *in, unsigned flags, posta_window *out) {
    size_t len = posta__room(out) < POSTA_MAX_LINE + 2 ? posta__room(out) : POSTA_MAX_LINE + 2;
    const uint8_t *p = in->p, *end = p + (in->len < len ? in->len : len), *lf;
    const uint8_t *nul = next(p, end, 0), *cr = next(p, nul, '\r');
    for (; (lf = next(p, nul, '\n')) < nul; p = lf + 1) {
        size_t dots = *p == '.' && (flags & POSTA__LINES_STUFF) ? 1 : 0;
        if (cr < p) cr = next(p, nul, '\r');
        if (cr > lf && (flags & POSTA__LINES_REJECT)) break;
        len = (size_t)((cr < lf ? cr : lf) - p);
        if (cr + 1 < lf || len > POSTA_MAX_LINE || posta__room(out) < dots + len + 2) break;
        uint8_t *to = out->p + out->len;
        *to = '.';
        memcpy(to + dots, p, len);
        memcpy(to + dots + len, "\r\n", 2);
        out->len += dots + len + 2;
    }
    *in = posta__span(p, in->len - (size_t)(p - in->p));
}

static void text_lines(posta_span *in, unsigned flags, posta_window *out) {
    size_t before;
    do {
        before = in->len;
        lines_of_piece(in, flags, out);
    } while (in->len > 0 && in->len < before);
}

static void scan(posta__scan *s, const uint8_t *in, size_t len) {
    for (const uint8_t *end = in + len; in < end;) {
        size_t n = run_words(s, in, (size_t)(end - in));
        for (; in + n < end && in[n] != '\r' && in[n] != '\n'; n++) {
            s->high += in[n] >> 7;
            s->nul += in[n] == 0;
        }
        posta__scan_run(s, n);
        in += n;
        if (in < end) posta__scan_line_end(s, *in++);
    }
}

static bool has(const uint8_t *in, uint8_t c, size_t len) {
    return len > 0 && memchr(in, c, len);
}

static bool is_filtered(const uint8_t *in, size_t len, size_t *column, bool *has_high) {
    const uint8_t *end = in + len;
    *has_high = !posta__is_ascii(posta__span(in, len));
    for (;;) {
        const uint8_t *lf = memchr(in, '\n', (size_t)(end - in));
        size_t n = (size_t)((lf ? lf : end) - in);
        if (lf && (n == 0 || in[n - 1] != '\r')) return false;
        if (lf) n--;
        if (has(in, '\r', n) || has(in, 0, n)) return false;
        *column += n;
        if (*column > POSTA_MAX_LINE) return false;
        if (!lf) return true;
        *column = 0;
        in = lf + 1;
        if (in == end) return true;
        if (*in == '.') return false;
    }
}

const posta_kernels posta__kernels_portable = {base64_groups, base64_lines, qp_plain,
                                               text_lines,    scan,         is_filtered};
