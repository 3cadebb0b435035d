/* core/smtp: AUTH as lines (RFC 4954): what the host answers goes out in base64, what the server
 * asks is kept as it came. Which mechanism it is, and what it says, is the host's. No secret is
 * ever put into the dialogue: what is hidden is known by the state, not by its looks (row L01).
 */
#include "smtp_i.h"

#define INITIAL_LINE 512u /* octets of a command line, RFC 5321 4.5.3.1.4 */

size_t posta__login_len(const posta_engine_config *c) {
    return c->auth_space > 0 ? c->auth_space + LINE_KEEP : 0;
}

void posta__login_place(posta_engine *e, uint8_t *p) {
    if (e->config.auth_space == 0) return;
    e->login.list = posta__window(p, LINE_KEEP);
    e->login.reply = posta__window(p + LINE_KEEP, e->config.auth_space);
}

void posta__login_or_connected(posta_engine *e) {
    if (e->config.auth_space == 0) {
        posta__connected(e);
        return;
    }
    e->login.turn = POSTA_AUTH_TURN_BEGIN;
    e->step = STEP_LOGIN;
    e->must_peek = true; /* row A01: whatever was sent ahead is seen before */
}

/* ---- saying ---- */

static size_t base64_len(size_t n) {
    return (n + 2) / 3 * 4;
}

bool posta__auth_say(posta_engine *e) {
    const login *l = &e->login;
    size_t from;
    if (!posta__make_room(e, l->mechanism.len + base64_len(l->answer.len) + 12)) return false;
    from = e->tx.len;
    if (l->is_first) {
        posta__put(&e->tx, POSTA_LIT("AUTH "));
        posta__put(&e->tx, l->mechanism);
        if (l->has_answer) posta__put(&e->tx, POSTA_LIT(" ***"));
        posta__dialogue_add(e, 'C', posta__span(e->tx.p + from, e->tx.len - from));
        if (l->has_answer) e->tx.len -= 3;
        if (l->has_answer && l->answer.len == 0) posta__put(&e->tx, POSTA_LIT("=")); /* row B09 */
    } else if (l->is_cancelled) {
        posta__put(&e->tx, POSTA_LIT("*"));
    }
    if (!l->is_first)
        posta__dialogue_add(e, 'C', l->is_cancelled ? POSTA_LIT("*") : POSTA_LIT("***"));
    if (l->has_answer) posta__base64_put(&e->tx, l->answer);
    posta__put(&e->tx, POSTA_LIT("\r\n"));
    e->tx_put += e->tx.len - from;
    e->login.reply.at = e->login.reply.len = 0;
    e->login.is_cut = false;
    e->parser.is_long = true;
    e->step = STEP_WAIT;
    return true;
}

static posta_status say(posta_engine *e) {
    if (e->login.mechanism.len + base64_len(e->login.answer.len) + 12 > e->tx.cap ||
        base64_len(e->login.answer.len) > POSTA_MAX_AUTH_LINE)
        return POSTA_E_LIMIT;
    e->step = STEP_AUTH;
    posta_engine_tick(e, e->now);
    return POSTA_OK;
}

static bool is_turn(const posta_engine *e, posta_auth_turn turn) {
    return e->step == STEP_LOGIN && !e->must_peek && e->login.turn == turn;
}

posta_status posta_engine_auth_begin(posta_engine *e, posta_span mechanism,
                                     const posta_span *initial, posta_span secret, bool *said_out) {
    login *l = &e->login;
    *said_out = false;
    if (!is_turn(e, POSTA_AUTH_TURN_BEGIN) && !is_turn(e, POSTA_AUTH_TURN_NO)) return POSTA_E_STATE;
    l->is_first = true;
    l->is_cancelled = false;
    l->mechanism = mechanism;
    l->secret = secret;
    l->is_forgotten = false;
    l->answer = initial ? *initial : posta__span(NULL, 0);
    l->has_answer = initial && 5 + mechanism.len + 1 + base64_len(initial->len) + 2 <= INITIAL_LINE;
    if (!l->has_answer) l->answer.len = 0;
    *said_out = l->has_answer;
    return say(e);
}

posta_status posta_engine_auth_answer(posta_engine *e, posta_span answer) {
    login *l = &e->login;
    if (!is_turn(e, POSTA_AUTH_TURN_CHALLENGE)) return POSTA_E_STATE;
    l->is_first = l->is_cancelled = false;
    l->has_answer = true;
    l->answer = answer;
    return say(e);
}

posta_status posta_engine_auth_cancel(posta_engine *e) {
    login *l = &e->login;
    if (!is_turn(e, POSTA_AUTH_TURN_CHALLENGE)) return POSTA_E_STATE;
    l->is_first = l->has_answer = false;
    l->is_cancelled = true;
    l->answer.len = 0;
    return say(e);
}

/* ---- hearing ---- */

void posta__login_keep(posta_engine *e, posta_span octets) {
    posta__put_some(&e->login.reply, &octets);
    if (octets.len > 0) e->login.is_cut = true;
}

/* Behind the reply to a login, until the next command is said, an octet is nobody's answer: where
 * what was secret is forgotten already, none of it is shown. */
static bool is_behind(const posta_engine *e) {
    return e->owed_n == 0 && e->owed_last == V_AUTH && e->login.is_forgotten;
}

/* Nobody needs more lines of a refusal. */
#define SHOWN_LINES 8u

