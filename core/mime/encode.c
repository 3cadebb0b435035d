/* core/mime: the transfer encoding of each part and the exact length it will have. What can be read
 * before it is sent is looked at first; what cannot is encoded so that anything may come. */
#include "mime_i.h"

static bool is_text_type(const posta__part *p) {
    posta_span text = POSTA_LIT("text/");
    return p->is_text || posta_span_is_nocase(posta__span_sub(p->type, 0, text.len), text);
}

/* Reading a source twice costs the caller, so it is done where the answer matters: text, and an
   encoding that the content must fit. Other octets go as base64 unseen. */
static bool wants_scan(const posta__part *p) {
    bool must_fit = p->encoding == POSTA_ENCODING_7BIT || p->encoding == POSTA_ENCODING_8BIT;
    if (p->body.kind == POSTA_BODY_DATA) return true;
    if (p->body.kind != POSTA_BODY_SOURCE || !p->body.source.rewind) return false;
    return is_text_type(p) || must_fit;
}

static unsigned measured(const posta__part *p) {
    return p->is_text ? POSTA__SCAN_QP_TEXT : POSTA__SCAN_QP_BINARY;
}

/* All that will be encoded lies in memory. */
static bool is_at_hand(const posta__part *p) {
    return p->body.kind == POSTA_BODY_DATA && !posta__part_is_staged(p);
}

static posta_status scan_part(posta_message *m, posta__part *p) {
    posta__input in;
    posta_status status;
    if (p->is_scanned || !wants_scan(p)) return POSTA_OK;
    posta__scan_init(&p->scan, is_at_hand(p) ? 0 : measured(p));
    p->scan.kernels = m->port->kernels;
    if (is_at_hand(p)) {
        posta__scan_step(&p->scan, p->body.data);
        posta__scan_end(&p->scan);
        p->is_scanned = true;
        return POSTA_OK;
    }
    posta__input_init(&in, p);
    while ((status = posta__input_fill(m, &in)) == POSTA_OK) {
        posta__scan_step(&p->scan, in.in);
        in.in.len = 0;
    }
    posta__scan_end(&p->scan);
    if (status != POSTA_END && status != POSTA_AGAIN) return status;
    /* a source that has nothing just now cannot be looked at first */
    p->is_scanned = status == POSTA_END;
    return posta__part_rewind(m, p);
}

/* What lies in memory is measured only where quoted-printable may be chosen: most text goes as it
 * is. */
static void measure_part(posta__part *p) {
    const posta__scan *s = &p->scan;
    bool is_plain = p->is_text && s->high == 0 && s->nul == 0 && s->longest <= POSTA_MAX_LINE;
    if (!p->is_scanned || !is_at_hand(p)) return;
    if (is_plain && p->encoding != POSTA_ENCODING_QUOTED_PRINTABLE) return;
    posta__scan_measure(&p->scan, measured(p), p->body.data);
}

/* ---- the choice ---- */

typedef struct fit {
    bool in_7bit, in_8bit;
} fit;

/* Unencoded octets at the end of the message must end with a line end of their own: the one that
   SMTP adds would be a change. */
static fit fits(const posta__part *p, bool is_root) {
    const posta__scan *s = &p->scan;
    bool ends = p->is_text || !is_root || s->ends_line;
    bool lines = s->nul == 0 && s->longest <= POSTA_MAX_LINE;
    if (!p->is_text) lines = lines && s->bare_cr == 0 && s->bare_lf == 0;
    return (fit){ends && lines && s->high == 0, ends && lines};
}

static posta__cte choose_shorter(const posta__part *p) {
    uint64_t qp = p->is_text ? p->scan.qp_text_len : p->scan.qp_binary_len, base64;
    posta__base64_len(p->is_text ? p->scan.canonical : p->scan.octets, &base64);
    return qp <= base64 ? POSTA__CTE_QP : POSTA__CTE_BASE64;
}

static posta_status refuse(posta_message *m, const posta__part *p, const char *why) {
    char label[POSTA__LABEL_CAP];
    posta__text t = posta__text_in(label, sizeof label);
    posta__text_put(&t, p->label);
    posta__text_put(&t, p->is_whole ? ".type" : ".encoding");
    return posta__blame_on(m, POSTA_E_FIELD, label, why);
}

