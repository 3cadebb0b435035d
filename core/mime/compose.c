/* core/mime: from what was given to the program. Everything that only the whole message can tell is
 * checked here; what is random or taken from the clock is drawn once and kept, so that composing
 * again gives the same octets. */
#include "mime_i.h"

#define BLOCK_SPACE 4096u
#define DRAWS_MAX   4u /* a second hit in 2^128 means that the randomness is none */

/* ---- the program ---- */

static posta__seg *add_seg(posta_message *m, posta__seg_kind kind) {
    posta__program *g = &m->program;
    posta__seg *s = posta__arena_take(&g->arena, sizeof *s);
    if (!s) return NULL;
    *s = (posta__seg){.kind = kind};
    if (g->last)
        g->last->next = s;
    else
        g->first = s;
    g->last = s;
    return s;
}

static void add_len(posta__program *g, uint64_t len) {
    posta__add(g->len, len, &g->len);
}

posta_status posta__program_close(posta_message *m) {
    posta__program *g = &m->program;
    posta_span text = {g->text.p, g->text.len};
    posta__seg *s = NULL;
    if (text.len > 0) {
        (void)posta__arena_bytes(&g->arena, text.len); /* stands there already */
        s = add_seg(m, POSTA__SEG_LITERAL);
        /* and stays there: the caller may try again, and must not lose what was written */
        if (!s) posta__arena_trim(&g->arena, g->text.p, text.len, 0);
        if (!s) return POSTA_E_MEMORY;
    }
    g->text.p = NULL;
    g->text.cap = g->text.len = 0;
    if (!s) return POSTA_OK;
    s->literal = text;
    add_len(g, text.len);
    return POSTA_OK;
}

bool posta__program_open(posta_message *m, size_t len) {
    posta_arena *a = &m->program.arena;
    if (posta__program_close(m)) return false;
    if (a->left < len) {
        uint8_t *p = posta__arena_bytes(a, len);
        if (!p) return false;
        posta__arena_trim(a, p, len, 0);
    }
    m->program.text = posta__window(a->p, a->left);
    return true;
}

static bool ends_in_line(const posta__part *p) {
    if (p->cte == POSTA__CTE_BINARY) return false;
    if (p->cte == POSTA__CTE_BASE64 || (p->cte == POSTA__CTE_QP && !p->is_text))
        return p->out_len > 0;
    return p->is_scanned && !p->scan.ends_line;
}

static uint64_t eol_len(const posta__part *p) {
    if (!p) return 2;
    if (!ends_in_line(p)) return 0;
    return p->cte == POSTA__CTE_QP && !p->is_text ? 3 : 2;
}

posta_status posta__program_add(posta_message *m, posta__seg_kind kind, posta__part *part) {
    bool is_fixed = part && part->body.kind == POSTA_BODY_DATA;
    posta__seg *s;
    if (kind == POSTA__SEG_EOL && is_fixed && eol_len(part) == 0) return POSTA_OK;
    s = posta__program_close(m) ? NULL : add_seg(m, kind);
    if (!s) return POSTA_E_MEMORY;
    s->part = part;
    add_len(&m->program, kind == POSTA__SEG_EOL ? eol_len(part) : part->out_len);
    if (part && part->has_8bit) m->program.has_8bit = true;
    if (part && part->cte == POSTA__CTE_BINARY) m->program.has_binary = true;
    return POSTA_OK;
}

static void reset(posta_message *m) {
    posta__program *g = &m->program;
    posta__arena_free(&g->arena);
    memset(g, 0, sizeof *g);
    posta__arena_init(&g->arena, m->port, m->own_space + POSTA__FIELD_SPACE, POSTA__PROGRAM_SPACE,
                      BLOCK_SPACE);
    m->run.status = POSTA_E_STATE;
    m->wanted = POSTA_NO_SLOT;
    if (!m->status) posta__blame_nothing(m);
}

/* ---- what is drawn ---- */

/* <32 hex digits @ domain of the first From>, RFC 5322 3.6.4. It is drawn once for servers of any
   ability, so it is ASCII; a domain that nobody can write so is left out. */
