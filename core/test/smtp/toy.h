/* core/test/smtp: a server that checks, written from RFC 5321 and nothing else, and two pipes
 * between it and an engine. It fails the test when the client breaks the protocol: speaks before
 * the greeting, sends a command that is none, MAIL inside a transaction, a bare CR or LF, a line
 * over 1000 octets.
 */
#ifndef POSTA_TEST_TOY_H
#define POSTA_TEST_TOY_H

#include "t_smtp.h"

#include <stdio.h>
#include <stdlib.h>

typedef enum toy_verb {
    T_GREET,
    T_EHLO,
    T_MAIL,
    T_RCPT,
    T_DATA,
    T_TEXT,
    T_RSET,
    T_NOOP,
    T_QUIT,
    T_STARTTLS
} toy_verb;

#define TOY_MAILS 64u

/** What the server knows of one text. */
typedef struct toy_mail {
    char from[300];
    uint64_t size_said; /* MAIL's SIZE=; UINT64_MAX: not said */
    bool body_8bit;
    t_bytes rcpts; /* one octet a RCPT of the transaction: 1 taken, 0 refused */
    t_bytes text;  /* dots taken off */
    bool complete, accepted;
} toy_mail;

typedef struct toy {
    /* behaviour: the code to answer, 0: yes. May set `drop_at`, `early`. */
    unsigned (*decide)(struct toy *toy, toy_verb verb);
    void *user;
    unsigned logins;     /* by AUTH PLAIN, which is taken inside TLS only */
    const char *offers;  /* "250-PIPELINING\r\n" ... */
    bool invites_nobody; /* 354 though there is no recipient */
    size_t early_at;     /* answers `early_code` once that many octets of a text came; 0: never */
    unsigned early_code;
    size_t drop_at; /* closes after that many octets said; SIZE_MAX: never */

    /* state */
    bool is_tls, greeted, in_mail, in_text, closing, deaf;
    size_t rcpt_ok;
    t_bytes line, out; /* out: said, not in the pipe yet */
    size_t out_at, said;
    toy_mail now;
    toy_mail mails[TOY_MAILS]; /* texts that came to their dot */
    size_t mails_n, commands;
} toy;

static inline void toy_init(toy *t) {
    memset(t, 0, sizeof *t);
    t->offers = "250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000000\r\n";
    t->drop_at = SIZE_MAX;
}

static inline void toy_mail_free(toy_mail *m) {
    t_bytes_free(&m->rcpts);
    t_bytes_free(&m->text);
    memset(m, 0, sizeof *m);
}

static inline void toy_free(toy *t) {
    t_bytes_free(&t->line);
    t_bytes_free(&t->out);
    toy_mail_free(&t->now);
    for (size_t i = 0; i < t->mails_n; i++)
        toy_mail_free(&t->mails[i]);
}

static inline void toy_say(toy *t, unsigned code, const char *text) {
    char line[200];
    int n = snprintf(line, sizeof line, "%u %s\r\n", code, text);
    t_bytes_add(&t->out, line, (size_t)n);
    if (code == 421) t->closing = true;
}

static inline unsigned toy_decide(toy *t, toy_verb verb, unsigned yes) {
    unsigned code = t->decide ? t->decide(t, verb) : 0;
    return code ? code : yes;
}

static inline void toy_greet(toy *t) {
    toy_say(t, toy_decide(t, T_GREET, 220), "toy");
    t->greeted = true;
}

static inline void toy_end_mail(toy *t) {
    t->in_mail = false;
    t->rcpt_ok = 0;
    toy_mail_free(&t->now);
}

static inline void toy_take_mail(toy *t, const char *line) {
    const char *end = strrchr(line, '>'), *size;
    unsigned code;
    assert_false(t->in_mail); /* never a MAIL inside another transaction */
    assert_non_null(end);
    code = toy_decide(t, T_MAIL, 250);
    if (code == 250) {
        toy_end_mail(t);
        t->in_mail = true;
        snprintf(t->now.from, sizeof t->now.from, "%.*s", (int)(end - line - 11), line + 11);
        size = strstr(end, " SIZE=");
        t->now.size_said = size ? strtoull(size + 6, NULL, 10) : UINT64_MAX;
        t->now.body_8bit = strstr(end, " BODY=8BITMIME") != NULL;
    }
    toy_say(t, code, "2.1.0 sender");
}

