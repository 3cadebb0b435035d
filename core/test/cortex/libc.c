/* The six functions of string.h, so that an image can be linked; what they weigh is not counted. */
#include <stdint.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t n) {
    uint8_t *t = to;
    const uint8_t *f = from;
    while (n-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t n) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f) return memcpy(to, from, n);
    while (n-- > 0)
        t[n] = f[n];
    return to;
}

void *memset(void *p, int c, size_t n) {
    uint8_t *t = p;
    while (n-- > 0)
        *t++ = (uint8_t)c;
    return p;
}

int memcmp(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    for (; n > 0; n--, x++, y++)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}

void *memchr(const void *p, int c, size_t n) {
    const uint8_t *t = p;
    for (; n > 0; n--, t++)
        if (*t == (uint8_t)c) return (void *)(uintptr_t)t;
    return NULL;
}

size_t strlen(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}
