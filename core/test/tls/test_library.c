/* The mbedTLS that is linked is the one whose headers core/tls was compiled with: their structs
 * differ between versions, and a linker does not see it. Prints which it is. */
#include "conn_i.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <mbedtls/version.h>

static void same_version(void **state) {
    char linked[64], text[18] = "";
    (void)state;
    mbedtls_version_get_string(text);
    (void)snprintf(linked, sizeof linked, "mbed TLS %s", text);
    assert_string_equal(posta_tls_library(), linked);
    print_message("%s\n", linked);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
