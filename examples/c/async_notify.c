/* No descriptor to poll: a thread of posta's says when execute has work, here by a semaphore, and
 * the timer says how long to wait at most. Usage: async_notify URL FROM TO... */
#define _POSIX_C_SOURCE 200809L
#include <posta/posta.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

static sem_t work;

static void has_work(posta_session *s, void *user_data) {
    (void)s;
    (void)user_data;
    sem_post(&work);
}

/* Until the action has its verdict: the model's loop of semaphore, timer and execute. */
static posta_status finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
        int64_t left = posta_session_read_timer(s);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += left < 0 ? 60 : (time_t)(left / 1000 + 1);
        sem_timedwait(&work, &until);
    }
    return status;
}

static int failed(posta_session *s) {
    fprintf(stderr, "%s\n", posta_session_receipt(s)->message);
    posta_session_free(&s);
    return 1;
}

int main(int argc, char **argv) {
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_receipt why;
    posta_session *s = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: %s URL FROM TO...\n", argv[0]);
        return 2;
    }
    config.url = argv[1];
    config.non_blocking = true;
    sem_init(&work, 0, 0);
    if (posta_session_new(&config, &s, &why) != POSTA_OK) {
        fprintf(stderr, "%s\n", why.message);
        return 1;
    }
    posta_session_set_async_callback(s, has_work);
    posta_session_connect(s);
    if (finish(s) != POSTA_OK) return failed(s);
    posta_session_sender(s, NULL, argv[2], NULL, NULL);
    if (finish(s) != POSTA_OK) return failed(s);
    for (int i = 3; i < argc; i++) {
        posta_session_recipient(s, NULL, argv[i], POSTA_RECIPIENT_BCC);
        if (finish(s) != POSTA_OK) return failed(s);
    }
    posta_session_begin_message(s, "Told by a thread", NULL, 0);
    if (finish(s) != POSTA_OK) return failed(s);
    posta_session_body(s, "Hello.\n", 7, NULL);
    posta_session_end_message(s);
    if (finish(s) != POSTA_OK) return failed(s);
    printf("accepted for %zu\n", posta_session_receipt(s)->accepted_n);
    posta_session_disconnect(s);
    finish(s);
    posta_session_free(&s);
    return 0;
}
