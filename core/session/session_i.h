/* core/session: what the session's files share. where.c targets; receipt.c accounts; link.c engine
 * and message over memory windows. The session: setup.c makes it; session.c is its life and what is
 * known of it; open.c gets a connection; run.c moves bytes and hands out events; calls.c begins
 * actions; steps.c is a message step by step, with its header in head.c; option.c; notice.c what
 * other threads may do; trust.c whose TLS. send.c is one call for one mail. link_i.h and secure.c:
 * TLS inside the link.
 */
#ifndef POSTA_SESSION_I_H
#define POSTA_SESSION_I_H

#include "../port/watcher_i.h"
#include "../smtp/smtp_i.h"
#include "posta/port.h"
#include "posta/session.h"

#include <stdatomic.h>

/* ---- where.c ---- */

posta_status posta__security_parse(posta_span s, posta_security *out);
/* The same target at another host; port 0 keeps the port. On failure *w is as before. */
posta_status posta__where_move(posta_where *w, const char *host, uint16_t port,
                               posta_problem *problem);

/* The same target with another mode (DEFAULT: by the table), and the port that goes with it where
   none was said. */
posta_status posta__where_secure(posta_where *w, posta_security security, posta_problem *problem);

/* ---- receipt.c ---- */

/* The account of what never reached the wire: a field, a file, a missing part of the build. */
void posta__receipt_problem(posta_receipt *out, posta_span peer, const posta_problem *problem);
/* The account of a fault of the connection itself. `detail` null: the cause's sentence. */
void posta__receipt_fault(posta_receipt *out, posta_span peer, posta_status cause,
                          posta_phase phase, const posta_reply *reply, const char *detail,
                          uint64_t limit_ms);
/* The account of a message that the engine took, from its outcome and its fault; `body` says which
   body failed, if one did. */
void posta__receipt_outcome(posta_receipt *out, posta_span peer, const posta_engine *e,
                            const posta_fault *f, const posta_envelope *env,
                            const posta_timeouts *timeouts, const posta_problem *body);
/* The account of the engine's fault outside a message. */
void posta__receipt_engine(posta_receipt *out, posta_span peer, const posta_engine *e,
                           const posta_timeouts *timeouts);
void posta__copy_text(char *to, size_t cap, const char *from);

/* ---- link.c, for the session only ---- */

posta_engine *posta__link_engine(posta_link *l);
/* What TLS says before the wire is closed. Nothing where a record was cut in the middle: its rest
   would count as sent. */
posta_span posta__link_last_words(posta_link *l);
/* Gives the memory of TLS back, and overwrites its keys. */
void posta__link_end_tls(posta_link *l);
/* A login cannot go on before the host has done something, which no descriptor tells. */
bool posta__link_waits_for_login(const posta_link *l);
/* Behind AUTH_FAIL: once more, by the configuration as it is now, or as nobody. POSTA_E_STATE. */
posta_status posta__link_login_again(posta_link *l, bool logs_in);
/* The handshake is posta's, not the host's. */
bool posta__link_has_own_tls(const posta_link *l);
/* The account of a message given step by step, when it ended. */
void posta__link_step_receipt(const posta_link *l, posta_receipt *out);

/* ---- head.c: the header of a message given step by step ---- */

typedef struct posta__head {
    uint8_t *p;
    size_t cap;          /* space, and HEAD_REST for the other fields */
    size_t space;        /* what To and Cc may take */
    size_t len;          /* octets of finished lines */
    size_t to_at, cc_at; /* where To and Cc begin */
    size_t rest_at;      /* where Subject begins, once begin_message has put it; 0: not yet */
    size_t at;           /* octets written */
    char domain[POSTA_MAX_DOMAIN + 1]; /* of the sender, for the Message-ID; no NUL */
    size_t domain_len;                 /* 0: the null path, no Message-ID */
    char id[POSTA_MAX_DOMAIN + 40];    /* the Message-ID, once it is made */
} posta__head;

/* Room for From, Reply-To, Subject, Date, Message-ID, X-Mailer and what says that a text is UTF-8.
 */
#define POSTA__HEAD_REST 3072u

void posta__head_clear(posta__head *h);
/* `form`: how addresses are written, as in MAIL and RCPT. */
posta_status posta__head_sender(posta__head *h, const posta__form *form, const char *name,
                                const char *address, const char *reply_name, const char *reply_to,
                                posta_problem *p);
