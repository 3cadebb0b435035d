/* Where the system's certificates are; and that memory that cannot be had never makes a posta_tls
 * with less trust, or more, than was asked for. Rows J16, J24.
 */
#define _POSIX_C_SOURCE 200809L
#include "heap.h"

#include "conn_i.h"

#include <time.h>

static peer place; /* for its port */
static posta_problem problem;

static char paths[8][512];

static const char *in_certs(unsigned at, const char *name) {
    peer_path(paths[at], name, "");
    return paths[at];
}

static size_t certs_of(const mbedtls_x509_crt *c) {
    size_t n = 0;
    for (; c && c->raw.p; c = c->next)
        n++;
    return n;
}

static void from(const char *file, const char *folder) {
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    if (file) setenv("SSL_CERT_FILE", file, 1);
    if (folder) setenv("SSL_CERT_DIR", folder, 1);
}

/* ---- the system's ---- */

static void system_store(void **state) {
    static const struct {
        const char *file, *folder;
        size_t n; /* 0: none found */
    } rows[] = {{"ca.pem", NULL, 1},       {"bundle.pem", NULL, 2}, {NULL, "cas", 2},
                {"ca.pem", "cas", 3},      {"nowhere", "cas", 2},   {"ca.pem", "nowhere", 1},
                {"bad.pem", NULL, 1},      {"nowhere", NULL, 0},    {NULL, "nowhere", 0},
                {"nowhere", "nowhere", 0}, {"text.pem", NULL, 0},   {"cut.pem", NULL, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_tls_config c = POSTA_TLS_CONFIG;
        posta_tls *t = NULL;
        from(rows[i].file ? in_certs(0, rows[i].file) : NULL,
             rows[i].folder ? in_certs(1, rows[i].folder) : NULL);
        c.port = &place.port;
        posta_status status = posta_tls_new(&c, &t, &problem);
        if (rows[i].n > 0) {
            if (!t || certs_of(&t->trusted) != rows[i].n || problem.status != POSTA_OK)
                peer_wrong("row %zu: %s", i, problem.text);
        } else {
            assert_int_equal(status, POSTA_E_FILE);
            /* just the places that were looked at */
            assert_int_equal(strstr(problem.text, "SSL_CERT_FILE=") != NULL, rows[i].file != NULL);
            assert_int_equal(strstr(problem.text, "SSL_CERT_DIR=") != NULL, rows[i].folder != NULL);
            assert_non_null(strstr(problem.text, rows[i].file ? rows[i].file : rows[i].folder));
            assert_null(strstr(problem.text, "/etc/ssl"));
        }
        posta_tls_free(&t);
    }
    from(NULL, NULL);
    peer_right();
}

/* SSL_CERT_DIR is a list. */
static void folders(void **state) {
    static const struct {
        const char *before, *behind;
    } rows[] = {{"/nonexistent:", ""}, {"", ":/nonexistent"}, {":", ":"}, {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char list[700];
        posta_tls_config c = POSTA_TLS_CONFIG;
        posta_tls *t = NULL;
        snprintf(list, sizeof list, "%s%s%s", rows[i].before, in_certs(1, "cas"), rows[i].behind);
        from(NULL, list);
        c.port = &place.port;
        assert_int_equal(posta_tls_new(&c, &t, &problem), POSTA_OK);
        assert_int_equal(certs_of(&t->trusted), 2);
        posta_tls_free(&t);
    }
    from(NULL, NULL);
}

/* The system's is not asked where something else says whom to trust. */
static void not_asked(void **state) {
    posta_tls_config c = peer_tls_config(&place);
    posta_tls *t = NULL;
    (void)state;
    from(in_certs(0, "bundle.pem"), NULL);
    assert_int_equal(posta_tls_new(&c, &t, NULL), POSTA_OK);
    assert_int_equal(certs_of(&t->trusted), 1);
    posta_tls_free(&t);
    c.ca_file = NULL;
    c.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_int_equal(posta_tls_new(&c, &t, NULL), POSTA_OK);
    assert_int_equal(certs_of(&t->trusted), 0);
    posta_tls_free(&t);
    from(NULL, NULL);
}

/* A session without a posta_tls: the system's; and one that only uses TLS if it can does without.
 */
static void of_sessions(void **state) {
    static const struct {
        const char *file;
        posta_security security;
        posta_status made, connected;
        bool is_verified;
    } rows[] = {
        {"ca.pem", POSTA_SECURITY_STARTTLS, POSTA_OK, POSTA_OK, true},
        {"other-ca.pem", POSTA_SECURITY_STARTTLS, POSTA_OK, POSTA_E_TLS_ISSUER, false},
        {"nowhere", POSTA_SECURITY_STARTTLS, POSTA_E_FILE, POSTA_OK, false},
        {"nowhere", POSTA_SECURITY_OPPORTUNISTIC, POSTA_OK, POSTA_OK, false},
        {"ca.pem", POSTA_SECURITY_OPPORTUNISTIC, POSTA_OK, POSTA_OK, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        posta_session *s = NULL;
        posta_receipt why;
        posta_tls_info info;
        from(in_certs(0, rows[i].file), NULL);
        peer_init(&p);
        posta_session_config c = peer_config(&p, NULL);
        c.security = rows[i].security;
        assert_int_equal(posta_session_new(&c, &s, &why), rows[i].made);
        if (rows[i].made == POSTA_OK) {
            assert_int_equal(peer_connect(s), rows[i].connected);
            posta_session_tls(s, &info);
            assert_int_equal(info.is_verified, rows[i].is_verified);
            assert_int_equal(info.is_on, rows[i].connected == POSTA_OK);
        } else if (POSTA_TEXTS) {
            assert_non_null(strstr(why.message, "SSL_CERT_FILE"));
        }
        posta_session_free(&s);
        peer_done(&p);
    }
    from(NULL, NULL);
}

/* ---- memory that cannot be had ---- */

/* As much as possible at once: two in a file, two in a folder, a chain of three, an encrypted key.
 */
static posta_tls_config much(void) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    c.port = &place.port;
    c.ca_file = in_certs(0, "bundle.pem");
    c.ca_path = in_certs(1, "cas");
    c.cert_file = in_certs(2, "client.pem");
    c.key_file = in_certs(3, "client-enc-legacy.key");
    c.key_password = "hunter2";
    c.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    return c;
}

static bool is_whole(const posta_tls *t) {
    return certs_of(&t->trusted) == 4 && certs_of(&t->cert) == 1 && t->pins_n == 1 &&
           t->has_trusted && t->has_cert;
}

static void judge(posta_status status, posta_tls *t, bool is_tried, size_t n, bool whole) {
    assert_int_equal(problem.status, status);
    if (status == POSTA_OK && !whole)
        peer_wrong("allocation %zu: success with %zu trusted", n, certs_of(&t->trusted));
    /* Known: what mbedTLS says of a key, or of a pair, for want of memory is taken at its word. */
    bool is_key = status == POSTA_E_FIELD && strcmp(problem.field, "tls.key") == 0;
    if (status != POSTA_OK && status != POSTA_E_MEMORY && !is_key)
        peer_wrong("allocation %zu: %s: %s", n, posta_status_name(status), problem.text);
    if (status == POSTA_E_MEMORY) assert_true(is_tried);
    posta_tls_free(&t);
    assert_int_equal(place.live, 0);
}

static void port_sweep(void **state) {
    size_t n = 0;
    (void)state;
    for (bool is_tried = true; is_tried;) {
        posta_tls_config c = much();
        posta_tls *t = NULL;
        place.allocations = 0;
        place.fail_at = ++n;
        posta_status status = posta_tls_new(&c, &t, &problem);
        is_tried = place.allocations >= n;
        judge(status, t, is_tried, n, status == POSTA_OK && is_whole(t));
    }
    place.fail_at = 0;
    assert_true(n > 5);
    peer_right();
}

static void heap_sweep(void **state) {
    size_t n = 0;
    (void)state;
    for (bool is_tried = true; is_tried;) {
        posta_tls_config c = much();
        posta_tls *t = NULL;
        n += n < 120 ? 1 : 13; /* from there on it is arithmetic with the key */
        heap_arm(n);
        posta_status status = posta_tls_new(&c, &t, &problem);
        is_tried = heap_disarm();
        judge(status, t, is_tried, n, status == POSTA_OK && is_whole(t));
    }
    assert_true(n > 20);
    peer_right();
}

/* The system's store passes over what it cannot read, but not for want of memory. */
static void system_sweep(void **state) {
    (void)state;
    from(in_certs(0, "bundle.pem"), in_certs(1, "cas"));
    for (unsigned of_port = 0; of_port < 2; of_port++) {
        size_t n = 0;
        for (bool is_tried = true; is_tried;) {
            posta_tls_config c = POSTA_TLS_CONFIG;
            posta_tls *t = NULL;
            n++;
            c.port = &place.port;
            place.allocations = 0;
            place.fail_at = of_port ? n : 0;
            heap_arm(of_port ? 0 : n);
            posta_status status = posta_tls_new(&c, &t, &problem);
            is_tried = heap_disarm() || (of_port && place.allocations >= n);
            judge(status, t, is_tried, n, t && certs_of(&t->trusted) == 4);
        }
        assert_true(n > 5);
    }
    place.fail_at = 0;
    from(NULL, NULL);
    peer_right();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_store), cmocka_unit_test(folders),    cmocka_unit_test(not_asked),
        cmocka_unit_test(of_sessions),  cmocka_unit_test(port_sweep), cmocka_unit_test(heap_sweep),
        cmocka_unit_test(system_sweep)};
    peer_init(&place);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
