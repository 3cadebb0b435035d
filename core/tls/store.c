/* core/tls: the system's trusted certificates: where SSL_CERT_FILE and SSL_CERT_DIR say, else where
 * Linux distributions and the BSDs keep them. */
#define _POSIX_C_SOURCE 200809L
#include "conn_i.h"

#include "posta/port.h"

#ifndef POSTA_FILES
#define POSTA_FILES 1
#endif

#if POSTA_FILES

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PATH 1024u

static const char *const files[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    "/etc/ssl/cert.pem",                  /* Alpine, OpenBSD, FreeBSD, macOS */
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt", /* NetBSD */
};
static const char *const folder = "/etc/ssl/certs";

static posta_status no_folder(const char *path, const char *field, posta_problem *p) {
    return posta__problem(p, POSTA_E_FILE, field, "there is no such folder, or it cannot be read",
                          posta__span_of(path));
}

posta_status posta__tls_add_folder(posta_tls *t, const char *path, const char *field,
                                   size_t *count_out, posta_problem *p) {
    char name[MAX_PATH];
    posta_status status = POSTA_OK;
    const struct dirent *entry;
    DIR *d = opendir(path);
    if (!d) return no_folder(path, field, p);
    while (status == POSTA_OK && (entry = readdir(d))) {
        posta__tls_origin from = {field, name};
        int n = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof name) continue;
        status = posta__tls_add_file(t, &t->trusted, from, count_out, p);
        if (status != POSTA_E_MEMORY) status = POSTA_OK; /* folders, links that lead nowhere */
    }
    closedir(d);
    return status;
}

static posta_status add_places(posta_tls *t, size_t *n, posta_problem *p) {
    const char *file = getenv("SSL_CERT_FILE"), *path = getenv("SSL_CERT_DIR");
    posta_status status = POSTA_OK;
    if ((file && file[0]) || (path && path[0])) {
        if (file && file[0])
            status = posta__tls_add_file(t, &t->trusted, (posta__tls_origin){"SSL_CERT_FILE", file},
                                         n, p);
        if (status != POSTA_E_MEMORY && path && path[0])
            status = posta__tls_add_folder(t, path, "SSL_CERT_DIR", n, p);
        return status;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files && *n == 0; i++) {
        if (access(files[i], R_OK) != 0) continue;
        status =
            posta__tls_add_file(t, &t->trusted, (posta__tls_origin){"tls.ca_file", files[i]}, n, p);
        if (status == POSTA_E_MEMORY) return status;
    }
    if (*n == 0) status = posta__tls_add_folder(t, folder, "tls.ca_path", n, p);
    return status;
}

posta_status posta__tls_add_system(posta_tls *t, posta_problem *p) {
    uint8_t store[400];
    posta_window w = posta__window(store, sizeof store - 1);
    size_t n = 0;
    posta_status status = add_places(t, &n, p);
    if (status == POSTA_E_MEMORY || n > 0) return status == POSTA_E_MEMORY ? status : POSTA_OK;
    posta__put(&w, POSTA_LIT("no trusted certificates were found in SSL_CERT_FILE, SSL_CERT_DIR"));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        posta__put(&w, POSTA_LIT(", "));
        posta__put(&w, posta__span_of(files[i]));
    }
    posta__put(&w, POSTA_LIT(", "));
    posta__put(&w, posta__span_of(folder));
    store[w.len] = 0;
    return posta__problem(p, POSTA_E_FILE, "tls.ca_file", (const char *)store,
                          posta__span(NULL, 0));
}

#else

posta_status posta__tls_add_folder(posta_tls *t, const char *path, const char *field,
                                   size_t *count_out, posta_problem *p) {
    (void)t;
    (void)count_out;
    return posta__problem(p, POSTA_E_NOT_BUILT, field, "this build of posta reads no files",
                          posta__span_of(path));
}

posta_status posta__tls_add_system(posta_tls *t, posta_problem *p) {
    (void)t;
    return posta__problem(p, POSTA_E_FILE, "tls.ca",
                          "this build of posta reads no files: give the certificates in memory",
                          posta__span(NULL, 0));
}

#endif
