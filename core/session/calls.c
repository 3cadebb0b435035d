/* core/session: what begins an action, and what waits until the one before has ended. */
#include "session_i.h"

posta_status posta__session_refuse(posta_session *s, const posta_problem *p) {
    posta__receipt_problem(&s->receipt, posta__span_of(s->peer), p);
    return s->receipt.status;
}

posta_status posta__session_wrong_time(posta_session *s, const char *call) {
    posta_problem p;
    bool is_inside = s->in_callback && !s->non_blocking;
    const char *why = posta__session_has_turns(s)  ? "what was asked for before comes first"
                      : is_inside                  ? "not inside the callback of a blocking session"
                      : s->pending != PENDING_NONE ? "the session is busy"
                      : s->state != SESSION_TALKING ? "the session is not connected"
                                                    : "not in this order";
    posta__problem(&p, is_inside ? POSTA_E_BUSY : POSTA_E_STATE, call, why, posta__span(NULL, 0));
    return posta__session_refuse(s, &p);
}

bool posta__session_is_idle(posta_session *s) {
    if (s->in_callback && !s->non_blocking) return false;
    if (s->pending != PENDING_NONE || s->state != SESSION_TALKING) return false;
    if (posta__session_has_turns(s)) return false; /* they come first */
    posta_link_tick(s->link, posta__session_now(s));
    return posta_engine_is_idle(posta_link_engine(s->link));
}

/* Behind AUTH_FAIL the connection stands: the login is tried once more. */
static posta_status log_in_again(posta_session *s) {
    posta_problem p;
    posta_status status;
    if (!posta_link_engine(s->link)->login.has_failed) return POSTA_E_STATE;
    if (posta__session_check_login(s, &p) != POSTA_OK) return posta__session_refuse(s, &p);
    status = posta__link_login_again(s->link, s->link_config.auth != NULL);
    if (status != POSTA_OK) return status;
    memset(&s->receipt, 0, sizeof s->receipt);
    memset(&s->fault, 0, sizeof s->fault);
    s->pending = PENDING_CONNECT;
    return posta__session_drive(s);
}

posta_status posta_session_connect(posta_session *s) {
    posta_problem p;
    if (s->in_callback && !s->non_blocking) return POSTA_E_BUSY;
    if (s->pending == PENDING_NONE && s->state == SESSION_TALKING && !posta__session_has_turns(s))
        return log_in_again(s);
    if (s->pending != PENDING_NONE || s->state != SESSION_CLOSED || posta__session_has_turns(s))
        return POSTA_E_STATE;
    if (!s->where.host[0]) {
        posta__problem(&p, POSTA_E_FIELD, "host", "the host is missing", posta__span(NULL, 0));
        return posta__session_refuse(s, &p);
    }
    if (posta__session_trust(s, &p) != POSTA_OK || posta__session_check_login(s, &p) != POSTA_OK)
        return posta__session_refuse(s, &p);
    memset(&s->receipt, 0, sizeof s->receipt);
    memset(&s->fault, 0, sizeof s->fault);
    memset(&s->text, 0, sizeof s->text);
    posta_link_wipe(&s->link);
    atomic_store(&s->is_cancelled, false);
    s->write_broken = false;
    s->state = SESSION_OPENING;
    s->pending = PENDING_CONNECT;
    s->is_opened = false;
    s->connect_began = posta__session_now(s);
    return posta__session_drive(s);
}

static posta_status act(posta_session *s, pending what, posta_status (*say)(posta_link *l)) {
    posta_status status;
    if (s->in_callback && !s->non_blocking) return POSTA_E_BUSY;
    if (s->pending != PENDING_NONE || s->state != SESSION_TALKING) return POSTA_E_STATE;
    posta_link_tick(s->link, posta__session_now(s));
    status = say(s->link);
    if (status != POSTA_E_IN_PROGRESS) return status;
    s->pending = what;
    return posta__session_drive(s);
}

posta_status posta_session_noop(posta_session *s) {
    if (posta__session_has_turns(s)) return POSTA_E_STATE;
    return act(s, PENDING_OTHER, posta_link_noop);
}

posta_status posta_session_reset(posta_session *s) {
    bool is_busy = s->pending != PENDING_NONE && s->pending != PENDING_QUIT;
    if (!is_busy || !s->non_blocking) return act(s, PENDING_OTHER, posta_link_reset);
    if (s->reset_waits || s->quit_waits || s->queue) return POSTA_E_STATE;
    s->reset_waits = true;
    return POSTA_E_IN_PROGRESS;
}

posta_status posta_session_disconnect(posta_session *s) {
    bool is_busy = s->pending != PENDING_NONE || s->queue || s->reset_waits;
    posta_status status;
    if (is_busy && s->non_blocking) {
        if (s->quit_waits || s->pending == PENDING_QUIT) return POSTA_E_STATE;
        s->quit_waits = true;
        return POSTA_E_IN_PROGRESS;
    }
    status = act(s, PENDING_QUIT, posta_link_quit);
    if (status == POSTA_E_STATE && s->pending == PENDING_NONE) {
        posta__session_close_wire(s); /* nothing to say any more */
        return POSTA_OK;
    }
    return status;
}

