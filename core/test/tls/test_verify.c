/* Rows A09, A13, J01-J09, J27: each certificate of tools/certs shown by a server, and what becomes
 * of it: by STARTTLS and from the first octet, over the same transport.
 */
#include "peer.h"

#include <time.h>

static const bool implicit[] = {false, true};
#define EACH_WAY(i) for (const bool *i = implicit; i < implicit + 2; i++)

static posta_tls *tls;

/* A session to this peer and what its connect answers; the caller looks at it and calls `leave`. */
static posta_status meet(const posta_session_config *c, posta_session **s) {
    *s = peer_session(c);
    return peer_connect(*s);
}

static void leave(peer *p, posta_session **s) {
    posta_session_free(s);
    peer_done(p);
}

/* Nothing of ours was said inside TLS. */
static void refused_all(const peer *p, const posta_session *s) {
    const posta_receipt *r = posta_session_receipt(s);
    assert_string_equal(p->events, "SECURE_FAIL");
    assert_int_equal(p->toy.commands, p->is_implicit ? 0 : 2); /* EHLO, STARTTLS */
    assert_int_equal(r->outcome, POSTA_DELIVERY_NOT_SENT);
    assert_int_equal(r->stage, POSTA_PHASE_TLS);
    assert_int_equal(posta_session_fault(s)->side, POSTA_SIDE_TLS);
    assert_false(posta_session_is_connected(s));
}

/* ---- the table ---- */

typedef struct peer_case {
    const char *cert;
    posta_status name, ip4, ip6; /* for mail.example.org, 127.0.0.1, ::1 */
    const char *says;            /* of the first, part of the sentence; null: any */
} peer_case;

#define OK      POSTA_OK
#define NAME    POSTA_E_TLS_NAME
#define ISSUER  POSTA_E_TLS_ISSUER
#define EXPIRED POSTA_E_TLS_EXPIRED
#define NOT_YET POSTA_E_TLS_NOT_YET
#define WEAK    POSTA_E_TLS_WEAK

static const peer_case peers[] = {
    {"server", OK, OK, OK, NULL},
    {"server-rsa", OK, OK, OK, NULL},
    {"expired", EXPIRED, EXPIRED, EXPIRED, "the certificate expired on 2020-06-01"},
    {"future", NOT_YET, NOT_YET, NOT_YET, "the certificate is not valid before 2090-01-01"},
    {"wrong", NAME, NAME, NAME, "certificate is for *.hoster.net, not mail.example.org"},
    {"wild", OK, NAME, NAME, NULL},
    {"wild-tld", NAME, NAME, NAME, "certificate is for *.org, not mail.example.org"},
    {"wild-part", NAME, NAME, NAME, "certificate is for m*.example.org, not mail.example.org"},
    {"wild-deep", NAME, NAME, NAME, "certificate is for *.*.example.org, not mail.example.org"},
    {"cn-only", NAME, NAME, NAME,
     "certificate is for no name at all, not mail.example.org (its CN is no name, RFC 9525; "
     "insecure_cn takes it)"},
    {"cn-differs", NAME, NAME, NAME, "certificate is for other.example.org, not mail.example.org"},
    {"ip-only", NAME, OK, NAME, "certificate is for 127.0.0.1, not mail.example.org"},
    {"dns-ip", NAME, NAME, NAME, "certificate is for DNS:127.0.0.1, not mail.example.org"},
    {"uri", NAME, NAME, NAME, "certificate is for no name at all, not mail.example.org"},
    {"nul", NAME, NAME, NAME, "certificate is for mail.example.org\\x00.evil.example, not mail"},
    {"selfsigned", ISSUER, ISSUER, ISSUER,
     "the certificate is self-signed (\"CN=posta test selfsigned\"); the pin of its key is "
     "sha256//"},
    {"unknown", ISSUER, ISSUER, ISSUER,
     "the certificate's issuer \"CN=posta other CA\" is not trusted; the pin of its key is "
     "sha256//"},
    {"weak", WEAK, WEAK, WEAK, "too weak: its key or its issuer's is too short"},
    {"by-prime192v1", WEAK, WEAK, WEAK, "too weak: its key or its issuer's is too short"},
    {"by-secp224r1", WEAK, WEAK, WEAK, NULL},
    {"by-secp192k1", WEAK, WEAK, WEAK, NULL},
    {"by-secp224k1", WEAK, WEAK, WEAK, NULL},
    {"sha1", WEAK, WEAK, WEAK,
     "the certificate is too weak: it is signed with an old hash, or in a way not known here; "},
    {"not-ca", ISSUER, ISSUER, ISSUER, NULL},
    {"chain", OK, OK, OK, NULL},
    {"below-expired", EXPIRED, EXPIRED, EXPIRED, "expired on 2020-06-01"},
    {"below-future", NOT_YET, NOT_YET, NOT_YET, "not valid before 2090-01-01"},
    {"long", ISSUER, ISSUER, ISSUER,
     "it is longer than 8, or broken, which only its owner can mend; nothing was sent."},
    {"client-usage", ISSUER, ISSUER, ISSUER,
     "the certificate is not one for servers: its owner has to replace it; nothing was sent."},
    {"no-sign", ISSUER, ISSUER, ISSUER, "the certificate is not one for servers"},
};

