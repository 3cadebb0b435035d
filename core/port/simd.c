/* core/port: does this machine have the vector instructions that were compiled in? */
#include "simd_i.h"

#if POSTA__AVX2

/* Asks for the system's support of the wide registers too. */
bool posta__simd_fits(void) {
    __builtin_cpu_init(); /* a constructor of the host may call us before libgcc's own */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("popcnt");
}

#elif POSTA__NEON

/* AArch64 is not without. */
bool posta__simd_fits(void) {
    return true;
}

#else

const posta_kernels posta__kernels_simd = {NULL, NULL, NULL, NULL, NULL, NULL};

bool posta__simd_fits(void) {
    return false;
}

#endif
