/* bindings: the module inside a C host: preloaded, with the host's own allocator, which fails at
 * every allocation in turn. Rows M02, M10, M19 of the required behaviour.
 *
 * Needs POSTA_LUA_DIR (the folder lua/ of the tree). Not for LuaJIT, whose states take no
 * allocator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "posta_lua.h"

/* ---- the allocator: counts, and fails the one allocation that it is told to ---- */

typedef struct heap {
    size_t bytes, blocks;
    long until_failure; /* < 0: never */
    bool fails_on;      /* all that come after fail too */
    bool failed;
    const char *secret; /* null: none */
    unsigned leaks;     /* blocks that were given back with it in them */
} heap;

/* Lua's own strings and the buffer that joins them are smaller: those nobody can wipe. */
#define LARGE_BLOCK 4096u

static bool holds(const void *p, size_t len, const char *secret) {
    size_t n = strlen(secret);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp((const char *)p + i, secret, n) == 0) return true;
    return false;
}

static void *allocate(void *ud, void *old, size_t old_len, size_t len) {
    heap *h = (heap *)ud;
    if (old == NULL) old_len = 0;
    if (len == 0) {
        if (h->secret != NULL && old_len >= LARGE_BLOCK && holds(old, old_len, h->secret))
            h->leaks++;
        if (old != NULL) h->blocks--;
        h->bytes -= old_len;
        free(old);
        return NULL;
    }
    /* Lua counts on shrinking to succeed. */
    if (len > old_len && h->until_failure >= 0 && h->until_failure-- == 0) {
        h->failed = true;
        if (h->fails_on) h->until_failure = 0;
        return NULL;
    }
    void *p = realloc(old, len);
    if (p == NULL) return NULL;
    if (old == NULL) h->blocks++;
    h->bytes += len - old_len;
    return p;
}

static lua_State *new_state(heap *h) {
    *h = (heap){.until_failure = -1};
    lua_State *L = lua_newstate(allocate, h);
    assert_non_null(L);
    luaL_openlibs(L);
    posta_preload(L);
    lua_pushliteral(L, POSTA_LUA_DIR "/?.lua;" POSTA_LUA_DIR "/?/init.lua");
    lua_setglobal(L, "PATH");
    assert_int_equal(luaL_dostring(L, "package.path, package.cpath = PATH, ''"), 0);
    return L;
}

static void run(lua_State *L, const char *text) {
    if (luaL_loadstring(L, text) == 0 && lua_pcall(L, 0, 0, 0) == 0) return;
    print_error("%s\n", lua_tostring(L, -1));
    fail();
}

static void close_state(lua_State *L, heap *h) {
    h->until_failure = -1;
    lua_close(L);
    assert_int_equal(h->bytes, 0);
    assert_int_equal(h->blocks, 0);
}

/* A whole dialogue in memory: a toy server, every kind of body, a refused recipient. */
static const char JOB[] =
    "local posta = require 'posta'\n"
    "local function toy()\n"
    "  local t = { out = '220 toy\\r\\n', input = '', text = false }\n"
    "  local function serve(line)\n"
    "    if t.text then\n"
    "      if line == '.' then t.text = false t.out = t.out .. '250 kept\\r\\n' end\n"
    "      return\n"
    "    end\n"
    "    local word = line:sub(1, 4)\n"
    "    if word == 'EHLO' then t.out = t.out .. '250-toy\\r\\n250 PIPELINING\\r\\n'\n"
    "    elseif word == 'DATA' then t.text = true t.out = t.out .. '354 go\\r\\n'\n"
    "    elseif line:find('nobody', 1, true) then t.out = t.out .. '550 5.1.1 no\\r\\n'\n"
    "    else t.out = t.out .. '250 ok\\r\\n' end\n"
    "  end\n"
    "  return {\n"
    "    write = function(bytes)\n"
    "      t.input = t.input .. bytes\n"
    "      for line in t.input:gmatch '(.-)\\r\\n' do serve(line) end\n"
    "      t.input = t.input:match '([^\\n]*)$'\n"
    "      return #bytes\n"
    "    end,\n"
    "    read = function(_, seconds)\n"
    "      if t.out == '' then return nil, seconds == 0 and 'timeout' or 'closed' end\n"
    "      local bytes = t.out\n"
    "      t.out = ''\n"
    "      return bytes\n"
    "    end,\n"
    "  }\n"
    "end\n"
    "function job()\n"
    "  local n = 0\n"
    "  local m, why = posta.message {\n"
    "    from = 'Ana \\197\\187 <ana@example.org>', subject = 'Za\\197\\188', text = 'hi',\n"
    "    to = { 'bob@example.org', 'nobody@example.org' }, html = '<p>',\n"
    "    inline = { logo = { body = 'PNG', type = 'image/png' } },\n"
    "    attachments = { { name = 'a.txt', body = function() n = n + 1 return n < 3 and 'x' or nil "
    "end } },\n"
    "  }\n"
    "  if not m then return nil, why end\n"
    "  local e, why2 = posta.engine { host = '127.0.0.1', hello = 'example.org' }\n"
    "  if not e then return nil, why2 end\n"
    "  return posta.pump(e, toy(), m)\n"
    "end\n";

