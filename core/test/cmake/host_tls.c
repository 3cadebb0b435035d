/* A host of the whole library: what it calls needs mbedTLS to be linked. Says as host.c what a status
 * means. */
#include <posta/posta.h>
#include <stdio.h>

int main(void) {
    posta_tls_config config = POSTA_TLS_CONFIG;
    posta_tls *tls = NULL;
    config.ca_file = "/nowhere/at/all.pem";
    posta_status status = posta_tls_new(&config, &tls, NULL);
    printf("%s\n", status == POSTA_E_FILE && posta_tls_library()[0]
                       ? posta_status_code(POSTA_E_TLS_NOT_BUILT)
                       : posta_status_code(status));
    return 0;
}
