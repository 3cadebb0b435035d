/* core/session: bytes move and events are handed out. Nothing in here waits but `drive`, which is
 * what makes a call blocking: execute and wait in a loop. Events are handed out at the edge: when
 * the callback runs, the session is whole.
 */
#include "session_i.h"

#include <assert.h>

#define PIECE  16384u /* octets written at a time under a budget */
#define ASK_MS 10u    /* how often a host is asked that has no credentials yet */

/* ---- the end of actions ---- */

/* TLS's alert or close_notify: one try, whoever does not take it (row J19). */
static void say_last_words(posta_session *s) {
    posta_span words = posta__link_last_words(s->link);
    size_t n = 0;
    if (words.len == 0 || s->write_broken) return;
    if (s->transport.leave) s->transport.leave(s->transport.user);
    s->transport.write(s->transport.user, words.p, words.len, &n);
}

/* As far as the wire takes it at once (row E13). */
bool posta__session_leave(posta_session *s) {
    if (posta_link_quit(s->link) != POSTA_E_IN_PROGRESS) return false;
    if (s->transport.leave) s->transport.leave(s->transport.user);
    posta__session_write(s, SIZE_MAX);
    return true;
}

void posta__session_close_wire(posta_session *s) {
    posta__session_disarm(s);
    if (s->state == SESSION_TALKING) {
        say_last_words(s);
        posta__link_end_tls(s->link);
    }
    if (s->state != SESSION_CLOSED && s->transport.close) s->transport.close(s->transport.user);
    s->state = SESSION_CLOSED;
}

void posta__session_settle(posta_session *s, posta_status status) {
    s->pending = PENDING_NONE;
    s->verdict = status;
    if (s->receipt_out) *s->receipt_out = s->receipt;
    s->receipt_out = NULL;
    if (s->current) s->current->status = status;
    s->current = NULL;
}

void posta__session_receive_fault(posta_session *s) {
    posta__receipt_engine(&s->receipt, posta__span_of(s->peer), posta_link_engine(s->link),
                          posta__session_timeouts(s));
    posta_link_tls(s->link, &s->receipt.tls);
}

/* The message step by step has its verdict, or was cut off. */
static void end_text(posta_session *s, const posta_event *ev) {
    posta__link_step_receipt(s->link, &s->receipt);
    posta__copy_text(s->receipt.message_id, sizeof s->receipt.message_id, s->head.id);
    s->text.is_begun = ev->status != POSTA_OK; /* its fault is still to be told by `body` */
    if (s->pending == PENDING_NONE) s->verdict = ev->status;
}

/* What an event of the link means for the action that is pending. */
static void note(posta_session *s, const posta_event *ev) {
    bool of_text = s->text.is_begun && s->pending != PENDING_STEP;
    switch (ev->type) {
    case POSTA_EVENT_TRACE:
    case POSTA_EVENT_SECURE_OK:
    case POSTA_EVENT_AUTH_OK: return;
    case POSTA_EVENT_BEGIN_ACK: s->text.is_begun = true; break;
    case POSTA_EVENT_RECIPIENT_ACK:
    case POSTA_EVENT_SERVER_ERROR:
    case POSTA_EVENT_SERVER_RETRY:
        if (ev->recipient != POSTA_NO_RECIPIENT && s->pending == PENDING_SEND) return;
        break;
    case POSTA_EVENT_SENT:
        posta_link_receipt(s->link, &s->receipt);
        posta__session_settle(s, ev->status);
        return;
    default: break;
    }
    if (of_text && ev->action >= POSTA_PHASE_BODY && ev->action <= POSTA_PHASE_RESULT) {
        end_text(s, ev);
        if (s->pending == PENDING_END) posta__session_settle(s, ev->status);
        return;
    }
    /* What comes when nothing is pending does not change the account of what has ended; the next
       action hears of it. */
    if (s->pending == PENDING_NONE) return;
    if (ev->status != POSTA_OK) posta__session_receive_fault(s);
    posta__session_settle(s, ev->status);
}

