/* posta/session.h: the whole way of a mail. posta_send for one mail; posta_session for a connection
 * that takes many; posta_link for hosts that own the bytes. Over the engine (posta/engine.h), the
 * MIME engine (posta/mime.h) and the place (posta/port.h).
 *
 * A session, a link and a message belong to one thread at a time; different ones may run in
 * different threads. Text arguments are UTF-8 and copied before return.
 */
#ifndef POSTA_SESSION_H
#define POSTA_SESSION_H

#include "posta/auth.h"
#include "posta/engine.h"
#include "posta/mime.h"
#include "posta/port.h"
#include "posta/tls.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posta_link posta_link;
typedef struct posta_session posta_session;

/* clang-format off */
/* id, name, type, when it may be set, unit. The one list of options; docs/session.md is checked
 * against it. */
#define POSTA_OPTION_LIST(X) \
    X(POSTA_OPTION_TIMEOUT_RESOLVE,  "timeout.resolve",  POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "ms") \
    X(POSTA_OPTION_TIMEOUT_CONNECT,  "timeout.connect",  POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "ms") \
    X(POSTA_OPTION_TIMEOUT_TLS,      "timeout.tls",      POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "ms") \
    X(POSTA_OPTION_TIMEOUT_GREETING, "timeout.greeting", POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_COMMAND,  "timeout.command",  POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_DATA,     "timeout.data",     POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_BLOCK,    "timeout.block",    POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_RESULT,   "timeout.result",   POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_QUIT,     "timeout.quit",     POSTA_TYPE_NUMBER, POSTA_WHEN_ANY, "ms") \
    X(POSTA_OPTION_TIMEOUT_TOTAL,    "timeout.total",    POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "ms") \
    X(POSTA_OPTION_ON_REFUSED,       "on_refused",       POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "posta_on_refused") \
    X(POSTA_OPTION_PIPELINING,       "pipelining",       POSTA_TYPE_FLAG,   POSTA_WHEN_CLOSED, "") \
    X(POSTA_OPTION_CHUNKING,         "chunking",         POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "posta_chunking") \
    X(POSTA_OPTION_TRACE,            "trace",            POSTA_TYPE_FLAG,   POSTA_WHEN_CLOSED, "") \
    X(POSTA_OPTION_LENIENT,          "lenient",          POSTA_TYPE_FLAG,   POSTA_WHEN_CLOSED, "") \
    X(POSTA_OPTION_TLS_MODE,         "tls_mode",         POSTA_TYPE_NUMBER, POSTA_WHEN_CLOSED, "posta_security") \
    X(POSTA_OPTION_HELLO,            "hello",            POSTA_TYPE_TEXT,   POSTA_WHEN_CLOSED, "") \
    X(POSTA_OPTION_AGENT,            "agent",            POSTA_TYPE_TEXT,   POSTA_WHEN_ANY, "") \
    X(POSTA_OPTION_BLOCKING,         "blocking",         POSTA_TYPE_FLAG,   POSTA_WHEN_CLOSED, "") \
    X(POSTA_OPTION_HEADER_SPACE,     "header_space",     POSTA_TYPE_NUMBER, POSTA_WHEN_NEVER, "bytes") \
    X(POSTA_OPTION_REPLY_SPACE,      "reply_space",      POSTA_TYPE_NUMBER, POSTA_WHEN_NEVER, "bytes") \
    X(POSTA_OPTION_SMTPUTF8,         "smtputf8",         POSTA_TYPE_FLAG,   POSTA_WHEN_ANY, "")
/* clang-format on */

/** How texts go: see posta_engine_config.chunking. */
typedef enum posta_chunking { POSTA_CHUNKING_OFF, POSTA_CHUNKING_AUTO } posta_chunking;

#define POSTA_MAX_SOCKET_OPTIONS 8u
#define POSTA_MAX_SOCKET_VALUE   16u

/* ---- where ---- */

