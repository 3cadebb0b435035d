/* mbedTLS 3.6 for a small device that sends mail by posta: a TLS 1.2 client with ephemeral elliptic
 * curves and AES-GCM, RSA and ECDSA certificates, and nothing else. posta brings clock, entropy and
 * files by its port, so mbedTLS has no use for its own.
 *
 * Built with -DMBEDTLS_CONFIG_FILE='"mbedtls_config.h"', for mbedTLS and for posta alike. What it
 * costs stands in docs/devices.md, and is measured in CI.
 */
#ifndef POSTA_DEVICE_MBEDTLS_CONFIG_H
#define POSTA_DEVICE_MBEDTLS_CONFIG_H

/* ---- where memory comes from: mbedtls_platform_set_calloc_free ---- */

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY

/* ---- TLS ---- */

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH /* servers are asked for records that fit */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED

/* A server's whole chain must fit into the first: some have 6 KB. Replies are lines; the text goes
   out in records of the second. */
#define MBEDTLS_SSL_IN_CONTENT_LEN  8192
#define MBEDTLS_SSL_OUT_CONTENT_LEN 2048

/* ---- certificates ---- */

#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_PEM_PARSE_C /* for keys; posta reads certificates in PEM by itself */
#define MBEDTLS_BASE64_C

/* ---- what they are made of ---- */

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_GCM_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C

/* ---- slower and smaller ---- */

#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_ECP_WINDOW_SIZE       2
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0
#define MBEDTLS_MPI_WINDOW_SIZE       1
#define MBEDTLS_MPI_MAX_SIZE          512 /* RSA of 4096 bits */

#endif
