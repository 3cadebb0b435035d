/* core/smtp: what a reply, a silence or a fault means. The only place where reply codes are judged.
 * RFC 5321 4.3.2 lists what each command may answer; what is not in its set is not SMTP (rows A07,
 * E15, E16), so that no forged or misplaced reply passes for success.
 */
#include "smtp_i.h"

static const struct {
    uint16_t ok[2];       /* the codes that mean yes */
    posta_status refusal; /* what a 4yz or 5yz is */
    posta_status silence; /* what no reply in time is */
    posta_phase phase;
} judge[] = {
    [V_GREETING] = {{220, 0},
                    POSTA_E_GREETING_REFUSED,
                    POSTA_E_TIMEOUT_GREETING,
                    POSTA_PHASE_GREETING},
    [V_EHLO] = {{250, 0}, POSTA_E_GREETING_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_HELLO},
    [V_HELO] = {{250, 0}, POSTA_E_GREETING_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_HELLO},
    [V_STARTTLS] = {{220, 0}, POSTA_E_TLS_UNAVAILABLE, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_TLS},
    [V_AUTH] = {{235, 334}, POSTA_E_AUTH_REJECTED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_AUTH},
    [V_MAIL] = {{250, 0}, POSTA_E_SENDER_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_SENDER},
    [V_RCPT] = {{250, 251},
                POSTA_E_RECIPIENTS_REFUSED,
                POSTA_E_TIMEOUT_COMMAND,
                POSTA_PHASE_RECIPIENT},
    [V_DATA] = {{354, 0}, POSTA_E_MESSAGE_REFUSED, POSTA_E_TIMEOUT_DATA, POSTA_PHASE_DATA},
    [V_BDAT] = {{250, 0}, POSTA_E_MESSAGE_REFUSED, POSTA_E_TIMEOUT_RESULT, POSTA_PHASE_DATA},
    [V_TEXT] = {{250, 0}, POSTA_E_MESSAGE_REFUSED, POSTA_E_TIMEOUT_RESULT, POSTA_PHASE_RESULT},
    [V_RSET] = {{250, 0}, POSTA_E_COMMAND_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_RESET},
    [V_NOOP] = {{250, 0}, POSTA_E_COMMAND_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_NOOP},
    [V_COMMAND] = {{200, 0}, POSTA_E_COMMAND_REFUSED, POSTA_E_TIMEOUT_COMMAND, POSTA_PHASE_COMMAND},
    [V_QUIT] = {{221, 0}, POSTA_E_COMMAND_REFUSED, POSTA_E_TIMEOUT_QUIT, POSTA_PHASE_QUIT},
};

verdict posta__verdict(verb v, uint16_t code) {
    if (v == V_COMMAND && code >= 200 && code < 300) return VERDICT_OK;
    if (code == judge[v].ok[0] || code == judge[v].ok[1]) return VERDICT_OK;
    if (code >= 400 && code < 500) return VERDICT_SOFT;
    if (code >= 500 && code < 600) return VERDICT_HARD;
    return VERDICT_FATAL;
}

posta_status posta__refusal(verb v) {
    return judge[v].refusal;
}
posta_status posta__silence(verb v) {
    return judge[v].silence;
}
posta_phase posta__phase_of(verb v) {
    return judge[v].phase;
}

posta_retry posta__retry_of(posta_status cause, bool unknown, uint16_t code) {
    if (unknown) return POSTA_RETRY_DUPLICATE_RISK;
    switch (cause) {
    case POSTA_OK: /* it has arrived: again would be twice */
    case POSTA_E_FIELD:
    case POSTA_E_ARGUMENT:
    case POSTA_E_TOO_BIG:
    case POSTA_E_EXTENSION:
    case POSTA_E_RECIPIENT_LIMIT:
    case POSTA_E_FILE:
    case POSTA_E_NOT_BUILT:
    case POSTA_E_AUTH_UNAVAILABLE:
    case POSTA_E_AUTH_INSECURE:
    case POSTA_E_TLS_NOT_BUILT: return POSTA_RETRY_POINTLESS;
    default: return code >= 500 && code < 600 ? POSTA_RETRY_POINTLESS : POSTA_RETRY_SAFE;
    }
}

const char *posta_phase_name(posta_phase phase) {
    switch (phase) {
    case POSTA_PHASE_NONE: return "none";
    case POSTA_PHASE_COMPOSE: return "compose";
    case POSTA_PHASE_RESOLVE: return "resolve";
    case POSTA_PHASE_CONNECT: return "connect";
    case POSTA_PHASE_TLS: return "tls";
    case POSTA_PHASE_GREETING: return "greeting";
    case POSTA_PHASE_HELLO: return "hello";
    case POSTA_PHASE_AUTH: return "auth";
    case POSTA_PHASE_SENDER: return "sender";
    case POSTA_PHASE_RECIPIENT: return "recipient";
    case POSTA_PHASE_DATA: return "data";
    case POSTA_PHASE_BODY: return "body";
    case POSTA_PHASE_RESULT: return "result";
    case POSTA_PHASE_RESET: return "reset";
    case POSTA_PHASE_NOOP: return "noop";
    case POSTA_PHASE_COMMAND: return "command";
    case POSTA_PHASE_QUIT: return "quit";
    case POSTA_PHASE_IDLE: return "idle";
    }
    return "unknown";
}
