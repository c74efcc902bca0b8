// One batch, kept up to date.
import {get} from '/js/api.js';
import {batch_facts, batch_links, done_words} from '/js/batch_facts.js';
import {by, make} from '/js/dom.js';
import {announce, live} from '/js/live.js';
import {officer_page} from '/js/page.js';
import {batch_state, batch_title, is_final, is_waiting} from '/js/words.js';

const id = new URLSearchParams(location.search).get('id') || '';

let shown = '', status = '';

function progress(batch) {
    if (is_final(batch) || batch.processed === 0 || batch.processed === batch.csrs)
        return null;
    return [make('label', {for: 'run'}, `Processed: ${done_words(batch)}`),
        make('progress', {id: 'run', max: String(batch.csrs), value: String(batch.processed)})];
}

function show(batch) {
    const text = JSON.stringify(batch);

    if (text === shown)
        return;
    shown = text;
    by('title').textContent = batch_title(batch);
    document.title = `${batch_title(batch)} - SMKI Portal`;
    by('batch').replaceChildren(...[batch_links(batch, true), progress(batch), batch_facts(batch)].flat().filter(Boolean));
    if (status !== '' && status !== batch.status)
        announce(batch_state(batch).word);
    status = batch.status;
}

async function look() {
    const batch = await get(`/api/batches/${encodeURIComponent(id)}`);

    show(batch);
    if (is_final(batch))
        return 'still';
    return is_waiting(batch) ? 'waiting' : 'moving';
}

officer_page(() => live(look, by('fresh')));
