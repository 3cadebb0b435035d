/* core/port: clock, entropy, memory and IDNA of a POSIX system. */
#define _POSIX_C_SOURCE 200809L
#include "base_i.h"
#include "posta/port.h"
#include "simd_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void *user) {
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static int64_t unix_time(void *user) {
    (void)user;
    return (int64_t)time(NULL);
}

/* The kernel's generator through its device: POSIX has no call for it, and each process reads its
   own bytes, so a fork repeats nothing (row H14). */
static posta_status entropy(void *user, void *out, size_t len) {
    uint8_t *p = out;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    (void)user;
    if (fd < 0) return POSTA_E_ENTROPY;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        p += n;
        len -= (size_t)n;
    }
    close(fd);
    return len == 0 ? POSTA_OK : POSTA_E_ENTROPY;
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    (void)user;
    (void)old_len;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static posta_status domain_to_ascii(void *user, posta_span domain, posta_window *out,
                                    const char **why_out) {
    (void)user;
    return posta_domain_to_ascii(domain, out, why_out);
}

const posta_port *posta_port_default(void) {
    enum { PORTABLE, FAST };
    static const posta_port ports[] = {
        {sizeof ports[0], NULL, now_ms, unix_time, entropy, allocate, domain_to_ascii, NULL},
        {sizeof ports[0], NULL, now_ms, unix_time, entropy, allocate, domain_to_ascii,
         &posta__kernels_simd},
    };
    return &ports[posta__simd_fits() ? FAST : PORTABLE];
}