static void says(const posta_session *s, const char *part) {
    const char *message = posta_session_receipt(s)->message;
    if (POSTA_TEXTS && part && !strstr(message, part))
        peer_wrong("\"%s\" in \"%s\"", part, message);
}

static void try_peer(const peer_case *row, const char *host, posta_status expected,
                     bool is_implicit, const char *part) {
    peer p;
    posta_session *s;
    posta_tls_info info;
    posta_status status;
    peer_init(&p);
    p.cert = row->cert;
    p.is_implicit = is_implicit;
    posta_session_config c = peer_config(&p, tls);
    c.host = host;
    status = meet(&c, &s);
    if (status != expected)
        peer_wrong("%s for %s: %s: %s", row->cert, host, posta_status_name(status),
                   posta_session_receipt(s)->message);
    posta_session_tls(s, &info);
    assert_int_equal(info.is_on, status == POSTA_OK);
    assert_int_equal(info.is_verified, status == POSTA_OK);
    if (info.reason != expected) peer_wrong("%s: info.reason", row->cert);
    assert_int_equal(info.insecure, 0);
    if (status != POSTA_OK) {
        refused_all(&p, s);
        if (status == expected) says(s, part);
        says(s, "; nothing was sent.");
    } else {
        assert_string_equal(p.events, "SECURE_OK CONNECTED");
    }
    leave(&p, &s);
}

static void each_peer(void **state) {
    (void)state;
    for (const peer_case *row = peers; row < peers + sizeof peers / sizeof *peers; row++)
        EACH_WAY(i) {
            try_peer(row, PEER_HOST, row->name, *i, row->says);
            try_peer(row, "127.0.0.1", row->ip4, *i, NULL);
            try_peer(row, "::1", row->ip6, *i, NULL);
        }
    peer_right();
}

/* Row J09. mbedTLS 3.x does not even offer such curves, so that the server finds nothing to do. */
static void weak_curve(void **state) {
    posta_status expected = PEER_HAS_1_3 ? POSTA_E_TLS_HANDSHAKE : WEAK;
    (void)state;
    EACH_WAY(i) {
        peer p;
        posta_session *s;
        peer_init(&p);
        p.cert = "weak-curve";
        p.is_implicit = *i;
        posta_session_config c = peer_config(&p, tls);
        assert_int_equal(meet(&c, &s), expected);
        refused_all(&p, s);
        leave(&p, &s);
    }
}