/* ---- events ---- */

void posta__session_event(posta_session *s, posta_event_type type, posta_phase phase,
                          posta_status status) {
    if (s->own_n == sizeof s->own / sizeof *s->own) return; /* cannot be: one of each kind */
    s->own[s->own_n++] = (posta_event){
        .type = type, .action = phase, .recipient = POSTA_NO_RECIPIENT, .status = status};
}

static bool next_own_event(posta_session *s, posta_event *out) {
    if (s->own_n == 0) return false;
    *out = s->own[0];
    memmove(s->own, s->own + 1, --s->own_n * sizeof *s->own);
    return true;
}

/* After QUIT, or a fault, or a greeting that refuses us, nothing more is done with the wire. */
static void leave(posta_session *s) {
    const posta_engine *e;
    if (s->state != SESSION_TALKING) return;
    e = posta_link_engine(s->link);
    if (posta_engine_is_closed(e)) {
        posta__session_close_wire(s);
    } else if (s->pending == PENDING_NONE && e->is_refused && !e->login.has_failed &&
               posta__session_leave(s)) {
        posta__session_close_wire(s);
    }
}

static bool next_link_event(posta_session *s, posta_event *out) {
    if (next_own_event(s, out)) return true;
    if (!s->link || s->state == SESSION_OPENING) return false;
    if (!posta_link_next_event(s->link, out)) return false;
    note(s, out);
    leave(s); /* who hears that it is over may connect again at once */
    return true;
}

/* Hands events out. False: stop here, the host looks at one (or the callback freed the session). */
static bool deliver(posta_session *s) {
    posta_event ev;
    while (next_link_event(s, &ev)) {
        if (!s->callback) {
            s->event = ev;
            s->event_waits = true;
            return false;
        }
        s->in_callback = true;
        s->callback(s, &ev, s->user_data);
        s->in_callback = false;
        if (s->is_freed) return false;
    }
    return true;
}

bool posta_session_next_event(posta_session *s, posta_event *out) {
    if (!s->event_waits && next_link_event(s, &s->event)) s->event_waits = true;
    if (!s->event_waits) return false;
    *out = s->event;
    s->event_waits = false;
    return true;
}

/* ---- the wire ---- */

bool posta__session_write(posta_session *s, size_t most) {
    posta_span data = posta_link_tx_data(s->link);
    size_t n = 0;
    posta_status status;
    if (data.len == 0 || s->write_broken) return false;
    if (data.len > most) data.len = most;
    status = s->transport.write(s->transport.user, data.p, data.len, &n);
    /* What was taken counts whatever else is said: it may have been the end of a message. */
    if (n > 0) posta_link_tx_consume(s->link, n < data.len ? n : data.len);
    /* Row F02: the peer takes no more, but its last words may be waiting to be read. */
    if (status != POSTA_OK && status != POSTA_AGAIN) s->write_broken = true;
    return n > 0 || s->write_broken;
}

/* What went out since a transport's last call is known before time and cancelling are judged. */
static void take_late(posta_session *s) {
    posta_span data;
    size_t n = 0;
    if (s->state != SESSION_TALKING || !(s->transport.flags & POSTA_TRANSPORT_LATE)) return;
    data = posta_link_tx_data(s->link);
    if (data.len == 0 || s->write_broken) return;
    s->transport.write(s->transport.user, data.p, 0, &n);
    if (n > 0) posta_link_tx_consume(s->link, n < data.len ? n : data.len);
}

static bool is_fault(posta_status status) {
    return status != POSTA_OK && status != POSTA_AGAIN && status != POSTA_E_IN_PROGRESS;
}

