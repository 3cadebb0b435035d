/* core/smtp: the table of commands. A row says what is written, what its reply does, how long to
 * wait, and where it may stand in a pipelined group (RFC 2920 3.1). SMTP replies come in order, so
 * the FIFO of owed replies is the receiver's whole state; pipelining is the sender running ahead of
 * it.
 */
#include "smtp_i.h"

/* ---- saying ---- */

bool posta__make_room(posta_engine *e, size_t need) {
    if (posta__room(&e->tx) < need) posta__window_compact(&e->tx);
    return posta__room(&e->tx) >= need;
}

/* Ends the command line that begins at `from`. The last line of defence of row C01: whatever the
   checks above let through, no control octet leaves in a command. */
static bool end_line(posta_engine *e, size_t from) {
    posta_span line = posta__span(e->tx.p + from, e->tx.len - from);
    for (size_t i = 0; i < line.len; i++) {
        if (line.p[i] >= 0x20 && line.p[i] != 0x7f) continue;
        e->tx.len = from;
        posta__engine_fail(e, POSTA_E_ARGUMENT, POSTA_SIDE_OURS, posta_engine_phase(e), NULL,
                           "a command would hold a control character");
        return true;
    }
    posta__dialogue_add(e, 'C', line);
    posta__put(&e->tx, POSTA_LIT("\r\n"));
    e->tx_put += e->tx.len - from;
    return true;
}

static bool say_word(posta_engine *e, posta_span word, posta_span argument) {
    size_t from;
    if (!posta__make_room(e, word.len + argument.len + 3)) return false;
    from = e->tx.len;
    posta__put(&e->tx, word);
    if (argument.len > 0) {
        posta__put(&e->tx, POSTA_LIT(" "));
        posta__put(&e->tx, argument);
    }
    return end_line(e, from);
}

/* Puts `verb`<path>. An address that was fine when it was checked can fail here only where IDNA
   does; an empty path would mean somebody else. */
static bool put_path(posta_engine *e, posta_span verb_text, const char *address, unsigned flags) {
    posta__form form = posta__engine_form(e);
    size_t from = e->tx.len;
    posta_status status;
    posta__put(&e->tx, verb_text);
    status = posta__path_rewrite(posta__span_of(address), flags, &form, &e->tx, NULL);
    posta__put(&e->tx, POSTA_LIT(">"));
    if (status == POSTA_OK) return true;
    e->tx.len = from;
    posta__engine_fail(e, status, POSTA_SIDE_OURS, posta_engine_phase(e), NULL,
                       "an address cannot be written any more");
    return false;
}

static bool say_ehlo(posta_engine *e) {
    posta_span word = e->config.lmtp ? POSTA_LIT("LHLO") : POSTA_LIT("EHLO");
    if (!say_word(e, word, posta__span_of(e->config.hello))) return false;
    e->caps = (posta_capabilities){0};
    e->login.list.len = 0;
    e->step = STEP_WAIT;
    return true;
}

static bool say_helo(posta_engine *e) {
    if (!say_word(e, POSTA_LIT("HELO"), posta__span_of(e->config.hello))) return false;
    e->step = STEP_WAIT;
    return true;
}

static bool say_starttls(posta_engine *e) {
    if (!say_word(e, POSTA_LIT("STARTTLS"), posta__span(NULL, 0))) return false;
    e->step = STEP_WAIT;
    return true;
}

static bool say_mail(posta_engine *e) {
    char digits[POSTA_DECIMAL_CAP];
    size_t from;
    if (!posta__make_room(e, POSTA__PATH_LINE + posta__params_mail(e->t.env.options, NULL)))
        return false;
    from = e->tx.len;
    if (!put_path(e, POSTA_LIT("MAIL FROM:<"), e->t.env.from, POSTA__PATH_NULL_OK)) return true;
    if ((e->caps.bits & POSTA_CAN_SIZE) && e->t.size != POSTA_LEN_UNKNOWN) {
        posta__put(&e->tx, POSTA_LIT(" SIZE="));
        posta__put(&e->tx, posta__span(digits, posta__decimal(e->t.size, digits)));
    }
    if (e->t.env.has_binary)
        posta__put(&e->tx, POSTA_LIT(" BODY=BINARYMIME"));
    else if (e->t.env.has_8bit)
        posta__put(&e->tx, POSTA_LIT(" BODY=8BITMIME"));
    if (e->t.is_utf8) posta__put(&e->tx, POSTA_LIT(" SMTPUTF8"));
    posta__params_mail(e->t.env.options, &e->tx);
    e->step = e->t.is_stepped ? STEP_WAIT : STEP_RCPT;
    return end_line(e, from);
}

