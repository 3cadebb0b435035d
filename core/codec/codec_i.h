/* core/codec: the byte grammars of mail. Encoders, header writers, checks, addresses, dates.
 *
 * Freestanding; no allocation but from a caller's arena; no state but the caller's structs.
 *
 * Step encoders share one shape:
 *     posta_status posta__x_step(posta__x *x, posta_span *in, posta_window *out);
 *     posta_status posta__x_end(posta__x *x, posta_window *out);
 * `step` reads from the front of `in`, appends at out->p + out->len, and advances both.
 *     POSTA_OK     all of `in` was taken (an encoder may hold a few octets back until `end`)
 *     POSTA_AGAIN  `out` has no room for the next unit: make room, call again with what is left
 *     POSTA_E_...  the input is refused; sticky
 * With POSTA__STEP_ROOM octets of room each call moves forward: it takes input, gives output, or is
 * done. With less room it may answer POSTA_AGAIN having done nothing, and never loses anything.
 * `end` answers POSTA_OK once all is flushed; after POSTA_AGAIN it is called again. The octets
 * given do not depend on how the input or the room was cut.
 *
 * Check functions answer POSTA_OK or POSTA_E_FIELD; *why_out (may be null) is then a static phrase
 * that fits behind the field's name ("subject " + "has a line break"), else untouched.
 */
#ifndef POSTA_CODEC_I_H
#define POSTA_CODEC_I_H

#include "../base/base_i.h"

#define POSTA__STEP_ROOM 8u

/* Lines are folded to stay within this many octets where the content allows. RFC 5322 2.1.1 says
   78; the tiny build sets 20, so that every test folds. */
#ifndef POSTA_FOLD_AT
#define POSTA_FOLD_AT 78u
#endif

/* Small devices get small tables and buffers instead of speed. */
#if defined(__OPTIMIZE_SIZE__) || defined(POSTA_SMALL)
#define POSTA__IS_SMALL 1
#else
#define POSTA__IS_SMALL 0
#endif

/* ---- kernels (kernels.c): the loops where the time goes ---- */

struct posta__scan;

/** core/port has these in vector instructions (posta_port.kernels). Each reads nothing but what it
 * is given, and answers and writes exactly what the portable one does. */
struct posta_kernels {
    /** n groups of three octets become n groups of four characters. */
    void (*base64_groups)(const uint8_t *in, size_t n, uint8_t *out);
    /** n times 57 octets become CRLF and a line of 76 characters each. */
    void (*base64_lines)(const uint8_t *in, size_t n, uint8_t *out);
    /** Copies at most `most` octets, up to the first that quoted-printable does not give as it is:
     *  neither TAB nor 0x20..0x7E, or '='. Returns how many. in[0..len) may be read and out[0..len)
     *  written over, len >= most. */
    size_t (*qp_plain)(const uint8_t *in, size_t most, size_t len, uint8_t *out);
    /** Takes whole lines, and gives each with CRLF: those in front that have at most 998 octets, no
     *  NUL and no CR but in a CRLF, and fit. Of POSTA__LINES_..., STUFF and REJECT (a LF alone ends
     *  no line) matter. Advances both; the rest of the room may be written over. */
    void (*text_lines)(posta_span *in, unsigned flags, posta_window *out);
    /** Counts what posta__scan has of runs and line ends. */
    void (*scan)(struct posta__scan *s, const uint8_t *in, size_t len);
    /** Is this what a filter of line ends and dots would have written? CRLF and no other CR or LF,
     *  none of them cut, no NUL, no dot behind an LF, no line over POSTA_MAX_LINE. `len` is not 0.
     *  True: *column, octets of the line so far, is that of its end, and *has_high is set if there
     *  is an octet above 127. False: both may be anything. */
    bool (*is_filtered)(const uint8_t *in, size_t len, size_t *column, bool *has_high);
};

extern const posta_kernels posta__kernels_portable;

/** Those given, or the portable ones for null. */
static inline const posta_kernels *posta__kernels(const posta_kernels *k) {
    return k ? k : &posta__kernels_portable;
}

/* Encoders have a field `kernels`: null after `init`, which does for any; their caller may set it.
 */

