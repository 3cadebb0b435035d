/* libesmtp. It has no MIME of its own: "attach" and "text" are not for it. One session object opens
 * one connection; its messages go one behind the other.
 * Usage: esmtp PORT mails N */
#include <stddef.h> /* libesmtp.h needs it and does not say so */

#include <auth-client.h>
#include <libesmtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char mail[1200];

static const char *give(void **place, int *len, void *user) {
    size_t *given = *place; /* libesmtp frees it */
    (void)user;
    if (!given) *place = given = calloc(1, sizeof *given);
    if (!len) { /* from the begin */
        *given = 0;
        return NULL;
    }
    *len = *given ? 0 : (int)strlen(mail);
    *given = 1;
    return *len ? mail : NULL;
}

int main(int argc, char **argv) {
    smtp_session_t s;
    char host[64];
    size_t at;
    if (argc != 4 || strcmp(argv[2], "mails")) return 64;
    at = (size_t)snprintf(mail, sizeof mail,
                          "From: a@x.test\r\nTo: b@x.test\r\nSubject: bench\r\n\r\n");
    for (size_t i = 0; i < 1024; i++)
        mail[at + i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
    snprintf(host, sizeof host, "127.0.0.1:%s", argv[1]);
    auth_client_init();
    s = smtp_create_session();
    smtp_set_server(s, host);
    for (int i = atoi(argv[3]); i > 0; i--) {
        smtp_message_t m = smtp_add_message(s);
        smtp_set_reverse_path(m, "a@x.test");
        smtp_add_recipient(m, "b@x.test");
        smtp_set_messagecb(m, give, NULL);
    }
    if (!smtp_start_session(s)) {
        char why[128];
        fprintf(stderr, "esmtp: %s\n", smtp_strerror(smtp_errno(), why, sizeof why));
        return 1;
    }
    smtp_destroy_session(s);
    auth_client_exit();
    return 0;
}
