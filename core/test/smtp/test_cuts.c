/* Rows F01, F11, F05, F02, F03: the server's stream ends after each of its octets, and the client's
 * after each of its: the fault names the step, the outcome is right, replies that came are kept. */
#include "t_smtp.h"

#include <stdio.h>

typedef struct server {
    const char *const *replies; /* one a command, the greeting first */
    size_t next, most;          /* octets that it says in all */
    size_t read, said;
    bool in_text;
} server;

static const char *const replies[] = {"220 hello\r\n",       "250-toy\r\n250 PIPELINING\r\n",
                                      "250 2.1.0 mail\r\n",  "250 2.1.5 one\r\n",
                                      "550 5.1.1 two\r\n",   "354 go\r\n",
                                      "250 2.0.0 taken\r\n", "221 bye\r\n"};
enum { GREETING, EHLO, MAIL, ONE, TWO, DATA, TEXT, QUIT, STEPS };

/* Says as much of `text` as is left; false: nothing is left. */
static bool say(t_wire *w, server *s, const char *text) {
    size_t n = strlen(text), left = s->most - s->said;
    if (n > left) n = left;
    s->said += n;
    t_wire_say_bytes(w, text, n);
    return s->said < s->most;
}

/* Answers what the client has written, command by command. */
static void serve(t_wire *w, server *s) {
    if (s->next == 0 && !say(w, s, replies[s->next++])) return;
    for (size_t i = s->read; i < w->client.len; i++) {
        const char *line = (const char *)w->client.p + s->read;
        if (w->client.p[i] != '\n') continue;
        size_t n = i + 1 - s->read;
        s->read = i + 1;
        if (s->in_text && !(n == 3 && line[0] == '.')) continue;
        s->in_text = n == 6 && !memcmp(line, "DATA", 4);
        if (s->next < STEPS && !say(w, s, replies[s->next++])) return;
    }
}

static posta_recipient to[2];
static t_body body;

static void talk(t_wire *w, server *s) {
    posta_envelope env = {.from = "a@x.test", .to = to, .to_n = 2};
    posta_source source;
    source = t_body_source(&body, 12);
    for (size_t before = SIZE_MAX; before != w->client.len + s->said;) {
        before = w->client.len + s->said;
        t_wire_run(w);
        serve(w, s);
    }
    if (!posta_engine_is_idle(w->e)) return;
    if (posta_engine_outcome(w->e)->bytes == 0)
        assert_int_equal(posta_engine_submit(w->e, &env, &source), POSTA_E_IN_PROGRESS);
    else
        assert_int_equal(posta_engine_quit(w->e), POSTA_E_IN_PROGRESS);
    talk(w, s);
}

static size_t total(size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += strlen(replies[i]);
    return len;
}

enum { FIN, RST, STALL, ENDINGS };

static posta_status cause_of(int ending, size_t step) {
    static const posta_status silent[] = {POSTA_E_TIMEOUT_GREETING, POSTA_E_TIMEOUT_COMMAND,
                                          POSTA_E_TIMEOUT_COMMAND,  POSTA_E_TIMEOUT_COMMAND,
                                          POSTA_E_TIMEOUT_COMMAND,  POSTA_E_TIMEOUT_DATA,
                                          POSTA_E_TIMEOUT_RESULT};
    return ending == STALL ? silent[step] : POSTA_E_LOST;
}

static void end_it(t_wire *w, int ending) {
    w->is_forced = true;
    if (ending == STALL)
        t_wire_tick(w, 600000);
    else
        t_wire_end(w, ending == FIN ? POSTA_OK : POSTA_E_LOST);
}

/* What must be known when the server fell silent at `step`, the dot written or not. */
static void judge(t_wire *w, size_t step, bool dot_taken, int ending, bool stalled_writing) {
    static const posta_phase phases[] = {
        POSTA_PHASE_GREETING,  POSTA_PHASE_HELLO, POSTA_PHASE_SENDER, POSTA_PHASE_RECIPIENT,
        POSTA_PHASE_RECIPIENT, POSTA_PHASE_DATA,  POSTA_PHASE_RESULT};
    const posta_fault *f = posta_engine_fault(w->e);
    const posta_outcome *o = posta_engine_outcome(w->e);
    posta_phase phase = step == TEXT && !dot_taken ? POSTA_PHASE_BODY
                        : step < QUIT              ? phases[step]
                                                   : POSTA_PHASE_NONE;
    posta_status cause = step < QUIT ? cause_of(ending, step) : POSTA_OK;
    if (stalled_writing && step == TEXT && !dot_taken && ending == STALL)
        cause = POSTA_E_TIMEOUT_BLOCK;
    assert_true(posta_engine_is_closed(w->e));
    if (step < QUIT) {
        assert_int_equal(f->phase, phase);
        assert_int_equal(f->cause, cause);
    }
    assert_int_equal(o->unknown, step == TEXT && dot_taken);
    if (step >= QUIT) {
        assert_int_equal(f->status, POSTA_OK);
        assert_int_equal(o->accepted_n, 1);
        assert_int_equal(o->refused_n, 1);
        assert_int_equal(o->bytes, 12);
        assert_int_equal(to[0].status, POSTA_RECIPIENT_ACCEPTED);
    } else if (step >= MAIL) {
        assert_int_equal(o->accepted_n, 0);
        assert_int_equal(to[0].status, step == TEXT && dot_taken ? POSTA_RECIPIENT_UNKNOWN
                                                                 : POSTA_RECIPIENT_NOT_SENT);
        assert_int_equal(to[0].reply.code, step > ONE ? 250 : 0); /* F11: what came is kept */
        assert_int_equal(to[1].status,
                         step > TWO ? POSTA_RECIPIENT_REFUSED : POSTA_RECIPIENT_NOT_SENT);
    }
}