/* ---- base64 (base64.c), RFC 2045 6.8 ---- */

enum {
    POSTA__BASE64_TEXT = 1u,     /* CR, LF and CRLF are each encoded as CRLF */
    POSTA__BASE64_UNWRAPPED = 2u /* no line breaks */
};

typedef struct posta__base64 {
    uint8_t flags;
    uint8_t column;   /* characters in the output line, 0..76 */
    uint8_t held;     /* octets in hold, 0..2 */
    uint8_t hold[2];  /* octets that do not fill a group yet */
    uint8_t line_end; /* text: octets of CRLF still to encode, 0..2 */
    bool after_cr;    /* text: the last octet was CR, its LF is not a second line end */
    const posta_kernels *kernels;
} posta__base64;

/** Lines of 76 characters with CRLF between them; none after the last. */
void posta__base64_init(posta__base64 *b, unsigned flags);
posta_status posta__base64_step(posta__base64 *b, posta_span *in, posta_window *out);
posta_status posta__base64_end(posta__base64 *b, posta_window *out);

/** Exact octets that n input octets (text: counted with CRLF line ends) become, wrapped as above.
 *  False on overflow, with UINT64_MAX. */
bool posta__base64_len(uint64_t n, uint64_t *len_out);

/** All of `in` at once, no line breaks, padded. False: no room, nothing written. */
bool posta__base64_put(posta_window *out, posta_span in);

/** Decodes at once, strictly: groups of four, padding only at the end, unused bits zero, no white
 *  space. POSTA_E_FIELD: not base64; POSTA_E_LIMIT: no room. Nothing is kept on failure. */
posta_status posta__base64_decode(posta_span in, posta_window *out);

/* ---- quoted-printable (qp.c), RFC 2045 6.7 ---- */

typedef struct posta__qp {
    bool is_binary;
    bool after_cr;    /* text: the last octet was CR */
    uint8_t column;   /* characters in the output line, 0..75 */
    uint8_t from_n;   /* octets of "From" held at a line start, 0..4 */
    uint8_t blank;    /* a held SP or TAB, 0: none */
    uint8_t line_end; /* text: a line end is owed */
    const posta_kernels *kernels;
} posta__qp;

/** Text: CR, LF, CRLF become CRLF. Binary: CR and LF become =0D and =0A. Lines stay within 76; a
 * blank before a line end, a dot at a line start, and the F of "From " there are encoded. */
void posta__qp_init(posta__qp *q, bool is_binary);
posta_status posta__qp_step(posta__qp *q, posta_span *in, posta_window *out);
posta_status posta__qp_end(posta__qp *q, posta_window *out);

/* ---- decoders (undo.c) ---- */

typedef struct posta__undo {
    bool is_strict; /* base64: no white space */
    bool is_over;   /* base64: padding has ended it */
    bool after_cr;  /* quoted-printable: the last octet was CR, its LF is not a second line end */
    uint8_t held;   /* base64: characters of the group, 0..4 */
    uint8_t pad;    /* base64: of these, padding */
    uint8_t escape; /* quoted-printable: what stands behind a "=" so far */
    uint8_t blanks; /* quoted-printable: held back, bits of `tabs` are TAB */
    uint32_t bits;
    uint64_t tabs;
    uint64_t taken;  /* octets before what is wrong */
    const char *why; /* static; with POSTA_E_FIELD */
} posta__undo;

/** Step decoders in the shape of the encoders; they take no kernels. */
void posta__undo_init(posta__undo *u, bool is_strict);
posta_status posta__unbase64_step(posta__undo *u, posta_span *in, posta_window *out);
posta_status posta__unbase64_end(posta__undo *u, posta_window *out);
posta_status posta__unqp_step(posta__undo *u, posta_span *in, posta_window *out);
posta_status posta__unqp_end(posta__undo *u, posta_window *out);

/* ---- lines (lines.c): line ends, dots, and what may not be in a message ---- */

