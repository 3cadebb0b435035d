/* posta/mime.h: the MIME engine. A message is built by intention (text, html, inline, attachments),
 * kept in one arena, and pulled as a source of RFC 5322 octets. It does no I/O of its own.
 *
 * Errors are sticky: the first setter that refuses its value leaves the message in error, every
 * later call answers the same status, and posta_message_problem says which field, which value, and
 * why. So a program may check once, at the end. A message belongs to one thread at a time.
 *
 * Strings are UTF-8, NUL-terminated, and copied before return. Body bytes are borrowed: see
 * posta_body.
 */
#ifndef POSTA_MIME_H
#define POSTA_MIME_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posta_message posta_message;

/* ---- bodies ---- */

typedef enum posta_body_kind {
    POSTA_BODY_NONE,
    POSTA_BODY_DATA,   /* bytes in memory, borrowed until the message is freed */
    POSTA_BODY_SOURCE, /* pulled from a source; the message closes it */
    POSTA_BODY_SLOT    /* fed by the host, see posta_message_wanted */
} posta_body_kind;

/** Where the octets of a part come from. */
typedef struct posta_body {
    posta_body_kind kind;
    posta_span data;     /* DATA */
    posta_source source; /* SOURCE; its len may be POSTA_LEN_UNKNOWN */
    uint64_t len; /* SLOT: octets that will come, or POSTA_LEN_UNKNOWN; giving fewer or more is a
                     fault */
} posta_body;

/** A body in memory. The bytes are not copied: keep them until the message is freed. */
POSTA_API posta_body posta_body_data(const void *p, size_t len);
/** The same for a NUL-terminated string; the setter refuses a null one. */
POSTA_API posta_body posta_body_string(const char *text);
/** A body pulled from a source. The message calls source.close once, also when the setter fails. */
POSTA_API posta_body posta_body_source(posta_source source);
/** A body that the host feeds piece by piece; `len` octets or POSTA_LEN_UNKNOWN. */
POSTA_API posta_body posta_body_slot(uint64_t len);

/* ---- parts ---- */

/** Content-Transfer-Encoding, RFC 2045 6. */
typedef enum posta_encoding {
    POSTA_ENCODING_AUTO, /* chosen by looking at the content */
    POSTA_ENCODING_7BIT,
    POSTA_ENCODING_8BIT,
    POSTA_ENCODING_QUOTED_PRINTABLE,
    POSTA_ENCODING_BASE64,
    POSTA_ENCODING_BINARY /* RFC 3030: only where the way takes it, else base64 */
} posta_encoding;

/** A header field as the caller gives it. */
typedef struct posta_field {
    const char *name;
    const char *value;
} posta_field;

/** What may be said about a part. Start from POSTA_PART_OPTIONS. Null or 0: not given. */
typedef struct posta_part_options {
    size_t size;      /* sizeof(posta_part_options) */
    const char *name; /* file name; folders in front are cut off; controls are refused */
    const char
        *type; /* "type/subtype"; default by the name's extension, else application/octet-stream */
    /** Of text parts. Text and HTML: default utf-8, and then they must be valid UTF-8:
     * POSTA_E_FIELD when composed, POSTA_E_BODY where they can only be streamed. Attached text:
     * default utf-8 if it is seen to be so, else no charset is told. */
    const char *charset;
    const char *disposition; /* "attachment" or "inline"; default by how the part is used */
    const char *description; /* Content-Description */
    const char *content_id;  /* with or without <>; required by posta_message_inline */
    posta_encoding encoding;
    const posta_field *headers; /* more header fields of the part */
    size_t headers_n;
    const char *language; /* Content-Language: "en", "de-CH, fr" (RFC 3282) */
    const posta_field
        *parameters; /* of the type, besides charset, name, boundary and type; 64 at most */
    size_t parameters_n;
    /** Of text/plain that is shown: format=flowed (RFC 3676), so that readers wrap long lines to
     * their own width. Lines over 72 characters get soft breaks at spaces; lines that begin with >
     * are quotes; blanks at the end of a line are dropped, but those of "-- ". */
    bool is_flowed;
} posta_part_options;

#define POSTA_PART_OPTIONS                                                                         \
    { sizeof(posta_part_options), 0, 0, 0, 0, 0, 0, POSTA_ENCODING_AUTO, 0, 0, 0, 0, 0, false }

