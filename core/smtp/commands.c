/* core/smtp: what the host may ask for. Each checks all its arguments before a byte is written, so
 * a refused call leaves the connection as it was.
 */
#include "smtp_i.h"

/* After an idle second the server may have said goodbye: look before talking (rows E11, F13). */
#define IDLE_MS 1000u

static bool begin(posta_engine *e, action a, step first) {
    if (e->step != STEP_IDLE || e->action != ACTION_NONE) return false;
    if (e->is_refused && a != ACTION_QUIT) return false;
    e->action = a;
    e->step = first;
    e->must_peek = e->now - e->progress >= IDLE_MS && a != ACTION_QUIT;
    posta_engine_tick(e, e->now);
    return true;
}

bool posta_engine_takes_utf8(const posta_engine *e) {
    const unsigned needed = POSTA_CAN_SMTPUTF8 | POSTA_CAN_8BITMIME; /* RFC 6531 3.1 (8) */
    return (e->caps.bits & needed) == needed;
}

posta__form posta__engine_form(const posta_engine *e) {
    return (posta__form){e->t.is_utf8, e->config.port};
}

static posta_status bad(posta_engine *e, posta_status status, size_t recipient, const char *why) {
    e->fault = (posta_fault){.status = status,
                             .cause = status,
                             .side = POSTA_SIDE_OURS,
                             .phase = POSTA_PHASE_COMPOSE,
                             .recipient = recipient,
                             .why = why};
    return status;
}

static posta_status bad_option(posta_engine *e, posta_status status, size_t recipient,
                               posta__complaint c) {
    bad(e, status, recipient, c.why);
    e->fault.field = c.field;
    return status;
}

static posta_status bad_address(posta_engine *e, posta_status status, size_t recipient,
                                const char *why) {
    bad(e, status, recipient, why);
    e->fault.is_address = true;
    return status;
}

static posta_status check_path(posta_engine *e, const char *address, unsigned flags,
                               const posta__form *form, size_t recipient) {
    uint8_t store[POSTA_MAX_PATH];
    posta_window w = posta__window(store, sizeof store);
    posta__address_fault fault = {.why = "the address is missing"};
    posta_status status;
    if (!address) return bad_address(e, POSTA_E_FIELD, recipient, fault.why);
    status = posta__path_rewrite(posta__span_of(address), flags, form, &w, &fault);
    if (status == POSTA_OK) return POSTA_OK;
    if (status == POSTA_E_LIMIT)
        return bad_address(e, POSTA_E_FIELD, recipient, "the address is too long");
    if (status == POSTA_E_EXTENSION && posta_engine_takes_utf8(e))
        fault.why = "is not ASCII before the @, and MAIL did not announce SMTPUTF8: set the option "
                    "smtputf8";
    return bad_address(e, status, recipient, fault.why);
}

/* Row C03: LMTP knows mailboxes of the place, without a domain. */
unsigned posta__rcpt_flags(const posta_engine *e) {
    return e->config.lmtp ? POSTA__PATH_LOCAL_OK : POSTA__PATH_POSTMASTER_OK;
}

static posta_status check_recipient(posta_engine *e, const posta_recipient *r,
                                    const posta__form *form, size_t at) {
    posta__complaint c;
    posta_status status = check_path(e, r->address, posta__rcpt_flags(e), form, at);
    if (status != POSTA_OK) return status;
    status = posta__params_check_rcpt(e, r, &c);
    return status == POSTA_OK ? status : bad_option(e, status, at, c);
}

static bool is_ascii(const char *s) {
    return posta__is_ascii(posta__span_of(s));
}

