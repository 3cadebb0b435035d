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

/* base64 of `s`, without its padding, is in `text`. */
static bool has_base64(posta_span text, posta_span s) {
    uint8_t store[4];
    size_t whole = s.len / 3 * 3;
    for (size_t at = 0; at + base64_len(whole) <= text.len; at++) {
        size_t i = 0;
        for (; i < whole; i += 3) {
            posta_window w = posta__window(store, sizeof store);
            posta__base64_put(&w, posta__span_sub(s, i, 3));
            if (memcmp(text.p + at + i / 3 * 4, store, 4) != 0) break;
        }
        if (i == whole) return true;
    }
    return false;
}

static bool has_octets(posta_span text, posta_span s) {
    for (size_t at = 0; at + s.len <= text.len; at++)
        if (memcmp(text.p + at, s.p, s.len) == 0) return true;
    return false;
}

posta_span posta__login_redacted(const posta_engine *e, posta_span text) {
    const login *l = &e->login;
    bool is_hidden =
        (l->secret.len > 3 && (has_octets(text, l->secret) || has_base64(text, l->secret))) ||
        (l->answer.len > 3 && has_base64(text, l->answer));
    return is_hidden ? POSTA_LIT("***") : text;
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

static void forget(login *l) {
    l->mechanism = l->answer = l->secret = posta__span(NULL, 0);
    memset(l->reply.p, 0, l->reply.cap);
    l->reply.len = 0;
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
    forget(l);
}

posta_status posta_engine_auth_again(posta_engine *e) {
    login *l = &e->login;
    if (e->step != STEP_IDLE || e->action != ACTION_NONE || !l->has_failed) return POSTA_E_STATE;
    memset(&e->fault, 0, sizeof e->fault);
    e->fault.recipient = POSTA_NO_RECIPIENT;
    e->is_refused = l->has_failed = false;
    e->action = ACTION_CONNECT;
    posta__login_or_connected(e);
    return POSTA_OK;
}
