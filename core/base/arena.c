/* core/base: the arena. Blocks are chained and freed together; a block is never moved, so pointers
 * into it stay good until the arena is freed. */
#include "base_i.h"

struct posta_arena_block {
    posta_arena_block *next;
    size_t len; /* of the whole block, this head included */
};

#define HEAD POSTA__ALIGNED(sizeof(posta_arena_block))

void posta__arena_init(posta_arena *a, const posta_port *port, void *first, size_t first_len,
                       size_t block_len) {
    *a = (posta_arena){.port = port, .block_len = block_len, .p = first, .left = first_len};
}

static bool grow(posta_arena *a, size_t need) {
    size_t len = need > a->block_len ? need : a->block_len;
    posta_arena_block *b;
    if (!a->port || len > SIZE_MAX - HEAD) return false;
    b = a->port->allocate(a->port->user, NULL, 0, HEAD + len);
    if (!b) return false;
    b->next = a->blocks;
    b->len = HEAD + len;
    a->blocks = b;
    a->p = (uint8_t *)b + HEAD;
    a->left = len;
    return true;
}

void *posta__arena_take(posta_arena *a, size_t len) {
    size_t pad = (POSTA__ALIGN - (uintptr_t)a->p % POSTA__ALIGN) % POSTA__ALIGN;
    uint8_t *p;
    if (len > SIZE_MAX - POSTA__ALIGN) return NULL;
    if (!a->p || a->left < pad + len) {
        if (!grow(a, len + POSTA__ALIGN)) return NULL;
        pad = (POSTA__ALIGN - (uintptr_t)a->p % POSTA__ALIGN) % POSTA__ALIGN;
    }
    p = a->p + pad;
    a->p = p + len;
    a->left -= pad + len;
    return p;
}

uint8_t *posta__arena_bytes(posta_arena *a, size_t len) {
    uint8_t *p;
    if ((!a->p || a->left < len) && !grow(a, len)) return NULL;
    p = a->p;
    a->p += len;
    a->left -= len;
    return p;
}

void posta__arena_trim(posta_arena *a, uint8_t *p, size_t taken, size_t used) {
    if (p + taken != a->p) return;
    a->p = p + used;
    a->left += taken - used;
}

char *posta__arena_copy(posta_arena *a, posta_span s) {
    uint8_t *p = s.len < SIZE_MAX ? posta__arena_bytes(a, s.len + 1) : NULL;
    if (!p) return NULL;
    if (s.len > 0) memcpy(p, s.p, s.len);
    p[s.len] = 0;
    return (char *)p;
}

void posta__arena_free(posta_arena *a) {
    posta_arena_block *b = a->blocks;
    while (b) {
        posta_arena_block *next = b->next;
        a->port->allocate(a->port->user, b, b->len, 0);
        b = next;
    }
    a->blocks = NULL;
    a->p = NULL;
    a->left = 0;
}