/* Octets as they are, where the way takes them and nothing else was asked for. RFC 3030 */
static bool goes_binary(const posta_message *m, const posta__part *p) {
    bool is_asked = p->encoding == POSTA_ENCODING_BINARY;
    return m->program.may_binary && !p->is_text && (is_asked || p->encoding == POSTA_ENCODING_AUTO);
}

static posta_status choose_seen(posta_message *m, posta__part *p, bool is_root) {
    fit f = fits(p, is_root);
    posta_encoding e = p->encoding == POSTA_ENCODING_BINARY ? POSTA_ENCODING_AUTO : p->encoding;
    bool may_8bit = m->program.may_8bit;
    if (p->is_whole && !f.in_7bit && !(f.in_8bit && may_8bit))
        return refuse(m, p,
                      "may not be encoded (RFC 2046 5.2) and its content needs it; "
                      "give it as application/octet-stream");
    if (e == POSTA_ENCODING_7BIT && !f.in_7bit)
        return refuse(m, p,
                      "7bit does not fit: the content has 8-bit octets, NUL, long lines or "
                      "line ends of its own");
    if (e == POSTA_ENCODING_8BIT && !f.in_8bit)
        return refuse(m, p,
                      "8bit does not fit: the content has NUL, long lines or line ends of its own");
    if (e == POSTA_ENCODING_8BIT || p->is_whole) {
        p->cte = f.in_7bit ? POSTA__CTE_7BIT : may_8bit ? POSTA__CTE_8BIT : choose_shorter(p);
        return POSTA_OK;
    }
    if (e != POSTA_ENCODING_AUTO) {
        p->cte = (posta__cte)e;
        return POSTA_OK;
    }
    p->cte = posta__encoding_choose(&p->scan, p->is_text, may_8bit);
    if (p->cte == POSTA__CTE_7BIT && !f.in_7bit) p->cte = choose_shorter(p);
    return POSTA_OK;
}

static void choose_unseen(posta__part *p, bool may_8bit) {
    bool is_told = p->encoding != POSTA_ENCODING_AUTO && p->encoding != POSTA_ENCODING_8BIT &&
                   p->encoding != POSTA_ENCODING_BINARY;
    posta__cte safe = p->is_text ? POSTA__CTE_QP : POSTA__CTE_BASE64;
    if (p->is_whole) safe = may_8bit ? POSTA__CTE_8BIT : POSTA__CTE_7BIT;
    p->cte = safe;
    if (p->encoding == POSTA_ENCODING_8BIT && may_8bit)
        p->cte = POSTA__CTE_8BIT;
    else if (is_told)
        p->cte = (posta__cte)p->encoding;
}

static uint64_t encoded_len(const posta__part *p) {
    uint64_t len = p->len;
    if (p->is_scanned)
        len = p->is_text ? p->scan.canonical : p->scan.octets;
    else if (p->is_text)
        return POSTA_LEN_UNKNOWN;
    if (p->cte == POSTA__CTE_QP) {
        if (!p->is_scanned) return POSTA_LEN_UNKNOWN;
        return p->is_text ? p->scan.qp_text_len : p->scan.qp_binary_len;
    }
    if (len == POSTA_LEN_UNKNOWN) return len;
    /* too long to be counted is as good as unknown; behaviour H22 */
    if (p->cte == POSTA__CTE_BASE64) posta__base64_len(len, &len);
    return len;
}

posta_status posta__part_choose(posta_message *m, posta__part *p, bool is_root) {
    posta_status status = scan_part(m, p);
    if (status) return status;
    measure_part(p);
    if (p->is_utf8 && p->is_scanned && p->scan.utf8.is_bad)
        return posta__blame_utf8(m, POSTA_E_FIELD, p, p->scan.utf8.at);
    if (goes_binary(m, p))
        p->cte = POSTA__CTE_BINARY;
    else if (p->is_scanned)
        status = choose_seen(m, p, is_root);
    else
        choose_unseen(p, m->program.may_8bit);
    if (status) return status;
    p->out_len = encoded_len(p);
    p->has_8bit = p->cte == POSTA__CTE_BINARY ||
                  (p->cte == POSTA__CTE_8BIT && (!p->is_scanned || p->scan.high > 0));
    return POSTA_OK;
}