static inline void toy_take_rcpt(toy *t) {
    unsigned code = t->in_mail ? toy_decide(t, T_RCPT, 250) : 503;
    uint8_t taken = code == 250 || code == 251;
    if (t->in_mail) t_bytes_add(&t->now.rcpts, &taken, 1);
    t->rcpt_ok += taken;
    toy_say(t, code, "rcpt");
}

static inline void toy_take_data(toy *t) {
    unsigned code = 503;
    if (t->rcpt_ok > 0 || t->invites_nobody) code = toy_decide(t, T_DATA, 354);
    t->in_text = code == 354;
    toy_say(t, code, "data");
}

static inline void toy_take_command(toy *t, const char *line) {
    t->commands++;
    if (!strncmp(line, "EHLO ", 5) || !strncmp(line, "HELO ", 5)) {
        unsigned code = toy_decide(t, T_EHLO, 250);
        if (code == 250 && line[0] == 'E') {
            t_bytes_add(&t->out, "250-toy\r\n", 9);
            t_bytes_add(&t->out, t->offers, strlen(t->offers));
        }
        toy_say(t, code, "HELP");
    } else if (!strncmp(line, "MAIL FROM:<", 11)) {
        toy_take_mail(t, line);
    } else if (!strncmp(line, "RCPT TO:<", 9)) {
        toy_take_rcpt(t);
    } else if (!strcmp(line, "DATA")) {
        toy_take_data(t);
    } else if (!strcmp(line, "RSET")) {
        unsigned code = toy_decide(t, T_RSET, 250);
        if (code == 250) toy_end_mail(t);
        toy_say(t, code, "reset");
    } else if (!strcmp(line, "NOOP")) {
        toy_say(t, toy_decide(t, T_NOOP, 250), "noop");
    } else if (!strcmp(line, "STARTTLS")) {
        assert_false(t->is_tls);
        toy_say(t, toy_decide(t, T_STARTTLS, 220), "go");
        t->is_tls = true; /* the handshake is the test's */
    } else if (!strncmp(line, "AUTH PLAIN ", 11) && t->is_tls) {
        t->logins++;
        toy_say(t, 235, "in");
    } else if (!strcmp(line, "QUIT")) {
        toy_say(t, toy_decide(t, T_QUIT, 221), "bye");
        t->closing = true;
    } else {
        fail_msg("the client said \"%s\"", line);
    }
}

static inline void toy_end_text(toy *t) {
    unsigned code = t->rcpt_ok > 0 ? toy_decide(t, T_TEXT, 250) : 554;
    t->now.complete = true;
    t->now.accepted = code == 250 && t->rcpt_ok > 0;
    assert_true(t->mails_n < TOY_MAILS);
    t->mails[t->mails_n++] = t->now;
    memset(&t->now, 0, sizeof t->now);
    t->in_text = false;
    toy_end_mail(t);
    toy_say(t, code, "text");
}

static inline void toy_take_line(toy *t) {
    const char *line = (const char *)t->line.p;
    size_t n = t->line.len - 2; /* without CRLF, with a NUL instead */
    if (!t->in_text) {
        t->line.p[n] = 0;
        assert_int_equal(strlen(line), n);
        toy_take_command(t, line);
        return;
    }
    if (n == 1 && line[0] == '.') {
        toy_end_text(t);
        return;
    }
    t_bytes_add(&t->now.text, line + (line[0] == '.'), n + 2 - (line[0] == '.'));
}

/** One octet from the client. */
static inline void toy_take(toy *t, uint8_t c) {
    size_t n = t->line.len;
    assert_true(t->greeted); /* row F18 */
    if (t->deaf) return;
    if (c == '\n') assert_true(n > 0 && t->line.p[n - 1] == '\r');
    if (c != '\n' && n > 0) assert_true(t->line.p[n - 1] != '\r');
    assert_true(c != 0);
    assert_true(n < 1001); /* 998, CRLF and a stuffed dot */
    t_bytes_add(&t->line, &c, 1);
    if (c == '\n') {
        toy_take_line(t);
        t->line.len = 0;
    }
    if (t->in_text && t->early_at > 0 && t->now.text.len >= t->early_at) {
        toy_say(t, t->early_code, "early");
        t->in_text = false;
        t->deaf = t->closing = true;
    }
}

/* ---- two pipes ---- */

