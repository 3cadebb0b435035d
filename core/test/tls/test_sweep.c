/* Memory and entropy that cannot be had, at each place of a handshake and a mail: a clean end, never a
 * success with a peer that was not verified, and no octet in clear. Rows J16, J20, J21.
 */
#include "heap.h"

#include <time.h>

static posta_tls *tls;

typedef struct attempt {
    posta_status connected, sent;
    posta_receipt r;
    bool is_tried; /* what was to fail was asked for */
    size_t asked;
} attempt;

/* Connects and mails; the n-th allocation of mbedTLS fails, none for 0. */
static attempt attempt_at(peer *p, size_t n) {
    static const char text[] = "Subject: x\r\n\r\nhello\r\n";
    attempt a;
    memset(&a, 0, sizeof a);
    posta_session_config c = peer_config(p, tls);
    if (p->random & 1) c.security = POSTA_SECURITY_OPPORTUNISTIC;
    c.non_blocking = n & 1;
    posta_session *s = peer_session(&c);
    heap_arm(n);
    a.connected = a.sent = peer_connect(s);
    a.r = *posta_session_receipt(s);
    if (a.connected == POSTA_OK) a.sent = peer_send(s, text, sizeof text - 1, &a.r);
    posta_session_free(&s);
    a.is_tried = heap_disarm();
    a.asked = heap_n;
    peer_run(p);
    return a;
}

/* mbedTLS takes a signature that it could not check for want of memory for a wrong one. */
static bool is_clean(posta_status status) {
    return status == POSTA_E_TLS_ISSUER || status == POSTA_E_MEMORY || status == POSTA_E_TLS_HANDSHAKE || status == POSTA_E_LOST ||
           status == POSTA_E_ENTROPY;
}

/* The next that fails: at first each, then, within the arithmetic, some. */
static size_t next_of(size_t n) {
    return n < 150 ? n + 1 : n + n / 17;
}

/* What holds wherever it fails; the peer itself sees to it that all is in records. */
static void judge(const peer *p, const attempt *a, size_t n, const char *what) {
    bool is_taken = p->toy.mails_n > 0;
    if (a->sent != POSTA_OK && !is_clean(a->sent))
        peer_wrong("%s %zu: %s: %s", what, n, posta_status_name(a->sent), a->r.message);
    if (is_taken != (a->r.outcome != POSTA_DELIVERY_NOT_SENT))
        peer_wrong("%s %zu: the account is wrong: %s", what, n, a->r.message);
    if (a->sent == POSTA_OK && a->r.outcome != POSTA_DELIVERY_ACCEPTED)
        peer_wrong("%s %zu: it is no success", what, n);
}

/* Row J16. A good server: wherever it fails, it fails cleanly. */
static void good_server(void **state) {
    (void)state;
    for (unsigned max = 12; max <= 12 + PEER_HAS_1_3; max++) {
        size_t memory = 0;
        attempt a = {.is_tried = true};
        for (size_t n = 1; a.is_tried; n = next_of(n)) {
            peer p;
            peer_init(&p);
            p.max = max;
            p.is_implicit = n & 1;
            p.random = 4712;
            a = attempt_at(&p, n);
            judge(&p, &a, n, "allocation");
            memory += a.sent == POSTA_E_MEMORY;
            if (a.sent == POSTA_OK && !a.r.tls.is_verified)
                peer_wrong("allocation %zu: success without a check", n);
            if (!a.is_tried) assert_int_equal(a.sent, POSTA_OK);
            peer_done(&p);
        }
        assert_true(memory > 20); /* it is said what was wanting */
    }
    peer_right();
}

/* A server that must be refused: no allocation that fails makes it a good one. */
static void bad_servers(void **state) {
    static const char *const certs[] = {"unknown", "selfsigned", "wrong", "expired"};
    static const posta_status reasons[] = {POSTA_E_TLS_ISSUER, POSTA_E_TLS_ISSUER,
                                           POSTA_E_TLS_NAME, POSTA_E_TLS_EXPIRED};
    (void)state;
    for (size_t i = 0; i < 4 * (1 + PEER_HAS_1_3); i++) {
        attempt a = {.is_tried = true};
        for (size_t n = 1; a.is_tried; n = i % 4 == 0 ? next_of(n) : n + 31 + n / 4) {
            peer p;
            peer_init(&p);
            p.cert = certs[i % 4];
            p.max = i < 4 ? 12 : 13;
            p.is_implicit = n & 1;
            p.random = 4712;
            a = attempt_at(&p, n);
            if (a.connected == POSTA_OK) peer_wrong("%s, allocation %zu: connected", p.cert, n);
            assert_int_equal(p.toy.commands, p.is_implicit ? 0 : 2);
            assert_int_equal(p.toy.mails_n, 0);
            assert_false(a.r.tls.is_verified || a.r.tls.is_on);
            posta_status reason = reasons[i % 4];
            if (!a.is_tried && a.connected != reason) peer_wrong("%s: no reason", p.cert);
            peer_done(&p);
        }
    }
    peer_right();
}

