/* bindings: plain values across the border. */
#include "lua_i.h"

#include <string.h>

/* ---- from Lua ---- */

static int get(lua_State *L, int at, const char *key) {
    at = lua_absindex(L, at);
    lua_pushstring(L, key);
    lua_rawget(L, at);
    return lua_type(L, -1);
}

const char *posta__lua_text(lua_State *L, int at, const char *key) {
    const char *s = NULL;
    size_t len = 0;
    if (get(L, at, key) == LUA_TSTRING) s = lua_tolstring(L, -1, &len);
    if (s != NULL && strlen(s) != len) luaL_error(L, "%s: has a NUL octet", key);
    lua_pop(L, 1);
    return s;
}

bool posta__lua_flag(lua_State *L, int at, const char *key) {
    get(L, at, key);
    bool flag = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return flag;
}

uint64_t posta__lua_number(lua_State *L, int at, const char *key, uint64_t max, uint64_t fallback) {
    int type = get(L, at, key);
    lua_Number n = type == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    lua_pop(L, 1);
    if (type == LUA_TNIL) return fallback;
    if (type != LUA_TNUMBER || !(n >= 0 && n <= (lua_Number)max)) {
        luaL_error(L, "%s: expected a number from 0", key);
    }
    return (uint64_t)n;
}

static void timeouts(lua_State *L, int at, posta_timeouts *t) {
    const struct {
        const char *key;
        uint32_t *ms;
    } rows[] = {
        {"resolve", &t->resolve},   {"connect", &t->connect}, {"tls", &t->tls},
        {"greeting", &t->greeting}, {"command", &t->command}, {"data", &t->data},
        {"block", &t->block},       {"result", &t->result},   {"quit", &t->quit},
        {"total", &t->total},
    };
    if (get(L, at, "timeouts") == LUA_TTABLE) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            *rows[i].ms = (uint32_t)posta__lua_number(L, -1, rows[i].key, UINT32_MAX, *rows[i].ms);
        }
    }
    lua_pop(L, 1);
}

void posta__lua_engine_config(lua_State *L, int at, posta_engine_config *out) {
    timeouts(L, at, &out->timeouts);
    out->trace = posta__lua_flag(L, at, "trace");
    out->no_pipelining = posta__lua_flag(L, at, "no_pipelining");
    out->chunking = posta__lua_flag(L, at, "by_chunks");
    out->lmtp = posta__lua_flag(L, at, "is_lmtp");
    if (posta__lua_flag(L, at, "abort_on_refused")) out->on_refused = POSTA_REFUSED_ABORT;
}

/* ---- to Lua ---- */

void posta__lua_set_text(lua_State *L, const char *key, const char *text) {
    lua_pushstring(L, key);
    lua_pushstring(L, text);
    lua_rawset(L, -3);
}

void posta__lua_set_number(lua_State *L, const char *key, double n) {
    lua_pushstring(L, key);
    lua_pushnumber(L, (lua_Number)n);
    lua_rawset(L, -3);
}

void posta__lua_set_flag(lua_State *L, const char *key, bool flag) {
    lua_pushstring(L, key);
    lua_pushboolean(L, flag);
    lua_rawset(L, -3);
}

/* Counts are whole numbers where Lua has them: 250, never 250.0. */
/* An integer where it fits into one, else the nearest number. */
void posta__lua_push_count(lua_State *L, uint64_t n) {
    lua_Integer whole = (lua_Integer)n;
    if (whole >= 0 && (uint64_t)whole == n)
        lua_pushinteger(L, whole);
    else
        lua_pushnumber(L, (lua_Number)n);
}

void posta__lua_set_integer(lua_State *L, const char *key, uint64_t n) {
    lua_pushstring(L, key);
    posta__lua_push_count(L, n);
    lua_rawset(L, -3);
}

int posta__lua_push_status(lua_State *L, posta_status status) {
    lua_pushstring(L, posta_status_code(status));
    return 1;
}

void posta__lua_push_reply(lua_State *L, const posta_reply *reply) {
    if (reply->code == 0) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 3);
    posta__lua_set_integer(L, "code", reply->code);
    if (reply->enhanced[0] != 0) posta__lua_set_enhanced(L, reply);
    posta__lua_set_text(L, "text", reply->text);
}

