/* random_trees: parts and how they hang together, by intention and by hand. */
#include "random_i.h"

#include <string.h>

/* ---- what is said about a part ---- */

typedef struct part {
    bytes b;
    posta_part_options o;
    char given_name[300], description[300], header[300], cid[80], parameter[300];
    const char *name, *type, *charset, *disposition;
    posta_field header_field, parameters[3];
    bool is_text;
} part;

typedef struct row {
    const char *name, *type;
} row;

static const row names[] = {
    {"report.pdf", "application/pdf"},
    {"a b.TXT", "text/plain"},
    {"data.csv", "text/csv"},
    {"no-extension", "application/octet-stream"},
    {"quote\"in it.png", "image/png"},
    {"semi;colon='x'.zip", "application/zip"},
    {"100%*star.json", "application/json"},
    {"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 g\xc4\x99\xc5\x9bl\xc4\x85.html", "text/html"},
    {("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c"
      "\xac"
      "\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.docx"),
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"\xf0\x9f\x98\x80.gif", "image/gif"},
    {"a-name-of-an-attachment-that-is-so-long-that-it-does-not-fit-into-any-single-line-of-a-"
     "header.xml",
     "application/xml"},
    {"mail.eml", "application/octet-stream"},
};

/* By hand and by intention alike a type is guessed from the name, if none is given. */
static void say_name(part *p) {
    const row *r = &names[below(12)];
    snprintf(p->given_name, sizeof p->given_name, "%s%s", one_in(5) ? "C:\\folder\\" : "", r->name);
    p->o.name = p->given_name;
    p->name = r->name;
    if (!p->o.type) p->type = r->type;
}

static void say_cid(part *p) {
    static size_t n;
    snprintf(p->cid, sizeof p->cid, "part%zu@example.org", n++);
    p->o.content_id = p->cid;
}

static void say_parameters(part *p) {
    static const posta_field some[] = {
        {"report-type", "delivery-status"}, {"x-one", "two words"}, {"x-empty", ""}};
    p->parameters[0] = some[below(3)];
    make_words(p->parameter, sizeof p->parameter, 1 + below(14), one_in(2));
    p->parameters[1] = (posta_field){"x-words", p->parameter};
    p->o.parameters = p->parameters;
    p->o.parameters_n = 1 + below(2);
}

/* What any part may have. */
static void say_more(part *p) {
    static const char *const languages[] = {"en", "de-CH, fr", "zh-Hant-TW"};
    if (one_in(4)) {
        make_words(p->description, sizeof p->description, 1 + below(9), one_in(2));
        p->o.description = p->description;
    }
    if (one_in(5)) {
        make_words(p->header, sizeof p->header, 1 + below(9), one_in(2));
        p->header_field = (posta_field){"X-Part", p->header};
        p->o.headers = &p->header_field;
        p->o.headers_n = 1;
    }
    if (one_in(6)) p->o.language = languages[below(3)];
    if (one_in(5)) say_parameters(p);
    if (one_in(8) && !p->cid[0]) say_cid(p);
}

static part *new_part(void) {
    static const posta_part_options none = POSTA_PART_OPTIONS;
    part *p = keep(sizeof *p);
    p->o = none;
    return p;
}

/* Up to what is in it, which follows behind the comma. */
static void put_part(FILE *f, const part *p) {
    size_t i;
    fprintf(f, "{\"type\": \"%s\"", p->type);
    put_key(f, "name", p->name);
    put_key(f, "charset", p->charset);
    put_key(f, "disposition", p->disposition);
    put_key(f, "cid", p->cid[0] ? p->cid : NULL);
    put_key(f, "description", p->o.description);
    put_key(f, "header", p->o.headers ? p->header : NULL);
    put_key(f, "language", p->o.language);
    fputs(", \"parameters\": {", f);
    for (i = 0; i < p->o.parameters_n; i++) {
        if (i > 0) fputs(", ", f);
        put_string(f, p->o.parameters[i].name);
        fputs(": ", f);
        put_string(f, p->o.parameters[i].value);
    }
    fputs("}", f);
}

static void put_leaf(FILE *f, const part *p) {
    put_part(f, p);
    fprintf(f, ", \"is_text\": %s", p->is_text ? "true" : "false");
    put_hex(f, &p->b, p->is_text);
    fputs("}", f);
}

/* ---- by intention ---- */

typedef posta_status (*setter)(posta_message *m, posta_body body, const posta_part_options *o);

