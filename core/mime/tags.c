/* core/mime: finds tags in HTML. The states are those of the HTML standard's tokenizer (13.2.5), as
 * far as they tell tags from text; so what a browser takes for a comment, a script or a title is
 * none of the text here either.
 *
 * BUGS: a script that holds "<!--<script>" ends at the first </script>.
 */
#include "html_i.h"

enum {
    DATA,
    TAG_OPEN,    /* "<" */
    END_OPEN,    /* "</" */
    NAME,        /* "<a" */
    BEFORE_ATTR, /* "<a " */
    ATTR,        /* "<a b" */
    AFTER_ATTR,  /* "<a b " */
    BEFORE_VALUE,
    VALUE,
    MARKUP,      /* "<!" */
    MARKUP_DASH, /* "<!-" */
    COMMENT,
    BOGUS, /* up to the next ">" */
    RAW    /* up to the end tag of `raw` */
};

static void name_put(posta__tags_name *n, uint8_t c) {
    if (n->n < POSTA__TAGS_NAME_CAP) n->p[n->n] = posta__lower(c);
    if (n->n <= POSTA__TAGS_NAME_CAP) n->n++;
}

bool posta__tags_is(const posta__tags_name *n, const char *name) {
    size_t len = strlen(name);
    return n->n == len && memcmp(n->p, name, len) == 0;
}

static unsigned go(posta__tags *t, uint8_t state, unsigned events) {
    t->state = state;
    return events;
}

/* ---- elements whose content is no HTML, and none of it is shown as text ---- */

static bool is_raw(const posta__tags_name *n) {
    static const char *const names[] = {"script", "style",    "title",  "textarea",
                                        "iframe", "noframes", "noembed"};
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (posta__tags_is(n, names[i])) return true;
    return false;
}

static unsigned end_tag(posta__tags *t) {
    t->raw.n = 0;
    if (!t->is_end && is_raw(&t->name)) t->raw = t->name;
    t->matched = 0;
    return go(t, t->raw.n > 0 ? RAW : DATA, POSTA__TAGS_TAG);
}

static unsigned raw(posta__tags *t, uint8_t c) {
    size_t len = 2u + t->raw.n;
    if (t->matched == len && (posta__is_blank(c) || c == '/' || c == '>')) {
        t->name = t->raw;
        t->is_end = true;
        if (c == '>') return POSTA__TAGS_NAME | end_tag(t);
        return go(t, BEFORE_ATTR, POSTA__TAGS_NAME);
    }
    if (t->matched < len &&
        posta__lower(c) == (t->matched < 2 ? "</"[t->matched] : t->raw.p[t->matched - 2]))
        t->matched++;
    else
        t->matched = c == '<';
    return 0;
}

/* ---- tags ---- */

static unsigned begin_name(posta__tags *t, uint8_t c, bool is_end) {
    t->name.n = 0;
    t->is_end = is_end;
    name_put(&t->name, c);
    return go(t, NAME, 0);
}

static unsigned tag_open(posta__tags *t, uint8_t c) {
    if (posta__is_alpha(c)) return begin_name(t, c, false);
    if (c == '/') return go(t, END_OPEN, 0);
    if (c == '!') return go(t, MARKUP, 0);
    if (c == '?') return go(t, BOGUS, 0);
    if (c == '<') return go(t, TAG_OPEN, POSTA__TAGS_STRAY);
    return go(t, DATA, POSTA__TAGS_STRAY | POSTA__TAGS_TEXT);
}

static unsigned end_open(posta__tags *t, uint8_t c) {
    if (posta__is_alpha(c)) return begin_name(t, c, true);
    return go(t, c == '>' ? DATA : BOGUS, 0);
}

static unsigned name(posta__tags *t, uint8_t c) {
    if (c == '>') return POSTA__TAGS_NAME | end_tag(t);
    if (c == '/' || posta__is_blank(c)) return go(t, BEFORE_ATTR, POSTA__TAGS_NAME);
    name_put(&t->name, c);
    return 0;
}