static void set_reply(lua_State *L, const posta_reply *reply) {
    lua_pushliteral(L, "reply");
    posta__lua_push_reply(L, reply);
    lua_rawset(L, -3);
}

static const char *recipient_word(posta_recipient_status status) {
    switch (status) {
    case POSTA_RECIPIENT_NOT_SENT: return "not_sent";
    case POSTA_RECIPIENT_REFUSED: return "refused";
    case POSTA_RECIPIENT_ACCEPTED: return "accepted";
    case POSTA_RECIPIENT_UNKNOWN: return "unknown";
    }
    return "unknown";
}

static const char *retry_word(posta_retry retry) {
    switch (retry) {
    case POSTA_RETRY_SAFE: return "safe";
    case POSTA_RETRY_DUPLICATE_RISK: return "duplicate_risk";
    case POSTA_RETRY_POINTLESS: return "pointless";
    }
    return "duplicate_risk";
}

static const char *delivery_word(posta_delivery outcome) {
    switch (outcome) {
    case POSTA_DELIVERY_NOT_SENT: return "not_sent";
    case POSTA_DELIVERY_ACCEPTED: return "accepted";
    case POSTA_DELIVERY_PARTIAL: return "partial";
    case POSTA_DELIVERY_UNKNOWN: return "unknown";
    }
    return "unknown";
}

static void push_recipients(lua_State *L, const posta_receipt *r) {
    int n = r->recipients_n < INT_MAX ? (int)r->recipients_n : INT_MAX;
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        const posta_recipient *one = &r->recipients[i];
        lua_createtable(L, 0, 4);
        posta__lua_set_text(L, "address", one->address);
        posta__lua_set_text(L, "status", recipient_word(one->status));
        posta__lua_set_text(L, "retry", retry_word(one->retry));
        set_reply(L, &one->reply);
        lua_rawseti(L, -2, i + 1);
    }
}

/* false while there was none; reason only where something was against the peer. */
void posta__lua_set_tls(lua_State *L, const posta_tls_info *tls) {
    static const char *const insecure[] = {"insecure_no_verify", "insecure_any_name", "insecure_cn",
                                           "insecure_no_time"};
    int n = 0;
    lua_pushliteral(L, "tls");
    if (tls->is_on) {
        lua_createtable(L, 0, 4);
        posta__lua_set_text(L, "version", tls->version);
        posta__lua_set_text(L, "cipher", tls->cipher);
        posta__lua_set_flag(L, "verified", tls->is_verified);
        if (tls->reason != POSTA_OK)
            posta__lua_set_text(L, "reason", posta_status_code(tls->reason));
    } else {
        lua_pushboolean(L, false);
    }
    lua_rawset(L, -3);
    lua_pushliteral(L, "insecure");
    lua_newtable(L);
    for (size_t i = 0; i < sizeof insecure / sizeof insecure[0]; i++) {
        if (!(tls->insecure & 1u << i)) continue;
        lua_pushstring(L, insecure[i]);
        lua_rawseti(L, -2, ++n);
    }
    lua_rawset(L, -3);
}

posta_security posta__lua_security(lua_State *L, int at, const char *key) {
    const char *word = posta__lua_text(L, at, key);
    if (word == NULL) return POSTA_SECURITY_DEFAULT;
    if (strcmp(word, "none") == 0) return POSTA_SECURITY_NONE;
    if (strcmp(word, "opportunistic") == 0) return POSTA_SECURITY_OPPORTUNISTIC;
    if (strcmp(word, "starttls") == 0) return POSTA_SECURITY_STARTTLS;
    return POSTA_SECURITY_TLS;
}

