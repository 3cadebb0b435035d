/* SCRAM-SHA-256 by the example of RFC 7677 3. */
#define NONCE_LEN 15u /* as long as the example's */
#include "../../auth/scram.c"

#include "t_auth.h"

#define THEIRS "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static void example(void **state) {
    t_exchange x;
    (void)state;
    t_nonce = "rOprNGfwEbeRWgbNEkqO";
    t_begin(&x, &posta__scram_sha256, t_login("user", "pencil"));
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_int_equal(t_answer(&x, "r=" THEIRS ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), POSTA_OK);
    t_said(&x, "c=biws,r=" THEIRS ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), POSTA_OK);
    assert_true(t_is_proven(&x));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(example)};
    if (!POSTA_TLS) return 0; /* no hashes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
