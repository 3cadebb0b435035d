/* Messages with 1 KB of text. Run under callgrind, with 0 and with 1000 rounds: the difference is
 * what a round costs. Usage: compose_small ROUNDS [whole|make|compose]
 *
 *     whole    a message is made, composed, pulled and freed
 *     make     it is made and freed: whole without make is what composing a new message costs
 *     compose  one message, composed and pulled again: what it has seen of its text it knows
 *
 * Prints which kernels run, and the most memory blocks that a message took. */
#include <posta/posta.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned blocks_n;

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    const posta_port *standard = user;
    blocks_n += len > 0;
    return standard->allocate(standard->user, old, old_len, len);
}

static posta_message *make(const posta_port *port, const char *text) {
    posta_message *m = NULL;
    if (posta_message_new(port, &m) != POSTA_OK) return NULL;
    posta_message_addresses(m, POSTA_FROM, "ana@example.org");
    posta_message_addresses(m, POSTA_TO, "bob@example.org");
    posta_message_subject(m, "A short subject");
    posta_message_date(m, 1795539600);
    posta_message_id(m, "one@example.org");
    posta_message_text(m, posta_body_string(text), NULL);
    return m;
}

/* Octets of the message; 0: it failed. */
static size_t compose(posta_message *m) {
    uint8_t store[4096];
    posta_source source;
    size_t n = 0;
    posta_status status = posta_message_compose(m, NULL, &source, NULL);
    while (status == POSTA_OK) {
        posta_window w = {store, sizeof store, 0, 0};
        status = source.pull(source.user, &w);
        n += w.len;
    }
    return status == POSTA_END ? n : 0;
}

/* Lines of 0 to 78 octets, words of ASCII, as people write. */
static void fill(char *text, size_t len) {
    uint32_t dice = 2463534242u;
    size_t column = 0, line = 60;
    for (size_t i = 0; i < len; i++) {
        dice = dice * 1664525u + 1013904223u;
        text[i] = (char)((dice >> 24) % 7 == 0 ? ' ' : 'a' + (dice >> 16) % 26);
        if (column++ < line && i + 1 < len) continue;
        text[i] = '\n';
        column = 0;
        line = (dice >> 20) % 8 == 0 ? 0 : 48 + (dice >> 16) % 30;
    }
    text[len] = 0;
}

int main(int argc, char **argv) {
    const posta_port *standard = posta_port_default();
    posta_port port = *standard;
    char text[1025];
    const char *mode = argc > 2 ? argv[2] : "whole";
    bool is_compose = strcmp(mode, "compose") == 0, is_make = strcmp(mode, "make") == 0;
    unsigned most = 0;
    posta_message *m;
    if (!is_compose && !is_make && strcmp(mode, "whole") != 0) return 2;
    port.user = (void *)(uintptr_t)standard;
    port.allocate = allocate;
    fill(text, sizeof text - 1);
    m = is_compose ? make(&port, text) : NULL;
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--) {
        if (!is_compose) blocks_n = 0;
        if (!is_compose) m = make(&port, text);
        if (!m || (!is_make && compose(m) < 1024)) return 1;
        if (!is_compose) posta_message_free(&m);
        if (blocks_n > most) most = blocks_n;
    }
    posta_message_free(&m);
    printf("kernels: %s, blocks: %u\n", port.kernels ? "vector" : "portable", most);
    return 0;
}
