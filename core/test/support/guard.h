/* core/test/support: memory that ends where it ends. An octet read or written behind it faults in
 * the ordinary test run, without a sanitizer. For tests only. */
#ifndef POSTA_TEST_GUARD_H
#define POSTA_TEST_GUARD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS 0x20 /* hidden by -std=c11 without extensions */
#endif

static inline size_t t_guard_pages(size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (len + page - 1) / page * page;
}

/** A copy of `len` octets whose end is the end of a page, with a page behind it that may not be
 *  touched. `data` may be null: then the octets are 0xA5. */
static inline uint8_t *t_guarded(const void *data, size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = t_guard_pages(len);
    void *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(map != MAP_FAILED);
    uint8_t *end = (uint8_t *)map + body;
    int sealed = mprotect(end, page, PROT_NONE);
    assert(sealed == 0);
    (void)sealed;
    if (len > 0 && data) memcpy(end - len, data, len);
    if (len > 0 && !data) memset(end - len, 0xA5, len);
    return end - len;
}

/** Frees what t_guarded gave; `len` as it was there. */
static inline void t_guard_free(uint8_t *p, size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = t_guard_pages(len);
    int freed = munmap(p + len - body, body + page);
    assert(freed == 0);
    (void)freed;
}

#endif
