/* Rows J03-J06: which hosts are names, and which names on a certificate cover them. RFC 9525. */
#include "t_smtp.h"

#include "name_i.h"

#include <stdio.h>
#include <stdlib.h>

#define A10 "aaaaaaaaaa"
#define A63 A10 A10 A10 A10 A10 A10 "aaa"
#define L50 A10 A10 A10 A10 "aaaaaaaaa." /* with its dot */

/* ---- hosts ---- */

typedef struct host_case {
    const char *host;
    size_t len;        /* 0: strlen */
    const char *dns;   /* null: it is no name */
    const char *shown; /* an address, as people write it; null: it is none */
} host_case;

#define NAME(host, dns)                                                                            \
    { host, 0, dns, NULL }
#define ADDRESS(host, ip)                                                                          \
    { host, 0, NULL, ip }
#define WRONG(host)                                                                                \
    { host, 0, NULL, NULL }

static const host_case hosts[] = {
    NAME("mail.example.org", "mail.example.org"),
    NAME("MAIL.Example.ORG", "mail.example.org"),
    NAME("mail.example.org.", "mail.example.org"),
    NAME("localhost", "localhost"),
    NAME("a", "a"),
    NAME("xn--bcher-kva.example", "xn--bcher-kva.example"),
    NAME("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    NAME("_smtp.example.org", "_smtp.example.org"),
    NAME("a_b.example", "a_b.example"),
    NAME("a-b.example", "a-b.example"),
    NAME("a--b.example", "a--b.example"),
    NAME("1.2.3.example", "1.2.3.example"),
    NAME("3com.example", "3com.example"),
    NAME("1.2.3.4a", "1.2.3.4a"),
    NAME("a.0b", "a.0b"),
    NAME(A63 ".example", A63 ".example"),
    NAME(L50 L50 L50 L50 L50 "aaa", L50 L50 L50 L50 L50 "aaa"),
    NAME(L50 L50 L50 L50 L50 "aaa.", L50 L50 L50 L50 L50 "aaa"),
    ADDRESS("1.2.3.4", "1.2.3.4"),
    ADDRESS("0.0.0.0", "0.0.0.0"),
    ADDRESS("255.255.255.255", "255.255.255.255"),
    ADDRESS("::", "::"),
    ADDRESS("::1", "::1"),
    ADDRESS("1::", "1::"),
    ADDRESS("2001:db8::1", "2001:db8::1"),
    ADDRESS("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ADDRESS("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
    ADDRESS("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ADDRESS("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ADDRESS("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ADDRESS("::ffff:1.2.3.4", "::ffff:102:304"),
    ADDRESS("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ADDRESS("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ADDRESS("fe80::1%eth0", "fe80::1"),
    ADDRESS("fe80::1%25", "fe80::1"),
    WRONG(""),
    WRONG("."),
    WRONG(".."),
    WRONG(".example.org"),
    WRONG("a..b"),
    WRONG("a.b.."),
    WRONG("-a.example"),
    WRONG("a-.example"),
    WRONG("a.example-"),
    WRONG("a b.example"),
    WRONG("a@b.example"),
    WRONG("a/b"),
    WRONG("a:25"),
    WRONG("*.example.org"),
    WRONG("b\xc3\xbc"
          "cher.example"),
    WRONG("mail.example.org\r\n"),
    {"mail.example.org\0.evil.example", 30, NULL, NULL},
    {"mail.example.org\0", 17, NULL, NULL},
    {"1.2.3.4\0", 8, NULL, NULL},
    {"::1\0", 4, NULL, NULL},
    WRONG(A63 "a.example"),
    WRONG(L50 L50 L50 L50 L50 "aaaa"),
    WRONG(L50 L50 L50 L50 L50 "aaaa."),
    WRONG(L50 L50 L50 L50 L50 L50),
    WRONG("1.2.3"),
    WRONG("127.1"),
    WRONG("1"),
    WRONG("2130706433"),
    WRONG("0x7f.1"),
    WRONG("0x7f000001"),
    WRONG("0X7F000001"),
    WRONG("1.2.3.0x4"),
    WRONG("1.2.3.04"),
    WRONG("0177.0.0.1"),
    WRONG("1.2.3.4."),
    WRONG("1.2.3.4.5"),
    WRONG("1.2.3.256"),
    WRONG("1.2.3.1000"),
    WRONG("1.2.3.4%eth0"),
    WRONG(":"),
    WRONG(":::"),
    WRONG(":1"),
    WRONG("1:"),
    WRONG("1::2::3"),
    WRONG("::1::"),
    WRONG("1:2:3:4:5:6:7"),
    WRONG("1:2:3:4:5:6:7:8:9"),
    WRONG("1:2:3:4:5:6:7:8::"),
    WRONG("::1:2:3:4:5:6:7:8"),
    WRONG("1:2:3:4::5:6:7:8"),
    WRONG("12345::"),
    WRONG("g::1"),
    WRONG("1.2.3.4::"),
    WRONG("::1.2.3"),
    WRONG("::1.2.3.4.5"),
    WRONG("::1.2.3.4:5"),
    WRONG("1:2:3:4:5:6:7:1.2.3.4"),
    WRONG("[::1]"),
    WRONG("%eth0"),
    WRONG("mail.example.org%eth0"),
};

static posta_span octets_of(const char *p, size_t len) {
    return (posta_span){(const uint8_t *)p, len ? len : strlen(p)};
}

static void shown(unsigned tag, posta_span san, const char *expected) {
    uint8_t store[300];
    posta_window w = {store, sizeof store - 1, 0, 0};
    posta__tls_name_show(&w, tag, san);
    store[w.len] = 0;
    assert_string_equal((const char *)store, expected);
}

static void is_host(const host_case *c) {
    posta__tls_name n;
    const char *why = NULL;
    posta_status status;
    memset(&n, 0xA5, sizeof n);
    status = posta__tls_name_init(&n, octets_of(c->host, c->len), &why);
    if ((status == POSTA_OK) != (c->dns || c->shown)) fail_msg("%s", c->host);
    if (status != POSTA_OK) {
        assert_int_equal(status, POSTA_E_FIELD);
        assert_non_null(why);
        assert_int_equal(posta__tls_name_init(&n, octets_of(c->host, c->len), NULL), POSTA_E_FIELD);
        return;
    }
    assert_string_equal(n.dns, c->dns ? c->dns : "");
    assert_int_equal(n.ip_len, !c->shown ? 0 : strchr(c->shown, ':') ? 16 : 4);
    if (c->shown) shown(POSTA__SAN_IP, (posta_span){n.ip, n.ip_len}, c->shown);
}

static void each_host(void **state) {
    (void)state;
    for (const host_case *c = hosts; c < hosts + sizeof hosts / sizeof *hosts; c++) {
        is_host(c);
    }
}

/* ---- names on certificates ---- */

typedef struct san_case {
    const char *host;
    unsigned tag;
    const char *san;
    size_t len; /* 0: strlen */
    bool covers;
} san_case;

enum { OTHER = 0, MAIL = 1, DNS = POSTA__SAN_DNS, URI = 6, IP = POSTA__SAN_IP, ID = 8 };

#define M       "mail.example.org"
#define LO4     "\x7f\0\0\1"
#define LO6     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define MAPPED4 "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"

static const san_case sans[] = {
    {M, DNS, M, 0, true},
    {M, DNS, "MAIL.Example.ORG", 0, true},
    {"MAIL.example.org.", DNS, M, 0, true},
    {M, DNS, M ".", 0, true},
    {M, DNS, M "..", 0, false},
    {M, DNS, "." M, 0, false},
    {M, DNS, "ail.example.org", 0, false},
    {M, DNS, "xmail.example.org", 0, false},
    {M, DNS, "example.org", 0, false},
    {M, DNS, "org", 0, false},
    {M, DNS, "mail.example.orgx", 0, false},
    {M, DNS, "mail.example.org.evil.example", 0, false},
    {M, DNS, "", 0, false},
    {M, DNS, ".", 0, false},
    {M, DNS, " " M, 0, false},
    {M, DNS, M " ", 0, false},
    {M, DNS, M "\0.evil.example", 30, false},
    {M, DNS, M "\0", 17, false},
    {M, DNS, "mail\0.example.org", 17, false},
    {M, DNS, "mail\x01.example.org", 0, false},
    {M, DNS, M "\n", 0, false},
    {M, DNS, "smtp://" M, 0, false},
    {"localhost", DNS, "localhost", 0, true},
    {"a_b.example", DNS, "a_b.example", 0, true},
    /* wildcards */
    {M, DNS, "*.example.org", 0, true},
    {M, DNS, "*.EXAMPLE.org", 0, true},
    {M, DNS, "*.example.org.", 0, true},
    {"example.org", DNS, "*.example.org", 0, false},
    {"a.mail.example.org", DNS, "*.example.org", 0, false},
    {"a.mail.example.org", DNS, "*.mail.example.org", 0, true},
    {"xn--bcher-kva.example.org", DNS, "*.example.org", 0, true},
    {"mail.other.org", DNS, "*.example.org", 0, false},
    {"mailexample.org", DNS, "*.example.org", 0, false},
    {M, DNS, "m*.example.org", 0, false},
    {M, DNS, "*l.example.org", 0, false},
    {M, DNS, "m*l.example.org", 0, false},
    {M, DNS, "**.example.org", 0, false},
    {M, DNS, "mail.*.org", 0, false},
    {M, DNS, "mail.example.*", 0, false},
    {M, DNS, "*.*.org", 0, false},
    {"a.mail.example.org", DNS, "*.*.example.org", 0, false},
    {M, DNS, "*.*.*", 0, false},
    {M, DNS, "*", 0, false},
    {"localhost", DNS, "*", 0, false},
    {M, DNS, "*.", 0, false},
    {M, DNS, "*..", 0, false},
    {M, DNS, "*..org", 0, false},
    {M, DNS, "*.org", 0, false},
    {"example.org", DNS, "*.org", 0, false},
    {"example.org", DNS, "*.org.", 0, false},
    {"localhost", DNS, "*.localhost", 0, false},
    {"xn--a.example.org", DNS, "xn--*.example.org", 0, false},
    {"xn--bcher-kva.example", DNS, "xn--bcher-kva.example", 0, true},
    {"xn--bcher-kva.example", DNS,
     "b\xc3\xbc"
     "cher.example",
     0, false},
    {M, DNS, "*.example\0.org", 14, false},
    /* addresses */
    {"127.0.0.1", IP, LO4, 4, true},
    {"127.0.0.1", IP, "\x7f\0\0\2", 4, false},
    {"127.0.0.1", IP, LO4, 3, false},
    {"127.0.0.1", IP, LO4 "\0", 5, false},
    {"127.0.0.1", IP, LO4 "\xff\xff\xff\xff", 8, false},
    {"127.0.0.1", IP, MAPPED4, 16, false},
    {"127.0.0.1", IP, "127.0.0.1", 9, false},
    {"127.0.0.1", IP, "", 0, false},
    {"127.0.0.1", DNS, "127.0.0.1", 0, false},
    {"1.2.3.4", DNS, "*.2.3.4", 0, false},
    {"1.2.3.4", DNS, "*", 0, false},
    {"::1", IP, LO6, 16, true},
    {"0:0:0:0:0:0:0:1", IP, LO6, 16, true},
    {"::1%lo", IP, LO6, 16, true},
    {"::1", IP, LO4, 4, false},
    {"::1", DNS, "::1", 0, false},
    {"::ffff:127.0.0.1", IP, MAPPED4, 16, true},
    {"::ffff:127.0.0.1", IP, LO4, 4, false},
    {M, IP, LO4, 4, false},
    {"abcd", IP, "abcd", 4, false},
    /* kinds that do not count, row J05 */
    {M, URI, M, 0, false},
    {M, URI, "smtp://" M, 0, false},
    {M, MAIL, M, 0, false},
    {M, OTHER, M, 0, false},
    {M, ID, M, 0, false},
    {"127.0.0.1", URI, LO4, 4, false},
};

static void each_san(void **state) {
    (void)state;
    for (const san_case *c = sans; c < sans + sizeof sans / sizeof *sans; c++) {
        posta__tls_name n;
        assert_int_equal(posta__tls_name_init(&n, octets_of(c->host, 0), NULL), POSTA_OK);
        if (posta__tls_name_covers(&n, c->tag, octets_of(c->san, c->len)) != c->covers)
            fail_msg("%s for %s", c->san, c->host);
    }
}

/* The rows of an untrusted certificate lie in memory of its length: not an octet is read behind. */
static void at_the_edge(void **state) {
    (void)state;
    for (const san_case *c = sans; c < sans + sizeof sans / sizeof *sans; c++) {
        posta_span san = octets_of(c->san, c->len);
        posta__tls_name n;
        uint8_t *copy = malloc(san.len ? san.len : 1);
        assert_non_null(copy);
        memcpy(copy, san.p, san.len);
        assert_int_equal(posta__tls_name_init(&n, octets_of(c->host, 0), NULL), POSTA_OK);
        assert_int_equal(posta__tls_name_covers(&n, c->tag, (posta_span){copy, san.len}),
                         c->covers);
        free(copy);
    }
}

/* No name at all (the check was given up, as insecure): nothing covers it. */
static void no_name(void **state) {
    posta__tls_name n;
    (void)state;
    memset(&n, 0, sizeof n);
    for (const san_case *c = sans; c < sans + sizeof sans / sizeof *sans; c++)
        assert_false(posta__tls_name_covers(&n, c->tag, octets_of(c->san, c->len)));
    assert_false(posta__tls_name_covers(&n, DNS, (posta_span){NULL, 0}));
    assert_false(posta__tls_name_covers(&n, IP, (posta_span){NULL, 0}));
}

/* ---- for people ---- */

#define SIXTEEN(text, expected) shown(IP, (posta_span){(const uint8_t *)(text), 16}, expected)

static void for_people(void **state) {
    (void)state;
    shown(DNS, octets_of("*.hoster.net", 0), "*.hoster.net");
    shown(DNS, octets_of("a\r\nb", 0), "a\\x0D\\x0Ab");
    shown(DNS, (posta_span){NULL, 0}, "");
    shown(URI, octets_of("smtp://x", 0), "");
    shown(MAIL, octets_of("a@x", 0), "");
    shown(IP, octets_of("\1\2\3\4", 4), "1.2.3.4");
    shown(IP, octets_of("\xff\0\0\xff", 4), "255.0.0.255");
    shown(IP, octets_of("\1\2\3", 3), "");
    shown(IP, octets_of("\1\2\3\4\5", 5), "");
    /* RFC 5952 4: no zeros before a group, the longest gap, of equals the first, never of one */
    SIXTEEN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "::");
    SIXTEEN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "::1");
    SIXTEEN("\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "1::");
    SIXTEEN("\x20\1\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1", "2001:db8:0:1:1:1:1:1");
    SIXTEEN("\x20\1\0\0\0\0\0\1\0\0\0\0\0\0\0\1", "2001:0:0:1::1");
    SIXTEEN("\x20\1\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1", "2001:db8::1:0:0:1");
    SIXTEEN("\xfe\x80\0\0\0\0\0\0\xab\xcd\x0a\xbc\0\x10\x10\0", "fe80::abcd:abc:10:1000");
    SIXTEEN("\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0", "1:2:3:4:5:6:7:0");
    SIXTEEN("\0\0\0\2\0\3\0\4\0\5\0\6\0\7\0\x08", "0:2:3:4:5:6:7:8");
    SIXTEEN("\0\1\0\2\0\3\0\4\0\5\0\6\0\0\0\0", "1:2:3:4:5:6::");
}

/* Any octets as a name on a certificate: an answer, and it is the rule's. */
static void any_octets(void **state) {
    static const char alphabet[] = "*.a-o\0";
    uint32_t seed = 77;
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        char san[8];
        posta__tls_name n;
        size_t len = t_random(&seed) % (sizeof san - 1);
        for (size_t k = 0; k < len; k++)
            san[k] = alphabet[t_random(&seed) % (sizeof alphabet - 1)];
        san[len] = 0;
        assert_int_equal(posta__tls_name_init(&n, octets_of("a.o.a", 0), NULL), POSTA_OK);
        bool is = !strcmp(san, "a.o.a") || !strcmp(san, "a.o.a.") || !strcmp(san, "*.o.a") ||
                  !strcmp(san, "*.o.a.");
        if (strlen(san) != len) is = false;
        assert_int_equal(posta__tls_name_covers(&n, DNS, (posta_span){(uint8_t *)san, len}), is);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_host),   cmocka_unit_test(each_san),
                                       cmocka_unit_test(at_the_edge), cmocka_unit_test(no_name),
                                       cmocka_unit_test(for_people),  cmocka_unit_test(any_octets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
