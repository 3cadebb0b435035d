/* For judge_letters.py: reads domains, a line each in hex, and writes their A-labels, or ! and the
 * reason; in front of it what stands without IDNA: + (may be in a domain) or -. */
#include <stdio.h>

#include "codec_i.h"
#include "posta/port.h"

static int nibble(int c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

int main(void) {
    char line[1100];
    while (fgets(line, sizeof line, stdin)) {
        uint8_t in[512], room[POSTA_MAX_DOMAIN + 1];
        size_t n = 0;
        posta__address_fault fault = {"?", 0, false};
        posta_window w = posta__window(room, sizeof room);
        for (const char *p = line; p[0] && p[1] && *p != '\n' && n < sizeof in; p += 2)
            in[n++] = (uint8_t)(nibble(p[0]) * 16 + nibble(p[1]));
        posta_span domain = posta__span(in, n);
        const char *why = posta__domain_why(domain);
        posta_status status = posta__domain_to_ascii(domain, posta_port_default(), &w, &fault);
        printf("%c", why ? '-' : '+');
        if (status == POSTA_OK)
            printf("%.*s\n", (int)w.len, (const char *)w.p);
        else
            printf("!%s\n", status == POSTA_E_NOT_BUILT ? "not built" : fault.why);
    }
    return 0;
}
