/* core/test/session: a transport that plays a dialogue, octet by octet: what we write must be the
 * next "C: " line, and its end lets the "S: " lines behind it go. A "C: " line that ends in "..."
 * has any rest.
 */
#ifndef POSTA_TEST_SCRIPT_H
#define POSTA_TEST_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "posta/session.h"
#include "session_i.h"

typedef struct script {
    const char *at;   /* the lines to come, LF behind each */
    char said[20000]; /* by us, the line so far */
    size_t said_n;
    const char *answer; /* of an S line: what of it was not read yet; null: none */
    size_t answer_n;
    bool reads_all; /* all lines that are there, not an octet */
    unsigned closed;
    char events[400];
    posta_transport transport;
    posta_port port;
    uint64_t now, ticks; /* ticks: ms that pass by looking at the clock */
} script;

static inline uint64_t script_now(void *user) {
    script *s = user;
    return s->now += s->ticks;
}

static inline posta_status script_wait(void *user, unsigned wants, uint32_t ms) {
    (void)wants;
    ((script *)user)->now += ms;
    return POSTA_OK;
}

static inline size_t script_line(const script *s) {
    return strcspn(s->at, "\n");
}

static inline posta_status script_read_octet(script *s, void *out, size_t cap, size_t *n_out) {
    if (s->answer_n == 0) {
        if (strncmp(s->at, "S: ", 3) != 0) {
            *n_out = 0;
            return s->at[0] ? POSTA_AGAIN : POSTA_OK;
        }
        s->answer = s->at + 3;
        s->answer_n = script_line(s) - 3 + 2;
        s->at += script_line(s) + 1;
    }
    *n_out = 1; /* octet by octet: nothing may depend on where reads end */
    *(char *)out = s->answer_n == 2 ? '\r' : s->answer_n == 1 ? '\n' : *s->answer++;
    s->answer_n--;
    return cap > 0 ? POSTA_OK : POSTA_AGAIN;
}

static inline posta_status script_read(void *user, void *out, size_t cap, size_t *n_out) {
    script *s = user;
    posta_status status = script_read_octet(s, out, cap, n_out);
    size_t all = *n_out, more = 1;
    while (s->reads_all && all > 0 && more > 0 && all < cap) {
        script_read_octet(s, (char *)out + all, 1, &more);
        all += more;
    }
    *n_out = all;
    return status;
}

static inline void script_hear(script *s) {
    size_t n = script_line(s);
    bool is_open = n >= 6 && strncmp(s->at + n - 3, "...", 3) == 0;
    size_t len = is_open ? n - 6 : n - 3;
    s->said[s->said_n] = 0;
    if (strncmp(s->at, "C: ", 3) != 0 || strncmp(s->at + 3, s->said, len) != 0 ||
        (!is_open && s->said_n != len))
        fail_msg("we said \"%s\", expected \"%.*s\"", s->said, (int)n, s->at);
    s->at += n + (s->at[n] == '\n');
    s->said_n = 0;
}

static inline posta_status script_write(void *user, const void *p, size_t len, size_t *n_out) {
    script *s = user;
    const char *c = p;
    *n_out = len;
    for (size_t i = 0; i < len; i++) {
        assert_true(s->said_n < sizeof s->said - 1);
        if (c[i] == '\n' && s->said_n > 0 && s->said[s->said_n - 1] == '\r') {
            s->said_n--;
            script_hear(s);
        } else {
            s->said[s->said_n++] = c[i];
        }
    }
    return POSTA_OK;
}

static inline void script_close(void *user) {
    ((script *)user)->closed++;
}

static inline void script_event(posta_session *session, const posta_event *ev, void *user_data) {
    static const char *const names[] = {[POSTA_EVENT_CONNECTED] = "CONNECTED ",
                                        [POSTA_EVENT_AUTH_OK] = "AUTH_OK ",
                                        [POSTA_EVENT_AUTH_FAIL] = "AUTH_FAIL ",
                                        [POSTA_EVENT_DISCONNECTED] = "DISCONNECTED ",
                                        [POSTA_EVENT_SERVER_ERROR] = "SERVER_ERROR ",
                                        [POSTA_EVENT_FAILED] = "FAILED ",
                                        [POSTA_EVENT_TIMEOUT] = "TIMEOUT "};
    script *s = user_data;
    (void)session;
    if (ev->type < sizeof names / sizeof *names && names[ev->type])
        strcat(s->events, names[ev->type]);
}

/** A blocking session to it, over a channel that the host vouches for. */
static inline posta_session_config script_config(script *s, const char *dialogue) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    memset(s, 0, sizeof *s);
    s->at = dialogue;
    s->transport = (posta_transport){.size = sizeof s->transport,
                                     .user = s,
                                     .read = script_read,
                                     .write = script_write,
                                     .close = script_close,
                                     .wait = script_wait,
                                     .flags = POSTA_TRANSPORT_SECURE};
    s->port = *posta_port_default();
    s->port.user = s;
    s->port.now_ms = script_now;
    c.host = "mail.example.org";
    c.security = POSTA_SECURITY_NONE;
    c.hello = "client.test";
    c.transport = &s->transport;
    c.callback = script_event;
    c.user_data = s;
    return c;
}

#endif
