/* Files: a 1 GiB attachment is composed in at most 64 KiB of heap, and what cannot be read is told.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "posta/port.h"

#if defined(POSTA_TINY) && POSTA_TINY
#define GIB                                                                                        \
    (UINT64_C(1) << 24) /* tiny steps take their time; the full size is for the other builds */
#else
#define GIB (UINT64_C(1) << 30)
#endif

typedef struct heap {
    posta_port port;
    size_t live, most;
} heap;

static void *heap_allocate(void *user, void *old, size_t old_len, size_t len) {
    heap *h = user;
    h->live = h->live - (old ? old_len : 0) + len;
    if (h->live > h->most) h->most = h->live;
    if (len > 0) return realloc(old, len);
    free(old);
    return NULL;
}

static void heap_init(heap *h) {
    *h = (heap){.port = *posta_port_default()};
    h->port.user = h;
    h->port.allocate = heap_allocate;
}

#if POSTA_FILES
/* A hole costs no disk, and reads as zeros. */
static void make_hole(char *path, uint64_t len) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    close(fd);
}

static void a_gibibyte(void **state) {
    char path[] = "/tmp/posta-hole-XXXXXX";
    static uint8_t room[1 << 16];
    uint64_t n = 0;
    posta_message *m = NULL;
    posta_source source;
    posta_status status;
    heap h;
    (void)state;
    heap_init(&h);
    make_hole(path, GIB);
    assert_int_equal(posta_message_new(&h.port, &m), POSTA_OK);
    posta_message_addresses(m, POSTA_FROM, "a@x.test");
    posta_message_addresses(m, POSTA_TO, "b@x.test");
    assert_int_equal(posta_message_attach_file(m, path, NULL), POSTA_OK);
    assert_int_equal(posta_message_compose(m, NULL, &source, NULL), POSTA_OK);
    do {
        posta_window w = {room, sizeof room, 0, 0};
        status = source.pull(source.user, &w);
        n += w.len;
    } while (status == POSTA_OK);
    assert_int_equal(status, POSTA_END);
    assert_int_equal(n, source.len);
    assert_true(n > GIB / 57 * 78); /* base64: 57 octets a line of 78 */
    assert_true(h.most <= 65536);
    posta_message_free(&m);
    assert_int_equal(h.live, 0);
    unlink(path);
}

/* Row C16: what grew or shrank meanwhile is not what was announced. */
static void another_length(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/posta-file-XXXXXX";
        uint8_t room[4096];
        posta_window w = {room, sizeof room, 0, 0};
        posta_source source;
        make_hole(path, 100);
        assert_int_equal(posta_file_source(posta_port_default(), path, &source, NULL), POSTA_OK);
        assert_int_equal(truncate(path, i == 0 ? 99 : 101), 0);
        posta_status status = source.pull(source.user, &w);
        if (status == POSTA_OK) status = source.pull(source.user, &w);
        assert_int_equal(status, POSTA_E_BODY);
        source.close(source.user);
        unlink(path);
    }
}

static void what_cannot_be_read(void **state) {
    static const char *const paths[] = {"/tmp/posta-no-such-file", "/tmp", "/dev/zero", ""};
    char fifo[] = "/tmp/posta-fifo-XXXXXX";
    (void)state;
    assert_true(close(mkstemp(fifo)) == 0 && unlink(fifo) == 0 && mkfifo(fifo, 0600) == 0);
    for (size_t i = 0; i < 5; i++) {
        posta_message *m = NULL;
        heap h;
        heap_init(&h);
        assert_int_equal(posta_message_new(&h.port, &m), POSTA_OK);
        assert_int_equal(posta_message_attach_file(m, i < 4 ? paths[i] : fifo, NULL), POSTA_E_FILE);
        assert_non_null(strstr(posta_message_problem(m)->text, i < 4 ? paths[i] : fifo));
        posta_message_free(&m);
        assert_int_equal(h.live, 0);
    }
    unlink(fifo);
}
#else
static void not_built(void **state) {
    posta_message *m = NULL;
    heap h;
    (void)state;
    heap_init(&h);
    assert_int_equal(posta_message_new(&h.port, &m), POSTA_OK);
    assert_int_equal(posta_message_attach_file(m, "README.md", NULL), POSTA_E_NOT_BUILT);
    posta_message_free(&m);
    assert_int_equal(h.live, 0);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
#if POSTA_FILES
        cmocka_unit_test(a_gibibyte),
        cmocka_unit_test(another_length),
        cmocka_unit_test(what_cannot_be_read),
#else
        cmocka_unit_test(not_built),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