/* ---- sending ---- */

/* Why nothing can be sent now: what ended the connection, if something did. */
static posta_status no_way(posta_session *s) {
    const posta_engine *e = s->link ? posta_link_engine(s->link) : NULL;
    bool is_over = e && posta_engine_is_closed(e) && posta_engine_fault(e)->status != POSTA_OK;
    if (s->pending == PENDING_NONE && is_over) {
        posta__session_receive_fault(s);
        return s->receipt.status;
    }
    return posta__session_wrong_time(s, "send");
}

static posta_status not_sent(posta_session *s, posta_status status, posta_receipt *receipt_out) {
    if (status == POSTA_E_STATE)
        status = no_way(s);
    else
        posta_link_receipt(s->link, &s->receipt);
    if (receipt_out) *receipt_out = s->receipt;
    return status;
}

static bool may_send(posta_session *s) {
    return posta__session_is_idle(s) && !posta_engine_in_transaction(posta_link_engine(s->link));
}

static posta_status sending(posta_session *s, posta_status status, posta_receipt *receipt_out) {
    if (status != POSTA_E_IN_PROGRESS) return not_sent(s, status, receipt_out);
    s->pending = PENDING_SEND;
    s->receipt_out = receipt_out;
    return posta__session_drive(s);
}

posta_status posta_session_send(posta_session *s, const posta_envelope *envelope,
                                const posta_source *source, posta_receipt *receipt_out) {
    if (!may_send(s)) return not_sent(s, POSTA_E_STATE, receipt_out);
    return sending(s, posta_link_send(s->link, envelope, source), receipt_out);
}

posta_status posta_session_send_message(posta_session *s, posta_message *message,
                                        posta_receipt *receipt_out) {
    if (!may_send(s)) return not_sent(s, POSTA_E_STATE, receipt_out);
    return sending(s, posta_link_send_message(s->link, message), receipt_out);
}

posta_status posta_session_submit(posta_session *s, posta_submission *submission) {
    bool in_step = s->link && posta_engine_in_transaction(posta_link_engine(s->link));
    if (!submission) return POSTA_E_ARGUMENT;
    if (!s->non_blocking || s->reset_waits || s->state != SESSION_TALKING || in_step ||
        s->quit_waits || s->pending == PENDING_STEP || s->pending == PENDING_END ||
        s->pending == PENDING_QUIT)
        return posta__session_wrong_time(s, "submit");
    submission->next = NULL;
    submission->status = POSTA_E_IN_PROGRESS;
    if (s->queue_last)
        s->queue_last->next = submission;
    else
        s->queue = submission;
    s->queue_last = submission;
    posta__session_arm(s);
    return POSTA_E_IN_PROGRESS;
}

/* ---- those whose turn comes ---- */

static void next_submission(posta_session *s) {
    posta_submission *next = s->queue;
    posta_status status = POSTA_E_STATE;
    s->queue = next->next;
    if (!s->queue) s->queue_last = NULL;
    if (s->state == SESSION_TALKING) {
        posta_link_tick(s->link, posta__session_now(s));
        status = posta_link_send(s->link, next->envelope, next->source);
    }
    s->current = next;
    s->receipt_out = next->receipt;
    if (status == POSTA_E_IN_PROGRESS) {
        s->pending = PENDING_SEND;
        return;
    }
    if (status == POSTA_E_STATE)
        status = no_way(s);
    else
        posta_link_receipt(s->link, &s->receipt);
    posta__session_event(s, POSTA_EVENT_SENT, POSTA_PHASE_IDLE, status);
    posta__session_settle(s, status);
}

/* What waited for an action that ended the connection: reset fails, disconnect is done. */
static void too_late(posta_session *s) {
    if (s->reset_waits) {
        posta__session_event(s, POSTA_EVENT_FAILED, POSTA_PHASE_RESET, POSTA_E_LOST);
        s->reset_waits = false;
        s->verdict = POSTA_E_LOST;
    }
    if (s->quit_waits) {
        posta__session_event(s, POSTA_EVENT_DISCONNECTED, POSTA_PHASE_QUIT, POSTA_OK);
        s->quit_waits = false;
        s->verdict = POSTA_OK;
    }
}

bool posta__session_next_call(posta_session *s) {
    bool waits = s->queue || s->reset_waits || s->quit_waits;
    if (!waits || s->pending != PENDING_NONE || s->own_n > 0) return false;
    if (s->queue) {
        next_submission(s);
        return true;
    }
    if (s->state != SESSION_TALKING) {
        too_late(s);
        return true;
    }
    if (s->reset_waits) {
        s->reset_waits = false;
        if (act(s, PENDING_OTHER, posta_link_reset) != POSTA_E_IN_PROGRESS)
            posta__session_event(s, POSTA_EVENT_FAILED, POSTA_PHASE_RESET, POSTA_E_STATE);
        return true;
    }
    s->quit_waits = false;
    if (act(s, PENDING_QUIT, posta_link_quit) != POSTA_E_IN_PROGRESS) {
        posta__session_close_wire(s);
        posta__session_event(s, POSTA_EVENT_DISCONNECTED, POSTA_PHASE_QUIT, POSTA_OK);
    }
    return true;
}
