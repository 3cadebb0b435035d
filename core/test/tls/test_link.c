/* TLS at the link's ports: what it wants, how much exactly, and what it leaves behind when it ends.
 * Rows A14, F15, J13, J14, J17, J19, K07.
 */
#include "peer.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static posta_tls *tls;

typedef struct line {
    peer p;
    posta_link *l;
    void *memory;
    size_t tls_at; /* of the server's octets: where TLS begins; SIZE_MAX: it has not */
    bool is_exact; /* feeds exactly what the hint says */
    bool is_child; /* of fork, where it leads to nothing */
    posta_recipient to;
    posta_envelope envelope;
    t_body body;
    char *text;
} line;

static void line_open(line *n, bool is_implicit, unsigned max, size_t len) {
    posta_link_config c = POSTA_LINK_CONFIG;
    size_t size;
    memset(n, 0, sizeof *n);
    peer_init(&n->p);
    n->p.is_implicit = is_implicit;
    n->p.max = max;
    n->text = peer_text(len);
    n->body = (t_body)T_BODY(n->text, len);
    n->to.address = "b@y.example";
    n->envelope = (posta_envelope){.from = "a@x.example", .to = &n->to, .to_n = 1};
    c.engine.hello = "client.test";
    c.engine.starttls = is_implicit ? POSTA_STARTTLS_IMPLICIT : POSTA_STARTTLS_ALWAYS;
    c.peer = "mail.example.org:465";
    c.tls = tls;
    c.server_name = PEER_HOST;
    c.port = &n->p.port;
    size = posta_link_size(&c);
    assert_true(size > 0);
    n->memory = malloc(size);
    assert_non_null(n->memory);
    assert_int_equal(posta_link_place(n->memory, size, &c, &n->l), POSTA_OK);
    peer_open(&n->p, PEER_HOST, 465);
    n->tls_at = is_implicit ? 0 : SIZE_MAX;
}

static void line_close(line *n) {
    posta_link_wipe(&n->l);
    assert_null(n->l);
    free(n->memory);
    free(n->text);
    peer_close(&n->p);
    peer_done(&n->p);
}

/* Octets of the server's stream until a record's header, or its body, ends. */
static size_t to_boundary(const line *n) {
    const t_bytes *b = &n->p.down.bytes;
    size_t at = n->tls_at;
    while (at + 5 <= b->len && at + 5 <= n->p.delivered) {
        size_t len = (size_t)b->p[at + 3] << 8 | b->p[at + 4];
        if (n->p.delivered < at + 5 + len) return at + 5 + len - n->p.delivered;
        at += 5 + len;
    }
    return at + 5 - n->p.delivered;
}

static bool is_tls_on_the_wire(line *n) {
    if (n->tls_at == SIZE_MAX && n->p.clear_n != SIZE_MAX && n->p.seen.len > n->p.clear_n)
        n->tls_at = n->p.delivered; /* nothing of TLS was said before the ClientHello */
    return n->tls_at != SIZE_MAX;
}

static bool line_feed(line *n, unsigned wants, size_t hint) {
    posta_mspan space = posta_link_rx_space(n->l);
    size_t got;
    peer_run(&n->p);
    if (space.cap > hint && hint > 0 && n->is_exact) space.cap = hint;
    got = space.cap > 0 ? peer_read_some(&n->p, space.p, space.cap) : 0;
    if (got > 0 || (wants & POSTA_WANT_NOW)) {
        posta_link_rx_commit(n->l, got);
        return true;
    }
    if (peer_waiting(&n->p) > 0 || !peer_has_ended(&n->p)) return false;
    posta_link_rx_end(n->l, POSTA_OK);
    return true;
}

static bool line_write(line *n) {
    posta_span data = posta_link_tx_data(n->l);
    bool lost;
    size_t took;
    if (data.len == 0) return false;
    took = peer_write_some(&n->p, data.p, data.len, &lost);
    if (took > 0) posta_link_tx_consume(n->l, took);
    return took > 0;
}

