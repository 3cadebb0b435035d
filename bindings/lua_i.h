/* bindings: the C module posta.core. Thin: it makes handles of posta's objects and moves plain
 * values across; options, defaults, loops and sentences live in lua/posta.
 *
 * Three rules keep one source good for Lua 5.1 to 5.4 and LuaJIT:
 *   - C never calls Lua: no lua_call, and no access that could run a metamethod. So user code runs
 * in plain Lua frames only, where errors and yields are harmless.
 *   - posta's objects hang on userdata before anything may raise, and what posta borrows (strings,
 * the message under way) is kept in the userdata's user value, a table that Lua code never sees.
 *   - a finaliser drops its own share and touches no other userdata: they may be dead already.
 */
#ifndef POSTA_LUA_I_H
#define POSTA_LUA_I_H

#ifdef POSTA_COMPAT53
#define COMPAT53_PREFIX posta_compat53
#include <compat-5.3.h>
#else
#include <lauxlib.h>
#include <lua.h>
#endif

#include "posta/session.h"
#include "posta/tls.h"
#include "posta_lua.h"

/* ---- the place (place.c): memory of the Lua state, the rest of the system ---- */

typedef struct posta__lua_place {
    posta_port port;
    lua_Alloc allocate;
    void *allocate_ud;
} posta__lua_place;

/** `place` must not move afterwards: the port points into it. */
void posta__lua_place_init(lua_State *L, posta__lua_place *place);
/** Overwrites what may hold secrets, though nobody reads it again. */
void posta__lua_wipe(void *p, size_t len);

/* ---- values (value.c) ---- */

/** t[key] of the plain table at `at`, read raw; the string lives as long as the table has it. Null:
 * not there. A string with a NUL octet raises: the Lua layer has refused it before. */
const char *posta__lua_text(lua_State *L, int at, const char *key);
bool posta__lua_flag(lua_State *L, int at, const char *key);
/** A whole number 0..max, `fallback` when not there; others raise. */
uint64_t posta__lua_number(lua_State *L, int at, const char *key, uint64_t max, uint64_t fallback);
/** Fills timeouts, on_refused, trace, pipelining from the options table at `at`. */
void posta__lua_engine_config(lua_State *L, int at, posta_engine_config *out);
/** Pushes a status as its dotted code; returns 1. */
int posta__lua_push_status(lua_State *L, posta_status status);
/** Pushes nil when the reply has no code. */
void posta__lua_push_reply(lua_State *L, const posta_reply *reply);
/** Sets the reply's enhanced code in the table on top. */
void posta__lua_set_enhanced(lua_State *L, const posta_reply *reply);
/** Pushes a receipt as a plain table (lua/posta/receipt.lua makes the public one of it). */
void posta__lua_push_receipt(lua_State *L, const posta_receipt *receipt);
/** Pushes name and info table of an event; returns 2. */
int posta__lua_push_event(lua_State *L, const posta_event *event);
void posta__lua_push_capabilities(lua_State *L, posta_capabilities can);
/** Sets tls and insecure of the receipt on top. */
void posta__lua_set_tls(lua_State *L, const posta_tls_info *tls);
/** How the way to the server is protected, of the word in t[key]; DEFAULT: not there. */
posta_security posta__lua_security(lua_State *L, int at, const char *key);
/** Sets table[key] for the table on top. */
void posta__lua_set_text(lua_State *L, const char *key, const char *text);
void posta__lua_set_number(lua_State *L, const char *key, double n);
void posta__lua_push_count(lua_State *L, uint64_t n);
void posta__lua_set_integer(lua_State *L, const char *key, uint64_t n);
void posta__lua_set_flag(lua_State *L, const char *key, bool flag);

/* ---- handles (handle.c) ---- */

#define POSTA__LUA_MESSAGE "posta.message"
#define POSTA__LUA_SESSION "posta.session"
#define POSTA__LUA_LINK    "posta.engine"
#define POSTA__LUA_TLS     "posta.tls"

/** A new userdata of `len` zeroed bytes with its metatable and its user value, on the stack. */
void *posta__lua_handle_new(lua_State *L, size_t len, const char *type);
/** Makes the metatable; `methods` (a table on top of the stack) becomes its __index and is popped.
 */
