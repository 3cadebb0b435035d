/* core/mime: local pictures of the HTML become inline parts. Once over the HTML finds and opens
 * them, then the HTML is written anew with cid: in place of their paths. */
#include "html_i.h"

#define BUCKETS 64u
#define LONGEST 4096u /* octets of a reference as it stands */
#define ID_LEN  38u   /* 32 digits and "@posta" */

/* One file. */
typedef struct picture picture;
struct picture {
    picture *next; /* in the bucket */
    posta_span path;
    uint8_t id[ID_LEN + 1];
};

/* One place that names it. */
typedef struct place place;
struct place {
    place *next;
    size_t at, len;
    const picture *shows;
};

typedef struct embed {
    posta_message *m;
    const posta_embed_options *o;
    char label[POSTA__LABEL_CAP];
    char why[160]; /* what is said of a file; here, as frames are small */
    posta_span html;
    picture *buckets[BUCKETS];
    place *first, *last;
    uint64_t len; /* of the HTML anew */
} embed;

static posta_status refuse(embed *e, posta_status status, size_t at, size_t len, const char *why) {
    posta__blame b = {e->label, posta__span_sub(e->html, at, len), why, at};
    return posta__setter_fails(e->m, posta__blame_it(e->m, status, b));
}

/* ---- files ---- */

