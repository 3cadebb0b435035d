/* posta_send to a real Postfix, Exim and OpenSMTPD (tools/servers says where): delivered to the
 * mailbox. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "posta/posta.h"

static const char *need(const char *name) {
    const char *value = getenv(name);
    if (!value) fail_msg("NOT HAD: %s is not set", name);
    return value;
}

static bool file_holds(const char *path, const char *mark) {
    char text[8192];
    FILE *f = fopen(path, "rb");
    size_t n;
    if (!f) return false;
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    return strstr(text, mark) != NULL;
}

static bool box_holds(const char *maildir, const char *mark) {
    char path[1024];
    const struct dirent *entry;
    bool found = false;
    DIR *dir;
    snprintf(path, sizeof path, "%s/new", maildir);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/new/%s", maildir, entry->d_name);
        found = entry->d_name[0] != '.' && file_holds(path, mark);
    }
    if (dir) closedir(dir);
    return found;
}

static void wait_for(const char *maildir, const char *mark) {
    struct timespec tenth = {0, 100000000};
    for (int i = 0; i < 200; i++) {
        if (box_holds(maildir, mark)) return;
        nanosleep(&tenth, NULL);
    }
    fail_msg("not delivered in 20 s: %s", mark);
}

static posta_message *mail_to(const char *to, const char *mark) {
    posta_message *m = NULL;
    assert_int_equal(posta_message_new(posta_port_default(), &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "Ana Żółć <ana@example.test>");
    posta_message_addresses(m, POSTA_TO, to);
    posta_message_subject(m, "Zażółć");
    posta_message_header(m, "X-Mark", mark);
    posta_message_text(m, posta_body_string("from C\n"), NULL);
    assert_int_equal(posta_message_problem(m)->status, POSTA_OK);
    return m;
}

static void check_server(const char *url, const char *maildir) {
    posta_receipt receipt;
    posta_message *m;
    char mark[64];
    snprintf(mark, sizeof mark, "c-%ld-%s", (long)time(NULL), strrchr(url, ':') + 1);

    m = mail_to("bob@example.test", mark);
    assert_int_equal(posta_send(url, m, NULL, &receipt), POSTA_OK);
    assert_int_equal(receipt.outcome, POSTA_DELIVERY_ACCEPTED);
    assert_int_equal(receipt.reply.code, 250);
    assert_int_equal(receipt.accepted_n, 1);
    posta_message_free(&m);
    wait_for(maildir, mark);

    m = mail_to("perm@example.test", "never");
    assert_int_equal(posta_send(url, m, NULL, &receipt), POSTA_E_SERVER_PERMANENT);
    assert_int_equal(receipt.cause, POSTA_E_RECIPIENTS_REFUSED);
    assert_int_equal(receipt.outcome, POSTA_DELIVERY_NOT_SENT);
    assert_int_equal(receipt.reply.code, 550);
    posta_message_free(&m);

    m = mail_to("temp@example.test", "never");
    assert_int_equal(posta_send(url, m, NULL, &receipt), POSTA_E_SERVER_TEMPORARY);
    assert_true(receipt.temporary);
    assert_int_equal(receipt.retry, POSTA_RETRY_SAFE);
    posta_message_free(&m);
}

/* Until the action has its verdict, however the session works. */
static posta_status end_of(posta_session *s, posta_status status) {
    while (status == POSTA_E_IN_PROGRESS) {
        posta_session_wait(s, 1000);
        status = posta_session_execute(s, 0);
    }
    return status;
}

static void step_by_step(const char *url, const char *maildir, bool non_blocking) {
    static const char text[] = "one\n.two za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87\n";
    posta_session_config c = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    char mark[64];
    snprintf(mark, sizeof mark, "s%d-%ld-%s", non_blocking, (long)time(NULL),
             strrchr(url, ':') + 1);
    c.url = url;
    c.non_blocking = non_blocking;
    assert_int_equal(posta_session_new(&c, &s, NULL), POSTA_OK);
    assert_int_equal(end_of(s, posta_session_connect(s)), POSTA_OK);
    assert_int_equal(end_of(s, posta_session_sender(s, "Ana", "ana@example.test", NULL, NULL)),
                     POSTA_OK);
    assert_int_equal(
        end_of(s, posta_session_recipient(s, NULL, "perm@example.test", POSTA_RECIPIENT_TO)),
        POSTA_E_SERVER_PERMANENT);
    assert_int_equal(
        end_of(s, posta_session_recipient(s, "Bob", "bob@example.test", POSTA_RECIPIENT_TO)),
        POSTA_OK);
    assert_int_equal(end_of(s, posta_session_begin_message(s, mark, NULL, 0)), POSTA_OK);
    for (size_t at = 0; at < sizeof text - 1;)
        at += posta_session_body(s, text + at, sizeof text - 1 - at, NULL);
    assert_int_equal(end_of(s, posta_session_end_message(s)), POSTA_OK);
    assert_int_equal(posta_session_receipt(s)->outcome, POSTA_DELIVERY_PARTIAL);
    assert_int_equal(end_of(s, posta_session_noop(s)), POSTA_OK);
    assert_int_equal(end_of(s, posta_session_disconnect(s)), POSTA_OK);
    posta_session_free(&s);
    wait_for(maildir, mark);
}

