/* bindings: posta/codec.h: encoders and decoders, piece by piece. */
#include "lua_i.h"

#include "posta/codec.h"

#define TYPE "posta.codec"

static posta_codec *codec_at(lua_State *L) {
    return (posta_codec *)luaL_checkudata(L, 1, TYPE);
}

/* begin(kind, flags) -> codec */
static int codec_begin(lua_State *L) {
    static const char *const kinds[] = {"base64", "unbase64", "qp", "unqp", NULL};
    static const posta_codec_kind all[] = {POSTA_BASE64_ENCODE, POSTA_BASE64_DECODE,
                                           POSTA_QP_ENCODE, POSTA_QP_DECODE};
    posta_codec_kind kind = all[luaL_checkoption(L, 1, NULL, kinds)];
    unsigned flags = (unsigned)luaL_checkinteger(L, 2);
    posta_codec *c = (posta_codec *)lua_newuserdata(L, sizeof *c);
    posta_status status = posta_codec_begin(c, kind, flags, posta_port_default()->kernels);
    luaL_argcheck(L, status == POSTA_OK, 2, "flags that do not go with the codec");
    luaL_getmetatable(L, TYPE);
    lua_setmetatable(L, -2);
    return 1;
}

static int refuse(lua_State *L, const posta_codec *c) {
    uint64_t at = 0;
    const char *why = posta_codec_why(c, &at);
    lua_pushnil(L);
    lua_pushstring(L, why != NULL ? why : "is refused");
    lua_pushnumber(L, (lua_Number)at + 1);
    return 3;
}

/* Calls step or end until all is given. */
static int drain(lua_State *L, posta_codec *c, posta_span *in) {
    luaL_Buffer b;
    posta_status status;
    luaL_buffinit(L, &b);
    do {
        posta_window w = {(uint8_t *)luaL_prepbuffer(&b), LUAL_BUFFERSIZE, 0, 0};
        status = in != NULL ? posta_codec_step(c, in, &w) : posta_codec_end(c, &w);
        luaL_addsize(&b, w.len);
    } while (status == POSTA_AGAIN);
    luaL_pushresult(&b);
    return status == POSTA_OK ? 1 : refuse(L, c);
}

/* step(codec, bytes) -> bytes; or nil, why, at */
static int codec_step(lua_State *L) {
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    posta_span in = {(const uint8_t *)bytes, len};
    return drain(L, codec_at(L), &in);
}

/* finish(codec) -> bytes; or nil, why, at */
static int codec_finish(lua_State *L) {
    return drain(L, codec_at(L), NULL);
}

/* ---- header text ---- */

/* Room for n octets, each of which becomes at most `times`, and some more. */
static posta_window room(lua_State *L, size_t n, size_t times) {
    size_t cap = n > (SIZE_MAX - 80) / times ? n : times * n + 80;
    return (posta_window){(uint8_t *)lua_newuserdata(L, cap), cap, 0, 0};
}

/* word_encode(text) -> text; nil: it has controls, or is no UTF-8 */
static int word_encode(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    posta_window w = room(L, len, 5);
    if (posta_word_encode((posta_span){(const uint8_t *)text, len}, &w) != POSTA_OK) return 0;
    lua_pushlstring(L, (const char *)w.p, w.len);
    return 1;
}

/* word_decode(text) -> text, number of words that are of an unknown charset */
static int word_decode(lua_State *L) {
    size_t len;
    size_t left = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    posta_window w = room(L, len, 3);
    posta_status status = posta_word_decode((posta_span){(const uint8_t *)text, len}, &w, &left);
    if (status != POSTA_OK)
        return luaL_error(L, "posta.encoded_word: %s", posta_status_text(status));
    lua_pushlstring(L, (const char *)w.p, w.len);
    lua_pushinteger(L, (lua_Integer)left);
    return 2;
}

static const luaL_Reg functions[] = {
    {"begin", codec_begin},       {"step", codec_step},         {"finish", codec_finish},
    {"word_encode", word_encode}, {"word_decode", word_decode}, {NULL, NULL},
};

void posta__lua_open_codecs(lua_State *L) {
    luaL_newmetatable(L, TYPE);
    posta__lua_set_text(L, "__metatable", TYPE);
    lua_pop(L, 1);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    posta__lua_set_integer(L, "TEXT", POSTA_CODEC_TEXT);
    posta__lua_set_integer(L, "WRAP", POSTA_CODEC_WRAP);
    posta__lua_set_integer(L, "STRICT", POSTA_CODEC_STRICT);
}
