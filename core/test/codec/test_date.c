/* dates: row H20. The judge counts days one by one from 1 January 1900. */
#include "codec_t.h"

static void put(int64_t unix_seconds, int zone, char *out) {
    posta_window w = posta__window(out, 64);
    assert_int_equal(posta__date_put(&w, unix_seconds, zone), POSTA_OK);
    assert_int_equal(w.len, POSTA__DATE_LEN);
    out[w.len] = 0;
}

static void written(void **state) {
    static const struct {
        int64_t seconds;
        int zone;
        const char *text;
    } rows[] = {
        {0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
        {880127706, -360, "Fri, 21 Nov 1997 09:55:06 -0600"}, /* RFC 5322 A.1.1 */
        {951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {2147483648, 0, "Tue, 19 Jan 2038 03:14:08 +0000"},
        {4107542400, 0, "Mon, 01 Mar 2100 00:00:00 +0000"}, /* 2100 has no 29 February */
        {1795543946, 345, "Tue, 24 Nov 2026 23:57:26 +0545"},
        {0, POSTA__ZONE_UNKNOWN, "Thu, 01 Jan 1970 00:00:00 -0000"},
        {0, -1, "Wed, 31 Dec 1969 23:59:00 -0001"},
        {-2208988800, 0, "Mon, 01 Jan 1900 00:00:00 +0000"},
        {253402300799, 0, "Fri, 31 Dec 9999 23:59:59 +0000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64];
        int64_t seconds = 0;
        int zone = 0;
        put(rows[i].seconds, rows[i].zone, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(posta__date_parse(t_span(text), &seconds, &zone, NULL), POSTA_OK);
        assert_int_equal(seconds, rows[i].seconds);
        assert_int_equal(zone, rows[i].zone);
    }
}

static void not_written(void **state) {
    uint8_t room[64];
    posta_window w = posta__window(room, sizeof room);
    static const int64_t seconds[] = {-2208988801, 253402300800, INT64_MIN, INT64_MAX,
                                      INT64_MIN + 1};
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        assert_int_equal(posta__date_put(&w, seconds[i], 0), POSTA_E_FIELD);
    assert_int_equal(posta__date_put(&w, -2208988800, -1), POSTA_E_FIELD); /* 1899 over there */
    assert_int_equal(posta__date_put(&w, 253402300799, 1), POSTA_E_FIELD);
    assert_int_equal(posta__date_put(&w, 0, 6000), POSTA_E_FIELD);
    assert_int_equal(posta__date_put(&w, 0, -6000), POSTA_E_FIELD);
    assert_int_equal(posta__date_put(&w, 0, 5999), POSTA_OK);
    w = posta__window(room, POSTA__DATE_LEN - 1);
    assert_int_equal(posta__date_put(&w, 0, 0), POSTA_E_LIMIT);
    assert_int_equal(w.len, 0);
}

static void every_day(void **state) {
    static const char *days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = -2208988800; /* a Monday */
    size_t day_of_week = 0, count = 0;
    (void)state;
    for (int year = 1900; year <= 9999; year++)
        for (int month = 0; month < 12; month++) {
            bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
            int len = month == 1                                              ? (leap ? 29 : 28)
                      : month == 3 || month == 5 || month == 8 || month == 10 ? 30
                                                                              : 31;
            for (int day = 1; day <= len; day++, seconds += 86400, count++) {
                char want[64], got[64];
                int64_t in_day = (int64_t)(count * 7919 % 86400), back = 0;
                (void)snprintf(want, sizeof want, "%s, %02d %s %04d %02d:%02d:%02d +0000",
                               days[day_of_week], day, months[month], year, (int)(in_day / 3600),
                               (int)(in_day / 60 % 60), (int)(in_day % 60));
                put(seconds + in_day, 0, got);
                assert_string_equal(got, want);
                if (posta__date_parse(t_span(got), &back, NULL, NULL) != POSTA_OK) fail();
                assert_int_equal(back, seconds + in_day);
                day_of_week = (day_of_week + 1) % 7;
            }
        }
    assert_int_equal(seconds, 253402300800);
}

static void parsed(void **state) {
    static const struct {
        const char *text;
        int64_t seconds;
        int zone;
    } good[] = {
        {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360},
        {"21 Nov 1997 09:55:06 -0600", 880127706, -360},
        {"21 Nov 1997 09:55 -0600", 880127700, -360},
        {"fri, 21 NOV 1997 09:55:06 -0600", 880127706, -360},
        {"Fri,21 Nov 1997 09:55:06 -0600", 880127706, -360},
        {"Fri,  1 Jan 2010 00:00:00 +0000", 1262304000, 0},
        {"1 Jan 2010 00:00:00 -0000", 1262304000, POSTA__ZONE_UNKNOWN},
        {"31 Dec 2016 23:59:60 +0000", 1483228800, 0}, /* a leap second */
        {"29 Feb 2024 00:00:00 +0000", 1709164800, 0},
    };
    static const char *bad[] = {
        "",
        "x",
        "Fri",
        "Fri,",
        "Fri, ",
        "21 Nov 1997",
        "21 Nov 1997 09:55:06",
        "21 Nov 1997 09:55:06 ",
        "21 Nov 1997 09:55:06 GMT",
        "21 Nov 1997 09:55:06 EST",
        "21 Nov 1997 09:55:06 -060",
        "21 Nov 1997 09:55:06 -06000",
        "21 Nov 1997 09:55:06 -0660",
        "21 Nov 1997 09:55:06 0600",
        "21 Nov 97 09:55:06 -0600",
        "21 Nov 19997 09:55:06 -0600",
        "Thu, 21 Nov 1997 09:55:06 -0600",
        "32 Jan 1997 09:55:06 -0600",
        "0 Jan 1997 09:55:06 -0600",
        "29 Feb 2023 00:00:00 +0000",
        "29 Feb 1900 00:00:00 +0000",
        "31 Apr 2023 00:00:00 +0000",
        "1 Jan 1899 00:00:00 +0000",
        "21 Nov 1997 24:00:00 +0000",
        "21 Nov 1997 00:60:00 +0000",
        "21 Nov 1997 00:00:61 +0000",
        "21 Nov 1997 9:55:06 +0000",
        "21 Nov 1997 09:55:6 +0000",
        "21 Nov 1997 09:55: +0000",
        "21 Nov 1997 09:55:06 +0000 (CET)",
        "21 Nov 1997 09:55:06 +0000 ",
        "21  Foo 1997 09:55:06 +0000",
        "2026-11-24T18:12:26Z",
        "1700000000",
        "November 21, 1997",
        "21Nov 1997 09:55:06 +0000",
        "Fri 21 Nov 1997 09:55:06 -0600",
        "Fri, 21 Nov 1997 09:55:06 -0600\r\nX: y",
        "121 Nov 1997 00:00 +0000",
        "Sep 8, 2003: 2:43 PM",
        "21 Listopad 1997 09:55:06 +0000",
        "+1 Jan 1997 00:00:00 +0000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t seconds = 0;
        int zone = 1;
        if (posta__date_parse(t_span(good[i].text), &seconds, &zone, NULL) != POSTA_OK)
            fail_msg("%s", good[i].text);
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(zone, good[i].zone);
        /* cut off anywhere it is no date any more, and nothing is read behind the end */
        for (size_t len = 0; len < strlen(good[i].text); len++) {
            uint8_t *p = t_guarded(good[i].text, len);
            assert_int_equal(posta__date_parse(posta__span(p, len), NULL, NULL, NULL),
                             POSTA_E_FIELD);
            t_guard_free(p, len);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        if (posta__date_parse(t_span(bad[i]), NULL, NULL, &why) != POSTA_E_FIELD)
            fail_msg("%s", bad[i]);
        assert_non_null(why);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written),
        cmocka_unit_test(not_written),
        cmocka_unit_test(every_day),
        cmocka_unit_test(parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
