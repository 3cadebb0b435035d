/* Every call in every state, against the table of docs/session.md; options and events against
 * theirs; what other calls may be made inside the callback. */
#include "net.h"

#include <stdio.h>

typedef enum place { CLOSED, CONNECTING, IDLE, PENDING, MESSAGE, TEXT, ENDING, PLACES } place;

static posta_status finish(posta_session *s) {
    posta_status status;
    while ((status = posta_session_execute(s, 0)) == POSTA_E_IN_PROGRESS) {
    }
    return status;
}

static posta_session *open_at(net *n, place where) {
    net_init(n);
    posta_session_config c = net_config(n);
    c.non_blocking = true;
    posta_session *s = net_session(n, &c);
    if (where == CLOSED) return s;
    assert_int_equal(posta_session_connect(s), POSTA_E_IN_PROGRESS);
    if (where == CONNECTING) return s;
    assert_int_equal(finish(s), POSTA_OK);
    if (where == IDLE) return s;
    assert_int_equal(posta_session_sender(s, NULL, "a@x.example", NULL, NULL), POSTA_E_IN_PROGRESS);
    if (where == PENDING) return s;
    assert_int_equal(finish(s), POSTA_OK);
    assert_int_equal(posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO),
                     POSTA_E_IN_PROGRESS);
    assert_int_equal(finish(s), POSTA_OK);
    if (where == MESSAGE) return s;
    assert_int_equal(posta_session_begin_message(s, "x", NULL, 0), POSTA_E_IN_PROGRESS);
    assert_int_equal(finish(s), POSTA_OK);
    if (where == TEXT) return s;
    assert_int_equal(posta_session_end_message(s), POSTA_E_IN_PROGRESS);
    return s;
}

/* ---- the calls of the table ---- */

static posta_recipient to[1] = {{.address = "b@y.example"}};
static const posta_envelope env = {.from = "a@x.example", .to = to, .to_n = 1};
static t_body body_of_send = T_BODY("hi\r\n", 4);
static posta_source source;
static posta_submission submission;

static posta_status do_set_host(posta_session *s) {
    return posta_session_set_host(s, "mx2.example", 0);
}
static posta_status do_sender(posta_session *s) {
    return posta_session_sender(s, NULL, "a@x.example", NULL, NULL);
}
static posta_status do_recipient(posta_session *s) {
    return posta_session_recipient(s, NULL, "b@y.example", POSTA_RECIPIENT_TO);
}
static posta_status do_begin(posta_session *s) {
    return posta_session_begin_message(s, NULL, NULL, 0);
}
static posta_status do_body(posta_session *s) {
    posta_status status;
    size_t n = posta_session_body(s, "x", 1, &status);
    assert_int_equal(n, status == POSTA_OK);
    return status;
}
static posta_status do_send(posta_session *s) {
    body_of_send.at = 0;
    source = t_body_source(&body_of_send, 4);
    return posta_session_send(s, &env, &source, NULL);
}
static posta_status do_submit(posta_session *s) {
    body_of_send.at = 0;
    source = t_body_source(&body_of_send, 4);
    submission = (posta_submission){.envelope = &env, .source = &source};
    return posta_session_submit(s, &submission);
}
static posta_status do_execute(posta_session *s) {
    return posta_session_execute(s, 1);
}

static const struct {
    const char *name;
    posta_status (*call)(posta_session *s);
} calls[] = {{"connect", posta_session_connect},
             {"set_host", do_set_host},
             {"noop", posta_session_noop},
             {"reset", posta_session_reset},
             {"disconnect", posta_session_disconnect},
             {"sender", do_sender},
             {"recipient", do_recipient},
             {"begin_message", do_begin},
             {"body", do_body},
             {"end_message", posta_session_end_message},
             {"send", do_send},
             {"submit", do_submit},
             {"execute", do_execute}};

#define CALLS (sizeof calls / sizeof *calls)

static posta_status status_of(const char *word) {
    if (!strcmp(word, "OK")) return POSTA_OK;
    if (!strcmp(word, "IN_PROGRESS")) return POSTA_E_IN_PROGRESS;
    assert_string_equal(word, "STATE");
    return POSTA_E_STATE;
}

