/* bindings: a message's fields, its slots, its life. Parts are in part.c, reading in pull.c. */
#include "lua_i.h"

#include <string.h>

/* ---- life ---- */

static int message_new(lua_State *L) {
    posta__lua_message *m =
        (posta__lua_message *)posta__lua_handle_new(L, sizeof *m, POSTA__LUA_MESSAGE);
    posta__lua_place place;
    posta__lua_place_init(L, &place);
    posta__lua_box *b =
        (posta__lua_box *)place.port.allocate(&place, NULL, 0, sizeof(posta__lua_box));
    if (b == NULL) return luaL_error(L, "posta.message: out of memory");
    memset(b, 0, sizeof *b);
    b->refs = 1;
    posta__lua_place_init(L, &b->place);
    m->box = b;
    if (posta_message_new(&b->place.port, &b->message) != POSTA_OK) {
        posta__lua_box_release(&m->box);
        return luaL_error(L, "posta.message: out of memory");
    }
    return 1;
}

void posta__lua_box_release(posta__lua_box **box) {
    posta__lua_box *b = *box;
    *box = NULL;
    if (b == NULL || --b->refs > 0) return;
    posta_message_free(&b->message);
    while (b->enclosed != NULL) {
        posta__lua_box *inner = b->enclosed;
        b->enclosed = inner->next_enclosed;
        posta__lua_box_release(&inner); /* one in the other at most 40 deep */
    }
    posta__lua_place place = b->place;
    place.port.allocate(&place, b, sizeof *b, 0);
}

/* share(m) -> another handle of the same message, which is closed when both are. */
static int message_share(lua_State *L) {
    posta__lua_box *b = posta__lua_message_check(L, 1)->box;
    luaL_checkstack(L, 8, "posta.message");
    posta__lua_message *other =
        (posta__lua_message *)posta__lua_handle_new(L, sizeof *other, POSTA__LUA_MESSAGE);
    other->box = b;
    b->refs++;
    return 1;
}

static int message_gc(lua_State *L) {
    posta__lua_message *m = (posta__lua_message *)luaL_checkudata(L, 1, POSTA__LUA_MESSAGE);
    posta__lua_box_release(&m->box);
    return 0;
}

/* What is kept alive stays kept: a session may be reading it still. */
static int message_close(lua_State *L) {
    return message_gc(L);
}

posta__lua_message *posta__lua_message_check(lua_State *L, int at) {
    posta__lua_message *m = (posta__lua_message *)luaL_checkudata(L, at, POSTA__LUA_MESSAGE);
    if (m->box == NULL) luaL_error(L, "message is closed");
    return m;
}

posta__lua_message *posta__lua_message_idle(lua_State *L, int at) {
    posta__lua_message *m = posta__lua_message_check(L, at);
    if (m->box->is_busy) luaL_error(L, "message is being sent");
    return m;
}

static int message_tostring(lua_State *L) {
    posta__lua_message *m = (posta__lua_message *)luaL_checkudata(L, 1, POSTA__LUA_MESSAGE);
    if (m->box == NULL) {
        lua_pushliteral(L, "posta.message (closed)");
    } else {
        lua_pushfstring(L, "posta.message: %p", (const void *)m);
    }
    return 1;
}

static int message_is_closed(lua_State *L) {
    posta__lua_message *m = (posta__lua_message *)luaL_checkudata(L, 1, POSTA__LUA_MESSAGE);
    lua_pushboolean(L, m->box == NULL);
    return 1;
}

/* is_message(value): of any type */
static int message_is_message(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, POSTA__LUA_MESSAGE) != NULL);
    return 1;
}

static int message_is_busy(lua_State *L) {
    lua_pushboolean(L, posta__lua_message_check(L, 1)->box->is_busy);
    return 1;
}

/* ---- problems ---- */

static void append(posta_problem *p, const char *text) {
    size_t at = strlen(p->text);
    size_t n = strlen(text);
    size_t room = sizeof p->text - 1 - at;
    if (n > room) n = room;
    memcpy(p->text + at, text, n);
    p->text[at + n] = '\0';
}

/* A name from outside must not put a control into a terminal, nor half a character. */
static void append_clean(posta_problem *p, const char *text) {
    for (size_t n = 0; text[n] != '\0' && n < 100; n++) {
        char c[2] = {text[n], '\0'};
        if ((unsigned char)c[0] < 0x20 || (unsigned char)c[0] >= 0x7F) c[0] = '?';
        append(p, c);
    }
}

void posta__lua_blame(posta__lua_box *b, posta_status status, const char *label, const char *part,
                      const char *what, const char *value) {
    posta_problem *p = &b->problem;
    if (p->status != POSTA_OK) return;
    p->status = status;
    p->text[0] = '\0';
    append(p, label);
    if (part != NULL) {
        append(p, ".");
        append(p, part);
    }
    size_t n = strlen(p->text);
    if (n > sizeof p->field - 1) n = sizeof p->field - 1;
    memcpy(p->field, p->text, n);
    p->field[n] = '\0';
    append(p, ": ");
    if (value != NULL) {
        append(p, "\"");
        append_clean(p, value);
        append(p, "\": ");
    }
    append(p, what);
}

