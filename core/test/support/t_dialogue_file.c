/* core/test/support: reads dialogue files, whose format is core/test/dialogues/README.md. */
#include <stdio.h>
#include <stdlib.h>

#include "t_dialogue_i.h"

_Noreturn static void broken(const char *path, unsigned line, const char *why, const char *what) {
    print_error("%s:%u: %s: %s\n", path, line, why, what);
    fail();
    abort();
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Writes the octets of `s` (escapes \r \n \t \0 \" \\ \xHH) to out; returns how many. */
static size_t unescape(const char *s, size_t len, char *out) {
    static const char from[] = "rnt0\"\\", to[] = "\r\n\t\0\"\\";
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const char *known;
        if (s[i] != '\\' || i + 1 == len) {
            out[n++] = s[i];
            continue;
        }
        i++;
        known = memchr(from, s[i], sizeof from - 1);
        if (known) {
            out[n++] = to[known - from];
        } else if (s[i] == 'x' && i + 2 < len && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
            out[n++] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
            i += 2;
        }
    }
    return n;
}

bool t_dialogue_word(const char **s, char *key, size_t key_cap, char *value, size_t *len_out) {
    const char *p = *s + strspn(*s, " ");
    size_t n = strcspn(p, " =");
    if (!*p) return false;
    assert_true(n < key_cap);
    memcpy(key, p, n);
    key[n] = 0;
    p += n;
    value[0] = 0;
    *len_out = 0;
    if (*p == '=') {
        const char *from = ++p;
        if (*from == '"') {
            for (p = ++from; *p && *p != '"'; p++)
                if (*p == '\\' && p[1]) p++;
        } else {
            p += strcspn(p, " ");
        }
        *len_out = unescape(from, (size_t)(p - from), value);
        value[*len_out] = 0;
        if (*p == '"') p++;
    }
    *s = p;
    return true;
}

static void configure(dialogue *d, unsigned line, const char *s) {
    char key[64], value[300];
    size_t len;
    while (t_dialogue_word(&s, key, sizeof key, value, &len)) {
        uint32_t n = (uint32_t)strtoul(value, NULL, 10);
        posta_timeouts *t = &d->config.timeouts;
        if (!strcmp(key, "on_refused"))
            d->config.on_refused = !strcmp(value, "abort");
        else if (!strcmp(key, "no_pipelining"))
            d->config.no_pipelining = true;
        else if (!strcmp(key, "lmtp"))
            d->config.lmtp = true;
        else if (!strcmp(key, "chunking"))
            d->config.chunking = true;
        else if (!strcmp(key, "lenient"))
            d->config.lenient = true;
        else if (!strcmp(key, "whole"))
            d->whole_only = true;
        else if (!strcmp(key, "line_max"))
            d->config.line_max = n;
        else if (!strcmp(key, "reply_max"))
            d->config.reply_max = n;
        else if (!strcmp(key, "greeting"))
            t->greeting = n;
        else if (!strcmp(key, "command"))
            t->command = n;
        else if (!strcmp(key, "data"))
            t->data = n;
        else if (!strcmp(key, "block"))
            t->block = n;
        else if (!strcmp(key, "result"))
            t->result = n;
        else if (!strcmp(key, "quit"))
            t->quit = n;
        else if (!strcmp(key, "total"))
            t->total = n;
        else if (!strcmp(key, "owed")) {
            d->config.owed_max = n;
            d->owed_said = true;
        } else {
            broken(d->path, line, "no such setting", key);
        }
    }
}

static void add_item(dialogue *d, unsigned line, char *s, size_t len) {
    item *it = &d->items[d->n];
    char mark = len > 1 ? s[1] : 0;
    size_t from = 2;
    bool with_end = true;
    if (!strncmp(s, "config ", 7)) {
        configure(d, line, s + 7);
        return;
    }
    if (len < 2 || !strchr("SC>EA", s[0])) broken(d->path, line, "cannot be read", s);
    assert_true(d->n < LINES_MAX);
    d->n++;
    *it = (item){.line = line, .kind = s[0]};
    for (; mark == '-' || mark == '!'; mark = s[from++]) {
        if (mark == '-') with_end = false;
        if (mark == '!') it->is_forced = true;
    }
    if (s[0] != '>' && s[from - 1] != ':') broken(d->path, line, "a colon is missing", s);
    if (s[from] == ' ') from++;
    if (from > len) from = len;
    if (s[0] == '>') from = 1;
    it->say = s + from;
    if (s[0] != 'S' && s[0] != 'C') return;
    char *octets = malloc(len + 1);
    assert_non_null(octets);
    t_bytes_add(&it->octets, octets, unescape(s + from, len - from, octets));
    free(octets);
    if (with_end) t_bytes_add(&it->octets, "\r\n", 2);
}

void t_dialogue_load(dialogue *d, const char *path) {
    FILE *f = fopen(path, "rb");
    size_t len;
    unsigned line = 0;
    memset(d, 0, sizeof *d);
    d->path = path;
    d->config = (posta_engine_config)POSTA_ENGINE_CONFIG;
    d->config.rx_space = 4096;
    d->config.tx_space = 32768;
    d->config.body_space = 16384;
    d->config.reply_space = 1024;
    d->config.owed_max = T_DEFAULT_OWED;
    if (!f) broken(path, 0, "cannot be opened", "");
    d->text = calloc(1, 1u << 17);
    assert_non_null(d->text);
    len = fread(d->text, 1, (1u << 17) - 1, f);
    fclose(f);
    for (char *s = d->text; s < d->text + len;) {
        size_t n = strcspn(s, "\n");
        char *next = s + n + 1;
        s[n] = 0;
        line++;
        if (n > 0 && s[0] != '#') add_item(d, line, s, n);
        s = next;
    }
    if (d->n == 0) broken(path, 0, "says nothing", "");
}

void t_dialogue_unload(dialogue *d) {
    for (size_t i = 0; i < d->n; i++)
        t_bytes_free(&d->items[i].octets);
    free(d->text);
}
