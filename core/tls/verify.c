/* core/tls: is the peer who it was asked to be? mbedTLS builds and checks the chain (RFC 5280);
 * dates, name and pins are looked at here, and what is found becomes one reason, the worst first.
 * RFC 9525.
 */
#include "conn_i.h"

#include <mbedtls/oid.h>

/* ---- what goes into the sentence ---- */

static void put(posta_window *w, const char *text) {
    posta__put(w, posta__span_of(text));
}

static void put_padded(posta_window *w, int n, unsigned digits) {
    char text[POSTA_DECIMAL_CAP];
    size_t len = posta__decimal(n > 0 ? (uint64_t)n : 0, text);
    for (; len < digits; digits--)
        put(w, "0");
    posta__put(w, posta__span(text, len));
}

static void put_day(posta_window *w, const mbedtls_x509_time *t) {
    put_padded(w, t->year, 4);
    put(w, "-");
    put_padded(w, t->mon, 2);
    put(w, "-");
    put_padded(w, t->day, 2);
}

static void put_subject(posta_window *w, const mbedtls_x509_name *name) {
    char text[128];
    int n = mbedtls_x509_dn_gets(text, sizeof text, name);
    put(w, "\"");
    posta__printable(w, posta__span(text, n > 0 ? (size_t)n : 0));
    put(w, "\"");
}

/* Each reason has its weight: the one that says most of the peer stays. */
static int weight_of(posta_status reason) {
    switch (reason) {
    case POSTA_E_TLS_ISSUER: return 6;
    case POSTA_E_TLS_NAME: return 5;
    case POSTA_E_TLS_EXPIRED:
    case POSTA_E_TLS_NOT_YET: return 4;
    case POSTA_E_TLS_NO_CLOCK: return 3;
    case POSTA_E_TLS_WEAK: return 7;
    default: return 0;
    }
}

/* The window to write the sentence into; null: something worse is known already. */
static posta_window *object(posta__tls_judge *j, posta_status reason) {
    if (weight_of(reason) <= weight_of(j->reason)) return NULL;
    j->reason = reason;
    j->why->len = 0;
    return j->why;
}

/* ---- dates ---- */

/* Days from 1970-01-01 in the calendar of Gregory. */
static int64_t days_of(int64_t year, int month, int day) {
    int64_t era, of_era, of_year;
    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    of_era = year - era * 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t seconds_of(const mbedtls_x509_time *t) {
    return days_of(t->year, t->mon, t->day) * 86400 + t->hour * 3600 + t->min * 60 + t->sec;
}

static void judge_dates(posta__tls_judge *j, const mbedtls_x509_crt *crt, int depth) {
    const char *which = depth == 0 ? "the certificate" : "a certificate in the server's chain";
    posta_window *w;
    if (j->now < 0) {
        w = object(j, POSTA_E_TLS_NO_CLOCK);
        if (w) put(w, "certificates cannot be checked: what day it is is not known here");
    } else if (seconds_of(&crt->valid_to) < j->now) {
        w = object(j, POSTA_E_TLS_EXPIRED);
        if (!w) return;
        put(w, which);
        put(w, " expired on ");
        put_day(w, &crt->valid_to);
    } else if (seconds_of(&crt->valid_from) > j->now) {
        w = object(j, POSTA_E_TLS_NOT_YET);
        if (!w) return;
        put(w, which);
        put(w, " is not valid before ");
        put_day(w, &crt->valid_from);
    }
}

/* ---- the chain ---- */

static const char not_for_servers[] =
    "the certificate is not one for servers: its owner has to replace it";

static void judge_issuer(posta__tls_judge *j, const mbedtls_x509_crt *crt, const char *why) {
    posta_window *w;
    if (why == not_for_servers && j->reason == POSTA_E_TLS_ISSUER) j->reason = POSTA_OK;
    w = object(j, POSTA_E_TLS_ISSUER);
    if (!w) return;
    j->is_misused = why == not_for_servers;
    if (why) {
        put(w, why);
    } else if (crt->issuer_raw.len == crt->subject_raw.len &&
               memcmp(crt->issuer_raw.p, crt->subject_raw.p, crt->issuer_raw.len) == 0) {
        put(w, "the certificate is self-signed (");
        put_subject(w, &crt->subject);
        put(w, ")");
    } else {
        put(w, "the certificate's issuer ");
        put_subject(w, &crt->issuer);
        put(w, " is not trusted");
    }
}

static void judge_flags(posta__tls_judge *j, const mbedtls_x509_crt *crt, uint32_t flags) {
    const uint32_t weak =
        MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY;
    const uint32_t usage = MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                           MBEDTLS_X509_BADCERT_NS_CERT_TYPE;
    posta_window *w = flags & weak ? object(j, POSTA_E_TLS_WEAK) : NULL;
    if (w)
        put(w, flags & MBEDTLS_X509_BADCERT_BAD_MD
                   ? "the certificate is too weak: it is signed with an old hash, or in a way not "
                     "known here"
                   : "the certificate is too weak: its key or its issuer's is too short or of a "
                     "kind not accepted");
    if (flags & usage) judge_issuer(j, crt, not_for_servers);
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) judge_issuer(j, crt, NULL);
    if (flags & ~(weak | usage | MBEDTLS_X509_BADCERT_NOT_TRUSTED))
        judge_issuer(j, crt, "the certificate cannot be trusted");
}

