// The published list of supported browsers.
import {by, make} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {table} from '/js/table.js';

const columns = [
    {name: 'Browser', value: (browser) => browser.name},
    {name: 'Versions', value: (browser) => browser.versions},
];

public_page((site) => {
    const browsers = site.browsers || [];

    by('browsers').replaceChildren(browsers.length === 0 ? make('p', {}, 'The operator has published no list.') : table('Supported browsers', columns, browsers, {hide_caption: true}));
});
