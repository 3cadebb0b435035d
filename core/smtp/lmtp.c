/* core/smtp: what differs in LMTP, RFC 2033: behind the text there is a reply for each recipient
 * that was taken, in their order (4.2), and each is the verdict for this one alone.
 */
#include "smtp_i.h"

/* The next recipient that awaits its verdict; null: there is none. */
static posta_recipient *next_of(transaction *t) {
    for (; t->told_at < t->env.to_n; t->told_at++) {
        posta_recipient *r = &t->env.to[t->told_at];
        if (r->status != POSTA_RECIPIENT_REFUSED) return r;
    }
    return NULL;
}

static void judge(posta_engine *e, posta_recipient *r, verdict judged) {
    transaction *t = &e->t;
    r->reply = e->reply;
    if (judged == VERDICT_OK) {
        r->status = POSTA_RECIPIENT_ACCEPTED;
        r->retry = POSTA_RETRY_POINTLESS;
        t->reply = e->reply;
        t->taken_n++;
        return;
    }
    r->status = POSTA_RECIPIENT_REFUSED;
    r->retry = judged == VERDICT_SOFT ? POSTA_RETRY_SAFE : POSTA_RETRY_POINTLESS;
    t->refused_n++;
    posta__engine_event(e, posta__refusal_event(judged), POSTA_PHASE_RESULT, t->told_at,
                        posta__status_fold(POSTA_E_MESSAGE_REFUSED, e->reply.code), e->reply.code);
}

/* True: that was the last verdict, or the only one that will come. */
bool posta__lmtp_hear(posta_engine *e, verdict judged) {
    transaction *t = &e->t;
    posta_recipient *r = next_of(t);
    if (!r || t->is_dropped) return true;
    if (judged != VERDICT_OK) posta__verb_blame(e, V_TEXT);
    judge(e, r, judged);
    t->told_at++;
    if (next_of(t) && e->reply.code != 421) {
        /* The entry goes back to where it was: at the head of what is owed. */
        e->owed_at = (e->owed_at + e->config.owed_max - 1) % e->config.owed_max;
        e->owed[e->owed_at] = V_TEXT;
        e->owed_n++;
        return false;
    }
    if (t->taken_n > 0) t->cause = POSTA_OK; /* refusals stay with their recipients */
    return true;
}
