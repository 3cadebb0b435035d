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

static void postfix(void **state) {
    (void)state;
    check_server(need("POSTA_POSTFIX"), need("POSTA_POSTFIX_MAILDIR"));
}

static void exim(void **state) {
    (void)state;
    check_server(need("POSTA_EXIM"), need("POSTA_EXIM_MAILDIR"));
}

static void opensmtpd(void **state) {
    (void)state;
    check_server(need("POSTA_OPENSMTPD"), need("POSTA_OPENSMTPD_MAILDIR"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postfix),
        cmocka_unit_test(exim),
        cmocka_unit_test(opensmtpd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
