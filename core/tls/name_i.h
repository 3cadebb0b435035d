/* core/tls: the name or address of the peer, and which names on a certificate cover it. RFC 9525.
 */
#ifndef POSTA_TLS_NAME_I_H
#define POSTA_TLS_NAME_I_H

#include "base_i.h"

/* The kinds of subjectAltName that count: their tags in GeneralName, RFC 5280 4.2.1.6. */
enum { POSTA__SAN_DNS = 2, POSTA__SAN_IP = 7 };

typedef struct posta__tls_name {
    uint8_t ip[16];
    size_t ip_len; /* 4 or 16; 0: it is a DNS name */
    char dns[254]; /* lower case, without a dot at the end; "": it is an address */
} posta__tls_name;

/* Takes a host name in ASCII, an IPv4 address of four decimal numbers, or an IPv6 address (a zone
   behind % is left out). POSTA_E_FIELD: it is none of these; *why_out (may be null) says why. */
posta_status posta__tls_name_init(posta__tls_name *n, posta_span host, const char **why_out);
/* Does a subjectAltName of kind `tag` stand for the peer? `*` may be the whole leftmost label, with
   two labels or more behind it, and stands for one label. */
bool posta__tls_name_covers(const posta__tls_name *n, unsigned tag, posta_span san);
/* Appends a subjectAltName for people; nothing for kinds that do not count. RFC 5952. */
void posta__tls_name_show(posta_window *out, unsigned tag, posta_span san);

#endif
