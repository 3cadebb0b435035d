/* An image that does what a device does: a mail with text, HTML and an attachment, composed, with
 * its envelope. The linker leaves out what it does not use. */
#include "posta/mime.h"

/* Where the device would give what it has; volatile, so that nothing is known when it is compiled.
 */
extern const posta_port *volatile device_port;
extern const char *volatile device_text;
extern volatile uint8_t device_wire;

const posta_port *volatile device_port;
const char *volatile device_text;
volatile uint8_t device_wire;

static void send(posta_message *m) {
    posta_source source;
    posta_envelope envelope;
    posta_status status = posta_message_compose(m, NULL, &source, NULL);
    if (!status) status = posta_message_envelope(m, &envelope);
    while (!status) {
        uint8_t space[128];
        posta_window w = {space, sizeof space, 0, 0};
        status = source.pull(source.user, &w);
        for (size_t i = 0; i < w.len; i++)
            device_wire = space[i];
    }
    if (status != POSTA_END) device_text = posta_message_problem(m)->text;
}

int main(void);
int main(void) {
    posta_part_options o = POSTA_PART_OPTIONS;
    posta_message *m = NULL;
    o.name = device_text;
    if (posta_message_new(device_port, &m)) return 1;
    posta_message_addresses(m, POSTA_FROM, device_text);
    posta_message_mailbox(m, POSTA_TO, device_text, device_text);
    posta_message_subject(m, device_text);
    posta_message_header(m, device_text, device_text);
    posta_message_text(m, posta_body_string(device_text), NULL);
    posta_message_html(m, posta_body_string(device_text), NULL);
    posta_message_attach(m, posta_body_string(device_text), &o);
    send(m);
    posta_message_free(&m);
    return 0;
}
