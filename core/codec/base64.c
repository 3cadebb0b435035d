/* core/codec: base64, RFC 2045 6.8 and RFC 4648. Contracts in codec_i.h.
 *
 * Whole groups go by runs: as many as the input, the line and the room allow; the odd octets wait
 * in `hold`. Text mode feeds the same encoder with CRLF for each line end. */
#include "codec_i.h"

#define LINE       76u /* RFC 2045 6.8 */
#define LINE_INPUT 57u

/* The last one or two octets, padded. */
static void encode_tail(const uint8_t *in, size_t len, uint8_t *out) {
    uint8_t group[3] = {in[0], 0, 0};
    if (len > 1) group[1] = in[1];
    posta__kernels_portable.base64_groups(group, 1, out);
    if (len < 2) out[2] = '=';
    out[3] = '=';
}

void posta__base64_init(posta__base64 *b, unsigned flags) {
    *b = (posta__base64){0};
    b->flags = (uint8_t)flags;
}

/* Makes place for a group: ends a full line. The break is written only when something follows it.
 */
static bool begin_group(posta__base64 *b, posta_window *out) {
    if (b->column == LINE && !(b->flags & POSTA__BASE64_UNWRAPPED)) {
        if (!posta__put(out, POSTA_LIT("\r\n"))) return false;
        b->column = 0;
    }
    return posta__room(out) >= 4;
}

static void wrote(posta__base64 *b, posta_window *out, size_t groups) {
    out->len += 4 * groups;
    if (!(b->flags & POSTA__BASE64_UNWRAPPED)) b->column = (uint8_t)(b->column + 4 * groups);
}

/* Whole lines behind a full one. False: none. */
static bool encode_lines(posta__base64 *b, posta_span *in, posta_window *out) {
    size_t n = in->len / LINE_INPUT, fit = posta__room(out) / (LINE + 2);
    if (b->column != LINE || b->held > 0 || (b->flags & POSTA__BASE64_UNWRAPPED)) return false;
    if (n > fit) n = fit;
    if (n == 0) return false;
    posta__kernels(b->kernels)->base64_lines(in->p, n, out->p + out->len);
    out->len += n * (LINE + 2);
    *in = posta__span(in->p + n * LINE_INPUT, in->len - n * LINE_INPUT);
    return true;
}

/* The held octets and what makes a group of them; there is room. */
static void encode_held(posta__base64 *b, posta_span *in, posta_window *out) {
    size_t need = 3u - b->held;
    uint8_t group[3] = {b->hold[0], b->hold[1], 0};
    memcpy(group + b->held, in->p, need);
    posta__kernels_portable.base64_groups(group, 1, out->p + out->len);
    *in = posta__span(in->p + need, in->len - need);
    b->held = 0;
    wrote(b, out, 1);
}

/* The groups that the line and the room allow; there is room for one. */
static void encode_groups(posta__base64 *b, posta_span *in, posta_window *out) {
    size_t n = in->len / 3, in_line = (LINE - b->column) / 4u;
    if (n > posta__room(out) / 4) n = posta__room(out) / 4;
    if (n > in_line && !(b->flags & POSTA__BASE64_UNWRAPPED)) n = in_line;
    posta__kernels(b->kernels)->base64_groups(in->p, n, out->p + out->len);
    *in = posta__span(in->p + 3 * n, in->len - 3 * n);
    wrote(b, out, n);
}

/* Encodes octets as they are. False: no room for the next group. */
static bool encode(posta__base64 *b, posta_span *in, posta_window *out) {
    while (b->held + in->len >= 3) {
        if (encode_lines(b, in, out)) continue;
        if (!begin_group(b, out)) return false;
        if (b->held > 0)
            encode_held(b, in, out);
        else
            encode_groups(b, in, out);
    }
    for (; in->len > 0; in->p++, in->len--)
        b->hold[b->held++] = *in->p;
    return true;
}

/* Encodes what is owed of a CRLF. */
static bool encode_line_end(posta__base64 *b, posta_window *out) {
    static const uint8_t crlf[2] = {'\r', '\n'};
    posta_span owed = posta__span(crlf + (2 - b->line_end), b->line_end);
    bool done = encode(b, &owed, out);
    b->line_end = (uint8_t)owed.len;
    return done;
}

