/* core/port: a poller: epoll on Linux, kqueue on BSD and macOS, none elsewhere.
 *
 * BUGS: the kqueue form is not run by our tests.
 */
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__) ||   \
    defined(__DragonFly__)
#define POSTA_KQUEUE 1 /* its header needs more than POSIX shows */
#else
#define POSTA_KQUEUE    0
#define _POSIX_C_SOURCE 200809L
#endif
#include "port_i.h"

#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)

#include <sys/epoll.h>

int posta__poller_open(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

bool posta__poller_add(int poller, int fd, unsigned wants) {
    struct epoll_event ev;
    memset(&ev, 0, sizeof ev);
    ev.events = (wants & POSTA_WANT_RX ? EPOLLIN : 0u) | (wants & POSTA_WANT_TX ? EPOLLOUT : 0u);
    ev.data.fd = fd;
    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void posta__poller_remove(int poller, int fd, unsigned wants) {
    struct epoll_event ev; /* Linux before 2.6.9 wants one */
    (void)wants;
    memset(&ev, 0, sizeof ev);
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, &ev);
}

#elif POSTA_KQUEUE

#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>

static bool change(int poller, int fd, unsigned wants, unsigned short flags) {
    struct kevent ev;
    EV_SET(&ev, (uintptr_t)fd, wants & POSTA_WANT_RX ? EVFILT_READ : EVFILT_WRITE, flags, 0, 0, 0);
    return kevent(poller, &ev, 1, NULL, 0, NULL) == 0;
}

int posta__poller_open(void) {
    int fd = kqueue();
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

bool posta__poller_add(int poller, int fd, unsigned wants) {
    return change(poller, fd, wants, EV_ADD);
}

void posta__poller_remove(int poller, int fd, unsigned wants) {
    change(poller, fd, wants, EV_DELETE);
}

#else

int posta__poller_open(void) {
    return -1;
}

bool posta__poller_add(int poller, int fd, unsigned wants) {
    (void)poller;
    (void)fd;
    (void)wants;
    return false;
}

void posta__poller_remove(int poller, int fd, unsigned wants) {
    (void)poller;
    (void)fd;
    (void)wants;
}

#endif
