// What all pages share: who and where, the menu, the banner of Planned Maintenance, and what is shown when the service says no.
import {get} from '/js/api.js';
import {by, make} from '/js/dom.js';
import {menu_fill} from '/js/menu.js';
import {moment} from '/js/time.js';
import {network_words} from '/js/words.js';

const parts = {organisation: 'Organisation part', device: 'Device part', landing: '', download: 'Download area'};
const SOON = 7 * 24 * 3600 * 1000;

// A credential of a system has no officer: then its own name stands here.
export function officer_name(site) {
    return site.officer?.name || site.credential.commonName;
}

function where_text(site) {
    const part = site.part || site.site, is_officers = part === 'organisation' || part === 'device';
    const who = site.party && `${officer_name(site)}, ${site.party.name}`;

    return [parts[part], is_officers && network_words(site.network), who].filter(Boolean).join(' · ');
}

function banner_fill(site) {
    const now = site.maintenance, next = (site.planned || []).find((plan) => new Date(plan.from) - new Date(site.now || Date.now()) < SOON);
    const plan = now || next;

    if (!plan || !by('banner'))
        return;
    by('banner').setAttribute('role', 'region');
    by('banner').setAttribute('aria-label', 'Planned Maintenance');
    by('banner').replaceChildren(make('div', {class: 'banner'}, make('div', {class: 'frame'}, make('p', {},
        make('strong', {}, now ? 'Planned Maintenance is on' : 'Planned Maintenance'), ' from ', moment(plan, 'from'), ' to ', moment(plan, 'to'), '. ',
        make('a', {href: '/status.html'}, 'What is planned')))));
}

function foot_fill(site) {
    const landing = site.urls?.landing, away = site.maintenance !== null && site.maintenance !== undefined; // every page is the same one then

    by('foot').replaceChildren(make('div', {class: 'frame'},
        !away && make('ul', {},
            landing && site.site !== 'landing' && make('li', {}, make('a', {href: landing}, 'Landing page')),
            make('li', {}, make('a', {href: '/guide.html'}, 'User guide')),
            make('li', {}, make('a', {href: '/desk.html'}, 'Service Desk')),
            make('li', {}, make('a', {href: '/status.html'}, 'Notices and maintenance'))),
        make('p', {}, [site.operator && `Operated by ${site.operator}`, site.version && `version ${site.version}`].filter(Boolean).join(', '))));
}

// Hours and numbers in a page's words that are this service's own.
function limits_fill(limits) {
    for (const place of document.querySelectorAll('[data-limit]'))
        place.textContent = limits?.[place.dataset.limit] ?? place.textContent;
}

function frame_fill(site) {
    by('where').textContent = where_text(site);
    banner_fill(site);
    foot_fill(site);
    limits_fill(site.limits);
    if (by('menu'))
        menu_fill(by('menu'), site);
}

// A refusal as people read it: what was wrong, its code, when to come back, and what to give to the Service Desk.
export function refusal_words(refusal) {
    const codes = [refusal.code && `Error code ${refusal.code}`, refusal.transaction && `transaction ${refusal.transaction}`].filter(Boolean);

    return [
        make('p', {}, refusal.message),
        refusal.retryAtUk && make('p', {}, 'You can try again from ', make('strong', {}, refusal.retryAtUk), '.'),
        codes.length > 0 && make('p', {}, codes.join(', '), '. ', refusal.code && make('a', {href: `/errors.html?find=${encodeURIComponent(refusal.code)}`}, `What to do about ${refusal.code}`)),
    ];
}

// In place of what cannot be shown.
export function refusal_box(refusal) {
    const title = refusal.name === 'MAINTENANCE' ? 'Planned Maintenance is on' : 'This cannot be shown';

    return make('div', {class: 'result bad', role: 'alert'}, make('h2', {}, title), refusal_words(refusal));
}

function no_session(site) {
    return make('div', {class: 'notice'}, make('h2', {}, 'Go in first'),
        make('p', {}, 'This page belongs to the Organisation part and the Device part of the portal, which ask for your token. ',
            make('a', {href: site.urls?.landing || '/'}, 'Choose a part on the landing page')));
}

async function site_of(officer) {
    if (!officer)
        return get('/api/public');
    try {
        return await get('/api/session');
    } catch (refusal) {
        if (refusal.status === 404)
            return get('/api/public');
        throw refusal;
    }
}

async function fill(officer, start) {
    const body = by('content');

    try {
        const site = await site_of(officer);

        frame_fill(site);
        if (officer && !site.party)
            body.replaceChildren(no_session(site));
        else
            await start(site);
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        body.replaceChildren(refusal_box(refusal));
        if (refusal.name === 'MAINTENANCE')
            frame_fill(await get('/api/public'));
    }
    document.documentElement.dataset.ready = 'yes'; // for browser tests: what the page asks for at its start is there
}

// A page that anybody sees; start(site) gets GET /api/public.
export function public_page(start) {
    return fill(false, start);
}

// A page for officers; start(site) gets GET /api/session.
export function officer_page(start) {
    return fill(true, start);
}

// Makes `section` the place where the reader is: heading into view, focus for the keyboard and the screen reader.
export function go_to(section) {
    section.setAttribute('tabindex', '-1');
    section.focus();
    section.scrollIntoView({block: 'start'});
}
