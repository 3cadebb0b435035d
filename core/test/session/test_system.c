/* The system misbehaves: each call of the kernel's fails once, in turn, with each of its errors
 * (rows K02, K03); a peer that resets, with SIGPIPE at its default (K01); descriptors beyond
 * FD_SETSIZE (K05); a fork (K07, H14); another locale (K11).
 *
 * The functions below stand in for libc's in this program. Only the session's thread is meddled
 * with.
 */
#define _GNU_SOURCE
#include "net.h"
#include "server.h"

#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- meddling ---- */

typedef enum fault { PARTIAL = -1, NO_FAULT = 0 } fault; /* else an errno */

static _Thread_local unsigned calls, fail_at; /* fail_at 0: never */
static _Thread_local int fail_with;

/* Does this call fail? */
static bool meddles(void) {
    calls++;
    if (fail_at == 0 || calls != fail_at) return false;
    if (fail_with != PARTIAL) errno = fail_with;
    return true;
}

ssize_t send(int fd, const void *p, size_t n, int flags) {
    if (meddles()) {
        if (fail_with != PARTIAL) return -1;
        n = n > 1 ? 1 : n;
    }
    return sendto(fd, p, n, flags, NULL, 0);
}

ssize_t recv(int fd, void *p, size_t n, int flags) {
    if (meddles()) {
        if (fail_with != PARTIAL) return -1;
        n = n > 1 ? 1 : n;
    }
    return recvfrom(fd, p, n, flags, NULL, NULL);
}

int poll(struct pollfd *fds, nfds_t n, int ms) {
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    if (fail_with == EINTR && meddles()) return -1;
    return ppoll(fds, n, ms < 0 ? NULL : &t, NULL);
}

/* ---- a mail, blocking ---- */

static unsigned open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static posta_status mail(const server *srv, posta_receipt *receipt) {
    t_body body = T_BODY("one\n.two\n", 9);
    posta_source source = t_body_source(&body, 9);
    posta_recipient to[2] = {{.address = "b@y.example"}, {.address = "c@y.example"}};
    posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 2};
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    c.url = srv->url;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    posta_status status = posta_session_connect(s);
    memset(receipt, 0, sizeof *receipt);
    if (status == POSTA_OK) status = posta_session_send(s, &env, &source, receipt);
    if (status != POSTA_OK) assert_int_equal(posta_session_receipt(s)->status, status);
    posta_session_free(&s);
    return status;
}

static void try_fault(int with, bool is_soft) {
    unsigned most = 1, failures = 0;
    for (unsigned at = 0; at <= most; at++) {
        server srv = {0};
        posta_receipt receipt;
        unsigned files = open_files();
        server_start(&srv);
        calls = 0;
        fail_at = at;
        fail_with = with;
        posta_status status = mail(&srv, &receipt);
        if (at == 0) most = calls;
        fail_at = 0;
        server_stop(&srv);
        if (at == 0 || is_soft) assert_int_equal(status, POSTA_OK);
        failures += status != POSTA_OK;
        if (receipt.outcome == POSTA_DELIVERY_ACCEPTED) assert_int_equal(srv.mails, 1);
        if (status != POSTA_OK && receipt.outcome == POSTA_DELIVERY_NOT_SENT)
            assert_int_equal(srv.mails, 0);
        assert_int_equal(open_files(), files);
    }
    assert_true(most > 4);
    if (!is_soft) assert_true(failures > 2);
}

static void every_call(void **state) {
    static const int soft[] = {EINTR, EAGAIN, ENOBUFS, PARTIAL};
    static const int hard[] = {ECONNRESET, ETIMEDOUT, EPIPE};
    (void)state;
    for (size_t i = 0; i < sizeof soft / sizeof *soft; i++)
        try_fault(soft[i], true);
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        try_fault(hard[i], false);
}

/* ---- a peer that resets ---- */

static void *reset_peer(void *user) {
    int listener = *(const int *)user, fd = accept(listener, NULL, NULL);
    struct linger now = {1, 0};
    char line[512];
    if (fd < 0 || sendto(fd, "220 x\r\n", 7, 0, NULL, 0) != 7) return NULL;
    if (recvfrom(fd, line, sizeof line, 0, NULL, NULL) > 0) /* EHLO */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    return NULL;
}

