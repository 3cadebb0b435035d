/* Fuzz: the engine against a server that says anything, in pieces of any size. Checks the liveness
 * law, that no message is accepted without a 250 behind its dot, and that what is written is SMTP
 * lines.
 *
 *   clang -fsanitize=fuzzer,address,undefined ...   (tools/fuzz engine SECONDS)
 */
#include "smtp_i.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void law(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "law broken: %s\n", what);
    abort();
}

typedef struct text {
    size_t at;
    unsigned shape;
} text;

static const char body[] = ".first\nsecond\r\n..\rthird";

static posta_status pull(void *user, posta_window *out) {
    text *t = user;
    size_t n = sizeof body - 1 - t->at;
    if (t->shape == 1 && t->at > 5) return POSTA_E_BODY;
    if (t->shape == 2 && t->at == 0 && out->len == 0 && t->shape++ == 2) return POSTA_AGAIN;
    if (n > out->cap - out->len) n = out->cap - out->len;
    memcpy(out->p + out->len, body + t->at, n);
    out->len += n;
    t->at += n;
    return t->at == sizeof body - 1 ? POSTA_END : POSTA_OK;
}

static void take_events(posta_engine *e, const posta_recipient *to, bool *asked) {
    posta_event ev;
    while (posta_engine_next_event(e, &ev)) {
        if (ev.type != POSTA_EVENT_SENT) continue;
        const posta_outcome *o = posta_engine_outcome(e);
        law(*asked, "SENT without a message");
        *asked = false;
        law((o->status == POSTA_OK) == (o->accepted_n > 0), "status and count disagree");
        for (size_t i = 0; i < 2; i++)
            if (to[i].status == POSTA_RECIPIENT_ACCEPTED)
                law(o->reply.code == 250, "accepted without a yes");
    }
}

static void take_output(posta_engine *e, size_t most) {
    posta_span out = posta_engine_tx_data(e);
    posta_engine_tx_consume(e, out.len < most ? out.len : most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    posta_engine *e = NULL;
    posta_recipient to[2] = {{.address = "b@x.test"}, {.address = "c@x.test"}};
    posta_envelope env = {"a@x.test", to, 2, false};
    text t = {0, 0};
    posta_source source = {&t, pull, NULL, NULL, POSTA_LEN_UNKNOWN};
    bool asked = false;
    uint64_t now = 1;
    void *mem;
    size_t at = 1, need;
    if (len < 2) return 0;
    config.hello = "[127.0.0.1]";
    config.trace = (data[0] & 1) != 0;
    config.lenient = (data[0] & 2) != 0;
    config.no_pipelining = (data[0] & 4) != 0;
    config.on_refused = data[0] & 8 ? POSTA_REFUSED_ABORT : POSTA_REFUSED_CONTINUE;
    config.rx_space = data[0] & 16 ? 16 : 4096;
    config.tx_space = data[0] & 32 ? 512 : 4096;
    config.owed_max = data[0] & 64 ? 1 : 8;
    need = posta_engine_size(&config);
    mem = malloc(need);
    law(posta_engine_place(mem, need, &config, &e) == POSTA_OK, "place");
    while (at < len && !posta_engine_is_closed(e)) {
        uint8_t op = data[at++];
        posta_engine_tick(e, now += op & 3);
        take_events(e, to, &asked);
        if (posta_engine_is_idle(e) && (op & 4)) {
            t = (text){0, (op >> 3) & 3};
            if (posta_engine_submit(e, &env, &source) == POSTA_E_IN_PROGRESS) asked = true;
        } else if (posta_engine_is_idle(e) && (op & 8)) {
            posta_engine_reset(e);
        }
        if (op & 16) take_output(e, op & 32 ? 1 : SIZE_MAX);
        if (op & 64) {
            posta_mspan space = posta_engine_rx_space(e);
            size_t n = (op & 15u) * 4u + 1u;
            if (n > len - at) n = len - at;
            if (n > space.cap) n = space.cap;
            if (n > 0) memcpy(space.p, data + at, n);
            at += n;
            posta_engine_rx_commit(e, n);
        }
        if (op == 255) posta_engine_tick(e, now += 700000);
        law(posta_engine_wants(e) != 0 || posta_engine_is_idle(e) || posta_engine_is_closed(e) ||
                posta_engine_fault(e)->status != POSTA_OK || (take_events(e, to, &asked), true),
            "liveness");
        take_events(e, to, &asked);
        law(posta_engine_wants(e) != 0 || !asked, "a message stands still");
    }
    posta_engine_rx_end(e, POSTA_OK);
    for (int i = 0; i < 64; i++)
        take_events(e, to, &asked);
    law(!asked, "a message without an end");
    posta_engine_wipe(&e);
    free(mem);
    return 0;
}
