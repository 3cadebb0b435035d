/* core/session: the session, a link and a transport. Its inside never waits; a blocking call is
 * execute and wait in a loop. Events are handed out at the edge: when the callback runs, the
 * session is whole.
 */
#include "session_i.h"

/* ---- events ---- */

static const posta_timeouts *timeouts(const posta_session *s) {
    return &s->link_config.engine.timeouts;
}

static uint64_t now(const posta_session *s) {
    return s->port->now_ms(s->port->user);
}

static void close_wire(posta_session *s) {
    if (s->state != SESSION_CLOSED && s->transport.close) s->transport.close(s->transport.user);
    s->state = SESSION_CLOSED;
}

static void settle(posta_session *s, posta_status status) {
    s->pending = PENDING_NONE;
    s->verdict = status;
    if (s->receipt_out) *s->receipt_out = s->receipt;
    s->receipt_out = NULL;
}

/* The account becomes that of the connection's own fault. */
static void receive_fault(posta_session *s) {
    posta__receipt_engine(&s->receipt, posta__span_of(s->peer), posta_link_engine(s->link),
                          timeouts(s));
}

/* What an event of the link means for the action that is pending. */
static void note(posta_session *s, const posta_event *ev) {
    switch (ev->type) {
    case POSTA_EVENT_TRACE:
    case POSTA_EVENT_RECIPIENT_ACK: return;
    case POSTA_EVENT_SERVER_ERROR:
    case POSTA_EVENT_SERVER_RETRY:
        if (ev->action == POSTA_PHASE_RECIPIENT) return;
        break;
    case POSTA_EVENT_SENT:
        posta_link_receipt(s->link, &s->receipt);
        settle(s, ev->status);
        return;
    default: break;
    }
    /* What comes when nothing is pending does not change the account of what has ended; the next
       action hears of it. */
    if (s->pending == PENDING_NONE) return;
    if (ev->status != POSTA_OK) receive_fault(s);
    settle(s, ev->status);
}

