/* SCRAM: the example of RFC 5802, and whatever a server can do wrong. Rows B05, B06, B07, B13, B17.
 * That of RFC 7677 is in test_scram_256.c, since its nonce has another length. */
#include "t_auth.h"

#define NONCE  "fyko+d2lbbFgONRv9qkxdawL"
#define THEIRS NONCE "3rfcNHYJY1ZVvWVs7j"
#define SALT   "QSXCR+Q6sek8bf92"
#define FIRST  "r=" THEIRS ",s=" SALT ",i=4096"
#define PROOF  "c=biws,r=" THEIRS ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
#define SIGNED "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="

static void begin(t_exchange *x) {
    t_nonce = NONCE;
    t_begin(x, &posta__scram_sha1, t_login("user", "pencil"));
    assert_int_equal(t_answer(x, ""), POSTA_OK);
}

static void example(void **state) {
    t_exchange x;
    (void)state;
    begin(&x);
    t_said(&x, "n,,n=user,r=" NONCE);
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
    t_said(&x, PROOF);
    assert_false(t_is_proven(&x));
    assert_int_equal(t_answer(&x, SIGNED), POSTA_OK);
    assert_true(t_is_proven(&x));
    t_said(&x, "");
    assert_int_equal(t_answer(&x, SIGNED), POSTA_E_PROTOCOL);
}

/* Nothing but this signature: each octet of it spoilt in each bit, cut anywhere, and other things.
 */
static void signatures(void **state) {
    static const char *const wrong[] = {"",
                                        "v",
                                        "v=",
                                        "v=AAAA",
                                        "e=other-error",
                                        "x=1",
                                        (SIGNED "x"),
                                        "V=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
                                        (" " SIGNED)};
    char text[64];
    (void)state;
    for (size_t i = 0; i < 8 * (sizeof SIGNED - 1); i++) {
        t_exchange x;
        begin(&x);
        assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
        memcpy(text, SIGNED, sizeof SIGNED);
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        assert_int_not_equal(t_answer_in(&x, posta__span(text, sizeof SIGNED - 1), 100), POSTA_OK);
        assert_false(t_is_proven(&x));
        if (i < sizeof SIGNED - 1) {
            begin(&x);
            assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
            assert_int_not_equal(t_answer_in(&x, posta__span(SIGNED, i), 100), POSTA_OK);
            assert_false(t_is_proven(&x));
        }
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        t_exchange x;
        begin(&x);
        assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
        assert_int_equal(t_answer(&x, wrong[i]),
                         wrong[i][0] == 'e' ? POSTA_E_AUTH_REJECTED : POSTA_E_PROTOCOL);
        assert_non_null(x.why);
        assert_false(t_is_proven(&x));
    }
}

/* What may stand behind is ignored, RFC 5802 5.1. */
static void extensions(void **state) {
    t_exchange x;
    (void)state;
    begin(&x);
    assert_int_equal(t_answer(&x, "r=" THEIRS ",s=" SALT ",i=4096,x=more"), POSTA_OK);
    begin(&x);
    assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
    assert_int_equal(t_answer(&x, SIGNED ",x=more"), POSTA_OK);
    assert_true(t_is_proven(&x));
}

#define I(n) "r=" THEIRS ",s=" SALT ",i=" n

static const char *const firsts[] = {
    "",
    "r",
    "r=",
    ",",
    "r=,s=,i=",
    "r=" NONCE ",s=" SALT ",i=4096", /* ours alone */
    "r=" NONCE ",",
    "r=x" THEIRS ",s=" SALT ",i=4096",
    "r=x,s=" SALT ",i=4096",
    "r=FYKO+d2lbbFgONRv9qkxdawL3rfc,s=" SALT ",i=4096",
    "r=3rfcNHYJ" NONCE ",s=" SALT ",i=4096",
    "r=" NONCE "3 r,s=" SALT ",i=4096",
    "r=" NONCE "3\tr,s=" SALT ",i=4096",
    "r=" NONCE "3\x80r,s=" SALT ",i=4096",
    "m=x," FIRST,
    "m=," FIRST,
    " " FIRST,
    "R=" THEIRS ",s=" SALT ",i=4096",
    "s=" SALT ",r=" THEIRS ",i=4096",
    "r=" THEIRS ",i=4096,s=" SALT,
    "i=4096,r=" THEIRS ",s=" SALT,
    "r=" THEIRS ",s=" SALT,
    "r=" THEIRS ",i=4096",
    "r=" THEIRS ",s=,i=4096",
    "r=" THEIRS ",s=" SALT ",",
    "r=" THEIRS ",,s=" SALT ",i=4096",
    "r=" THEIRS ",s=!!!!,i=4096",
    "r=" THEIRS ",s=QSXCR+Q6sek8bf9,i=4096",
    "r=" THEIRS ",s=QSXCR+Q6sek8bf9=,i=4096x",
    "r=" THEIRS ",s=QSX CR+Q,i=4096",
    "r=" THEIRS ",s====,i=4096",
    "r=" THEIRS ",s=AB==,i=4096",
    "r=" THEIRS ",s=A===,i=4096",
    "r=" THEIRS ",s=AAAA=AAA,i=4096",
    FIRST "x",
    I(""),
    I("0"),
    I("-1"),
    I("+4096"),
    I(" 4096"),
    I("4096 "),
    I("04096"),
    I("4096x"),
    I("0x1000"),
    I("4095"),
    I("1"),
    I("100001"),
    I("1000000000"),
    I("2147483647"),
    I("2147483648"),
    I("4294967295"),
    I("4294967296"),
    I("4294967297"),
    I("4294971392"),
    I("18446744073709551616"),
    I("99999999999999999999999"),
    I("4e3"),
    I("4,096"),
    I("4096.0"),
    "e=other-error",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

static void malformed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        t_exchange x;
        begin(&x);
        if (t_answer(&x, firsts[i]) != POSTA_E_PROTOCOL) fail_msg("taken: %s", firsts[i]);
        assert_non_null(x.why);
        assert_int_equal(x.slices, 1); /* seen before any work is done */
        assert_false(t_is_proven(&x));
    }
}

