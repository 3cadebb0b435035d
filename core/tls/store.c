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

#ifndef POSTA_STORE_ROOT
#define POSTA_STORE_ROOT "" /* the tests have theirs */
#endif

static const char *const files[] = {
    POSTA_STORE_ROOT "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo */
    POSTA_STORE_ROOT "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    POSTA_STORE_ROOT "/etc/ssl/ca-bundle.pem",             /* openSUSE */
    POSTA_STORE_ROOT "/etc/ssl/cert.pem",                  /* Alpine, OpenBSD, FreeBSD, macOS */
    POSTA_STORE_ROOT "/usr/local/share/certs/ca-root-nss.crt",
    POSTA_STORE_ROOT "/etc/openssl/certs/ca-certificates.crt", /* NetBSD */
};
static const char *const folder = POSTA_STORE_ROOT "/etc/ssl/certs";

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

static bool is_set(const char *value) {
    return value && value[0];
}

/* SSL_CERT_DIR is a list of folders with `:` between them, as OpenSSL has it. */
static posta_status add_folders(posta_tls *t, const char *list, size_t *n, posta_problem *p) {
    posta_status status = POSTA_OK;
    while (list[0] && status != POSTA_E_MEMORY) {
        size_t len = strcspn(list, ":");
        char path[MAX_PATH];
        int all = snprintf(path, sizeof path, "%.*s", (int)(len < MAX_PATH ? len : MAX_PATH), list);
        if (len > 0 && all > 0 && (size_t)all < sizeof path)
            status = posta__tls_add_folder(t, path, "SSL_CERT_DIR", n, p);
        list += len + (list[len] == ':');
    }
    return status;
}

/* What the environment says stands for all the rest. */
static posta_status add_places(posta_tls *t, const char *file, const char *folders, size_t *n,
                               posta_problem *p) {
    posta_status status = POSTA_OK;
    if (is_set(file))
        status =
            posta__tls_add_file(t, &t->trusted, (posta__tls_origin){"SSL_CERT_FILE", file}, n, p);
    if (status != POSTA_E_MEMORY && is_set(folders)) status = add_folders(t, folders, n, p);
    if (is_set(file) || is_set(folders)) return status;
    for (size_t i = 0; i < sizeof files / sizeof *files && *n == 0; i++) {
        if (access(files[i], R_OK) != 0) continue;
        status =
            posta__tls_add_file(t, &t->trusted, (posta__tls_origin){"tls.ca_file", files[i]}, n, p);
        if (status == POSTA_E_MEMORY) return status;
    }
    if (*n == 0) status = posta__tls_add_folder(t, folder, "tls.ca_path", n, p);
    return status;
}

static void put(posta_window *w, const char *text) {
    posta_span s = posta__span_of(text);
    posta__put_some(w, &s);
}

/* Where it was looked, and where it would have been. */
static void put_places(posta_window *w, const char *file, const char *folders) {
    if (is_set(file)) {
        put(w, "SSL_CERT_FILE=");
        put(w, file);
    }
    if (is_set(folders)) {
        put(w, is_set(file) ? ", SSL_CERT_DIR=" : "SSL_CERT_DIR=");
        put(w, folders);
    }
    if (is_set(file) || is_set(folders)) return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(w, files[i]);
        put(w, ", ");
    }
    put(w, folder);
    put(w, " (SSL_CERT_FILE and SSL_CERT_DIR are not set)");
}

posta_status posta__tls_add_system(posta_tls *t, posta_problem *p) {
    const char *file = getenv("SSL_CERT_FILE"), *folders = getenv("SSL_CERT_DIR");
    uint8_t store[480];
    posta_window w = posta__window(store, sizeof store - 1);
    size_t n = 0;
    posta_status status = add_places(t, file, folders, &n, p);
    if (status == POSTA_E_MEMORY || n > 0) return status == POSTA_E_MEMORY ? status : POSTA_OK;
    put(&w, "no trusted certificates were found in ");
    put_places(&w, file, folders);
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
