/* The model's dates (its own form in local time, of several zones) and addresses. Issue 3, treck.h.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "treck_i.h"

/* ---- dates ---- */

typedef struct date_case {
    const char *zone, *text, *expected;
} date_case;

#define CENTRAL "CET-1CEST,M3.5.0,M10.5.0/3"

static const date_case dates[] = {
    {"UTC0", "Sep 8, 2003: 2:43 PM", "Mon, 08 Sep 2003 14:43:00 +0000"},
    {CENTRAL, "Sep 8, 2003: 2:43 PM", "Mon, 08 Sep 2003 14:43:00 +0200"},
    {CENTRAL, "Jan 8, 2003: 2:43 PM", "Wed, 08 Jan 2003 14:43:00 +0100"},
    {CENTRAL, "Jan 1, 2026: 12:00 AM", "Thu, 01 Jan 2026 00:00:00 +0100"},
    {CENTRAL, "Jan 1, 2026: 12:00 PM", "Thu, 01 Jan 2026 12:00:00 +0100"},
    {CENTRAL, "Feb 29, 2024: 11:59 PM", "Thu, 29 Feb 2024 23:59:00 +0100"},
    {"NST3:30NDT,M3.2.0,M11.1.0", "Sep 8, 2003: 2:43 AM", "Mon, 08 Sep 2003 02:43:00 -0230"},
    {"IST-5:30", "Dec 31, 1999: 1:05 AM", "Fri, 31 Dec 1999 01:05:00 +0530"},
    {"UTC0", "sep  8 ,2003 :2:43pm", "Mon, 08 Sep 2003 14:43:00 +0000"},
    {"UTC0", "SEP 08, 2003: 02:43:21 PM ", "Mon, 08 Sep 2003 14:43:21 +0000"},
    {"UTC0", "Dec 31, 1969: 11:59:59 PM", "Wed, 31 Dec 1969 23:59:59 +0000"}};

static void forms(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char out[POSTA__TRECK_DATE] = "?";
        setenv("TZ", dates[i].zone, 1);
        tzset();
        assert_true(posta__treck_date(dates[i].text, out));
        assert_string_equal(out, dates[i].expected);
    }
}

static void wrong_forms(void **state) {
    static const char *const wrong[] = {
        "",
        "S",
        "Sep",
        "now",
        "Mon, 08 Sep 2003 14:43:00 +0200",
        "8 Sep 2003 14:43:00 +0200",
        "Sep 8 2003: 2:43 PM",
        "Sep 8, 2003 2:43 PM",
        "Sep 8, 2003: 2:43",
        "Sep 8, 2003: 14:43 PM",
        "Sep 8, 2003: 0:43 PM",
        "Sep 8, 2003: 2:60 PM",
        "Sep 8, 2003: 2:4 PM",
        "Sep 8, 2003: 2:43:60 PM",
        "Sep 8, 2003: 2:43 XM",
        "Sep 8, 2003: 2:43 PM x",
        "Sep 8, 03: 2:43 PM",
        "Sep 8, 20030: 2:43 PM",
        "Sep 0, 2003: 2:43 PM",
        "Sep 31, 2003: 2:43 PM",
        "Sep 123, 2003: 2:43 PM",
        "Feb 29, 2003: 2:43 PM",
        "Sept 8, 2003: 2:43 PM",
        "Xyz 8, 2003: 2:43 PM",
        "Sep 8, 2003: 2:43 PM\r\nBcc: x@y.example",
    };
    (void)state;
    setenv("TZ", "UTC0", 1);
    tzset();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char out[POSTA__TRECK_DATE];
        if (posta__treck_date(wrong[i], out)) fail_msg("taken: %s", wrong[i]);
    }
}

/* ---- addresses ---- */

static void ipv4(void **state) {
    char out[POSTA_MAX_ADDRESS_TEXT];
    uint16_t port = 0;
    struct sockaddr_in *a = malloc(sizeof *a); /* no octet more may be read */
    struct sockaddr_storage storage;
    (void)state;
    assert_non_null(a);
    memset(a, 0, sizeof *a);
    a->sin_family = AF_INET;
    a->sin_port = htons(2525);
    a->sin_addr.s_addr = htonl(0x7f000102);
    a->sin_zero[7] = 16;
    assert_true(posta__treck_address(a, out, &port));
    assert_string_equal(out, "127.0.1.2");
    assert_int_equal(port, 2525);
    memset(&storage, 0xee, sizeof storage);
    memcpy(&storage, a, sizeof *a);
    assert_true(posta__treck_address(&storage, out, &port));
    assert_string_equal(out, "127.0.1.2");
    a->sin_family = AF_UNIX;
    assert_false(posta__treck_address(a, out, &port));
    free(a);
}

static void ipv6(void **state) {
    char out[POSTA_MAX_ADDRESS_TEXT];
    uint16_t port = 0;
    struct sockaddr_in6 *a = malloc(sizeof *a);
    (void)state;
    assert_non_null(a);
    memset(a, 0, sizeof *a);
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(25);
    a->sin6_flowinfo = sizeof *a;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &a->sin6_addr), 1);
    a->sin6_scope_id = 7; /* means nothing here */
    assert_true(posta__treck_address(a, out, &port));
    assert_string_equal(out, "2001:db8::1");
    assert_int_equal(port, 25);
    assert_int_equal(inet_pton(AF_INET6, "fe80::abcd", &a->sin6_addr), 1);
    assert_true(posta__treck_address(a, out, &port));
    assert_string_equal(out, "fe80::abcd%7");
    assert_true(posta_address_is_numeric(out));
    free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(wrong_forms),
                                       cmocka_unit_test(ipv4), cmocka_unit_test(ipv6)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
