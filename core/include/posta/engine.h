/* posta/engine.h: the SMTP protocol engine. It does no I/O, keeps no clock, calls nothing back and
 * allocates nothing: bytes in, bytes out, events pulled.
 *
 *     host reads the wire into rx_space, says rx_commit; takes tx_data, says tx_consume;
 *     takes events until there is none; looks at wants and deadline; waits; says tick; again.
 *
 * The liveness law: at any moment `wants` is not 0, or an event waits, or the engine is idle or
 * closed. One engine belongs to one thread at a time. RFC 5321, 2920, 1870, 6152, 3463.
 */
#ifndef POSTA_ENGINE_H
#define POSTA_ENGINE_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posta_engine posta_engine;

/* ---- configuration ---- */

/** Milliseconds each phase may take without progress; 0: no limit. RFC 5321 4.5.3.2. */
typedef struct posta_timeouts {
    uint32_t resolve;  /* finding the addresses of the host; 30 s */
    uint32_t connect;  /* connecting, each address; 30 s */
    uint32_t tls;      /* the handshake; 60 s */
    uint32_t greeting; /* the server's first reply; 300 s */
    uint32_t command;  /* the reply to EHLO, MAIL, RCPT, RSET, NOOP; 300 s */
    uint32_t data;     /* the reply to DATA; 120 s */
    uint32_t block;    /* the server taking the next piece of the text; 180 s */
    uint32_t result;   /* the reply to the end of the text; 600 s */
    uint32_t quit;     /* the reply to QUIT; 2 s */
    uint32_t total;    /* everything, from connecting to the end of QUIT; none */
} posta_timeouts;

#define POSTA_TIMEOUTS                                                                             \
    { 30000, 30000, 60000, 300000, 300000, 120000, 180000, 600000, 2000, 0 }

/** What a refused recipient means for the others. */
typedef enum posta_on_refused {
    POSTA_REFUSED_CONTINUE, /* the message goes to those who were accepted */
    POSTA_REFUSED_ABORT     /* after any refusal nobody gets it */
} posta_on_refused;

/** When TLS begins: by STARTTLS, RFC 3207, or from the first octet, RFC 8314. */
typedef enum posta_starttls {
    POSTA_STARTTLS_NEVER,
    POSTA_STARTTLS_OFFERED, /* if the server offers it; a refusal leaves the channel in clear text
                             */
    POSTA_STARTTLS_ALWAYS,  /* offered or not; anything but 220 ends the connection */
    POSTA_STARTTLS_IMPLICIT /* never said: TLS is there before the greeting */
} posta_starttls;

/** Start from POSTA_ENGINE_CONFIG. Strings and the port are borrowed for the engine's life. */
typedef struct posta_engine_config {
    size_t size;       /* sizeof(posta_engine_config) */
    const char *hello; /* EHLO's argument: a domain or an address literal; required */
    posta_timeouts timeouts;
    posta_on_refused on_refused;
    bool no_pipelining; /* one command at a time, whatever the server offers */
    bool lmtp; /* RFC 2033: LHLO, and a verdict on the text for each recipient; whole messages only
                  (posta_engine_submit), and not with POSTA_REFUSED_ABORT */
    bool chunking; /* texts of known length that are whole CRLF lines go by BDAT, RFC 3030, where
                      the server offers CHUNKING: pipelined behind the recipients, so that a message
                      takes one round trip */
    bool trace;    /* every line of the dialogue becomes an event */
    bool lenient;  /* take LF alone as a reply's line end, and up to 4 empty lines before a reply */
    size_t rx_space;    /* bytes; at least POSTA_MIN_RX_SPACE */
    size_t tx_space;    /* bytes; at least POSTA_MIN_TX_SPACE */
    size_t body_space;  /* bytes pulled from a source at a time; at least POSTA_MIN_BODY_SPACE */
    size_t reply_space; /* bytes of the last response that are kept; at least 1 */
    size_t owed_max;    /* commands that may wait for their replies, 1 to 1024 */
    uint32_t line_max;  /* octets in a reply line before it is a fault */
    uint32_t reply_max; /* octets in a whole reply before it is a fault */
    uint32_t spent;     /* milliseconds of the total that are over when the engine begins */
    posta_starttls starttls;
    size_t auth_space;      /* octets of a challenge of AUTH; 0: nobody logs in */
    const posta_port *port; /* whose domain_to_ascii is asked, for a server without SMTPUTF8 and a
                               domain that is not ASCII; null: such a domain is refused then */
    bool smtputf8;          /* of a message command by command: see posta_engine_set_smtputf8 */
    const posta_kernels *kernels; /* those of a posta_port; may be null */
} posta_engine_config;