/** How the way to the server is protected. */
typedef enum posta_security {
    POSTA_SECURITY_DEFAULT,       /* by the table in docs/where.md: TLS except on loopback without
                                     credentials */
    POSTA_SECURITY_NONE,          /* clear text */
    POSTA_SECURITY_OPPORTUNISTIC, /* STARTTLS if offered, RFC 7435 */
    POSTA_SECURITY_STARTTLS,      /* STARTTLS required */
    POSTA_SECURITY_TLS            /* TLS from the first byte, RFC 8314 */
} posta_security;

/** A target, parsed. Contains a password when the URL has one: wipe with posta_where_wipe. */
typedef struct posta_where {
    char host[POSTA_MAX_DOMAIN + 1]; /* a Unix socket's path when is_unix */
    uint16_t port;                   /* 0 when is_unix */
    posta_security security;         /* never DEFAULT once parsed */
    bool is_lmtp;
    bool is_unix;
    bool is_url, is_smtps, has_port, has_security; /* what was said */
    /* Clear text only because the host is loopback: checked when connected. */
    bool is_default_clear;
    bool has_user, has_password;
    char user[256], password[256];
    char ca_file[256]; /* "" when not given */
    bool has_tls;      /* TLS was set up apart from this; so was it where there is a ca_file */
    uint32_t total_ms; /* ?timeout= in the URL; 0: not given */
} posta_where;

/** Parses `scheme://[user[:password]@]host[:port][?security=...&ca_file=...&timeout=...]`, schemes
 * smtp, smtps, lmtp, smtp+unix, lmtp+unix; or a bare host. Fills defaults of port and security. On
 *  POSTA_E_FIELD `problem_out` (may be null) says what is wrong; a password is never shown. */
POSTA_API posta_status posta_where_parse(const char *url, posta_where *out,
                                         posta_problem *problem_out);
/** Overwrites the credentials in it. */
POSTA_API void posta_where_wipe(posta_where *where);

/* ---- what became of it ---- */

typedef enum posta_delivery {
    POSTA_DELIVERY_NOT_SENT, /* nobody gets it */
    POSTA_DELIVERY_ACCEPTED, /* the server took it for every recipient */
    POSTA_DELIVERY_PARTIAL,  /* the server took it for some */
    POSTA_DELIVERY_UNKNOWN   /* the end was written, no complete reply came */
} posta_delivery;

/** The full account of one send, by value. */
typedef struct posta_receipt {
    posta_status status; /* what the call returned; POSTA_OK: at least one recipient was accepted */
    posta_status cause;  /* the same, more exactly */
    posta_phase stage;   /* where it went wrong; NONE: it did not */
    posta_delivery outcome;
    posta_retry retry;
    bool temporary;                    /* the same may succeed later */
    posta_reply reply;                 /* of the verdict or of the refusal; code 0: none */
    const posta_recipient *recipients; /* lives in the message or the caller's envelope */
    size_t recipients_n, accepted_n, refused_n;
    uint64_t bytes; /* octets of the text that were written */
    uint64_t duration_ms;
    char message_id[256]; /* with brackets; "" when not known */
    char field[96];       /* the field to blame, "" when none */
    char
        message[768]; /* host:port: what happened[: the server's words]; what became of it. Hint. */
    char hint[256];   /* the hint alone */
    posta_tls_info tls;                        /* of the connection, as far as it came */
    char transcript[POSTA_TRANSCRIPT_CAP + 1]; /* the last lines of the dialogue, redacted */
} posta_receipt;

/** The dotted code of a receipt's cause ("sender.refused"). Static, never null. */
POSTA_API const char *posta_receipt_code(const posta_receipt *receipt);

/* ---- the session ---- */

/** Told of every event, on the thread that calls posta, from the edge of the API. Any call on this
 * session may be made inside it, free too; those of a blocking session, execute and wait answer
 * POSTA_E_BUSY there. */
typedef void (*posta_session_callback)(posta_session *s, const posta_event *event, void *user_data);

/** Told once per arming that execute has work; on the watcher's thread, or where
 * posta_session_signal was called. Only posta_session_user_data, posta_session_read_timer and the
 * host's own signalling are allowed inside. */
typedef void (*posta_async_callback)(posta_session *s, void *user_data);

/** Start from POSTA_SESSION_CONFIG. Strings are copied; port, user_data, what `transport.user` and
 * `resolver_user` point to are borrowed. */
