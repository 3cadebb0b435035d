/* posta/treck.h: the names of the Treck SMTP client API ("the model") over posta_session. Code that
 * was written for the model's published documentation compiles with its include changed to this
 * file; docs/treck.md says what differs. New code uses posta/session.h.
 *
 * Define before including:
 *   POSTA_TRECK_NO_SOCKADDR     leave struct sockaddr_storage, ss_..., sin_len to the system
 *   POSTA_TRECK_INSECURE_AUTH   let user name and password go over clear text
 *   POSTA_TRECK_TIMEOUT_MS      milliseconds that 1 in the session's timeout stands for; 1000
 *
 * The names are in this file only: the library shows posta_treck_... A session belongs to one
 * thread at a time; the exceptions are at posta_session_read_timer and posta_async_callback.
 */
#ifndef POSTA_TRECK_H
#define POSTA_TRECK_H

#include "posta/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

/* ---- addresses ---- */

#ifndef POSTA_TRECK_NO_SOCKADDR

/** An address of either family, by the model's members. */
union posta_treck_addr {
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/** The model's sockaddr_storage. It lies in memory as the system's addresses do, so a pointer to
 * one of those may be given for a pointer to this. */
struct posta_treck_sockaddr_storage {
    union posta_treck_addr addr;
#ifndef SIN6_LEN
    uint8_t ss_len;
#endif
};

/* Macros, as the model has it: C++11 knows no anonymous structs. They stand behind all system
 * headers that speak of the system's own. */
#define sockaddr_storage posta_treck_sockaddr_storage
#define ss_family        addr.ipv4.sin_family
#define ss_port          addr.ipv4.sin_port /* network order, of either family */

/* The model's addresses know their length, as on BSD. Where the system's do not, two fields that it
 * ignores take it: what is written there is never read. */
#ifdef SIN6_LEN
#define ss_len addr.ipv4.sin_len
#else
#define sin_len  sin_zero[7]
#define sin6_len sin6_flowinfo
#endif

#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ---- */

/** A session of the model: a posta_session and what the model keeps beside it. */
typedef struct posta_treck posta_treck;

#define TM_FAR

typedef void *ttUserVoidPtr;
typedef const void *ttUserConstVoidPtr;
typedef char *ttUserCharPtr;
typedef const char *ttUserConstCharPtr;
typedef posta_treck *ttSmtpClientHandle;
typedef posta_message *ttMimeHandle;

/** The value of a session option. */
typedef union ttUserGenericUnion {
    ttUserVoidPtr genVoidParmPtr;
    ttUserConstCharPtr genConstCharParmPtr;
    int genIntParm;
    uint32_t gen32bitParm;
    uint16_t gen16bitParm;
    uint8_t gen8bitParm;
} ttUserGenericUnion;

/** Told of every event of a non-blocking session, TM_SMTP_EVENT_...; any call may be made inside
 * it, tfSmtpUserFreeSession too. */
typedef void (*ttSmtpEventCBFuncPtr)(ttSmtpClientHandle smtpClientHandle, int event);

/** Told from another thread that tfSmtpUserExecute has work. Only tfSmtpUserGetPointer,
 * tfSmtpUserReadTimer and the host's own signalling are allowed inside. */
typedef void (*ttSmtpAsyncCBFuncPtr)(ttSmtpClientHandle smtpClientHandle);

/* ---- constants ---- */

/* Results. The system's number where it has the error, so strerror knows it. */
#define TM_ENOERROR     0
#define TM_SOCKET_ERROR (-1)
#define TM_EPERM        EPERM /* the call does not fit here */
#define TM_EIO          EIO
#define TM_EINVAL       EINVAL
#define TM_EMSGSIZE     EMSGSIZE
#define TM_EOPNOTSUPP   EOPNOTSUPP /* not built */
#define TM_ENOBUFS      ENOBUFS
#define TM_ENOMEM       ENOMEM
#define TM_EWOULDBLOCK  EWOULDBLOCK
#define TM_EINPROGRESS  EINPROGRESS
#define TM_EALREADY     EALREADY
#define TM_EISCONN      EISCONN
#define TM_ENOTCONN     ENOTCONN
#define TM_ESHUTDOWN    ESHUTDOWN /* the server closed the connection */
#define TM_ETIMEDOUT    ETIMEDOUT
#define TM_ECONNREFUSED ECONNREFUSED
#define TM_EHOSTUNREACH EHOSTUNREACH
#define TM_ECANCELED    ECANCELED
#define TM_ESERVERPERM  10001 /* 5yz, and every failure of TLS and of credentials */
#define TM_ESERVERTEMP  10002 /* 4yz */
#define TM_ESERVERSYNC  10003 /* the server did not speak SMTP; the connection is closed */

#define TM_BLOCKING_OFF 0
#define TM_BLOCKING_ON  1

/** What a session tells its callback. An action ends in one of these, a connect after SECURE_OK and
 * AUTH_OK where they apply. */
enum {
    TM_SMTP_EVENT_CONNECTED = 1,
    TM_SMTP_EVENT_SECURE_OK,
    TM_SMTP_EVENT_SECURE_FAIL, /* closed */
    TM_SMTP_EVENT_AUTH_OK,
    TM_SMTP_EVENT_AUTH_FAIL, /* connected still; only tfSmtpUserDisconnect is allowed */
    TM_SMTP_EVENT_SENDER_ACK,
    TM_SMTP_EVENT_RECIPIENT_ACK,
    TM_SMTP_EVENT_BOM_ACK, /* the body may be sent, inside this callback too */
    TM_SMTP_EVENT_EOM_ACK, /* the server took the message */
    TM_SMTP_EVENT_RESET,
    TM_SMTP_EVENT_NOOP_ACK,
    TM_SMTP_EVENT_DISCONNECTED,
    TM_SMTP_EVENT_SERVER_ERROR, /* 5yz */
    TM_SMTP_EVENT_SERVER_RETRY, /* 4yz */
    TM_SMTP_EVENT_TIMEOUT,      /* closed */
    TM_SMTP_EVENT_FAILED        /* closed */
};

/** Which field of the header a recipient is in. */
enum { TM_SMTP_RECIPIENT_TO, TM_SMTP_RECIPIENT_CC, TM_SMTP_RECIPIENT_BCC };

/** tfSmtpUserSendBom: MIME fields, blank line and body come through tfSmtpUserSendBody. */
#define TM_SMTP_FLAG_MIME 1u

/** What tfSmtpUserSetSessionOption knows, with the member of ttUserGenericUnion that it reads. */
enum {
    TM_SMTP_OPTION_TIMEOUT = 1, /* genIntParm, as at tfSmtpUserNewSession */
    TM_SMTP_OPTION_BLOCKING,    /* genIntParm, TM_BLOCKING_...; while not connected */
    TM_SMTP_OPTION_SSL_MODE,    /* genIntParm, TM_SMTP_SSL_...; while not connected */
    TM_SMTP_OPTION_AGENT,       /* genConstCharParmPtr; copied */
    TM_SMTP_OPTION_HELLO        /* genConstCharParmPtr, EHLO's argument; while not connected */
};

/** How tfSmtpUserSetSsl's TLS is used. Without that call it is never attempted. */
enum {
    TM_SMTP_SSL_OPTIONAL, /* STARTTLS if offered; the default */
    TM_SMTP_SSL_ALWAYS,   /* STARTTLS, or the connection fails */
    TM_SMTP_SSL_IMPLICIT  /* TLS from the first byte */
};

/* ---- what the library shows; the model's names are below ---- */

#define POSTA_TRECK_CLEAR_AUTH 1u /* credentials may go over clear text */
#define POSTA_TRECK_SMTP_PORT  25u

/** Makes a session; `timeout_ms` 0: posta's own patience. Null with *error_out (may be null). */
POSTA_API posta_treck *posta_treck_new(const char *agent, ttSmtpEventCBFuncPtr callback,
                                       uint32_t timeout_ms, int blocking, int *error_out);
/** Ends it; QUIT first when it is connected and nothing is open. */
POSTA_API int posta_treck_free(posta_treck *t);
/** `address` is a sockaddr_in, a sockaddr_in6, or a sockaddr_storage of model or system. `flags`
 * POSTA_TRECK_CLEAR_AUTH. */
POSTA_API int posta_treck_connect(posta_treck *t, const void *address, const char *user,
                                  const char *password, unsigned flags);
/** As posta_session_disconnect. */
POSTA_API int posta_treck_disconnect(posta_treck *t);
/** As posta_session_reset. */
POSTA_API int posta_treck_reset(posta_treck *t);
/** As posta_session_noop. */
POSTA_API int posta_treck_noop(posta_treck *t);
/** As posta_session_sender; empty texts are absent ones. */
POSTA_API int posta_treck_sender(posta_treck *t, const char *name, const char *address,
                                 const char *reply_to_name, const char *reply_to);
/** As posta_session_recipient; `type` TM_SMTP_RECIPIENT_... */
POSTA_API int posta_treck_recipient(posta_treck *t, const char *name, const char *address,
                                    int type);
/** As posta_session_begin_message; `date` also in the model's form. */
POSTA_API int posta_treck_begin(posta_treck *t, const char *subject, const char *date,
                                unsigned flags);
/** As posta_session_body; *error_out (may be null) TM_EINPROGRESS when not all was taken. */
POSTA_API int posta_treck_body(posta_treck *t, const void *p, int len, int *error_out);
/** As posta_session_end_message. */
POSTA_API int posta_treck_end(posta_treck *t);
/** As posta_session_execute without a limit. */
POSTA_API int posta_treck_execute(posta_treck *t);
/** As posta_session_set_async_callback. */
POSTA_API int posta_treck_set_async(posta_treck *t, ttSmtpAsyncCBFuncPtr callback);
/** As posta_session_read_timer. Any thread. */
POSTA_API int posta_treck_read_timer(const posta_treck *t);
/** The server's last reply, code first, lines separated by LF; "" before the first. Good until the
 * next call on this session. */
POSTA_API const char *posta_treck_last_response(posta_treck *t);
/** TLS for the next connects, by the SSL_MODE; `ssl_session` is what posta_treck_ssl_new gave. The
 * system's certificates are trusted, and the server's must name the numeric address, unless
 * posta_treck_set_tls said more. TM_EINVAL; TM_EOPNOTSUPP: TLS is not built; TM_EPERM: too late. */
POSTA_API int posta_treck_set_ssl(posta_treck *t, int ssl_session);
/** The same with a posta_tls, whose server_name is the name to check. Null: no TLS. Shared from
 * then on. */
POSTA_API int posta_treck_set_tls(posta_treck *t, posta_tls *tls);
/** 0, which stands for the system's certificates; TM_SOCKET_ERROR: TLS is not built. The arguments
 * are not looked at. */
POSTA_API int posta_treck_ssl_new(const void *identity, ...);
/** Sets an option, TM_SMTP_OPTION_...; the timeout in milliseconds. TM_EINVAL, TM_EPERM: too late.
 */
POSTA_API int posta_treck_set_option(posta_treck *t, int option, ttUserGenericUnion value);
/** Reads an option. A text is good until the next call on this session. */
POSTA_API int posta_treck_get_option(posta_treck *t, int option, ttUserGenericUnion *value_out);
/** Keeps a pointer for the host. */
POSTA_API int posta_treck_set_pointer(posta_treck *t, void *pointer);
/** The pointer kept last. */
POSTA_API void *posta_treck_pointer(const posta_treck *t);
/** As posta_session_set_socket_option; `family` AF_INET or AF_INET6. */
POSTA_API int posta_treck_set_sockopt(posta_treck *t, int family, int level, int name,
                                      const void *value, int len);
/** posta_mime_get_header (`body` 0) or posta_mime_get_body: octets written, 0 at the end and on a
 * fault, which *error_out (may be null) tells. */
POSTA_API int posta_treck_mime(posta_message *m, int body, void *out, int cap, int *error_out);

/** The TM_E... of a status. */
POSTA_API int posta_treck_error(posta_status status);
/** Why the last call or action failed, in one sentence; "" when it did not. Good until the next
 * call on this session. The model has no such call. */
POSTA_API const char *posta_treck_why(posta_treck *t);
/** The session below, for code that moves over call by call. Its user data and its callback are not
 * the caller's. */
POSTA_API posta_session *posta_treck_session(posta_treck *t);

/* ---- the model's names: sessions ---- */

#ifndef POSTA_TRECK_TIMEOUT_MS
#define POSTA_TRECK_TIMEOUT_MS 1000u
#endif

#ifdef POSTA_TRECK_INSECURE_AUTH
#define POSTA_TRECK_AUTH_FLAGS POSTA_TRECK_CLEAR_AUTH
#else
#define POSTA_TRECK_AUTH_FLAGS 0u
#endif

/** Milliseconds of a timeout of the model; those that do not fit are the longest there is. */
static inline uint32_t posta_treck_ms(int timeout) {
    uint64_t ms = timeout > 0 ? (uint64_t)timeout * POSTA_TRECK_TIMEOUT_MS : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX - 1;
}

/** Makes a session. `agentPtr` is the X-Mailer field, null: posta's; `eventCB` may be null;
 * `timeout` is the patience of every phase, 0: posta's own; `blockingState` TM_BLOCKING_... Null,
 * with the reason in *errorCodePtr (may be null). */
static inline ttSmtpClientHandle tfSmtpUserNewSession(ttUserConstCharPtr agentPtr,
                                                      ttSmtpEventCBFuncPtr eventCB, int timeout,
                                                      int blockingState, int *errorCodePtr) {
    return posta_treck_new(agentPtr, eventCB, posta_treck_ms(timeout), blockingState, errorCodePtr);
}
/** Ends a session, and its connection before. Allowed inside the event callback. */
static inline int tfSmtpUserFreeSession(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_free(smtpClientHandle);
}
/** Sets TM_SMTP_OPTION_... */
static inline int tfSmtpUserSetSessionOption(ttSmtpClientHandle smtpClientHandle, int option,
                                             ttUserGenericUnion value) {
    if (option == TM_SMTP_OPTION_TIMEOUT) {
        if (value.genIntParm < 0) return TM_EINVAL;
        value.gen32bitParm = posta_treck_ms(value.genIntParm);
    }
    return posta_treck_set_option(smtpClientHandle, option, value);
}
/** Reads TM_SMTP_OPTION_... */
static inline int tfSmtpUserGetSessionOption(ttSmtpClientHandle smtpClientHandle, int option,
                                             ttUserGenericUnion *valuePtr) {
    int error = posta_treck_get_option(smtpClientHandle, option, valuePtr);
    if (error == TM_ENOERROR && option == TM_SMTP_OPTION_TIMEOUT)
        valuePtr->genIntParm = (int)(valuePtr->gen32bitParm / POSTA_TRECK_TIMEOUT_MS);
    return error;
}
/** Keeps a pointer for the host. */
static inline int tfSmtpUserSetPointer(ttSmtpClientHandle smtpClientHandle,
                                       ttUserVoidPtr userDataPtr) {
    return posta_treck_set_pointer(smtpClientHandle, userDataPtr);
}
/** The pointer kept last; null at first. */
static inline ttUserVoidPtr tfSmtpUserGetPointer(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_pointer(smtpClientHandle);
}

/* ---- connections ---- */

/** setsockopt on the socket that the next connect makes. TM_EPERM: too late. */
static inline int tfSmtpUserSetSockOpt(ttSmtpClientHandle smtpClientHandle, int family,
                                       int protocolLevel, int optionName,
                                       const void *optionValuePtr, int optionLength) {
    return posta_treck_set_sockopt(smtpClientHandle, family, protocolLevel, optionName,
                                   optionValuePtr, optionLength);
}
/** Connects; TM_SMTP_EVENT_CONNECTED. `serverAddrPtr`: the model's or the system's
 * sockaddr_storage, or the system's sockaddr_in or sockaddr_in6. User and password may be null. */
static inline int tfSmtpUserConnect(ttSmtpClientHandle smtpClientHandle, const void *serverAddrPtr,
                                    ttUserConstCharPtr userNamePtr,
                                    ttUserConstCharPtr passwordPtr) {
    return posta_treck_connect(smtpClientHandle, serverAddrPtr, userNamePtr, passwordPtr,
                               POSTA_TRECK_AUTH_FLAGS);
}
/** QUIT and close; TM_SMTP_EVENT_DISCONNECTED. */
static inline int tfSmtpUserDisconnect(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_disconnect(smtpClientHandle);
}
/** RSET; TM_SMTP_EVENT_RESET. The connection stays. */
static inline int tfSmtpUserReset(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_reset(smtpClientHandle);
}
/** NOOP; TM_SMTP_EVENT_NOOP_ACK. */
static inline int tfSmtpUserSendNoop(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_noop(smtpClientHandle);
}
/** TLS for a session, with what tfSslNewSession gave. */
static inline int tfSmtpUserSetSsl(ttSmtpClientHandle smtpClientHandle, int sslSessionId) {
    return posta_treck_set_ssl(smtpClientHandle, sslSessionId);
}
/** Not built yet, whatever its arguments: TM_SOCKET_ERROR. */
#define tfSslNewSession posta_treck_ssl_new

/* ---- messages ---- */

/** MAIL; TM_SMTP_EVENT_SENDER_ACK. All but the address may be null. */
static inline int tfSmtpUserSendSenderInfo(ttSmtpClientHandle smtpClientHandle,
                                           ttUserConstCharPtr namePtr,
                                           ttUserConstCharPtr addressPtr,
                                           ttUserConstCharPtr replyToNamePtr,
                                           ttUserConstCharPtr replyToAddressPtr) {
    return posta_treck_sender(smtpClientHandle, namePtr, addressPtr, replyToNamePtr,
                              replyToAddressPtr);
}
/** RCPT; TM_SMTP_EVENT_RECIPIENT_ACK. Once for each recipient; the name may be null. */
static inline int tfSmtpUserSendRecipientInfo(ttSmtpClientHandle smtpClientHandle,
                                              ttUserConstCharPtr namePtr,
                                              ttUserConstCharPtr addressPtr, int type) {
    return posta_treck_recipient(smtpClientHandle, namePtr, addressPtr, type);
}
/** DATA and the header; TM_SMTP_EVENT_BOM_ACK. `subjectPtr` null: none. `datePtr` "Sep 8, 2003:
 * 2:43 PM" in local time, an RFC 5322 date, or null: now. `flags` 0 or TM_SMTP_FLAG_MIME. */
static inline int tfSmtpUserSendBom(ttSmtpClientHandle smtpClientHandle,
                                    ttUserConstCharPtr subjectPtr, ttUserConstCharPtr datePtr,
                                    unsigned flags) {
    return posta_treck_begin(smtpClientHandle, subjectPtr, datePtr, flags);
}
/** Takes octets of the body and says how many, 0..bodyLen; a blocking session takes all. No event.
 * *errorCodePtr (may be null) TM_EINPROGRESS: not all was taken; tfSmtpUserExecute, then the rest.
 */
static inline int tfSmtpUserSendBody(ttSmtpClientHandle smtpClientHandle,
                                     ttUserConstCharPtr bodyPtr, int bodyLen, int *errorCodePtr) {
    return posta_treck_body(smtpClientHandle, bodyPtr, bodyLen, errorCodePtr);
}
/** The end of the message; TM_SMTP_EVENT_EOM_ACK: the server took it. */
static inline int tfSmtpUserSendEom(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_end(smtpClientHandle);
}
/** The next octets of a message's MIME fields and the blank line; 0 at their end. */
static inline int tfSmtpUserMimeGetHeader(ttMimeHandle mimeHandle, ttUserCharPtr bufferPtr,
                                          int bufferLen, int *errorCodePtr) {
    return posta_treck_mime(mimeHandle, 0, bufferPtr, bufferLen, errorCodePtr);
}
/** The next octets of a message behind the blank line; 0 at their end. */
static inline int tfSmtpUserMimeGetBody(ttMimeHandle mimeHandle, ttUserCharPtr bufferPtr,
                                        int bufferLen, int *errorCodePtr) {
    return posta_treck_mime(mimeHandle, 1, bufferPtr, bufferLen, errorCodePtr);
}

/* ---- progress ---- */

/** Makes progress without waiting, and tells events. TM_EINPROGRESS while something is pending,
 * then the verdict of the action that ended. */
static inline int tfSmtpUserExecute(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_execute(smtpClientHandle);
}
/** Has `asyncCB` called from another thread as soon as tfSmtpUserExecute has work. Null ends that.
 */
static inline int tfSmtpUserSetAsyncCB(ttSmtpClientHandle smtpClientHandle,
                                       ttSmtpAsyncCBFuncPtr asyncCB) {
    return posta_treck_set_async(smtpClientHandle, asyncCB);
}
/** Milliseconds until the server's time runs out; 0: it has; -1: nothing is awaited. */
static inline int tfSmtpUserReadTimer(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_read_timer(smtpClientHandle);
}
/** The server's last reply, as text; "" before the first. Good until the next call. */
static inline ttUserConstCharPtr
tfSmtpUserGetLastServerResponse(ttSmtpClientHandle smtpClientHandle) {
    return posta_treck_last_response(smtpClientHandle);
}

#ifdef __cplusplus
}
#endif

#endif