enum {
    POSTA__LINES_STUFF = 1u,   /* double a dot at a line start, RFC 5321 4.5.2 */
    POSTA__LINES_REJECT = 2u,  /* refuse bare CR and bare LF instead of mending them */
    POSTA__LINES_ANY_LEN = 4u, /* do not refuse lines over 998 octets */
    POSTA__LINES_ANY_NUL = 8u  /* let NUL through */
};

typedef enum posta__lines_why {
    POSTA__LINES_FINE,
    POSTA__LINES_NUL,  /* a NUL octet */
    POSTA__LINES_LONG, /* a line over 998 octets, counted without CRLF and before stuffing */
    POSTA__LINES_BARE  /* a CR without LF or an LF without CR, and REJECT */
} posta__lines_why;

typedef struct posta__lines {
    uint8_t flags;
    bool after_cr;        /* a CR was taken; its line end is not written yet */
    bool in_line;         /* octets were written since the last CRLF */
    uint16_t column;      /* octets of the line, before stuffing; stops counting at 999 */
    posta__lines_why why; /* set with POSTA_E_FIELD */
    uint64_t taken;       /* input octets taken; at a fault, where it is */
    const posta_kernels *kernels;
} posta__lines;

/** Gives whole CRLF lines: never a bare CR, a bare LF or (unless told) a NUL. */
void posta__lines_init(posta__lines *l, unsigned flags);
posta_status posta__lines_step(posta__lines *l, posta_span *in, posta_window *out);
/** Completes a pending CR; ends the last line with CRLF if it lacks it. An empty text stays empty.
 */
posta_status posta__lines_end(posta__lines *l, posta_window *out);
/** True: `s` would be written as it is, and counts as taken and written; *has_high_out tells of
 * octets above 127. False: it would be changed or refused, or cannot be told; nothing has happened.
 */
bool posta__lines_pass(posta__lines *l, posta_span s, bool *has_high_out);
/** A phrase for a why ("has a NUL octet"); static, never null. */
const char *posta__lines_text(posta__lines_why why);

/* ---- UTF-8 in pieces (utf8.c), RFC 3629 ---- */

/** All zero: nothing was seen yet. */
typedef struct posta__utf8 {
    uint64_t at; /* where the character begins that is not complete or, is_bad, not valid */
    bool is_bad; /* for good */
    /* inside */
    uint8_t need, taken; /* octets of the character: to come, and seen */
    uint8_t low, high;   /* what the next may be */
} posta__utf8;

/** The next piece, cut anywhere. False: it is not valid, `at` is where. */
bool posta__utf8_step(posta__utf8 *u, posta_span s);
/** False: not valid, or the last character is cut off. */
bool posta__utf8_end(posta__utf8 *u);

/* ---- scan (scan.c): what content is made of ---- */

enum {
    POSTA__SCAN_QP_TEXT = 1u,  /* measure qp_text_len too */
    POSTA__SCAN_QP_BINARY = 2u /* measure qp_binary_len too */
};

typedef struct posta__scan {
    uint64_t octets;    /* as given */
    uint64_t canonical; /* with each CR, LF, CRLF counted as CRLF; no CRLF added at the end */
    uint64_t high;      /* octets >= 0x80 */
    uint64_t nul;
    uint64_t bare_cr; /* exact after `end` */
    uint64_t bare_lf;
    uint64_t longest;     /* octets of the longest line; CR, LF and CRLF each end a line */
    uint64_t qp_text_len; /* exact after `end` if asked for, else 0 */
    uint64_t qp_binary_len;
    bool ends_line;   /* nothing was given, or the last octet ended a line */
    posta__utf8 utf8; /* is_bad: exact after `end` */
    /* inside */
    uint64_t column;
    unsigned flags;
    bool after_cr;
    posta__qp qp_text, qp_binary;
    const posta_kernels *kernels;
} posta__scan;

void posta__scan_init(posta__scan *s, unsigned flags);
void posta__scan_step(posta__scan *s, posta_span in);
void posta__scan_end(posta__scan *s);
/** After `end`, with all of the content again: measures what `flags` ask for and was not measured.
 */
void posta__scan_measure(posta__scan *s, unsigned flags, posta_span all);

