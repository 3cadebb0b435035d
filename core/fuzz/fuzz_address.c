/* Fuzz: address lists. What is taken must be written so that it reads back the same. */
#include "codec_i.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool same(posta_span a, posta_span b) {
    return posta_span_is(a, b);
}

static void check(const posta__address *a) {
    uint8_t store[POSTA_MAX_PATH], memory[4096];
    posta_window w = posta__window(store, sizeof store);
    posta_arena arena;
    posta__address again;
    if (!posta__path_put(&w, a)) return; /* too long for a path */
    for (size_t i = 0; i < w.len; i++)
        if (store[i] < 0x20 || store[i] == 0x7f) abort();
    posta__arena_init(&arena, NULL, memory, sizeof memory, 0);
    if (posta__path_parse(posta__span(store, w.len), POSTA__PATH_LOCAL_OK | POSTA__PATH_NULL_OK,
                          &arena, &again, NULL) != POSTA_OK)
        abort();
    if (!same(again.local, a->local) || !same(again.domain, a->domain)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static uint8_t memory[1 << 16];
    posta__address_reader r;
    posta__address a;
    posta_arena arena;
    if (len > 4096) return 0;
    posta__arena_init(&arena, NULL, memory, sizeof memory, 0);
    posta__address_reader_init(&r, posta__span(data, len));
    while (posta__address_next(&r, &arena, &a, NULL) == POSTA_OK)
        if (a.kind == POSTA__MAILBOX) check(&a);
    return 0;
}
