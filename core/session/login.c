/* core/session: logging in. The engine has the lines of AUTH, core/auth the mechanisms; here is
 * what they do in turns, the credentials, and the policy: no octet of a secret over a channel that
 * is not protected (rows B01, B02), no other mechanism once one was refused (row B04), no yes
 * without proof (row B06).
 *
 *     BEGIN -> ask -> choose -> AUTH | CHALLENGE -> answer | YES -> end | NO -> end, or once more
 */
#include "../auth/auth_i.h"
#include "link_i.h"

#define MAX_ROUNDS 8u /* challenges in one exchange (row B08) */

struct posta__auth {
    const posta_auth *config; /* borrowed: what it says when a login begins counts */
    posta_login login;
    posta_crypto crypto;
    posta__choice choice;
    const posta_mechanism *mechanism;
    void *state;
    size_t state_len;
    posta_window answer;
    posta_window secrets; /* what was asked for; it is wiped when the login is over */
    posta_span challenge; /* decoded, in the engine's window */
    uint8_t binding[POSTA__TLS_BINDING_LEN];
    unsigned rounds;
    bool is_used; /* there is something to forget */
    bool is_asked, is_asked_again;
    bool is_answering;   /* the mechanism is not done with the challenge */
    bool is_held;        /* the first answer was too long for the line of AUTH */
    bool waits;          /* the host must do something first */
    posta_status failed; /* why it is cancelled */
    const char *why;
    char why_text[256];
};

/* ---- memory ---- */

static size_t space_of(const posta_link_config *c) {
    return c->auth && c->auth->size == sizeof *c->auth ? c->auth->space : 0;
}

size_t posta__auth_challenge_space(const posta_link_config *c) {
    size_t space = space_of(c);
    return space == 0 ? 0 : space / 3 * 4 + 16;
}

size_t posta__auth_size(const posta_link_config *c) {
    size_t space = space_of(c);
    if (space == 0) return 0;
    return POSTA__ALIGNED(sizeof(posta__auth)) +
           POSTA__ALIGNED(posta__auth_state_len(c->auth->custom, c->auth->custom_n)) +
           space * (c->auth->ask ? 2 : 1);
}

posta__auth *posta__auth_place(uint8_t *p, const posta_link_config *c) {
    posta__auth *a = (posta__auth *)(void *)p;
    size_t space = space_of(c);
    if (space == 0) return NULL;
    memset(a, 0, sizeof *a);
    a->config = c->auth;
    a->state = p += POSTA__ALIGNED(sizeof *a);
    a->state_len = posta__auth_state_len(c->auth->custom, c->auth->custom_n);
    a->answer = posta__window(p += POSTA__ALIGNED(a->state_len), space);
    a->secrets = posta__window(p + space, c->auth->ask ? space : 0);
    return a;
}

/* Nothing of it is left but what was given to the link. */
static void forget(posta__auth *a) {
    if (!a->is_used) return;
    posta__wipe(a->state, a->state_len);
    posta__wipe(a->answer.p, a->answer.cap);
    if (a->secrets.cap > 0) posta__wipe(a->secrets.p, a->secrets.cap);
    posta__wipe(&a->login, sizeof a->login);
    posta__wipe(a->binding, sizeof a->binding);
    a->answer.len = a->secrets.len = 0;
    a->is_asked = a->is_asked_again = a->is_answering = a->is_held = a->waits = false;
    a->is_used = false;
    a->choice.tried = 0;
    a->failed = POSTA_OK;
    a->why = NULL;
}

void posta__auth_wipe(posta__auth *a) {
    if (a) forget(a);
}

/* ---- credentials ---- */

/* Row B13: what no mechanism could say, or what would say more than was meant. */
static bool is_sayable(posta_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == 1) return false;
    return true;
}

