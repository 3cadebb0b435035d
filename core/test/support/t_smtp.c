/* core/test/support: an engine on a wire in memory. Contracts in t_smtp.h. */
#include "t_smtp.h"

#include <stdio.h>
#include <stdlib.h>

#include "guard.h"

/* ---- small things ---- */

void t_mode_name(t_mode mode, char *out, size_t cap) {
    static const char *const names[] = {"whole", "bytes", "random", "once"};
    snprintf(out, cap, "server %s, client %s, at %zu, seed %u%s%s", names[mode.server],
             names[mode.client], mode.at, (unsigned)mode.seed, mode.small ? ", small" : "",
             mode.trace ? ", trace" : "");
}

uint32_t t_random(uint32_t *seed) {
    uint32_t x = *seed ? *seed : 0x9e3779b9u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

void t_bytes_add(t_bytes *b, const void *p, size_t len) {
    if (len == 0) return;
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->p = realloc(b->p, b->cap);
        assert_non_null(b->p);
    }
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void t_bytes_free(t_bytes *b) {
    free(b->p);
    *b = (t_bytes){0};
}

const char *t_event_name(posta_event_type type) {
    static const char *const names[] = {
        "NONE",         "TRACE",        "CONNECTED",   "SENDER_ACK", "RECIPIENT_ACK",
        "BEGIN_ACK",    "END_ACK",      "RESET",       "NOOP_ACK",   "DISCONNECTED",
        "SERVER_ERROR", "SERVER_RETRY", "TIMEOUT",     "FAILED",     "AUTH_OK",
        "AUTH_FAIL",    "SECURE_OK",    "SECURE_FAIL", "COMMAND_ACK", "SENT"};
    return (size_t)type < sizeof names / sizeof *names ? names[type] : "?";
}

/* ---- a body ---- */

static posta_status pull(void *user, posta_window *out) {
    t_body *b = user;
    size_t n = b->len - b->at, room = out->cap - out->len;
    size_t again = b->again_at, stop = b->stop_at;
    b->pulls++;
    if (b->waits) return POSTA_AGAIN;
    if (b->at == again) {
        b->waits = true;
        b->again_at = SIZE_MAX;
        return POSTA_AGAIN;
    }
    if (b->at == stop) return b->stop;
    if (n > room) n = room;
    if (b->piece > 0 && n > b->piece) n = b->piece;
    if (again > b->at && n > again - b->at) n = again - b->at;
    if (stop > b->at && n > stop - b->at) n = stop - b->at;
    if (n > 0) memcpy(out->p + out->len, b->p + b->at, n);
    b->at += n;
    out->len += n;
    if (b->at < b->len || b->at == b->stop_at || b->at == b->again_at) return POSTA_OK;
    return b->end_alone && n > 0 ? POSTA_OK : POSTA_END;
}

posta_source t_body_source(t_body *b, uint64_t len) {
    return (posta_source){.user = b, .pull = pull, .len = len};
}

/* ---- life ---- */

void t_wire_open(t_wire *w, const posta_engine_config *config, t_mode mode) {
    posta_engine_config plain = POSTA_ENGINE_CONFIG;
    memset(w, 0, sizeof *w);
    w->config = config ? *config : plain;
    w->mode = mode;
    w->seed = mode.seed * 2654435761u + 1;
    w->window = UINT64_MAX;
    if (!w->config.hello) w->config.hello = "client.test";
    if (mode.small) {
        w->config.rx_space = POSTA_MIN_RX_SPACE;
        w->config.tx_space = POSTA_MIN_TX_SPACE;
        w->config.body_space = POSTA_MIN_BODY_SPACE;
        w->config.reply_space = 1;
        if (w->config.owed_max == T_DEFAULT_OWED) w->config.owed_max = T_SMALL_OWED;
    }
    if (mode.trace) w->config.trace = true;
    w->memory_len = posta_engine_size(&w->config);
    assert_true(w->memory_len > 0);
    w->memory_len = (w->memory_len + 15) / 16 * 16;
    w->memory = t_guarded(NULL, w->memory_len);
    assert_int_equal(posta_engine_place(w->memory, w->memory_len, &w->config, &w->e), POSTA_OK);
    w->events = calloc(T_EVENTS, sizeof *w->events);
    assert_non_null(w->events);
    w->now = 1000;
}

void t_wire_close(t_wire *w) {
    posta_engine_wipe(&w->e);
    assert_null(w->e);
    t_guard_free(w->memory, w->memory_len);
    t_bytes_free(&w->server);
    t_bytes_free(&w->client);
    t_bytes_free(&w->trace);
    free(w->events);
}

/* ---- steps ---- */

/* The liveness law, as seen between steps when no event waits. */
void t_wire_law(const t_wire *w) {
    assert_true(posta_engine_wants(w->e) != 0 || posta_engine_is_idle(w->e) ||
                posta_engine_is_closed(w->e) ||
                /* refused at the greeting: only QUIT is left, and the engine rests */
                posta_engine_fault(w->e)->phase == POSTA_PHASE_GREETING ||
                posta_engine_fault(w->e)->phase == POSTA_PHASE_HELLO);
}

static void keep_event(t_wire *w, const posta_event *ev) {
    t_event *kept = &w->events[(w->events_at + w->events_n) % T_EVENTS];
    size_t n = ev->text.len < sizeof kept->text - 1 ? ev->text.len : sizeof kept->text - 1;
    assert_true(w->events_n < T_EVENTS);
    kept->event = *ev;
    if (n > 0) memcpy(kept->text, ev->text.p, n);
    kept->text[n] = 0;
    kept->event.text.p = (const uint8_t *)kept->text;
    kept->event.text.len = n;
    w->events_n++;
}

static bool take_events(t_wire *w) {
    posta_event ev;
    bool any = false;
    while (posta_engine_next_event(w->e, &ev)) {
        any = true;
        w->steps++;
        if (ev.type == POSTA_EVENT_TRACE) {
            t_bytes_add(&w->trace, (const char[]){ev.direction, ':', ' '}, 3);
            t_bytes_add(&w->trace, ev.text.p, ev.text.len);
            t_bytes_add(&w->trace, "\n", 1);
        } else {
            keep_event(w, &ev);
        }
    }
    t_wire_law(w);
    return any;
}

static size_t cut(t_wire *w, t_cut how, size_t n, size_t at) {
    if (how == T_BYTES && n > 1) return 1;
    if (how == T_ONCE && at < w->mode.at && at + n > w->mode.at) return w->mode.at - at;
    if (how == T_RANDOM) {
        size_t most = 1 + t_random(&w->seed) % 40;
        return n < most ? n : most;
    }
    return n;
}

static bool write_some(t_wire *w) {
    posta_span data = posta_engine_tx_data(w->e);
    size_t n = data.len;
    if (n > w->window) n = (size_t)w->window;
    if (w->is_deaf && w->server_at < w->server.len) n = 0;
    n = cut(w, w->mode.client == T_ONCE ? T_WHOLE : w->mode.client, n, 0);
    if (n == 0) return false;
    t_bytes_add(&w->client, data.p, n);
    w->window -= n;
    posta_engine_tx_consume(w->e, n);
    return true;
}

static bool read_some(t_wire *w) {
    unsigned wants = posta_engine_wants(w->e);
    size_t n = w->server.len - w->server_at;
    posta_mspan space;
    if (!(wants & POSTA_WANT_RX) && !w->is_forced) return false;
    if (n == 0 && w->has_end && !w->ended) {
        w->ended = true;
        posta_engine_rx_end(w->e, w->end);
        return true;
    }
    if (n == 0) {
        if (wants & POSTA_WANT_NOW) posta_engine_rx_commit(w->e, 0);
        return (wants & POSTA_WANT_NOW) != 0;
    }
    space = posta_engine_rx_space(w->e);
    if (n > space.cap) n = space.cap;
    n = cut(w, w->mode.server, n, w->server_at);
    if (n == 0) return false;
    memcpy(space.p, w->server.p + w->server_at, n);
    w->server_at += n;
    posta_engine_rx_commit(w->e, n);
    return true;
}

void t_wire_run(t_wire *w) {
    bool moved = true;
    while (moved) {
        w->steps++;
        posta_engine_tick(w->e, w->now);
        moved = take_events(w);
        while (write_some(w)) {
            moved = true;
            take_events(w);
        }
        if (read_some(w)) moved = true;
        take_events(w);
    }
}

void t_wire_tick(t_wire *w, uint64_t ms) {
    w->now += ms;
    t_wire_run(w);
}

void t_wire_say_bytes(t_wire *w, const void *p, size_t len) {
    t_bytes_add(&w->server, p, len);
    t_wire_run(w);
}

void t_wire_say(t_wire *w, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof text);
    t_wire_say_bytes(w, text, (size_t)n);
}