typedef struct posta_session_config {
    size_t size;       /* sizeof(posta_session_config) */
    const char *url;   /* where; or: */
    const char *host;  /* a name, an address, or a Unix socket's path */
    uint16_t tcp_port; /* 0: by the security */
    posta_security security;
    const char *address;       /* numeric address to connect to instead of resolving the host */
    const char *local_address; /* numeric address to connect from */
    const char *user;          /* short for those of `auth` */
    const char *password;
    const char *
        hello; /* EHLO's argument; null: the host's name if it has a dot, else an address literal */
    bool non_blocking;
    const posta_port *port;           /* null: posta_port_default() */
    const posta_transport *transport; /* null: sockets */
    posta_session_callback callback;  /* may be null */
    void *user_data;
    posta_engine_config engine; /* timeouts, on_refused, trace, spaces; its hello is not used */
    const char *agent;          /* the X-Mailer field; null: "posta/" and the version; "": none */
    size_t header_space;        /* bytes for the To and Cc text of a message begun step by step */
    posta_resolver resolver;    /* finds addresses instead of the system; null: the system */
    void *resolver_user;
    posta_release on_release; /* told before pollfd changes or is closed; null: nobody */
    posta_tls *tls;           /* shared while the session lives; null: the system's certificates, or
                                 those of the URL's ca_file, are trusted */
    unsigned insecure;        /* POSTA_INSECURE_..., besides those of `tls` */
    size_t tls_space;         /* octets read at a time under TLS */
    const posta_auth *auth; /* who logs in; strings are copied, the rest is borrowed. Null: user and
                               password, here or of the URL, or nobody */
} posta_session_config;

#define POSTA_HEADER_SPACE 2048u
#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA_TLS_SPACE 16u
#else
#define POSTA_TLS_SPACE 4096u
#endif

#define POSTA_SESSION_CONFIG                                                                       \
    {                                                                                              \
        sizeof(posta_session_config), 0, 0, 0, POSTA_SECURITY_DEFAULT, 0, 0, 0, 0, 0, false, 0, 0, \
            0, 0, POSTA_ENGINE_CONFIG, 0, POSTA_HEADER_SPACE, 0, 0, 0, 0, 0, POSTA_TLS_SPACE, 0    \
    }

/** Where a session of this configuration goes: its url or host with tcp_port, security and user
 * over it; of tls only whether it is given. Without url and host: POSTA_OK and an empty host. On
 * POSTA_E_FIELD `problem_out` (may be null) says what is wrong; POSTA_E_ARGUMENT. Wipe with
 * posta_where_wipe. */
POSTA_API posta_status posta_session_where(const posta_session_config *config, posta_where *out,
                                           posta_problem *problem_out);
/** Makes a session; one allocation, none afterwards. Connects nothing. POSTA_E_FIELD (the receipt's
 *  message names the field), POSTA_E_ARGUMENT, POSTA_E_MEMORY; POSTA_E_TLS_NOT_BUILT,
 * POSTA_E_NOT_BUILT for a target that needs TLS or AUTH. `why_out` (may be null) gets the sentence
 * and hint on failure. */
POSTA_API posta_status posta_session_new(const posta_session_config *config, posta_session **out,
                                         posta_receipt *why_out);
/** Bytes that posta_session_place needs for this configuration; 0: it is not valid. Sockets of
 * posta's own (no `transport`) take a little more from the port. */
POSTA_API size_t posta_session_size(const posta_session_config *config);
/** posta_session_new in the caller's memory (aligned for any object), which is kept until
 * posta_session_wipe. POSTA_E_ARGUMENT also when `len` is too small. */
POSTA_API posta_status posta_session_place(void *mem, size_t len,
                                           const posta_session_config *config, posta_session **out,
                                           posta_receipt *why_out);
/** posta_session_free for a placed session; the memory is the caller's again, inside the callback
 * once the call that runs it has returned. */
POSTA_API void posta_session_wipe(posta_session **s);
/** Ends it: QUIT when nothing is open or pending (a blocking session waits at most 2 s
 * for 221), closes, frees, nulls the pointer. Safe inside the callback. Null is fine. */