/** Octets of a line of AUTH, RFC 4954 4. */
#define POSTA_MAX_AUTH_LINE 12288u

#define POSTA_MIN_RX_SPACE   16u
#define POSTA_MIN_TX_SPACE   512u
#define POSTA_MIN_BODY_SPACE 16u
#define POSTA_MAX_SPACE      (16u << 20) /* each space */
#define POSTA_MAX_OWED       1024u

#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA_ENGINE_SPACES 16, 512, 16, 64, 2
#else
#define POSTA_ENGINE_SPACES 4096, 65536, 16384, 1024, 64
#endif

#define POSTA_ENGINE_CONFIG                                                                        \
    {                                                                                              \
        sizeof(posta_engine_config), 0, POSTA_TIMEOUTS, POSTA_REFUSED_CONTINUE, false, false,      \
            false, false, false, POSTA_ENGINE_SPACES, 4096, 65536, 0, POSTA_STARTTLS_NEVER, 0, 0,  \
            false, 0                                                                               \
    }

/* ---- phases, events, faults ---- */

/** Where in the dialogue something happened. posta_phase_name gives the word that errors show. */
typedef enum posta_phase {
    POSTA_PHASE_NONE,
    POSTA_PHASE_COMPOSE, /* "compose": before anything was sent */
    POSTA_PHASE_RESOLVE,
    POSTA_PHASE_CONNECT,
    POSTA_PHASE_TLS,
    POSTA_PHASE_GREETING,
    POSTA_PHASE_HELLO,
    POSTA_PHASE_AUTH,
    POSTA_PHASE_SENDER,
    POSTA_PHASE_RECIPIENT,
    POSTA_PHASE_DATA,
    POSTA_PHASE_BODY,   /* the text is being written */
    POSTA_PHASE_RESULT, /* the text is written, its verdict awaited */
    POSTA_PHASE_RESET,
    POSTA_PHASE_NOOP,
    POSTA_PHASE_COMMAND, /* posta_engine_command */
    POSTA_PHASE_QUIT,
    POSTA_PHASE_IDLE
} posta_phase;

/** "greeting", "sender", ... Static, never null. */
POSTA_API const char *posta_phase_name(posta_phase phase);

typedef enum posta_event_type {
    POSTA_EVENT_NONE,
    POSTA_EVENT_TRACE,     /* a line of the dialogue: direction, text */
    POSTA_EVENT_CONNECTED, /* greeted, capabilities known */
    POSTA_EVENT_SENDER_ACK,
    POSTA_EVENT_RECIPIENT_ACK,
    POSTA_EVENT_BEGIN_ACK, /* the server awaits the text */
    POSTA_EVENT_END_ACK,   /* the server took the text */
    POSTA_EVENT_RESET,
    POSTA_EVENT_NOOP_ACK,
    POSTA_EVENT_DISCONNECTED, /* QUIT answered, or not: the connection is done */
    POSTA_EVENT_SERVER_ERROR, /* 5yz to the action */
    POSTA_EVENT_SERVER_RETRY, /* 4yz to the action */
    POSTA_EVENT_TIMEOUT,
    POSTA_EVENT_FAILED,
    POSTA_EVENT_AUTH_OK,
    POSTA_EVENT_AUTH_FAIL,
    POSTA_EVENT_SECURE_OK,
    POSTA_EVENT_SECURE_FAIL,
    POSTA_EVENT_COMMAND_ACK, /* 2yz to a command of the host's own; its text has all lines */
    POSTA_EVENT_SENT         /* the submitted message is done; see posta_engine_outcome */
} posta_event_type;

/** One thing that happened. `text` is borrowed until the next call on the engine. */
typedef struct posta_event {
    posta_event_type type;
    posta_phase action;  /* what it answers */
    size_t recipient;    /* index in the envelope, for RECIPIENT_ACK and refusals of recipients */
    posta_status status; /* what ended the action */
    char direction;      /* TRACE: 'C', 'S', or '*' for a remark */
    uint16_t code;       /* the reply's, 0: none */
    posta_span text;     /* TRACE: the line; else the reply's text, lines separated by LF */
} posta_event;

