/* bindings: addresses, read by the parser that messages use. */
#include "lua_i.h"

#include "../core/codec/codec_i.h"

/* The arena is one userdata: what is read never outgrows a few copies of the text. */
static void *scratch(lua_State *L, size_t len, size_t *cap_out) {
    *cap_out = len > (SIZE_MAX - 4096) / 4 ? len : 4 * len + 4096;
    return lua_newuserdata(L, *cap_out);
}

static void set_span(lua_State *L, const char *key, posta_span s) {
    lua_pushstring(L, key);
    lua_pushlstring(L, s.len > 0 ? (const char *)s.p : "", s.len);
    lua_rawset(L, -3);
}

static void push_address(lua_State *L, const posta__address *a) {
    static const char *const kinds[] = {"mailbox", "group", "end"};
    lua_createtable(L, 0, 5);
    posta__lua_set_text(L, "kind", kinds[a->kind]);
    if (a->name.len > 0) set_span(L, "name", a->name);
    if (a->kind != POSTA__MAILBOX) return;
    set_span(L, "local_part", a->local);
    set_span(L, "domain", a->domain);
    size_t cap = 2 * a->local.len + a->domain.len + 8;
    posta_window w = {(uint8_t *)lua_newuserdata(L, cap), cap, 0, 0};
    posta__path_put(&w, a);
    lua_insert(L, -2);
    set_span(L, "address", (posta_span){w.p, w.len});
    lua_remove(L, -2);
}

static int refuse(lua_State *L, posta_status status, const posta__address_fault *fault) {
    if (status == POSTA_E_MEMORY) return luaL_error(L, "posta.address: out of memory");
    lua_pushnil(L);
    lua_pushstring(L, fault->why != NULL ? fault->why : posta_status_text(status));
    lua_pushnumber(L, (lua_Number)fault->at + 1);
    return 3;
}

/* list(text) -> { entry, ... }; or nil, why, at. Groups come as a begin and an end. */
static int address_list(lua_State *L) {
    size_t len;
    size_t cap;
    const char *text = luaL_checklstring(L, 1, &len);
    posta__address_reader r;
    posta_arena arena;
    posta__address a;
    luaL_checkstack(L, 10, "posta.address");
    void *mem = scratch(L, len, &cap);
    lua_newtable(L);
    posta__address_reader_init(&r, posta__span(text, len));
    for (int n = 1;; n++) {
        posta__address_fault fault = {0};
        posta__arena_init(&arena, NULL, mem, cap, 0);
        posta_status status = posta__address_next(&r, &arena, &a, &fault);
        if (status == POSTA_END) return 1;
        if (status != POSTA_OK) return refuse(L, status, &fault);
        push_address(L, &a);
        lua_rawseti(L, -2, n);
    }
}

/* A domain beyond ASCII is asked for its A-labels, as a message does it when an address is given.
 */
static posta_status look_up(posta_span path, const posta__address *a, posta__address_fault *fault) {
    uint8_t store[POSTA_MAX_DOMAIN];
    posta_window w = {store, sizeof store, 0, 0};
    if (posta__is_ascii(a->domain)) return POSTA_OK;
    posta_status status = posta__domain_to_ascii(a->domain, posta_port_default(), &w, fault);
    if (status == POSTA_E_LIMIT) fault->why = "has a domain over 255 octets, written as ASCII";
    fault->at = path.len - a->domain.len;
    return status == POSTA_E_NOT_BUILT ? POSTA_OK : status;
}

static int one(lua_State *L, bool is_path) {
    size_t len;
    size_t cap;
    const char *text = luaL_checklstring(L, 1, &len);
    posta_arena arena;
    posta__address a;
    posta__address_fault fault = {0};
    luaL_checkstack(L, 10, "posta.address");
    void *mem = scratch(L, len, &cap);
    posta_span in = posta__span(text, len);
    posta__arena_init(&arena, NULL, mem, cap, 0);
    posta_status status = is_path ? posta__path_parse(in, 0, &arena, &a, &fault)
                                  : posta__mailbox_parse(in, &arena, &a, &fault);
    if (status == POSTA_OK && is_path) status = look_up(in, &a, &fault);
    if (status != POSTA_OK) return refuse(L, status, &fault);
    push_address(L, &a);
    return 1;
}

/* mailbox(text) -> entry; or nil, why, at */
static int address_mailbox(lua_State *L) {
    return one(L, false);
}

/* path(text) -> entry, for a bare address as MAIL and RCPT take it; or nil, why, at */
static int address_path(lua_State *L) {
    return one(L, true);
}

static const luaL_Reg functions[] = {
    {"list", address_list},
    {"mailbox", address_mailbox},
    {"path", address_path},
    {NULL, NULL},
};

void posta__lua_open_addresses(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
}
