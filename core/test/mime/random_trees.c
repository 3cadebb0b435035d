/* random_trees OUTDIR N SEED: composes N random messages. Each becomes OUTDIR/00000.eml, what the
 * composer made, and OUTDIR/00000.json, what a reader must find in it. judge.py and judge_views.py
 * compare the two by three readers that know nothing of posta. The same seed gives the same
 * messages.
 */
#include "random_i.h"

#include <stdlib.h>
#include <string.h>

/* ---- addresses ---- */

static const char *const locals[] = {"ana",     "bob.b",  "\"odd one\"", "x+tag",
                                     "\"a@b\"", "o'neil", "a-b_c"};
static const char *const domains[] = {"example.org", "mail.example.com", "x.co", "[192.0.2.1]"};

typedef struct put_address {
    posta_message *m;
    posta_address_field field;
    FILE *f;
    size_t n;
} put_address;

static void add_mailbox(put_address *a, bool as_list) {
    char name[200] = "", local[64], address[120], list[400];
    if (!one_in(3)) make_words(name, sizeof name, 1 + below(6), one_in(2));
    if (as_list) name[0] = 0;
    snprintf(local, sizeof local, "%s", locals[below(7)]);
    snprintf(address, sizeof address, "%s@%s", local, domains[below(4)]);
    fprintf(a->f, "%s[null, ", a->n++ ? ", " : "");
    put_string(a->f, name);
    fputs(", ", a->f);
    put_string(a->f, address);
    fputs("]", a->f);
    if (as_list) {
        snprintf(list, sizeof list, " (a comment) <%s> ", address);
        must(posta_message_addresses(a->m, a->field, list), a->m, list);
    } else
        must(posta_message_mailbox(a->m, a->field, name[0] ? name : NULL, address), a->m, name);
}

static void add_group(put_address *a) {
    static const char *const members[] = {"", "a@example.org", "a@example.org, B <b@example.org>"};
    size_t n = below(3);
    char list[200];
    snprintf(list, sizeof list, "A team: %s;", members[n]);
    must(posta_message_addresses(a->m, a->field, list), a->m, list);
    fprintf(a->f, "%s[\"A team\", null, null]", a->n++ ? ", " : "");
    if (n > 0) fputs(", [\"A team\", \"\", \"a@example.org\"]", a->f);
    if (n > 1) fputs(", [\"A team\", \"B\", \"b@example.org\"]", a->f);
}

static void add_addresses(posta_message *m, FILE *f, posta_address_field field, const char *key,
                          size_t n) {
    put_address a = {m, field, f, 0};
    bool many = field == POSTA_TO || field == POSTA_CC || field == POSTA_REPLY_TO;
    fprintf(f, ", \"%s\": [", key);
    while (n-- > 0) {
        if (many && n > 0 && one_in(6))
            add_group(&a);
        else
            add_mailbox(&a, one_in(4));
    }
    fputs("]", f);
}

/* ---- header ---- */

static void add_header(posta_message *m, FILE *f) {
    size_t n = below(3), i;
    char text[900];
    if (!one_in(5)) {
        make_words(text, one_in(4) ? sizeof text : 120, below(40), one_in(2));
        must(posta_message_subject(m, text), m, text);
        put_key(f, "subject", text);
    }
    fputs(", \"headers\": [", f);
    for (i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "X-Test-%zu", i);
        make_words(text, 400, below(20), one_in(2));
        must(posta_message_header(m, name, text), m, text);
        fprintf(f, "%s[\"%s\", ", i > 0 ? ", " : "", name);
        put_string(f, text);
        fputs("]", f);
    }
    fputs("]", f);
}

/* Fields with setters of their own. */
static void add_typed(posta_message *m, FILE *f) {
    static const char *const much[] = {"low", "normal", "high"};
    static const char *const urgent[] = {"non-urgent", "normal", "urgent"};
    static const char *const number[] = {"5", "3", "1"};
    size_t i = below(3);
    fputs(", \"typed\": {\"x-typed\": null", f);
    if (one_in(4)) {
        must(posta_message_answer(m, "one@example.org", "<a@x.org>\r\n <b@y.org>"), m, "answer");
        put_key(f, "in-reply-to", "<one@example.org>");
        put_key(f, "references", "<a@x.org> <b@y.org> <one@example.org>");
    }
    if (one_in(4)) {
        must(posta_message_list(m, POSTA_LIST_ID, "News & more <news.example.org>"), m, "list");
        must(posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "https://example.org/u?a=1,2"), m,
             "list");
        must(posta_message_list(m, POSTA_LIST_UNSUBSCRIBE, "mailto:u@example.org"), m, "list");
        must(posta_message_one_click(m), m, "one_click");
        put_key(f, "list-unsubscribe-post", "List-Unsubscribe=One-Click");
    }
    if (one_in(5)) {
        must(posta_message_priority(m, (posta_priority)i), m, "priority");
        put_key(f, "importance", much[i]);
        put_key(f, "priority", urgent[i]);
        put_key(f, "x-priority", number[i]);
    }
    if (one_in(5)) {
        must(posta_message_auto_submitted(m, "auto-replied"), m, "auto_submitted");
        put_key(f, "auto-submitted", "auto-replied");
    }
    fputs("}", f);
}

