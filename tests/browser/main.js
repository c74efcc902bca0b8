// The portal in a real browser, from landing page to maintenance.
import {browse, new_page} from './browsers.js';
import {look, watch} from './look.js';
import {is_drawn, pages} from './pages.js';
import {open, words} from './steps.js';
import {claim, finish, note, same} from './tap.js';

const started = Date.now();

function stamp(text) {
    note(`${((Date.now() - started) / 1000).toFixed(1)} s: ${text}`);
}

async function every_page(page, site) {
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

const only = process.env.ONLY ? process.env.ONLY.split(',') : null;

async function part(name, act) {
    if (only !== null && !only.includes(name))
        return;
    stamp(name);
    await act();
}

await part('nobody', () => with_browser('nobody', async (page) => {
    await every_page(page, 'landing');
    await every_page(page, 'download');
}));
await part('device', () => with_browser('device', async (page) => {
    await every_page(page, 'device');
    await every_page(page, 'device-internet');
}));
await part('organisation', () => with_browser('organisation', async (page) => {
    await every_page(page, 'organisation');
    await every_page(page, 'organisation-internet');
}));
stamp('end');
finish();
