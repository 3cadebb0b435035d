/* core/auth: one file a mechanism; choose.c says which one it will be. Freestanding. */
#ifndef POSTA_AUTH_I_H
#define POSTA_AUTH_I_H

#include "base_i.h"
#include "codec_i.h"
#include "posta/auth.h"

/* ---- the mechanisms ---- */

extern const posta_mechanism posta__external, posta__scram_sha256_plus, posta__scram_sha1_plus,
    posta__scram_sha256, posta__scram_sha1, posta__plain, posta__login_mechanism,
    posta__oauthbearer, posta__xoauth2, posta__cram_md5, posta__anonymous;

/* ---- which one (choose.c) ---- */

#define POSTA__MAX_CUSTOM 8u

typedef struct posta__choice {
    const posta_login *login;
    posta_span offered;  /* the words behind AUTH, as the server gave them */
    const char *allowed; /* names with spaces between them; null: any that need not be named */
    const posta_mechanism *const *custom;
    size_t custom_n;
    bool may_be_external; /* a client certificate was given */
    bool is_protected;    /* by TLS, and the peer is verified; or the caller does not mind */
    uint32_t tried;       /* bits: do not choose these any more */
} posta__choice;

/* The best mechanism that is left (rows B01 to B04); its bit is set in c->tried. Null: none, and
   *cause_out says why: POSTA_E_AUTH_UNAVAILABLE or POSTA_E_AUTH_INSECURE, *why_out (may be set to
   null) more exactly. */
const posta_mechanism *posta__auth_choose(posta__choice *c, posta_status *cause_out,
                                          const char **why_out);
/* The longest state of all that may be chosen. */
size_t posta__auth_state_len(const posta_mechanism *const *custom, size_t custom_n);
/* Is a name among the words? Whole words, ASCII letters without case. */
bool posta__auth_has_word(posta_span words, posta_span name);
/* Takes the next word off the front; empty: there is none. */
posta_span posta__auth_next_word(posta_span *words);
/* Is there a mechanism of this name, posta's or the host's? */
bool posta__auth_is_known(posta_span name, const posta_mechanism *const *custom, size_t custom_n);
/* The names of posta's own, for people. */
#define POSTA__MECHANISMS                                                                          \
    "EXTERNAL, SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN, "   \
    "OAUTHBEARER, XOAUTH2, CRAM-MD5, ANONYMOUS"

/* ---- for mechanisms ---- */

bool posta__auth_is_ascii(posta_span s);
/* The same octets? Takes the same time wherever they differ. */
bool posta__auth_is_same(posta_span a, posta_span b);
/* Writes all or answers false: for chains of &&. `,` and `=` become =2C and =3D, RFC 5802 5.1. */
bool posta__auth_put_name(posta_window *out, posta_span name);
/* The answer did not fit. */
posta_status posta__auth_too_long(const char **why_out);

#endif