/* False: nothing can be done. */
static bool line_step(line *n) {
    posta_event ev;
    size_t hint = 4711;
    unsigned wants;
    bool moved = false;
    posta_link_tick(n->l, n->p.now);
    while (posta_link_next_event(n->l, &ev)) {
        peer_note(&n->p, &ev);
        moved = true;
    }
    wants = posta_link_wants(n->l, &hint);
    if (posta_engine_is_closed(posta_link_engine(n->l))) {
        assert_int_equal(wants, 0);
        return moved;
    }
    assert_true(wants != 0 || moved || posta_engine_is_idle(posta_link_engine(n->l)));
    if (line_write(n)) return true;
    if (wants & POSTA_WANT_TLS) return true;
    wants = posta_link_wants(n->l, &hint);
    if (!(wants & POSTA_WANT_RX)) return moved;
    if (!n->is_child && is_tls_on_the_wire(n) && !(wants & POSTA_WANT_NOW)) {
        if (hint != to_boundary(n)) peer_wrong("hint %zu, it is %zu", hint, to_boundary(n));
    }
    return line_feed(n, wants, hint) || moved;
}

static void line_run(line *n) {
    for (size_t i = 0; line_step(n); i++)
        assert_true(i < 3000000);
}

static bool line_send(line *n) {
    posta_source source = t_body_source(&n->body, n->body.len);
    return posta_link_send(n->l, &n->envelope, &source) == POSTA_E_IN_PROGRESS;
}

static const struct {
    bool is_implicit;
    unsigned max;
} kinds[] = {{false, 0}, {true, 0}, {false, 12}, {true, 12}};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- whole dialogues ---- */

static void dialogue(size_t kind, size_t piece, uint32_t seed, bool is_exact) {
    line n;
    posta_receipt r;
    line_open(&n, kinds[kind].is_implicit, kinds[kind].max, 20000);
    n.is_exact = is_exact;
    n.p.piece = piece;
    n.p.seed = seed;
    line_run(&n);
    assert_string_equal(n.p.events, "SECURE_OK CONNECTED");
    assert_true(line_send(&n));
    line_run(&n);
    posta_link_receipt(n.l, &r);
    assert_int_equal(r.outcome, POSTA_DELIVERY_ACCEPTED);
    assert_true(r.tls.is_verified);
    assert_int_equal(n.p.toy.mails[0].text.len, 20000);
    assert_memory_equal(n.p.toy.mails[0].text.p, n.text, 20000);
    assert_int_equal(posta_link_quit(n.l), POSTA_E_IN_PROGRESS);
    line_run(&n);
    assert_non_null(strstr(n.p.events, "SENT DISCONNECTED"));
    posta_link_goodbye(n.l);
    while (line_write(&n)) {
    }
    posta_link_goodbye(n.l);
    assert_int_equal(posta_link_tx_data(n.l).len, 0);
    peer_hear_rest(&n.p);
    assert_int_equal(n.p.ended, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    line_close(&n);
}

/* The hint is exact, however the octets come. */
static void hints(void **state) {
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        dialogue(kind, 0, 0, false);
        dialogue(kind, 0, 0, true);
        dialogue(kind, 1, 0, true);
        dialogue(kind, 3, 0, false);
        for (uint32_t seed = 1; seed < 6; seed++)
            dialogue(kind, 0, seed, seed & 1);
    }
    peer_right();
}

/* ---- row J17: no resumption ---- */

static unsigned two(const uint8_t *p) {
    return (unsigned)p[0] << 8 | p[1];
}

