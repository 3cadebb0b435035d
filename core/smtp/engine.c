/* core/smtp: the box. Ports lend windows and take acknowledgements; run() hears what came and talks
 * as far as the table of verbs allows; events wait for the host. Nothing here calls out but the
 * body's source.
 *
 * A reply with nothing owed is fatal, so an answer can never be taken for the wrong command (rows
 * A01, A02, E11). Hearing pauses while an event waits: its text is the last reply's.
 *
 * BUGS: one message at a time; the next one is submitted when EVENT_SENT has come.
 */
#include "smtp_i.h"

/* ---- life ---- */

static bool in_range(size_t n, size_t low, size_t high) {
    return n >= low && n <= high;
}

size_t posta_engine_size(const posta_engine_config *c) {
    if (!c || c->size != sizeof *c || !c->hello) return 0;
    if (!in_range(c->rx_space, POSTA_MIN_RX_SPACE, POSTA_MAX_SPACE) ||
        !in_range(c->tx_space, POSTA_MIN_TX_SPACE, POSTA_MAX_SPACE) ||
        !in_range(c->body_space, POSTA_MIN_BODY_SPACE, POSTA_MAX_SPACE) ||
        !in_range(c->reply_space, 1, POSTA_MAX_SPACE) ||
        !in_range(c->owed_max, 1, POSTA_MAX_OWED) || c->auth_space > POSTA_MAX_SPACE)
        return 0;
    return POSTA__ALIGNED(sizeof(posta_engine)) + c->rx_space + c->tx_space + c->body_space +
           2 * c->reply_space + c->owed_max + posta__login_len(c);
}

posta_status posta_engine_place(void *mem, size_t len, const posta_engine_config *config,
                                posta_engine **out) {
    size_t need = posta_engine_size(config);
    posta_engine *e = mem;
    uint8_t *p;
    *out = NULL;
    if (need == 0 || !mem || len < need) return POSTA_E_ARGUMENT;
    if (posta__domain_check(posta__span_of(config->hello), NULL) != POSTA_OK) return POSTA_E_FIELD;
    memset(e, 0, sizeof *e);
    e->config = *config;
    p = (uint8_t *)mem + POSTA__ALIGNED(sizeof *e);
    e->rx = posta__window(p, config->rx_space);
    e->tx = posta__window(p += config->rx_space, config->tx_space);
    e->body = posta__window(p += config->tx_space, config->body_space);
    e->building = p += config->body_space;
    e->last = p += config->reply_space;
    e->owed = p + config->reply_space;
    posta__login_place(e, e->owed + config->owed_max);
    e->owed[0] = V_GREETING;
    e->owed_n = 1;
    e->owed_last = V_GREETING;
    e->action = ACTION_CONNECT;
    e->step = config->starttls == POSTA_STARTTLS_IMPLICIT ? STEP_TLS : STEP_GREETING;
    e->fault.recipient = POSTA_NO_RECIPIENT;
    *out = e;
    return POSTA_OK;
}

void posta_engine_wipe(posta_engine **e) {
    if (!*e) return;
    memset(*e, 0, posta_engine_size(&(*e)->config));
    *e = NULL;
}

/* ---- events ---- */

void posta__engine_event(posta_engine *e, posta_event_type type, posta_phase answers,
                         size_t recipient, posta_status status, uint16_t code) {
    posta_event *ev = &e->events[(e->events_at + e->events_n) % EVENT_CAP];
    if (e->events_n == EVENT_CAP) return; /* cannot be: hearing pauses at the first */
    *ev = (posta_event){
        .type = type, .action = answers, .recipient = recipient, .status = status, .code = code};
    e->events_n++;
}

static void take_fault(posta_engine *e, posta_status cause, posta_side side, posta_phase phase,
                       const posta_reply *reply, const char *why) {
    if (e->fault.status != POSTA_OK) return;
    e->fault = (posta_fault){
        .cause = cause, .side = side, .phase = phase, .recipient = POSTA_NO_RECIPIENT, .why = why};
    if (reply) e->fault.reply = *reply;
    e->fault.status = posta__status_fold(cause, e->fault.reply.code);
}