/* Null: all can be said. */
static const char *check_all(const posta_login *l) {
    if (!is_sayable(l->user)) return "auth.user has a CR, LF or U+0001 in it";
    if (!is_sayable(l->password)) return "auth.password has a CR, LF or U+0001 in it";
    if (!is_sayable(l->token)) return "auth.token has a CR, LF or U+0001 in it";
    if (!is_sayable(l->authzid)) return "auth.authzid has a CR, LF or U+0001 in it";
    return NULL;
}

static posta_span keep(posta__auth *a, const char *text) {
    posta_span s = posta__span_of(text), kept = posta__span(a->secrets.p + a->secrets.len, s.len);
    return posta__put(&a->secrets, s) ? kept : posta__span(NULL, 0);
}

/* POSTA_E_LIMIT: more than `space` holds. */
static posta_status ask(posta__auth *a, posta_auth_ask why) {
    posta_login *l = &a->login;
    posta_credentials c = {a->config->user, a->config->password, a->config->token};
    posta_status status;
    if (a->config->ask) {
        status = a->config->ask(a->config->ask_data, why, &c);
        if (status != POSTA_OK) return status;
        a->secrets.len = 0;
        l->user = keep(a, c.user);
        l->password = keep(a, c.password);
        l->token = keep(a, c.token);
        if (l->user.len != posta__span_of(c.user).len ||
            l->password.len != posta__span_of(c.password).len ||
            l->token.len != posta__span_of(c.token).len)
            return POSTA_E_LIMIT;
    } else {
        l->user = posta__span_of(c.user);
        l->password = posta__span_of(c.password);
        l->token = posta__span_of(c.token);
    }
    return POSTA_OK;
}

/* ---- the end ---- */

static posta_span secret_of(const posta_login *l) {
    return l->token.len > 0 ? l->token : l->password;
}

static void end(posta_link *l, posta_status cause, const char *why) {
    posta__auth *a = l->auth;
    if (why != a->why_text) posta__copy_text(a->why_text, sizeof a->why_text, why);
    posta_engine_auth_end(l->engine, cause, why ? a->why_text : NULL);
    /* What the configuration holds can still be told from what a server says. */
    if (!a->config->ask) posta__login_remember(l->engine, secret_of(&a->login));
    forget(a);
}

/* The exchange is open: it is taken back, and the reason told when the server has answered. */
static void cancel(posta_link *l, posta_status cause, const char *why) {
    posta__auth *a = l->auth;
    a->failed = cause;
    a->why = why ? why : posta_status_text(cause);
    posta_engine_auth_cancel(l->engine);
}

/* ---- the turns ---- */

static bool is_protected(const posta_link *l) {
    if (l->auth->config->insecure || l->config.is_protected) return true;
    if (!posta_engine_is_secure(l->engine)) return false;
    return l->config.tls ? l->tls_info.is_verified : true; /* the host's TLS has verified it */
}

/* A mechanism that speaks first does so; its answer may be long in the making. */
static void open_exchange(posta_link *l) {
    posta__auth *a = l->auth;
    const posta_mechanism *m = a->mechanism;
    posta_span initial;
    const char *why = NULL;
    bool is_said = false, is_first = (m->flags & POSTA_MECHANISM_FIRST) != 0;
    posta_status status = POSTA_OK;
    a->answer.len = 0;
    if (is_first)
        status = m->answer(m, a->state, &a->login, posta__span(NULL, 0), &a->answer, &why);
    a->waits = status == POSTA_AGAIN;
    a->is_answering = status == POSTA_AGAIN || status == POSTA_E_IN_PROGRESS;
    if (a->is_answering) return;
    if (status == POSTA_OK) {
        initial = posta__span(a->answer.p, a->answer.len);
        status =
            posta_engine_auth_begin(l->engine, posta__span_of(m->name), is_first ? &initial : NULL,
                                    secret_of(&a->login), &is_said);
        a->is_held = is_first && !is_said;
    }
    if (status != POSTA_OK) end(l, status, why);
}

static void start(posta_link *l) {
    posta__auth *a = l->auth;
    posta__wipe(a->state, a->state_len);
    a->rounds = 0;
    open_exchange(l);
}