void posta__lua_handle_type(lua_State *L, const char *type, const luaL_Reg *meta);
/** Keeps the value at `value` alive with the handle at `handle`, under a number. */
void posta__lua_keep(lua_State *L, int handle, int key, int value);
void posta__lua_unkeep(lua_State *L, int handle, int key);
/** Is an operation under way on it, or was one when an error threw it out? */
bool posta__lua_handle_is_entered(lua_State *L, int handle);
/** Takes the table on top of the stack into the handle's data, as `account`: closed in the middle
 * of an operation, who waits for its end finds there what became of it. */
void posta__lua_handle_account(lua_State *L, int handle);
/** The functions on any handle: data, enter, leave, is_running. */
extern const luaL_Reg posta__lua_handle_functions[];

/* Keys in a user value. Bodies take 1, 2, ...; the bytes in slot i are at -i. */
#define POSTA__LUA_KEY_MESSAGE 0
/* Of sessions: the handlers, and the bytes that came through a custom transport. */
#define POSTA__LUA_KEY_ON_EVENT 1
#define POSTA__LUA_KEY_RX       2
#define POSTA__LUA_KEY_AUTH     8
#define POSTA__LUA_KEY_ANSWER   9

/* ---- messages (message.c, part.c, pull.c) ---- */

/** A message and who uses it. It outlives its userdata while a session reads from it. */
typedef struct posta__lua_box posta__lua_box;
struct posta__lua_box {
    posta__lua_place place;
    posta_message *message;
    unsigned refs;
    bool is_busy;                /* a session or link is sending it */
    posta_source source;         /* what pull reads; pull null: not opened */
    uint64_t composed;           /* how often it was composed: an older reader must stop */
    uint64_t header_at, body_at; /* 1 + composed where header(n), body(n) are midway; else 0 */
    posta_problem problem;       /* what the binding itself found: NUL octets, files */
    posta__lua_box *enclosed, *next_enclosed; /* messages in it: shared, let go with it */
};

typedef struct posta__lua_message {
    posta__lua_box *box; /* null: closed */
    int bodies;          /* strings kept in the user value */
} posta__lua_message;

/** The open message at `at`; raises on anything else. */
posta__lua_message *posta__lua_message_check(lua_State *L, int at);
/** The same; raises too when it is being sent. */
posta__lua_message *posta__lua_message_idle(lua_State *L, int at);
void posta__lua_box_release(posta__lua_box **box);
/** The text at `at` without NUL octets, its label taken from `label_at`. Null: the box has a
 * problem. */
const char *posta__lua_message_text(lua_State *L, posta__lua_box *b, int label_at, int at);
/** Writes a problem of the binding's own: `label[.part]: what`. */
void posta__lua_blame(posta__lua_box *b, posta_status status, const char *label, const char *part,
                      const char *what, const char *value);
int posta__lua_message_part(lua_State *L);
/** What setters of (m, label, ...) begin with: the text that is the argument at `text_at`; null: it
 * was refused, and posta__lua_setter_refuse answers so. */
const char *posta__lua_setter_begin(lua_State *L, posta__lua_box **b_out, int text_at);
int posta__lua_setter_answer(lua_State *L, posta_status status);
int posta__lua_setter_refuse(lua_State *L);
extern const luaL_Reg posta__lua_message_typed[];
extern const luaL_Reg posta__lua_message_extensions[];
extern const luaL_Reg posta__lua_message_tree[];
extern const luaL_Reg posta__lua_message_reading[];

/** Who sends which message: shared by sessions and links. */
typedef struct posta__lua_sending {
    posta__lua_box *box; /* of the last message; its recipients are in the receipt */
    bool is_reading;     /* it is ours still: once it is not, another may be sending it */
} posta__lua_sending;

/** Takes the message at `message` for the handle at `handle`; false: another sends it. */
bool posta__lua_sending_begin(lua_State *L, int handle, int message, posta__lua_sending *s);
/** The message is no longer read. */
void posta__lua_sending_end(posta__lua_sending *s);
/** The same, and its account is not asked for any more. */
void posta__lua_sending_forget(posta__lua_sending *s);

/* ---- sessions (session.c, steps.c, options.c, wire.c) ---- */

/** Bytes of a custom transport's turn that Lua has not written yet. */
#define POSTA__LUA_TX_SPACE  8192u
#define POSTA__LUA_ADDRESSES 16u

/** The outer world as C sees it where Lua functions are it: C asks and is answered POSTA_AGAIN; the
 * loop in Lua looks what was asked (`asks`), calls the hook, and hands the answer in. */