/* What was wrong with a message that is over says nothing of what comes behind it. */
static void forget_old_fault(posta_engine *e) {
    if (e->action == ACTION_SUBMIT || e->action == ACTION_QUIT || e->is_refused) return;
    memset(&e->fault, 0, sizeof e->fault);
    e->fault.recipient = POSTA_NO_RECIPIENT;
}

void posta__engine_refused(posta_engine *e, posta_status cause, posta_phase phase) {
    forget_old_fault(e);
    take_fault(e, cause, POSTA_SIDE_THEIRS, phase, &e->reply, NULL);
}

bool posta__engine_dot_taken(const posta_engine *e) {
    return e->t.dot_end > 0 && e->tx_taken >= e->t.dot_end;
}

void posta__engine_close(posta_engine *e) {
    e->step = STEP_CLOSED;
    e->tx.at = e->tx.len = 0;
    posta__login_forget(e);
    e->owed_n = 0;
    if (e->action == ACTION_QUIT)
        posta__engine_event(e, POSTA_EVENT_DISCONNECTED, POSTA_PHASE_QUIT, POSTA_NO_RECIPIENT,
                            POSTA_OK, 0);
    e->action = ACTION_NONE;
}

void posta__engine_fail(posta_engine *e, posta_status cause, posta_side side, posta_phase phase,
                        const posta_reply *reply, const char *why) {
    posta_status status = posta__status_fold(cause, reply ? reply->code : 0);
    posta_event_type type = status == POSTA_E_TIMEOUT ? POSTA_EVENT_TIMEOUT : POSTA_EVENT_FAILED;
    if (e->step == STEP_CLOSED) return;
    forget_old_fault(e);
    /* Of a message that is given up already the reason is known: what follows does not change it.
     */
    if (e->action == ACTION_SUBMIT && e->t.is_dropped)
        take_fault(e, e->t.cause, POSTA_SIDE_THEIRS, e->t.phase, &e->t.reply, NULL);
    else if (e->action != ACTION_QUIT)
        take_fault(e, cause, side, phase, reply, why);
    if (e->action == ACTION_SUBMIT) {
        /* A chunk goes ahead of the verdicts on who gets it. */
        bool complete = e->t.is_dropped || (e->t.ok_n == 0 && e->t.heard_n == e->t.said_n);
        if (!e->t.is_dropped) {
            e->t.cause = cause;
            e->t.phase = phase;
            e->t.reply = e->fault.reply;
        }
        posta__engine_sent(e, e->t.cause, !complete && posta__engine_dot_taken(e));
    } else if (e->action != ACTION_QUIT) {
        if (e->t.is_stepped) {
            e->t.reply = e->fault.reply;
            posta__engine_step_done(e, cause, posta__engine_dot_taken(e));
        }
        posta__engine_event(e, type, phase, POSTA_NO_RECIPIENT, status, e->fault.reply.code);
    }
    posta__engine_close(e);
}

void posta__engine_insecure(posta_engine *e, posta_status cause, posta_side side,
                            const posta_reply *reply, const char *why) {
    take_fault(e, cause, side, POSTA_PHASE_TLS, reply, why);
    posta__engine_event(e, POSTA_EVENT_SECURE_FAIL, POSTA_PHASE_TLS, POSTA_NO_RECIPIENT,
                        e->fault.status, e->fault.reply.code);
    posta__engine_close(e);
}

