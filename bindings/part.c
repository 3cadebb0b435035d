/* bindings: one part of a message: where its octets come from, and what is said about it. */
#include "lua_i.h"

#include "posta/port.h"

#include <string.h>

/* An option of the part as text. False: it has a NUL octet, and the box has the problem. */
static bool option(lua_State *L, posta__lua_box *b, int at, const char *key, const char **out) {
    size_t len = 0;
    lua_pushstring(L, key);
    lua_rawget(L, at);
    *out = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    lua_pop(L, 1); /* the table keeps it */
    if (*out == NULL || strlen(*out) == len) return true;
    posta__lua_blame(b, POSTA_E_FIELD, luaL_checkstring(L, 2), key, "has a NUL octet", NULL);
    return false;
}

static posta_encoding encoding_of(const char *word) {
    static const struct {
        const char *word;
        posta_encoding encoding;
    } rows[] = {
        {"7bit", POSTA_ENCODING_7BIT},
        {"8bit", POSTA_ENCODING_8BIT},
        {"quoted-printable", POSTA_ENCODING_QUOTED_PRINTABLE},
        {"base64", POSTA_ENCODING_BASE64},
        {"binary", POSTA_ENCODING_BINARY},
    };
    for (size_t i = 0; word != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(word, rows[i].word) == 0) return rows[i].encoding;
    }
    return POSTA_ENCODING_AUTO;
}

/* t[key] is a flat list: name, value, name, value. The array is a userdata on the stack. */
static bool fields(lua_State *L, posta__lua_box *b, int at, const char *key,
                   const posta_field **out, size_t *n_out) {
    lua_pushstring(L, key);
    lua_rawget(L, at);
    if (lua_type(L, -1) != LUA_TTABLE) return true;
    int list = lua_gettop(L);
    size_t n = lua_rawlen(L, list) / 2;
    if (n == 0 || n >= INT_MAX / 2) return true;
    posta_field *all = (posta_field *)lua_newuserdata(L, n * sizeof *all);
    for (size_t i = 0; i < 2 * n; i++) {
        size_t len = 0;
        lua_rawgeti(L, list, (int)i + 1);
        const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
        lua_pop(L, 1); /* the list keeps it */
        if (strlen(s) != len) {
            posta__lua_blame(b, POSTA_E_FIELD, luaL_checkstring(L, 2), key, "has a NUL octet",
                             NULL);
            return false;
        }
        *(i % 2 == 0 ? &all[i / 2].name : &all[i / 2].value) = s;
    }
    *out = all;
    *n_out = n;
    return true;
}

static bool options(lua_State *L, posta__lua_box *b, int at, posta_part_options *out) {
    const char *encoding = NULL;
    luaL_checktype(L, at, LUA_TTABLE);
    bool fine = option(L, b, at, "name", &out->name) && option(L, b, at, "type", &out->type) &&
                option(L, b, at, "charset", &out->charset) &&
                option(L, b, at, "disposition", &out->disposition) &&
                option(L, b, at, "description", &out->description) &&
                option(L, b, at, "content_id", &out->content_id) &&
                option(L, b, at, "language", &out->language) &&
                option(L, b, at, "encoding", &encoding);
    out->encoding = encoding_of(encoding);
    out->is_flowed = posta__lua_flag(L, at, "flowed");
    return fine && fields(L, b, at, "headers", &out->headers, &out->headers_n) &&
           fields(L, b, at, "parameters", &out->parameters, &out->parameters_n);
}

/* The body named by kind and the value at 5. Nothing may raise between a file's opening and the
 * setter that owns it, so this comes last. */
static bool body(lua_State *L, posta__lua_message *m, const char *kind, posta_body *out) {
    size_t len = 0;
    if (strcmp(kind, "data") == 0) {
        const char *bytes = luaL_checklstring(L, 5, &len);
        posta__lua_keep(L, 1, ++m->bodies, 5);
        *out = posta_body_data(bytes, len);
        return true;
    }
    if (strcmp(kind, "slot") == 0) {
        lua_Number n = luaL_optnumber(L, 5, -1);
        *out = posta_body_slot(n >= 0 && n <= 9007199254740992.0 ? (uint64_t)n : POSTA_LEN_UNKNOWN);
        return true;
    }
    luaL_argcheck(L, strcmp(kind, "file") == 0, 4, "body kind expected");
    const char *label = luaL_checkstring(L, 2);
    const char *path = luaL_checklstring(L, 5, &len);
    const char *why = NULL;
    posta_source source;
    if (strlen(path) != len) {
        posta__lua_blame(m->box, POSTA_E_FIELD, label, "file", "has a NUL octet", NULL);
        return false;
    }
    posta_status status = posta_file_source(&m->box->place.port, path, &source, &why);
    if (status != POSTA_OK) {
        posta__lua_blame(m->box, status, label, "file", why ? why : posta_status_text(status),
                         path);
        return false;
    }
    *out = posta_body_source(source);
    return true;
}

/* part(m, label, use, kind, value, options, method) -> true, and of a leaf the part; or false, and
 * problem(m) tells.
 *   use   "text" "html" "inline" "attachment" "raw" "raw-strict" "calendar" "leaf"
 *   kind  "data": value is the bytes; "file": a path; "slot": the length or nil */