/* ---- building ---- */

/** A new, empty message. `port` is borrowed and must outlive it; memory, randomness (boundaries,
 *  Message-ID) and the date come from it. POSTA_E_ARGUMENT, POSTA_E_MEMORY. */
POSTA_API posta_status posta_message_new(const posta_port *port, posta_message **out);
/** Frees the message, closes its sources, nulls the pointer. Null is fine. */
POSTA_API void posta_message_free(posta_message **m);

/** The fields that hold addresses. The two ENVELOPE fields replace what the header fields imply. */
typedef enum posta_address_field {
    POSTA_FROM,
    POSTA_SENDER,
    POSTA_REPLY_TO,
    POSTA_TO,
    POSTA_CC,
    POSTA_BCC,           /* envelope only; never written into the text */
    POSTA_ENVELOPE_FROM, /* "" is the null reverse-path */
    POSTA_ENVELOPE_TO,
    POSTA_NOTIFY_TO /* Disposition-Notification-To, RFC 8098: who wants to know that it was read */
} posta_address_field;

/** Adds every mailbox of an RFC 5322 address list ("Ana <ana@x.org>, b@y.org", groups too) to a
 * field. May be called again for more. POSTA_E_FIELD, POSTA_E_MEMORY, or the message's earlier
 * error. */
POSTA_API posta_status posta_message_addresses(posta_message *m, posta_address_field field,
                                               const char *list);
/** Adds one mailbox from its parts. `name` may be null. Errors as above. */
POSTA_API posta_status posta_message_mailbox(posta_message *m, posta_address_field field,
                                             const char *name, const char *address);

/** Subject; RFC 2047 where needed. A second call replaces the first. */
POSTA_API posta_status posta_message_subject(posta_message *m, const char *text);
/** Date in seconds since 1970 UTC (years 1900 to 9999); default: the port's clock when composed. */
POSTA_API posta_status posta_message_date(posta_message *m, int64_t unix_seconds);
/** Date as an RFC 5322 date-time; kept as given. */
POSTA_API posta_status posta_message_date_text(posta_message *m, const char *date);
/** Message-ID with or without brackets; default: made from randomness and the From domain. */
POSTA_API posta_status posta_message_id(posta_message *m, const char *id);
/** Adds one more header field. Fields that posta writes itself (From, To, Cc, Bcc, Subject, Date,
 *  Message-ID, MIME-Version, Content-*) are refused with the setter to use. Resent-Bcc and any form
 * of Bcc are refused. Line breaks and other controls are refused; posta folds. */
POSTA_API posta_status posta_message_header(posta_message *m, const char *name, const char *value);

/* ---- fields with a meaning of their own; what is not of their grammar is POSTA_E_FIELD ---- */

/** Adds a Message-ID to In-Reply-To, with or without brackets. RFC 5322 3.6.4. */
POSTA_API posta_status posta_message_in_reply_to(posta_message *m, const char *id);
/** Adds a Message-ID to References. */
POSTA_API posta_status posta_message_reference(posta_message *m, const char *id);
/** An answer to a message with this Message-ID and this References field (null or "": none): sets
 * In-Reply-To and References as RFC 5322 3.6.4 has it. */
POSTA_API posta_status posta_message_answer(posta_message *m, const char *id,
                                            const char *references);

/** The fields for mailing lists, RFC 2369 and 2919. */
typedef enum posta_list_field {
    POSTA_LIST_ID, /* "news.example.org", or "News <news.example.org>" */
    POSTA_LIST_UNSUBSCRIBE,
    POSTA_LIST_SUBSCRIBE,
    POSTA_LIST_POST, /* also "NO" */
    POSTA_LIST_HELP,
    POSTA_LIST_OWNER,
    POSTA_LIST_ARCHIVE
} posta_list_field;

/** Adds a URI (https:, mailto:, ...) to a list field; the first is the one that is liked best.
 * LIST_ID takes the list's name, once. */
POSTA_API posta_status posta_message_list(posta_message *m, posta_list_field field,
                                          const char *value);
/** List-Unsubscribe-Post, RFC 8058: the https: URI of List-Unsubscribe takes a POST and asks
 * nothing. Without one POSTA_E_FIELD, when composed. */
POSTA_API posta_status posta_message_one_click(posta_message *m);
/** Auto-Submitted, RFC 3834 5: "auto-generated", "auto-replied", "auto-notified" or "no". */
POSTA_API posta_status posta_message_auto_submitted(posta_message *m, const char *how);

