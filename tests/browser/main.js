// The portal in a real browser, from landing page to maintenance.
import {browse, new_page} from './browsers.js';
import {batch} from './flow_batch.js';
import {by_keyboard, device_csr, organisation_csr} from './flow_csr.js';
import {after_maintenance, maintenance, maintenance_end, maintenance_start, with_wrong, without} from './flow_refused.js';
import {announce, desk, documents, error_list, find, installer, ways_in} from './flow_rest.js';
import {look, watch} from './look.js';
import {is_drawn, pages} from './pages.js';
import {open, words} from './steps.js';
import {claim, finish, note, same} from './tap.js';

const started = Date.now();

// ONLY=device,pages: these parts alone, while a test is being written.
const only = process.env.ONLY ? process.env.ONLY.split(',') : null;

function is_wanted(name) {
    return only === null || only.includes(name);
}

function stamp(text) {
    note(`${((Date.now() - started) / 1000).toFixed(1)} s: ${text}`);
}

async function every_page(page, site) {
    if (!is_wanted('pages'))
        return;
    stamp(site);
    for (const [name, path, title] of pages[site]) {
        await claim(`${site} ${name}: is there`, async () => {
            await open(page, site, path);
            same(await words(page, 'h1'), title);
        });
        await look(page, `${site}-${name}`, {pictures: is_drawn(site, name)});
    }
}

// act(page, session) with the browser of a person, which is closed again.
async function with_browser(person, act) {
    const session = await browse(person);

    try {
        const page = await new_page(session);

        await watch(page);
        await act(page, session);
    } finally {
        await session.browser.close();
    }
}

async function part(name, act) {
    if (!is_wanted(name))
        return;
    stamp(name);
    await act();
}

await part('nobody', () => with_browser('nobody', async (page, session) => {
    await every_page(page, 'landing');
    await every_page(page, 'download');
    await ways_in(page);
    await error_list(page);
    await installer(page, session);
    await desk(page);
    for (const site of ['organisation', 'device', 'organisation-internet', 'device-internet']) {
        const tab = await new_page(session); // of a second page in one tab that cannot be opened Firefox may say nothing

        await without(tab, site);
        await tab.close();
    }
}));
await part('revoked', () => with_browser('revoked', async (page) => {
    await with_wrong(page, 'device', 'a revoked one');
    await with_wrong(page, 'device-internet', 'a revoked one');
}));
await part('device', () => with_browser('device', async (page, session) => {
    await every_page(page, 'device');
    stamp('flows');
    await device_csr(page, session);
    await by_keyboard(page, session);
    await batch(page, session);
    await find(page, session);
    await announce(page);
    await documents(page, session);
    await open(page, 'device', '/pickup.html');
    await look(page, 'device-pickup-full');
    await open(page, 'device', '/night.html');
    await look(page, 'device-night-after');
    await open(page, 'device', '/demand.html');
    await look(page, 'device-demand-after');
    await every_page(page, 'device-internet');
    await with_wrong(page, 'organisation', 'the other part’s one');
}));
await part('organisation', () => with_browser('organisation', async (page, session) => {
    await every_page(page, 'organisation');
    await organisation_csr(page, session);
    await open(page, 'organisation', '/pickup.html');
    await look(page, 'organisation-pickup-full');
    await every_page(page, 'organisation-internet');
    await with_wrong(page, 'device', 'the other part’s one');
    await part('maintenance', async () => {
        maintenance_start();
        await maintenance(page, ['landing', 'organisation', 'organisation-internet', 'download']);
        maintenance_end();
        await after_maintenance(page, 'landing');
    });
}));
stamp('end');
finish();
