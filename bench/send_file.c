/* Sends a file as attachment and says what it cost. Usage: send_file URL FILE */
#define _XOPEN_SOURCE 700
#include <posta/posta.h>
#include <stdio.h>
#include <sys/resource.h>

int main(int argc, char **argv) {
    posta_message *m = NULL;
    posta_receipt receipt;
    posta_status status;
    struct rusage used;
    if (argc != 3 || posta_message_new(posta_port_default(), &m) != POSTA_OK) return 2;
    posta_message_addresses(m, POSTA_FROM, "a@x.test");
    posta_message_addresses(m, POSTA_TO, "b@x.test");
    posta_message_text(m, posta_body_string("hi\n"), NULL);
    posta_message_attach_file(m, argv[2], NULL);
    status = posta_send(argv[1], m, NULL, &receipt);
    if (status != POSTA_OK) fprintf(stderr, "%s\n", receipt.message);
    getrusage(RUSAGE_SELF, &used);
    printf("%llu octets, %llu ms, peak RSS %ld KiB\n", (unsigned long long)receipt.bytes,
           (unsigned long long)receipt.duration_ms, used.ru_maxrss);
    posta_message_free(&m);
    return status == POSTA_OK ? 0 : 1;
}
