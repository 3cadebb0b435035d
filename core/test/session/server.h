/* core/test/session: a small server on loopback, a thread of the test program: for what needs real
 * sockets and many of them. It takes every mail and counts; how it misbehaves is set before it
 * starts.
 */
#ifndef POSTA_TEST_SERVER_H
#define POSTA_TEST_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_CONNECTIONS 1100u

typedef struct server_connection {
    int fd;
    bool in_text;
    char line[4096];
    size_t line_len, text_len;
    unsigned replies;
} server_connection;

typedef struct server {
    /* behaviour */
    size_t read_most;      /* octets read at a time, with a pause of a millisecond; 0: all */
    size_t deaf_after;     /* octets of a text after which it reads no more; 0: never */
    unsigned silent_after; /* replies after which it says nothing more; 0: never */

    atomic_uint mails, connections, lines;
    _Atomic size_t octets; /* of the texts */

    int listener, wake[2];
    char url[64];
    pthread_t thread;
    server_connection *all;
    size_t n;
} server;

static inline void server_say(server *s, server_connection *c, const char *text) {
    if (s->silent_after > 0 && c->replies >= s->silent_after) return;
    c->replies++;
    if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0) return;
}

static inline void server_line(server *s, server_connection *c) {
    s->lines++;
    if (c->in_text) {
        s->octets += c->line_len + 2;
        c->text_len += c->line_len + 2;
        if (strcmp(c->line, ".") != 0) return;
        c->in_text = false;
        s->mails++;
        server_say(s, c, "250 2.0.0 taken\r\n");
    } else if (!strncmp(c->line, "EHLO ", 5)) {
        server_say(s, c, "250-test\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    } else if (!strcmp(c->line, "DATA")) {
        c->in_text = true;
        c->text_len = 0;
        server_say(s, c, "354 go\r\n");
    } else if (!strcmp(c->line, "QUIT")) {
        server_say(s, c, "221 bye\r\n");
        shutdown(c->fd, SHUT_WR);
    } else {
        server_say(s, c, "250 2.0.0 ok\r\n");
    }
}

/* False: the client is gone. */
static inline bool server_read(server *s, server_connection *c) {
    char buffer[16384];
    size_t most = s->read_most > 0 && s->read_most < sizeof buffer ? s->read_most : sizeof buffer;
    ssize_t n = recv(c->fd, buffer, most, 0);
    if (n <= 0) return false;
    if (s->read_most > 0) usleep(1000);
    for (ssize_t i = 0; i < n; i++) {
        if (buffer[i] == '\r') continue;
        if (buffer[i] != '\n') {
            if (c->line_len + 1 < sizeof c->line) c->line[c->line_len++] = buffer[i];
            continue;
        }
        c->line[c->line_len] = 0;
        server_line(s, c);
        c->line_len = 0;
    }
    return true;
}

static inline void server_accept(server *s) {
    int fd = accept(s->listener, NULL, NULL), one = 1, small = 4096;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (s->deaf_after > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    s->connections++;
    s->all[s->n] = (server_connection){.fd = fd};
    server_say(s, &s->all[s->n++], "220 test\r\n");
}

static inline void *server_run(void *user) {
    server *s = user;
    static struct pollfd fds[SERVER_CONNECTIONS + 2];
    for (;;) {
        fds[0] = (struct pollfd){s->wake[0], POLLIN, 0};
        fds[1] = (struct pollfd){s->n < SERVER_CONNECTIONS ? s->listener : -1, POLLIN, 0};
        for (size_t i = 0; i < s->n; i++) {
            bool is_deaf = s->deaf_after > 0 && s->all[i].text_len >= s->deaf_after;
            fds[i + 2] = (struct pollfd){is_deaf ? -1 : s->all[i].fd, POLLIN, 0};
        }
        poll(fds, s->n + 2, -1);
        if (fds[0].revents) return NULL;
        for (size_t i = s->n; i-- > 0;) {
            if (!fds[i + 2].revents || server_read(s, &s->all[i])) continue;
            close(s->all[i].fd);
            s->all[i] = s->all[--s->n];
        }
        if (fds[1].revents) server_accept(s);
    }
}

/** Listens and begins. The behaviour is set before; all else is zero. */
static inline void server_start(server *s) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->all = calloc(SERVER_CONNECTIONS, sizeof *s->all);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_non_null(s->all);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listener, 1000), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(pipe(s->wake), 0);
    snprintf(s->url, sizeof s->url, "smtp://127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static inline void server_stop(server *s) {
    assert_int_equal(write(s->wake[1], "x", 1), 1);
    pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->n; i++)
        close(s->all[i].fd);
    close(s->listener);
    close(s->wake[0]);
    close(s->wake[1]);
    free(s->all);
}

#endif
