// The Party's batches, newest first, kept up to date.
import {get, get_again} from '/js/api.js';
import {batch_links, batch_tag, done_words, due_words, place_words} from '/js/batch_facts.js';
import {by, make} from '/js/dom.js';
import {announce, live} from '/js/live.js';
import {officer_page, refusal_box} from '/js/page.js';
import {table, table_refill} from '/js/table.js';
import {moment} from '/js/time.js';
import {batch_state, batch_title, count, is_final, is_waiting} from '/js/words.js';

let shown = '';              // the newest page as it was last shown
let states = new Map();
const older = [];            // what "Show older batches" brought, and what new ones pushed off the newest page since
let newest = [];
let list = null;

function batch_link(batch) {
    return [make('a', {href: `/batch.html?id=${batch.id}`}, batch_title(batch)), make('span', {class: 'small'}, ` number ${batch.id}`)];
}

const columns = [
    {name: 'Batch', value: batch_link},
    {name: 'State', value: (batch) => [batch_tag(batch), make('div', {class: 'small'}, `${done_words(batch)} processed`),
        place_words(batch) && make('div', {class: 'small'}, place_words(batch))]},
    {name: 'Accepted', value: (batch) => moment(batch, 'acceptedAt')},
    {name: 'Due', value: due_words},
    {name: 'Results', value: (batch) => batch_links(batch) || (batch.released || is_final(batch) ? 'None' : ['From ', moment(batch, 'releasedAt', 'its release')])},
];

function tell_changes(batches) {
    const changes = batches.filter((batch) => states.has(batch.id) && states.get(batch.id) !== batch.status);

    if (changes.length > 0)
        announce(changes.map((batch) => `${batch_title(batch)}: ${batch_state(batch).word}`).join('. '));
    states = new Map(batches.map((batch) => [batch.id, batch.status]));
}

function motion(batches) {
    if (batches.every(is_final))
        return 'still';
    return batches.every((batch) => is_final(batch) || is_waiting(batch)) ? 'waiting' : 'moving';
}

function show_more(answer) {
    const last = [...newest, ...older].at(-1);
    const button = make('button', {type: 'button', class: 'plain'}, 'Show older batches');

    button.addEventListener('click', async () => {
        try {
            const next = await get(`/api/batches?before=${last.id}`);

            older.push(...next.batches);
            shown = '';
            show({batches: newest, more: next.more});
        } catch (refusal) {
            if (refusal.status === undefined)
                throw refusal;
            by('more').replaceChildren(refusal_box(refusal));
        }
    });
    by('more').replaceChildren(...(answer.more ? [button] : []));
}

function show(answer) {
    const text = JSON.stringify(answer.batches);
    const gone = (batch) => !answer.batches.some((one) => one.id === batch.id);

    if (older.length > 0)
        older.unshift(...newest.filter(gone));
    newest = answer.batches;

    const all = [...newest, ...older.filter(gone)];

    if (all.length === 0) {
        by('list').replaceChildren(make('p', {}, 'Your Party has no batches. ', make('a', {href: '/upload.html'}, 'Submit a Batched CSR')));
        return;
    }
    if (text === shown)
        return;
    shown = text;
    if (list === null) {
        list = table('Batches, newest first', columns, all, {hide_caption: true});
        by('list').replaceChildren(list);
    } else {
        table_refill(list, columns, all);
    }
    by('count').textContent = all.length === 1 ? '1 batch' : `${count(all.length, 'batch', 'batches')}, newest first`;
    if (older.length === 0 || answer.more !== undefined)
        show_more(answer);
}

async function look() {
    const answer = await get_again('/api/batches');

    show(older.length === 0 ? answer : {batches: answer.batches});
    tell_changes(answer.batches);
    return motion(answer.batches);
}

officer_page(() => live(look, by('fresh')));
