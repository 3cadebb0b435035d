/* core/session: the model's addresses and dates, in posta's form. Contracts in treck_i.h. */
#define _POSIX_C_SOURCE 200809L
#include "treck_i.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- addresses ---- */

/* By memcpy: the caller's object may be of any of the address types, and no larger than its own. */
bool posta__treck_address(const void *address, char out[POSTA_MAX_ADDRESS_TEXT],
                          uint16_t *port_out) {
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    sa_family_t family;
    memcpy(&family, (const uint8_t *)address + offsetof(struct sockaddr, sa_family), sizeof family);
    if (family == AF_INET) {
        memcpy(&ipv4, address, sizeof ipv4);
        *port_out = ntohs(ipv4.sin_port);
        return inet_ntop(AF_INET, &ipv4.sin_addr, out, POSTA_MAX_ADDRESS_TEXT) != NULL;
    }
    if (family != AF_INET6) return false;
    memcpy(&ipv6, address, sizeof ipv6);
    *port_out = ntohs(ipv6.sin6_port);
    if (!inet_ntop(AF_INET6, &ipv6.sin6_addr, out, POSTA_MAX_ADDRESS_TEXT)) return false;
    /* Only a link-local address needs its zone; others may carry any number there. RFC 4007, 6 */
    if (ipv6.sin6_scope_id != 0 && IN6_IS_ADDR_LINKLOCAL(&ipv6.sin6_addr)) {
        size_t len = strlen(out);
        snprintf(out + len, POSTA_MAX_ADDRESS_TEXT - len, "%%%lu",
                 (unsigned long)ipv6.sin6_scope_id);
    }
    return true;
}

/* ---- dates ----
 *
 *     date = month day "," year ":" hour ":" minute [":" second] ("AM" / "PM")
 *
 * with blanks anywhere between, the month in three letters, the year in four digits, the hour from
 * 1 to 12, letters of either case: "Sep 8, 2003: 2:43 PM". */

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void skip_blanks(const char **p) {
    while (**p == ' ' || **p == '\t')
        (*p)++;
}

static bool take_char(const char **p, char c) {
    skip_blanks(p);
    if (**p != c) return false;
    (*p)++;
    return true;
}

static bool take_number(const char **p, size_t digits_min, size_t digits_max, int *out) {
    size_t n = 0;
    skip_blanks(p);
    for (*out = 0; n < digits_max && **p >= '0' && **p <= '9'; n++, (*p)++)
        *out = *out * 10 + (**p - '0');
    return n >= digits_min && !(**p >= '0' && **p <= '9');
}

static bool is_word(const char *p, const char *word, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((p[i] | 0x20) != (word[i] | 0x20)) return false;
    return true;
}

/* The position of the word in a row of words, or -1. */
static int take_word(const char **p, const char *words, size_t len) {
    skip_blanks(p);
    for (size_t i = 0; words[i * len]; i++)
        if (is_word(*p, words + i * len, len)) {
            *p += len;
            return (int)i;
        }
    return -1;
}

static bool read_date(const char *p, struct tm *tm) {
    int half, hour;
    memset(tm, 0, sizeof *tm);
    tm->tm_mon = take_word(&p, month_names, 3);
    if (tm->tm_mon < 0 || !take_number(&p, 1, 2, &tm->tm_mday) || !take_char(&p, ',') ||
        !take_number(&p, 4, 4, &tm->tm_year) || !take_char(&p, ':') ||
        !take_number(&p, 1, 2, &hour) || !take_char(&p, ':') || !take_number(&p, 2, 2, &tm->tm_min))
        return false;
    if (take_char(&p, ':') && !take_number(&p, 2, 2, &tm->tm_sec)) return false;
    half = take_word(&p, "AMPM", 2);
    skip_blanks(&p);
    if (half < 0 || *p || hour < 1 || hour > 12 || tm->tm_min > 59 || tm->tm_sec > 59) return false;
    tm->tm_hour = hour % 12 + half * 12;
    tm->tm_year -= 1900;
    tm->tm_isdst = -1; /* the system knows whether it is summer then */
    return tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

/* Seconds since 1970 if the fields were UTC. */
static bool as_utc(const struct tm *tm, int64_t *out) {
    char text[POSTA__TRECK_DATE + 40];
    int len = snprintf(text, sizeof text, "%02d %.3s %04d %02d:%02d:%02d +0000", tm->tm_mday,
                       month_names + 3 * tm->tm_mon, tm->tm_year + 1900, tm->tm_hour, tm->tm_min,
                       tm->tm_sec);
    posta_span span = {(const uint8_t *)text, (size_t)len};
    return posta__date_parse(span, out, NULL, NULL) == POSTA_OK;
}

/* The zone is what lies between the wall clock and mktime's answer: C11 does not tell it otherwise.
 */
bool posta__treck_date(const char *text, char out[POSTA__TRECK_DATE]) {
    struct tm tm;
    int64_t wall, zone;
    posta_window window = {(uint8_t *)out, POSTA__TRECK_DATE, 0, 0};
    if (!read_date(text, &tm)) return false;
    int day = tm.tm_mday, month = tm.tm_mon;
    tm.tm_wday = -1;
    int64_t instant = (int64_t)mktime(&tm);
    if (tm.tm_wday < 0 || tm.tm_mday != day || tm.tm_mon != month) return false;
    if (!as_utc(&tm, &wall)) return false;
    zone = (wall - instant) / 60;
    /* Zones before the age of trains have seconds. The wall clock stays as it was written. */
    if (posta__date_put(&window, wall - zone * 60, (int)zone) != POSTA_OK) return false;
    out[window.len] = 0;
    return true;
}
