/* Whom a client trusts apart from the authorities, what it shows of itself, and what it speaks:
 * pins, server_name, client certificates, versions, ciphers. Rows A09, J01, J04, J08, J23.
 */
#include "peer.h"

#include <time.h>

static char pin_of_server[64];

static void read_pin(const char *name, char out[64]) {
    char path[512];
    peer_path(path, name, ".pin");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%63s", out), 1);
    fclose(f);
}

/* Connects as `tc` says, mails if that works; the session's receipt and TLS. */
static posta_status try(peer *p, const posta_tls_config *tc, const char *host, posta_receipt *r) {
    posta_tls *tls = peer_tls(tc);
    posta_session_config c = peer_config(p, tls);
    c.host = host;
    posta_session *s = peer_session(&c);
    posta_tls_free(&tls);
    posta_status status = peer_connect(s);
    *r = *posta_session_receipt(s);
    if (status == POSTA_OK) status = peer_send(s, "hello\r\n", 7, r);
    posta_session_free(&s);
    assert_int_equal(p->toy.mails_n, status == POSTA_OK);
    return status;
}

/* ---- pins, RFC 7469 2.4 ---- */

#define WRONG_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void pins(void **state) {
    static const struct {
        const char *cert, *format; /* of the pins; %s: server's */
        const char *host;
        int64_t time;
        posta_status expected;
    } rows[] = {
        {"server", "%s", PEER_HOST, 0, POSTA_OK},
        {"server", "%s", "other.example.org", 0, POSTA_OK}, /* issuer and name do not matter */
        {"server", WRONG_PIN ";%s", "other.example.org", 0, POSTA_OK},
        {"server", "%s;" WRONG_PIN, PEER_HOST, 0, POSTA_OK},
        {"server",
         WRONG_PIN ";" WRONG_PIN ";" WRONG_PIN ";" WRONG_PIN ";" WRONG_PIN ";" WRONG_PIN
                   ";" WRONG_PIN ";%s",
         PEER_HOST, 0, POSTA_OK},
        {"server", WRONG_PIN, PEER_HOST, 0, POSTA_E_TLS_ISSUER}, /* though ca signed it */
        {"unknown", "%s", PEER_HOST, 0, POSTA_E_TLS_ISSUER},
        {"selfsigned", "%s", PEER_HOST, 0, POSTA_E_TLS_ISSUER},
        {"not-ca", "%s", PEER_HOST, 0, POSTA_E_TLS_ISSUER}, /* server is its issuer only */
        {"server", "%s", PEER_HOST, 4102444800, POSTA_E_TLS_EXPIRED}, /* the time does */
        {"server", "%s", PEER_HOST, 1000, POSTA_E_TLS_NOT_YET},
        {"server", "%s", "other.example.org", 4102444800, POSTA_E_TLS_EXPIRED},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        char pin[600];
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.is_implicit = i & 1;
        p.cert = rows[i / 2].cert;
        if (rows[i / 2].time) p.time = rows[i / 2].time;
        snprintf(pin, sizeof pin, rows[i / 2].format, pin_of_server);
        for (unsigned with_ca = 0; with_ca < 2; with_ca++) {
            posta_tls_config tc = peer_tls_config(NULL);
            if (!with_ca) tc.ca_file = NULL;
            tc.pin = pin;
            peer q = p;
            q.port.user = q.transport.user = &q;
            posta_status status = try(&q, &tc, rows[i / 2].host, &r);
            if (status != rows[i / 2].expected)
                peer_wrong("%s, %s: %s", q.cert, pin, posta_status_name(status));
            assert_int_equal(r.tls.is_verified, status == POSTA_OK);
            peer_done(&q);
        }
        toy_free(&p.toy);
    }
    peer_right();
}

/* The pin that the refusal prints is the one to give. */
static void printed(void **state) {
    peer p;
    posta_receipt r;
    char pin[80];
    (void)state;
    for (unsigned i = 0; i < 3 && POSTA_TEXTS; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        char other[512];
        peer_path(other, "other-ca", ".pem");
        peer_init(&p);
        if (i == 0) tc.ca_file = other; /* nobody trusts ca then */
        if (i == 1) tc.pin = WRONG_PIN;
        if (i == 2) p.cert = "selfsigned";
        assert_int_equal(try(&p, &tc, PEER_HOST, &r), POSTA_E_TLS_ISSUER);
        peer_done(&p);
        const char *said = strstr(r.message, "the pin of its key is sha256//");
        assert_non_null(said);
        assert_int_equal(sscanf(said + 22, "%79[^;]", pin), 1);
        if (i < 2) assert_string_equal(pin, pin_of_server);
        if (i == 1) assert_non_null(strstr(r.message, "none of those in tls.pin"));
        assert_int_equal(i == 1, !strstr(r.hint, "tls.ca_file")); /* no CA helps where pins are */
        assert_non_null(strstr(r.hint, "tls.pin"));
        peer_init(&p);
        if (i == 2) p.cert = "selfsigned";
        tc.pin = pin;
        assert_int_equal(try(&p, &tc, PEER_HOST, &r), POSTA_OK);
        assert_true(r.tls.is_verified);
        peer_done(&p);
    }
}

