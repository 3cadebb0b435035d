/* core/session: the insides of a link, for link.c and secure.c. */
#ifndef POSTA_LINK_I_H
#define POSTA_LINK_I_H

#include "../tls/tls_i.h"
#include "session_i.h"

/* What stands between the engine's wire and the link's. */
typedef enum posta__way {
    WAY_CLEAR, /* nothing */
    WAY_PEEK,  /* STARTTLS was accepted; a read must show that nothing came ahead (row A01) */
    WAY_HANDSHAKE,
    WAY_TLS,
    WAY_OVER /* TLS has ended, and nothing comes after it (rows A09, A10) */
} posta__way;

typedef struct posta__auth posta__auth;

struct posta_link {
    posta_link_config config;
    posta_engine *engine;
    posta__auth *auth;      /* null: nobody logs in */
    posta_message *message; /* borrowed while it is under way, and for its account; null: none */
    posta_envelope envelope;
    posta_fault fault;     /* of the last message, as it was when it ended */
    bool has_message;      /* the account is of a message that the engine took */
    posta_problem problem; /* why the last message was not taken; status OK: it was */
    posta_problem body;    /* which of its bodies failed on the way; status OK: none */
    uint64_t now, began, ended;
    char message_id[256];

    posta__way way;
    posta__tls *tls;  /* null: none was begun, or its memory is given back */
    void *tls_memory; /* null: this link has no room for TLS */
    bool can_step;    /* the handshake can go on at once */
    bool rx_ended;    /* the wire's */
    posta_tls_info tls_info;
    char tls_why[384]; /* what went wrong in the handshake */
};

/* ---- login.c ---- */

/* Octets of a challenge, as they come. */
size_t posta__auth_challenge_space(const posta_link_config *config);
/* Octets that a login needs of the link's memory; 0: nobody logs in. */
size_t posta__auth_size(const posta_link_config *config);
posta__auth *posta__auth_place(uint8_t *p, const posta_link_config *config);
void posta__auth_wipe(posta__auth *a);
/* Does what can be done of a login at once; a slice of it where that is long. */
void posta__auth_tick(posta_link *l);

/* ---- secure.c ---- */

/* Octets for TLS that a link needs; 0: none. */
size_t posta__secure_size(const posta_link_config *config);
/* Moves what can be moved between engine and TLS, and makes one step of a handshake. */
void posta__secure_tick(posta_link *l);
/* Moves what can be moved between engine and TLS. */
void posta__secure_pump(posta_link *l);
posta_mspan posta__secure_rx_space(posta_link *l);
void posta__secure_rx_commit(posta_link *l, size_t n);
void posta__secure_rx_end(posta_link *l, posta_status status);
posta_span posta__secure_tx_data(posta_link *l);
void posta__secure_tx_consume(posta_link *l, size_t n);
unsigned posta__secure_wants(const posta_link *l, size_t *hint_out);

#endif