typedef enum posta_side {
    POSTA_SIDE_OURS,
    POSTA_SIDE_THEIRS,
    POSTA_SIDE_WIRE,
    POSTA_SIDE_TLS
} posta_side;

/** The first thing that went wrong on this connection or in this message; sticky. */
typedef struct posta_fault {
    posta_status status; /* POSTA_OK: no fault; else what the call returned */
    posta_status cause;  /* the same, more exactly (second group of the status list) */
    posta_side side;
    posta_phase phase;
    posta_reply reply; /* code 0: the server said nothing */
    size_t recipient;  /* POSTA_E_FIELD: which address; POSTA_NO_RECIPIENT: the sender */
    const char *why;   /* POSTA_E_FIELD, POSTA_E_BODY, POSTA_E_PROTOCOL: static words; else null */
    const char
        *field;      /* the option that is wrong or cannot be had: "dsn.envid"; static; else null */
    bool is_address; /* it is an address that is wrong, or that this server does not take:
                        `recipient` says which */
} posta_fault;

#define POSTA_NO_RECIPIENT SIZE_MAX

/** What became of a submitted message. */
typedef struct posta_outcome {
    posta_status status; /* POSTA_OK: at least one recipient was accepted */
    posta_retry retry;
    bool unknown; /* the end of the text was written, no complete reply came */
    size_t accepted_n;
    size_t refused_n;
    uint64_t bytes;    /* octets of the text handed to the transport, dots not counted */
    posta_reply reply; /* the verdict on the text, or the reply that ended the matter */
} posta_outcome;

/** What the server offers; a set of bits. */
enum {
    POSTA_CAN_ESMTP = 1u,
    POSTA_CAN_PIPELINING = 2u,
    POSTA_CAN_8BITMIME = 4u,
    POSTA_CAN_SIZE = 8u,
    POSTA_CAN_STARTTLS = 16u,
    POSTA_CAN_AUTH = 32u,
    POSTA_CAN_ENHANCED_CODES = 64u,
    POSTA_CAN_SMTPUTF8 = 128u,        /* RFC 6531; used only beside 8BITMIME */
    POSTA_CAN_DSN = 256u,             /* RFC 3461 */
    POSTA_CAN_CHUNKING = 512u,        /* RFC 3030 */
    POSTA_CAN_BINARYMIME = 1024u,     /* RFC 3030 */
    POSTA_CAN_REQUIRETLS = 2048u,     /* RFC 8689 */
    POSTA_CAN_MT_PRIORITY = 4096u,    /* RFC 6710 */
    POSTA_CAN_DELIVERBY = 8192u,      /* RFC 2852 */
    POSTA_CAN_FUTURERELEASE = 16384u, /* RFC 4865 */
    POSTA_CAN_LIMITS = 32768u,        /* RFC 9422 */
    POSTA_CAN_ETRN = 65536u,          /* RFC 1985 */
    POSTA_CAN_VRFY = 131072u,
    POSTA_CAN_EXPN = 262144u,
    POSTA_CAN_HELP = 524288u
};

/** What EHLO told. */
typedef struct posta_capabilities {
    unsigned bits;
    uint64_t size_max; /* octets; 0: no limit was given */
    uint32_t by_min;   /* DELIVERBY: the soonest that the server promises, seconds; 0: not told */
    uint32_t hold_max; /* FUTURERELEASE: the longest that it holds mail, seconds; 0: not told */
    uint32_t mail_max, rcpt_max,
        rcpt_domain_max; /* LIMITS: MAILMAX, RCPTMAX, RCPTDOMAINMAX; 0: not told */
} posta_capabilities;

/* ---- life ---- */

/** Bytes that posta_engine_place needs for this configuration; 0: the configuration is not valid.
 */
POSTA_API size_t posta_engine_size(const posta_engine_config *config);
/** Makes an engine in `mem` (aligned for any object, at least posta_engine_size bytes), which the
 * caller keeps until posta_engine_wipe. POSTA_E_ARGUMENT; POSTA_E_FIELD: hello is neither domain
 * nor literal. */
POSTA_API posta_status posta_engine_place(void *mem, size_t len, const posta_engine_config *config,
                                          posta_engine **out);
/** Ends the engine's use of its memory and nulls the pointer. Null is fine. */
POSTA_API void posta_engine_wipe(posta_engine **e);

/* ---- the wire ---- */