void posta__engine_early_yes(posta_engine *e) {
    take_fault(e, POSTA_E_PROTOCOL, POSTA_SIDE_THEIRS, POSTA_PHASE_BODY, &e->reply,
               "the server accepted a message that was not complete");
    e->t.reply = e->reply;
    e->t.phase = POSTA_PHASE_BODY;
    if (e->t.is_stepped) {
        posta__engine_step_done(e, POSTA_E_PROTOCOL, true);
        posta__engine_event(e, POSTA_EVENT_FAILED, POSTA_PHASE_BODY, POSTA_NO_RECIPIENT,
                            POSTA_E_PROTOCOL, e->reply.code);
    } else {
        posta__engine_sent(e, POSTA_E_PROTOCOL, e->t.ok_n > 0);
    }
    posta__engine_close(e);
}

static posta_retry retry_of(const transaction *t, posta_status cause, bool is_unknown) {
    if (t->is_not_understood) return POSTA_RETRY_SAFE;
    return posta__retry_of(cause, is_unknown, t->reply.code);
}

static void settle_recipient(posta_recipient *r, posta_status cause, bool is_unknown,
                             const transaction *t) {
    if (r->status != POSTA_RECIPIENT_NOT_SENT) return;
    /* without a reply it may have got it only where the text went ahead of replies */
    is_unknown = is_unknown && (r->reply.code != 0 || t->is_chunked);
    r->retry = retry_of(t, cause, is_unknown);
    if (cause == POSTA_OK)
        r->status = POSTA_RECIPIENT_ACCEPTED;
    else if (is_unknown)
        r->status = POSTA_RECIPIENT_UNKNOWN;
}

static void settle_outcome(posta_engine *e, posta_status cause, bool is_unknown) {
    const transaction *t = &e->t;
    posta_outcome *o = &e->outcome;
    *o = (posta_outcome){.unknown = is_unknown, .reply = t->reply, .refused_n = t->refused_n};
    o->status = posta__status_fold(cause, t->reply.code);
    o->retry = retry_of(t, cause, is_unknown);
    o->accepted_n = e->config.lmtp ? t->taken_n : cause == POSTA_OK ? t->ok_n : 0;
    if (t->text_bytes > 0 && e->tx_taken > t->text_begin) {
        uint64_t taken = e->tx_taken - t->text_begin, all = t->text_bytes - t->dots;
        o->bytes = taken < all ? taken : all;
    }
}

void posta__engine_step_done(posta_engine *e, posta_status cause, bool is_unknown) {
    settle_outcome(e, cause, is_unknown);
    memset(&e->t, 0, sizeof e->t);
}

void posta__engine_sent(posta_engine *e, posta_status cause, bool is_unknown) {
    transaction *t = &e->t;
    const posta_outcome *o = &e->outcome;
    settle_outcome(e, cause, is_unknown);
    for (size_t i = 0; i < t->env.to_n; i++)
        settle_recipient(&t->env.to[i], cause, is_unknown, t);
    if (cause != POSTA_OK) take_fault(e, cause, POSTA_SIDE_THEIRS, t->phase, &t->reply, NULL);
    e->action = ACTION_NONE;
    e->step = STEP_IDLE;
    posta__engine_event(e, POSTA_EVENT_SENT, t->phase, POSTA_NO_RECIPIENT, o->status,
                        o->reply.code);
    memset(t, 0, sizeof *t);
}

/* ---- hearing ---- */

static void keep_text(posta_engine *e, posta_span s) {
    posta_window w = {e->building, e->config.reply_space, 0, e->building_len};
    posta_span lf = e->building_n > 0 ? POSTA_LIT("\n") : posta__span(NULL, 0);
    posta__put_some(&w, &lf);
    posta__put_some(&w, &s);
    if (lf.len > 0 || s.len > 0) e->building_cut = true;
    e->building_len = w.len;
}

static bool is_owed(const posta_engine *e, verb v) {
    return e->owed_n > 0 && e->owed[e->owed_at] == v;
}

/* Of a line that must not be seen, its code. */
static void add_line(posta_engine *e, const reply_line *line, bool is_hidden) {
    uint8_t store[48];
    posta_window w = posta__window(store, sizeof store);
    posta__put(&w, posta__span_sub(line->raw, 0, 4));
    posta__put(&w, POSTA_LIT("*** (what was said to log in)"));
    posta__dialogue_add(e, 'S', is_hidden ? posta__span(store, w.len) : line->raw);
}