int posta__lua_message_part(lua_State *L) {
    static const char *const uses[] = {"text",       "html",     "inline", "attachment", "raw",
                                       "raw-strict", "calendar", "leaf",   NULL};
    posta__lua_message *m = posta__lua_message_idle(L, 1);
    posta_message *to = m->box->message;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_part *part = NULL;
    posta_body b;
    luaL_checkstack(L, 12, "posta.message");
    const char *label = luaL_checkstring(L, 2);
    int use = luaL_checkoption(L, 3, NULL, uses);
    const char *kind = luaL_checkstring(L, 4);
    lua_settop(L, 7);
    const char *method = luaL_optstring(L, 7, "");
    if (!options(L, m->box, 6, &o) || !body(L, m, kind, &b)) {
        lua_pushboolean(L, false);
        return 1;
    }
    posta_message_label(to, label);
    posta_status status = POSTA_E_ARGUMENT;
    switch (use) {
    case 0: status = posta_message_text(to, b, &o); break;
    case 1: status = posta_message_html(to, b, &o); break;
    case 2: status = posta_message_inline(to, b, &o); break;
    case 3: status = posta_message_attach(to, b, &o); break;
    case 4: status = posta_message_raw(to, b, POSTA_LINE_ENDS_FIX); break;
    case 5: status = posta_message_raw(to, b, POSTA_LINE_ENDS_REJECT); break;
    case 6: status = posta_message_calendar(to, b, method, &o); break;
    default: status = posta_message_leaf(to, b, &o, &part); break;
    }
    posta__lua_setter_answer(L, status);
    if (part == NULL) return 1;
    lua_pushlightuserdata(L, part);
    return 2;
}

/* text_from_html(m, label, options) */
static int message_text_from_html(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_part_options o = POSTA_PART_OPTIONS;
    luaL_checkstack(L, 10, "posta.message");
    if (!options(L, b, 3, &o)) return posta__lua_setter_refuse(L);
    posta_message_label(b->message, luaL_checkstring(L, 2));
    return posta__lua_setter_answer(L, posta_message_text_from_html(b->message, &o));
}

/* embed(m, label, base) */
static int message_embed(lua_State *L) {
    posta__lua_box *b;
    posta_embed_options o = POSTA_EMBED_OPTIONS;
    o.base = posta__lua_setter_begin(L, &b, 3);
    if (o.base == NULL) return posta__lua_setter_refuse(L);
    o.open = posta_file_open;
    o.user = &b->place.port;
    return posta__lua_setter_answer(L, posta_message_embed(b->message, &o));
}

/* file_head(m, path) -> the first octets of a file, for what is told by its begin; nil when it
 * cannot be read: the setter that gets the path says why. */
static int message_file_head(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    const char *path = luaL_checkstring(L, 2);
    uint8_t head[2048];
    posta_window w = {head, sizeof head, 0, 0};
    posta_source source;
    posta_status status = posta_file_source(&b->place.port, path, &source, NULL);
    if (status != POSTA_OK) return 0;
    while (status == POSTA_OK && w.len < w.cap)
        status = source.pull(source.user, &w);
    if (source.close) source.close(source.user);
    if (status != POSTA_OK && status != POSTA_END) return 0;
    lua_pushlstring(L, (const char *)head, w.len);
    return 1;
}

/* ---- trees: parts are light userdata, good while the message is built ---- */

static posta_part *part_at(lua_State *L, int at) {
    luaL_checktype(L, at, LUA_TLIGHTUSERDATA);
    return (posta_part *)lua_touserdata(L, at);
}

static int answer_part(lua_State *L, posta_status status, posta_part *part) {
    posta__lua_setter_answer(L, status);
    if (status != POSTA_OK) return 1;
    lua_pushlightuserdata(L, part);
    return 2;
}

/* multipart(m, label, options) -> true, part; or false */
static int message_multipart(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_part *part = NULL;
    luaL_checkstack(L, 10, "posta.message");
    if (!options(L, b, 3, &o)) return posta__lua_setter_refuse(L);
    posta_message_label(b->message, luaL_checkstring(L, 2));
    posta_status status = posta_message_multipart(b->message, &o, &part);
    return answer_part(L, status, part);
}

/* enclose(m, label, other, options) -> true, part; or false */
static int message_enclose(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta__lua_box *other = posta__lua_message_idle(L, 3)->box;
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_part *part = NULL;
    luaL_checkstack(L, 10, "posta.message");
    if (!options(L, b, 4, &o)) return posta__lua_setter_refuse(L);
    posta_message_label(b->message, luaL_checkstring(L, 2));
    posta_status status = posta_message_enclose(b->message, other->message, &o, &part);
    if (status == POSTA_OK) {
        other->refs++;
        other->next_enclosed = b->enclosed;
        b->enclosed = other;
    }
    return answer_part(L, status, part);
}

/* add(m, multipart, part) */
static int message_add(lua_State *L) {
    posta__lua_message_idle(L, 1);
    return posta__lua_setter_answer(L, posta_part_add(part_at(L, 2), part_at(L, 3)));
}

/* tree(m, part) */
static int message_tree(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    return posta__lua_setter_answer(L, posta_message_tree(b->message, part_at(L, 2)));
}

/* attach_part(m, part) */
static int message_attach_part(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    return posta__lua_setter_answer(L, posta_message_attach_part(b->message, part_at(L, 2)));
}

const luaL_Reg posta__lua_message_tree[] = {
    {"multipart", message_multipart},
    {"enclose", message_enclose},
    {"add", message_add},
    {"tree", message_tree},
    {"attach_part", message_attach_part},
    {"embed", message_embed},
    {"file_head", message_file_head},
    {"text_from_html", message_text_from_html},
    {NULL, NULL},
};
