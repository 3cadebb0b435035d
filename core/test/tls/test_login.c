/* Rows B01, B02: a login over each kind of channel; not an octet of AUTH before the peer is surely
 * who it should be. And what binds a login to TLS, RFC 9266. */
#include "peer.h"

#include "link_i.h"

#define OFFERS "250-AUTH PLAIN LOGIN\r\n"

static posta_tls *tls;

/* Connects as `c` says with credentials; what the server got inside TLS and outside. */
static posta_status log_in(peer *p, posta_session_config *c, posta_auth *auth) {
    posta_session *s;
    posta_status status;
    p->toy.offers = OFFERS;
    auth->user = "ana";
    auth->password = "sesame";
    c->auth = auth;
    s = peer_session(c);
    status = peer_connect(s);
    posta_session_free(&s);
    return status;
}

static bool was_said(const t_bytes *b, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->len; i++)
        if (memcmp(b->p + i, text, n) == 0) return true;
    return false;
}

static void wrong_peers(void **state) {
    static const char *const certs[] = {
        "expired",    "future",  "wrong", "wild-tld", "cn-only", "dns-ip", "uri",         "nul",
        "selfsigned", "unknown", "weak",  "sha1",     "not-ca",  "long",   "client-usage"};
    (void)state;
    for (size_t i = 0; i < 4 * sizeof certs / sizeof *certs; i++) {
        peer p;
        posta_auth auth = POSTA_AUTH;
        peer_init(&p);
        p.cert = certs[i / 4];
        p.is_implicit = i & 1;
        posta_session_config c = peer_config(&p, tls);
        if (i & 2) c.insecure = POSTA_INSECURE_NO_VERIFY;
        posta_status status = log_in(&p, &c, &auth);
        if (status == POSTA_OK ||
            ((i & 2) && status != POSTA_E_AUTH_INSECURE && strcmp(p.cert, "long") != 0 &&
             strcmp(p.cert, "client-usage") != 0))
            peer_wrong("%s: %s", p.cert, posta_status_name(status));
        if (p.toy.logins > 0 || p.toy.commands > 4) peer_wrong("%s: %u commands", p.cert, (unsigned)p.toy.commands);
        assert_false(was_said(&p.seen, "AUTH"));
        peer_done(&p);
    }
    peer_right();
}

/* The right peer is told, in TLS only. */
static void right_peer(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        peer p;
        posta_auth auth = POSTA_AUTH;
        peer_init(&p);
        p.is_implicit = i & 1;
        posta_session_config c = peer_config(&p, tls);
        assert_int_equal(log_in(&p, &c, &auth), POSTA_OK);
        assert_int_equal(p.toy.logins, 1);
        assert_false(was_said(&p.seen, "AUTH"));
        peer_done(&p);
    }
}

/* Both ends of a TLS 1.3 connection know it, nobody else does; before 1.3 there is none. */
static void binding(void **state) {
    (void)state;
    for (unsigned max = 12; max <= 13; max++) {
        peer p;
        posta_session *s;
        uint8_t ours[POSTA__TLS_BINDING_LEN], again[POSTA__TLS_BINDING_LEN];
        peer_init(&p);
        p.max = max;
        posta_session_config c = peer_config(&p, tls);
        s = peer_session(&c);
        assert_int_equal(peer_connect(s), POSTA_OK);
        size_t n = posta__tls_binding(s->link->tls, ours);
#if PEER_HAS_1_3 && defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
        uint8_t theirs[POSTA__TLS_BINDING_LEN];
        assert_int_equal(n, max == 13 ? sizeof ours : 0);
        if (max == 13) {
            assert_int_equal(mbedtls_ssl_export_keying_material(&p.ssl, theirs, sizeof theirs,
                                                                "EXPORTER-Channel-Binding", 24,
                                                                (const unsigned char *)"", 0, 1),
                             0);
            assert_memory_equal(ours, theirs, sizeof ours);
            assert_int_equal(posta__tls_binding(s->link->tls, again), sizeof again);
            assert_memory_equal(ours, again, sizeof ours);
        }
#else
        (void)again;
        assert_int_equal(n, 0);
#endif
        posta_session_free(&s);
        peer_done(&p);
    }
}

static int set_up(void **state) {
    posta_tls_config c = peer_tls_config(NULL);
    (void)state;
    tls = peer_tls(&c);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    posta_tls_free(&tls);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_peers), cmocka_unit_test(right_peer),
                                       cmocka_unit_test(binding)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
