// The portal's JSON API. A state-changing request carries a token that is bound to the TLS session, beside the client certificate, which is
// ambient. The TLS session lives for five minutes: a token that is older than four is asked for anew, and where it still was another
// session's, the refusal brings the right one, and the request is repeated.
import {sentence} from '/js/words.js';

const TURNS = 6; // a browser may have two old connections, each of a session that is no longer resumed: the fourth turn is on a new one's
const FRESH = 4 * 60 * 1000;
let token = '', token_at = 0;

// What the service said when it said no.
export class Refusal extends Error {
    constructor(status, error = {}) {
        super(sentence(error.text || 'The service gave no reason.'));
        this.status = status;
        this.code = error.code || '';
        this.name = error.name || '';
        this.transaction = error.transaction || null;
        this.retryAtUk = error.retryAtUk || null;
    }
}

const UNREACHABLE = {
    name: 'UNREACHABLE',
    text: 'The portal cannot be reached. Check that your token is in its reader and that you are connected, then load the page again.',
};

function refusal_of(status, text) {
    try {
        return new Refusal(status, JSON.parse(text).error);
    } catch {
        return new Refusal(status, {text: `The portal gave an answer that this page cannot read (HTTP status ${status}).`});
    }
}

function keep_token(fresh) {
    if (!fresh)
        return;
    token = fresh;
    token_at = Date.now();
}

// `known` is an earlier answer to the same: {etag, json}. Returns another such one, or it, when nothing has changed.
async function ask(method, path, body = undefined, type = undefined, known = undefined) {
    const headers = method === 'GET' ? {} : {'Content-Type': type, 'X-SMKI-Token': token};
    let answer, text;

    if (known?.etag)
        headers['If-None-Match'] = known.etag;

    try {
        answer = await fetch(path, {method, headers, body, cache: 'no-store', redirect: 'error'});
        text = await answer.text();
    } catch {
        throw new Refusal(0, UNREACHABLE);
    }
    keep_token(answer.headers.get('X-SMKI-Token'));
    if (known !== undefined && answer.status === 304)
        return known;
    if (!answer.ok)
        throw refusal_of(answer.status, text);
    try {
        return {etag: answer.headers.get('ETag'), json: JSON.parse(text)};
    } catch {
        throw refusal_of(answer.status, text);
    }
}

async function in_turns(act) {
    if (Date.now() - token_at > FRESH)
        await get('/api/public');
    for (let turn = 1; ; turn++) {
        try {
            return await act();
        } catch (refusal) {
            if (refusal.name !== 'PROOF' || turn === TURNS)
                throw refusal;
        }
    }
}

export async function get(path) {
    const {json} = await ask('GET', path);

    keep_token(json.token);
    return json;
}

const seen = new Map();

// The same for what a page asks for again and again: the answer comes over the wire when it has changed.
export async function get_again(path) {
    const answer = await ask('GET', path, undefined, undefined, seen.get(path));

    seen.set(path, answer);
    return answer.json;
}

export function post_text(path, text) {
    return in_turns(async () => (await ask('POST', path, text, 'text/plain')).json);
}

export function post(path, object) {
    return in_turns(async () => (await ask('POST', path, JSON.stringify(object), 'application/json')).json);
}

// fetch() tells nothing while it sends, so a file goes by XMLHttpRequest; progress(sent, all) in octets.
function send_once(path, file, type, progress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();

        request.open('POST', path);
        request.setRequestHeader('Content-Type', type);
        request.setRequestHeader('X-SMKI-Token', token);
        request.upload.addEventListener('progress', (event) => progress(event.loaded, file.size));
        request.addEventListener('error', () => reject(new Refusal(0, {
            name: 'UNREACHABLE',
            text: 'The connection broke before the answer came. Look at your batches before you send the file again: it may have been accepted.',
        })));
        request.addEventListener('load', () => {
            keep_token(request.getResponseHeader('X-SMKI-Token'));
            if (request.status < 200 || request.status >= 300) {
                reject(refusal_of(request.status, request.responseText));
                return;
            }
            try {
                resolve(JSON.parse(request.responseText));
            } catch {
                reject(refusal_of(request.status, request.responseText));
            }
        });
        request.send(file);
    });
}

export function send_file(path, file, type, progress) {
    return in_turns(() => send_once(path, file, type, progress));
}
