/* core/mime: text in lines: what blocks, lists, quotes and links of HTML become in plain text.
 * Line ends and spaces are owed until a character comes that needs them, so there are none at the
 * begin and none at the end of a line. */
#include "html_i.h"

/* ---- writing ---- */

/* Blank lines inside a quote are quoted too. */
static bool drain_lines(posta__layout *l, posta_window *w) {
    while (l->put_quotes > 0 || l->put_lines > 0) {
        if (posta__room(w) == 0) return false;
        if (l->put_quotes > 0) {
            w->p[w->len++] = '>';
            l->put_quotes--;
            continue;
        }
        w->p[w->len++] = '\n';
        if (--l->put_lines > 0) l->put_quotes = l->blank_quotes;
    }
    return true;
}

static bool drain_some(const uint8_t *p, size_t *at, size_t n, posta_window *w) {
    posta_span s = posta__span(p + *at, n - *at);
    posta__put_some(w, &s);
    *at = n - s.len;
    return s.len == 0;
}

bool posta__layout_drain(posta__layout *l, posta_window *w) {
    if (!drain_lines(l, w) || !drain_some(l->hold, &l->hold_at, l->hold_n, w)) return false;
    l->hold_at = l->hold_n = 0;
    return drain_some(l->url, &l->url_at, l->put_url, w);
}

/* ---- characters ---- */

static void hold(posta__layout *l, uint8_t c) {
    if (l->hold_n < sizeof l->hold) l->hold[l->hold_n++] = c;
}

static void hold_many(posta__layout *l, uint8_t c, size_t n) {
    while (n-- > 0)
        hold(l, c);
}

static uint32_t at_most(uint32_t n, uint32_t most) {
    return n < most ? n : most;
}

static void hold_marker(posta__layout *l, uint32_t depth) {
    char digits[POSTA_DECIMAL_CAP];
    uint32_t *number = depth > 0 ? &l->numbers[depth - 1] : NULL;
    size_t i, n;
    if (number && *number > 0) {
        n = posta__decimal(*number, digits);
        for (i = 0; i < n; i++)
            hold(l, (uint8_t)digits[i]);
        hold(l, '.');
        if (*number < UINT32_MAX) ++*number;
    } else {
        hold(l, '*');
    }
    hold(l, ' ');
}

static void begin_line(posta__layout *l) {
    uint32_t quotes = at_most(l->quotes, POSTA__QUOTES_MAX);
    uint32_t depth = at_most(l->lists, POSTA__LISTS_MAX);
    l->put_lines = l->has_text ? l->lines : 0;
    l->blank_quotes = at_most(quotes, l->line_quotes);
    l->line_quotes = quotes;
    l->lines = 0;
    l->has_space = false;
    l->has_text = true;
    l->column = 0;
    hold_many(l, '>', quotes);
    if (quotes > 0) hold(l, ' ');
    hold_many(l, ' ', 2u * (l->has_marker && depth > 0 ? depth - 1 : depth));
    if (l->has_marker) hold_marker(l, depth);
    l->has_marker = false;
}

static void write(posta__layout *l, uint8_t c) {
    hold(l, c);
    l->column += (c & 0xC0) != 0x80;
}

/* Is the link's text its URL? */
static void compare(posta__layout *l, uint8_t c) {
    l->is_same = l->is_same && l->link_at < l->url_n && l->url[l->link_at] == c;
    l->link_at++;
    l->link_has_text = true;
}

static void show(posta__layout *l, uint8_t c) {
    if (l->lines > 0 || !l->has_text) {
        begin_line(l);
    } else if (l->has_space) {
        write(l, ' ');
        /* the space in front of the text is none of it */
        if (l->link_has_text) compare(l, ' ');
    }
    l->has_space = false;
    write(l, c);
    if (l->in_link) compare(l, c);
}

static void put_verbatim(posta__layout *l, uint8_t c) {
    bool is_skipped = c == '\n' && l->skips_eol;
    l->skips_eol = false;
    if (is_skipped) return;
    if (c != '\n')
        show(l, c);
    else if (l->has_text && l->lines < UINT32_MAX)
        l->lines++;
}

