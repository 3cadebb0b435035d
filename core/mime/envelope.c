/* core/mime: who the message goes to. The addresses are written from the same parts as the header's
 * (behaviour C03), each once: found by a merge sort, n log n whatever the addresses are. */
#include "mime_i.h"

typedef struct row {
    const posta__entry *e;
    size_t at; /* place in the order in which they were given */
} row;

static int compare_bytes(posta_span a, posta_span b, bool nocase) {
    size_t n = a.len < b.len ? a.len : b.len, i;
    for (i = 0; i < n; i++) {
        uint8_t x = nocase ? posta__lower(a.p[i]) : a.p[i];
        uint8_t y = nocase ? posta__lower(b.p[i]) : b.p[i];
        if (x != y) return x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Domains without case and as A-labels, local parts exactly: RFC 5321 2.4, row G05. */
static int compare(const row *a, const row *b) {
    int c = compare_bytes(posta__entry_domain(a->e), posta__entry_domain(b->e), true);
    return c ? c : compare_bytes(a->e->a.local, b->e->a.local, false);
}

static void merge(const row *from, row *to, size_t begin, size_t middle, size_t end) {
    size_t i = begin, j = middle, k;
    for (k = begin; k < end; k++) {
        bool left = i < middle && (j >= end || compare(&from[i], &from[j]) <= 0);
        to[k] = left ? from[i++] : from[j++];
    }
}

/* Bottom up and stable; answers which of the two arrays holds the result. */
static row *sort(row *a, row *b, size_t n) {
    size_t width, begin;
    for (width = 1; width < n; width *= 2) {
        row *swap = a;
        for (begin = 0; begin < n; begin += 2 * width) {
            size_t middle = begin + width < n ? begin + width : n;
            size_t end = middle + width < n ? middle + width : n;
            merge(a, b, begin, middle, end);
        }
        a = b;
        b = swap;
    }
    return a;
}

static size_t collect(const posta__entries *e, row *rows, size_t n) {
    const posta__entry *i;
    for (i = e->first; i; i = i->next) {
        if (i->a.kind != POSTA__MAILBOX) continue;
        rows[n] = (row){i, n};
        n++;
    }
    return n;
}

static const char *write_path(posta_message *m, const posta__address *a) {
    size_t cap = 2 * a->local.len + a->domain.len + 4; /* every octet escaped, quotes, @, NUL */
    uint8_t *p = posta__arena_bytes(&m->arena, cap);
    posta_window w = posta__window(p, cap);
    if (!p || !posta__path_put(&w, a) || !posta__put(&w, posta__span("", 1))) return NULL;
    posta__arena_trim(&m->arena, p, cap, w.len);
    return (const char *)p;
}

static posta_status starve(posta_message *m) {
    return posta__blame_on(m, POSTA_E_MEMORY, "", posta_status_text(POSTA_E_MEMORY));
}

/* Writes the first of each run of equal rows, in the order in which they were given. */
static posta_status write_unique(posta_message *m, const row *sorted, const posta__address **order,
                                 size_t n) {
    size_t i, to_n = 0;
    posta_recipient *to;
    for (i = 0; i < n; i++)
        order[i] = NULL;
    for (i = 0; i < n; i++) {
        if (i > 0 && compare(&sorted[i - 1], &sorted[i]) == 0) continue;
        order[sorted[i].at] = &sorted[i].e->a;
        to_n++;
    }
    to = posta__arena_take(&m->arena, to_n * sizeof *to);
    if (!to) return starve(m);
    memset(to, 0, to_n * sizeof *to);
    to_n = 0;
    for (i = 0; i < n; i++) {
        if (!order[i]) continue;
        to[to_n].notify = m->notify;
        to[to_n].address = write_path(m, order[i]);
        if (!to[to_n++].address) return starve(m);
    }
    m->to_n = to_n;
    m->to = to;
    return POSTA_OK;
}

static posta_status make_recipients(posta_message *m) {
    static const posta_address_field implied[] = {POSTA_TO, POSTA_CC, POSTA_BCC};
    const posta__entries *given = &m->addresses[POSTA_ENVELOPE_TO];
    size_t n = given->n, i;
    posta_arena scratch;
    row *a, *b;
    const posta__address **order;
    posta_status status;
    for (i = 0; given->n == 0 && i < 3; i++)
        n += m->addresses[implied[i]].n;
    if (n > SIZE_MAX / sizeof *a / 2) return starve(m);
    posta__arena_init(&scratch, m->port, NULL, 0, 1024);
    a = posta__arena_take(&scratch, n * sizeof *a);
    b = posta__arena_take(&scratch, n * sizeof *b);
    order = posta__arena_take(&scratch, n * sizeof *order);
    if (a && b && order) {
        n = 0;
        if (given->n > 0) n = collect(given, a, n);
        for (i = 0; given->n == 0 && i < 3; i++)
            n = collect(&m->addresses[implied[i]], a, n);
        status = write_unique(m, sort(a, b, n), order, n);
    } else
        status = starve(m);
    posta__arena_free(&scratch);
    return status;
}

static const posta__address *sender_of(const posta_message *m) {
    static const posta_address_field order[] = {POSTA_ENVELOPE_FROM, POSTA_SENDER, POSTA_FROM};
    size_t i;
    for (i = 0; i < 3; i++) {
        const posta__entry *e = m->addresses[order[i]].first;
        if (e) return &e->a;
        if (i == 0 && m->has_envelope_from) return NULL;
    }
    return NULL;
}

posta_status posta_message_envelope(posta_message *m, posta_envelope *out) {
    const posta__address *from;
    posta_status status;
    if (!m || !out) return POSTA_E_ARGUMENT;
    memset(out, 0, sizeof *out);
    status = m->status ? m->status : posta__check_whole(m);
    if (status) return status;
    if (!m->to) {
        from = sender_of(m);
        m->from = from ? write_path(m, from) : "";
        if (!m->from) return starve(m);
        status = make_recipients(m);
        if (status) return status;
    }
    out->from = m->from;
    out->to = m->to;
    out->to_n = m->to_n;
    out->has_8bit = m->program.has_8bit;
    out->has_binary = m->program.has_binary;
    out->options = m->has_options ? &m->options : NULL;
    out->has_utf8 = m->program.has_utf8;
    return POSTA_OK;
}

/* ---- what it asks for ---- */

static bool copy(posta_message *m, const char **text) {
    if (*text) *text = posta__arena_copy(&m->arena, posta__span_of(*text));
    return *text != NULL;
}

posta_status posta_message_mail_options(posta_message *m, const posta_mail_options *options) {
    char label[POSTA__LABEL_CAP];
    posta_status status = posta__setter_begin(m, "options", label);
    if (status) return status;
    if (!options || options->size != sizeof *options) return POSTA_E_ARGUMENT;
    m->options = *options;
    if ((options->envid && !copy(m, &m->options.envid)) ||
        (options->auth && !copy(m, &m->options.auth)))
        return posta__setter_starves(m);
    m->has_options = true;
    return POSTA_OK;
}

posta_status posta_message_notify(posta_message *m, unsigned notify) {
    char label[POSTA__LABEL_CAP];
    posta_status status = posta__setter_begin(m, "notify", label);
    if (status) return status;
    m->notify = notify;
    m->to = NULL; /* the envelope is made anew */
    return POSTA_OK;
}