/** Tells the time (any monotonic milliseconds) and lets the engine go on. Call it before taking
 *  wants or deadline, after waiting, and once to begin: the connection counts as open from then. */
POSTA_API void posta_engine_tick(posta_engine *e, uint64_t now_ms);
/** Lends the inbound window. Read from the wire straight into it, then commit. Good until the next
 * call on this engine. cap == 0: the host must take events first. */
POSTA_API posta_mspan posta_engine_rx_space(posta_engine *e);
/** `n` bytes were read; 0: a read was tried and the wire had nothing (answers POSTA_WANT_NOW). */
POSTA_API void posta_engine_rx_commit(posta_engine *e, size_t n);
/** The peer closed its side; `status` says how: POSTA_OK for an orderly end, else the transport's
 * fault. */
POSTA_API void posta_engine_rx_end(posta_engine *e, posta_status status);
/** Lends what is to be written. Good until the next call on this engine. */
POSTA_API posta_span posta_engine_tx_data(posta_engine *e);
/** The transport took the first `n` bytes of tx_data. */
POSTA_API void posta_engine_tx_consume(posta_engine *e, size_t n);
/** What the engine needs; bits POSTA_WANT_RX, _TX, _BODY, _NOW, _TLS. 0: nothing is under way, or
 * closed. _TLS: the server awaits the handshake; no octet is read or written before
 * posta_engine_secured. */
POSTA_API unsigned posta_engine_wants(const posta_engine *e);
/** When posta_engine_tick must be called at the latest, on tick's clock; UINT64_MAX: no limit runs.
 */
POSTA_API uint64_t posta_engine_deadline(const posta_engine *e);
/** The TLS handshake that POSTA_WANT_TLS asked for is done: POSTA_OK, the channel is protected and
 * the peer verified: EVENT_SECURE_OK, and EHLO is said again, since what was offered in clear text
 * counts no more. A fault: EVENT_SECURE_FAIL, and the connection is closed. RFC 3207 4.2. */
POSTA_API void posta_engine_secured(posta_engine *e, posta_status status);
/** The same for TLS whose peer could not be verified, where that was allowed: goes on, and
 * EVENT_SECURE_OK has `reason` as its status. RFC 7435. */
POSTA_API void posta_engine_encrypted(posta_engine *e, posta_status reason);
/** Takes the next event. False: none waits. */
POSTA_API bool posta_engine_next_event(posta_engine *e, posta_event *out);

/* ---- commands ---- */

/** Sends one message: MAIL, RCPTs, DATA or BDAT, text; pipelined where offered. Ends in EVENT_SENT,
 * with RECIPIENT_ACK, SERVER_ERROR or SERVER_RETRY for each recipient before it. The envelope's
 * array and the source are borrowed until then. POSTA_E_IN_PROGRESS: accepted. POSTA_E_STATE: not
 * idle. POSTA_E_FIELD, POSTA_E_TOO_BIG, POSTA_E_EXTENSION, POSTA_E_ARGUMENT: nothing was sent;
 * connection unharmed. An address beyond ASCII goes as it is, with SMTPUTF8, where that is offered;
 * else its domain as A-labels, and a local part is POSTA_E_EXTENSION, a domain without IDNA
 * POSTA_E_NOT_BUILT. */
POSTA_API posta_status posta_engine_submit(posta_engine *e, const posta_envelope *envelope,
                                           const posta_source *source);
/* One message command by command, each with its own event: mail, rcpt+, data, text*, text_end.
 * POSTA_E_IN_PROGRESS: begun. POSTA_E_STATE: not idle, or not in this order. */

/** MAIL; ends in EVENT_SENDER_ACK, SERVER_ERROR or SERVER_RETRY. `from` ("" is the null path) is
 * borrowed until then. Announces BODY=8BITMIME where offered; SMTPUTF8 for a sender beyond ASCII,
 * or where posta_engine_set_smtputf8 said so. POSTA_E_FIELD, POSTA_E_EXTENSION, POSTA_E_NOT_BUILT.
 */
POSTA_API posta_status posta_engine_mail(posta_engine *e, const char *from);
/** The same with parameters; `options` (null: none) is borrowed until the event. POSTA_E_EXTENSION:
 * the server does not offer one that is asked for; nothing was sent. */
POSTA_API posta_status posta_engine_mail_with(posta_engine *e, const char *from,
                                              const posta_mail_options *options);
