// Who am I: my Party, my credential, and what the credential did lately.
import {by, facts, make, mono, tag} from '/js/dom.js';
import {officer_name, officer_page} from '/js/page.js';
import {table} from '/js/table.js';
import {day, moment} from '/js/time.js';
import {interface_words, network_words, number, role_words, sentence} from '/js/words.js';

const SOON = 30; // days before its end in which a credential should be renewed
const subscribers = {device: 'Device Certificates', organisation: 'Organisation Certificates'};
const user_roles = {'import-supplier': 'Import Supplier', 'gas-supplier': 'Gas Supplier', dcc: 'DCC', other: 'Other'};

function list_words(words, names) {
    return words.length === 0 ? 'None' : words.map((word) => names[word] || word).join(', ');
}

function party_facts(site) {
    const party = site.party;

    return facts([
        ['Name', party.name],
        ['Number', String(party.number)],
        ['EUI-64s', make('span', {}, party.euis.map((eui, index) => [index > 0 && make('br'), mono(eui)]))],
        ['Remote Party Roles', party.roles.map((role) => role_words(role.code, role.name)).join(', ') || 'None'],
        ['User roles', list_words(party.userRoles, user_roles)],
        ['Authorised Subscriber for', list_words(party.subscriber, subscribers)],
        ['Networks', party.gatewayOnly ? 'DCC Gateway Connection only' : 'DCC Gateway Connection and Internet'],
    ]);
}

function expiry(credential) {
    const left = credential.daysLeft, soon = left !== null && left <= SOON;

    return [moment(credential, 'expiresAt', 'not known'), left === null || left === undefined ? '' : ` (${number(left)} ${left === 1 ? 'day' : 'days'} left)`, soon ? [' ', tag('Renew it', 'warn')] : ''];
}

function credential_facts(site) {
    const credential = site.credential;

    return facts([
        ['Officer', officer_name(site)],
        ['Common name', credential.commonName],
        ['Serial number', mono(credential.serial)],
        ['Interface', interface_words(credential.interface)],
        ['You came by', network_words(site.network)],
        ['State', tag(credential.state === 'active' ? 'Active' : credential.state, credential.state === 'active' ? 'good' : 'bad')],
        ['Issued', moment(credential, 'issuedAt')],
        ['Expires', expiry(credential)],
    ]);
}

// An address breaks only where there is no room for it.
function peer_words(peer) {
    return peer ? make('span', {class: 'mono whole'}, peer) : null;
}

const unusual_columns = [
    {name: 'When', value: (use) => moment(use, 'time')},
    {name: 'What was unusual', value: (use) => sentence(use.text)},
    {name: 'Network', value: (use) => network_words(use.network)},
    {name: 'Address', value: (use) => peer_words(use.peer) || 'not known'},
];
const network_columns = [
    {name: 'Network', value: (use) => network_words(use.network)},
    {name: 'First use', value: (use) => moment(use, 'first', 'never')},
    {name: 'Last use', value: (use) => moment(use, 'last', 'never')},
    {name: 'Address of the last', value: (use) => peer_words(use.peer) || 'none'},
];

function day_columns(networks) {
    return [{name: 'Day', value: (use) => day(use.day)},
        ...networks.map((network) => ({name: `Requests, ${network_words(network)}`, value: (use) => number(use[network] || 0), number: true}))];
}

function days_table(use) {
    const networks = ['gateway', 'internet', 'local'].filter((network) => network !== 'local' || use.days.some((one) => one.local > 0));
    const used = use.days.filter((one) => networks.some((network) => one[network] > 0));

    return make('details', {}, make('summary', {}, 'Requests by day, the last 30 days'),
        used.length === 0 ? make('p', {}, 'None.') : table('Requests by day; days without any are left out', day_columns(networks), [...used].reverse(), {hide_caption: true}));
}

function unusual(use) {
    if (use.unusual.length === 0)
        return make('p', {}, tag('Nothing unusual', 'good'), ' No use of this credential was out of the ordinary.');
    return make('div', {class: 'notice'}, make('h2', {}, 'Unusual use'),
        make('p', {}, 'If one of these was not you, tell the ', make('a', {href: '/desk.html'}, 'Service Desk'), ' at once.'),
        table('Unusual uses of this credential', unusual_columns, use.unusual, {hide_caption: true}));
}

function use_part(use) {
    if (!use)
        return make('p', {}, 'Nothing is known of its use yet.');
    const before = use.previous;
    const previous = before ? make('p', {}, 'Last use before this visit: ', moment(before, 'time'), ` by the ${network_words(before.network)}`, before.peer ? [' from ', peer_words(before.peer)] : '', '.')
        : make('p', {}, 'No use before this visit is known.');

    return [previous, unusual(use), table('Use by network', network_columns, use.networks.filter((one) => one.last)), days_table(use)];
}

officer_page((site) => {
    by('party').replaceChildren(party_facts(site));
    by('credential').replaceChildren(credential_facts(site));
    by('use').replaceChildren(...[use_part(site.credential.use)].flat().filter(Boolean));
});
