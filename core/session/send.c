/* core/session: one call for one mail, and the conveniences that need files or a loop. */
#include "../mime/mime_i.h"
#include "session_i.h"

#define TOTAL_MS 900000u

posta_status posta_send(const char *where, posta_message *message,
                        const posta_session_config *options, posta_receipt *receipt_out) {
    posta_session_config config = POSTA_SESSION_CONFIG;
    posta_session *s = NULL;
    posta_status status;
    if (receipt_out) memset(receipt_out, 0, sizeof *receipt_out);
    if (!where || !message) {
        posta_problem p;
        posta__problem(&p, POSTA_E_ARGUMENT, where ? "message" : "where",
                       where ? "a message is needed" : "a URL or a host is needed",
                       posta__span(NULL, 0));
        if (receipt_out) posta__receipt_problem(receipt_out, posta__span(NULL, 0), &p);
        return POSTA_E_ARGUMENT;
    }
    status = posta_message_problem(message)->status;
    if (status != POSTA_OK) {
        if (receipt_out)
            posta__receipt_problem(receipt_out, posta__span(NULL, 0),
                                   posta_message_problem(message));
        return posta__status_fold(status, 0);
    }
    if (options) config = *options;
    config.url = where;
    config.host = NULL;
    config.non_blocking = false;
    if (config.engine.timeouts.total == 0) config.engine.timeouts.total = TOTAL_MS;
    status = posta_session_new(&config, &s, receipt_out);
    if (status != POSTA_OK) return status;
    status = posta_session_connect(s);
    if (status == POSTA_OK)
        status = posta_session_send_message(s, message, receipt_out);
    else if (receipt_out)
        *receipt_out = *posta_session_receipt(s);
    posta_session_free(&s);
    return status;
}

/* ---- files ---- */

static posta_status open_file(posta_message *m, const char *path, posta_source *out) {
    const char *label;
    const char *why = "it cannot be read";
    posta_status status = posta_file_source(m->port, path, out, &why);
    if (status == POSTA_OK || posta__setter_begin(m, "file", &label) != POSTA_OK) return status;
    if (status == POSTA_E_MEMORY) return posta__setter_starves(m);
    posta__blame_it(m, status, (posta__blame){label, posta__span_of(path), why, POSTA__NOWHERE});
    return posta__setter_fails(m, status);
}

/* The options with the path as the part's name, unless they give one. */
static posta_part_options named(const posta_part_options *options, const char *path) {
    posta_part_options o = POSTA_PART_OPTIONS;
    if (options) o = *options;
    if (!o.name) o.name = path;
    return o;
}

posta_status posta_message_attach_file(posta_message *m, const char *path,
                                       const posta_part_options *options) {
    posta_part_options o = named(options, path);
    posta_source source;
    posta_status status = open_file(m, path, &source);
    return status == POSTA_OK ? posta_message_attach(m, posta_body_source(source), &o) : status;
}

posta_status posta_message_inline_file(posta_message *m, const char *path, const char *cid,
                                       const posta_part_options *options) {
    posta_part_options o = named(options, path);
    posta_source source;
    posta_status status = open_file(m, path, &source);
    if (cid) o.content_id = cid;
    return status == POSTA_OK ? posta_message_inline(m, posta_body_source(source), &o) : status;
}

/* ---- writing it elsewhere ---- */

posta_status posta_message_write(posta_message *m,
                                 posta_status (*write)(void *user, const void *p, size_t len),
                                 void *user) {
    uint8_t store[2048];
    posta_source source;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    posta_status status = posta__message_export(m, &options, &source);
    if (status != POSTA_OK) return status;
    for (;;) {
        posta_window w = posta__window(store, sizeof store);
        posta_status pulled = source.pull(source.user, &w);
        status = w.len > 0 ? write(user, store, w.len) : POSTA_OK;
        if (status != POSTA_OK) return status;
        if (pulled == POSTA_END) return POSTA_OK;
        if (pulled != POSTA_OK) return pulled;
    }
}