static void keep_line(posta_engine *e, const reply_line *line) {
    posta_span text = line->text;
    uint16_t enhanced[3];
    bool is_hidden;
    posta__enhanced_take(&text, line->code, enhanced);
    is_hidden = posta__login_hides(e, line, text);
    add_line(e, line, is_hidden);
    if (is_hidden) text = POSTA_LIT("***");
    if (e->building_n == 0) {
        memset(&e->reply, 0, sizeof e->reply);
        e->reply.code = line->code;
        memcpy(e->reply.enhanced, enhanced, sizeof enhanced);
    }
    if (e->owed_n > 0) posta__verb_hear_line(e, e->owed[e->owed_at], line);
    keep_text(e, text);
    e->building_n++;
}

static void finish_reply(posta_engine *e) {
    uint8_t *spare = e->last;
    size_t n =
        e->building_len < sizeof e->reply.text - 1 ? e->building_len : sizeof e->reply.text - 1;
    memcpy(e->reply.text, e->building, n);
    for (size_t i = 0; i < n; i++)
        if (e->reply.text[i] == '\n') e->reply.text[i] = ' ';
    e->reply.text[n] = 0;
    e->last = e->building;
    e->last_len = e->building_len;
    e->last_cut = e->building_cut;
    e->last_reply = e->reply;
    e->building = spare;
    e->building_len = 0;
    e->building_n = 0;
    e->building_cut = false;
    posta__reply_restart(&e->parser);
}

static void take_reply(posta_engine *e) {
    verb v;
    finish_reply(e);
    if (e->owed_n == 0) {
        if (e->reply.code == 421)
            posta__engine_fail(e, POSTA_E_LOST, POSTA_SIDE_THEIRS, posta_engine_phase(e), &e->reply,
                               "the server is closing the connection");
        else
            posta__engine_fail(e, POSTA_E_UNASKED, POSTA_SIDE_THEIRS, posta_engine_phase(e),
                               &e->reply, NULL);
        return;
    }
    v = (verb)e->owed[e->owed_at];
    e->owed_at = (e->owed_at + 1) % e->config.owed_max;
    e->owed_n--;
    e->progress = e->now;
    posta__verb_hear(e, v);
}

/* Row A12: a record of TLS (RFC 8446 5.1) where a reply should be. */
static bool is_tls_record(posta_span s) {
    return s.len >= 2 && s.p[0] >= 0x14 && s.p[0] <= 0x17 && s.p[1] == 3;
}

static bool hear(posta_engine *e) {
    bool moved = false;
    while (e->step != STEP_CLOSED && e->events_n == 0 && posta__unread(&e->rx) > 0) {
        posta_span in = posta__span(e->rx.p + e->rx.at, posta__unread(&e->rx));
        reply_line line;
        const char *why = NULL;
        heard h;
        if (!posta__dialogue_room(e)) return moved;
        h = posta__reply_step(&e->parser, &e->config, &in, &line, &why);
        if (is_owed(e, V_AUTH))
            posta__login_keep(e, posta__span(e->rx.p + e->rx.at, e->rx.len - e->rx.at - in.len));
        e->rx.at = e->rx.len - in.len;
        moved = true;
        if (h == HEARD_LINE || h == HEARD_REPLY) keep_line(e, &line);
        if (h == HEARD_REPLY) take_reply(e);
        if (h == HEARD_FAULT) {
            posta__dialogue_add(e, 'S', /* what it was that is no reply */
                                posta__login_hides_garbage(e, line.raw) ? POSTA_LIT("***")
                                                                        : line.raw);
            if (is_tls_record(line.raw))
                posta__engine_fail(e, POSTA_E_TLS_UNEXPECTED, POSTA_SIDE_TLS, posta_engine_phase(e),
                                   NULL, NULL);
            else
                posta__engine_fail(e, POSTA_E_PROTOCOL, POSTA_SIDE_THEIRS, posta_engine_phase(e),
                                   NULL, why);
        }
    }
    return moved;
}

