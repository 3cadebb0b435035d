/* One mail from C. Usage: send URL FROM TO   (smtp://127.0.0.1:2525 ana@example.org
 * bob@example.org) */
#include <posta/posta.h>
#include <stdio.h>

int main(int argc, char **argv) {
    posta_message *m = NULL;
    posta_receipt receipt;
    posta_status status;
    if (argc != 4) {
        fprintf(stderr, "usage: %s URL FROM TO\n", argv[0]);
        return 2;
    }
    if (posta_message_new(posta_port_default(), &m) != POSTA_OK) return 1;
    posta_message_addresses(m, POSTA_FROM, argv[2]);
    posta_message_addresses(m, POSTA_TO, argv[3]);
    posta_message_subject(m, "Zażółć gęślą jaźń");
    posta_message_text(m, posta_body_string("Hello from C.\n"), NULL);

    status =
        posta_send(argv[1], m, NULL, &receipt); /* the first error of the setters is told here */
    if (status == POSTA_OK)
        printf("accepted for %zu of %zu: %u %s\n", receipt.accepted_n, receipt.recipients_n,
               receipt.reply.code, receipt.reply.text);
    else
        fprintf(stderr, "%s\n", receipt.message);
    posta_message_free(&m);
    return status == POSTA_OK ? 0 : 1;
}
