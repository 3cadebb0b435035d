/* core/session: the model's calls (posta/treck.h) over posta_session. A posta_treck is the session
 * and what only the model has: its callback, its pointer, its one timeout, and what became of the
 * credentials. Nothing of it is looked at after a call of the session that may have told an event
 * of a non-blocking session: the event's callback may have freed it.
 *
 */
#include "treck_i.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What a call that tells events learns of it; on its stack, for the callback may free the session.
 */
typedef struct frame {
    bool is_freed;
    int error; /* in place of the session's verdict; TM_ENOERROR: none */
} frame;

struct posta_treck {
    posta_session *s;
    const posta_port *port;

    /* the host's */
    ttSmtpEventCBFuncPtr callback;
    ttSmtpAsyncCBFuncPtr async;
    void *pointer;

    /* settings */
    uint32_t timeout_ms; /* of every phase; 0: posta's own */
    bool is_blocking;
    int ssl_mode;
    bool has_ssl; /* TLS was asked for; without that it is never attempted */

    /* the connection */
    bool only_disconnect; /* after TM_SMTP_EVENT_AUTH_FAIL, until the next connect */
    frame *frame;         /* of the execute under way */

    char why[200];   /* of a refusal of our own; "": the session's receipt says it */
    char text[1200]; /* response, or the text of an option */
};

/* ---- results ---- */

static int error_of_server(posta_status status) {
    switch ((int)status) {
    case POSTA_E_SERVER_TEMPORARY: return TM_ESERVERTEMP;
    case POSTA_E_SERVER_PERMANENT: return TM_ESERVERPERM;
    case POSTA_E_TIMEOUT: return TM_ETIMEDOUT;
    case POSTA_E_PROTOCOL: return TM_ESERVERSYNC;
    case POSTA_E_LOST: return TM_ESHUTDOWN;
    case POSTA_E_DNS: return TM_EHOSTUNREACH;
    case POSTA_E_CONNECT_REFUSED: return TM_ECONNREFUSED;
    case POSTA_E_CONNECT: return TM_EHOSTUNREACH;
    case POSTA_E_EXTENSION: return TM_EOPNOTSUPP;
    case POSTA_E_TOO_BIG: return TM_EMSGSIZE;
    case POSTA_E_RECIPIENT_LIMIT: return TM_ENOBUFS;
    default: return TM_EIO;
    }
}

int posta_treck_error(posta_status status) {
    status = posta__status_fold(status, 0);
    /* The model has one error for all that goes wrong in TLS and AUTH. */
    if (status >= POSTA_E_TLS_NOT_BUILT && status <= POSTA_E_AUTH_INSECURE) return TM_ESERVERPERM;
    switch ((int)status) {
    case POSTA_OK:
    case POSTA_END: return TM_ENOERROR;
    case POSTA_AGAIN: return TM_EWOULDBLOCK;
    case POSTA_E_IN_PROGRESS: return TM_EINPROGRESS;
    case POSTA_E_CANCELLED: return TM_ECANCELED;
    case POSTA_E_BUSY: return TM_EALREADY;
    case POSTA_E_STATE: return TM_EPERM;
    case POSTA_E_LIMIT: return TM_ENOBUFS;
    case POSTA_E_MEMORY: return TM_ENOMEM;
    case POSTA_E_ARGUMENT:
    case POSTA_E_FIELD: return TM_EINVAL;
    case POSTA_E_NOT_BUILT: return TM_EOPNOTSUPP;
    default: return error_of_server(status);
    }
}

static int refuse(posta_treck *t, int error, const char *why) {
    snprintf(t->why, sizeof t->why, "%s", why);
    return error;
}

/* An action may begin. */
static int may_act(posta_treck *t) {
    if (!t) return TM_EINVAL;
    if (t->only_disconnect) return TM_EPERM; /* `why` still tells what became of the credentials */
    t->why[0] = 0;
    return TM_ENOERROR;
}

static const char *text_or_null(const char *text) {
    return text && *text ? text : NULL;
}

/* ---- events ---- */

