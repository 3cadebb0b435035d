/* core/session: the life of a session, and what is known of it. */
#include "session_i.h"

#define FREE_MS 2000u

/* ---- the end ---- */

void posta__session_free_now(posta_session **s) {
    posta_session *dead = *s;
    posta_session_set_async_callback(dead, NULL);
    posta__session_close_wire(dead);
    if (dead->gone) *dead->gone = true;
    if (dead->owns_transport) posta_socket_free(&dead->transport);
    posta_link_wipe(&dead->link);
    posta_tls_free(&dead->tls);
    posta_where_wipe(&dead->where);
    posta__session_wipe_auth(dead);
    if (dead->owns_memory)
        dead->port->allocate(dead->port->user, dead, dead->len, 0);
    else
        memset(dead, 0, sizeof *dead);
    *s = NULL;
}

static void drop_queue(posta_session *s) {
    posta_problem p;
    posta__problem(&p, POSTA_E_CANCELLED, "submit", "the session was freed", posta__span(NULL, 0));
    for (posta_submission *next = s->queue; next; next = next->next) {
        next->status = POSTA_E_CANCELLED;
        if (next->receipt) posta__receipt_problem(next->receipt, posta__span_of(s->peer), &p);
    }
    s->queue = s->queue_last = NULL;
}

/* Whatever patience was set: who frees does not wait for long. */
static void quit_briefly(posta_session *s) {
    posta_timeouts *t = posta__session_timeouts(s);
    if (t->quit == 0 || t->quit > FREE_MS) t->quit = FREE_MS;
    posta_engine_set_timeouts(posta__link_engine(s->link), t);
    posta_session_disconnect(s);
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
    if (dying->pending != PENDING_NONE) posta__session_give_up(dying);
    drop_queue(dying);
    if (dying->state == SESSION_TALKING && dying->pending == PENDING_NONE && !dying->queue &&
        !posta_engine_in_transaction(posta_link_engine(dying->link))) {
        if (!dying->non_blocking)
            quit_briefly(dying);
        else
            posta__session_leave(dying);
    }
    posta__session_free_now(&dying);
}

void posta_session_wipe(posta_session **s) {
    posta_session_free(s);
}

void posta_session_drop(posta_session **s) {
    posta_session *dying = *s;
    if (!dying) return;
    dying->write_broken = true; /* TLS says no last words either */
    if (!dying->in_callback) {
        posta__session_free_now(s);
        return;
    }
    dying->is_freed = dying->is_dropped = true; /* execute, above us on the stack, frees it */
    *s = NULL;
}

/* ---- what is known ---- */

int posta_session_pollfd(const posta_session *s) {
    return s->owns_transport && s->state != SESSION_CLOSED ? posta_socket_fd(&s->transport) : -1;
}

const char *posta_session_peer(const posta_session *s) {
    return s ? s->peer : "";
}

bool posta_session_is_connected(const posta_session *s) {
    return s->state == SESSION_TALKING && !posta_engine_is_closed(posta_link_engine(s->link));
}

posta_compose_options posta_session_compose_options(const posta_session *s) {
    static const posta_compose_options standard = POSTA_COMPOSE_OPTIONS;
    return s->link ? posta_link_compose_options(s->link) : standard;
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
