/* posta/base.h: the words every other header speaks: bytes, status, and the interfaces by which
 * the freestanding layers reach the world (the place, a source of bytes, a transport).
 *
 * Freestanding: needs stddef, stdint, stdbool. Nothing here allocates, waits or keeps state.
 */
#ifndef POSTA_BASE_H
#define POSTA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "posta/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(POSTA_BUILD_SHARED) && defined(__GNUC__)
#define POSTA_API __attribute__((visibility("default")))
#else
#define POSTA_API
#endif

/** The version of this library. */
#define POSTA_VERSION "0.1.0"

/* ---- results ---- */

/** The C name of a status ("POSTA_E_TIMEOUT"). Never null; static. */
POSTA_API const char *posta_status_name(posta_status status);

/** The dotted code of a status ("timeout"), as Lua shows it. Never null; static. */
POSTA_API const char *posta_status_code(posta_status status);

/** One sentence for a status, without a full stop. Never null; static. With POSTA_TEXTS=OFF the
 * code. */
POSTA_API const char *posta_status_text(posta_status status);

/* ---- bytes ---- */

/** Bytes to read. Borrowed; never owns. `p` may be null when `len` is 0. */
typedef struct posta_span {
    const uint8_t *p;
    size_t len;
} posta_span;

/** Room to write. Borrowed; never owns. */
typedef struct posta_mspan {
    uint8_t *p;
    size_t cap;
} posta_mspan;

/** A buffer with a read end and a write end: unread bytes are p[at .. len), room is p[len .. cap).
 */
typedef struct posta_window {
    uint8_t *p;
    size_t cap;
    size_t at;
    size_t len;
} posta_window;

/** "This length is not known." */
#define POSTA_LEN_UNKNOWN UINT64_MAX

/* ---- limits ---- */

#define POSTA_MAX_LINE       998u /* octets in a text line without CRLF, RFC 5322 2.1.1 */
#define POSTA_MAX_LOCAL_PART 64u  /* RFC 5321 4.5.3.1.1 */
#define POSTA_MAX_DOMAIN     255u /* RFC 5321 4.5.3.1.2 */
#define POSTA_MAX_PATH       256u /* with its brackets, RFC 5321 4.5.3.1.3 */
#define POSTA_MAX_FIELD_NAME 76u  /* octets in a header field's name */
#define POSTA_MAX_DEPTH      40u  /* nested MIME parts */

/* ---- the place ---- */

/** Encoders in this machine's vector instructions; opaque. */
typedef struct posta_kernels posta_kernels;

/** What the place gives. One struct; nothing else is global. All functions are called on the thread
 *  that calls posta, never from another. */
typedef struct posta_port {
    size_t size; /* sizeof(posta_port) */
    void *user;
    /** Milliseconds on a clock that never jumps; required. */
    uint64_t (*now_ms)(void *user);
    /** Seconds since 1970 UTC; < 0: not known, then no Date field is written. */
    int64_t (*unix_time)(void *user);
    /** Fills `out` with `len` unpredictable bytes, or says POSTA_E_ENTROPY. */
    posta_status (*entropy)(void *user, void *out, size_t len);
    /** The shape of lua_Alloc: len 0 frees, old null allocates, else resizes. Null: out of memory.
     */
    void *(*allocate)(void *user, void *old, size_t old_len, size_t len);
    /** Appends a domain whose labels are not all ASCII as A-labels, by IDNA2008 (RFC 5891); maps
     * nothing but ASCII capitals and composition (NFC). May be null, and then such domains need a
     * server with SMTPUTF8. POSTA_OK; POSTA_E_FIELD with a static phrase in *why_out ("has a domain
     * ..."); POSTA_E_LIMIT; POSTA_E_MEMORY; POSTA_E_NOT_BUILT. */
    posta_status (*domain_to_ascii)(void *user, posta_span domain, posta_window *out,
                                    const char **why_out);
    /** posta_port_default()->kernels, or null: portable encoders, for the same octets. */
    const posta_kernels *kernels;
} posta_port;

/* ---- a source of bytes ---- */

/** Bytes pulled into the reader's window.
 *
 *  `pull` appends at out->p + out->len (at most out->cap - out->len bytes), moves out->len, and
 * answers POSTA_OK     at least one byte was written, or the window has no room; more may follow
 *    POSTA_END    that was all (bytes may have come with it); not called again before `rewind`
 *    POSTA_AGAIN  nothing now; the host must do something first (feed a slot)
 *    a fault      the body is broken; sticky
 *  A window with fewer than 4 bytes of room may answer POSTA_OK with nothing written. */
typedef struct posta_source {
    void *user;
    posta_status (*pull)(void *user, posta_window *out);
    posta_status (*rewind)(void *user); /* null: can be read only once */
    void (*close)(void *user); /* null: nothing to release; called once by the last owner */
    uint64_t len;              /* exact octets it will give, or POSTA_LEN_UNKNOWN */
} posta_source;