/* *is_utf8_out: one of them is written in UTF-8. */
static posta_status check_envelope(posta_engine *e, const posta_envelope *env, bool *is_utf8_out) {
    posta__form form = {posta_engine_takes_utf8(e), e->config.port};
    posta__complaint c;
    posta_status status = check_path(e, env->from, POSTA__PATH_NULL_OK, &form, POSTA_NO_RECIPIENT);
    if (status != POSTA_OK) return status;
    *is_utf8_out = form.may_utf8 && !posta__is_ascii(posta__span_of(env->from));
    if (env->to_n == 0) return bad_address(e, POSTA_E_FIELD, 0, "there is no recipient");
    status = posta__params_check_mail(e, env->options, &c);
    if (status != POSTA_OK) return bad_option(e, status, POSTA_NO_RECIPIENT, c);
    for (size_t i = 0; i < env->to_n; i++) {
        posta_span to = posta__span_of(env->to[i].address);
        status = check_recipient(e, &env->to[i], &form, i);
        if (status != POSTA_OK) return status;
        if (form.may_utf8 && (!posta__is_ascii(to) || !is_ascii(env->to[i].original)))
            *is_utf8_out = true; /* row G08 */
    }
    return POSTA_OK;
}

posta_status posta_engine_submit(posta_engine *e, const posta_envelope *envelope,
                                 const posta_source *source) {
    bool is_utf8 = false;
    bool is_chunked;
    posta_status status;
    if (!envelope || !source || !source->pull || (envelope->to_n > 0 && !envelope->to))
        return POSTA_E_ARGUMENT;
    if (!posta_engine_is_idle(e) || e->t.is_stepped) return POSTA_E_STATE;
    memset(&e->fault, 0, sizeof e->fault);
    e->fault.recipient = POSTA_NO_RECIPIENT;
    if (e->config.lmtp && e->config.on_refused == POSTA_REFUSED_ABORT)
        return bad_option(e, POSTA_E_FIELD, POSTA_NO_RECIPIENT,
                          (posta__complaint){"on_refused", "LMTP has a verdict for each recipient "
                                                           "when all have the text: none can be "
                                                           "aborted for another"});
    status = check_envelope(e, envelope, &is_utf8);
    if (status != POSTA_OK) return status;
    if (e->caps.size_max > 0 && source->len != POSTA_LEN_UNKNOWN && source->len > e->caps.size_max)
        return bad(e, POSTA_E_TOO_BIG, POSTA_NO_RECIPIENT, NULL);
    if (e->caps.rcpt_max > 0 && envelope->to_n > e->caps.rcpt_max)
        return bad_option(e, POSTA_E_RECIPIENT_LIMIT, POSTA_NO_RECIPIENT,
                          (posta__complaint){"envelope.to",
                                             "the server takes fewer recipients of a "
                                             "message (LIMITS RCPTMAX); send it in parts"});
    is_chunked = e->config.chunking && (e->caps.bits & POSTA_CAN_CHUNKING) &&
                 source->len != POSTA_LEN_UNKNOWN && (envelope->has_crlf || envelope->has_binary);
    if (envelope->has_binary && !(is_chunked && (e->caps.bits & POSTA_CAN_BINARYMIME)))
        return bad(e, POSTA_E_EXTENSION, POSTA_NO_RECIPIENT,
                   "the text is octets as they are: that needs CHUNKING and BINARYMIME of the "
                   "server, the option chunking, and a known length");
    if (envelope->has_8bit && !envelope->has_binary && !(e->caps.bits & POSTA_CAN_8BITMIME))
        return bad(e, POSTA_E_EXTENSION, POSTA_NO_RECIPIENT,
                   "the text has octets above 127 and the server does not offer 8BITMIME");
    if (envelope->has_utf8 && !posta_engine_takes_utf8(e))
        return bad(e, POSTA_E_EXTENSION, POSTA_NO_RECIPIENT,
                   "the header is not ASCII and the server does not offer SMTPUTF8");
    memset(&e->t, 0, sizeof e->t);
    memset(&e->outcome, 0, sizeof e->outcome);
    e->body.at = e->body.len = 0;
    e->t.env = *envelope;
    e->t.is_utf8 = is_utf8 || envelope->has_utf8; /* row G07: not without need */
    e->t.body = *source;
    e->t.size = envelope->has_crlf || is_chunked ? source->len : POSTA_LEN_UNKNOWN; /* row D08 */
    e->t.is_chunked = is_chunked;
    for (size_t i = 0; i < envelope->to_n; i++) {
        posta_recipient *r = &envelope->to[i];
        *r = (posta_recipient){.address = r->address, .notify = r->notify, .original = r->original};
    }
    begin(e, ACTION_SUBMIT, STEP_MAIL);
    return POSTA_E_IN_PROGRESS;
}

