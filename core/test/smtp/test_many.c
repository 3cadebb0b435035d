/* Row F10: 10 000 recipients over pipes of 1 KiB, to a server that does not read until its replies
 * are read: no deadlock, no memory but the engine's own. And the trace: every line of the dialogue
 * once, in order, none lost; the transcript bounded; the text of the message in neither (rows E14,
 * L03).
 */
#include "toy.h"

#define MANY 10000u

static char addresses[MANY][32];
static posta_recipient to[MANY];

static unsigned some_refused(toy *t, toy_verb verb) {
    if (verb != T_RCPT || t->now.rcpts.len % 7 != 3) return 0;
    return t->now.rcpts.len % 2 ? 550 : 452;
}

typedef struct trace {
    t_bytes lines;
} trace;

static void see(toy_wire *w, const posta_event *ev) {
    trace *tr = w->user;
    if (ev->type == POSTA_EVENT_TRACE) {
        t_bytes_add(&tr->lines, (const char[]){ev->direction, ' '}, 2);
        t_bytes_add(&tr->lines, ev->text.p, ev->text.len);
        t_bytes_add(&tr->lines, "\n", 1);
    }
    if (ev->type == POSTA_EVENT_SENT) w->sent_n++;
    if (ev->action != POSTA_PHASE_RECIPIENT || ev->type == POSTA_EVENT_SENT) return;
    assert_int_equal(ev->recipient, w->next_rcpt);
    w->next_rcpt++;
}

/* All lines that there must be, each direction for itself, in order. */
static void check_trace(const trace *tr, size_t n) {
    size_t rcpt = 0, replies = 0, text = 0, dots = 0;
    char *p = (char *)tr->lines.p, *end = p + tr->lines.len;
    while (p < end) {
        char want[64], *lf = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(lf);
        *lf = 0;
        if (!strncmp(p, "C RCPT", 6)) {
            snprintf(want, sizeof want, "C RCPT TO:<%s>", addresses[rcpt++]);
            assert_string_equal(p, want);
        }
        if (!strncmp(p, "S ", 2) && strstr(p, " rcpt")) {
            unsigned code = replies % 7 == 3 ? (replies % 2 ? 550 : 452) : 250;
            replies++;
            snprintf(want, sizeof want, "S %u rcpt", code);
            assert_string_equal(p, want);
        }
        text += !strcmp(p, "C [8 octets of text]");
        dots += !strcmp(p, "C .");
        assert_null(strstr(p, "secret"));
        p = lf + 1;
    }
    assert_int_equal(rcpt, n);
    assert_int_equal(replies, n);
    assert_int_equal(text, 1);
    assert_int_equal(dots, 1);
}

static void send_many(size_t n, uint32_t seed, size_t cap, bool traced, bool small) {
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    toy t;
    trace tr = {0};
    void *memory;
    char transcript[POSTA_TRANSCRIPT_CAP + 1];
    t_body body = T_BODY("secret\r\n", 8);
    posta_source source = t_body_source(&body, 8);
    posta_envelope env = {.from = "a@x.test", .to = to, .to_n = n};
    size_t refused = 0;
    toy_init(&t);
    t.decide = some_refused;
    config.hello = "client.test";
    config.trace = traced;
    if (small) {
        config.tx_space = POSTA_MIN_TX_SPACE;
        config.rx_space = POSTA_MIN_RX_SPACE;
        config.owed_max = 2 + seed % 3;
    } else {
        config.owed_max = POSTA_MAX_OWED;
    }
    toy_wire w = {.e = toy_engine(&config, &memory),
                  .toy = &t,
                  .seed = seed,
                  .cap = cap,
                  .now = 1,
                  .seen = see,
                  .user = &tr};
    for (size_t i = 0; i < n; i++) {
        snprintf(addresses[i], sizeof addresses[i], "r%zu@x.test", i);
        to[i] = (posta_recipient){.address = addresses[i]};
    }
    toy_greet(&t);
    toy_run(&w);
    assert_int_equal(posta_engine_submit(w.e, &env, &source), POSTA_E_IN_PROGRESS);
    toy_run(&w);
    assert_int_equal(w.sent_n, 1); /* else they stand still, each waiting for the other */
    assert_int_equal(w.next_rcpt, n);
    for (size_t i = 0; i < n; i++) {
        bool no = i % 7 == 3;
        refused += no;
        assert_int_equal(to[i].status, no ? POSTA_RECIPIENT_REFUSED : POSTA_RECIPIENT_ACCEPTED);
        assert_int_equal(to[i].reply.code, !no ? 250 : i % 2 ? 550 : 452);
    }
    assert_int_equal(posta_engine_outcome(w.e)->accepted_n, n - refused);
    if (traced) check_trace(&tr, n);
    assert_true(posta_engine_transcript(w.e, transcript, sizeof transcript) <=
                POSTA_TRANSCRIPT_CAP);
    assert_null(strstr(transcript, "secret"));
    assert_non_null(strstr(transcript, "C: [8 octets of text]\nC: .\nS: 250 text\n"));
    t_bytes_free(&tr.lines);
    toy_wire_free(&w);
    free(memory);
}

