// Words of the service, told to people.

export const batch_states = {
    PENDING: {word: 'Accepted', kind: 'busy', text: 'The file has been accepted. It is read when the night’s work begins, once the Registration Authority has approved it where that is asked for.'},
    REJECTED: {word: 'Rejected', kind: 'bad', text: 'The Registration Authority rejected this batch. Nothing will be issued from it.'},
    PARSING: {word: 'Being read', kind: 'busy', text: 'The batch is approved, and its CSRs are being read.'},
    QUEUED: {word: 'In the queue', kind: 'busy', text: 'The batch waits for its turn in the night.'},
    PROCESSING: {word: 'Being processed', kind: 'busy', text: 'Certificates are being issued.'},
    PAUSED: {word: 'Paused until the next night', kind: 'warn', text: 'The processing window has closed. The batch goes on in the next one.'},
    COMPLETED: {word: 'Completed', kind: 'good', text: 'All CSRs of the batch have been dealt with, and the results are here.'},
    TAMPERED: {word: 'Stopped: content changed', kind: 'bad', text: 'What was stored is not what was sent. Nothing was issued; tell the Service Desk.'},
};

const unreleased = {word: 'Processed, not released yet', kind: 'busy', text: 'All CSRs of the batch have been dealt with. The results wait for the time of their release.'};

// PROCESSING, but done: until the release that is all the service says (interfaces.md 12.1).
function is_unreleased(batch) {
    return batch.status === 'PROCESSING' && Boolean(batch.completedAt);
}

// An unknown word of a newer service is shown as it is.
export function batch_state(batch) {
    if (is_unreleased(batch))
        return unreleased;
    return batch_states[batch.status] || {word: batch.status, kind: '', text: ''};
}

export function is_final(batch) {
    return batch.status === 'REJECTED' || batch.status === 'TAMPERED' || batch.status === 'COMPLETED';
}

// Not final, and nothing of it moves from one moment to the next.
export function is_waiting(batch) {
    return batch.status === 'QUEUED' || batch.status === 'PAUSED' || is_unreleased(batch);
}

export function batch_title(batch) {
    return batch.name || batch.ref || `Batch ${batch.id}`;
}

const interfaces = {
    'portal-organisation': 'Portal, Organisation part',
    'portal-device': 'Portal, Device part',
    adhoc: 'Ad Hoc Device CSR Web Service',
    batch: 'Batched Device CSR Web Service',
    operator: 'The operator',
};

export function interface_words(word) {
    return interfaces[word] || word || '';
}

const networks = {gateway: 'DCC Gateway Connection', internet: 'Internet', local: 'the operator’s own machine'};

export function network_words(word) {
    return networks[word] || word || '';
}

export const rules = {
    'portal-batch': {name: 'Batched CSRs through the portal', unit: 'CSRs in any 24 hours'},
    'portal-adhoc': {name: 'Ad Hoc Device CSRs through the portal', unit: 'CSRs in any 24 hours'},
    'adhoc-pace': {name: 'Ad Hoc Device CSR Web Service', unit: 'milliseconds between two CSRs'},
    'batch-one': {name: 'Batched Device CSR Web Service', unit: 'submissions at a time'},
};

export function rule_words(word) {
    return rules[word]?.name || word;
}

const usages = {digitalSignature: 'Digital signature', keyAgreement: 'Key agreement'};

export function usage_words(word) {
    return usages[word] ? `${usages[word]} (${word})` : word || '';
}

export function role_words(code, name) {
    return name ? `${code} (${name})` : code || '';
}

// What the service says in half a sentence, as one: "there is no batch 2" is "There is no batch 2." A word like keyUsage stays as it is.
export function sentence(text) {
    const first = /^[a-z]+(?=[\s'’,:;]|$)/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;

    return /[.!?…]$/.test(first) || first === '' ? first : `${first}.`;
}

const numbers = new Intl.NumberFormat('en-GB');

export function number(value) {
    return numbers.format(value);
}

export function count(value, one, many) {
    return `${number(value)} ${value === 1 ? one : many}`;
}

export function size(octets) {
    if (octets >= 1e6)
        return `${(octets / 1e6).toFixed(1)}\u00a0MB`;
    return octets >= 1e3 ? `${Math.round(octets / 1e3)}\u00a0kB` : count(octets, 'byte', 'bytes');
}

// A span of time as people say it: 0.8 is "0.8 seconds", 3600 "1 hour".
export function clock_seconds(seconds) {
    const [value, one, many] = seconds % 3600 === 0 && seconds > 0 ? [seconds / 3600, 'hour', 'hours'] : seconds % 60 === 0 && seconds > 0 ? [seconds / 60, 'minute', 'minutes'] : [seconds, 'second', 'seconds'];

    return `${value} ${value === 1 ? one : many}`;
}