static int event_of(posta_event_type type) {
    switch ((int)type) {
    case POSTA_EVENT_CONNECTED: return TM_SMTP_EVENT_CONNECTED;
    case POSTA_EVENT_SECURE_OK: return TM_SMTP_EVENT_SECURE_OK;
    case POSTA_EVENT_SECURE_FAIL: return TM_SMTP_EVENT_SECURE_FAIL;
    case POSTA_EVENT_AUTH_OK: return TM_SMTP_EVENT_AUTH_OK;
    case POSTA_EVENT_AUTH_FAIL: return TM_SMTP_EVENT_AUTH_FAIL;
    case POSTA_EVENT_SENDER_ACK: return TM_SMTP_EVENT_SENDER_ACK;
    case POSTA_EVENT_RECIPIENT_ACK: return TM_SMTP_EVENT_RECIPIENT_ACK;
    case POSTA_EVENT_BEGIN_ACK: return TM_SMTP_EVENT_BOM_ACK;
    case POSTA_EVENT_END_ACK: return TM_SMTP_EVENT_EOM_ACK;
    case POSTA_EVENT_RESET: return TM_SMTP_EVENT_RESET;
    case POSTA_EVENT_NOOP_ACK: return TM_SMTP_EVENT_NOOP_ACK;
    case POSTA_EVENT_DISCONNECTED: return TM_SMTP_EVENT_DISCONNECTED;
    case POSTA_EVENT_SERVER_ERROR: return TM_SMTP_EVENT_SERVER_ERROR;
    case POSTA_EVENT_SERVER_RETRY: return TM_SMTP_EVENT_SERVER_RETRY;
    case POSTA_EVENT_TIMEOUT: return TM_SMTP_EVENT_TIMEOUT;
    case POSTA_EVENT_FAILED: return TM_SMTP_EVENT_FAILED;
    default: return 0; /* TRACE, SENT: the model has none */
    }
}

static void on_event(posta_session *s, const posta_event *ev, void *user_data) {
    posta_treck *t = user_data;
    int event = event_of(ev->type);
    (void)s;
    if (!t || event == 0) return;
    if (event == TM_SMTP_EVENT_AUTH_FAIL) t->only_disconnect = true;
    /* A blocking call tells by its result. */
    if (t->callback && !t->is_blocking) t->callback(t, event);
}

static void on_async(posta_session *s, void *user_data) {
    posta_treck *t = user_data;
    (void)s;
    if (t && t->async) t->async(t);
}

/* ---- life ---- */

posta_treck *posta_treck_new(const char *agent, ttSmtpEventCBFuncPtr callback, uint32_t timeout_ms,
                             int blocking, int *error_out) {
    const posta_port *port = posta_port_default();
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_auth auth = POSTA_AUTH;
    posta_treck *t = port->allocate(port->user, NULL, 0, sizeof *t);
    if (error_out) *error_out = t ? TM_ENOERROR : TM_ENOMEM;
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->port = port;
    t->callback = callback;
    t->timeout_ms = timeout_ms;
    t->is_blocking = blocking != TM_BLOCKING_OFF;
    /* A connect says where to, and which TLS; until then there is room for it. */
    config.tcp_port = POSTA_TRECK_SMTP_PORT;
    config.security = POSTA_SECURITY_OPPORTUNISTIC;
    config.non_blocking = !t->is_blocking;
    config.callback = on_event;
    config.user_data = t;
    config.agent = agent;
    auth.insecure = true; /* each connect says whether it is */
    auth.space = 1024; /* for two texts of 255 octets, whatever the mechanism makes of them */
    config.auth = &auth;
    posta_status status = posta_session_new(&config, &t->s, NULL);
    if (status == POSTA_OK) return t;
    if (error_out) *error_out = posta_treck_error(status);
    port->allocate(port->user, t, sizeof *t, 0);
    return NULL;
}

int posta_treck_free(posta_treck *t) {
    if (!t) return TM_EINVAL;
    const posta_port *port = t->port;
    if (t->frame) t->frame->is_freed = true;
    if (t->async) posta_session_set_async_callback(t->s, NULL);
    /* The session may outlive this call by the callback it is in. */
    posta_session_set_user_data(t->s, NULL);
    posta_session_free(&t->s);
    port->allocate(port->user, t, sizeof *t, 0);
    return TM_ENOERROR;
}

/* ---- connections ---- */

/* The credentials of a connect; a channel that is not protected is none for them, but for
 * may_be_clear. */
static posta_status use_credentials(posta_treck *t, const char *user, const char *password,
                                    bool may_be_clear) {
    t->s->auth.insecure = may_be_clear;
    if (!text_or_null(user)) return posta_session_set_login(t->s, NULL, NULL);
    return posta_session_set_login(t->s, user, password);
}

