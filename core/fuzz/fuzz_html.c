/* Fuzz: HTML of anything, its pictures embedded, its text derived and flowed. No path leads out of
 * the base, the message keeps its announced length and is the same at every window size, and no
 * text is much longer than the HTML it is of.
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
    static uint8_t next;
    (void)user;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next += 7);
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

static posta_status pull_nothing(void *user, posta_window *out) {
    (void)user;
    (void)out;
    return POSTA_END;
}

static posta_status open_file(void *user, const char *path, posta_source *out, const char **why) {
    const char *p = path + 5;
    (void)user;
    (void)why;
    if (memcmp(path, "base/", 5) != 0 || *p == '/' || *p == 0) abort();
    for (; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (p[0] == '.' && (p[1] == '/' || p[1] == 0)) abort();
        if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || p[2] == 0)) abort();
        if (strchr(p, '\\')) abort();
    }
    *out = (posta_source){NULL, pull_nothing, NULL, NULL, 0};
    return POSTA_OK;
}

static size_t pull_all(posta_message *m, uint8_t *out, size_t cap, size_t step, uint64_t *len_out) {
    posta_source source;
    size_t n = 0;
    posta_status status = posta_message_compose(m, NULL, &source, NULL);
    if (status != POSTA_OK) return SIZE_MAX;
    *len_out = source.len;
    while (status != POSTA_END) {
        uint8_t piece[256];
        posta_window w = posta__window(piece, step);
        status = source.pull(source.user, &w);
        if (status != POSTA_OK && status != POSTA_END) return SIZE_MAX;
        if (n + w.len > cap) abort();
        memcpy(out + n, piece, w.len);
        n += w.len;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static uint8_t one[1u << 20], two[1u << 20];
    posta_embed_options embed = POSTA_EMBED_OPTIONS;
    posta_part_options flow = POSTA_PART_OPTIONS;
    posta_message *m = NULL;
    uint64_t promised = 0;
    size_t n, again;
    if (len < 2 || posta_message_new(&port, &m) != POSTA_OK) return 0;
    posta_message_addresses(m, POSTA_FROM, "a@b.org");
    posta_message_addresses(m, POSTA_TO, "c@d.org");
    posta_message_html(m, posta_body_data(data + 1, len - 1), NULL);
    flow.is_flowed = data[0] & 1;
    embed.base = "base";
    embed.open = open_file;
    if (data[0] & 2) posta_message_embed(m, &embed);
    posta_message_text_from_html(m, &flow);
    n = pull_all(m, one, sizeof one, 200, &promised);
    if (n != SIZE_MAX && promised != POSTA_LEN_UNKNOWN && n != promised) abort();
    if (n != SIZE_MAX && n > 80 * len + 4000) abort();
    again = pull_all(m, two, sizeof two, 1 + data[1] % 40, &promised);
    if (n != again || (n != SIZE_MAX && memcmp(one, two, n) != 0)) abort();
    posta_message_free(&m);
    return 0;
}
