/* The engine against a server that checks and behaves at random: thousands of connections. What
 * must hold: the engine says "accepted" only when the server took the whole text for that
 * recipient; it says "not sent" only when the server did not; results are matched by position (rows
 * F05, F06, F07, F08, F11, F12, F18). And row F12 alone: a fault in each of 2 to 50 messages leaves
 * nothing behind.
 */
#include "toy.h"

#define MAILS 3u
#define TO    6u

typedef struct run {
    toy toy;
    toy_wire wire;
    uint32_t seed;
    unsigned chance; /* of a fault, one in */
    posta_recipient to[TO];
    char addresses[TO][40], from[40];
    uint8_t text[4000], canon[8100];
    size_t canon_len;
    t_body body;
    bool sent, done;
} run;

static unsigned misbehave(toy *t, toy_verb verb) {
    static const unsigned codes[] = {450, 550, 451, 554, 452, 421, 354, 250, 299, 334, 503};
    run *r = t->user;
    unsigned code;
    if (t_random(&r->seed) % r->chance) return 0;
    if (verb == T_DATA && t_random(&r->seed) % 3 == 0) {
        t->early_at = 1 + t_random(&r->seed) % 3000;
        t->early_code = codes[t_random(&r->seed) % 6];
        return 0;
    }
    code = codes[t_random(&r->seed) % (sizeof codes / sizeof *codes)];
    if (verb == T_RSET && code == 250) return 0;
    if (code == 250 && (verb == T_GREET || verb == T_DATA || verb == T_QUIT)) return 0;
    if (code == 354 && verb == T_DATA) return 0;
    return code;
}

static void make_mail(run *r, unsigned nth, posta_envelope *env) {
    static const char parts[][4] = {"a", ".", "\r\n", "\n", "\r", ".\n", "xyz", "\r\n."};
    size_t len = 0, n = 0, most = t_random(&r->seed) % 3000;
    bool in_line = false;
    while (len < most) {
        const char *part = parts[t_random(&r->seed) % 8];
        memcpy(r->text + len, part, strlen(part));
        len += strlen(part);
    }
    /* What a server must end up with: CR, LF and CRLF end lines, the last line is ended. */
    for (size_t i = 0; i < len; i++) {
        uint8_t c = r->text[i];
        in_line = c != '\r' && c != '\n';
        if (in_line) {
            r->canon[n++] = c;
            continue;
        }
        if (c == '\r' && i + 1 < len && r->text[i + 1] == '\n') i++;
        r->canon[n++] = '\r';
        r->canon[n++] = '\n';
    }
    if (in_line) {
        r->canon[n++] = '\r';
        r->canon[n++] = '\n';
    }
    r->canon_len = n;
    r->body = (t_body)T_BODY(r->text, len);
    r->body.piece = t_random(&r->seed) % 100;
    snprintf(r->from, sizeof r->from, "from%u@x.test", nth);
    env->from = r->from;
    env->to = r->to;
    env->to_n = 1 + t_random(&r->seed) % TO;
    for (size_t i = 0; i < env->to_n; i++) {
        snprintf(r->addresses[i], sizeof r->addresses[i], "to%u.%zu@x.test", nth, i);
        r->to[i] = (posta_recipient){.address = r->addresses[i]};
    }
}

static void see(toy_wire *w, const posta_event *ev) {
    run *r = w->user;
    if (ev->type == POSTA_EVENT_SENT) {
        assert_false(r->sent); /* exactly one */
        r->sent = true;
    }
    if (ev->type == POSTA_EVENT_DISCONNECTED || ev->type == POSTA_EVENT_FAILED) r->done = true;
    if (ev->type == POSTA_EVENT_RECIPIENT_ACK ||
        (ev->action == POSTA_PHASE_RECIPIENT && ev->type != POSTA_EVENT_SENT)) {
        assert_int_equal(ev->recipient, w->next_rcpt);
        w->next_rcpt++;
    }
}

