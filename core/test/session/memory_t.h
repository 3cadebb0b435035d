/* A place and a server in memory: a clock that moves only when somebody waits, an allocator that
 * counts and fails on demand, and a line server behind a posta_transport.
 */
#ifndef MEMORY_T_H
#define MEMORY_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session_i.h"

typedef struct place {
    posta_port port;
    uint64_t now;
    long allocations, live, fail_at; /* fail_at: this allocation fails; 0: none */
    bool fail_on;                    /* and all that follow */
} place;

static uint64_t place_now(void *user) {
    return ((place *)user)->now;
}

static int64_t place_time(void *user) {
    (void)user;
    return 1795539600;
}

static posta_status place_entropy(void *user, void *out, size_t len) {
    (void)user;
    memset(out, 0x5a, len);
    return POSTA_OK;
}

/* Each block begins with its length: a caller that tells another one has lost count. */
#define HEAD 16u

static void *place_allocate(void *user, void *old, size_t old_len, size_t len) {
    place *p = user;
    uint8_t *block = old ? (uint8_t *)old - HEAD : NULL;
    if (old) {
        size_t told;
        memcpy(&told, block, sizeof told);
        assert_int_equal(old_len, told);
    }
    if (len == 0) {
        if (old) p->live--;
        free(block);
        return NULL;
    }
    p->allocations++;
    if (p->fail_at > 0 &&
        (p->allocations == p->fail_at || (p->fail_on && p->allocations > p->fail_at)))
        return NULL;
    if (!old) p->live++;
    block = realloc(block, HEAD + len);
    assert_non_null(block);
    memcpy(block, &len, sizeof len);
    return block + HEAD;
}

static void place_init(place *p) {
    memset(p, 0, sizeof *p);
    p->port = (posta_port){sizeof p->port, p, place_now, place_time, place_entropy, place_allocate};
    p->now = 1000;
}

/* The server: answers each line by its verb, or as the test says. */
typedef struct peer {
    place *place;
    posta_transport transport;
    const char *greeting, *ehlo, *mail, *rcpt, *data, *text; /* null: no answer */
    posta_status open_says, write_says; /* write_says: once `write_left` octets are taken */
    size_t open_after;                  /* AGAINs before open is done */
    size_t write_left;
    const char *last_words; /* said when no more is taken */
    bool ends;              /* the end of the stream, once all replies are read */
    char out[8192], in[1 << 17];
    size_t out_at, out_len, in_at, in_len;
    bool in_text;
    int closed;
} peer;

static void say(peer *p, const char *reply) {
    if (!reply) return;
    memcpy(p->out + p->out_len, reply, strlen(reply));
    p->out_len += strlen(reply);
}

static bool begins(const char *line, const char *word) {
    return strncmp(line, word, strlen(word)) == 0;
}

static void hear_line(peer *p, const char *line) {
    if (p->in_text) {
        if (!begins(line, ".\r\n")) return;
        p->in_text = false;
        say(p, p->text);
    } else if (begins(line, "EHLO "))
        say(p, p->ehlo);
    else if (begins(line, "MAIL "))
        say(p, p->mail);
    else if (begins(line, "RCPT "))
        say(p, p->rcpt);
    else if (begins(line, "DATA\r")) {
        say(p, p->data);
        p->in_text = p->data && p->data[0] == '3';
    } else if (begins(line, "QUIT"))
        say(p, "221 2.0.0 bye\r\n");
    else
        say(p, "250 2.0.0 fine\r\n");
}

static posta_status peer_open(void *user, const char *host, uint16_t port) {
    peer *p = user;
    assert_string_equal(host, "localhost");
    assert_int_equal(port, 25);
    if (p->open_after > 0) {
        p->open_after--;
        return POSTA_AGAIN;
    }
    p->out_at = p->out_len = 0; /* nothing comes over from an earlier connection */
    if (p->open_says == POSTA_OK) say(p, p->greeting);
    return p->open_says;
}

static posta_status peer_read(void *user, void *to, size_t cap, size_t *n_out) {
    peer *p = user;
    size_t n = p->out_len - p->out_at;
    if (n > cap) n = cap;
    *n_out = n;
    memcpy(to, p->out + p->out_at, n);
    p->out_at += n;
    return n > 0 || p->ends ? POSTA_OK : POSTA_AGAIN;
}

static posta_status peer_write(void *user, const void *from, size_t len, size_t *n_out) {
    peer *p = user;
    char *lf;
    *n_out = 0;
    if (len > p->write_left) len = p->write_left;
    if (len == 0) {
        say(p, p->last_words);
        p->last_words = NULL;
        return p->write_says;
    }
    p->write_left -= len;
    assert_true(p->in_len + len < sizeof p->in);
    memcpy(p->in + p->in_len, from, len);
    p->in_len += len;
    p->in[p->in_len] = 0;
    while ((lf = memchr(p->in + p->in_at, '\n', p->in_len - p->in_at))) {
        hear_line(p, p->in + p->in_at);
        p->in_at = (size_t)(lf - p->in) + 1;
    }
    *n_out = len;
    return POSTA_OK;
}

static void peer_close(void *user) {
    ((peer *)user)->closed++;
}

static posta_status peer_wait(void *user, unsigned wants, uint32_t ms) {
    peer *p = user;
    bool ready =
        ((wants & POSTA_WANT_TX) && p->write_left > 0) || p->out_at < p->out_len || p->ends;
    assert_true(wants != 0);
    if (!ready) p->place->now += ms;
    return POSTA_OK;
}

#define EHLO_ALL "250-peer\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250 8BITMIME\r\n"

static void peer_init(peer *p, place *at) {
    memset(p, 0, sizeof *p);
    p->place = at;
    p->transport = (posta_transport){
        sizeof p->transport, p, peer_open, peer_read, peer_write, peer_close, peer_wait, NULL, 0};
    p->greeting = "220 peer\r\n";
    p->ehlo = EHLO_ALL;
    p->mail = p->rcpt = "250 2.1.0 fine\r\n";
    p->data = "354 go on\r\n";
    p->text = "250 2.0.0 kept\r\n";
    p->write_says = POSTA_AGAIN;
    p->write_left = SIZE_MAX;
}

static posta_session_config config_of(peer *p) {
    posta_session_config c = POSTA_SESSION_CONFIG;
    c.host = "localhost";
    c.hello = "me.test";
    c.port = &p->place->port;
    c.transport = &p->transport;
    return c;
}

static posta_message *mail_of(place *at, const char *to) {
    posta_message *m = NULL;
    if (posta_message_new(&at->port, &m) != POSTA_OK) return NULL;
    posta_message_addresses(m, POSTA_FROM, "ana@x.test");
    posta_message_addresses(m, POSTA_TO, to);
    posta_message_subject(m, "Zażółć");
    posta_message_text(m, posta_body_string("hi\n"), NULL);
    posta_message_attach(m, posta_body_data("\x00\xff\x01", 3), NULL);
    return m;
}

#endif