static void play(size_t most, uint64_t window, int ending, t_mode mode, bool pipelining) {
    server s = {.replies = replies, .most = most};
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    size_t step = 0, sent = 0, dot = 0;
    t_wire w;
    body = (t_body)T_BODY("line\r\n.dot\r\n", 12);
    to[0] = (posta_recipient){.address = "one@x.test"};
    to[1] = (posta_recipient){.address = "two@x.test"};
    config.no_pipelining = !pipelining;
    config.owed_max = 8;
    config.timeouts.quit = 2000;
    t_wire_open(&w, &config, mode);
    w.window = window;
    talk(&w, &s);
    while (step < STEPS && s.said >= total(step + 1))
        step++;
    for (size_t i = 0; i + 5 <= w.client.len; i++)
        if (!memcmp(w.client.p + i, "\r\n.\r\n", 5)) dot = i + 5;
    if (!posta_engine_is_closed(w.e)) end_it(&w, ending);
    judge(&w, step, dot > 0, ending, window != UINT64_MAX);
    for (const t_event *ev; (ev = t_wire_event(&w));)
        sent += ev->event.type == POSTA_EVENT_SENT;
    assert_int_equal(sent, step >= MAIL); /* exactly one verdict on what was submitted */
    t_wire_close(&w);
}

static void server_ends_anywhere(void **state) {
    (void)state;
    for (size_t most = 0; most <= total(STEPS); most++)
        for (int ending = 0; ending < ENDINGS; ending++)
            for (unsigned i = 0; i < 8; i++)
                play(most, UINT64_MAX, ending,
                     (t_mode){i & 1 ? T_BYTES : T_WHOLE, T_WHOLE, 0, 0, (i & 2) != 0, i == 5},
                     (i & 4) != 0);
}

static void client_is_stopped_anywhere(void **state) {
    static const char client[] =
        "EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<one@x.test>\r\n"
        "RCPT TO:<two@x.test>\r\nDATA\r\nline\r\n..dot\r\n.\r\nQUIT\r\n";
    (void)state;
    for (uint64_t n = 0; n < sizeof client; n++)
        for (int ending = 0; ending < ENDINGS; ending++)
            for (unsigned i = 0; i < 4; i++)
                play(SIZE_MAX, n, ending,
                     (t_mode){T_WHOLE, i & 1 ? T_BYTES : T_WHOLE, 0, 0, (i & 2) != 0, false},
                     false);
}

/* Row F03: one octet each (timeout - 1): a reply has one time, however it drips. */
static void slow_loris(void **state) {
    static const char text[] = "220 hello there\r\n";
    t_wire w;
    (void)state;
    t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
    t_wire_run(&w);
    for (size_t i = 0; i < 2; i++) {
        t_wire_say_bytes(&w, text + i, 1);
        assert_false(posta_engine_is_closed(w.e));
        assert_int_equal(posta_engine_deadline(w.e), 1000 + 300000);
        t_wire_tick(&w, i ? 1 : 299999);
    }
    assert_true(posta_engine_is_closed(w.e));
    assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_TIMEOUT_GREETING);
    t_wire_close(&w);
}

/* Row F16: steps with nothing to do change nothing; no deadline moves. */
static void idle_steps(void **state) {
    t_wire w;
    (void)state;
    t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
    t_wire_greet(&w, "");
    for (unsigned i = 0; i < 1000; i++) {
        t_wire_tick(&w, 86400000);
        assert_true(posta_engine_is_idle(w.e));
        assert_int_equal(posta_engine_wants(w.e), 0);
        assert_true(posta_engine_deadline(w.e) == UINT64_MAX);
    }
    t_wire_wrote(&w, "");
    t_wire_expect_none(&w);
    t_wire_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(server_ends_anywhere),
                                       cmocka_unit_test(client_is_stopped_anywhere),
                                       cmocka_unit_test(slow_loris), cmocka_unit_test(idle_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
