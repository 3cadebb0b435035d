/* core/port: a bell: eventfd on Linux, a pipe elsewhere. */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)

#include <sys/eventfd.h>

bool posta__bell_open(posta__bell *out) {
    out->rx = out->tx = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return out->rx >= 0;
}

#else

static bool prepare(int fd) {
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

bool posta__bell_open(posta__bell *out) {
    int ends[2];
    *out = POSTA__NO_BELL;
    if (pipe(ends) != 0) return false;
    *out = (posta__bell){ends[0], ends[1]};
    if (prepare(ends[0]) && prepare(ends[1])) return true;
    posta__bell_close(out);
    return false;
}

#endif

/* Eight octets are what eventfd takes, and a pipe takes them too. Full is as good as rung. */
void posta__bell_ring(int tx) {
    const uint64_t one = 1;
    int error = errno;
    while (write(tx, &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = error;
}

void posta__bell_clear(const posta__bell *b) {
    uint64_t rings[16];
    ssize_t n;
    do
        n = read(b->rx, rings, sizeof rings);
    while (n == (ssize_t)sizeof rings || (n < 0 && errno == EINTR));
}

void posta__bell_close(posta__bell *b) {
    if (b->rx >= 0) close(b->rx);
    if (b->tx >= 0 && b->tx != b->rx) close(b->tx);
    *b = POSTA__NO_BELL;
}
