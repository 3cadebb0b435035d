/* What a hostile or confused peer says around TLS: octets ahead of it, instead of it, in it and
 * behind it. Rows A01, A02, A09-A12, J11, J15, J18.
 */
#include "peer.h"

#include <time.h>

static posta_tls *tls;

static const bool implicit[] = {false, true};
#define EACH_WAY(i) for (const bool *i = implicit; i < implicit + 2; i++)

static const char *text = "hello\r\n";

/* Connects and, if that works, mails; the receipt is of what failed. */
static posta_status try(peer *p, posta_receipt *r) {
    posta_session_config c = peer_config(p, tls);
    c.non_blocking = p->random & 1;
    posta_session *s = peer_session(&c);
    posta_status status = peer_connect(s);
    *r = *posta_session_receipt(s);
    if (status == POSTA_OK) status = peer_send(s, text, strlen(text), r);
    posta_session_free(&s);
    return status;
}

static void say_raw(peer *p, const void *data, size_t len) {
    t_bytes_add(&p->down.bytes, data, len);
}

/* ---- row A01: octets behind the 220 ---- */

static const struct {
    const char *text;
    size_t len;
} tails[] = {{"250-x\r\n250 AUTH PLAIN\r\n", 0},
             {"250-SMTPUTF8 X ", 0},
             {"\n", 0},
             {" ", 0},
             {"\0", 1},
             {"\x16\x03\x03\0\x02\0\0", 7}, /* of TLS, before a ClientHello */
             {"\x15\x03\x01\0\x02\x02\x28", 7},
             {"235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n", 0}};

#define TAILS (sizeof tails / sizeof *tails)

static size_t tail_at; /* which, and how many octets of it are in the 220's segment */
static size_t glued;
static size_t tail_left;

static void append(peer *p, size_t from) {
    const uint8_t *said = p->down.bytes.p + from;
    size_t n = p->down.bytes.len - from, len = tails[tail_at].len;
    if (n < 4 || memcmp(said, "220 go", 6) != 0 || p->is_tls == false) return;
    if (len == 0) len = strlen(tails[tail_at].text);
    tail_left = len > glued ? len - glued : 0;
    if (glued > 0) say_raw(p, tails[tail_at].text, glued < len ? glued : len);
}

/* The rest comes in a segment of its own, when the client has read the 220 and looks again. */
static posta_status read_late(void *user, void *out, size_t cap, size_t *n_out) {
    peer *p = user;
    if (tail_left > 0 && p->is_tls && peer_waiting(p) == 0) {
        size_t len = tails[tail_at].len ? tails[tail_at].len : strlen(tails[tail_at].text);
        say_raw(p, tails[tail_at].text + len - tail_left, tail_left);
        tail_left = 0;
    }
    return peer_read(user, out, cap, n_out);
}

static void injected(void **state) {
    static const size_t glues[] = {0, 1, 3, 1000};
    (void)state;
    for (size_t i = 0; i < TAILS * 4 * 2; i++) {
        peer p;
        posta_receipt r;
        tail_at = i / 8;
        glued = glues[i / 2 % 4];
        tail_left = 0;
        peer_init(&p);
        p.piece = i & 1;
        p.random = (uint32_t)i;
        p.meddle = append;
        p.transport.read = read_late;
        posta_status status = try(&p, &r);
        if (status != POSTA_E_PROTOCOL || r.cause != POSTA_E_UNASKED)
            peer_wrong("tail %zu, %zu of it glued: %s: %s", tail_at, glued,
                       posta_status_name(status), r.message);
        /* not an octet of a ClientHello, or of anything */
        const char *said = "EHLO client.test\r\nSTARTTLS\r\n";
        if (p.seen.len != strlen(said) || memcmp(p.seen.p, said, p.seen.len) != 0)
            peer_wrong("tail %zu, %zu of it glued: %zu octets", tail_at, glued, p.seen.len);
        assert_int_equal(p.toy.mails_n, 0);
        peer_done(&p);
    }
    peer_right();
}

