/* core/smtp: what the engine's files share. engine.c is the box with its ports; verbs.c the table
 * of commands; reply.c the reply parser; text.c the message text; dialogue.c transcript and trace;
 * policy.c what a reply or a fault means; words.c the sentences. Freestanding.
 */
#ifndef POSTA_SMTP_I_H
#define POSTA_SMTP_I_H

#include "base_i.h"
#include "codec_i.h"
#include "posta/engine.h"

/* ---- commands ---- */

typedef enum verb {
    V_GREETING,
    V_EHLO,
    V_HELO,
    V_STARTTLS,
    V_AUTH,
    V_MAIL,
    V_RCPT,
    V_DATA,
    V_BDAT, /* said only: its reply is that to the text */
    V_TEXT,
    V_RSET,
    V_NOOP,
    V_COMMAND, /* the host's own */
    V_QUIT,
    V_NONE /* nothing to say */
} verb;

/* What the sender does next; the receiver is the FIFO of owed replies. */
typedef enum step {
    STEP_GREETING, /* waits for the server to speak first */
    STEP_EHLO,
    STEP_HELO,
    STEP_STARTTLS,
    STEP_TLS,   /* the server awaits the handshake */
    STEP_LOGIN, /* the host's turn in AUTH */
    STEP_AUTH,  /* its line is to be said */
    STEP_IDLE,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_GO,   /* DATA is written; its reply decides */
    STEP_TEXT, /* the text is being written */
    STEP_WAIT, /* all is written; replies decide */
    STEP_RSET,
    STEP_NOOP,
    STEP_COMMAND,
    STEP_QUIT,
    STEP_CLOSED
} step;

/* What the host asked for and has not had its event of. */
typedef enum action {
    ACTION_NONE,
    ACTION_CONNECT,
    ACTION_SUBMIT,
    ACTION_MAIL,
    ACTION_RCPT,
    ACTION_DATA,
    ACTION_END,
    ACTION_RESET,
    ACTION_NOOP,
    ACTION_COMMAND,
    ACTION_QUIT
} action;

/* ---- the reply parser ---- */

#define LINE_KEEP 512u /* octets of a reply line that are kept, RFC 5321 4.5.3.1.5 */

typedef struct reply_parser {
    uint8_t line[LINE_KEEP]; /* the line so far, clipped */
    uint32_t line_len;       /* octets of the line, not clipped */
    uint32_t total;          /* octets of the reply */
    uint16_t code;           /* of the reply's first line; 0: at the start of a reply */
    uint8_t blank_n;         /* empty lines skipped before the reply (lenient) */
    bool after_cr;
    bool is_long; /* a line of AUTH, which has a limit of its own */
} reply_parser;

typedef enum heard { HEARD_MORE, HEARD_LINE, HEARD_REPLY, HEARD_FAULT } heard;

/* A line of a reply, in the parser's buffer. */
typedef struct reply_line {
    uint16_t code;
    bool is_last;
    bool is_clipped; /* it was longer than what is kept of it */
    posta_span raw;  /* without its line end */
    posta_span text; /* behind the separator */
} reply_line;

/* Reply-line = *( code "-" [text] CRLF ) code [ SP text ] CRLF          RFC 5321, 4.2
   Takes bytes of `in` up to and with the end of one line. At a fault line_out->raw is the line so
   far. */
heard posta__reply_step(reply_parser *p, const posta_engine_config *config, posta_span *in,
                        reply_line *line_out, const char **why_out);
void posta__reply_restart(reply_parser *p);

/* Takes "2.1.5 " off the front of `text` into enhanced[3]; false and zeros when there is none or
   its class is not the code's first digit. RFC 2034 4, RFC 3463 2. */
bool posta__enhanced_take(posta_span *text, uint16_t code, uint16_t enhanced[3]);

/* ---- policy ---- */