/* Whether the ClientHello (RFC 8446, 4.1.2) that the client wrote has an extension. */
static bool hello_has(const line *n, unsigned wanted) {
    size_t clear = n->p.clear_n;
    assert_true(n->p.seen.len > clear + 5);
    const uint8_t *p = n->p.seen.p + clear + 5, *end = p + two(p - 2);
    assert_true(end <= n->p.seen.p + n->p.seen.len);
    assert_int_equal(p[0], 1);
    p += 4 + 2 + 32; /* header, version, random */
    p += 1 + p[0];   /* session id */
    p += 2 + two(p); /* suites */
    p += 1 + p[0];   /* compression */
    assert_true(p + 2 + two(p) == end);
    for (p += 2; p + 4 <= end; p += 4 + two(p + 2))
        if (two(p) == wanted) return true;
    assert_true(p == end);
    return false;
}

static void no_resumption(void **state) {
    enum { SERVER_NAME = 0, SESSION_TICKET = 35, PRE_SHARED_KEY = 41, PSK_MODES = 45 };
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) { /* each kind once more: what the first left behind */
        line n;
        line_open(&n, kinds[i / 2].is_implicit, kinds[i / 2].max, 10);
        line_run(&n);
        assert_string_equal(n.p.events, "SECURE_OK CONNECTED");
        assert_true(hello_has(&n, SERVER_NAME)); /* it would be found */
        if (hello_has(&n, SESSION_TICKET)) peer_wrong("%zu: asks for a ticket", i);
        if (hello_has(&n, PRE_SHARED_KEY)) peer_wrong("%zu: offers an old session", i);
        if (hello_has(&n, PSK_MODES)) peer_wrong("%zu: offers PSK", i);
        line_close(&n);
    }
    peer_right();
}

/* ---- row J13, J19: what is left when it ends ---- */

/* The wire stalls after `stall` octets, then it is given up, and what the link has to say still is
   written: none of it may finish the message behind the back of the account. */
static bool give_up_at(size_t kind, size_t stall, bool by_time) {
    line n;
    posta_receipt r;
    bool is_past;
    line_open(&n, kinds[kind].is_implicit, kinds[kind].max, 600);
    line_run(&n);
    n.p.stall_up = n.p.seen.len + stall;
    assert_true(line_send(&n));
    line_run(&n);
    is_past = strstr(n.p.events, "SENT") != NULL;
    if (by_time)
        n.p.now += 3600000;
    else
        posta_link_abort(n.l, POSTA_E_CANCELLED);
    line_run(&n);
    posta_link_receipt(n.l, &r);
    n.p.stall_up = SIZE_MAX;
    for (unsigned i = 0; i < 5 && line_write(&n); i++) {
    }
    peer_run(&n.p);
    bool is_taken = n.p.toy.mails_n > 0;
    if (is_taken != (r.outcome != POSTA_DELIVERY_NOT_SENT))
        peer_wrong("kind %zu, stalled after %zu, %s: %s, but the server %s it", kind, stall,
                   by_time ? "time" : "abort", r.message, is_taken ? "has" : "has not");
    line_close(&n);
    return is_past;
}

static void given_up(void **state) {
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (unsigned by_time = 0; by_time < 2; by_time++)
            for (size_t stall = kind; !give_up_at(kind, stall, by_time); stall += 37) {
            }
    peer_right();
}

/* The same in the handshake: an abort leaves nothing to say but an alert. */
static void given_up_early(void **state) {
    (void)state;
    for (size_t stall = 0; stall < 600; stall += 41) {
        line n;
        line_open(&n, true, 0, 10);
        n.p.stall_up = stall;
        line_run(&n);
        posta_link_abort(n.l, POSTA_E_CANCELLED);
        line_run(&n);
        posta_link_goodbye(n.l);
        size_t left = posta_link_tx_data(n.l).len; /* close_notify, once TLS is up */
        bool is_fit = left == 0 || (strstr(n.p.events, "SECURE_OK") && left < 40);
        if (!is_fit) peer_wrong("stalled at %zu: %zu octets are left", stall, left);
        line_close(&n);
    }
    peer_right();
}

/* ---- a session that does not block and is asked before it executes ---- */

/* F15: what an action has to write is wanted at once: who waits first, or is called back, does not
   wait for the server that has nothing to say. */