/* Row A02: the answer to STARTTLS before the question, and other replies ahead of their turn. */
static void ahead(peer *p, size_t from) {
    const t_bytes *b = &p->down.bytes;
    if (b->len > from + 5 && !memcmp(b->p + from, "250-toy", 7)) say_raw(p, "220 ready\r\n", 11);
}

static void answered_ahead(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.random = i;
        p.meddle = ahead;
        assert_int_equal(try(&p, &r), POSTA_E_PROTOCOL);
        assert_int_equal(r.cause, POSTA_E_UNASKED);
        assert_string_equal(p.events, "FAILED");
        assert_int_equal(p.seen.len, strlen("EHLO client.test\r\n"));
        peer_done(&p);
    }
}

/* ---- rows A09, A12: something else instead of TLS ---- */

static const struct {
    const char *text;
    size_t len;
    posta_status expected;
    const char *says;
} answers[] = {
    {"220 hi\r\n", 0, POSTA_E_TLS_NOT_TLS, "it begins with \"220 h"},
    {"2", 0, POSTA_E_TLS_NOT_TLS, "it begins with \"2\""},
    {"554 5.3.2 go away\r\n", 0, POSTA_E_TLS_NOT_TLS, NULL},
    {"SSH-2.0-OpenSSH_9.2\r\n", 0, POSTA_E_TLS_NOT_TLS, NULL},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", 0, POSTA_E_TLS_NOT_TLS, NULL},
    {"\0\0\0\0\0\0", 6, POSTA_E_TLS_NOT_TLS, NULL},
    {"\xff\xff\xff\xff\xff\xff", 6, POSTA_E_TLS_NOT_TLS, NULL},
    {"\x16\x02\0\0\x02\0\0", 7, POSTA_E_TLS_NOT_TLS, NULL},
    {"", 0, POSTA_E_TLS_HANDSHAKE, "closed the connection in the TLS handshake"},
    {"\x16", 1, POSTA_E_TLS_HANDSHAKE, "closed the connection in the TLS handshake"},
    {"\x15\x03\x01\0\x02\x02\x28", 7, POSTA_E_TLS_HANDSHAKE,
     "no version or cipher suite in common"},
    {"\x15\x03\x03\0\x02\x02\x28", 7, POSTA_E_TLS_HANDSHAKE,
     "no version or cipher suite in common"},
    {"\x15\x03\x01\0\x02\x02\x46", 7, POSTA_E_TLS_HANDSHAKE,
     "no version of TLS in common; what is spoken here is 1.2"},
    {"\x15\x03\x03\0\x02\x02\x70", 7, POSTA_E_TLS_HANDSHAKE, "does not know the name asked for"},
    {"\x15\x03\x03\0\x02\x01\x70", 7, POSTA_E_TLS_HANDSHAKE, NULL}, /* a warning, then the end */
    {"\x15\x03\x03\0\x02\x02\x50", 7, POSTA_E_TLS_HANDSHAKE, "something is wrong in the server"},
    {"\x15\x03\x03\0\x02\x02\x5a", 7, POSTA_E_TLS_HANDSHAKE, "TLS alert 90"},
    {"\x15\x03\x03\0\x02\x01\0", 7, POSTA_E_TLS_HANDSHAKE, NULL}, /* close_notify */
    {"\x17\x03\x03\0\x02hi", 7, POSTA_E_TLS_HANDSHAKE, NULL},
    {"\x16\x03\x03\xff\xff"
     "aaaaaaaa",
     13, POSTA_E_TLS_HANDSHAKE, "larger than this mbedTLS takes"}, /* row J26 */
    {"\x16\x03\x03\0\0\0\0\0", 8, POSTA_E_TLS_HANDSHAKE, NULL},
    {"\x14\x03\x03\0\x01\x01", 6, POSTA_E_TLS_HANDSHAKE, NULL},
    {"\x16\x03\x03\0\x04\x0b\0\0\0", 9, POSTA_E_TLS_HANDSHAKE, NULL},
};

#define ANSWERS (sizeof answers / sizeof *answers)

static size_t answer_at;

