/* What the files of random_trees share. The JSON is derived from what is given to the composer,
 * never from what comes out of it. */
#ifndef POSTA_TEST_RANDOM_I_H
#define POSTA_TEST_RANDOM_I_H

#include <stdio.h>

#include "json_t.h"
#include "posta/mime.h"

/* ---- randomness and memory (random_stuff.c) ---- */

extern const posta_port random_port;

void random_seed(unsigned long long n);
size_t below(size_t n);
bool one_in(size_t n);
/** Zeroed, and there until the random message is done. */
void *keep(size_t len);
void keep_nothing(void);
/** Ends the program unless it is POSTA_OK. */
void must(posta_status status, const posta_message *m, const char *what);

/* ---- words and octets ---- */

#define TEXT_CAP 12000u

typedef struct bytes {
    uint8_t p[TEXT_CAP];
    size_t len;
} bytes;

/** Up to n words; ASCII alone unless `wide`; now and then more than one space between two. */
void make_words(char *out, size_t cap, size_t n, bool wide);
void make_text(bytes *b, bool wide);
void make_octets(bytes *b);

/** "octets": in hex; of text as it arrives, where each CR, LF, CRLF is CRLF. */
void put_hex(FILE *f, const bytes *b, bool is_text);

/* ---- bodies ---- */

typedef struct reading {
    const bytes *b;
    size_t at;
} reading;

#define SLOTS 16u

/** A message, with what feeds its slots, and the next of those that are one in the other. */
typedef struct mail mail;
struct mail {
    posta_message *m;
    mail *next;
    reading slots[SLOTS];
    size_t slots_n;
};

/** The same octets by one of four ways. */
posta_body make_body(const bytes *b, mail *to);
/** Feeds the slot that one of them waits for. */
void feed_slot(mail *all);

/* ---- parts (random_parts.c) ---- */

/** Gives a message its content, and says into `f` what must be found: "tree". */
void add_tree(mail *x, FILE *f, size_t depth);

/* ---- messages (random_trees.c) ---- */

/** A message with all its fields, told into `f`; joins those of `first`, if there is one. */
mail *make_mail(mail *first, FILE *f, size_t depth);

#endif
