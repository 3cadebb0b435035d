/* The place offers what this very machine can do, and nothing else. */
#include "simd_i.h"

#include "posta/port.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_the_choice(void **state) {
    const posta_kernels *offered = posta_port_default()->kernels;
    (void)state;
    assert_ptr_equal(offered, posta__simd_fits() ? &posta__kernels_simd : NULL);
#if !POSTA__AVX2 && !POSTA__NEON
    assert_false(posta__simd_fits());
#elif POSTA__NEON
    assert_true(posta__simd_fits());
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
