/* core/mime: the composer's own words.
 *
 *     setters (field.c, part.c)  ->  posta_message: lists of fields and parts, in one arena
 *     compose (compose.c)        ->  program: a flat list of segments, in an arena of its own, so
 * that composing again gives the memory of the last time back pull (pull.c)              -> octets,
 * copied or encoded straight into the consumer's window
 *
 * Freestanding; no recursion; memory, time and randomness come from the message's port.
 */
#ifndef POSTA_MIME_I_H
#define POSTA_MIME_I_H

#include "../codec/codec_i.h"
#include "posta/mime.h"

/* Octets read from a source at a time. */
#ifndef POSTA_MIME_READ_SPACE
#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA_MIME_READ_SPACE 16u
#else
#define POSTA_MIME_READ_SPACE 8192u
#endif
#endif

/* Octets that come with a message for what its setters keep, and for its program. */
#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA__FIELD_SPACE   64u
#define POSTA__PROGRAM_SPACE 64u
#else
#define POSTA__FIELD_SPACE   1536u
#define POSTA__PROGRAM_SPACE 1024u
#endif

/* Octets that a stage holds ready. */
#if defined(POSTA_TINY) && POSTA_TINY
#define POSTA__STAGE_SPACE 16u
#else
#define POSTA__STAGE_SPACE 512u
#endif

#define POSTA__LABEL_CAP sizeof(((posta_problem *)0)->field)

/* ---- problems (problem.c) ---- */

/** What is wrong, for one sentence: `label: "value" why (byte at)`. */
typedef struct posta__blame {
    const char *label;
    posta_span value; /* p null: none is shown */
    const char *why;
    size_t at; /* SIZE_MAX: no place is shown */
} posta__blame;

#define POSTA__NOWHERE SIZE_MAX

/** Bounded text: what does not fit is left out; always NUL-terminated. */
typedef struct posta__text {
    char *p;
    size_t cap;
    size_t len;
} posta__text;

posta__text posta__text_in(char *p, size_t cap);
void posta__text_put(posta__text *t, const char *s);
void posta__text_number(posta__text *t, uint64_t n);
/** In quotes, clipped at 60 octets, with controls and what is not UTF-8 escaped. */
void posta__text_value(posta__text *t, posta_span value);

/** There is no problem. */
void posta__blame_nothing(posta_message *m);
/** Writes the problem and answers `status`. Allocates nothing. */
posta_status posta__blame_it(posta_message *m, posta_status status, posta__blame b);
/** The same for `label: why`. */
posta_status posta__blame_on(posta_message *m, posta_status status, const char *label,
                             const char *why);

/* ---- fields ---- */

typedef struct posta__entry posta__entry;
struct posta__entry {
    posta__entry *next;
    posta__address a;
    /* of an address that is not ASCII, else empty */
    posta_span ascii;  /* its domain in A-labels; empty where nobody knows them */
    const char *label; /* what errors call it */
};

#define POSTA__ADDRESS_FIELDS ((size_t)POSTA_NOTIFY_TO + 1u)

typedef struct posta__entries {
    posta__entry *first, *last;
    size_t n; /* mailboxes, groups not counted */
} posta__entries;

typedef struct posta__header posta__header;
struct posta__header {
    posta__header *next;
    posta_span name, value;
    size_t room;              /* octets behind `value` that it may grow into */
    bool is_typed;            /* by a setter of its own */
    posta__header *next_typed;
    posta__entries addresses; /* of a value that is not ASCII, in a field for addresses */
};

/** Checks a field that a caller names and copies it; the message's own fields are refused, all
 * Content-* in the message, those that posta writes in a part. Null: the message is in error. */
posta__header *posta__header_new(posta_message *m, const char *label, posta_field field,
                                 bool in_part);

/* ---- addresses that are not ASCII (smtputf8.c) ---- */

void posta__entries_add(posta__entries *list, posta__entry *e);
/** Looks at an address that was just given: finds its A-labels if it has need of them. POSTA_OK
 * where nobody can; POSTA_E_FIELD with *fault; POSTA_E_MEMORY. */
