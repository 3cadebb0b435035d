/* The same without blocking: the next step is begun in the callback of the one before, and the loop
 * of the program waits as it likes, here with poll. Usage: nonblocking URL FROM TO */
#include <poll.h>
#include <posta/posta.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct job {
    const char *from, *to;
    size_t lines;
    int status;
} job;

/* All of the text, as much as is taken each time; it ends when the peer reads, or in a timeout. */
static void write_text(posta_session *s, const job *j) {
    posta_status status = POSTA_OK;
    for (size_t i = 0; i < j->lines && status == POSTA_OK; i++) {
        char line[64];
        size_t len = (size_t)snprintf(line, sizeof line, "line %zu of %zu\n", i + 1, j->lines);
        for (size_t at = 0; at < len && status == POSTA_OK;)
            at += posta_session_body(s, line + at, len - at, &status);
    }
    posta_session_end_message(s);
}

static void on_event(posta_session *s, const posta_event *event, void *user_data) {
    job *j = user_data;
    switch (event->type) {
    case POSTA_EVENT_CONNECTED: posta_session_sender(s, NULL, j->from, NULL, NULL); break;
    case POSTA_EVENT_SENDER_ACK: posta_session_recipient(s, NULL, j->to, POSTA_RECIPIENT_TO); break;
    case POSTA_EVENT_RECIPIENT_ACK: posta_session_begin_message(s, "Events", NULL, 0); break;
    case POSTA_EVENT_BEGIN_ACK: write_text(s, j); break;
    case POSTA_EVENT_END_ACK:
        printf("accepted: %.*s\n", (int)event->text.len, (const char *)event->text.p);
        j->status = 0;
        posta_session_disconnect(s);
        break;
    case POSTA_EVENT_DISCONNECTED: break;
    default: /* SERVER_ERROR, SERVER_RETRY, TIMEOUT, FAILED */
        fprintf(stderr, "%s\n", posta_session_receipt(s)->message);
        posta_session_disconnect(s);
    }
}

int main(int argc, char **argv) {
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_receipt why;
    posta_session *s = NULL;
    job j = {.lines = 1000, .status = 1};
    if (argc != 4) {
        fprintf(stderr, "usage: %s URL FROM TO\n", argv[0]);
        return 2;
    }
    j.from = argv[2];
    j.to = argv[3];
    config.url = argv[1];
    config.non_blocking = true;
    config.callback = on_event;
    config.user_data = &j;
    if (posta_session_new(&config, &s, &why) != POSTA_OK) {
        fprintf(stderr, "%s\n", why.message);
        return 1;
    }
    posta_session_connect(s);
    while (posta_session_execute(s, 0) == POSTA_E_IN_PROGRESS) {
        unsigned wants = posta_session_wants(s);
        struct pollfd p = {posta_session_pollfd(s), 0, 0};
        if (wants & POSTA_WANT_RX) p.events |= POLLIN;
        if (wants & POSTA_WANT_TX) p.events |= POLLOUT;
        poll(&p, 1, (int)posta_session_timeout(s));
    }
    posta_session_free(&s);
    return j.status;
}