/* What mbedTLS cannot parse is told in words, and refused whatever is allowed. */
static void unreadable(void **state) {
    static const size_t spoilt[] = {0, 4,
                                    9}; /* its tag, the tag of what is signed, its version's */
    (void)state;
    for (size_t i = 0; i < 2 * sizeof spoilt / sizeof *spoilt; i++) {
        peer p;
        posta_session *s;
        peer_init(&p);
        p.is_implicit = true;
        p.max = i & 1 ? 12 : 0;
        peer_start(&p);
        p.chain.raw.p[spoilt[i / 2]] ^= 1;
        posta_session_config c = peer_config(&p, tls);
        c.insecure = POSTA_INSECURE_NO_VERIFY;
        assert_int_equal(meet(&c, &s), POSTA_E_TLS_HANDSHAKE);
        refused_all(&p, s);
        says(s, "a certificate of the server cannot be read: it is broken, or has what this");
        leave(&p, &s);
    }
    peer_right();
}

/* Whole sentences. */
static void sentences(void **state) {
    static const struct {
        const char *cert, *host, *says;
    } rows[] = {
        {"wrong", PEER_HOST,
         "mail.example.org:465: certificate is for *.hoster.net, not mail.example.org; nothing was "
         "sent. Set tls.server_name, or connect to the name on the certificate."},
        {"server", "other.example.org",
         "other.example.org:465: certificate is for mail.example.org, localhost, 127.0.0.1, ::1, "
         "not other.example.org; nothing was sent. Set tls.server_name, or connect to the name on "
         "the certificate."},
        {"expired", PEER_HOST,
         "mail.example.org:465: the certificate expired on 2020-06-01; nothing was sent. Its owner "
         "has to renew it; or is the clock here wrong?"},
        {"ip-only", "::1",
         "[::1]:465: certificate is for 127.0.0.1, not ::1; nothing was sent. Set tls.server_name, "
         "or connect to the name on the certificate."},
    };
    (void)state;
    for (size_t i = 0; POSTA_TEXTS && i < sizeof rows / sizeof *rows; i++) {
        peer p;
        posta_session *s;
        peer_init(&p);
        p.cert = rows[i].cert;
        p.is_implicit = true;
        posta_session_config c = peer_config(&p, tls);
        c.host = rows[i].host;
        assert_int_not_equal(meet(&c, &s), POSTA_OK);
        assert_string_equal(posta_session_receipt(s)->message, rows[i].says);
        leave(&p, &s);
    }
}

/* ---- the clock, row J07 ---- */

static int64_t no_time(void *user) {
    (void)user;
    return -1;
}

static void clocks(void **state) {
    static const struct {
        const char *cert;
        int64_t time; /* -1: not known; -2: the port has none */
        unsigned insecure;
        posta_status expected;
    } rows[] = {
        {"server", -1, 0, POSTA_E_TLS_NO_CLOCK},
        {"server", -2, 0, POSTA_E_TLS_NO_CLOCK},
        {"server", -1, POSTA_INSECURE_NO_TIME, OK},
        {"server", -2, POSTA_INSECURE_NO_TIME, OK},
        {"server", -1, POSTA_INSECURE_NO_VERIFY, OK},
        {"wrong", -1, 0, NAME},
        {"unknown", -1, 0, ISSUER},
        {"server", 0, 0, NOT_YET},          /* a device whose clock begins in 1970 */
        {"server", 4102444800, 0, EXPIRED}, /* 2100-01-01 */
        {"server", 4133980800, 0, EXPIRED}, /* and the root's end is over, too */
        {"expired", 1590969599, 0, OK},     /* 2020-05-31T23:59:59Z */
        {"expired", 1590969600, 0, OK},     /* to the last second */
        {"expired", 1590969601, 0, EXPIRED},
        {"expired", 1577836800, 0, OK}, /* 2020-01-01 */
        {"expired", 1577836799, 0, NOT_YET},
        {"future", 3786912000, 0, OK}, /* 2090-01-01 */
        {"future", 3786911999, 0, NOT_YET},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        posta_session *s;
        posta_status status;
        peer_init(&p);
        p.cert = rows[i].cert;
        p.time = rows[i].time;
        if (p.time == -1) p.port.unix_time = no_time;
        if (p.time == -2) p.port.unix_time = NULL;
        posta_session_config c = peer_config(&p, tls);
        c.insecure = rows[i].insecure;
        status = meet(&c, &s);
        if (status != rows[i].expected)
            peer_wrong("%s at %lld: %s", rows[i].cert, (long long)p.time,
                       posta_status_name(status));
        leave(&p, &s);
    }
    peer_right();
}

