/* core/session: receipts. Turns outcomes and faults into the account that people read. */
#include "session_i.h"

const char *posta_receipt_code(const posta_receipt *receipt) {
    return posta_status_code(receipt->cause);
}

void posta__copy_text(char *to, size_t cap, const char *from) {
    posta_window w = posta__window(to, cap - 1);
    posta_span s = posta__span_of(from);
    posta__put_some(&w, &s);
    to[w.len] = 0;
}

static void finish_words(posta_receipt *out, const posta__account *a) {
    posta_window w = posta__window(out->message, sizeof out->message - 1);
    posta__explain(a, &w);
    out->message[w.len] = 0;
    w = posta__window(out->hint, sizeof out->hint - 1);
    posta__hint(a, &w);
    out->hint[w.len] = 0;
}

static bool passes(posta_status cause, const posta_reply *reply) {
    if (reply->code >= 400 && reply->code < 500) return true;
    if (reply->code >= 500) return false;
    return posta__status_fold(cause, 0) == POSTA_E_TIMEOUT || cause == POSTA_E_LOST ||
           cause == POSTA_E_DNS || cause == POSTA_E_CONNECT_REFUSED || cause == POSTA_E_CONNECT;
}

static void fill(posta_receipt *out, posta__account *a, const char *detail) {
    static const posta_reply none;
    const posta_reply *reply = a->reply ? a->reply : &none;
    out->cause = a->cause;
    out->status = posta__status_fold(a->cause, reply->code);
    out->stage = a->phase;
    out->reply = *reply;
    out->temporary = passes(a->cause, reply);
    out->retry = posta__retry_of(a->cause, a->is_unknown, reply->code);
    out->outcome = a->is_unknown ? POSTA_DELIVERY_UNKNOWN : POSTA_DELIVERY_NOT_SENT;
    a->detail = posta__span_of(detail);
    finish_words(out, a);
}

void posta__receipt_problem(posta_receipt *out, posta_span peer, const posta_problem *problem) {
    posta__account a = {.peer = peer, .cause = problem->status, .phase = POSTA_PHASE_COMPOSE};
    memset(out, 0, sizeof *out);
    fill(out, &a, problem->text[0] ? problem->text : NULL);
    posta__copy_text(out->field, sizeof out->field, problem->field);
}

void posta__receipt_fault(posta_receipt *out, posta_span peer, posta_status cause,
                          posta_phase phase, const posta_reply *reply, const char *detail,
                          uint64_t limit_ms) {
    posta__account a = {
        .peer = peer, .cause = cause, .phase = phase, .reply = reply, .limit_ms = limit_ms};
    memset(out, 0, sizeof *out);
    fill(out, &a, detail);
}

static uint64_t patience(posta_status cause, const posta_timeouts *t) {
    switch (cause) {
    case POSTA_E_TIMEOUT_RESOLVE: return t->resolve;
    case POSTA_E_TIMEOUT_CONNECT: return t->connect;
    case POSTA_E_TIMEOUT_TLS: return t->tls;
    case POSTA_E_TIMEOUT_GREETING: return t->greeting;
    case POSTA_E_TIMEOUT_COMMAND: return t->command;
    case POSTA_E_TIMEOUT_DATA: return t->data;
    case POSTA_E_TIMEOUT_BLOCK: return t->block;
    case POSTA_E_TIMEOUT_RESULT: return t->result;
    case POSTA_E_TIMEOUT_QUIT: return t->quit;
    case POSTA_E_TIMEOUT_TOTAL: return t->total;
    default: return 0;
    }
}

/* What happened, more exactly than the cause's sentence: `sentence (why)`. */
static const char *detail_of(const posta_fault *f, posta_status cause, char *store, size_t cap) {
    posta_window w = posta__window(store, cap - 1);
    if (!f->why || f->cause != cause) return NULL;
    if (cause == POSTA_E_LOST || cause == POSTA_E_EXTENSION || f->phase == POSTA_PHASE_TLS ||
        (cause == POSTA_E_PROTOCOL && f->phase == POSTA_PHASE_AUTH))
        return f->why;
    posta__put(&w, posta__span_of(posta_status_text(cause)));
    posta__put(&w, POSTA_LIT(" ("));
    posta__put(&w, posta__span_of(f->why));
    posta__put(&w, POSTA_LIT(")"));
    store[w.len] = 0;
    return store;
}

void posta__receipt_engine(posta_receipt *out, posta_span peer, const posta_engine *e,
                           const posta_timeouts *timeouts) {
    const posta_fault *f = posta_engine_fault(e);
    char store[512];
    posta__account a = {.peer = peer,
                        .cause = f->cause,
                        .phase = f->phase,
                        .reply = &f->reply,
                        .limit_ms = patience(f->cause, timeouts),
                        .is_secure = posta_engine_is_secure(e),
                        .by_command = e->config.starttls != POSTA_STARTTLS_IMPLICIT};
    memset(out, 0, sizeof *out);
    fill(out, &a, detail_of(f, f->cause, store, sizeof store));
    posta_engine_transcript(e, out->transcript, sizeof out->transcript);
}

static void fill_success(posta_receipt *out, const posta_outcome *o) {
    out->outcome = o->refused_n > 0 ? POSTA_DELIVERY_PARTIAL : POSTA_DELIVERY_ACCEPTED;
    out->reply = o->reply;
    out->retry = POSTA_RETRY_POINTLESS;
}

void posta__receipt_outcome(posta_receipt *out, posta_span peer, const posta_engine *e,
                            const posta_fault *f, const posta_envelope *env,
                            const posta_timeouts *timeouts, const posta_problem *body) {
    const posta_outcome *o = posta_engine_outcome(e);
    char store[256];
    memset(out, 0, sizeof *out);
    if (o->status == POSTA_OK) {
        fill_success(out, o);
    } else {
        posta__account a = {.peer = peer,
                            .cause = f->cause,
                            .phase = f->phase,
                            .reply = o->reply.code ? &o->reply : &f->reply,
                            .is_unknown = o->unknown,
                            .has_message = true,
                            .is_secure = posta_engine_is_secure(e),
                            .by_command = e->config.starttls != POSTA_STARTTLS_IMPLICIT,
                            .limit_ms = patience(f->cause, timeouts)};
        bool is_body = f->cause == POSTA_E_BODY && body->status == POSTA_E_BODY;
        fill(out, &a, is_body ? body->text : detail_of(f, f->cause, store, sizeof store));
        if (is_body) posta__copy_text(out->field, sizeof out->field, body->field);
        out->retry = o->retry;
        out->stage = f->phase;
    }
    out->recipients = env->to;
    out->recipients_n = env->to_n;
    out->accepted_n = o->accepted_n;
    out->refused_n = o->refused_n;
    out->bytes = o->bytes;
    posta_engine_transcript(e, out->transcript, sizeof out->transcript);
}
