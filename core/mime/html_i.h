/* core/mime: what is needed of HTML, octet by octet: where tags and their attributes are, what
 * references to characters stand for, and how text is laid out in lines. None of it fails: HTML in
 * mail is seldom right, and what is broken is read as browsers read it, as far as that goes without
 * a tree. */
#ifndef POSTA_MIME_HTML_I_H
#define POSTA_MIME_HTML_I_H

#include "mime_i.h"

/* ---- tags (tags.c) ---- */

/** What an octet was; a set, in this order. */
enum {
    POSTA__TAGS_STRAY = 1u,      /* the "<" in front of it is text */
    POSTA__TAGS_TEXT = 2u,       /* it is text */
    POSTA__TAGS_NAME = 4u,       /* it ends a tag's name: `name`, `is_end` */
    POSTA__TAGS_VALUE = 8u,      /* it is of the value of `attribute` */
    POSTA__TAGS_VALUE_END = 16u, /* that value is over, maybe without an octet */
    POSTA__TAGS_TAG = 32u        /* it ends a tag */
};

/* The longest names that matter are "blockquote" and "background". */
#define POSTA__TAGS_NAME_CAP 12u

/** A name in lower case; n over the cap: longer, so it is none that matters. */
typedef struct posta__tags_name {
    uint8_t p[POSTA__TAGS_NAME_CAP];
    uint8_t n;
} posta__tags_name;

/** All zero: nothing was seen yet. */
typedef struct posta__tags {
    posta__tags_name name, attribute;
    bool is_end; /* </name> */
    /* inside */
    uint8_t state, quote, matched;
    posta__tags_name raw; /* the element whose content is no HTML; n 0: none */
} posta__tags;

unsigned posta__tags_step(posta__tags *t, uint8_t c);
/** What the end is of: TEXT, or STRAY, or neither. */
unsigned posta__tags_end(posta__tags *t);
bool posta__tags_is(const posta__tags_name *n, const char *name);
/** What HTML calls white space. */
static inline bool posta__is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* ---- references to characters (entity.c): &amp; &#8364; &#x20ac; ---- */

#define POSTA__ENTITY_CAP 12u /* octets between & and ; */
#define POSTA__ENTITY_OUT 16u

/** All zero: none is under way. */
typedef struct posta__entity {
    uint8_t p[POSTA__ENTITY_CAP];
    uint8_t n;
    bool is_open;
} posta__entity;

/** The octets that are known now that `c` was seen, as UTF-8; returns how many. What is no
 * reference is given as it stands. A no-break space is a space, a soft hyphen nothing: both are for
 * who sets the lines. `in_value`: of an attribute, where "&copy=1" is what it says. */
size_t posta__entity_step(posta__entity *e, uint8_t c, bool in_value,
                          uint8_t out[POSTA__ENTITY_OUT]);
/** The same for the end of the text or value. */
size_t posta__entity_end(posta__entity *e, bool in_value, uint8_t out[POSTA__ENTITY_OUT]);

/* ---- lines of text (layout.c) ---- */

#define POSTA__URL_CAP    900u /* a longer one is not shown */
#define POSTA__LISTS_MAX  8u   /* deeper ones are not set in further */
#define POSTA__QUOTES_MAX 8u

typedef struct posta__layout {
    /* what is owed before the next character */
    uint32_t lines;
    bool has_space, has_marker;
    /* where it will stand */
    uint32_t quotes, lists, verbatim;   /* how deep */
    uint32_t numbers[POSTA__LISTS_MAX]; /* of the next item; 0: it gets a bullet */
    bool skips_eol;                     /* the first line end of a <pre> is none */
    bool has_text;                      /* anything so far */
    size_t column;                      /* characters of the line, without what is set in front */
    uint32_t line_quotes;               /* of the line before */
    /* the link */
    uint8_t url[POSTA__URL_CAP + 1];
    size_t url_n;      /* POSTA__URL_CAP + 1: too long */
    size_t url_spaces; /* not written yet: those at the end do not belong to it */
    bool in_link, link_has_text, is_same; /* is_same: the text is the URL so far */
    size_t link_at;
    /* what is to be written, in this order */
    uint32_t put_lines, put_quotes, blank_quotes;
    uint8_t hold[160];
    size_t hold_at, hold_n;
    size_t url_at, put_url;
} posta__layout;

/** Writes what is owed to the window. False: no room for the rest. Between two calls one octet of
 * input may be laid out. */
bool posta__layout_drain(posta__layout *l, posta_window *w);
/** A character's octet, as it is shown. */
void posta__layout_put(posta__layout *l, uint8_t c);
/** At least n line ends are to come before the next character. */
void posta__layout_break(posta__layout *l, uint32_t n);
/** One more line end, but never more than one blank line. */
void posta__layout_line(posta__layout *l);
/** A line of n times `c`. */
void posta__layout_rule(posta__layout *l, uint8_t c, size_t n);
void posta__layout_list(posta__layout *l, bool is_numbered);
void posta__layout_list_end(posta__layout *l);
/** The URL of the link that will be opened: from the beginning; its next octet. */
void posta__layout_url_begin(posta__layout *l);
void posta__layout_url(posta__layout *l, uint8_t c);
void posta__layout_link(posta__layout *l);
void posta__layout_link_end(posta__layout *l);

/* ---- paths (url.c) ---- */

/** Where it leads without the HTML: it has a scheme, a host, or is a fragment alone; or it is
 * empty.
 */
bool posta__url_is_elsewhere(posta_span url);
/** The path of a relative URL: without query and fragment, %XX decoded, each \ a /, without "."
 * and "..". `p` holds `len` octets and is written over; *path_out is in it. Null, or why it is
 * refused. */
const char *posta__url_path(uint8_t *p, size_t len, posta_span *path_out);

/* ---- */

/** HTML becomes text. In the message's arena; null: out of memory. (untag.c) */
posta__stage *posta__untag_new(posta_message *m);

#endif