POSTA_API void posta_session_free(posta_session **s);
/** The same without a word to the server and without waiting (finalisers). */
POSTA_API void posta_session_drop(posta_session **s);

/* The actions. In blocking mode a call returns the server's verdict: POSTA_OK, POSTA_E_SERVER_...,
 * POSTA_E_TIMEOUT, ... In non-blocking mode it returns POSTA_E_IN_PROGRESS at once, and the action
 * ends in exactly one completion event during a later execute: the one named at the call, or
 * SERVER_ERROR (5yz), SERVER_RETRY (4yz), TIMEOUT, FAILED. In both modes another result means that
 * nothing was begun and no event comes: POSTA_E_STATE (the call does not fit here), POSTA_E_FIELD
 * and POSTA_E_LIMIT (posta_session_receipt names the field), POSTA_E_BUSY. */

/** Connects, greets, learns the capabilities; EVENT_CONNECTED. */
POSTA_API posta_status posta_session_connect(posta_session *s);
/** Where the next connect goes, while not connected: a name, a numeric address, or a Unix socket's
 * path (port 0); port 0 keeps the port. Credentials do not follow: a session that logs in needs
 * posta_session_set_login behind it, else its connect is POSTA_E_FIELD. POSTA_E_STATE,
 * POSTA_E_FIELD. */
POSTA_API posta_status posta_session_set_host(posta_session *s, const char *host, uint16_t port);
/** User and password for the next connect in place of those that were given, each at most 255
 * octets; behind AUTH_FAIL the next connect tries them over the same connection. Both null: nobody
 * logs in, and behind AUTH_FAIL the next connect goes on without. Copied, wiped with the session. A
 * call that fails changes nothing. POSTA_E_STATE: an action is pending, or the session was
 * made to log in nobody; POSTA_E_ARGUMENT. */
POSTA_API posta_status posta_session_set_login(posta_session *s, const char *user,
                                               const char *password);
/** QUIT and close; EVENT_DISCONNECTED and nothing else. Legal while an action is pending: its event
 * comes first. Inside a text it closes without dot and QUIT: the message is not sent. */
POSTA_API posta_status posta_session_disconnect(posta_session *s);
/** Whom the next connects trust and what is shown to the server, while not connected; null: as
 * without. The session shares it from then on. POSTA_E_STATE; POSTA_E_TLS_NOT_BUILT. */
POSTA_API posta_status posta_session_set_tls(posta_session *s, posta_tls *tls);
/** RSET; EVENT_RESET. Legal while an action is pending: its event comes first. POSTA_E_STATE inside
 * a text. */
POSTA_API posta_status posta_session_reset(posta_session *s);
/** A command of the host's own; EVENT_COMMAND_ACK, and posta_session_last_response has all lines.
 * See posta_engine_command; strings are borrowed until the event. */
POSTA_API posta_status posta_session_command(posta_session *s, const char *name, const char *args);
/** NOOP; EVENT_NOOP_ACK. */
POSTA_API posta_status posta_session_noop(posta_session *s);

/* ---- a message, step by step: sender, recipient+, begin_message, body*, end_message ---- */

/** What a recipient is in the header. */
typedef enum posta_recipient_type {
    POSTA_RECIPIENT_TO,
    POSTA_RECIPIENT_CC,
    POSTA_RECIPIENT_BCC /* in the envelope only */
} posta_recipient_type;

/** posta_session_begin_message: the caller brings MIME fields, blank line and body (get_header,
 * get_body). */
#define POSTA_MESSAGE_MIME 1u

/** MAIL; EVENT_SENDER_ACK. `name`, `reply_to_name`, `reply_to` may be null. Address "" is the null
 * path; then no From field is written. The text that follows may hold 8-bit octets where the server
 * offers 8BITMIME. */
POSTA_API posta_status posta_session_sender(posta_session *s, const char *name, const char *address,
                                            const char *reply_to_name, const char *reply_to);
/** What the next posta_session_sender asks for with MAIL (null: nothing), and it alone, however it
 * ends; borrowed until its event, or until it fails without one. What the server does not offer
 * makes it answer POSTA_E_EXTENSION. */
