/* core/codec: address lists, RFC 5322 3.4. Contracts in codec_i.h.
 *
 * address = mailbox / group;  mailbox = [phrase] "<" addr-spec ">" / addr-spec
 * group = phrase ":" [mailbox *("," mailbox)] ";"
 *
 * Words are read once to find what they belong to and how long they are, and once more to decode
 * them: each octet a bounded number of times. Refused although old or lenient readers take it:
 * source routes, empty places between commas, white space around a dot, folded lines. */
#include "codec_i.h"

#define COMMENT_DEPTH 16u

enum { AT_START, READY, AFTER_COMMA, AFTER_COLON, AFTER_ENTRY };

/* What a run of words was made of. */
typedef struct words {
    size_t n;
    size_t len;       /* decoded, joined by one space where there was white space */
    posta_span first; /* as written */
    const char *why;  /* a broken word or comment */
} words;

static posta_status say(posta__address_fault *fault, const char *why, size_t at) {
    if (fault) *fault = (posta__address_fault){why, at, false};
    return POSTA_E_FIELD;
}

static bool ended(const posta__address_reader *r) {
    return r->at >= r->in.len;
}
static uint8_t peek(const posta__address_reader *r) {
    return ended(r) ? 0 : r->in.p[r->at];
}

/* comment = "(" *([FWS] ctext / quoted-pair / comment) ")"; leaves `at` on the "(" when it is
 * broken */
static const char *skip_comment(posta__address_reader *r) {
    size_t at = r->at, depth = 0;
    for (; at < r->in.len; at++) {
        uint8_t c = r->in.p[at];
        if (c == '\\')
            at++;
        else if (c == '(' && ++depth > COMMENT_DEPTH)
            return "has comments nested too deep";
        else if (c == ')' && --depth == 0) {
            r->at = at + 1;
            return NULL;
        }
    }
    return "has a comment that is not closed";
}

static const char *skip_space(posta__address_reader *r) {
    const char *why = NULL;
    while (!why && !ended(r)) {
        uint8_t c = peek(r);
        if (c == '(')
            why = skip_comment(r);
        else if (c == ' ' || c == '\t')
            r->at++;
        else
            break;
    }
    return why;
}

/* Octets of the atom (dots and non-ASCII included) or quoted string at `at`; 0: none. */
static size_t word_len(const posta__address_reader *r, const char **why) {
    size_t n = 0;
    if (peek(r) == '"') {
        n = posta__quoted_len(posta__span_sub(r->in, r->at, r->in.len));
        if (n == 0) *why = "has a quote that is not closed";
        return n;
    }
    for (; r->at + n < r->in.len; n++) {
        uint8_t c = r->in.p[r->at + n];
        if (c < 0x80 && c != '.' && !posta__is_atext(c)) break;
    }
    return n;
}

static size_t decode_word(posta_span word, uint8_t *out) {
    bool is_quoted = word.p[0] == '"';
    size_t end = word.len - (is_quoted ? 1 : 0), len = 0;
    for (size_t i = is_quoted ? 1 : 0; i < end; i++) {
        if (is_quoted && word.p[i] == '\\') i++;
        if (out) out[len] = word.p[i];
        len++;
    }
    return len;
}

/* Reads words with the space around them; `out` (may be null) takes them decoded. */
static words take_words(posta__address_reader *r, uint8_t *out) {
    words w = {0};
    for (;;) {
        size_t before = r->at;
        w.why = skip_space(r);
        bool has_gap = r->at > before && w.n > 0;
        size_t n = w.why ? 0 : word_len(r, &w.why);
        if (n == 0) return w;
        if (has_gap && out) out[w.len] = ' ';
        w.len += has_gap;
        posta_span word = posta__span(r->in.p + r->at, n);
        w.len += decode_word(word, out ? out + w.len : NULL);
        if (w.n++ == 0) w.first = word;
        r->at += n;
    }
}

/* The domain behind the '@'; `at` stands on the '@'. */
static const char *take_domain(posta__address_reader *r, posta_span *domain_out) {
    size_t n = 0;
    r->at++;
    const char *why = skip_space(r);
    if (why) return why;
    posta_span rest = posta__span_sub(r->in, r->at, r->in.len);
    if (peek(r) == '[') {
        const uint8_t *end = memchr(rest.p, ']', rest.len);
        n = end ? (size_t)(end - rest.p) + 1 : rest.len;
    } else if (peek(r) != '"') {
        n = word_len(r, &why);
    }
    *domain_out = posta__span_sub(rest, 0, n);
    why = posta__domain_why(*domain_out);
    if (!why) r->at += n;
    return why;
}

