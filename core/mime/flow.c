/* core/mime: format=flowed, RFC 3676. A line that ends with a space goes on in the next one, so a
 * reader that knows it wraps a paragraph to its own width, and one that does not sees lines of 72.
 *
 * A word is held until what follows tells whether it fits. So a line is broken only where spaces
 * stand in the text, and they stay: put together again, the text is what it was, but for blanks at
 * the end of lines, which must go, since they would join lines that are two.
 *
 * Lines that begin with > are taken for quotes and go as they are; where one is broken, its parts
 * are quotes of the same depth.
 *
 * BUGS: a character is a column, also where it is two columns wide. Scripts without spaces are
 * never broken (that needs DelSp=yes, which readers often lack).
 */
#include "mime_i.h"

#define COLUMNS   72u            /* of a line, with the space of its soft break */
#define WORD_CAP  (4u * COLUMNS) /* a word of more columns or octets is not held */
#define DEPTH_MAX 32u            /* deeper quotes are not broken: each line repeats them */

typedef struct flow {
    posta__stage stage;
    /* of the line that comes in */
    uint64_t spaces; /* in front of the word, not written yet */
    uint8_t word[WORD_CAP];
    size_t word_n, word_columns;
    uint64_t depth;
    bool in_quotes; /* nothing but > so far */
    bool is_first;  /* no word so far */
    bool is_long;   /* the word was too long to be held: the rest of it goes as it comes */
    bool after_cr;
    /* of the line that goes out */
    uint64_t column;
    bool is_dashes; /* it is "--": a space behind it would make it a signature's line */
    bool is_broken; /* it is not the first of the line that came in */
    bool is_last;
    /* what is to be written, in this order */
    uint64_t put_spaces;
    uint8_t put_break; /* octets of CRLF */
    uint64_t put_quotes;
    uint64_t put_stuff;
    size_t put_at, put_n; /* of word */
    uint64_t put_blank;
    uint8_t put_end; /* octets of CRLF */
} flow;

/* ---- writing ---- */

static bool put_many(posta_window *w, uint8_t c, uint64_t *n) {
    for (; *n > 0 && posta__room(w) > 0; --*n)
        w->p[w->len++] = c;
    return *n == 0;
}

static bool put_crlf(posta_window *w, uint8_t *n) {
    for (; *n > 0 && posta__room(w) > 0; --*n)
        w->p[w->len++] = *n == 2 ? '\r' : '\n';
    return *n == 0;
}

static bool put_word(flow *f, posta_window *w) {
    posta_span s = posta__span(f->word + f->put_at, f->put_n - f->put_at);
    posta__put_some(w, &s);
    f->put_at = f->put_n - s.len;
    return s.len == 0;
}

/* False: no room for the rest. */
static bool drain(flow *f, posta_window *w) {
    return put_many(w, ' ', &f->put_spaces) && put_crlf(w, &f->put_break) &&
           put_many(w, '>', &f->put_quotes) && put_many(w, ' ', &f->put_stuff) && put_word(f, w) &&
           put_many(w, ' ', &f->put_blank) && put_crlf(w, &f->put_end);
}

/* ---- words ---- */

static bool word_is(const flow *f, posta_span s) {
    return posta_span_is(posta__span(f->word, f->word_n), s);
}

/* Some agents on the way put a > in front of "From "; one space hides it. RFC 3676 4.4 */
static bool needs_stuffing(const flow *f) {
    return f->word[0] == '>' || word_is(f, POSTA_LIT("From"));
}

static bool fits(const flow *f, bool ends_line) {
    if (f->is_long) return false;
    return f->column + f->spaces + f->word_columns <= (ends_line ? COLUMNS : COLUMNS - 1);
}

static void begin_line(flow *f) {
    bool is_dashes = word_is(f, POSTA_LIT("--"));
    f->put_stuff = f->depth == 0 && (f->spaces > 0 || needs_stuffing(f));
    f->is_dashes = is_dashes && f->spaces <= (f->depth > 0 ? 1u : 0u);
    f->column += f->put_stuff + f->spaces + f->word_columns;
    /* spaces of the text's own go behind the one that hides them */
    f->put_stuff += f->spaces;
}

