/* Each of the places where systems keep their certificates is looked at, below a root of this
 * test's own. */
#define _POSIX_C_SOURCE       200809L
#define POSTA_STORE_ROOT      "places_of_test"
#define posta__tls_add_system add_system_of_test
#define posta__tls_add_folder add_folder_of_test
#include "../../tls/store.c"
#undef posta__tls_add_system
#undef posta__tls_add_folder

#include "peer.h"

#include <sys/stat.h>

static void make(const char *path, bool is_made) {
    char at[512];
    snprintf(at, sizeof at, "%s", path);
    for (char *p = at; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        mkdir(at, 0755);
    }
    if (is_made) {
        char from[512], line[256];
        FILE *in, *out = fopen(path, "w");
        peer_path(from, "ca.pem", "");
        in = fopen(from, "r");
        assert_true(in && out);
        while (fgets(line, sizeof line, in))
            fputs(line, out);
        fclose(in);
        fclose(out);
    } else {
        unlink(path);
    }
}

static size_t found(posta_problem *p) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    posta_tls *t = NULL;
    size_t n = 0;
    c.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; /* so that none are loaded */
    assert_int_equal(posta_tls_new(&c, &t, NULL), POSTA_OK);
    if (add_system_of_test(t, p) == POSTA_OK)
        for (const mbedtls_x509_crt *i = &t->trusted; i && i->raw.p; i = i->next)
            n++;
    posta_tls_free(&t);
    return n;
}

static void each(void **state) {
    char in_folder[512];
    posta_problem p;
    (void)state;
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    snprintf(in_folder, sizeof in_folder, "%s/0123.0", folder);
    make(in_folder, false);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        make(files[i], false);
    assert_int_equal(found(&p), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!strstr(p.text, files[i])) fail_msg("%s is not in %s", files[i], p.text);
        make(files[i], true);
        if (found(&p) != 1) fail_msg("%s", files[i]);
        p.text[0] = 0;
        make(files[i], false);
        assert_int_equal(found(&p), 0);
    }
    make(in_folder, true);
    assert_int_equal(found(&p), 1);
    make(in_folder, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
