/* core/session: the link, an engine with its message over memory windows. Composing waits until the
 * server has said what it takes. What moves octets is in secure.c, which may put TLS between.
 */
#include "link_i.h"

#define LINK_LEN POSTA__ALIGNED(sizeof(posta_link))

/* The engine's configuration as it is used: a link that logs in sees to the engine's part of it. */
static posta_engine_config engine_config(const posta_link_config *config) {
    posta_engine_config c = config->engine;
    c.auth_space = posta__auth_challenge_space(config);
    if (!c.port) c.port = config->port ? config->port : posta_port_default();
    if (!c.kernels) c.kernels = c.port->kernels;
    return c;
}

static size_t engine_size(const posta_link_config *config) {
    posta_engine_config c;
    if (!config || config->size != sizeof *config) return 0;
    c = engine_config(config);
    return posta_engine_size(&c);
}

size_t posta_link_size(const posta_link_config *config) {
    size_t engine = engine_size(config);
    if (engine == 0 || config->tls_space > POSTA_MAX_SPACE) return 0;
    if (config->auth && (config->auth->size != sizeof *config->auth ||
                         config->auth->space > POSTA_MAX_AUTH_LINE / 4 * 3))
        return 0;
    return LINK_LEN + POSTA__ALIGNED(engine) + POSTA__ALIGNED(posta__secure_size(config)) +
           posta__auth_size(config);
}

posta_status posta_link_place(void *mem, size_t len, const posta_link_config *config,
                              posta_link **out) {
    size_t need = posta_link_size(config), engine = POSTA__ALIGNED(engine_size(config));
    posta_link *l = mem;
    posta_engine_config engine_c;
    uint8_t *p = (uint8_t *)mem + LINK_LEN;
    posta_status status;
    *out = NULL;
    if (need == 0 || !mem || len < need) return POSTA_E_ARGUMENT;
    memset(l, 0, sizeof *l);
    l->config = *config;
    l->config.tls = posta__tls_share(config->tls);
    engine_c = engine_config(config);
    status = posta_engine_place(p, engine, &engine_c, &l->engine);
    p += engine;
    if (posta__secure_size(config) > 0) l->tls_memory = p;
    l->auth = posta__auth_place(p + POSTA__ALIGNED(posta__secure_size(config)), config);
    if (status == POSTA_OK)
        *out = l;
    else
        posta_tls_free(&l->config.tls);
    return status;
}

void posta_link_wipe(posta_link **l) {
    if (!*l) return;
    posta__link_end_tls(*l);
    posta__auth_wipe((*l)->auth);
    posta_tls_free(&(*l)->config.tls);
    posta_engine_wipe(&(*l)->engine);
    memset(*l, 0, sizeof **l);
    *l = NULL;
}

/* ---- ports ---- */

/* What a login held is held no longer than its connection. */
static void notice_end(posta_link *l) {
    if (l->auth && posta_engine_is_closed(l->engine)) posta__auth_wipe(l->auth);
}

void posta_link_tick(posta_link *l, uint64_t now_ms) {
    l->now = now_ms;
    posta_engine_tick(l->engine, now_ms);
    posta__secure_tick(l);
    posta__auth_tick(l);
    notice_end(l);
}

posta_mspan posta_link_rx_space(posta_link *l) {
    return posta__secure_rx_space(l);
}
void posta_link_rx_commit(posta_link *l, size_t n) {
    posta__secure_rx_commit(l, n);
    notice_end(l);
}
void posta_link_rx_end(posta_link *l, posta_status status) {
    posta__secure_rx_end(l, status);
    notice_end(l);
}
posta_span posta_link_tx_data(posta_link *l) {
    posta__secure_pump(l);
    return posta__secure_tx_data(l);
}
void posta_link_tx_consume(posta_link *l, size_t n) {
    posta__secure_tx_consume(l, n);
}

void posta_link_secured(posta_link *l, posta_status status) {
    if (!l->config.tls) posta_engine_secured(l->engine, status);
}

