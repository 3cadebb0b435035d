/* posta, C. Usage: posta PORT attach FILE | text FILE | mails N */
#include <posta/posta.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char small_text[1025];

static void fill_small(void) {
    memset(small_text, 'x', 1024);
    for (size_t i = 63; i < 1024; i += 64)
        small_text[i] = '\n';
}

static posta_message *new_message(const char *what, const char *path) {
    posta_part_options as_qp = POSTA_PART_OPTIONS;
    posta_body body = posta_body_string(strcmp(what, "mails") ? "hi\n" : small_text);
    posta_message *m = NULL;
    if (posta_message_new(posta_port_default(), &m) != POSTA_OK) return NULL;
    posta_message_addresses(m, POSTA_FROM, "a@x.test");
    posta_message_addresses(m, POSTA_TO, "b@x.test");
    posta_message_subject(m, "bench");
    as_qp.encoding = POSTA_ENCODING_QUOTED_PRINTABLE;
    if (!strcmp(what, "attach")) posta_message_attach_file(m, path, NULL);
    if (!strcmp(what, "text")) {
        posta_source file;
        if (posta_file_source(posta_port_default(), path, &file, NULL) != POSTA_OK) return NULL;
        body = posta_body_source(file);
    }
    posta_message_text(m, body, strcmp(what, "text") ? NULL : &as_qp);
    return m;
}

static posta_status send_one(posta_session *s, const char *what, const char *path) {
    static posta_receipt receipt;
    posta_message *m = new_message(what, path);
    posta_status status = m ? posta_session_send_message(s, m, &receipt) : POSTA_E_MEMORY;
    if (status != POSTA_OK) fprintf(stderr, "posta: %s\n", receipt.message);
    posta_message_free(&m);
    return status;
}

int main(int argc, char **argv) {
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    char url[64];
    posta_status status;
    int n = 1;
    if (argc != 4) return 64;
    if (!strcmp(argv[2], "mails")) n = atoi(argv[3]);
    fill_small();
    snprintf(url, sizeof url, "smtp://127.0.0.1:%s", argv[1]);
    config.url = url;
    status = posta_session_new(&config, &s, NULL);
    if (status == POSTA_OK) status = posta_session_connect(s);
    while (status == POSTA_OK && n-- > 0)
        status = send_one(s, argv[2], argv[3]);
    if (status == POSTA_OK) posta_session_disconnect(s);
    posta_session_free(&s);
    return status == POSTA_OK ? 0 : 1;
}