/* ---- what is allowed to be insecure, row J02 ---- */

typedef struct leave_case {
    unsigned bits;
    const char *cert;
    posta_status expected;
    bool is_verified;
    posta_status reason; /* what the receipt says of the peer */
} leave_case;

#define NO_VERIFY POSTA_INSECURE_NO_VERIFY
#define ANY_NAME  POSTA_INSECURE_ANY_NAME
#define CN        POSTA_INSECURE_CN
#define NO_TIME   POSTA_INSECURE_NO_TIME

static const leave_case leaves[] = {
    {NO_VERIFY, "server", OK, true, OK},
    {NO_VERIFY, "unknown", OK, false, ISSUER},
    {NO_VERIFY, "selfsigned", OK, false, ISSUER},
    {NO_VERIFY, "wrong", OK, false, NAME},
    {NO_VERIFY, "expired", OK, false, EXPIRED},
    {NO_VERIFY, "future", OK, false, NOT_YET},
    {NO_VERIFY, "weak", OK, false, WEAK},
    {NO_VERIFY, "sha1", OK, false, WEAK},
    {NO_VERIFY, "not-ca", OK, false, ISSUER},
    /* not mbedTLS's to leave out */
    {NO_VERIFY, "client-usage", ISSUER, false, ISSUER},
    {NO_VERIFY, "no-sign", ISSUER, false, ISSUER},
    {NO_VERIFY, "long", ISSUER, false, ISSUER},
    {ANY_NAME, "server", OK, false, OK},
    {ANY_NAME, "wrong", OK, false, OK},
    {ANY_NAME, "cn-only", OK, false, OK},
    {ANY_NAME, "nul", OK, false, OK},
    {ANY_NAME, "unknown", ISSUER, false, ISSUER},
    {ANY_NAME, "expired", EXPIRED, false, EXPIRED},
    {ANY_NAME, "weak", WEAK, false, WEAK},
    {CN, "cn-only", OK, true, OK},
    {CN, "cn-differs", NAME, false, NAME},
    {CN, "uri", NAME, false, NAME},
    {CN, "wrong", NAME, false, NAME},
    {CN, "unknown", ISSUER, false, ISSUER},
    {NO_TIME, "server", OK, false, OK},
    {NO_TIME, "expired", OK, false, OK},
    {NO_TIME, "future", OK, false, OK},
    {NO_TIME, "wrong", NAME, false, NAME},
    {NO_TIME, "unknown", ISSUER, false, ISSUER},
    {NO_TIME, "weak", WEAK, false, WEAK},
    {NO_TIME | ANY_NAME, "wrong", OK, false, OK},
    {0, "server", OK, true, OK},
};

