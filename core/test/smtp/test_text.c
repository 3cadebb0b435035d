/* The text through the engine: rows D01-D04, D06-D09, D11, D13. The receivers below are written
 * from RFC 5321 4.1.1.4: a strict one, and one that takes LF alone for a line end. Both must see
 * the same one message (the smuggling oracle).
 */
#include "t_smtp.h"

#include "../../codec/codec_i.h"

#include <stdio.h>

static posta_recipient to[1];

/* ---- receivers ---- */

/* Reads lines up to the lone dot; answers where it ends, 0 if it does not. */
static size_t receive(const uint8_t *p, size_t len, bool takes_lf, t_bytes *text) {
    size_t from = 0;
    text->len = 0;
    for (size_t i = 0; i < len; i++) {
        bool with_cr = i > from && p[i - 1] == '\r';
        if (p[i] != '\n' || (!with_cr && !takes_lf)) continue;
        size_t n = i - from - with_cr;
        if (n == 1 && p[from] == '.') return i + 1;
        size_t dot = n > 0 && p[from] == '.';
        t_bytes_add(text, p + from + dot, n - dot);
        t_bytes_add(text, "\r\n", 2);
        from = i + 1;
    }
    return 0;
}

static bool is_clean(const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (p[i] == 0 || (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))) return false;
        if (p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n')) return false;
    }
    return true;
}

/* CR, LF and CRLF end lines; the last line is ended. */
static size_t canon(const uint8_t *p, size_t len, uint8_t *out) {
    size_t n = 0;
    bool in_line = false;
    for (size_t i = 0; i < len; i++) {
        in_line = p[i] != '\r' && p[i] != '\n';
        if (in_line) {
            out[n++] = p[i];
            continue;
        }
        if (p[i] == '\r' && i + 1 < len && p[i + 1] == '\n') i++;
        memcpy(out + n, "\r\n", 2);
        n += 2;
    }
    if (in_line) memcpy(out + n, "\r\n", 2);
    return n + (in_line ? 2 : 0);
}

/* ---- one engine for many messages ---- */

static void begin_lines(t_wire *w, t_body *body, uint64_t len, bool has_8bit, bool has_crlf) {
    posta_envelope env = {
        .from = "a@x.test", .to = to, .to_n = 1, .has_8bit = has_8bit, .has_crlf = has_crlf};
    posta_source source = t_body_source(body, len);
    to[0] = (posta_recipient){.address = "b@x.test"};
    t_wire_submit(w, &env, &source);
    t_wire_say(w, "250 x\r\n");
    t_wire_say(w, "250 x\r\n");
    t_wire_expect(w, POSTA_EVENT_RECIPIENT_ACK);
    w->client_at = w->client.len;
    t_wire_say(w, "354 x\r\n");
}

/* All is tried twice: a source that promises CRLF lines and does not keep it changes nothing. */
static bool promises_crlf;

static void begin_text(t_wire *w, t_body *body, uint64_t len, bool has_8bit) {
    begin_lines(w, body, len, has_8bit, promises_crlf);
}

/* The text of one message arrives as its canonical form, once, at both receivers. */
static void arrives(t_wire *w, t_body *body) {
    static t_bytes strict, loose;
    uint8_t want[8200];
    size_t want_len = canon(body->p, body->len, want), len;
    const uint8_t *wire;
    begin_text(w, body, POSTA_LEN_UNKNOWN, false);
    wire = w->client.p + w->client_at;
    len = w->client.len - w->client_at;
    assert_true(is_clean(wire, len));
    assert_int_equal(receive(wire, len, false, &strict), len);
    assert_int_equal(receive(wire, len, true, &loose), len);
    assert_int_equal(strict.len, want_len);
    assert_int_equal(loose.len, want_len);
    if (want_len > 0) assert_memory_equal(strict.p, want, want_len);
    if (want_len > 0) assert_memory_equal(loose.p, want, want_len);
    t_wire_say(w, "250 x\r\n");
    assert_int_equal(t_wire_expect(w, POSTA_EVENT_SENT)->event.status, POSTA_OK);
    assert_int_equal(posta_engine_outcome(w->e)->bytes, want_len);
    w->client.len = w->client_at = w->server.len = w->server_at = 0;
}

