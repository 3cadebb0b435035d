/* Targets: every row of the table in docs/where.md, and what is refused, without showing a
 * password. */
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session_i.h"

#define NONE     POSTA_SECURITY_NONE
#define TLS      POSTA_SECURITY_TLS
#define STARTTLS POSTA_SECURITY_STARTTLS
#define MAYBE    POSTA_SECURITY_OPPORTUNISTIC

static void table(void **state) {
    static const struct {
        const char *url, *host;
        int port;
        posta_security security;
        const char *user, *password;
    } rows[] = {
        {"smtps://mail.example.org", "mail.example.org", 465, TLS, NULL, NULL},
        {"mail.example.org", "mail.example.org", 465, TLS, NULL, NULL},
        {"mail.example.org:465", "mail.example.org", 465, TLS, NULL, NULL},
        {"mail.example.org:587", "mail.example.org", 587, STARTTLS, NULL, NULL},
        {"smtp://mail.example.org", "mail.example.org", 587, STARTTLS, NULL, NULL},
        {"smtp://mail.example.org:25", "mail.example.org", 25, STARTTLS, NULL, NULL},
        {"smtp://mail.example.org:465", "mail.example.org", 465, TLS, NULL, NULL},
        {"smtp://mail.example.org/", "mail.example.org", 587, STARTTLS, NULL, NULL},
        {"smtp://localhost", "localhost", 25, NONE, NULL, NULL},
        {"smtp://LOCALHOST:2525", "LOCALHOST", 2525, NONE, NULL, NULL},
        {"smtp://127.0.0.1", "127.0.0.1", 25, NONE, NULL, NULL},
        {"smtp://127.5.5.5:26", "127.5.5.5", 26, NONE, NULL, NULL},
        {"localhost", "localhost", 25, NONE, NULL, NULL},
        {"smtp://[::1]:2525", "::1", 2525, NONE, NULL, NULL},
        {"smtp://[2001:db8::1]", "2001:db8::1", 587, STARTTLS, NULL, NULL},
        {"smtp://ana:pw@localhost", "localhost", 587, STARTTLS, "ana", "pw"},
        {"smtps://localhost", "localhost", 465, TLS, NULL, NULL},
        {"smtps://ana@gmail.com:pw@smtp.gmail.com", "smtp.gmail.com", 465, TLS, "ana@gmail.com",
         "pw"},
        {"smtps://a%40b:p%3Aw%2F@h.example", "h.example", 465, TLS, "a@b", "p:w/"},
        {"smtps://ana@h.example", "h.example", 465, TLS, "ana", NULL},
        {"smtp://127.0.0.1.example.org", "127.0.0.1.example.org", 587, STARTTLS, NULL, NULL},
        {"smtp://h.example?security=none", "h.example", 587, NONE, NULL, NULL},
        {"smtp://h.example:26?security=opportunistic&timeout=7", "h.example", 26, MAYBE, NULL,
         NULL},
        {"smtp://h.example?security=none&ca_file=/a@b.pem", "h.example", 587, NONE, NULL, NULL},
        {"smtp://localhost?security=none", "localhost", 25, NONE, NULL, NULL},
        {"smtp://h.example?security=tls", "h.example", 465, TLS, NULL, NULL},
        {"smtp://localhost?security=starttls", "localhost", 587, STARTTLS, NULL, NULL},
        {"lmtp://h.example", "h.example", 24, STARTTLS, NULL, NULL},
        {"lmtp://localhost", "localhost", 24, NONE, NULL, NULL},
        {"smtp+unix:///run/mail.sock", "/run/mail.sock", 0, NONE, NULL, NULL},
        {"lmtp+unix:///run/a%20b", "/run/a b", 0, NONE, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_where w;
        posta_problem p;
        if (posta_where_parse(rows[i].url, &w, &p) != POSTA_OK)
            fail_msg("%s: %s", rows[i].url, p.text);
        if (strcmp(w.host, rows[i].host) != 0 || w.port != rows[i].port ||
            w.security != rows[i].security)
            fail_msg("%s: got %s %d %d", rows[i].url, w.host, w.port, (int)w.security);
        assert_int_equal(w.has_user, rows[i].user != NULL);
        assert_int_equal(w.has_password, rows[i].password != NULL);
        if (rows[i].user) assert_string_equal(w.user, rows[i].user);
        if (rows[i].password) assert_string_equal(w.password, rows[i].password);
        assert_int_equal(w.total_ms, strstr(rows[i].url, "timeout=7") ? 7000 : 0);
        posta_where_wipe(&w);
        assert_string_equal(w.password, "");
    }
}

static void refused(void **state) {
    static const char *const rows[][2] = {
        {"", "host"},
        {"smtp://", "host"},
        {"http://h.example", "url"},
        {"smtp://h.example/path", "url"},
        {"smtp://h.example:0", "port"},
        {"smtp://h.example:65536", "port"},
        {"smtp://h.example:x", "port"},
        {"smtp://h.example:", "port"},
        {"smtp://[::1", "host"},
        {"smtp://[::1]x", "url"},
        {"smtp://h.example?colour=red", "url"},
        {"smtp://h.example?security", "url"},
        {"smtp://h.example?security=maybe", "security"},
        {"smtp://h.example?timeout=0", "timeout"},
        {"smtp://h.example?timeout=-1", "timeout"},
        {"smtps://h.example?security=none", "security"},
        {"smtp://a b.example", "host"},
        {"smtp://h\r\n.example", "host"},
        {"smtps://ana:sesam%0a@h.example", "password"},
        {"smtps://ana:sesam%zz@h.example", "password"},
        {"smtps://ana%00:sesam@h.example", "user"},
        {"smtp+unix://no-slash", "host"},
        {"smtp://ana:sesam", "port"},
        {"smtp://ana:sesam%40host", "port"},
        {"smtp://ana:sesam/127.0.0.1", "url"},
        {"smtps:/ana:sesam@h.example", "url"},
        {"smtp://::1:2525", "host"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_where w;
        posta_problem p;
        if (posta_where_parse(rows[i][0], &w, &p) != POSTA_E_FIELD)
            fail_msg("taken: %s", rows[i][0]);
        if (strcmp(p.field, rows[i][1]) != 0)
            fail_msg("%s: field %s, %s", rows[i][0], p.field, p.text);
        assert_null(strstr(p.text, "sesam"));
        assert_null(strchr(p.text, '\n'));
        assert_null(strstr((const char *)w.password, "sesam"));
    }
}

static void long_hosts(void **state) {
    char url[400] = "smtp://";
    posta_where w;
    (void)state;
    memset(url + 7, 'a', 255);
    assert_int_equal(posta_where_parse(url, &w, NULL), POSTA_OK);
    url[7 + 255] = 'a';
    assert_int_equal(posta_where_parse(url, &w, NULL), POSTA_E_FIELD);
}

/* What is wrong is found before anything is connected, and named. */
static void wrong_settings_are_named(void **state) {
    static const char *const fields[] = {"hello", "address",  "local_address",
                                         "host",  "security", "auth"};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        posta_session_config c = POSTA_SESSION_CONFIG;
        posta_session *s = NULL;
        posta_receipt r;
        if (i == 4 && posta_tls_library()[0]) continue;
        c.host = i == 3 ? "127.0.0.1:2525" : "localhost";
        if (i == 0) c.hello = "x\r\nMAIL FROM:<>";
        if (i == 1) c.address = "mail.example.org";
        if (i == 2) c.local_address = "127.0.0.1\n";
        if (i == 4) c.security = POSTA_SECURITY_STARTTLS;
        if (i == 5) c.user = "ana", c.security = POSTA_SECURITY_NONE;
        assert_int_not_equal(posta_session_new(&c, &s, &r), POSTA_OK);
        assert_null(s);
        assert_string_equal(r.field, fields[i]);
        assert_int_equal(r.status, i < 4    ? POSTA_E_FIELD
                                   : i == 4 ? POSTA_E_TLS_NOT_BUILT
                                            : POSTA_E_AUTH_INSECURE);
        assert_null(strchr(r.message, '\n'));
    }
}

static void nothing_given(void **state) {
    posta_message *m = NULL;
    posta_receipt r;
    (void)state;
    memset(&r, 0xff, sizeof r);
    assert_int_equal(posta_message_new(posta_port_default(), &m), POSTA_OK);
    assert_int_equal(posta_send(NULL, m, NULL, &r), POSTA_E_ARGUMENT);
    assert_non_null(strstr(r.message, "where: a URL or a host is needed; "));
    memset(&r, 0xff, sizeof r);
    assert_int_equal(posta_send("localhost", NULL, NULL, &r), POSTA_E_ARGUMENT);
    assert_string_equal(r.field, "message");
    assert_int_equal(posta_message_attach_file(m, NULL, NULL),
                     POSTA_FILES ? POSTA_E_FILE : POSTA_E_NOT_BUILT);
    posta_message_free(&m);
}

/* The mode that is set later brings the port that goes with it, where none was said. */
static char opened[200];

static posta_status note_open(void *user, const char *host, uint16_t port) {
    (void)user;
    snprintf(opened, sizeof opened, "%s:%u", host, port);
    return POSTA_E_CONNECT_REFUSED;
}

static posta_status no_octets(void *user, void *out, size_t cap, size_t *n_out) {
    (void)user;
    (void)out;
    (void)cap;
    *n_out = 0;
    return POSTA_AGAIN;
}

static posta_status no_write(void *user, const void *p, size_t len, size_t *n_out) {
    (void)p;
    (void)len;
    return no_octets(user, NULL, 0, n_out);
}

static posta_status hosts_tls(void *user, const char *name) {
    (void)user;
    (void)name;
    return POSTA_AGAIN;
}

static void port_of_mode(void **state) {
    static const struct {
        const char *url, *host;
        uint16_t port;
        uint32_t mode; /* 0: a posta_tls is set instead */
        const char *opened;
    } rows[] = {
        {NULL, "h.example", 0, POSTA_SECURITY_STARTTLS, "h.example:587"},
        {NULL, "h.example", 0, POSTA_SECURITY_OPPORTUNISTIC, "h.example:587"},
        {NULL, "h.example", 2525, POSTA_SECURITY_STARTTLS, "h.example:2525"},
        {"smtp://h.example", NULL, 0, POSTA_SECURITY_TLS, "h.example:465"},
        {"smtps://h.example", NULL, 0, POSTA_SECURITY_STARTTLS, "h.example:587"},
        {"smtp://h.example:26", NULL, 0, POSTA_SECURITY_TLS, "h.example:26"},
        {NULL, "127.0.0.1", 0, POSTA_SECURITY_STARTTLS, "127.0.0.1:587"},
        {NULL, "127.0.0.1", 0, POSTA_SECURITY_NONE, "127.0.0.1:25"},
        {NULL, "127.0.0.1", 0, 0, "127.0.0.1:587"},
        {"smtp://127.0.0.1:26", NULL, 0, 0, "127.0.0.1:26"},
        {NULL, "h.example", 0, 0, "h.example:465"},
    };
    posta_transport transport = {.size = sizeof transport,
                                 .open = note_open,
                                 .read = no_octets,
                                 .write = no_write,
                                 .starttls = hosts_tls};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        posta_session_config c = POSTA_SESSION_CONFIG;
        posta_session *s = NULL;
        posta_tls_config tls_config = POSTA_TLS_CONFIG;
        posta_tls *tls = NULL;
        c.url = rows[i].url;
        c.host = rows[i].host;
        c.tcp_port = rows[i].port;
        c.transport = &transport;
        c.hello = "x";
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        if (rows[i].mode > 0) {
            assert_int_equal(posta_session_set_option(s, POSTA_OPTION_TLS_MODE, &rows[i].mode,
                                                      sizeof rows[i].mode),
                             POSTA_OK);
        } else {
            tls_config.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            if (posta_tls_new(&tls_config, &tls, NULL) == POSTA_E_TLS_NOT_BUILT) {
                posta_session_free(&s);
                continue;
            }
            assert_int_equal(posta_session_set_tls(s, tls), POSTA_OK);
        }
        opened[0] = 0;
        assert_int_equal(posta_session_connect(s), POSTA_E_CONNECT_REFUSED);
        assert_string_equal(opened, rows[i].opened);
        assert_memory_equal(posta_session_receipt(s)->message, opened, strlen(opened));
        posta_tls_free(&tls);
        posta_session_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),         cmocka_unit_test(refused),
        cmocka_unit_test(long_hosts),    cmocka_unit_test(wrong_settings_are_named),
        cmocka_unit_test(nothing_given), cmocka_unit_test(port_of_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
