/* libcurl, its own MIME. Usage: curl PORT attach FILE | text FILE | mails N */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char small_text[1025];

static CURLcode send_one(CURL *c, const char *what, const char *path) {
    struct curl_slist *to = curl_slist_append(NULL, "b@x.test"), *head = NULL;
    curl_mime *mime = curl_mime_init(c);
    curl_mimepart *part = curl_mime_addpart(mime);
    CURLcode code;
    head = curl_slist_append(head, "From: a@x.test");
    head = curl_slist_append(head, "To: b@x.test");
    head = curl_slist_append(head, "Subject: bench");
    head = curl_slist_append(head, "Date: Sat, 28 Nov 2026 08:00:00 +0000");
    curl_mime_data(part, strcmp(what, "mails") ? "hi\r\n" : small_text, CURL_ZERO_TERMINATED);
    if (strcmp(what, "mails")) {
        part = curl_mime_addpart(mime);
        curl_mime_filedata(part, path);
        curl_mime_encoder(part, strcmp(what, "text") ? "base64" : "quoted-printable");
        curl_mime_type(part, strcmp(what, "text") ? "application/octet-stream" : "text/plain");
    }
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, "a@x.test");
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(c, CURLOPT_MIMEPOST, mime);
    code = curl_easy_perform(c);
    if (code) fprintf(stderr, "curl: %s\n", curl_easy_strerror(code));
    curl_mime_free(mime);
    curl_slist_free_all(to);
    curl_slist_free_all(head);
    return code;
}

int main(int argc, char **argv) {
    char url[64];
    CURL *c;
    CURLcode code = CURLE_OK;
    int n = 1;
    if (argc != 4) return 64;
    if (!strcmp(argv[2], "mails")) n = atoi(argv[3]);
    for (size_t i = 0; i < 1024; i++)
        small_text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
    snprintf(url, sizeof url, "smtp://127.0.0.1:%s", argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, url);
    while (!code && n-- > 0)
        code = send_one(c, argv[2], argv[3]);
    curl_easy_cleanup(c);
    curl_global_cleanup();
    return code ? 1 : 0;
}
