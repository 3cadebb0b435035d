/* core/session: what other threads may do with a session: cancel it, be told that it has work, read
 * its timer. All of it goes over atomics; the session itself stays with its own thread, which looks
 * at them in execute.
 */
#include "session_i.h"

/* ---- cancelling ---- */

void posta__session_cancel_now(posta_session *s) {
    if (s->state == SESSION_OPENING)
        posta__session_open_fail(s, POSTA_E_CANCELLED, POSTA_PHASE_CONNECT);
    else if (s->state == SESSION_TALKING)
        posta_link_abort(s->link, POSTA_E_CANCELLED);
}

void posta_session_cancel(posta_session *s) {
    atomic_store(&s->is_cancelled, true);
    if (s->owns_transport) posta_socket_wake(&s->transport);
    posta_session_signal(s);
}

/* ---- the timer ----
 * The deadline's lower 32 bits, bit 0 set so that 0 can mean none: right to a millisecond, for
 * waits of up to 24 days. */

static bool needs_resolver(const posta_session *s) {
    return s->owns_transport && !s->where.is_unix && !posta_address_is_numeric(s->where.host);
}

static void set_timer(posta_session *s) {
    uint64_t deadline = UINT64_MAX;
    bool awaits = s->pending != PENDING_NONE ||
                  (s->state == SESSION_TALKING && posta_engine_in_text(posta_link_engine(s->link)));
    if (awaits && s->state == SESSION_TALKING) deadline = posta_link_deadline(s->link);
    if (awaits && s->state == SESSION_OPENING && posta__session_timeouts(s)->connect > 0)
        deadline = s->connect_began + posta__session_timeouts(s)->connect +
                   (needs_resolver(s) ? posta__session_timeouts(s)->resolve : 0);
    atomic_store(&s->timer, deadline == UINT64_MAX ? 0 : (uint32_t)deadline | 1u);
}

int64_t posta_session_read_timer(const posta_session *s) {
    uint32_t timer = atomic_load(&((posta_session *)s)->timer);
    uint32_t left = timer - (uint32_t)posta__session_now(s);
    if (timer == 0) return -1;
    return left > INT32_MAX ? 0 : (int64_t)left;
}

/* ---- the async callback ---- */

void posta_session_signal(posta_session *s) {
    posta_async_callback callback;
    atomic_fetch_add(&s->calling, 1);
    callback = atomic_load(&s->async);
    if (callback && atomic_exchange(&s->is_armed, false)) callback(s, s->user_data);
    atomic_fetch_sub(&s->calling, 1);
}

static void fire(void *user) {
    posta_session_signal(user);
}

void posta__session_arm(posta_session *s) {
    int64_t timeout;
    unsigned wants;
    set_timer(s);
    if (!atomic_load(&s->async) || s->in_callback) return;
    timeout = posta_session_timeout(s);
    wants = posta_session_wants(s);
    atomic_store(&s->is_armed, true);
    /* Without a want the descriptor is left alone: a peer that has gone would make it ready for
     * ever. */
    if (s->watch) posta__watch_arm(s->watch, wants ? posta_session_pollfd(s) : -1, wants, timeout);
}

void posta__session_disarm(posta_session *s) {
    if (s->watch) posta__watch_disarm(s->watch);
}

posta_status posta_session_set_async_callback(posta_session *s, posta_async_callback callback) {
    if (!callback) {
        atomic_store(&s->async, NULL);
        posta__watch_free(&s->watch);
        while (atomic_load(&s->calling) > 0) {
            /* a few instructions of the host's own, on another thread */
        }
        return POSTA_OK;
    }
    if (!s->watch && s->owns_transport) {
        posta_status status = posta__watch_new(fire, s, &s->watch);
        if (status == POSTA_E_MEMORY) return status;
        /* Without threads the host says posta_session_signal. */
    }
    atomic_store(&s->async, callback);
    posta__session_arm(s);
    return POSTA_OK;
}