/* A key that is not for servers is refused as that, whether its pin is given, another, or none; and
   whoever signed it. */
static void misused(void **state) {
    char pin[64], other[512];
    (void)state;
    read_pin("client-usage", pin);
    peer_path(other, "other-ca", ".pem");
    const char *const pins[] = {NULL, pin, WRONG_PIN};
    for (size_t i = 0; i < 6; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.cert = "client-usage";
        tc.pin = pins[i / 2];
        if (i & 1) tc.ca_file = other;
        assert_int_equal(try(&p, &tc, PEER_HOST, &r), POSTA_E_TLS_ISSUER);
        assert_false(r.tls.is_verified);
        if (POSTA_TEXTS) assert_non_null(strstr(r.message, "the certificate is not one for serv"));
        assert_null(strstr(r.message, "pin"));
        peer_done(&p);
    }
}

/* ---- server_name ---- */

static void server_name(void **state) {
    static const struct {
        const char *cert, *name, *host;
        posta_status expected;
    } rows[] = {
        {"server", PEER_HOST, "192.0.2.1", POSTA_OK},
        {"server", "MAIL.example.org.", "192.0.2.1", POSTA_OK},
        {"server", "127.0.0.1", "mx.example", POSTA_OK},
        {"server", "::1", "mx.example", POSTA_OK},
        {"server", "mx.example", PEER_HOST, POSTA_E_TLS_NAME}, /* it wins over the host */
        {"wild", "smtp.example.org", "192.0.2.1", POSTA_OK},
        {"wrong", "a.hoster.net", PEER_HOST, POSTA_OK},
        {"wrong", "hoster.net", PEER_HOST, POSTA_E_TLS_NAME},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.cert = rows[i].cert;
        tc.server_name = rows[i].name;
        posta_status status = try(&p, &tc, rows[i].host, &r);
        if (status != rows[i].expected)
            peer_wrong("%s as %s: %s", rows[i].cert, rows[i].name, posta_status_name(status));
        if (status == POSTA_E_TLS_NAME && POSTA_TEXTS && !strstr(r.message, rows[i].name))
            peer_wrong("%s: %s", rows[i].name, r.message);
        peer_done(&p);
    }
    peer_right();
}

/* SNI is asked for, in lower case and without the dot at the end; never an address (RFC 6066 3). */
static int note_sni(void *user, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len) {
    (void)ssl;
    snprintf(user, 300, "%.*s", (int)len, (const char *)name);
    return 0;
}

static void sni(void **state) {
    static const char *const hosts[][2] = {
        {PEER_HOST, PEER_HOST}, {"MAIL.Example.org.", PEER_HOST}, {"127.0.0.1", ""}, {"::1", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        char name[300] = "";
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.is_implicit = true;
        peer_start(&p);
        mbedtls_ssl_conf_sni(&p.config, note_sni, name);
        assert_int_equal(try(&p, &tc, hosts[i][0], &r), POSTA_OK);
        assert_string_equal(name, hosts[i][1]);
        peer_done(&p);
    }
}

/* A host that is no name is refused before a word is said, unless the name does not matter. */
static void no_name(void **state) {
    static const char *const hosts[] = {"0x7f.1", "127.1", "a..b", "1.2.3"};
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        for (unsigned insecure = 0; insecure < 4; insecure++) {
            peer p;
            posta_session *s = NULL;
            posta_receipt why;
            peer_init(&p);
            posta_tls_config tc = peer_tls_config(NULL);
            posta_tls *tls = peer_tls(&tc);
            posta_session_config c = peer_config(&p, tls);
            c.host = hosts[i];
            c.insecure = insecure;
            posta_status status = posta_session_new(&c, &s, &why);
            posta_tls_free(&tls);
            if (status != (insecure ? POSTA_OK : POSTA_E_FIELD) && i != 2) /* no host at all */
                peer_wrong("%s, %u: %s", hosts[i], insecure, posta_status_name(status));
            posta_session_drop(&s);
            peer_done(&p);
        }
    }
    peer_right();
}

/* ---- client certificates ---- */

