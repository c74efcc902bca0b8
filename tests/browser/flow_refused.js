// Who is not let in, and what he sees of it.
import {look} from './look.js';
import {open, words} from './steps.js';
import {claim, has, none, same} from './tap.js';
import {operator, site_url} from './world.js';

// Without a certificate there is no connection: the browser's own words.
export async function without(page, site) {
    await claim(`without a certificate: no way into ${site}`, async () => {
        await page.goto('about:blank'); // Firefox tells nothing of one error page after another
        const said = await page.goto(site_url(site)).then(() => 'the page opened', (error) => error.message);

        has(/ERR_BAD_SSL_CLIENT_AUTH_CERT|SSL_ERROR_\w+/.exec(said)?.[0] ?? said, said.includes('net::') ? 'ERR_BAD_SSL_CLIENT_AUTH_CERT' : 'SSL_ERROR_');
    });
}

// With a certificate that does not open this site: a page that says so, and nothing of what is inside.
export async function with_wrong(page, site, whose) {
    await claim(`with ${whose}: refused in ${site}, in words`, async () => {
        const answer = await page.goto(site_url(site));

        same([answer.status(), await words(page, 'h1')], [403, 'Access refused']);
        has(await words(page, 'main'), 'Error code WF:IA4.');
        none((await words(page, 'body')).includes('Example Energy') ? ['the Party is named'] : []);
    });
    await look(page, `${site}-refused-${whose.replaceAll(' ', '-').replaceAll('’', '')}`);
    await claim(`with ${whose}: nor is anything answered below /api`, async () => {
        same(await page.evaluate(() => fetch('/api/session').then((answer) => answer.status)), 403);
    });
}

// While Planned Maintenance is on: every page of every site is the one that says so.
export async function maintenance(page, sites) {
    for (const site of sites) {
        await claim(`maintenance: ${site} says until when`, async () => {
            const answer = await page.goto(site_url(site));

            await page.waitForSelector('html[data-ready="yes"]');
            same([answer.status(), await words(page, 'h1')], [503, 'Planned Maintenance']);
            has(await words(page, 'main'), 'The portal is expected back by');
        });
        await look(page, `${site}-maintenance`, {pictures: site === 'landing' || site === 'organisation'});
    }
}

export function maintenance_start() {
    const end = new Date(Date.now() + 4 * 3600 * 1000).toISOString().slice(0, 16);

    operator('smki', 'maintenance', 'start', '--to', end, '--text', 'A disk is replaced');
}

export function maintenance_end() {
    operator('smki', 'maintenance', 'end');
}

export async function after_maintenance(page, site) {
    await claim('maintenance: when it is over the page says so', async () => {
        await open(page, site, '/maintenance.html');
        has(await words(page, 'main'), 'It is over.');
    });
}
