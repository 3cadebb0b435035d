/* core/session: TLS between the engine's wire and the link's. The only place where a connection
 * becomes secure (row A14):
 *
 *     CLEAR -> PEEK -> HANDSHAKE -> TLS -> OVER
 *           STARTTLS            ^ implicit TLS begins here
 *
 * There is no way back to clear text. Without a posta_tls the handshake is the host's, and all of
 * it stays CLEAR.
 */
#include "link_i.h"

size_t posta__secure_size(const posta_link_config *config) {
    return config->tls_space > 0 ? posta__tls_size(config->tls_space) : 0;
}

static bool wants_tls(const posta_link *l) {
    return l->config.tls && (posta_engine_wants(l->engine) & POSTA_WANT_TLS);
}

/* ---- the handshake ---- */

static void fail(posta_link *l, posta_status cause, posta_side side, const char *why) {
    posta__copy_text(l->tls_why, sizeof l->tls_why, why);
    l->way = WAY_OVER;
    l->can_step = false;
    posta__engine_insecure(l->engine, cause, side, NULL, l->tls_why[0] ? l->tls_why : NULL);
}

static void begin(posta_link *l) {
    const posta_link_config *c = &l->config;
    posta__tls_setup setup = {
        .tls = c->tls,
        .port = c->port ? c->port : posta_port_default(),
        .host = posta__span_of(c->server_name),
        .insecure = c->insecure,
        .is_opportunistic = c->engine.starttls == POSTA_STARTTLS_OFFERED,
    };
    posta_problem p;
    posta_status status = l->tls_memory ? POSTA_OK : POSTA_E_TLS_NOT_BUILT;
    memset(&p, 0, sizeof p);
    if (status == POSTA_OK && !setup.is_opportunistic)
        status = posta__tls_check(c->tls, setup.host, c->insecure, &p);
    if (status == POSTA_OK) status = posta__tls_place(l->tls_memory, c->tls_space, &setup, &l->tls);
    if (status != POSTA_OK) {
        fail(l, status, POSTA_SIDE_OURS, p.text);
        return;
    }
    l->way = WAY_HANDSHAKE;
    l->can_step = true;
    if (l->rx_ended) posta__tls_rx_end(l->tls);
}

static void shake(posta_link *l) {
    posta_status status = posta__tls_step(l->tls);
    if (status == POSTA_E_IN_PROGRESS) return;
    l->can_step = false;
    if (status == POSTA_AGAIN) return;
    posta__tls_info(l->tls, &l->tls_info);
    if (status != POSTA_OK) {
        fail(l, status, POSTA_SIDE_TLS, posta__tls_why(l->tls));
        return;
    }
    l->way = WAY_TLS;
    posta_engine_encrypted(l->engine, l->tls_info.reason);
    posta__secure_pump(l);
}

void posta__secure_tick(posta_link *l) {
    if (l->way == WAY_CLEAR && wants_tls(l)) {
        if (l->config.engine.starttls == POSTA_STARTTLS_IMPLICIT)
            begin(l);
        else
            l->way = WAY_PEEK;
    }
    if (posta_engine_is_closed(l->engine)) return;
    if (l->way == WAY_HANDSHAKE && l->can_step) shake(l);
    posta__secure_pump(l);
}

posta_status posta_link_set_tls(posta_link *l, posta_tls *tls) {
    if (l->way != WAY_CLEAR) return POSTA_E_STATE;
    if (tls && !l->tls_memory) return POSTA_E_ARGUMENT;
    tls = posta__tls_share(tls);
    posta_tls_free(&l->config.tls);
    l->config.tls = tls;
    return POSTA_OK;
}

/* ---- the octets ---- */

static void end(posta_link *l) {
    posta__copy_text(l->tls_why, sizeof l->tls_why, posta__tls_why(l->tls));
    l->way = WAY_OVER;
    posta__engine_rx_end(l->engine, POSTA_E_LOST, l->tls_why[0] ? l->tls_why : NULL);
}

static bool pump_out(posta_link *l) {
    posta_span data = posta_engine_tx_data(l->engine);
    size_t n = 0;
    posta_status status;
    if (data.len == 0) return false;
    status = posta__tls_write(l->tls, data.p, data.len, &n);
    if (status == POSTA_OK) posta_engine_tx_consume(l->engine, n);
    if (status != POSTA_OK && status != POSTA_AGAIN) end(l);
    return n > 0;
}

static bool pump_in(posta_link *l) {
    posta_mspan space;
    size_t n = 0;
    posta_status status;
    if (!(posta_engine_wants(l->engine) & POSTA_WANT_RX)) return false;
    space = posta_engine_rx_space(l->engine);
    if (space.cap == 0) return false;
    status = posta__tls_read(l->tls, space.p, space.cap, &n);
    if (status == POSTA_OK) posta_engine_rx_commit(l->engine, n);
    if (status != POSTA_OK && status != POSTA_AGAIN) end(l);
    return n > 0;
}

/* Out comes first: a write under way must be finished by the same write (row J13). */
void posta__secure_pump(posta_link *l) {
    bool moved = true;
    while (moved && l->way == WAY_TLS) {
        moved = pump_out(l);
        if (l->way == WAY_TLS && pump_in(l)) moved = true;
    }
}