static void client(void **state) {
    static const struct {
        const char *cert;
        bool is_demanded, is_taken;
    } rows[] = {{"client", true, true},        {"client", false, true},       {NULL, true, false},
                {"other-client", true, false}, {"other-client", false, true}, {NULL, false, true}};
    (void)state;
    for (size_t i = 0; i < 4 * sizeof rows / sizeof *rows; i++) {
        char cert[512], key[512];
        peer p;
        posta_receipt r;
        posta_tls_config tc = peer_tls_config(NULL);
        peer_init(&p);
        p.is_implicit = i & 1;
        p.max = i & 2 ? 12 : 0;
        p.wants_client = rows[i / 4].is_demanded;
        peer_path(cert, rows[i / 4].cert ? rows[i / 4].cert : "", ".pem");
        peer_path(key, rows[i / 4].cert ? rows[i / 4].cert : "", ".key");
        if (rows[i / 4].cert) tc.cert_file = cert;
        if (rows[i / 4].cert) tc.key_file = key;
        posta_status status = try(&p, &tc, PEER_HOST, &r);
        if ((status == POSTA_OK) != rows[i / 4].is_taken)
            peer_wrong("client %zu: %s: %s", i, posta_status_name(status), r.message);
        /* In TLS 1.3 the server's refusal comes when the handshake is over for the client. */
        if (status != POSTA_OK && status != POSTA_E_TLS_HANDSHAKE && status != POSTA_E_LOST)
            peer_wrong("client %zu: %s: %s", i, posta_status_name(status), r.message);
        if (status == POSTA_E_LOST) assert_true(PEER_HAS_1_3 && p.max == 0);
        bool shown = p.is_up && mbedtls_ssl_get_peer_cert(&p.ssl) != NULL;
        if (rows[i / 4].is_demanded) assert_int_equal(shown, rows[i / 4].is_taken);
        peer_done(&p);
    }
    peer_right();
}

/* ---- versions and ciphers, rows J08, J23 ---- */

static void versions(void **state) {
    static const struct {
        unsigned min, max; /* the server's */
        posta_tls_version least;
        const char *version; /* null: refused */
    } rows[] = {
        {0, 12, POSTA_TLS_DEFAULT, "TLSv1.2"},
        {0, 12, POSTA_TLS_1_2, "TLSv1.2"},
#if PEER_HAS_1_3
        {0, 0, POSTA_TLS_DEFAULT, "TLSv1.3"},
        {13, 13, POSTA_TLS_1_2, "TLSv1.3"},
        {0, 0, POSTA_TLS_1_3, "TLSv1.3"},
        {0, 12, POSTA_TLS_1_3, NULL},
#else
        {10, 10, POSTA_TLS_DEFAULT, NULL},
        {10, 11, POSTA_TLS_DEFAULT, NULL},
        {10, 11, POSTA_TLS_1_2, NULL},
#endif
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.is_implicit = i & 1;
        p.min = rows[i / 2].min;
        p.max = rows[i / 2].max;
        p.cert = "server-rsa"; /* there is a suite for it in each version */
        tc.min_version = rows[i / 2].least;
        posta_status status = try(&p, &tc, PEER_HOST, &r);
        assert_int_equal(status, rows[i / 2].version ? POSTA_OK : POSTA_E_TLS_HANDSHAKE);
        assert_string_equal(r.tls.version, rows[i / 2].version ? rows[i / 2].version : "");
        if (!rows[i / 2].version) assert_int_equal(r.outcome, POSTA_DELIVERY_NOT_SENT);
        peer_done(&p);
    }
}

/* A server that has but this suite. */
static void one_suite(void **state) {
    static const int weak[] = {MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA, 0};
    static const int good[] = {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        posta_tls_config tc = peer_tls_config(NULL);
        peer p;
        posta_receipt r;
        peer_init(&p);
        p.cert = "server-rsa";
        p.max = 12;
        p.suites = i == 0 ? weak : good;
        if (i == 2) tc.ciphers = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        if (i == 3)
            tc.ciphers = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,"
                         "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        posta_status status = try(&p, &tc, PEER_HOST, &r);
        assert_int_equal(status, i & 1 ? POSTA_OK : POSTA_E_TLS_HANDSHAKE);
        assert_string_equal(r.tls.cipher, i & 1 ? "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" : "");
        if (i == 0 && POSTA_TEXTS)
            assert_non_null(strstr(r.message, "no version or cipher suite in common"));
        peer_done(&p);
    }
}

#if PEER_HAS_1_3
static void name_1_3(void **state) {
    posta_tls_config tc = peer_tls_config(NULL);
    peer p;
    posta_receipt r;
    (void)state;
    peer_init(&p);
    tc.ciphers = "TLS_CHACHA20_POLY1305_SHA256";
    assert_int_equal(try(&p, &tc, PEER_HOST, &r), POSTA_OK);
    assert_string_equal(r.tls.cipher, tc.ciphers);
    peer_done(&p);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins),
        cmocka_unit_test(printed),
        cmocka_unit_test(misused),
        cmocka_unit_test(server_name),
        cmocka_unit_test(sni),
        cmocka_unit_test(no_name),
        cmocka_unit_test(client),
        cmocka_unit_test(versions),
        cmocka_unit_test(one_suite),
#if PEER_HAS_1_3
        cmocka_unit_test(name_1_3),
#endif
    };
    read_pin("server", pin_of_server);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