/* One field: the answer, and that the session lives on: whatever was begun ends. */
static void try_call(size_t call, place where, posta_status expected) {
    net n;
    posta_session *s = open_at(&n, where);
    n.piece = 5; /* so that nothing ends within one execute(1) */
    if (calls[call].call == do_execute) n.silent = true;
    posta_status got = calls[call].call(s);
    if (got != expected)
        fail_msg("%s in state %d: %s, not %s", calls[call].name, (int)where, posta_status_name(got),
                 posta_status_name(expected));
    n.silent = false;
    finish(s);
    posta_session_free(&s);
    net_done(&n);
}

static void table(void **state) {
    FILE *f = fopen(POSTA_DOCS "/session.md", "r");
    char line[400];
    bool seen[CALLS] = {false};
    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char word[8][32];
        if (sscanf(line, "| %31s | %31s | %31s | %31s | %31s | %31s | %31s | %31s |", word[0],
                   word[1], word[2], word[3], word[4], word[5], word[6], word[7]) != 8)
            continue;
        for (size_t c = 0; c < CALLS; c++) {
            if (strcmp(word[0], calls[c].name) != 0) continue;
            seen[c] = true;
            for (size_t p = 0; p < PLACES; p++)
                try_call(c, (place)p, status_of(word[p + 1]));
        }
    }
    fclose(f);
    for (size_t c = 0; c < CALLS; c++)
        if (!seen[c]) fail_msg("docs/session.md lacks %s", calls[c].name);
}

/* ---- options ---- */

static void option_value(const posta_session *s, const posta_option_info *info, char *out,
                         size_t cap) {
    uint32_t n = 0;
    char text[64];
    size_t len = 0;
    if (info->type == POSTA_TYPE_TEXT) {
        assert_int_equal(posta_session_get_option(s, info->option, text, sizeof text, &len),
                         POSTA_OK);
        assert_int_equal(len, strlen(text) + 1);
        assert_int_equal(posta_session_get_option(s, info->option, text, 0, &len), POSTA_E_LIMIT);
        snprintf(out, cap, "\"%s\"", text);
        return;
    }
    assert_int_equal(posta_session_get_option(s, info->option, &n, sizeof n, &len), POSTA_OK);
    snprintf(out, cap, "%u", n);
}

/* The table of options in docs/session.md says what the code has: all of them, with their defaults.
 */
static void options_table(void **state) {
    static const char *const types[] = {"number", "flag", "text"};
    static const char *const when[] = {"closed", "any", "never"};
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    FILE *f = fopen(POSTA_DOCS "/session.md", "r");
    char line[400];
    unsigned found = 0;
    (void)state;
    c.host = "127.0.0.1";
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char name[64], value[80], expected[400];
        const posta_option_info *info;
        if (sscanf(line, "| %63s |", name) != 1 || !(info = posta_option_find(name))) continue;
        option_value(s, info, value, sizeof value);
        snprintf(expected, sizeof expected, "| %s | %s |%s%s | %s | %s |\n", name,
                 types[info->type], info->unit[0] ? " " : "", info->unit, value, when[info->when]);
#if defined(POSTA_TINY) && POSTA_TINY
        if (info->option == POSTA_OPTION_REPLY_SPACE) strcpy(expected, line);
#endif
        assert_string_equal(line, expected);
        assert_ptr_equal(info, posta_option_at(info->option));
        found++;
    }
    fclose(f);
    assert_int_equal(found, POSTA_OPTION_N_);
    assert_null(posta_option_find("timeout"));
    assert_null(posta_option_find(NULL));
    assert_null(posta_option_at(POSTA_OPTION_N_));
    posta_session_free(&s);
}

/* The table of events names every event, and none that there is not. */
static void events_table(void **state) {
    FILE *f = fopen(POSTA_DOCS "/session.md", "r");
    char line[400];
    bool in_table = false, seen[POSTA_EVENT_SENT + 1] = {false};
    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "| event |", 9) == 0) in_table = true;
        if (line[0] != '|') in_table = false;
        if (!in_table || line[2] < 'A' || line[2] > 'Z') continue;
        char *end = strchr(line + 2, '|');
        assert_non_null(end);
        *end = 0;
        for (char *name = strtok(line + 2, ", "); name; name = strtok(NULL, ", ")) {
            unsigned type = POSTA_EVENT_TRACE;
            while (type <= POSTA_EVENT_SENT && strcmp(t_event_name((posta_event_type)type), name))
                type++;
            if (type > POSTA_EVENT_SENT) fail_msg("docs/session.md: no event is called %s", name);
            seen[type] = true;
        }
    }
    fclose(f);
    for (unsigned type = POSTA_EVENT_TRACE; type <= POSTA_EVENT_SENT; type++)
        if (!seen[type]) fail_msg("docs/session.md lacks %s", t_event_name((posta_event_type)type));
}