posta_status posta__entry_look(posta_message *m, posta__entry *e, const char *label,
                               posta__address_fault *fault);
/** The address as it is written: as given, or in ASCII. */
posta__address posta__entry_form(const posta__entry *e, bool may_utf8);
/** Its domain as domains are compared. */
posta_span posta__entry_domain(const posta__entry *e);
/** Before composing: can every address go where the server takes ASCII only? Else finds whether the
 * header will have UTF-8. The problem names the address. */
posta_status posta__utf8_look(posta_message *m, bool has_envelope);
bool posta__is_address_field(posta_span name);
/** Reads the header's value as addresses (row G08: no encoded word gets into one). */
posta_status posta__header_addresses(posta_message *m, posta__header *h, const char *label,
                                     posta__address_fault *fault);

/* ---- stages: what octets go through between a part's body and its encoding ---- */

typedef struct posta__stage posta__stage;
struct posta__stage {
    void (*begin)(posta__stage *s);
    /* in the shape of the codec's step encoders; nothing is refused */
    posta_status (*step)(posta__stage *s, posta_span *in, posta_window *out);
    posta_status (*end)(posta__stage *s, posta_window *out);
    /* input.c */
    posta_span in;
    bool has_ended, is_over; /* nothing more comes in; nothing more goes out */
    uint8_t space[POSTA__STAGE_SPACE];
};

/** Text becomes format=flowed, RFC 3676. In the message's arena; null: out of memory. (flow.c) */
posta__stage *posta__flow_new(posta_message *m);

/* ---- parts ---- */

typedef enum posta__use {
    POSTA__USE_TEXT,
    POSTA__USE_HTML,
    POSTA__USE_INLINE,
    POSTA__USE_ATTACHMENT,
    POSTA__USE_CALENDAR,
    POSTA__USE_LEAF,
    POSTA__USE_MULTIPART,
    POSTA__USE_RAW
} posta__use;

typedef struct posta_part posta__part;
struct posta_part {
    posta_message *message;
    posta__part *next_all; /* of the message: for closing and rewinding */
    /* the tree; of what was given by intention it is made when composed (tree.c) */
    posta__part *parent, *child, *child_last, *next;
    char *boundary;              /* MULTIPART, POSTA__BOUNDARY_LEN; null: not drawn yet */
    posta__part *next_multipart; /* of the message */
    posta_span root_type;        /* multipart/related: the type of its root */
    posta_message *enclosed;     /* message/rfc822 that is a message of posta's */
    bool is_placed;              /* by hand */
    bool is_named;               /* the HTML shows it; found by posta_message_check */
    const char *label;
    posta__use use;
    bool is_text;       /* line ends are canonicalised; else octets arrive unchanged */
    bool is_whole;      /* message/...: may not be encoded, RFC 2046 5.2 */
    bool is_utf8;       /* has to be: a text or html whose charset is utf-8 */
    bool seeks_charset; /* text/... without one: utf-8 if that is seen to be true, else `charset` */
    bool has_disposition; /* it was given, not guessed */
    /* what was said about it; empty: not given */
    posta_span name, type, charset, disposition, description, content_id, language;
    posta_span method;   /* of a calendar */
    posta__part *ids[2]; /* parts with a Content-ID, as a tree by the bits of its hash */
    uint32_t id_hash;
    posta__header *headers, *headers_last;
    posta__header *parameters, *parameters_last;
    posta_encoding encoding;
    /* where it comes from */
    posta_body body;
    uint64_t len; /* octets that will come, or POSTA_LEN_UNKNOWN */
    size_t slot;  /* SLOT: its number */
    bool used;    /* something was taken from a source or slot since it was last at its begin */
    posta__stage *untag; /* null: it is not made of the HTML */
    posta__stage *flow;  /* null: not flowed */
    /* what compose found */
    bool is_scanned;
    bool has_8bit;
    bool has_utf8; /* RAW: in its header */
    posta__cte cte;
    uint64_t out_len; /* encoded, or POSTA_LEN_UNKNOWN */
    posta__scan scan; /* is_scanned; its lengths only. Last: a new part is not cleared from here on
                       */
};

