/* bindings: the place of a Lua state. posta's memory comes from the state's allocator, so that a
 * host that limits its scripts limits posta too; clock and randomness are the system's. */
#include "lua_i.h"

#include "posta/port.h"

#include <string.h>

/* Hosts' allocators, LuaJIT's own among them, may align to 8 only; posta wants what malloc gives.
 */
#define ALIGN 16u

static uint64_t now_ms(void *user) {
    (void)user;
    const posta_port *system = posta_port_default();
    return system->now_ms(system->user);
}

static int64_t unix_time(void *user) {
    (void)user;
    const posta_port *system = posta_port_default();
    return system->unix_time(system->user);
}

static posta_status entropy(void *user, void *out, size_t len) {
    (void)user;
    const posta_port *system = posta_port_default();
    return system->entropy(system->user, out, len);
}

static posta_status domain_to_ascii(void *user, posta_span domain, posta_window *out,
                                    const char **why_out) {
    (void)user;
    return posta_domain_to_ascii(domain, out, why_out);
}

/* The octet before an aligned block says how far it is from its own begin, 1..ALIGN. */
static uint8_t *aligned(uint8_t *raw) {
    size_t shift = ALIGN - (uintptr_t)raw % ALIGN;
    raw[shift - 1] = (uint8_t)shift;
    return raw + shift;
}

static void *allocate(void *user, void *old, size_t old_len, size_t len) {
    const posta__lua_place *place = (const posta__lua_place *)user;
    uint8_t *was = (uint8_t *)old;
    uint8_t *is = NULL;
    if (len > SIZE_MAX - ALIGN) return NULL;
    if (len > 0) {
        uint8_t *raw = (uint8_t *)place->allocate(place->allocate_ud, NULL, 0, len + ALIGN);
        if (raw == NULL) return NULL;
        is = aligned(raw);
        if (was != NULL) memcpy(is, was, old_len < len ? old_len : len);
    }
    if (was != NULL) place->allocate(place->allocate_ud, was - was[-1], old_len + ALIGN, 0);
    return is;
}

void posta__lua_wipe(void *p, size_t len) {
    volatile uint8_t *v = (volatile uint8_t *)p;
    for (size_t i = 0; i < len; i++)
        v[i] = 0;
}

void posta__lua_place_init(lua_State *L, posta__lua_place *place) {
    place->port.size = sizeof(posta_port);
    place->port.user = place;
    place->port.now_ms = now_ms;
    place->port.unix_time = unix_time;
    place->port.entropy = entropy;
    place->port.allocate = allocate;
    place->port.kernels = posta_port_default()->kernels;
    place->port.domain_to_ascii = domain_to_ascii;
    place->allocate = lua_getallocf(L, &place->allocate_ud);
}