unsigned posta_link_wants(const posta_link *l, size_t *hint_out) {
    unsigned wants = posta__secure_wants(l, hint_out);
    /* Only who waits for the host has time to look at what the server does meanwhile. */
    if ((wants & POSTA_WANT_AUTH) && !posta__link_waits_for_login(l))
        wants &= ~(unsigned)POSTA_WANT_RX;
    return wants;
}

uint64_t posta_link_deadline(const posta_link *l) {
    return posta_engine_deadline(l->engine);
}

/* The message is the caller's again; what it alone knows of a failed body is copied. */
static void end_message(posta_link *l) {
    const posta_problem *p = l->message ? posta_message_problem(l->message) : NULL;
    l->ended = l->now;
    l->fault = *posta_engine_fault(l->engine);
    if (p && p->status == POSTA_E_BODY) l->body = *p;
    l->message = NULL;
}

bool posta_link_next_event(posta_link *l, posta_event *out) {
    if (!posta_engine_next_event(l->engine, out)) return false;
    if (out->type == POSTA_EVENT_SENT) end_message(l);
    return true;
}

/* ---- messages ---- */

static posta_status not_taken(posta_link *l, posta_status status, const char *field,
                              const char *why) {
    posta__problem(&l->problem, status, field, why, posta__span(NULL, 0));
    return status;
}

static posta_status too_big(posta_link *l, uint64_t len) {
    uint8_t store[160];
    char digits[POSTA_DECIMAL_CAP];
    posta_window w = posta__window(store, sizeof store - 1);
    uint64_t max = posta_engine_capabilities(l->engine).size_max;
    posta__put(&w, POSTA_LIT("the message has "));
    posta__put(&w, posta__span(digits, posta__decimal(len, digits)));
    posta__put(&w, POSTA_LIT(" octets, the server takes at most "));
    posta__put(&w, posta__span(digits, posta__decimal(max, digits)));
    store[w.len] = 0;
    l->problem.status = POSTA_E_TOO_BIG;
    l->problem.field[0] = 0;
    posta__copy_text(l->problem.text, sizeof l->problem.text, (const char *)store);
    return POSTA_E_TOO_BIG;
}

/* Names the address that the engine refused: envelope.from, envelope.to[3]. */
static posta_status bad_envelope(posta_link *l) {
    const posta_fault *f = posta_engine_fault(l->engine);
    const char *address = l->envelope.from;
    char field[64] = "envelope.from";
    if (f->recipient != POSTA_NO_RECIPIENT) {
        posta_window w = posta__window(field, sizeof field - 1);
        char digits[POSTA_DECIMAL_CAP];
        posta__put(&w, POSTA_LIT("envelope.to["));
        posta__put(&w, posta__span(digits, posta__decimal((uint64_t)f->recipient + 1, digits)));
        posta__put(&w, POSTA_LIT("]"));
        field[w.len] = 0;
        address = f->recipient < l->envelope.to_n ? l->envelope.to[f->recipient].address : NULL;
    }
    return posta__problem(&l->problem, f->status, field, f->why, posta__span_of(address));
}

/* Forgets the message before. */
static void begin_message(posta_link *l) {
    l->message = NULL;
    l->has_message = false;
    l->message_id[0] = 0;
    memset(&l->problem, 0, sizeof l->problem);
    memset(&l->body, 0, sizeof l->body);
    memset(&l->fault, 0, sizeof l->fault);
}

posta_status posta_link_send(posta_link *l, const posta_envelope *envelope,
                             const posta_source *source) {
    posta_status status;
    if (!posta_engine_is_idle(l->engine)) return POSTA_E_STATE;
    begin_message(l);
    if (!envelope || (envelope->to_n > 0 && !envelope->to))
        return not_taken(l, POSTA_E_ARGUMENT, "envelope", "sender and recipients are needed");
    if (!source || !source->pull)
        return not_taken(l, POSTA_E_ARGUMENT, "source", "a source with a pull function is needed");
    l->envelope = *envelope;
    l->began = l->ended = l->now;
    status = posta_engine_submit(l->engine, envelope, source);
    if (status == POSTA_E_IN_PROGRESS) {
        l->has_message = true;
        return status;
    }
    if (posta_engine_fault(l->engine)->is_address) return bad_envelope(l);
    if (posta_engine_fault(l->engine)->field)
        return not_taken(l, status, posta_engine_fault(l->engine)->field,
                         posta_engine_fault(l->engine)->why);
    if (status == POSTA_E_TOO_BIG) return too_big(l, source->len);
    return not_taken(l, status, "message", posta_engine_fault(l->engine)->why);
}