typedef enum verdict { VERDICT_OK, VERDICT_SOFT, VERDICT_HARD, VERDICT_FATAL } verdict;

/* What a reply code means to a command: the one table of row E16. */
verdict posta__verdict(verb v, uint16_t code);
/* The cause that a refusal of this command is. */
posta_status posta__refusal(verb v);
/* The cause that silence at this command is. */
posta_status posta__silence(verb v);
posta_phase posta__phase_of(verb v);
posta_retry posta__retry_of(posta_status cause, bool unknown, uint16_t code);

/* ---- the engine ---- */

#define EVENT_CAP 4u

/* AUTH, line by line (login.c). */
typedef struct login {
    posta_window list;                    /* the words behind AUTH in the reply to EHLO */
    posta_window reply;                   /* the reply to a line of AUTH as it came */
    posta_span mechanism, answer, secret; /* the host's */
    posta_auth_turn turn;
    bool is_first;     /* the line is AUTH itself */
    bool has_answer;   /* `answer` goes into the line */
    bool is_cancelled; /* the line is "*" */
    bool is_cut;       /* the reply was longer than its window */
    bool has_failed;   /* EVENT_AUTH_FAIL was told */
    bool is_forgotten; /* there was a secret, and nobody here knows it any more */
} login;

/* Everything of one message; zeroed between messages (row F12). */
typedef struct transaction {
    posta_envelope env;
    posta_source body;
    uint64_t size;  /* announced */
    size_t said_n;  /* RCPTs written */
    size_t heard_n; /* RCPT replies taken */
    size_t ok_n;    /* recipients the server took */
    size_t refused_n;
    bool is_utf8;           /* SMTPUTF8 is announced: addresses go as they are */
    bool is_stepped;        /* the host gives it command by command; the text too */
    bool mail_ok;           /* a transaction is open at the server */
    bool is_dropped;        /* say nothing more of it */
    bool body_done;         /* the source said END */
    bool body_waits;        /* the source said AGAIN */
    bool body_came;         /* it went on since the last tick */
    bool body_flushed;      /* the lines filter is ended */
    bool is_chunked;        /* by BDAT: its length is told first, and it has no dot */
    bool is_not_understood; /* the server does not know BDAT after all */
    size_t told_at;         /* LMTP: recipients whose verdict has come, refused ones with them */
    size_t taken_n;         /* LMTP: of these, accepted */
    posta__lines lines;
    uint64_t text_bytes; /* octets of the text put into tx, stuffing included */
    uint64_t dots;       /* of these, the stuffing */
    uint64_t pulled;     /* octets pulled from the source */
    uint64_t text_begin; /* position in the tx stream */
    uint64_t dot_end;    /* position in the tx stream behind the final dot; 0: not written yet */
    posta_status cause;  /* why nobody gets it; POSTA_OK: nothing wrong yet */
    posta_phase phase;   /* where that was */
    posta_reply reply;   /* the reply that says so, or the verdict */
} transaction;

struct posta_engine {
    posta_engine_config config;
    uint64_t now;

    /* wire: run() */
    posta_window rx, tx, body;
    uint64_t tx_put, tx_taken; /* octets ever put into tx, ever taken by the transport */
    reply_parser parser;
    bool rx_ended;
    posta_status rx_end_status;
    const char *rx_end_why; /* null: the cause says all */
    bool must_peek;         /* after an idle second: one read that does not wait comes first */

    /* sender: talk() */
    step step;
    transaction t;

    /* receiver: hear() */
    uint8_t *owed; /* ring of verbs; config.owed_max */
    size_t owed_at, owed_n;
    verb owed_last;    /* the verb said last */
    uint64_t progress; /* when a reply ended, or the transport took bytes */
    uint64_t started;  /* for the total; 0: not yet */
    bool is_started;
    uint8_t *building, *last; /* reply texts; config.reply_space each */
    size_t building_len, last_len;
    uint32_t building_n; /* lines of the reply so far */
    bool building_cut, last_cut;
    posta_reply reply, last_reply;
    posta_capabilities caps;

