/* How fast the encoders are, portable and with this machine's kernels: GB of input a second (10^9),
 * into a window of 64 KiB that is used again and again. Rows are run in turn, many times over, and
 * the median stands, so that a neighbour's load falls on all of them alike. Beside them a peer,
 * where there is one (codec_peer.h). Usage: codec [ROUNDS]
 */
#define _POSIX_C_SOURCE 200809L
#include "codec_peer.h"
#include "simd_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The text is long, or the machine's branch prediction would know it by heart. */
enum { OCTETS = 57 * 4096, TEXT = 16 * OCTETS, WINDOW = 64 * 1024, MAX_ROUNDS = 101 };

typedef void (*encoder)(const posta_kernels *k, posta_span in, uint8_t *out);

typedef struct row {
    const char *name;
    encoder run;
    bool is_text;
    const peer_encoder *peer;
    double portable[MAX_ROUNDS], fast[MAX_ROUNDS], other[MAX_ROUNDS];
} row;

static void base64(const posta_kernels *k, unsigned flags, posta_span in, uint8_t *out) {
    posta__base64 b;
    posta_status status;
    posta__base64_init(&b, flags);
    b.kernels = k;
    do {
        posta_window w = posta__window(out, WINDOW);
        status = posta__base64_step(&b, &in, &w);
    } while (status == POSTA_AGAIN);
}

static void base64_wrapped(const posta_kernels *k, posta_span in, uint8_t *out) {
    base64(k, 0, in, out);
}

static void base64_flat(const posta_kernels *k, posta_span in, uint8_t *out) {
    base64(k, POSTA__BASE64_UNWRAPPED, in, out);
}

static void base64_text(const posta_kernels *k, posta_span in, uint8_t *out) {
    base64(k, POSTA__BASE64_TEXT, in, out);
}

static void quoted_printable(const posta_kernels *k, posta_span in, uint8_t *out) {
    posta__qp q;
    posta_status status;
    posta__qp_init(&q, false);
    q.kernels = k;
    do {
        posta_window w = posta__window(out, WINDOW);
        status = posta__qp_step(&q, &in, &w);
    } while (status == POSTA_AGAIN);
}

static void scan(const posta_kernels *k, unsigned flags, posta_span in) {
    posta__scan s;
    posta__scan_init(&s, flags);
    s.kernels = k;
    posta__scan_step(&s, in);
    posta__scan_end(&s);
}

static void scan_alone(const posta_kernels *k, posta_span in, uint8_t *out) {
    (void)out;
    scan(k, 0, in);
}

static void scan_qp(const posta_kernels *k, posta_span in, uint8_t *out) {
    (void)out;
    scan(k, POSTA__SCAN_QP_TEXT, in);
}

static void lines(const posta_kernels *k, posta_span in, uint8_t *out) {
    posta__lines l;
    posta_status status;
    posta__lines_init(&l, POSTA__LINES_STUFF);
    l.kernels = k;
    do {
        posta_window w = posta__window(out, WINDOW);
        status = posta__lines_step(&l, &in, &w);
    } while (status == POSTA_AGAIN);
}

static row rows[] = {
    {"base64, lines of 76", base64_wrapped, false, &peer_base64, {0}, {0}, {0}},
    {"base64, no lines", base64_flat, false, NULL, {0}, {0}, {0}},
    {"base64 of text", base64_text, true, NULL, {0}, {0}, {0}},
    {"quoted-printable", quoted_printable, true, &peer_qp, {0}, {0}, {0}},
    {"scan", scan_alone, true, NULL, {0}, {0}, {0}},
    {"scan and measure", scan_qp, true, NULL, {0}, {0}, {0}},
    {"lines", lines, true, NULL, {0}, {0}, {0}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static uint32_t random_below(uint32_t n) {
    static uint32_t seed = 2463534242u;
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* Words in lines of 50 to 80 octets, CRLF; one octet of a hundred belongs to a letter with an
 * accent. */
static void fill_text(uint8_t *p, size_t len) {
    size_t at = 0, end = 0;
    memset(p, 'e', len);
    for (end = 50 + random_below(31); end + 1 < len; end += 50 + random_below(31)) {
        for (; at < end; at++) {
            uint32_t dice = random_below(1000);
            if (dice < 160) p[at] = ' ';
            if (dice > 994 && at + 1 < end) memcpy(p + at++, "\xc3\xa9", 2);
        }
        p[end - 1] = '.';
        memcpy(p + end, "\r\n", 2);
        end += 2;
        at = end;
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double speed(encoder run, const posta_kernels *k, posta_span in, uint8_t *out) {
    double begin = seconds();
    for (size_t done = 0; done < TEXT; done += in.len)
        run(k, in, out);
    return (double)TEXT / (seconds() - begin) / 1e9;
}

static double peer_speed(peer_encoder run, posta_span in, uint8_t *out) {
    double begin = seconds();
    for (size_t done = 0; done < TEXT; done += in.len)
        run(in.p, in.len, out);
    return (double)TEXT / (seconds() - begin) / 1e9;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *all, int n) {
    qsort(all, (size_t)n, sizeof *all, compare);
    return all[n / 2];
}

int main(int argc, char **argv) {
    static uint8_t octets[OCTETS], text[TEXT], out[WINDOW];
    const posta_kernels *k = posta__simd_fits() ? &posta__kernels_simd : NULL;
    int rounds = argc > 1 ? atoi(argv[1]) : 51;
    if (rounds < 1 || rounds > MAX_ROUNDS) return 64;
    for (size_t i = 0; i < OCTETS; i++)
        octets[i] = (uint8_t)random_below(256);
    fill_text(text, TEXT);
    for (int i = 0; i < rounds; i++)
        for (row *r = rows; r < rows + ROWS; r++) {
            posta_span in = r->is_text ? posta__span(text, TEXT) : posta__span(octets, OCTETS);
            r->portable[i] = speed(r->run, NULL, in, out);
            r->fast[i] = speed(r->run, k, in, out);
            if (r->peer && *r->peer) r->other[i] = peer_speed(*r->peer, in, out);
        }
    printf("| GB/s of input | portable | %s | %s |\n|---|---|---|---|\n",
           k ? "kernels" : "(no kernels)", peer_name);
    for (row *r = rows; r < rows + ROWS; r++) {
        printf("| %s | %.2f | %.2f |", r->name, median(r->portable, rounds),
               median(r->fast, rounds));
        if (r->peer && *r->peer) printf(" %.2f", median(r->other, rounds));
        printf(" |\n");
    }
    return 0;
}
