/* core/smtp: what may be asked for with MAIL and RCPT. Each parameter is of an extension that the
 * server must offer; what it does not offer is said before anything is sent, never left away. The
 * check and the writing go over the same lists.
 */
#include "smtp_i.h"

#define MAX_ENVID 100u       /* octets, RFC 3461 4.4 */
#define MAX_ORCPT 500u       /* octets as they are said, RFC 3461 4.2 */
#define MAX_AUTH  500u       /* octets as they are said, RFC 4954 5 */
#define MAX_BY    999999999u /* RFC 2852 4 */

/* Counts what is put, and writes it where there is a window. */
typedef struct sink {
    posta_window *w;
    size_t len;
} sink;

static void put(sink *s, posta_span what) {
    s->len += what.len;
    if (s->w) posta__put(s->w, what);
}

static void put_number(sink *s, uint64_t n) {
    char digits[POSTA_DECIMAL_CAP];
    put(s, posta__span(digits, posta__decimal(n, digits)));
}

static void put_xtext(sink *s, posta_span text) {
    uint8_t store[3];
    for (size_t i = 0; i < text.len; i++) {
        posta_window w = posta__window(store, sizeof store);
        posta__xtext_put(&w, posta__span(text.p + i, 1));
        put(s, posta__span(store, w.len));
    }
}

/* ---- MAIL ---- */

/* 2026-11-28T08:30:00Z, RFC 3339 as RFC 4865 4.1 has it. */
static bool put_time(sink *s, int64_t seconds) {
    uint8_t store[POSTA__TIMESTAMP_LEN];
    posta_window w = posta__window(store, sizeof store);
    if (posta__timestamp_put(&w, seconds) != POSTA_OK) return false;
    put(s, posta__span(store, w.len));
    return true;
}

static void put_deliver_by(sink *s, const posta_mail_options *o) {
    put(s, POSTA_LIT(" BY="));
    if (o->deliver_by < 0) put(s, POSTA_LIT("-"));
    put_number(s, (uint64_t)(o->deliver_by < 0 ? -(int64_t)o->deliver_by : o->deliver_by));
    put(s, o->by_mode == POSTA_BY_NOTIFY ? POSTA_LIT(";N") : POSTA_LIT(";R"));
    if (o->by_trace) put(s, POSTA_LIT("T"));
}

static void put_priority(sink *s, int priority) {
    put(s, priority < 0 ? POSTA_LIT(" MT-PRIORITY=-") : POSTA_LIT(" MT-PRIORITY="));
    put_number(s, (uint64_t)(priority < 0 ? -priority : priority));
}

static void put_mail(sink *s, const posta_mail_options *o) {
    if (o->ret == POSTA_RET_FULL) put(s, POSTA_LIT(" RET=FULL"));
    if (o->ret == POSTA_RET_HEADERS) put(s, POSTA_LIT(" RET=HDRS"));
    if (o->envid) {
        put(s, POSTA_LIT(" ENVID="));
        put_xtext(s, posta__span_of(o->envid));
    }
    if (o->auth) {
        put(s, POSTA_LIT(" AUTH="));
        put_xtext(s, o->auth[0] ? posta__span_of(o->auth) : POSTA_LIT("<>"));
    }
    if (o->require_tls) put(s, POSTA_LIT(" REQUIRETLS"));
    if (o->has_priority) put_priority(s, o->priority);
    if (o->has_deliver_by) put_deliver_by(s, o);
    if (o->hold_for > 0) {
        put(s, POSTA_LIT(" HOLDFOR="));
        put_number(s, o->hold_for);
    }
    if (o->hold_until > 0) {
        put(s, POSTA_LIT(" HOLDUNTIL="));
        put_time(s, o->hold_until);
    }
}

size_t posta__params_mail(const posta_mail_options *o, posta_window *out) {
    sink s = {out, 0};
    if (o) put_mail(&s, o);
    return s.len;
}

/* ---- RCPT ---- */

static void put_notify(sink *s, unsigned notify) {
    static const struct {
        unsigned bit;
        posta_span word;
    } words[] = {
        {POSTA_NOTIFY_NEVER, {(const uint8_t *)"NEVER", 5}},
        {POSTA_NOTIFY_SUCCESS, {(const uint8_t *)"SUCCESS", 7}},
        {POSTA_NOTIFY_FAILURE, {(const uint8_t *)"FAILURE", 7}},
        {POSTA_NOTIFY_DELAY, {(const uint8_t *)"DELAY", 5}},
    };
    bool is_first = true;
    put(s, POSTA_LIT(" NOTIFY="));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!(notify & words[i].bit)) continue;
        if (!is_first) put(s, POSTA_LIT(","));
        put(s, words[i].word);
        is_first = false;
    }
}

static void put_rcpt(sink *s, const posta_recipient *r) {
    if (r->notify) put_notify(s, r->notify);
    if (!r->original) return;
    put(s, POSTA_LIT(" ORCPT=rfc822;"));
    put_xtext(s, posta__span_of(r->original));
}

size_t posta__params_rcpt(const posta_recipient *r, posta_window *out) {
    sink s = {out, 0};
    put_rcpt(&s, r);
    return s.len;
}

/* ---- the checks ---- */

static bool is_visible(posta_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) return false;
    return true;
}

static size_t xtext_len(posta_span text) {
    sink s = {NULL, 0};
    put_xtext(&s, text);
    return s.len;
}