static void asked_first(void **state) {
    (void)state;
    for (unsigned is_tls = 0; is_tls < 2; is_tls++) {
        peer p;
        peer_init(&p);
        p.is_implicit = is_tls;
        posta_session_config c = peer_config(&p, tls);
        c.security = is_tls ? POSTA_SECURITY_TLS : POSTA_SECURITY_NONE;
        c.non_blocking = true;
        posta_session *s = peer_session(&c);
        assert_int_equal(peer_connect(s), POSTA_OK);
        uint64_t began = p.now;
        assert_int_equal(posta_session_noop(s), POSTA_E_IN_PROGRESS);
        bool is_shown = (posta_session_wants(s) & POSTA_WANT_TX) || posta_session_timeout(s) == 0;
        posta_session_wait(s, 60000);
        if (!is_shown || p.now != began)
            peer_wrong("TLS %u: NOOP waits for %llu ms before it is written", is_tls,
                       (unsigned long long)(p.now - began));
        assert_int_equal(peer_finish(s), POSTA_OK);
        posta_session_free(&s);
        peer_done(&p);
    }
    peer_right();
}

/* ---- row K07: a child of fork has the keys, and says nothing ---- */

/* What the child of a line does; it writes what tx_data lends, as the contract says. */
static int child_of_line(line *n) {
    size_t before = n->p.seen.len;
    n->p.stall_up = SIZE_MAX;
    n->is_child = true;
    posta_link_noop(n->l);
    line_run(n);
    if (n->p.seen.len != before) return 1;
    posta_link_abort(n->l, POSTA_E_CANCELLED);
    posta_link_goodbye(n->l);
    while (line_write(n)) {
    }
    if (n->p.seen.len != before) return 2;
    posta_link_wipe(&n->l);
    return 0;
}

static int result_of(pid_t child) {
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void forked_line(void **state) {
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        line n;
        line_open(&n, true, i & 1 ? 12 : 0, 600);
        if (i < 20) n.p.stall_up = i * 40; /* within the handshake, and behind it */
        line_run(&n);
        if (i >= 20) n.p.stall_up = n.p.seen.len + (i - 20) * 30;
        if (i > 20 && i < 39) assert_true(line_send(&n)); /* within a message */
        line_run(&n);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(child_of_line(&n));
        int result = result_of(child);
        if (result != 0) peer_wrong("fork %zu: %d", i, result);
        n.p.stall_up = SIZE_MAX; /* the parent goes on */
        line_run(&n);
        assert_non_null(strstr(n.p.events, i > 20 && i < 39 ? "SENT" : "CONNECTED"));
        line_close(&n);
    }
    peer_right();
}

static int child_of_session(peer *p, posta_session *s, bool drops) {
    size_t before = p->seen.len;
    posta_status status = drops ? POSTA_E_LOST : posta_session_noop(s);
    if (status == POSTA_E_IN_PROGRESS) status = peer_finish(s);
    posta_session_free(&s);
    return status != POSTA_E_LOST ? 3 : p->seen.len != before;
}

static void forked_session(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        peer p;
        peer_init(&p);
        posta_session_config c = peer_config(&p, tls);
        c.non_blocking = i & 1;
        posta_session *s = peer_session(&c);
        assert_int_equal(peer_connect(s), POSTA_OK);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(child_of_session(&p, s, i & 2));
        assert_int_equal(result_of(child), 0);
        posta_status status = posta_session_noop(s);
        if (status == POSTA_E_IN_PROGRESS) status = peer_finish(s);
        assert_int_equal(status, POSTA_OK);
        posta_session_free(&s);
        peer_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints),         cmocka_unit_test(no_resumption),
        cmocka_unit_test(given_up),      cmocka_unit_test(given_up_early),
        cmocka_unit_test(asked_first),   cmocka_unit_test(forked_line),
        cmocka_unit_test(forked_session)};
    posta_tls_config c = peer_tls_config(NULL);
    tls = peer_tls(&c);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    posta_tls_free(&tls);
    return result;
}