typedef enum posta_priority {
    POSTA_PRIORITY_LOW,
    POSTA_PRIORITY_NORMAL,
    POSTA_PRIORITY_HIGH
} posta_priority;

/** How urgent it is to the reader: Importance and Priority (RFC 2156), X-Priority. */
POSTA_API posta_status posta_message_priority(posta_message *m, posta_priority priority);

/** What is asked for with MAIL when it is sent; copied. Its values are judged when it is sent,
 * against what the server offers. POSTA_E_ARGUMENT, POSTA_E_MEMORY. */
POSTA_API posta_status posta_message_mail_options(posta_message *m,
                                                  const posta_mail_options *options);
/** When the sender wants to be told of each recipient: POSTA_NOTIFY_ bits, 0: as the server likes.
 * RFC 3461; needs DSN. */
POSTA_API posta_status posta_message_notify(posta_message *m, unsigned notify);

/** What would be random is made from this key instead: the same key and the same message give the
 * same Message-ID and the same octets, so that a second sending is seen to be one (give the date
 * too). Two messages need two keys. 1 to 255 octets. */
POSTA_API posta_status posta_message_idempotency_key(posta_message *m, const char *key);

/** The plain text; CR, LF and CRLF all end lines. `options` may be null. */
POSTA_API posta_status posta_message_text(posta_message *m, posta_body body,
                                          const posta_part_options *options);
/** The HTML; with a text it becomes multipart/alternative. */
POSTA_API posta_status posta_message_html(posta_message *m, posta_body body,
                                          const posta_part_options *options);
/** A part that the HTML names by cid: (multipart/related); options->content_id is required. */
POSTA_API posta_status posta_message_inline(posta_message *m, posta_body body,
                                            const posta_part_options *options);
/** An attachment (multipart/mixed). Its octets arrive unchanged. */
POSTA_API posta_status posta_message_attach(posta_message *m, posta_body body,
                                            const posta_part_options *options);

/** Opens a file that is named by its path, from its begin. `why_out` (may be null): a short reason
 * when it cannot. posta_file_open of posta/port.h is one. */
typedef posta_status (*posta_opener)(void *user, const char *path, posta_source *out,
                                     const char **why_out);

/** Where the pictures are that HTML shows. Start from POSTA_EMBED_OPTIONS. */
typedef struct posta_embed_options {
    size_t size;       /* sizeof(posta_embed_options) */
    const char *base;  /* folder that the paths are of; null or "": where `open` begins */
    posta_opener open; /* required */
    void *user;        /* of open */
} posta_embed_options;

#define POSTA_EMBED_OPTIONS                                                                        \
    { sizeof(posta_embed_options), 0, 0, 0 }

#define POSTA_MAX_EMBED 8388608u /* octets of HTML that are read from a source */

/** Pictures that the HTML shows by a relative path become inline parts, and the path there cid: and
 * the part's Content-ID. Looked at are src of <img>, background, and url(...) in style; what has a
 * scheme, a host ("//x") or a fragment alone ("#x") stays. The HTML must be given before, in memory
 * or as a source of known length. Content-IDs are random, or the key's of
 * posta_message_idempotency_key, given before. A file named twice is one part; its type must be a
 * picture's by its name. POSTA_E_FIELD: a path is absolute or leads out of the base (links in the
 * file system are followed); POSTA_E_FILE, or what `open` answers. */
POSTA_API posta_status posta_message_embed(posta_message *m, const posta_embed_options *options);

/** The plain text is made of the HTML, which must be given before, be in memory or a source that
 * can be read again, and be UTF-8: blocks become lines, lists get bullets and numbers, links "text
 * <url>", pictures their alt; script, style and title are left out. It is made while it is read, in
 * constant memory. POSTA_E_FIELD, POSTA_E_STATE (there is no HTML). */
POSTA_API posta_status posta_message_text_from_html(posta_message *m,
                                                    const posta_part_options *options);

/** An invitation: a text/calendar that is one more alternative to text and HTML (RFC 6047), as mail
 * readers that know calendars want it. `method` is its iTIP method ("REQUEST", "CANCEL", ...: RFC
 * 5546). Where the body is in memory it is attached once more, as application/ics with the name
 * given or "invite.ics", for those that do not. POSTA_E_FIELD. */
