/* A transport of the host's own: here a blocking socket of the standard library; on a device it
 * would be the modem's. Each function answers POSTA_OK, POSTA_AGAIN (would wait) or a fault. Usage:
 * custom_transport URL FROM TO */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <poll.h>
#include <posta/posta.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct wire {
    int fd;
    size_t sent, received;
} wire;

static posta_status wire_open(void *user, const char *host, uint16_t port) {
    wire *w = user;
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0) return POSTA_E_DNS;
    w->fd = socket(list->ai_family, list->ai_socktype, 0);
    int failed = w->fd < 0 || connect(w->fd, list->ai_addr, list->ai_addrlen) != 0;
    freeaddrinfo(list);
    return failed ? POSTA_E_CONNECT_REFUSED : POSTA_OK;
}

static posta_status wire_read(void *user, void *p, size_t cap, size_t *n_out) {
    wire *w = user;
    ssize_t n = recv(w->fd, p, cap, MSG_DONTWAIT);
    *n_out = n > 0 ? (size_t)n : 0; /* POSTA_OK with 0 is the end of the stream */
    w->received += *n_out;
    return n < 0 ? POSTA_AGAIN : POSTA_OK;
}

static posta_status wire_write(void *user, const void *p, size_t len, size_t *n_out) {
    wire *w = user;
    ssize_t n = send(w->fd, p, len, MSG_NOSIGNAL);
    *n_out = n > 0 ? (size_t)n : 0;
    w->sent += *n_out;
    return n < 0 ? POSTA_E_LOST : POSTA_OK;
}

static void wire_close(void *user) {
    wire *w = user;
    close(w->fd);
    w->fd = -1;
}

static posta_status wire_wait(void *user, unsigned wants, uint32_t ms) {
    wire *w = user;
    struct pollfd p = {w->fd, wants & POSTA_WANT_RX ? POLLIN : POLLOUT, 0};
    poll(&p, 1, (int)ms);
    return POSTA_OK;
}

int main(int argc, char **argv) {
    wire w = {.fd = -1};
    posta_transport transport = {.size = sizeof transport,
                                 .user = &w,
                                 .open = wire_open,
                                 .read = wire_read,
                                 .write = wire_write,
                                 .close = wire_close,
                                 .wait = wire_wait};
    posta_session_config options = POSTA_SESSION_CONFIG;
    posta_message *m = NULL;
    posta_receipt receipt;
    posta_status status;
    if (argc != 4) {
        fprintf(stderr, "usage: %s URL FROM TO\n", argv[0]);
        return 2;
    }
    options.transport = &transport;
    options.hello = "[127.0.0.1]"; /* posta cannot ask this socket for its address */
    if (posta_message_new(posta_port_default(), &m) != POSTA_OK) return 1;
    posta_message_addresses(m, POSTA_FROM, argv[2]);
    posta_message_addresses(m, POSTA_TO, argv[3]);
    posta_message_text(m, posta_body_string("Over a wire of our own.\n"), NULL);
    status = posta_send(argv[1], m, &options, &receipt);
    if (status == POSTA_OK)
        printf("accepted, %zu octets out, %zu in\n", w.sent, w.received);
    else
        fprintf(stderr, "%s\n", receipt.message);
    posta_message_free(&m);
    return status == POSTA_OK ? 0 : 1;
}