/* ---- what is wrong with what was given ---- */

/** Why a setting or a part of a message is refused. */
typedef struct posta_problem {
    posta_status status; /* POSTA_OK: no problem */
    char field[96];      /* "to[2]", "attachments[1].name", "tls.ca_file" */
    char text[512];      /* a sentence: field, what is wrong, the value (clipped, escaped) */
} posta_problem;

/* ---- who a message goes to, and what became of it ---- */

/** A server's answer, kept by value. */
typedef struct posta_reply {
    uint16_t code;        /* 200..599; 0: none */
    uint16_t enhanced[3]; /* RFC 3463 class, subject, detail; class 0: none */
    char text[128];       /* first bytes of the text (lines joined by one space), NUL-terminated */
} posta_reply;

typedef enum posta_recipient_status {
    POSTA_RECIPIENT_NOT_SENT, /* never given to the server, or given and then withdrawn */
    POSTA_RECIPIENT_REFUSED,  /* the server said 4yz or 5yz to this one */
    POSTA_RECIPIENT_ACCEPTED, /* the server took the message for this one */
    POSTA_RECIPIENT_UNKNOWN   /* the end of the message was written, no complete reply came */
} posta_recipient_status;

typedef enum posta_retry {
    POSTA_RETRY_SAFE,           /* sending again cannot deliver twice */
    POSTA_RETRY_DUPLICATE_RISK, /* the outcome is unknown: sending again may deliver twice */
    POSTA_RETRY_POINTLESS       /* the server will say the same again */
} posta_retry;

/** When the sender wants to be told of a recipient; RFC 3461 4.1. */
enum {
    POSTA_NOTIFY_NEVER = 1u, /* alone */
    POSTA_NOTIFY_SUCCESS = 2u,
    POSTA_NOTIFY_FAILURE = 4u,
    POSTA_NOTIFY_DELAY = 8u
};

/** One recipient of an envelope: address, notify and original from the caller, the rest written by
 * posta. What is borrowed is so until the message is done. */
typedef struct posta_recipient {
    const char *address;  /* RFC 5321 Mailbox without brackets; borrowed */
    unsigned notify;      /* POSTA_NOTIFY_ bits, 0: as the server likes; needs DSN */
    const char *original; /* ORCPT: the address that it was first sent to; null: not told; borrowed;
                             needs DSN */
    posta_recipient_status status;
    posta_retry retry;
    posta_reply reply;
} posta_recipient;

/** What a notification brings back of the message; RFC 3461 4.3. */
typedef enum posta_dsn_return {
    POSTA_RET_DEFAULT,
    POSTA_RET_FULL,
    POSTA_RET_HEADERS
} posta_dsn_return;

/** What happens to a message that is late; RFC 2852. */
typedef enum posta_by_mode { POSTA_BY_NOTIFY, POSTA_BY_RETURN } posta_by_mode;

/** What is asked for with MAIL. Start from POSTA_MAIL_OPTIONS. Each needs an extension that the
 * server offers, else POSTA_E_EXTENSION and nothing is sent. Strings are borrowed until the message
 * is done. */
typedef struct posta_mail_options {
    size_t size;          /* sizeof(posta_mail_options) */
    posta_dsn_return ret; /* DSN */
    const char *envid;    /* DSN: comes back in notifications; 1 to 100 ASCII characters */
    const char *auth;     /* AUTH, RFC 4954 5: who vouches for it; "": nobody; null: not said */
    bool require_tls;     /* REQUIRETLS, RFC 8689: verified TLS all the way, or not at all */
    bool has_priority;    /* MT-PRIORITY, RFC 6710 */
    int priority;         /* -9 to 9 */
    bool has_deliver_by;  /* DELIVERBY, RFC 2852 */
    int32_t deliver_by;   /* seconds from now, at most 999999999; <= 0 with POSTA_BY_NOTIFY only */
    posta_by_mode by_mode;
    bool by_trace;      /* tell of each relay */
    uint32_t hold_for;  /* FUTURERELEASE, RFC 4865: seconds; 0: not held */
    int64_t hold_until; /* the same, as seconds since 1970; 0: not held */
} posta_mail_options;

#define POSTA_MAIL_OPTIONS                                                                         \
    {                                                                                              \
        sizeof(posta_mail_options), POSTA_RET_DEFAULT, 0, 0, false, false, 0, false, 0,            \
            POSTA_BY_NOTIFY, false, 0, 0                                                           \
    }