static unsigned before_attr(posta__tags *t, uint8_t c) {
    if (c == '>') return end_tag(t);
    if (c == '/' || posta__is_blank(c)) return go(t, BEFORE_ATTR, 0);
    t->attribute.n = 0;
    name_put(&t->attribute, c);
    return go(t, ATTR, 0);
}

static unsigned attr(posta__tags *t, uint8_t c) {
    if (c == '=') return go(t, BEFORE_VALUE, 0);
    if (posta__is_blank(c)) return go(t, AFTER_ATTR, 0);
    if (c == '>' || c == '/') return before_attr(t, c);
    name_put(&t->attribute, c);
    return 0;
}

static unsigned after_attr(posta__tags *t, uint8_t c) {
    if (c == '=') return go(t, BEFORE_VALUE, 0);
    return posta__is_blank(c) ? 0 : before_attr(t, c);
}

static unsigned before_value(posta__tags *t, uint8_t c) {
    if (posta__is_blank(c)) return 0;
    if (c == '>') return end_tag(t);
    t->quote = c == '"' || c == '\'' ? c : 0;
    return go(t, VALUE, t->quote ? 0 : POSTA__TAGS_VALUE);
}

static unsigned value(posta__tags *t, uint8_t c) {
    if (t->quote && c == t->quote) return go(t, BEFORE_ATTR, POSTA__TAGS_VALUE_END);
    if (t->quote) return POSTA__TAGS_VALUE;
    if (c == '>') return POSTA__TAGS_VALUE_END | end_tag(t);
    if (posta__is_blank(c)) return go(t, BEFORE_ATTR, POSTA__TAGS_VALUE_END);
    return POSTA__TAGS_VALUE;
}

/* ---- comments ---- */

static unsigned bogus(posta__tags *t, uint8_t c) {
    return go(t, c == '>' ? DATA : BOGUS, 0);
}

static unsigned markup(posta__tags *t, uint8_t c) {
    return c == '-' ? go(t, MARKUP_DASH, 0) : bogus(t, c);
}

/* "<!-->" is a comment, and "--!>" ends one. */
static unsigned markup_dash(posta__tags *t, uint8_t c) {
    t->matched = 2;
    return c == '-' ? go(t, COMMENT, 0) : bogus(t, c);
}

static unsigned comment(posta__tags *t, uint8_t c) {
    bool has_dashes = t->matched >= 2;
    if (has_dashes && c == '>') return go(t, DATA, 0);
    if (has_dashes && (c == '-' || c == '!')) return 0;
    t->matched = c == '-' ? (uint8_t)(t->matched + 1) : 0;
    return 0;
}

/* ---- the machine ---- */

unsigned posta__tags_step(posta__tags *t, uint8_t c) {
    switch (t->state) {
    case DATA: return c == '<' ? go(t, TAG_OPEN, 0) : POSTA__TAGS_TEXT;
    case TAG_OPEN: return tag_open(t, c);
    case END_OPEN: return end_open(t, c);
    case NAME: return name(t, c);
    case BEFORE_ATTR: return before_attr(t, c);
    case ATTR: return attr(t, c);
    case AFTER_ATTR: return after_attr(t, c);
    case BEFORE_VALUE: return before_value(t, c);
    case VALUE: return value(t, c);
    case MARKUP: return markup(t, c);
    case MARKUP_DASH: return markup_dash(t, c);
    case COMMENT: return comment(t, c);
    case RAW: return raw(t, c);
    case BOGUS:
    default: return bogus(t, c);
    }
}

unsigned posta__tags_end(posta__tags *t) {
    uint8_t state = t->state;
    t->state = DATA;
    if (state == TAG_OPEN) return POSTA__TAGS_STRAY;
    return state == DATA ? POSTA__TAGS_TEXT : 0;
}
