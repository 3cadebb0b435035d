/* core/test/codec: what the codec's tests share: a driver that cuts input and output, decoders
 * written from the RFCs (never the codec's own), and the lexicon of things that must not get
 * through. */
#ifndef CODEC_T_H
#define CODEC_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../codec/codec_i.h"
#include "../support/guard.h"

/* ---- numbers that look random and are the same each run ---- */

static uint32_t t_seed = 12345;
static inline uint32_t t_random(uint32_t below) {
    t_seed ^= t_seed << 13;
    t_seed ^= t_seed >> 17;
    t_seed ^= t_seed << 5;
    return below ? t_seed % below : 0;
}

static inline posta_span t_span(const char *s) {
    return posta__span(s, strlen(s));
}

/* ---- the driver ---- */

typedef posta_status (*t_step)(void *x, posta_span *in, posta_window *out);
typedef posta_status (*t_end)(void *x, posta_window *out);

enum { T_WHOLE, T_BYTES, T_RANDOM };

typedef struct t_run {
    t_step step;
    t_end end;
    void *x;
    int cut;
    size_t window; /* room per call; 0: random 8..4096 */
} t_run;

static inline size_t t_cut_len(int cut, size_t left) {
    if (cut == T_BYTES && left > 1) return 1;
    if (cut == T_RANDOM && left > 1) return 1 + t_random((uint32_t)(left < 4000 ? left : 4000));
    return left;
}

/* Runs an encoder over all of `in`. Every call with at least POSTA__STEP_ROOM octets of room must
   move forward; with less it may say POSTA_AGAIN, then it is given one octet more. Returns the
   status. */
static inline posta_status t_drive(const t_run *run, posta_span in, uint8_t *out, size_t cap,
                                   size_t *len_out) {
    size_t done = 0, extra = 0;
    posta_status status = POSTA_OK;
    bool ending = false;
    while (!ending || status == POSTA_AGAIN) {
        posta_span piece = posta__span(in.p, t_cut_len(run->cut, in.len));
        ending = ending || in.len == 0;
        do {
            size_t room = (run->window ? run->window : 8 + t_random(4089)) + extra;
            assert_true(done + room <= cap);
            posta_window w = posta__window(out + done, room);
            size_t before = piece.len;
            status = ending ? run->end(run->x, &w) : run->step(run->x, &piece, &w);
            assert_true(w.len <= room);
            bool moved = w.len > 0 || piece.len < before;
            done += w.len;
            if (status == POSTA_OK) assert_int_equal(piece.len, ending ? before : 0);
            if (status == POSTA_AGAIN && !moved) assert_true(room < POSTA__STEP_ROOM);
            extra = status == POSTA_AGAIN && !moved ? extra + 1 : 0;
            size_t taken = before - piece.len;
            if (!ending) in = posta__span(in.p ? in.p + taken : NULL, in.len - taken);
        } while (status == POSTA_AGAIN);
        if (status != POSTA_OK) break;
    }
    uint8_t more[16]; /* at the end it stays at the end */
    posta_window after = posta__window(more, sizeof more);
    assert_int_equal(run->end(run->x, &after), status);
    assert_int_equal(after.len, 0);
    *len_out = done;
    return status;
}

/* ---- what a text is, by RFC 2046 4.1.1: CR, LF and CRLF each become CRLF ---- */

static inline size_t t_canon(posta_span in, uint8_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (in.p[i] == '\n' && i > 0 && in.p[i - 1] == '\r') continue;
        if (in.p[i] == '\r' || in.p[i] == '\n') {
            out[n++] = '\r';
            out[n++] = '\n';
        } else {
            out[n++] = in.p[i];
        }
    }
    return n;
}

/* ---- decoders ---- */

static inline int t_base64_value(uint8_t c) {
    const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *hit = c ? strchr(all, c) : NULL;
    return hit ? (int)(hit - all) : -1;
}

/* Strict; no line ends. Returns octets, or SIZE_MAX. */
static inline size_t t_base64(const uint8_t *p, size_t len, uint8_t *out) {
    uint32_t bits = 0, have = 0, pad = 0;
    size_t n = 0;
    if (len % 4) return SIZE_MAX;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '=') {
            if (i + 2 < len) return SIZE_MAX;
            pad++;
            continue;
        }
        int v = t_base64_value(p[i]);
        if (v < 0 || pad) return SIZE_MAX;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (uint8_t)(bits >> have);
    }
    return pad == (len ? (3 - n % 3) % 3 : 0) ? n : SIZE_MAX;
}

/* Lines of exactly 76, the last 1..76, CRLF between, none at the end. */
static inline size_t t_base64_lines(const uint8_t *p, size_t len, uint8_t *out) {
    uint8_t *flat = malloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        size_t line = len - i < 76 ? len - i : 76;
        memcpy(flat + n, p + i, line);
        n += line;
        i += line;
        if (i == len) break;
        if (len - i < 3 || p[i] != '\r' || p[i + 1] != '\n') {
            free(flat);
            return SIZE_MAX;
        }
        i += 2;
    }
    size_t got = t_base64(flat, n, out);
    free(flat);
    return got;
}

