// The document library of the Internet portal.
import {get} from '/js/api.js';
import {by, make, mono} from '/js/dom.js';
import {officer_page} from '/js/page.js';
import {table} from '/js/table.js';
import {day} from '/js/time.js';
import {size} from '/js/words.js';

const columns = [
    {name: 'Title', value: (file) => make('a', {href: `/api/documents/${file.number}`, download: file.name || ''}, file.title)},
    {name: 'Version', value: (file) => file.version},
    {name: 'Date', value: (file) => day(file.date)},
    {name: 'Size', value: (file) => size(file.size), number: true},
    {name: 'SHA-256', value: (file) => mono(file.sha256)},
];

officer_page(async (site) => {
    if (site.network !== 'internet') {
        by('documents').replaceChildren(make('div', {class: 'notice'}, make('h2', {}, 'The documents are on the Internet portal'),
            make('p', {}, 'You came by the DCC Gateway Connection. The library is offered by the portal via the Internet only.')));
        return;
    }
    const {documents} = await get('/api/documents');

    by('documents').replaceChildren(documents.length === 0 ? make('p', {}, 'There are no documents yet.') : table('Documents', columns, documents, {hide_caption: true}));
});
