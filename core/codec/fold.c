/* core/codec: writes or measures one header field. The only place that ends header lines, so
 * folding is ours alone: what is put holds no CR or LF, and a fold always has a token behind it.
 * Contracts in codec_i.h. */
#include "codec_i.h"

#define ENCODED_LINE 76u /* RFC 2047 2 */

static void write(posta__fold *f, posta_span s) {
    f->len += s.len;
    if (!f->out || f->status != POSTA_OK) return;
    if (!posta__put(f->out, s)) f->status = POSTA_E_LIMIT;
}

void posta__fold_begin(posta__fold *f, posta_window *out, posta_span name) {
    *f = (posta__fold){0};
    f->out = out;
    f->start = out ? out->len : 0;
    f->status = POSTA_OK;
    write(f, name);
    write(f, POSTA_LIT(":"));
    f->column = f->len;
    f->has_name_only = true;
}

void posta__fold_break_at(posta__fold *f, size_t n, size_t limit) {
    if (f->at_break) return; /* a second one would make a line of white space */
    if (f->has_encoded && limit > ENCODED_LINE) limit = ENCODED_LINE;
    bool fits = f->column + 1 + n <= limit;
    /* Directly behind the name a new line is worth it only if the token then fits, or if the line
       would become longer than an encoded word may stand in. */
    bool helps = f->has_token || 1 + n <= limit || f->column + 1 + n > ENCODED_LINE;
    bool folds = !fits && helps;
    write(f, folds ? POSTA_LIT("\r\n ") : POSTA_LIT(" "));
    f->column = folds ? 1 : f->column + 1;
    if (folds) f->has_token = f->has_encoded = false;
    f->at_break = true;
}

void posta__fold_break(posta__fold *f, size_t n) {
    posta__fold_break_at(f, n, POSTA_FOLD_AT);
}

void posta__fold_put(posta__fold *f, posta_span s) {
    if (s.len == 0) return;
    f->column += s.len;
    f->has_token = true;
    f->has_name_only = false;
    f->at_break = false;
    if (f->column > POSTA_MAX_LINE && f->status == POSTA_OK) f->status = POSTA_E_FIELD;
    write(f, s);
}

void posta__fold_token(posta__fold *f, posta_span token) {
    if (token.len == 0) return;
    /* Behind the name a fold would leave the first line empty: legal, but some readers then take
       the space for a part of the text. A long line reads the same everywhere. */
    bool is_first = f->has_name_only && f->column + 1 + token.len <= POSTA_MAX_LINE;
    posta__fold_break_at(f, token.len, is_first ? POSTA_MAX_LINE : POSTA_FOLD_AT);
    posta__fold_put(f, token);
}

posta_status posta__fold_end(posta__fold *f) {
    write(f, POSTA_LIT("\r\n"));
    if (f->status != POSTA_OK && f->out) f->out->len = f->start;
    return f->status;
}
