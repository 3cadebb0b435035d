/* core/port: the kernels for AArch64, which always has NEON.
 *
 * No load reaches past what was given: the last block of a run is one that ends where the run ends,
 * and does some octets twice. */
#include "simd_i.h"

#if POSTA__NEON

#include <arm_neon.h>

enum { WIDE = 16 };

/* ---- base64 ---- */

static uint8x16x4_t alphabet(void) {
    static const uint8_t letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return vld1q_u8_x4(letters);
}

/* 48 octets become 64 characters: first, second and third octets of the groups come apart. */
static inline void block(uint8x16x4_t letters, const uint8_t *in, uint8_t *out) {
    const uint8x16_t six = vdupq_n_u8(63);
    uint8x16x3_t v = vld3q_u8(in);
    uint8x16x4_t value;
    value.val[0] = vshrq_n_u8(v.val[0], 2);
    value.val[1] = vandq_u8(vsliq_n_u8(vshrq_n_u8(v.val[1], 4), v.val[0], 4), six);
    value.val[2] = vandq_u8(vsliq_n_u8(vshrq_n_u8(v.val[2], 6), v.val[1], 2), six);
    value.val[3] = vandq_u8(v.val[2], six);
    for (int i = 0; i < 4; i++)
        value.val[i] = vqtbl4q_u8(letters, value.val[i]);
    vst4q_u8(out, value);
}

static void base64_groups(const uint8_t *in, size_t n, uint8_t *out) {
    uint8x16x4_t letters = alphabet();
    if (n < 16) {
        posta__kernels_portable.base64_groups(in, n, out);
        return;
    }
    for (; n >= 16; n -= 16, in += 48, out += 64)
        block(letters, in, out);
    if (n > 0) block(letters, in - 3 * (16 - n), out - 4 * (16 - n));
}

static void base64_lines(const uint8_t *in, size_t n, uint8_t *out) {
    uint8x16x4_t letters = alphabet();
    for (; n > 0; n--, in += 57, out += 78) {
        out[0] = '\r';
        out[1] = '\n';
        block(letters, in, out + 2);
        block(letters, in + 9, out + 14);
    }
}

/* ---- runs ---- */

/* Four bits for each octet that is all ones. */
static inline uint64_t bits(uint8x16_t all_or_none) {
    uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(all_or_none), 4);
    return vget_lane_u64(vreinterpret_u64_u8(nibbles), 0);
}

/* Where the first of them is; 16: nowhere. */
static inline size_t first(uint64_t bits) {
    return bits ? (size_t)__builtin_ctzll(bits) / 4 : WIDE;
}

/* Copies, and has bits for each octet that is not plain. */
static inline uint64_t copy_wide(const uint8_t *in, uint8_t *out) {
    uint8x16_t v = vld1q_u8(in);
    vst1q_u8(out, v);
    uint8x16_t is_special = vorrq_u8(vceqq_u8(v, vdupq_n_u8('=')), vcgtq_u8(v, vdupq_n_u8(0x7E)));
    uint8x16_t is_control = vbicq_u8(vcltq_u8(v, vdupq_n_u8(0x20)), vceqq_u8(v, vdupq_n_u8('\t')));
    return bits(vorrq_u8(is_special, is_control));
}

static size_t qp_plain(const uint8_t *in, size_t most, size_t len, uint8_t *out) {
    size_t n = 0;
    if (most < WIDE && len >= WIDE) {
        n = first(copy_wide(in, out));
        return n < most ? n : most;
    }
    if (most < WIDE) return posta__kernels_portable.qp_plain(in, most, len, out);
    while (n < most) {
        if (n > most - WIDE) n = most - WIDE;
        uint64_t odd = copy_wide(in + n, out + n);
        if (odd) return n + first(odd);
        n += WIDE;
    }
    return n;
}

static inline uint8x16_t line_ends(uint8x16_t v) {
    return vorrq_u8(vceqq_u8(v, vdupq_n_u8('\r')), vceqq_u8(v, vdupq_n_u8('\n')));
}

/* ---- lines ---- */

static inline size_t copy_block(const uint8_t *in, uint8_t *out) {
    uint8x16_t v = vld1q_u8(in);
    uint64_t stops = bits(vorrq_u8(line_ends(v), vceqzq_u8(v)));
    vst1q_u8(out, v);
    return stops ? first(stops) : WIDE;
}

#define LINE_BLOCK WIDE
#define VECTOR
#include "simd_lines_i.h"

/* The line ends of a block, and the runs between them. */
static inline void take_ends(posta__scan *s, const uint8_t *in, uint64_t ends) {
    size_t at = 0;
    while (ends) {
        size_t n = first(ends);
        posta__scan_run(s, n - at);
        posta__scan_line_end(s, in[n]);
        at = n + 1;
        ends &= ~((uint64_t)15 << 4 * n);
    }
    posta__scan_run(s, WIDE - at);
}

static void scan(posta__scan *s, const uint8_t *in, size_t len) {
    for (; len >= WIDE; in += WIDE, len -= WIDE) {
        uint8x16_t v = vld1q_u8(in);
        s->high += vaddvq_u8(vshrq_n_u8(v, 7));
        s->nul += vaddvq_u8(vshrq_n_u8(vceqzq_u8(v), 7));
        take_ends(s, in, bits(line_ends(v)));
    }
    posta__kernels_portable.scan(s, in, len);
}

/* Each octet is judged together with the next one; what is left at the end is one octet at least.
 */
static bool is_filtered(const uint8_t *in, size_t len, size_t *column, bool *has_high) {
    const uint8x16_t cr = vdupq_n_u8('\r'), lf = vdupq_n_u8('\n'), dot = vdupq_n_u8('.');
    uint8x16_t wrong = vdupq_n_u8(0), tops = wrong;
    size_t n = 0, line = 0;
    bool tail_has_high;
    if (*in == '\n') return false; /* the octet before is no CR */
    for (; len - n > WIDE; n += WIDE) {
        uint8x16_t v = vld1q_u8(in + n), next = vld1q_u8(in + n + 1), is_lf = vceqq_u8(v, lf);
        uint8x16_t half = veorq_u8(vceqq_u8(v, cr), vceqq_u8(next, lf));
        uint64_t ends = bits(is_lf);
        wrong = vorrq_u8(wrong, vorrq_u8(half, vceqzq_u8(v)));
        wrong = vorrq_u8(wrong, vandq_u8(is_lf, vceqq_u8(next, dot)));
        tops = vorrq_u8(tops, v);
        if (!ends) continue;
        *column += n - line + first(ends);
        if (*column > POSTA_MAX_LINE + 1) return false; /* with the CR */
        line = n + WIDE - (size_t)__builtin_clzll(ends) / 4;
        *column = 0;
    }
    if (bits(wrong)) return false;
    if (n > 0 && in[n - 1] == '\r') n--; /* the portable one sees both halves */
    *column += n - line;
    if (!posta__kernels_portable.is_filtered(in + n, len - n, column, &tail_has_high)) return false;
    *has_high = tail_has_high || vmaxvq_u8(tops) > 127;
    return true;
}

const posta_kernels posta__kernels_simd = {base64_groups, base64_lines, qp_plain,
                                           text_lines,    scan,         is_filtered};

#endif
