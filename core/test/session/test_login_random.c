/* Logins at servers that answer at random, in pieces of random size, to clients that are set up at
 * random: no hang, no yes without 235, no secret in what is told, no message. POSTA_SEEDS in the
 * environment: how many, 3000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "posta/session.h"

#define SPACE 70000u

typedef struct fool {
    uint64_t random, now;
    char said[SPACE], line[SPACE]; /* by the server, and the line of ours so far */
    size_t said_n, said_at, line_n;
    bool is_gone;
    unsigned yes_n;
    const char *secret, *coded;
    posta_port port;
    posta_transport transport;
} fool;

static unsigned below(fool *f, unsigned n) {
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (unsigned)(f->random % n);
}

static void say(fool *f, const char *text) {
    size_t n = strlen(text);
    if (f->said_n + n > SPACE) return;
    memcpy(f->said + f->said_n, text, n);
    f->said_n += n;
}

/* 334 and what may be base64, in one line or two, of any length. */
static void challenge(fool *f) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    unsigned len = below(f, 3) == 0 ? below(f, 13000) : below(f, 60) * 4;
    bool is_many = below(f, 30) == 0;
    char one[2] = "";
    say(f, is_many ? "334-" : below(f, 8) > 0 ? "334 " : "334");
    for (unsigned i = 0; i < len; i++) {
        one[0] = letters[below(f, 65)];
        if (below(f, 500) == 0) one[0] = (char)(1 + below(f, 255));
        say(f, one);
    }
    say(f, "\r\n");
    if (is_many) say(f, "334 YWJj\r\n");
}

static void answer(fool *f) {
    static const char *const answers[] = {"535 5.7.8 no\r\n", "504 what\r\n", "454 later\r\n",
                                          "250 ok\r\n", "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"};
    unsigned kind = below(f, 14);
    if (kind < 5) {
        say(f, answers[kind]);
    } else if (kind == 5) {
        say(f, below(f, 2) > 0 ? "235 ok\r\n" : "235 ok\r\n250 more\r\n");
        f->yes_n++;
    } else if (kind == 6) {
        if (below(f, 2) > 0) say(f, "421 bye\r\n");
        f->is_gone = true;
    } else if (kind == 7) {
        say(f, "535-");
        say(f, f->secret ? f->secret : "x");
        say(f, "\r\n535 ");
        say(f, f->coded ? f->coded : "x");
        say(f, "\r\n");
    } else {
        challenge(f);
    }
}

static void hear(fool *f) {
    static const char *const names[] = {
        "PLAIN",   "LOGIN",       "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
        "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS",   "SCRAM-SHA-256-PLUS"};
    f->line[f->line_n] = 0;
    f->line_n = 0;
    if (strncmp(f->line, "EHLO ", 5) == 0) {
        say(f, "250-x\r\n250-AUTH");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (below(f, 3) == 0) continue;
            say(f, " ");
            say(f, names[i]);
        }
        say(f, "\r\n250 HELP\r\n");
    } else if (strcmp(f->line, "QUIT") == 0) {
        say(f, "221 bye\r\n");
        f->is_gone = true;
    } else if (strncmp(f->line, "MAIL", 4) == 0) {
        fail_msg("a message was begun");
    } else {
        answer(f);
    }
}

/* ---- the wire ---- */

static posta_status fool_read(void *user, void *out, size_t cap, size_t *n_out) {
    fool *f = user;
    size_t left = f->said_n - f->said_at, n = 1 + below(f, 30);
    *n_out = 0;
    if (left == 0) return f->is_gone ? POSTA_OK : POSTA_AGAIN;
    if (n > cap) n = cap;
    if (n > left) n = left;
    memcpy(out, f->said + f->said_at, n);
    f->said_at += n;
    *n_out = n;
    return POSTA_OK;
}

static posta_status fool_write(void *user, const void *p, size_t len, size_t *n_out) {
    fool *f = user;
    const char *c = p;
    size_t n = 1 + below(f, 200);
    *n_out = 0;
    if (below(f, 6) == 0) return POSTA_AGAIN;
    if (n > len) n = len;
    for (size_t i = 0; i < n; i++) {
        if (c[i] == '\n' && f->line_n > 0) {
            f->line_n--;
            hear(f);
        } else if (f->line_n < SPACE - 1) {
            f->line[f->line_n++] = c[i];
        }
    }
    *n_out = n;
    return POSTA_OK;
}

static void fool_close(void *user) {
    (void)user;
}

static posta_status fool_wait(void *user, unsigned wants, uint32_t ms) {
    (void)wants;
    ((fool *)user)->now += ms;
    return POSTA_OK;
}

