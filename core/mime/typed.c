/* core/mime: header fields that have a grammar of their own, and what a key makes of randomness.
 * They stand among the other fields, and a second copy from there is refused. */
#include "mime_i.h"

static posta_status refuse(posta_message *m, const char *label, posta_span value, const char *why) {
    posta__blame b = {label, value, why, POSTA__NOWHERE};
    return posta__setter_fails(m, posta__blame_it(m, POSTA_E_FIELD, b));
}

static posta__header *find(const posta_message *m, const char *name) {
    posta__header *h;
    for (h = m->typed; h; h = h->next_typed)
        if (posta_span_is_nocase(h->name, posta__span_of(name))) return h;
    for (h = m->headers; h; h = h->next)
        if (posta_span_is_nocase(h->name, posta__span_of(name))) return h;
    return NULL;
}

/* Room for `len` octets behind the value. What was short is moved to twice the room it needs, so
   that many values cost no more than their octets. */
static bool grow(posta_message *m, posta__header *h, size_t len) {
    size_t cap = (h->value.len > 0 ? 2u : 1u) * (h->value.len + len);
    posta_window w;
    if (h->room >= len) return true;
    w = posta__window(posta__arena_bytes(&m->arena, cap), cap);
    if (!w.p) return false;
    posta__put(&w, h->value);
    h->value = posta__span(w.p, w.len);
    h->room = cap - w.len;
    return true;
}

/* The field gets what stands before it already, `between`, and `value` in `around[0]`, `around[1]`.
 */
static posta_status append(posta_message *m, const char *label, const char *name,
                           const char *between, const char *const around[2], posta_span value) {
    posta__header *h = find(m, name);
    bool is_new = !h || h->value.len == 0;
    posta_span pieces[4];
    size_t len = 0, i;
    posta_window w;
    if (h && !h->is_typed) return refuse(m, label, value, "is given in headers already");
    if (!h) {
        h = posta__arena_take(&m->arena, sizeof *h);
        if (!h) return posta__setter_starves(m);
        *h =
            (posta__header){.name = posta__span_of(name), .is_typed = true, .next_typed = m->typed};
        m->typed = h;
        posta__header_add(m, h);
    }
    pieces[0] = posta__span_of(is_new ? "" : between);
    pieces[1] = posta__span_of(around[0]);
    pieces[2] = value;
    pieces[3] = posta__span_of(around[1]);
    for (i = 0; i < 4; i++)
        len += pieces[i].len;
    if (!grow(m, h, len)) return posta__setter_starves(m);
    /* what may be written to is the arena's, though spans are const */
    w = posta__window((uint8_t *)(uintptr_t)h->value.p, h->value.len + len);
    w.len = h->value.len;
    for (i = 0; i < 4; i++)
        posta__put(&w, pieces[i]);
    h->value.len = w.len;
    h->room -= len;
    return POSTA_OK;
}

/* Sets it, whatever it was. */
static posta_status set(posta_message *m, const char *label, const char *name, const char *value) {
    static const char *const bare[2] = {"", ""};
    posta__header *h = find(m, name);
    if (!h) return append(m, label, name, "", bare, posta__span_of(value));
    if (!h->is_typed) return refuse(m, label, posta__span_of(value), "is given in headers already");
    h->value = posta__span_of(value);
    h->room = 0;
    return POSTA_OK;
}

/* ---- who is answered, RFC 5322 3.6.4 ---- */

static posta_status add_id(posta_message *m, const char *label, const char *name, posta_span id) {
    static const char *const brackets[2] = {"<", ">"};
    posta_span bare;
    const char *why = "is missing";
    if (!id.p || posta__msg_id_check(id, 0, &bare, &why)) return refuse(m, label, id, why);
    return append(m, label, name, " ", brackets, bare);
}

posta_status posta_message_in_reply_to(posta_message *m, const char *id) {
    const char *label;
    posta_status status = posta__setter_begin(m, "in_reply_to", &label);
    return status ? status : add_id(m, label, "In-Reply-To", posta__span_of(id));
}

posta_status posta_message_reference(posta_message *m, const char *id) {
    const char *label;
    posta_status status = posta__setter_begin(m, "references", &label);
    return status ? status : add_id(m, label, "References", posta__span_of(id));
}

