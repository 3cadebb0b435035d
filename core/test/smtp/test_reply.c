/* The reply parser: rows E02-E10, E13, E14, and capabilities (row A04). */
#include "t_smtp.h"

#include <stdio.h>

#include "../../smtp/smtp_i.h"
#include "guard.h"

static const t_mode WHOLE = {T_WHOLE, T_WHOLE, 0, 0, false, false};
static const posta_engine_config PLAIN = POSTA_ENGINE_CONFIG;

/* One reply through the parser, the octets at the end of a page, `cut` at a time. */
static heard parse(const void *p, size_t len, size_t cut, const posta_engine_config *config,
                   reply_line *line) {
    reply_parser parser;
    heard h = HEARD_MORE;
    const char *why = NULL;
    memset(&parser, 0x5a, sizeof parser);
    posta__reply_restart(&parser);
    for (size_t at = 0; at < len && h != HEARD_REPLY && h != HEARD_FAULT; at += cut) {
        size_t n = len - at < cut ? len - at : cut;
        uint8_t *copy = t_guarded((const uint8_t *)p + at, n);
        posta_span in = posta__span(copy, n);
        while (in.len > 0 && h != HEARD_REPLY && h != HEARD_FAULT)
            h = posta__reply_step(&parser, config, &in, line, &why);
        t_guard_free(copy, n);
    }
    assert_true((h == HEARD_FAULT) == (why != NULL));
    return h;
}

/* Row E05, written from the row's own words. */
static bool is_good(const uint8_t p[4]) {
    bool digits =
        p[0] >= '2' && p[0] <= '5' && p[1] >= '0' && p[1] <= '5' && p[2] >= '0' && p[2] <= '9';
    return digits && (p[3] == ' ' || p[3] == '-' || p[3] == '\r');
}

static void prefixes(void **state) {
    (void)state;
    uint32_t seed = 5;
    unsigned good = 0;
    for (unsigned i = 0; i < 65536; i++) {
        uint8_t text[] = "250 x\r\n";
        reply_line line;
        uint32_t r = t_random(&seed);
        /* Half near the digits, half anywhere. */
        for (unsigned k = 0; k < 3; k++)
            text[k] = (uint8_t)(i & 1 ? r >> (8 * k) : 47u + (r >> (8 * k)) % 12);
        text[3] = (uint8_t)(i & 2 ? (uint8_t) " -\r0_\tx."[i / 4 % 8] : t_random(&seed));
        if (text[3] == '\r') memcpy(text + 4, "\n  ", 4);
        if (memchr(text, '\n', 4) || memchr(text, '\r', 3) || memchr(text, 0, 4)) continue;
        reply_parser parser;
        const char *why = NULL;
        posta_span in = posta__span(text, 7);
        posta__reply_restart(&parser);
        heard h = posta__reply_step(&parser, &PLAIN, &in, &line, &why);
        if (is_good(text) != (h == HEARD_LINE || h == HEARD_REPLY))
            fail_msg("\\x%02x\\x%02x\\x%02x\\x%02x", text[0], text[1], text[2], text[3]);
        good += is_good(text);
    }
    assert_true(good > 500);
}