POSTA_API void posta_session_set_mail_options(posta_session *s, const posta_mail_options *options);
/** What the next posta_session_recipient asks for with RCPT, and it alone, however it ends:
 * POSTA_NOTIFY_ bits (0: nothing), the original address (null: none; borrowed as above). RFC 3461;
 * needs DSN. */
POSTA_API void posta_session_set_notify(posta_session *s, unsigned notify, const char *original);
/** RCPT; EVENT_RECIPIENT_ACK. A refusal is an event; the next recipient may follow. `name` may be
 * null. POSTA_E_LIMIT: the To and Cc text is over header_space; nothing was begun. */
POSTA_API posta_status posta_session_recipient(posta_session *s, const char *name,
                                               const char *address, posta_recipient_type type);
/** DATA and the header (From, Reply-To, To, Cc, Subject, Date, Message-ID, X-Mailer);
 * EVENT_BEGIN_ACK. Without POSTA_MESSAGE_MIME also the blank line, and for a body with octets above
 * 127 (UTF-8), or a long one, MIME-Version and Content-*. `subject` null: none. `date` an RFC 5322
 * date-time; null: now. No recipient accepted, or one refused with on_refused = abort:
 * POSTA_E_SERVER_... with the cause POSTA_E_RECIPIENTS_REFUSED, and nothing is written. */
POSTA_API posta_status posta_session_begin_message(posta_session *s, const char *subject,
                                                   const char *date, unsigned flags);
/** Writes what is queued without waiting, takes what fits of the text, says how much: 0..len. A
 * blocking session takes all, unless it fails. CR, LF and CRLF end lines; dots are doubled. No
 * event. `status_out` (may be null): POSTA_OK; POSTA_E_STATE outside a text; or what ended the
 * connection. */
POSTA_API size_t posta_session_body(posta_session *s, const void *p, size_t len,
                                    posta_status *status_out);
/** The end of the text; EVENT_END_ACK: the server took the message. Text still queued goes first.
 * posta_session_receipt then tells whether a failed message is unknown or not sent. RFC
 * 5321 4.1.1.4
 */
POSTA_API posta_status posta_session_end_message(posta_session *s);

/** Sends finished text to an envelope, in any mode; ends in EVENT_SENT. Envelope and source are
 * borrowed until then. `receipt_out` (may be null) is filled when it ends, in non-blocking mode
 * too, so it must live until then. POSTA_OK when at least one recipient was accepted. */
POSTA_API posta_status posta_session_send(posta_session *s, const posta_envelope *envelope,
                                          const posta_source *source, posta_receipt *receipt_out);
/** The same for a message: composed for what this server offers. The message is borrowed until the
 * end. */
POSTA_API posta_status posta_session_send_message(posta_session *s, posta_message *message,
                                                  posta_receipt *receipt_out);

/** A message that waits its turn on a session. The caller's, and borrowed with all it points to
 * from posta_session_submit until its EVENT_SENT. */
typedef struct posta_submission {
    const posta_envelope *envelope;
    const posta_source *source;
    posta_receipt *receipt;        /* may be null; filled when it is done */
    posta_status status;           /* POSTA_E_IN_PROGRESS until then */
    struct posta_submission *next; /* posta's */
} posta_submission;

/** Queues a message behind those under way, non-blocking sessions only; each ends in EVENT_SENT, in
 * order. When the connection ends, those behind it are not sent, each with its event.
 * POSTA_E_STATE: not connected, a blocking session, or inside a message step by step. */
POSTA_API posta_status posta_session_submit(posta_session *s, posta_submission *submission);

/** Makes progress without waiting and reports events to the callback, if there is one. At most
 * `budget_us` microseconds, checked between bounded units; 0: no limit. POSTA_E_IN_PROGRESS while
 * an action is pending or text is queued, then the verdict of the action that ended last. */
POSTA_API posta_status posta_session_execute(posta_session *s, uint32_t budget_us);
/** Waits until execute has work, at most `ms` milliseconds; also returns on a signal. */
POSTA_API posta_status posta_session_wait(posta_session *s, uint32_t ms);
/** Takes the next event instead of a callback. False: none waits. One that is not taken before the
 * next execute is gone. */