bool posta__session_read(posta_session *s) {
    unsigned wants = posta_link_wants(s->link, NULL);
    posta_mspan space;
    posta_status status;
    size_t n = 0;
    if (!(wants & POSTA_WANT_RX) && !s->write_broken) return false;
    space = posta_link_rx_space(s->link);
    if (space.cap == 0) return false;
    status = s->transport.read(s->transport.user, space.p, space.cap, &n);
    if (status == POSTA_OK && n > 0) {
        posta_link_rx_commit(s->link, n);
        return true;
    }
    /* Nobody has looked yet: that is no proof that there is nothing (row A01). */
    if (status == POSTA_E_IN_PROGRESS && !s->write_broken) return false;
    if (status == POSTA_AGAIN && !s->write_broken) {
        if (wants & POSTA_WANT_NOW) posta_link_rx_commit(s->link, 0);
        return (wants & POSTA_WANT_NOW) != 0;
    }
    posta_link_rx_end(s->link, is_fault(status) ? status : POSTA_E_LOST);
    return true;
}

/* The host's own TLS takes over the wire; until it has, no octet of ours goes over it. */
static bool step_tls(posta_session *s) {
    posta_status status = s->transport.starttls(s->transport.user, s->where.host);
    if (status == POSTA_AGAIN) return false;
    posta_link_secured(s->link, status);
    return true;
}

/* A tick is a step of the login. */
static bool can_log_in(const posta_session *s) {
    return (posta_link_wants(s->link, NULL) & POSTA_WANT_AUTH) &&
           !posta__link_waits_for_login(s->link);
}

static bool step_wire(posta_session *s, size_t most) {
    bool moved = posta__session_push(s);
    if (posta_link_wants(s->link, NULL) & POSTA_WANT_TLS)
        return posta__link_has_own_tls(s->link) || step_tls(s); /* ours: a tick is a step */
    if (posta__session_write(s, most)) moved = true;
    if (posta__session_read(s)) moved = true;
    return moved || can_log_in(s);
}

/* Is there anything to move bytes for? */
static bool is_working(const posta_session *s) {
    if (s->state == SESSION_CLOSED) return false;
    return s->pending != PENDING_NONE || posta_engine_in_text(posta_link_engine(s->link));
}

static void work(posta_session *s, uint32_t budget_us) {
    uint64_t began = posta__session_now(s);
    for (;;) {
        bool moved;
        take_late(s);
        if (s->state == SESSION_TALKING) posta_link_tick(s->link, posta__session_now(s));
        if (!deliver(s)) return;
        leave(s);
        moved = posta__session_next_call(s);
        if (!moved && !is_working(s)) return;
        if (!moved)
            moved = s->state == SESSION_OPENING ? posta__session_open_step(s)
                                                : step_wire(s, budget_us > 0 ? PIECE : SIZE_MAX);
        if (!moved) return;
        if (budget_us > 0 && (posta__session_now(s) - began) * 1000u >= budget_us) return;
    }
}

/* Freed in the callback: the verdict is the event's, or that it was given up. */
static posta_status free_late(posta_session *s) {
    posta_status status = s->pending == PENDING_NONE ? s->verdict : POSTA_E_CANCELLED;
    s->is_freed = false;
    if (s->is_dropped)
        posta_session_drop(&s);
    else
        posta_session_free(&s);
    return status;
}

/* Row K08: one session belongs to one thread at a time. */
static void enter(posta_session *s) {
    bool is_inside = atomic_exchange(&s->is_inside, true);
    assert(!is_inside && "two threads are in one session");
    (void)is_inside;
}

posta_status posta__session_run(posta_session *s, uint32_t budget_us) {
    if (s->in_callback) return POSTA_E_BUSY;
    enter(s);
    posta__session_disarm(s);
    s->event_waits = false;
    take_late(s);
    if (atomic_exchange(&s->is_cancelled, false)) posta__session_cancel_now(s);
    work(s, budget_us);
    atomic_store(&s->is_inside, false);
    if (s->is_freed) return free_late(s);
    if (s->event_waits) leave(s);
    posta__session_arm(s);
    return s->pending != PENDING_NONE || posta__session_has_turns(s) ? POSTA_E_IN_PROGRESS
                                                                     : s->verdict;
}