/* Each option when it may be set, and what it then does; late or wrong ones are refused by name. */
static void options_set(void **state) {
    net n;
    uint32_t value = 1, got = 0;
    char text[100];
    size_t len;
    (void)state;
    posta_session *s = open_at(&n, CLOSED);
    for (unsigned o = 0; o < POSTA_OPTION_N_; o++) {
        const posta_option_info *info = posta_option_at((posta_option)o);
        bool is_text = info->type == POSTA_TYPE_TEXT;
        const void *p = is_text ? (const void *)"me.example" : &value;
        size_t n_p = is_text ? 10 : sizeof value;
        posta_status status = posta_session_set_option(s, info->option, p, n_p);
        if (info->option == POSTA_OPTION_BLOCKING) {
            uint32_t no = 0;
            posta_session_set_option(s, info->option, &no, sizeof no);
            continue;
        }
        assert_int_equal(status, info->when == POSTA_WHEN_NEVER ? POSTA_E_STATE : POSTA_OK);
        if (status != POSTA_OK) {
            assert_string_equal(posta_session_receipt(s)->field, info->name);
            continue;
        }
        if (is_text) {
            posta_session_get_option(s, info->option, text, sizeof text, &len);
            assert_string_equal(text, "me.example");
        } else {
            posta_session_get_option(s, info->option, &got, sizeof got, &len);
            assert_int_equal(got, 1);
            assert_int_equal(posta_session_set_option(s, info->option, &value, 2),
                             POSTA_E_ARGUMENT);
        }
    }
    value = 7;
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_TRACE, &value, 4), POSTA_E_FIELD);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_ON_REFUSED, &value, 4),
                     POSTA_E_FIELD);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_TLS_MODE, &value, 4), POSTA_E_FIELD);
    value = POSTA_SECURITY_STARTTLS;
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_TLS_MODE, &value, 4),
                     has_tls() ? POSTA_OK : POSTA_E_TLS_NOT_BUILT);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_HELLO, "a b", 3), POSTA_E_FIELD);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_AGENT, "a\nb", 3), POSTA_E_FIELD);
    assert_int_equal(posta_session_set_option(s, POSTA_OPTION_N_, &value, 4), POSTA_E_ARGUMENT);
    value = 5;
    assert_int_equal(posta_session_set_socket_option(s, 1, 1, &value, sizeof value),
                     POSTA_E_STATE); /* the transport is not ours */
    posta_session_free(&s);
    net_done(&n);
}

static void options_late(void **state) {
    net n;
    uint32_t value = 1;
    (void)state;
    posta_session *s = open_at(&n, IDLE);
    for (unsigned o = 0; o < POSTA_OPTION_N_; o++) {
        const posta_option_info *info = posta_option_at((posta_option)o);
        bool is_text = info->type == POSTA_TYPE_TEXT;
        posta_status status = posta_session_set_option(
            s, info->option, is_text ? (const void *)"x" : &value, is_text ? 1 : sizeof value);
        assert_int_equal(status, info->when == POSTA_WHEN_ANY ? POSTA_OK : POSTA_E_STATE);
        if (status != POSTA_OK) assert_string_equal(posta_session_receipt(s)->field, info->name);
    }
    /* a time that is set late is the one that counts */
    value = 700;
    posta_session_set_option(s, POSTA_OPTION_TIMEOUT_COMMAND, &value, sizeof value);
    n.silent = true;
    posta_session_noop(s);
    posta_session_execute(s, 0);
    assert_int_equal(posta_session_read_timer(s), 700 | 1);
    n.now += 699;
    assert_int_equal(posta_session_execute(s, 0), POSTA_E_IN_PROGRESS);
    n.now += 1;
    assert_int_equal(posta_session_execute(s, 0), POSTA_E_TIMEOUT);
    assert_int_equal(posta_session_read_timer(s), -1);
    posta_session_free(&s);
    net_done(&n);
}

/* ---- host ---- */

