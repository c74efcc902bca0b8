// One batch, as the pages show it.
import {facts, make, mono, tag} from '/js/dom.js';
import {moment} from '/js/time.js';
import {batch_state, count, interface_words, number, size} from '/js/words.js';

export function batch_tag(batch) {
    const state = batch_state(batch);

    return tag(batch.expired ? 'Completed, results gone' : state.word, batch.expired ? '' : state.kind);
}

export function place_words(batch) {
    if (!batch.place)
        return null;
    const before = batch.csrsBefore > 0 ? `, ${count(batch.csrsBefore, 'CSR', 'CSRs')} before it` : '';

    return batch.place === 1 ? `Next in turn${before}` : `Number ${number(batch.place)} in turn${before}`;
}

// A batch over the limit is promised nothing (interfaces.md 10).
export function due_words(batch) {
    if (batch.overQuota)
        return 'As soon as practicable, behind all work that is due';
    return [moment(batch, 'dueAt', 'not known'), batch.atRisk ? [' ', tag('May be late', 'bad')] : ''];
}

export function percent_words(batch) {
    return `${batch.csrs > 0 ? Math.floor(100 * batch.processed / batch.csrs) : 0}%`;
}

export function done_words(batch) {
    return `${number(batch.processed)} of ${number(batch.csrs)} (${percent_words(batch)})`;
}

function expected(batch) {
    if (!batch.finishesAt)
        return null;
    return batch.startsAt ? ['from ', moment(batch, 'startsAt'), ' to ', moment(batch, 'finishesAt')] : ['by ', moment(batch, 'finishesAt')];
}

function release(batch) {
    return batch.released ? null : moment(batch, 'releasedAt', null);
}

export function batch_facts(batch) {
    return facts([
        ['State', batch_tag(batch)],
        ['What it means', batch_state(batch).text],
        ['Reason', batch.reason],
        ['Place', place_words(batch)],
        ['Processed', done_words(batch)],
        ['Certificates issued', number(batch.granted)],
        ['Refused', number(batch.refused)],
        ['Due', due_words(batch)],
        ['Expected', expected(batch)],
        ['Limit', batch.overQuota ? 'Over the 24 hour limit: queued behind all work that is due' : null],
        ['Accepted', moment(batch, 'acceptedAt')],
        ['Completed', moment(batch, 'completedAt', null)],
        ['Results are released', release(batch)],
        ['Results are kept until', batch.released ? moment(batch, 'expiresAt', null) : null],
        ['Came by', interface_words(batch.interface)],
        ['File', batch.size ? size(batch.size) : null],
        ['SHA-256 of the file', batch.sha256 && mono(batch.sha256)],
    ]);
}

// Links to the results, or null where there are none yet.
export function batch_links(batch, button = false) {
    const kind = button ? 'button' : null;

    if (!batch.response && !batch.report)
        return null;
    return make('div', {class: 'actions'},
        batch.response && make('a', {class: kind, href: batch.response, download: ''}, 'Certificates (zip)', make('span', {class: 'hidden'}, ` of batch ${batch.id}`)),
        batch.report && make('a', {class: kind && 'button plain', href: batch.report, download: ''}, 'Report (text)', make('span', {class: 'hidden'}, ` of batch ${batch.id}`)));
}