static posta_status draw_id(posta_message *m) {
    posta_span domain;
    char hex[POSTA__BOUNDARY_LEN];
    uint8_t random[16], *p;
    posta_window w;
    posta_status status;
    if (m->id.len > 0) return POSTA_OK;
    domain = posta__entry_domain(m->addresses[POSTA_FROM].first);
    if (!posta__is_ascii(domain)) domain = POSTA_LIT("posta.invalid");
    status = posta__draw(m, random);
    if (status) return status;
    posta__boundary_put(random, hex);
    p = posta__arena_bytes(&m->arena, domain.len + 36);
    if (!p) return POSTA_E_MEMORY;
    w = posta__window(p, domain.len + 36);
    posta__put(&w, POSTA_LIT("<"));
    posta__put(&w, posta__span(hex + 2, 32));
    posta__put(&w, POSTA_LIT("@"));
    posta__put(&w, domain);
    posta__put(&w, POSTA_LIT(">"));
    posta__put(&w, posta__span("", 1));
    m->id = posta__span(p, w.len - 1);
    return POSTA_OK;
}

static posta_status draw_boundaries(posta_message *m) {
    posta__part *p;
    for (p = m->multiparts; p; p = p->next_multipart) {
        uint8_t random[16];
        posta_status status;
        if (p->boundary) continue;
        p->boundary = (char *)posta__arena_bytes(&m->arena, POSTA__BOUNDARY_LEN);
        status = p->boundary ? posta__draw(m, random) : POSTA_E_MEMORY;
        if (status) {
            p->boundary = NULL;
            return status;
        }
        posta__boundary_put(random, p->boundary);
    }
    return POSTA_OK;
}

/* A clock that does not know, or knows nonsense, gives no Date field; the server then adds one. */
static posta_status take_date(posta_message *m) {
    uint8_t text[POSTA__DATE_LEN + 1];
    posta_window w = posta__window(text, sizeof text);
    int64_t now;
    char *copy;
    if (m->date.len > 0 || !m->port->unix_time) return POSTA_OK;
    now = m->port->unix_time(m->port->user);
    if (now < 0 || posta__date_put(&w, now, 0)) return POSTA_OK;
    copy = posta__arena_copy(&m->arena, posta__span(w.p, w.len));
    if (!copy) return POSTA_E_MEMORY;
    m->date = posta__span(copy, w.len);
    return POSTA_OK;
}

/* ---- the parts ---- */

/* Another message in this one is composed with it. */
static posta_status compose_enclosed(posta_message *m, posta__part *p) {
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    posta_message *other = p->enclosed;
    posta_status status = other->status;
    o.may_8bit = m->program.may_8bit;
    o.may_utf8 = m->program.may_utf8;
    posta__seed_enclosed(m, p);
    if (!status) status = posta__check_enclosed(other);
    if (!status) status = posta__compile(other, POSTA__SHAPE_MESSAGE, &o);
    if (status) return posta__blame_enclosed(m, status, p);
    p->len = p->out_len = other->program.len;
    p->has_8bit = other->program.has_8bit;
    if (other->program.has_utf8) m->program.has_utf8 = true;
    p->cte = p->has_8bit ? POSTA__CTE_8BIT : POSTA__CTE_7BIT;
    return POSTA_OK;
}

static posta_status choose_all(posta_message *m) {
    posta__part *p;
    for (p = m->root; p; p = posta__tree_next(p)) {
        posta_status status = POSTA_OK;
        if (p->enclosed)
            status = compose_enclosed(m, p);
        else if (p->use == POSTA__USE_LEAF && p->body.kind == POSTA_BODY_NONE)
            status = posta__blame_on(m, POSTA_E_STATE, p->label, "was a message that is freed");
        else if (p->use != POSTA__USE_MULTIPART)
            status = posta__part_choose(m, p, p == m->root);
        if (status) return status;
    }
    return POSTA_OK;
}

/* A delimiter line stands in a body that will not be encoded. Bodies that do not lie there as they
   will go are watched while they are pulled. Behaviour H12. */
static bool has_collision(const posta_message *m) {
    const posta__part *p;
    for (p = m->root; p; p = posta__tree_next(p)) {
        posta__watch w = {.n = 0};
        bool is_open =
            p->cte == POSTA__CTE_7BIT || p->cte == POSTA__CTE_8BIT || p->cte == POSTA__CTE_BINARY;
        if (p->use == POSTA__USE_MULTIPART || p->body.kind != POSTA_BODY_DATA || !is_open) continue;
        if (!posta__watch_step(&w, m, p->body.data)) return true;
    }
    return false;
}

static posta_status settle_boundaries(posta_message *m) {
    size_t n;
    if (!m->multiparts) return POSTA_OK;
    for (n = 0; n < DRAWS_MAX; n++) {
        posta_status status = draw_boundaries(m);
        posta__part *p;
        if (status || !has_collision(m)) return status;
        for (p = m->multiparts; p; p = p->next_multipart)
            p->boundary = NULL;
    }
    return posta__blame_on(m, POSTA_E_ENTROPY, "", "the random bytes repeat");
}

