/* core/codec: looks at content to choose its encoding. Contracts in codec_i.h.
 *
 * Lengths of quoted-printable come from the encoder itself, run into a scratch window: they cannot
 * disagree with what it will write. */
#include "codec_i.h"

void posta__scan_init(posta__scan *s, unsigned flags) {
    memset(s, 0, sizeof *s);
    s->flags = flags;
    s->ends_line = true;
    posta__qp_init(&s->qp_text, false);
    posta__qp_init(&s->qp_binary, true);
}

static uint64_t qp_measure(posta__qp *q, posta_span in) {
    enum { SCRATCH = POSTA__IS_SMALL ? 320 : 2048 }; /* lines at its end go slowly */
    uint8_t scratch[SCRATCH];
    uint64_t len = 0;
    posta_status status = POSTA_AGAIN;
    while (status == POSTA_AGAIN) {
        posta_window out = posta__window(scratch, sizeof scratch);
        status = posta__qp_step(q, &in, &out);
        len += out.len;
    }
    return len;
}

static void measure(posta__scan *s, unsigned flags, posta_span in) {
    s->qp_text.kernels = s->qp_binary.kernels = s->kernels;
    if (flags & POSTA__SCAN_QP_TEXT) s->qp_text_len += qp_measure(&s->qp_text, in);
    if (flags & POSTA__SCAN_QP_BINARY) s->qp_binary_len += qp_measure(&s->qp_binary, in);
}

static void end_measuring(posta__scan *s, unsigned flags) {
    uint8_t scratch[POSTA__STEP_ROOM * 2];
    posta_window out = posta__window(scratch, sizeof scratch);
    if ((flags & POSTA__SCAN_QP_TEXT) && posta__qp_end(&s->qp_text, &out) == POSTA_OK)
        s->qp_text_len += out.len;
    out.len = 0;
    if ((flags & POSTA__SCAN_QP_BINARY) && posta__qp_end(&s->qp_binary, &out) == POSTA_OK)
        s->qp_binary_len += out.len;
}

void posta__scan_step(posta__scan *s, posta_span in) {
    uint64_t high = s->high;
    if (in.len == 0) return;
    measure(s, s->flags, in);
    posta__kernels(s->kernels)->scan(s, in.p, in.len);
    if (s->high == high && s->utf8.need == 0 && !s->utf8.is_bad)
        s->utf8.at += in.len;
    else
        posta__utf8_step(&s->utf8, in);
    s->octets += in.len;
    s->ends_line = s->column == 0;
}

void posta__scan_end(posta__scan *s) {
    posta__utf8_end(&s->utf8);
    s->bare_cr += s->after_cr;
    s->after_cr = false;
    if (s->column > s->longest) s->longest = s->column;
    end_measuring(s, s->flags);
}

void posta__scan_measure(posta__scan *s, unsigned flags, posta_span all) {
    flags &= ~s->flags;
    measure(s, flags, all);
    end_measuring(s, flags);
    s->flags |= flags;
}

posta__cte posta__encoding_choose(const posta__scan *s, bool is_text, bool may_8bit) {
    bool fits_lines = s->longest <= POSTA_MAX_LINE && s->nul == 0;
    bool has_bare = s->bare_cr > 0 || s->bare_lf > 0;
    if (fits_lines && s->high == 0 && (is_text || !has_bare)) return POSTA__CTE_7BIT;
    if (fits_lines && is_text && may_8bit) return POSTA__CTE_8BIT;
    unsigned measured = is_text ? POSTA__SCAN_QP_TEXT : POSTA__SCAN_QP_BINARY;
    uint64_t qp_len = is_text ? s->qp_text_len : s->qp_binary_len, base64_len = 0;
    (void)posta__base64_len(is_text ? s->canonical : s->octets, &base64_len);
    return (s->flags & measured) && qp_len <= base64_len ? POSTA__CTE_QP : POSTA__CTE_BASE64;
}
