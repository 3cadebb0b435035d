/* core/codec: dates, RFC 5322 3.3. Own calendar and own English names: no locale, no time_t.
 * Contracts in codec_i.h. */
#include "codec_i.h"

#define DAY 86400

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* ---- the calendar (proleptic Gregorian) ---- */

static bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days of the year before a month, 1 to 13. */
static int64_t days_before_month(int64_t year, int64_t month) {
    static const uint16_t days[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days[month - 1] + (month > 2 && is_leap(year));
}

static int64_t month_len(int64_t year, int64_t month) {
    return days_before_month(year, month + 1) - days_before_month(year, month);
}

#define DAYS_BEFORE_1970 719162 /* from the first of January 1 */
#define DAYS_OF_400      146097 /* years, any */

/* Days from 1970-01-01 to the first of January; year >= 1. */
static int64_t days_before_year(int64_t year) {
    int64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 - DAYS_BEFORE_1970;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    return days_before_year(year) + days_before_month(year, month) + day - 1;
}

/* 1970-01-01 was a Thursday. */
static size_t weekday_of(int64_t days) {
    return (size_t)(((days + 4) % 7 + 7) % 7);
}

/* ---- writing ---- */

static void put_two(uint8_t *p, unsigned n) {
    p[0] = (uint8_t)('0' + n / 10 % 10);
    p[1] = (uint8_t)('0' + n % 10);
}

static void put_four(uint8_t *p, unsigned n) {
    put_two(p, n / 100);
    put_two(p + 2, n % 100);
}

static void put_zone(uint8_t *p, int minutes) {
    unsigned abs = (unsigned)(minutes < 0 ? -minutes : minutes);
    p[0] = minutes < 0 ? '-' : '+';
    put_two(p + 1, abs / 60);
    put_two(p + 3, abs % 60);
}

typedef struct civil {
    int64_t days;     /* since 1970 */
    unsigned seconds; /* of the day */
    unsigned year, month, day;
} civil;

static bool civil_of(int64_t unix_seconds, int64_t zone, civil *c) {
    int64_t local = unix_seconds + zone * 60, days, day, year, month;
    /* far outside the years that can be written, and small enough for what follows */
    if (unix_seconds < -(int64_t)DAY * 36500 || unix_seconds > (int64_t)DAY * 3000000) return false;
    c->days = days = local / DAY - (local % DAY < 0);
    c->seconds = (unsigned)(local - days * DAY);
    /* from its length on the average: the right one or the one before, as leap days are not spread
       evenly; likewise the month, none of which is longer than 32 days */
    year = 1 + (days + DAYS_BEFORE_1970 - 1) * 400 / DAYS_OF_400;
    if (days >= days_before_year(year + 1)) year++;
    day = days - days_before_year(year);
    month = 1 + day / 32;
    if (day >= days_before_month(year, month + 1)) month++;
    c->year = (unsigned)year;
    c->month = (unsigned)month;
    c->day = (unsigned)(day - days_before_month(year, month) + 1);
    return year >= 1900 && year <= 9999;
}

static void put_clock(uint8_t *p, unsigned seconds) {
    put_two(p, seconds / 3600);
    put_two(p + 3, seconds / 60 % 60);
    put_two(p + 6, seconds % 60);
}

posta_status posta__date_put(posta_window *out, int64_t unix_seconds, int zone_minutes) {
    bool is_unknown = zone_minutes == POSTA__ZONE_UNKNOWN;
    int zone = is_unknown ? 0 : zone_minutes;
    uint8_t *p = out->p + out->len;
    civil c;
    if (zone > 99 * 60 + 59 || zone < -(99 * 60 + 59)) return POSTA_E_FIELD;
    if (!civil_of(unix_seconds, zone, &c)) return POSTA_E_FIELD;
    if (posta__room(out) < POSTA__DATE_LEN) return POSTA_E_LIMIT;
    memcpy(p, "Day, 00 Mon 0000 00:00:00 -0000", POSTA__DATE_LEN);
    memcpy(p, day_names + 3 * weekday_of(c.days), 3);
    put_two(p + 5, c.day);
    memcpy(p + 8, month_names + 3 * (c.month - 1), 3);
    put_four(p + 12, c.year);
    put_clock(p + 17, c.seconds);
    if (!is_unknown) put_zone(p + 26, zone);
    out->len += POSTA__DATE_LEN;
    return POSTA_OK;
}

posta_status posta__timestamp_put(posta_window *out, int64_t unix_seconds) {
    uint8_t *p = out->p + out->len;
    civil c;
    if (!civil_of(unix_seconds, 0, &c)) return POSTA_E_FIELD;
    if (posta__room(out) < POSTA__TIMESTAMP_LEN) return POSTA_E_LIMIT;
    memcpy(p, "0000-00-00T00:00:00Z", POSTA__TIMESTAMP_LEN);
    put_four(p, c.year);
    put_two(p + 5, c.month);
    put_two(p + 8, c.day);
    put_clock(p + 11, c.seconds);
    out->len += POSTA__TIMESTAMP_LEN;
    return POSTA_OK;
}

/* ---- reading ---- */

typedef struct reader {
    posta_span in;
    size_t at;
    bool failed;
} reader;

static bool next_is(const reader *r, uint8_t c) {
    return r->at < r->in.len && r->in.p[r->at] == c;
}

static void expect(reader *r, uint8_t c) {
    if (!next_is(r, c))
        r->failed = true;
    else
        r->at++;
}

static void take_space(reader *r, size_t least) {
    size_t n = 0;
    while (next_is(r, ' ') || next_is(r, '\t')) {
        r->at++;
        n++;
    }
    if (n < least) r->failed = true;
}

static int64_t take_number(reader *r, size_t least, size_t most) {
    int64_t value = 0;
    size_t n = 0;
    for (; n < most && r->at < r->in.len && posta__is_digit(r->in.p[r->at]); n++)
        value = value * 10 + (r->in.p[r->at++] - '0');
    if (n < least) r->failed = true;
    return value;
}

/* Index of the three letters in a table of `n` names; n: none. ABNF literals ignore case. */
static size_t take_name(reader *r, const char *names, size_t n) {
    posta_span word = posta__span_sub(r->in, r->at, 3);
    size_t i = 0;
    while (i < n && !posta_span_is_nocase(word, posta__span(names + 3 * i, 3)))
        i++;
    if (i == n)
        r->failed = true;
    else
        r->at += 3;
    return i;
}

/* zone = FWS ("+" / "-") 4DIGIT; "-0000" says that the place is not told */
static int take_zone(reader *r) {
    take_space(r, 1);
    bool is_west = next_is(r, '-');
    if (!is_west && !next_is(r, '+')) r->failed = true;
    r->at++;
    int64_t hhmm = take_number(r, 4, 4);
    if (hhmm % 100 > 59) r->failed = true;
    int minutes = (int)(hhmm / 100 * 60 + hhmm % 100);
    if (is_west && minutes == 0) return POSTA__ZONE_UNKNOWN;
    return is_west ? -minutes : minutes;
}

typedef struct clock_time {
    int64_t hour, minute, second;
} clock_time;

static clock_time take_time(reader *r) {
    clock_time t = {0};
    t.hour = take_number(r, 2, 2);
    expect(r, ':');
    t.minute = take_number(r, 2, 2);
    if (next_is(r, ':')) {
        r->at++;
        t.second = take_number(r, 2, 2);
    }
    return t;
}

static posta_status say(const char *why, const char **why_out) {
    if (why_out) *why_out = why;
    return POSTA_E_FIELD;
}

/* date-time = [day-of-week ","] day month year FWS hour ":" minute [":" second] zone */
posta_status posta__date_parse(posta_span s, int64_t *unix_seconds_out, int *zone_minutes_out,
                               const char **why_out) {
    reader r = {s, 0, false};
    size_t weekday = 7;
    take_space(&r, 0);
    if (r.at < s.len && !posta__is_digit(s.p[r.at])) {
        weekday = take_name(&r, day_names, 7);
        expect(&r, ',');
        take_space(&r, 0);
    }
    int64_t day = take_number(&r, 1, 2);
    take_space(&r, 1);
    int64_t month = (int64_t)take_name(&r, month_names, 12) + 1;
    take_space(&r, 1);
    int64_t year = take_number(&r, 4, 4);
    take_space(&r, 1);
    clock_time t = take_time(&r);
    int zone = take_zone(&r);
    if (r.failed || r.at != s.len)
        return say("is not a date like \"Tue, 24 Nov 2026 18:12:26 +0000\"", why_out);
    if (year < 1900) return say("has a year before 1900", why_out);
    if (day < 1 || day > month_len(year, month) || t.hour > 23 || t.minute > 59 || t.second > 60)
        return say("has a day or time that does not exist", why_out);
    int64_t days = days_of(year, month, day);
    if (weekday < 7 && weekday != weekday_of(days))
        return say("has the wrong day of the week", why_out);
    int64_t east = zone == POSTA__ZONE_UNKNOWN ? 0 : (int64_t)zone * 60;
    if (unix_seconds_out)
        *unix_seconds_out = days * DAY + t.hour * 3600 + t.minute * 60 + t.second - east;
    if (zone_minutes_out) *zone_minutes_out = zone;
    return POSTA_OK;
}