static void check_steps(const char *url, const char *maildir) {
    step_by_step(url, maildir, false);
    step_by_step(url, maildir, true);
}

static void postfix(void **state) {
    (void)state;
    check_server(need("POSTA_POSTFIX"), need("POSTA_POSTFIX_MAILDIR"));
    check_steps(need("POSTA_POSTFIX"), need("POSTA_POSTFIX_MAILDIR"));
}

static void exim(void **state) {
    (void)state;
    check_server(need("POSTA_EXIM"), need("POSTA_EXIM_MAILDIR"));
    check_steps(need("POSTA_EXIM"), need("POSTA_EXIM_MAILDIR"));
}

static void opensmtpd(void **state) {
    (void)state;
    check_server(need("POSTA_OPENSMTPD"), need("POSTA_OPENSMTPD_MAILDIR"));
    check_steps(need("POSTA_OPENSMTPD"), need("POSTA_OPENSMTPD_MAILDIR"));
}

/* STARTTLS and TLS from the first octet, with a private CA; one mail in one call, and step by step.
 */
static void postfix_by_tls(void **state) {
    const char *urls[] = {need("POSTA_POSTFIX"), need("POSTA_POSTFIX_SMTPS")};
    const char *maildir = need("POSTA_POSTFIX_MAILDIR");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char url[1200];
        posta_receipt receipt;
        snprintf(url, sizeof url, "%s?security=%s&ca_file=%s", urls[i], i ? "tls" : "starttls",
                 need("POSTA_POSTFIX_CA"));
        posta_message *m = mail_to("bob@example.test", "by TLS");
        assert_int_equal(posta_send(url, m, NULL, &receipt), POSTA_OK);
        assert_true(receipt.tls.is_on && receipt.tls.is_verified);
        assert_int_equal(receipt.tls.insecure, 0);
        /* mbedTLS 3 speaks what Postfix has best, 1.3; with tickets behind the handshake (row J12)
         */
        assert_string_equal(receipt.tls.version,
                            strncmp(posta_tls_library(), "mbed TLS 3", 10) ? "TLSv1.2" : "TLSv1.3");
        posta_message_free(&m);
        check_server(url, maildir);
        step_by_step(url, maildir, false);
        step_by_step(url, maildir, true);
    }
}

/* Without its CA nothing is sent, not in clear text either. */
static void postfix_not_trusted(void **state) {
    const char *modes[] = {"POSTA_POSTFIX", "POSTA_POSTFIX_SMTPS"};
    posta_tls_config c = POSTA_TLS_CONFIG;
    posta_session_config options = POSTA_SESSION_CONFIG;
    char other[1200];
    (void)state;
    snprintf(other, sizeof other, "%.*s/other-ca.pem",
             (int)(strrchr(need("POSTA_POSTFIX_CA"), '/') - need("POSTA_POSTFIX_CA")),
             need("POSTA_POSTFIX_CA"));
    c.ca_file = other;
    assert_int_equal(posta_tls_new(&c, &options.tls, NULL), POSTA_OK);
    for (size_t i = 0; i < 2; i++) {
        posta_receipt receipt;
        posta_message *m = mail_to("bob@example.test", "never");
        options.security = i ? POSTA_SECURITY_TLS : POSTA_SECURITY_STARTTLS;
        assert_int_equal(posta_send(need(modes[i]), m, &options, &receipt), POSTA_E_TLS_ISSUER);
        assert_int_equal(receipt.outcome, POSTA_DELIVERY_NOT_SENT);
        assert_false(receipt.tls.is_on);
        posta_message_free(&m);
    }
    posta_tls_free(&options.tls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postfix),
        cmocka_unit_test(postfix_by_tls),
        cmocka_unit_test(postfix_not_trusted),
        cmocka_unit_test(exim),
        cmocka_unit_test(opensmtpd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
