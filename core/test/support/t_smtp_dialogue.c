/* core/test/support: plays dialogue files. The format is core/test/dialogues/README.md.
 *
 * With room for all, a file is played to the letter: when the server speaks, the client must have
 * written exactly the C lines above and reported exactly the E lines above. With two owed replies
 * the client runs ahead less far, so there the server answers as soon as the client has nothing
 * more to say; the octets and the events are still the same, in the same order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "t_dialogue_i.h"

#define TO_MAX 16u

typedef struct player {
    const dialogue *d;
    item items[LINES_MAX]; /* copies: is_used is of this play */
    size_t at;
    bool is_loose;
    t_mode mode;
    t_wire w;
    t_body body;
    char verb[100], args[100];
    char from[300], to_text[600], body_text[20000];
    posta_recipient to[TO_MAX];
    size_t to_n;
} player;

_Noreturn static void wrong(const player *p, const char *why, const char *got) {
    char mode[128];
    t_mode_name(p->mode, mode, sizeof mode);
    print_error("%s:%u (%s): %s: %s\n", p->d->path, p->at < p->d->n ? p->items[p->at].line : 0,
                mode, why, got);
    fail();
    abort();
}

/* ---- the server's lines ---- */

static void say_item(player *p, item *it) {
    it->is_used = true;
    p->w.is_forced = it->is_forced;
    t_wire_say_bytes(&p->w, it->octets.p, it->octets.len);
    p->w.is_forced = false;
}

/* Loose play: the server's next line before the next act of the host. False: there is none. */
static bool say_early(player *p) {
    if (!p->is_loose) return false;
    for (size_t i = p->at; i < p->d->n && p->items[i].kind != '>'; i++) {
        if (p->items[i].kind != 'S' || p->items[i].is_used) continue;
        say_item(p, &p->items[i]);
        return true;
    }
    return false;
}

static void all_was_said(player *p) {
    size_t n = p->w.client.len - p->w.client_at;
    const t_event *ev;
    t_bytes_add(&p->w.client, "", 1);
    p->w.client.len--;
    if (n > 0) wrong(p, "the client wrote more", (const char *)p->w.client.p + p->w.client_at);
    ev = t_wire_event(&p->w);
    if (ev) wrong(p, "an event was not expected", t_event_name(ev->event.type));
}

/* Lines of the server that stand together are said together. */
static void play_server(player *p) {
    t_bytes all = {0};
    bool is_forced = p->items[p->at].is_forced;
    if (p->is_loose) {
        if (!p->items[p->at].is_used) say_item(p, &p->items[p->at]);
        return;
    }
    t_wire_run(&p->w);
    all_was_said(p);
    while (p->at < p->d->n && p->items[p->at].kind == 'S') {
        t_bytes_add(&all, p->items[p->at].octets.p, p->items[p->at].octets.len);
        p->at++;
    }
    p->at--;
    p->w.is_forced = is_forced;
    t_wire_say_bytes(&p->w, all.p, all.len);
    p->w.is_forced = false;
    t_bytes_free(&all);
}

static void play_client(player *p) {
    const t_bytes *want = &p->items[p->at].octets;
    size_t have;
    t_wire_run(&p->w);
    while ((have = p->w.client.len - p->w.client_at) < want->len && say_early(p)) {
    }
    const char *got = have ? (const char *)p->w.client.p + p->w.client_at : "";
    if (have < want->len || memcmp(got, want->p, want->len) != 0) {
        t_bytes_add(&p->w.client, "", 1);
        wrong(p, "the client wrote",
              have ? (const char *)p->w.client.p + p->w.client_at : "nothing");
    }
    p->w.client_at += want->len;
}

/* ---- expectations ---- */

static const char *short_status(posta_status s) {
    return posta_status_name(s) + 6; /* without POSTA_ */
}

static const char *retry_name(posta_retry r) {
    static const char *const names[] = {"safe", "duplicate_risk", "pointless"};
    return names[r];
}

static void same(player *p, const char *key, const char *want, const char *got) {
    char why[1200];
    if (!strcmp(want, got)) return;
    snprintf(why, sizeof why, "%s is not %s but", key, want);
    wrong(p, why, got);
}

static void same_number(player *p, const char *key, const char *want, uint64_t got) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)got);
    same(p, key, want, text);
}

