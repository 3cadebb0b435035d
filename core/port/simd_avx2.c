/* core/port: the kernels for x86 with AVX2. Functions carry their own target, so that the rest of
 * the library runs on any x86.
 *
 * No load reaches past what was given: the last block of a run is one that ends where the run ends,
 * and does some octets twice. */
#include "simd_i.h"

#if POSTA__AVX2

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

enum { WIDE = 32, LINE = 3 * WIDE };

/* Where the first bit is in these 96; 96: nowhere. Without a branch: where a line of text ends
   cannot be foretold. */
AVX2 static inline size_t first(uint32_t a, uint32_t b, uint32_t c) {
    size_t near = _tzcnt_u64(a | (uint64_t)b << WIDE);
    size_t far = 2 * WIDE + _tzcnt_u32(c);
    return near < 2 * WIDE ? near : far;
}

/* ---- base64 ---- */

/* 24 octets become 32 characters. */
AVX2 static inline void block(const uint8_t *in, uint8_t *out) {
    /* Twelve octets a lane; the upper lane has its own at 4..15, so that no octet more is read.
       Each three become a word of octets 1 0 2 1, where every six bits lie within a half. */
    const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 5, 4,
                                            6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14);
    /* What is to be added to a value, by range: a-z, each digit, + and /, A-Z. */
    const __m256i shifts = _mm256_broadcastsi128_si256(
        _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
    __m128i low = _mm_loadu_si128((const __m128i *)in);
    __m128i high = _mm_loadu_si128((const __m128i *)(in + 8));
    __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    v = _mm256_shuffle_epi8(v, spread);
    /* Multiplied by powers of two: shifts, another one for each half. */
    __m256i even = _mm256_mulhi_epu16(_mm256_and_si256(v, _mm256_set1_epi32(0x0FC0FC00)),
                                      _mm256_set1_epi32(0x04000040));
    __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(v, _mm256_set1_epi32(0x003F03F0)),
                                     _mm256_set1_epi32(0x01000010));
    __m256i value = _mm256_or_si256(even, odd);
    __m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), value);
    __m256i range = _mm256_subs_epu8(value, _mm256_set1_epi8(51));
    range = _mm256_or_si256(range, _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));
    value = _mm256_add_epi8(value, _mm256_shuffle_epi8(shifts, range));
    _mm256_storeu_si256((__m256i *)out, value);
}

AVX2 static void base64_groups(const uint8_t *in, size_t n, uint8_t *out) {
    if (n < 8) {
        posta__kernels_portable.base64_groups(in, n, out);
        return;
    }
    for (; n >= 8; n -= 8, in += 24, out += 32)
        block(in, out);
    if (n > 0) block(in - 3 * (8 - n), out - 4 * (8 - n));
}

AVX2 static void base64_lines(const uint8_t *in, size_t n, uint8_t *out) {
    for (; n > 0; n--, in += 57, out += 78) {
        out[0] = '\r';
        out[1] = '\n';
        block(in, out + 2);
        block(in + 24, out + 34);
        block(in + 33, out + 46);
    }
}

/* ---- quoted-printable ---- */

/* A bit for each octet that is not plain. Comparing is signed: octets >= 0x80 are below 0x20. */
AVX2 static inline uint32_t odd_ones(__m256i v) {
    __m256i is_visible = _mm256_cmpgt_epi8(v, _mm256_set1_epi8(0x1F));
    __m256i is_special = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('=')),
                                         _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7F)));
    __m256i is_tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
    __m256i is_plain = _mm256_or_si256(_mm256_andnot_si256(is_special, is_visible), is_tab);
    return ~(uint32_t)_mm256_movemask_epi8(is_plain);
}

AVX2 static inline uint32_t copy_wide(const uint8_t *in, uint8_t *out) {
    __m256i v = _mm256_loadu_si256((const __m256i *)in);
    _mm256_storeu_si256((__m256i *)out, v);
    return odd_ones(v);
}

AVX2 static size_t qp_plain(const uint8_t *in, size_t most, size_t len, uint8_t *out) {
    size_t n = 0;
    if (len >= LINE && most <= LINE) {
        uint32_t a = copy_wide(in, out), b = copy_wide(in + WIDE, out + WIDE);
        n = first(a, b, copy_wide(in + 2 * WIDE, out + 2 * WIDE));
        return n < most ? n : most;
    }
    if (most < WIDE) return posta__kernels_portable.qp_plain(in, most, len, out);
    while (n < most) {
        if (n > most - WIDE) n = most - WIDE;
        uint32_t odd = copy_wide(in + n, out + n);
        if (odd) return n + _tzcnt_u32(odd);
        n += WIDE;
    }
    return n;
}

/* ---- blocks ---- */

enum { BLOCK = 2 * WIDE };

AVX2 static inline __m256i load(const uint8_t *in) {
    return _mm256_loadu_si256((const __m256i *)in);
}

/* A bit for each of 64 octets. */
AVX2 static inline uint64_t block_bits(__m256i a, __m256i b) {
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << WIDE;
}

AVX2 static inline uint64_t that_are(char c, __m256i a, __m256i b) {
    __m256i same = _mm256_set1_epi8(c);
    return block_bits(_mm256_cmpeq_epi8(a, same), _mm256_cmpeq_epi8(b, same));
}

AVX2 static inline size_t lowest(uint64_t ones) {
    return (unsigned)__builtin_ctzll(ones);
}

/* ---- lines ---- */

