/* core/test/mime: JSON as the judges in Python read it. */
#ifndef JSON_T_H
#define JSON_T_H

#include <stdio.h>

/* Null for none. */
static inline void put_string(FILE *f, const char *s) {
    if (!s) {
        fputs("null", f);
        return;
    }
    putc('"', f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20)
            fprintf(f, "\\u%04x", c);
        else
            putc(c, f);
    }
    putc('"', f);
}

/* As a later member of an object. */
static inline void put_key(FILE *f, const char *key, const char *value) {
    fprintf(f, ", \"%s\": ", key);
    put_string(f, value);
}

#endif