/* Rows D01, D02, D04: all strings up to length 5 over {CR, LF, '.', 'a'}, cut in all ways. */
static void every_string_every_cut(void **state) {
    static const uint8_t letters[4] = {'\r', '\n', '.', 'a'};
    t_wire w;
    (void)state;
    t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
    t_wire_greet(&w, "");
    for (size_t len = 0; len <= 5; len++)
        for (unsigned n = 0; n < 1u << (2 * len); n++) {
            uint8_t text[5];
            for (size_t i = 0; i < len; i++)
                text[i] = letters[n >> (2 * i) & 3];
            for (size_t first = 0; first <= len; first++) {
                t_body body = T_BODY(text, len);
                /* The cut is a pull that ends there: AGAIN in between, or one octet a pull. */
                body.piece = first == len ? 1 : 0;
                body.end_alone = first % 2 == 1;
                body.again_at = first == 0 || first == len ? SIZE_MAX : first;
                if (body.again_at != SIZE_MAX) {
                    begin_text(&w, &body, POSTA_LEN_UNKNOWN, false);
                    assert_true(posta_engine_wants(w.e) & POSTA_WANT_BODY);
                    body.waits = false;
                    t_wire_run(&w);
                    uint8_t want[16];
                    t_bytes got = {0};
                    size_t want_len = canon(text, len, want), sent = w.client.len - w.client_at;
                    assert_int_equal(receive(w.client.p + w.client_at, sent, false, &got), sent);
                    assert_true(is_clean(w.client.p + w.client_at, sent));
                    assert_int_equal(got.len, want_len);
                    if (want_len > 0) assert_memory_equal(got.p, want, want_len);
                    t_bytes_free(&got);
                    t_wire_say(&w, "250 x\r\n");
                    t_wire_expect(&w, POSTA_EVENT_SENT);
                    w.client.len = w.client_at = w.server.len = w.server_at = 0;
                } else {
                    arrives(&w, &body);
                }
            }
        }
    t_wire_close(&w);
}

/* Row D01: the smuggling sequences at start, middle and end. */
static void smuggling(void **state) {
    static const char *const ends[] = {
        "\n.\n",   "\n.\r\n",   "\r\n.\n",   "\r.\r",         "\r.\r\n",
        "\r\n.\r", "\r\n.\r\n", "\n\n.\r\n", "\r\r\n.\r\r\n", "\r\n\r\n.\r\nMAIL FROM:<e@e>\r\n"};
    static const char *const places[] = {"%s", "%sabc\r\n", "abc%sdef\r\n", "abc\r\n%sdef",
                                         "abc%s"};
    (void)state;
    for (unsigned small = 0; small < 2; small++) {
        t_wire w;
        t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, small == 1, false});
        t_wire_greet(&w, "");
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
                char text[200];
                int len = snprintf(text, sizeof text, places[k], ends[i]);
                for (size_t piece = 0; piece < 8; piece++) {
                    t_body body = T_BODY(text, (size_t)len);
                    body.piece = piece;
                    arrives(&w, &body);
                }
            }
        t_wire_close(&w);
    }
}

/* A text that must not be sent: no dot, closed, not sent; returns the fault. */
static const posta_fault *refused(t_wire *w, const void *text, size_t len, bool has_8bit,
                                  size_t piece) {
    t_body body = T_BODY(text, len);
    body.piece = piece;
    begin_text(w, &body, POSTA_LEN_UNKNOWN, has_8bit);
    assert_int_equal(t_wire_expect(w, POSTA_EVENT_SENT)->event.status, POSTA_E_BODY);
    assert_true(posta_engine_is_closed(w->e));
    assert_false(posta_engine_outcome(w->e)->unknown);
    size_t n = w->client.len - w->client_at;
    for (size_t i = 0; i + 2 < n; i++)
        assert_memory_not_equal(w->client.p + w->client_at + i, ".\r\n", 3);
    return posta_engine_fault(w->e);
}