posta_compose_options posta_link_compose_options(const posta_link *l) {
    unsigned can = posta_engine_capabilities(l->engine).bits;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    options.may_8bit = (can & POSTA_CAN_8BITMIME) != 0;
    options.may_binary =
        l->config.engine.chunking && (can & POSTA_CAN_CHUNKING) && (can & POSTA_CAN_BINARYMIME);
    options.may_utf8 = posta_engine_takes_utf8(l->engine);
    options.read_space = l->config.engine.body_space;
    return options;
}

posta_status posta_link_send_message(posta_link *l, posta_message *message) {
    posta_compose_options options;
    posta_envelope envelope;
    posta_source source;
    posta_status status;
    if (!posta_engine_is_idle(l->engine)) return POSTA_E_STATE;
    begin_message(l);
    if (!message) return not_taken(l, POSTA_E_ARGUMENT, "message", "a message is needed");
    options = posta_link_compose_options(l);
    status = posta_message_compose(message, &options, &source, NULL);
    if (status == POSTA_OK) status = posta_message_envelope(message, &envelope);
    if (status != POSTA_OK) {
        const posta_problem *p = posta_message_problem(message);
        if (p->status == POSTA_OK)
            return not_taken(l, status, "message", posta_status_text(status));
        l->problem = *p;
        return status;
    }
    envelope.has_crlf = true;
    status = posta_link_send(l, &envelope, &source);
    if (status == POSTA_E_IN_PROGRESS) l->message = message;
    if (posta_message_id_of(message))
        posta__copy_text(l->message_id, sizeof l->message_id, posta_message_id_of(message));
    return status;
}

posta_status posta_link_reset(posta_link *l) {
    return posta_engine_reset(l->engine);
}
posta_status posta_link_noop(posta_link *l) {
    return posta_engine_noop(l->engine);
}
posta_status posta_link_quit(posta_link *l) {
    return posta_engine_quit(l->engine);
}
void posta_link_abort(posta_link *l, posta_status cause) {
    posta_engine_abort(l->engine, cause);
    notice_end(l);
}
const posta_engine *posta_link_engine(const posta_link *l) {
    return l->engine;
}

posta_engine *posta__link_engine(posta_link *l) {
    return l->engine;
}

void posta__link_step_receipt(const posta_link *l, posta_receipt *out) {
    static const posta_envelope nobody;
    static const posta_problem none;
    posta__receipt_outcome(out, posta__span_of(l->config.peer), l->engine,
                           posta_engine_fault(l->engine), &nobody, &l->config.engine.timeouts,
                           &none);
    out->tls = l->tls_info;
}

void posta_link_receipt(const posta_link *l, posta_receipt *out) {
    posta_span peer = posta__span_of(l->config.peer);
    if (l->problem.status != POSTA_OK) {
        posta__receipt_problem(out, peer, &l->problem);
    } else if (!l->has_message) {
        posta__receipt_engine(out, peer, l->engine, &l->config.engine.timeouts);
    } else {
        posta__receipt_outcome(out, peer, l->engine, &l->fault, &l->envelope,
                               &l->config.engine.timeouts, &l->body);
        out->duration_ms = l->ended - l->began;
    }
    posta__copy_text(out->message_id, sizeof out->message_id, l->message_id);
    out->tls = l->tls_info;
}

void posta_link_tls(const posta_link *l, posta_tls_info *out) {
    *out = l->tls_info;
}
