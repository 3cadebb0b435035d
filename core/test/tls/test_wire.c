/* Mails over TLS while the wire cuts, splits, stalls and ends. Rows A11, A14, F15, J13, J14, J19,
 * J27.
 */
#include "peer.h"

#include <time.h>

static posta_tls *tls;

typedef struct trip {
    peer p;
    posta_session *s;
    bool is_non_blocking;
    char *text;
    size_t len;
    posta_status connected, sent;
    posta_receipt r;
    uint32_t tls_ms; /* timeouts.tls; 0: as it is */
} trip;

static void trip_begin(trip *t, size_t len) {
    memset(t, 0, sizeof *t);
    peer_init(&t->p);
    t->text = peer_text(len);
    t->len = len;
}

/* Connects and mails. */
static void trip_go(trip *t) {
    posta_session_config c = peer_config(&t->p, tls);
    c.non_blocking = t->is_non_blocking;
    if (t->tls_ms) c.engine.timeouts.tls = t->tls_ms;
    t->s = peer_session(&c);
    t->connected = t->sent = peer_connect(t->s);
    t->r = *posta_session_receipt(t->s);
    if (t->connected == POSTA_OK) t->sent = peer_send(t->s, t->text, t->len, &t->r);
}

/* What the client believes is what the server knows. */
static void trip_judge(trip *t) {
    const toy *server = &t->p.toy;
    bool is_taken = server->mails_n > 0;
    peer_run(&t->p);
    peer_hear_rest(&t->p);
    is_taken = server->mails_n > 0;
    if (t->connected == POSTA_OK) {
        assert_int_equal(t->sent == POSTA_OK, t->r.outcome == POSTA_DELIVERY_ACCEPTED);
        assert_int_equal(is_taken, t->r.outcome != POSTA_DELIVERY_NOT_SENT);
        assert_true(t->p.is_up);
    } else {
        assert_false(is_taken);
        assert_int_equal(t->r.outcome, POSTA_DELIVERY_NOT_SENT);
    }
    if (!is_taken) return;
    assert_int_equal(server->mails_n, 1);
    assert_int_equal(server->mails[0].text.len, t->len);
    assert_memory_equal(server->mails[0].text.p, t->text, t->len);
}

static void trip_end(trip *t) {
    posta_session_free(&t->s);
    trip_judge(t);
    peer_done(&t->p);
    free(t->text);
}

static const struct {
    bool is_implicit, is_non_blocking;
    unsigned max;
} kinds[] = {{false, false, 0}, {true, true, 0}, {true, false, 12}, {false, true, 12}};

#define KINDS (sizeof kinds / sizeof *kinds)

static void trip_kind(trip *t, size_t kind, size_t len) {
    trip_begin(t, len);
    t->p.is_implicit = kinds[kind % KINDS].is_implicit;
    t->p.max = kinds[kind % KINDS].max;
    t->is_non_blocking = kinds[kind % KINDS].is_non_blocking;
}

/* ---- splits ---- */

static void succeed(trip *t, const char *how, size_t n) {
    trip_go(t);
    if (t->sent != POSTA_OK) peer_wrong("%s %zu: %s", how, n, t->r.message);
    if (t->p.now - 5000 > 20000) peer_wrong("%s %zu: it waited for nothing", how, n);
    trip_end(t);
}

static void whole(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        trip t;
        trip_kind(&t, i, 200000);
        succeed(&t, "whole", i);
    }
    peer_right();
}

static void one_octet(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        trip t;
        trip_kind(&t, i, i < KINDS ? 200000 : 3000);
        t.p.piece = 1;
        t.p.reluctant = i >= KINDS;
        succeed(&t, "octet", i);
    }
    peer_right();
}

static void splits(void **state) {
    (void)state;
    for (size_t i = 0; i < 60; i++) {
        trip t;
        trip_kind(&t, i, i < 4 ? 200000 : 5000 + 97 * i);
        t.p.seed = (uint32_t)(i + 1);
        t.p.reluctant = (i / KINDS) & 1;
        succeed(&t, "seed", i);
    }
    peer_right();
}

/* ---- cuts ---- */

#define SMALL 3000u

/* How far a whole trip goes, each way, and where its records begin. */
typedef struct measure {
    size_t up, down, marks[200], marks_n, up_marks_n;
} measure;

static size_t mark(const t_bytes *b, size_t from, size_t *marks, size_t cap) {
    size_t n = 0;
    for (size_t at = from; at + 5 <= b->len && n < cap; n++) {
        marks[n] = at;
        at += 5 + ((size_t)b->p[at + 3] << 8 | b->p[at + 4]);
    }
    return n;
}

