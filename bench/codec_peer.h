/* The encoder that bench/codec compares with: GMime's, or none. */
#ifndef BENCH_CODEC_PEER_H
#define BENCH_CODEC_PEER_H

#include <stddef.h>
#include <stdint.h>

/* Encodes all of `in`, by pieces into out[0..64 KiB), which is used again and again. */
typedef void (*peer_encoder)(const uint8_t *in, size_t len, uint8_t *out);

extern const char *const peer_name;             /* "" for none */
extern const peer_encoder peer_base64, peer_qp; /* null for none */

#endif