POSTA_API posta_status posta_message_calendar(posta_message *m, posta_body body, const char *method,
                                              const posta_part_options *options);

/* ---- trees by hand ----
 * In place of text, html, inline and attachments: parts are made, put together, and one of them is
 * the message's content. They belong to the message and live as long. Misuse names the part by its
 * label: a part used twice, a cycle, a multipart without parts or with an encoding of its own, more
 * than POSTA_MAX_DEPTH levels, a related whose `start` is none of its parts, a part that was made
 * and is nowhere in the tree. */

#define POSTA_MAX_DEPTH 40u /* levels of multiparts and enclosed messages */

typedef struct posta_part posta_part;

/** A part with octets of its own. Text types have their line ends made CRLF, unless the disposition
 * is "attachment": then, as of every other type, the octets arrive unchanged. */
POSTA_API posta_status posta_message_leaf(posta_message *m, posta_body body,
                                          const posta_part_options *options, posta_part **out);
/** A part that holds others: options->type is "multipart/..." (null: "multipart/mixed"). Its order
 * is yours: in an alternative the best comes last (RFC 2046 5.1.4), in a related the root first, or
 * named by a parameter `start` (RFC 2387), whose `type` posta writes. */
POSTA_API posta_status posta_message_multipart(posta_message *m, const posta_part_options *options,
                                               posta_part **out);
/** Another message as message/rfc822, composed anew each time, without its envelope (it may lack
 * recipients). Borrowed: keep it until `m` is freed, and change it no more; slots of its parts are
 * fed at it. A message may be enclosed once. */
POSTA_API posta_status posta_message_enclose(posta_message *m, posta_message *other,
                                             const posta_part_options *options, posta_part **out);
/** Puts a part at the end of a multipart. */
POSTA_API posta_status posta_part_add(posta_part *multipart, posta_part *child);
/** This part, with all that hangs on it, is the message's content. */
POSTA_API posta_status posta_message_tree(posta_message *m, posta_part *root);
/** A part made by hand among the attachments: an enclosed message, say, or a multipart. Without a
 * disposition it gets "attachment", but multiparts. */
POSTA_API posta_status posta_message_attach_part(posta_message *m, posta_part *part);

/* ---- a finished text ---- */

/** What to do with bare CR and bare LF in a raw message. */
typedef enum posta_line_ends { POSTA_LINE_ENDS_FIX, POSTA_LINE_ENDS_REJECT } posta_line_ends;

/** A finished RFC 5322 text instead of all the above; the envelope fields are then required. NUL,
 * lines over 998 octets and a Bcc field are errors: before sending where the text can be read
 * twice, else when they are met. */
POSTA_API posta_status posta_message_raw(posta_message *m, posta_body body, posta_line_ends ends);

/** The name that the next setter's errors use for its field ("to[2]"), once; copied. Null: the
 * default. */
POSTA_API void posta_message_label(posta_message *m, const char *label);

/** The first problem; never null. Good until the message is freed. */
POSTA_API const posta_problem *posta_message_problem(const posta_message *m);

/* ---- composing ---- */

#define POSTA_MIN_READ_SPACE 16u

/** What the way to the server allows. */
typedef struct posta_compose_options {
    size_t size;       /* sizeof(posta_compose_options) */
    bool may_8bit;     /* 8BITMIME is offered: text parts may go as 8bit */
    bool may_binary;   /* BINARYMIME and CHUNKING are: octets may go as they are (RFC 3030) */
    bool may_utf8;     /* SMTPUTF8 and 8BITMIME are: addresses that are not ASCII go as they are */
    size_t read_space; /* octets read from a source at a time; 0: 8 KiB */
} posta_compose_options;

#define POSTA_COMPOSE_OPTIONS                                                                      \
    { sizeof(posta_compose_options), false, false, false, 0 }

/** Derives the tree, chooses encodings, and gives the message as a source of CRLF lines.
 * `source_out` borrows the message; its len is exact when every body's length is known. Checks what
 * only the whole message can tell (a sender, a recipient, a text for raw). Composing again starts
 * from the beginning: POSTA_E_STATE when a body was consumed and cannot be read twice. Null
 * options: 7-bit. `has_8bit_out` (may be null) says whether 8bit octets will be in it.
 * Without may_utf8 domains beyond ASCII are written as A-labels, as the port finds them
 * (POSTA_E_NOT_BUILT where it cannot), and local parts beyond ASCII are POSTA_E_EXTENSION; the
 * problem names the address. */
