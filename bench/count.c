/* To be preloaded: counts calls that no noise moves, and tells them when the process ends:
 * "heap N send N recv N read N poll N" on descriptor 9, or nothing if that is not open. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct { unsigned long heap, send, recv, read, poll; } count;

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t n) {
    count.heap++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    count.heap++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    count.heap++;
    return __libc_realloc(p, n);
}

/* Which descriptors are sockets nobody needs to know: files are read, never written here. */
#define FORWARD(counter, type, name, parameters, ...)                                              \
    type name parameters {                                                                         \
        static type(*real) parameters;                                                             \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                      \
        count.counter++;                                                                           \
        return real(__VA_ARGS__);                                                                  \
    }

FORWARD(send, ssize_t, send, (int fd, const void *p, size_t n, int flags), fd, p, n, flags)
FORWARD(send, ssize_t, sendto,
        (int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len), fd,
        p, n, flags, to, len)
FORWARD(send, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), fd, m, flags)
FORWARD(send, ssize_t, write, (int fd, const void *p, size_t n), fd, p, n)
FORWARD(send, ssize_t, writev, (int fd, const struct iovec *v, int n), fd, v, n)
FORWARD(recv, ssize_t, recv, (int fd, void *p, size_t n, int flags), fd, p, n, flags)
FORWARD(recv, ssize_t, recvfrom,
        (int fd, void *p, size_t n, int flags, struct sockaddr *from, socklen_t *len), fd, p, n,
        flags, from, len)
FORWARD(read, ssize_t, read, (int fd, void *p, size_t n), fd, p, n)
FORWARD(poll, int, poll, (struct pollfd * p, nfds_t n, int ms), p, n, ms)
FORWARD(poll, int, select, (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t), n, r, w, x,
        t)
FORWARD(poll, int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms), fd, e, n, ms)

__attribute__((destructor)) static void tell(void) {
    dprintf(9, "heap %lu send %lu recv %lu read %lu poll %lu\n", count.heap, count.send, count.recv,
            count.read, count.poll);
}
