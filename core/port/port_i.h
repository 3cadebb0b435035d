/* core/port: what its files share. A socket transport (struct posta__sock) goes through four
 * stages; socket.c is what hosts call, connect.c opens it, resolver.c finds addresses, peer.c reads
 * and writes them, poller.c and bell.c are the system's descriptors for waiting.
 */
#ifndef POSTA_PORT_I_H
#define POSTA_PORT_I_H

#include "base_i.h"
#include "posta/port.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef POSTA_RESOLVER
#define POSTA_RESOLVER 1
#endif
#ifndef POSTA_THREADS
#define POSTA_THREADS 1
#endif

/* ---- bell: a descriptor that another thread or a signal handler makes readable ---- */

typedef struct posta__bell {
    int rx, tx; /* the same where the system has eventfd; -1: none */
} posta__bell;

#define POSTA__NO_BELL ((posta__bell){-1, -1})

/** False: no descriptor is to be had. */
bool posta__bell_open(posta__bell *out);
/** Makes it readable. Async-signal-safe; keeps errno. `tx` is that of a bell. */
void posta__bell_ring(int tx);
/** Makes it silent again, however often it was rung. */
void posta__bell_clear(const posta__bell *b);
void posta__bell_close(posta__bell *b);

/* ---- poller: one descriptor that is readable when one of many is ready ---- */

/** -1: this system has none, or no descriptor is to be had. */
int posta__poller_open(void);
/** Adds `fd` for POSTA_WANT_RX or POSTA_WANT_TX. False: the system refused. */
bool posta__poller_add(int poller, int fd, unsigned wants);
/** Takes it out again, before it is closed. */
void posta__poller_remove(int poller, int fd, unsigned wants);

/* ---- peers: where to connect ---- */

typedef union posta__peer {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
} posta__peer;

#define POSTA__MAX_PEERS 16u

/** An address in digits, the IPv6 one also with a zone. False: it is none. */
bool posta__peer_read(const char *text, posta__peer *out);
/** From what getaddrinfo gives. False: of another family. */
bool posta__peer_of(const struct sockaddr *a, posta__peer *out);
void posta__peer_set_port(posta__peer *peer, uint16_t port);
socklen_t posta__peer_len(const posta__peer *peer);
/** Families by turns, beginning with the first one's; within a family the order stays. */
void posta__peers_interleave(posta__peer *peers, size_t n);

/* ---- lookup: one question to the system's resolver ---- */

typedef struct posta__lookup posta__lookup;

/** Asks for `host` in a thread of its own; where there is none, here if `may_wait`, else
 * POSTA_E_NOT_BUILT and `why_out`. POSTA_E_MEMORY. */
posta_status posta__lookup_start(const char *host, bool may_wait, posta__lookup **out,
                                 const char **why_out);
/** Readable when the answer is there; -1: it is there. */
int posta__lookup_fd(const posta__lookup *l);
/** POSTA_AGAIN: not yet. POSTA_E_DNS and `why_out` (static). Else at most `cap` peers. */
posta_status posta__lookup_take(const posta__lookup *l, posta__peer *out, size_t cap, size_t *n_out,
                                const char **why_out);
/** Gives it up, answered or not, without waiting; nulls it. Null is fine. */
void posta__lookup_drop(posta__lookup **l);

/* ---- forks ---- */

/** Another number in a child than in its parent. */
unsigned posta__forks(void);

/* ---- the socket ---- */

#define POSTA__MAX_ATTEMPTS     6u
#define POSTA__MAX_OPTIONS      8u  /* as POSTA_MAX_SOCKET_OPTIONS */
#define POSTA__MAX_OPTION_VALUE 16u /* as POSTA_MAX_SOCKET_VALUE */

typedef enum posta__sock_stage {
    SOCK_CLOSED,
    SOCK_RESOLVING,
    SOCK_CONNECTING,
    SOCK_OPEN
} posta__sock_stage;

typedef struct posta__sock_option {
    int level, name;
    socklen_t len;
    _Alignas(posta__strictest) uint8_t value[POSTA__MAX_OPTION_VALUE];
} posta__sock_option;

typedef struct posta__attempt {
    int fd;
    bool is_ready;
    uint64_t by; /* ms; UINT64_MAX: no end */
} posta__attempt;

typedef struct posta__sock {
    const posta_port *port;
    posta_socket_config config;
    char address[POSTA_MAX_ADDRESS_TEXT], local_address[POSTA_MAX_ADDRESS_TEXT];
    posta__sock_option options[POSTA__MAX_OPTIONS];
    size_t options_n;

    posta__sock_stage stage;
    int shown;      /* what posta_socket_fd gives */
    int fd;         /* the socket, once open */
    unsigned forks; /* when it began to open */
    int poller;     /* of lookup and attempts; -1: one attempt at a time, and that is shown */

    /* resolving */
    posta__lookup *lookup; /* null: the hook is asked */
    uint64_t resolve_by;   /* ms; UINT64_MAX: no end */

    /* connecting */
    struct sockaddr_un path; /* of a Unix socket; then peers holds nothing but a place */
    bool is_unix;
    uint16_t to_port;
    posta__peer peers[POSTA__MAX_PEERS];
    size_t peers_n, peers_at;                     /* peers_at: not tried yet */
    posta__attempt attempts[POSTA__MAX_ATTEMPTS]; /* in the order they began */
    size_t attempts_n;
    uint64_t next_at; /* ms: when another one begins beside those under way */
    bool was_refused, was_late;

    const char *reason; /* static, or `said` */
    char said[96];

    /* any thread, signal handlers */
    atomic_int wake_fd; /* rung by wake; -1: nobody has waited yet */
    atomic_bool is_woken;
    posta__bell bell; /* wait() only */
} posta__sock;

/** Begins or continues; POSTA_AGAIN until it is open or has failed, which closes it. */
posta_status posta__sock_open(posta__sock *s, const char *host, uint16_t port);
/** Milliseconds until open has work by the clock alone; -1: never. */
int64_t posta__sock_timeout(const posta__sock *s);
/** Closes and forgets everything but configuration, reason and bell. */
void posta__sock_shut(posta__sock *s);
/** A sentence for an errno. */
const char *posta__sock_words(int error);

#endif
