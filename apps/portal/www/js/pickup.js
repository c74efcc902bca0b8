// What came for the Party in the last 30 days, by whichever way it was asked for.
import {get} from '/js/api.js';
import {batch_links, batch_tag} from '/js/batch_facts.js';
import {certificate_kind, certificate_links, certificate_state, certificate_subject} from '/js/certificate.js';
import {by, make, mono} from '/js/dom.js';
import {officer_page, refusal_box} from '/js/page.js';
import {table} from '/js/table.js';
import {moment} from '/js/time.js';
import {batch_title, interface_words, number} from '/js/words.js';

const certificate_columns = [
    {name: 'For', value: (certificate) => [mono(certificate_subject(certificate)), certificate.commonName && make('div', {class: 'small'}, certificate.commonName)]},
    {name: 'Kind', value: (certificate) => [certificate_kind(certificate), make('div', {class: 'small'}, certificate.keyUsage)]},
    {name: 'State', value: certificate_state},
    {name: 'Issued', value: (certificate) => moment(certificate, 'issuedAt')},
    {name: 'Came by', value: (certificate) => interface_words(certificate.interface)},
    {name: 'Download', value: certificate_links},
];

const batch_columns = [
    {name: 'Batch', value: (batch) => [make('a', {href: `/batch.html?id=${batch.id}`}, batch_title(batch)), make('span', {class: 'small'}, ` number ${batch.id}`)]},
    {name: 'State', value: batch_tag},
    {name: 'Issued', value: (batch) => number(batch.granted), number: true},
    {name: 'Refused', value: (batch) => number(batch.refused), number: true},
    {name: 'Came by', value: (batch) => interface_words(batch.interface)},
    {name: 'Download', value: (batch) => batch_links(batch) || ['From ', moment(batch, 'releasedAt', 'its release')]},
];

function list(place, caption, columns, items, none) {
    by(place).replaceChildren(items.length === 0 ? make('p', {}, none) : table(caption, columns, items, {hide_caption: true}));
}

// Older ones are put below those that are there already.
function older(shown, place, none) {
    const button = make('button', {type: 'button', class: 'plain'}, 'Show older certificates');

    button.addEventListener('click', async () => {
        try {
            const {certificates, more, next} = await get(`/api/pickup?before=${shown.next}`);

            certificates_show({certificates: [...shown.certificates, ...certificates], more, next}, none);
        } catch (refusal) {
            if (refusal.status === undefined)
                throw refusal;
            place.replaceChildren(refusal_box(refusal));
        }
    });
    place.replaceChildren(button);
}

function certificates_show(shown, none) {
    list('certificates', 'Single certificates, newest first', certificate_columns, shown.certificates, none);
    by('more').hidden = !shown.more;
    if (shown.more)
        older(shown, by('more'), none);
}

officer_page(async (site) => {
    const shown = await get('/api/pickup');
    const {batches, days} = shown;

    certificates_show(shown, `No single certificate was issued to your Party in the last ${days} days.`);
    if (site.part === 'device')
        list('batches', 'Batches, newest first', batch_columns, batches, `No batch of your Party has been completed in the last ${days} days.`);
    else
        by('batches-part').hidden = true;
    if (shown.moreBatches)
        by('batches').append(make('p', {}, 'There are more: ', make('a', {href: '/batches.html'}, 'all batches'), '.'));
});
