/* The private key and its password stay where they are needed: not in memory that is given back,
 * not in problems, receipts and transcripts, not on the wire. Rows L01, L04, L06.
 */
#include "peer.h"

#include "../../smtp/smtp_i.h"

#include <time.h>

#define PASSWORD "hunter2"

/* ---- what must not be seen ---- */

static struct {
    uint8_t scalar[32]; /* of the key itself */
    char base64[33];    /* of its file */
} secret;

static bool holds(const void *where, size_t len, const void *what, size_t what_len) {
    const uint8_t *p = where;
    for (size_t i = 0; i + what_len <= len; i++)
        if (p[i] == *(const uint8_t *)what && memcmp(p + i, what, what_len) == 0) return true;
    return false;
}

static bool is_thorough;
static size_t row_at;

/* As they are; thoroughly: in base64 at any alignment and in hex too, and parts of them. */
static bool is_told(const void *where, size_t len) {
    posta_span text = {where, len};
    if (!is_thorough || row_at > 1) /* once, since it takes long */
        return holds(where, len, PASSWORD, sizeof PASSWORD - 1) ||
               holds(where, len, secret.scalar, 32) || holds(where, len, secret.base64, 32);
    return posta__shows(text, (posta_span){(const uint8_t *)PASSWORD, sizeof PASSWORD - 1}) ||
           posta__shows(text, (posta_span){secret.scalar, 32}) ||
           holds(where, len, secret.base64, 32);
}

#define NOT_TOLD(what)                                                                             \
    do {                                                                                           \
        if (is_told(&(what), sizeof(what))) peer_wrong("%s, row %zu: it is told", #what, row_at);  \
    } while (0)


static posta_span content(const char *name) {
    char path[512];
    peer_path(path, name, "");
    FILE *f = fopen(path, "rb");
    uint8_t *p = malloc(8000);
    assert_true(f && p);
    size_t n = fread(p, 1, 7999, f);
    fclose(f);
    p[n] = 0;
    return (posta_span){p, n};
}

/* The key's file: a line of base64, whose second 32 characters are the second line's begin. RFC
   5915: 01, then 04 20 and the number. */
static posta_span learn(uint8_t der[200]) {
    static const uint8_t before[] = {2, 1, 1, 4, 0x20};
    posta_span pem = content("client.key");
    posta_window w = {der, 200, 0, 0};
    char text[400];
    size_t n = 0;
    const char *p = strchr((const char *)pem.p, '\n');
    memcpy(secret.base64, p + 1, 32);
    for (; *p && *p != '-'; p++)
        if (*p != '\n') text[n++] = *p;
    assert_int_equal(posta__base64_decode((posta_span){(uint8_t *)text, n}, &w), POSTA_OK);
    for (size_t i = 0; i + 37 <= w.len; i++)
        if (!memcmp(der + i, before, 5)) memcpy(secret.scalar, der + i + 5, 32);
    assert_true(is_told(der, w.len) && is_told(pem.p, pem.len));
    free((void *)(uintptr_t)pem.p);
    return (posta_span){der, w.len};
}

/* ---- a place that looks at what it gets back ---- */

static void *look_back(void *user, void *old, size_t old_len, size_t len) {
    if (old && is_told(old, old_len))
        peer_wrong("row %zu: %zu octets are given back with a secret", row_at, old_len);
    void *p = peer_allocate(user, old, old_len, len);
    if (p && !old) memset(p, 0, len); /* what was never written is no secret */
    return p;
}

/* ---- and mbedTLS's heap, which is the program's ---- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#include <malloc.h>

extern void __libc_free(void *p);
static bool is_watching;
static size_t freed_n;

void free(void *p);
__attribute__((visibility("default"))) void free(void *p) {
    if (p && is_watching && !peer_is_running) {
        freed_n++;
        if (is_told(p, malloc_usable_size(p)))
            peer_wrong("row %zu: %zu octets are freed with a secret", row_at,
                       malloc_usable_size(p));
    }
    __libc_free(p);
}
#else
static bool is_watching;
static size_t freed_n = 1;
#endif

static size_t give(void *user, char *out, size_t cap) {
    size_t n = strlen(user);
    assert_true(n <= cap);
    memcpy(out, user, n);
    return n;
}

typedef struct key_case {
    const char *cert, *key, *password, *callback;
    bool in_memory;
    posta_status status;
} key_case;

static const key_case cases[] = {
    {"client.pem", "client.key", NULL, NULL, false, POSTA_OK},
    {"client.pem", "client.key", NULL, NULL, true, POSTA_OK},
    {"client.pem", NULL, NULL, NULL, true, POSTA_OK}, /* DER */
    {"client.pem", "client-enc-legacy.key", PASSWORD, NULL, false, POSTA_OK},
    {"client.pem", "client-enc-legacy.key", NULL, PASSWORD, false, POSTA_OK},
    {"client.pem", "client-enc-legacy.key", NULL, PASSWORD, true, POSTA_OK},
    {"client.pem", "client-enc-des3.key", NULL, PASSWORD, true, POSTA_OK},
    {"client.pem", "client-enc-legacy.key", "x" PASSWORD, NULL, false, POSTA_E_FIELD},
    {"client.pem", "client-enc-legacy.key", NULL, "x" PASSWORD, true, POSTA_E_FIELD},
    {"server.pem", "client.key", NULL, NULL, false, POSTA_E_FIELD},
    {"server.pem", "client.key", NULL, NULL, true, POSTA_E_FIELD},
    {"server.pem", NULL, NULL, NULL, true, POSTA_E_FIELD},
    {"server.pem", "client-enc-legacy.key", PASSWORD, NULL, false, POSTA_E_FIELD},
    {"client.key", "client.key", NULL, NULL, false, POSTA_E_FIELD}, /* taken for a certificate */
};