typedef struct posta__lua_wire {
    bool is_used; /* transport = {...} */
    /* open */
    bool asks_open, is_open, was_opened, asks_close;
    posta_status open_fault;
    char host[POSTA_MAX_DOMAIN + 1];
    uint16_t port;
    /* in: the string is kept in the user value */
    bool asks_read, was_tried, has_ended; /* was_tried: a read that must not wait */
    posta_status end;
    const uint8_t *rx;
    size_t rx_len;
    /* out: a copy, so that what Lua says it wrote is what is consumed */
    size_t tx_len, tx_done;
    bool is_broken, is_leaving; /* is_leaving: what is noted is a farewell */
    uint8_t *tx; /* POSTA__LUA_TX_SPACE behind the session; null: no custom transport */
    /* starttls */
    bool asks_tls, has_tls;
    posta_status tls;
    /* names */
    bool asks_address, has_answer;
    posta_status answer;
    char addresses[POSTA__LUA_ADDRESSES][POSTA_MAX_ADDRESS_TEXT];
    size_t addresses_n;
} posta__lua_wire;

/* ---- logging in (login.c) ---- */

#define POSTA__LUA_MECHANISMS 4u

/** The credentials as C sees them where functions of Lua's have them. */
typedef struct posta__lua_login {
    posta_auth auth;
    posta_auth_ask why;
    bool asks, has_answer;
    posta_status answer;
    posta_credentials given;
    /* mechanisms whose steps are Lua's */
    posta_mechanism custom[POSTA__LUA_MECHANISMS];
    const posta_mechanism *list[POSTA__LUA_MECHANISMS];
    char names[POSTA__LUA_MECHANISMS][POSTA_MAX_MECHANISM + 1];
    size_t step; /* of which one is asked for, from 1; 0: credentials are */
    posta_span challenge, said;
} posta__lua_login;

/** What the field `auth` of the options at `at` wants; null: nobody logs in. The handle (0: whose C
 * copies strings) keeps them; `l` must not move afterwards. */
const posta_auth *posta__lua_login_config(lua_State *L, int at, posta__lua_login *l, int handle);
int posta__lua_login_asks(lua_State *L, const posta__lua_login *l);
int posta__lua_login_answer(lua_State *L, posta__lua_login *l);
/** Behind each step of C's: an answer that C has taken need not live on, and when it asks no more
 * (`is_asking` false) there is neither question nor answer. */
void posta__lua_login_forget(lua_State *L, posta__lua_login *l, int handle, bool is_asking);
/** The login or its connection is over: what was asked and answered must not meet the next one. */
void posta__lua_login_reset(lua_State *L, posta__lua_login *l, int handle);

typedef struct posta__lua_session {
    posta__lua_place place;
    posta__lua_login login;
    posta_session *session; /* null: closed */
    posta__lua_sending sending;
    bool is_acting; /* an action was begun and has no verdict yet */
    posta__lua_wire wire;
    /* the text under way, counted as it is pulled */
    posta_source text, counted;
    posta_envelope envelope;
    uint64_t pulled;
    posta_mail_options mail_options; /* of the next sender */
} posta__lua_session;

/** The session at 1, closed or not; the open one, else it raises. */
posta__lua_session *posta__lua_session_any(lua_State *L);
posta__lua_session *posta__lua_session_open(lua_State *L);
/** Pushes the status and notes that an action was begun. */
int posta__lua_session_begun(lua_State *L, posta__lua_session *s, posta_status status);
/** Transport and resolver whose hooks are Lua's, as the options at `at` want them. */
void posta__lua_wire_config(lua_State *L, int at, posta__lua_session *s, posta_transport *t,
                            posta_session_config *c);
/** A new connection begins: nothing has been answered yet. */
void posta__lua_wire_reset(posta__lua_wire *w);
extern const luaL_Reg posta__lua_session_steps[];
extern const luaL_Reg posta__lua_session_extensions[];
extern const luaL_Reg posta__lua_session_options[];
extern const luaL_Reg posta__lua_session_wire[];

/* ---- TLS (tls.c) ---- */

/** The posta_tls of the open handle in t[key], for a call that shares it; null: there is none. */
posta_tls *posta__lua_tls_at(lua_State *L, int at, const char *key);

/* ---- what the module is made of: each pushes a table of functions ---- */

void posta__lua_open_messages(lua_State *L);
void posta__lua_open_sessions(lua_State *L);
void posta__lua_open_links(lua_State *L);
void posta__lua_open_addresses(lua_State *L);
void posta__lua_open_tls(lua_State *L);
void posta__lua_open_codecs(lua_State *L);

#endif