static bool say_rcpt(posta_engine *e) {
    const posta_recipient *r = &e->t.env.to[e->t.said_n];
    size_t from;
    if (!posta__make_room(e, POSTA__PATH_LINE + posta__params_rcpt(r, NULL))) return false;
    from = e->tx.len;
    if (!put_path(e, POSTA_LIT("RCPT TO:<"), r->address, posta__rcpt_flags(e))) return true;
    posta__params_rcpt(r, &e->tx);
    if (++e->t.said_n == e->t.env.to_n) e->step = e->t.is_stepped ? STEP_WAIT : STEP_DATA;
    return end_line(e, from);
}

static bool say_data(posta_engine *e) {
    if (!say_word(e, POSTA_LIT("DATA"), posta__span(NULL, 0))) return false;
    e->step = STEP_GO;
    return true;
}

void posta__text_begin(posta_engine *e) {
    e->step = STEP_TEXT;
    e->t.text_begin = e->tx_put;
    posta__lines_init(&e->t.lines, e->t.is_chunked ? POSTA__LINES_REJECT : POSTA__LINES_STUFF);
    e->t.lines.kernels = e->config.kernels;
}

/* All of it in one chunk: its length is known. RFC 3030 2 */
static bool say_bdat(posta_engine *e) {
    char digits[POSTA_DECIMAL_CAP];
    size_t from;
    if (!posta__make_room(e, sizeof "BDAT  LAST\r\n" + POSTA_DECIMAL_CAP)) return false;
    from = e->tx.len;
    posta__put(&e->tx, POSTA_LIT("BDAT "));
    posta__put(&e->tx, posta__span(digits, posta__decimal(e->t.size, digits)));
    posta__put(&e->tx, POSTA_LIT(" LAST"));
    if (!end_line(e, from) || e->step == STEP_CLOSED) return true;
    posta__text_begin(e);
    return true;
}

static bool say_plain(posta_engine *e, posta_span word) {
    if (!say_word(e, word, posta__span(NULL, 0))) return false;
    e->step = STEP_WAIT;
    return true;
}

static bool say_rset(posta_engine *e) {
    return say_plain(e, POSTA_LIT("RSET"));
}
static bool say_noop(posta_engine *e) {
    return say_plain(e, POSTA_LIT("NOOP"));
}
static bool say_command(posta_engine *e) {
    if (!say_word(e, posta__span_of(e->command), posta__span_of(e->command_args))) return false;
    e->step = STEP_WAIT;
    return true;
}
static bool say_quit(posta_engine *e) {
    return say_plain(e, POSTA_LIT("QUIT"));
}

/* ---- hearing ---- */

static void alien(posta_engine *e, verb v) {
    posta__engine_fail(e, POSTA_E_PROTOCOL, POSTA_SIDE_THEIRS, posta__phase_of(v), &e->reply,
                       "the reply code does not fit the command");
}

posta_event_type posta__refusal_event(verdict judged) {
    return judged == VERDICT_SOFT ? POSTA_EVENT_SERVER_RETRY : POSTA_EVENT_SERVER_ERROR;
}

/* Notes why the message under way goes to nobody. The first reason stays, but a refusal that may
   pass is the better thing to report of many refused recipients. */
void posta__verb_blame(posta_engine *e, verb v) {
    bool softer = e->t.cause == POSTA_E_RECIPIENTS_REFUSED && v == V_RCPT &&
                  e->t.reply.code >= 500 && e->reply.code < 500;
    if (e->t.cause != POSTA_OK && !softer) return;
    e->t.cause = posta__refusal(v);
    e->t.phase = posta__phase_of(v);
    e->t.reply = e->reply;
}

static void drop(posta_engine *e) {
    e->t.is_dropped = true;
    if (e->step == STEP_MAIL || e->step == STEP_RCPT || e->step == STEP_DATA) e->step = STEP_WAIT;
}

