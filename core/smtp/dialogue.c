/* core/smtp: the dialogue as kept for people: the last lines for a fault's transcript, and the
 * trace. One store serves both: trace events are the lines that the host has not seen yet, so the
 * engine pauses rather than drop one. Lines are redacted before they come here, by who says them;
 * the text of a message is never kept, only its size.
 */
#include "smtp_i.h"

#define LINE_MAX   (LINE_KEEP + 4u) /* "C: ", the clipped line, LF */
#define UNSEEN_MAX (POSTA_TRANSCRIPT_CAP - 2u * LINE_MAX)

bool posta__dialogue_room(const posta_engine *e) {
    return !e->config.trace || e->dialogue_len - e->dialogue_seen <= UNSEEN_MAX;
}

static void drop_oldest(posta_engine *e) {
    const char *lf = memchr(e->dialogue, '\n', e->dialogue_len);
    size_t n = lf ? (size_t)(lf - e->dialogue) + 1 : e->dialogue_len;
    memmove(e->dialogue, e->dialogue + n, e->dialogue_len - n);
    e->dialogue_len -= n;
    e->dialogue_seen = e->dialogue_seen > n ? e->dialogue_seen - n : 0;
}

void posta__dialogue_add(posta_engine *e, char direction, posta_span line) {
    uint8_t store[LINE_MAX];
    posta_window w = posta__window(store, LINE_MAX - 1);
    uint8_t head[3] = {(uint8_t)direction, ':', ' '};
    posta__put(&w, posta__span(head, 3));
    posta__printable(&w, line);
    store[w.len++] = '\n';
    while (e->dialogue_len + w.len > POSTA_TRANSCRIPT_CAP)
        drop_oldest(e);
    memcpy(e->dialogue + e->dialogue_len, store, w.len);
    e->dialogue_len += w.len;
}

bool posta__dialogue_next(posta_engine *e, posta_event *out) {
    const char *p = e->dialogue + e->dialogue_seen;
    const char *lf;
    size_t n;
    if (!e->config.trace || e->dialogue_seen == e->dialogue_len) return false;
    lf = memchr(p, '\n', e->dialogue_len - e->dialogue_seen);
    n = (size_t)(lf - p);
    *out = (posta_event){
        .type = POSTA_EVENT_TRACE, .direction = p[0], .recipient = POSTA_NO_RECIPIENT};
    memcpy(e->line, p + 3, n - 3);
    out->text = posta__span(e->line, n - 3);
    e->dialogue_seen += n + 1;
    return true;
}

size_t posta_engine_transcript(const posta_engine *e, char *out, size_t cap) {
    size_t n = e->dialogue_len;
    size_t at = 0;
    if (cap == 0) return 0;
    /* Whole lines only, the newest that fit. */
    while (n - at > cap - 1) {
        const char *lf = memchr(e->dialogue + at, '\n', n - at);
        at = lf ? (size_t)(lf - e->dialogue) + 1 : n;
    }
    memcpy(out, e->dialogue + at, n - at);
    out[n - at] = 0;
    return n - at;
}