static const char *caps_text(unsigned bits, char *out) {
    static const char *const names[] = {"ESMTP",    "PIPELINING", "8BITMIME",      "SIZE",
                                        "STARTTLS", "AUTH",       "ENHANCED_CODES"};
    out[0] = 0;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(bits & (1u << i))) continue;
        if (out[0]) strcat(out, "|");
        strcat(out, names[i]);
    }
    return out;
}

static void same_recipient(player *p, const char *want) {
    static const char *const names[] = {"NOT_SENT", "REFUSED", "ACCEPTED", "UNKNOWN"};
    size_t at = strtoul(want, NULL, 10);
    const posta_recipient *r = &p->to[at];
    char got[64];
    assert_true(at < p->to_n);
    snprintf(got, sizeof got, "%zu:%s:%u:%s", at, names[r->status], (unsigned)r->reply.code,
             retry_name(r->retry));
    same(p, "to", want, got);
}

/* What the engine knows: keys of E and A lines. False: no such key. */
static bool expect_known(player *p, const char *key, const char *value) {
    const posta_outcome *o = posta_engine_outcome(p->w.e);
    const posta_fault *f = posta_engine_fault(p->w.e);
    posta_capabilities caps = posta_engine_capabilities(p->w.e);
    char text[200];
    if (!strcmp(key, "accepted"))
        same_number(p, key, value, o->accepted_n);
    else if (!strcmp(key, "refused"))
        same_number(p, key, value, o->refused_n);
    else if (!strcmp(key, "bytes"))
        same_number(p, key, value, o->bytes);
    else if (!strcmp(key, "unknown"))
        same(p, key, "unknown", o->unknown ? "unknown" : "known");
    else if (!strcmp(key, "known"))
        same(p, key, "known", o->unknown ? "unknown" : "known");
    else if (!strcmp(key, "retry"))
        same(p, key, value, retry_name(o->retry));
    else if (!strcmp(key, "cause"))
        same(p, key, value, short_status(f->cause));
    else if (!strcmp(key, "phase"))
        same(p, key, value, posta_phase_name(f->phase));
    else if (!strcmp(key, "fault_code"))
        same_number(p, key, value, f->reply.code);
    else if (!strcmp(key, "idle"))
        same(p, key, "1", posta_engine_is_idle(p->w.e) ? "1" : "0");
    else if (!strcmp(key, "closed"))
        same(p, key, "1", posta_engine_is_closed(p->w.e) ? "1" : "0");
    else if (!strcmp(key, "open"))
        same(p, key, "0", posta_engine_is_closed(p->w.e) ? "1" : "0");
    else if (!strcmp(key, "caps"))
        same(p, key, value, caps_text(caps.bits, text));
    else if (!strcmp(key, "size"))
        same_number(p, key, value, caps.size_max);
    else if (!strcmp(key, "to"))
        same_recipient(p, value);
    else
        return false;
    return true;
}

static void play_event(player *p) {
    const char *s = p->items[p->at].say;
    char key[64], value[1000];
    const t_event *ev;
    size_t len;
    t_wire_run(&p->w);
    while (!(ev = t_wire_event(&p->w)) && say_early(p)) {
    }
    t_dialogue_word(&s, key, sizeof key, value, &len);
    same(p, "the event", key, ev ? t_event_name(ev->event.type) : "none");
    if (!ev) return;
    while (t_dialogue_word(&s, key, sizeof key, value, &len)) {
        if (!strcmp(key, "action"))
            same(p, key, value, posta_phase_name(ev->event.action));
        else if (!strcmp(key, "rcpt"))
            same_number(p, key, value, ev->event.recipient);
        else if (!strcmp(key, "status"))
            same(p, key, value, short_status(ev->event.status));
        else if (!strcmp(key, "code"))
            same_number(p, key, value, ev->event.code);
        else if (!strcmp(key, "text"))
            same(p, key, p->mode.small ? ev->text : value, ev->text);
        else if (!expect_known(p, key, value))
            wrong(p, "no such expectation", key);
    }
}

static void play_assertion(player *p) {
    const char *s = p->items[p->at].say;
    char key[64], value[1000];
    size_t len;
    t_wire_run(&p->w);
    while (t_dialogue_word(&s, key, sizeof key, value, &len))
        if (!expect_known(p, key, value)) wrong(p, "no such expectation", key);
}

/* ---- the host ---- */