static bool is_mid_reply(const posta_engine *e) {
    return posta__unread(&e->rx) > 0 || e->parser.line_len > 0 || e->parser.after_cr ||
           e->parser.code != 0;
}

/* ---- talking ---- */

/* A dropped message is over when nothing is owed any more: RSET if the server has a transaction
 * open. */
static bool settle(posta_engine *e) {
    if (e->action != ACTION_SUBMIT || !e->t.is_dropped || e->owed_n > 0 || e->step != STEP_WAIT)
        return false;
    if (e->t.mail_ok) {
        e->t.mail_ok = false;
        e->step = STEP_RSET;
    } else {
        posta__engine_sent(e, e->t.cause, false);
    }
    return true;
}

static bool talk(posta_engine *e) {
    bool moved = false;
    for (;;) {
        verb v;
        if (e->step == STEP_TEXT) return posta__text_write(e) || moved;
        if (settle(e)) moved = true;
        v = posta__verb_next(e);
        if (v == V_NONE || !posta__verb_may(e, v)) return moved;
        if (e->owed_n == 0 && is_mid_reply(e)) {
            if (e->events_n > 0 || !posta__dialogue_room(e)) return moved;
            /* Any octet before the first command of a group is fatal, a part of a reply too. */
            posta__engine_fail(e, POSTA_E_UNASKED, POSTA_SIDE_THEIRS, posta_engine_phase(e), NULL,
                               NULL);
            return true;
        }
        if (!posta__verb_say(e, v)) return moved;
        moved = true;
    }
}

static void run(posta_engine *e) {
    if (!e->is_started) return;
    while (e->step != STEP_CLOSED) {
        bool moved = hear(e);
        if (talk(e)) moved = true;
        if (moved) continue;
        if (e->rx_ended && e->events_n == 0 && posta__unread(&e->rx) == 0)
            posta__engine_fail(e, e->rx_end_status == POSTA_OK ? POSTA_E_LOST : e->rx_end_status,
                               POSTA_SIDE_WIRE, posta_engine_phase(e), NULL, e->rx_end_why);
        return;
    }
}

/* ---- ports ---- */

static posta_status silence(const posta_engine *e) {
    if (e->step == STEP_TLS) return POSTA_E_TIMEOUT_TLS;
    if (e->owed_n == 0) return POSTA_E_TIMEOUT_COMMAND;
    if (e->owed[e->owed_at] == V_TEXT && !posta__engine_dot_taken(e)) return POSTA_E_TIMEOUT_BLOCK;
    return posta__silence((verb)e->owed[e->owed_at]);
}

static uint64_t after(uint64_t from, uint32_t ms) {
    return ms == 0 ? UINT64_MAX : from + ms;
}

static uint64_t phase_deadline(const posta_engine *e) {
    verb head = e->owed_n > 0 ? (verb)e->owed[e->owed_at] : V_NONE;
    if (e->step == STEP_TLS) return after(e->progress, e->config.timeouts.tls);
    if (head == V_NONE)
        return posta__unread(&e->tx) > 0 ? after(e->progress, e->config.timeouts.command)
                                         : UINT64_MAX;
    if (head != V_TEXT || posta__engine_dot_taken(e))
        return after(e->progress, posta__verb_patience(e, head));
    /* The text: the host's own slowness is not the server's. */
    bool host_waits = e->t.body_waits || (e->t.is_stepped && !e->t.body_done);
    if (host_waits && posta__unread(&e->tx) == 0) return UINT64_MAX;
    return after(e->progress, e->config.timeouts.block);
}

