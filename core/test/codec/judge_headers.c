/* Writes header fields for judge_headers.py. Each input line is a kind and a value in hex; each
 * output line is the field in hex, or "-" where the codec refuses. Not a test by itself. */
#include <stdio.h>
#include <stdlib.h>

#include "../../codec/codec_i.h"

static size_t unhex(const char *p, uint8_t *out) {
    size_t n = 0;
    unsigned c = 0;
    for (; sscanf(p, "%2x", &c) == 1; p += 2)
        out[n++] = (uint8_t)c;
    return n;
}

static void put_addresses(posta__fold *f, posta_span in) {
    static uint8_t mem[1 << 16];
    posta_arena arena;
    posta__address_reader r;
    posta__address list[64];
    size_t n = 0;
    posta__arena_init(&arena, NULL, mem, sizeof mem, 0);
    posta__address_reader_init(&r, in);
    while (n < 64 && posta__address_next(&r, &arena, &list[n], NULL) == POSTA_OK)
        n++;
    for (size_t i = 0; i < n; i++)
        posta__fold_address(f, &list[i], i + 1 == n || list[i + 1].kind == POSTA__GROUP_END);
    if (n == 0) f->status = POSTA_E_FIELD;
}

static posta_status put_field(char kind, posta_span in, posta_window *w) {
    posta__fold f;
    const char *why = NULL;
    if (posta__text_check(in, &why) != POSTA_OK) return POSTA_E_FIELD;
    posta__fold_begin(&f, w,
                      kind == 'S'   ? POSTA_LIT("Subject")
                      : kind == 'A' ? POSTA_LIT("To")
                      : kind == 'T' ? POSTA_LIT("Content-Type")
                                    : POSTA_LIT("Content-Disposition"));
    if (kind == 'S') posta__fold_text(&f, in);
    if (kind == 'A') put_addresses(&f, in);
    if (kind == 'F') {
        posta__fold_token(&f, POSTA_LIT("attachment"));
        posta__fold_param(&f, POSTA_LIT("filename"), in, POSTA__PARAM_FILENAME);
    }
    if (kind == 'T') {
        posta__fold_token(&f, POSTA_LIT("text/plain"));
        posta__fold_param(&f, POSTA_LIT("charset"), POSTA_LIT("utf-8"), POSTA__PARAM_PLAIN);
        posta__fold_param(&f, POSTA_LIT("name"), in, POSTA__PARAM_NAME);
    }
    return posta__fold_end(&f);
}

int main(void) {
    static char line[1 << 16];
    static uint8_t value[1 << 15], field[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        posta_window w = posta__window(field, sizeof field);
        posta_span in = posta__span(value, unhex(line + 2, value));
        if (put_field(line[0], in, &w) != POSTA_OK) w.len = 0;
        for (size_t i = 0; i < w.len; i++)
            printf("%02x", field[i]);
        puts(w.len ? "" : "-");
    }
    return 0;
}
