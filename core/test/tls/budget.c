/* What TLS costs in memory, counted: budget URL CA_FILE. budget.py runs it against a catcher and
 * holds the figures against the table of docs/devices.md.
 *
 * posta's memory is counted at its port, mbedTLS's at calloc and free, which nobody else here uses:
 * the address is numeric, so no name is looked up. glibc only.
 */
#define _GNU_SOURCE
#include "../../tls/tls_i.h"
#include "posta/posta.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_calloc(size_t n, size_t len);
void __libc_free(void *p);

typedef struct meter {
    size_t live, peak;
} meter;

#define MAX_BLOCKS 8192u

static meter mbed, ours;
static void *blocks[MAX_BLOCKS]; /* what calloc gave */
static size_t blocks_n;

static void add(meter *m, size_t n) {
    m->live += n;
    if (m->live > m->peak) m->peak = m->live;
}

#define SHOWN __attribute__((visibility("default"))) /* libmbedcrypto.so must find them here */

SHOWN void *calloc(size_t n, size_t len) {
    void *p = __libc_calloc(n, len);
    if (p && blocks_n < MAX_BLOCKS) {
        blocks[blocks_n++] = p;
        add(&mbed, malloc_usable_size(p));
    }
    return p;
}

SHOWN void free(void *p) {
    for (size_t i = blocks_n; p && i-- > 0;)
        if (blocks[i] == p) {
            mbed.live -= malloc_usable_size(p);
            blocks[i] = blocks[--blocks_n];
            break;
        }
    __libc_free(p);
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    if (len == 0) {
        ours.live -= old ? old_len : 0;
        __libc_free(old);
        return NULL;
    }
    add(&ours, len - (old ? old_len : 0));
    return realloc(old, len);
}

static void row(const char *name, size_t octets) {
    printf("%s: %zu\n", name, octets);
}

static void cost_of_trust(const posta_port *port, const char *ca_file, posta_tls **out) {
    posta_tls_config c = POSTA_TLS_CONFIG;
    posta_problem problem;
    size_t before = mbed.live;
    c.port = port;
    c.ca_file = ca_file;
    if (posta_tls_new(&c, out, &problem) != POSTA_OK) {
        fprintf(stderr, "%s\n", problem.text);
        exit(1);
    }
    row("a trusted certificate", mbed.live - before);
}

static void cost_of_set_up(const posta_port *port, posta_tls *tls) {
    posta__tls_setup setup = {.tls = tls, .port = port, .host = posta__span_of("mail.example.org")};
    posta__tls *t = NULL;
    size_t before = mbed.live, len = posta__tls_size(512);
    void *mem = malloc(len);
    if (!mem || posta__tls_place(mem, 512, &setup, &t) != POSTA_OK) exit(1);
    row("TLS set up", mbed.live - before);
    posta__tls_wipe(&t);
    __libc_free(mem);
    if (mbed.live != before) exit(1);
}

static posta_session_config small_windows(const posta_port *port, const char *url, posta_tls *tls) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    c.port = port;
    c.url = url;
    c.tls = tls;
    c.hello = "device.example";
    c.engine.rx_space = 512;
    c.engine.tx_space = 1024;
    c.engine.body_space = 512;
    c.engine.reply_space = 256;
    c.engine.owed_max = 8;
    c.header_space = 256;
    c.tls_space = 512;
    return c;
}

static void cost_of_session(const posta_port *port, const char *url, posta_tls *tls,
                            bool is_shown) {
    posta_session_config c = small_windows(port, url, tls);
    posta_session *s = NULL;
    size_t before = mbed.live, before_ours = ours.live;
    if (posta_session_new(&c, &s, NULL) != POSTA_OK) exit(1);
    if (is_shown) row("session", ours.live - before_ours);
    mbed.peak = mbed.live;
    if (posta_session_connect(s) != POSTA_OK) {
        fprintf(stderr, "%s\n", posta_session_receipt(s)->message);
        exit(1);
    }
    if (is_shown) row("handshake at most", mbed.peak - before);
    if (is_shown) row("TLS open", mbed.live - before);
    posta_session_free(&s);
    if (is_shown && mbed.live != before) exit(1);
}

int main(int argc, char **argv) {
    posta_port port = *posta_port_default();
    posta_tls_config warm = POSTA_TLS_CONFIG;
    posta_tls *tls = NULL;
    size_t kept;
    if (argc != 3) return 2;
    port.allocate = allocate;
    warm.port = &port;
    warm.ca_file = argv[2];
    printf("%s\n", posta_tls_library());
    /* What PSA keeps from its first use on is the process's, not a connection's. */
    if (posta_tls_new(&warm, &tls, NULL) != POSTA_OK) return 1;
    cost_of_session(&port, argv[1], tls, false);
    posta_tls_free(&tls);
    kept = mbed.live;
    cost_of_trust(&port, argv[2], &tls);
    cost_of_set_up(&port, tls);
    cost_of_session(&port, argv[1], tls, true);
    posta_tls_free(&tls);
    return mbed.live == kept && ours.live == 0 ? 0 : 1;
}