/* The next id of a References field; folds and blanks part them. */
static posta_span next_id(posta_span *in) {
    size_t n = 0;
    posta_span id;
    while (in->len > 0 && (in->p[0] <= ' ' || in->p[0] == ','))
        *in = posta__span_sub(*in, 1, in->len);
    while (n < in->len && in->p[n] > ' ' && in->p[n] != ',')
        n++;
    id = posta__span_sub(*in, 0, n);
    *in = posta__span_sub(*in, n, in->len);
    return id;
}

posta_status posta_message_answer(posta_message *m, const char *id, const char *references) {
    posta_span all = posta__span_of(references), one;
    posta_status status = posta_message_in_reply_to(m, id);
    while (!status && (one = next_id(&all)).len > 0)
        status = add_id(m, "references", "References", one);
    return status ? status : posta_message_reference(m, id);
}

/* ---- lists, RFC 2369, 2919, 8058 ---- */

static const struct {
    const char *name, *label;
} lists[] = {
    [POSTA_LIST_ID] = {"List-Id", "list.id"},
    [POSTA_LIST_UNSUBSCRIBE] = {"List-Unsubscribe", "list.unsubscribe"},
    [POSTA_LIST_SUBSCRIBE] = {"List-Subscribe", "list.subscribe"},
    [POSTA_LIST_POST] = {"List-Post", "list.post"},
    [POSTA_LIST_HELP] = {"List-Help", "list.help"},
    [POSTA_LIST_OWNER] = {"List-Owner", "list.owner"},
    [POSTA_LIST_ARCHIVE] = {"List-Archive", "list.archive"},
};

/* RFC 3986 3.1, and nothing that would end the brackets. */
static const char *uri_why(posta_span s) {
    size_t n = 0, i;
    while (n < s.len && (posta__is_alpha(s.p[n]) || posta__is_digit(s.p[n]) || s.p[n] == '+' ||
                         s.p[n] == '-' || s.p[n] == '.'))
        n++;
    if (n == 0 || n == s.len || s.p[n] != ':' || !posta__is_alpha(s.p[0]))
        return "is no URI: it begins with https: or mailto:";
    for (i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '<' || s.p[i] == '>' || s.p[i] == '"')
            return "has a character that a URI has to write as %XX";
    return s.len > 900 ? "is longer than 900 octets" : NULL;
}

/* "Name <id>" or the id alone; the name becomes a phrase of ASCII, or the field's text an encoded
 * one.
 */
static posta_status set_list_id(posta_message *m, const char *label, posta_span s) {
    static const char *const brackets[2] = {"<", ">"}, *const bare[2] = {"", ""};
    posta_span id = s;
    const char *why = NULL;
    size_t at = 0;
    if (find(m, "List-Id")) return refuse(m, label, s, "is given already");
    while (at < s.len && s.p[at] != '<')
        at++;
    if (at < s.len) id = posta__span_sub(s, at + 1, s.len - at - 2);
    if (at < s.len && s.p[s.len - 1] != '>') why = "does not end with >";
    if (!why && posta__domain_check(id, &why) == POSTA_OK) why = NULL;
    if (!why && (!posta__is_ascii(s) || posta__text_check(s, NULL)))
        why = "may have a name of ASCII characters only";
    if (why) return refuse(m, label, s, why);
    return append(m, label, "List-Id", "", at < s.len ? bare : brackets, s);
}

posta_status posta_message_list(posta_message *m, posta_list_field field, const char *value) {
    static const char *const brackets[2] = {"<", ">"}, *const bare[2] = {"", ""};
    const char *label;
    posta_span s = posta__span_of(value);
    const char *why;
    posta_status status;
    bool is_no = field == POSTA_LIST_POST && posta_span_is(s, POSTA_LIT("NO"));
    if ((unsigned)field > POSTA_LIST_ARCHIVE) return POSTA_E_ARGUMENT;
    status = posta__setter_begin(m, lists[field].label, &label);
    if (status) return status;
    if (!value) return refuse(m, label, s, "is missing");
    if (field == POSTA_LIST_ID) return set_list_id(m, label, s);
    why = is_no ? NULL : uri_why(s);
    if (why) return refuse(m, label, s, why);
    return append(m, label, lists[field].name, ", ", is_no ? bare : brackets, s);
}

