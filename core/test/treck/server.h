/* core/test/treck: a small server on loopback, in a thread of its own. It answers by rules, keeps
 * what it was told, and ends by itself: after its connections, or when nobody comes for a while.
 */
#ifndef POSTA_TEST_TRECK_SERVER_H
#define POSTA_TEST_TRECK_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER_PATIENCE_MS 20000 /* then nobody comes any more */
#define SERVER_SILENT      ""    /* a rule's answer: none */

/** What to answer to the first line that begins so; "GREETING" and "TEXT" (its end) are such lines
 * too. An answer that begins with '!' is said without it, and the connection closed. */
typedef struct server_rule {
    const char *line, *answer;
} server_rule;

typedef struct server {
    /* behaviour, before server_start */
    const server_rule *rules; /* ends with a null line; may be null */
    unsigned connections;     /* how many are taken; 0: one */
    unsigned text_pause_ms;   /* before a text is read */
    bool is_ipv6;

    /* what is known while it runs */
    uint16_t port;

    /* what came, after server_stop */
    char *seen; /* lines, LF behind each */
    char *text; /* of the messages, as it came, last dots too */
    size_t seen_len, seen_cap, text_len, text_cap;
    unsigned texts;

    int fd, peer;
    pthread_t thread;
} server;

static inline void server_keep(char **to, size_t *len, size_t *cap, const char *p, size_t n) {
    if (*len + n + 1 > *cap) {
        *cap = *cap * 2 + n + 256;
        *to = realloc(*to, *cap);
        if (!*to) abort();
    }
    memcpy(*to + *len, p, n);
    *len += n;
    (*to)[*len] = 0;
}

static inline void server_seen(server *s, const char *p, size_t n) {
    server_keep(&s->seen, &s->seen_len, &s->seen_cap, p, n);
}

static inline void server_got(server *s, const char *p, size_t n) {
    server_keep(&s->text, &s->text_len, &s->text_cap, p, n);
}

static inline bool server_wait(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, SERVER_PATIENCE_MS) == 1;
}

static inline void server_pause(unsigned ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* The octets of one connection, a line at a time. */
typedef struct server_input {
    int fd;
    char p[65536];
    size_t at, len;
} server_input;

static inline int server_octet(server_input *in) {
    if (in->at == in->len) {
        if (!server_wait(in->fd)) return -1;
        ssize_t n = recv(in->fd, in->p, sizeof in->p, 0);
        if (n <= 0) return -1;
        in->at = 0;
        in->len = (size_t)n;
    }
    return (unsigned char)in->p[in->at++];
}

/* A line with its CRLF; false: there is none. */
static inline bool server_line(server_input *in, char *out, size_t cap, size_t *len_out) {
    size_t n = 0;
    for (int c; (c = server_octet(in)) >= 0;) {
        if (n + 1 < cap) out[n++] = (char)c;
        if (c != '\n') continue;
        out[n] = 0;
        *len_out = n;
        return true;
    }
    return false;
}

/* False: the connection is over. */
static inline bool server_say(server *s, const char *line, const char *otherwise) {
    const char *answer = otherwise;
    for (const server_rule *r = s->rules; r && r->line; r++)
        if (strncmp(line, r->line, strlen(r->line)) == 0) {
            answer = r->answer;
            break;
        }
    bool closes = answer[0] == '!';
    if (closes) answer++;
    if (*answer && send(s->peer, answer, strlen(answer), MSG_NOSIGNAL) < 0) return false;
    return !closes;
}

static inline bool server_text(server *s, server_input *in) {
    char line[2048];
    size_t len;
    if (s->text_pause_ms) server_pause(s->text_pause_ms);
    while (server_line(in, line, sizeof line, &len)) {
        server_got(s, line, len);
        if (strcmp(line, ".\r\n") != 0) continue;
        s->texts++;
        return server_say(s, "TEXT", "250 2.0.0 taken\r\n");
    }
    return false;
}

static inline void server_serve(server *s) {
    server_input in = {.fd = s->peer};
    char line[2048];
    size_t len;
    if (!server_say(s, "GREETING", "220 server.test\r\n")) return;
    while (server_line(&in, line, sizeof line, &len)) {
        server_seen(s, line, strcspn(line, "\r\n"));
        server_seen(s, "\n", 1);
        const char *yes = "250 2.0.0 fine\r\n";
        if (strncmp(line, "EHLO", 4) == 0)
            yes = "250-server.test\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
        if (strncmp(line, "DATA", 4) == 0) yes = "354 go on\r\n";
        if (strncmp(line, "QUIT", 4) == 0) yes = "!221 bye\r\n";
        if (!server_say(s, line, yes)) return;
        if (strncmp(line, "DATA", 4) == 0 && !server_text(s, &in)) return;
    }
}

static inline void *server_run(void *user) {
    server *s = user;
    for (unsigned i = 0; i < s->connections && server_wait(s->fd); i++) {
        s->peer = accept(s->fd, NULL, NULL);
        if (s->peer < 0) break;
        server_serve(s);
        close(s->peer);
    }
    return NULL;
}

/** Begins; false: this system has no such address. */
static inline bool server_start(server *s) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *a = s->is_ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = s->is_ipv6 ? sizeof v6 : sizeof v4;
    if (s->connections == 0) s->connections = 1;
    server_seen(s, "", 0);
    server_got(s, "", 0);
    s->fd = socket(a->sa_family, SOCK_STREAM, 0);
    if (s->fd < 0 || bind(s->fd, a, len) != 0 || listen(s->fd, 8) != 0) {
        if (s->fd >= 0) close(s->fd);
        return false;
    }
    assert_int_equal(getsockname(s->fd, a, &len), 0);
    s->port = ntohs(s->is_ipv6 ? v6.sin6_port : v4.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
    return true;
}

/** Waits until it ended; what came may be read then. */
static inline void server_stop(server *s) {
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
}

static inline void server_free(server *s) {
    free(s->seen);
    free(s->text);
}

#endif