static void judge(run *r, const posta_envelope *env, const char *from) {
    const posta_outcome *o = posta_engine_outcome(r->wire.e);
    const toy_mail *m = NULL;
    size_t accepted = 0, refused = 0;
    for (size_t i = 0; i < r->toy.mails_n; i++)
        if (!strcmp(r->toy.mails[i].from, from)) m = &r->toy.mails[i];
    bool taken = m && m->accepted && m->text.len == r->canon_len &&
                 (r->canon_len == 0 || !memcmp(m->text.p, r->canon, r->canon_len));
    if (m && m->accepted) assert_true(taken); /* never half a text, never another's */
    if (o->status == POSTA_OK) assert_true(taken);
    if (o->status != POSTA_OK && !o->unknown) assert_false(m && m->accepted);
    for (size_t i = 0; i < env->to_n; i++) {
        const posta_recipient *to = &env->to[i];
        bool took = taken && i < m->rcpts.len && m->rcpts.p[i];
        accepted += to->status == POSTA_RECIPIENT_ACCEPTED;
        refused += to->status == POSTA_RECIPIENT_REFUSED;
        if (to->status == POSTA_RECIPIENT_ACCEPTED) assert_true(took);
        if (to->status == POSTA_RECIPIENT_REFUSED || to->status == POSTA_RECIPIENT_NOT_SENT)
            assert_false(took);
        if (to->status == POSTA_RECIPIENT_UNKNOWN) assert_true(o->unknown);
    }
    assert_int_equal(accepted, o->accepted_n);
    assert_int_equal(refused, o->refused_n);
    assert_int_equal(o->status == POSTA_OK, accepted > 0);
    /* Row D08: announced exactly, or not at all. */
    if (taken && m->size_said != UINT64_MAX && r->body.len == r->canon_len)
        assert_int_equal(m->size_said, m->text.len);
}

static void one_mail(run *r, unsigned nth, bool may_fail) {
    posta_envelope env = {0};
    posta_source source;
    make_mail(r, nth, &env);
    source = t_body_source(&r->body, t_random(&r->seed) % 2 ? r->body.len : POSTA_LEN_UNKNOWN);
    r->sent = false;
    r->wire.next_rcpt = 0;
    assert_int_equal(posta_engine_submit(r->wire.e, &env, &source), POSTA_E_IN_PROGRESS);
    toy_run(&r->wire);
    if (!r->sent) {
        char transcript[POSTA_TRANSCRIPT_CAP + 1];
        posta_engine_transcript(r->wire.e, transcript, sizeof transcript);
        fail_msg("no verdict; wants %u, up %zu, down %zu, closing %d:\n%s",
                 posta_engine_wants(r->wire.e), r->wire.up.len, r->wire.down.len, r->toy.closing,
                 transcript);
    }
    judge(r, &env, r->from);
    if (!may_fail) assert_int_equal(posta_engine_outcome(r->wire.e)->accepted_n, env.to_n);
}

static void start(run *r, uint32_t seed, void **memory) {
    posta_engine_config config = POSTA_ENGINE_CONFIG;
    config.hello = "client.test";
    r->seed = seed;
    toy_init(&r->toy);
    r->toy.user = r;
    r->toy.invites_nobody = seed % 3 == 0;
    if (seed % 4 == 1) r->toy.offers = "250-SIZE\r\n";
    config.on_refused = seed % 5 == 0 ? POSTA_REFUSED_ABORT : POSTA_REFUSED_CONTINUE;
    config.trace = seed % 7 == 0;
    if (seed % 2) {
        config.rx_space = POSTA_MIN_RX_SPACE;
        config.tx_space = POSTA_MIN_TX_SPACE;
        config.body_space = POSTA_MIN_BODY_SPACE;
        config.owed_max = 1 + seed % 9;
    }
    r->wire = (toy_wire){.e = toy_engine(&config, memory),
                         .toy = &r->toy,
                         .seed = seed,
                         .cap = 1 + seed % 500,
                         .now = 1,
                         .seen = see,
                         .user = r};
    toy_greet(&r->toy);
}