static uint64_t total_deadline(const posta_engine *e) {
    if (e->action == ACTION_NONE && e->step != STEP_TEXT) return UINT64_MAX;
    uint64_t spent = e->config.spent < e->started ? e->config.spent : e->started;
    return after(e->started - spent, e->config.timeouts.total);
}

uint64_t posta_engine_deadline(const posta_engine *e) {
    uint64_t phase = phase_deadline(e), total = total_deadline(e);
    if (!e->is_started || e->step == STEP_CLOSED) return UINT64_MAX;
    return phase < total ? phase : total;
}

void posta_engine_tick(posta_engine *e, uint64_t now_ms) {
    e->now = now_ms;
    if (!e->is_started) {
        e->is_started = true;
        e->started = e->progress = now_ms;
    }
    run(e);
    if (e->t.body_came) e->progress = now_ms; /* the host's own slowness is not the server's */
    e->t.body_came = false;
    if (now_ms < posta_engine_deadline(e)) return;
    posta__engine_fail(e,
                       total_deadline(e) <= phase_deadline(e) ? POSTA_E_TIMEOUT_TOTAL : silence(e),
                       POSTA_SIDE_WIRE, posta_engine_phase(e), NULL, NULL);
}

void posta_engine_secured(posta_engine *e, posta_status status) {
    if (e->step != STEP_TLS) return;
    if (status == POSTA_OK)
        posta_engine_encrypted(e, POSTA_OK);
    else
        posta__engine_insecure(e, status, POSTA_SIDE_TLS, NULL, NULL);
}

/* Nothing that was learnt in clear text is kept (rows A01, A05). */
void posta_engine_encrypted(posta_engine *e, posta_status reason) {
    if (e->step != STEP_TLS) return;
    e->is_secure = true;
    e->caps = (posta_capabilities){0};
    e->rx.at = e->rx.len = 0;
    e->last_len = 0;
    memset(&e->last_reply, 0, sizeof e->last_reply);
    posta__reply_restart(&e->parser);
    e->progress = e->now;
    e->step = e->owed_n > 0 ? STEP_GREETING : STEP_EHLO;
    posta__engine_event(e, POSTA_EVENT_SECURE_OK, POSTA_PHASE_TLS, POSTA_NO_RECIPIENT, reason, 0);
    run(e);
}

bool posta_engine_is_secure(const posta_engine *e) {
    return e->is_secure;
}

posta_mspan posta_engine_rx_space(posta_engine *e) {
    posta__window_compact(&e->rx);
    bool is_shut = e->step == STEP_CLOSED || e->step == STEP_TLS;
    return (posta_mspan){e->rx.p + e->rx.len, is_shut ? 0 : posta__room(&e->rx)};
}

void posta_engine_rx_commit(posta_engine *e, size_t n) {
    if (n > posta__room(&e->rx)) n = posta__room(&e->rx);
    e->rx.len += n;
    e->must_peek = false;
    run(e);
}

void posta__engine_rx_end(posta_engine *e, posta_status status, const char *why) {
    e->rx_ended = true;
    e->rx_end_status = status;
    e->rx_end_why = why;
    e->must_peek = false;
    run(e);
}

void posta_engine_rx_end(posta_engine *e, posta_status status) {
    posta__engine_rx_end(e, status, NULL);
}

posta_span posta_engine_tx_data(posta_engine *e) {
    return posta__span(e->tx.p + e->tx.at, posta__unread(&e->tx));
}

void posta_engine_tx_consume(posta_engine *e, size_t n) {
    if (n > posta__unread(&e->tx)) n = posta__unread(&e->tx);
    if (n == 0) return;
    e->tx.at += n;
    e->tx_taken += n;
    e->progress = e->now;
    if (e->tx.at == e->tx.len) e->tx.at = e->tx.len = 0;
    run(e);
}