static inline int t_hex(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1; /* RFC 2045 6.7 (1): upper case */
}

/* Decodes and checks: lines <= 76, no blank before a line end, no bare CR or LF, only printable
   ASCII and blanks, no '.' or "From " at a line start. SIZE_MAX: broken. */
static inline size_t t_qp(const uint8_t *p, size_t len, uint8_t *out) {
    size_t n = 0, column = 0;
    for (size_t i = 0; i < len;) {
        if (p[i] == '\r' || (p[i] == '=' && i + 1 < len && p[i + 1] == '\r')) {
            bool soft = p[i] == '=';
            if (soft && ++column > 76) return SIZE_MAX;
            i += soft;
            if (i + 1 >= len || p[i + 1] != '\n') return SIZE_MAX;
            if (!soft && i > 0 && (p[i - 1] == ' ' || p[i - 1] == '\t')) return SIZE_MAX;
            if (!soft) memcpy(out + n, "\r\n", 2);
            n += soft ? 0 : 2;
            i += 2;
            column = 0;
            continue;
        }
        if (column == 0 && (p[i] == '.' || (len - i >= 5 && !memcmp(p + i, "From ", 5))))
            return SIZE_MAX;
        size_t width = p[i] == '=' ? 3 : 1;
        if (i + width > len || (column += width) > 76) return SIZE_MAX;
        if (width == 3) {
            int a = t_hex(p[i + 1]), b = t_hex(p[i + 2]);
            if (a < 0 || b < 0) return SIZE_MAX;
            out[n++] = (uint8_t)(a * 16 + b);
        } else {
            if (p[i] != '\t' && (p[i] < 0x20 || p[i] > 0x7E)) return SIZE_MAX;
            out[n++] = p[i];
        }
        i += width;
    }
    if (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t')) return SIZE_MAX;
    return n;
}

/* ---- the lexicon: none of these may stand in any field ---- */

#define T_BAD(s)                                                                                   \
    { (const uint8_t *)(s), sizeof(s) - 1 }
static const posta_span t_lexicon[] = {
    T_BAD("\r"),
    T_BAD("\n"),
    T_BAD("\r\n"),
    T_BAD("\n\r"),
    T_BAD("\r\n.\r\n"),
    T_BAD("\0"),
    T_BAD("\x1a"),
    T_BAD("\x7f"),
    T_BAD("\x0b"),
    T_BAD("\x0c"),
    T_BAD("\x1c"),
    T_BAD("\x1d"),
    T_BAD("\x1e"),
    T_BAD("\x85"),
    T_BAD("\xc0\x8a"),
    T_BAD("\xc0\x8d\xc0\x8a"),
    T_BAD("\xed\xa0\x80"),
    T_BAD("\"\r\n\""),
    T_BAD("\\\r\n"),
    T_BAD("\r\nBcc: e@y"),
    T_BAD("\r\n X: y"),
    T_BAD("\r\n\tX"),
    T_BAD("\nDATA\n"),
    T_BAD("> SIZE=1\r\n"),
    T_BAD(">\r\nRCPT TO:<e@y"),
    T_BAD("\x1b[2J"),
    T_BAD("\xf4\x90\x80\x80"),
    T_BAD("\xff"),
    T_BAD("\xfe"),
    T_BAD("\xe0\x80\x8a"),
    T_BAD("\x01"),
    T_BAD("\x08"),
    T_BAD("\xf0\x80\x80\x8a"),
    T_BAD("\xe2\x80"),
    T_BAD("\0\r\n"),
    T_BAD("\n.\n"),
    T_BAD("\n.\r\n"),
    T_BAD("\r.\r\n"),
    T_BAD("\r\n.\r"),
    T_BAD("\r\n\0.\r\n"),
};
#define T_LEXICON (sizeof t_lexicon / sizeof t_lexicon[0])

/* Calls `fn` with each payload alone, behind, before and within `host`, at a guard page. */
static inline void t_each_bad(const char *host, void (*fn)(posta_span bad, void *user),
                              void *user) {
    uint8_t text[512];
    size_t host_len = strlen(host);
    for (size_t i = 0; i < T_LEXICON; i++) {
        for (size_t at = 0; at <= host_len; at++) {
            memcpy(text, host, at);
            memcpy(text + at, t_lexicon[i].p, t_lexicon[i].len);
            memcpy(text + at + t_lexicon[i].len, host + at, host_len - at);
            size_t len = host_len + t_lexicon[i].len;
            uint8_t *p = t_guarded(text, len);
            fn(posta__span(p, len), user);
            t_guard_free(p, len);
        }
    }
}

#endif
