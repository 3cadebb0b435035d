/* A program as the model's users write it, in blocking mode: a meter sends its readings. Its only
 * header of posta is posta/treck.h. Usage: blocking PORT (of a server on 127.0.0.1)
 */
#include <posta/treck.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

/* The model's calls answer 0 when the server has done what it was asked. */
static void want(const char *call, int error, int wanted) {
    if (error == wanted) return;
    printf("%s: %d, not %d\n", call, error, wanted);
    failed = 1;
}

/* ---- the session ---- */

static int counter; /* what the session's pointer leads to */

static void set_up(ttSmtpClientHandle handle) {
    ttUserGenericUnion value, back;
    int on = 1;

    want("SetPointer", tfSmtpUserSetPointer(handle, (ttUserVoidPtr)&counter), TM_ENOERROR);
    if (tfSmtpUserGetPointer(handle) != &counter) want("GetPointer", TM_EINVAL, TM_ENOERROR);

    value.genIntParm = 20;
    want("timeout", tfSmtpUserSetSessionOption(handle, TM_SMTP_OPTION_TIMEOUT, value), TM_ENOERROR);
    want("timeout", tfSmtpUserGetSessionOption(handle, TM_SMTP_OPTION_TIMEOUT, &back), TM_ENOERROR);
    want("timeout", back.genIntParm, 20);

    value.genIntParm = TM_SMTP_SSL_OPTIONAL;
    want("mode", tfSmtpUserSetSessionOption(handle, TM_SMTP_OPTION_SSL_MODE, value), TM_ENOERROR);
    value.genIntParm = 17;
    tfSmtpUserSetSessionOption(handle, TM_SMTP_OPTION_SSL_MODE, value);

    value.genConstCharParmPtr = "meter.test";
    want("hello", tfSmtpUserSetSessionOption(handle, TM_SMTP_OPTION_HELLO, value), TM_ENOERROR);
    value.genIntParm = TM_BLOCKING_ON;
    want("mode", tfSmtpUserSetSessionOption(handle, TM_SMTP_OPTION_BLOCKING, value), TM_ENOERROR);

    want("SetSockOpt",
         tfSmtpUserSetSockOpt(handle, AF_INET, SOL_SOCKET, SO_KEEPALIVE, (const char TM_FAR *)&on,
                              sizeof on),
         TM_ENOERROR);
    want("SetSsl", tfSmtpUserSetSsl(handle, -1), TM_EINVAL);
}

static void connect_to(ttSmtpClientHandle handle, int port) {
    struct sockaddr_storage server;

    memset(&server, 0, sizeof server);
    server.ss_len = sizeof server.addr.ipv4;
    server.ss_family = AF_INET;
    server.ss_port = htons((unsigned short)port);
    server.addr.ipv4.sin_addr.s_addr = inet_addr("127.0.0.1");
    server.addr.ipv4.sin_len = sizeof server.addr.ipv4;
    want("Connect", tfSmtpUserConnect(handle, &server, NULL, NULL), TM_ENOERROR);
    want("Connect again", tfSmtpUserConnect(handle, &server, NULL, NULL), TM_EISCONN);
}

/* ---- two mails ---- */

static void send_text(ttSmtpClientHandle handle, const char *text) {
    int left = (int)strlen(text), error = TM_ENOERROR;

    while (left > 0 && (error == TM_ENOERROR || error == TM_EINPROGRESS)) {
        int taken = tfSmtpUserSendBody(handle, text, left, &error);
        text += taken;
        left -= taken;
    }
    want("SendBody", error, TM_ENOERROR);
}