/* The server does not want us at all: only QUIT is left. */
static void refuse_us(posta_engine *e, verb v, verdict judged) {
    posta_status cause = posta__refusal(v);
    e->fault = (posta_fault){.status = posta__status_fold(cause, e->reply.code),
                             .cause = cause,
                             .side = POSTA_SIDE_THEIRS,
                             .phase = posta__phase_of(v),
                             .reply = e->reply,
                             .recipient = POSTA_NO_RECIPIENT};
    e->is_refused = true;
    e->action = ACTION_NONE;
    e->step = STEP_IDLE;
    posta__engine_event(e, posta__refusal_event(judged), posta__phase_of(v), POSTA_NO_RECIPIENT,
                        e->fault.status, e->reply.code);
}

static void hear_greeting(posta_engine *e, verdict judged) {
    if (judged != VERDICT_OK) {
        refuse_us(e, V_GREETING, judged);
        return;
    }
    e->step = STEP_EHLO;
}

void posta__connected(posta_engine *e) {
    e->step = STEP_IDLE;
    e->action = ACTION_NONE;
    posta__engine_event(e, POSTA_EVENT_CONNECTED, POSTA_PHASE_HELLO, POSTA_NO_RECIPIENT, POSTA_OK,
                        e->reply.code);
}

/* Row A03: where it is required it is said also when it was not offered, or EHLO not known. */
static bool wants_starttls(const posta_engine *e) {
    if (e->is_secure) return false; /* row A06: never twice */
    if (e->config.starttls == POSTA_STARTTLS_ALWAYS) return true;
    return e->config.starttls == POSTA_STARTTLS_OFFERED && (e->caps.bits & POSTA_CAN_STARTTLS);
}

static void greeted(posta_engine *e) {
    if (!wants_starttls(e)) {
        posta__login_or_connected(e);
        return;
    }
    e->step = STEP_STARTTLS;
    e->must_peek = true; /* row A01: whatever was sent ahead is seen before */
}

static void hear_starttls(posta_engine *e, verdict judged) {
    bool goes_on = e->config.starttls == POSTA_STARTTLS_OFFERED &&
                   (judged == VERDICT_SOFT || judged == VERDICT_HARD) && e->reply.code != 421;
    if (judged == VERDICT_OK) {
        /* Any octet behind the reply was not sent by TLS, so it is an attacker's or nonsense. */
        if (posta__unread(&e->rx) > 0)
            posta__engine_fail(e, POSTA_E_UNASKED, POSTA_SIDE_THEIRS, POSTA_PHASE_TLS, NULL, NULL);
        else
            e->step = STEP_TLS;
        return;
    }
    if (goes_on) {
        posta__login_or_connected(e);
        return;
    }
    posta__engine_insecure(e, POSTA_E_TLS_UNAVAILABLE, POSTA_SIDE_THEIRS, &e->reply,
                           (e->caps.bits & POSTA_CAN_STARTTLS) ? "the server refuses STARTTLS"
                                                               : NULL);
}

static void hear_ehlo(posta_engine *e, verdict judged) {
    if (judged == VERDICT_OK) {
        e->caps.bits |= POSTA_CAN_ESMTP;
        greeted(e);
        return;
    }
    e->caps = (posta_capabilities){0};
    /* row A05: no HELO behind TLS; LMTP has none */
    if (judged == VERDICT_HARD && !e->is_secure && !e->config.lmtp) {
        e->step = STEP_HELO; /* RFC 5321 3.2: an old server knows HELO only */
        return;
    }
    refuse_us(e, V_EHLO, judged);
}

static void hear_helo(posta_engine *e, verdict judged) {
    if (judged == VERDICT_OK)
        greeted(e);
    else
        refuse_us(e, V_HELO, judged);
}

/* The end of an action of its own: yes, or the refusal that it met. */
static void end_action(posta_engine *e, verb v, verdict judged, posta_event_type yes,
                       size_t recipient) {
    posta_status status = POSTA_OK;
    if (judged != VERDICT_OK) {
        status = posta__status_fold(posta__refusal(v), e->reply.code);
        posta__engine_refused(e, posta__refusal(v), posta__phase_of(v));
        yes = posta__refusal_event(judged);
    }
    e->action = ACTION_NONE;
    e->step = STEP_IDLE;
    posta__engine_event(e, yes, posta__phase_of(v), recipient, status, e->reply.code);
}