static void break_line(flow *f) {
    f->put_spaces = f->spaces;
    f->put_break = 2;
    f->put_quotes = f->depth;
    f->put_stuff = f->depth > 0 || needs_stuffing(f);
    f->is_dashes = word_is(f, POSTA_LIT("--"));
    f->is_broken = true;
    f->column = f->put_quotes + f->put_stuff + f->word_columns;
}

/* The word that is held gets its place. */
static void place(flow *f, bool ends_line) {
    bool may_break = f->depth <= DEPTH_MAX && !(f->is_dashes && f->spaces == 1);
    if (f->word_n == 0) return;
    if (f->is_first) {
        begin_line(f);
    } else if (!fits(f, ends_line) && may_break) {
        break_line(f);
    } else {
        f->put_spaces = f->spaces;
        f->column += f->spaces + f->word_columns;
        f->is_dashes = false;
    }
    f->put_at = 0;
    f->put_n = f->word_n;
    f->word_n = f->word_columns = 0;
    f->spaces = 0;
    f->is_first = false;
}

/* ---- reading ---- */

static void reset_line(flow *f) {
    f->spaces = f->depth = f->column = 0;
    f->in_quotes = f->is_first = true;
    f->is_long = f->is_dashes = f->is_broken = false;
}

/* The line in front of a signature is "-- " and keeps its space. RFC 3676 4.3 */
static void end_line(flow *f) {
    bool is_signature = f->is_dashes && !f->is_broken && f->word_n == 0 && f->spaces == 1;
    place(f, true);
    f->put_blank = is_signature;
    reset_line(f);
}

static void take_long(flow *f, uint8_t c) {
    f->word[0] = c;
    f->put_at = 0;
    f->put_n = 1;
}

static void take(flow *f, uint8_t c) {
    bool is_second = c == '\n' && f->after_cr;
    f->after_cr = c == '\r';
    if (is_second) return;
    if (c == '\r' || c == '\n') {
        end_line(f);
        f->put_end = 2;
        return;
    }
    if (f->in_quotes && c == '>') {
        f->depth++;
        f->column++;
        f->put_quotes = 1;
        return;
    }
    f->in_quotes = false;
    if (c == ' ') {
        place(f, false);
        f->is_long = false;
        f->spaces++;
        return;
    }
    if (f->is_long) {
        take_long(f, c);
        return;
    }
    f->word[f->word_n++] = c;
    f->word_columns += (c & 0xC0) != 0x80;
    f->is_long = f->word_n == WORD_CAP || f->word_columns > COLUMNS;
    if (f->is_long) place(f, false);
}

/* ---- the stage ---- */

static void begin(posta__stage *stage) {
    flow *f = (flow *)stage;
    memset((uint8_t *)f + sizeof f->stage, 0, sizeof *f - sizeof f->stage);
    reset_line(f);
}

static posta_status step(posta__stage *stage, posta_span *in, posta_window *out) {
    flow *f = (flow *)stage;
    while (drain(f, out)) {
        if (in->len == 0) return POSTA_OK;
        take(f, in->p[0]);
        *in = posta__span_sub(*in, 1, in->len);
    }
    return POSTA_AGAIN;
}

static posta_status end(posta__stage *stage, posta_window *out) {
    flow *f = (flow *)stage;
    if (!drain(f, out)) return POSTA_AGAIN;
    if (!f->is_last) end_line(f);
    f->is_last = true;
    return drain(f, out) ? POSTA_OK : POSTA_AGAIN;
}

posta__stage *posta__flow_new(posta_message *m) {
    flow *f = posta__arena_take(&m->arena, sizeof *f);
    if (!f) return NULL;
    f->stage.begin = begin;
    f->stage.step = step;
    f->stage.end = end;
    return &f->stage;
}