/* For kernels: n octets that are neither CR nor LF; one that is. Their high and nul are apart. */
static inline void posta__scan_run(posta__scan *s, size_t n) {
    if (n == 0) return;
    s->bare_cr += s->after_cr;
    s->after_cr = false;
    s->canonical += n;
    s->column += n;
}
static inline void posta__scan_line_end(posta__scan *s, uint8_t c) {
    bool is_second = c == '\n' && s->after_cr; /* the CR has ended the line */
    s->bare_cr += s->after_cr && !is_second;
    s->bare_lf += c == '\n' && !is_second;
    s->canonical += is_second ? 0 : 2;
    s->after_cr = c == '\r';
    if (s->column > s->longest) s->longest = s->column;
    s->column = 0;
}

/** Transfer encodings; the numbers are those of posta_encoding in posta/mime.h. */
typedef enum posta__cte {
    POSTA__CTE_7BIT = 1,
    POSTA__CTE_8BIT = 2,
    POSTA__CTE_QP = 3,
    POSTA__CTE_BASE64 = 4,
    POSTA__CTE_BINARY = 5
} posta__cte;

/** The encoding for scanned content. Text: 7bit if it is ASCII with lines <= 998 and no NUL; else
 * 8bit if that is allowed and lines and NUL permit; else the shorter of quoted-printable and
 * base64. Octets (not text): 7bit only if ASCII without NUL, each line end CRLF, lines <= 998; else
 * the shorter. A length that was not measured never wins. */
posta__cte posta__encoding_choose(const posta__scan *s, bool is_text, bool may_8bit);

/* ---- characters ---- */

extern const uint32_t posta__atext[4], posta__token[4];

static inline bool posta__is_atext(uint8_t c) { /* RFC 5322 3.2.3 */
    return c < 0x80 && (posta__atext[c >> 5] >> (c & 31) & 1);
}
static inline bool posta__is_token(uint8_t c) { /* RFC 2045 5.1 */
    return c < 0x80 && (posta__token[c >> 5] >> (c & 31) & 1);
}

/* ---- UTF-8 (utf8.c), RFC 3629 ---- */

/** Octets of the first character, 1..4; 0: `in` is empty or does not begin with a whole valid
 * character (overlong, surrogate, over U+10FFFF, cut off). *cp_out (may be null) is the code point.
 */
size_t posta__utf8_next(posta_span in, uint32_t *cp_out);
/** True if all of it is valid; else *at_out (may be null) is where it is not. */
bool posta__utf8_check(posta_span s, size_t *at_out);
/** The 1 to 4 octets of a code point up to U+10FFFF; returns how many. */
size_t posta__utf8_put(uint32_t cp, uint8_t *out);
/** Harmless in a line shown to people: no control (C0, DEL, C1), line separator or mark that turns
 *  the direction of writing (row L03). */
bool posta__is_harmless(uint32_t cp);
bool posta__is_ascii(posta_span s); /* no octet >= 0x80 */

/* ---- checks (check.c) ---- */

/** Text for a header: valid UTF-8, no CR, LF, NUL, no other control below 0x20 but TAB, no DEL. */
posta_status posta__text_check(posta_span s, const char **why_out);
/** The same; *at_out is the offset of the octet that is wrong. */
posta_status posta__text_check_at(posta_span s, const char **why_out, size_t *at_out);
/** Field name: 1..76 octets of 0x21..0x7E without ':'. */
posta_status posta__field_name_check(posta_span s, const char **why_out);
/** RFC 2045 token, 1..127 octets: charset names, parameter names. */
posta_status posta__token_check(posta_span s, const char **why_out);
/** "type/subtype", two tokens, no parameters. */
posta_status posta__media_type_check(posta_span s, const char **why_out);
/** A file name to put into a header: 1..255 octets of UTF-8; no control, bidi override, line
 * separator; no '/' or '\'; not "." or "..". */
posta_status posta__file_name_check(posta_span s, const char **why_out);
/** What follows the last '/' or '\'. */
posta_span posta__file_basename(posta_span s);

enum {
    POSTA__ID_BARE_LEFT = 1u /* "logo" without '@' is fine: Content-ID as HTML authors write it */
};