/* Once there is a ClientHello it is answered so, and the wire ends. */
static posta_status read_answer(void *user, void *out, size_t cap, size_t *n_out) {
    peer *p = user;
    if (!p->is_tls || p->seen.len == p->clear_n) return peer_read(user, out, cap, n_out);
    if (!p->is_over) {
        size_t len = answers[answer_at].len;
        say_raw(p, answers[answer_at].text, len ? len : strlen(answers[answer_at].text));
        p->is_over = true;
    }
    return peer_read(user, out, cap, n_out);
}

static void answered(void **state) {
    (void)state;
    for (size_t i = 0; i < ANSWERS * 4; i++) {
        peer p;
        posta_receipt r;
        answer_at = i / 4;
        peer_init(&p);
        p.is_implicit = i & 1;
        p.piece = i / 2 & 1;
        p.random = (uint32_t)i / 4;
        p.transport.read = read_answer;
        posta_status status = try(&p, &r);
        if (status != answers[answer_at].expected)
            peer_wrong("answer %zu: %s: %s", answer_at, posta_status_name(status), r.message);
        if (answers[answer_at].says && POSTA_TEXTS && !strstr(r.message, answers[answer_at].says))
            peer_wrong("answer %zu: %s", answer_at, r.message);
        assert_string_equal(p.events, "SECURE_FAIL");
        peer_done(&p);
    }
    peer_right();
}

/* Row A12, the other way: a port that begins with TLS, and a client that begins in clear text. */
static void greeted_by_tls(void **state) {
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{"\x15\x03\x01\0\x02\x02\x28", 7},
                {"\x15\x03\x03\0\x02\x02\x46", 7},
                {"\x15\x03\x01\0\x02\x01\0", 7},
                {"\x16\x03\x03\0\x2a\x02\0\0\x26\x03\x03", 11}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        for (unsigned security = POSTA_SECURITY_NONE; security < POSTA_SECURITY_TLS; security++) {
            peer p;
            peer_init(&p);
            p.toy.greeted = true;
            p.toy.out.len = 0;
            p.piece = i & 1;
            posta_session_config c = peer_config(&p, tls);
            c.security = (posta_security)security;
            p.is_over = true;
            say_raw(&p, rows[i / 2].text, rows[i / 2].len);
            posta_session *s = peer_session(&c);
            peer_connect(s);
            if (posta_session_receipt(s)->cause != POSTA_E_TLS_UNEXPECTED)
                peer_wrong("%zu: %s", i / 2, posta_session_receipt(s)->message);
            posta_session_free(&s);
            assert_int_equal(p.seen.len, 0);
            peer_done(&p);
        }
    }
    peer_right();
}

/* Behind what was said in clear text: the octets of the first record, and whether there is one. */
static bool skip_clear(const t_bytes *b, size_t *at) {
    while (*at < b->len && (b->p[*at] < 20 || b->p[*at] > 23))
        ++*at;
    return *at + 5 <= b->len;
}

/* ---- row J15: tampering, record by record ---- */

static unsigned record_at, victim, how_bad;

/* One record of the server's is changed, or an alert comes before it. */
static void tamper(peer *p, size_t from) {
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
    t_bytes out = {NULL, 0, 0}, *b = &p->down.bytes;
    if (p->clear_n == SIZE_MAX || !skip_clear(b, &from)) return;
    for (size_t at = from; at + 5 <= b->len;) {
        size_t len = 5 + ((size_t)b->p[at + 3] << 8 | b->p[at + 4]);
        if (record_at++ == victim) {
            if (how_bad == 0) b->p[at + len - 1] ^= 1;
            if (how_bad == 1) b->p[at + 5] ^= 0x80;
            if (how_bad == 2) t_bytes_add(&out, alert, sizeof alert);
            if (how_bad == 3) b->p[at] = 99;
            if (how_bad == 4) t_bytes_add(&out, b->p + at, len); /* twice */
        }
        if (record_at != victim + 1 || how_bad != 5) t_bytes_add(&out, b->p + at, len);
        at += len;
    }
    b->len = from;
    t_bytes_add(b, out.p, out.len);
    t_bytes_free(&out);
}