static posta_encoding some_encoding(void) {
    static const posta_encoding all[] = {POSTA_ENCODING_BASE64, POSTA_ENCODING_QUOTED_PRINTABLE,
                                         POSTA_ENCODING_BINARY};
    return one_in(4) ? all[below(3)] : POSTA_ENCODING_AUTO;
}

/* Text that is attached says utf-8 only where it is seen to be so. */
static posta_body body_of(part *p, mail *x, bool is_told) {
    posta_body body = make_body(&p->b, x);
    bool is_seen = body.kind == POSTA_BODY_DATA || body.source.rewind;
    if (strncmp(p->type, "text/", 5) != 0) return body;
    if (p->o.charset || is_told)
        p->charset = p->o.charset ? p->o.charset : "utf-8";
    else
        p->charset = is_seen ? "as seen" : NULL;
    return body;
}

static void add_part(mail *x, FILE *f, setter set) {
    part *p = new_part();
    bool is_inline = set == posta_message_inline,
         is_body = set == posta_message_text || set == posta_message_html;
    posta_body body;
    p->is_text = is_body;
    p->type = set == posta_message_text   ? "text/plain"
              : set == posta_message_html ? "text/html"
                                          : "application/octet-stream";
    if (is_body)
        make_text(&p->b, one_in(2));
    else
        make_octets(&p->b);
    if (!is_body && one_in(5)) p->type = p->o.type = "x-test/x-octets";
    if (!is_body && !one_in(5)) say_name(p);
    if (strncmp(p->type, "text/", 5) == 0 && one_in(6)) p->o.charset = "iso-8859-2";
    if (is_inline) say_cid(p);
    p->disposition = is_body ? NULL : is_inline ? "inline" : "attachment";
    if (!is_body && one_in(6))
        p->disposition = p->o.disposition = is_inline ? "attachment" : "inline";
    say_more(p);
    p->o.encoding = some_encoding();
    body = body_of(p, x, is_body);
    must(set(x->m, body, &p->o), x->m, "part");
    put_leaf(f, p);
}

/* Two parts: the alternative, which stands here, and the copy that is attached. */
static part *add_calendar(mail *x, FILE *f) {
    static const posta_field method = {"method", "REQUEST"};
    part *p = new_part(), *copy = NULL;
    posta_body body;
    p->type = "text/calendar";
    p->is_text = true;
    make_text(&p->b, one_in(2));
    if (one_in(2)) p->o.name = "an invitation.ics";
    if (one_in(3)) say_parameters(p);
    body = body_of(p, x, true);
    if (body.kind == POSTA_BODY_DATA) {
        copy = new_part();
        copy->b = p->b;
        copy->type = "application/ics";
        copy->disposition = "attachment";
        copy->name = p->o.name ? p->o.name : "invite.ics";
    }
    must(posta_message_calendar(x->m, body, method.value, &p->o), x->m, "calendar");
    p->parameters[p->o.parameters_n++] = method;
    p->o.parameters = p->parameters;
    put_leaf(f, p);
    return copy;
}

static void add_html(mail *x, FILE *f) {
    size_t inlines = one_in(2) ? below(4) : 0, i;
    if (inlines > 0)
        fputs("{\"type\": \"multipart/related\", \"root\": \"text/html\", \"parts\": [", f);
    add_part(x, f, posta_message_html);
    for (i = 0; i < inlines; i++) {
        fputs(", ", f);
        add_part(x, f, posta_message_inline);
    }
    if (inlines > 0) fputs("]}", f);
}

/* What says the same in more than one way. True: the calendar's copy goes with it. */
static part *add_content(mail *x, FILE *f, bool text, bool html, bool calendar) {
    bool many = text + html + calendar > 1;
    part *copy = NULL;
    if (many) fputs("{\"type\": \"multipart/alternative\", \"parts\": [", f);
    if (text) add_part(x, f, posta_message_text);
    if (text && html) fputs(", ", f);
    if (html) add_html(x, f);
    if (calendar && many) fputs(", ", f);
    if (calendar) copy = add_calendar(x, f);
    if (many) fputs("]}", f);
    return copy;
}

/* ---- by hand ---- */

static posta_part *make_part(mail *x, FILE *f, size_t depth, bool is_attached);

