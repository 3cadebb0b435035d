/* core/port: addresses: read from digits, put in order, told apart, written as EHLO literals. */
#define _POSIX_C_SOURCE 200809L
#include "port_i.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

/* ---- reading ---- */

/* The index of an interface, from its name or its digits; 0: there is none. */
static uint32_t zone_of(const char *zone) {
    uint64_t n;
    if (posta__parse_decimal(posta__span_of(zone), &n)) return n <= UINT32_MAX ? (uint32_t)n : 0;
    return (uint32_t)if_nametoindex(zone);
}

/* The part before the zone. False: too long for an address. */
static bool cut_zone(const char *address, char text[INET6_ADDRSTRLEN + 1], size_t *len_out) {
    *len_out = strcspn(address, "%");
    if (*len_out > INET6_ADDRSTRLEN) return false;
    memcpy(text, address, *len_out);
    text[*len_out] = 0;
    return true;
}

bool posta__peer_read(const char *address, posta__peer *out) {
    char text[INET6_ADDRSTRLEN + 1];
    size_t len;
    memset(out, 0, sizeof *out);
    if (!cut_zone(address, text, &len)) return false;
    if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1) {
        out->in6.sin6_family = AF_INET6;
        if (address[len] == 0) return true;
        out->in6.sin6_scope_id = zone_of(address + len + 1);
        return out->in6.sin6_scope_id != 0;
    }
    memset(out, 0, sizeof *out);
    out->in4.sin_family = AF_INET;
    return address[len] == 0 && inet_pton(AF_INET, text, &out->in4.sin_addr) == 1;
}

bool posta_address_is_numeric(const char *address) {
    uint8_t in6[16], in4[4];
    char text[INET6_ADDRSTRLEN + 1];
    size_t len;
    if (!cut_zone(address, text, &len)) return false;
    if (inet_pton(AF_INET6, text, in6) == 1) return true;
    return address[len] == 0 && inet_pton(AF_INET, text, in4) == 1;
}

bool posta__peer_of(const struct sockaddr *a, posta__peer *out) {
    memset(out, 0, sizeof *out);
    if (a->sa_family == AF_INET) memcpy(&out->in4, a, sizeof out->in4);
    if (a->sa_family == AF_INET6) memcpy(&out->in6, a, sizeof out->in6);
    return a->sa_family == AF_INET || a->sa_family == AF_INET6;
}

void posta__peer_set_port(posta__peer *peer, uint16_t port) {
    if (peer->any.sa_family == AF_INET6)
        peer->in6.sin6_port = htons(port);
    else
        peer->in4.sin_port = htons(port);
}

socklen_t posta__peer_len(const posta__peer *peer) {
    return peer->any.sa_family == AF_INET6 ? sizeof peer->in6 : sizeof peer->in4;
}

/* ---- order ---- */

/* Families by turns: RFC 8305, 4. The next one of the wanted family moves up past the others. */
void posta__peers_interleave(posta__peer *peers, size_t n) {
    for (size_t i = 1; i < n; i++) {
        size_t at = i;
        while (at < n && peers[at].any.sa_family == peers[i - 1].any.sa_family)
            at++;
        if (at == n) return;
        posta__peer moved = peers[at];
        memmove(peers + i + 1, peers + i, (at - i) * sizeof *peers);
        peers[i] = moved;
    }
}

/* ---- an open socket's ends ---- */

static bool write_address(const struct sockaddr_storage *a, char *out, socklen_t cap) {
    posta__peer peer;
    if (!posta__peer_of((const struct sockaddr *)a, &peer)) return false;
    if (a->ss_family == AF_INET6) return inet_ntop(AF_INET6, &peer.in6.sin6_addr, out, cap) != NULL;
    return inet_ntop(AF_INET, &peer.in4.sin_addr, out, cap) != NULL;
}

posta_status posta_socket_literal(const posta_transport *t, char *out, size_t cap) {
    const posta__sock *s = t->user;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    posta_window w = posta__window(out, cap);
    char text[INET6_ADDRSTRLEN] = "127.0.0.1"; /* for a Unix socket */
    if (s->fd < 0 || getsockname(s->fd, (struct sockaddr *)&a, &len) != 0) return POSTA_E_STATE;
    if (a.ss_family != AF_UNIX && !write_address(&a, text, sizeof text)) return POSTA_E_STATE;
    if (!posta__put(&w, posta__span_of(a.ss_family == AF_INET6 ? "[IPv6:" : "[")) ||
        !posta__put(&w, posta__span_of(text)) || !posta__put(&w, posta__span("]", 2)))
        return POSTA_E_LIMIT;
    return POSTA_OK;
}

bool posta_socket_is_loopback(const posta_transport *t) {
    const posta__sock *s = t->user;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    posta__peer peer;
    if (s->fd < 0 || getpeername(s->fd, (struct sockaddr *)&a, &len) != 0) return false;
    if (a.ss_family == AF_UNIX) return true;
    if (!posta__peer_of((const struct sockaddr *)&a, &peer)) return false;
    if (a.ss_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&peer.in6.sin6_addr) != 0;
    return ntohl(peer.in4.sin_addr.s_addr) >> 24 == 127;
}

posta_status posta_host_name(char *out, size_t cap) {
    if (cap == 0) return POSTA_E_LIMIT;
    out[0] = 0;
    if (gethostname(out, cap) != 0) return POSTA_E_FIELD;
    out[cap - 1] = 0;
    return strchr(out, '.') ? POSTA_OK : POSTA_E_FIELD;
}