/* Text that was taken still has to go out: who executes until all is done wants to know. */
static bool is_flushing(const posta_session *s) {
    return s->state == SESSION_TALKING && posta_engine_in_text(posta_link_engine(s->link)) &&
           (posta_link_wants(s->link, NULL) & POSTA_WANT_TX);
}

posta_status posta_session_execute(posta_session *s, uint32_t budget_us) {
    bool is_gone = false;
    posta_status status;
    if (s->in_callback) return POSTA_E_BUSY;
    s->gone = &is_gone;
    status = posta__session_run(s, budget_us);
    if (is_gone) return status;
    s->gone = NULL;
    return is_flushing(s) ? POSTA_E_IN_PROGRESS : status;
}

void posta__session_give_up(posta_session *s) {
    posta_event ev;
    if (s->pending == PENDING_NONE) return;
    take_late(s);
    posta__session_cancel_now(s);
    while (next_link_event(s, &ev)) {
    }
}

/* ---- waiting ---- */

/* There is something to do that no descriptor tells. */
static bool is_called_now(const posta_session *s) {
    unsigned wants = posta_link_wants(s->link, NULL);
    if ((wants & POSTA_WANT_NOW) || can_log_in(s)) return true;
    return (wants & POSTA_WANT_TLS) && posta__link_has_own_tls(s->link);
}

int64_t posta_session_timeout(const posta_session *s) {
    uint64_t deadline, t = posta__session_now(s);
    if (s->event_waits || s->own_n > 0 || atomic_load(&s->is_cancelled)) return 0;
    if (s->state == SESSION_CLOSED) return posta__session_has_turns(s) ? 0 : -1;
    if (s->state == SESSION_OPENING) return s->is_opened ? posta__session_open_timeout(s) : 0;
    if (s->pending == PENDING_NONE && posta__session_has_turns(s)) return 0;
    if (posta__engine_has_event(posta_link_engine(s->link))) return 0;
    if (s->pending != PENDING_NONE && is_called_now(s)) return 0;
    deadline = posta_link_deadline(s->link);
    if (s->pending != PENDING_NONE && posta__link_waits_for_login(s->link) && deadline > t + ASK_MS)
        deadline = t + ASK_MS;
    if (deadline == UINT64_MAX) return -1;
    return deadline <= t ? 0 : (int64_t)(deadline - t);
}

unsigned posta_session_wants(const posta_session *s) {
    if (s->state == SESSION_OPENING)
        return s->owns_transport ? posta_socket_wants(&s->transport) : POSTA_WANT_TX;
    return s->state == SESSION_TALKING ? posta_link_wants(s->link, NULL) : 0;
}

size_t posta_session_hint(const posta_session *s) {
    size_t hint = 0;
    if (s->state == SESSION_TALKING) posta_link_wants(s->link, &hint);
    return hint;
}

posta_status posta_session_wait(posta_session *s, uint32_t ms) {
    int64_t timeout = posta_session_timeout(s);
    unsigned wants = posta_session_wants(s);
    if (s->in_callback) return POSTA_E_BUSY;
    if (timeout >= 0 && (uint64_t)timeout < ms) ms = (uint32_t)timeout;
    if (s->state == SESSION_CLOSED || ms == 0) return POSTA_OK;
    if (!s->transport.wait) return POSTA_OK;
    return s->transport.wait(s->transport.user, s->write_broken ? POSTA_WANT_RX : wants, ms);
}

posta_status posta__session_drive(posta_session *s) {
    posta_status status;
    posta__session_arm(s);
    if (s->non_blocking) return POSTA_E_IN_PROGRESS;
    while ((status = posta__session_run(s, 0)) == POSTA_E_IN_PROGRESS) {
        if (posta_session_wants(s) & POSTA_WANT_BODY) {
            /* Nobody can feed a slot while this call waits. */
            posta_link_abort(s->link, POSTA_E_BODY);
            continue;
        }
        posta_session_wait(s, posta__session_longest_wait(s));
    }
    return status;
}