POSTA_API bool posta_session_next_event(posta_session *s, posta_event *out);
/** Ends what is pending with POSTA_E_CANCELLED and closes: at the next execute, which is woken, or
 * in the blocking call that waits. From any thread and from signal handlers, as long as the session
 * lives. */
POSTA_API void posta_session_cancel(posta_session *s);
/** Milliseconds until the server's time runs out; 0: it has; -1: nothing is awaited. Any thread. */
POSTA_API int64_t posta_session_read_timer(const posta_session *s);
/** Calls `callback` once as soon as execute has work, never from within another call of the host's;
 * each execute arms it again. Null ends that, and returns only when no callback for this session
 * runs. With POSTA_THREADS=OFF or a custom transport the callback comes from posta_session_signal
 * only. POSTA_E_MEMORY. */
POSTA_API posta_status posta_session_set_async_callback(posta_session *s,
                                                        posta_async_callback callback);
/** Says that execute has work: calls the async callback if it is armed. From any thread and from
 * interrupts. */
POSTA_API void posta_session_signal(posta_session *s);

/* ---- options ---- */

/** What may be set apart from the configuration. Numbers are uint32_t, texts NUL-terminated;
 * posta_option_find has type, unit and when it may be set. */
typedef enum posta_option {
#define POSTA_OPTION_ROW(id, name, type, when, unit) id,
    POSTA_OPTION_LIST(POSTA_OPTION_ROW)
#undef POSTA_OPTION_ROW
        POSTA_OPTION_N_
} posta_option;

typedef enum posta_option_type {
    POSTA_TYPE_NUMBER,
    POSTA_TYPE_FLAG,
    POSTA_TYPE_TEXT
} posta_option_type;

typedef enum posta_option_when {
    POSTA_WHEN_CLOSED, /* while not connected or connecting */
    POSTA_WHEN_ANY,
    POSTA_WHEN_NEVER /* can be read only: it is the configuration's */
} posta_option_when;

typedef struct posta_option_info {
    posta_option option;
    const char *name; /* as in Lua: "timeout.command" */
    posta_option_type type;
    posta_option_when when;
    const char *unit; /* "ms", "bytes", ...; "" when it has none */
} posta_option_info;

/** What is known of an option by its name. Null: there is none of that name. Static. */
POSTA_API const posta_option_info *posta_option_find(const char *name);
/** The same by number. Null: there is none. Static. */
POSTA_API const posta_option_info *posta_option_at(posta_option option);
/** Sets an option: `value` points to `len` bytes of it (a text: without its NUL; a number or flag:
 * sizeof(uint32_t)). POSTA_E_ARGUMENT: no such option or a wrong len; POSTA_E_STATE: too late;
 * POSTA_E_FIELD: a wrong value. posta_session_receipt says it by name. */
POSTA_API posta_status posta_session_set_option(posta_session *s, posta_option option,
                                                const void *value, size_t len);
/** Reads an option into `value`, at most `cap` bytes (a text with its NUL); `len_out` (may be null)
 * its whole length. POSTA_E_ARGUMENT, POSTA_E_LIMIT: cap is too small. */
POSTA_API posta_status posta_session_get_option(const posta_session *s, posta_option option,
                                                void *value, size_t cap, size_t *len_out);
/** setsockopt on every socket that is made, before it connects. At most POSTA_MAX_SOCKET_OPTIONS of
 * at most 16 bytes. POSTA_E_STATE: connected already or no sockets of ours; POSTA_E_LIMIT;
 * POSTA_E_ARGUMENT. A socket that refuses one fails its connect. */
POSTA_API posta_status posta_session_set_socket_option(posta_session *s, int level, int name,
                                                       const void *value, size_t len);

/** The descriptor to wait for while posta_session_wants is not 0; -1: none. */
POSTA_API int posta_session_pollfd(const posta_session *s);
/** What to wait for, bits POSTA_WANT_...; POSTA_WANT_BODY: feed the message's wanted slot. */
POSTA_API unsigned posta_session_wants(const posta_session *s);
/** How many octets to read before execute can go on, exactly, for transports that can wait for a
 * number only; 0: a line, or any. */