/* Where the check is not insisted on, the receipt does not say more than there was. */
static void opportunistic(void **state) {
    attempt a = {.is_tried = true};
    (void)state;
    for (size_t n = 1; a.is_tried; n = next_of(n)) {
        peer p;
        peer_init(&p);
        p.cert = "unknown";
        p.random = 4711;
        a = attempt_at(&p, n);
        judge(&p, &a, n, "opportunistic, allocation");
        if (a.r.tls.is_verified) peer_wrong("allocation %zu: verified", n);
        if (a.sent == POSTA_OK && a.r.tls.reason != POSTA_E_TLS_ISSUER)
            peer_wrong("allocation %zu: %s", n, posta_status_name(a.r.tls.reason));
        if (a.sent == POSTA_OK) assert_true(a.r.tls.is_on);
        peer_done(&p);
    }
    peer_right();
}

/* ---- row J20 ---- */

static size_t drawn, dry_at;

static posta_status dry_entropy(void *user, void *out, size_t len) {
    peer *p = user;
    if (++drawn >= dry_at) return POSTA_E_ENTROPY;
    return peer_random_octets(p, out, len) == 0 ? POSTA_OK : POSTA_E_ENTROPY;
}

/* From the n-th draw on there is none: mbedTLS 2.28 and TLS 1.2 take all from the port; in TLS 1.3
   PSA has a generator of its own for the keys. */
static void no_entropy(void **state) {
    (void)state;
    for (unsigned max = 12; max <= 12 + PEER_HAS_1_3; max++) {
        bool is_tried = true;
        size_t said = 0;
        for (dry_at = 1; is_tried; dry_at = next_of(dry_at)) {
            peer p;
            peer_init(&p);
            p.max = max;
            p.is_implicit = dry_at & 1;
            p.random = 4712;
            p.port.entropy = dry_entropy;
            drawn = 0;
            attempt a = attempt_at(&p, 0);
            is_tried = drawn >= dry_at;
            judge(&p, &a, dry_at, "draw");
            said += a.sent == POSTA_E_ENTROPY;
            if (a.sent == POSTA_OK && is_tried) peer_wrong("draw %zu is not missed", dry_at);
            if (!is_tried) assert_int_equal(a.sent, POSTA_OK);
            if (dry_at == 1) {
                assert_int_equal(a.sent, POSTA_E_ENTROPY);
                assert_true(p.clear_n == SIZE_MAX || p.seen.len == p.clear_n); /* no ClientHello */
            }
            peer_done(&p);
        }
        assert_true(said > 0);
    }
    peer_right();
}

/* The port has none at all. */
static void no_source(void **state) {
    (void)state;
    peer p;
    peer_init(&p);
    p.port.entropy = NULL;
    p.random = 4712;
    attempt a = attempt_at(&p, 0);
    assert_int_equal(a.sent, POSTA_E_ENTROPY);
    assert_int_equal(p.seen.len, p.clear_n);
    peer_done(&p);
}

/* Two connections of one posta_tls share no generator: the same octets never come twice. */
static void randoms(void **state) {
    uint8_t first[32];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        peer p;
        peer_init(&p);
        p.is_implicit = true;
        p.random = 100 + 2 * i; /* another place gives other octets */
        attempt a = attempt_at(&p, 0);
        assert_int_equal(a.sent, POSTA_OK);
        assert_true(p.seen.len > 11 + 32);
        if (i == 0) memcpy(first, p.seen.p + 11, 32);
        if (i == 1) assert_memory_not_equal(first + 4, p.seen.p + 15, 28);
        peer_done(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_server), cmocka_unit_test(bad_servers),
        cmocka_unit_test(opportunistic), cmocka_unit_test(no_entropy),
        cmocka_unit_test(no_source), cmocka_unit_test(randoms)};
    posta_tls_config c = peer_tls_config(NULL);
    tls = peer_tls(&c);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    posta_tls_free(&tls);
    return result;
}
