/* Fuzz: messages built of anything. What is composed must be CRLF lines of at most 998 octets,
 * 7-bit, with its announced length, the same at every window size.
 */
#include "base_i.h"
#include "posta/mime.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t now_ms(void *user) {
    return (void)user, 0;
}
static int64_t unix_time(void *user) {
    return (void)user, 1795539600;
}

static posta_status entropy(void *user, void *out, size_t len) {
    (void)user;
    memset(out, 0x5a, len);
    return POSTA_OK;
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old_len;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static const posta_port port = {sizeof port, NULL, now_ms, unix_time, entropy, allocate, NULL};

/* The next field of the input: up to a 0xff, as a C string. */
static const char *next(const uint8_t **p, const uint8_t *end, char store[512]) {
    size_t n = 0;
    while (*p < end && **p != 0xff && n < 511)
        store[n++] = (char)*(*p)++;
    if (*p < end && **p == 0xff) (*p)++;
    store[n] = 0;
    return store;
}

static size_t pull_all(posta_message *m, uint8_t *out, size_t cap, size_t step, uint64_t *len_out) {
    posta_source source;
    size_t n = 0;
    posta_status status = posta_message_compose(m, NULL, &source, NULL);
    if (status != POSTA_OK) return SIZE_MAX;
    *len_out = source.len;
    for (;;) {
        uint8_t piece[256];
        posta_window w = posta__window(piece, step);
        status = source.pull(source.user, &w);
        if (n + w.len > cap) abort();
        memcpy(out + n, piece, w.len);
        n += w.len;
        if (status == POSTA_END) return n;
        if (status != POSTA_OK) return SIZE_MAX;
    }
}

static void check_lines(const uint8_t *p, size_t n) {
    size_t column = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == 0 || p[i] >= 0x80) abort();
        if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n')) abort();
        if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r')) abort();
        column = p[i] == '\n' ? 0 : column + 1;
        if (column > 999) abort(); /* 998 and the CR */
    }
}

static void build(posta_message *m, const uint8_t *p, const uint8_t *end) {
    char s[512], t[512];
    posta_message_addresses(m, POSTA_FROM, "a@x.test");
    posta_message_mailbox(m, POSTA_TO, next(&p, end, s), "b@x.test");
    posta_message_subject(m, next(&p, end, s));
    posta_message_header(m, "X-F", next(&p, end, s));
    next(&p, end, t);
    posta_message_text(m, posta_body_data(p, (size_t)(end - p)), NULL);
    posta_part_options o = POSTA_PART_OPTIONS;
    o.name = t;
    posta_message_attach(m, posta_body_data(p, (size_t)(end - p)), &o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static uint8_t one[1 << 17], two[1 << 17];
    posta_message *m = NULL;
    uint64_t told = 0;
    size_t n;
    if (len < 2 || posta_message_new(&port, &m) != POSTA_OK) return 0;
    build(m, data + 1, data + len);
    n = pull_all(m, one, sizeof one, 256, &told);
    if (n != SIZE_MAX) {
        if (told != POSTA_LEN_UNKNOWN && told != n) abort();
        check_lines(one, n);
        if (pull_all(m, two, sizeof two, 8u + data[0] % 64u, &told) != n) abort();
        if (memcmp(one, two, n) != 0) abort();
    }
    posta_message_free(&m);
    return 0;
}