/** RCPT to recipient->address; ends in EVENT_RECIPIENT_ACK, SERVER_ERROR or SERVER_RETRY, whose
 * `recipient` counts them from 0. Borrowed until then. Errors as of posta_engine_mail; what MAIL
 * did not announce cannot be used any more. */
POSTA_API posta_status posta_engine_rcpt(posta_engine *e, posta_recipient *recipient);
/** DATA; ends in EVENT_BEGIN_ACK, SERVER_ERROR or SERVER_RETRY. POSTA_E_STATE also when no
 * recipient was accepted. */
POSTA_API posta_status posta_engine_data(posta_engine *e);
/** Takes as much of the text as the outbound window has room for, line ends mended and dots
 * doubled; returns how much. 0 outside a text. A text that is refused (an overlong line, octets
 * above 127 without 8BITMIME) ends the connection in EVENT_FAILED. */
POSTA_API size_t posta_engine_text(posta_engine *e, const void *p, size_t len);
/** The end of the text; ends in EVENT_END_ACK, SERVER_ERROR or SERVER_RETRY. posta_engine_outcome
 * then tells what became of the message. */
POSTA_API posta_status posta_engine_text_end(posta_engine *e);
/** The next posta_engine_mail announces SMTPUTF8 where it is offered, although its sender is ASCII:
 * for recipients or header fields that are not. Not without need: a server that cannot hand such a
 * message on returns it. */
POSTA_API void posta_engine_set_smtputf8(posta_engine *e, bool is_wanted);
/** Changes the patience of the phases from now on; `total` too. */
POSTA_API void posta_engine_set_timeouts(posta_engine *e, const posta_timeouts *timeouts);
/** RSET; ends in EVENT_RESET. POSTA_E_IN_PROGRESS, POSTA_E_STATE. */
POSTA_API posta_status posta_engine_reset(posta_engine *e);
/** NOOP; ends in EVENT_NOOP_ACK. POSTA_E_IN_PROGRESS, POSTA_E_STATE. */
POSTA_API posta_status posta_engine_noop(posta_engine *e);
/** A command that the engine does not own (VRFY, EXPN, HELP, ETRN, ...), alone in its group: one
 * line, one reply; ends in EVENT_COMMAND_ACK, SERVER_ERROR or SERVER_RETRY. `args` may be null;
 * both are borrowed until the event. POSTA_E_IN_PROGRESS. POSTA_E_FIELD, and nothing is said: a
 * verb of the engine's own, one that is not 1 to 16 letters, digits or hyphens, controls, what is
 * not ASCII, over 510 octets in all. POSTA_E_EXTENSION: ETRN that is not offered. POSTA_E_STATE:
 * not idle, or inside a message. */
POSTA_API posta_status posta_engine_command(posta_engine *e, const char *name, const char *args);
/** QUIT; ends in EVENT_DISCONNECTED, whatever the server does. Inside a text given piece by piece
 * it closes at once, without dot and QUIT. POSTA_E_IN_PROGRESS, POSTA_E_STATE.
 */
POSTA_API posta_status posta_engine_quit(posta_engine *e);
/** Ends everything now: nothing more is written. The message under way gets its outcome, the action
 * its event (TIMEOUT for the timeout causes, else FAILED). `cause` names the reason, e.g.
 * POSTA_E_CANCELLED. */
POSTA_API void posta_engine_abort(posta_engine *e, posta_status cause);

/* ---- AUTH, RFC 4954, where auth_space is not 0 ----
 * It comes behind EHLO and before EVENT_CONNECTED, and is the host's to think of: the engine says
 * lines and hears replies. While wants has POSTA_WANT_AUTH it is the host's turn; each turn is
 * answered by one of begin, answer, cancel, end. Spans that are given are borrowed until the next
 * turn, and never seen in trace or transcript. Meanwhile wants has POSTA_WANT_RX too: the server
 * may leave while the host thinks. */

typedef enum posta_auth_turn {
    POSTA_AUTH_TURN_BEGIN,     /* nothing was said yet; or the server does not know the mechanism */
    POSTA_AUTH_TURN_CHALLENGE, /* 334: wants an answer */
    POSTA_AUTH_TURN_YES,       /* 235 */
    POSTA_AUTH_TURN_NO         /* 4yz, 5yz: posta_engine_last_response says more */
} posta_auth_turn;