void t_wire_end(t_wire *w, posta_status status) {
    w->has_end = true;
    w->end = status;
    t_wire_run(w);
}

/* ---- looking ---- */

const t_event *t_wire_event(t_wire *w) {
    const t_event *ev = &w->events[w->events_at];
    if (w->events_n == 0) return NULL;
    w->events_at = (w->events_at + 1) % T_EVENTS;
    w->events_n--;
    return ev;
}

const t_event *t_wire_expect(t_wire *w, posta_event_type type) {
    const t_event *ev = t_wire_event(w);
    assert_string_equal(ev ? t_event_name(ev->event.type) : "no event", t_event_name(type));
    return ev;
}

void t_wire_expect_none(t_wire *w) {
    const t_event *ev = t_wire_event(w);
    assert_string_equal(ev ? t_event_name(ev->event.type) : "no event", "no event");
}

void t_wire_wrote_bytes(t_wire *w, const void *p, size_t len) {
    size_t n = w->client.len - w->client_at;
    if (n == len && (n == 0 || memcmp(w->client.p + w->client_at, p, n) == 0)) {
        w->client_at = w->client.len;
        return;
    }
    fail_msg("wrote %zu octets \"%.*s\", expected %zu \"%.*s\"", n, (int)n,
             n ? (const char *)w->client.p + w->client_at : "", len, (int)len, (const char *)p);
}