typedef struct shop {
    peer p;
    posta_tls_config c;
    char cert[512], key[512];
    uint8_t der[200];
    posta_span memory;
} shop;

static void shop_open(shop *o, const key_case *k) {
    memset(o, 0, sizeof *o);
    peer_init(&o->p);
    o->p.port.allocate = look_back;
    o->c = peer_tls_config(&o->p);
    peer_path(o->cert, k->cert, "");
    o->c.cert_file = o->cert;
    if (!k->key) o->c.key = learn(o->der);
    if (k->key && k->in_memory) o->c.key = o->memory = content(k->key);
    if (k->key && !k->in_memory) {
        peer_path(o->key, k->key, "");
        o->c.key_file = o->key;
    }
    o->c.key_password = k->password;
    if (k->callback) o->c.password = give;
    o->c.password_user = (void *)(uintptr_t)k->callback;
}

static void shop_close(shop *o) {
    free((void *)(uintptr_t)o->memory.p);
    o->p.port.allocate = peer_allocate;
    peer_done(&o->p);
}

/* Keys, taken and refused, and then used for a mail that succeeds or one that fails. */
static void each_key(void **state) {
    (void)state;
    for (row_at = 0; row_at < 2 * sizeof cases / sizeof *cases; row_at++) {
        const key_case *k = &cases[row_at / 2];
        shop o;
        posta_tls *tls = NULL;
        posta_problem problem;
        posta_receipt r;
        posta_tls_info info;
        shop_open(&o, k);
        is_watching = is_thorough = true;
        assert_int_equal(posta_tls_new(&o.c, &tls, &problem), k->status);
        NOT_TOLD(problem);
        if (tls) {
            o.p.wants_client = true;
            if (row_at & 1) o.p.cert = "wrong";
            posta_session_config sc = peer_config(&o.p, tls);
            sc.engine.trace = true;
            posta_session *s = peer_session(&sc);
            posta_tls_free(&tls);
            assert_int_equal(peer_connect(s), row_at & 1 ? POSTA_E_TLS_NAME : POSTA_OK);
            r = *posta_session_receipt(s);
            NOT_TOLD(r);
            if (!(row_at & 1)) assert_int_equal(peer_send(s, "hi\r\n", 4, &r), POSTA_OK);
            NOT_TOLD(r);
            posta_session_tls(s, &info);
            NOT_TOLD(info);
            posta_session_free(&s);
        }
        is_watching = is_thorough = false;
        if (is_told(o.p.seen.p, o.p.seen.len)) peer_wrong("row %zu: on the wire", row_at);
        shop_close(&o);
    }
    assert_true(freed_n > 0);
    peer_right();
}

/* The same where memory runs out at each place. */
static void out_of_memory(void **state) {
    (void)state;
    for (row_at = 0; row_at < sizeof cases / sizeof *cases; row_at++) {
        posta_status status = POSTA_E_MEMORY;
        for (size_t n = 1; status == POSTA_E_MEMORY; n++) {
            shop o;
            posta_tls *tls = NULL;
            posta_problem problem;
            shop_open(&o, &cases[row_at]);
            o.p.fail_at = n;
            status = posta_tls_new(&o.c, &tls, &problem);
            NOT_TOLD(problem);
            posta_tls_free(&tls);
            shop_close(&o);
        }
        assert_int_equal(status, cases[row_at].status);
    }
    peer_right();
}

/* The test sees what it looks for. */
static void seen(void **state) {
    shop o;
    (void)state;
    row_at = 99;
    shop_open(&o, &cases[0]);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *p = look_back(&o.p, NULL, 0, 100);
        memset(p, 0, 100);
        if (i == 0) memcpy(p + 3, PASSWORD, 7);
        if (i == 1) memcpy(p + 68, secret.scalar, 32);
        if (i == 2) memcpy(p, secret.base64, 32);
        assert_true(is_told(p, 100));
        memset(p, 0, 100);
        look_back(&o.p, p, 100, 0);
    }
    shop_close(&o);
    peer_right();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seen), cmocka_unit_test(each_key),
                                       cmocka_unit_test(out_of_memory)};
    uint8_t der[200];
    learn(der);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