/** Checks a Message-ID or Content-ID, given with or without one pair of <>, and gives it without.
 *  RFC 5322 3.6.4, dot-atom-text "@" (dot-atom-text or [literal]); at most 900 octets. */
posta_status posta__msg_id_check(posta_span s, unsigned flags, posta_span *bare_out,
                                 const char **why_out);

#define POSTA__BOUNDARY_LEN 34u
/** "=_" and 32 hex digits: cannot occur in quoted-printable or base64. RFC 2046 5.1.1: quote it. */
void posta__boundary_put(const uint8_t random[16], char out[POSTA__BOUNDARY_LEN]);

/** A domain name of LDH labels, or an address literal ([127.0.0.1], [IPv6:::1]). RFC 5321 4.1.2. */
posta_status posta__domain_check(posta_span s, const char **why_out);

/** The phrase for an address's domain that is wrong, null for a good one. It may have U-labels. */
const char *posta__domain_why(posta_span s);
/** The same for a local part as it is written: dot-atom or quoted string. *len_out is its length
 *  without quotes and escapes; `out` (may be null) takes that. */
const char *posta__local_why(posta_span s, uint8_t *out, size_t *len_out);
/** The phrase for a character beyond ASCII that must not stand in an address: bad UTF-8, what looks
 *  like a dot or an @, what is not seen; in a domain signs too (rows G04, G06). Null: none. */
const char *posta__letters_why(posta_span s, bool in_domain);
/** The phrase for parts that are each fine but too long, else null. RFC 5321 4.5.3.1. */
const char *posta__path_len_why(posta_span local, posta_span domain);
/** Octets of a quoted string at the front of `s` with its quotes; 0: it does not end. */
size_t posta__quoted_len(posta_span s);

/** xtext of RFC 3461 4, all or nothing: false when there is no room. */
bool posta__xtext_put(posta_window *out, posta_span in);

/* ---- fold (fold.c): one header field, written or measured ---- */

typedef struct posta__fold {
    posta_window *out;   /* null: only measure */
    size_t start;        /* out->len at the begin */
    size_t len;          /* octets written, or that would have been; counts on after a failure */
    size_t column;       /* octets in the line */
    bool has_token;      /* the line holds something besides the field's name */
    bool has_name_only;  /* nothing stands behind the field's name yet */
    bool has_encoded;    /* the line holds an encoded word: it must stay within 76 */
    bool at_break;       /* a space or a fold was the last thing written */
    posta_status status; /* first failure: POSTA_E_LIMIT (window too small), POSTA_E_FIELD (a token
                            would pass 998 octets) */
} posta__fold;

/** Begins a field: writes "Name:". `out` null: measure. The name must have passed its check. */
void posta__fold_begin(posta__fold *f, posta_window *out, posta_span name);
/** Before a token of n > 0 octets (with what is glued to it): writes a space, or CRLF and a space
 * when the line would pass POSTA_FOLD_AT and a new line helps. */
void posta__fold_break(posta__fold *f, size_t n);
/** The same with the line's limit given (encoded words: 76). */
void posta__fold_break_at(posta__fold *f, size_t n, size_t limit);
/** Appends octets as they are; no break. They must not hold CR, LF or NUL. */
void posta__fold_put(posta__fold *f, posta_span s);
/** break + put; a token right behind the field's name stays on its line, up to 998 octets. */
void posta__fold_token(posta__fold *f, posta_span token);
/** Ends the field with CRLF and answers its status; on failure the window is as before `begin`. */
posta_status posta__fold_end(posta__fold *f);

/** Of the field with an empty name that was written from `start` on, leaves the value, on one line.
 */
void posta__unfold(posta_window *out, size_t start);

/* ---- header text (text.c), RFC 2047 ---- */

/** Is it ASCII with single spaces and nothing that looks encoded? Then it may go on one line as it
 * stands. */
bool posta__text_is_simple(posta_span text);
/** Unstructured text (Subject, user fields): ASCII as it is, folded at its spaces; what is not
 * ASCII, looks like an encoded word, has a TAB or a leading, trailing or double space, or a word
 * too long for a line becomes encoded words. The text must have passed posta__text_check. */