static bool next_link_event(posta_session *s, posta_event *out) {
    if (s->own_waits) {
        *out = s->own;
        s->own_waits = false;
        return true;
    }
    if (!s->link || s->state == SESSION_OPENING || !posta_link_next_event(s->link, out))
        return false;
    note(s, out);
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

/* ---- opening ---- */

static void fail_open(posta_session *s, posta_status cause, posta_phase phase) {
    posta_status status = posta__status_fold(cause, 0);
    const char *reason = s->owns_transport ? posta_socket_reason(&s->transport) : "";
    char detail[256];
    posta_window w = posta__window(detail, sizeof detail - 1);
    uint64_t limit = cause == POSTA_E_TIMEOUT_CONNECT ? timeouts(s)->connect
                     : cause == POSTA_E_TIMEOUT_TOTAL ? timeouts(s)->total
                                                      : 0;
    if (cause == POSTA_E_DNS) phase = POSTA_PHASE_RESOLVE;
    posta__put(&w, posta__span_of(posta_status_text(cause)));
    if (reason[0] && limit == 0 && cause != POSTA_E_CONNECT_REFUSED && cause != POSTA_E_CANCELLED) {
        posta__put(&w, POSTA_LIT(" ("));
        posta__put(&w, posta__span_of(reason));
        posta__put(&w, POSTA_LIT(")"));
    }
    detail[w.len] = 0;
    s->fault = (posta_fault){.status = status,
                             .cause = cause,
                             .side = POSTA_SIDE_WIRE,
                             .phase = phase,
                             .recipient = POSTA_NO_RECIPIENT};
    posta__receipt_fault(&s->receipt, posta__span_of(s->peer), cause, phase, NULL, detail, limit);
    close_wire(s);
    s->own =
        (posta_event){.type = status == POSTA_E_TIMEOUT ? POSTA_EVENT_TIMEOUT : POSTA_EVENT_FAILED,
                      .action = phase,
                      .recipient = POSTA_NO_RECIPIENT,
                      .status = status};
    s->own_waits = true;
    settle(s, status);
}

static void pick_hello(posta_session *s) {
    if (!s->picks_hello || !s->owns_transport) return;
    if (posta_host_name(s->hello, sizeof s->hello) == POSTA_OK &&
        posta__domain_check(posta__span_of(s->hello), NULL) == POSTA_OK)
        return;
    if (posta_socket_literal(&s->transport, s->hello, sizeof s->hello) != POSTA_OK)
        posta__copy_text(s->hello, sizeof s->hello, "[127.0.0.1]");
}

static void opened(posta_session *s) {
    if (s->where.is_default_clear && s->owns_transport &&
        !posta_socket_is_loopback(&s->transport)) {
        /* The name promised a loopback address and led elsewhere: clear text was not asked for. */
        fail_open(s, POSTA_E_TLS_NOT_BUILT, POSTA_PHASE_CONNECT);
        return;
    }
    pick_hello(s);
    s->link_config.engine.spent = (uint32_t)(now(s) - s->connect_began);
    posta_link_wipe(&s->link);
    if (posta_link_place(s->link_memory, s->link_len, &s->link_config, &s->link) != POSTA_OK) {
        fail_open(s, POSTA_E_ARGUMENT, POSTA_PHASE_CONNECT);
        return;
    }
    s->state = SESSION_TALKING;
}

/* False: nothing moved. */
static bool step_open(posta_session *s) {
    uint64_t total = timeouts(s)->total;
    posta_status status;
    s->is_opened = true;
    status = s->transport.open ? s->transport.open(s->transport.user, s->where.host, s->where.port)
                               : POSTA_OK;
    if (status == POSTA_OK)
        opened(s);
    else if (status != POSTA_AGAIN)
        fail_open(s, status, POSTA_PHASE_CONNECT);
    else if (total > 0 && now(s) - s->connect_began >= total)
        fail_open(s, POSTA_E_TIMEOUT_TOTAL, POSTA_PHASE_CONNECT);
    else
        return false;
    return true;
}

/* ---- the wire ---- */

static bool step_write(posta_session *s) {
    posta_span data = posta_link_tx_data(s->link);
    size_t n = 0;
    posta_status status;
    if (data.len == 0 || s->write_broken) return false;
    status = s->transport.write(s->transport.user, data.p, data.len, &n);
    /* Row F02: the peer takes no more, but its last words may be waiting to be read. */
    if (status != POSTA_OK && status != POSTA_AGAIN) s->write_broken = true;
    if (status != POSTA_OK || n == 0) return s->write_broken;
    posta_link_tx_consume(s->link, n);
    return true;
}

static bool step_read(posta_session *s) {
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
    if (status == POSTA_AGAIN && !s->write_broken) {
        if (wants & POSTA_WANT_NOW) posta_link_rx_commit(s->link, 0);
        return (wants & POSTA_WANT_NOW) != 0;
    }
    posta_link_rx_end(s->link, status == POSTA_OK || status == POSTA_AGAIN ? POSTA_E_LOST : status);
    return true;
}

static bool step_wire(posta_session *s) {
    bool moved = step_write(s);
    if (step_read(s)) moved = true;
    return moved;
}

/* After QUIT, or a fault, or a greeting that refuses us, nothing more is done with the wire. */
static void leave(posta_session *s) {
    const posta_engine *e;
    if (s->state != SESSION_TALKING) return;
    e = posta_link_engine(s->link);
    if (posta_engine_is_closed(e)) {
        close_wire(s);
    } else if (s->pending == PENDING_NONE && posta_engine_fault(e)->phase <= POSTA_PHASE_HELLO &&
               posta_engine_fault(e)->status != POSTA_OK &&
               posta_link_quit(s->link) == POSTA_E_IN_PROGRESS) {
        step_write(s); /* row E13: say QUIT, do not wait */
        close_wire(s);
    }
}

static void free_now(posta_session **s);

posta_status posta_session_execute(posta_session *s, uint32_t budget_us) {
    uint64_t began = now(s);
    s->event_waits = false;
    for (;;) {
        bool moved;
        if (s->state == SESSION_TALKING) posta_link_tick(s->link, now(s));
        if (!deliver(s)) break;
        leave(s);
        if (s->state == SESSION_CLOSED || s->pending == PENDING_NONE) break;
        moved = s->state == SESSION_OPENING ? step_open(s) : step_wire(s);
        if (!moved || (budget_us > 0 && (now(s) - began) * 1000u >= budget_us)) break;
    }
    if (s->is_freed) {
        free_now(&s);
        return POSTA_OK;
    }
    if (s->event_waits) leave(s);
    return s->pending != PENDING_NONE ? POSTA_E_IN_PROGRESS : s->verdict;
}

/* The transport's own timers run inside `open`, so it is called when the time of an address may be
   over, and each second. */
static int64_t open_timeout(const posta_session *s, uint64_t elapsed) {
    uint64_t left = 1000, connect = timeouts(s)->connect, total = timeouts(s)->total;
    if (connect > 0 && connect - elapsed % connect < left) left = connect - elapsed % connect;
    if (total > 0 && elapsed < total && total - elapsed < left) left = total - elapsed;
    return total > 0 && elapsed >= total ? 0 : (int64_t)left;
}

int64_t posta_session_timeout(const posta_session *s) {
    uint64_t deadline, t = now(s);
    if (s->event_waits || s->own_waits) return 0;
    if (s->state == SESSION_OPENING && !s->is_opened) return 0;
    if (s->state == SESSION_OPENING) return open_timeout(s, t - s->connect_began);
    if (s->state == SESSION_CLOSED) return -1;
    if (s->pending != PENDING_NONE && (posta_link_wants(s->link, NULL) & POSTA_WANT_NOW)) return 0;
    deadline = posta_link_deadline(s->link);
    if (deadline == UINT64_MAX) return -1;
    return deadline <= t ? 0 : (int64_t)(deadline - t);
}

unsigned posta_session_wants(const posta_session *s) {
    if (s->state == SESSION_OPENING) return POSTA_WANT_TX;
    return s->state == SESSION_TALKING ? posta_link_wants(s->link, NULL) : 0;
}

posta_status posta_session_wait(posta_session *s, uint32_t ms) {
    int64_t timeout = posta_session_timeout(s);
    unsigned wants = posta_session_wants(s);
    if (timeout >= 0 && (uint64_t)timeout < ms) ms = (uint32_t)timeout;
    if (s->state == SESSION_CLOSED || ms == 0) return POSTA_OK;
    if (!s->transport.wait) return POSTA_OK;
    return s->transport.wait(s->transport.user, s->write_broken ? POSTA_WANT_RX : wants, ms);
}

/* ---- calls ---- */

#define WAIT_MS 60000u

static posta_status drive(posta_session *s) {
    posta_status status;
    if (s->non_blocking) return POSTA_E_IN_PROGRESS;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
        if (posta_session_wants(s) & POSTA_WANT_BODY) {
            /* Nobody can feed a slot while this call waits. */
            posta_link_abort(s->link, POSTA_E_BODY);
            continue;
        }
        posta_session_wait(s, WAIT_MS);
    }
    return status;
}

