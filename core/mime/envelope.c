/* core/mime: who the message goes to. The addresses are written from the same parts as the header's
 * (behaviour C03), each once: found by a merge sort, n log n whatever the addresses are. It sorts
 * by a number that stands for the address, as the order among the different ones does not matter;
 * the addresses themselves are compared only where the numbers are equal. Doubles go as they are
 * met, so that many of one kind cost no more. */
#include "mime_i.h"

typedef struct row row;
struct row {
    row *next; /* in a sorted list */
    const posta__entry *e;
    uint32_t hash;
    bool is_double; /* of one that was given before */
};

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
    int c = a->hash < b->hash ? -1 : a->hash > b->hash;
    if (c) return c;
    c = compare_bytes(posta__entry_domain(a->e), posta__entry_domain(b->e), true);
    return c ? c : compare_bytes(a->e->a.local, b->e->a.local, false);
}

/* `a` were given before `b`. */
static row *merge(row *a, row *b) {
    row *first = NULL, **end = &first;
    while (a && b) {
        int c = compare(a, b);
        row **less = c < 0 ? &a : &b;
        if (c == 0) {
            b->is_double = true;
            b = b->next;
            continue;
        }
        *end = *less;
        end = &(*less)->next;
        *less = *end;
    }
    *end = a ? a : b;
    return first;
}

#define RUNS 40u /* more rows than 2 to this there are not */

/* Marks the doubles. runs[i] is a list of up to 2^i rows, those of the higher ones given before. */
static void find_doubles(row *rows, size_t n) {
    row *runs[RUNS] = {NULL}, *all = NULL;
    size_t i, k;
    for (i = 0; i < n; i++) {
        row *run = &rows[i];
        for (k = 0; k + 1 < RUNS && runs[k]; k++) {
            run = merge(runs[k], run);
            runs[k] = NULL;
        }
        runs[k] = run;
    }
    for (k = 0; k < RUNS; k++)
        all = merge(runs[k], all);
}

static size_t collect(const posta__entries *e, row *rows, size_t n) {
    const posta__entry *i;
    for (i = e->first; i; i = i->next) {
        if (i->a.kind != POSTA__MAILBOX) continue;
        rows[n] = (row){.e = i};
        rows[n].hash = posta__hash(posta__entry_domain(i), posta__hash(i->a.local, 0));
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

static posta_status write_rows(posta_message *m, const row *rows, size_t n) {
    size_t i, to_n = 0;
    posta_recipient *to;
    for (i = 0; i < n; i++)
        to_n += !rows[i].is_double;
    to = posta__arena_take(&m->arena, to_n * sizeof *to);
    if (!to) return starve(m);
    memset(to, 0, to_n * sizeof *to);
    to_n = 0;
    for (i = 0; i < n; i++) {
        if (rows[i].is_double) continue;
        to[to_n].notify = m->notify;
        to[to_n].address = write_path(m, &rows[i].e->a);
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
    row *rows;
    posta_status status;
    for (i = 0; given->n == 0 && i < 3; i++)
        n += m->addresses[implied[i]].n;
    if (n > SIZE_MAX / sizeof *rows) return starve(m);
    posta__arena_init(&scratch, m->port, NULL, 0, 1024);
    rows = posta__arena_take(&scratch, n * sizeof *rows);
    if (rows) {
        n = given->n > 0 ? collect(given, rows, 0) : 0;
        for (i = 0; given->n == 0 && i < 3; i++)
            n = collect(&m->addresses[implied[i]], rows, n);
        find_doubles(rows, n);
        status = write_rows(m, rows, n);
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
    const char *label;
    posta_status status = posta__setter_begin(m, "options", &label);
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
    const char *label;
    posta_status status = posta__setter_begin(m, "notify", &label);
    if (status) return status;
    m->notify = notify;
    m->to = NULL; /* the envelope is made anew */
    return POSTA_OK;
}
