/* bindings: reading a message: as a whole, piece by piece, and by the model's two calls. */
#include "lua_i.h"

#define PIECE      8192u
#define MAX_LENGTH (1 << 24) /* bytes that one header(n) or body(n) may ask for */

/* For a reader who is no server: addresses in ASCII where they can be. */
static posta_status compose(posta_message *m, posta_compose_options *o, posta_source *source) {
    posta_status status = posta_message_compose(m, o, source, NULL);
    if (o->may_utf8 || (status != POSTA_E_EXTENSION && status != POSTA_E_NOT_BUILT)) return status;
    o->may_utf8 = true;
    return posta_message_compose(m, o, source, NULL);
}

/* open(m) -> how often it was composed; or nil, status. Composes from the beginning. */
static int message_open(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    posta_source source = {0};
    b->source.pull = NULL;
    posta_status status = compose(b->message, &options, &source);
    if (status != POSTA_OK) {
        lua_pushnil(L);
        return 1 + posta__lua_push_status(L, status);
    }
    b->source = source;
    b->composed++;
    lua_pushnumber(L, (lua_Number)b->composed);
    return 1;
}

/* check(m) -> true when it can be composed for a server that takes all; else false, status.
 * Nothing is read that cannot be read again. */
static int message_check(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    posta_source source = {0};
    options.may_8bit = true;
    options.may_utf8 = true;
    b->source.pull = NULL;
    b->composed++;
    posta_status status = posta_message_compose(b->message, &options, &source, NULL);
    lua_pushboolean(L, status == POSTA_OK);
    return 1 + posta__lua_push_status(L, status);
}

/* pull(m, composed) -> bytes; or nil, "end", "again" (a slot waits), "state" (composed anew by
 * another), or a fault. */
static int message_pull(lua_State *L) {
    posta__lua_box *b = posta__lua_message_check(L, 1)->box;
    uint8_t piece[PIECE];
    posta_window w = {piece, sizeof piece, 0, 0};
    posta_status status = POSTA_E_STATE;
    if (b->source.pull != NULL && luaL_checknumber(L, 2) == (lua_Number)b->composed) {
        do {
            status = b->source.pull(b->source.user, &w);
        } while (status == POSTA_OK && w.cap - w.len >= 4);
        /* The end is said by the next call when bytes came with it; so is a fault. */
        if (status != POSTA_OK && status != POSTA_AGAIN && w.len == 0) b->source.pull = NULL;
    }
    if (w.len > 0) {
        if (status == POSTA_END) b->source.pull = NULL;
        lua_pushlstring(L, (const char *)piece, w.len);
        if (status == POSTA_OK) return 1;
        return 1 + posta__lua_push_status(L, status);
    }
    lua_pushnil(L);
    return 1 + posta__lua_push_status(L, status);
}

/* `at`: where this reading is midway. Composed anew since, it would begin anew, unseen. */
static int read_some(lua_State *L, posta__lua_box *b, uint64_t *at,
                     posta_status (*read)(posta_message *, void *, size_t, size_t *)) {
    lua_Number asked = luaL_optnumber(L, 2, PIECE);
    luaL_argcheck(L, asked >= 1 && asked <= MAX_LENGTH, 2, "expected 1 to 16777216 octets");
    size_t cap = (size_t)asked;
    size_t n = 0;
    void *out = lua_newuserdata(L, cap);
    posta_status status = POSTA_E_STATE;
    b->source.pull = NULL;
    if (*at == 0 || *at == b->composed + 1) status = read(b->message, out, cap, &n);
    if (status != POSTA_AGAIN) *at = n > 0 ? b->composed + 1 : 0;
    if (n > 0) {
        lua_pushlstring(L, (const char *)out, n);
        return 1;
    }
    lua_pushnil(L);
    return 1 + posta__lua_push_status(L, status == POSTA_OK ? POSTA_END : status);
}