static void measure_trip(size_t kind, measure *m) {
    trip t;
    size_t clear;
    trip_kind(&t, kind, SMALL);
    trip_go(&t);
    assert_int_equal(t.sent, POSTA_OK);
    m->up = t.p.seen.len;
    m->down = t.p.down.bytes.len;
    for (clear = 0; clear < m->down && t.p.down.bytes.p[clear] != 22; clear++) {
    }
    m->up_marks_n = mark(&t.p.seen, t.p.clear_n, m->marks, 100);
    m->marks_n = m->up_marks_n + mark(&t.p.down.bytes, clear, m->marks + m->up_marks_n, 100);
    trip_end(&t);
}

static void cut_one(size_t kind, size_t up, size_t down) {
    trip t;
    posta_tls_info info;
    trip_kind(&t, kind, SMALL);
    t.p.cut_up = up;
    t.p.cut_down = down;
    trip_go(&t);
    posta_session_tls(t.s, &info);
    bool in_handshake = t.p.clear_n != SIZE_MAX && !info.is_on;
    posta_status expected = in_handshake ? POSTA_E_TLS_HANDSHAKE : POSTA_E_LOST;
    if (t.sent != POSTA_OK && t.sent != expected)
        peer_wrong("kind %zu, cut at %zu, %zu: %s: %s", kind, up, down, posta_status_name(t.sent),
                   t.r.message);
    if (in_handshake) assert_non_null(strstr(t.p.events, "SECURE_FAIL"));
    if (in_handshake) assert_int_equal(t.p.toy.commands, t.p.is_implicit ? 0 : 2);
    if (t.connected != POSTA_OK) assert_false(posta_session_is_connected(t.s));
    trip_end(&t);
}

static void cut_both(size_t kind, size_t at, const measure *m) {
    if (at <= m->up) cut_one(kind, at, SIZE_MAX);
    if (at <= m->down) cut_one(kind, SIZE_MAX, at);
}

static void cuts(void **state) {
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        measure m;
        measure_trip(kind, &m);
        for (size_t at = kind; at < m.up || at < m.down; at += 173)
            cut_both(kind, at, &m);
        for (size_t i = 0; i < m.marks_n; i++) {
            static const size_t behind[] = {0, 6};
            bool is_up = i < m.up_marks_n;
            for (size_t k = 0; k < 2; k++) {
                size_t cut = m.marks[i] + behind[k];
                cut_one(kind, is_up ? cut : SIZE_MAX, is_up ? SIZE_MAX : cut);
            }
        }
    }
    peer_right();
}

/* The last octets of a mail and of its verdict: between "not sent" and "unknown" lies the last
   octet of the record that has the dot, between "unknown" and "accepted" that of the reply's. */
static void last_octets(void **state) {
    static const size_t from_end[] = {0, 1, 2, 5, 9, 10, 28, 29, 30, 38, 39, 40};
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        measure m;
        bool seen[4] = {false};
        measure_trip(kind, &m);
        for (size_t i = 0; i < 2 * sizeof from_end / sizeof *from_end; i++) {
            trip t;
            trip_kind(&t, kind, SMALL);
            if (i & 1) t.p.cut_up = m.up - from_end[i / 2];
            if (!(i & 1)) t.p.cut_down = m.down - from_end[i / 2];
            trip_go(&t);
            seen[t.r.outcome] = true;
            trip_end(&t);
        }
        assert_true(seen[POSTA_DELIVERY_NOT_SENT] && seen[POSTA_DELIVERY_UNKNOWN] &&
                    seen[POSTA_DELIVERY_ACCEPTED]);
    }
}

/* ---- ends ---- */

static unsigned close_after_text(toy *t, toy_verb verb) {
    if (verb == T_TEXT) t->closing = true;
    return 0;
}

/* Row A11: the end without close_notify behind a complete reply takes nothing back. */
static void no_notify(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        trip t;
        trip_kind(&t, i, SMALL);
        t.p.no_notify = i < KINDS;
        t.p.toy.decide = close_after_text;
        succeed(&t, "closed behind 250", i);
        trip_kind(&t, i, SMALL);
        t.p.no_notify = i < KINDS;
        trip_go(&t);
        assert_int_equal(t.sent, POSTA_OK);
        posta_status status = posta_session_disconnect(t.s);
        if (status == POSTA_E_IN_PROGRESS) status = peer_finish(t.s);
        assert_int_equal(status, POSTA_OK);
        if (!strstr(t.p.events, "SENT DISCONNECTED")) peer_wrong("%s", t.p.events);
        trip_end(&t);
    }
    peer_right();
}

