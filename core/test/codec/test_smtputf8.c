/* Rows G01-G06: addresses that are not ASCII, for a server without SMTPUTF8 and for one with it.
 * The A-labels of the table are those of Python's idna package, not ours. */
#include "codec_t.h"

#include "posta/port.h"

typedef struct row {
    const char *text;
    const char *ascii; /* null: refused where only ASCII may go */
    posta_status status;
    const char *utf8; /* null: refused always */
} row;

/* clang-format off */
static const row rows[] = {
    {"ana@example.org", "ana@example.org", POSTA_OK, "ana@example.org"},
    {"a+tag@x.org", "a+tag@x.org", POSTA_OK, "a+tag@x.org"},
    {"\"a b\"@x.org", "\"a b\"@x.org", POSTA_OK, "\"a b\"@x.org"},
    {"a@[192.0.2.1]", "a@[192.0.2.1]", POSTA_OK, "a@[192.0.2.1]"},
    {"A.Z@EXAMPLE.ORG", "A.Z@EXAMPLE.ORG", POSTA_OK, "A.Z@EXAMPLE.ORG"},
    {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example", POSTA_OK, "a@xn--bcher-kva.example"},
    {"=?utf-8?Q?j=C3=B5e?=@x.org", "=?utf-8?Q?j=C3=B5e?=@x.org", POSTA_OK, "=?utf-8?Q?j=C3=B5e?=@x.org"},
    {"a%40b@x.org", "a%40b@x.org", POSTA_OK, "a%40b@x.org"},
    {"a@XN--BCHER-KVA.example", "a@XN--BCHER-KVA.example", POSTA_OK, "a@XN--BCHER-KVA.example"},
    {"a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example", POSTA_OK, "a@b\xc3\xbc" "cher.example"},
    {"a@B\xc3\xbc" "CHER.Example", "a@xn--bcher-kva.example", POSTA_OK, "a@B\xc3\xbc" "CHER.Example"},
    {"a@bu\xcc\x88" "cher.example", "a@xn--bcher-kva.example", POSTA_OK, "a@bu\xcc\x88" "cher.example"},
    {"a@fa\xc3\x9f.de", "a@xn--fa-hia.de", POSTA_OK, "a@fa\xc3\x9f.de"},
    {"a@fass.\xc3\x9f.de", "a@fass.xn--zca.de", POSTA_OK, "a@fass.\xc3\x9f.de"},
    {"a@\xcf\x80\xce\xb1\xcf\x81\xce\xac\xce\xb4\xce\xb5\xce\xb9\xce\xb3\xce\xbc\xce\xb1.\xce\xb4\xce\xbf\xce\xba\xce\xb9\xce\xbc\xce\xae", "a@xn--hxajbheg2az3al.xn--jxalpdlp", POSTA_OK, "a@\xcf\x80\xce\xb1\xcf\x81\xce\xac\xce\xb4\xce\xb5\xce\xb9\xce\xb3\xce\xbc\xce\xb1.\xce\xb4\xce\xbf\xce\xba\xce\xb9\xce\xbc\xce\xae"},
    {"a@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd0\xb8\xd1\x81\xd0\xbf\xd1\x8b\xd1\x82\xd0\xb0\xd0\xbd\xd0\xb8\xd0\xb5", "a@xn--e1afmkfd.xn--80akhbyknj4f", POSTA_OK, "a@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd0\xb8\xd1\x81\xd0\xbf\xd1\x8b\xd1\x82\xd0\xb0\xd0\xbd\xd0\xb8\xd0\xb5"},
    {"a@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "a@xn--r8jz45g.xn--zckzah", POSTA_OK, "a@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"a@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", "a@xn--fsqu00a.xn--0zwm56d", POSTA_OK, "a@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95"},
    {"a@\xe0\xa4\x89\xe0\xa4\xa6\xe0\xa4\xbe\xe0\xa4\xb9\xe0\xa4\xb0\xe0\xa4\xa3.\xe0\xa4\xaa\xe0\xa4\xb0\xe0\xa5\x80\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7\xe0\xa4\xbe", "a@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g", POSTA_OK, "a@\xe0\xa4\x89\xe0\xa4\xa6\xe0\xa4\xbe\xe0\xa4\xb9\xe0\xa4\xb0\xe0\xa4\xa3.\xe0\xa4\xaa\xe0\xa4\xb0\xe0\xa5\x80\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7\xe0\xa4\xbe"},
    {"a@\xe0\xae\x87\xe0\xae\xb2\xe0\xae\x99\xe0\xaf\x8d\xe0\xae\x95\xe0\xaf\x88.\xe0\xae\x87\xe0\xae\xa8\xe0\xaf\x8d\xe0\xae\xa4\xe0\xae\xbf\xe0\xae\xaf\xe0\xae\xbe", "a@xn--xkc2al3hye2a.xn--xkc2dl3a5ee0h", POSTA_OK, "a@\xe0\xae\x87\xe0\xae\xb2\xe0\xae\x99\xe0\xaf\x8d\xe0\xae\x95\xe0\xaf\x88.\xe0\xae\x87\xe0\xae\xa8\xe0\xaf\x8d\xe0\xae\xa4\xe0\xae\xbf\xe0\xae\xaf\xe0\xae\xbe"},
    {"a@\xd9\x85\xd8\xab\xd8\xa7\xd9\x84.\xd8\xa5\xd8\xae\xd8\xaa\xd8\xa8\xd8\xa7\xd8\xb1", "a@xn--mgbh0fb.xn--kgbechtv", POSTA_OK, "a@\xd9\x85\xd8\xab\xd8\xa7\xd9\x84.\xd8\xa5\xd8\xae\xd8\xaa\xd8\xa8\xd8\xa7\xd8\xb1"},
    {"a@\xd7\x93\xd7\x95\xd7\x92\xd7\x9e\xd7\x94.\xd7\x98\xd7\xa2\xd7\xa1\xd7\x98", "a@xn--6dbbec0c.xn--deba0ad", POSTA_OK, "a@\xd7\x93\xd7\x95\xd7\x92\xd7\x9e\xd7\x94.\xd7\x98\xd7\xa2\xd7\xa1\xd7\x98"},
    {"a@\xec\x8b\xa4\xeb\xa1\x80.\xed\x85\x8c\xec\x8a\xa4\xed\x8a\xb8", "a@xn--9n2bp8q.xn--9t4b11yi5a", POSTA_OK, "a@\xec\x8b\xa4\xeb\xa1\x80.\xed\x85\x8c\xec\x8a\xa4\xed\x8a\xb8"},
    {"a@\xc3\xb1" "and\xc3\xba.es", "a@xn--and-6ma2c.es", POSTA_OK, "a@\xc3\xb1" "and\xc3\xba.es"},
    {"a@\xc3\xb8re.dk", "a@xn--re-kka.dk", POSTA_OK, "a@\xc3\xb8re.dk"},
    {"a@\xc3\xa6" "ble.no", "a@xn--ble-xla.no", POSTA_OK, "a@\xc3\xa6" "ble.no"},
    {"a@\xc5\x82\xc3\xb3" "d\xc5\xba.pl", "a@xn--d-uga0v4h.pl", POSTA_OK, "a@\xc5\x82\xc3\xb3" "d\xc5\xba.pl"},
    {"a@\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd.cz", "a@xn--luouk-uva4it5a4g.cz", POSTA_OK, "a@\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd.cz"},
    {"a@\xc3\xa7" "a\xc4\x9fr\xc4\xb1.tr", "a@xn--ar-3ia9t9c.tr", POSTA_OK, "a@\xc3\xa7" "a\xc4\x9fr\xc4\xb1.tr"},
    {"a@\xc4\xb1stanbul.example", "a@xn--stanbul-qfb.example", POSTA_OK, "a@\xc4\xb1stanbul.example"},
    {"a@ma\xc3\xb1" "ana.com", "a@xn--maana-pta.com", POSTA_OK, "a@ma\xc3\xb1" "ana.com"},
    {"a@cafe\xcc\x81.fr", "a@xn--caf-dma.fr", POSTA_OK, "a@cafe\xcc\x81.fr"},
    {"a@x.\xc3\xbc", "a@x.xn--tda", POSTA_OK, "a@x.\xc3\xbc"},
    {"a@\xc3\xbc.x", "a@xn--tda.x", POSTA_OK, "a@\xc3\xbc.x"},
    {"a@\xc3\xbc", "a@xn--tda", POSTA_OK, "a@\xc3\xbc"},
    {"a@a.\xc3\xbc.b.\xc3\xa9.c", "a@a.xn--tda.b.xn--9ca.c", POSTA_OK, "a@a.\xc3\xbc.b.\xc3\xa9.c"},
    {"a@l\xc2\xb7l.cat", "a@xn--ll-0ea.cat", POSTA_OK, "a@l\xc2\xb7l.cat"},
    {"a@\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7.example", "a@xn--11b2ezcw70k.example", POSTA_OK, "a@\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7.example"},
    {"a@1\xc3\xbc.example", "a@xn--1-eha.example", POSTA_OK, "a@1\xc3\xbc.example"},
    {"a@\xc3\xbc" "1.example", "a@xn--1-dha.example", POSTA_OK, "a@\xc3\xbc" "1.example"},
    {"a@\xc3\xbc-\xc3\xbc.example", "a@xn----dhab.example", POSTA_OK, "a@\xc3\xbc-\xc3\xbc.example"},
    {"a@\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.x", "a@xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.xn--nda.x", POSTA_OK, "a@\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.\xc3\xb6.x"},
    {"j\xc3\xb5" "e@x.org", NULL, POSTA_E_EXTENSION, "j\xc3\xb5" "e@x.org"},
    {"J\xc3\x95" "E@x.org", NULL, POSTA_E_EXTENSION, "J\xc3\x95" "E@x.org"},
    {"\xe7\x94\xa8\xe6\x88\xb7@x.org", NULL, POSTA_E_EXTENSION, "\xe7\x94\xa8\xe6\x88\xb7@x.org"},
    {"\xce\xb8\xcf\x83\xce\xb5\xcf\x81@x.org", NULL, POSTA_E_EXTENSION, "\xce\xb8\xcf\x83\xce\xb5\xcf\x81@x.org"},
    {"\xd0\xba\xd0\xbe\xd0\xbb\xd1\x8f@x.org", NULL, POSTA_E_EXTENSION, "\xd0\xba\xd0\xbe\xd0\xbb\xd1\x8f@x.org"},
    {"\xc3\xb1o\xc3\xb1\xc3\xb3@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb1o\xc3\xb1\xc3\xb3@x.org"},
    {"j.\xc3\xb5.e@x.org", NULL, POSTA_E_EXTENSION, "j.\xc3\xb5.e@x.org"},
    {"\xc3\xb5+tag@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb5+tag@x.org"},
    {"\"j\xc3\xb5 e\"@x.org", NULL, POSTA_E_EXTENSION, "\"j\xc3\xb5 e\"@x.org"},
    {"\"\xc3\xb5\\\"\xc3\xb5\"@x.org", NULL, POSTA_E_EXTENSION, "\"\xc3\xb5\\\"\xc3\xb5\"@x.org"},
    {"\xc3\x9f@x.org", NULL, POSTA_E_EXTENSION, "\xc3\x9f@x.org"},
    {"\xc5\xbf@x.org", NULL, POSTA_E_EXTENSION, "\xc5\xbf@x.org"},
    {"\xe2\x84\xaa@x.org", NULL, POSTA_E_EXTENSION, "\xe2\x84\xaa@x.org"}, /* G05: U+212A */
    {"\xc4\xb1@x.org", NULL, POSTA_E_EXTENSION, "\xc4\xb1@x.org"},
    {"e\xcc\x81@x.org", NULL, POSTA_E_EXTENSION, "e\xcc\x81@x.org"},
    {"\xc3\xa9@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xa9@x.org"},
    {"\xe7\x94\xa8\xe6\x88\xb7.\xe5\x90\x8d@x.org", NULL, POSTA_E_EXTENSION, "\xe7\x94\xa8\xe6\x88\xb7.\xe5\x90\x8d@x.org"},
    {"\xe0\xa4\xa6\xe0\xa5\x8b\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4@x.org", NULL, POSTA_E_EXTENSION, "\xe0\xa4\xa6\xe0\xa5\x8b\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4@x.org"},
    {"\xd9\x85\xd9\x88\xd8\xb8\xd9\x81@x.org", NULL, POSTA_E_EXTENSION, "\xd9\x85\xd9\x88\xd8\xb8\xd9\x81@x.org"},
    {"user\xe2\x80\x8dx@x.org", NULL, POSTA_E_EXTENSION, "user\xe2\x80\x8dx@x.org"},
    {"user\xe2\x80\x8cx@x.org", NULL, POSTA_E_EXTENSION, "user\xe2\x80\x8cx@x.org"},
    {"\xf0\x9f\x98\x80@x.org", NULL, POSTA_E_EXTENSION, "\xf0\x9f\x98\x80@x.org"},
    {"\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6@x.org"},
    {"\xef\xbd\x81@x.org", NULL, POSTA_E_EXTENSION, "\xef\xbd\x81@x.org"},
    {"\xe2\x85\xab@x.org", NULL, POSTA_E_EXTENSION, "\xe2\x85\xab@x.org"},
    {"\xc2\xbd@x.org", NULL, POSTA_E_EXTENSION, "\xc2\xbd@x.org"},
    {"x\xe2\x80\x99y@x.org", NULL, POSTA_E_EXTENSION, "x\xe2\x80\x99y@x.org"},
    {"\xe2\x80\x9cx\xe2\x80\x9d@x.org", NULL, POSTA_E_EXTENSION, "\xe2\x80\x9cx\xe2\x80\x9d@x.org"},
    {"\xc3\xb5!#$%&'*/=?^_`{|}~@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb5!#$%&'*/=?^_`{|}~@x.org"},
    {"a\xcc\x81@x.org", NULL, POSTA_E_EXTENSION, "a\xcc\x81@x.org"},
    {"\xcc\x81" "a@x.org", NULL, POSTA_E_EXTENSION, "\xcc\x81" "a@x.org"},
    {"\xc4\xb0@x.org", NULL, POSTA_E_EXTENSION, "\xc4\xb0@x.org"},
    {"\xc7\x86@x.org", NULL, POSTA_E_EXTENSION, "\xc7\x86@x.org"},
    {"\xef\xac\x81@x.org", NULL, POSTA_E_EXTENSION, "\xef\xac\x81@x.org"},
    {"\xc3\xa3@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xa3@x.org"},
    {"\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", NULL, POSTA_E_EXTENSION, "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95"}, /* G03 */
    {"j\xc3\xb5" "e@b\xc3\xbc" "cher.example", NULL, POSTA_E_EXTENSION, "j\xc3\xb5" "e@b\xc3\xbc" "cher.example"}, /* G03 */
    {"j\xc3\xb5" "e@xn--bcher-kva.example", NULL, POSTA_E_EXTENSION, "j\xc3\xb5" "e@xn--bcher-kva.example"},
    {"j\xc3\xb5" "e@[192.0.2.1]", NULL, POSTA_E_EXTENSION, "j\xc3\xb5" "e@[192.0.2.1]"},
    {"\"\xc3\xb5\"@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb5@x.org"},
    {"\"\xc3\xb5.\xc3\xb5\"@x.org", NULL, POSTA_E_EXTENSION, "\xc3\xb5.\xc3\xb5@x.org"},
    {"a@x\xe3\x80\x82y", NULL, POSTA_E_FIELD, NULL}, /* U+3002 */
    {"a\xe3\x80\x82" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xef\xbc\x8ey", NULL, POSTA_E_FIELD, NULL}, /* U+FF0E */
    {"a\xef\xbc\x8e" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xef\xbd\xa1y", NULL, POSTA_E_FIELD, NULL}, /* U+FF61 */
    {"a\xef\xbd\xa1" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xe2\x80\xa4y", NULL, POSTA_E_FIELD, NULL}, /* U+2024 */
    {"a\xe2\x80\xa4" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xe2\x80\xa5y", NULL, POSTA_E_FIELD, NULL}, /* U+2025 */
    {"a\xe2\x80\xa5" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xe2\x80\xa6y", NULL, POSTA_E_FIELD, NULL}, /* U+2026 */
    {"a\xe2\x80\xa6" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xef\xb9\x92y", NULL, POSTA_E_FIELD, NULL}, /* U+FE52 */
    {"a\xef\xb9\x92" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xef\xb8\x99y", NULL, POSTA_E_FIELD, NULL}, /* U+FE19 */
    {"a\xef\xb8\x99" "b@y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xef\xbc\xa0x.org", NULL, POSTA_E_FIELD, NULL}, /* U+FF20 */
    {"a\xef\xbc\xa0" "b@x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@b\xef\xbc\xa0x.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xef\xb9\xabx.org", NULL, POSTA_E_FIELD, NULL}, /* U+FE6B */
    {"a\xef\xb9\xab" "b@x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@b\xef\xb9\xabx.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xc2\xa0" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+00A0 */
    {"a@x\xc2\xa0y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xc2\xad" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+00AD */
    {"a@x\xc2\xady.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x80\x89" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+2009 */
    {"a@x\xe2\x80\x89y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x80\x8b" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+200B */
    {"a@x\xe2\x80\x8by.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x80\xae" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+202E */
    {"a@x\xe2\x80\xaey.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x80\x8f" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+200F */
    {"a@x\xe2\x80\x8fy.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x80\xa8" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+2028 */
    {"a@x\xe2\x80\xa8y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe2\x81\xa0" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+2060 */
    {"a@x\xe2\x81\xa0y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xe3\x80\x80" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+3000 */
    {"a@x\xe3\x80\x80y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xef\xbb\xbf" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+FEFF */
    {"a@x\xef\xbb\xbfy.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xc2\x85" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+0085 */
    {"a@x\xc2\x85y.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xef\xbf\xbd" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+FFFD */
    {"a@x\xef\xbf\xbdy.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xef\xbf\xbf" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+FFFF */
    {"a@x\xef\xbf\xbfy.org", NULL, POSTA_E_FIELD, NULL},
    {"a\xf3\xa0\x81\x81" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* U+E0041 */
    {"a@x\xf3\xa0\x81\x81y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xe2\x84\xaa" "elvin.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xef\xbd\x98.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xc2\xbd.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xe2\x91\xa0.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xef\xbc\x8fy.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xf0\x9f\x98\x80.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xe2\x81\x84y.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xe2\x82\xac.example", NULL, POSTA_E_FIELD, NULL},
    {"a@\xef\xac\x81sh.org", NULL, POSTA_E_FIELD, NULL},
    {"a@x\xe2\x84\xa2.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc2\xb2x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@-\xc3\xbc.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc-.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc..x", NULL, POSTA_E_FIELD, NULL},
    {"a@.\xc3\xbc", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc.", NULL, POSTA_E_FIELD, NULL},
    {"a@xn--\xc3\xbc.org", NULL, POSTA_E_FIELD, NULL},
    {"a@ab--\xc3\xbc.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc_x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\"\xc3\xbc\"", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@[\xc3\xbc]", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5@", NULL, POSTA_E_FIELD, NULL},
    {"@\xc3\xb5", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5@@x", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5..\xc3\xb5@x.org", NULL, POSTA_E_FIELD, NULL},
    {".\xc3\xb5@x.org", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5.@x.org", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5 \xc3\xb5@x.org", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb5,\xc3\xb5@x.org", NULL, POSTA_E_FIELD, NULL},
    {"\"\xc3\xb5@x.org", NULL, POSTA_E_FIELD, NULL},
    {"\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6x@x.org", NULL, POSTA_E_FIELD, NULL},
    {"a@\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", NULL, POSTA_E_FIELD, NULL},
    {"a\xc0\x8a" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xc0\xae" "b@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a@x\xc0\xaey.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xed\xa0\x80@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xf4\x90\x80\x80@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xc3@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a@x.\xc3", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a@x.\xe2\x82", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xff@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a@\xfc" "ber.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"\x80@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a\xf0\x80\x80\xae@x.org", NULL, POSTA_E_FIELD, NULL}, /* G06 */
    {"a@B\xc3\x9c" "CHER.example", NULL, POSTA_E_FIELD, "a@B\xc3\x9c" "CHER.example"},
    {"a@\xc5\xbf.example", NULL, POSTA_E_FIELD, "a@\xc5\xbf.example"},
    {"a@\xc4\xb0.example", NULL, POSTA_E_FIELD, "a@\xc4\xb0.example"},
    {"a@\xcc\x81x.example", NULL, POSTA_E_FIELD, "a@\xcc\x81x.example"},
    {"a@\xd7\x90" "a.example", NULL, POSTA_E_FIELD, "a@\xd7\x90" "a.example"},
    {"a@x\xe2\x80\x8cy.example", NULL, POSTA_E_FIELD, "a@x\xe2\x80\x8cy.example"},
    {"a@a\xcd\xb8.example", NULL, POSTA_E_FIELD, "a@a\xcd\xb8.example"},
    {"a@\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6.x", NULL, POSTA_E_FIELD, "a@\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6.x"},
};
/* clang-format on */

static const char *as_text(uint8_t *p, const posta_window *w) {
    p[w->len] = 0;
    return (const char *)p;
}

static posta_status rewrite(posta_span in, const posta__form *form, char out[POSTA_MAX_PATH + 1],
                            posta__address_fault *fault) {
    uint8_t room[POSTA_MAX_PATH + 1];
    posta_window w = posta__window(room, POSTA_MAX_PATH);
    posta_status status = posta__path_rewrite(in, 0, form, &w, fault);
    if (status != POSTA_OK) assert_int_equal(w.len, 0);
    strcpy(out, as_text(room, &w));
    return status;
}

/* What the row says, in a build that may lack IDNA: it matters only for what is not ASCII behind
   the
   @. */
static posta_status expected(const row *r) {
    const char *at = strrchr(r->text, '@');
    bool needs_idna = at && !posta__is_ascii(t_span(at)) && r->utf8;
    return needs_idna && !POSTA_IDNA && r->status != POSTA_E_EXTENSION ? POSTA_E_NOT_BUILT
                                                                       : r->status;
}

static void table(void **state) {
    (void)state;
    assert_true(sizeof rows / sizeof *rows >= 120);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i];
        posta__form ascii = {false, posta_port_default()}, utf8 = {true, posta_port_default()};
        posta__address_fault fault = {0};
        char out[POSTA_MAX_PATH + 1], again[POSTA_MAX_PATH + 1];
        size_t len = strlen(r->text);
        uint8_t *p = t_guarded(r->text, len);
        posta_status status = rewrite(posta__span(p, len), &ascii, out, &fault);
        if (status != expected(r))
            fail_msg("row %zu \"%s\": %s, %s", i, r->text, posta_status_name(status), fault.why);
        if (status == POSTA_OK) {
            assert_string_equal(out, r->ascii);
            assert_true(posta__is_ascii(t_span(out)));
            assert_int_equal(rewrite(t_span(out), NULL, again, NULL), POSTA_OK);
            assert_string_equal(again, out); /* what was made stands for itself */
        } else {
            assert_non_null(fault.why);
            assert_int_equal(fault.needs_smtputf8,
                             status == POSTA_E_EXTENSION || status == POSTA_E_NOT_BUILT);
        }
        status = rewrite(posta__span(p, len), &utf8, out, &fault);
        if (status != (r->utf8 ? POSTA_OK : POSTA_E_FIELD))
            fail_msg("row %zu \"%s\" with SMTPUTF8: %s", i, r->text, posta_status_name(status));
        if (r->utf8) assert_string_equal(out, r->utf8);
        t_guard_free(p, len);
    }
}

/* Row G06: whatever two octets follow, what is taken is UTF-8 and goes as it came. */
static void every_two_octets(void **state) {
    posta__form utf8 = {true, NULL};
    (void)state;
    for (unsigned c = 0x8000; c <= 0xFFFF; c++) {
        char text[16], out[POSTA_MAX_PATH + 1];
        snprintf(text, sizeof text, "a%c%c@x.org", (int)(c >> 8), (int)(c & 0xFF));
        if ((c & 0xFF) < 0x80) continue;
        posta_status status = rewrite(t_span(text), &utf8, out, NULL);
        if (!posta__utf8_check(t_span(text), NULL)) assert_int_equal(status, POSTA_E_FIELD);
        if (status == POSTA_OK) assert_string_equal(out, text);
    }
}

/* ---- a place that makes nonsense ---- */

static posta_status makes(void *user, posta_span domain, posta_window *out, const char **why_out) {
    (void)domain;
    (void)why_out;
    return posta__put(out, posta__span_of(user)) ? POSTA_OK : POSTA_E_LIMIT;
}

/* Row C18: what a transformation made is looked at anew. */
static void made_is_checked(void **state) {
    static const char *const wrong[] = {"",        "a b.x",       "a\r\nRCPT.x", "a>.x",
                                        "a@b.x",   "\xc3\xbc.x",  "xn..x",       "one.two.x",
                                        "onlyone", "[127.0.0.1]", "-a.x",        "a.x\r\n"};
    posta_port port = *posta_port_default();
    posta__form form = {false, &port};
    char out[POSTA_MAX_PATH + 1];
    (void)state;
    port.domain_to_ascii = makes;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        port.user = (void *)(uintptr_t)wrong[i];
        assert_int_equal(rewrite(POSTA_LIT("a@\xc3\xbc.x"), &form, out, NULL), POSTA_E_FIELD);
    }
    port.user = (void *)(uintptr_t) "fine.x";
    assert_int_equal(rewrite(POSTA_LIT("a@\xc3\xbc.x"), &form, out, NULL), POSTA_OK);
    assert_string_equal(out, "a@fine.x");
    port.domain_to_ascii = NULL;
    assert_int_equal(rewrite(POSTA_LIT("a@\xc3\xbc.x"), &form, out, NULL), POSTA_E_NOT_BUILT);
}

/* The length that counts is that of what is written. */
static void long_ones(void **state) {
    char text[400], out[POSTA_MAX_PATH + 1];
    posta__form ascii = {false, posta_port_default()}, utf8 = {true, NULL};
    posta_status as_ascii = POSTA_IDNA ? POSTA_E_FIELD : POSTA_E_NOT_BUILT;
    (void)state;
    strcpy(text, "a@");
    for (unsigned i = 0; i < 40; i++) /* 4 octets a label; 8 as ASCII */
        strcat(text, "\xc3\xbc"
                     "x.");
    strcat(text, "org");
    assert_int_equal(rewrite(t_span(text), &ascii, out, NULL), as_ascii);
    assert_int_equal(rewrite(t_span(text), &utf8, out, NULL), POSTA_OK);
}

static void by_itself(void **state) {
    uint8_t room[64];
    posta_window w = posta__window(room, sizeof room), small = posta__window(room, 3);
    const char *why = NULL;
    (void)state;
#if POSTA_IDNA
    assert_int_equal(posta_domain_to_ascii(POSTA_LIT("B\xc3\xbc"
                                                     "cher.Example"),
                                           &w, &why),
                     POSTA_OK);
    assert_true(posta_span_is(posta__span(room, w.len), POSTA_LIT("xn--bcher-kva.example")));
    assert_int_equal(posta_domain_to_ascii(POSTA_LIT("b\xc3\xbc"), &small, NULL), POSTA_E_LIMIT);
    assert_int_equal(posta_domain_to_ascii(POSTA_LIT("\xc3\x9c.x"), &w, &why), POSTA_E_FIELD);
    assert_non_null(strstr(why, "capital"));
    assert_int_equal(posta_domain_to_ascii(posta__span("\xc3\xbc\0.x", 5), &w, &why),
                     POSTA_E_FIELD);
    assert_int_equal(posta_domain_to_ascii(posta__span(NULL, 0), &w, NULL), POSTA_OK);
#else
    assert_int_equal(posta_domain_to_ascii(POSTA_LIT("\xc3\xbc"), &w, &why), POSTA_E_NOT_BUILT);
    assert_non_null(why);
    assert_int_equal(posta_domain_to_ascii(POSTA_LIT("\xc3\xbc"), &small, NULL), POSTA_E_NOT_BUILT);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),           cmocka_unit_test(every_two_octets),
        cmocka_unit_test(made_is_checked), cmocka_unit_test(long_ones),
        cmocka_unit_test(by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
