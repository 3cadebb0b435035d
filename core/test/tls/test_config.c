/* posta_tls_new: what is refused, and in which words; where the system's certificates are; and that
 * there is never a posta_tls with less trust, or more, than was asked for. Rows J01, J16, J24, L06.
 */
#define _POSIX_C_SOURCE 200809L
#include "peer.h"

#include "conn_i.h"

#include <time.h>
#include <unistd.h>

#define SECRET "hunter2"

static posta_problem problem;
static peer place; /* for its port */

static const char *in_certs(const char *name) {
    static char paths[8][512];
    static unsigned at;
    char *path = paths[at++ % 8];
    peer_path(path, name, "");
    return path;
}

/* Of a file; free it. */
static posta_span content(const char *name) {
    FILE *f = fopen(in_certs(name), "rb");
    uint8_t *p = malloc(20000);
    assert_true(f && p);
    size_t n = fread(p, 1, 20000, f);
    fclose(f);
    assert_in_range(n, 1, 19999);
    return (posta_span){p, n};
}

static size_t trusted_of(const posta_tls *t) {
    size_t n = 0;
    for (const mbedtls_x509_crt *c = &t->trusted; c && c->raw.p; c = c->next)
        n++;
    return n;
}

/* Makes one and frees it. The problem names `field` and holds `word`, and never the password. */
static posta_status make(const posta_tls_config *c, const char *field, const char *word) {
    posta_tls_config copy = *c;
    posta_tls *t = (posta_tls *)&copy;
    copy.port = &place.port;
    memset(&problem, 0x55, sizeof problem);
    posta_status status = posta_tls_new(&copy, &t, &problem);
    assert_int_equal(status == POSTA_OK, t != NULL);
    assert_int_equal(problem.status, status);
    if (status != POSTA_OK && field) {
        if (strcmp(problem.field, field) != 0) peer_wrong("%s: %s", problem.field, problem.text);
        if (!strstr(problem.text, field)) peer_wrong("%s is not in: %s", field, problem.text);
        if (word && !strstr(problem.text, word))
            peer_wrong("\"%s\" is not in: %s", word, problem.text);
    }
    if (status != POSTA_OK && strstr(problem.text, SECRET)) peer_wrong("%s", problem.text);
    posta_tls_free(&t);
    assert_int_equal(place.live, 0);
    assert_int_equal(posta_tls_new(&copy, &t, NULL), status);
    posta_tls_free(&t);
    return status;
}

static posta_tls_config base(void) {
    return peer_tls_config(NULL);
}

/* ---- certificates ---- */

static void ca_file(void **state) {
    char line[32], path[600];
    size_t lines = 1;
    posta_tls_config c = base();
    posta_span ca = content("ca.pem");
    static const struct {
        const char *name;
        posta_status status;
        const char *word;
    } rows[] = {{"ca.pem", POSTA_OK, NULL},
                {"ca.der", POSTA_OK, NULL},
                {"bundle.pem", POSTA_OK, NULL},
                {"nowhere.pem", POSTA_E_FILE, NULL},
                {"cas", POSTA_E_FILE, NULL},
                {"cas/gone.pem", POSTA_E_FILE, NULL},
                {"cut.pem", POSTA_E_FIELD, "line 1: the certificate that begins here has no end"},
                {"empty.pem", POSTA_E_FIELD, "there is no certificate in it"},
                {"text.pem", POSTA_E_FIELD, "there is no certificate in it"},
                {"server.key", POSTA_E_FIELD, "there is no certificate in it"},
                {"server.der.key", POSTA_E_FIELD, "there is no certificate in it"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        c.ca_file = in_certs(rows[i].name);
        assert_int_equal(make(&c, "tls.ca_file", rows[i].word), rows[i].status);
        if (rows[i].status != POSTA_OK && !strstr(problem.text, rows[i].name))
            peer_wrong("%s is not in: %s", rows[i].name, problem.text);
    }
    for (size_t i = 0; i < ca.len; i++)
        lines += ca.p[i] == '\n';
    snprintf(line, sizeof line, "line %zu: this is no certificate", lines);
    snprintf(path, sizeof path, "%s", in_certs("bad.pem"));
    c.ca_file = path;
    assert_int_equal(make(&c, "tls.ca_file", line), POSTA_E_FIELD);
    assert_non_null(strstr(problem.text, "bad.pem"));
    free((void *)(uintptr_t)ca.p);
    peer_right();
}

static void ca_memory(void **state) {
    static const char *const good[] = {"ca.pem", "ca.der", "bundle.pem"};
    static const char *const bad[] = {"bad.pem", "cut.pem", "text.pem", "server.key"};
    posta_tls_config c = POSTA_TLS_CONFIG;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        c.ca = content(good[i]);
        assert_int_equal(make(&c, NULL, NULL), POSTA_OK);
        if (i != 1) c.ca.len -= 30; /* into the line that ends it */
        if (i == 1) c.ca.len--;
        posta_status status = make(&c, "tls.ca", NULL);
        if (i != 2) assert_int_equal(status, POSTA_E_FIELD);
        free((void *)(uintptr_t)c.ca.p);
    }
    for (size_t i = 0; i < 4; i++) {
        c.ca = content(bad[i]);
        assert_int_equal(make(&c, "tls.ca", i == 1 ? "line 1" : NULL), POSTA_E_FIELD);
        free((void *)(uintptr_t)c.ca.p);
    }
    peer_right();
}