/* Runs job() with the allocations failing that the heap was told; true: it delivered. */
static bool try_job(lua_State *L) {
    lua_getglobal(L, "job");
    bool fine = lua_pcall(L, 0, 2, 0) == 0 && lua_type(L, -2) == LUA_TTABLE;
    lua_settop(L, 0);
    return fine;
}

static void sweep(bool fails_on) {
    heap h;
    lua_State *L = new_state(&h);
    run(L, JOB);
    assert_true(try_job(L));
    long n = 0;
    for (;; n++) {
        h.until_failure = n;
        h.fails_on = fails_on;
        h.failed = false;
        bool fine = try_job(L);
        h.until_failure = -1;
        /* Some failures are survived: Lua collects and asks again. */
        if (!h.failed) {
            assert_true(fine);
            break;
        }
        if (fails_on) assert_false(fine);
        lua_gc(L, LUA_GCCOLLECT, 0);
        assert_true(n < 100000);
        if (n % 16 == 0) assert_true(try_job(L));
    }
    assert_true(n > 100);
    assert_true(try_job(L));
    close_state(L, &h);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    sweep(false);
}

static void memory_may_run_out(void **state) {
    (void)state;
    sweep(true);
}

/* Opening the library itself. */
static void opening_may_fail(void **state) {
    (void)state;
    for (long n = 0;; n++) {
        heap h;
        lua_State *L = new_state(&h);
        lua_pushcfunction(L, luaopen_posta_core);
        h.fails_on = true;
        h.until_failure = n;
        bool fine = lua_pcall(L, 0, 1, 0) == 0;
        bool failed = h.failed;
        close_state(L, &h);
        if (!failed) {
            assert_true(fine);
            assert_true(n > 20);
            return;
        }
        assert_false(fine);
    }
}

static void two_states_do_not_meet(void **state) {
    (void)state;
    heap a, b;
    lua_State *one = new_state(&a);
    lua_State *two = new_state(&b);
    run(one, JOB);
    run(two, JOB);
    assert_true(try_job(one));
    assert_true(try_job(two));
    run(one, "posta = require 'posta' e = posta.engine { host = '127.0.0.1', hello = 'a.b' } "
             "m = posta.message { from = 'a@b.c', to = 'a@b.c', text = 'x' }");
    close_state(one, &a);
    assert_true(try_job(two));
    close_state(two, &b);
}

/* Everything is open, half done and referred to in circles when the state ends. */
static void a_state_closes_over_open_things(void **state) {
    (void)state;
    static const char *const orders[] = {"m() e()", "e() m()"};
    for (size_t i = 0; i < 2; i++) {
        heap h;
        lua_State *L = new_state(&h);
        run(L, "local posta = require 'posta'\n"
               "function m() M = posta.message { from = 'a@b.c', to = 'a@b.c', "
               "text = function() coroutine.yield() end, attachments = { { body = ('x'):rep(5000) "
               "} } } end\n"
               "function e() E = posta.engine { host = '127.0.0.1', hello = 'a.b' } end\n");
        run(L, orders[i]);
        run(L, "E:receive '220 x\\r\\n' E:tick() E:sent(#E:pending()) E:receive '250 x\\r\\n' "
               "E:tick()\n"
               "while E:next_event() do end\n"
               "assert(E:send(M)) E:tick() E:sent(10)\n"
               "CO = coroutine.wrap(function() E:feed() end)");
        close_state(L, &h);
    }
}