    login login;
    const char *command, *command_args; /* the host's own */

    /* host */
    action action;
    posta_event events[EVENT_CAP];
    size_t events_at, events_n;
    posta_fault fault; /* first one wins */
    posta_outcome outcome;
    bool is_secure;  /* TLS is up */
    bool is_refused; /* the server refused us at greeting or hello: only QUIT is left */

    /* dialogue: whole lines, oldest first */
    char dialogue[POSTA_TRANSCRIPT_CAP];
    size_t dialogue_len, dialogue_seen; /* seen: delivered as trace events */
    char line[LINE_KEEP + 8];           /* the trace line that the host looks at */
};

/* commands.c */
/* How the addresses of the message under way are written. */
posta__form posta__engine_form(const posta_engine *e);

/* engine.c */
/* posta_engine_next_event has one. */
bool posta__engine_has_event(const posta_engine *e);
/* The window that bodies are pulled into: free while a message is given command by command. */
posta_mspan posta__engine_spare(posta_engine *e);
/* Octets that posta_engine_text surely takes. */
size_t posta__engine_text_room(posta_engine *e);
void posta__engine_event(posta_engine *e, posta_event_type type, posta_phase answers,
                         size_t recipient, posta_status status, uint16_t code);
/* Ends the connection: the first fault stays; the pending action gets its event. */
void posta__engine_fail(posta_engine *e, posta_status cause, posta_side side, posta_phase phase,
                        const posta_reply *reply, const char *why);
/* The wire has ended. `why` (null: the cause says all) is borrowed. */
void posta__engine_rx_end(posta_engine *e, posta_status status, const char *why);
/* Ends the connection in EVENT_SECURE_FAIL. */
void posta__engine_insecure(posta_engine *e, posta_status cause, posta_side side,
                            const posta_reply *reply, const char *why);
/* Ends the message's action: counts, verdicts, EVENT_SENT. */
void posta__engine_sent(posta_engine *e, posta_status cause, bool is_unknown);
/* Ends a message that was given command by command: its outcome, and nothing of it is left. The
   reply that decided is t.reply. */
void posta__engine_step_done(posta_engine *e, posta_status cause, bool is_unknown);
/* Notes the refusal of a command that is no part of a message. */
void posta__engine_refused(posta_engine *e, posta_status cause, posta_phase phase);
bool posta__engine_dot_taken(const posta_engine *e);
/* A yes to a text that is not complete: nobody can tell what the server took (row F05). */
void posta__engine_early_yes(posta_engine *e);
/* Closes without a fault; a pending QUIT gets its event. */
void posta__engine_close(posta_engine *e);

/* verbs.c */
verb posta__verb_next(const posta_engine *e);
bool posta__verb_may(const posta_engine *e, verb v);
bool posta__verb_say(posta_engine *e, verb v); /* false: no room in tx */
void posta__verb_hear(posta_engine *e, verb v);
void posta__verb_hear_line(posta_engine *e, verb v, const reply_line *line);
uint32_t posta__verb_patience(const posta_engine *e, verb v);

bool posta__make_room(posta_engine *e, size_t need);
/* POSTA__PATH_ flags of recipients. */
unsigned posta__rcpt_flags(const posta_engine *e);
/* What is said from now on is the text. */
void posta__text_begin(posta_engine *e);
void posta__connected(posta_engine *e);