/* Its folder's two; what else lies there does not count, and is no problem. */
static void ca_path(void **state) {
    char empty[] = "/tmp/posta-test-XXXXXX";
    posta_tls_config c = POSTA_TLS_CONFIG;
    posta_tls *t = NULL;
    (void)state;
    c.ca_path = in_certs("cas");
    assert_int_equal(posta_tls_new(&c, &t, &problem), POSTA_OK);
    assert_int_equal(trusted_of(t), 2);
    posta_tls_free(&t);
    assert_int_equal(problem.status, POSTA_OK); /* gone.pem is none */
    assert_string_equal(problem.text, "");
    c.ca_path = in_certs("ca.pem");
    assert_int_equal(make(&c, "tls.ca_path", "ca.pem"), POSTA_E_FILE);
    c.ca_path = in_certs("nowhere");
    assert_int_equal(make(&c, "tls.ca_path", "nowhere"), POSTA_E_FILE);
    assert_non_null(mkdtemp(empty));
    c.ca_path = empty;
    assert_int_equal(make(&c, "tls.ca_path", empty), POSTA_E_FILE);
    rmdir(empty);
    peer_right();
}

/* ---- the client's own ---- */

static size_t asked;

static size_t give(void *user, char *out, size_t cap) {
    const char *word = user;
    size_t n = strlen(word);
    asked++;
    assert_true(cap == POSTA_MAX_KEY_PASSWORD && n <= cap);
    memcpy(out, word, n);
    return n;
}

