/* core/session: the life of a session, and what is known of it. */
#include "session_i.h"

/* ---- the end ---- */

void posta__session_free_now(posta_session **s) {
    posta_session *dead = *s;
    posta_session_set_async_callback(dead, NULL);
    posta__session_close_wire(dead);
    for (posta_submission *next = dead->queue; next; next = next->next)
        next->status = POSTA_E_CANCELLED;
    if (dead->current) dead->current->status = POSTA_E_CANCELLED;
    if (dead->gone) *dead->gone = true;
    if (dead->owns_transport) posta_socket_free(&dead->transport);
    posta_link_wipe(&dead->link);
    posta_where_wipe(&dead->where);
    if (dead->owns_memory)
        dead->port->allocate(dead->port->user, dead, dead->len, 0);
    else
        memset(dead, 0, sizeof *dead);
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
    if (dying->state == SESSION_TALKING && dying->pending == PENDING_NONE && !dying->queue &&
        !posta_engine_in_transaction(posta_link_engine(dying->link))) {
        if (!dying->non_blocking)
            posta_session_disconnect(dying);
        else if (posta_link_quit(dying->link) == POSTA_E_IN_PROGRESS)
            posta__session_write(dying, SIZE_MAX);
    }
    posta__session_free_now(&dying);
}

void posta_session_wipe(posta_session **s) {
    posta_session_free(s);
}

void posta_session_drop(posta_session **s) {
    if (*s) posta__session_free_now(s);
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