POSTA_API size_t posta_session_hint(const posta_session *s);
/** Milliseconds until execute must be called again; -1: no limit; 0: now. */
POSTA_API int64_t posta_session_timeout(const posta_session *s);
/** True from EVENT_CONNECTED (or a moment before) until the connection ends. */
POSTA_API bool posta_session_is_connected(const posta_session *s);
/** Where it leads, as its sentences name it: "mail.example.org:465"; never null. Good until the
 * session is freed; it follows posta_session_set_host and the TLS mode. */
POSTA_API const char *posta_session_peer(const posta_session *s);
/** What the server, and how this session is set, let a message be composed of. Once connected. */
POSTA_API posta_compose_options posta_session_compose_options(const posta_session *s);
/** What the server offers; no bits before it is connected. */
POSTA_API posta_capabilities posta_session_capabilities(const posta_session *s);
/** The first fault since connecting or since the last message began. Never null. */
POSTA_API const posta_fault *posta_session_fault(const posta_session *s);
/** What became of TLS on this connection, or the one before. */
POSTA_API void posta_session_tls(const posta_session *s, posta_tls_info *out);
/** The account of the last action that ended (connect, send, ...); for errors of connect too. */
POSTA_API const posta_receipt *posta_session_receipt(const posta_session *s);
/** The last complete reply, as posta_engine_last_response; empty before the first. Borrowed until
 * the next call on this session. */
POSTA_API posta_span posta_session_last_response(const posta_session *s, posta_reply *reply_out,
                                                 bool *truncated_out);
/** Replaces the pointer that the callback is given. Never touched by posta. */
POSTA_API void posta_session_set_user_data(posta_session *s, void *user_data);
/** The pointer of the configuration or of the last posta_session_set_user_data. */
POSTA_API void *posta_session_user_data(const posta_session *s);

/* ---- one call ---- */

/** Sends one message to `where` (a URL or a host) and closes. `options` (may be null) gives all
 * else; its url and host are not used. The total time is 900 s unless the options say so. POSTA_OK
 * when at least one recipient was accepted; `receipt_out` (may be null) tells all, its message in
 * one sentence. */
POSTA_API posta_status posta_send(const char *where, posta_message *message,
                                  const posta_session_config *options, posta_receipt *receipt_out);

/** posta_message_attach with a file; the part's name is the file's. POSTA_E_FILE, POSTA_E_NOT_BUILT
 * (problem text names the path and the reason). */
POSTA_API posta_status posta_message_attach_file(posta_message *m, const char *path,
                                                 const posta_part_options *options);
/** posta_message_inline with a file. */
POSTA_API posta_status posta_message_inline_file(posta_message *m, const char *path,
                                                 const char *cid,
                                                 const posta_part_options *options);
/** Writes the composed message to `write` piece by piece until it answers other than POSTA_OK. The
 *  text is 7-bit safe, but where an address cannot be written in ASCII. */
POSTA_API posta_status posta_message_write(
    posta_message *m, posta_status (*write)(void *user, const void *p, size_t len), void *user);

/* ---- the link: engine and message over memory windows, for hosts that own the bytes ---- */

/** Start from POSTA_LINK_CONFIG. Borrowed for the link's life, but for `tls`, which is shared. */
typedef struct posta_link_config {
    size_t size; /* sizeof(posta_link_config) */
    posta_engine_config engine;
    const char *peer; /* "host:port", for sentences */
    posta_tls *tls;   /* whose TLS it is when engine.starttls asks for some; null: the host's */
    const char *server_name; /* the host that is connected to: checked and asked for */
    unsigned insecure;       /* POSTA_INSECURE_..., besides those of `tls` */
    size_t tls_space;        /* octets read at a time under TLS; 0: this link never has TLS */
    const posta_port *port;  /* clock and entropy for TLS, IDNA; null: posta_port_default() */
    const posta_auth *auth;  /* who logs in; borrowed. Null: nobody */
    uint16_t tcp_port;       /* the server's; OAUTHBEARER tells it */
    bool is_protected;       /* the host encrypts and has verified the peer */
} posta_link_config;

#define POSTA_LINK_CONFIG                                                                          \
    { sizeof(posta_link_config), POSTA_ENGINE_CONFIG, 0, 0, 0, 0, POSTA_TLS_SPACE, 0, 0, 0, false }

