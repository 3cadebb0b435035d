/* All of <string.h> that the freestanding layers may use: the cross compiler comes without a libc,
 * and so none can creep in. entry.c has the functions. */
#ifndef POSTA_TEST_CORTEX_STRING_H
#define POSTA_TEST_CORTEX_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);

#endif
