/* core/base: names, codes and sentences of the status list, and how causes fold into results. */
#include "base_i.h"

#ifndef POSTA_TEXTS
#define POSTA_TEXTS 1
#endif

const char *posta_status_name(posta_status status) {
    switch (status) {
#define ROW(number, name, code, sentence)                                                          \
    case name: return #name;
        POSTA_STATUS_LIST(ROW)
#undef ROW
    case POSTA_STATUS_LAST_: break;
    }
    return "POSTA_E_?";
}

const char *posta_status_code(posta_status status) {
    switch (status) {
#define ROW(number, name, code, sentence)                                                          \
    case name: return code;
        POSTA_STATUS_LIST(ROW)
#undef ROW
    case POSTA_STATUS_LAST_: break;
    }
    return "unknown";
}

#if POSTA_TEXTS
const char *posta_status_text(posta_status status) {
    switch (status) {
#define ROW(number, name, code, sentence)                                                          \
    case name: return sentence;
        POSTA_STATUS_LIST(ROW)
#undef ROW
    case POSTA_STATUS_LAST_: break;
    }
    return "an unknown status";
}
#else
const char *posta_status_text(posta_status status) {
    return posta_status_code(status);
}
#endif

posta_status posta__status_fold(posta_status cause, unsigned code) {
    if (cause < POSTA_E_GREETING_REFUSED) return cause;
    if (cause >= POSTA_E_TIMEOUT_RESOLVE) return POSTA_E_TIMEOUT;
    if (cause == POSTA_E_UNASKED) return POSTA_E_PROTOCOL;
    return code / 100 == 4 ? POSTA_E_SERVER_TEMPORARY : POSTA_E_SERVER_PERMANENT;
}