mail *make_mail(mail *first, FILE *f, size_t depth) {
    static size_t keys; /* two messages need two */
    char key[40];
    mail *x = keep(sizeof *x);
    must(posta_message_new(&random_port, &x->m), x->m, "new");
    while (first && first->next)
        first = first->next;
    if (first) first->next = x;
    add_addresses(x->m, f, POSTA_FROM, "from", one_in(4) ? 2 : 1);
    add_addresses(x->m, f, POSTA_SENDER, "sender", one_in(4));
    add_addresses(x->m, f, POSTA_REPLY_TO, "reply-to", one_in(3) ? 1 + below(2) : 0);
    add_addresses(x->m, f, POSTA_TO, "to", below(7));
    add_addresses(x->m, f, POSTA_CC, "cc", one_in(3) ? below(3) : 0);
    add_addresses(x->m, f, POSTA_NOTIFY_TO, "disposition-notification-to", one_in(6));
    must(posta_message_mailbox(x->m, POSTA_BCC, "Hidden", "hidden@secret.example"), x->m, "bcc");
    snprintf(key, sizeof key, "key %zu", keys++);
    if (one_in(5)) must(posta_message_idempotency_key(x->m, key), x->m, "key");
    add_header(x->m, f);
    add_typed(x->m, f);
    add_tree(x, f, depth);
    return x;
}

/* ---- writing ---- */

static void write_eml(mail *x, const char *path, const posta_compose_options *o) {
    posta_source s;
    posta_status status;
    uint64_t total = 0;
    FILE *f = fopen(path, "wb");
    if (!f) exit(2);
    must(posta_message_compose(x->m, o, &s, NULL), x->m, path);
    do {
        uint8_t space[512];
        posta_window w = {space, 1 + below(sizeof space), 0, 0};
        status = s.pull(s.user, &w);
        fwrite(space, 1, w.len, f);
        total += w.len;
        if (status == POSTA_AGAIN) feed_slot(x);
    } while (status == POSTA_OK || status == POSTA_AGAIN);
    if (status != POSTA_END) must(status, x->m, path);
    if (s.len != POSTA_LEN_UNKNOWN && s.len != total) {
        fprintf(stderr, "random_trees: %s: length told wrongly\n", path);
        exit(1);
    }
    fclose(f);
}

static void make_one(const char *dir, size_t i) {
    posta_compose_options o = POSTA_COMPOSE_OPTIONS;
    char path[1000];
    mail *x;
    FILE *f;
    o.may_8bit = one_in(3);
    o.may_binary = o.may_8bit && one_in(3);
    snprintf(path, sizeof path, "%s/%05zu.json", dir, i);
    f = fopen(path, "w");
    if (!f) exit(2);
    fprintf(f, "{\"may_8bit\": %s, \"may_binary\": %s", o.may_8bit ? "true" : "false",
            o.may_binary ? "true" : "false");
    /* now and then as deep as it may be: 40 levels, of which a last message by intention takes four
     * (mixed, alternative, related, the leaf) */
    x = make_mail(NULL, f, one_in(25) ? 36 : below(4));
    fputs("}\n", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/%05zu.eml", dir, i);
    write_eml(x, path, &o);
    for (; x; x = x->next)
        posta_message_free(&x->m);
    keep_nothing();
}

int main(int argc, char **argv) {
    size_t n, i;
    if (argc != 4) {
        fprintf(stderr, "usage: random_trees OUTDIR N SEED\n");
        return 2;
    }
    n = (size_t)strtoul(argv[2], NULL, 10);
    random_seed(strtoull(argv[3], NULL, 10));
    for (i = 0; i < n; i++)
        make_one(argv[1], i);
    return 0;
}