static posta_part *make_leaf(mail *x, FILE *f, bool is_attached) {
    static const char *const types[] = {"text/plain", "text/html", "text/x-log", "image/png",
                                        "application/octet-stream"};
    part *p = new_part();
    posta_part *out = NULL;
    posta_body body;
    size_t type = below(5);
    p->type = p->o.type = types[type];
    p->is_text = type < 3 && !is_attached;
    if (one_in(3)) say_name(p);
    if (one_in(4)) p->disposition = p->o.disposition = one_in(2) ? "inline" : "attachment";
    if (p->disposition && strcmp(p->disposition, "attachment") == 0) p->is_text = false;
    if (!p->disposition && is_attached) p->disposition = "attachment";
    if (!p->disposition && p->name) p->disposition = "inline";
    if (p->is_text)
        make_text(&p->b, one_in(2));
    else
        make_octets(&p->b);
    say_more(p);
    p->o.encoding = some_encoding();
    body = body_of(p, x, p->is_text);
    must(posta_message_leaf(x->m, body, &p->o, &out), x->m, "leaf");
    put_leaf(f, p);
    return out;
}

static posta_part *make_enclosed(mail *x, FILE *f, size_t depth, bool is_attached) {
    part *p = new_part();
    posta_part *out = NULL;
    mail *other;
    p->type = "message/rfc822";
    say_more(p);
    if (is_attached) p->disposition = "attachment";
    put_part(f, p);
    fputs(", \"message\": {\"may_8bit\": null", f);
    other = make_mail(x, f, depth);
    fputs("}}", f);
    must(posta_message_enclose(x->m, other->m, &p->o, &out), x->m, "enclose");
    return out;
}

/* A related names its root by `start` when that is not the first. */
static posta_part *make_multipart(mail *x, FILE *f, size_t depth) {
    static const char *const types[] = {"multipart/mixed",    "multipart/alternative",
                                        "multipart/parallel", "multipart/digest",
                                        "multipart/x-own",    "multipart/related"};
    part *p = new_part();
    posta_part *out = NULL;
    size_t type = below(6), n = depth > 6 ? 1 : 1 + below(4), i;
    p->type = p->o.type = types[type];
    if (type == 0 && one_in(2)) p->o.type = NULL;
    say_more(p);
    if (type == 5) p->o.parameters_n = 0; /* its `type` is posta's */
    must(posta_message_multipart(x->m, &p->o, &out), x->m, "multipart");
    put_part(f, p);
    if (type == 5) fputs(", \"root\": \"of the first\"", f);
    fputs(", \"parts\": [", f);
    for (i = 0; i < n; i++) {
        if (i > 0) fputs(", ", f);
        must(posta_part_add(out, make_part(x, f, depth - 1, false)), x->m, "add");
    }
    fputs("]}", f);
    return out;
}

static posta_part *make_part(mail *x, FILE *f, size_t depth, bool is_attached) {
    if (depth > 6 && !one_in(12)) return make_multipart(x, f, depth);
    if (depth > 0 && one_in(2)) return make_multipart(x, f, depth);
    if (depth > 0 && one_in(3)) return make_enclosed(x, f, depth - 1, is_attached);
    return make_leaf(x, f, is_attached);
}

/* ---- the tree: as behaviour H18 and mime.h tell it ---- */

static void put_empty(FILE *f) {
    part *p = new_part();
    p->type = "text/plain";
    p->charset = "utf-8";
    p->is_text = true;
    put_leaf(f, p);
}

static void attach_by_hand(mail *x, FILE *f, size_t depth) {
    must(posta_message_attach_part(x->m, make_part(x, f, depth, true)), x->m, "attach_part");
}

/* The calendar's copy is attached when the calendar is given, so before what else is. */
static void add_intention(mail *x, FILE *f, size_t depth) {
    bool text = !one_in(4), html = one_in(2), calendar = one_in(8);
    bool content = text || html || calendar;
    size_t n = one_in(2) ? below(5) : 0, i;
    part *copy = NULL;
    /* whether there is a copy is known only later, so the brackets always stand, and go if it is
     * alone */
    fputs("{\"type\": \"multipart/mixed\", \"parts\": [", f);
    if (content) copy = add_content(x, f, text, html, calendar);
    if (copy) fputs(", ", f);
    if (copy) put_leaf(f, copy);
    for (i = 0; i < n; i++) {
        if (content || i > 0) fputs(", ", f);
        if (depth > 0 && one_in(4))
            attach_by_hand(x, f, depth - 1);
        else
            add_part(x, f, posta_message_attach);
    }
    if (!content && n == 0) put_empty(f);
    fputs("], \"by_intention\": true}", f);
}

void add_tree(mail *x, FILE *f, size_t depth) {
    fputs(", \"tree\": ", f);
    if (depth > 0 && one_in(2))
        must(posta_message_tree(x->m, make_part(x, f, depth, false)), x->m, "tree");
    else
        add_intention(x, f, depth);
}