typedef struct toy_wire {
    posta_engine *e;
    toy *toy;
    uint32_t seed;
    size_t cap;       /* octets a pipe holds */
    t_bytes up, down; /* client to server, server to client */
    bool ended;
    uint64_t now;
    void (*seen)(struct toy_wire *w, const posta_event *ev);
    void *user;
    size_t refused_n, acked_n, next_rcpt;
    unsigned sent_n;
    bool is_done; /* DISCONNECTED, FAILED or a refusal of the connection */
} toy_wire;

static inline size_t toy_some(toy_wire *w, size_t n) {
    size_t most = w->seed ? 1 + t_random(&w->seed) % 200 : n;
    return n < most ? n : most;
}

static inline void toy_drop_front(t_bytes *b, size_t n) {
    memmove(b->p, b->p + n, b->len - n);
    b->len -= n;
}

static inline bool toy_step_client(toy_wire *w) {
    posta_span tx = posta_engine_tx_data(w->e);
    posta_mspan rx;
    bool moved = false;
    size_t n = toy_some(w, tx.len);
    if (n > w->cap - w->up.len) n = w->cap - w->up.len;
    if (n > 0) {
        t_bytes_add(&w->up, tx.p, n);
        posta_engine_tx_consume(w->e, n);
        moved = true;
    }
    if (!(posta_engine_wants(w->e) & POSTA_WANT_RX)) return moved;
    rx = posta_engine_rx_space(w->e);
    n = toy_some(w, w->down.len);
    if (n > rx.cap) n = rx.cap;
    if (n > 0) {
        memcpy(rx.p, w->down.p, n);
        toy_drop_front(&w->down, n);
        posta_engine_rx_commit(w->e, n);
        return true;
    }
    if (w->down.len == 0 && w->toy->closing && w->toy->out_at == w->toy->out.len && !w->ended) {
        w->ended = true;
        posta_engine_rx_end(w->e, POSTA_OK);
        return true;
    }
    return moved;
}

/* The server reads only when all it said is in the pipe. */
static inline bool toy_step_server(toy_wire *w) {
    toy *t = w->toy;
    bool moved = false;
    size_t n = t->out.len - t->out_at;
    if (n > w->cap - w->down.len) n = w->cap - w->down.len;
    if (n > t->drop_at - t->said) {
        n = t->drop_at - t->said;
        moved = true; /* the client must see the end */
        t->closing = true;
        t->out.len = t->out_at + n;
    }
    if (n > 0) {
        t_bytes_add(&w->down, t->out.p + t->out_at, n);
        t->out_at += n;
        t->said += n;
        moved = true;
    }
    if (t->out_at == t->out.len) t->out_at = t->out.len = 0;
    n = toy_some(w, w->up.len);
    for (size_t i = 0; i < n && t->out.len == 0 && !t->closing; i++) {
        toy_take(t, w->up.p[0]);
        toy_drop_front(&w->up, 1);
        moved = true;
    }
    return moved;
}

/** Until nothing moves. */
static inline void toy_run(toy_wire *w) {
    bool moved = true;
    while (moved) {
        posta_event ev;
        moved = false;
        posta_engine_tick(w->e, w->now);
        while (posta_engine_next_event(w->e, &ev)) {
            moved = true;
            if (w->seen) w->seen(w, &ev);
        }
        assert_true(posta_engine_wants(w->e) || posta_engine_is_idle(w->e) ||
                    posta_engine_is_closed(w->e) ||
                    posta_engine_fault(w->e)->phase == POSTA_PHASE_GREETING ||
                    posta_engine_fault(w->e)->phase == POSTA_PHASE_HELLO);
        if (posta_engine_wants(w->e) & POSTA_WANT_NOW && w->down.len == 0)
            posta_engine_rx_commit(w->e, 0);
        if (toy_step_client(w)) moved = true;
        if (toy_step_server(w)) moved = true;
    }
}

static inline void toy_wire_free(toy_wire *w) {
    t_bytes_free(&w->up);
    t_bytes_free(&w->down);
    toy_free(w->toy);
}

/** An engine in malloc'ed memory; free(*memory) at the end. */
static inline posta_engine *toy_engine(const posta_engine_config *config, void **memory) {
    posta_engine *e;
    size_t len = posta_engine_size(config);
    *memory = malloc(len);
    assert_non_null(*memory);
    assert_int_equal(posta_engine_place(*memory, len, config, &e), POSTA_OK);
    return e;
}

#endif
