/* A server that takes any number of connections' mails at memory speed and keeps nothing: one
 * thread and epoll. Prints its port, then a line for each connection that ended:
 *
 *     messages N recipients N octets N flights N reads N
 *
 * Octets are those of texts as they came. A flight is one batch of replies. With a delay the batch
 * waits that long, so what a client sends without waiting for a reply is one flight, however TCP
 * cut it; without one the number depends on the cut.
 *
 * Usage: sink [--delay MS] [--chunking] [--no-pipelining]        ends when its input does
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BEFORE = 4, PIECE = 256 * 1024, LINE_CAP = 4096, FD_CAP = 65536, EVENTS = 256 };

typedef enum state { COMMAND, TEXT, CHUNK } state;

typedef struct client {
    int fd;
    state state;
    bool is_leaving, waits_for_room;
    char line[LINE_CAP];
    size_t line_n;
    uint8_t before[BEFORE]; /* the octets before the next piece, for an end that was cut */
    uint64_t chunk_left;
    bool is_last_chunk;
    char *out;
    size_t out_n, out_cap;
    uint64_t due; /* when the batch may go */
    bool is_queued;
    struct client *next; /* behind it in the queue */
    uint64_t messages, recipients, octets, flights, reads;
} client;

static client *clients[FD_CAP];
static client *first, *last; /* with a batch that waits, the oldest first: all wait equally long */
static uint8_t room[BEFORE + PIECE];
static int poller;
static uint64_t delay_ms;
static bool offers_chunking, offers_pipelining = true;

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void watch(client *c, int action, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = c->fd};
    epoll_ctl(poller, action, c->fd, &e);
}

/* ---- replies ---- */

static void say(client *c, const char *reply) {
    size_t n = strlen(reply);
    if (c->out_n + n > c->out_cap) {
        c->out_cap = 2 * (c->out_n + n);
        c->out = realloc(c->out, c->out_cap);
        if (!c->out) abort();
    }
    memcpy(c->out + c->out_n, reply, n);
    c->out_n += n;
}

static void say_hello(client *c) {
    say(c, "250-sink\r\n250-8BITMIME\r\n");
    if (offers_pipelining) say(c, "250-PIPELINING\r\n");
    if (offers_chunking) say(c, "250-CHUNKING\r\n");
    say(c, "250 SIZE\r\n");
}

/* False: the client is gone. */
static bool flush(client *c) {
    ssize_t n = send(c->fd, c->out, c->out_n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return false;
    c->flights++;
    if (n > 0) c->out_n -= (size_t)n;
    if (c->out_n > 0) memmove(c->out, c->out + (n > 0 ? n : 0), c->out_n);
    if ((c->out_n > 0) != c->waits_for_room) {
        c->waits_for_room = c->out_n > 0;
        watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->waits_for_room ? EPOLLOUT : 0u));
    }
    return c->out_n > 0 || !c->is_leaving;
}

static void enqueue(client *c) {
    if (c->is_queued) return;
    c->due = now_ms() + delay_ms;
    c->is_queued = true;
    c->next = NULL;
    if (last)
        last->next = c;
    else
        first = c;
    last = c;
}

static void drop(client *c) {
    client **p = &first, *before = NULL;
    for (; *p && c->is_queued; before = *p, p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            if (last == c) last = before;
            break;
        }
    printf("messages %" PRIu64 " recipients %" PRIu64 " octets %" PRIu64 " flights %" PRIu64
           " reads %" PRIu64 "\n",
           c->messages, c->recipients, c->octets, c->flights, c->reads);
    fflush(stdout);
    close(c->fd);
    clients[c->fd] = NULL;
    free(c->out);
    free(c);
}

/* ---- hearing ---- */

static void begin_chunk(client *c, const char *words) {
    char *end;
    c->chunk_left = strtoull(words, &end, 10);
    c->is_last_chunk = strcasestr(end, "LAST") != NULL;
    c->state = CHUNK;
}

static void take_line(client *c) {
    const char *l = c->line;
    c->line[c->line_n] = 0;
    c->line_n = 0;
    if (!strncasecmp(l, "EHLO", 4) || !strncasecmp(l, "LHLO", 4)) {
        say_hello(c);
    } else if (!strncasecmp(l, "DATA", 4)) {
        say(c, "354 go\r\n");
        c->state = TEXT;
    } else if (!strncasecmp(l, "BDAT ", 5) && offers_chunking) {
        begin_chunk(c, l + 5);
    } else if (!strncasecmp(l, "QUIT", 4)) {
        say(c, "221 bye\r\n");
        c->is_leaving = true;
    } else if (!strncasecmp(l, "MAIL", 4) || !strncasecmp(l, "RSET", 4) ||
               !strncasecmp(l, "NOOP", 4) || !strncasecmp(l, "HELO", 4)) {
        say(c, "250 ok\r\n");
    } else if (!strncasecmp(l, "RCPT", 4)) {
        c->recipients++;
        say(c, "250 ok\r\n");
    } else {
        say(c, "500 what?\r\n");
    }
}