static void ten_thousand(void **state) {
    (void)state;
    send_many(MANY, 0, 1024, false, false);
    send_many(MANY, 7, 1024, true, false);
    send_many(MANY, 3, 1024, true, true);
}

static void traced_at_every_width(void **state) {
    (void)state;
    for (size_t cap = 1; cap < 300; cap += 1 + cap / 8)
        for (uint32_t seed = 0; seed < 4; seed++)
            send_many(60, seed, cap, true, seed % 2 == 1);
}

/* What was said is what is traced, octet for octet, in a dialogue without a text. */
static void trace_is_the_dialogue(void **state) {
    (void)state;
    for (uint32_t seed = 0; seed < 60; seed++) {
        t_wire w;
        t_mode mode = {seed % 3 == 0   ? T_WHOLE
                       : seed % 3 == 1 ? T_BYTES
                                       : T_RANDOM,
                       T_RANDOM,
                       0,
                       seed,
                       seed % 2 == 0,
                       true};
        t_bytes want = {0};
        t_wire_open(&w, NULL, mode);
        t_wire_greet(&w, "SIZE 1\nPIPELINING");
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(posta_engine_noop(w.e), POSTA_E_IN_PROGRESS);
            t_wire_run(&w);
            t_wire_say(&w, "250-line %u\r\n250 end\r\n", i);
            t_wire_expect(&w, POSTA_EVENT_NOOP_ACK);
        }
        const char head[] = "S: 220 ready\nC: EHLO client.test\nS: 250-server.test\nS: 250-SIZE 1\n"
                            "S: 250-PIPELINING\nS: 250 HELP\n";
        t_bytes_add(&want, head, strlen(head));
        for (unsigned i = 0; i < 5; i++) {
            char lines[64];
            int n = snprintf(lines, sizeof lines, "C: NOOP\nS: 250-line %u\nS: 250 end\n", i);
            t_bytes_add(&want, lines, (size_t)n);
        }
        assert_int_equal(w.trace.len, want.len);
        assert_memory_equal(w.trace.p, want.p, want.len);
        t_bytes_free(&want);
        t_wire_close(&w);
    }
}

/* Long lines fill the store: the engine pauses until the host has looked, and loses none. */
static void long_lines_wait(void **state) {
    t_wire w;
    t_bytes reply = {0};
    unsigned lines = 0;
    (void)state;
    t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, true});
    for (unsigned i = 0; i < 60; i++) {
        char line[700];
        int n = snprintf(line, sizeof line, "220%c%03u ", i < 59 ? '-' : ' ', i);
        memset(line + n, 'x', 600);
        memcpy(line + n + 600, "\r\n", 2);
        t_bytes_add(&reply, line, (size_t)n + 602);
    }
    t_wire_say_bytes(&w, reply.p, reply.len);
    t_wire_wrote(&w, "EHLO client.test\r\n");
    t_bytes_add(&w.trace, "", 1);
    for (char *p = (char *)w.trace.p; (p = strstr(p, "S: 220")); p++) {
        char want[12];
        snprintf(want, sizeof want, "%03u x", lines++);
        assert_memory_equal(p + 7, want, 5);
    }
    assert_int_equal(lines, 60);
    t_bytes_free(&reply);
    t_wire_close(&w);
}

/* The transcript holds whole lines, the newest, in any room. */
static void transcript_room(void **state) {
    char all[POSTA_TRANSCRIPT_CAP + 1], some[POSTA_TRANSCRIPT_CAP + 1];
    t_wire w;
    (void)state;
    t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
    t_wire_greet(&w, "");
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(posta_engine_noop(w.e), POSTA_E_IN_PROGRESS);
        t_wire_run(&w);
        t_wire_say(&w, "250 %u\r\n", i);
        t_wire_expect(&w, POSTA_EVENT_NOOP_ACK);
    }
    size_t n = posta_engine_transcript(w.e, all, sizeof all);
    assert_in_range(n, POSTA_TRANSCRIPT_CAP - 40, POSTA_TRANSCRIPT_CAP);
    assert_string_equal(all + n - 11, "S: 250 299\n");
    for (size_t cap = 1; cap <= sizeof some; cap++) {
        size_t len = posta_engine_transcript(w.e, some, cap);
        assert_true(len < cap && strlen(some) == len);
        assert_string_equal(some, all + n - len);
        assert_true(len == n || len == 0 || all[n - len - 1] == '\n');
    }
    assert_int_equal(posta_engine_transcript(w.e, some, 0), 0);
    t_wire_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand), cmocka_unit_test(traced_at_every_width),
        cmocka_unit_test(trace_is_the_dialogue), cmocka_unit_test(long_lines_wait),
        cmocka_unit_test(transcript_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
