/* core/port: encoders in the vector instructions of this machine (codec_i.h says what they do).
 * simd.c chooses, simd_avx2.c and simd_neon.c have them; elsewhere, and with POSTA_SIMD=0, there
 * are none. */
#ifndef POSTA_SIMD_I_H
#define POSTA_SIMD_I_H

#include "codec_i.h"

#ifndef POSTA_SIMD
#define POSTA_SIMD 1
#endif

#if POSTA_SIMD && defined(__GNUC__) && defined(__x86_64__)
#define POSTA__AVX2 1
#elif POSTA_SIMD && defined(__GNUC__) && defined(__AARCH64EL__) && defined(__ARM_NEON)
#define POSTA__NEON 1
#endif

/** Those of this kind of machine; not all of its models need have what they use. */
extern const posta_kernels posta__kernels_simd;

/** This very machine has it. The answer never changes: any thread may ask at any time. */
bool posta__simd_fits(void);

#endif
