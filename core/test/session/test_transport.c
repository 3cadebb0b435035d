/* A transport of the host's: what it may protect, by itself or by STARTTLS, and what is refused. */
#include "net.h"

typedef struct secure {
    net n; /* first: its functions are given this */
    unsigned again;
    posta_status status;
    unsigned asked;
    size_t wrote; /* octets on the wire when the handshake began */
} secure;

static posta_status handshake(void *user, const char *server_name) {
    secure *t = user;
    assert_string_equal(server_name, "mx.example");
    if (t->asked++ == 0) t->wrote = t->n.wire.len;
    assert_int_equal(t->n.wire.len, t->wrote); /* not an octet of ours meanwhile */
    if (t->again > 0) {
        t->again--;
        return POSTA_AGAIN;
    }
    return t->status;
}

static posta_session *open_secure(secure *t, const char *url, bool has_starttls, unsigned flags) {
    posta_session *s = NULL;
    net_init(&t->n);
    t->n.transport.starttls = has_starttls ? handshake : NULL;
    t->n.transport.flags = flags;
    posta_session_config c = net_config(&t->n);
    c.url = url;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    return s;
}

static void by_starttls(void **state) {
    (void)state;
    for (unsigned again = 0; again < 3; again++) {
        secure t = {.again = again};
        posta_session *s = open_secure(&t, "smtp://mx.example:587", true, 0);
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        assert_int_equal(t.asked, again + 1);
        assert_string_equal(t.n.events, "SECURE_OK CONNECTED");
        assert_int_equal(posta_session_noop(s), POSTA_OK);
        posta_session_free(&s);
        const char *said = "EHLO client.test\r\nSTARTTLS\r\nEHLO client.test\r\nNOOP\r\nQUIT\r\n";
        assert_int_equal(t.n.wire.len, strlen(said));
        assert_memory_equal(t.n.wire.p, said, strlen(said));
        net_done(&t.n);
    }
}

static void handshake_fails(void **state) {
    secure t = {.again = 1, .status = POSTA_E_TLS_NAME};
    (void)state;
    posta_session *s = open_secure(&t, "smtp://mx.example:587", true, 0);
    assert_int_equal(posta_session_connect(s), POSTA_E_TLS_NAME);
    assert_string_equal(t.n.events, "SECURE_FAIL");
    assert_int_equal(t.n.wire.len, t.wrote);
    assert_int_equal(posta_session_receipt(s)->stage, POSTA_PHASE_TLS);
    posta_session_free(&s);
    net_done(&t.n);
}

static unsigned no_starttls(toy *t, toy_verb verb) {
    (void)t;
    return verb == T_STARTTLS ? 502 : 0;
}

/* Row A03: required means required; the mail does not go in clear. */
static void stripped(void **state) {
    secure t = {.again = 0};
    (void)state;
    posta_session *s = open_secure(&t, "smtp://mx.example:587", true, 0);
    t.n.toy.decide = no_starttls;
    assert_int_equal(posta_session_connect(s), POSTA_E_TLS_UNAVAILABLE);
    assert_string_equal(t.n.events, "SECURE_FAIL");
    assert_int_equal(t.asked, 0);
    posta_session_free(&s);
    net_done(&t.n);
}

/* Opportunistic: said where it is offered. */
static void if_offered(void **state) {
    (void)state;
    for (unsigned offered = 0; offered < 2; offered++) {
        secure t = {.again = 0};
        posta_session *s = open_secure(&t, "smtp://mx.example:25?security=opportunistic", true, 0);
        if (offered) t.n.toy.offers = "250-STARTTLS\r\n";
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        assert_int_equal(t.asked, offered);
        assert_string_equal(t.n.events, offered ? "SECURE_OK CONNECTED" : "CONNECTED");
        posta_session_free(&s);
        net_done(&t.n);
    }
}

/* The host encrypts and has verified: the target that wants TLS has it. */
static void secure_already(void **state) {
    static const char *const urls[] = {"smtps://mx.example", "smtp://mx.example"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        secure t = {.again = 0};
        posta_session *s = open_secure(&t, urls[i], false, POSTA_TRANSPORT_SECURE);
        assert_int_equal(posta_session_connect(s), POSTA_OK);
        assert_string_equal(t.n.events, "CONNECTED");
        posta_session_free(&s);
        net_done(&t.n);

        if (has_tls()) continue;
        net_init(&t.n);
        posta_session_config c = net_config(&t.n);
        c.url = urls[i];
        assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_E_TLS_NOT_BUILT);
        net_done(&t.n);
    }
}

/* The host's handshake also serves where TLS begins with the first octet. */
static void from_the_first_octet(void **state) {
    secure t = {.again = 1};
    (void)state;
    posta_session *s = open_secure(&t, "smtps://mx.example", true, 0);
    assert_int_equal(posta_session_connect(s), POSTA_OK);
    assert_int_equal(t.asked, 2);
    assert_int_equal(t.wrote, 0);
    assert_string_equal(t.n.events, "SECURE_OK CONNECTED");
    posta_session_free(&s);
    net_done(&t.n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_starttls),    cmocka_unit_test(handshake_fails),
        cmocka_unit_test(stripped),       cmocka_unit_test(if_offered),
        cmocka_unit_test(secure_already), cmocka_unit_test(from_the_first_octet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
