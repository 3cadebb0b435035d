/* bindings: what is asked for with MAIL and RCPT, and what the server offers. */
#include "lua_i.h"

/* The flat table of posta.extension at `at`; its strings are borrowed from it. */
static posta_mail_options options_at(lua_State *L, int at) {
    posta_mail_options o = POSTA_MAIL_OPTIONS;
    luaL_checktype(L, at, LUA_TTABLE);
    o.ret = (posta_dsn_return)posta__lua_number(L, at, "ret", POSTA_RET_HEADERS, POSTA_RET_DEFAULT);
    o.envid = posta__lua_text(L, at, "envid");
    o.auth = posta__lua_text(L, at, "auth");
    o.require_tls = posta__lua_flag(L, at, "require_tls");
    o.hold_for = (uint32_t)posta__lua_number(L, at, "hold_for", UINT32_MAX, 0);
    o.hold_until = (int64_t)posta__lua_number(L, at, "hold_until", INT64_MAX, 0);
    o.by_mode = posta__lua_flag(L, at, "by_return") ? POSTA_BY_RETURN : POSTA_BY_NOTIFY;
    o.by_trace = posta__lua_flag(L, at, "by_trace");
    lua_getfield(L, at, "priority");
    o.has_priority = !lua_isnil(L, -1);
    o.priority = (int)lua_tonumber(L, -1);
    lua_getfield(L, at, "deliver_by");
    o.has_deliver_by = !lua_isnil(L, -1);
    o.deliver_by = (int32_t)lua_tonumber(L, -1);
    lua_pop(L, 2);
    return o;
}

/* mail_options(m, t) -> true or false */
static int message_mail_options(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    posta_mail_options o = options_at(L, 2);
    return posta__lua_setter_answer(L, posta_message_mail_options(b->message, &o));
}

/* notify(m, bits) -> true or false */
static int message_notify(lua_State *L) {
    posta__lua_box *b = posta__lua_message_idle(L, 1)->box;
    unsigned bits = (unsigned)luaL_checkinteger(L, 2);
    return posta__lua_setter_answer(L, posta_message_notify(b->message, bits));
}

const luaL_Reg posta__lua_message_extensions[] = {
    {"mail_options", message_mail_options},
    {"notify", message_notify},
    {NULL, NULL},
};

/* set_mail_options(s, t): for the next sender; `t` has to be kept until its event. */
static int session_set_mail_options(lua_State *L) {
    posta__lua_session *s = posta__lua_session_open(L);
    s->mail_options = options_at(L, 2);
    posta_session_set_mail_options(s->session, &s->mail_options);
    return 0;
}

/* set_notify(s, bits, original or nil): for the next recipient; the string has to be kept. */
static int session_set_notify(lua_State *L) {
    posta__lua_session *s = posta__lua_session_open(L);
    posta_session_set_notify(s->session, (unsigned)luaL_checkinteger(L, 2),
                             luaL_optstring(L, 3, NULL));
    return 0;
}

/* command(s, verb, args or nil) -> status; the strings have to be kept until its event. */
static int session_command(lua_State *L) {
    posta__lua_session *s = posta__lua_session_open(L);
    const char *verb = luaL_checkstring(L, 2);
    const char *args = luaL_optstring(L, 3, NULL);
    return posta__lua_session_begun(L, s, posta_session_command(s->session, verb, args));
}

const luaL_Reg posta__lua_session_extensions[] = {
    {"command", session_command},
    {"set_mail_options", session_set_mail_options},
    {"set_notify", session_set_notify},
    {NULL, NULL},
};

void posta__lua_push_capabilities(lua_State *L, posta_capabilities can) {
    static const struct {
        const char *name;
        unsigned bit;
    } flags[] = {
        {"esmtp", POSTA_CAN_ESMTP},
        {"pipelining", POSTA_CAN_PIPELINING},
        {"eightbitmime", POSTA_CAN_8BITMIME},
        {"size", POSTA_CAN_SIZE},
        {"starttls", POSTA_CAN_STARTTLS},
        {"auth", POSTA_CAN_AUTH},
        {"enhanced_codes", POSTA_CAN_ENHANCED_CODES},
        {"smtputf8", POSTA_CAN_SMTPUTF8},
        {"dsn", POSTA_CAN_DSN},
        {"chunking", POSTA_CAN_CHUNKING},
        {"binarymime", POSTA_CAN_BINARYMIME},
        {"requiretls", POSTA_CAN_REQUIRETLS},
        {"mt_priority", POSTA_CAN_MT_PRIORITY},
        {"deliverby", POSTA_CAN_DELIVERBY},
        {"futurerelease", POSTA_CAN_FUTURERELEASE},
        {"limits", POSTA_CAN_LIMITS},
        {"etrn", POSTA_CAN_ETRN},
        {"vrfy", POSTA_CAN_VRFY},
        {"expn", POSTA_CAN_EXPN},
        {"help", POSTA_CAN_HELP},
    };
    const struct {
        const char *name;
        uint64_t n;
    } numbers[] = {
        {"size_max", can.size_max},
        {"deliverby_min", can.by_min},
        {"futurerelease_max", can.hold_max},
        {"mail_max", can.mail_max},
        {"rcpt_max", can.rcpt_max},
        {"rcpt_domain_max", can.rcpt_domain_max},
    };
    lua_createtable(L, 0, 24);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        posta__lua_set_flag(L, flags[i].name, (can.bits & flags[i].bit) != 0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].n > 0) posta__lua_set_integer(L, numbers[i].name, numbers[i].n);
}
