// The first page of the Organisation and of the Device part: who is here, and what needs to be known before anything else.
import {by, make} from '/js/dom.js';
import {officer_name, officer_page} from '/js/page.js';
import {moment} from '/js/time.js';
import {count, network_words} from '/js/words.js';

const SOON = 30;             // days before the end of a credential
const RECENT = 7 * 24 * 3600 * 1000;

function expiry(credential) {
    const left = credential.daysLeft;

    if (left === null || left === undefined || left > SOON)
        return null;
    return make('div', {class: 'notice'}, make('h2', {}, `Your credential expires in ${count(left, 'day', 'days')}`),
        make('p', {}, 'It ends on ', moment(credential, 'expiresAt'), '. Ask the operator for a new one before then: without it you cannot get in.'));
}

function unusual(site) {
    const now = new Date(site.now || Date.now()), recent = (site.credential.use?.unusual || []).filter((use) => now - new Date(use.time) < RECENT);

    if (recent.length === 0)
        return null;
    return make('div', {class: 'notice'}, make('h2', {}, 'Unusual use of your credential'),
        make('p', {}, moment(recent[0], 'time'), `: ${recent[0].text}. `, make('a', {href: '/account.html'}, 'See what your credential did lately')));
}

officer_page((site) => {
    by('who').replaceChildren('You are ', make('strong', {}, officer_name(site)), ' for ', make('strong', {}, site.party.name), `, by the ${network_words(site.network)}.`);
    by('news').replaceChildren(...[expiry(site.credential), unusual(site)].filter(Boolean));
    for (const only of document.querySelectorAll('[data-network]'))
        only.hidden = only.dataset.network !== site.network;
});