void posta__fold_text(posta__fold *f, posta_span text);
/** A phrase (display name, group name): atoms, one quoted string, or encoded words by phrase rules.
 *  `glue` octets will be put right behind it. Empty text writes nothing. */
void posta__fold_phrase(posta__fold *f, posta_span text, size_t glue);
/** ASCII that has its own grammar (media types, ids): words at single spaces, folded there, never
 *  encoded. */
void posta__fold_words(posta__fold *f, posta_span text);

/** True for ASCII text that a reader might take for an encoded word, also if only its begin is
 * there. */
bool posta__looks_encoded(posta_span text);

enum {
    POSTA__WORDS_PHRASE = 1u,  /* Q by phrase rules, RFC 2047 5 (3) */
    POSTA__WORDS_NO_SPACE = 2u /* no break in front of the first word */
};
/** All of `text` as encoded words in UTF-8; whole characters each; at most 75 octets each. */
void posta__fold_encoded(posta__fold *f, posta_span text, unsigned flags, size_t glue);

/* ---- parameters (param.c), RFC 2231 ---- */

typedef enum posta__param_form {
    POSTA__PARAM_PLAIN,    /* token or quoted string; not ASCII: name*=utf-8''... alone */
    POSTA__PARAM_FILENAME, /* not ASCII: name*=utf-8''... first, then name="plain ASCII fall-back"
                            */
    POSTA__PARAM_NAME,  /* not ASCII: name="=?utf-8?...?=" as mail readers expect of Content-Type's
                           name */
    POSTA__PARAM_QUOTED /* always a quoted string (boundary); ASCII */
} posta__param_form;

/** Writes "; name=value" after what the field holds so far: the ';' is glued, then a break. The
 * value must have passed posta__text_check; `name` is an RFC 2045 token. */
void posta__fold_param(posta__fold *f, posta_span name, posta_span value, posta__param_form form);

/* ---- addresses (address.c, path.c, letters.c), RFC 5322 3.4 and RFC 5321 4.1.2 ---- */

/** One mailbox in parts, or the begin or end of a group. Spans live in the arena. */
typedef enum posta__address_kind {
    POSTA__MAILBOX,
    POSTA__GROUP_BEGIN, /* name: the group's */
    POSTA__GROUP_END
} posta__address_kind;

typedef struct posta__address {
    posta__address_kind kind;
    bool is_simple;    /* ASCII; local part, @ and domain stand in a row, as they are written */
    posta_span name;   /* display name, decoded, UTF-8; empty: none */
    posta_span local;  /* without quotes and escapes; may be empty: "" */
    posta_span domain; /* as given; a literal with its []. Empty: a local name alone, or with an
                          empty local the null path */
} posta__address;

/** What is wrong with an address. */
typedef struct posta__address_fault {
    const char *why;     /* static phrase ("has two dots in a row before the @") */
    size_t at;           /* offset in the input */
    bool needs_smtputf8; /* fine where the server offers SMTPUTF8 */
} posta__address_fault;

/** How an address may be written. Null stands for ASCII without any IDNA. */
typedef struct posta__form {
    bool may_utf8;          /* as it is: the server takes SMTPUTF8 */
    const posta_port *port; /* whose IDNA is asked; null: none */
} posta__form;

/** Reads an address list entry by entry, in linear time. */
typedef struct posta__address_reader {
    posta_span in;
    size_t at;
    uint8_t place; /* in the list; inside */
    bool in_group;
    bool is_mailto; /* the group is named so */
} posta__address_reader;

/** `list` is borrowed while reading. */
void posta__address_reader_init(posta__address_reader *r, posta_span list);
/** POSTA_OK: *out is an entry, its spans in `arena`; POSTA_END: no more; POSTA_E_FIELD: *fault_out
 * (may be null) says why; POSTA_E_MEMORY. An empty list is POSTA_E_FIELD. Comments are skipped
 * (depth 16); CR, LF and controls are refused, folded lines too; no source routes. */
posta_status posta__address_next(posta__address_reader *r, posta_arena *arena, posta__address *out,
                                 posta__address_fault *fault_out);
/** Exactly one mailbox, no group. */
posta_status posta__mailbox_parse(posta_span text, posta_arena *arena, posta__address *out,
                                  posta__address_fault *fault_out);