/* ---- command by command ---- */

void posta_engine_set_smtputf8(posta_engine *e, bool is_wanted) {
    e->config.smtputf8 = is_wanted;
}

posta_status posta_engine_mail(posta_engine *e, const char *from) {
    return posta_engine_mail_with(e, from, NULL);
}

posta_status posta_engine_mail_with(posta_engine *e, const char *from,
                                    const posta_mail_options *options) {
    posta__form form = {posta_engine_takes_utf8(e), e->config.port};
    posta__complaint c;
    posta_status status;
    if (!posta_engine_is_idle(e) || e->t.is_stepped) return POSTA_E_STATE;
    if (e->config.lmtp)
        return bad(e, POSTA_E_NOT_BUILT, POSTA_NO_RECIPIENT,
                   "LMTP takes whole messages only in this build");
    status = check_path(e, from, POSTA__PATH_NULL_OK, &form, POSTA_NO_RECIPIENT);
    if (status != POSTA_OK) return status;
    status = posta__params_check_mail(e, options, &c);
    if (status != POSTA_OK) return bad_option(e, status, POSTA_NO_RECIPIENT, c);
    memset(&e->t, 0, sizeof e->t);
    memset(&e->outcome, 0, sizeof e->outcome);
    e->body.at = e->body.len = 0;
    e->t.is_stepped = true;
    e->t.is_utf8 = form.may_utf8 && (e->config.smtputf8 || !posta__is_ascii(posta__span_of(from)));
    e->t.env.from = from;
    e->t.env.options = options;
    e->t.size = POSTA_LEN_UNKNOWN;
    /* Nobody knows yet what the text will hold, so as much is announced as the server takes. */
    e->t.env.has_8bit = (e->caps.bits & POSTA_CAN_8BITMIME) != 0;
    begin(e, ACTION_MAIL, STEP_MAIL);
    return POSTA_E_IN_PROGRESS;
}

posta_status posta_engine_rcpt(posta_engine *e, posta_recipient *recipient) {
    posta__form form = posta__engine_form(e);
    posta_status status;
    if (!posta_engine_is_idle(e) || !posta_engine_in_transaction(e)) return POSTA_E_STATE;
    status = check_recipient(e, recipient, &form, e->t.heard_n);
    if (status != POSTA_OK) return status;
    e->t.env.to = recipient;
    e->t.env.to_n = 1;
    e->t.said_n = 0;
    begin(e, ACTION_RCPT, STEP_RCPT);
    return POSTA_E_IN_PROGRESS;
}

posta_status posta_engine_data(posta_engine *e) {
    if (!posta_engine_is_idle(e) || !posta_engine_in_transaction(e) || e->t.ok_n == 0)
        return POSTA_E_STATE;
    begin(e, ACTION_DATA, STEP_DATA);
    return POSTA_E_IN_PROGRESS;
}

size_t posta_engine_text(posta_engine *e, const void *p, size_t len) {
    posta_span in = posta__span(p, len);
    bool was_empty = posta__unread(&e->tx) == 0;
    if (!posta_engine_in_text(e)) return 0;
    posta__text_take(e, &in);
    /* The time before was the host's own, not the server's. */
    if (was_empty && in.len < len) e->progress = e->now;
    return len - in.len;
}

posta_mspan posta__engine_spare(posta_engine *e) {
    return (posta_mspan){e->body.p, e->body.cap};
}

/* An octet becomes two at most (a dot, a line end). */
size_t posta__engine_text_room(posta_engine *e) {
    size_t room;
    posta__window_compact(&e->tx);
    room = posta__room(&e->tx);
    return room > 32 ? (room - 32) / 2 : 0;
}