static const char *auth_why(const char *auth) {
    uint8_t store[POSTA_MAX_PATH];
    posta_window w = posta__window(store, sizeof store);
    posta_span text = posta__span_of(auth);
    if (text.len > 0 && posta__path_rewrite(text, 0, &w, NULL) != POSTA_OK)
        return "auth: is no address; \"\" says that nobody vouches for the sender";
    return xtext_len(text) > MAX_AUTH ? "auth: is too long" : NULL;
}

static const char *mail_why(const posta_mail_options *o) {
    posta_span envid = posta__span_of(o->envid);
    sink nowhere = {NULL, 0};
    if (o->size != sizeof *o) return "the options of MAIL are not begun with POSTA_MAIL_OPTIONS";
    if ((unsigned)o->ret > POSTA_RET_HEADERS) return "ret: is neither full nor headers";
    if (o->envid && (envid.len == 0 || envid.len > MAX_ENVID || !is_visible(envid)))
        return "envid: expected 1 to 100 ASCII characters";
    if (o->auth && auth_why(o->auth)) return auth_why(o->auth);
    if (o->has_priority && (o->priority < -9 || o->priority > 9))
        return "mt_priority: expected -9 to 9";
    if (o->has_deliver_by) {
        bool is_return = o->by_mode == POSTA_BY_RETURN;
        if (!is_return && o->by_mode != POSTA_BY_NOTIFY)
            return "deliver_by: its mode is neither return nor notify";
        if (o->deliver_by > (int32_t)MAX_BY || o->deliver_by < -(int32_t)MAX_BY)
            return "deliver_by: has more than 9 digits";
        if (is_return && o->deliver_by <= 0)
            return "deliver_by: the time is over already, so it can only be notified of";
    }
    if (o->hold_for > 0 && o->hold_until > 0) return "hold_for: does not go with hold_until";
    if (o->hold_for > MAX_BY) return "hold_for: has more than 9 digits";
    if (o->hold_until < 0 || (o->hold_until > 0 && !put_time(&nowhere, o->hold_until)))
        return "hold_until: is not in the years 1970 to 9999";
    return NULL;
}

/* What the options need and the server does not offer. */
static const char *lacks(const posta_engine *e, const posta_mail_options *o) {
    unsigned bits = e->caps.bits;
    if ((o->ret || o->envid) && !(bits & POSTA_CAN_DSN))
        return "the server does not offer DSN, which dsn asks for";
    if (o->auth && !(bits & POSTA_CAN_AUTH))
        return "the server does not offer AUTH, which mail_auth asks for";
    if (o->require_tls && !e->is_secure)
        return "require_tls asks for TLS, and the connection has none";
    if (o->require_tls && !(bits & POSTA_CAN_REQUIRETLS))
        return "the server does not offer REQUIRETLS, which require_tls asks for";
    if (o->has_priority && !(bits & POSTA_CAN_MT_PRIORITY))
        return "the server does not offer MT-PRIORITY, which mt_priority asks for";
    if (o->has_deliver_by && !(bits & POSTA_CAN_DELIVERBY))
        return "the server does not offer DELIVERBY, which deliver_by asks for";
    if ((o->hold_for || o->hold_until) && !(bits & POSTA_CAN_FUTURERELEASE))
        return "the server does not offer FUTURERELEASE, which hold_for and hold_until ask for";
    if (o->has_deliver_by && o->by_mode == POSTA_BY_RETURN &&
        (uint32_t)o->deliver_by < e->caps.by_min)
        return "deliver_by is sooner than the server promises";
    if (o->hold_for > 0 && e->caps.hold_max > 0 && o->hold_for > e->caps.hold_max)
        return "hold_for is longer than the server holds mail";
    return NULL;
}

static posta_status fits(const posta_engine *e, size_t len, const char **why_out) {
    if (len + POSTA__PATH_LINE <= e->config.tx_space) return POSTA_OK;
    *why_out = "the options do not fit into a line of tx_space octets";
    return POSTA_E_FIELD;
}

posta_status posta__params_check_mail(const posta_engine *e, const posta_mail_options *o,
                                      const char **why_out) {
    if (!o) return POSTA_OK;
    *why_out = mail_why(o);
    if (*why_out) return POSTA_E_FIELD;
    *why_out = lacks(e, o);
    if (*why_out) return POSTA_E_EXTENSION;
    return fits(e, posta__params_mail(o, NULL), why_out);
}

posta_status posta__params_check_rcpt(const posta_engine *e, const posta_recipient *r,
                                      const char **why_out) {
    posta_span original = posta__span_of(r->original);
    unsigned all =
        POSTA_NOTIFY_NEVER | POSTA_NOTIFY_SUCCESS | POSTA_NOTIFY_FAILURE | POSTA_NOTIFY_DELAY;
    if (!r->notify && !r->original) return POSTA_OK;
    if ((r->notify & ~all) ||
        ((r->notify & POSTA_NOTIFY_NEVER) && r->notify != POSTA_NOTIFY_NEVER)) {
        *why_out = "notify: never does not go with others";
        return POSTA_E_FIELD;
    }
    if (r->original &&
        (original.len == 0 || !is_visible(original) || xtext_len(original) > MAX_ORCPT - 7)) {
        *why_out = "orcpt: expected an ASCII address";
        return POSTA_E_FIELD;
    }
    if (!(e->caps.bits & POSTA_CAN_DSN)) {
        *why_out = "the server does not offer DSN, which dsn asks for";
        return POSTA_E_EXTENSION;
    }
    return fits(e, posta__params_rcpt(r, NULL), why_out);
}