static size_t take_command(client *c, const uint8_t *p, size_t n) {
    const uint8_t *lf = memchr(p, '\n', n);
    size_t len = lf ? (size_t)(lf - p) + 1 : n;
    size_t keep = len < LINE_CAP - 1 - c->line_n ? len : LINE_CAP - 1 - c->line_n;
    memcpy(c->line + c->line_n, p, keep);
    c->line_n += keep;
    if (lf) take_line(c);
    return len;
}

/* A line that begins with a dot is rare: blocks are only asked if they have one, in a loop that
   compilers turn into vector instructions. Takes p[-BEFORE .. n); the octets up to the end of the
   text, or 0. */
static size_t find_end(const uint8_t *p, size_t n) {
    enum { BLOCK = 1024 };
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t len = n - at < BLOCK ? n - at : BLOCK;
        const uint8_t *q = p + at - BEFORE, *end = p + at + len;
        unsigned char any = 0;
        for (size_t i = 0; i < len; i++)
            any |= (unsigned char)((q[i + 1] == '\n') & (q[i + 2] == '.'));
        if (!any) continue;
        q = memmem(q, len + BEFORE, "\r\n.\r\n", 5);
        if (q && q + 5 <= end) return (size_t)(q - p) + 5;
    }
    return 0;
}

static size_t take_text(client *c, const uint8_t *p, size_t n) {
    size_t end = find_end(p, n);
    c->octets += end > 0 ? end : n;
    if (end == 0) return n;
    c->messages++;
    c->state = COMMAND;
    say(c, "250 ok\r\n");
    return end;
}

static size_t take_chunk(client *c, size_t n) {
    if (n > c->chunk_left) n = (size_t)c->chunk_left;
    c->octets += n;
    c->chunk_left -= n;
    return n;
}

static void end_chunk(client *c) {
    c->messages += c->is_last_chunk;
    c->state = COMMAND;
    say(c, "250 ok\r\n");
}

/* False: it is over. */
static bool hear(client *c) {
    uint8_t *p = room + BEFORE;
    ssize_t got = recv(c->fd, p, PIECE, 0);
    size_t n, at = 0;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    n = (size_t)got;
    c->reads++;
    memcpy(room, c->before, BEFORE);
    while (at < n) {
        if (c->state == TEXT)
            at += take_text(c, p + at, n - at);
        else if (c->state == CHUNK)
            at += take_chunk(c, n - at);
        else
            at += take_command(c, p + at, n - at);
        if (c->state == CHUNK && c->chunk_left == 0) end_chunk(c);
    }
    memcpy(c->before, room + n, BEFORE);
    if (c->out_n == 0) return true;
    if (delay_ms > 0)
        enqueue(c);
    else
        return flush(c);
    return true;
}

/* ---- the loop ---- */

static void welcome(int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    client *c = fd >= 0 && fd < FD_CAP ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        if (fd >= 0) close(fd);
        return;
    }
    c->fd = fd;
    clients[fd] = c;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    say(c, "220 sink\r\n");
    if (delay_ms > 0)
        enqueue(c);
    else if (!flush(c))
        drop(c);
}

static void send_due(void) {
    while (first && first->due <= now_ms()) {
        client *c = first;
        first = c->next;
        if (!first) last = NULL;
        c->is_queued = false;
        if (!flush(c)) drop(c);
    }
}

static int patience(void) {
    uint64_t now = now_ms();
    if (!first) return -1;
    return first->due > now ? (int)(first->due - now) : 0;
}

static int listen_somewhere(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&a, &len)) {
        perror("sink");
        exit(1);
    }
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS], ear = {.events = EPOLLIN};
    int listener;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--delay") && i + 1 < argc)
            delay_ms = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--chunking"))
            offers_chunking = true;
        else if (!strcmp(argv[i], "--no-pipelining"))
            offers_pipelining = false;
        else
            return fprintf(stderr, "sink: what is %s?\n", argv[i]), 64;
    }
    poller = epoll_create1(0);
    ear.data.fd = listener = listen_somewhere();
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ear);
    ear.data.fd = 0;
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &ear);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, patience());
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            client *c = clients[fd];
            if (fd == 0) return 0;
            if (fd == listener) welcome(listener);
            if (c && (events[i].events & EPOLLOUT) && !flush(c)) drop(c), c = NULL;
            if (c && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !hear(c)) drop(c);
        }
        send_due();
    }
}
