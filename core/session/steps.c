/* core/session: a message step by step, as the model has it: sender, recipient+, begin_message,
 * body*, end_message.
 *
 * The blank line between header and text waits until it is known whether the text is ASCII: octets
 * of the text are held in the engine's body window, which is free meanwhile, until the first above
 * 127, until it is full, or until the end. So any split of the same text gives the same octets, and
 * a text of any length is labelled truly.
 */
#include "session_i.h"

/* ---- sender, recipient, begin ---- */

/* Why no step can be made; POSTA_OK: one can. */
static posta_status may_step(posta_session *s, const char *call) {
    if (posta__session_is_idle(s)) return POSTA_OK;
    return posta__session_wrong_time(s, call);
}

static posta_status begun(posta_session *s, posta_status status, const char *call) {
    posta_problem p;
    if (status == POSTA_E_STATE) return posta__session_wrong_time(s, call);
    if (status != POSTA_E_IN_PROGRESS) {
        const posta_fault *f = posta_engine_fault(posta_link_engine(s->link));
        posta__problem(&p, status, f->field ? f->field : call, f->why, posta__span(NULL, 0));
        return posta__session_refuse(s, &p);
    }
    s->pending = PENDING_STEP;
    return posta__session_drive(s);
}

static bool is_ascii(const char *s) {
    return posta__is_ascii(posta__span_of(s));
}

/* What MAIL did not announce comes too late for a recipient (row G07: it is not said without need).
 */
static posta_status bad_recipient(posta_session *s, posta_problem *p, const char *address) {
    if (p->status == POSTA_E_EXTENSION && posta_engine_takes_utf8(posta_link_engine(s->link)))
        posta__problem(
            p, p->status, "recipient.address",
            "is not ASCII before the @, and the sender did not announce SMTPUTF8: set the "
            "option smtputf8 before it",
            posta__span_of(address));
    return posta__session_refuse(s, p);
}

posta_status posta_session_sender(posta_session *s, const char *name, const char *address,
                                  const char *reply_to_name, const char *reply_to) {
    const posta_mail_options *options = s->mail_options;
    posta_problem p;
    posta__form form = {false, s->port};
    posta_engine *e;
    posta_status status = may_step(s, "sender");
    s->mail_options = NULL; /* also where this call fails: they may not live until another */
    if (status != POSTA_OK) return status;
    e = posta__link_engine(s->link);
    form.may_utf8 = posta_engine_takes_utf8(e);
    if (posta_engine_in_transaction(posta_link_engine(s->link)))
        return posta__session_wrong_time(s, "sender");
    status = posta__head_sender(&s->head, &form, name, address, reply_to_name, reply_to, &p);
    if (status != POSTA_OK) return posta__session_refuse(s, &p);
    memset(&s->text, 0, sizeof s->text);
    posta__copy_text(s->path, sizeof s->path, address);
    posta_engine_set_smtputf8(e, s->link_config.engine.smtputf8 || !is_ascii(reply_to));
    return begun(s, posta_engine_mail_with(e, s->path, options), "sender");
}

posta_status posta_session_command(posta_session *s, const char *name, const char *args) {
    posta_status status = may_step(s, "command");
    if (status != POSTA_OK) return status;
    return begun(s, posta_engine_command(posta__link_engine(s->link), name, args), "command");
}

void posta_session_set_mail_options(posta_session *s, const posta_mail_options *options) {
    s->mail_options = options;
}

void posta_session_set_notify(posta_session *s, unsigned notify, const char *original) {
    s->notify = notify;
    s->original = original;
}

posta_status posta_session_recipient(posta_session *s, const char *name, const char *address,
                                     posta_recipient_type type) {
    posta_recipient asked = {.notify = s->notify, .original = s->original};
    posta_problem p;
    posta__form form;
    posta_status status = may_step(s, "recipient");
    posta_session_set_notify(s, 0, NULL); /* as above */
    if (status != POSTA_OK) return status;
    if (!posta_engine_in_transaction(posta_link_engine(s->link)))
        return posta__session_wrong_time(s, "recipient");
    form = posta__engine_form(posta_link_engine(s->link));
    status = posta__head_recipient(&s->head, &form, name, address, type, &p);
    if (status != POSTA_OK) return bad_recipient(s, &p, address);
    posta__copy_text(s->path, sizeof s->path, address);
    s->step_recipient = asked;
    s->step_recipient.address = s->path;
    return begun(s, posta_engine_rcpt(posta__link_engine(s->link), &s->step_recipient),
                 "recipient");
}