enum {
    POSTA__PATH_NULL_OK = 1u,       /* sender: "" is the null path */
    POSTA__PATH_POSTMASTER_OK = 2u, /* recipient: Postmaster without a domain, in any case */
    POSTA__PATH_LOCAL_OK = 4u       /* LMTP: any local part without a domain */
};

/** RFC 5321 Mailbox, strictly: no comments, no white space, no brackets around it. */
posta_status posta__path_parse(posta_span text, unsigned flags, posta_arena *arena,
                               posta__address *out, posta__address_fault *fault_out);
/** Parses and writes it again from its parts (without <>): what MAIL and RCPT take. Needs no arena.
 *  POSTA_E_FIELD, what posta__address_form answers, or POSTA_E_LIMIT when `out` has no room (at
 * most POSTA_MAX_PATH octets). */
posta_status posta__path_rewrite(posta_span text, unsigned flags, const posta__form *form,
                                 posta_window *out, posta__address_fault *fault_out);
/** Appends a domain with its U-labels as A-labels. POSTA_E_FIELD: IDNA does not allow it;
 *  POSTA_E_NOT_BUILT: nobody knows; POSTA_E_LIMIT, POSTA_E_MEMORY. */
posta_status posta__domain_to_ascii(posta_span domain, const posta_port *port, posta_window *out,
                                    posta__address_fault *fault);
/** Brings an address into a form: where only ASCII may stand its domain becomes A-labels, put into
 *  `store`, and a local part beyond ASCII is POSTA_E_EXTENSION. The errors of a domain are those
 *  above. */
posta_status posta__address_form(posta__address *a, const posta__form *form, posta_window *store,
                                 posta__address_fault *fault);
/** Writes local@domain from parts, quoting the local part where it is no dot-atom. The one writer
 * of addresses, for envelope and header alike. False: no room, nothing written. */
bool posta__path_put(posta_window *out, const posta__address *a);
/** That, of an address that is_simple. */
static inline posta_span posta__address_written(const posta__address *a) {
    return posta__span(a->local.p, a->local.len + 1 + a->domain.len);
}
/** Writes one entry of an address field: `Name <a@b>` or `a@b`, or a group's begin and end. `last`:
 *  no comma follows (the last entry of the field, and the last of a group). */
void posta__fold_address(posta__fold *f, const posta__address *a, bool last);

/* ---- dates (date.c), RFC 5322 3.3 ---- */

#define POSTA__DATE_LEN     31u   /* "Tue, 24 Nov 2026 18:12:26 +0000" */
#define POSTA__ZONE_UNKNOWN 10000 /* "-0000": the time is UTC, the place is not told */

/** Writes `unix_seconds` as seen in a zone given in minutes east of UTC. Days have two digits.
 *  POSTA_E_FIELD: the year (in that zone) is not 1900..9999 or the zone is over 99:59;
 * POSTA_E_LIMIT: no room. */
posta_status posta__date_put(posta_window *out, int64_t unix_seconds, int zone_minutes);
/** Writes `unix_seconds` as 2026-11-28T08:30:00Z, RFC 3339; the years 1900 to 9999, else
 * POSTA_E_FIELD. */
posta_status posta__timestamp_put(posta_window *out, int64_t unix_seconds);
#define POSTA__TIMESTAMP_LEN 20u
/** Parses a date-time without comments and obsolete forms. A day name must be the right one; second
 * 60 is taken as the next second. POSTA_E_FIELD with *why_out. Out pointers may be null. */
posta_status posta__date_parse(posta_span s, int64_t *unix_seconds_out, int *zone_minutes_out,
                               const char **why_out);

/* ---- say.c: text for people ---- */

/** Appends `s` with controls, DEL, C1 and invalid UTF-8 escaped as \xHH (row L03); clips. */
void posta__printable(posta_window *out, posta_span s);
/** Writes `field: "value": why` into *p (may be null); answers `status`. value.p null: no value. */
posta_status posta__problem(posta_problem *p, posta_status status, const char *field,
                            const char *why, posta_span value);

#endif