static void send_readings(ttSmtpClientHandle handle) {
    int error = tfSmtpUserSendSenderInfo(handle, "Meter 7", "meter@x.example", "Office",
                                         "office@x.example");
    want("SendSenderInfo", error, TM_ENOERROR);
    want("TO", tfSmtpUserSendRecipientInfo(handle, "Ana", "ana@y.example", TM_SMTP_RECIPIENT_TO),
         TM_ENOERROR);
    want("CC", tfSmtpUserSendRecipientInfo(handle, NULL, "bob@y.example", TM_SMTP_RECIPIENT_CC),
         TM_ENOERROR);
    want("BCC", tfSmtpUserSendRecipientInfo(handle, NULL, "eve@y.example", TM_SMTP_RECIPIENT_BCC),
         TM_ENOERROR);
    want("refused",
         tfSmtpUserSendRecipientInfo(handle, NULL, "gone@y.example", TM_SMTP_RECIPIENT_TO),
         TM_ESERVERPERM);
    printf("the server said: %s\n", tfSmtpUserGetLastServerResponse(handle));
    want("later", tfSmtpUserSendRecipientInfo(handle, NULL, "full@y.example", TM_SMTP_RECIPIENT_TO),
         TM_ESERVERTEMP);
    want("SendBom", tfSmtpUserSendBom(handle, "Readings", "Sep 8, 2003: 2:43 PM", 0), TM_ENOERROR);
    send_text(handle, "kWh 17\r\n");
    send_text(handle, ".m3 4\r\n");
    want("SendEom", tfSmtpUserSendEom(handle), TM_ENOERROR);
}

static ttMimeHandle make_message(void) {
    posta_part_options part = POSTA_PART_OPTIONS;
    posta_message *message = NULL;

    part.name = "readings.csv";
    if (posta_message_new(posta_port_default(), &message) != POSTA_OK) exit(1);
    posta_message_text(message, posta_body_string("See the table."), NULL);
    posta_message_attach(message, posta_body_string("kWh,m3\n17,4\n"), &part);
    return message;
}

static void send_table(ttSmtpClientHandle handle) {
    ttMimeHandle message = make_message();
    char piece[50];
    int n, error = TM_ENOERROR;

    want("SendSenderInfo", tfSmtpUserSendSenderInfo(handle, NULL, "meter@x.example", NULL, NULL),
         TM_ENOERROR);
    want("TO", tfSmtpUserSendRecipientInfo(handle, NULL, "ana@y.example", TM_SMTP_RECIPIENT_TO),
         TM_ENOERROR);
    want("SendBom", tfSmtpUserSendBom(handle, "Table", NULL, TM_SMTP_FLAG_MIME), TM_ENOERROR);
    while ((n = tfSmtpUserMimeGetHeader(message, piece, sizeof piece, &error)) > 0)
        want("header", tfSmtpUserSendBody(handle, piece, n, &error), n);
    while ((n = tfSmtpUserMimeGetBody(message, piece, sizeof piece, &error)) > 0)
        want("body", tfSmtpUserSendBody(handle, piece, n, &error), n);
    want("Mime", error, TM_ENOERROR);
    want("SendEom", tfSmtpUserSendEom(handle), TM_ENOERROR);
    posta_message_free(&message);
}

int main(int argc, char **argv) {
    ttUserConstCharPtr agent = "meter 2.1";
    int error = TM_ENOERROR;
    ttSmtpClientHandle handle =
        tfSmtpUserNewSession(agent, (ttSmtpEventCBFuncPtr)0, 30, TM_BLOCKING_ON, &error);

    if (argc != 2 || handle == NULL || error != TM_ENOERROR) return 1;
    set_up(handle);
    connect_to(handle, atoi(argv[1]));
    send_readings(handle);
    want("SendNoop", tfSmtpUserSendNoop(handle), TM_ENOERROR);
    send_table(handle);
    want("SendSenderInfo", tfSmtpUserSendSenderInfo(handle, NULL, "meter@x.example", NULL, NULL),
         TM_ENOERROR);
    want("Reset", tfSmtpUserReset(handle), TM_ENOERROR);
    want("Disconnect", tfSmtpUserDisconnect(handle), TM_ENOERROR);
    want("Reset", tfSmtpUserReset(handle), TM_EPERM);
    want("FreeSession", tfSmtpUserFreeSession(handle), TM_ENOERROR);
    want("FreeSession", tfSmtpUserFreeSession(NULL), TM_EINVAL);
    puts(failed ? "failed" : "sent");
    return failed;
}