static void tampered(void **state) {
    (void)state;
    for (unsigned max = 12; max <= 12 + PEER_HAS_1_3; max++) {
        for (how_bad = 0; how_bad < 6; how_bad++) {
            for (victim = 0;; victim++) {
                peer p;
                posta_receipt r;
                record_at = 0;
                peer_init(&p);
                p.max = max;
                p.random = 4711 + victim;
                p.is_implicit = victim & 1;
                p.meddle = tamper;
                posta_status status = try(&p, &r);
                bool is_reached = record_at > victim, is_taken = p.toy.mails_n > 0;
                /* At most a record after the verdict, or the ChangeCipherSpec of TLS 1.3, which
                   is for show, and may be missing, doubled or changed without harm. */
                if (status == POSTA_OK && victim < record_at - 3 && (max == 12 || victim != 1))
                    peer_wrong("TLS 1.%u, record %u of %u, %u: %s", max - 10, victim, record_at,
                               how_bad, posta_status_name(status));
                if (status != POSTA_OK && status != POSTA_E_TLS_HANDSHAKE &&
                    status != POSTA_E_LOST && status != POSTA_E_TIMEOUT &&
                    status != POSTA_E_TLS_NOT_TLS && status != POSTA_E_TLS_ISSUER)
                    peer_wrong("record %u, %u: %s", victim, how_bad, posta_status_name(status));
                assert_int_equal(is_taken, r.outcome != POSTA_DELIVERY_NOT_SENT);
                assert_int_equal(status == POSTA_OK, r.outcome == POSTA_DELIVERY_ACCEPTED);
                peer_done(&p);
                if (!is_reached) break;
            }
        }
    }
    peer_right();
}

/* ---- row J11: handshake messages in pieces ---- */

static void fragment(peer *p, size_t from) {
    t_bytes out = {NULL, 0, 0}, *b = &p->down.bytes;
    if (p->clear_n == SIZE_MAX || !skip_clear(b, &from)) return;
    for (size_t at = from; at + 5 <= b->len;) {
        size_t len = (size_t)b->p[at + 3] << 8 | b->p[at + 4], most = b->p[at] == 22 ? 512 : len;
        for (size_t done = 0; done < len; done += most) {
            size_t n = len - done < most ? len - done : most;
            uint8_t head[5] = {b->p[at], 3, 3, (uint8_t)(n >> 8), (uint8_t)n};
            t_bytes_add(&out, head, 5);
            t_bytes_add(&out, b->p + at + 5 + done, n);
        }
        at += 5 + len;
    }
    b->len = from;
    t_bytes_add(b, out.p, out.len);
    t_bytes_free(&out);
}

static void fragmented(void **state) {
    bool can = MBEDTLS_VERSION_NUMBER >= 0x03060300;
    (void)state;
    EACH_WAY(i) {
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.cert = "chain"; /* its Certificate message is longer than 512 */
        p.max = 12;
        p.is_implicit = *i;
        p.meddle = fragment;
        posta_status status = try(&p, &r);
        assert_int_equal(status, can ? POSTA_OK : POSTA_E_TLS_HANDSHAKE);
        if (!can && POSTA_TEXTS)
            assert_non_null(strstr(r.message, "cutting handshake messages in pieces"));
        peer_done(&p);
    }
}

/* ---- row A10: clear text behind close_notify ---- */

static unsigned replies, closes_at;

/* With the closes_at-th reply TLS is closed, and all that follows is said in clear. */
static unsigned count_reply(toy *t, toy_verb verb) {
    (void)verb;
    if (t->is_tls && replies++ == closes_at) t->closing = true;
    return 0;
}

static posta_status read_clear(void *user, void *out, size_t cap, size_t *n_out) {
    peer *p = user;
    static const char lies[] = "250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 ok\r\n250 ok\r\n221 x\r\n";
    bool was_over = p->is_over;
    peer_run(p);
    if (p->is_over && !was_over && p->toy.closing) {
        say_raw(p, lies, sizeof lies - 1);
    }
    return peer_read(user, out, cap, n_out);
}