static void table(void **state) {
    static const struct {
        const char *row, *text;
        heard want;
    } cases[] = {
        {"E05", "666 x\r\n", HEARD_FAULT},
        {"E05", "099 x\r\n", HEARD_FAULT},
        {"E05", "25\r\n", HEARD_FAULT},
        {"E05", "2500\r\n", HEARD_FAULT},
        {"E05", "2 50\r\n", HEARD_FAULT},
        {"E05", " 250\r\n", HEARD_FAULT},
        {"E05", "-250\r\n", HEARD_FAULT},
        {"E05", "25a\r\n", HEARD_FAULT},
        {"E05", "250\t\r\n", HEARD_FAULT},
        {"E05", "250_x\r\n", HEARD_FAULT},
        {"E05", "446 x\r\n", HEARD_REPLY},
        {"E05", "233 x\r\n", HEARD_REPLY},
        {"E05", "260 x\r\n", HEARD_FAULT},
        {"E05", "200\r\n", HEARD_REPLY},
        {"E05", "559 \r\n", HEARD_REPLY},
        {"E05", "HTTP/1.1 400\r\n", HEARD_FAULT},
        {"E06", "250-a\r\n354 b\r\n", HEARD_FAULT},
        {"E06", "250-a\r\n250-b\r\n251 c\r\n", HEARD_FAULT},
        {"E07", "250\r\n", HEARD_REPLY},
        {"E07", "250-\r\n250\r\n", HEARD_REPLY},
        {"E07", "250", HEARD_MORE},
        {"E07", "250-\r\n", HEARD_LINE},
        {"E07", "2", HEARD_MORE},
        {"E07", "\r\n", HEARD_FAULT},
        {"E07", "2\r\n", HEARD_FAULT},
        {"E08", "250 a\rb\r\n", HEARD_FAULT},
        {"E08", "250 a\n", HEARD_FAULT},
        {"E08", "250 a\r\r\n", HEARD_FAULT},
        {"E08", "\n", HEARD_FAULT},
        {"E08", "250 a\r", HEARD_MORE},
        {"E13", "220-a\r\n220 b\r\n", HEARD_REPLY},
        {"E14", "250 \x1b[2J\xff\r\n", HEARD_REPLY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t cut = 1; cut <= strlen(cases[i].text); cut++) {
            reply_line line;
            heard h = parse(cases[i].text, strlen(cases[i].text), cut, &PLAIN, &line);
            if (h == HEARD_LINE && cases[i].want == HEARD_MORE) h = HEARD_MORE;
            if (cases[i].want == HEARD_LINE && h == HEARD_MORE) h = HEARD_LINE;
            if (h != cases[i].want) fail_msg("%s: %s: %d", cases[i].row, cases[i].text, (int)h);
        }
}

/* Row E08: a NUL anywhere. */
static void nul_anywhere(void **state) {
    (void)state;
    for (size_t at = 0; at < 11; at++) {
        uint8_t text[] = "250-a\r\n250 b\r\n";
        reply_line line;
        text[at] = 0;
        assert_int_equal(parse(text, sizeof text - 1, 1, &PLAIN, &line), HEARD_FAULT);
        assert_int_equal(parse(text, sizeof text - 1, 99, &PLAIN, &line), HEARD_FAULT);
    }
}

static void enhanced(void **state) { /* row E10 */
    static const struct {
        const char *text, *rest;
        uint16_t code, want[3];
    } cases[] = {{"2.1.5 ok", "ok", 250, {2, 1, 5}},
                 {"5.1.1 x", "5.1.1 x", 250, {0, 0, 0}},
                 {"2", "2", 250, {0, 0, 0}},
                 {"2.", "2.", 250, {0, 0, 0}},
                 {"2.1", "2.1", 250, {0, 0, 0}},
                 {"2.1.", "2.1.", 250, {0, 0, 0}},
                 {"5.7.", "5.7.", 550, {0, 0, 0}},
                 {"5.1000.1", "5.1000.1", 550, {0, 0, 0}},
                 {"5.999.999", "", 550, {5, 999, 999}},
                 {"4.7.1", "", 450, {4, 7, 1}},
                 {"5.7.1", "5.7.1", 450, {0, 0, 0}},
                 {"2.1.5x", "2.1.5x", 250, {0, 0, 0}},
                 {"2.1.5  x", " x", 250, {2, 1, 5}},
                 {".1.5 x", ".1.5 x", 250, {0, 0, 0}},
                 {"2..5 x", "2..5 x", 250, {0, 0, 0}},
                 {"", "", 250, {0, 0, 0}},
                 {"22.1.5 x", "22.1.5 x", 250, {0, 0, 0}},
                 {"2.1.5.6 x", "2.1.5.6 x", 250, {0, 0, 0}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text);
        uint8_t *copy = t_guarded(cases[i].text, len);
        posta_span text = posta__span(copy, len);
        uint16_t got[3] = {7, 7, 7};
        posta__enhanced_take(&text, cases[i].code, got);
        if (memcmp(got, cases[i].want, sizeof got) != 0 ||
            !posta_span_is(text, posta__span_of(cases[i].rest)))
            fail_msg("%s", cases[i].text);
        t_guard_free(copy, len);
    }
}

/* ---- floods: rows E02, E03, E04 ---- */

/* Feeds `piece` until the engine closes or `most` octets; returns the octets it took. */
static uint64_t flood(const char *head, const char *piece, uint64_t most, t_mode mode) {
    t_wire w;
    uint64_t taken = 0;
    size_t len = strlen(piece);
    t_wire_open(&w, NULL, mode);
    t_wire_say(&w, "%s", head);
    while (!posta_engine_is_closed(w.e) && taken < most) {
        w.server.len = w.server_at = 0; /* the test's own memory stays flat too */
        t_wire_say_bytes(&w, piece, len);
        taken += len;
    }
    assert_true(posta_engine_is_closed(w.e));
    assert_int_equal(posta_engine_fault(w.e)->cause, POSTA_E_PROTOCOL);
    assert_int_equal(w.client.len, 0);
    t_wire_close(&w);
    return taken;
}

static void floods(void **state) {
    (void)state;
    const uint64_t gib = 1u << 30;
    const t_mode small = {T_WHOLE, T_WHOLE, 0, 0, true, false};
    assert_in_range(flood("", "2", gib, WHOLE), 4096, 4200); /* E04 */
    assert_in_range(flood("", "2", gib, small), 4096, 4200);
    assert_in_range(flood("220 ", "xxxxxxxxxx", gib, WHOLE), 4000, 4200); /* E02: a line */
    assert_in_range(flood("", "220-x\r\n", gib, WHOLE), 65500, 65600);    /* E03: a reply */
    assert_in_range(flood("", "220-\r\n", gib, small), 65500, 65600);
    assert_in_range(flood("", "\r", gib, WHOLE), 2, 2);
}

/* Row E02: lines at the cap. */
static void line_caps(void **state) {
    (void)state;
    for (size_t len = 4090; len <= 4100; len++) {
        t_wire w;
        t_bytes line = {0};
        t_wire_open(&w, NULL, WHOLE);
        t_bytes_add(&line, "220 ", 4);
        while (line.len < len)
            t_bytes_add(&line, "x", 1);
        t_bytes_add(&line, "\r\n", 2);
        t_wire_say_bytes(&w, line.p, line.len);
        assert_int_equal(posta_engine_is_closed(w.e), len > 4096);
        t_bytes_free(&line);
        t_wire_close(&w);
    }
}

/* Row E03: the work is the octets': as many engine steps for each line of a long reply as of a
   short one. Counted, not timed. */
static uint64_t work(unsigned lines) {
    t_wire w;
    uint64_t steps;
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    config.reply_max = UINT32_MAX;
    t_wire_open(&w, &config, WHOLE);
    for (unsigned i = 0; i < lines; i++)
        t_wire_say(&w, "220-x\r\n");
    steps = w.steps;
    t_wire_say(&w, "220 x\r\n");
    t_wire_wrote(&w, "EHLO client.test\r\n");
    t_wire_close(&w);
    return steps;
}

static void linear(void **state) {
    (void)state;
    assert_true(work(10000) <= 11 * work(1000));
}

/* ---- capabilities, row A04 ---- */

static void capabilities(void **state) {
    enum {
        P = POSTA_CAN_PIPELINING,
        E = POSTA_CAN_8BITMIME,
        U = POSTA_CAN_SMTPUTF8,
        S = POSTA_CAN_SIZE,
        T = POSTA_CAN_STARTTLS,
        A = POSTA_CAN_AUTH,
        N = POSTA_CAN_ENHANCED_CODES
    };
    static const struct {
        const char *line;
        unsigned bits;
        uint64_t size;
    } cases[] = {{"STARTTLS", T, 0},
                 {"starttls", T, 0},
                 {"StartTLS", T, 0},
                 {"XSTARTTLS", 0, 0},
                 {"STARTTLSX", 0, 0},
                 {"NO STARTTLS", 0, 0},
                 {"STARTTLS ", T, 0},
                 {"STARTTLS x", T, 0},
                 {" STARTTLS", 0, 0},
                 {"STARTTL", 0, 0},
                 {"START TLS", 0, 0},
                 {"STARTTLS\t", 0, 0},
                 {"AUTH PLAIN", A, 0},
                 {"AUTH=LOGIN PLAIN", 0, 0},
                 {"auth login", A, 0},
                 {"AUTH", A, 0},
                 {"XAUTH", 0, 0},
                 {"AUTHX", 0, 0},
                 {"PIPELINING", P, 0},
                 {"pipelining", P, 0},
                 {"PIPELININGS", 0, 0},
                 {"PIPELINING x", P, 0},
                 {"PIPE", 0, 0},
                 {"XPIPELINING", 0, 0},
                 {"8BITMIME", E, 0},
                 {"8bitmime", E, 0},
                 {"8BIT-MIME", 0, 0},
                 {"BITMIME", 0, 0},
                 {"SIZE", S, 0},
                 {"SIZE 0", S, 0},
                 {"SIZE 35882577", S, 35882577},
                 {"size 12", S, 12},
                 {"SIZE=100", 0, 0},
                 {"SIZE abc", S, 0},
                 {"SIZE -1", S, 0},
                 {"SIZE 12x", S, 0},
                 {"SIZE 18446744073709551615", S, UINT64_MAX},
                 {"SIZE 18446744073709551616", S, 0},
                 {"SIZE 10 20", S, 0},
                 {"SMTPUTF8", U, 0},
                 {"smtputf8", U, 0},
                 {"SMTPUTF8 x", U, 0},
                 {"SMTPUTF", 0, 0},
                 {"UTF8SMTP", 0, 0},
                 {"ENHANCEDSTATUSCODES", N, 0},
                 {"ENHANCEDSTATUSCODE", 0, 0},
                 {"HELPS", 0, 0},
                 {"", 0, 0},
                 {"PIPELINING-8BITMIME", 0, 0},
                 {"X SIZE 10", 0, 0},
                 {"2.0.0 SIZE 10", 0, 0},
                 {"p\xc4\xb1pelining", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int last = 0; last < 2; last++) {
            t_wire w;
            posta_capabilities caps;
            t_wire_open(&w, NULL, (t_mode){T_BYTES, T_WHOLE, 0, 0, last == 1, false});
            t_wire_say(&w, "220 SIZE 1\r\n");
            /* The first line is the server's name, whatever it says. */
            t_wire_say(&w,
                       last ? "250-STARTTLS\r\n250 %s\r\n" : "250-SIZE 7\r\n250-%s\r\n250 X\r\n",
                       cases[i].line);
            caps = posta_engine_capabilities(w.e);
            if (caps.bits != (cases[i].bits | POSTA_CAN_ESMTP) || caps.size_max != cases[i].size)
                fail_msg("\"%s\": bits %u, size %llu", cases[i].line, caps.bits,
                         (unsigned long long)caps.size_max);
            t_wire_close(&w);
        }
}

/* ---- what is kept: last_response, transcript (rows E14, L03) ---- */

static void kept_text(void **state) {
    (void)state;
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    t_wire w;
    posta_reply reply;
    posta_span text;
    bool cut;
    config.reply_space = 12;
    t_wire_open(&w, &config, WHOLE);
    t_wire_say(&w, "220-2.0.0 one\r\n220-2.0.0 two\r\n220 2.0.0 six\r\n");
    text = posta_engine_last_response(w.e, &reply, &cut);
    assert_true(posta_span_is(text, POSTA_LIT("one\ntwo\nsix")));
    assert_false(cut);
    assert_int_equal(reply.code, 220);
    assert_string_equal(reply.text, "one two six");
    t_wire_say(&w, "250-0123456789\r\n250 AB\r\n");
    text = posta_engine_last_response(w.e, NULL, &cut);
    assert_true(posta_span_is(text, POSTA_LIT("0123456789\nA")));
    assert_true(cut);
    t_wire_close(&w);
}

static void escaped(void **state) {
    static const struct {
        const char *text, *want;
    } cases[] = {{"a\x1b[2Jb", "a\\x1B[2Jb"},
                 {"a\x7f", "a\\x7F"},
                 {"a\tb", "a\\x09b"},
                 {"z\xc3\xbc", "z\xc3\xbc"},
                 {"a\xff", "a\\xFF"},
                 {"\xc2\x85x", "\\xC2\\x85x"},
                 {"\xe2\x80\xae", "\\xE2\\x80\\xAE"},
                 {"\xe2\x80\xa8", "\\xE2\\x80\\xA8"},
                 {"\xe2\x80", "\\xE2\\x80"},
                 {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
                 {"\xc0\x8a", "\\xC0\\x8A"},
                 {"\xe2\x81\xa6", "\\xE2\\x81\\xA6"},
                 {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int bytes = 0; bytes < 2; bytes++) {
            char transcript[POSTA_TRANSCRIPT_CAP + 1], want[128];
            t_wire w;
            t_wire_open(&w, NULL, (t_mode){bytes ? T_BYTES : T_WHOLE, T_WHOLE, 0, 0, false, true});
            t_wire_say(&w, "220 %s\r\n", cases[i].text);
            posta_engine_transcript(w.e, transcript, sizeof transcript);
            snprintf(want, sizeof want, "S: 220 %s\nC: EHLO client.test\n", cases[i].want);
            assert_string_equal(transcript, want);
            assert_int_equal(w.trace.len, strlen(want));
            assert_memory_equal(w.trace.p, want, w.trace.len);
            t_wire_close(&w);
        }
}

/* What is no reply shows in the transcript, so that people see what they have reached. */
static void stranger(void **state) {
    char transcript[256];
    t_wire w;
    (void)state;
    t_wire_open(&w, NULL, WHOLE);
    t_wire_say(&w, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n");
    posta_engine_transcript(w.e, transcript, sizeof transcript);
    assert_string_equal(transcript, "S: HTTP/1.1 400 Bad Request\n");
    t_wire_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes), cmocka_unit_test(table),        cmocka_unit_test(nul_anywhere),
        cmocka_unit_test(enhanced), cmocka_unit_test(floods),       cmocka_unit_test(line_caps),
        cmocka_unit_test(linear),   cmocka_unit_test(capabilities), cmocka_unit_test(kept_text),
        cmocka_unit_test(escaped),  cmocka_unit_test(stranger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