POSTA_API posta_status posta_message_compose(posta_message *m, const posta_compose_options *options,
                                             posta_source *source_out, bool *has_8bit_out);

/** Octets that the message has when it is composed with these options (null: 7-bit), as SIZE counts
 * them; POSTA_LEN_UNKNOWN where a body's length is not known. Text is looked at, nothing is
 * encoded. It begins composing anew: not while the message is read or sent. Errors of
 * posta_message_compose. */
POSTA_API posta_status posta_message_size(posta_message *m, const posta_compose_options *options,
                                          uint64_t *len_out);

/* ---- looking before sending ---- */

typedef enum posta_severity {
    POSTA_SEVERITY_NOTE,    /* worth to know */
    POSTA_SEVERITY_WARNING, /* readers or servers will mind */
    POSTA_SEVERITY_ERROR    /* it cannot be sent so */
} posta_severity;

/** What posta_message_check found. */
typedef struct posta_finding {
    posta_severity severity;
    const char *code; /* static: "cid.without_part"; docs/mime.md has them all */
    char place[96];   /* the field or part: "html", "attachments[2].name" */
    char text[256];   /* a sentence */
} posta_finding;

/** Start from POSTA_CHECK_OPTIONS. */
typedef struct posta_check_options {
    size_t size;       /* sizeof(posta_check_options) */
    uint64_t size_max; /* octets that the server takes (SIZE); 0: not known */
    bool may_8bit;     /* as posta_compose_options */
    bool is_bulk;      /* goes to many who asked for it; List-Id says so too */
    bool may_utf8;     /* as posta_compose_options */
} posta_check_options;

#define POSTA_CHECK_OPTIONS                                                                        \
    { sizeof(posta_check_options), 0, false, false, false }

/** Looks for what will go wrong or annoy, without sending. Writes at most `cap` findings, errors
 * and all, in the order in which they were met; *n_out is how many there are. Bodies that can be
 * read once only are not looked into. Not while the message is read or sent. POSTA_OK: it was
 * looked at, whatever was found; POSTA_E_ARGUMENT. Null options: the standard ones. */
POSTA_API posta_status posta_message_check(posta_message *m, const posta_check_options *options,
                                           posta_finding *out, size_t cap, size_t *n_out);

/** The envelope: sender from ENVELOPE_FROM, else Sender, else the first From; recipients from
 * ENVELOPE_TO, else To, Cc and Bcc in that order, each address once. The array lives in the message
 * until it is freed and is made once. */
POSTA_API posta_status posta_message_envelope(posta_message *m, posta_envelope *out);

/** The Message-ID that the text carries, with brackets; null before composing, and for raw. */
POSTA_API const char *posta_message_id_of(const posta_message *m);

/** Writes the next header octets of the MIME part alone (MIME-Version, Content-*, extra fields, the
 *  blank line) into `out`; *n_out 0 is the end. For text that goes through posta_session_body. */
POSTA_API posta_status posta_mime_get_header(posta_message *m, void *out, size_t cap,
                                             size_t *n_out);
/** Writes the next octets behind the blank line; *n_out 0 is the end. POSTA_AGAIN: a slot waits. */
POSTA_API posta_status posta_mime_get_body(posta_message *m, void *out, size_t cap, size_t *n_out);

/* ---- slots ---- */

#define POSTA_NO_SLOT SIZE_MAX

/** The slot that the source waits for, counted from 0 in the order the slots were given;
 * POSTA_NO_SLOT: none. */
POSTA_API size_t posta_message_wanted(const posta_message *m);
/** Feeds the wanted slot. Borrowed: keep the bytes until the slot is wanted again, finished or the
 *  message is freed. POSTA_E_STATE: that slot is not wanted. */
POSTA_API posta_status posta_message_feed(posta_message *m, size_t slot, const void *p, size_t len);
/** Says that the slot's body is complete. */
POSTA_API posta_status posta_message_finish(posta_message *m, size_t slot);
/** Says that the body cannot be completed; `why` is copied into the problem's text. */
POSTA_API posta_status posta_message_fail(posta_message *m, size_t slot, const char *why);

#ifdef __cplusplus
}
#endif

#endif