static void host_later(void **state) {
    net n;
    (void)state;
    net_init(&n);
    posta_session_config c = net_config(&n);
    c.url = NULL;
    c.security = POSTA_SECURITY_NONE;
    posta_session *s = net_session(&n, &c);
    assert_int_equal(posta_session_connect(s), POSTA_E_FIELD);
    assert_string_equal(posta_session_receipt(s)->field, "host");
    assert_int_equal(posta_session_set_host(s, "a b", 25), POSTA_E_FIELD);
    assert_int_equal(posta_session_set_host(s, "mx.example", 2525), POSTA_OK);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    posta_session_free(&s);
    net_done(&n);

    /* clear text was for loopback only: another host needs TLS */
    net_init(&n);
    c = net_config(&n);
    c.url = "smtp://127.0.0.1:2525";
    s = net_session(&n, &c);
    assert_int_equal(posta_session_set_host(s, "mx.example", 25),
                     has_tls() ? POSTA_OK : POSTA_E_TLS_NOT_BUILT);
    if (has_tls()) {
        uint32_t mode = 0;
        posta_session_get_option(s, POSTA_OPTION_TLS_MODE, &mode, sizeof mode, NULL);
        assert_int_equal(mode, POSTA_SECURITY_STARTTLS);
    }
    assert_int_equal(posta_session_set_host(s, "127.0.0.2", 0), POSTA_OK);
    posta_session_free(&s);
    net_done(&n);
}

/* ---- inside the callback ---- */

typedef struct inside {
    net *n;
    bool is_blocking;
    posta_event_type at;
    unsigned hits;
    posta_session *other;
} inside;

static void abuse(posta_session *s, const posta_event *ev, void *user_data) {
    inside *in = user_data;
    size_t len = strlen(in->n->events);
    snprintf(in->n->events + len, sizeof in->n->events - len, "%s%s", len ? " " : "",
             t_event_name(ev->type));
    if (ev->type != in->at) return;
    in->hits++;
    assert_int_equal(posta_session_execute(s, 0), POSTA_E_BUSY);
    assert_int_equal(posta_session_wait(s, 1000), POSTA_E_BUSY);
    if (in->is_blocking) {
        assert_int_equal(posta_session_noop(s), POSTA_E_BUSY);
        assert_int_equal(do_sender(s), POSTA_E_BUSY);
        assert_int_equal(do_send(s), POSTA_E_BUSY);
        assert_int_equal(posta_session_end_message(s), POSTA_E_BUSY);
    }
    if (in->other) {
        assert_int_equal(posta_session_connect(in->other), POSTA_E_IN_PROGRESS);
        assert_int_equal(finish(in->other), POSTA_OK);
        posta_session_free(&in->other);
    }
}

/* Every event: re-entry is refused, another session may be driven and freed, and all goes on. */
static void inside_the_callback(void **state) {
    static const posta_event_type events[] = {
        POSTA_EVENT_CONNECTED, POSTA_EVENT_SENDER_ACK, POSTA_EVENT_RECIPIENT_ACK,
        POSTA_EVENT_BEGIN_ACK, POSTA_EVENT_END_ACK,    POSTA_EVENT_NOOP_ACK,
        POSTA_EVENT_RESET,     POSTA_EVENT_SENT,       POSTA_EVENT_DISCONNECTED};
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        for (unsigned blocking = 0; blocking < 2; blocking++) {
            net n, n2;
            net_init(&n);
            inside in = {&n, blocking == 1, events[i], 0, open_at(&n2, CLOSED)};
            posta_session_config c = net_config(&n);
            c.callback = abuse;
            c.user_data = &in;
            c.non_blocking = !blocking;
            posta_session *s = net_session(&n, &c);
            posta_status (*const steps[])(posta_session *) = {
                posta_session_connect,     do_sender,          do_recipient,        do_begin,
                posta_session_end_message, posta_session_noop, posta_session_reset, do_send,
                posta_session_disconnect};
            for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                posta_status status = steps[k](s);
                if (status == POSTA_E_IN_PROGRESS) status = finish(s);
                assert_int_equal(status, POSTA_OK);
            }
            assert_string_equal(n.events, "CONNECTED SENDER_ACK RECIPIENT_ACK BEGIN_ACK END_ACK "
                                          "NOOP_ACK RESET RECIPIENT_ACK SENT DISCONNECTED");
            assert_true(in.hits > 0);
            assert_null(in.other);
            posta_session_free(&s);
            net_done(&n);
            net_done(&n2);
        }
    }
}

static void free_at(posta_session *s, const posta_event *ev, void *user_data) {
    inside *in = user_data;
    if (ev->type != in->at) return;
    in->hits++;
    posta_session_free(&s);
}

/* Freed in the callback at each event, in both modes: the call that runs ends, and nothing leaks.
 */