static void end_plain(posta_engine *e, verb v, verdict judged, posta_event_type yes) {
    end_action(e, v, judged, yes, POSTA_NO_RECIPIENT);
}

static void hear_mail(posta_engine *e, verdict judged) {
    if (e->t.is_stepped) {
        e->t.mail_ok = judged == VERDICT_OK;
        if (judged != VERDICT_OK) memset(&e->t, 0, sizeof e->t);
        end_plain(e, V_MAIL, judged, POSTA_EVENT_SENDER_ACK);
        return;
    }
    if (judged == VERDICT_OK) {
        e->t.mail_ok = true;
        return;
    }
    posta__verb_blame(e, V_MAIL);
    drop(e);
}

static void hear_step_rcpt(posta_engine *e, verdict judged) {
    transaction *t = &e->t;
    if (judged == VERDICT_OK)
        t->ok_n++;
    else
        t->refused_n++;
    end_action(e, V_RCPT, judged, POSTA_EVENT_RECIPIENT_ACK, t->heard_n++);
}

static void hear_rcpt(posta_engine *e, verdict judged) {
    transaction *t = &e->t;
    if (t->is_stepped) {
        hear_step_rcpt(e, judged);
        return;
    }
    size_t at = t->heard_n++;
    posta_recipient *r = &t->env.to[at];
    if (!t->mail_ok) return; /* follows from the refused sender; says nothing of this recipient */
    r->reply = e->reply;
    if (judged == VERDICT_OK) {
        t->ok_n++;
        posta__engine_event(e, POSTA_EVENT_RECIPIENT_ACK, POSTA_PHASE_RECIPIENT, at, POSTA_OK,
                            e->reply.code);
    } else {
        t->refused_n++;
        r->status = POSTA_RECIPIENT_REFUSED;
        r->retry = judged == VERDICT_SOFT ? POSTA_RETRY_SAFE : POSTA_RETRY_POINTLESS;
        posta__engine_event(e, posta__refusal_event(judged), POSTA_PHASE_RECIPIENT, at,
                            posta__status_fold(POSTA_E_RECIPIENTS_REFUSED, e->reply.code),
                            e->reply.code);
    }
    if (judged != VERDICT_OK) posta__verb_blame(e, V_RCPT);
    if (t->refused_n == t->env.to_n ||
        (t->refused_n > 0 && e->config.on_refused == POSTA_REFUSED_ABORT))
        drop(e);
    if (!t->is_dropped && t->ok_n > 0 && t->heard_n == t->env.to_n)
        t->cause = POSTA_OK; /* somebody gets it: refusals stay with their recipients */
}

static void hear_data(posta_engine *e, verdict judged) {
    if (e->t.is_stepped && judged != VERDICT_OK) {
        end_plain(e, V_DATA, judged, POSTA_EVENT_BEGIN_ACK);
        return;
    }
    if (judged != VERDICT_OK) {
        posta__verb_blame(e, V_DATA);
        drop(e);
        e->step = STEP_WAIT;
        return;
    }
    /* The entry is queued when the text begins, so that an early refusal is heard in its middle. */
    posta__text_begin(e);
    e->owed[(e->owed_at + e->owed_n++) % e->config.owed_max] = V_TEXT;
    e->owed_last = V_TEXT;
    if (!e->t.is_stepped) return;
    e->action = ACTION_NONE;
    posta__engine_event(e, POSTA_EVENT_BEGIN_ACK, POSTA_PHASE_DATA, POSTA_NO_RECIPIENT, POSTA_OK,
                        e->reply.code);
}

/* The verdict on a text that the host gave piece by piece; early: in the middle of it. */
static void hear_step_text(posta_engine *e, verdict judged, bool early) {
    posta_status status = POSTA_OK;
    posta_event_type type = POSTA_EVENT_END_ACK;
    posta_phase phase = early ? POSTA_PHASE_BODY : POSTA_PHASE_RESULT;
    e->t.reply = e->reply;
    if (judged != VERDICT_OK) {
        status = posta__status_fold(POSTA_E_MESSAGE_REFUSED, e->reply.code);
        type = posta__refusal_event(judged);
        posta__engine_refused(e, POSTA_E_MESSAGE_REFUSED, phase);
    }
    posta__engine_step_done(e, judged == VERDICT_OK ? POSTA_OK : POSTA_E_MESSAGE_REFUSED, false);
    e->action = ACTION_NONE;
    e->step = STEP_IDLE;
    posta__engine_event(e, type, phase, POSTA_NO_RECIPIENT, status, e->reply.code);
}