/* A server that says yes to every login; `write` takes what TAKES says of a line of AUTH. */
static const char LOGIN[] =
    "local posta, n = require 'posta', 0\n"
    "local function wire(takes)\n"
    "  local out = '220 toy\\r\\n'\n"
    "  return {\n"
    "    secure = true,\n"
    "    write = function(bytes)\n"
    "      if bytes:find '^AUTH' then\n"
    "        n, out = n + 1, out .. '235 ok\\r\\n'\n"
    "        return takes(bytes)\n"
    "      end\n"
    "      out = out .. (bytes:find '^EHLO' and '250-toy\\r\\n250 AUTH PLAIN\\r\\n' or '221 "
    "x\\r\\n')\n"
    "      return #bytes\n"
    "    end,\n"
    "    read = function(_, seconds)\n"
    "      local bytes = out\n"
    "      out = ''\n"
    "      if bytes == '' then return nil, seconds == 0 and 'timeout' or 'closed' end\n"
    "      return bytes\n"
    "    end,\n"
    "  }\n"
    "end\n"
    "local function log_in(takes, auth)\n"
    "  local s = assert(posta.session { host = 'm.example.org', transport = wire(takes), auth = "
    "auth })\n"
    "  pcall(s.connect, s)\n"
    "  return s\n"
    "end\n"
    "local given = { user = 'ana', password = 'sesame' }\n"
    "local asked = { user = 'ana', password = function() return 'sesame' end }\n"
    "for _, auth in ipairs { given, asked } do\n"
    "  assert(log_in(function(bytes) return #bytes end, auth):disconnect())\n"
    "  log_in(function(bytes) return #bytes end, auth):close()\n"
    "  log_in(function() return nil, 'broken' end, auth)\n"
    "  log_in(function() return nil, 'broken' end, auth):close()\n"
    "  log_in(function() error 'raised' end, auth)\n"
    "  log_in(function() error 'raised' end, auth):close()\n"
    "  local s\n"
    "  s = posta.session { host = 'm.example.org', auth = auth,\n"
    "    transport = wire(function() s:close() return 1 end) }\n"
    "  s:connect()\n"
    "  s = posta.session { host = 'm.example.org', auth = auth, blocking = false,\n"
    "    transport = wire(function() return nil, 'timeout' end) }\n"
    "  s:connect()\n"
    "  s:execute()\n"
    "  local e = posta.engine { host = 'm.example.org', tls = 'host', security = 'none', auth = "
    "auth,\n"
    "    insecure_auth = true }\n"
    "  e:receive '220 x\\r\\n'\n"
    "  e:sent(#e:pending())\n"
    "  e:receive '250-x\\r\\n250 AUTH PLAIN\\r\\n'\n"
    "  e:receive ''\n"
    "  while e:next_event() do end\n"
    "  e:wants()\n"
    "  n = n + (e:pending():find '^AUTH' and 1 or 0)\n"
    "  log_in(function() return 5 end, auth)\n"
    "end\n"
    "assert(n == 20, n)\n";

static void no_password_stays_in_memory_given_back(void **state) {
    (void)state;
    heap h;
    lua_State *L = new_state(&h);
    h.secret = "AGFuYQBzZXNhbWU="; /* PLAIN: ana, sesame */
    run(L, LOGIN);
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    close_state(L, &h);
    assert_int_equal(h.leaks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(opening_may_fail),
        cmocka_unit_test(two_states_do_not_meet),
        cmocka_unit_test(a_state_closes_over_open_things),
        cmocka_unit_test(no_password_stays_in_memory_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
