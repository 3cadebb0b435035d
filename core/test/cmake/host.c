/* A host that lives by the installed headers alone: says what a status means. */
#include <posta/posta.h>
#include <stdio.h>

int main(void) {
    printf("%s\n", posta_status_code(POSTA_E_TLS_NOT_BUILT));
    return 0;
}