/* Copies name, local part and domain into one piece of the arena and measures the path. */
static posta_status keep(posta__address_reader *r, posta_arena *arena, size_t name_at,
                         size_t name_len, posta_span local, posta_span domain,
                         posta__address *out) {
    size_t local_len = 0;
    uint8_t *p = posta__arena_bytes(arena, name_len + local.len + domain.len + 1);
    if (!p) return POSTA_E_MEMORY;
    if (name_len > 0) {
        posta__address_reader again = {r->in, name_at, 0, false, false};
        (void)take_words(&again, p);
    }
    if (local.len > 0) (void)posta__local_why(local, p + name_len, &local_len);
    if (domain.len > 0) memcpy(p + name_len + local_len, domain.p, domain.len);
    out->name = posta__span(p, name_len);
    out->local = posta__span(p + name_len, local_len);
    out->domain = posta__span(p + name_len + local_len, domain.len);
    return POSTA_OK;
}

/* Behind an entry there is the end, a comma, or the end of the group. */
static posta_status after_entry(posta__address_reader *r, posta__address_fault *fault) {
    const char *why = skip_space(r);
    if (why) return say(fault, why, r->at);
    r->place = AFTER_ENTRY;
    if (ended(r) || (peek(r) == ';' && r->in_group)) return POSTA_OK;
    if (peek(r) != ',') return say(fault, "has something behind the address", r->at);
    r->at++;
    r->place = AFTER_COMMA;
    return POSTA_OK;
}

/* The address of a mailbox, with or without brackets: `at` stands on '<' or '@'. */
static posta_status take_mailbox(posta__address_reader *r, posta_arena *arena, size_t start,
                                 words name, posta__address *out, posta__address_fault *fault) {
    bool is_angle = peek(r) == '<';
    size_t local_at = start, local_len = 0;
    posta_span domain = {0};
    words local = name;
    if (is_angle) {
        local_at = ++r->at;
        local = take_words(r, NULL);
    }
    const char *why = local.why;
    if (why) return say(fault, why, r->at);
    if (is_angle && local.n == 0 && peek(r) == '>')
        why = "has nothing between < and >";
    else if (local.n == 0)
        why = "has nothing before the @";
    else if (local.n > 1)
        why = "has a space or a quote within the part before the @";
    else if (peek(r) != '@')
        why = "has no @";
    else
        why = posta__local_why(local.first, NULL, &local_len);
    if (why) return say(fault, why, local_at);
    why = take_domain(r, &domain);
    if (why) return say(fault, why, r->at);
    if (is_angle && (why = skip_space(r)) == NULL && peek(r) != '>') why = "has a < without its >";
    if (why) return say(fault, why, r->at);
    if (is_angle) r->at++;
    posta_status status = keep(r, arena, start, is_angle ? name.len : 0, local.first, domain, out);
    if (status != POSTA_OK) return status;
    why = posta__path_len_why(out->local, domain);
    return why ? say(fault, why, local_at) : after_entry(r, fault);
}

static posta_status take_entry(posta__address_reader *r, posta_arena *arena, posta__address *out,
                               posta__address_fault *fault) {
    size_t start = r->at;
    words name = take_words(r, NULL);
    if (name.why) return say(fault, name.why, r->at);
    uint8_t c = peek(r);
    if (c == '<' || c == '@') return take_mailbox(r, arena, start, name, out, fault);
    if (ended(r) || c == ',' || c == ';') return say(fault, "has no @", start);
    if (c != ':') return say(fault, "has a character that must stand in quotes", r->at);
    if (r->in_group) return say(fault, "has a group within a group", r->at);
    if (name.n == 0) return say(fault, "has a group without a name", r->at);
    r->at++;
    r->place = AFTER_COLON;
    r->in_group = true;
    r->is_mailto = posta_span_is_nocase(name.first, POSTA_LIT("mailto"));
    out->kind = POSTA__GROUP_BEGIN;
    return keep(r, arena, start, name.len, posta__span(NULL, 0), posta__span(NULL, 0), out);
}

void posta__address_reader_init(posta__address_reader *r, posta_span list) {
    *r = (posta__address_reader){list, 0, AT_START, false, false};
}

static posta_status at_end(const posta__address_reader *r, posta__address_fault *fault) {
    if (r->in_group) {
        /* of a web page's link: "mailto" reads as the name of a group */
        const char *why = r->is_mailto ? "has a group that is not closed by a semicolon; "
                                         "give the address without mailto:"
                                       : "has a group that is not closed by a semicolon";
        return say(fault, why, r->at);
    }
    if (r->place == AFTER_ENTRY) return POSTA_END;
    return say(fault, r->place == READY ? "has no address" : "ends with a comma", r->at);
}