/* A NUL or a salt beyond reason. */
static void octets(void **state) {
    char text[9000] = "r=" THEIRS ",s=";
    size_t head = strlen(text);
    t_exchange x;
    (void)state;
    memset(text + head, 'A', 8192);
    strcpy(text + head + 8192, ",i=4096");
    begin(&x);
    assert_int_equal(t_answer(&x, text), POSTA_E_PROTOCOL);
    for (size_t i = 0; i < sizeof FIRST - 1; i++) {
        memcpy(text, FIRST, sizeof FIRST);
        text[i] = 0;
        begin(&x);
        assert_int_equal(t_answer_in(&x, posta__span(text, sizeof FIRST - 1), 200),
                         POSTA_E_PROTOCOL);
    }
}

/* No call does more than some hundred rounds, whatever the server asks for. */
static void slices(void **state) {
    t_exchange x;
    (void)state;
    begin(&x);
    assert_int_equal(t_answer(&x, I("100000")), POSTA_OK);
    assert_true(x.slices >= 100000 / 256);
    begin(&x);
    x.login.min_iterations = 1;
    assert_int_equal(t_answer(&x, I("1")), POSTA_OK);
    assert_int_equal(x.slices, 1);
}

/* Names are escaped; who is acted for stands in the header and in the binding. */
static void names(void **state) {
    t_exchange x;
    posta_login l = t_login("a,b=c", "pencil");
    (void)state;
    l.authzid = t_span("=,");
    t_nonce = NONCE;
    t_begin(&x, &posta__scram_sha1, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "n,a==3D=2C,n=a=2Cb=3Dc,r=" NONCE);
    assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
    assert_memory_equal(x.out.p, "c=bixhPT0zRD0yQyw=,r=" NONCE, 20);
}

/* RFC 5802 6, RFC 9266. */
static void binding(void **state) {
    t_exchange x;
    posta_login l = t_login("user", "pencil");
    (void)state;
    t_nonce = NONCE;
    l.binding = POSTA_LIT("0123456789abcdef0123456789abcdef");
    t_begin(&x, &posta__scram_sha1, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "y,,n=user,r=" NONCE);
    assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
    assert_memory_equal(x.out.p, "c=eSws,r=", 9);
    t_begin(&x, &posta__scram_sha1_plus, l);
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    t_said(&x, "p=tls-exporter,,n=user,r=" NONCE);
    assert_int_equal(t_answer(&x, FIRST), POSTA_OK);
    assert_memory_equal(
        x.out.p, "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r=", 69);
}

static void little_room(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 200; cap++) {
        t_exchange x;
        posta_status status;
        t_nonce = NONCE;
        t_begin(&x, &posta__scram_sha1, t_login("user", "pencil"));
        status = t_answer_in(&x, posta__span(NULL, 0), cap);
        assert_int_equal(status, cap < 36 ? POSTA_E_LIMIT : POSTA_OK);
        if (status != POSTA_OK) continue;
        status = t_answer_in(&x, t_span(FIRST), cap);
        if (status == POSTA_OK)
            t_said(&x, PROOF);
        else
            assert_int_equal(status, POSTA_E_LIMIT);
        if (cap >= 130) assert_int_equal(status, POSTA_OK);
    }
}

/* Two logins have two nonces. */
static void nonces(void **state) {
    t_exchange x, y;
    (void)state;
    t_nonce = NULL;
    t_begin(&x, &posta__scram_sha256, t_login("user", "pencil"));
    t_begin(&y, &posta__scram_sha256, t_login("user", "pencil"));
    assert_int_equal(t_answer(&x, ""), POSTA_OK);
    assert_int_equal(t_answer(&y, ""), POSTA_OK);
    assert_int_equal(x.out.len, y.out.len);
    assert_memory_not_equal(x.out.p, y.out.p, x.out.len);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),   cmocka_unit_test(signatures), cmocka_unit_test(extensions),
        cmocka_unit_test(malformed), cmocka_unit_test(octets),     cmocka_unit_test(slices),
        cmocka_unit_test(names),     cmocka_unit_test(binding),    cmocka_unit_test(little_room),
        cmocka_unit_test(nonces),
    };
    if (!POSTA_TLS) return 0; /* no hashes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