void t_wire_wrote(t_wire *w, const char *text) {
    t_wire_wrote_bytes(w, text, strlen(text));
}

void t_wire_greet(t_wire *w, const char *offers) {
    t_wire_say(w, "220 ready\r\n");
    t_wire_wrote(w, "EHLO client.test\r\n");
    t_bytes reply = {0};
    while (*offers) {
        size_t n = strcspn(offers, "\n");
        t_bytes_add(&reply, "250-", 4);
        t_bytes_add(&reply, offers, n);
        t_bytes_add(&reply, "\r\n", 2);
        offers += n + (offers[n] == '\n');
    }
    /* The first line of a reply to EHLO names the server; the others are its offers. */
    t_bytes all = {0};
    t_bytes_add(&all, "250-server.test\r\n", 17);
    t_bytes_add(&all, reply.p, reply.len);
    t_bytes_add(&all, "250 HELP\r\n", 10);
    t_wire_say_bytes(w, all.p, all.len);
    t_bytes_free(&reply);
    t_bytes_free(&all);
    t_wire_expect(w, POSTA_EVENT_CONNECTED);
    assert_true(posta_engine_is_idle(w->e));
}

void t_wire_submit(t_wire *w, const posta_envelope *envelope, const posta_source *source) {
    assert_int_equal(posta_engine_submit(w->e, envelope, source), POSTA_E_IN_PROGRESS);
    t_wire_run(w);
}