/* Row D06: 997 to 1001 octets in a line, counted before stuffing. */
static void long_lines(void **state) {
    (void)state;
    for (unsigned small = 0; small < 2; small++)
        for (size_t len = 997; len <= 1001; len++)
            for (unsigned dot = 0; dot < 2; dot++) {
                uint8_t text[1100];
                t_wire w;
                memset(text, 'x', sizeof text);
                if (dot) text[0] = '.';
                memcpy(text + len, "\r\nend", 5);
                t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, small == 1, false});
                t_wire_greet(&w, "");
                if (len <= 998) {
                    t_body body = T_BODY(text, len + 5);
                    arrives(&w, &body);
                } else {
                    assert_string_equal(refused(&w, text, len + 5, false, small)->why,
                                        "has a line over 998 octets");
                }
                t_wire_close(&w);
            }
}

/* Row D07: octets above 127 unannounced, and NUL, at any place. */
static void strange_octets(void **state) {
    (void)state;
    for (size_t at = 0; at < 6; at++)
        for (size_t piece = 0; piece < 3; piece++) {
            uint8_t text[] = "ab\r\nc\r";
            t_wire w;
            t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, at % 2 == 0, false});
            t_wire_greet(&w, "8BITMIME");
            text[at] = 0;
            assert_string_equal(refused(&w, text, 6, true, piece)->why, "has a NUL octet");
            t_wire_close(&w);
            t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, at % 2 == 0, false});
            t_wire_greet(&w, "8BITMIME");
            text[at] = 0x80;
            assert_non_null(strstr(refused(&w, text, 6, false, piece)->why, "above 127"));
            t_wire_close(&w);
        }
}

/* Row D08: SIZE is what arrives, stuffing not counted; where line ends may be mended, none is said.
 */
static void announced_size(void **state) {
    static const char *const texts[] = {"",     "a\r\n", ".\r\n..\r\n...\r\n", "a\r\n.\r\nb\r\n",
                                        "\r\n", "a\nb\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool has_crlf = i + 1 < sizeof texts / sizeof *texts;
        t_body body = T_BODY(texts[i], strlen(texts[i]));
        t_bytes got = {0};
        char want[80];
        t_wire w;
        t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
        t_wire_greet(&w, "SIZE");
        begin_lines(&w, &body, body.len, false, has_crlf);
        receive(w.client.p + w.client_at, w.client.len - w.client_at, false, &got);
        snprintf(want, sizeof want,
                 has_crlf ? "MAIL FROM:<a@x.test> SIZE=%zu\r\n" : "MAIL FROM:<a@x.test>\r\n",
                 got.len);
        assert_memory_equal(w.client.p + strlen("EHLO client.test\r\n"), want, strlen(want));
        t_bytes_free(&got);
        t_wire_close(&w);
    }
}

