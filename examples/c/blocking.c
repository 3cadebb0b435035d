/* A message step by step, blocking: each call returns when the server has answered.
 * Usage: blocking URL FROM TO...   (smtp://127.0.0.1:2525 ana@example.org bob@example.org) */
#include <posta/posta.h>
#include <stdio.h>
#include <string.h>

static int failed(posta_session *s, const char *call) {
    fprintf(stderr, "%s: %s\n", call, posta_session_receipt(s)->message);
    posta_session_free(&s);
    return 1;
}

int main(int argc, char **argv) {
    static const char text[] = "Hello,\nthis is the first line.\n.and this one begins with a dot\n";
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_receipt why;
    posta_session *s = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: %s URL FROM TO...\n", argv[0]);
        return 2;
    }
    config.url = argv[1];
    config.agent = "blocking example";
    if (posta_session_new(&config, &s, &why) != POSTA_OK) {
        fprintf(stderr, "%s\n", why.message);
        return 1;
    }
    if (posta_session_connect(s) != POSTA_OK) return failed(s, "connect");
    if (posta_session_sender(s, "Ana", argv[2], NULL, NULL) != POSTA_OK) return failed(s, "sender");
    for (int i = 3; i < argc; i++)
        if (posta_session_recipient(s, NULL, argv[i], POSTA_RECIPIENT_TO) != POSTA_OK)
            fprintf(stderr, "%s\n", posta_session_receipt(s)->message); /* the others may follow */
    if (posta_session_begin_message(s, "Step by step", NULL, 0) != POSTA_OK)
        return failed(s, "begin_message");
    posta_session_body(s, text, strlen(text), NULL);
    if (posta_session_end_message(s) != POSTA_OK) return failed(s, "end_message");
    printf("accepted: %s\n", posta_session_receipt(s)->message_id);
    posta_session_disconnect(s);
    posta_session_free(&s);
    return 0;
}
