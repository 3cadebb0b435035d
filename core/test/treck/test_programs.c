/* Two programs in the model's style (blocking.c, nonblocking.c), which know posta/treck.h alone,
 * against a server on loopback: they end well, and what the server got is what they said. Issue 3.
 */
#define _POSIX_C_SOURCE 200809L
#include "server.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static const server_rule rules[] = {{"RCPT TO:<gone@", "550 5.1.1 nobody of that name\r\n"},
                                    {"RCPT TO:<full@", "452 4.2.2 full\r\n"},
                                    {NULL, NULL}};

/* The program's exit code; its output goes to ours. */
static int run(const char *program, unsigned port, const char *octets) {
    char text[16];
    pid_t pid;
    int status = -1;
    snprintf(text, sizeof text, "%u", port);
    char *argv[] = {(char *)(uintptr_t)program, text, (char *)(uintptr_t)octets, NULL};
    assert_int_equal(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part)) print_error("%s\n--- lacks ---\n%s\n", text, part);
    assert_non_null(strstr(text, part));
}

/* A header field is one line again; the tiny build folds at 20. No body here has such lines. */
static void unfold(char *text) {
    char *to = text;
    for (const char *p = text; (*to = *p) != 0; to++, p++)
        if (strncmp(p, "\r\n ", 3) == 0) *to = *(p += 2);
}

static void blocking(void **state) {
    server s = {.rules = rules};
    (void)state;
    assert_true(server_start(&s));
    int code = run(POSTA_TRECK_BLOCKING, s.port, NULL);
    server_stop(&s);
    assert_int_equal(code, 0);
    assert_string_equal(s.seen, "EHLO meter.test\n"
                                "MAIL FROM:<meter@x.example> BODY=8BITMIME\n"
                                "RCPT TO:<ana@y.example>\n"
                                "RCPT TO:<bob@y.example>\n"
                                "RCPT TO:<eve@y.example>\n"
                                "RCPT TO:<gone@y.example>\n"
                                "RCPT TO:<full@y.example>\n"
                                "DATA\n"
                                "NOOP\n"
                                "MAIL FROM:<meter@x.example> BODY=8BITMIME\n"
                                "RCPT TO:<ana@y.example>\n"
                                "DATA\n"
                                "MAIL FROM:<meter@x.example> BODY=8BITMIME\n"
                                "RSET\n"
                                "QUIT\n");
    assert_int_equal(s.texts, 2);
    unfold(s.text);
    has(s.text, "From: Meter 7 <meter@x.example>\r\n");
    has(s.text, "Reply-To: Office <office@x.example>\r\n");
    has(s.text, "To: Ana <ana@y.example>, gone@y.example, full@y.example\r\n");
    has(s.text, "Cc: bob@y.example\r\n");
    assert_null(strstr(s.text, "eve@y.example"));
    has(s.text, "Date: Mon, 08 Sep 2003 14:43:00 ");
    has(s.text, "\r\n\r\nkWh 17\r\n..m3 4\r\n.\r\n");
    has(s.text, "Subject: Table\r\n");
    has(s.text, "X-Mailer: meter 2.1\r\n");
    has(s.text, "Content-Type: multipart/mixed;");
    has(s.text, "readings.csv");
    server_free(&s);
}

#if POSTA_THREADS
/* The body is larger than what sockets hold, and the server is late. */
static void nonblocking(void **state) {
    server s = {.rules = rules, .text_pause_ms = 300};
    (void)state;
    assert_true(server_start(&s));
    int code = run(POSTA_TRECK_NONBLOCKING, s.port, "5000000");
    server_stop(&s);
    assert_int_equal(code, 0);
    assert_int_equal(s.texts, 1);
    unfold(s.text);
    const char *body = strstr(s.text, "\r\n\r\n");
    assert_non_null(body);
    /* 66 octets do not divide it: a line's rest is ended by the library. */
    assert_int_equal(strlen(body + 4), 5000000 + 2 + 3);
    has(s.text, "From: Logger <log@x.example>\r\n");
    has(s.text, "gone@y.example"); /* given, so shown, though refused */
    assert_null(strstr(s.text, "eve@y.example"));
    has(s.text, "Date: Wed, 31 Dec 2025 23:59:00 ");
    has(s.seen, "RSET\nQUIT\n");
    server_free(&s);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking),
#if POSTA_THREADS /* else nobody calls back from another thread */
        cmocka_unit_test(nonblocking),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