/* The phases that one timeout sets, as posta_timeouts has them. */
static posta_status set_timeouts(posta_treck *t, posta_option first) {
    const posta_timeouts own = POSTA_TIMEOUTS;
    const uint32_t ms[] = {own.resolve, own.connect, own.tls,    own.greeting, own.command,
                           own.data,    own.block,   own.result, own.quit};
    posta_status status = POSTA_OK;
    for (int o = (int)first; o <= (int)POSTA_OPTION_TIMEOUT_QUIT && status == POSTA_OK; o++) {
        uint32_t value = t->timeout_ms ? t->timeout_ms : ms[o - (int)POSTA_OPTION_TIMEOUT_RESOLVE];
        status = posta_session_set_option(t->s, (posta_option)o, &value, sizeof value);
    }
    return status;
}

/* The session's mode for that of the model. */
static posta_status set_mode(posta_treck *t) {
    static const posta_security modes[] = {POSTA_SECURITY_OPPORTUNISTIC, POSTA_SECURITY_STARTTLS,
                                           POSTA_SECURITY_TLS};
    uint32_t mode = (uint32_t)(t->has_ssl ? modes[t->ssl_mode] : POSTA_SECURITY_NONE);
    return posta_session_set_option(t->s, POSTA_OPTION_TLS_MODE, &mode, sizeof mode);
}

int posta_treck_connect(posta_treck *t, const void *address, const char *user, const char *password,
                        unsigned flags) {
    char host[POSTA_MAX_ADDRESS_TEXT];
    uint16_t port;
    if (!t) return TM_EINVAL;
    if (posta_session_is_connected(t->s)) return TM_EISCONN;
    t->why[0] = 0;
    if (!address || !posta__treck_address(address, host, &port))
        return refuse(t, TM_EINVAL, "address: neither IPv4 nor IPv6");
    if (text_or_null(user) && !text_or_null(password))
        return refuse(t, TM_EINVAL, "password: a user name needs one");
    if (t->ssl_mode != TM_SMTP_SSL_OPTIONAL && !t->has_ssl)
        return refuse(t, TM_EPERM, "SSL_MODE asks for TLS, and tfSmtpUserSetSsl was not called");
    posta_status status = posta_session_set_host(t->s, host, port ? port : POSTA_TRECK_SMTP_PORT);
    if (status == POSTA_E_STATE) return TM_EISCONN; /* connecting */
    if (status == POSTA_OK) status = set_timeouts(t, POSTA_OPTION_TIMEOUT_RESOLVE);
    if (status == POSTA_OK) status = set_mode(t);
    if (status != POSTA_OK) return posta_treck_error(status);
    t->only_disconnect = false;
    status = use_credentials(t, user, password, (flags & POSTA_TRECK_CLEAR_AUTH) != 0);
    if (status != POSTA_OK) return posta_treck_error(status);
    status = posta_session_connect(t->s);
    if (status == POSTA_E_IN_PROGRESS) return TM_EINPROGRESS;
    return status == POSTA_OK && t->only_disconnect ? TM_ESERVERPERM : posta_treck_error(status);
}

int posta_treck_disconnect(posta_treck *t) {
    return t ? posta_treck_error(posta_session_disconnect(t->s)) : TM_EINVAL;
}

int posta_treck_reset(posta_treck *t) {
    int error = may_act(t);
    return error ? error : posta_treck_error(posta_session_reset(t->s));
}

int posta_treck_noop(posta_treck *t) {
    int error = may_act(t);
    return error ? error : posta_treck_error(posta_session_noop(t->s));
}

/* ---- messages ---- */

int posta_treck_sender(posta_treck *t, const char *name, const char *address,
                       const char *reply_to_name, const char *reply_to) {
    int error = may_act(t);
    if (error) return error;
    if (!address) return refuse(t, TM_EINVAL, "address: null");
    return posta_treck_error(posta_session_sender(
        t->s, text_or_null(name), address, text_or_null(reply_to_name), text_or_null(reply_to)));
}

int posta_treck_recipient(posta_treck *t, const char *name, const char *address, int type) {
    static const posta_recipient_type types[] = {POSTA_RECIPIENT_TO, POSTA_RECIPIENT_CC,
                                                 POSTA_RECIPIENT_BCC};
    int error = may_act(t);
    if (error) return error;
    if (!text_or_null(address)) return refuse(t, TM_EINVAL, "address: empty");
    if (type < TM_SMTP_RECIPIENT_TO || type > TM_SMTP_RECIPIENT_BCC)
        return refuse(t, TM_EINVAL, "type: neither TO nor CC nor BCC");
    return posta_treck_error(
        posta_session_recipient(t->s, text_or_null(name), address, types[type]));
}

