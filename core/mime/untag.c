/* core/mime: text from HTML, in one pass and constant memory: for readers that show no HTML, and
 * for those who look for mail that has none.
 *
 *     headings    a line of = or - below the first two      <li>         "* ", "1. ", set in
 *     <a>         text <url>                                <blockquote> "> "
 *     <img>       its alt                                   <pre>        as it is
 *     <td>        a space                                   <hr>         ---
 *
 * BUGS: styles are not looked at: what they hide is shown, what they number is not numbered.
 */
#include "html_i.h"

typedef struct untag {
    posta__stage stage;
    posta__tags tags;
    posta__entity entity;
    posta__layout layout;
    bool after_cr;
    bool has_url, has_alt; /* of this tag: the first attribute counts */
    bool is_new_url;       /* the one before it is still there */
    uint8_t ending;        /* steps of the end that are done */
} untag;

/* ---- elements ---- */

typedef enum what {
    NOTHING,
    BLOCK,
    PARAGRAPH,
    HEADING,
    UNDERLINED,
    LINE,
    CELL,
    RULE,
    LIST,
    NUMBERED,
    ITEM,
    QUOTE,
    VERBATIM,
    LINK
} what;

static const struct {
    char name[11];
    uint8_t what;
} rows[] = {
    {"p", PARAGRAPH},      {"br", LINE},        {"div", BLOCK},       {"a", LINK},
    {"td", CELL},          {"tr", BLOCK},       {"table", PARAGRAPH}, {"th", CELL},
    {"li", ITEM},          {"ul", LIST},        {"ol", NUMBERED},     {"h1", HEADING},
    {"h2", UNDERLINED},    {"h3", PARAGRAPH},   {"h4", PARAGRAPH},    {"h5", PARAGRAPH},
    {"h6", PARAGRAPH},     {"hr", RULE},        {"pre", VERBATIM},    {"blockquote", QUOTE},
    {"dl", PARAGRAPH},     {"dt", BLOCK},       {"dd", BLOCK},        {"section", BLOCK},
    {"article", BLOCK},    {"header", BLOCK},   {"footer", BLOCK},    {"main", BLOCK},
    {"nav", BLOCK},        {"aside", BLOCK},    {"address", BLOCK},   {"center", BLOCK},
    {"form", BLOCK},       {"fieldset", BLOCK}, {"legend", BLOCK},    {"figure", PARAGRAPH},
    {"figcaption", BLOCK}, {"details", BLOCK},  {"summary", BLOCK},   {"caption", BLOCK},
    {"option", BLOCK},     {"body", BLOCK},     {"html", BLOCK},      {"menu", LIST},
};

static what find(const posta__tags_name *name) {
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        if (posta__tags_is(name, rows[i].name)) return (what)rows[i].what;
    return NOTHING;
}

static void heading(untag *u, uint8_t c) {
    posta__layout *l = &u->layout;
    size_t n = l->column < 72 ? l->column : 72;
    bool stands_there = l->has_text && l->lines == 0 && n > 0;
    if (u->tags.is_end && stands_there) posta__layout_rule(l, c, n);
    posta__layout_break(l, 2);
}

static void deeper(uint32_t *depth, bool is_end) {
    if (is_end && *depth > 0) --*depth;
    if (!is_end && *depth < UINT32_MAX) ++*depth;
}

static void verbatim(untag *u) {
    posta__layout *l = &u->layout;
    deeper(&l->verbatim, u->tags.is_end);
    if (u->tags.is_end && l->lines > 2) l->lines = 2;
    posta__layout_break(l, 2);
    l->skips_eol = !u->tags.is_end;
}

static void item(untag *u) {
    posta__layout_break(&u->layout, 1);
    u->layout.has_marker = !u->tags.is_end;
}

static void tag(untag *u) {
    posta__layout *l = &u->layout;
    bool is_end = u->tags.is_end;
    switch (find(&u->tags.name)) {
    case BLOCK: posta__layout_break(l, 1); break;
    case PARAGRAPH: posta__layout_break(l, 2); break;
    case HEADING: heading(u, '='); break;
    case UNDERLINED: heading(u, '-'); break;
    case LINE: posta__layout_line(l); break;
    case CELL: l->has_space = true; break;
    case RULE:
        posta__layout_rule(l, '-', 3);
        posta__layout_break(l, 1);
        break;
    case LIST:
    case NUMBERED:
        if (is_end)
            posta__layout_list_end(l);
        else
            posta__layout_list(l, find(&u->tags.name) == NUMBERED);
        break;
    case ITEM: item(u); break;
    case QUOTE:
        posta__layout_break(l, 2);
        deeper(&l->quotes, is_end);
        break;
    case VERBATIM: verbatim(u); break;
    case LINK:
        if (u->has_url) posta__layout_link(l);
        break;
    case NOTHING:
    default: break;
    }
}