unsigned posta_engine_wants(const posta_engine *e) {
    unsigned wants = 0;
    bool has_room = posta__room(&e->rx) > 0 || e->rx.at > 0, may_hear = e->owed_n > 0;
    if (e->step == STEP_CLOSED) return 0;
    if (e->step == STEP_TLS) return POSTA_WANT_TLS;
    if (e->step == STEP_LOGIN && !e->must_peek) {
        wants |= POSTA_WANT_AUTH;
        may_hear = true; /* a host may think for long, and the server leave meanwhile */
    }
    if (e->must_peek) wants |= POSTA_WANT_RX | POSTA_WANT_NOW;
    if (may_hear && has_room && !e->rx_ended) wants |= POSTA_WANT_RX;
    if (posta__unread(&e->tx) > 0) wants |= POSTA_WANT_TX;
    if (e->step == STEP_TEXT && e->t.body_waits) wants |= POSTA_WANT_BODY;
    return wants;
}

/* The reply that decided about a message may not be the last: RSET came behind it. */
static posta_span text_of(const posta_engine *e, const posta_event *ev) {
    const posta_reply *reply = &e->outcome.reply;
    posta_span text = posta__span_of(reply->text);
    bool is_last = reply->code == e->last_reply.code &&
                   posta_span_is(text, posta__span_of(e->last_reply.text));
    return ev->type != POSTA_EVENT_SENT || is_last ? posta__span(e->last, e->last_len) : text;
}

bool posta__engine_has_event(const posta_engine *e) {
    /* Octets that are not heard yet paused behind the last one. */
    bool is_paused = e->step != STEP_CLOSED && posta__unread(&e->rx) > 0;
    return e->events_n > 0 || is_paused || (e->config.trace && e->dialogue_seen < e->dialogue_len);
}

bool posta_engine_next_event(posta_engine *e, posta_event *out) {
    if (posta__dialogue_next(e, out)) return true;
    if (e->events_n == 0) {
        run(e);
        if (posta__dialogue_next(e, out)) return true;
    }
    if (e->events_n == 0) return false;
    *out = e->events[e->events_at];
    e->events_at = (e->events_at + 1) % EVENT_CAP;
    e->events_n--;
    if (out->code != 0) out->text = text_of(e, out);
    return true;
}

/* ---- what is known ---- */

bool posta_engine_is_idle(const posta_engine *e) {
    return e->step == STEP_IDLE && e->action == ACTION_NONE && !e->is_refused;
}

bool posta_engine_is_closed(const posta_engine *e) {
    return e->step == STEP_CLOSED;
}

bool posta_engine_in_transaction(const posta_engine *e) {
    return e->t.is_stepped && e->t.mail_ok;
}

bool posta_engine_in_text(const posta_engine *e) {
    return e->t.is_stepped && e->step == STEP_TEXT && !e->t.body_done;
}

size_t posta_engine_accepted(const posta_engine *e) {
    return e->t.ok_n;
}

size_t posta_engine_refused(const posta_engine *e) {
    return e->t.refused_n;
}

posta_phase posta_engine_phase(const posta_engine *e) {
    verb v = e->owed_n > 0 ? (verb)e->owed[e->owed_at] : posta__verb_next(e);
    if (e->step == STEP_TLS) return POSTA_PHASE_TLS;
    if (e->step == STEP_LOGIN) return POSTA_PHASE_AUTH;
    if (v == V_TEXT && !posta__engine_dot_taken(e)) return POSTA_PHASE_BODY;
    return v == V_NONE ? POSTA_PHASE_IDLE : posta__phase_of(v);
}

posta_capabilities posta_engine_capabilities(const posta_engine *e) {
    return e->caps;
}
const posta_fault *posta_engine_fault(const posta_engine *e) {
    return &e->fault;
}
const posta_outcome *posta_engine_outcome(const posta_engine *e) {
    return &e->outcome;
}

posta_span posta_engine_last_response(const posta_engine *e, posta_reply *reply_out,
                                      bool *truncated_out) {
    if (reply_out) *reply_out = e->last_reply;
    if (truncated_out) *truncated_out = e->last_cut;
    return posta__span(e->last, e->last_len);
}