/** Whose turn it is. `text_out`: BEGIN, the mechanisms that the server offers, with spaces between
 * them; CHALLENGE, the challenge, base64. False: the server's challenge makes no sense (several
 * lines, longer than auth_space): it can only be cancelled. */
POSTA_API bool posta_engine_auth_turn(const posta_engine *e, posta_auth_turn *turn_out,
                                      posta_span *text_out);
/** AUTH with this mechanism, in the turns BEGIN and NO. `initial` (may be null) is the first
 * answer; *said_out: it went along, which it does where the line has no more than 512 octets. Where
 * the server repeats `secret`, as it is, in base64 or hex, or a good part of it, `***` is shown
 * instead; so is what comes unasked behind the login. POSTA_E_STATE, POSTA_E_LIMIT: the line does
 * not fit in tx_space. */
POSTA_API posta_status posta_engine_auth_begin(posta_engine *e, posta_span mechanism,
                                               const posta_span *initial, posta_span secret,
                                               bool *said_out);
/** The answer to a challenge. POSTA_E_STATE, POSTA_E_LIMIT. */
POSTA_API posta_status posta_engine_auth_answer(posta_engine *e, posta_span answer);
/** "*": gives the exchange up; the turn that comes is NO. POSTA_E_STATE. */
POSTA_API posta_status posta_engine_auth_cancel(posta_engine *e);
/** The end. POSTA_OK: EVENT_AUTH_OK and EVENT_CONNECTED. A fault: EVENT_AUTH_FAIL; the connection
 * stands, and nothing but QUIT and posta_engine_auth_again may follow. `why` (may be null): static
 * words. */
POSTA_API void posta_engine_auth_end(posta_engine *e, posta_status cause, const char *why);
/** Behind EVENT_AUTH_FAIL: the turn is BEGIN again. POSTA_E_STATE. */
POSTA_API posta_status posta_engine_auth_again(posta_engine *e);

/* ---- what is known ---- */

/** Nothing is owed or under way, the connection is open and greeted. */
POSTA_API bool posta_engine_is_idle(const posta_engine *e);
/** The server takes addresses and header fields in UTF-8: SMTPUTF8 and 8BITMIME are offered. */
POSTA_API bool posta_engine_takes_utf8(const posta_engine *e);
/** A message given command by command is open: between EVENT_SENDER_ACK and its end or RSET. */
POSTA_API bool posta_engine_in_transaction(const posta_engine *e);
/** Its text is awaited: between EVENT_BEGIN_ACK and posta_engine_text_end. */
POSTA_API bool posta_engine_in_text(const posta_engine *e);
/** Recipients of the message under way that the server accepted so far. */
POSTA_API size_t posta_engine_accepted(const posta_engine *e);
/** Recipients of the message under way that the server refused so far. */
POSTA_API size_t posta_engine_refused(const posta_engine *e);
/** posta_engine_secured or posta_engine_encrypted said so. */
POSTA_API bool posta_engine_is_secure(const posta_engine *e);
/** Nothing more will be written or read. */
POSTA_API bool posta_engine_is_closed(const posta_engine *e);
/** Where the dialogue is: what the oldest reply that is owed will answer; IDLE: nothing. */
POSTA_API posta_phase posta_engine_phase(const posta_engine *e);
/** What EHLO told; no bits before EVENT_CONNECTED, and after HELO. RFC 5321 4.1.1.1. */
POSTA_API posta_capabilities posta_engine_capabilities(const posta_engine *e);
/** The connection's or the last message's first fault. Never null; status POSTA_OK: none. */
POSTA_API const posta_fault *posta_engine_fault(const posta_engine *e);
/** What became of the last submitted message. Never null. */
POSTA_API const posta_outcome *posta_engine_outcome(const posta_engine *e);
/** The last complete reply; the text's lines are separated by LF. `truncated_out` (may be null):
 * text was longer than reply_space. Borrowed until the next call. */
POSTA_API posta_span posta_engine_last_response(const posta_engine *e, posta_reply *reply_out,
                                                bool *truncated_out);
/** Copies the last lines of the dialogue ("C: ...\nS: ...\n"), redacted, NUL-terminated; returns
 * the length without NUL. At most POSTA_TRANSCRIPT_CAP bytes are ever kept. */
POSTA_API size_t posta_engine_transcript(const posta_engine *e, char *out, size_t cap);

#define POSTA_TRANSCRIPT_CAP 2048u

#ifdef __cplusplus
}
#endif

#endif
