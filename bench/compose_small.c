/* Composes one message with 1 KB of text. Run under callgrind, twice: with 0 and with 1000 rounds;
 * the difference is the cost of composing. Usage: compose_small ROUNDS */
#include <posta/posta.h>
#include <stdlib.h>
#include <string.h>

static size_t compose(const char *text) {
    uint8_t store[4096];
    posta_message *m = NULL;
    posta_source source;
    size_t n = 0;
    posta_status status = POSTA_OK;
    if (posta_message_new(posta_port_default(), &m) != POSTA_OK) return 0;
    posta_message_addresses(m, POSTA_FROM, "ana@example.org");
    posta_message_addresses(m, POSTA_TO, "bob@example.org");
    posta_message_subject(m, "A short subject");
    posta_message_date(m, 1795539600);
    posta_message_id(m, "one@example.org");
    posta_message_text(m, posta_body_string(text), NULL);
    if (posta_message_compose(m, NULL, &source, NULL) == POSTA_OK)
        while (status == POSTA_OK) {
            posta_window w = {store, sizeof store, 0, 0};
            status = source.pull(source.user, &w);
            n += w.len;
        }
    posta_message_free(&m);
    return status == POSTA_END ? n : 0;
}

int main(int argc, char **argv) {
    char text[1025];
    memset(text, 'x', sizeof text);
    for (size_t i = 63; i < sizeof text; i += 64)
        text[i] = '\n';
    text[sizeof text - 1] = 0;
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--)
        if (compose(text) < 1024) return 1;
    return 0;
}