static unsigned alerts_of(const peer *p) {
    unsigned n = 0;
    for (size_t at = p->clear_n; at + 5 <= p->seen.len;) {
        n += p->seen.p[at] == 21;
        at += 5 + ((size_t)p->seen.p[at + 3] << 8 | p->seen.p[at + 4]);
    }
    return n;
}

/* Row J19: said once by who leaves in order, never by who drops it. */
static void goodbye(void **state) {
    (void)state;
    for (size_t i = 0; i < 4 * KINDS; i++) {
        trip t;
        size_t how = i / KINDS;
        trip_kind(&t, i, SMALL);
        trip_go(&t);
        assert_int_equal(t.sent, POSTA_OK);
        if (how == 0) posta_session_drop(&t.s);
        if (how == 1) posta_session_disconnect(t.s);
        if (how == 1 && t.is_non_blocking) peer_finish(t.s);
        if (how == 2) posta_session_cancel(t.s);
        if (how == 2) posta_session_execute(t.s, 0);
        posta_session_free(&t.s);
        peer_run(&t.p);
        peer_hear_rest(&t.p);
        assert_int_equal(t.p.ended == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, how != 0);
        if (t.p.max == 12) assert_int_equal(alerts_of(&t.p), how != 0);
        trip_end(&t);
    }
}

/* A peer that takes nothing more: who frees does not wait for it for longer than 2 s. */
static void stalled(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        trip t;
        posta_session_config c;
        uint64_t began;
        trip_kind(&t, i, SMALL);
        c = peer_config(&t.p, tls);
        c.non_blocking = t.is_non_blocking;
        t.s = peer_session(&c);
        assert_int_equal(t.connected = peer_connect(t.s), POSTA_OK);
        t.p.stall_up = t.p.seen.len + (i < KINDS ? 0 : 100);
        began = t.p.now;
        if (i & 4 || t.is_non_blocking) {
            posta_recipient to = {.address = "b@y.example"};
            posta_envelope envelope = {.from = "a@x.example", .to = &to, .to_n = 1};
            t_body body = T_BODY(t.text, t.len);
            posta_source source = t_body_source(&body, t.len);
            posta_status status = posta_session_send(t.s, &envelope, &source, &t.r);
            assert_int_equal(status, t.is_non_blocking ? POSTA_E_IN_PROGRESS : POSTA_E_TIMEOUT);
            if (t.is_non_blocking) posta_session_execute(t.s, 0);
            if (!t.is_non_blocking) assert_true(t.p.now - began >= 120000);
            began = t.p.now;
            posta_session_free(&t.s);
            assert_int_equal(t.r.outcome, POSTA_DELIVERY_NOT_SENT);
        } else {
            posta_session_free(&t.s);
            t.r.outcome = POSTA_DELIVERY_NOT_SENT;
        }
        assert_true(t.p.now - began <= 2000);
        peer_run(&t.p);
        assert_int_equal(t.p.toy.mails_n, 0);
        peer_done(&t.p);
        free(t.text);
    }
}

/* Row J27: each octet in time, the handshake not. */
static void dribbled(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        trip t;
        trip_kind(&t, i, SMALL);
        t.tls_ms = 5000;
        t.p.dribble = 20;
        trip_go(&t);
        assert_int_equal(t.connected, POSTA_E_TIMEOUT);
        assert_int_equal(t.r.cause, POSTA_E_TIMEOUT_TLS);
        assert_int_equal(t.r.stage, POSTA_PHASE_TLS);
        assert_non_null(strstr(t.p.events, "TIMEOUT"));
        assert_in_range(t.p.now - 5000, 5000, 9000); /* the dialogue in clear text dribbles, too */
        trip_end(&t);
        trip_kind(&t, i, SMALL); /* it says nothing at all */
        t.p.silent = t.p.is_implicit;
        t.p.stall_up = t.p.is_implicit ? 0 : 40; /* within the ClientHello */
        trip_go(&t);
        assert_int_equal(t.r.cause, POSTA_E_TIMEOUT_TLS);
        assert_in_range(t.p.now - 5000, 60000, 60100);
        trip_end(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),   cmocka_unit_test(one_octet),   cmocka_unit_test(splits),
        cmocka_unit_test(cuts),    cmocka_unit_test(last_octets), cmocka_unit_test(no_notify),
        cmocka_unit_test(goodbye), cmocka_unit_test(stalled),     cmocka_unit_test(dribbled)};
    posta_tls_config c = peer_tls_config(NULL);
    tls = peer_tls(&c);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    posta_tls_free(&tls);
    return result;
}
