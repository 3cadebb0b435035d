/* libetpan: the tree by mailmime, written into memory, sent by mailsmtp. It has no other way of
 * sending. Usage: etpan PORT attach FILE | text FILE | mails N */
#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char small_text[1025];

static struct mailmime *part_of(int encoding, const char *type, const char *path,
                                const char *text) {
    struct mailmime_mechanism *m = mailmime_mechanism_new(encoding, NULL);
    struct mailmime_fields *f = mailmime_fields_new_encoding(encoding);
    struct mailmime_content *c = mailmime_content_new_with_str(type);
    struct mailmime *mime;
    (void)m;
    if (path) {
        struct mailmime_disposition *d =
            mailmime_disposition_new_filename(MAILMIME_DISPOSITION_TYPE_ATTACHMENT, strdup("f"));
        mailmime_fields_free(f);
        f = mailmime_fields_new_with_data(m, NULL, NULL, d, NULL);
    }
    mime = mailmime_new_empty(c, f);
    if (path)
        mailmime_set_body_file(mime, strdup(path));
    else
        mailmime_set_body_text(mime, (char *)text, strlen(text));
    return mime;
}

static struct mailimf_mailbox_list *box(const char *address) {
    struct mailimf_mailbox_list *l = mailimf_mailbox_list_new_empty();
    mailimf_mailbox_list_add_parse(l, (char *)address);
    return l;
}

static struct mailimf_address_list *addresses(const char *address) {
    struct mailimf_address_list *l = mailimf_address_list_new_empty();
    mailimf_address_list_add_parse(l, (char *)address);
    return l;
}

static struct mailmime *compose(const char *what, const char *path) {
    struct mailmime *root = mailmime_new_message_data(NULL);
    struct mailimf_fields *f =
        mailimf_fields_new_with_data(box("a@x.test"), NULL, NULL, addresses("b@x.test"), NULL, NULL,
                                     NULL, NULL, strdup("bench"));
    struct mailmime *multi;
    mailmime_set_imf_fields(root, f);
    if (!strcmp(what, "mails")) {
        mailmime_add_part(root, part_of(MAILMIME_MECHANISM_7BIT, "text/plain", NULL, small_text));
        return root;
    }
    multi = mailmime_multiple_new("multipart/mixed");
    mailmime_smart_add_part(root, multi);
    mailmime_smart_add_part(multi, part_of(MAILMIME_MECHANISM_7BIT, "text/plain", NULL, "hi\r\n"));
    if (!strcmp(what, "attach"))
        mailmime_smart_add_part(
            multi, part_of(MAILMIME_MECHANISM_BASE64, "application/octet-stream", path, NULL));
    else
        mailmime_smart_add_part(
            multi, part_of(MAILMIME_MECHANISM_QUOTED_PRINTABLE, "text/plain", path, NULL));
    return root;
}

static int send_one(mailsmtp *s, const char *what, const char *path) {
    struct mailmime *root = compose(what, path);
    MMAPString *out = mmap_string_new("");
    int column = 0;
    int r = mailmime_write_mem(out, &column, root);
    if (r == MAILIMF_NO_ERROR) r = mailesmtp_mail(s, "a@x.test", 1, "bench");
    if (r == MAILSMTP_NO_ERROR) r = mailesmtp_rcpt(s, "b@x.test", 0, NULL);
    if (r == MAILSMTP_NO_ERROR) r = mailsmtp_data(s);
    if (r == MAILSMTP_NO_ERROR) r = mailsmtp_data_message(s, out->str, out->len);
    if (r) fprintf(stderr, "etpan: %d\n", r);
    mmap_string_free(out);
    mailmime_free(root);
    return r;
}

int main(int argc, char **argv) {
    mailsmtp *s = mailsmtp_new(0, NULL);
    int n = 1, r;
    if (argc != 4) return 64;
    if (!strcmp(argv[2], "mails")) n = atoi(argv[3]);
    for (size_t i = 0; i < 1024; i++)
        small_text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
    r = mailsmtp_socket_connect(s, "127.0.0.1", (uint16_t)atoi(argv[1]));
    if (r == MAILSMTP_NO_ERROR) r = mailesmtp_ehlo(s);
    while (r == MAILSMTP_NO_ERROR && n-- > 0)
        r = send_one(s, argv[2], argv[3]);
    if (r == MAILSMTP_NO_ERROR) r = mailsmtp_quit(s);
    mailsmtp_free(s);
    return r ? 1 : 0;
}