const char *posta__lua_message_text(lua_State *L, posta__lua_box *b, int label_at, int at) {
    size_t len;
    const char *s = luaL_checklstring(L, at, &len);
    if (strlen(s) == len) return s;
    posta__lua_blame(b, POSTA_E_FIELD, luaL_checkstring(L, label_at), NULL, "has a NUL octet",
                     NULL);
    return NULL;
}

/* problem(m) -> code, field, text; or nothing */
static int message_problem(lua_State *L) {
    posta__lua_box *b = posta__lua_message_check(L, 1)->box;
    const posta_problem *p = posta_message_problem(b->message);
    if (p->status == POSTA_OK) p = &b->problem;
    if (p->status == POSTA_OK) return 0;
    lua_pushstring(L, posta_status_code(p->status));
    lua_pushstring(L, p->field);
    lua_pushstring(L, p->text);
    return 3;
}

/* forget(m): what the binding itself refused, a file say; the message has not heard of it. */
static int message_forget(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    memset(&b->problem, 0, sizeof b->problem);
    return 0;
}

int posta__lua_setter_answer(lua_State *L, posta_status status) {
    if (status == POSTA_E_MEMORY) return luaL_error(L, "posta.message: out of memory");
    lua_pushboolean(L, status == POSTA_OK);
    return 1;
}

int posta__lua_setter_refuse(lua_State *L) {
    lua_pushboolean(L, false);
    return 1;
}

/* ---- fields: (m, label, ...) -> true, or false and then problem(m) tells ---- */

const char *posta__lua_setter_begin(lua_State *L, posta__lua_box **b_out, int text_at) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    const char *label = luaL_checkstring(L, 2);
    const char *text = posta__lua_message_text(L, b, 2, text_at);
    if (text != NULL) posta_message_label(b->message, label);
    *b_out = b;
    return text;
}

static posta_address_field address_field(lua_State *L, int at) {
    static const char *const names[] = {"from", "sender",        "reply_to",    "to",        "cc",
                                        "bcc",  "envelope_from", "envelope_to", "notify_to", NULL};
    static const posta_address_field fields[] = {
        POSTA_FROM, POSTA_SENDER,        POSTA_REPLY_TO,    POSTA_TO,       POSTA_CC,
        POSTA_BCC,  POSTA_ENVELOPE_FROM, POSTA_ENVELOPE_TO, POSTA_NOTIFY_TO};
    return fields[luaL_checkoption(L, at, NULL, names)];
}

/* addresses(m, label, field, list) */
static int message_addresses(lua_State *L) {
    posta__lua_box *b;
    posta_address_field field = address_field(L, 3);
    const char *list = posta__lua_setter_begin(L, &b, 4);
    if (list == NULL) return posta__lua_setter_refuse(L);
    return posta__lua_setter_answer(L, posta_message_addresses(b->message, field, list));
}

/* mailbox(m, label, field, address, name or nil) */
static int message_mailbox(lua_State *L) {
    posta__lua_box *b;
    posta_address_field field = address_field(L, 3);
    const char *address = posta__lua_setter_begin(L, &b, 4);
    const char *name = NULL;
    if (address == NULL) return posta__lua_setter_refuse(L);
    if (!lua_isnoneornil(L, 5)) {
        name = posta__lua_message_text(L, b, 2, 5);
        if (name == NULL) return posta__lua_setter_refuse(L);
    }
    return posta__lua_setter_answer(L, posta_message_mailbox(b->message, field, name, address));
}

static int message_subject(lua_State *L) {
    posta__lua_box *b;
    const char *text = posta__lua_setter_begin(L, &b, 3);
    return text == NULL ? posta__lua_setter_refuse(L)
                        : posta__lua_setter_answer(L, posta_message_subject(b->message, text));
}

static int message_id(lua_State *L) {
    posta__lua_box *b;
    const char *text = posta__lua_setter_begin(L, &b, 3);
    return text == NULL ? posta__lua_setter_refuse(L)
                        : posta__lua_setter_answer(L, posta_message_id(b->message, text));
}

/* date(m, label, seconds or text) */
static int message_date(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    if (lua_type(L, 3) == LUA_TNUMBER) {
        /* A double holds every second of the years 1900 to 9999, so the range is what must be
         * looked at before the conversion; NaN fails both comparisons. */
        lua_Number seconds = lua_tonumber(L, 3);
        if (!(seconds >= -1e12 && seconds <= 1e12)) {
            posta__lua_blame(b, POSTA_E_FIELD, luaL_checkstring(L, 2), NULL,
                             "is not a time in the years 1900 to 9999", NULL);
            return posta__lua_setter_refuse(L);
        }
        int64_t whole = (int64_t)seconds;
        if ((lua_Number)whole > seconds) whole--;
        posta_message_label(b->message, luaL_checkstring(L, 2));
        return posta__lua_setter_answer(L, posta_message_date(b->message, whole));
    }
    const char *text = posta__lua_setter_begin(L, &b, 3);
    return text == NULL ? posta__lua_setter_refuse(L)
                        : posta__lua_setter_answer(L, posta_message_date_text(b->message, text));
}