/* An addr-spec of plain ASCII and nothing else, as most lists are: where its @ is; 0: it is not so.
 */
static size_t simple_at(posta_span s) {
    size_t at = 0;
    uint8_t before = '.';
    if (s.len > POSTA_MAX_LOCAL_PART) return 0;
    for (; at < s.len && s.p[at] != '@'; before = s.p[at++])
        if (!posta__is_atext(s.p[at]) && (s.p[at] != '.' || before == '.')) return 0;
    if (before == '.') return 0;
    before = '.';
    for (size_t i = at + 1; i < s.len; before = s.p[i++]) {
        if (posta__is_alpha(s.p[i]) || posta__is_digit(s.p[i])) continue;
        bool is_inside = s.p[i] == '-' ? before != '.' : s.p[i] == '.' && before != '-';
        if (!is_inside || before == '.') return 0;
    }
    return before != '.' && before != '-' ? at : 0;
}

static posta_status take_simple(posta__address_reader *r, size_t at, posta_arena *arena,
                                posta__address *out) {
    char *copy = posta__arena_copy(arena, r->in);
    if (!copy) return POSTA_E_MEMORY;
    out->is_simple = true;
    out->local = posta__span(copy, at);
    out->domain = posta__span(copy + at + 1, r->in.len - at - 1);
    r->at = r->in.len;
    r->place = AFTER_ENTRY;
    return POSTA_OK;
}

posta_status posta__address_next(posta__address_reader *r, posta_arena *arena, posta__address *out,
                                 posta__address_fault *fault_out) {
    const char *why = NULL;
    size_t at = 0;
    *out = (posta__address){.kind = POSTA__MAILBOX};
    if (r->place == AT_START) {
        size_t sign = simple_at(r->in);
        if (sign > 0) return take_simple(r, sign, arena, out);
        if (posta__text_check_at(r->in, &why, &at) != POSTA_OK) return say(fault_out, why, at);
        r->place = READY;
    }
    why = skip_space(r);
    if (why) return say(fault_out, why, r->at);
    if (ended(r)) return at_end(r, fault_out);
    if (peek(r) == ';' && r->in_group && r->place != AFTER_COMMA) {
        r->at++;
        r->in_group = false;
        out->kind = POSTA__GROUP_END;
        return after_entry(r, fault_out);
    }
    if (peek(r) == ',' || peek(r) == ';')
        return say(fault_out, "has a comma or semicolon with no address before it", r->at);
    return take_entry(r, arena, out, fault_out);
}

posta_status posta__mailbox_parse(posta_span text, posta_arena *arena, posta__address *out,
                                  posta__address_fault *fault_out) {
    posta__address_reader r;
    posta__address_reader_init(&r, text);
    posta_status status = posta__address_next(&r, arena, out, fault_out);
    if (status != POSTA_OK) return status;
    if (out->kind != POSTA__MAILBOX) return say(fault_out, "is a group, not one address", 0);
    if (ended(&r) && r.place == AFTER_ENTRY) return POSTA_OK;
    return say(fault_out, "is more than one address", r.at);
}

void posta__fold_address(posta__fold *f, const posta__address *a, bool last) {
    uint8_t room[POSTA_MAX_PATH];
    posta_window w = posta__window(room, sizeof room);
    const size_t glue = 2; /* a comma, or the ; and the comma of a group's end */
    if (a->kind == POSTA__GROUP_BEGIN) {
        posta__fold_phrase(f, a->name, 1 + glue); /* an empty group ends on the same line */
        posta__fold_put(f, POSTA_LIT(":"));
        return;
    }
    if (a->kind == POSTA__MAILBOX) {
        bool is_angle = a->name.len > 0;
        if (!posta__path_put(&w, a) && f->status == POSTA_OK) f->status = POSTA_E_FIELD;
        posta__fold_phrase(f, a->name, 0);
        posta__fold_break(f, w.len + (is_angle ? 2 : 0) + glue);
        posta__fold_put(f, is_angle ? POSTA_LIT("<") : POSTA_LIT(""));
        posta__fold_put(f, posta__span(room, w.len));
        posta__fold_put(f, is_angle ? POSTA_LIT(">") : POSTA_LIT(""));
    } else {
        posta__fold_put(f, POSTA_LIT(";"));
    }
    if (!last) posta__fold_put(f, POSTA_LIT(","));
}
