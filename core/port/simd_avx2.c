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

/* ---- lines ---- */

AVX2 static inline __m256i load(const uint8_t *in) {
    return _mm256_loadu_si256((const __m256i *)in);
}

AVX2 static inline __m256i line_ends(__m256i v) {
    return _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\r')),
                           _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')));
}

AVX2 static inline uint32_t bits(__m256i v) {
    return (uint32_t)_mm256_movemask_epi8(v);
}

AVX2 static inline __m256i zeros(__m256i v) {
    return _mm256_cmpeq_epi8(v, _mm256_setzero_si256());
}

AVX2 static inline uint32_t copy_text(const uint8_t *in, uint8_t *out) {
    __m256i v = load(in);
    _mm256_storeu_si256((__m256i *)out, v);
    return bits(_mm256_or_si256(line_ends(v), zeros(v)));
}

AVX2 static size_t text_run(const uint8_t *in, size_t len, uint8_t *out) {
    size_t n = 0;
    if (len < WIDE) return posta__kernels_portable.text_run(in, len, out);
    if (len >= LINE) {
        uint32_t a = copy_text(in, out), b = copy_text(in + WIDE, out + WIDE);
        n = first(a, b, copy_text(in + 2 * WIDE, out + 2 * WIDE));
        if (n < LINE) return n;
    }
    while (n < len) {
        if (n > len - WIDE) n = len - WIDE;
        uint32_t stops = copy_text(in + n, out + n);
        if (stops) return n + _tzcnt_u32(stops);
        n += WIDE;
    }
    return n;
}

AVX2 static inline uint64_t count(__m256i a, __m256i b) {
    return (uint64_t)(__builtin_popcount(bits(a)) + __builtin_popcount(bits(b)));
}

/* The line ends of 64 octets, and the runs between them. */
AVX2 static inline void take_ends(posta__scan *s, const uint8_t *in, uint64_t ends) {
    size_t at = 0;
    for (; ends; ends &= ends - 1) {
        size_t n = (size_t)__builtin_ctzll(ends);
        posta__scan_run(s, n - at);
        posta__scan_line_end(s, in[n]);
        at = n + 1;
    }
    posta__scan_run(s, 2 * WIDE - at);
}

AVX2 static void scan(posta__scan *s, const uint8_t *in, size_t len) {
    for (; len >= 2 * WIDE; in += 2 * WIDE, len -= 2 * WIDE) {
        __m256i a = load(in), b = load(in + WIDE);
        if (bits(_mm256_or_si256(a, b))) s->high += count(a, b);
        if (bits(zeros(_mm256_min_epu8(a, b)))) s->nul += count(zeros(a), zeros(b));
        take_ends(s, in, bits(line_ends(a)) | (uint64_t)bits(line_ends(b)) << WIDE);
    }
    posta__kernels_portable.scan(s, in, len);
}

/* Each octet is judged together with the next one; what is left at the end is one octet at least.
 */
AVX2 static bool is_filtered(const uint8_t *in, size_t len, size_t *column, bool *has_high) {
    const __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n');
    __m256i wrong = _mm256_setzero_si256(), tops = wrong;
    size_t n = 0, line = 0;
    bool tail_has_high;
    if (*in == '\n') return false; /* the octet before is no CR */
    for (; len - n > WIDE; n += WIDE) {
        __m256i v = load(in + n), next = load(in + n + 1), is_lf = _mm256_cmpeq_epi8(v, lf);
        __m256i half = _mm256_xor_si256(_mm256_cmpeq_epi8(v, cr), _mm256_cmpeq_epi8(next, lf));
        __m256i dot = _mm256_and_si256(is_lf, _mm256_cmpeq_epi8(next, _mm256_set1_epi8('.')));
        uint32_t ends = bits(is_lf);
        wrong = _mm256_or_si256(wrong, _mm256_or_si256(_mm256_or_si256(half, dot), zeros(v)));
        tops = _mm256_or_si256(tops, v);
        if (!ends) continue;
        *column += n - line + (size_t)__builtin_ctz(ends);
        if (*column > POSTA_MAX_LINE + 1) return false; /* with the CR */
        line = n + WIDE - (size_t)__builtin_clz(ends);
        *column = 0;
    }
    if (bits(wrong)) return false;
    if (n > 0 && in[n - 1] == '\r') n--; /* the portable one sees both halves */
    *column += n - line;
    if (!posta__kernels_portable.is_filtered(in + n, len - n, column, &tail_has_high)) return false;
    *has_high = tail_has_high || bits(tops) != 0;
    return true;
}

const posta_kernels posta__kernels_simd = {base64_groups, base64_lines, qp_plain,
                                           text_run,      scan,         is_filtered};

#endif