static posta_status take_read_space(posta_message *m, size_t len) {
    const posta__part *p;
    bool needs = false;
    uint8_t *space;
    for (p = m->all; p; p = p->next_all)
        needs = needs || p->body.kind == POSTA_BODY_SOURCE;
    if (!needs) return POSTA_OK;
    space = posta__arena_bytes(&m->program.arena, len);
    if (!space) return POSTA_E_MEMORY;
    m->program.read = posta__window(space, len);
    return POSTA_OK;
}

/* ---- compiling ---- */

static posta_status compile_raw(posta_message *m) {
    posta_status status = posta__utf8_look(m, true);
    if (!status) status = posta__raw_check(m, m->raw);
    m->raw->cte = POSTA__CTE_8BIT;
    return status ? status : posta__program_add(m, POSTA__SEG_BODY, m->raw);
}

static posta_status compile_tree(posta_message *m, posta__shape shape) {
    bool is_message = shape == POSTA__SHAPE_MESSAGE;
    posta_status status = is_message ? posta__utf8_look(m, !m->owner) : POSTA_OK;
    if (!status) status = posta__tree_find(m);
    if (!status && is_message) status = take_date(m);
    if (!status && is_message) status = draw_id(m);
    if (!status) status = choose_all(m);
    if (!status) status = settle_boundaries(m);
    if (!status && is_message) status = posta__head_write(m);
    if (!status) status = posta__head_version(m);
    if (!status && !is_message) status = posta__head_extra(m);
    return status ? status : posta__tree_write(m);
}

posta_status posta__compile(posta_message *m, posta__shape shape,
                            const posta_compose_options *options) {
    posta_status status;
    reset(m);
    m->program.may_8bit = options->may_8bit;
    m->program.may_binary = options->may_binary;
    m->program.may_utf8 = options->may_utf8;
    status = posta__parts_rewind(m);
    if (!status)
        status =
            take_read_space(m, options->read_space ? options->read_space : POSTA_MIME_READ_SPACE);
    if (!status && m->raw)
        status = compile_raw(m);
    else if (!status)
        status = compile_tree(m, shape);
    if (status == POSTA_E_MEMORY)
        posta__blame_on(m, POSTA_E_MEMORY, "", posta_status_text(POSTA_E_MEMORY));
    if (status) {
        m->run.status = status;
        return status;
    }
    m->program.shape = shape;
    posta__run_begin(m);
    return POSTA_OK;
}

/* ---- the whole message ---- */

static posta_status missing(posta_message *m, const char *label, const char *why) {
    return posta__blame_on(m, POSTA_E_FIELD, label, why);
}

static posta_status check_raw(posta_message *m) {
    bool has_fields = m->has_subject || m->date.len > 0 || m->id.len > 0 || m->headers;
    bool has_parts = m->all != m->raw || m->raw->next_all;
    size_t i;
    for (i = 0; i < POSTA_ENVELOPE_FROM; i++)
        has_fields = has_fields || m->addresses[i].first;
    has_fields = has_fields || m->addresses[POSTA_NOTIFY_TO].first;
    if (has_fields || has_parts)
        return missing(m, "raw", "is a finished text; besides it only the envelope can be given");
    if (!m->has_envelope_from) return missing(m, "envelope.from", "is needed with a raw text");
    if (m->addresses[POSTA_ENVELOPE_TO].n == 0)
        return missing(m, "envelope.to", "is needed with a raw text");
    return POSTA_OK;
}

posta_status posta__check_whole(posta_message *m) {
    size_t recipients = m->addresses[POSTA_TO].n + m->addresses[POSTA_CC].n +
                        m->addresses[POSTA_BCC].n + m->addresses[POSTA_ENVELOPE_TO].n;
    if (m->raw) return check_raw(m);
    if (m->addresses[POSTA_FROM].n == 0) return missing(m, "from", "is needed: an address");
    if (recipients == 0) return missing(m, "to", "is needed: at least one recipient");
    return POSTA_OK;
}

/* What is not sent by itself needs nobody to send it to. */
posta_status posta__check_enclosed(posta_message *m) {
    if (m->addresses[POSTA_FROM].n == 0) return missing(m, "from", "is needed: an address");
    return posta__check_parts(m);
}

posta_status posta__check_parts(posta_message *m) {
    if (m->inlines && !m->html)
        return missing(m, m->inlines->label, "needs an html that shows it; else attach it");
    return posta__check_typed(m);
}

/* ---- the source ---- */

posta_status posta__message_rewind(void *message) {
    posta_message *m = message;
    posta_status status = posta__parts_rewind(m);
    if (status)
        m->run.status = status;
    else
        posta__run_begin(m);
    return status;
}

