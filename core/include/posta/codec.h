/* posta/codec.h: the encoders of mail, for use by themselves: base64, quoted-printable, encoded
 * words, addresses. No I/O, no allocation, no state but the caller's; linear in their input; any
 * thread.
 */
#ifndef POSTA_CODEC_H
#define POSTA_CODEC_H

#include "posta/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- octets, step by step ---- */

typedef enum posta_codec_kind {
    POSTA_BASE64_ENCODE, /* RFC 2045 6.8 */
    POSTA_BASE64_DECODE,
    POSTA_QP_ENCODE, /* RFC 2045 6.7 */
    POSTA_QP_DECODE
} posta_codec_kind;

enum {
    POSTA_CODEC_TEXT = 1u, /* encoding: CR, LF and CRLF are line ends, given as CRLF */
    POSTA_CODEC_WRAP = 2u, /* BASE64_ENCODE: CRLF behind each 76 characters, none behind the last */
    POSTA_CODEC_STRICT = 4u /* BASE64_DECODE: white space is refused too */
};

/** One run of a codec; its fields are posta's. May be copied, needs no freeing. */
typedef struct posta_codec {
    uint64_t state[12];
} posta_codec;

/** Begins. `kernels` (null: portable) is posta_port_default()->kernels; `flags` of POSTA_CODEC_.
 * POSTA_E_ARGUMENT. */
POSTA_API posta_status posta_codec_begin(posta_codec *c, posta_codec_kind kind, unsigned flags,
                                         const posta_kernels *kernels);
/** Reads from the front of `in`, appends at out->p + out->len, and advances both. POSTA_OK: all of
 * `in` was taken (a few octets may be held back until the end). POSTA_AGAIN: `out` needs room; call
 * again with what is left of `in`; with 8 octets of room it always moves on. POSTA_E_FIELD:
 * decoding, `in` stands at what is wrong; posta_codec_why; sticky. What comes out does not depend
 * on how input and room are cut. */
POSTA_API posta_status posta_codec_step(posta_codec *c, posta_span *in, posta_window *out);
/** No more comes: gives what was held back. POSTA_AGAIN: `out` needs room; call again.
 * POSTA_E_FIELD: decoding, the input was cut. */
POSTA_API posta_status posta_codec_end(posta_codec *c, posta_window *out);
/** What was wrong, a static phrase that fits behind "the text "; null: nothing. *at_out (may be
 * null): octets before it. */
POSTA_API const char *posta_codec_why(const posta_codec *c, uint64_t *at_out);

/* ---- header text, RFC 2047 ---- */

/** Writes `text` (UTF-8) as a header field's value: as it stands where it is plain ASCII, else with
 * encoded words, parted by single spaces, so that who folds the field may break it there.
 * POSTA_E_FIELD: not UTF-8, or controls. POSTA_E_LIMIT: no room, nothing is written. 5 octets for
 * each, and 80, are enough. */
POSTA_API posta_status posta_word_encode(posta_span text, posta_window *out);
/** Writes the value of a header field as people read it, in UTF-8: encoded words of utf-8,
 * us-ascii, iso-8859-1, -15 and windows-1252 are decoded, in B and Q. Words of another charset, and
 * what is not well-formed, stay as they stand, and *left_out (may be null) counts those charsets'
 * words. Controls that come out of a word become U+FFFD. POSTA_E_LIMIT: no room, nothing is
 * written. 3 octets for each are enough. */
POSTA_API posta_status posta_word_decode(posta_span text, posta_window *out, size_t *left_out);

/* ---- addresses, RFC 5322 3.4, RFC 5321 4.1.2 ---- */

/** A mailbox in its parts; spans into the store that was given. */
typedef struct posta_mailbox {
    posta_span name; /* decoded of its quotes; empty: none */
    posta_span local_part;
    posta_span domain;
} posta_mailbox;

/** Reads one mailbox, "Ana <ana@x.org>" or "ana@x.org". `store`, of text.len + 1 octets at least,
 * takes the parts. POSTA_E_FIELD with `problem` (may be null); POSTA_E_LIMIT: the store is too
 * small. */
POSTA_API posta_status posta_mailbox_parse(posta_span text, void *store, size_t store_len,
                                           posta_mailbox *out, posta_problem *problem);
/** Writes it as a header field has it, on one line; a name that is not ASCII as encoded words.
 * POSTA_E_FIELD: a part is not what may stand there; POSTA_E_LIMIT: no room, nothing is written. */
POSTA_API posta_status posta_mailbox_format(const posta_mailbox *m, posta_window *out);
/** Is it a bare address that a server can be told, without a name? POSTA_OK, or POSTA_E_FIELD with
 * `problem` (may be null). */
POSTA_API posta_status posta_address_validate(posta_span text, posta_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