/* RFC 3030 2: the transaction is void, and ends by RSET. What says that BDAT is not known closes
   the connection: the text may have been read as commands. It was not taken, so it may go by DATA.
 */
static void hear_bdat_refusal(posta_engine *e) {
    bool follows = e->t.is_dropped; /* from an earlier refusal */
    e->t.is_dropped = true;
    e->step = STEP_WAIT;
    if (e->reply.code < 500 || e->reply.code > 504) return;
    e->t.is_not_understood = !follows;
    posta__engine_sent(e, e->t.cause, false);
    posta__engine_close(e);
}

/* Rows D13, F05, E12: before the last octet of the dot is with the transport a refusal is early:
   the two sides no longer agree where commands begin, so the connection closes behind it. */
static void hear_text(posta_engine *e, verdict judged) {
    bool early = !posta__engine_dot_taken(e);
    bool closes = early || e->reply.code == 421;
    if (judged == VERDICT_OK && early) {
        posta__engine_early_yes(e);
        return;
    }
    if (e->t.is_stepped) {
        hear_step_text(e, judged, early);
        if (closes) posta__engine_close(e);
        return;
    }
    if (e->config.lmtp && !early && !posta__lmtp_hear(e, judged)) return;
    if (judged != VERDICT_OK && e->t.taken_n == 0)
        posta__verb_blame(e, V_TEXT);
    else if (judged == VERDICT_OK && !e->t.is_dropped)
        e->t.reply = e->reply;
    if (e->t.is_chunked && !e->config.lmtp && judged != VERDICT_OK && !closes) {
        hear_bdat_refusal(e);
        return;
    }
    e->t.mail_ok = false; /* the server has ended the transaction, RFC 5321 4.1.1.4 */
    posta__engine_sent(e, e->t.cause, false);
    if (closes) posta__engine_close(e);
}

static void hear_rset(posta_engine *e, verdict judged) {
    if (e->action != ACTION_SUBMIT) {
        if (judged == VERDICT_OK) memset(&e->t, 0, sizeof e->t);
        end_plain(e, V_RSET, judged, POSTA_EVENT_RESET);
        return;
    }
    posta__engine_sent(e, e->t.cause, false);
    if (judged != VERDICT_OK) posta__engine_close(e); /* what state the server is in nobody knows */
}

static void hear_noop(posta_engine *e, verdict judged) {
    end_plain(e, V_NOOP, judged, POSTA_EVENT_NOOP_ACK);
}

static void hear_command(posta_engine *e, verdict judged) {
    end_plain(e, V_COMMAND, judged, POSTA_EVENT_COMMAND_ACK);
}

static void hear_quit(posta_engine *e, verdict judged) {
    (void)judged; /* row F19: a failing QUIT changes nothing */
    posta__engine_close(e);
}

/* ---- the table ---- */

#define NO             false
#define YES            true
#define PATIENCE(name) offsetof(posta_timeouts, name)

static const struct {
    bool (*say)(posta_engine *e);
    void (*hear)(posta_engine *e, verdict judged);
    size_t patience; /* where in posta_timeouts */
    bool behind;     /* may be written while replies are owed */
    bool last;       /* nothing may be written behind it until it is answered */
} verbs[] = {
    /*              say        hear           patience            behind last */
    [V_GREETING] = {NULL, hear_greeting, PATIENCE(greeting), NO, YES},
    [V_EHLO] = {say_ehlo, hear_ehlo, PATIENCE(command), NO, YES},
    [V_HELO] = {say_helo, hear_helo, PATIENCE(command), NO, YES},
    [V_STARTTLS] = {say_starttls, hear_starttls, PATIENCE(command), NO, YES},
    [V_AUTH] = {posta__auth_say, posta__auth_hear, PATIENCE(command), NO, YES},
    [V_MAIL] = {say_mail, hear_mail, PATIENCE(command), YES, NO},
    [V_RCPT] = {say_rcpt, hear_rcpt, PATIENCE(command), YES, NO},
    [V_DATA] = {say_data, hear_data, PATIENCE(data), YES, YES},
    [V_BDAT] = {say_bdat, hear_text, PATIENCE(result), YES, YES},
    [V_TEXT] = {NULL, hear_text, PATIENCE(result), NO, NO},
    [V_RSET] = {say_rset, hear_rset, PATIENCE(command), YES, NO},
    [V_NOOP] = {say_noop, hear_noop, PATIENCE(command), YES, YES},
    [V_COMMAND] = {say_command, hear_command, PATIENCE(command), NO, YES},
    [V_QUIT] = {say_quit, hear_quit, PATIENCE(quit), YES, YES},
};

