/* Row E16 (with A07, E12, E15): every step of the dialogue against every reply code. The table
 * below is written from RFC 5321 4.3.2, not from the engine's. */
#include "t_smtp.h"

#include <stdio.h>

static posta_recipient to[1];
static t_body body;

static void submit(t_wire *w) {
    posta_envelope env = {.from = "a@x.test", .to = to, .to_n = 1};
    posta_source source;
    to[0] = (posta_recipient){.address = "b@x.test"};
    body = (t_body)T_BODY("hi\r\n", 4);
    source = t_body_source(&body, 4);
    t_wire_submit(w, &env, &source);
}

/* ---- ways to each step ---- */

static void to_greeting(t_wire *w) {
    t_wire_run(w);
}
static void to_ehlo(t_wire *w) {
    t_wire_say(w, "220 x\r\n");
    t_wire_wrote(w, "EHLO client.test\r\n");
}
static void to_helo(t_wire *w) {
    to_ehlo(w);
    t_wire_say(w, "500 x\r\n");
    t_wire_wrote(w, "HELO client.test\r\n");
}
static void to_mail(t_wire *w) {
    t_wire_greet(w, "");
    submit(w);
    t_wire_wrote(w, "MAIL FROM:<a@x.test>\r\n");
}
static void to_rcpt(t_wire *w) {
    to_mail(w);
    t_wire_say(w, "250 x\r\n");
    t_wire_wrote(w, "RCPT TO:<b@x.test>\r\n");
}
static void to_data(t_wire *w) {
    to_rcpt(w);
    t_wire_say(w, "250 x\r\n");
    t_wire_expect(w, POSTA_EVENT_RECIPIENT_ACK);
    t_wire_wrote(w, "DATA\r\n");
}
static void to_text(t_wire *w) {
    to_data(w);
    t_wire_say(w, "354 x\r\n");
    t_wire_wrote(w, "hi\r\n.\r\n");
}
static void to_own_rset(t_wire *w) {
    to_rcpt(w);
    t_wire_say(w, "550 x\r\n");
    t_wire_expect(w, POSTA_EVENT_SERVER_ERROR);
    t_wire_wrote(w, "RSET\r\n");
}
static void to_rset(t_wire *w) {
    t_wire_greet(w, "");
    assert_int_equal(posta_engine_reset(w->e), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_wrote(w, "RSET\r\n");
}
static void to_noop(t_wire *w) {
    t_wire_greet(w, "");
    assert_int_equal(posta_engine_noop(w->e), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_wrote(w, "NOOP\r\n");
}
static void to_quit(t_wire *w) {
    t_wire_greet(w, "");
    assert_int_equal(posta_engine_quit(w->e), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
    t_wire_wrote(w, "QUIT\r\n");
}
static void to_mail_in_group(t_wire *w) {
    t_wire_greet(w, "PIPELINING");
    submit(w);
    t_wire_wrote(w, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n");
}
static void to_rcpt_in_group(t_wire *w) {
    to_mail_in_group(w);
    t_wire_say(w, "250 x\r\n");
}
static void to_data_in_group(t_wire *w) {
    to_rcpt_in_group(w);
    t_wire_say(w, "250 x\r\n");
    t_wire_expect(w, POSTA_EVENT_RECIPIENT_ACK);
}

/* ---- the table ---- */

typedef struct seen {
    posta_event_type event;
    posta_status status;
    const char *wrote;
    bool closed;
} seen;

enum { OK, SOFT, HARD, FATAL, LEAVES, CLASSES };

#define NOTHING                                                                                    \
    { POSTA_EVENT_NONE, POSTA_OK, "", false }
#define WROTE(text)                                                                                \
    { POSTA_EVENT_NONE, POSTA_OK, text, false }
#define GOT(event, status)                                                                         \
    { POSTA_EVENT_##event, POSTA_##status, "", false }
#define SAID(event, status, text)                                                                  \
    { POSTA_EVENT_##event, POSTA_##status, text, false }
#define DEAD(event, status)                                                                        \
    { POSTA_EVENT_##event, POSTA_##status, "", true }

static const struct {
    const char *name;
    void (*reach)(t_wire *w);
    unsigned ok[2];
    seen want[CLASSES];
} steps[] = {
    {"greeting",
     to_greeting,
     {220, 0},
     {WROTE("EHLO client.test\r\n"), GOT(SERVER_RETRY, E_SERVER_TEMPORARY),
      GOT(SERVER_ERROR, E_SERVER_PERMANENT), DEAD(FAILED, E_PROTOCOL),
      GOT(SERVER_RETRY, E_SERVER_TEMPORARY)}},
    {"EHLO",
     to_ehlo,
     {250, 0},
     {GOT(CONNECTED, OK), GOT(SERVER_RETRY, E_SERVER_TEMPORARY), WROTE("HELO client.test\r\n"),
      DEAD(FAILED, E_PROTOCOL), GOT(SERVER_RETRY, E_SERVER_TEMPORARY)}},
    {"HELO",
     to_helo,
     {250, 0},
     {GOT(CONNECTED, OK), GOT(SERVER_RETRY, E_SERVER_TEMPORARY),
      GOT(SERVER_ERROR, E_SERVER_PERMANENT), DEAD(FAILED, E_PROTOCOL),
      GOT(SERVER_RETRY, E_SERVER_TEMPORARY)}},
    {"MAIL",
     to_mail,
     {250, 0},
     {WROTE("RCPT TO:<b@x.test>\r\n"), GOT(SENT, E_SERVER_TEMPORARY), GOT(SENT, E_SERVER_PERMANENT),
      DEAD(SENT, E_PROTOCOL), DEAD(SENT, E_LOST)}},
    {"RCPT",
     to_rcpt,
     {250, 251},
     {SAID(RECIPIENT_ACK, OK, "DATA\r\n"), SAID(SERVER_RETRY, E_SERVER_TEMPORARY, "RSET\r\n"),
      SAID(SERVER_ERROR, E_SERVER_PERMANENT, "RSET\r\n"), DEAD(SENT, E_PROTOCOL),
      DEAD(SENT, E_LOST)}},
    {"DATA",
     to_data,
     {354, 0},
     {WROTE("hi\r\n.\r\n"), WROTE("RSET\r\n"), WROTE("RSET\r\n"), DEAD(SENT, E_PROTOCOL),
      DEAD(SENT, E_LOST)}},
    {"text",
     to_text,
     {250, 0},
     {GOT(SENT, OK), GOT(SENT, E_SERVER_TEMPORARY), GOT(SENT, E_SERVER_PERMANENT),
      DEAD(SENT, E_PROTOCOL), DEAD(SENT, E_SERVER_TEMPORARY)}},
    {"RSET of a refused message",
     to_own_rset,
     {250, 0},
     {GOT(SENT, E_SERVER_PERMANENT), DEAD(SENT, E_SERVER_PERMANENT), DEAD(SENT, E_SERVER_PERMANENT),
      DEAD(SENT, E_SERVER_PERMANENT), DEAD(SENT, E_SERVER_PERMANENT)}},
    {"RSET",
     to_rset,
     {250, 0},
     {GOT(RESET, OK), GOT(SERVER_RETRY, E_SERVER_TEMPORARY), GOT(SERVER_ERROR, E_SERVER_PERMANENT),
      DEAD(FAILED, E_PROTOCOL), DEAD(FAILED, E_LOST)}},
    {"NOOP",
     to_noop,
     {250, 0},
     {GOT(NOOP_ACK, OK), GOT(SERVER_RETRY, E_SERVER_TEMPORARY),
      GOT(SERVER_ERROR, E_SERVER_PERMANENT), DEAD(FAILED, E_PROTOCOL), DEAD(FAILED, E_LOST)}},
    {"QUIT",
     to_quit,
     {221, 0},
     {DEAD(DISCONNECTED, OK), DEAD(DISCONNECTED, OK), DEAD(DISCONNECTED, OK),
      DEAD(DISCONNECTED, OK), DEAD(DISCONNECTED, OK)}},
    {"MAIL in a group",
     to_mail_in_group,
     {250, 0},
     {NOTHING, NOTHING, NOTHING, DEAD(SENT, E_PROTOCOL), DEAD(SENT, E_LOST)}},
    {"RCPT in a group",
     to_rcpt_in_group,
     {250, 251},
     {GOT(RECIPIENT_ACK, OK), GOT(SERVER_RETRY, E_SERVER_TEMPORARY),
      GOT(SERVER_ERROR, E_SERVER_PERMANENT), DEAD(SENT, E_PROTOCOL), DEAD(SENT, E_LOST)}},
    {"DATA in a group",
     to_data_in_group,
     {354, 0},
     {WROTE("hi\r\n.\r\n"), WROTE("RSET\r\n"), WROTE("RSET\r\n"), DEAD(SENT, E_PROTOCOL),
      DEAD(SENT, E_LOST)}},
};

static const unsigned codes[] = {120, 150, 199, 200, 211, 214, 220, 221, 235, 250, 251, 252,
                                 253, 260, 299, 300, 334, 354, 355, 421, 432, 450, 451, 452,
                                 454, 455, 459, 500, 501, 502, 503, 504, 521, 530, 534, 535,
                                 538, 550, 551, 552, 553, 554, 555, 556, 559, 600, 666, 999};

static unsigned class_of(const unsigned ok[2], unsigned code) {
    if (code == ok[0] || code == ok[1]) return OK;
    if (code == 421) return LEAVES;
    if (code >= 400 && code <= 459) return SOFT;
    return code >= 500 && code <= 559 ? HARD : FATAL;
}

static void check(size_t step, unsigned code, t_mode mode) {
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    const seen *want = &steps[step].want[class_of(steps[step].ok, code)];
    const t_event *ev;
    char mode_text[128];
    t_wire w;
    config.owed_max = 8;
    t_wire_open(&w, &config, mode);
    steps[step].reach(&w);
    t_wire_expect_none(&w);
    t_wire_say(&w, "%u-4.0.0 x\r\n%u x\r\n", code, code);
    ev = t_wire_event(&w);
    t_mode_name(mode, mode_text, sizeof mode_text);
    if ((ev ? ev->event.type : POSTA_EVENT_NONE) != want->event ||
        (ev && ev->event.status != want->status) || posta_engine_is_closed(w.e) != want->closed)
        fail_msg("%s, code %u (%s): %s %s, %s", steps[step].name, code, mode_text,
                 ev ? t_event_name(ev->event.type) : "no event",
                 ev ? posta_status_name(ev->event.status) : "",
                 posta_engine_is_closed(w.e) ? "closed" : "open");
    t_wire_wrote(&w, want->wrote);
    t_wire_expect_none(&w);
    /* Row F05: with the dot written only a verdict is a verdict. */
    if (steps[step].reach == to_text && want->status == POSTA_E_PROTOCOL)
        assert_true(posta_engine_outcome(w.e)->unknown);
    else
        assert_false(posta_engine_outcome(w.e)->unknown);
    if (steps[step].reach == to_quit)
        assert_int_equal(posta_engine_fault(w.e)->status, POSTA_OK); /* row F19 */
    t_wire_close(&w);
}

static void every_step_every_code(void **state) {
    (void)state;
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++)
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            check(step, codes[i], (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
            check(step, codes[i], (t_mode){T_BYTES, T_BYTES, 0, 0, true, true});
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_step_every_code)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