/* POSTA_E_LIMIT: over header_space; the header is as before. */
posta_status posta__head_recipient(posta__head *h, const posta__form *form, const char *name,
                                   const char *address, posta_recipient_type type,
                                   posta_problem *p);
/* Subject, Date, Message-ID, X-Mailer. On failure the header is as before. */
posta_status posta__head_finish(posta__head *h, const char *subject, const char *date,
                                const char *agent, const posta_port *port, posta_problem *p);
/* MIME-Version and Content-* for a text that is more than ASCII, and the blank line. */
void posta__head_close(posta__head *h, bool is_utf8, bool may_8bit);

/* ---- the session ---- */

typedef enum session_state { SESSION_CLOSED, SESSION_OPENING, SESSION_TALKING } session_state;

/* The action whose end a call waits for. */
typedef enum pending {
    PENDING_NONE,
    PENDING_CONNECT,
    PENDING_SEND,
    PENDING_STEP, /* sender, recipient, begin_message */
    PENDING_END,
    PENDING_OTHER,
    PENDING_QUIT
} pending;

/* The text of a message step by step, between BEGIN_ACK and its end. */
typedef struct posta__step_text {
    bool is_begun;   /* begin_message was accepted by the server */
    bool is_settled; /* the blank line is in the header */
    bool is_qp;      /* octets above 127, and the server takes none */
    bool is_ending;  /* end_message was called */
    bool is_flushed; /* and the encoder is at its end */
    size_t hold_n;   /* octets of the text that wait in the engine's body window */
    size_t hold_at;  /* of these, written */
    posta__qp qp;
} posta__step_text;

typedef struct posta__socket_option {
    int level, name;
    size_t len;
    uint8_t value[POSTA_MAX_SOCKET_VALUE];
} posta__socket_option;

struct posta_session {
    const posta_port *port;
    size_t len; /* of this allocation */

    /* fixed */
    posta_where where;
    posta_link_config link_config;
    char hello[POSTA_MAX_DOMAIN + 1];
    char peer[POSTA_MAX_DOMAIN + 16];
    bool owns_transport, owns_memory, non_blocking, picks_hello;
    char agent[64];
    posta_transport transport;
    posta_session_callback callback;
    _Atomic(void *) user_data; /* the async callback's thread reads it */
    posta_release on_release;
    posta_auth auth;        /* its strings are in auth_text and where */
    bool is_auth_elsewhere; /* it was given for another host */
    uint8_t *auth_text;
    size_t auth_text_len;
    posta_tls *tls; /* shared; null: the target needs none */
    bool tls_is_default;
    bool *gone; /* a call of ours that runs the callback wants to know of its free; may be null */

    /* what other threads touch (notice.c) */
    _Atomic(posta_async_callback) async;
    atomic_bool is_armed, is_cancelled;
    atomic_bool is_inside;  /* some thread is in execute */
    atomic_uint calling;    /* async callbacks that run */
    _Atomic uint32_t timer; /* when the server's time runs out, see notice.c; 0: nothing awaited */
    posta__watch *watch;

    /* the connection */
    session_state state;
    posta_link *link; /* null: none since the session was made */
    bool
        is_opened; /* the transport has been asked to open, so there may be something to wait for */
    bool write_broken;
    uint64_t connect_began;

    /* the action */
    pending pending;
    bool reset_waits, quit_waits;         /* called while an action was pending: their turn comes */
    posta_submission *queue, *queue_last; /* messages whose turn comes */
    posta_submission *current;            /* the one under way */
    posta_status verdict;                 /* of the action that ended last */
    posta_fault fault;                    /* of opening; the link has its own afterwards */
    posta_receipt receipt;
    posta_receipt *receipt_out;

    /* a message step by step */
    posta__head head;
    posta__step_text text;
    unsigned message_flags;
    char path[POSTA_MAX_PATH + 1]; /* sender or recipient of the command under way */
    posta_recipient step_recipient;
    /* for the next sender and the next recipient */
    const posta_mail_options *mail_options;
    unsigned notify;
    const char *original;

    /* events */
    posta_event event; /* waits for next_event, when there is no callback */
    bool event_waits;
    posta_event own[8]; /* of what the link knows nothing of: opening, actions that never began */
    unsigned own_n;
    bool in_callback, is_freed, is_dropped;