/* Row D09: a source that fails, is short, or gives nothing, at each offset. */
static void failing_source(void **state) {
    static const posta_status faults[] = {POSTA_OK, POSTA_E_FILE, POSTA_E_MEMORY, POSTA_E_BODY};
    uint8_t text[40];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 8 == 7 ? '\n' : i % 8 == 6 ? '\r' : 'x');
    for (size_t at = 0; at <= sizeof text; at++)
        for (unsigned f = 0; f < 5; f++) {
            t_body body = T_BODY(text, f == 4 ? at : sizeof text);
            t_wire w;
            posta_status want = f == 0 || f == 4 ? POSTA_E_BODY : faults[f];
            if (f < 4) {
                body.stop_at = at;
                body.stop = faults[f];
                body.end_alone = true; /* so that there is a pull at the very end */
            } else if (at == sizeof text) {
                continue; /* not short */
            }
            t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, at % 2 == 1, false});
            t_wire_greet(&w, "");
            begin_text(&w, &body, f == 4 ? sizeof text : POSTA_LEN_UNKNOWN, false);
            assert_int_equal(t_wire_expect(&w, POSTA_EVENT_SENT)->event.status, want);
            assert_true(posta_engine_is_closed(w.e));
            assert_false(posta_engine_outcome(w.e)->unknown);
            assert_int_equal(to[0].status, POSTA_RECIPIENT_NOT_SENT);
            for (size_t i = w.client_at; i < w.client.len; i++)
                assert_int_not_equal(w.client.p[i], '.');
            t_wire_close(&w);
        }
}

/* Row D09: a source that gives more than it announced is stopped there, not at its end. */
static void endless_source(void **state) {
    static uint8_t text[20000];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i + 2 <= sizeof text; i += 50)
        memcpy(text + i, "\r\n", 2);
    for (size_t said = 0; said < 300; said += 7) {
        t_body body = T_BODY(text, sizeof text);
        t_wire w;
        body.piece = 10;
        t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, said % 2 == 1, false});
        t_wire_greet(&w, "");
        begin_text(&w, &body, said, false);
        assert_int_equal(t_wire_expect(&w, POSTA_EVENT_SENT)->event.status, POSTA_E_BODY);
        assert_string_equal(posta_engine_fault(w.e)->why, "the text is longer than was announced");
        assert_true(body.at <= said + 10);
        assert_true(w.client.len - w.client_at <= said);
        t_wire_close(&w);
    }
}

/* Submits a text of `said` octets; where in the client's octets what follows `BDAT n LAST` is. */
static size_t chunked(t_wire *w, t_body *body, uint64_t said, bool small) {
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    posta_envelope env = {.from = "a@x.test", .to = to, .to_n = 1, .has_binary = true};
    posta_source source = t_body_source(body, said);
    char want[60];
    config.chunking = true;
    to[0] = (posta_recipient){.address = "b@x.test"};
    t_wire_open(w, &config, (t_mode){T_WHOLE, T_WHOLE, 0, 0, small, false});
    t_wire_greet(w, "CHUNKING\nBINARYMIME");
    t_wire_submit(w, &env, &source);
    t_wire_say(w, "250 x\r\n");
    t_wire_say(w, "250 x\r\n");
    snprintf(want, sizeof want, "BDAT %llu LAST\r\n", (unsigned long long)said);
    uint8_t *line = NULL;
    for (size_t i = 0; i + strlen(want) <= w->client.len && !line; i++)
        if (memcmp(w->client.p + i, want, strlen(want)) == 0) line = w->client.p + i;
    assert_non_null(line);
    return (size_t)(line - w->client.p) + strlen(want);
}

/* Row D11: as many octets as BDAT says, and as they are; numbers of more than 31 and 32 bits. */
static void counted_chunk(void **state) {
    static const size_t lens[] = {0, 1, 65535, 65536, 65537};
    static const uint64_t more[] = {UINT64_C(1) << 31, (UINT64_C(1) << 32) + 1};
    static uint8_t text[65537];
    uint32_t seed = 1;
    t_wire w;
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)t_random(&seed);
    for (size_t i = 0; i < 2 * sizeof lens / sizeof *lens; i++) {
        size_t len = lens[i / 2];
        t_body body = T_BODY(text, len);
        size_t at = chunked(&w, &body, len, i % 2 == 1);
        assert_int_equal(w.client.len - at, len);
        if (len > 0) assert_memory_equal(w.client.p + at, text, len);
        t_wire_say(&w, "250 x\r\n");
        assert_int_equal(posta_engine_outcome(w.e)->bytes, len);
        t_wire_close(&w);
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        t_body body = T_BODY(text, sizeof text);
        chunked(&w, &body, more[i], false);
        assert_true(posta_engine_is_closed(w.e)); /* it was shorter */
        t_wire_close(&w);
    }
}