static void own(void **state) {
    static const struct {
        const char *cert, *key, *password, *callback;
        posta_status status;
        const char *field, *word;
        unsigned asks;
    } rows[] = {
        {"client.pem", "client.key", NULL, NULL, POSTA_OK, NULL, NULL, 0},
        {"client.pem", "client.key", "unneeded", "unneeded", POSTA_OK, NULL, NULL, 0},
        {"server.pem", "server.der.key", NULL, NULL, POSTA_OK, NULL, NULL, 0},
        {"chain.pem", "chain.key", NULL, NULL, POSTA_OK, NULL, NULL, 0},
        {"server-rsa.pem", "server-rsa.key", NULL, NULL, POSTA_OK, NULL, NULL, 0},
        {"nowhere.pem", "client.key", NULL, NULL, POSTA_E_FILE, "tls.cert", "nowhere.pem", 0},
        {"text.pem", "client.key", NULL, NULL, POSTA_E_FIELD, "tls.cert", "text.pem", 0},
        {"client.pem", "nowhere.key", NULL, NULL, POSTA_E_FILE, "tls.key", "nowhere.key", 0},
        {"client.pem", "text.pem", NULL, NULL, POSTA_E_FIELD, "tls.key", "text.pem", 0},
        {"client.pem", "empty.pem", NULL, NULL, POSTA_E_FIELD, "tls.key", "empty.pem", 0},
        {"client.pem", "client.pem", NULL, NULL, POSTA_E_FIELD, "tls.key", "client.pem", 0},
        {"client.pem", NULL, NULL, NULL, POSTA_E_FIELD, "tls.key", NULL, 0},
        {NULL, "client.key", NULL, NULL, POSTA_E_FIELD, "tls.cert", "needs its certificate", 0},
        {"client.pem", "server.key", NULL, NULL, POSTA_E_FIELD, "tls.key", "not that of", 0},
        {"client.pem", "server-rsa.key", NULL, NULL, POSTA_E_FIELD, "tls.key", "not that of", 0},
        {"client.pem", "client-enc-legacy.key", NULL, NULL, POSTA_E_FIELD, "tls.key",
         "is not given", 0},
        {"client.pem", "client-enc-legacy.key", "wrong" SECRET, NULL, POSTA_E_FIELD, "tls.key",
         "is not its password", 0},
        {"client.pem", "client-enc-legacy.key", SECRET, NULL, POSTA_OK, NULL, NULL, 0},
        {"client.pem", "client-enc-legacy.key", SECRET, "x", POSTA_OK, NULL, NULL, 0},
        {"client.pem", "client-enc-legacy.key", NULL, SECRET, POSTA_OK, NULL, NULL, 1},
        {"client.pem", "client-enc-legacy.key", NULL, "x" SECRET, POSTA_E_FIELD, "tls.key",
         "is not its password", 1},
        {"client.pem", "client-enc-legacy.key", NULL, "", POSTA_E_FIELD, "tls.key", "is not given",
         1},
        {"client.pem", "client-enc-des3.key", NULL, NULL, POSTA_E_FIELD, "tls.key", "is not given",
         0},
        {"client.pem", "client-enc-des3.key", SECRET, NULL, POSTA_OK, NULL, NULL, 0},
        {"client.pem", "client-enc-des3.key", NULL, SECRET, POSTA_OK, NULL, NULL, 1},
        {"client.pem", "client-enc-des3.key", "wrong" SECRET, NULL, POSTA_E_FIELD, "tls.key", NULL,
         0},
        {"client.pem", "client-enc.key", SECRET, NULL, PEER_3 ? POSTA_OK : POSTA_E_FIELD, "tls.key",
         PEER_3 ? NULL : "does not know the cipher", 0},
        {"client.pem", "client-enc.key", "wrong" SECRET, NULL, POSTA_E_FIELD, "tls.key",
         PEER_3 ? "is not its password" : "does not know the cipher", 0},
        {"client.pem", "client-enc-camellia.key", SECRET, NULL, POSTA_E_FIELD, "tls.key",
         "does not know the cipher", 0},
        {"client.pem", "client-enc-dek.key", SECRET, NULL, POSTA_E_FIELD, "tls.key",
         "does not know the cipher", 0},
        {"client.pem", "client-enc-cut.key", SECRET, NULL, POSTA_E_FIELD, "tls.key", "is damaged",
         0},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        posta_tls_config c = base();
        posta_span key = {NULL, 0};
        const char *key_name = rows[i / 2].key;
        bool in_memory = (i & 1) && key_name && strstr(key_name, ".key") && key_name[0] != 'n';
        if (rows[i / 2].cert) c.cert_file = in_certs(rows[i / 2].cert);
        if (key_name && !in_memory) c.key_file = in_certs(key_name);
        if (in_memory) c.key = key = content(key_name);
        c.key_password = rows[i / 2].password;
        if (rows[i / 2].callback) c.password = give;
        c.password_user = (void *)(uintptr_t)rows[i / 2].callback;
        asked = 0;
        posta_status status = make(&c, rows[i / 2].field, in_memory ? NULL : rows[i / 2].word);
        if (status != rows[i / 2].status || asked != 2 * rows[i / 2].asks)
            peer_wrong("row %zu: %s, asked %zu: %s", i / 2, posta_status_name(status), asked,
                       problem.text);
        free((void *)(uintptr_t)key.p);
    }
    peer_right();
}

/* PEM and DER from memory, and both in one file. */
static void own_memory(void **state) {
    char path[] = "/tmp/posta-test-XXXXXX";
    posta_tls_config c = base();
    posta_span cert = content("server.pem"), key = content("server.key"),
               der = content("server.der.key");
    mbedtls_x509_crt parsed;
    (void)state;
    c.cert = cert;
    c.key = key;
    assert_int_equal(make(&c, NULL, NULL), POSTA_OK);
    c.key = der;
    assert_int_equal(make(&c, NULL, NULL), POSTA_OK);
    mbedtls_x509_crt_init(&parsed);
    assert_int_equal(mbedtls_x509_crt_parse_file(&parsed, in_certs("server.pem")), 0);
    c.cert = (posta_span){parsed.raw.p, parsed.raw.len};
    assert_int_equal(make(&c, NULL, NULL), POSTA_OK);
    c.cert.len--;
    assert_int_equal(make(&c, "tls.cert", NULL), POSTA_E_FIELD);
    mbedtls_x509_crt_free(&parsed);
    c.cert = c.key = (posta_span){NULL, 0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, key.p, key.len), key.len);
    assert_int_equal(write(fd, cert.p, cert.len), cert.len);
    close(fd);
    c.cert_file = path;
    posta_status status = make(&c, NULL, NULL);
    unlink(path);
    assert_int_equal(status, POSTA_OK);
    free((void *)(uintptr_t)cert.p);
    free((void *)(uintptr_t)key.p);
    free((void *)(uintptr_t)der.p);
    peer_right();
}