verb posta__verb_next(const posta_engine *e) {
    switch (e->step) {
    case STEP_EHLO: return V_EHLO;
    case STEP_HELO: return V_HELO;
    case STEP_STARTTLS: return V_STARTTLS;
    case STEP_AUTH: return V_AUTH;
    case STEP_MAIL: return V_MAIL;
    case STEP_RCPT: return V_RCPT;
    case STEP_DATA: return e->t.is_chunked ? V_BDAT : V_DATA;
    case STEP_RSET: return V_RSET;
    case STEP_NOOP: return V_NOOP;
    case STEP_COMMAND: return V_COMMAND;
    case STEP_QUIT: return V_QUIT;
    case STEP_GREETING:
    case STEP_TLS:
    case STEP_LOGIN:
    case STEP_IDLE:
    case STEP_GO:
    case STEP_TEXT:
    case STEP_WAIT:
    case STEP_CLOSED: break;
    }
    return V_NONE;
}

bool posta__verb_may(const posta_engine *e, verb v) {
    bool pipelining = (e->caps.bits & POSTA_CAN_PIPELINING) && !e->config.no_pipelining;
    if (!posta__dialogue_room(e) || e->owed_n == e->config.owed_max) return false;
    if (e->owed_n == 0) return !e->must_peek;
    /* Row F08: with "abort" nobody may get it after a refusal, so DATA and BDAT wait for every
     * verdict. */
    if ((v == V_DATA || v == V_BDAT) && e->config.on_refused == POSTA_REFUSED_ABORT) return false;
    return pipelining && verbs[v].behind && !verbs[e->owed_last].last;
}

bool posta__verb_say(posta_engine *e, verb v) {
    if (!verbs[v].say(e)) return false;
    if (e->step == STEP_CLOSED) return true;
    if (e->owed_n == 0) e->progress = e->now;
    if (v == V_BDAT) v = V_TEXT;
    e->owed[(e->owed_at + e->owed_n++) % e->config.owed_max] = (uint8_t)v;
    e->owed_last = v;
    return true;
}

void posta__verb_hear(posta_engine *e, verb v) {
    verdict judged = posta__verdict(v, e->reply.code);
    /* The server closes whatever we do (row E12). Where a 421 is the verdict itself, the verb hears
     * it. */
    bool leaves = e->reply.code == 421 && v != V_TEXT && v != V_QUIT && v > V_STARTTLS;
    if (leaves) {
        posta__engine_fail(e, POSTA_E_LOST, POSTA_SIDE_THEIRS, posta__phase_of(v), &e->reply,
                           "the server is closing the connection");
        return;
    }
    if (judged == VERDICT_FATAL && v != V_QUIT && v != V_STARTTLS) {
        alien(e, v);
        return;
    }
    verbs[v].hear(e, judged);
}

uint32_t posta__verb_patience(const posta_engine *e, verb v) {
    uint32_t ms;
    memcpy(&ms, (const char *)&e->config.timeouts + verbs[v].patience, sizeof ms);
    return ms;
}

/* ---- capabilities ---- */

void posta__verb_hear_line(posta_engine *e, verb v, const reply_line *line) {
    const uint8_t *sp;
    posta_span word = line->text, parameter = {NULL, 0};
    if (v != V_EHLO || e->building_n == 0 || line->code != 250) return;
    sp = word.len > 0 ? memchr(word.p, ' ', word.len) : NULL;
    if (sp) {
        parameter = posta__span_sub(word, (size_t)(sp - word.p) + 1, word.len);
        word.len = (size_t)(sp - word.p);
    }
    posta__caps_take(&e->caps, word, parameter);
    if (!posta_span_is_nocase(word, POSTA_LIT("AUTH"))) return;
    e->login.list.len = 0;
    posta__put_some(&e->login.list, &parameter);
}