bool posta__login_hides(const posta_engine *e, const reply_line *line, posta_span text) {
    const login *l = &e->login;
    bool is_answer = e->owed_n > 0 && e->owed[e->owed_at] == V_AUTH;
    if (e->config.auth_space == 0) return false;
    /* A line that was clipped may end in the midst of the secret. */
    if (line->is_clipped && (is_answer || l->secret.len > 0)) return true;
    if (is_answer && e->building_n >= SHOWN_LINES) return true;
    if (is_answer && line->code != 334 && posta__shows_base64(text, l->answer)) return true;
    return is_behind(e) || posta__shows(text, l->secret);
}

bool posta__login_hides_garbage(const posta_engine *e, posta_span line) {
    if (e->config.auth_space == 0) return false;
    return e->owed_last == V_AUTH || posta__shows(line, e->login.secret);
}

bool posta__login_shows(const posta_engine *e, posta_span text) {
    return posta__shows(text, e->login.secret);
}

void posta__login_remember(posta_engine *e, posta_span secret) {
    if (e->login.secret.len > 0) e->login.is_forgotten = true;
    if (secret.len > 0) e->login.is_forgotten = false;
    e->login.secret = secret;
}

void posta__auth_hear(posta_engine *e, verdict judged) {
    login *l = &e->login;
    bool is_challenge = e->reply.code == 334 && !l->is_cancelled;
    if (judged == VERDICT_OK && l->is_cancelled) judged = VERDICT_HARD; /* it was taken back */
    e->step = STEP_LOGIN;
    if (judged != VERDICT_OK)
        /* RFC 4954 6: the server lacks this mechanism; another may be tried (row B04). */
        l->turn = e->reply.code == 504 && l->is_first ? POSTA_AUTH_TURN_BEGIN : POSTA_AUTH_TURN_NO;
    else
        l->turn = is_challenge ? POSTA_AUTH_TURN_CHALLENGE : POSTA_AUTH_TURN_YES;
}

/* The one line of a challenge: "334", or "334 " and base64. */
static bool challenge_of(const login *l, posta_span *out) {
    posta_span s = posta__span(l->reply.p, l->reply.len);
    while (s.len > 0 && (s.p[s.len - 1] == '\n' || s.p[s.len - 1] == '\r'))
        s.len--;
    if (l->is_cut || s.len < 3) return false;
    if (memchr(s.p, '\n', s.len) || (s.len > 3 && s.p[3] != ' ')) return false;
    *out = posta__span_sub(s, 4, s.len);
    return out->len <= POSTA_MAX_AUTH_LINE;
}

bool posta_engine_auth_turn(const posta_engine *e, posta_auth_turn *turn_out,
                            posta_span *text_out) {
    const login *l = &e->login;
    *turn_out = l->turn;
    *text_out = posta__span(l->list.p, l->list.len);
    return l->turn != POSTA_AUTH_TURN_CHALLENGE || challenge_of(l, text_out);
}

/* ---- the end ---- */

void posta__login_forget(posta_engine *e) {
    login *l = &e->login;
    if (e->config.auth_space == 0) return;
    if (l->secret.len > 0) l->is_forgotten = true;
    l->mechanism = l->answer = l->secret = posta__span(NULL, 0);
    posta__wipe(l->reply.p, l->reply.cap);
    l->reply.at = l->reply.len = 0;
    /* Servers repeat what was said. */
    posta__wipe(e->parser.line, sizeof e->parser.line);
    posta__wipe(e->rx.p, e->rx.at);
    /* AUTH is alone in its group: what is not out yet goes nowhere any more. */
    if (posta__unread(&e->tx) == 0 || e->step == STEP_CLOSED) posta__wipe(e->tx.p, e->tx.cap);
}

void posta_engine_auth_end(posta_engine *e, posta_status cause, const char *why) {
    login *l = &e->login;
    if (e->step != STEP_LOGIN) return;
    if (cause == POSTA_OK) {
        posta__engine_event(e, POSTA_EVENT_AUTH_OK, POSTA_PHASE_AUTH, POSTA_NO_RECIPIENT, POSTA_OK,
                            e->reply.code);
        posta__connected(e);
    } else {
        bool is_theirs = l->turn == POSTA_AUTH_TURN_NO;
        memset(&e->fault, 0, sizeof e->fault);
        e->fault = (posta_fault){.cause = cause,
                                 .side = is_theirs ? POSTA_SIDE_THEIRS : POSTA_SIDE_OURS,
                                 .phase = POSTA_PHASE_AUTH,
                                 .recipient = POSTA_NO_RECIPIENT,
                                 .why = why};
        if (is_theirs && !l->is_cancelled) e->fault.reply = e->reply;
        e->fault.status = posta__status_fold(cause, e->fault.reply.code);
        e->is_refused = l->has_failed = true;
        e->action = ACTION_NONE;
        e->step = STEP_IDLE;
        posta__engine_event(e, POSTA_EVENT_AUTH_FAIL, POSTA_PHASE_AUTH, POSTA_NO_RECIPIENT,
                            e->fault.status, e->fault.reply.code);
    }
    posta__login_forget(e);
}

/* The failure is forgiven: what connecting would have come to comes now. */
static bool go_on(posta_engine *e) {
    login *l = &e->login;
    if (e->step != STEP_IDLE || e->action != ACTION_NONE || !l->has_failed) return false;
    memset(&e->fault, 0, sizeof e->fault);
    e->fault.recipient = POSTA_NO_RECIPIENT;
    e->is_refused = l->has_failed = false;
    e->action = ACTION_CONNECT;
    return true;
}

posta_status posta_engine_auth_again(posta_engine *e) {
    if (!go_on(e)) return POSTA_E_STATE;
    posta__login_or_connected(e);
    return POSTA_OK;
}

posta_status posta__login_skip(posta_engine *e) {
    if (!go_on(e)) return POSTA_E_STATE;
    posta__connected(e);
    return POSTA_OK;
}
