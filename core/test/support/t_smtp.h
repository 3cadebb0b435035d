/* core/test/support: an engine on a wire in memory. The wire is cut as a mode says, time is a
 * number, every event is kept, and the liveness law of posta/engine.h is checked after each step.
 *
 * t_dialogue_play plays a dialogue file (core/test/dialogues/README.md) in one mode;
 * t_dialogue_each_cut plays it in all.
 */
#ifndef POSTA_T_SMTP_H
#define POSTA_T_SMTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "posta/engine.h"

/* ---- how the wire is cut ---- */

typedef enum t_cut {
    T_WHOLE,  /* as much as there is */
    T_BYTES,  /* one octet at a time */
    T_RANDOM, /* 1 to 40 octets */
    T_ONCE    /* whole, but for one cut at octet `at` of the server's stream */
} t_cut;

typedef struct t_mode {
    t_cut server, client;
    size_t at;     /* T_ONCE */
    uint32_t seed; /* T_RANDOM */
    bool small;    /* the smallest windows, two owed replies */
    bool trace;
} t_mode;

#define T_DEFAULT_OWED 64u
#define T_SMALL_OWED   2u /* instead of the default */

/** Writes the mode into `out`, for messages of failing tests. */
void t_mode_name(t_mode mode, char *out, size_t cap);

/** A generator of our own, so that a seed means the same everywhere. */
uint32_t t_random(uint32_t *seed);

/* ---- octets ---- */

typedef struct t_bytes {
    uint8_t *p;
    size_t len, cap;
} t_bytes;

void t_bytes_add(t_bytes *b, const void *p, size_t len);
void t_bytes_free(t_bytes *b);

/* ---- a body ---- */

/** A source over memory that can misbehave. */
typedef struct t_body {
    const uint8_t *p;
    size_t len, at;
    size_t piece;      /* octets a pull gives at most; 0: what fits */
    size_t again_at;   /* says AGAIN once there; SIZE_MAX: never */
    size_t stop_at;    /* answers `stop` there instead of going on; SIZE_MAX: never */
    posta_status stop; /* POSTA_OK: gives nothing and says OK */
    bool waits;        /* has said AGAIN; cleared by the feeding test */
    bool end_alone;    /* END comes in a pull of its own */
    unsigned pulls;
} t_body;

#define T_BODY(text_, len_)                                                                        \
    { (const uint8_t *)(text_), (len_), 0, 0, SIZE_MAX, SIZE_MAX, POSTA_OK, false, false, 0 }

/** `len` as posta_source.len. */
posta_source t_body_source(t_body *b, uint64_t len);

/* ---- the engine on its wire ---- */

typedef struct t_event {
    posta_event event; /* its text points to `text` */
    char text[600];
} t_event;

#define T_EVENTS 256u

typedef struct t_wire {
    posta_engine_config config;
    posta_engine *e;
    uint8_t *memory; /* ends at a guard page */
    size_t memory_len;
    t_mode mode;
    uint32_t seed;
    uint64_t now;

    t_bytes server; /* all that the server says; octets up to server_at are delivered */
    size_t server_at;
    bool is_forced;      /* deliver also what the engine does not ask for */
    bool has_end, ended; /* the server's side ends behind its octets */
    posta_status end;

    t_bytes client;   /* all that the transport took */
    size_t client_at; /* octets that the test has looked at */
    uint64_t window;  /* octets that the transport still takes */
    bool is_deaf;     /* the server reads only once all it said was taken */

    t_event *events; /* ring of what came and was not looked at; not TRACE */
    size_t events_at, events_n;
    t_bytes trace; /* "S: ...\n" as traced */
    uint64_t steps;
} t_wire;

/** An engine; `config` may be null. The mode's windows and trace are put into it. */
void t_wire_open(t_wire *w, const posta_engine_config *config, t_mode mode);
void t_wire_close(t_wire *w);
/** Moves octets and takes events until nothing moves; checks the law after each step. */
void t_wire_run(t_wire *w);
void t_wire_tick(t_wire *w, uint64_t ms);
/** The server says this (printf); runs. */
void t_wire_say(t_wire *w, const char *format, ...);
void t_wire_say_bytes(t_wire *w, const void *p, size_t len);
/** The server's side ends; runs. */
void t_wire_end(t_wire *w, posta_status status);
/** The next event, or null. */
const t_event *t_wire_event(t_wire *w);
/** Fails unless the next event is of this type; returns it. */
const t_event *t_wire_expect(t_wire *w, posta_event_type type);
void t_wire_expect_none(t_wire *w);
/** Fails unless the octets written since the last look are these. */
void t_wire_wrote(t_wire *w, const char *text);
void t_wire_wrote_bytes(t_wire *w, const void *p, size_t len);
/** Greeting, EHLO and a reply that offers what `offers` says ("PIPELINING\nSIZE 10"); "" for none.
 */
void t_wire_greet(t_wire *w, const char *offers);
/** Submits; fails unless the engine takes it. */
void t_wire_submit(t_wire *w, const posta_envelope *envelope, const posta_source *source);
void t_wire_law(const t_wire *w);

const char *t_event_name(posta_event_type type);

/* ---- dialogue files ---- */

/** Plays the file in one mode; fails with file, line and mode. */
void t_dialogue_play(const char *path, t_mode mode);
/** In all modes: whole, byte by byte, smallest windows, trace, each cut in two, random cuts. */
void t_dialogue_each_cut(const char *path);

#endif