posta_status posta_engine_text_end(posta_engine *e) {
    if (!posta_engine_in_text(e)) return POSTA_E_STATE;
    if (posta__unread(&e->tx) == 0) e->progress = e->now;
    e->action = ACTION_END;
    e->t.body_done = true;
    posta_engine_tick(e, e->now);
    return POSTA_E_IN_PROGRESS;
}

posta_status posta_engine_reset(posta_engine *e) {
    return begin(e, ACTION_RESET, STEP_RSET) ? POSTA_E_IN_PROGRESS : POSTA_E_STATE;
}

posta_status posta_engine_noop(posta_engine *e) {
    return begin(e, ACTION_NOOP, STEP_NOOP) ? POSTA_E_IN_PROGRESS : POSTA_E_STATE;
}

/* ---- commands of the host's own ---- */

#define MAX_VERB 16u
#define MAX_LINE 510u /* RFC 5321 4.5.3.1.4, without CRLF */

static const char *word_why(posta_span word) {
    static const char *const owned[] = {"MAIL", "RCPT", "DATA",     "BDAT", "RSET", "EHLO",
                                        "HELO", "LHLO", "STARTTLS", "AUTH", "QUIT"};
    if (word.len == 0 || word.len > MAX_VERB) return "expected 1 to 16 letters, digits or hyphens";
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.p[i];
        if (!posta__is_alpha(c) && !posta__is_digit(c) && c != '-')
            return "expected 1 to 16 letters, digits or hyphens";
    }
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        if (posta_span_is_nocase(word, posta__span_of(owned[i])))
            return "is said by posta itself, which keeps account of it";
    return NULL;
}

static const char *args_why(posta_span args) {
    for (size_t i = 0; i < args.len; i++)
        if (args.p[i] < 0x20 || args.p[i] > 0x7e)
            return "has a character that is not visible ASCII";
    return NULL;
}

posta_status posta_engine_command(posta_engine *e, const char *name, const char *args) {
    posta_span word = posta__span_of(name), rest = posta__span_of(args);
    posta__complaint c = {"verb", word_why(word)};
    bool needs_etrn = posta_span_is_nocase(word, POSTA_LIT("ETRN"));
    if (!posta_engine_is_idle(e) || e->t.is_stepped) return POSTA_E_STATE;
    if (!c.why) c = (posta__complaint){"args", args_why(rest)};
    if (!c.why && word.len + 1 + rest.len > MAX_LINE)
        c.why = "makes a line of more than 510 octets";
    if (!c.why && word.len + 3 + rest.len > e->config.tx_space)
        c.why = "does not fit into tx_space octets";
    if (c.why) return bad_option(e, POSTA_E_FIELD, POSTA_NO_RECIPIENT, c);
    if (needs_etrn && !(e->caps.bits & POSTA_CAN_ETRN))
        return bad_option(e, POSTA_E_EXTENSION, POSTA_NO_RECIPIENT,
                          (posta__complaint){"verb", "the server does not offer ETRN"});
    e->command = name;
    e->command_args = args;
    begin(e, ACTION_COMMAND, STEP_COMMAND);
    return POSTA_E_IN_PROGRESS;
}

/* In a text no command can be said: the connection closes without dot, nothing was sent (row F14).
 */
static posta_status leave_text(posta_engine *e) {
    posta__engine_step_done(e, POSTA_E_CANCELLED, false);
    e->action = ACTION_QUIT;
    posta__engine_close(e);
    return POSTA_E_IN_PROGRESS;
}

void posta_engine_set_timeouts(posta_engine *e, const posta_timeouts *timeouts) {
    e->config.timeouts = *timeouts;
}

posta_status posta_engine_quit(posta_engine *e) {
    if (posta_engine_in_text(e)) return leave_text(e);
    return begin(e, ACTION_QUIT, STEP_QUIT) ? POSTA_E_IN_PROGRESS : POSTA_E_STATE;
}

void posta_engine_abort(posta_engine *e, posta_status cause) {
    posta_phase phase = posta_engine_phase(e);
    posta__engine_fail(e, cause, POSTA_SIDE_OURS, phase, NULL, NULL);
}
