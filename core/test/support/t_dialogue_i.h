/* core/test/support: a dialogue file as its player (t_smtp_dialogue.c) gets it from its reader
 * (t_dialogue_file.c). */
#ifndef T_DIALOGUE_I_H
#define T_DIALOGUE_I_H

#include "t_smtp.h"

#define LINES_MAX 400u

typedef struct item {
    unsigned line;   /* in the file */
    char kind;       /* S C > E A */
    bool is_forced;  /* S!: */
    bool is_used;    /* S, said already */
    t_bytes octets;  /* S, C */
    const char *say; /* > E A */
} item;

typedef struct dialogue {
    const char *path;
    char *text;
    item items[LINES_MAX];
    size_t n;
    posta_engine_config config;
    bool owed_said, whole_only;
} dialogue;

/* Fails the test, with the place, if the file cannot be read. `path` must outlive d. */
void t_dialogue_load(dialogue *d, const char *path);
void t_dialogue_unload(dialogue *d);

/* Takes `key[=value]` off the front; a value may stand in quotes. False: none is left. */
bool t_dialogue_word(const char **s, char *key, size_t key_cap, char *value, size_t *len_out);

#endif