/* Rows F06, F08: nobody would get it, or not everybody and that was not wanted. */
static posta_status no_recipients(posta_session *s) {
    const posta_engine *e = posta_link_engine(s->link);
    const posta_fault *f = posta_engine_fault(e);
    bool is_known = f->cause == POSTA_E_RECIPIENTS_REFUSED;
    posta__receipt_fault(&s->receipt, posta__span_of(s->peer), POSTA_E_RECIPIENTS_REFUSED,
                         POSTA_PHASE_RECIPIENT, is_known ? &f->reply : NULL, NULL, 0);
    if (s->receipt.status == POSTA_E_RECIPIENTS_REFUSED)
        s->receipt.status = POSTA_E_SERVER_PERMANENT;
    return s->verdict = s->receipt.status;
}

posta_status posta_session_begin_message(posta_session *s, const char *subject, const char *date,
                                         unsigned flags) {
    posta_problem p;
    const posta_engine *e;
    posta_status status = may_step(s, "begin_message");
    if (status != POSTA_OK) return status;
    e = posta_link_engine(s->link);
    if (!posta_engine_in_transaction(e) || posta_engine_accepted(e) + posta_engine_refused(e) == 0)
        return posta__session_wrong_time(s, "begin_message");
    if (posta_engine_accepted(e) == 0 ||
        (posta_engine_refused(e) > 0 && s->link_config.engine.on_refused == POSTA_REFUSED_ABORT))
        return no_recipients(s);
    memset(&p, 0, sizeof p);
    status = posta__head_finish(&s->head, subject, date, s->agent, s->port, &p);
    if (status != POSTA_OK) return posta__session_refuse(s, &p);
    memset(&s->text, 0, sizeof s->text);
    s->text.is_settled = (flags & POSTA_MESSAGE_MIME) != 0; /* the blank line is the caller's */
    return begun(s, posta_engine_data(posta__link_engine(s->link)), "begin_message");
}

/* ---- the text ---- */

static posta_engine *engine_of(posta_session *s) {
    return posta__link_engine(s->link);
}

static bool in_text(const posta_session *s) {
    return s->state == SESSION_TALKING && posta_engine_in_text(posta_link_engine(s->link));
}

/* Moves octets through quoted-printable. Each octet is three at most, and a line end more a line;
   what comes out always fits, so that nothing but the encoder holds anything back. */
static size_t encode(posta_session *s, const uint8_t *p, size_t len, bool at_end) {
    uint8_t store[512];
    posta_engine *e = engine_of(s);
    posta_window w = posta__window(store, sizeof store);
    size_t room = posta__engine_text_room(e);
    posta_span in = posta__span(p, len);
    size_t most;
    if (room > sizeof store) room = sizeof store;
    most = room < 64 ? 0 : (room - 32) / 4;
    if (most == 0) return 0;
    if (in.len > most) in.len = most;
    len = in.len;
    posta__qp_step(&s->text.qp, &in, &w);
    if (at_end && posta__qp_end(&s->text.qp, &w) == POSTA_OK) s->text.is_flushed = true;
    posta_engine_text(e, w.p, w.len);
    return len - in.len;
}

static size_t put(posta_session *s, const uint8_t *p, size_t len) {
    size_t n = 0, took;
    if (!s->text.is_qp) return posta_engine_text(engine_of(s), p, len);
    while (n < len && (took = encode(s, p + n, len - n, false)) > 0)
        n += took;
    return n;
}

static void settle(posta_session *s, bool is_utf8) {
    posta_engine *e = engine_of(s);
    bool may_8bit = (posta_engine_capabilities(e).bits & POSTA_CAN_8BITMIME) != 0;
    s->text.is_settled = true;
    s->text.is_qp = is_utf8 && !may_8bit;
    posta__qp_init(&s->text.qp, false);
    s->text.qp.kernels = s->port->kernels;
    posta__head_close(&s->head, is_utf8, may_8bit); /* its room is kept free, see HEAD_REST */
}

/* Octets before the one that tells what the text is wait. How many were taken. */
static size_t hold(posta_session *s, const uint8_t *p, size_t len) {
    posta_mspan spare = posta__engine_spare(engine_of(s));
    size_t n = spare.cap - s->text.hold_n < len ? spare.cap - s->text.hold_n : len;
    if (!posta__is_ascii(posta__span(p, n)) || n < len) settle(s, true);
    memcpy(spare.p + s->text.hold_n, p, n);
    s->text.hold_n += n;
    return n;
}

static bool push_head(posta_session *s) {
    posta__head *h = &s->head;
    size_t n = h->len > h->at ? posta_engine_text(engine_of(s), h->p + h->at, h->len - h->at) : 0;
    h->at += n;
    return n > 0;
}