static uint64_t fool_now(void *user) {
    return ((fool *)user)->now;
}

/* ---- the client ---- */

static posta_status ask(void *user, posta_auth_ask why, posta_credentials *out) {
    fool *f = user;
    (void)why;
    switch (below(f, 6)) {
    case 0:
    case 1: return POSTA_AGAIN;
    case 2: return POSTA_E_CANCELLED;
    case 3: out->password = "sesame"; return POSTA_OK;
    default: out->token = "token-sesame"; return POSTA_OK;
    }
}

static void set_up(fool *f, posta_session_config *c, posta_auth *a) {
    f->transport = (posta_transport){.size = sizeof f->transport,
                                     .user = f,
                                     .read = fool_read,
                                     .write = fool_write,
                                     .close = fool_close,
                                     .wait = fool_wait,
                                     .flags = POSTA_TRANSPORT_SECURE};
    f->port = *posta_port_default();
    f->port.user = f;
    f->port.now_ms = fool_now;
    f->secret = "sesame";
    f->coded = "c2VzYW1l";
    a->user = "ana";
    if (below(f, 2) > 0) {
        a->password = f->secret;
    } else if (below(f, 2) > 0) {
        a->token = f->secret = "token-sesame";
        f->coded = "dG9rZW4tc2VzYW1l";
    } else {
        a->ask = ask;
        a->ask_data = f;
        f->secret = f->coded = NULL; /* what it gives is random too */
    }
    if (below(f, 3) == 0)
        a->mechanisms = "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 LOGIN ANONYMOUS XOAUTH2";
    if (below(f, 4) == 0) a->space = 64 + below(f, 600);
    if (below(f, 4) == 0) a->min_iterations = 1;
    c->host = "mail.example.org";
    c->security = POSTA_SECURITY_NONE;
    c->hello = "x";
    c->transport = &f->transport;
    c->port = &f->port;
    c->auth = a;
    c->non_blocking = below(f, 2) > 0;
    c->engine.timeouts.total = 60000;
    if (below(f, 4) == 0) c->engine.rx_space = 16;
    if (below(f, 4) == 0) c->engine.tx_space = 512 + below(f, 1000);
}

static posta_status connect(fool *f, posta_session *s, unsigned seed) {
    posta_status status = posta_session_connect(s);
    for (unsigned turns = 0; status == POSTA_E_IN_PROGRESS; turns++) {
        posta_event ev;
        if (turns == 200000) fail_msg("seed %u hangs", seed);
        status = posta_session_execute(s, below(f, 3) > 0 ? 0 : 1);
        while (posta_session_next_event(s, &ev)) {
        }
        if (status == POSTA_E_IN_PROGRESS) posta_session_wait(s, 1000);
        if (below(f, 400) == 0) posta_session_cancel(s);
    }
    return status;
}

static void check(const fool *f, const posta_session *s, posta_status status, unsigned seed) {
    const posta_receipt *r = posta_session_receipt(s);
    if (status == POSTA_OK && f->yes_n == 0) fail_msg("seed %u: a yes that nobody said", seed);
    if (!f->secret) return;
    if (strstr(r->message, f->secret) || strstr(r->message, f->coded) ||
        strstr(r->transcript, f->secret) || strstr(r->transcript, f->coded))
        fail_msg("seed %u: %s\n%s", seed, r->message, r->transcript);
}

static void random_logins(void **state) {
    const char *seeds = getenv("POSTA_SEEDS");
    unsigned last = seeds ? (unsigned)strtoul(seeds, NULL, 10) : 3000, in = 0;
    fool *f = malloc(sizeof *f);
    (void)state;
    assert_non_null(f);
    for (unsigned seed = 1; seed <= last; seed++) {
        posta_session_config c = POSTA_SESSION_CONFIG;
        posta_auth a = POSTA_AUTH;
        posta_session *s;
        posta_status status;
        memset(f, 0, sizeof *f);
        f->random = seed * UINT64_C(2654435761) + UINT64_C(88172645463325252);
        say(f, "220 hi\r\n");
        set_up(f, &c, &a);
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        status = connect(f, s, seed);
        check(f, s, status, seed);
        if (status == POSTA_OK) in++;
        if (status != POSTA_OK && posta_session_is_connected(s) && below(f, 2) > 0) {
            posta_session_set_login(s, "bob", "sesame");
            f->yes_n = 0;
            status = connect(f, s, seed);
            if (status != POSTA_E_STATE) check(f, s, status, seed);
        }
        if (below(f, 2) > 0)
            posta_session_free(&s);
        else
            posta_session_drop(&s);
    }
    assert_true(in > last / 100); /* they are not all the same */
    free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_logins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