/* ---- single settings ---- */

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void pins(void **state) {
    static const char *const wrong[] = {
        "x",
        "sha256//",
        "sha256/AAAA",
        "sha1//AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", /* 31 octets */
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 33 */
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!=",
        PIN ",",
        PIN " ;" PIN,
        PIN ";;" PIN,
        ";" PIN,
        " " PIN,
        PIN "x"};
    posta_tls_config c = base();
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        c.pin = wrong[i];
        if (make(&c, "tls.pin", NULL) != POSTA_E_FIELD) peer_wrong("%s is taken", wrong[i]);
    }
    c.pin = PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN;
    assert_int_equal(make(&c, NULL, NULL), POSTA_OK);
    c.pin = PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN;
    assert_int_equal(make(&c, "tls.pin", "at most 8"), POSTA_E_LIMIT);
    peer_right();
}

static void ciphers(void **state) {
    static const char *const good[] = {
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
    static const char *const wrong[] = {
        "",
        ":",
        "HIGH",
        "AES128-SHA",
        "TLS_",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA25",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA2566",
        "tls_ecdhe_rsa_with_aes_128_gcm_sha256",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_PSK_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_NULL_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        " TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
    posta_tls_config c = base();
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        c.ciphers = good[i];
        assert_int_equal(make(&c, "tls.ciphers", NULL), POSTA_OK);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        c.ciphers = wrong[i];
        if (make(&c, "tls.ciphers", NULL) != POSTA_E_FIELD) peer_wrong("\"%s\" is taken", wrong[i]);
    }
    c.ciphers = "TLS_AES_128_GCM_SHA256";
    assert_int_equal(make(&c, "tls.ciphers", NULL), PEER_HAS_1_3 ? POSTA_OK : POSTA_E_FIELD);
    peer_right();
}

static void others(void **state) {
    static const char *const names[] = {"",
                                        "a..b",
                                        "*.example.org",
                                        "127.1",
                                        "a b",
                                        "[::1]",
                                        "x\xe3\x80\x82y", /* row G04 */
                                        "\xc3\xbc..example"};
    posta_tls_config c = base();
    posta_tls *t = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        c.server_name = names[i];
        assert_int_equal(make(&c, "tls.server_name", NULL), POSTA_E_FIELD);
    }
    /* Row J06: compared as A-labels, which certificates have. */
    c.server_name = "B\xc3\xbc"
                    "cher.example";
    assert_int_equal(make(&c, "tls.server_name", NULL), POSTA_IDNA ? POSTA_OK : POSTA_E_FIELD);
    c = base();
    c.min_version = POSTA_TLS_1_3;
    assert_int_equal(make(&c, "tls.min_version", NULL),
                     PEER_HAS_1_3 ? POSTA_OK : POSTA_E_NOT_BUILT);
    c.min_version = (posta_tls_version)3;
    assert_int_equal(make(&c, NULL, NULL), POSTA_E_ARGUMENT);
    c = base();
    c.size--;
    assert_int_equal(make(&c, NULL, NULL), POSTA_E_ARGUMENT);
    assert_int_equal(posta_tls_new(NULL, &t, &problem), POSTA_E_ARGUMENT);
    c = base();
    assert_int_equal(posta_tls_new(&c, NULL, &problem), POSTA_E_ARGUMENT);
    posta_tls_free(&t);
    posta_tls_free(NULL);
    assert_non_null(strstr(posta_tls_library(), MBEDTLS_VERSION_STRING));
    peer_right();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ca_file),    cmocka_unit_test(ca_memory),
                                       cmocka_unit_test(ca_path),    cmocka_unit_test(own),
                                       cmocka_unit_test(own_memory), cmocka_unit_test(pins),
                                       cmocka_unit_test(ciphers),    cmocka_unit_test(others)};
    peer_init(&place);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
