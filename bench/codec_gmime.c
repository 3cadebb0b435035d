/* bench/codec with GMime's encoders. */
#include "codec_peer.h"

#include <gmime/gmime.h>

enum { PIECE = 16 * 1024 }; /* of input: even where all of it becomes =XX it fits */

static void encode(GMimeContentEncoding encoding, const uint8_t *in, size_t len, uint8_t *out) {
    GMimeEncoding state;
    g_mime_encoding_init_encode(&state, encoding);
    for (; len > PIECE; in += PIECE, len -= PIECE)
        g_mime_encoding_step(&state, (const char *)in, PIECE, (char *)out);
    g_mime_encoding_flush(&state, (const char *)in, len, (char *)out);
}

static void base64(const uint8_t *in, size_t len, uint8_t *out) {
    encode(GMIME_CONTENT_ENCODING_BASE64, in, len, out);
}

static void qp(const uint8_t *in, size_t len, uint8_t *out) {
    encode(GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, in, len, out);
}

const char *const peer_name = "GMime";
const peer_encoder peer_base64 = base64, peer_qp = qp;
