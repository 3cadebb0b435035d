/* core/smtp: what may be asked for with MAIL and RCPT. Each parameter is of an extension that the
 * server must offer; what it does not offer is said before anything is sent, never left away. The
 * check and the writing go over the same lists.
 */
#include "smtp_i.h"

#define MAX_ENVID 100u       /* octets, RFC 3461 4.4 */
#define MAX_ORCPT 500u       /* octets as they are said, RFC 3461 4.2 */
#define MAX_AUTH  500u       /* octets as they are said, RFC 4954 5 */
#define MAX_BY    999999999u /* RFC 2852 4 */

#define NO_DSN "the server does not offer DSN"

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

/* utf-8-addr-unitext: as it is, but for what would end it or begin an escape. RFC 6533 3 */
static void put_unitext(sink *s, posta_span text) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        char escape[6] = {'\\', 'x', '{', hex[c >> 4], hex[c & 15], '}'};
        bool is_plain = c > 0x20 && c != 0x7f && c != '+' && c != '=' && c != '\\';
        put(s, is_plain ? posta__span(&c, 1) : posta__span(escape, sizeof escape));
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
    if (posta__is_ascii(posta__span_of(r->original))) {
        put(s, POSTA_LIT(" ORCPT=rfc822;"));
        put_xtext(s, posta__span_of(r->original));
        return;
    }
    put(s, POSTA_LIT(" ORCPT=utf-8;"));
    put_unitext(s, posta__span_of(r->original));
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

/* Visible ASCII, or UTF-8 without controls. */
static bool is_sayable(posta_span s) {
    return posta__is_ascii(s) ? is_visible(s) : posta__text_check(s, NULL) == POSTA_OK;
}

static size_t xtext_len(posta_span text) {
    sink s = {NULL, 0};
    put_xtext(&s, text);
    return s.len;
}

static const posta__complaint fine = {NULL, NULL};

static posta__complaint say(const char *field, const char *why) {
    return (posta__complaint){field, why};
}

static posta__complaint auth_wrong(const char *auth) {
    uint8_t store[POSTA_MAX_PATH];
    posta_window w = posta__window(store, sizeof store);
    posta_span text = posta__span_of(auth);
    if (text.len > 0 && posta__path_rewrite(text, 0, NULL, &w, NULL) != POSTA_OK)
        return say("mail_auth", "is no address; \"\" says that nobody vouches for the sender");
    return xtext_len(text) > MAX_AUTH ? say("mail_auth", "is too long") : fine;
}

static posta__complaint by_wrong(const posta_mail_options *o) {
    bool is_return = o->by_mode == POSTA_BY_RETURN;
    if (!is_return && o->by_mode != POSTA_BY_NOTIFY)
        return say("deliver_by.mode", "is neither return nor notify");
    if (o->deliver_by > (int32_t)MAX_BY || o->deliver_by < -(int32_t)MAX_BY)
        return say("deliver_by.seconds", "has more than 9 digits");
    if (is_return && o->deliver_by <= 0)
        return say("deliver_by.seconds", "is over already, so it can only be notified of");
    return fine;
}

static posta__complaint hold_wrong(const posta_mail_options *o) {
    sink nowhere = {NULL, 0};
    if (o->hold_for > 0 && o->hold_until > 0) return say("hold_for", "does not go with hold_until");
    if (o->hold_for > MAX_BY) return say("hold_for", "has more than 9 digits");
    if (o->hold_until < 0 || (o->hold_until > 0 && !put_time(&nowhere, o->hold_until)))
        return say("hold_until", "is not in the years 1970 to 9999");
    return fine;
}

static posta__complaint mail_wrong(const posta_mail_options *o) {
    posta_span envid = posta__span_of(o->envid);
    posta__complaint c = fine;
    if (o->size != sizeof *o) return say("options", "are not begun with POSTA_MAIL_OPTIONS");
    if ((unsigned)o->ret > POSTA_RET_HEADERS) return say("dsn.ret", "is neither full nor headers");
    if (o->envid && (envid.len == 0 || envid.len > MAX_ENVID || !is_visible(envid)))
        return say("dsn.envid", "expected 1 to 100 ASCII characters");
    if (o->has_priority && (o->priority < -9 || o->priority > 9))
        return say("mt_priority", "expected -9 to 9");
    if (o->auth) c = auth_wrong(o->auth);
    if (!c.why && o->has_deliver_by) c = by_wrong(o);
    return c.why ? c : hold_wrong(o);
}