posta_status posta_message_one_click(posta_message *m) {
    const char *label;
    posta_status status = posta__setter_begin(m, "list.one_click", &label);
    if (status) return status;
    m->is_one_click = true;
    return set(m, label, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
}

static bool has_https(posta_span s) {
    posta_span mark = POSTA_LIT("<https:");
    for (; s.len >= mark.len; s = posta__span_sub(s, 1, s.len))
        if (posta_span_is_nocase(posta__span_sub(s, 0, mark.len), mark)) return true;
    return false;
}

posta_status posta__check_typed(posta_message *m) {
    const posta__header *h = m->is_one_click ? find(m, "List-Unsubscribe") : NULL;
    if (!m->is_one_click || (h && has_https(h->value))) return POSTA_OK;
    return posta__blame_on(m, POSTA_E_FIELD, "list.one_click",
                           "needs an https: URI in list.unsubscribe (RFC 8058 3.1)");
}

/* ---- one word ---- */

posta_status posta_message_auto_submitted(posta_message *m, const char *how) {
    static const char *const words[] = {"auto-generated", "auto-replied", "auto-notified", "no"};
    const char *label;
    size_t i;
    posta_status status = posta__setter_begin(m, "auto_submitted", &label);
    if (status) return status;
    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (posta_span_is(posta__span_of(how), posta__span_of(words[i])))
            return set(m, label, "Auto-Submitted", words[i]);
    return refuse(m, label, posta__span_of(how),
                  "is none of auto-generated, auto-replied, auto-notified and no (RFC 3834)");
}

posta_status posta_message_priority(posta_message *m, posta_priority priority) {
    static const char *const rows[][3] = {
        [POSTA_PRIORITY_LOW] = {"low", "non-urgent", "5"},
        [POSTA_PRIORITY_NORMAL] = {"normal", "normal", "3"},
        [POSTA_PRIORITY_HIGH] = {"high", "urgent", "1"},
    };
    const char *label;
    posta_status status = posta__setter_begin(m, "priority", &label);
    if (status) return status;
    if ((unsigned)priority > POSTA_PRIORITY_HIGH) return POSTA_E_ARGUMENT;
    status = set(m, label, "Importance", rows[priority][0]);
    if (!status) status = set(m, label, "Priority", rows[priority][1]);
    return status ? status : set(m, label, "X-Priority", rows[priority][2]);
}

/* ---- what a key stands for ---- */

/* Every bit of the answer hangs on every bit of x: two rounds of multiply and shift. */
static uint64_t stir(uint64_t x) {
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

posta_status posta_message_idempotency_key(posta_message *m, const char *key) {
    const char *label;
    posta_span s = posta__span_of(key);
    size_t i;
    posta_status status = posta__setter_begin(m, "idempotency_key", &label);
    if (status) return status;
    if (s.len == 0 || s.len > 255) return refuse(m, label, s, "has to have 1 to 255 octets");
    m->seed[0] = stir(s.len);
    m->seed[1] = stir(~(uint64_t)s.len);
    for (i = 0; i < s.len; i++) {
        m->seed[0] = stir(m->seed[0] ^ s.p[i]);
        m->seed[1] = stir(m->seed[1] + s.p[i]) ^ m->seed[0];
    }
    m->has_seed = true;
    return POSTA_OK;
}

static void draw_seeded(uint64_t seed[2], uint64_t n, uint8_t out[16]) {
    uint64_t half[2];
    size_t i;
    half[0] = stir(seed[0] ^ stir(n));
    half[1] = stir(seed[1] + half[0]);
    for (i = 0; i < 16; i++)
        out[i] = (uint8_t)(half[i / 8] >> 8 * (i % 8));
}

posta_status posta__draw(posta_message *m, uint8_t out[16]) {
    if (m->has_seed) {
        draw_seeded(m->seed, m->drawn++, out);
        return POSTA_OK;
    }
    if (!m->port->entropy(m->port->user, out, 16)) return POSTA_OK;
    return posta__blame_on(m, POSTA_E_ENTROPY, "", posta_status_text(POSTA_E_ENTROPY));
}

void posta__seed_enclosed(const posta_message *m, const posta__part *p) {
    posta_message *other = p->enclosed;
    const posta__part *i;
    uint64_t n = 1;
    if (!m->has_seed || other->has_seed) return;
    for (i = m->all; i && i != p; i = i->next_all)
        n++;
    other->has_seed = true;
    other->seed[0] = stir(m->seed[0] + n);
    other->seed[1] = stir(m->seed[1] ^ n);
}