/** Who it is from and to. The array is the caller's; posta writes the results into it. */
typedef struct posta_envelope {
    const char *from; /* "" is the null reverse-path */
    posta_recipient *to;
    size_t to_n;
    bool has_8bit; /* the text has octets >= 0x80: BODY=8BITMIME, an error where not offered */
    bool
        has_crlf; /* the source gives whole CRLF lines, so its length is what the server will count:
                     it is announced as SIZE. Else line ends may be mended, and no SIZE is said */
    const posta_mail_options *options; /* null: none; borrowed */
    bool has_binary; /* the text is no lines: BODY=BINARYMIME, by BDAT only; an error where that
                        cannot be */
    bool has_utf8;   /* the text's header fields have UTF-8: SMTPUTF8, an error where not offered */
} posta_envelope;

/* ---- cryptography ---- */

typedef enum posta_hash { POSTA_HASH_MD5, POSTA_HASH_SHA1, POSTA_HASH_SHA256 } posta_hash;

#define POSTA_MAX_HASH 32u /* octets */

/** What mechanisms of AUTH need of cryptography; posta_crypto_default gives it where TLS is built
 * in. `out` has room for the hash's octets: 16, 20, 32. Each answers POSTA_OK or a fault. */
typedef struct posta_crypto {
    size_t size;     /* sizeof(posta_crypto) */
    unsigned hashes; /* which there are: 1u << posta_hash, each */
    void *user;
    posta_status (*digest)(void *user, posta_hash hash, posta_span data, uint8_t *out);
    /** HMAC (RFC 2104) of the parts put together. */
    posta_status (*hmac)(void *user, posta_hash hash, posta_span key, const posta_span *parts,
                         size_t parts_n, uint8_t *out);
    /** `n` rounds of PBKDF2 (RFC 8018 5.2): last = HMAC(key, last), and sum ^= last. */
    posta_status (*iterate)(void *user, posta_hash hash, posta_span key, uint8_t *last,
                            uint8_t *sum, uint32_t n);
    posta_status (*random)(void *user, void *out, size_t len);
} posta_crypto;

/* ---- a transport ---- */

/** What a side wants of the wire; a set of bits. */
enum {
    POSTA_WANT_RX = 1u,    /* bytes from the wire */
    POSTA_WANT_TX = 2u,    /* bytes to the wire */
    POSTA_WANT_BODY = 4u,  /* the host must feed the slot that the message waits for */
    POSTA_WANT_TLS = 8u,   /* a TLS handshake step */
    POSTA_WANT_AUTH = 32u, /* the next step of AUTH; see posta_engine_auth_turn */
    POSTA_WANT_NOW =
        16u /* with RX: try one read that does not wait, then commit what it gave, 0 too */
};

/** How bytes reach the server. Each function answers POSTA_OK, POSTA_AGAIN (would wait) or a fault.
 *  Nothing but `wait` may block. `open`, `wait`, `starttls` may be null. */
typedef struct posta_transport {
    size_t size; /* sizeof(posta_transport) */
    void *user;
    /** Starts or continues connecting; called until it does not answer POSTA_AGAIN. */
    posta_status (*open)(void *user, const char *host, uint16_t port);
    /** Reads at most `cap` bytes; POSTA_OK with *n_out 0 is the end of the stream.
     * POSTA_E_IN_PROGRESS, of a transport that only notes what is to be read: nobody has looked
     * yet; POSTA_AGAIN then means that somebody has, since it was asked, and found nothing. */
    posta_status (*read)(void *user, void *p, size_t cap, size_t *n_out);
    /** Writes at most `len` bytes; *n_out says how many were taken, also beside AGAIN or a fault.
     */
    posta_status (*write)(void *user, const void *p, size_t len, size_t *n_out);
    void (*close)(void *user);
    /** Waits until the wire is ready for `wants` or `ms` milliseconds passed; POSTA_OK either way,
     *  also when a signal ended the wait early. */
    posta_status (*wait)(void *user, unsigned wants, uint32_t ms);
    /** After the server's 220 to STARTTLS: starts or continues the host's own TLS on this wire, and
     * verifies the peer as `server_name`; called until it does not answer POSTA_AGAIN. From
     * POSTA_OK on `read` and `write` are protected. A fault ends the connection. */
    posta_status (*starttls)(void *user, const char *server_name);
    /** May be null. What is written from now until `close` is QUIT or the end of TLS, on which no
     * account depends: a transport that only notes what is to be written may write it behind
     * `close`, once and without waiting. What was noted before this must not go out behind `close`.
     */
    void (*leave)(void *user);
    unsigned flags; /* POSTA_TRANSPORT_... */
} posta_transport;

/** The host encrypts and has verified the peer. */
#define POSTA_TRANSPORT_SECURE 1u
/** `write` only notes what is to be written, and a later call says what of it went out. Called with
 * len 0 it says that too; posta asks so before it judges time and cancelling. */
#define POSTA_TRANSPORT_LATE 2u

#ifdef __cplusplus
}
#endif

#endif
