/* posta/auth.h: mechanisms of AUTH (SASL: RFC 4422, 4954), posta's own and a host's. Freestanding:
 * what a mechanism knows of the outer world is in posta_login.
 */
#ifndef POSTA_AUTH_H
#define POSTA_AUTH_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a login is made with. All is borrowed while the exchange runs; an empty span: not given. No
 *  field has a NUL, CR or LF in it (row B13). */
typedef struct posta_login {
    posta_span user;     /* authentication identity */
    posta_span password; /* UTF-8 */
    posta_span token;    /* of OAuth 2.0, RFC 6750 */
    posta_span authzid;  /* whom to act for; empty: the user itself */
    posta_span host;     /* the server's name, as it was asked for */
    uint16_t port;
    posta_span binding;         /* RFC 9266's tls-exporter of this connection; empty: none */
    const posta_crypto *crypto; /* null: none */
    uint32_t min_iterations, max_iterations; /* of SCRAM */
} posta_login;

/* What a mechanism is like; a set of bits. */
enum {
    POSTA_MECHANISM_FIRST = 1u,    /* it speaks before the server's first challenge */
    POSTA_MECHANISM_PASSWORD = 2u, /* it needs user and password */
    POSTA_MECHANISM_TOKEN = 4u,    /* it needs user and token */
    POSTA_MECHANISM_CRYPTO = 8u,   /* it needs login->crypto */
    POSTA_MECHANISM_BINDING = 16u, /* it needs login->binding */
    POSTA_MECHANISM_NAMED = 32u,   /* it is taken only when the caller names it */
    POSTA_MECHANISM_PUBLIC = 64u,  /* nothing in it is secret: it may go over any channel */
    POSTA_MECHANISM_MD5 = 128u,    /* of login->crypto it needs this hash */
    POSTA_MECHANISM_SHA1 = 256u,
    POSTA_MECHANISM_SHA256 = 512u
};

#define POSTA_MAX_MECHANISM 20u /* octets of a name, RFC 4422 3.1 */

/** A mechanism. Hosts add theirs (NTLM, GSSAPI) by posta_auth.custom. */
typedef struct posta_mechanism {
    size_t size;      /* sizeof(posta_mechanism) */
    const char *name; /* 1 to 20 of A-Z 0-9 - _ */
    unsigned flags;
    size_t state_len; /* octets of `state`: zeroed before the exchange, wiped behind it */
    void *user;       /* the host's */
    /** One round. `challenge` is what the server said, decoded; empty in the first round of a
     *  mechanism that speaks first. The answer goes into `out`, undecorated. POSTA_OK: say it;
     *  POSTA_E_IN_PROGRESS: this was a slice of the work, call again with the same challenge, which
     *  is what keeps a call short; POSTA_AGAIN: the same, but the host must do something first; a
     *  fault ends the exchange, and *why_out (static words, or null) is told. */
    posta_status (*answer)(const struct posta_mechanism *m, void *state, const posta_login *login,
                           posta_span challenge, posta_window *out, const char **why_out);
    /** The server has said yes: has it proven all that it must? Null: there is nothing to prove. */
    bool (*is_proven)(const struct posta_mechanism *m, const void *state);
} posta_mechanism;

/** Why credentials are asked for. */
typedef enum posta_auth_ask {
    POSTA_AUTH_ASK_FIRST,  /* a login begins */
    POSTA_AUTH_ASK_REFUSED /* the token that was given last was refused; asked once for each login
                            */
} posta_auth_ask;

/** What was asked for. Null: not given. Copied before the function's caller goes on. */
typedef struct posta_credentials {
    const char *user, *password, *token;
} posta_credentials;

/** Who logs in and how. Start from POSTA_AUTH. Strings and arrays are borrowed by a link for its
 * life; a session copies the strings. */
typedef struct posta_auth {
    size_t size; /* sizeof(posta_auth) */
    const char *user, *password;
    const char *token;   /* of OAuth 2.0; instead of the password */
    const char *authzid; /* whom to act for */
    const char
        *mechanisms; /* the only ones to use, with spaces between them; null: posta's choice */
    /** May be null. Gives what is not given above, each time it is needed: *out holds what is known
     *  already. POSTA_OK; POSTA_AGAIN: later, call execute (a link: tick) again; a fault ends the
     * login in EVENT_AUTH_FAIL. Called by execute, never from within another call of it. */
    posta_status (*ask)(void *user_data, posta_auth_ask why, posta_credentials *out);
    void *ask_data;
    const posta_mechanism *const
        *custom; /* the host's mechanisms, preferred to posta's; at most 8 */
    size_t custom_n;
    const posta_crypto *crypto; /* null: that of TLS, where it is built */
    bool insecure; /* over any channel, to anybody: whoever listens may have the password */
    uint32_t min_iterations, max_iterations; /* of SCRAM that the server may ask for */
    size_t space; /* octets of the longest answer, as of a token; and of challenges */
} posta_auth;

#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA_AUTH_SPACE 512u
#else
#define POSTA_AUTH_SPACE 9216u /* what fits in a line of AUTH, RFC 4954 4 */
#endif

#define POSTA_AUTH                                                                                 \
    { sizeof(posta_auth), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, 4096, 100000, POSTA_AUTH_SPACE }

#ifdef __cplusplus
}
#endif

#endif
