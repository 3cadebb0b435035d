/* core/mime: the media type that a file name stands for. */
#include "mime_i.h"

typedef struct type_row {
    const char *extension;
    const char *type;
} type_row;

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."

/* message/rfc822 is not here on purpose: a part of that type may not be encoded (RFC 2046 5.2.1),
   so a file with odd lines in it could not be sent at all. */
static const type_row rows[] = {
    {"txt", "text/plain"},
    {"log", "text/plain"},
    {"c", "text/plain"},
    {"h", "text/plain"},
    {"lua", "text/plain"},
    {"md", "text/markdown"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"js", "text/javascript"},
    {"ics", "text/calendar"},
    {"json", "application/json"},
    {"xml", "application/xml"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"doc", "application/msword"},
    {"docx", OOXML "wordprocessingml.document"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", OOXML "spreadsheetml.sheet"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", OOXML "presentationml.presentation"},
    {"odt", ODF "text"},
    {"ods", ODF "spreadsheet"},
    {"odp", ODF "presentation"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"svg", "image/svg+xml"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ico", "image/vnd.microsoft.icon"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
};

posta_span posta__type_of_name(posta_span name) {
    size_t at = name.len, i;
    while (at > 0 && name.p[at - 1] != '.')
        at--;
    for (i = 0; at > 0 && i < sizeof rows / sizeof rows[0]; i++) {
        if (posta_span_is_nocase(posta__span_sub(name, at, name.len),
                                 posta__span_of(rows[i].extension)))
            return posta__span_of(rows[i].type);
    }
    return POSTA_LIT("application/octet-stream");
}