/* Row D13: an answer in the middle of the text, at each KiB. */
static void early_answer(void **state) {
    static const struct {
        unsigned code;
        posta_status status;
        bool unknown;
    } cases[] = {{552, POSTA_E_SERVER_PERMANENT, false},
                 {421, POSTA_E_SERVER_TEMPORARY, false},
                 {452, POSTA_E_SERVER_TEMPORARY, false},
                 {250, POSTA_E_PROTOCOL, true},
                 {354, POSTA_E_PROTOCOL, false}};
    static uint8_t text[65536];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 64 == 63 ? '\n' : i % 64 == 62 ? '\r' : 'x');
    for (size_t kib = 0; kib < 64; kib++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            t_body body = T_BODY(text, sizeof text);
            t_wire w;
            t_wire_open(&w, NULL, (t_mode){T_WHOLE, T_WHOLE, 0, 0, kib % 2 == 1, false});
            t_wire_greet(&w, "");
            w.window =
                strlen("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n") + kib * 1024;
            begin_text(&w, &body, body.len, false);
            assert_int_equal(w.client.len - w.client_at, kib * 1024);
            t_wire_say(&w, "%u 4.0.0 early\r\n", cases[c].code);
            const t_event *ev = t_wire_expect(&w, POSTA_EVENT_SENT);
            assert_int_equal(ev->event.status, cases[c].status);
            assert_int_equal(posta_engine_outcome(w.e)->unknown, cases[c].unknown);
            assert_int_equal(posta_engine_outcome(w.e)->reply.code, cases[c].code);
            assert_int_equal(posta_engine_outcome(w.e)->bytes, kib * 1024);
            assert_true(posta_engine_is_closed(w.e));
            w.window = UINT64_MAX;
            t_wire_run(&w);
            assert_int_equal(w.client.len - w.client_at, kib * 1024); /* not an octet more */
            t_wire_close(&w);
        }
}

static size_t copied_n;

static void copy_lines(posta_span *in, unsigned flags, posta_window *out) {
    copied_n++;
    posta__kernels_portable.text_lines(in, flags, out);
}

/* What a source of CRLF lines gives is where the wire reads it; it is copied where it must be
 * mended. */
static void straight_into_the_window(void **state) {
    static const char *const texts[] = {"one\r\ntwo\r\n", "one\r\n.two\r\n", "one\ntwo\r\n"};
    posta_kernels spies = posta__kernels_portable;
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    (void)state;
    spies.text_lines = copy_lines;
    config.kernels = &spies;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        t_body body = T_BODY(texts[i], strlen(texts[i]));
        t_wire w;
        t_wire_open(&w, &config, (t_mode){T_WHOLE, T_WHOLE, 0, 0, false, false});
        t_wire_greet(&w, "");
        copied_n = 0;
        begin_text(&w, &body, body.len, false);
        assert_int_equal(copied_n == 0, promises_crlf && i == 0);
        t_wire_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_string_every_cut),
                                       cmocka_unit_test(smuggling),
                                       cmocka_unit_test(long_lines),
                                       cmocka_unit_test(strange_octets),
                                       cmocka_unit_test(announced_size),
                                       cmocka_unit_test(failing_source),
                                       cmocka_unit_test(endless_source),
                                       cmocka_unit_test(counted_chunk),
                                       cmocka_unit_test(early_answer),
                                       cmocka_unit_test(straight_into_the_window)};
    int failed = cmocka_run_group_tests_name("mended", tests, NULL, NULL);
    promises_crlf = true;
    return failed + cmocka_run_group_tests_name("promised", tests, NULL, NULL);
}