static void clear_behind(void **state) {
    (void)state;
    for (unsigned i = 0; i < 48; i++) {
        peer p;
        posta_receipt r;
        replies = 0;
        closes_at = i / 8;
        peer_init(&p);
        p.is_implicit = i & 1;
        p.piece = i / 2 & 1;
        p.max = i & 4 ? 12 : 0;
        p.no_notify = i >= 24 && closes_at == 3;
        p.toy.offers = "250-STARTTLS\r\n"; /* not pipelined: a reply ends each step */
        p.toy.decide = count_reply;
        p.transport.read = read_clear;
        posta_status status = try(&p, &r);
        assert_int_equal(status == POSTA_OK, r.outcome == POSTA_DELIVERY_ACCEPTED);
        if (status == POSTA_OK && !p.toy.mails_n) peer_wrong("%u: a lie was believed", i);
        if (p.toy.mails_n > 0 && r.outcome == POSTA_DELIVERY_NOT_SENT) peer_wrong("%u: lost", i);
        if (status != POSTA_OK && status != POSTA_E_LOST)
            peer_wrong("%u: %s: %s", i, posta_status_name(status), r.message);
        if (closes_at < 4) assert_int_equal(status, POSTA_E_LOST);
        peer_done(&p);
    }
    peer_right();
}

#if defined(MBEDTLS_SSL_RENEGOTIATION)
/* ---- row J18: HelloRequests are declined, and the mail goes on ---- */

static posta_status read_requests(void *user, void *out, size_t cap, size_t *n_out) {
    peer *p = user;
    peer_run(p);
    if (p->is_up && !p->is_over && p->toy.commands > 3 && p->turns_left > 0) {
        p->turns_left--;
        peer_is_running = true;
        mbedtls_ssl_renegotiate(&p->ssl);
        peer_is_running = false;
    }
    return peer_read(user, out, cap, n_out);
}

static void requested(void **state) {
    char *all = peer_text(100050);
    (void)state;
    all[100000] = 0;
    text = all;
    for (unsigned i = 0; i < 4; i++) {
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.max = 12;
        p.random = i;
        p.piece = i >= 2 ? 1000 : 0;
        p.turns_left = 20;
        p.transport.read = read_requests;
        peer_start(&p);
        mbedtls_ssl_conf_renegotiation(&p.config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
        mbedtls_ssl_conf_renegotiation_enforced(&p.config, MBEDTLS_SSL_RENEGOTIATION_NOT_ENFORCED);
        posta_status status = try(&p, &r);
        const t_bytes *got = &p.toy.mails[0].text;
        if (status != POSTA_OK) peer_wrong("%u: %s", i, r.message);
        if (got->len != strlen(text) || memcmp(got->p, text, got->len) != 0)
            peer_wrong("%u: %zu octets of %zu", i, got->len, strlen(text));
        peer_done(&p);
    }
    text = "hello\r\n";
    free(all);
    peer_right();
}
#endif

/* ---- row A06: STARTTLS is offered again inside; EHLO refused there, row A05 ---- */

static unsigned hellos;

static unsigned refuse_second_ehlo(toy *t, toy_verb verb) {
    hellos += verb == T_EHLO;
    return verb == T_EHLO && t->is_tls ? 502 : 0;
}

static void no_hello(void **state) {
    peer p;
    posta_receipt r;
    (void)state;
    peer_init(&p);
    p.toy.decide = refuse_second_ehlo;
    assert_int_equal(try(&p, &r), POSTA_E_SERVER_PERMANENT);
    peer_run(&p);
    assert_int_equal(hellos, 2);           /* no HELO */
    assert_in_range(p.toy.commands, 3, 4); /* and at most QUIT behind */
    peer_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(injected),
        cmocka_unit_test(answered_ahead),
        cmocka_unit_test(answered),
        cmocka_unit_test(greeted_by_tls),
        cmocka_unit_test(tampered),
        cmocka_unit_test(fragmented),
        cmocka_unit_test(clear_behind),
        cmocka_unit_test(no_hello),
#if defined(MBEDTLS_SSL_RENEGOTIATION)
        cmocka_unit_test(requested),
#endif
    };
    posta_tls_config c = peer_tls_config(NULL);
    tls = peer_tls(&c);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    posta_tls_free(&tls);
    return result;
}
