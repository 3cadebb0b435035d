/* core/mime: the text that is made of the HTML. Its body is a source that reads the HTML's body,
 * and leaves it at its begin; its stage takes the tags out. */
#include "html_i.h"

typedef struct echo {
    posta_message *m; /* its HTML, whichever it is by then */
    size_t at;        /* of what lies in memory */
} echo;

static posta_status echo_pull(void *user, posta_window *out) {
    echo *e = user;
    posta__part *html = e->m->html;
    posta_span rest;
    size_t n;
    posta_status status;
    if (html->body.kind == POSTA_BODY_SOURCE) {
        html->used = true;
        status = html->body.source.pull(html->body.source.user, out);
        if (status == POSTA_END && posta__part_rewind(e->m, html)) return POSTA_E_BODY;
        return status;
    }
    if (html->body.kind != POSTA_BODY_DATA) return POSTA_E_BODY;
    rest = posta__span_sub(html->body.data, e->at, html->body.data.len);
    n = rest.len;
    posta__put_some(out, &rest);
    e->at += n - rest.len;
    return rest.len > 0 ? POSTA_OK : POSTA_END;
}

static posta_status echo_rewind(void *user) {
    echo *e = user;
    e->at = 0;
    return posta__part_rewind(e->m, e->m->html);
}

static const char *source_why(const posta__part *html) {
    bool is_source = html->body.kind == POSTA_BODY_SOURCE;
    if (html->body.kind == POSTA_BODY_SLOT || (is_source && !html->body.source.rewind))
        return "can be read once only, so no text can be made of it; give a string or a file";
    if (!html->is_utf8 && !posta_span_is_nocase(html->charset, POSTA_LIT("us-ascii")))
        return "is not in UTF-8, so no text can be made of it";
    return NULL;
}

posta_status posta_message_text_from_html(posta_message *m, const posta_part_options *options) {
    posta__part *html = m ? m->html : NULL;
    const char *why;
    posta__stage *stage;
    echo *e;
    posta_status status = m ? m->status : POSTA_E_ARGUMENT;
    if (status) return status;
    why = html ? source_why(html) : NULL;
    if (!html)
        status = posta__blame_on(m, POSTA_E_STATE, "text", "needs an html that it can be made of");
    else if (why)
        status = posta__blame_on(m, POSTA_E_FIELD, html->label, why);
    if (status) return posta__setter_fails(m, status);
    stage = posta__untag_new(m);
    e = posta__arena_take(&m->arena, sizeof *e);
    if (!stage || !e) return posta__setter_starves(m);
    *e = (echo){m, 0};
    status = posta_message_text(
        m,
        posta_body_source((posta_source){
            .user = e, .pull = echo_pull, .rewind = echo_rewind, .len = POSTA_LEN_UNKNOWN}),
        options);
    if (!status) m->text->untag = stage;
    return status;
}