int posta_treck_begin(posta_treck *t, const char *subject, const char *date, unsigned flags) {
    char text[POSTA__TRECK_DATE];
    int error = may_act(t);
    if (error) return error;
    if (flags & ~TM_SMTP_FLAG_MIME) return refuse(t, TM_EINVAL, "flags: unknown");
    date = text_or_null(date);
    /* What is not in the model's form may be RFC 5322's; the session checks that, and names it. */
    if (date && posta__treck_date(date, text)) date = text;
    return posta_treck_error(posta_session_begin_message(
        t->s, text_or_null(subject), date, flags & TM_SMTP_FLAG_MIME ? POSTA_MESSAGE_MIME : 0));
}

int posta_treck_body(posta_treck *t, const void *p, int len, int *error_out) {
    posta_status status = POSTA_OK;
    int error = may_act(t);
    size_t n = 0;
    if (!error && (len < 0 || (!p && len > 0)))
        error = refuse(t, TM_EINVAL, "length: negative, or without octets");
    if (!error) {
        n = posta_session_body(t->s, p, (size_t)len, &status);
        error = posta_treck_error(status);
        if (!error && n < (size_t)len) error = TM_EINPROGRESS;
    }
    if (error_out) *error_out = error;
    return (int)n;
}

int posta_treck_end(posta_treck *t) {
    int error = may_act(t);
    return error ? error : posta_treck_error(posta_session_end_message(t->s));
}

int posta_treck_mime(posta_message *m, int body, void *out, int cap, int *error_out) {
    posta_status status = POSTA_E_ARGUMENT;
    size_t n = 0;
    if (m && out && cap > 0)
        status = body ? posta_mime_get_body(m, out, (size_t)cap, &n)
                      : posta_mime_get_header(m, out, (size_t)cap, &n);
    if (error_out) *error_out = posta_treck_error(status);
    return (int)n;
}

/* ---- progress ---- */

int posta_treck_execute(posta_treck *t) {
    frame here = {false, TM_ENOERROR};
    if (!t) return TM_EINVAL;
    frame *outer = t->frame;
    t->frame = &here;
    int error = posta_treck_error(posta_session_execute(t->s, 0));
    if (here.is_freed) return error;
    t->frame = outer;
    return error != TM_ENOERROR ? error : here.error;
}

int posta_treck_set_async(posta_treck *t, ttSmtpAsyncCBFuncPtr callback) {
    if (!t) return TM_EINVAL;
    /* Not while the old one may run: this returns when it does not. */
    posta_status status = posta_session_set_async_callback(t->s, NULL);
    t->async = callback;
    if (callback) status = posta_session_set_async_callback(t->s, on_async);
    return posta_treck_error(status);
}