/** Do octets change on their way from the body to the encoding? */
static inline bool posta__part_is_staged(const posta__part *p) {
    return p->flow || p->untag;
}

/** The media type for a file name; "application/octet-stream" when it is not known. */
posta_span posta__type_of_name(posta_span name);

/** A number for octets, the same for both cases of a letter; `from`: the number of what stands
 * before them, 0 at first. (part.c) */
uint32_t posta__hash(posta_span s, uint32_t from);
/** Where the message has the part with this Content-ID; what is there is null if it has none. */
posta__part **posta__part_by_id(posta_message *m, posta_span id);

/* ---- the program ---- */

typedef enum posta__seg_kind {
    POSTA__SEG_LITERAL, /* octets as they are */
    POSTA__SEG_BODY,    /* a part, encoded */
    POSTA__SEG_EOL      /* a line end if the octet before is none: the end of the message */
} posta__seg_kind;

typedef struct posta__seg posta__seg;
struct posta__seg {
    posta__seg *next;
    posta__seg_kind kind;
    posta_span literal;
    posta__part *part; /* BODY, EOL: of the part before it, or null */
};

typedef enum posta__shape {
    POSTA__SHAPE_NONE,
    POSTA__SHAPE_MESSAGE,
    POSTA__SHAPE_MIME_ONLY /* posta_mime_get_header: without From, To, ... */
} posta__shape;

typedef struct posta__program {
    posta_arena arena;
    posta__shape shape;
    posta__seg *first, *last;
    posta_window text; /* the literal that is being written, at the end of the arena */
    uint64_t len;      /* of all segments, or POSTA_LEN_UNKNOWN */
    uint64_t head_len; /* up to and with the blank line */
    bool has_8bit;
    bool has_utf8; /* in a header */
    bool has_binary;
    bool may_8bit, may_binary, may_utf8;
    posta_window read; /* what was read from a source; p null: no source */
} posta__program;

/* ---- reading a body (input.c) ---- */

typedef struct posta__input {
    posta__part *part;
    posta_span in; /* octets not taken yet, behind the part's stages */
    uint64_t got;  /* octets that the body gave so far */
    bool ended;
} posta__input;

void posta__input_init(posta__input *i, posta__part *part);
/** Makes `in` not empty, or answers POSTA_END; POSTA_AGAIN: a slot waits or the source has nothing
 * now; POSTA_E_BODY with the problem told. */
posta_status posta__input_fill(posta_message *m, posta__input *i);
/** The problem of an enclosed message is the part's too. */
posta_status posta__blame_enclosed(posta_message *m, posta_status status, const posta__part *p);
/** Blames a part for what is no UTF-8 at `at`. */
posta_status posta__blame_utf8(posta_message *m, posta_status status, const posta__part *p,
                               uint64_t at);
/** Brings every part's body back to its begin. POSTA_E_STATE: one cannot be read twice. */
posta_status posta__parts_rewind(posta_message *m);
posta_status posta__part_rewind(posta_message *m, posta__part *p);

/* ---- watching what goes by (watch.c) ---- */

#define POSTA__MARK_LEN (2u + POSTA__BOUNDARY_LEN) /* "--" and the boundary */

/** Looks for the message's delimiter lines in octets that are not encoded. */
typedef struct posta__watch {
    uint8_t line[POSTA__MARK_LEN];
    size_t n; /* octets of the line in `line`; POSTA__MARK_LEN + 1: the rest does not matter */
} posta__watch;

/** False: one of the message's boundaries is in it. */
bool posta__watch_step(posta__watch *w, const posta_message *m, posta_span s);