/* The bits come with the posta_tls, with the session, or from both. */
static void try_leave(const leave_case *row, unsigned of_tls, unsigned of_session) {
    peer p;
    posta_session *s;
    posta_tls_info info;
    posta_receipt r;
    peer_init(&p);
    p.cert = row->cert;
    posta_tls_config tc = peer_tls_config(NULL);
    tc.insecure = of_tls;
    posta_tls *own = peer_tls(&tc);
    posta_session_config c = peer_config(&p, own);
    c.insecure = of_session;
    posta_status status = meet(&c, &s);
    posta_session_tls(s, &info);
    posta_tls_free(&own);
    if (status != row->expected || info.reason != row->reason || info.insecure != row->bits ||
        info.is_verified != row->is_verified)
        peer_wrong("%u, %s: %s, reason %s, insecure %u, verified %d", row->bits, row->cert,
                   posta_status_name(status), posta_status_name(info.reason), info.insecure,
                   info.is_verified);
    if (status != POSTA_OK) {
        refused_all(&p, s);
        r = *posta_session_receipt(s);
        if (r.tls.insecure != row->bits || r.tls.reason != row->reason)
            peer_wrong("%u, %s: receipt of connect: %u, %s", row->bits, row->cert, r.tls.insecure,
                       posta_status_name(r.tls.reason));
    } else if (row->expected == POSTA_OK) {
        assert_int_equal(p.secure_status, row->reason);
        assert_int_equal(peer_send(s, "x\r\n", 3, &r), POSTA_OK);
        assert_int_equal(r.tls.insecure, row->bits);
        assert_int_equal(r.tls.reason, row->reason);
        assert_int_equal(r.tls.is_verified, row->is_verified);
        assert_true(r.tls.is_on);
        assert_true(p.toy.mails[0].accepted);
    }
    leave(&p, &s);
}

static void each_leave(void **state) {
    (void)state;
    for (const leave_case *row = leaves; row < leaves + sizeof leaves / sizeof *leaves; row++) {
        try_leave(row, row->bits, 0);
        try_leave(row, 0, row->bits);
        try_leave(row, row->bits & 5, row->bits & 10);
    }
    peer_right();
}

/* ---- opportunistic, RFC 7435: the mail goes on, and the receipt says to whom ---- */

static void opportunistic(void **state) {
    static const struct {
        const char *cert;
        posta_status reason;
    } rows[] = {
        {"server", OK},         {"unknown", ISSUER}, {"wrong", NAME},    {"expired", EXPIRED},
        {"selfsigned", ISSUER}, {"weak", WEAK},      {"not-ca", ISSUER}, {"future", NOT_YET},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        posta_session *s;
        posta_receipt r;
        peer_init(&p);
        p.cert = rows[i].cert;
        posta_session_config c = peer_config(&p, tls);
        c.security = POSTA_SECURITY_OPPORTUNISTIC;
        posta_status status = meet(&c, &s);
        if (status != POSTA_OK) {
            peer_wrong("%s: %s", rows[i].cert, posta_session_receipt(s)->message);
            leave(&p, &s);
            continue;
        }
        assert_string_equal(p.events, "SECURE_OK CONNECTED");
        assert_int_equal(p.secure_status, rows[i].reason);
        assert_int_equal(peer_send(s, "x\r\n", 3, &r), POSTA_OK);
        assert_int_equal(r.tls.reason, rows[i].reason);
        assert_int_equal(r.tls.is_verified, rows[i].reason == POSTA_OK);
        assert_true(r.tls.is_on && p.toy.mails[0].accepted);
        assert_int_equal(r.tls.insecure, 0);
        leave(&p, &s);
    }
    peer_right();
}

/* Not offered: clear text, and the receipt says that too. */
static void not_offered(void **state) {
    peer p;
    posta_session *s;
    posta_receipt r;
    (void)state;
    peer_init(&p);
    p.toy.offers = "";
    posta_session_config c = peer_config(&p, tls);
    c.security = POSTA_SECURITY_OPPORTUNISTIC;
    assert_int_equal(meet(&c, &s), POSTA_OK);
    assert_string_equal(p.events, "CONNECTED");
    assert_int_equal(peer_send(s, "x\r\n", 3, &r), POSTA_OK);
    assert_false(r.tls.is_on || r.tls.is_verified || r.tls.version[0] || r.tls.cipher[0]);
    leave(&p, &s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_peer),     cmocka_unit_test(weak_curve), cmocka_unit_test(unreadable),
        cmocka_unit_test(sentences),     cmocka_unit_test(clocks),     cmocka_unit_test(each_leave),
        cmocka_unit_test(opportunistic), cmocka_unit_test(not_offered)};
    posta_tls_config c = peer_tls_config(NULL);
    tls = peer_tls(&c);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    posta_tls_free(&tls);
    return result;
}