int posta_treck_read_timer(const posta_treck *t) {
    if (!t) return -1;
    int64_t ms = posta_session_read_timer(t->s);
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

const char *posta_treck_last_response(posta_treck *t) {
    posta_reply reply;
    if (!t) return "";
    posta_span text = posta_session_last_response(t->s, &reply, NULL);
    t->text[0] = 0;
    if (reply.code == 0) return t->text;
    int n = snprintf(t->text, sizeof t->text, "%u ", (unsigned)reply.code);
    if (reply.enhanced[0] > 0)
        n += snprintf(t->text + n, sizeof t->text - (size_t)n, "%u.%u.%u ",
                      (unsigned)reply.enhanced[0], (unsigned)reply.enhanced[1],
                      (unsigned)reply.enhanced[2]);
    size_t room = sizeof t->text - (size_t)n - 1;
    if (text.len < room) room = text.len;
    if (room > 0) memcpy(t->text + n, text.p, room);
    t->text[(size_t)n + room] = 0;
    return t->text;
}

const char *posta_treck_why(posta_treck *t) {
    if (!t) return "";
    return t->why[0] ? t->why : posta_session_receipt(t->s)->message;
}

/* ---- TLS ---- */

static const char no_tls[] = "tls.not_built: this build of posta has no TLS";

static bool is_built(void) {
    return posta_tls_library()[0] != 0;
}

static int set_ssl(posta_treck *t, posta_tls *tls, bool is_wanted) {
    posta_status status;
    if (is_wanted && !is_built()) return refuse(t, TM_EOPNOTSUPP, no_tls);
    t->why[0] = 0;
    status = posta_session_set_tls(t->s, tls);
    if (status == POSTA_OK) t->has_ssl = is_wanted;
    return posta_treck_error(status);
}

int posta_treck_set_ssl(posta_treck *t, int ssl_session) {
    if (!t || ssl_session != 0) return TM_EINVAL;
    return set_ssl(t, NULL, true);
}

int posta_treck_set_tls(posta_treck *t, posta_tls *tls) {
    return t ? set_ssl(t, tls, tls != NULL) : TM_EINVAL;
}

int posta_treck_ssl_new(const void *identity, ...) {
    (void)identity;
    return is_built() ? 0 : TM_SOCKET_ERROR;
}

/* ---- options ---- */

static posta_status set_text(posta_treck *t, posta_option option, const char *text) {
    if (!text) return POSTA_E_ARGUMENT;
    return posta_session_set_option(t->s, option, text, strlen(text));
}

static posta_status set_blocking(posta_treck *t, int value) {
    uint32_t flag = value != TM_BLOCKING_OFF;
    posta_status status = posta_session_set_option(t->s, POSTA_OPTION_BLOCKING, &flag, sizeof flag);
    if (status == POSTA_OK) t->is_blocking = flag != 0;
    return status;
}

/* The phases before the greeting take theirs at the next connect. */
static posta_status set_timeout(posta_treck *t, uint32_t ms) {
    t->timeout_ms = ms;
    return set_timeouts(t, POSTA_OPTION_TIMEOUT_GREETING);
}

int posta_treck_set_option(posta_treck *t, int option, ttUserGenericUnion value) {
    if (!t) return TM_EINVAL;
    t->why[0] = 0;
    switch (option) {
    case TM_SMTP_OPTION_TIMEOUT: return posta_treck_error(set_timeout(t, value.gen32bitParm));
    case TM_SMTP_OPTION_BLOCKING: return posta_treck_error(set_blocking(t, value.genIntParm));
    case TM_SMTP_OPTION_AGENT:
        return posta_treck_error(set_text(t, POSTA_OPTION_AGENT, value.genConstCharParmPtr));
    case TM_SMTP_OPTION_HELLO:
        return posta_treck_error(set_text(t, POSTA_OPTION_HELLO, value.genConstCharParmPtr));
    case TM_SMTP_OPTION_SSL_MODE: break;
    default: return refuse(t, TM_EINVAL, "option: unknown");
    }
    /* A mode that asks for TLS is not taken quietly: the mail would go in clear text. */
    if (value.genIntParm != TM_SMTP_SSL_OPTIONAL && !is_built())
        return refuse(t, TM_EOPNOTSUPP, no_tls);
    if (value.genIntParm < TM_SMTP_SSL_OPTIONAL || value.genIntParm > TM_SMTP_SSL_IMPLICIT)
        return refuse(t, TM_EINVAL, "SSL_MODE: neither OPTIONAL nor ALWAYS nor IMPLICIT");
    if (posta_session_is_connected(t->s)) return TM_EISCONN;
    t->ssl_mode = value.genIntParm;
    return TM_ENOERROR;
}

int posta_treck_get_option(posta_treck *t, int option, ttUserGenericUnion *value_out) {
    posta_status status = POSTA_OK;
    if (!t || !value_out) return TM_EINVAL;
    value_out->genVoidParmPtr = NULL;
    switch (option) {
    case TM_SMTP_OPTION_TIMEOUT: value_out->gen32bitParm = t->timeout_ms; break;
    case TM_SMTP_OPTION_BLOCKING: value_out->genIntParm = t->is_blocking; break;
    case TM_SMTP_OPTION_SSL_MODE: value_out->genIntParm = t->ssl_mode; break;
    case TM_SMTP_OPTION_AGENT:
    case TM_SMTP_OPTION_HELLO:
        status = posta_session_get_option(
            t->s, option == TM_SMTP_OPTION_AGENT ? POSTA_OPTION_AGENT : POSTA_OPTION_HELLO, t->text,
            sizeof t->text, NULL);
        value_out->genConstCharParmPtr = status == POSTA_OK ? t->text : NULL;
        break;
    default: return refuse(t, TM_EINVAL, "option: unknown");
    }
    return posta_treck_error(status);
}

int posta_treck_set_sockopt(posta_treck *t, int family, int level, int name, const void *value,
                            int len) {
    if (!t) return TM_EINVAL;
    t->why[0] = 0;
    if (family != AF_INET && family != AF_INET6)
        return refuse(t, TM_EINVAL, "family: neither AF_INET nor AF_INET6");
    if (!value || len < 0) return refuse(t, TM_EINVAL, "value: null, or of negative length");
    return posta_treck_error(
        posta_session_set_socket_option(t->s, level, name, value, (size_t)len));
}

int posta_treck_set_pointer(posta_treck *t, void *pointer) {
    if (!t) return TM_EINVAL;
    t->pointer = pointer;
    return TM_ENOERROR;
}

void *posta_treck_pointer(const posta_treck *t) {
    return t ? t->pointer : NULL;
}

posta_session *posta_treck_session(posta_treck *t) {
    return t ? t->s : NULL;
}