/* Writing to it must not raise SIGPIPE, whose default is the end of the host. */
static void no_sigpipe(void **state) {
    server srv = {0}; /* only its listener */
    pthread_t thread;
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    for (unsigned i = 0; i < 20; i++) {
        posta_session_config c = POSTA_SESSION_CONFIG;
        posta_session *s = NULL;
        struct sockaddr_in a = {.sin_family = AF_INET};
        socklen_t len = sizeof a;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        srv.listener = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(srv.listener, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(srv.listener, 5), 0);
        getsockname(srv.listener, (struct sockaddr *)&a, &len);
        snprintf(srv.url, sizeof srv.url, "smtp://127.0.0.1:%u", ntohs(a.sin_port));
        pthread_create(&thread, NULL, reset_peer, &srv.listener);
        c.url = srv.url;
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        assert_int_equal(posta_session_connect(s), POSTA_E_LOST);
        posta_session_free(&s);
        pthread_join(thread, NULL);
        close(srv.listener);
    }
}

/* ---- a fork ---- */

/* The child's copy of a connection: no octet leaves on it, and closing it says nothing (row K07).
 */
static void forked(void **state) {
    server srv = {0};
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    int status = -1;
    (void)state;
    server_start(&srv);
    c.url = srv.url;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        posta_status lost = posta_session_noop(s);
        bool is_told = posta_session_receipt(s)->message[0] != 0;
        posta_session_free(&s);
        _exit(lost == POSTA_E_LOST && is_told ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(posta_session_noop(s), POSTA_OK);
    child = fork();
    if (child == 0) {
        posta_session_free(&s); /* would say QUIT */
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(posta_session_noop(s), POSTA_OK);
    posta_session_free(&s);
    server_stop(&srv);
    assert_int_equal(srv.lines, 1 + 2 + 1); /* EHLO, two NOOPs, QUIT: all of them the parent's */
}

static size_t compose_into(posta_message *m, char *text, size_t cap) {
    posta_source source;
    posta_window w = {(uint8_t *)text, cap, 0, 0};
    posta_status status = posta_message_compose(m, NULL, &source, NULL);
    while (status == POSTA_OK && w.len < w.cap)
        status = source.pull(source.user, &w);
    return status == POSTA_END ? w.len : 0;
}

/* A message that was made before a fork has other ids and boundaries in the child (row H14). */
static void forked_message(void **state) {
    char texts[2][2000] = {{0}, {0}};
    posta_message *m = NULL;
    int ends[2], status = -1;
    (void)state;
    assert_int_equal(posta_message_new(posta_port_default(), &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "a@x.test");
    posta_message_addresses(m, POSTA_TO, "b@x.test");
    posta_message_text(m, posta_body_string("x"), NULL);
    posta_message_html(m, posta_body_string("x"), NULL);
    assert_int_equal(posta_port_default()->entropy(NULL, texts[1], 16), POSTA_OK); /* has begun */
    memset(texts[1], 0, 16);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    size_t len = compose_into(m, texts[0], sizeof texts[0] - 1);
    if (child == 0) _exit(write(ends[1], texts[0], len) == (ssize_t)len ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read(ends[0], texts[1], sizeof texts[1] - 1) > 0);
    char *id = strstr(texts[0], "Message-ID: <"), *boundary = strstr(texts[0], "boundary=\"=_");
    assert_true(id && boundary);
    id[45] = boundary[44] = 0;
    assert_true(strstr(texts[1], "Message-ID: <") && strstr(texts[1], "boundary=\"=_"));
    assert_null(strstr(texts[1], id));
    assert_null(strstr(texts[1], boundary));
    close(ends[0]);
    close(ends[1]);
    posta_message_free(&m);
}

/* ---- two threads in one session (row K08) ---- */

static void *second_thread(void *user) {
    posta_session_execute(user, 0);
    return NULL;
}

static posta_session *shared;

static posta_status shared_read(void *user, void *p, size_t cap, size_t *n_out) {
    pthread_t thread;
    (void)user;
    (void)p;
    (void)cap;
    *n_out = 0;
    pthread_create(&thread, NULL, second_thread, shared);
    pthread_join(thread, NULL);
    return POSTA_AGAIN;
}

static void two_threads(void **state) {
    int status = 0;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        net n;
        net_init(&n);
        n.transport.read = shared_read;
        posta_session_config c = net_config(&n);
        c.non_blocking = true;
        shared = net_session(&n, &c);
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(2);
        posta_session_connect(shared);
        posta_session_execute(shared, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- a name that is no loopback after all ---- */

static _Thread_local bool lies;

int getpeername(int fd, __SOCKADDR_ARG to, socklen_t *restrict len) {
    struct sockaddr *a = to.__sockaddr__;
    long n = syscall(SYS_getpeername, fd, a, len);
    if (n == 0 && lies && a->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)a)->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    return (int)n;
}

/* Clear text was excused by a loopback name only: a connection that went elsewhere says nothing. */
static void no_excuse(void **state) {
    server srv = {0};
    (void)state;
    for (unsigned said = 0; said < 2; said++) {
        posta_session_config c = POSTA_SESSION_CONFIG;
        posta_session *s = NULL;
        srv = (server){0};
        server_start(&srv);
        c.url = srv.url;
        if (said) c.security = POSTA_SECURITY_NONE; /* asked for by name */
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
        lies = true;
        assert_int_equal(posta_session_connect(s), said ? POSTA_OK : POSTA_E_TLS_UNAVAILABLE);
        lies = false;
        posta_session_free(&s);
        server_stop(&srv);
        if (!said) assert_int_equal(srv.lines, 0);
    }
}

/* ---- pollfd and on_release ---- */

static int released_fd;
static unsigned released_n;

static void on_release(int fd, void *user_data) {
    assert_ptr_equal(user_data, &released_n);
    released_fd = fd;
    released_n++;
}

static void told_of_release(void **state) {
    server srv = {0};
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    uint32_t small = 4096;
    (void)state;
    server_start(&srv);
    c.url = srv.url;
    c.on_release = on_release;
    c.user_data = &released_n;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_socket_option(s, SOL_SOCKET, SO_RCVBUF, &small, 4),
                     POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(posta_session_set_socket_option(s, SOL_SOCKET, SO_RCVBUF, &small, 4),
                     POSTA_E_STATE); /* too late */
    int fd = posta_session_pollfd(s);
    assert_true(fd >= 0);
    unsigned before = released_n;
    assert_int_equal(posta_session_disconnect(s), POSTA_OK);
    assert_int_equal(released_n, before + 1);
    assert_int_equal(released_fd, fd);
    posta_session_free(&s);
    assert_int_equal(released_n, before + 1);
    server_stop(&srv);
}

/* ---- an address of the caller's ---- */

/* It stays when a patience is set, and goes with another host. */
static void address_stays(void **state) {
    server srv = {0};
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    uint32_t ms = 5000;
    (void)state;
    server_start(&srv);
    c.host = "mail.invalid";
    c.address = "127.0.0.1";
    c.tcp_port = (uint16_t)strtoul(strrchr(srv.url, ':') + 1, NULL, 10);
    c.security = POSTA_SECURITY_NONE;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_TIMEOUT_CONNECT, &ms, sizeof ms),
                     POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    posta_session_free(&s);
    server_stop(&srv);
}

/* ---- locale ---- */

/* Names of capabilities and codes are ASCII, whatever i and I are to the locale (row K11). */
static void turkish(void **state) {
    server srv = {0};
    posta_receipt receipt;
    (void)state;
    if (!setlocale(LC_ALL, "tr_TR.UTF-8")) setlocale(LC_ALL, "C.UTF-8");
    server_start(&srv);
    assert_int_equal(mail(&srv, &receipt), POSTA_OK);
    server_stop(&srv);
    setlocale(LC_ALL, "C");
}

/* ---- many descriptors ---- */

static void beyond_fd_setsize(void **state) {
    static int fds[2000];
    struct rlimit limit;
    server srv = {0};
    posta_receipt receipt;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2100) limit.rlim_cur = limit.rlim_max < 2100 ? limit.rlim_max : 2100;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < 2000; i++) {
        fds[i] = open("/dev/null", O_RDONLY);
        assert_true(fds[i] >= 0);
    }
    server_start(&srv);
    assert_int_equal(mail(&srv, &receipt), POSTA_OK);
    server_stop(&srv);
    assert_int_equal(srv.mails, 1);
    for (size_t i = 0; i < 2000; i++)
        close(fds[i]);
}

/* No descriptor left at all: an error that says so. */
static void no_descriptors(void **state) {
    struct rlimit limit, none;
    server srv = {0};
    posta_receipt receipt;
    (void)state;
    server_start(&srv);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    posta_status status = mail(&srv, &receipt);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(status, POSTA_E_CONNECT);
    server_stop(&srv);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_call),
                                       cmocka_unit_test(no_sigpipe),
                                       cmocka_unit_test(forked),
                                       cmocka_unit_test(forked_message),
                                       cmocka_unit_test(turkish),
                                       cmocka_unit_test(address_stays),
#ifndef NDEBUG
                                       cmocka_unit_test(two_threads),
#endif
                                       cmocka_unit_test(no_excuse),
                                       cmocka_unit_test(told_of_release),
                                       cmocka_unit_test(beyond_fd_setsize),
                                       cmocka_unit_test(no_descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