/** Reads the header block of a raw message as it goes by. */
typedef struct posta__raw_watch {
    uint8_t name[32]; /* of the field, in lower case; longer ones are not of interest */
    size_t n;
    bool in_body, in_value;
    bool in_line;  /* something of the line was seen */
    bool has_gap;  /* white space or a fold stands behind the name */
    uint16_t seen; /* singletons, a bit each */
    bool has_utf8; /* an octet above 127 in the header */
    posta__utf8 utf8;
} posta__raw_watch;

/** Null, or a phrase for what may not be there ("has a Bcc field"). Takes whole CRLF lines, in
 * pieces. */
const char *posta__raw_watch_step(posta__raw_watch *w, posta_span s);

/* ---- pulling (pull.c) ---- */

#define POSTA__SPILL_CAP 16u

typedef struct posta__run {
    posta_status status; /* POSTA_END or a fault: final */
    posta__seg *seg;     /* null: the end */
    size_t at;           /* LITERAL, EOL: octets given */
    uint64_t given;      /* octets of the message given */
    uint8_t last;        /* the last of them, 0: none */
    bool in_body;
    /* the body that is going on */
    bool is_known; /* it was looked at, and cannot have changed since */
    posta__input input;
    uint64_t gave; /* encoded octets of this body */
    union {
        posta__base64 base64;
        posta__qp qp;
        posta__lines lines;
    } enc;
    posta__watch watch;
    posta__raw_watch raw;
    posta__utf8 utf8;
    /* a unit that the consumer's window was too small for */
    uint8_t spill_at[POSTA__SPILL_CAP];
    posta_window spill;
} posta__run;

void posta__run_begin(posta_message *m);
posta_status posta__message_pull(void *message, posta_window *out);

/* ---- the message ---- */

typedef enum posta__node {
    POSTA__NODE_MIXED,
    POSTA__NODE_ALTERNATIVE,
    POSTA__NODE_RELATED,
    POSTA__NODES
} posta__node;

struct posta_message {
    const posta_port *port;
    posta_arena arena;
    posta_status status; /* the first setter's error, sticky */
    /* header */
    posta__entries addresses[POSTA__ADDRESS_FIELDS];
    bool has_envelope_from;
    bool has_subject;
    bool subject_is_simple; /* posta__text_is_simple */
    posta_span subject;
    posta_span date; /* as it will be written; empty: not given */
    posta_span id;   /* with brackets */
    posta__header *headers, *headers_last;
    posta__header *typed; /* those that are; a few */
    bool is_one_click;
    bool has_letters; /* an address is not ASCII */
    /* what stands for randomness, if a key was given */
    bool has_seed;
    uint64_t seed[2], drawn;
    /* parts */
    posta__part *all, *all_last;
    posta__part *text, *html, *calendar, *raw;
    posta__part *inlines, *inlines_last;
    posta__part *attachments, *attachments_last;
    size_t inlines_n, attachments_n, slots_n, made_n;
    posta__part *ids;                 /* see posta__part_by_id */
    posta__part *tree;                /* given by hand; null: by intention */
    posta__part *nodes[POSTA__NODES]; /* made where the intention needs them */
    posta_line_ends line_ends;
    posta_message *owner; /* encloses this one */
    size_t chain;         /* messages that are enclosed in it, one in the other */
    size_t depth;         /* levels of its tree, those of enclosed ones with it */
    /* composing */
    posta__part *root;       /* what the last compose found; null: an empty text */
    posta__part *multiparts; /* in it */
    posta__program program;
    posta__run run;
    /* slots */
    size_t wanted;  /* POSTA_NO_SLOT: none */
    posta_span fed; /* of the wanted slot */
    bool fed_finished;
    /* what the envelope asks for */
    bool has_options;
    posta_mail_options options;
    unsigned notify;
    /* envelope, made once */
    posta_recipient *to;
    size_t to_n;
    const char *from;
    /* A small message needs no more than this: first what the setters keep, then the program. */
    uint8_t *own_space;
    bool has_label; /* for the next setter */
    /* texts, last: a new message is not cleared from here on */
    posta_problem problem;
    char label[POSTA__LABEL_CAP];
};