/* header(m, label, name, value) */
static int message_header(lua_State *L) {
    posta__lua_box *b;
    const char *name = posta__lua_setter_begin(L, &b, 3);
    const char *value = name == NULL ? NULL : posta__lua_message_text(L, b, 2, 4);
    if (value == NULL) return posta__lua_setter_refuse(L);
    return posta__lua_setter_answer(L, posta_message_header(b->message, name, value));
}

/* ---- slots: numbered from 1 ---- */

/* wanted(m) -> slot or nil */
static int message_wanted(lua_State *L) {
    size_t slot = posta_message_wanted(posta__lua_message_check(L, 1)->box->message);
    if (slot == POSTA_NO_SLOT || slot >= INT_MAX) return 0;
    lua_pushinteger(L, (lua_Integer)slot + 1);
    return 1;
}

static size_t slot_at(lua_State *L, int at) {
    lua_Integer slot = luaL_checkinteger(L, at);
    luaL_argcheck(L, slot >= 1 && slot < INT_MAX, at, "no such slot");
    return (size_t)slot - 1;
}

/* feed(m, slot, bytes) -> status. The bytes are kept until the slot is fed again. */
static int message_feed(lua_State *L) {
    posta_message *m = posta__lua_message_check(L, 1)->box->message;
    size_t slot = slot_at(L, 2);
    size_t len;
    const char *bytes = luaL_checklstring(L, 3, &len);
    /* Not wanted: what was fed before may be in use still and must stay kept. */
    if (posta_message_wanted(m) != slot) return posta__lua_push_status(L, POSTA_E_STATE);
    posta__lua_keep(L, 1, -(int)slot - 1, 3);
    return posta__lua_push_status(L, posta_message_feed(m, slot, bytes, len));
}

static int message_finish(lua_State *L) {
    posta_message *m = posta__lua_message_check(L, 1)->box->message;
    size_t slot = slot_at(L, 2);
    posta_status status = posta_message_finish(m, slot);
    if (status == POSTA_OK) posta__lua_unkeep(L, 1, -(int)slot - 1);
    return posta__lua_push_status(L, status);
}

/* fail(m, slot, why) */
static int message_fail(lua_State *L) {
    posta_message *m = posta__lua_message_check(L, 1)->box->message;
    return posta__lua_push_status(L, posta_message_fail(m, slot_at(L, 2), luaL_checkstring(L, 3)));
}

/* ---- who sends it ---- */

bool posta__lua_sending_begin(lua_State *L, int handle, int message, posta__lua_sending *s) {
    posta__lua_box *b = posta__lua_message_check(L, message)->box;
    if (b->is_busy) return false;
    posta__lua_keep(L, handle, POSTA__LUA_KEY_MESSAGE, message);
    posta__lua_box_release(&s->box);
    b->refs++;
    b->is_busy = true;
    b->composed++;
    b->source.pull = NULL;
    s->box = b;
    s->is_reading = true;
    return true;
}

void posta__lua_sending_end(posta__lua_sending *s) {
    if (s->is_reading) s->box->is_busy = false;
    s->is_reading = false;
}

void posta__lua_sending_forget(posta__lua_sending *s) {
    posta__lua_sending_end(s);
    posta__lua_box_release(&s->box);
}

/* ---- the table ---- */

static const luaL_Reg functions[] = {
    {"new", message_new},
    {"share", message_share},
    {"close", message_close},
    {"is_message", message_is_message},
    {"is_closed", message_is_closed},
    {"is_busy", message_is_busy},
    {"problem", message_problem},
    {"forget", message_forget},
    {"addresses", message_addresses},
    {"mailbox", message_mailbox},
    {"subject", message_subject},
    {"id", message_id},
    {"date", message_date},
    {"header", message_header},
    {"part", posta__lua_message_part},
    {"wanted", message_wanted},
    {"feed", message_feed},
    {"finish", message_finish},
    {"fail", message_fail},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", message_gc},
    {"__close", message_close},
    {"__tostring", message_tostring},
    {NULL, NULL},
};

void posta__lua_open_messages(lua_State *L) {
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    luaL_setfuncs(L, posta__lua_message_reading, 0);
    luaL_setfuncs(L, posta__lua_message_typed, 0);
    luaL_setfuncs(L, posta__lua_message_extensions, 0);
    luaL_setfuncs(L, posta__lua_message_tree, 0);
    lua_pushliteral(L, "methods");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    posta__lua_handle_type(L, POSTA__LUA_MESSAGE, meta);
    lua_rawset(L, -3);
}
