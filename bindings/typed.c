/* bindings: header fields with a grammar of their own: (m, label, ...) -> true, or false and then
 * problem(m) tells. */
#include "lua_i.h"

static int set(lua_State *L, posta_status (*setter)(posta_message *m, const char *text)) {
    posta__lua_box *b;
    const char *text = posta__lua_setter_begin(L, &b, 3);
    return text == NULL ? posta__lua_setter_refuse(L)
                        : posta__lua_setter_answer(L, setter(b->message, text));
}

static int message_in_reply_to(lua_State *L) {
    return set(L, posta_message_in_reply_to);
}

static int message_reference(lua_State *L) {
    return set(L, posta_message_reference);
}

static int message_auto_submitted(lua_State *L) {
    return set(L, posta_message_auto_submitted);
}

static int message_key(lua_State *L) {
    return set(L, posta_message_idempotency_key);
}

/* answer(m, label, id, references) */
static int message_answer(lua_State *L) {
    posta__lua_box *b;
    const char *id = posta__lua_setter_begin(L, &b, 3);
    const char *references = id == NULL ? NULL : posta__lua_message_text(L, b, 2, 4);
    if (references == NULL) return posta__lua_setter_refuse(L);
    return posta__lua_setter_answer(L, posta_message_answer(b->message, id, references));
}

/* list(m, label, field, value) */
static int message_list(lua_State *L) {
    static const char *const names[] = {"id",   "unsubscribe", "subscribe", "post",
                                        "help", "owner",       "archive",   NULL};
    static const posta_list_field fields[] = {
        POSTA_LIST_ID,   POSTA_LIST_UNSUBSCRIBE, POSTA_LIST_SUBSCRIBE, POSTA_LIST_POST,
        POSTA_LIST_HELP, POSTA_LIST_OWNER,       POSTA_LIST_ARCHIVE};
    posta__lua_box *b;
    posta_list_field field = fields[luaL_checkoption(L, 3, NULL, names)];
    const char *value = posta__lua_setter_begin(L, &b, 4);
    if (value == NULL) return posta__lua_setter_refuse(L);
    return posta__lua_setter_answer(L, posta_message_list(b->message, field, value));
}

/* one_click(m, label) */
static int message_one_click(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_message_label(b->message, luaL_checkstring(L, 2));
    return posta__lua_setter_answer(L, posta_message_one_click(b->message));
}

/* priority(m, label, word) */
static int message_priority(lua_State *L) {
    static const char *const names[] = {"low", "normal", "high", NULL};
    static const posta_priority priorities[] = {POSTA_PRIORITY_LOW, POSTA_PRIORITY_NORMAL,
                                                POSTA_PRIORITY_HIGH};
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_priority priority = priorities[luaL_checkoption(L, 3, NULL, names)];
    posta_message_label(b->message, luaL_checkstring(L, 2));
    return posta__lua_setter_answer(L, posta_message_priority(b->message, priority));
}

const luaL_Reg posta__lua_message_typed[] = {
    {"in_reply_to", message_in_reply_to},
    {"reference", message_reference},
    {"answer", message_answer},
    {"list", message_list},
    {"one_click", message_one_click},
    {"auto_submitted", message_auto_submitted},
    {"priority", message_priority},
    {"key", message_key},
    {NULL, NULL},
};