void posta__lua_push_receipt(lua_State *L, const posta_receipt *r) {
    luaL_checkstack(L, 10, "posta.receipt");
    lua_createtable(L, 0, 18);
    posta__lua_set_text(L, "status", posta_status_code(r->status));
    posta__lua_set_text(L, "code", posta_receipt_code(r));
    posta__lua_set_text(L, "stage", r->stage == POSTA_PHASE_NONE ? "" : posta_phase_name(r->stage));
    posta__lua_set_text(L, "outcome", delivery_word(r->outcome));
    posta__lua_set_text(L, "retry", retry_word(r->retry));
    posta__lua_set_flag(L, "temporary", r->temporary);
    set_reply(L, &r->reply);
    lua_pushliteral(L, "recipients");
    push_recipients(L, r);
    lua_rawset(L, -3);
    posta__lua_set_integer(L, "bytes", r->bytes);
    posta__lua_set_number(L, "duration", (double)r->duration_ms / 1000.0);
    posta__lua_set_text(L, "message_id", r->message_id);
    posta__lua_set_text(L, "field", r->field);
    posta__lua_set_text(L, "message", r->message);
    posta__lua_set_text(L, "hint", r->hint);
    posta__lua_set_text(L, "transcript", r->transcript);
    posta__lua_set_tls(L, &r->tls);
}

/* The names that handlers are registered under: the design's chapter 5. */
static const char *event_word(posta_event_type type) {
    static const char *const words[] = {
        [POSTA_EVENT_NONE] = "none",
        [POSTA_EVENT_TRACE] = "trace",
        [POSTA_EVENT_CONNECTED] = "connected",
        [POSTA_EVENT_SENDER_ACK] = "sender_ack",
        [POSTA_EVENT_RECIPIENT_ACK] = "recipient_ack",
        [POSTA_EVENT_BEGIN_ACK] = "begin_ack",
        [POSTA_EVENT_END_ACK] = "end_ack",
        [POSTA_EVENT_RESET] = "reset",
        [POSTA_EVENT_NOOP_ACK] = "noop_ack",
        [POSTA_EVENT_DISCONNECTED] = "disconnected",
        [POSTA_EVENT_SERVER_ERROR] = "server_error",
        [POSTA_EVENT_SERVER_RETRY] = "server_retry",
        [POSTA_EVENT_TIMEOUT] = "timeout",
        [POSTA_EVENT_FAILED] = "failed",
        [POSTA_EVENT_AUTH_OK] = "auth_ok",
        [POSTA_EVENT_AUTH_FAIL] = "auth_fail",
        [POSTA_EVENT_SECURE_OK] = "secure_ok",
        [POSTA_EVENT_SECURE_FAIL] = "secure_fail",
        [POSTA_EVENT_COMMAND_ACK] = "command_ack",
        [POSTA_EVENT_SENT] = "sent",
    };
    if ((size_t)type >= sizeof words / sizeof words[0]) return "none";
    return words[type];
}

/* reply = { code =, text = } of the table on top; without one there is none. */
static void set_event_reply(lua_State *L, const posta_event *e) {
    if (e->code == 0) return;
    lua_pushliteral(L, "reply");
    lua_createtable(L, 0, 3);
    posta__lua_set_integer(L, "code", e->code);
    lua_pushliteral(L, "text");
    lua_pushlstring(L, e->text.len > 0 ? (const char *)e->text.p : "", e->text.len);
    lua_rawset(L, -3);
    lua_rawset(L, -3);
}

void posta__lua_set_enhanced(lua_State *L, const posta_reply *reply) {
    lua_pushliteral(L, "enhanced");
    lua_pushfstring(L, "%d.%d.%d", (int)reply->enhanced[0], (int)reply->enhanced[1],
                    (int)reply->enhanced[2]);
    lua_rawset(L, -3);
}

int posta__lua_push_event(lua_State *L, const posta_event *e) {
    luaL_checkstack(L, 10, "posta.event");
    lua_pushstring(L, event_word(e->type));
    lua_createtable(L, 0, 6);
    if (e->type == POSTA_EVENT_TRACE) {
        char direction[2] = {e->direction, '\0'};
        posta__lua_set_text(L, "direction", direction);
    } else {
        posta__lua_set_text(L, "action", posta_phase_name(e->action));
        posta__lua_set_text(L, "status", posta_status_code(e->status));
        posta__lua_set_integer(L, "code", e->code);
        posta__lua_set_flag(L, "temporary", e->code / 100 == 4);
        if (e->recipient < INT_MAX) {
            posta__lua_set_integer(L, "recipient", (uint64_t)e->recipient + 1);
        }
        set_event_reply(L, e);
    }
    lua_pushliteral(L, "text");
    lua_pushlstring(L, e->text.len > 0 ? (const char *)e->text.p : "", e->text.len);
    lua_rawset(L, -3);
    return 2;
}
