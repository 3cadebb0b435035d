/* read_gmime FILE.eml...: reads mails by GMime and writes what it saw to FILE.gmime.json, for
 * judge_views.py. Octets are in hex, texts as GMime decodes them. */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_t.h"

/* ---- fields ---- */

static void put_list(FILE *f, InternetAddressList *list, const char *group, int *n) {
    int i, len = list ? internet_address_list_length(list) : 0;
    for (i = 0; i < len; i++) {
        InternetAddress *a = internet_address_list_get_address(list, i);
        const char *name = internet_address_get_name(a);
        fputs((*n)++ > 0 ? ", [" : "[", f);
        if (INTERNET_ADDRESS_IS_GROUP(a)) {
            put_string(f, name);
            fputs(", null, null]", f);
            put_list(f, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(a)), name, n);
            continue;
        }
        put_string(f, group);
        fputs(", ", f);
        put_string(f, name ? name : "");
        fputs(", ", f);
        put_string(f, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)));
        fputs("]", f);
    }
}

static void put_addresses(FILE *f, GMimeMessage *m) {
    static const char *const keys[] = {"sender", "from", "reply-to", "to", "cc"};
    int i, n;
    for (i = 0; i < 5; i++) {
        n = 0;
        fprintf(f, ", \"%s\": [", keys[i]);
        put_list(f, g_mime_message_get_addresses(m, (GMimeAddressType)i), NULL, &n);
        fputs("]", f);
    }
}

/* The blank between two encoded words, which RFC 2047 6.2 drops; plain text has no "=?". */
static char *next_seam(char *s) {
    while ((s = strstr(s, "=?")) != NULL) {
        char *end = strstr(s + 2, "?");
        if (end) end = strstr(end + 3, "?=");
        if (!end) return NULL;
        s = end + 2;
        if (strncmp(s, " =?", 3) == 0) return s;
    }
    return NULL;
}

/* A field's text, decoded by GMime out of the octets as they stand: its own getters guess by the
   field's name. Words are given to it one by one: it joins those in base64 before it decodes them,
   and so loses what stands behind the first padding. */
static void put_text(FILE *f, GMimeHeader *h) {
    const char *raw = g_mime_header_get_raw_value(h);
    char *line = g_malloc(strlen(raw) + 1), *at = line, *seam, *text;
    GString *all = g_string_new("");
    size_t n = 0;
    for (; *raw; raw++)
        if (*raw != '\r' && *raw != '\n') line[n++] = *raw;
    line[n] = 0;
    if (*at == ' ') at++;
    do {
        seam = next_seam(at);
        if (seam) *seam = 0;
        text = g_mime_utils_header_decode_text(NULL, at);
        g_string_append(all, text);
        g_free(text);
        if (seam) at = seam + 1;
    } while (seam);
    put_string(f, all->str);
    g_string_free(all, TRUE);
    g_free(line);
}

static void put_headers(FILE *f, GMimeObject *o) {
    GMimeHeaderList *all = g_mime_object_get_header_list(o);
    int i, n = g_mime_header_list_get_count(all);
    fputs(", \"headers\": {\"\": null", f);
    for (i = 0; i < n; i++) {
        GMimeHeader *h = g_mime_header_list_get_header_at(all, i);
        char *name = g_ascii_strdown(g_mime_header_get_name(h), -1);
        fputs(", ", f);
        put_string(f, name);
        fputs(": ", f);
        put_text(f, h);
        g_free(name);
    }
    fputs("}", f);
}

/* ---- parts ---- */

static void put_message(FILE *f, GMimeMessage *m);

static void put_parameters(FILE *f, const char *key, GMimeParamList *list) {
    int i, n = list ? g_mime_param_list_length(list) : 0;
    fprintf(f, ", \"%s\": {\"\": null", key);
    for (i = 0; i < n; i++) {
        GMimeParam *p = g_mime_param_list_get_parameter_at(list, i);
        put_key(f, g_mime_param_get_name(p), g_mime_param_get_value(p));
    }
    fputs("}", f);
}

static void put_octets(FILE *f, GMimePart *p) {
    GMimeStream *to = g_mime_stream_mem_new();
    GMimeDataWrapper *content = g_mime_part_get_content(p);
    GByteArray *octets;
    guint i;
    if (content) g_mime_data_wrapper_write_to_stream(content, to);
    octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(to));
    fputs(", \"octets\": \"", f);
    for (i = 0; i < octets->len; i++)
        fprintf(f, "%02x", octets->data[i]);
    fputs("\"", f);
    g_object_unref(to);
}

static void put_object(FILE *f, GMimeObject *o) {
    GMimeContentType *t = g_mime_object_get_content_type(o);
    GMimeContentDisposition *d = g_mime_object_get_content_disposition(o);
    char *type = g_mime_content_type_get_mime_type(t);
    int i;
    fputs("{\"type\": ", f);
    put_string(f, type);
    g_free(type);
    put_parameters(f, "parameters", g_mime_content_type_get_parameters(t));
    put_key(f, "disposition", d ? g_mime_content_disposition_get_disposition(d) : NULL);
    put_key(f, "filename", g_mime_object_get_content_disposition_parameter(o, "filename"));
    put_key(f, "cid", g_mime_object_get_content_id(o));
    put_headers(f, o);
    if (GMIME_IS_MULTIPART(o)) {
        fputs(", \"parts\": [", f);
        for (i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(o)); i++) {
            if (i > 0) fputs(", ", f);
            put_object(f, g_mime_multipart_get_part(GMIME_MULTIPART(o), i));
        }
        fputs("]", f);
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        fputs(", \"message\": ", f);
        put_message(f, g_mime_message_part_get_message(GMIME_MESSAGE_PART(o)));
    } else if (GMIME_IS_PART(o))
        put_octets(f, GMIME_PART(o));
    fputs("}", f);
}

static void put_message(FILE *f, GMimeMessage *m) {
    fputs("{\"tree\": ", f);
    put_object(f, g_mime_message_get_mime_part(m));
    put_addresses(f, m);
    put_headers(f, GMIME_OBJECT(m));
    fputs("}", f);
}

/* ---- files ---- */

static void read_one(const char *path) {
    GError *e = NULL;
    GMimeStream *in = g_mime_stream_file_open(path, "r", &e);
    GMimeParser *parser;
    GMimeMessage *m;
    char *out = g_strndup(path, strlen(path) - 4), *json = g_strconcat(out, ".gmime.json", NULL);
    FILE *f = fopen(json, "w");
    if (!in || !f) exit(2);
    parser = g_mime_parser_new_with_stream(in);
    m = g_mime_parser_construct_message(parser, NULL);
    if (m) {
        put_message(f, m);
        g_object_unref(m);
    }
    g_object_unref(parser);
    g_object_unref(in);
    fclose(f);
    g_free(out);
    g_free(json);
}

int main(int argc, char **argv) {
    int i;
    g_mime_init();
    for (i = 1; i < argc; i++)
        read_one(argv[i]);
    g_mime_shutdown();
    return 0;
}
