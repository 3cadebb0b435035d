// read_postal.mjs FOLDER FILE.eml...: reads mails by the npm package postal-mime, found in FOLDER, and writes
// what it saw to FILE.postal.json, for judge_views.py. Octets are in hex.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'x.js'));
const PostalMime = require('postal-mime').default;
const { decodeWords, addressParser } = require('postal-mime');

function addresses(headers, key) {
    const field = headers.find(h => h.key === key);
    const found = [];
    for (const a of field ? addressParser(field.value) : []) {
        found.push(a.group ? [a.name, null, null] : [null, a.name, a.address]);
        for (const member of a.group || []) found.push([a.name, member.name, member.address]);
    }
    return found;
}

function texts(headers) {
    return Object.fromEntries(headers.map(h => [h.key, decodeWords(h.value)]));
}

async function part(node) {
    const type = node.contentType.parsed, disposition = node.contentDisposition.parsed;
    if (type.params.name) type.params.name = decodeWords(type.params.name);
    const out = {
        type: type.value,
        parameters: type.params,
        disposition: disposition.value || null,
        filename: disposition.params.filename ?? null,
        cid: node.contentId ? node.contentId.replace(/^<|>$/g, '') : null,
        headers: texts(node.headers)
    };
    if (node.contentType.multipart) {
        out.parts = [];
        for (const child of node.childNodes) out.parts.push(await part(child));
    } else if (type.value === 'message/rfc822') out.message = await message(Buffer.from(node.content));
    else out.octets = Buffer.from(node.content || []).toString('hex');
    return out;
}

// The parser's own tree, since its answer has only what is to be shown.
async function message(octets) {
    const parser = new PostalMime({ forceRfc822Attachments: true });
    const mail = await parser.parse(octets);
    const out = { tree: await part(parser.root), headers: texts(mail.headers) };
    for (const key of ['from', 'sender', 'reply-to', 'to', 'cc']) out[key] = addresses(mail.headers, key);
    return out;
}

for (const file of files)
    writeFileSync(file.replace(/\.eml$/, '.postal.json'), JSON.stringify(await message(readFileSync(file))));