/* RFC 5802 6: that we could bind is told only where the server offers no binding. */
static void bind(posta_link *l, posta_span offered) {
    posta__auth *a = l->auth;
    bool is_bound = a->mechanism->flags & POSTA_MECHANISM_BINDING;
    if (!is_bound && (posta__auth_has_word(offered, POSTA_LIT("SCRAM-SHA-256-PLUS")) ||
                      posta__auth_has_word(offered, POSTA_LIT("SCRAM-SHA-1-PLUS"))))
        a->login.binding.len = 0;
}

static posta_status prepare(posta_link *l, posta_span offered, const char **why_out) {
    posta__auth *a = l->auth;
    posta_login *g = &a->login;
    const posta_port *port = l->config.port ? l->config.port : posta_port_default();
    posta_status status = ask(a, POSTA_AUTH_ASK_FIRST);
    a->is_used = true;
    a->waits = status == POSTA_AGAIN;
    if (status == POSTA_E_LIMIT)
        *why_out = "the user, password or token that was given is longer than auth.space";
    if (status != POSTA_OK) return status;
    a->is_asked = true;
    g->authzid = posta__span_of(a->config->authzid);
    *why_out = check_all(g);
    if (*why_out) return POSTA_E_FIELD;
    g->host = posta__span_of(l->config.server_name);
    g->port = l->config.tcp_port;
    g->min_iterations = a->config->min_iterations;
    g->max_iterations = a->config->max_iterations;
    g->crypto = a->config->crypto;
    if (!g->crypto && posta__crypto(port, &a->crypto)) g->crypto = &a->crypto;
    if (l->way == WAY_TLS)
        g->binding = posta__span(a->binding, posta__tls_binding(l->tls, a->binding));
    a->choice =
        (posta__choice){.login = g,
                        .offered = offered,
                        .allowed = a->config->mechanisms,
                        .custom = a->config->custom,
                        .custom_n = a->config->custom_n,
                        .may_be_external = l->config.tls && posta__tls_has_cert(l->config.tls),
                        .is_protected = is_protected(l)};
    return POSTA_OK;
}

static void turn_begin(posta_link *l, posta_span offered) {
    posta__auth *a = l->auth;
    posta_status status = POSTA_OK;
    const char *why = NULL;
    if (a->is_answering) {
        open_exchange(l);
        return;
    }
    if (!a->is_asked) status = prepare(l, offered, &why);
    if (a->waits) return;
    if (status == POSTA_OK) {
        a->choice.offered = offered;
        a->mechanism = posta__auth_choose(&a->choice, &status, &why);
    }
    if (!a->is_asked || !a->mechanism || status != POSTA_OK) {
        /* Row A08: nobody logs in where nobody can; nothing is sent as somebody else. */
        if (status == POSTA_E_AUTH_UNAVAILABLE && offered.len == 0)
            why = "it offers no AUTH at all";
        end(l, status, why);
        return;
    }
    bind(l, offered);
    start(l);
}

/* Decodes in place: the window is the engine's and nobody reads it again. */
static bool decode(posta__auth *a, posta_span text) {
    posta_window w = posta__window((uint8_t *)(uintptr_t)text.p, text.len);
    if (text.len > 0 && posta__base64_decode(text, &w) != POSTA_OK) return false;
    a->challenge = posta__span(text.p, text.len > 0 ? w.len : 0);
    return true;
}

/* What servers of OAuth say in JSON is gone when their refusal comes. */
static void keep_error(posta_link *l) {
    posta__auth *a = l->auth;
    posta_window w = posta__window(a->why_text, sizeof a->why_text - 1);
    bool is_shown = !posta__login_shows(l->engine, a->challenge);
    posta__printable(&w, is_shown ? a->challenge : POSTA_LIT("***"));
    a->why_text[w.len] = 0;
}