/* ---- the wire's side ---- */

posta_mspan posta__secure_rx_space(posta_link *l) {
    switch (l->way) {
    case WAY_CLEAR: return posta_engine_rx_space(l->engine);
    case WAY_PEEK: return (posta_mspan){l->tls_memory, l->tls_memory ? 1 : 0};
    case WAY_HANDSHAKE:
    case WAY_TLS: return posta__tls_rx_space(l->tls);
    default: return (posta_mspan){NULL, 0};
    }
}

void posta__secure_rx_commit(posta_link *l, size_t n) {
    if (l->way == WAY_CLEAR) {
        posta_engine_rx_commit(l->engine, n);
    } else if (l->way == WAY_PEEK && n > 0) {
        l->way = WAY_OVER;
        posta__engine_fail(l->engine, POSTA_E_UNASKED, POSTA_SIDE_THEIRS, POSTA_PHASE_TLS, NULL,
                           NULL);
    } else if (l->way == WAY_PEEK) {
        begin(l);
    } else if (l->way == WAY_HANDSHAKE) {
        posta__tls_rx_commit(l->tls, n);
        if (n > 0) l->can_step = true;
    } else if (l->way == WAY_TLS) {
        posta__tls_rx_commit(l->tls, n);
        posta__secure_pump(l);
        if (n == 0) posta_engine_rx_commit(l->engine, 0);
    }
}

void posta__secure_rx_end(posta_link *l, posta_status status) {
    l->rx_ended = true;
    switch (l->way) {
    case WAY_CLEAR: posta_engine_rx_end(l->engine, status); break;
    case WAY_PEEK:
        fail(l, POSTA_E_TLS_HANDSHAKE, POSTA_SIDE_WIRE,
             "the server closed the connection before the TLS handshake");
        break;
    case WAY_HANDSHAKE:
        posta__tls_rx_end(l->tls);
        l->can_step = true;
        break;
    case WAY_TLS:
        posta__tls_rx_end(l->tls);
        posta__secure_pump(l);
        break;
    default: break;
    }
}

/* Of an end of TLS: what it has to say still, an alert or close_notify. */
posta_span posta__secure_tx_data(posta_link *l) {
    if (l->way == WAY_CLEAR || l->way == WAY_PEEK) return posta_engine_tx_data(l->engine);
    /* Closed: no octet of the message gets out behind the back of its account. */
    if (l->way == WAY_OVER || posta_engine_is_closed(l->engine))
        return l->tls ? posta__tls_last_words(l->tls) : posta__span(NULL, 0);
    return posta__tls_tx_data(l->tls);
}

void posta__secure_tx_consume(posta_link *l, size_t n) {
    if (l->way == WAY_CLEAR || l->way == WAY_PEEK) {
        posta_engine_tx_consume(l->engine, n);
        return;
    }
    if (!l->tls) return;
    posta__tls_tx_consume(l->tls, n);
    if (posta__tls_tx_data(l->tls).len > 0) return;
    if (l->way == WAY_HANDSHAKE) l->can_step = true;
    posta__secure_pump(l);
}

static unsigned handshake_wants(const posta_link *l, size_t *hint) {
    if (l->can_step) return POSTA_WANT_TLS;
    if (posta__tls_tx_data(l->tls).len > 0) return POSTA_WANT_TX;
    *hint = posta__tls_hint(l->tls);
    return POSTA_WANT_RX;
}

static unsigned tls_wants(const posta_link *l, size_t *hint) {
    unsigned wants = posta_engine_wants(l->engine);
    if (posta__tls_tx_data(l->tls).len > 0) wants |= POSTA_WANT_TX;
    if (wants & POSTA_WANT_RX) *hint = posta__tls_hint(l->tls);
    if ((wants & POSTA_WANT_RX) && posta__tls_may_have(l->tls)) wants |= POSTA_WANT_TLS;
    return wants;
}

unsigned posta__secure_wants(const posta_link *l, size_t *hint_out) {
    size_t hint = 0;
    unsigned wants = posta_engine_wants(l->engine);
    if (posta_engine_is_closed(l->engine))
        wants = 0;
    else if (l->way == WAY_PEEK)
        wants = POSTA_WANT_RX | POSTA_WANT_NOW;
    else if (l->way == WAY_HANDSHAKE)
        wants = handshake_wants(l, &hint);
    else if (l->way == WAY_TLS)
        wants = tls_wants(l, &hint);
    if (hint_out) *hint_out = hint;
    return wants;
}

/* ---- the end ---- */

posta_span posta__link_last_words(posta_link *l) {
    posta_link_goodbye(l);
    return l->tls ? posta__tls_last_words(l->tls) : posta__span(NULL, 0);
}

void posta_link_goodbye(posta_link *l) {
    if (l->tls) posta__tls_goodbye(l->tls);
}

void posta__link_end_tls(posta_link *l) {
    posta__tls_wipe(&l->tls);
    if (l->way == WAY_HANDSHAKE || l->way == WAY_TLS) l->way = WAY_OVER;
}

bool posta__link_has_own_tls(const posta_link *l) {
    return l->config.tls != NULL;
}