/* CR, LF and NUL are found by a table that has each at the place of its lower half, and elsewhere
   what cannot be found there. */
AVX2 static inline __m256i stops_in(__m256i v) {
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, '\n', -1, -1, '\r', -1, -1));
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, v), v);
}

AVX2 static inline size_t copy_block(const uint8_t *in, uint8_t *out) {
    __m256i a = load(in), b = load(in + WIDE);
    uint64_t stops = block_bits(stops_in(a), stops_in(b));
    _mm256_storeu_si256((__m256i *)out, a);
    _mm256_storeu_si256((__m256i *)(out + WIDE), b);
    return stops ? lowest(stops) : BLOCK;
}

#define LINE_BLOCK BLOCK
#define VECTOR     AVX2
#include "simd_lines_i.h"

/* ---- scan ---- */

AVX2 static inline uint64_t count(uint64_t ones) {
    return (uint64_t)__builtin_popcountll(ones);
}

/* Has a CR, a NUL or an octet >= 0x80: signed, the last two are below 1. */
AVX2 static inline bool has_rare(__m256i a, __m256i b) {
    __m256i cr = _mm256_set1_epi8('\r');
    __m256i is_cr = _mm256_or_si256(_mm256_cmpeq_epi8(a, cr), _mm256_cmpeq_epi8(b, cr));
    __m256i is_low = _mm256_cmpgt_epi8(_mm256_set1_epi8(1), _mm256_min_epi8(a, b));
    __m256i is_rare = _mm256_or_si256(is_cr, is_low);
    return !_mm256_testz_si256(is_rare, is_rare);
}

/* Counts them among the fresh octets of a block; the answer is where CR is. Whoever asks has all
   line ends for LF alone. */
AVX2 static uint64_t take_rare(posta__scan *s, __m256i a, __m256i b, uint64_t fresh, uint64_t lf) {
    uint64_t cr = that_are('\r', a, b) & fresh;
    uint64_t behind_cr = cr << 1 | (s->after_cr ? fresh & (~fresh + 1) : 0);
    uint64_t pairs = count(lf & behind_cr);
    s->high += count(block_bits(a, b) & fresh);
    s->nul += count(that_are(0, a, b) & fresh);
    s->bare_cr += count(behind_cr & ~lf);
    s->bare_lf -= count(cr) + pairs;
    s->canonical -= 2 * pairs;
    s->after_cr = cr >> (BLOCK - 1);
    return cr;
}

AVX2 static void scan(posta__scan *s, const uint8_t *in, size_t len) {
    size_t at = 0, last = len - BLOCK, line = 0 - (size_t)s->column, ends_n = 0;
    uint64_t fresh = ~UINT64_C(0); /* the last block begins within the one before */
    if (len < BLOCK) {
        posta__kernels_portable.scan(s, in, len);
        return;
    }
    for (;;) {
        __m256i a = load(in + at), b = load(in + at + WIDE);
        uint64_t ends = that_are('\n', a, b) & fresh;
        if (s->after_cr || has_rare(a, b)) ends |= take_rare(s, a, b, fresh, ends);
        for (; ends; ends &= ends - 1) {
            size_t end = at + lowest(ends);
            if (end - line > s->longest) s->longest = end - line;
            line = end + 1;
            ends_n++;
        }
        at += BLOCK;
        if (at <= last) continue;
        if (at == len) break;
        fresh <<= at - last;
        at = last;
    }
    s->column = len - line;
    s->bare_lf += ends_n;
    s->canonical += len + ends_n;
}

/* ---- what was filtered ---- */

/* Each octet is judged together with the next one; what is left at the end is one octet at least.
 */
AVX2 static bool is_filtered(const uint8_t *in, size_t len, size_t *column, bool *has_high) {
    const __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n'),
                  zero = _mm256_setzero_si256();
    __m256i wrong = zero, tops = zero;
    size_t n = 0, line = 0;
    bool tail_has_high;
    if (*in == '\n') return false; /* the octet before is no CR */
    for (; len - n > WIDE; n += WIDE) {
        __m256i v = load(in + n), next = load(in + n + 1), is_lf = _mm256_cmpeq_epi8(v, lf);
        __m256i half = _mm256_xor_si256(_mm256_cmpeq_epi8(v, cr), _mm256_cmpeq_epi8(next, lf));
        __m256i dot = _mm256_and_si256(is_lf, _mm256_cmpeq_epi8(next, _mm256_set1_epi8('.')));
        uint32_t ends = (uint32_t)_mm256_movemask_epi8(is_lf);
        wrong = _mm256_or_si256(wrong, _mm256_or_si256(half, dot));
        wrong = _mm256_or_si256(wrong, _mm256_cmpeq_epi8(v, zero));
        tops = _mm256_or_si256(tops, v);
        if (!ends) continue;
        *column += n - line + lowest(ends);
        if (*column > POSTA_MAX_LINE + 1) return false; /* with the CR */
        line = n + WIDE - (size_t)__builtin_clz(ends);
        *column = 0;
    }
    if (!_mm256_testz_si256(wrong, wrong)) return false;
    if (n > 0 && in[n - 1] == '\r') n--; /* the portable one sees both halves */
    *column += n - line;
    if (!posta__kernels_portable.is_filtered(in + n, len - n, column, &tail_has_high)) return false;
    *has_high = tail_has_high || _mm256_movemask_epi8(tops) != 0;
    return true;
}

const posta_kernels posta__kernels_simd = {base64_groups, base64_lines, qp_plain,
                                           text_lines,    scan,         is_filtered};

#endif
