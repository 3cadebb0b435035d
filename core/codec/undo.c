/* core/codec: decoders of base64 and quoted-printable, step by step. Contracts in codec_i.h.
 *
 * They are strict where two readers could see two things (bits left over by padding, text behind
 * the padding), and take what every reader takes: white space in base64, LF alone as a line end,
 * small hex digits, blanks at a line's end. */
#include "codec_i.h"

static posta_status refuse(posta__undo *u, const char *why) {
    u->why = why;
    return POSTA_E_FIELD;
}

static void skip(posta__undo *u, posta_span *in, size_t n) {
    *in = posta__span(in->p + n, in->len - n);
    u->taken += n;
}

void posta__undo_init(posta__undo *u, bool is_strict) {
    *u = (posta__undo){.is_strict = is_strict};
}

/* ---- base64 ---- */

/* 0..63; 64 for the padding; 65 for white space; 66 for what is not in the alphabet. */
static unsigned value_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
    if (posta__is_digit(c)) return c - '0' + 52u;
    if (c == '+') return 62;
    if (c == '/') return 63;
    if (c == '=') return 64;
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? 65 : 66;
}

/* The group is complete: the octets that it has. Not called without room for three. */
static void put_group(posta__undo *u, posta_window *out) {
    size_t n = 3u - u->pad;
    for (size_t i = 0; i < n; i++)
        out->p[out->len++] = (uint8_t)(u->bits >> (16 - 8 * i));
    u->held = 0;
    u->bits = 0;
    u->is_over = u->pad > 0;
}

/* Takes a character that is no white space. */
static posta_status take_character(posta__undo *u, unsigned v) {
    if (v == 66) return refuse(u, "has a character that is not of base64");
    if (u->is_over) return refuse(u, "goes on behind its padding");
    if (v == 64) {
        if (u->held < 2) return refuse(u, "has padding where none can be");
        u->pad++;
        v = 0;
    } else if (u->pad > 0) {
        return refuse(u, "goes on behind its padding");
    }
    u->bits = u->bits << 6 | v;
    u->held++;
    if (u->held < 4) return POSTA_OK;
    /* RFC 4648 3.5: bits that padding leaves over are zero, else two texts mean one value */
    if (u->pad > 0 && (u->bits & (0xFFFFFFu >> (8 * (3u - u->pad)))) != 0)
        return refuse(u, "has bits behind its last octet that are not zero");
    return POSTA_OK;
}

posta_status posta__unbase64_step(posta__undo *u, posta_span *in, posta_window *out) {
    if (u->why) return POSTA_E_FIELD;
    while (in->len > 0) {
        unsigned v = value_of(*in->p);
        if (v == 65 && !u->is_strict) {
            skip(u, in, 1);
            continue;
        }
        if (v == 65) return refuse(u, "has white space in it");
        if (u->held == 3 && posta__room(out) < 3) return POSTA_AGAIN;
        if (take_character(u, v)) return POSTA_E_FIELD;
        skip(u, in, 1);
        if (u->held == 4) put_group(u, out);
    }
    return POSTA_OK;
}

posta_status posta__unbase64_end(posta__undo *u, posta_window *out) {
    (void)out;
    if (u->why) return POSTA_E_FIELD;
    if (u->held > 0) return refuse(u, "ends in the middle of a group of four");
    return POSTA_OK;
}

/* ---- quoted-printable ---- */

/* Blanks are held back until it is seen that the line goes on behind them: at its end they were put
   there on the way, RFC 2045 6.7 (3). A line has at most 76 characters, so 64 are enough; of more
   the first ones are given. */
#define BLANKS_MAX 64u

static bool put_blanks(posta__undo *u, posta_window *out) {
    for (; u->blanks > 0; u->blanks--) {
        if (posta__room(out) == 0) return false;
        out->p[out->len++] = u->tabs & 1 ? '\t' : ' ';
        u->tabs >>= 1;
    }
    return true;
}

enum { NO_ESCAPE, AFTER_SIGN, AFTER_DIGIT, AFTER_BLANK, AFTER_SIGN_CR };

/* Behind "=": a line end that is none (blanks may have come before it on the way), or two digits.
 */
static posta_status take_escape(posta__undo *u, uint8_t c, posta_window *out) {
    static const char why[] = "has a = that is not followed by two hex digits or a line end";
    bool is_blank = c == ' ' || c == '\t';
    int digit = posta__hex_digit(c);
    if (u->escape == AFTER_DIGIT) {
        if (digit < 0) return refuse(u, why);
        out->p[out->len++] = (uint8_t)(u->bits << 4 | (uint32_t)digit);
        u->escape = NO_ESCAPE;
    } else if (c == '\n') {
        u->escape = NO_ESCAPE;
    } else if (u->escape == AFTER_SIGN_CR) {
        return refuse(u, why);
    } else if (c == '\r') {
        u->escape = AFTER_SIGN_CR;
    } else if (is_blank) {
        u->escape = AFTER_BLANK;
    } else if (u->escape == AFTER_BLANK || digit < 0) {
        return refuse(u, why);
    } else {
        u->bits = (uint32_t)digit;
        u->escape = AFTER_DIGIT;
    }
    return POSTA_OK;
}

static posta_status take_plain(posta__undo *u, uint8_t c, posta_window *out) {
    if (c == '\r' || c == '\n') {
        bool is_second = c == '\n' && u->after_cr;
        u->blanks = 0; /* what stood at the line's end was put there on the way */
        u->tabs = 0;
        u->after_cr = c == '\r';
        if (is_second) return POSTA_OK;
        out->p[out->len++] = '\r';
        out->p[out->len++] = '\n';
        return POSTA_OK;
    }
    u->after_cr = false;
    if (c == ' ' || c == '\t') {
        if (u->blanks == BLANKS_MAX && !put_blanks(u, out)) return POSTA_AGAIN;
        u->tabs |= (uint64_t)(c == '\t') << u->blanks;
        u->blanks++;
        return POSTA_OK;
    }
    if (!put_blanks(u, out) || posta__room(out) < 2) return POSTA_AGAIN;
    if (c == '=')
        u->escape = AFTER_SIGN;
    else
        out->p[out->len++] = c;
    return POSTA_OK;
}

posta_status posta__unqp_step(posta__undo *u, posta_span *in, posta_window *out) {
    if (u->why) return POSTA_E_FIELD;
    while (in->len > 0) {
        posta_status status;
        if (posta__room(out) < 2) return POSTA_AGAIN;
        status = u->escape != NO_ESCAPE ? take_escape(u, *in->p, out) : take_plain(u, *in->p, out);
        if (status != POSTA_OK) return status;
        skip(u, in, 1);
    }
    return POSTA_OK;
}

posta_status posta__unqp_end(posta__undo *u, posta_window *out) {
    (void)out;
    if (u->why) return POSTA_E_FIELD;
    if (u->escape == AFTER_DIGIT) return refuse(u, "ends in the middle of an escape");
    u->blanks = 0; /* the end is a line's end */
    return POSTA_OK;
}