/* Octets at the front that are text whose line ends are CRLF already: they go as they are. */
static size_t canonical_len(posta_span in) {
    enum { FAR = 1024 }; /* what finds no room is looked through again */
    size_t len = in.len < FAR ? in.len : FAR, at = 0;
    for (;;) {
        const uint8_t *p = in.p + at, *lf = memchr(p, '\n', len - at);
        size_t n = lf ? (size_t)(lf - p) : len - at;
        const uint8_t *cr = memchr(p, '\r', n);
        if (cr) n = (size_t)(cr - p);
        if (!lf || !cr || cr + 1 != lf) return at + n;
        at += n + 2;
    }
}

static posta_status text_step(posta__base64 *b, posta_span *in, posta_window *out) {
    for (;;) {
        if (!encode_line_end(b, out)) return POSTA_AGAIN;
        if (in->len == 0) return POSTA_OK;
        size_t len = canonical_len(*in);
        if (len == 0) {
            uint8_t c = *in->p;
            bool is_second = c == '\n' && b->after_cr;
            b->after_cr = c == '\r';
            if (!is_second) b->line_end = 2;
            *in = posta__span(in->p + 1, in->len - 1);
            continue;
        }
        posta_span run = posta__span(in->p, len);
        bool done = encode(b, &run, out);
        size_t taken = len - run.len;
        if (taken > 0) b->after_cr = in->p[taken - 1] == '\r';
        if (taken > 0 && b->after_cr) b->line_end = 1; /* no room between CR and LF */
        *in = posta__span(in->p + taken, in->len - taken);
        if (!done) return POSTA_AGAIN;
    }
}

posta_status posta__base64_step(posta__base64 *b, posta_span *in, posta_window *out) {
    if (b->flags & POSTA__BASE64_TEXT) return text_step(b, in, out);
    return encode(b, in, out) ? POSTA_OK : POSTA_AGAIN;
}

posta_status posta__base64_end(posta__base64 *b, posta_window *out) {
    if (!encode_line_end(b, out)) return POSTA_AGAIN;
    if (b->held == 0) return POSTA_OK;
    if (!begin_group(b, out)) return POSTA_AGAIN;
    encode_tail(b->hold, b->held, out->p + out->len);
    wrote(b, out, 1);
    b->held = 0;
    return POSTA_OK;
}

bool posta__base64_len(uint64_t n, uint64_t *len_out) {
    uint64_t chars = 0;
    *len_out = n == 0 ? 0 : UINT64_MAX;
    if (n == 0) return true;
    if (!posta__mul((n - 1) / 3 + 1, 4, &chars)) return false;
    return posta__add(chars, (chars - 1) / LINE * 2, len_out);
}

bool posta__base64_put(posta_window *out, posta_span in) {
    size_t groups = in.len / 3, tail = in.len % 3;
    size_t units = groups + (tail > 0);
    if (units > posta__room(out) / 4) return false;
    if (groups > 0) posta__kernels_portable.base64_groups(in.p, groups, out->p + out->len);
    if (tail > 0) encode_tail(in.p + 3 * groups, tail, out->p + out->len + 4 * groups);
    out->len += 4 * units;
    return true;
}

/* 0..63, or 64 for what is not in the alphabet. */
static uint8_t value_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint8_t)(c - 'a' + 26);
    if (posta__is_digit(c)) return (uint8_t)(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* One group of four with `keep` octets in it (3; 2 and 1 in the padded last one). */
static bool decode_group(const uint8_t *in, size_t keep, uint8_t *out) {
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t six = i <= keep ? value_of(in[i]) : 0;
        if (six > 63 || (i > keep && in[i] != '=')) return false;
        v = v << 6 | six;
    }
    /* RFC 4648 3.5: bits that padding leaves over are zero, else two texts mean one value */
    if ((v & (0xFFFFFFu >> 8 * keep)) != 0) return false;
    for (size_t i = 0; i < keep; i++)
        out[i] = (uint8_t)(v >> (16 - 8 * i));
    return true;
}

posta_status posta__base64_decode(posta_span in, posta_window *out) {
    if (in.len % 4 != 0) return POSTA_E_FIELD;
    if (in.len == 0) return POSTA_OK;
    size_t pad = in.p[in.len - 1] != '=' ? 0u : in.p[in.len - 2] != '=' ? 1u : 2u;
    size_t groups = in.len / 4, len = groups * 3 - pad;
    if (len > posta__room(out)) return POSTA_E_LIMIT;
    for (size_t i = 0; i < groups; i++) {
        size_t keep = i + 1 < groups ? 3 : 3 - pad;
        if (!decode_group(in.p + 4 * i, keep, out->p + out->len + 3 * i)) return POSTA_E_FIELD;
    }
    out->len += len;
    return POSTA_OK;
}
