/* A program as the model's users write it, in non-blocking mode: every step is taken in the event
 * callback, all of the body inside BOM_ACK; the main loop waits for a semaphore that the async
 * callback raises, no longer than the read timer says, and executes. Its only header of posta is
 * posta/treck.h. Usage: nonblocking PORT [OCTETS] (a server on 127.0.0.1, and the body's length)
 */
#include <posta/treck.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a semaphore ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t raised = PTHREAD_COND_INITIALIZER;
static int count;

static void semaphore_raise(void) {
    pthread_mutex_lock(&mutex);
    count = 1;
    pthread_cond_signal(&raised);
    pthread_mutex_unlock(&mutex);
}

/* Waits for it, at most that many milliseconds; < 0: until it is raised. */
static void semaphore_wait(int ms) {
    struct timespec until;
    int over = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    if (ms > 0) {
        until.tv_sec += ms / 1000;
        until.tv_nsec += (long)(ms % 1000) * 1000000;
    }
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    while (!count && !over)
        over = ms < 0 ? pthread_cond_wait(&raised, &mutex)
                      : pthread_cond_timedwait(&raised, &mutex, &until);
    count = 0;
    pthread_mutex_unlock(&mutex);
}

/* ---- the mail ---- */

typedef struct job {
    int octets; /* of the body */
    int waits, mails, refused, done, failed;
} job;

static const char *const recipients[] = {"ana@y.example", "gone@y.example", "full@y.example",
                                         "eve@y.example"};

static void fail(job *j, const char *what, int number) {
    printf("%s: %d\n", what, number);
    j->failed = j->done = 1;
}

static void begun(job *j, const char *call, int error) {
    if (error != TM_EINPROGRESS) fail(j, call, error);
}

static int next_recipient;

static void send_next_recipient(ttSmtpClientHandle handle, job *j) {
    if (next_recipient < 4) {
        int type = next_recipient == 3 ? TM_SMTP_RECIPIENT_BCC : TM_SMTP_RECIPIENT_TO;
        const char *address = recipients[next_recipient++];
        begun(j, "SendRecipientInfo", tfSmtpUserSendRecipientInfo(handle, NULL, address, type));
        return;
    }
    begun(j, "SendBom", tfSmtpUserSendBom(handle, "Log", "Dec 31, 2025: 11:59 PM", 0));
}

/* The model's loop: until all is taken. It stands on a call that writes what is queued. */
static void send_body(ttSmtpClientHandle handle, job *j) {
    static const char line[] =
        "0123456789012345678901234567890123456789012345678901234567890123\r\n";
    int error = TM_ENOERROR, sent = 0;

    while (sent < j->octets && (error == TM_ENOERROR || error == TM_EINPROGRESS)) {
        int at = sent % (int)(sizeof line - 1), left = (int)(sizeof line - 1) - at;
        int taken;
        if (left > j->octets - sent) left = j->octets - sent;
        taken = tfSmtpUserSendBody(handle, line + at, left, &error);
        if (taken < 0 || taken > left) fail(j, "SendBody took", taken);
        sent += taken;
    }
    if (error != TM_ENOERROR && error != TM_EINPROGRESS) {
        fail(j, "SendBody", error);
        return;
    }
    begun(j, "SendEom", tfSmtpUserSendEom(handle));
}

static void refused(ttSmtpClientHandle handle, job *j) {
    printf("the server said: %s\n", tfSmtpUserGetLastServerResponse(handle));
    j->refused++;
    send_next_recipient(handle, j);
}

static void on_event(ttSmtpClientHandle handle, int event) {
    job *j = (job *)tfSmtpUserGetPointer(handle);

    switch (event) {
    case TM_SMTP_EVENT_SECURE_OK:
    case TM_SMTP_EVENT_AUTH_OK: break;
    case TM_SMTP_EVENT_CONNECTED:
        begun(j, "SendSenderInfo",
              tfSmtpUserSendSenderInfo(handle, "Logger", "log@x.example", NULL, NULL));
        break;
    case TM_SMTP_EVENT_SENDER_ACK:
        next_recipient = 0;
        send_next_recipient(handle, j);
        break;
    case TM_SMTP_EVENT_RECIPIENT_ACK: send_next_recipient(handle, j); break;
    case TM_SMTP_EVENT_BOM_ACK: send_body(handle, j); break;
    case TM_SMTP_EVENT_EOM_ACK:
        j->mails++;
        begun(j, "SendNoop", tfSmtpUserSendNoop(handle));
        break;
    case TM_SMTP_EVENT_NOOP_ACK: begun(j, "Reset", tfSmtpUserReset(handle)); break;
    case TM_SMTP_EVENT_RESET: begun(j, "Disconnect", tfSmtpUserDisconnect(handle)); break;
    case TM_SMTP_EVENT_DISCONNECTED: j->done = 1; break;
    case TM_SMTP_EVENT_SERVER_ERROR:
    case TM_SMTP_EVENT_SERVER_RETRY: refused(handle, j); break;
    case TM_SMTP_EVENT_AUTH_FAIL:
    case TM_SMTP_EVENT_SECURE_FAIL:
    case TM_SMTP_EVENT_TIMEOUT:
    case TM_SMTP_EVENT_FAILED:
    default: fail(j, "event", event);
    }
}

static void on_work(ttSmtpClientHandle handle) {
    (void)handle;
    semaphore_raise();
}

int main(int argc, char **argv) {
    job j = {0, 0, 0, 0, 0, 0};
    struct sockaddr_storage server;
    int error;
    ttSmtpClientHandle handle;

    if (argc < 2) return 1;
    j.octets = argc > 2 ? atoi(argv[2]) : 100;
    handle = tfSmtpUserNewSession("logger", on_event, 30, TM_BLOCKING_OFF, &error);
    if (!handle) return 1;
    tfSmtpUserSetPointer(handle, &j);
    error = tfSmtpUserSetAsyncCB(handle, on_work);
    if (error != TM_ENOERROR) fail(&j, "SetAsyncCB", error);

    memset(&server, 0, sizeof server);
    server.addr.ipv4.sin_family = AF_INET;
    server.addr.ipv4.sin_port = htons((unsigned short)atoi(argv[1]));
    server.addr.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    begun(&j, "Connect", tfSmtpUserConnect(handle, &server, NULL, NULL));

    while (!j.done) {
        error = tfSmtpUserExecute(handle);
        if (j.done || error != TM_EINPROGRESS) continue;
        j.waits++;
        semaphore_wait(tfSmtpUserReadTimer(handle));
    }
    tfSmtpUserSetAsyncCB(handle, NULL);
    tfSmtpUserFreeSession(handle);
    printf("%d mails, %d refused, %d waits\n", j.mails, j.refused, j.waits);
    return j.failed || j.mails != 1 || j.refused != 2 || j.waits > 200;
}