static void turn_challenge(posta_link *l, posta_span text, bool makes_sense) {
    posta__auth *a = l->auth;
    const posta_mechanism *m = a->mechanism;
    const char *why = NULL;
    posta_status status = POSTA_OK;
    if (!a->is_answering) {
        if (++a->rounds > MAX_ROUNDS) {
            cancel(l, POSTA_E_PROTOCOL, "the server asks too often");
            return;
        }
        if (!makes_sense || !decode(a, text)) {
            cancel(l, POSTA_E_PROTOCOL, "the server's challenge is no base64, or too long");
            return;
        }
    }
    if (a->is_held) {
        a->is_held = false;
        if (a->challenge.len > 0)
            cancel(l, POSTA_E_PROTOCOL, "the server's first challenge is not empty");
        else
            status = posta_engine_auth_answer(l->engine, posta__span(a->answer.p, a->answer.len));
        if (status != POSTA_OK) cancel(l, status, NULL);
        return;
    }
    if (m->flags & POSTA_MECHANISM_TOKEN) keep_error(l);
    a->answer.len = 0;
    status = m->answer(m, a->state, &a->login, a->challenge, &a->answer, &why);
    a->waits = status == POSTA_AGAIN;
    a->is_answering = status == POSTA_AGAIN || status == POSTA_E_IN_PROGRESS;
    if (a->is_answering) return;
    if (status == POSTA_OK)
        status = posta_engine_auth_answer(l->engine, posta__span(a->answer.p, a->answer.len));
    if (status != POSTA_OK) cancel(l, status, why);
}

static void turn_yes(posta_link *l) {
    const posta__auth *a = l->auth;
    if (a->is_held || (a->mechanism->is_proven && !a->mechanism->is_proven(a->mechanism, a->state)))
        end(l, POSTA_E_PROTOCOL, "the server said yes without knowing the password");
    else
        end(l, POSTA_OK, NULL);
}

/* A token may have run out meanwhile: one more try with a new one (row B04). */
static bool asks_again(posta_link *l) {
    posta__auth *a = l->auth;
    posta_status status;
    if (!a->config->ask || !(a->mechanism->flags & POSTA_MECHANISM_TOKEN)) return false;
    if (a->is_asked_again) return false;
    status = ask(a, POSTA_AUTH_ASK_REFUSED);
    a->waits = status == POSTA_AGAIN;
    if (a->waits) return true;
    a->is_asked_again = true;
    if (status != POSTA_OK || check_all(&a->login)) return false;
    start(l);
    return true;
}

static void turn_no(posta_link *l) {
    posta__auth *a = l->auth;
    if (a->failed != POSTA_OK) {
        end(l, a->failed, a->why);
    } else if (a->is_answering) {
        open_exchange(l);
    } else if (!asks_again(l)) {
        bool has_error = (a->mechanism->flags & POSTA_MECHANISM_TOKEN) && a->rounds > 0;
        end(l, POSTA_E_AUTH_REJECTED, has_error ? a->why_text : NULL);
    }
}

posta_status posta__link_login_again(posta_link *l, bool logs_in) {
    if (!l->auth) return POSTA_E_STATE;
    return logs_in ? posta_engine_auth_again(l->engine) : posta__login_skip(l->engine);
}

void posta__auth_tick(posta_link *l) {
    posta_auth_turn turn;
    posta_span text;
    bool makes_sense;
    if (!l->auth || !(posta_engine_wants(l->engine) & POSTA_WANT_AUTH)) return;
    makes_sense = posta_engine_auth_turn(l->engine, &turn, &text);
    switch (turn) {
    case POSTA_AUTH_TURN_BEGIN: turn_begin(l, text); break;
    case POSTA_AUTH_TURN_CHALLENGE: turn_challenge(l, text, makes_sense); break;
    case POSTA_AUTH_TURN_YES: turn_yes(l); break;
    case POSTA_AUTH_TURN_NO: turn_no(l); break;
    }
}

bool posta__link_waits_for_login(const posta_link *l) {
    return l->auth && l->auth->waits;
}