static bool push_held(posta_session *s) {
    posta__step_text *t = &s->text;
    posta_mspan spare = posta__engine_spare(engine_of(s));
    size_t n;
    if (!t->is_settled || s->head.at < s->head.len || t->hold_at == t->hold_n) return false;
    n = put(s, spare.p + t->hold_at, t->hold_n - t->hold_at);
    t->hold_at += n;
    return n > 0;
}

static bool is_drained(const posta_session *s) {
    return s->text.is_settled && s->head.at == s->head.len && s->text.hold_at == s->text.hold_n;
}

static bool push_end(posta_session *s) {
    posta__step_text *t = &s->text;
    if (!t->is_ending || !is_drained(s)) return false;
    if (t->is_qp && !t->is_flushed) encode(s, NULL, 0, true);
    if (t->is_qp && !t->is_flushed) return false;
    return posta_engine_text_end(engine_of(s)) == POSTA_E_IN_PROGRESS;
}

bool posta__session_push(posta_session *s) {
    bool moved = false;
    if (!in_text(s)) return false;
    if (push_head(s)) moved = true;
    if (in_text(s) && push_held(s)) moved = true;
    if (in_text(s) && push_end(s)) moved = true;
    return moved;
}

/* One piece; 0: no room. */
static size_t take(posta_session *s, const uint8_t *p, size_t len) {
    posta__session_push(s);
    if (!in_text(s)) return 0;
    if (!s->text.is_settled) {
        size_t n = hold(s, p, len);
        if (n > 0) return n;
        posta__session_push(s); /* it was full, and now it may go */
    }
    return in_text(s) && is_drained(s) ? put(s, p, len) : 0;
}

static posta_status text_status(const posta_session *s) {
    const posta_engine *e = s->link ? posta_link_engine(s->link) : NULL;
    if (in_text(s) && !s->text.is_ending) return POSTA_OK;
    if (e && s->text.is_begun && posta_engine_fault(e)->status != POSTA_OK)
        return posta_engine_fault(e)->status;
    return POSTA_E_STATE;
}

/* Takes what fits without waiting. */
static size_t take_some(posta_session *s, const uint8_t *p, size_t len) {
    size_t n = 0;
    posta_link_tick(s->link, posta__session_now(s));
    for (;;) {
        size_t took = in_text(s) && n < len ? take(s, p + n, len - n) : 0;
        bool wrote = in_text(s) && posta__session_write(s, SIZE_MAX);
        n += took;
        if (n == len && !wrote) return n;
        if (took == 0 && !wrote) break;
    }
    /* It takes no more: perhaps it has said why (row D13). */
    if (in_text(s)) posta__session_read(s);
    return n;
}

/* Takes the rest, waiting for room. True: the callback freed the session. */
static bool take_rest(posta_session *s, const uint8_t *p, size_t len, size_t *n) {
    bool is_gone = false;
    s->gone = &is_gone;
    while (!is_gone && (*n < len || !in_text(s))) {
        posta__session_run(s, 0);
        if (is_gone || !in_text(s)) break;
        *n += take_some(s, p + *n, len - *n);
        if (*n < len && in_text(s)) posta_session_wait(s, posta__session_longest_wait(s));
    }
    if (!is_gone) s->gone = NULL;
    return is_gone;
}

size_t posta_session_body(posta_session *s, const void *p, size_t len, posta_status *status_out) {
    size_t n = 0;
    posta_status status = text_status(s);
    bool may_wait = !s->non_blocking && !s->in_callback;
    if (status == POSTA_OK && (p || len == 0)) {
        n = take_some(s, p, len);
        if (may_wait && take_rest(s, p, len, &n)) {
            if (status_out) *status_out = POSTA_E_CANCELLED;
            return n;
        }
        status = text_status(s);
        posta__session_arm(s);
    }
    if (status_out) *status_out = status;
    return n;
}

posta_status posta_session_end_message(posta_session *s) {
    posta_status status = text_status(s);
    if (s->in_callback && !s->non_blocking) return POSTA_E_BUSY;
    if (status == POSTA_E_STATE || s->pending != PENDING_NONE)
        return posta__session_wrong_time(s, "end_message");
    if (status != POSTA_OK) return status;
    posta_link_tick(s->link, posta__session_now(s));
    if (!in_text(s)) return text_status(s);
    if (!s->text.is_settled) settle(s, false);
    s->text.is_ending = true;
    s->pending = PENDING_END;
    posta__session_push(s);
    return posta__session_drive(s);
}
