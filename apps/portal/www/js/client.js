// The Authentication Client: the files of the download area, from the list that machines read too.
import {get} from '/js/api.js';
import {by, facts, make, mono} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {day, day_of} from '/js/time.js';
import {size} from '/js/words.js';

const systems = {windows: 'Windows', macos: 'macOS', linux: 'Linux'};

function platform_words(platform) {
    const [system, ...more] = platform.split('-');

    return [systems[system] || system, more.length > 0 && `(${more.join(' ')})`].filter(Boolean).join(' ');
}

// The list has public addresses; the files are on this very site.
function here(url) {
    const {pathname} = new URL(url, location.href);

    return pathname;
}

function of(file) {
    return make('span', {class: 'hidden'}, ` of ${file.name}`);
}

function entry(file) {
    return make('section', {}, make('h3', {}, `${platform_words(file.platform)}: version ${file.version}`),
        facts([
            ['File', make('a', {href: here(file.url), download: file.name}, `${file.name} (${size(file.size)})`)],
            ['Signature', make('a', {href: here(file.signature_url), download: `${file.name}.p7s`}, 'Detached CMS signature (.p7s)', of(file))],
            ['SHA-256 file', make('a', {href: here(file.sha256_url), download: `${file.name}.sha256`}, 'For sha256sum -c', of(file))],
            ['SHA-256', mono(file.sha256)],
            ['Signed by', file.signer],
            ['Published', file.published_at && day(day_of(file.published_at))],
        ]));
}

function lists(updates) {
    const latest = new Set(Object.values(updates.latest || {})), newest = updates.files.filter((file) => latest.has(file.number));
    const older = updates.files.filter((file) => !latest.has(file.number));

    if (updates.files.length === 0)
        return [make('p', {}, 'The operator has published no files yet.')];
    return [...newest.map(entry), older.length > 0 && make('details', {}, make('summary', {}, 'Older versions'), older.map(entry))].filter(Boolean);
}

function elsewhere(site) {
    const url = site.urls?.download;

    return url ? make('p', {}, make('a', {class: 'button', href: url}, 'Go to the download area'))
        : make('p', {}, 'The operator has not published a download area. Ask the ', make('a', {href: '/desk.html'}, 'Service Desk'), '.');
}

public_page(async (site) => {
    by('files').replaceChildren(...(site.site === 'download' ? lists(await get('/updates.json')) : [elsewhere(site)]));
    by('machine').hidden = site.site !== 'download';
});
