/* core/codec: posta/codec.h, over the codec's own: octets and addresses. Header text is in word.c.
 */
#include "codec_i.h"
#include "posta/codec.h"

/* ---- octets ---- */

typedef struct run {
    uint8_t kind;
    union {
        posta__base64 base64;
        posta__qp qp;
        posta__undo undo;
    } as;
} run;

/* A longer one would write past what callers have. */
typedef char run_fits[sizeof(run) <= sizeof(posta_codec) ? 1 : -1];

static run *run_of(posta_codec *c) {
    return (run *)c;
}

static unsigned flags_of(posta_codec_kind kind) {
    switch (kind) {
    case POSTA_BASE64_ENCODE: return POSTA_CODEC_TEXT | POSTA_CODEC_WRAP;
    case POSTA_BASE64_DECODE: return POSTA_CODEC_STRICT;
    case POSTA_QP_ENCODE: return POSTA_CODEC_TEXT;
    case POSTA_QP_DECODE: break;
    }
    return 0;
}

posta_status posta_codec_begin(posta_codec *c, posta_codec_kind kind, unsigned flags,
                               const posta_kernels *kernels) {
    run *r = run_of(c);
    unsigned base64 = (flags & POSTA_CODEC_TEXT ? POSTA__BASE64_TEXT : 0) |
                      (flags & POSTA_CODEC_WRAP ? 0 : POSTA__BASE64_UNWRAPPED);
    if (!c || (unsigned)kind > POSTA_QP_DECODE || (flags & ~flags_of(kind)))
        return POSTA_E_ARGUMENT;
    memset(c, 0, sizeof *c);
    r->kind = (uint8_t)kind;
    if (kind == POSTA_BASE64_ENCODE)
        posta__base64_init(&r->as.base64, base64);
    else if (kind == POSTA_QP_ENCODE)
        posta__qp_init(&r->as.qp, !(flags & POSTA_CODEC_TEXT));
    else
        posta__undo_init(&r->as.undo, (flags & POSTA_CODEC_STRICT) != 0);
    if (kind == POSTA_BASE64_ENCODE) r->as.base64.kernels = kernels;
    if (kind == POSTA_QP_ENCODE) r->as.qp.kernels = kernels;
    return POSTA_OK;
}

posta_status posta_codec_step(posta_codec *c, posta_span *in, posta_window *out) {
    run *r = run_of(c);
    switch (r->kind) {
    case POSTA_BASE64_ENCODE: return posta__base64_step(&r->as.base64, in, out);
    case POSTA_QP_ENCODE: return posta__qp_step(&r->as.qp, in, out);
    case POSTA_BASE64_DECODE: return posta__unbase64_step(&r->as.undo, in, out);
    default: return posta__unqp_step(&r->as.undo, in, out);
    }
}

posta_status posta_codec_end(posta_codec *c, posta_window *out) {
    run *r = run_of(c);
    switch (r->kind) {
    case POSTA_BASE64_ENCODE: return posta__base64_end(&r->as.base64, out);
    case POSTA_QP_ENCODE: return posta__qp_end(&r->as.qp, out);
    case POSTA_BASE64_DECODE: return posta__unbase64_end(&r->as.undo, out);
    default: return posta__unqp_end(&r->as.undo, out);
    }
}

const char *posta_codec_why(const posta_codec *c, uint64_t *at_out) {
    const run *r = (const run *)c;
    bool is_encoder = r->kind == POSTA_BASE64_ENCODE || r->kind == POSTA_QP_ENCODE;
    if (is_encoder || !r->as.undo.why) return NULL;
    if (at_out) *at_out = r->as.undo.taken;
    return r->as.undo.why;
}

/* ---- addresses ---- */

static void tell(posta_problem *p, posta_status status, posta_span value, const char *why) {
    posta_window w;
    if (!p) return;
    memset(p, 0, sizeof *p);
    p->status = status;
    memcpy(p->field, "address", sizeof "address");
    w = posta__window(p->text, sizeof p->text - 1);
    posta__put(&w, POSTA_LIT("address: \""));
    posta__printable(&w, posta__span_sub(value, 0, 60));
    posta__put(&w, value.len > 60 ? POSTA_LIT("...\" ") : POSTA_LIT("\" "));
    posta__put(&w, posta__span_of(why));
}

posta_status posta_mailbox_parse(posta_span text, void *store, size_t store_len, posta_mailbox *out,
                                 posta_problem *problem) {
    posta_arena arena;
    posta__address a;
    posta__address_fault fault = {"is no address", 0, false};
    posta_status status;
    if (!store || !out) return POSTA_E_ARGUMENT;
    posta__arena_init(&arena, NULL, store, store_len, 0);
    status = posta__mailbox_parse(text, &arena, &a, &fault);
    if (status == POSTA_E_MEMORY) return POSTA_E_LIMIT;
    if (status != POSTA_OK) {
        tell(problem, status, text, fault.why);
        return status;
    }
    *out = (posta_mailbox){a.name, a.local, a.domain};
    return POSTA_OK;
}

static bool is_writable(const posta_mailbox *m) {
    return posta__text_check(m->name, NULL) == POSTA_OK && m->local_part.len > 0 &&
           posta__text_check(m->local_part, NULL) == POSTA_OK &&
           !posta__letters_why(m->local_part, false) && !posta__domain_why(m->domain) &&
           !posta__path_len_why(m->local_part, m->domain);
}

posta_status posta_mailbox_format(const posta_mailbox *m, posta_window *out) {
    posta__address a = {
        .kind = POSTA__MAILBOX, .name = m->name, .local = m->local_part, .domain = m->domain};
    size_t start = out->len;
    posta__fold f;
    posta_status status;
    if (!is_writable(m)) return POSTA_E_FIELD;
    posta__fold_begin(&f, out, posta__span(NULL, 0));
    posta__fold_address(&f, &a, true);
    status = posta__fold_end(&f);
    if (status != POSTA_OK) return status;
    posta__unfold(out, start);
    return POSTA_OK;
}

posta_status posta_address_validate(posta_span text, posta_problem *problem) {
    uint8_t path[POSTA_MAX_PATH];
    posta_window w = posta__window(path, sizeof path);
    posta__address_fault fault = {"is longer than 254 octets", 0, false};
    posta__form form = {true, NULL};
    posta_status status = posta__path_rewrite(text, 0, &form, &w, &fault);
    if (status == POSTA_OK) return status;
    tell(problem, POSTA_E_FIELD, text, fault.why);
    return POSTA_E_FIELD;
}