/** Bytes that posta_link_place needs; 0: the configuration is not valid. */
POSTA_API size_t posta_link_size(const posta_link_config *config);
/** Makes a link in `mem` (aligned for any object), which the caller keeps until posta_link_wipe.
 *  POSTA_E_ARGUMENT, POSTA_E_FIELD as posta_engine_place. */
POSTA_API posta_status posta_link_place(void *mem, size_t len, const posta_link_config *config,
                                        posta_link **out);
/** Ends the use of the memory and nulls the pointer. Null is fine. The message under way is not
 * touched. */
POSTA_API void posta_link_wipe(posta_link **l);
/** Port: posta_engine_tick. */
POSTA_API void posta_link_tick(posta_link *l, uint64_t now_ms);
/** Port: posta_engine_rx_space. */
POSTA_API posta_mspan posta_link_rx_space(posta_link *l);
/** Port: posta_engine_rx_commit. */
POSTA_API void posta_link_rx_commit(posta_link *l, size_t n);
/** Port: posta_engine_rx_end. */
POSTA_API void posta_link_rx_end(posta_link *l, posta_status status);
/** Port: posta_engine_tx_data. */
POSTA_API posta_span posta_link_tx_data(posta_link *l);
/** Port: posta_engine_tx_consume. */
POSTA_API void posta_link_tx_consume(posta_link *l, size_t n);
/** Port: posta_engine_secured, where the handshake is the host's: without a posta_tls. */
POSTA_API void posta_link_secured(posta_link *l, posta_status status);
/** `hint_out` (may be null): octets to wait for, exactly; 0: a line. With a posta_tls
 * POSTA_WANT_TLS means that posta_link_tick goes on at once: a step of the handshake, or octets
 * that wait inside. Once the engine is closed nothing is wanted, but tx_data may hold TLS's last
 * words: write them once, without waiting. */
POSTA_API unsigned posta_link_wants(const posta_link *l, size_t *hint_out);
/** Replaces the posta_tls, before TLS has begun; null: the handshake is the host's. POSTA_E_STATE:
 * too late; POSTA_E_ARGUMENT: the link was made with tls_space 0. */
POSTA_API posta_status posta_link_set_tls(posta_link *l, posta_tls *tls);
/** Says close_notify, once, into tx_data: before the wire is closed. RFC 8446 6.1. */
POSTA_API void posta_link_goodbye(posta_link *l);
/** What became of TLS. */
POSTA_API void posta_link_tls(const posta_link *l, posta_tls_info *out);
/** Port: posta_engine_deadline. */
POSTA_API uint64_t posta_link_deadline(const posta_link *l);
/** Port: posta_engine_next_event. */
POSTA_API bool posta_link_next_event(posta_link *l, posta_event *out);
/** Composes the message for what the server offers and submits it. POSTA_E_IN_PROGRESS; else
 * nothing was sent and the receipt says why. */
POSTA_API posta_status posta_link_send_message(posta_link *l, posta_message *message);
/** What the server, and how this link is set, let a message be composed of. Once connected. */
POSTA_API posta_compose_options posta_link_compose_options(const posta_link *l);
/** Submits finished text; as posta_engine_submit, and the receipt names what was refused. */
POSTA_API posta_status posta_link_send(posta_link *l, const posta_envelope *envelope,
                                       const posta_source *source);
/** As posta_engine_reset. */
POSTA_API posta_status posta_link_reset(posta_link *l);
/** As posta_engine_noop. */
POSTA_API posta_status posta_link_noop(posta_link *l);
/** As posta_engine_quit. */
POSTA_API posta_status posta_link_quit(posta_link *l);
/** As posta_engine_abort. */
POSTA_API void posta_link_abort(posta_link *l, posta_status cause);
/** The engine inside, for what is known (idle, closed, capabilities, fault, last response). */
POSTA_API const posta_engine *posta_link_engine(const posta_link *l);
/** Fills the account of the last message, or of the fault that ended the connection. */
POSTA_API void posta_link_receipt(const posta_link *l, posta_receipt *out);

#ifdef __cplusplus
}
#endif

#endif