static void freed_inside(void **state) {
    static const posta_event_type events[] = {
        POSTA_EVENT_CONNECTED, POSTA_EVENT_SENDER_ACK, POSTA_EVENT_RECIPIENT_ACK,
        POSTA_EVENT_BEGIN_ACK, POSTA_EVENT_END_ACK,    POSTA_EVENT_NOOP_ACK,
        POSTA_EVENT_RESET,     POSTA_EVENT_SENT,       POSTA_EVENT_DISCONNECTED};
    posta_status (*const steps[])(posta_session *) = {
        posta_session_connect,     do_sender,          do_recipient,        do_begin,
        posta_session_end_message, posta_session_noop, posta_session_reset, do_send,
        posta_session_disconnect};
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        for (unsigned blocking = 0; blocking < 2; blocking++) {
            net n;
            net_init(&n);
            inside in = {&n, blocking == 1, events[i], 0, NULL};
            posta_session_config c = net_config(&n);
            c.callback = free_at;
            c.user_data = &in;
            c.non_blocking = !blocking;
            posta_session *s = net_session(&n, &c);
            for (size_t k = 0; k < sizeof steps / sizeof *steps && in.hits == 0; k++) {
                posta_status status = steps[k](s);
                if (in.hits > 0) break;
                while (status == POSTA_E_IN_PROGRESS && in.hits == 0)
                    status = posta_session_execute(s, 0);
                assert_int_equal(status, POSTA_OK);
            }
            assert_int_equal(in.hits, 1);
            net_done(&n);
        }
    }
}

#if !(defined(POSTA_TINY) && POSTA_TINY)
/* A budget is looked at after each piece: with a millisecond a write, so many writes a call. */
static void budget(void **state) {
    net n;
    (void)state;
    posta_session *s = open_at(&n, TEXT);
    char *text = malloc(100000);
    assert_non_null(text);
    memset(text, 'a', 100000);
    for (size_t i = 79; i < 100000; i += 80)
        text[i] = '\n';
    n.again_at = 0; /* nothing goes out while the text is taken */
    size_t took = posta_session_body(s, text, 100000, NULL);
    n.again_at = SIZE_MAX;
    n.slow = 1;
    n.piece = 100;
    assert_true(took > 400);
    for (unsigned ms = 1; ms <= 3; ms++) {
        size_t before = n.wire.len;
        posta_session_execute(s, ms * 1000);
        assert_int_equal(n.wire.len - before, ms * 100);
    }
    n.piece = 0;
    size_t before = n.wire.len;
    posta_session_execute(s, 1000);
    assert_in_range(n.wire.len - before, 1, 16384);
    free(text);
    posta_session_free(&s);
    net_done(&n);
}
#endif

/* The next action is begun in the callback of the one before. */
static void chain(posta_session *s, const posta_event *ev, void *user_data) {
    net *n = user_data;
    posta_status status = POSTA_E_IN_PROGRESS;
    switch (ev->type) {
    case POSTA_EVENT_CONNECTED: status = do_sender(s); break;
    case POSTA_EVENT_SENDER_ACK: status = do_recipient(s); break;
    case POSTA_EVENT_RECIPIENT_ACK: status = do_begin(s); break;
    case POSTA_EVENT_BEGIN_ACK:
        assert_int_equal(posta_session_body(s, "all of it\n", 10, NULL), 10);
        status = posta_session_end_message(s);
        break;
    case POSTA_EVENT_END_ACK: status = posta_session_disconnect(s); break;
    case POSTA_EVENT_DISCONNECTED: n->waited = 77; break;
    default: fail();
    }
    assert_int_equal(status, POSTA_E_IN_PROGRESS);
}

static void chained(void **state) {
    (void)state;
    for (size_t piece = 0; piece < 30; piece += 3) {
        net n;
        net_init(&n);
        n.piece = piece;
        posta_session_config c = net_config(&n);
        c.callback = chain;
        c.non_blocking = true;
        posta_session *s = net_session(&n, &c);
        posta_session_connect(s);
        assert_int_equal(finish(s), POSTA_OK);
        assert_int_equal(n.waited, 77);
        assert_int_equal(n.toy.mails_n, 1);
        posta_session_free(&s);
        net_done(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(options_table),
        cmocka_unit_test(events_table),
        cmocka_unit_test(options_set),
        cmocka_unit_test(options_late),
        cmocka_unit_test(host_later),
        cmocka_unit_test(inside_the_callback),
        cmocka_unit_test(freed_inside),
        cmocka_unit_test(chained),
#if !(defined(POSTA_TINY) && POSTA_TINY) /* its windows hold less than the pieces counted here */
        cmocka_unit_test(budget),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