static posta_status status_named(player *p, const char *name) {
#define ROW(number, status, code, sentence)                                                        \
    if (!strcmp(&#status[6], name)) return status;
    POSTA_STATUS_LIST(ROW)
#undef ROW
    wrong(p, "no such status", name);
}

static void set_recipients(player *p, const char *value) {
    size_t len = strlen(value);
    assert_true(len < sizeof p->to_text);
    memcpy(p->to_text, value, len + 1);
    p->to_n = 0;
    for (char *s = p->to_text; s; p->to_n++) {
        char *comma = strchr(s, ',');
        assert_true(p->to_n < TO_MAX);
        if (comma) *comma++ = 0;
        p->to[p->to_n] = (posta_recipient){.address = s};
        s = comma;
    }
}

/* A command of the host's own; its strings live as long as the player. */
static void own_command(player *p, const char *s) {
    char key[64], value[1000];
    size_t len;
    posta_status want = POSTA_E_IN_PROGRESS, got;
    p->verb[0] = p->args[0] = 0;
    while (t_dialogue_word(&s, key, sizeof key, value, &len)) {
        if (!strcmp(key, "verb"))
            snprintf(p->verb, sizeof p->verb, "%.99s", value);
        else if (!strcmp(key, "args"))
            snprintf(p->args, sizeof p->args, "%.99s", value);
        else if (!strcmp(key, "is"))
            want = status_named(p, value);
        else
            wrong(p, "no such word", key);
    }
    got = posta_engine_command(p->w.e, p->verb, p->args[0] ? p->args : NULL);
    same(p, "command", short_status(want), short_status(got));
}

static void submit(player *p, const char *s) {
    char key[64], value[20000];
    size_t len, body_len = 0;
    posta_envelope env = {.from = p->from, .has_crlf = true};
    posta_status want = POSTA_E_IN_PROGRESS, got;
    uint64_t size = 0;
    bool size_said = false;
    p->body = (t_body)T_BODY(p->body_text, 0);
    while (t_dialogue_word(&s, key, sizeof key, value, &len)) {
        if (!strcmp(key, "from"))
            snprintf(p->from, sizeof p->from, "%.299s", value);
        else if (!strcmp(key, "to"))
            set_recipients(p, value);
        else if (!strcmp(key, "body"))
            memcpy(p->body_text, value, body_len = len);
        else if (!strcmp(key, "8bit"))
            env.has_8bit = true;
        else if (!strcmp(key, "binary"))
            env.has_binary = true;
        else if (!strcmp(key, "is"))
            want = status_named(p, value);
        else if (!strcmp(key, "again"))
            p->body.again_at = strtoul(value, NULL, 10);
        else if (!strcmp(key, "stop"))
            p->body.stop_at = strtoul(value, NULL, 10);
        else if (!strcmp(key, "stop_with"))
            p->body.stop = status_named(p, value);
        else if (!strcmp(key, "size")) {
            size_said = true;
            size = !strcmp(value, "unknown") ? POSTA_LEN_UNKNOWN : strtoull(value, NULL, 10);
        } else if (!strcmp(key, "fill")) {
            body_len = strtoul(value, NULL, 10);
            assert_true(body_len <= sizeof p->body_text);
            for (size_t i = 0; i < body_len; i++)
                p->body_text[i] = "\r\n"[i % 64 == 63] == '\n'       ? '\n'
                                  : i % 64 == 62 && i + 1 < body_len ? '\r'
                                                                     : 'x';
        } else {
            wrong(p, "no such part of a message", key);
        }
    }
    p->body.len = body_len;
    env.to = p->to;
    env.to_n = p->to_n;
    posta_source source = t_body_source(&p->body, size_said ? size : body_len);
    got = posta_engine_submit(p->w.e, &env, &source);
    same(p, "submit", short_status(want), short_status(got));
}

static void command(player *p, posta_status (*say)(posta_engine *e), const char *rest) {
    const char *is = strstr(rest, "is=");
    same(p, "the call", is ? is + 3 : "E_IN_PROGRESS", short_status(say(p->w.e)));
}

static void play_host(player *p) {
    const char *s = p->items[p->at].say;
    char word[32], value[64];
    size_t len;
    t_wire_run(&p->w);
    all_was_said(p);
    t_dialogue_word(&s, word, sizeof word, value, &len);
    s += strspn(s, " ");
    if (!strcmp(word, "command"))
        own_command(p, s);
    else if (!strcmp(word, "submit"))
        submit(p, s);
    else if (!strcmp(word, "reset"))
        command(p, posta_engine_reset, s);
    else if (!strcmp(word, "noop"))
        command(p, posta_engine_noop, s);
    else if (!strcmp(word, "quit"))
        command(p, posta_engine_quit, s);
    else if (!strcmp(word, "abort"))
        posta_engine_abort(p->w.e, status_named(p, s));
    else if (!strcmp(word, "tick"))
        p->w.now += strtoull(s, NULL, 10);
    else if (!strcmp(word, "feed"))
        p->body.waits = false;
    else if (!strcmp(word, "window"))
        p->w.window = strtoull(s, NULL, 10);
    else if (!strcmp(word, "eof")) {
        p->w.has_end = true;
        p->w.end = *s ? status_named(p, s) : POSTA_OK;
        p->w.is_forced = true;
    } else {
        wrong(p, "the host cannot do that", word);
    }
    t_wire_run(&p->w);
    p->w.is_forced = false;
}

/* ---- the play ---- */

/* Every whole line that the engine read is traced once, in order (when they hold plain octets). */
static void check_trace(player *p) {
    const char *server = (const char *)p->w.server.p, *trace;
    size_t at = 0;
    if (!p->mode.trace || p->d->config.lenient || !server) return;
    t_bytes_add(&p->w.trace, "", 1);
    trace = (const char *)p->w.trace.p;
    while ((trace = strstr(trace, "S: "))) {
        size_t n = strcspn(trace + 3, "\n"), line = 0;
        while (at + line < p->w.server_at && server[at + line] != '\r')
            line++;
        if (memchr(trace, '\\', n + 3)) return;
        /* What made the engine close may be a part of a line. */
        if (posta_engine_is_closed(p->w.e) && !strstr(trace + 3, "\nS: ")) return;
        if (n != line || memcmp(trace + 3, server + at, n) != 0) wrong(p, "traced", trace);
        at += line + 2;
        trace += 3 + n;
    }
    if (!posta_engine_is_closed(p->w.e) && at != p->w.server_at) wrong(p, "not all was traced", "");
}

static void play(const dialogue *d, t_mode mode) {
    player *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->d = d;
    p->mode = mode;
    p->is_loose = mode.small && !d->owed_said;
    memcpy(p->items, d->items, sizeof p->items);
    t_wire_open(&p->w, &d->config, mode);
    t_wire_run(&p->w);
    for (p->at = 0; p->at < d->n; p->at++) {
        switch (p->items[p->at].kind) {
        case 'S': play_server(p); break;
        case 'C': play_client(p); break;
        case 'E': play_event(p); break;
        case 'A': play_assertion(p); break;
        default: play_host(p); break;
        }
    }
    p->at = d->n - 1;
    t_wire_run(&p->w);
    all_was_said(p);
    check_trace(p);
    t_wire_close(&p->w);
    free(p);
}

void t_dialogue_play(const char *path, t_mode mode) {
    static dialogue d;
    t_dialogue_load(&d, path);
    play(&d, mode);
    t_dialogue_unload(&d);
}

void t_dialogue_each_cut(const char *path) {
    static dialogue d;
    size_t octets = 0;
    t_dialogue_load(&d, path);
    for (unsigned i = 0; i < 16; i++) {
        t_cut how = i & 1 ? T_BYTES : T_WHOLE;
        t_mode mode = {how, i & 2 ? T_BYTES : T_WHOLE, 0, 0, (i & 4) != 0, (i & 8) != 0};
        if (d.whole_only && (how != T_WHOLE || mode.small)) continue;
        play(&d, mode);
    }
    for (size_t i = 0; i < d.n; i++)
        if (d.items[i].kind == 'S') octets += d.items[i].octets.len;
    for (size_t at = 1; at < octets && !d.whole_only && octets < 4000; at++)
        play(&d, (t_mode){T_ONCE, T_WHOLE, at, 0, false, at % 2 == 0});
    for (uint32_t seed = 1; seed <= 24 && !d.whole_only; seed++)
        play(&d, (t_mode){T_RANDOM, T_RANDOM, 0, seed, seed % 2 == 0, seed % 3 == 0});
    t_dialogue_unload(&d);
}