static picture **bucket(embed *e, posta_span path) {
    uint32_t hash = posta__hash(path, 0);
    return &e->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static const picture *find(embed *e, posta_span path) {
    const picture *p = *bucket(e, path);
    while (p && !posta_span_is(p->path, path))
        p = p->next;
    return p;
}

static posta_status draw_id(embed *e, picture *p) {
    char hex[POSTA__BOUNDARY_LEN];
    uint8_t random[16];
    posta_status status = posta__draw(e->m, random);
    if (status) return posta__setter_fails(e->m, status);
    posta__boundary_put(random, hex);
    memcpy(p->id, hex + 2, 32);
    memcpy(p->id + 32, "@posta", 7);
    return POSTA_OK;
}

/* The base, a slash, and the path, with a NUL. Null: out of memory. */
static const char *full_path(embed *e, posta_span path) {
    posta_span base = posta__span_of(e->o->base);
    bool has_slash = base.len == 0 || base.p[base.len - 1] == '/';
    size_t len = base.len + path.len + 2;
    posta_window w = posta__window(posta__arena_bytes(&e->m->arena, len), len);
    if (!w.p) return NULL;
    posta__put(&w, base);
    if (!has_slash) posta__put(&w, POSTA_LIT("/"));
    posta__put(&w, path);
    posta__put(&w, posta__span("", 1));
    return (const char *)w.p;
}

static posta_status open_file(embed *e, const picture *p, size_t at, size_t len,
                              posta_source *out) {
    posta__text t = posta__text_in(e->why, sizeof e->why);
    const char *why = NULL, *path = full_path(e, p->path);
    posta_status status;
    if (!path) return posta__setter_starves(e->m);
    status = e->o->open(e->o->user, path, out, &why);
    if (!status) return POSTA_OK;
    if (status == POSTA_E_MEMORY) return posta__setter_starves(e->m);
    posta__text_put(&t, "cannot be embedded: ");
    posta__text_value(&t, posta__span_of(path));
    posta__text_put(&t, ": ");
    posta__text_put(&t, why ? why : posta_status_text(status));
    return refuse(e, status, at, len, e->why);
}

static posta_status add_part(embed *e, picture *p, posta_source source) {
    char label[POSTA__LABEL_CAP];
    posta__text t = posta__text_in(label, sizeof label);
    posta_part_options o = POSTA_PART_OPTIONS;
    o.content_id = (const char *)p->id;
    o.name = (const char *)posta__file_basename(p->path).p;
    posta__text_put(&t, "inline.");
    posta__text_put(&t, (const char *)p->path.p);
    posta_message_label(e->m, label);
    return posta_message_inline(e->m, posta_body_source(source), &o);
}

static posta_status add_picture(embed *e, posta_span path, size_t at, size_t len,
                                const picture **out) {
    posta_span image = POSTA_LIT("image/"), type = posta__type_of_name(path);
    picture **to = bucket(e, path), *p = posta__arena_take(&e->m->arena, sizeof *p);
    char *kept = posta__arena_copy(&e->m->arena, path);
    posta_source source;
    posta_status status;
    if (!p || !kept) return posta__setter_starves(e->m);
    if (!posta_span_is_nocase(posta__span_sub(type, 0, image.len), image))
        return refuse(e, POSTA_E_FIELD, at, len,
                      "is no picture by its name; only pictures are embedded");
    *p = (picture){.next = *to, .path = posta__span(kept, path.len)};
    status = draw_id(e, p);
    if (!status) status = open_file(e, p, at, len, &source);
    if (!status) status = add_part(e, p, source);
    *out = *to = p;
    return status;
}

/* ---- places ---- */

static posta_status add_place(embed *e, const picture *shows, size_t at, size_t len) {
    place *p = posta__arena_take(&e->m->arena, sizeof *p);
    if (!p) return posta__setter_starves(e->m);
    *p = (place){NULL, at, len, shows};
    if (e->last)
        e->last->next = p;
    else
        e->first = p;
    e->last = p;
    e->len += 4 + ID_LEN;
    e->len -= len;
    return POSTA_OK;
}

/* Without references to characters; at most as long as it was. */
static size_t decode(posta_span s, uint8_t *out) {
    posta__entity entity = {.n = 0};
    uint8_t some[POSTA__ENTITY_OUT];
    size_t n = 0, i, len;
    for (i = 0; i < s.len; i++) {
        len = posta__entity_step(&entity, s.p[i], true, some);
        memcpy(out + n, some, len);
        n += len;
    }
    len = posta__entity_end(&entity, true, some);
    memcpy(out + n, some, len);
    return n + len;
}

/* A URL stands at html[at..at + len). */
static posta_status take_url(embed *e, size_t at, size_t len) {
    posta_span path = posta__span(NULL, 0);
    const picture *shows = NULL;
    const char *why = NULL;
    uint8_t *decoded;
    size_t n;
    posta_status status = POSTA_OK;
    for (; len > 0 && posta__is_blank(e->html.p[at]); at++)
        len--;
    while (len > 0 && posta__is_blank(e->html.p[at + len - 1]))
        len--;
    if (posta__url_is_elsewhere(posta__span_sub(e->html, at, len))) return POSTA_OK;
    if (len > LONGEST)
        return refuse(e, POSTA_E_FIELD, at, len, "is too long for a path (4096 octets)");
    decoded = posta__arena_bytes(&e->m->arena, len);
    if (!decoded) return posta__setter_starves(e->m);
    n = decode(posta__span_sub(e->html, at, len), decoded);
    if (!posta__url_is_elsewhere(posta__span(decoded, n))) {
        why = posta__url_path(decoded, n, &path);
        if (why) return refuse(e, POSTA_E_FIELD, at, len, why);
        shows = find(e, path);
        if (!shows) status = add_picture(e, path, at, len, &shows);
    }
    posta__arena_trim(&e->m->arena, decoded, len, 0); /* if nothing was put behind it */
    return status || !shows ? status : add_place(e, shows, at, len);
}

/* ---- url(...) in a style ---- */

static bool begins_nocase(posta_span s, posta_span with) {
    return posta_span_is_nocase(posta__span_sub(s, 0, with.len), with);
}

/* The quote at the begin of `s`, as it is written in an attribute; empty: none. */
static posta_span quote_at(posta_span s) {
    static const char *const quotes[] = {"\"", "'", "&quot;", "&apos;", "&#34;", "&#39;"};
    size_t i;
    for (i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        posta_span q = posta__span_of(quotes[i]);
        if (posta_span_is(posta__span_sub(s, 0, q.len), q)) return q;
    }
    return posta__span(NULL, 0);
}

/* Octets up to the end of a URL in url(...); SIZE_MAX: it is not simple, and left alone. */
static size_t url_len(posta_span s, posta_span quote) {
    size_t n = 0;
    for (; n < s.len; n++) {
        if (s.p[n] == '\\') return SIZE_MAX; /* an escape of CSS */
        if (quote.len == 0 && s.p[n] == ')') return n;
        if (quote.len > 0 && posta_span_is(posta__span_sub(s, n, quote.len), quote)) return n;
    }
    return SIZE_MAX;
}

static bool is_of_name(uint8_t c) {
    return posta__is_alpha(c) || posta__is_digit(c) || c == '-' || c == '_' || c >= 0x80;
}

static posta_status take_style(embed *e, size_t at, size_t len) {
    size_t end = at + len, from = at;
    for (; at < end; at++) {
        posta_span rest = posta__span_sub(e->html, at, end - at), quote;
        size_t n;
        posta_status status;
        if (!begins_nocase(rest, POSTA_LIT("url("))) continue;
        if (at > from && is_of_name(e->html.p[at - 1])) continue;
        for (at += 4; at < end && posta__is_blank(e->html.p[at]);)
            at++;
        quote = quote_at(posta__span_sub(e->html, at, end - at));
        at += quote.len;
        n = url_len(posta__span_sub(e->html, at, end - at), quote);
        if (n == SIZE_MAX) return POSTA_OK;
        status = take_url(e, at, n);
        if (status) return status;
        at += n;
    }
    return POSTA_OK;
}

static posta_status take_value(embed *e, const posta__tags *t, size_t at, size_t len) {
    if (t->is_end) return POSTA_OK;
    if (posta__tags_is(&t->attribute, "style")) return take_style(e, at, len);
    if (posta__tags_is(&t->attribute, "background") ||
        (posta__tags_is(&t->attribute, "src") && posta__tags_is(&t->name, "img")))
        return take_url(e, at, len);
    return POSTA_OK;
}

static posta_status find_all(embed *e) {
    posta__tags tags;
    size_t at, from = 0;
    bool in_value = false;
    memset(&tags, 0, sizeof tags);
    for (at = 0; at < e->html.len; at++) {
        unsigned events = posta__tags_step(&tags, e->html.p[at]);
        posta_status status = POSTA_OK;
        if ((events & POSTA__TAGS_VALUE) && !in_value) from = at;
        if (events & POSTA__TAGS_VALUE_END)
            status = take_value(e, &tags, in_value ? from : at, in_value ? at - from : 0);
        if (status) return status;
        in_value = (events & POSTA__TAGS_VALUE) != 0;
    }
    return POSTA_OK;
}

/* ---- the HTML ---- */

static posta_status write_anew(embed *e, posta__part *html) {
    const place *p;
    posta_window w;
    size_t at = 0;
    if (!e->first) return POSTA_OK;
    if (e->len > SIZE_MAX) return posta__setter_starves(e->m);
    w = posta__window(posta__arena_bytes(&e->m->arena, (size_t)e->len), (size_t)e->len);
    if (!w.p) return posta__setter_starves(e->m);
    for (p = e->first; p; p = p->next) {
        posta__put(&w, posta__span_sub(e->html, at, p->at - at));
        posta__put(&w, POSTA_LIT("cid:"));
        posta__put(&w, posta__span(p->shows->id, ID_LEN));
        at = p->at + p->len;
    }
    posta__put(&w, posta__span_sub(e->html, at, e->html.len));
    html->body = posta_body_data(w.p, w.len);
    html->len = w.len;
    return POSTA_OK;
}

static const char *source_why(const posta__part *html) {
    if (html->body.kind == POSTA_BODY_SLOT || html->len == POSTA_LEN_UNKNOWN)
        return "has to be in memory or a file to have its pictures embedded";
    return html->len > POSTA_MAX_EMBED
               ? "is longer than 8 MiB, too long to have its pictures embedded"
               : NULL;
}

/* Takes all of a source into memory. */
static posta_status read_html(posta_message *m, posta__part *html) {
    const posta_source *source = &html->body.source;
    const char *why = source_why(html);
    size_t len = (size_t)html->len, before = 0;
    posta_window w;
    posta_status status = POSTA_OK;
    if (why) return posta__blame_on(m, POSTA_E_FIELD, html->label, why);
    w = posta__window(posta__arena_bytes(&m->arena, len + 1), len + 1);
    if (!w.p) return POSTA_E_MEMORY;
    html->used = true;
    while (status == POSTA_OK && w.len <= len) {
        status = source->pull(source->user, &w);
        if (status == POSTA_OK && w.len == before) break; /* it would go on for ever */
        before = w.len;
    }
    if (status != POSTA_END || w.len != len)
        return posta__blame_on(m, POSTA_E_BODY, html->label, "could not be read to its end");
    if (source->close) source->close(source->user);
    html->body = posta_body_data(w.p, len);
    html->used = false;
    return POSTA_OK;
}

static posta_status begin(posta_message *m, const posta_embed_options *o, const char *label) {
    posta__part *html = m->html;
    if (!o || o->size < sizeof *o || !o->open)
        return posta__blame_on(m, POSTA_E_ARGUMENT, label, "lacks what opens its files");
    if (!html) return posta__blame_on(m, POSTA_E_STATE, label, "needs an html that shows pictures");
    if (m->owner)
        return posta__blame_on(m, POSTA_E_STATE, label, "comes too late: the message is enclosed");
    return html->body.kind == POSTA_BODY_DATA ? POSTA_OK : read_html(m, html);
}

posta_status posta_message_embed(posta_message *m, const posta_embed_options *options) {
    const char *label;
    posta__text name;
    embed *e;
    posta_status status = posta__setter_begin(m, "html", &label);
    if (status) return status;
    status = begin(m, options, label);
    if (status == POSTA_E_MEMORY) return posta__setter_starves(m);
    if (status) return posta__setter_fails(m, status);
    e = posta__arena_take(&m->arena, sizeof *e);
    if (!e) return posta__setter_starves(m);
    memset(e, 0, sizeof *e);
    e->m = m;
    e->o = options;
    name = posta__text_in(e->label, sizeof e->label);
    posta__text_put(&name, label);
    e->html = m->html->body.data;
    e->len = e->html.len;
    status = find_all(e);
    return status ? status : write_anew(e, m->html);
}