/** Begins a setter: POSTA_OK, or the message's earlier error. Takes the label, else `standard`; it
 * is good until posta_message_label. */
posta_status posta__setter_begin(posta_message *m, const char *standard, const char **label_out);
/** Answers `status` and keeps it as the message's error. */
posta_status posta__setter_fails(posta_message *m, posta_status status);
/** Out of memory, in a setter. */
posta_status posta__setter_starves(posta_message *m);

/** 16 octets: of the port's randomness, or of the key's. (typed.c) */
posta_status posta__draw(posta_message *m, uint8_t out[16]);
/** An enclosed message without a key takes one from what it is enclosed in. */
void posta__seed_enclosed(const posta_message *m, const posta__part *p);
/** What only all fields together can tell. */
posta_status posta__check_typed(posta_message *m);
void posta__header_add(posta_message *m, posta__header *h);
/** Chooses each part's encoding by its content. (encode.c) */
posta_status posta__part_choose(posta_message *m, posta__part *p, bool is_root);
/** Sets what is said about a part; POSTA_OK or the message's error. (option.c) */
posta_status posta__part_options(posta_message *m, posta__part *p, const posta_part_options *o,
                                 const char *label);
/** A part of the message's, linked to nothing yet; `body` is closed when it fails. (part.c) */
posta_status posta__part_make(posta_message *m, posta__use use, posta_body body,
                              const posta_part_options *options, const char *standard,
                              posta__part **out);
/** Reads all of a raw message that can be read twice and judges it. (raw.c) */
posta_status posta__raw_check(posta_message *m, posta__part *p);

/** Octets are written into program.text: ends the literal that is being written, and begins one
 * with room for `len` octets. False: out of memory. */
bool posta__program_open(posta_message *m, size_t len);
/** Ends it. */
posta_status posta__program_close(posta_message *m);
/** Gives program.text room for `len` octets. False: out of memory. */
static inline bool posta__program_has_room(posta_message *m, size_t len) {
    return posta__room(&m->program.text) >= len || posta__program_open(m, len);
}
/** Copies octets to the end of the program. */
static inline posta_status posta__program_put(posta_message *m, posta_span s) {
    if (!posta__program_has_room(m, s.len)) return POSTA_E_MEMORY;
    posta__put(&m->program.text, s);
    return POSTA_OK;
}
/** Adds a body or an end of line to the program. */
posta_status posta__program_add(posta_message *m, posta__seg_kind kind, posta__part *part);
/** Writes the message's own header fields. (head.c) */
posta_status posta__head_write(posta_message *m);
/** Writes a part's Content-* fields, its other fields, and the blank line. */
posta_status posta__head_part(posta_message *m, const posta__part *p);
posta_status posta__head_version(posta_message *m);
/** The extra fields alone. */
posta_status posta__head_extra(posta_message *m);
/** A sender, a recipient, nothing besides a raw text. (compose.c) */
posta_status posta__check_whole(posta_message *m);
posta_status posta__check_parts(posta_message *m);
posta_status posta__check_enclosed(posta_message *m);
/** Finds m->root, links what hangs on it, and checks its shape. (tree.c) */
posta_status posta__tree_find(posta_message *m);
/** The part behind p in the order of writing; null: it was the last. */
posta__part *posta__tree_next(const posta__part *p);
/** Writes the tree into the program. */
posta_status posta__tree_write(posta_message *m);
/** Compiles the program for a shape; afterwards the run stands at its begin. (compose.c) */
posta_status posta__compile(posta_message *m, posta__shape shape,
                            const posta_compose_options *options);
posta_status posta__message_rewind(void *message);
/** Composing failed for nothing but addresses or a header that are not ASCII. */
bool posta__needs_utf8(const posta_message *m, posta_status status);
/** Composes for a reader who is no server: addresses in ASCII where they can be. (smtputf8.c) */
posta_status posta__message_export(posta_message *m, const posta_compose_options *options,
                                   posta_source *out);

#endif