    uint8_t *link_memory;
    size_t link_len;
};

static inline uint64_t posta__session_now(const posta_session *s) {
    return s->port->now_ms(s->port->user);
}
static inline posta_timeouts *posta__session_timeouts(posta_session *s) {
    return &s->link_config.engine.timeouts;
}

/* How long one wait of a blocking call lasts, in ms: a transport of the host's cannot be woken when
   another thread cancels. */
static inline uint32_t posta__session_longest_wait(const posta_session *s) {
    return s->owns_transport ? 60000u : 1000u;
}

/* setup.c */
void posta__session_name_peer(posta_session *s);
/* Frees memory and handles without a word to anybody. */
void posta__session_free_now(posta_session **s);

/* credentials.c */
/* Does anybody log in? */
bool posta__session_logs_in(const posta_session_config *c);
/* Octets of the strings of a login. */
size_t posta__session_auth_text(const posta_session_config *c);
/* Copies them; `where` has those of the URL. */
posta_status posta__session_take_auth(posta_session *s, const posta_session_config *c,
                                      posta_problem *p);
void posta__session_wipe_auth(posta_session *s);
/* Row B16: credentials are for the host that they were given with, and do not follow to another. */
/* The next connect goes there. (option.c) */
void posta__session_retarget(posta_session *s, const posta_where *to);
void posta__session_move_login(posta_session *s, const posta_where *to);
posta_status posta__session_check_login(posta_session *s, posta_problem *p);

/* trust.c */
posta_status posta__check_built(const posta_where *w, const posta_transport *t, posta_problem *p);
/* Of the configuration's tls_space what a link needs. */
size_t posta__session_tls_space(const posta_session_config *c);
posta_status posta__session_take_tls(posta_session *s, posta_tls *tls, posta_problem *p);
/* Can its connections be protected like that? */
bool posta__session_may_secure(const posta_session *s, posta_security security);
/* Makes ready what the target needs of TLS: someone who is trusted, and a name to check. */
posta_status posta__session_trust(posta_session *s, posta_problem *p);
/* When TLS of the next connection begins. */
posta_starttls posta__session_starttls(const posta_session *s);

/* open.c */
void posta__session_open_fail(posta_session *s, posta_status cause, posta_phase phase);
bool posta__session_open_step(posta_session *s); /* false: nothing moved */
int64_t posta__session_open_timeout(const posta_session *s);

/* run.c */
void posta__session_close_wire(posta_session *s);
void posta__session_event(posta_session *s, posta_event_type type, posta_phase phase,
                          posta_status status);
/* The pending action has its verdict. */
void posta__session_settle(posta_session *s, posta_status status);
bool posta__session_write(posta_session *s, size_t most); /* false: nothing moved */
/* Says QUIT without waiting. False: there is nobody to say it to. */
bool posta__session_leave(posta_session *s);
bool posta__session_read(posta_session *s);
/* posta_session_execute, but the verdict of an action comes also while text is still queued. */
posta_status posta__session_run(posta_session *s, uint32_t budget_us);
posta_status posta__session_drive(posta_session *s);
/* Ends what is under way without telling anybody but its receipts. */
void posta__session_give_up(posta_session *s);
/* The account becomes that of the connection's own fault. */
void posta__session_receive_fault(posta_session *s);

/* calls.c */
/* Does anything wait for the pending action to end? */
static inline bool posta__session_has_turns(const posta_session *s) {
    return s->queue || s->reset_waits || s->quit_waits;
}
/* Begins what waited for the pending action to end. False: nothing did. */
bool posta__session_next_call(posta_session *s);
/* The receipt of a call that began nothing; answers the problem's status. */
posta_status posta__session_refuse(posta_session *s, const posta_problem *p);
posta_status posta__session_wrong_time(posta_session *s, const char *call);
bool posta__session_is_idle(posta_session *s);

/* steps.c */
/* Moves header, held text and end into the engine as far as there is room. False: nothing moved. */
bool posta__session_push(posta_session *s);

/* notice.c */
void posta__session_cancel_now(posta_session *s);
/* The session has looked; from now on the callback may come again. */
void posta__session_arm(posta_session *s);
void posta__session_disarm(posta_session *s);

#endif