/* What the options need and the server does not offer. */
static posta__complaint lacks(const posta_engine *e, const posta_mail_options *o) {
    unsigned bits = e->caps.bits;
    bool is_return = o->has_deliver_by && o->by_mode == POSTA_BY_RETURN;
    if ((o->ret || o->envid) && !(bits & POSTA_CAN_DSN)) return say("dsn", NO_DSN);
    if (o->auth && !(bits & POSTA_CAN_AUTH))
        return say("mail_auth", "the server does not offer AUTH");
    if (o->require_tls && !e->is_secure)
        return say("require_tls", "the connection is not protected by TLS");
    if (o->require_tls && !(bits & POSTA_CAN_REQUIRETLS))
        return say("require_tls", "the server does not offer REQUIRETLS");
    if (o->has_priority && !(bits & POSTA_CAN_MT_PRIORITY))
        return say("mt_priority", "the server does not offer MT-PRIORITY");
    if (o->has_deliver_by && !(bits & POSTA_CAN_DELIVERBY))
        return say("deliver_by", "the server does not offer DELIVERBY");
    if (is_return && (uint32_t)o->deliver_by < e->caps.by_min)
        return say("deliver_by.seconds", "is sooner than the server promises");
    if ((o->hold_for || o->hold_until) && !(bits & POSTA_CAN_FUTURERELEASE))
        return say(o->hold_for ? "hold_for" : "hold_until",
                   "the server does not offer FUTURERELEASE");
    if (o->hold_for > 0 && e->caps.hold_max > 0 && o->hold_for > e->caps.hold_max)
        return say("hold_for", "is longer than the server holds mail");
    return fine;
}

static posta__complaint too_long(const posta_engine *e, size_t len) {
    if (len + POSTA__PATH_LINE <= e->config.tx_space) return fine;
    return say("options", "do not fit into a line of tx_space octets");
}

/* `status` for the first complaint that is one. */
static posta_status answer(posta__complaint c, posta_status status, posta__complaint *out) {
    if (!c.why) return POSTA_OK;
    *out = c;
    return status;
}

posta_status posta__params_check_mail(const posta_engine *e, const posta_mail_options *o,
                                      posta__complaint *out) {
    posta_status status;
    if (!o) return POSTA_OK;
    status = answer(mail_wrong(o), POSTA_E_FIELD, out);
    if (!status) status = answer(lacks(e, o), POSTA_E_EXTENSION, out);
    if (!status) status = answer(too_long(e, posta__params_mail(o, NULL)), POSTA_E_FIELD, out);
    return status;
}

static posta__complaint rcpt_wrong(const posta_recipient *r) {
    posta_span original = posta__span_of(r->original);
    unsigned all =
        POSTA_NOTIFY_NEVER | POSTA_NOTIFY_SUCCESS | POSTA_NOTIFY_FAILURE | POSTA_NOTIFY_DELAY;
    bool is_alone = r->notify == POSTA_NOTIFY_NEVER;
    if ((r->notify & ~all) || ((r->notify & POSTA_NOTIFY_NEVER) && !is_alone))
        return say("notify", "never does not go with others");
    if (r->original &&
        (original.len == 0 || !is_sayable(original) || posta__params_rcpt(r, NULL) > MAX_ORCPT))
        return say("orcpt", "expected an address without controls, at most 490 octets");
    return fine;
}

posta_status posta__params_check_rcpt(const posta_engine *e, const posta_recipient *r,
                                      posta__complaint *out) {
    posta_status status;
    if (!r->notify && !r->original) return POSTA_OK;
    status = answer(rcpt_wrong(r), POSTA_E_FIELD, out);
    if (!status && !(e->caps.bits & POSTA_CAN_DSN))
        status = answer(say(r->notify ? "dsn.notify" : "orcpt", NO_DSN), POSTA_E_EXTENSION, out);
    if (!status && !posta__is_ascii(posta__span_of(r->original)) && !posta_engine_takes_utf8(e))
        status = answer(say("orcpt", "is not ASCII, and the server does not offer SMTPUTF8"),
                        POSTA_E_EXTENSION, out);
    if (!status) status = answer(too_long(e, posta__params_rcpt(r, NULL)), POSTA_E_FIELD, out);
    return status;
}
