/* core/session: what the session's files share. where.c targets; receipt.c accounts; link.c engine
 * and message over memory windows; session.c the connection; send.c one call; files.c conveniences.
 */
#ifndef POSTA_SESSION_I_H
#define POSTA_SESSION_I_H

#include "../smtp/smtp_i.h"
#include "posta/port.h"
#include "posta/session.h"

/* ---- where.c ---- */

posta_status posta__security_parse(posta_span s, posta_security *out);
bool posta__where_is_loopback(const char *host);
/* Takes a host (name, address, or a Unix socket's path) as it is. */
posta_status posta__where_host(posta_where *w, posta_span host, posta_problem *problem);
/* Fills port and security that were not said. */
posta_status posta__where_settle(posta_where *w, bool is_url, bool is_smtps,
                                 posta_problem *problem);
/* Writes `field: "value": why` into *p (may be null); answers `status`. */
posta_status posta__problem(posta_problem *p, posta_status status, const char *field,
                            const char *why, posta_span value);

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

/* ---- setup.c, session.c ---- */

typedef enum session_state { SESSION_CLOSED, SESSION_OPENING, SESSION_TALKING } session_state;

/* The action whose end a call waits for. */
typedef enum pending {
    PENDING_NONE,
    PENDING_CONNECT,
    PENDING_SEND,
    PENDING_OTHER,
    PENDING_QUIT
} pending;

struct posta_session {
    const posta_port *port;
    size_t len; /* of this allocation */

    /* fixed */
    posta_where where;
    posta_link_config link_config;
    char hello[POSTA_MAX_DOMAIN + 1];
    char peer[POSTA_MAX_DOMAIN + 16];
    bool owns_transport, non_blocking, picks_hello;
    posta_transport transport;
    posta_session_callback callback;
    void *user_data;

    /* the connection */
    session_state state;
    posta_link *link; /* null: none since the session was made */
    bool
        is_opened; /* the transport has been asked to open, so there may be something to wait for */
    bool write_broken;
    uint64_t connect_began;

    /* the action */
    pending pending;
    posta_status verdict; /* of the action that ended last */
    posta_fault fault;    /* of opening; the link has its own afterwards */
    posta_receipt receipt;
    posta_receipt *receipt_out;

    /* events */
    posta_event event; /* waits for next_event, when there is no callback */
    bool event_waits;
    posta_event own; /* of opening, which the link knows nothing of */
    bool own_waits;
    bool in_callback, is_freed;

    uint8_t *link_memory;
    size_t link_len;
};

#endif
