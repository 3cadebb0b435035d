/* core/test/mime: drives one stage of the MIME engine alone. */
#ifndef STAGE_T_H
#define STAGE_T_H

#include "../../mime/mime_i.h"
#include "../codec/codec_t.h"

static posta_status t_stage_step(void *x, posta_span *in, posta_window *out) {
    posta__stage *s = x;
    return s->step(s, in, out);
}

static posta_status t_stage_end(void *x, posta_window *out) {
    posta__stage *s = x;
    return s->end(s, out);
}

/* What the stage makes of `in`; out has room for `cap`. Returns how many octets it made. */
static inline size_t t_stage_run(posta__stage *s, posta_span in, int cut, size_t window,
                                 uint8_t *out, size_t cap) {
    t_run run = {t_stage_step, t_stage_end, s, cut, window};
    size_t len = 0;
    s->begin(s);
    assert_int_equal(t_drive(&run, in, out, cap, &len), POSTA_OK);
    return len;
}

#endif
