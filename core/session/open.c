/* core/session: getting a connection: the transport opens, then a link is put over it. */
#include "session_i.h"

void posta__session_open_fail(posta_session *s, posta_status cause, posta_phase phase) {
    const posta_timeouts *t = posta__session_timeouts(s);
    posta_status status = posta__status_fold(cause, 0);
    const char *reason = s->owns_transport ? posta_socket_reason(&s->transport) : "";
    char detail[256];
    posta_window w = posta__window(detail, sizeof detail - 1);
    uint64_t limit = cause == POSTA_E_TIMEOUT_CONNECT   ? t->connect
                     : cause == POSTA_E_TIMEOUT_RESOLVE ? t->resolve
                     : cause == POSTA_E_TIMEOUT_TOTAL   ? t->total
                                                        : 0;
    if (cause == POSTA_E_DNS || cause == POSTA_E_TIMEOUT_RESOLVE) phase = POSTA_PHASE_RESOLVE;
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
    posta__session_close_wire(s);
    posta__session_event(s, status == POSTA_E_TIMEOUT ? POSTA_EVENT_TIMEOUT : POSTA_EVENT_FAILED,
                         phase, status);
    posta__session_settle(s, status);
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
        posta__session_open_fail(s, POSTA_E_TLS_UNAVAILABLE, POSTA_PHASE_CONNECT);
        return;
    }
    pick_hello(s);
    s->link_config.engine.starttls = posta__session_starttls(s);
    s->link_config.tcp_port = s->where.port;
    s->link_config.is_protected =
        !s->owns_transport && (s->transport.flags & POSTA_TRANSPORT_SECURE);
    s->link_config.engine.spent = (uint32_t)(posta__session_now(s) - s->connect_began);
    posta_link_wipe(&s->link);
    if (posta_link_place(s->link_memory, s->link_len, &s->link_config, &s->link) != POSTA_OK) {
        posta__session_open_fail(s, POSTA_E_ARGUMENT, POSTA_PHASE_CONNECT);
        return;
    }
    s->state = SESSION_TALKING;
}

/* Of a transport of the host's; ours sees to each address itself. */
static bool is_late(posta_session *s) {
    uint32_t most = posta__session_timeouts(s)->connect;
    return !s->owns_transport && most > 0 && posta__session_now(s) - s->connect_began >= most;
}

/* False: nothing moved. */
bool posta__session_open_step(posta_session *s) {
    uint64_t total = posta__session_timeouts(s)->total;
    posta_status status;
    s->is_opened = true;
    status = s->transport.open ? s->transport.open(s->transport.user, s->where.host, s->where.port)
                               : POSTA_OK;
    if (status == POSTA_OK)
        opened(s);
    else if (status != POSTA_AGAIN)
        posta__session_open_fail(s, status, POSTA_PHASE_CONNECT);
    else if (is_late(s))
        posta__session_open_fail(s, POSTA_E_TIMEOUT_CONNECT, POSTA_PHASE_CONNECT);
    else if (total > 0 && posta__session_now(s) - s->connect_began >= total)
        posta__session_open_fail(s, POSTA_E_TIMEOUT_TOTAL, POSTA_PHASE_CONNECT);
    else
        return false;
    return true;
}

/* A transport of the host's has its timers inside `open`, so that is called when the time of an
   address may be over, and each second. */
static uint64_t host_timeout(const posta_timeouts *t, uint64_t elapsed) {
    uint64_t left = 1000;
    if (t->connect > 0 && t->connect - elapsed % t->connect < left)
        left = t->connect - elapsed % t->connect;
    return left;
}

int64_t posta__session_open_timeout(const posta_session *s) {
    const posta_timeouts *t = &s->link_config.engine.timeouts;
    uint64_t elapsed = posta__session_now(s) - s->connect_began;
    int64_t left =
        s->owns_transport ? posta_socket_timeout(&s->transport) : (int64_t)host_timeout(t, elapsed);
    if (t->total == 0) return left;
    if (elapsed >= t->total) return 0;
    if (left < 0 || (uint64_t)left > t->total - elapsed) left = (int64_t)(t->total - elapsed);
    return left;
}