static bool can_rewind(const posta_message *m) {
    const posta__part *p;
    for (p = m->all; p; p = p->next_all) {
        if (p->body.kind == POSTA_BODY_SLOT) return false;
        if (p->enclosed && !can_rewind(p->enclosed)) return false; /* at most 40 deep */
        if (p->body.kind == POSTA_BODY_SOURCE && !p->body.source.rewind) return false;
    }
    return true;
}

static posta_status blame_owned(posta_message *m) {
    return posta__blame_on(m, POSTA_E_STATE, "", "the message is enclosed in another");
}

posta_status posta_message_compose(posta_message *m, const posta_compose_options *options,
                                   posta_source *source_out, bool *has_8bit_out) {
    static const posta_compose_options standard = POSTA_COMPOSE_OPTIONS;
    posta_status status;
    if (!m || !source_out) return POSTA_E_ARGUMENT;
    memset(source_out, 0, sizeof *source_out);
    if (!options) options = &standard;
    if (options->size < sizeof standard) return POSTA_E_ARGUMENT;
    if (options->read_space > 0 && options->read_space < POSTA_MIN_READ_SPACE)
        return POSTA_E_ARGUMENT;
    if (m->status) return m->status;
    if (m->owner) return blame_owned(m);
    status = posta__check_whole(m);
    if (!status) status = posta__check_parts(m);
    if (!status) status = posta__compile(m, POSTA__SHAPE_MESSAGE, options);
    if (!status && m->program.has_binary && m->program.len == POSTA_LEN_UNKNOWN) {
        /* Octets as they are go by BDAT, which tells the length first. */
        posta_compose_options encoded = *options;
        encoded.may_binary = false;
        status = posta__compile(m, POSTA__SHAPE_MESSAGE, &encoded);
    }
    if (status) return status;
    source_out->user = m;
    source_out->pull = posta__message_pull;
    source_out->rewind = can_rewind(m) ? posta__message_rewind : NULL;
    source_out->len = m->program.len;
    if (has_8bit_out) *has_8bit_out = m->program.has_8bit;
    return POSTA_OK;
}

posta_status posta_message_size(posta_message *m, const posta_compose_options *options,
                                uint64_t *len_out) {
    posta_source source;
    posta_status status;
    if (!len_out) return POSTA_E_ARGUMENT;
    status = posta_message_compose(m, options, &source, NULL);
    *len_out = status ? POSTA_LEN_UNKNOWN : source.len;
    return status;
}

/* ---- the MIME part alone ---- */

static posta_status mime_begin(posta_message *m) {
    static const posta_compose_options standard = POSTA_COMPOSE_OPTIONS;
    posta_status status;
    if (m->owner) return blame_owned(m);
    if (m->program.shape == POSTA__SHAPE_MIME_ONLY) return POSTA_OK;
    if (m->raw) return missing(m, "raw", "is a finished text: it has no part of its own");
    status = posta__check_parts(m);
    return status ? status : posta__compile(m, POSTA__SHAPE_MIME_ONLY, &standard);
}

posta_status posta_mime_get_header(posta_message *m, void *out, size_t cap, size_t *n_out) {
    posta_window w;
    posta_status status;
    uint64_t left;
    if (!m || !n_out || (!out && cap > 0)) return POSTA_E_ARGUMENT;
    *n_out = 0;
    /* after the end of the body a next reading begins */
    if (m->run.status == POSTA_END) m->program.shape = POSTA__SHAPE_NONE;
    status = m->status ? m->status : mime_begin(m);
    if (status) return status;
    left = m->program.head_len > m->run.given ? m->program.head_len - m->run.given : 0;
    w = posta__window(out, cap < left ? cap : (size_t)left);
    if (w.cap == 0) return POSTA_OK;
    status = posta__message_pull(m, &w);
    *n_out = w.len;
    return status;
}

posta_status posta_mime_get_body(posta_message *m, void *out, size_t cap, size_t *n_out) {
    posta_window w;
    posta_status status;
    if (!m || !n_out || (!out && cap > 0)) return POSTA_E_ARGUMENT;
    *n_out = 0;
    status = m->status ? m->status : mime_begin(m);
    while (!status && m->run.given < m->program.head_len) {
        uint8_t skipped[64];
        size_t n;
        status = posta_mime_get_header(m, skipped, sizeof skipped, &n);
    }
    if (status) return status;
    w = posta__window(out, cap);
    status = posta__message_pull(m, &w);
    *n_out = w.len;
    return status == POSTA_END ? POSTA_OK : status;
}