void posta__layout_put(posta__layout *l, uint8_t c) {
    bool is_blank = posta__is_blank(c);
    if ((c < ' ' && !is_blank) || c == 0x7F) return;
    if (l->verbatim > 0)
        put_verbatim(l, c);
    else if (is_blank)
        l->has_space = true;
    else
        show(l, c);
}

/* ---- lines ---- */

void posta__layout_break(posta__layout *l, uint32_t n) {
    /* an item's text begins behind its marker, however it is wrapped */
    if (l->has_marker && n > 1) n = 1;
    if (l->lines < n) l->lines = n;
    l->has_space = false;
}

void posta__layout_line(posta__layout *l) {
    if (l->verbatim > 0 || l->lines < 2) l->lines++;
    l->has_space = false;
}

void posta__layout_rule(posta__layout *l, uint8_t c, size_t n) {
    posta__layout_break(l, 1);
    begin_line(l);
    hold_many(l, c, n);
}

void posta__layout_list(posta__layout *l, bool is_numbered) {
    posta__layout_break(l, l->lists > 0 ? 1 : 2);
    if (l->lists < UINT32_MAX) l->lists++;
    if (l->lists <= POSTA__LISTS_MAX) l->numbers[l->lists - 1] = is_numbered;
    l->has_marker = false;
}

void posta__layout_list_end(posta__layout *l) {
    l->has_marker = false;
    if (l->lists == 0) return;
    l->lists--;
    posta__layout_break(l, l->lists > 0 ? 1 : 2);
}

/* ---- links ---- */

void posta__layout_url_begin(posta__layout *l) {
    l->url_n = l->url_at = l->put_url = l->url_spaces = 0;
}

static void url_put(posta__layout *l, uint8_t c) {
    if (l->url_n < POSTA__URL_CAP) l->url[l->url_n] = c;
    if (l->url_n <= POSTA__URL_CAP) l->url_n++;
}

static void url_put_coded(posta__layout *l, char high, char low) {
    url_put(l, '%');
    url_put(l, (uint8_t)high);
    url_put(l, (uint8_t)low);
}

/* What would end the brackets around it is written as %XX. */
void posta__layout_url(posta__layout *l, uint8_t c) {
    if (c < ' ' || c == 0x7F) return;
    if (c == ' ') {
        l->url_spaces += l->url_n > 0 && l->url_spaces < POSTA__URL_CAP;
        return;
    }
    for (; l->url_spaces > 0; l->url_spaces--)
        url_put_coded(l, '2', '0');
    if (c == '<' || c == '>')
        url_put_coded(l, '3', c == '<' ? 'C' : 'E');
    else
        url_put(l, c);
}

static size_t scheme_len(posta_span s) {
    size_t n = 0;
    while (n < s.len && (posta__is_alpha(s.p[n]) || (n > 0 && posta__is_digit(s.p[n])) ||
                         s.p[n] == '+' || s.p[n] == '-' || s.p[n] == '.'))
        n++;
    return n < s.len && s.p[n] == ':' ? n : 0;
}

/* Only what still leads somewhere outside of the mail. */
static bool is_worth_showing(posta_span url) {
    posta_span scheme = posta__span_sub(url, 0, scheme_len(url));
    if (url.len > POSTA__URL_CAP || scheme.len == 0) return false;
    return !posta_span_is_nocase(scheme, POSTA_LIT("javascript")) &&
           !posta_span_is_nocase(scheme, POSTA_LIT("data")) &&
           !posta_span_is_nocase(scheme, POSTA_LIT("cid"));
}

void posta__layout_link(posta__layout *l) {
    posta_span url = posta__span(l->url, l->url_n), mailto = POSTA_LIT("mailto:");
    l->in_link = is_worth_showing(url);
    l->link_has_text = false;
    l->is_same = true;
    l->link_at = posta_span_is_nocase(posta__span_sub(url, 0, mailto.len), mailto) ? mailto.len : 0;
}

void posta__layout_link_end(posta__layout *l) {
    bool is_shown = l->in_link && !(l->is_same && l->link_at == l->url_n);
    bool had_text = l->link_has_text;
    l->in_link = l->link_has_text = false;
    if (!is_shown) return;
    l->has_space = l->has_space || had_text;
    show(l, '<');
    l->url[l->url_n++] = '>';
    l->url_at = 0;
    l->put_url = l->url_n;
    l->column += l->url_n;
}