posta_status posta_session_connect(posta_session *s) {
    if (s->pending != PENDING_NONE || s->state != SESSION_CLOSED) return POSTA_E_STATE;
    memset(&s->receipt, 0, sizeof s->receipt);
    memset(&s->fault, 0, sizeof s->fault);
    posta_link_wipe(&s->link);
    s->own_waits = s->event_waits = false;
    s->write_broken = false;
    s->state = SESSION_OPENING;
    s->pending = PENDING_CONNECT;
    s->is_opened = false;
    s->connect_began = now(s);
    return drive(s);
}

static posta_status act(posta_session *s, pending what, posta_status (*say)(posta_link *l)) {
    posta_status status;
    if (s->pending != PENDING_NONE || s->state != SESSION_TALKING) return POSTA_E_STATE;
    posta_link_tick(s->link, now(s));
    status = say(s->link);
    if (status != POSTA_E_IN_PROGRESS) return status;
    s->pending = what;
    return drive(s);
}

posta_status posta_session_reset(posta_session *s) {
    return act(s, PENDING_OTHER, posta_link_reset);
}
posta_status posta_session_noop(posta_session *s) {
    return act(s, PENDING_OTHER, posta_link_noop);
}

posta_status posta_session_disconnect(posta_session *s) {
    posta_status status = act(s, PENDING_QUIT, posta_link_quit);
    if (status == POSTA_E_STATE && s->pending == PENDING_NONE) {
        close_wire(s); /* nothing to say any more */
        return POSTA_OK;
    }
    return status;
}

