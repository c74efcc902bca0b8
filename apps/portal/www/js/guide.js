// The user guide: the words are in the page; addresses and limits are those of this service.
import {by, facts, make, mono} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {table} from '/js/table.js';
import {clock_seconds, number, size} from '/js/words.js';

const interfaces = [
    ['landing', 'Landing page', 'Anyone', 'Browser'],
    ['organisation', 'Portal, Organisation part, via the DCC Gateway Connection', 'Officers', 'Browser with token'],
    ['device', 'Portal, Device part, via the DCC Gateway Connection', 'Officers', 'Browser with token'],
    ['organisationInternet', 'Portal, Organisation part, via the Internet', 'Officers', 'Browser with token'],
    ['deviceInternet', 'Portal, Device part, via the Internet', 'Officers', 'Browser with token'],
    ['adhoc', 'Ad Hoc Device CSR Web Service (Gateway only)', 'Systems of Import Suppliers, Gas Suppliers and the DCC', 'XML, system’s certificate'],
    ['batch', 'Batched Device CSR Web Service (Gateway only)', 'Systems of Authorised Subscribers for Device Certificates', 'XML, system’s certificate'],
    ['download', 'Authentication Client download', 'Anyone', 'Browser'],
];
const machines = new Set(['adhoc', 'batch']); // not for browsers: shown, not linked

function address(key, url) {
    if (!url)
        return 'not offered here';
    return machines.has(key) ? mono(url) : make('a', {href: url}, url);
}

function address_columns(urls) {
    return [
        {name: 'Interface', value: ([, name]) => name},
        {name: 'Address', value: ([key]) => address(key, urls[key])},
        {name: 'For', value: ([, , who]) => who},
        {name: 'How', value: ([, , , how]) => how},
    ];
}

function limit_facts(limits) {
    return facts([
        ['One batch', `at most ${number(limits.batchCsrs)} CSRs${limits.batchBytes ? `, in a zip of at most ${size(limits.batchBytes)}` : ''}`],
        ['Batches through the portal', `${number(limits.portalBatchCsrs)} CSRs of a Party in any 24 hours without an agreement. More are accepted, and queued behind all work that is due`],
        ['Ad Hoc CSRs through the portal', `${number(limits.portalAdhocCsrs)} of a Party in any 24 hours without an agreement`],
        ['Certificates of a device', `${number(limits.deviceCertificates)} for one Device ID; the Registration Authority can raise it`],
        ['Capacity of a night', `${number(limits.nightCapacity)} CSRs of all Parties`],
        ['Results and pickup', `kept for ${number(limits.keptDays)} days`],
        ['Ad Hoc Web Service', `one CSR of a Party in any ${clock_seconds(limits.adhocPaceDay)} from ${limits.adhocDayFrom} to ${limits.adhocDayTo}, in any ${clock_seconds(limits.adhocPaceNight)} at other times`],
        ['Batched Web Service', `one submission of a Party at a time; from ${limits.pollFrom} a batch may be polled once in ${clock_seconds(limits.pollInterval)}`],
    ]);
}

public_page((site) => {
    by('addresses').replaceChildren(table('Addresses of all interfaces', address_columns(site.urls || {}), interfaces, {hide_caption: true}));
    by('limits').replaceChildren(site.limits ? limit_facts(site.limits) : make('p', {}, 'The limits cannot be shown just now.'));
});