/* mime_header(m, n) -> at most n bytes; or nil, "end" or a fault */
static int message_mime_header(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    return read_some(L, b, &b->header_at, posta_mime_get_header);
}

/* mime_body(m, n) -> the same; "again": a slot waits */
static int message_mime_body(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    return read_some(L, b, &b->body_at, posta_mime_get_body);
}

/* envelope(m) -> from, { address, ... }; or nil */
static int message_envelope(lua_State *L) {
    posta__lua_box *b = posta__lua_message_check(L, 1)->box;
    posta_envelope e;
    if (posta_message_envelope(b->message, &e) != POSTA_OK || e.to_n >= INT_MAX) return 0;
    lua_pushstring(L, e.from);
    lua_createtable(L, (int)e.to_n, 0);
    for (size_t i = 0; i < e.to_n; i++) {
        lua_pushstring(L, e.to[i].address);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 2;
}

/* id_of(m) -> the Message-ID with brackets; nil before composing and for raw */
static int message_id_of(lua_State *L) {
    const char *id = posta_message_id_of(posta__lua_message_check(L, 1)->box->message);
    if (id == NULL) return 0;
    lua_pushstring(L, id);
    return 1;
}

/* size(m, may_8bit, may_utf8) -> octets; true when they are not known; or false, status */
static int message_size(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_compose_options options = POSTA_COMPOSE_OPTIONS;
    posta_source source = {0};
    uint64_t len;
    options.may_8bit = lua_toboolean(L, 2) != 0;
    options.may_utf8 = lua_toboolean(L, 3) != 0;
    b->source.pull = NULL;
    b->composed++;
    posta_status status = compose(b->message, &options, &source);
    len = source.len;
    if (status != POSTA_OK) {
        lua_pushboolean(L, false);
        return 1 + posta__lua_push_status(L, status);
    }
    if (len == POSTA_LEN_UNKNOWN)
        lua_pushboolean(L, true);
    else
        posta__lua_push_count(L, len);
    return 1;
}

#define FINDINGS     64u
#define MAX_FINDINGS 10000u

/* findings(m, size_max, is_bulk, may_8bit, may_utf8) -> list of { severity =, code =, place =, text
 * = } */
static int message_findings(lua_State *L) {
    static const char *const severities[] = {"note", "warning", "error"};
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_check_options options = POSTA_CHECK_OPTIONS;
    lua_settop(L, 5); /* what is left out is nil, and not the findings */
    posta_finding *all = (posta_finding *)lua_newuserdata(L, FINDINGS * sizeof *all);
    size_t n = 0;
    options.size_max = (uint64_t)luaL_optnumber(L, 2, 0);
    options.is_bulk = lua_toboolean(L, 3) != 0;
    options.may_8bit = lua_toboolean(L, 4) != 0;
    options.may_utf8 = lua_toboolean(L, 5) != 0;
    b->source.pull = NULL;
    b->composed++;
    posta_message_check(b->message, &options, all, FINDINGS, &n);
    if (n > FINDINGS) { /* an error may be the last of them */
        size_t cap = n < MAX_FINDINGS ? n : MAX_FINDINGS;
        all = (posta_finding *)lua_newuserdata(L, cap * sizeof *all);
        posta_message_check(b->message, &options, all, cap, &n);
        if (n > cap) n = cap;
    }
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_createtable(L, 0, 4);
        posta__lua_set_text(L, "severity", severities[all[i].severity]);
        posta__lua_set_text(L, "code", all[i].code);
        posta__lua_set_text(L, "place", all[i].place);
        posta__lua_set_text(L, "text", all[i].text);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

const luaL_Reg posta__lua_message_reading[] = {
    {"open", message_open},           {"check", message_check},
    {"pull", message_pull},           {"mime_header", message_mime_header},
    {"mime_body", message_mime_body}, {"envelope", message_envelope},
    {"id_of", message_id_of},         {"size", message_size},
    {"findings", message_findings},   {NULL, NULL},
};