static void random_server(void **state) {
    static run r;
    unsigned ok = 0, unknown = 0, refused = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        void *memory;
        memset(&r, 0, sizeof r);
        r.chance = 4 + seed % 30;
        start(&r, seed, &memory);
        r.toy.decide = misbehave;
        if (seed % 3 == 1) r.toy.drop_at = t_random(&r.seed) % 600;
        toy_run(&r.wire);
        for (unsigned i = 0; i < MAILS && posta_engine_is_idle(r.wire.e); i++) {
            one_mail(&r, i, true);
            ok += posta_engine_outcome(r.wire.e)->status == POSTA_OK;
            unknown += posta_engine_outcome(r.wire.e)->unknown;
            refused += posta_engine_outcome(r.wire.e)->refused_n > 0;
        }
        if (posta_engine_quit(r.wire.e) == POSTA_E_IN_PROGRESS) {
            toy_run(&r.wire);
            if (!r.done) {
                char transcript[POSTA_TRANSCRIPT_CAP + 1];
                posta_engine_transcript(r.wire.e, transcript, sizeof transcript);
                fail_msg("seed %u: wants %u, up %zu, down %zu, closing %d, closed %d\n%s", seed,
                         posta_engine_wants(r.wire.e), r.wire.up.len, r.wire.down.len,
                         r.toy.closing, posta_engine_is_closed(r.wire.e), transcript);
            }
            assert_true(posta_engine_is_closed(r.wire.e));
        }
        toy_wire_free(&r.wire);
        free(memory);
    }
    /* The runs were worth something. */
    assert_true(ok > 1000 && unknown > 25 && refused > 500);
}

/* ---- F12 ---- */

typedef struct fault_plan {
    toy_verb at;
    unsigned code;
    unsigned which; /* of the replies to that verb in the message */
} fault_plan;

static fault_plan plan;
static unsigned plan_armed, plan_seen;

static unsigned planned(toy *t, toy_verb verb) {
    (void)t;
    if (!plan_armed || verb != plan.at) return 0;
    return plan_seen++ == plan.which || plan.which == 99 ? plan.code : 0;
}

static void fault_in_each_position(void **state) {
    static const fault_plan plans[] = {{T_MAIL, 550, 0},  {T_MAIL, 451, 0},  {T_RCPT, 550, 0},
                                       {T_RCPT, 452, 99}, {T_RCPT, 550, 99}, {T_DATA, 554, 0},
                                       {T_DATA, 451, 0},  {T_TEXT, 554, 0},  {T_TEXT, 452, 0}};
    static const unsigned counts[] = {2, 3, 7, 50};
    static run r;
    (void)state;
    for (size_t k = 0; k < sizeof plans / sizeof *plans; k++)
        for (size_t c = 0; c < 4; c++)
            for (unsigned at = 0; at<counts[c]; at += counts[c]> 7 ? 7 : 1) {
                void *memory;
                memset(&r, 0, sizeof r);
                start(&r, (uint32_t)(k * 100 + c * 7 + at + 6) * 3, &memory);
                r.toy.decide = planned;
                plan = plans[k];
                plan_armed = 0;
                toy_run(&r.wire);
                for (unsigned i = 0; i < counts[c]; i++) {
                    plan_armed = i == at;
                    plan_seen = 0;
                    one_mail(&r, i, plan_armed);
                    if (plan_armed)
                        assert_true(posta_engine_fault(r.wire.e)->status != POSTA_OK ||
                                    posta_engine_outcome(r.wire.e)->refused_n > 0);
                    assert_true(posta_engine_is_idle(r.wire.e));
                }
                toy_wire_free(&r.wire);
                free(memory);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_server),
                                       cmocka_unit_test(fault_in_each_position)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
