// What came for the Party in the last 30 days, by whichever way it was asked for.
import {get} from '/js/api.js';
import {batch_links, batch_tag} from '/js/batch_facts.js';
import {certificate_kind, certificate_links, certificate_state, certificate_subject} from '/js/certificate.js';
import {by, make, mono} from '/js/dom.js';
import {officer_page} from '/js/page.js';
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

officer_page(async (site) => {
    const {certificates, batches, days, more} = await get('/api/pickup');

    list('certificates', 'Single certificates, newest first', certificate_columns, certificates, `No single certificate was issued to your Party in the last ${days} days.`);
    if (site.part === 'device')
        list('batches', 'Batches, newest first', batch_columns, batches, `No batch of your Party has been completed in the last ${days} days.`);
    else
        by('batches-part').hidden = true;
    by('more').hidden = !more;
});