/* Why nothing can be sent now: what ended the connection, if something did. */
static posta_status no_way(posta_session *s) {
    posta_problem p;
    const posta_engine *e = s->link ? posta_link_engine(s->link) : NULL;
    bool is_over = e && posta_engine_is_closed(e) && posta_engine_fault(e)->status != POSTA_OK;
    if (s->pending == PENDING_NONE && is_over) {
        receive_fault(s);
        return s->receipt.status;
    }
    posta__problem(&p, POSTA_E_STATE, "send",
                   s->pending != PENDING_NONE ? "the session is busy"
                                              : "the session is not connected",
                   posta__span(NULL, 0));
    posta__receipt_problem(&s->receipt, posta__span_of(s->peer), &p);
    return POSTA_E_STATE;
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
    if (s->pending != PENDING_NONE || s->state != SESSION_TALKING) return false;
    posta_link_tick(s->link, now(s));
    return posta_engine_is_idle(posta_link_engine(s->link));
}

static posta_status sending(posta_session *s, posta_status status, posta_receipt *receipt_out) {
    if (status != POSTA_E_IN_PROGRESS) return not_sent(s, status, receipt_out);
    s->pending = PENDING_SEND;
    s->receipt_out = receipt_out;
    return drive(s);
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

void posta_session_cancel(posta_session *s) {
    if (s->state == SESSION_OPENING)
        fail_open(s, POSTA_E_CANCELLED, POSTA_PHASE_CONNECT);
    else if (s->state == SESSION_TALKING)
        posta_link_abort(s->link, POSTA_E_CANCELLED);
}

/* ---- the end ---- */

static void free_now(posta_session **s) {
    posta_session *dead = *s;
    close_wire(dead);
    if (dead->owns_transport) posta_socket_free(&dead->transport);
    posta_link_wipe(&dead->link);
    posta_where_wipe(&dead->where);
    dead->port->allocate(dead->port->user, dead, dead->len, 0);
    *s = NULL;
}

void posta_session_free(posta_session **s) {
    posta_session *dying = *s;
    if (!dying) return;
    *s = NULL;
    if (dying->in_callback) {
        dying->is_freed = true; /* execute, above us on the stack, frees it */
        return;
    }
    dying->callback = NULL;
    if (dying->state == SESSION_TALKING && dying->pending == PENDING_NONE) {
        if (!dying->non_blocking)
            posta_session_disconnect(dying);
        else if (posta_link_quit(dying->link) == POSTA_E_IN_PROGRESS)
            step_write(dying);
    }
    free_now(&dying);
}

void posta_session_drop(posta_session **s) {
    if (*s) free_now(s);
}

/* ---- what is known ---- */

int posta_session_pollfd(const posta_session *s) {
    return s->owns_transport && s->state != SESSION_CLOSED ? posta_socket_fd(&s->transport) : -1;
}

bool posta_session_is_connected(const posta_session *s) {
    return s->state == SESSION_TALKING && !posta_engine_is_closed(posta_link_engine(s->link));
}

posta_capabilities posta_session_capabilities(const posta_session *s) {
    static const posta_capabilities none;
    return s->link ? posta_engine_capabilities(posta_link_engine(s->link)) : none;
}

const posta_fault *posta_session_fault(const posta_session *s) {
    return s->fault.status == POSTA_OK && s->link ? posta_engine_fault(posta_link_engine(s->link))
                                                  : &s->fault;
}

const posta_receipt *posta_session_receipt(const posta_session *s) {
    return &s->receipt;
}

posta_span posta_session_last_response(const posta_session *s, posta_reply *reply_out,
                                       bool *truncated_out) {
    static const posta_reply none;
    if (s->link)
        return posta_engine_last_response(posta_link_engine(s->link), reply_out, truncated_out);
    if (reply_out) *reply_out = none;
    if (truncated_out) *truncated_out = false;
    return posta__span(NULL, 0);
}

void posta_session_set_user_data(posta_session *s, void *user_data) {
    s->user_data = user_data;
}
void *posta_session_user_data(const posta_session *s) {
    return s->user_data;
}
