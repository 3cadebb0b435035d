/* core/session: what the files of the model's names (posta/treck.h) share: treck.c has the calls,
 * treck_text.c reads the model's addresses and dates.
 */
#ifndef POSTA_TRECK_I_H
#define POSTA_TRECK_I_H

#define POSTA_TRECK_NO_SOCKADDR
#include "posta/treck.h"
#include "session_i.h"

/* ---- treck_text.c ---- */

#define POSTA__TRECK_DATE (POSTA__DATE_LEN + 1u) /* with its NUL */

/* Writes the address of a sockaddr_in or sockaddr_in6 in digits, an IPv6 zone too, and the port in
 * host order. False: it is of another family. */
bool posta__treck_address(const void *address, char out[POSTA_MAX_ADDRESS_TEXT],
                          uint16_t *port_out);
/* Writes a date of the model, local time, as RFC 5322 has it. False: it is none of the model's. */
bool posta__treck_date(const char *text, char out[POSTA__TRECK_DATE]);

#endif