/* login.c */
/* Octets that AUTH needs of the engine's memory. */
size_t posta__login_len(const posta_engine_config *config);
void posta__login_place(posta_engine *e, uint8_t *p);
/* Greeted, and as secure as it gets: the login, or nothing more. */
void posta__login_or_connected(posta_engine *e);
bool posta__auth_say(posta_engine *e);
void posta__auth_hear(posta_engine *e, verdict judged);
/* Octets of a reply that is owed to AUTH, as they came. */
void posta__login_keep(posta_engine *e, posta_span octets);
/* Rows L01, L02. Must `text`, of this line, not be seen? */
bool posta__login_hides(const posta_engine *e, const reply_line *line, posta_span text);
/* The same of what is no reply at all. */
bool posta__login_hides_garbage(const posta_engine *e, posta_span line);
/* Does it show the secret of the login that is under way? */
bool posta__login_shows(const posta_engine *e, posta_span text);
/* The login is over, and this secret still is somebody's: later replies that show it are hidden
   too. Borrowed until the next call; empty: none. */
void posta__login_remember(posta_engine *e, posta_span secret);
/* Nothing of a login that is over is left. */
void posta__login_forget(posta_engine *e);
/* Behind EVENT_AUTH_FAIL: connected, as nobody. POSTA_E_STATE. */
posta_status posta__login_skip(posta_engine *e);

/* redact.c */
/* Does the text show the secret, or a good part of it? */
bool posta__shows(posta_span text, posta_span secret);
/* The same of octets that were said in base64, as they were said. */
bool posta__shows_base64(posta_span text, posta_span octets);

/* What a refusal is told by. */
posta_event_type posta__refusal_event(verdict judged);
/* Notes why the message under way goes to nobody. */
void posta__verb_blame(posta_engine *e, verb v);

/* lmtp.c */
/* Takes the verdict on a text for one recipient. True: it was the last one. */
bool posta__lmtp_hear(posta_engine *e, verdict judged);

/* params.c */
#define POSTA__PATH_LINE (POSTA_MAX_PATH + 80u) /* verb, path, SIZE= and BODY= */
/* What is wrong with an option, and which; static words. */
typedef struct posta__complaint {
    const char *field, *why;
} posta__complaint;

/* POSTA_OK, POSTA_E_FIELD, POSTA_E_EXTENSION with the complaint. Null options are fine. */
posta_status posta__params_check_mail(const posta_engine *e, const posta_mail_options *o,
                                      posta__complaint *out);
posta_status posta__params_check_rcpt(const posta_engine *e, const posta_recipient *r,
                                      posta__complaint *out);
/* Writes what was checked; octets that do not fit are not written. `out` null: only counts. */
size_t posta__params_mail(const posta_mail_options *o, posta_window *out);
size_t posta__params_rcpt(const posta_recipient *r, posta_window *out);
/* An extension that the server offers. */
void posta__caps_take(posta_capabilities *caps, posta_span word, posta_span parameter);

/* text.c */
bool posta__text_write(posta_engine *e); /* false: nothing could be done */
/* Takes from the front of `in` what fits. False: tx is full, or the text was refused. */
bool posta__text_take(posta_engine *e, posta_span *in);

/* dialogue.c */
bool posta__dialogue_room(const posta_engine *e); /* false: the host must take trace events first */
void posta__dialogue_add(posta_engine *e, char direction, posta_span line);
bool posta__dialogue_next(posta_engine *e, posta_event *out);

/* words.c */

/* The sentence of an error: `peer: what happened[: the server's words]; what became of it. Hint.`
 */
typedef struct posta__account {
    posta_span peer; /* "host:port"; empty: not said */
    posta_status cause;
    posta_phase phase;
    const posta_reply *reply; /* null or code 0: none */
    posta_span detail;        /* more exactly what happened; empty: the cause's sentence */
    bool is_unknown;          /* the outcome of the message */
    bool has_message;         /* a message was under way */
    uint64_t limit_ms;        /* the patience of a timeout; 0: not said */
    bool is_secure;           /* by TLS */
    bool by_command;          /* TLS begins, if at all, by STARTTLS */
} posta__account;

void posta__hint(const posta__account *a, posta_window *out);
void posta__explain(const posta__account *a, posta_window *out);

#endif