/* mbedTLS looks at it too, but behind this, where its words are a number. Ephemeral keys are
   signed, in every suite that is offered. */
static void judge_usage(posta__tls_judge *j, const mbedtls_x509_crt *crt) {
    if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0 ||
        mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
        judge_issuer(j, crt, not_for_servers);
}

/* ---- the name ---- */

static bool cn_covers(const posta__tls_name *name, const mbedtls_x509_name *subject) {
    for (; subject; subject = subject->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &subject->oid) == 0 &&
            posta__tls_name_covers(name, POSTA__SAN_DNS,
                                   posta__span(subject->val.p, subject->val.len)))
            return true;
    return false;
}

static bool is_named(const posta__tls_judge *j, const mbedtls_x509_crt *crt) {
    const mbedtls_x509_sequence *san = &crt->subject_alt_names;
    if (!posta__mbed_has_names(crt))
        return (j->insecure & POSTA_INSECURE_CN) && cn_covers(j->name, &crt->subject);
    for (; san; san = san->next)
        if (posta__tls_name_covers(j->name, (unsigned)san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK,
                                   posta__span(san->buf.p, san->buf.len)))
            return true;
    return false;
}

static void put_names(posta_window *w, const mbedtls_x509_crt *crt) {
    const mbedtls_x509_sequence *san = &crt->subject_alt_names;
    size_t begin = w->len;
    unsigned n = 0;
    for (; san && posta__mbed_has_names(crt); san = san->next) {
        size_t before = w->len;
        if (n > 0) put(w, ", ");
        if (n == 4) {
            put(w, "...");
            return;
        }
        posta__tls_name_show(w, (unsigned)san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK,
                             posta__span(san->buf.p, san->buf.len));
        if (w->len - before <= 2)
            w->len = before;
        else
            n++;
    }
    if (w->len == begin) put(w, "no name at all");
}

static void judge_name(posta__tls_judge *j, const mbedtls_x509_crt *crt) {
    posta_window *w;
    if (is_named(j, crt)) return;
    w = object(j, POSTA_E_TLS_NAME);
    if (!w) return;
    put(w, "certificate is for ");
    put_names(w, crt);
    put(w, ", not ");
    if (j->name->ip_len > 0)
        posta__tls_name_show(w, POSTA__SAN_IP, posta__span(j->name->ip, j->name->ip_len));
    else
        put(w, j->name->dns);
    if (!posta__mbed_has_names(crt) && cn_covers(j->name, &crt->subject))
        put(w, " (its CN is no name, RFC 9525; insecure_cn takes it)");
}

/* ---- the verdict ---- */

static bool is_pinned(const posta_tls *t, const uint8_t pin[POSTA__TLS_PIN_LEN]) {
    for (size_t i = 0; i < t->pins_n; i++)
        if (memcmp(t->pins[i], pin, POSTA__TLS_PIN_LEN) == 0) return true;
    return false;
}

static void judge_pin(posta__tls_judge *j, const mbedtls_x509_crt *crt) {
    uint8_t pin[POSTA__TLS_PIN_LEN];
    posta_window *w;
    bool is_known = posta__tls_pin_of(crt, pin);
    /* mbedTLS takes no key for a use that it is not for, pinned or not. */
    if (j->is_misused) return;
    if (j->tls->pins_n > 0 && is_known && is_pinned(j->tls, pin)) {
        if (j->reason != POSTA_E_TLS_ISSUER && j->reason != POSTA_E_TLS_NAME) return;
        j->reason = POSTA_OK;
        if (!(j->insecure & POSTA_INSECURE_NO_TIME)) judge_dates(j, crt, 0);
        return;
    }
    if (j->tls->pins_n > 0) {
        j->reason = POSTA_OK;
        judge_issuer(j, crt, "the server's key is none of those in tls.pin");
    }
    w = j->reason == POSTA_E_TLS_ISSUER && is_known ? j->why : NULL;
    if (!w) return;
    put(w, "; the pin of its key is ");
    posta__tls_show_pin(w, pin);
}

bool posta__tls_may_go_on(const posta__tls_judge *j) {
    return j->reason == POSTA_OK || j->is_opportunistic || (j->insecure & POSTA_INSECURE_NO_VERIFY);
}

/* Rows J02, J07: flags are cleared here only, and what they said is kept in the judge. */
int posta__tls_judge_cert(void *user, mbedtls_x509_crt *crt, int depth, uint32_t *flags) {
    posta__tls_judge *j = user;
    const uint32_t ours = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
                          MBEDTLS_X509_BADCERT_CN_MISMATCH;
    judge_flags(j, crt, *flags & ~ours);
    if (depth == 0) judge_usage(j, crt);
    if (!(j->insecure & POSTA_INSECURE_NO_TIME)) judge_dates(j, crt, depth);
    *flags = 0;
    if (depth > 0) return 0;
    if (!(j->insecure & POSTA_INSECURE_ANY_NAME)) judge_name(j, crt);
    judge_pin(j, crt);
    j->is_done = true;
    if (!posta__tls_may_go_on(j)) *flags = MBEDTLS_X509_BADCERT_OTHER;
    return 0;
}
