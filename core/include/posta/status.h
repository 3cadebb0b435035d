/* posta/status.h: the one list of results. A row: number, C name, dotted code (stable; what Lua
 * shows as err.code), sentence. Numbers never change; new rows take new numbers.
 *
 * The first group is what calls return. The second says more exactly what happened and is found in
 * posta_fault.cause; posta_status_fold gives the call's result for it.
 */
#ifndef POSTA_STATUS_H
#define POSTA_STATUS_H

/* clang-format off */
#define POSTA_STATUS_LIST(X) \
    X(  0, POSTA_OK,                     "ok",                 "done") \
    X(  1, POSTA_END,                    "end",                "no more bytes") \
    X(  2, POSTA_AGAIN,                  "again",              "nothing can be done just now") \
    X(  3, POSTA_E_IN_PROGRESS,          "in_progress",        "still going on") \
    X( 10, POSTA_E_SERVER_TEMPORARY,     "server.temporary",   "the server refused for now") \
    X( 11, POSTA_E_SERVER_PERMANENT,     "server.permanent",   "the server refused") \
    X( 12, POSTA_E_TIMEOUT,              "timeout",            "the time ran out") \
    X( 13, POSTA_E_PROTOCOL,             "protocol.error",     "the server did not speak SMTP") \
    X( 14, POSTA_E_LOST,                 "connection.lost",    "the connection was lost") \
    X( 15, POSTA_E_CANCELLED,            "cancelled",          "cancelled") \
    X( 16, POSTA_E_BUSY,                 "busy",               "session is busy") \
    X( 17, POSTA_E_STATE,                "state",              "this call does not fit here") \
    X( 18, POSTA_E_LIMIT,                "limit",              "a limit is reached") \
    X( 19, POSTA_E_MEMORY,               "memory",             "out of memory") \
    X( 20, POSTA_E_ARGUMENT,             "argument",           "a call was given a wrong argument") \
    X( 21, POSTA_E_NOT_BUILT,            "not_built",          "this build of posta lacks that part") \
    X( 22, POSTA_E_FIELD,                "field.invalid",      "a field has a wrong value") \
    X( 23, POSTA_E_FILE,                 "file.not_found",     "the file cannot be read") \
    X( 24, POSTA_E_BODY,                 "body.failed",        "a body could not be read to its end") \
    X( 25, POSTA_E_ENTROPY,              "entropy",            "no random bytes can be had") \
    X( 26, POSTA_E_DNS,                  "dns.failed",         "the name could not be found") \
    X( 27, POSTA_E_CONNECT_REFUSED,      "connect.refused",    "the connection was refused") \
    X( 28, POSTA_E_CONNECT,              "connect.failed",     "no connection could be made") \
    X( 29, POSTA_E_EXTENSION,            "extension.missing",  "the server lacks an extension that is needed") \
    X( 30, POSTA_E_TOO_BIG,              "message.too_big",    "the message is larger than the server takes") \
    X( 31, POSTA_E_RECIPIENT_LIMIT,      "limits.recipients",  "too many recipients") \
    X( 40, POSTA_E_TLS_NOT_BUILT,        "tls.not_built",      "TLS is needed and this build of posta has none") \
    X( 41, POSTA_E_TLS_UNAVAILABLE,      "tls.unavailable",    "the server offers no STARTTLS") \
    X( 42, POSTA_E_TLS_HANDSHAKE,        "tls.handshake",      "the TLS handshake failed") \
    X( 43, POSTA_E_TLS_NAME,             "tls.verify.name",    "the certificate is for another name") \
    X( 44, POSTA_E_TLS_ISSUER,           "tls.verify.issuer",  "the certificate's issuer is not trusted") \
    X( 45, POSTA_E_TLS_EXPIRED,          "tls.verify.expired", "the certificate has expired") \
    X( 46, POSTA_E_TLS_NOT_YET,          "tls.verify.not_yet", "the certificate is not valid yet") \
    X( 47, POSTA_E_TLS_WEAK,             "tls.verify.weak",    "the certificate is too weak") \
    X( 48, POSTA_E_TLS_NOT_TLS,          "tls.not_tls",        "the server does not speak TLS here") \
    X( 49, POSTA_E_TLS_UNEXPECTED,       "tls.unexpected",     "the server speaks TLS here") \
    X( 50, POSTA_E_TLS_NO_CLOCK,         "tls.no_clock",       "certificates cannot be checked without a clock") \
    X( 60, POSTA_E_AUTH_REJECTED,        "auth.rejected",      "the server rejected the credentials") \
    X( 61, POSTA_E_AUTH_UNAVAILABLE,     "auth.unavailable",   "the server offers no usable authentication") \
    X( 62, POSTA_E_AUTH_INSECURE,        "auth.insecure",      "credentials would go over an unprotected channel") \
    /* causes */ \
    X(100, POSTA_E_GREETING_REFUSED,     "greeting.refused",   "the server refused the connection") \
    X(101, POSTA_E_SENDER_REFUSED,       "sender.refused",     "the server refused the sender") \
    X(102, POSTA_E_RECIPIENTS_REFUSED,   "recipients.refused", "the server refused the recipients") \
    X(103, POSTA_E_MESSAGE_REFUSED,      "message.refused",    "the server refused the message") \
    X(104, POSTA_E_COMMAND_REFUSED,      "command.refused",    "the server refused the command") \
    X(105, POSTA_E_UNASKED,              "protocol.error",     "the server sent something that nobody asked for") \
    X(110, POSTA_E_TIMEOUT_RESOLVE,      "timeout.resolve",    "the name was not found in time") \
    X(111, POSTA_E_TIMEOUT_CONNECT,      "timeout.connect",    "no connection in time") \
    X(112, POSTA_E_TIMEOUT_TLS,          "timeout.tls",        "the TLS handshake did not end in time") \
    X(113, POSTA_E_TIMEOUT_GREETING,     "timeout.greeting",   "no greeting in time") \
    X(114, POSTA_E_TIMEOUT_COMMAND,      "timeout.command",    "no answer in time") \
    X(115, POSTA_E_TIMEOUT_DATA,         "timeout.data",       "no answer to DATA in time") \
    X(116, POSTA_E_TIMEOUT_BLOCK,        "timeout.block",      "the server stopped taking the message") \
    X(117, POSTA_E_TIMEOUT_RESULT,       "timeout.result",     "no answer to the message in time") \
    X(118, POSTA_E_TIMEOUT_QUIT,         "timeout.quit",       "no answer to QUIT in time") \
    X(119, POSTA_E_TIMEOUT_TOTAL,        "timeout.total",      "the total time ran out")
/* clang-format on */

/** Every result that a posta function can give. */
typedef enum posta_status {
#define POSTA_STATUS_ROW(number, name, code, sentence) name = number,
    POSTA_STATUS_LIST(POSTA_STATUS_ROW)
#undef POSTA_STATUS_ROW
        POSTA_STATUS_LAST_ = 1000
} posta_status;

#endif
