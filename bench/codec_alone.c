/* bench/codec without a peer. */
#include "codec_peer.h"

const char *const peer_name = "";
const peer_encoder peer_base64 = NULL, peer_qp = NULL;