/* ---- attributes ---- */

static bool is_url(const untag *u) {
    return !u->has_url && !u->tags.is_end && posta__tags_is(&u->tags.name, "a") &&
           posta__tags_is(&u->tags.attribute, "href");
}

static bool is_alt(const untag *u) {
    return !u->has_alt && !u->tags.is_end && posta__tags_is(&u->tags.name, "img") &&
           posta__tags_is(&u->tags.attribute, "alt");
}

static void name(untag *u) {
    bool is_picture = !u->tags.is_end && posta__tags_is(&u->tags.name, "img");
    u->has_url = u->has_alt = false;
    u->layout.has_space = u->layout.has_space || is_picture;
    if (!posta__tags_is(&u->tags.name, "a")) return;
    posta__layout_link_end(&u->layout);
    u->is_new_url = true;
}

static void begin_url(untag *u) {
    if (u->is_new_url) posta__layout_url_begin(&u->layout);
    u->is_new_url = false;
}

static void value(untag *u, uint8_t c) {
    if (is_url(u)) {
        begin_url(u);
        posta__layout_url(&u->layout, c);
    }
    if (is_alt(u)) posta__layout_put(&u->layout, c);
}

static void value_end(untag *u) {
    if (is_alt(u)) {
        u->layout.has_space = true;
        u->has_alt = true;
    }
    if (is_url(u)) {
        begin_url(u);
        u->has_url = true;
    }
}

/* ---- octets ---- */

static void give(untag *u, const uint8_t *p, size_t n, bool in_value) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (in_value)
            value(u, p[i]);
        else
            posta__layout_put(&u->layout, p[i]);
    }
}

static void decode(untag *u, uint8_t c, bool in_value) {
    uint8_t out[POSTA__ENTITY_OUT];
    give(u, out, posta__entity_step(&u->entity, c, in_value, out), in_value);
}

static void decode_end(untag *u, bool in_value) {
    uint8_t out[POSTA__ENTITY_OUT];
    give(u, out, posta__entity_end(&u->entity, in_value, out), in_value);
}

static void take(untag *u, uint8_t c) {
    bool is_second = c == '\n' && u->after_cr;
    unsigned events;
    u->after_cr = c == '\r';
    if (is_second) return;
    if (c == '\r') c = '\n';
    events = posta__tags_step(&u->tags, c);
    if (events & POSTA__TAGS_STRAY) posta__layout_put(&u->layout, '<');
    if (events & POSTA__TAGS_TEXT) decode(u, c, false);
    if (events & POSTA__TAGS_VALUE) decode(u, c, true);
    if (events & POSTA__TAGS_VALUE_END) decode_end(u, true);
    if (events & POSTA__TAGS_VALUE_END) value_end(u);
    if (events == 0) decode_end(u, false); /* "AT&T<b>": nothing can follow it any more */
    if (events & POSTA__TAGS_NAME) name(u);
    if (events & POSTA__TAGS_TAG) tag(u);
}

/* ---- the stage ---- */

static void begin(posta__stage *stage) {
    untag *u = (untag *)stage;
    memset((uint8_t *)u + sizeof u->stage, 0, sizeof *u - sizeof u->stage);
}

static posta_status step(posta__stage *stage, posta_span *in, posta_window *out) {
    untag *u = (untag *)stage;
    while (posta__layout_drain(&u->layout, out)) {
        if (in->len == 0) return POSTA_OK;
        take(u, in->p[0]);
        *in = posta__span_sub(*in, 1, in->len);
    }
    return POSTA_AGAIN;
}

static void finish(untag *u) {
    unsigned events = 0;
    switch (u->ending++) {
    case 0:
        events = posta__tags_end(&u->tags);
        if (events & POSTA__TAGS_STRAY) posta__layout_put(&u->layout, '<');
        if (events & POSTA__TAGS_TEXT) decode_end(u, false);
        break;
    case 1: posta__layout_link_end(&u->layout); break;
    default: u->layout.put_lines = u->layout.has_text; break;
    }
}

static posta_status end(posta__stage *stage, posta_window *out) {
    untag *u = (untag *)stage;
    while (posta__layout_drain(&u->layout, out)) {
        if (u->ending > 2) return POSTA_OK;
        finish(u);
    }
    return POSTA_AGAIN;
}

posta__stage *posta__untag_new(posta_message *m) {
    untag *u = posta__arena_take(&m->arena, sizeof *u);
    if (!u) return NULL;
    u->stage.begin = begin;
    u->stage.step = step;
    u->stage.end = end;
    return &u->stage;
}
