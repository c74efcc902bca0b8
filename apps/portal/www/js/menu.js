// What can be reached from where: one table for each kind of site.
import {make} from '/js/dom.js';

const help = {
    name: 'Help',
    items: [
        ['/guide.html', 'User guide'],
        ['/errors.html', 'Error codes'],
        ['/browsers.html', 'Supported browsers'],
        ['/client.html', 'Authentication Client'],
        ['/status.html', 'Notices and maintenance'],
        ['/desk.html', 'Service Desk'],
    ],
};
const documents = ['/documents.html', 'Documents', 'internet'];
const start = {name: '', items: [['/', 'Home']]};

const menus = {
    landing: [start, help],
    download: [{name: '', items: [['/', 'Authentication Client']]}, {name: help.name, items: help.items.filter(([path]) => path !== '/client.html')}],
    organisation: [
        {name: '', items: [['/', 'Home'], ['/account.html', 'My Party and credential']]},
        {name: 'Request', items: [['/submit.html', 'Submit an Organisation CSR']]},
        {name: 'Collect', items: [['/pickup.html', 'Certificate pickup'], ['/find.html', 'Find a certificate']]},
        {name: 'Plan', items: [['/announce.html', 'Announce extra demand']]},
        {name: help.name, items: [documents, ...help.items]},
    ],
    device: [
        {name: '', items: [['/', 'Home'], ['/account.html', 'My Party and credential']]},
        {name: 'Request', items: [['/submit.html', 'Submit an Ad Hoc Device CSR'], ['/upload.html', 'Submit a Batched CSR']]},
        {name: 'Collect', items: [['/batches.html', 'Batches'], ['/pickup.html', 'Certificate pickup'], ['/find.html', 'Find a certificate']]},
        {name: 'Plan', items: [['/night.html', 'The night'], ['/demand.html', 'Demand of my Party'], ['/announce.html', 'Announce extra demand']]},
        {name: help.name, items: [documents, ...help.items]},
    ],
};

// Pages that are below another one of the menu.
const parents = {'/batch.html': '/batches.html', '/index.html': '/'};

function item(path, name, here) {
    return make('li', {}, make('a', {href: path, 'aria-current': path === here ? 'page' : null}, name));
}

function group(entry, here, network) {
    const items = entry.items.filter(([, , only]) => only === undefined || only === network);

    return [
        entry.name !== '' && make('h2', {}, entry.name),
        make('ul', {}, items.map(([path, name]) => item(path, name, here))),
    ];
}

// On a phone the menu is folded away behind a button; wider screens always show it (css/smki.css).
export function menu_fill(nav, site) {
    const here = parents[location.pathname] || location.pathname;
    const list = make('div', {id: 'menu-list'}, (menus[site.part || site.site] || menus.landing).map((entry) => group(entry, here, site.network)));
    const button = make('button', {type: 'button', class: 'menu-button plain', 'aria-expanded': 'false', 'aria-controls': 'menu-list'}, 'Menu');

    button.addEventListener('click', () => button.setAttribute('aria-expanded', String(button.getAttribute('aria-expanded') !== 'true')));
    nav.replaceChildren(button, list);
}
