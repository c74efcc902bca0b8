// The coming or the current night: load, capacity, and my batches in it. Nobody else's names.
import {get} from '/js/api.js';
import {due_words} from '/js/batch_facts.js';
import {chart_key, night_chart} from '/js/chart.js';
import {by, facts, make, tag} from '/js/dom.js';
import {officer_page} from '/js/page.js';
import {table} from '/js/table.js';
import {clock, clock_zone, moment} from '/js/time.js';
import {batch_state, batch_title, number} from '/js/words.js';

const classes = {due: 'Due', early: 'Early, in the room that is left', 'over-quota': 'Behind due work: over the 24 hour limit'};

const batch_columns = [
    {name: 'Batch', value: (batch) => make('a', {href: `/batch.html?id=${batch.id}`}, batch.title)},
    {name: 'Turn', value: (batch) => number(batch.place), number: true},
    {name: 'State', value: (batch) => [batch_state(batch).word, make('div', {class: 'small'}, classes[batch.class] || '')]},
    {name: 'To do', value: (batch) => number(batch.remaining), number: true},
    {name: 'Expected', value: (batch) => batch.startsAt && batch.finishesAt ? [moment(batch, 'startsAt'), ' to ', moment(batch, 'finishesAt')] : 'not known'},
    {name: 'Due', value: due_words},
];

const slot_columns = [
    {name: 'Half hour from', value: (slot) => clock_zone(slot.from)},
    {name: 'Done', value: (slot) => number(slot.done), number: true},
    {name: 'Planned', value: (slot) => number(slot.planned), number: true},
    {name: 'Capacity', value: (slot) => number(slot.capacity), number: true},
];

function label(night) {
    return `The night as a timeline from ${clock(night.opens)} to ${clock(night.closes)}: ${number(night.accepted)} CSRs planned, ${number(night.done)} done, ` +
        `capacity ${number(night.capacity)}. The numbers are in the tables below.`;
}

function title_words(night) {
    return ['From ', moment(night, 'opens'), ' to ', moment(night, 'closes'), '. ', night.open ? tag('Open now', 'good') : tag('Not open yet')];
}

officer_page(async (site) => {
    const night = await get('/api/night'), capacity = Math.round(night.capacity / Math.max(night.slots.length, 1));

    for (const batch of night.batches)
        batch.title = batch_title(batch);
    by('night').replaceChildren(
        make('p', {class: 'lead'}, title_words(night)),
        facts([
            ['Capacity of the night', `${number(night.capacity)} CSRs of all Parties`],
            ['Planned for it', `${number(night.accepted)} CSRs`],
            ['Done so far', `${number(night.done)} CSRs`],
            ['Room left', `${number(night.room)} CSRs`],
        ]),
        make('h2', {}, 'Load, capacity and my batches'),
        night_chart(night, site.now || new Date().toISOString(), label(night)),
        chart_key([['done', 'CSRs done in a half hour'], ['planned', 'CSRs planned'], ['capacity', 'Capacity'], ['mine', 'My batches']]),
        make('h2', {}, 'My batches in turn'),
        night.batches.length === 0 ? make('p', {}, 'Your Party has no batch waiting. ', make('a', {href: '/upload.html'}, 'Submit a Batched CSR'))
            : table('My batches in the order of their turn', batch_columns, night.batches, {hide_caption: true}),
        make('h2', {}, 'The numbers of the picture'),
        table('CSRs in each half hour of the night', slot_columns, night.slots.map((slot) => ({...slot, capacity})), {hide_caption: true, slim: true}));
});
