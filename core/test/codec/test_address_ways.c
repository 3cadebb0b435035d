/* Addresses: the short way of reading one and the long way agree. */

#include "field_t.h"

/* An address that is the whole list is read by a way of its own, one in brackets by the long one.
 */
static void same_either_way(void **state) {
    static const char letters[] = "a1.@-!\" ";
    const size_t n_letters = sizeof letters - 1;
    size_t n, fine = 0;
    (void)state;
    for (n = 0; n < 262144 * 8; n++) { /* all of up to 7 octets */
        uint8_t a_room[512], b_room[512];
        char text[16] = "<", *p = text + 1;
        posta_arena a_arena, b_arena;
        posta__address a, b;
        posta__address_fault fault;
        posta_status bare, angle;
        size_t rest;
        for (rest = n; rest > 0; rest /= n_letters)
            *p++ = letters[rest % n_letters];
        *p = 0;
        posta__arena_init(&a_arena, NULL, a_room, sizeof a_room, 0);
        posta__arena_init(&b_arena, NULL, b_room, sizeof b_room, 0);
        bare = posta__mailbox_parse(posta__span_of(text + 1), &a_arena, &a, &fault);
        *p++ = '>';
        *p = 0;
        angle = posta__mailbox_parse(posta__span_of(text), &b_arena, &b, &fault);
        if (bare != angle) fail_msg("%s: %d and %d", text, bare, angle);
        if (bare) continue;
        fine++;
        assert_true(posta_span_is(a.local, b.local) && posta_span_is(a.domain, b.domain));
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.name.len, 0);
    }
    assert_true(fine > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_either_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
