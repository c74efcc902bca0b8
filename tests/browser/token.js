// An officer whose key is on a token: the browser asks for the PIN in a dialog of its own, and the portal opens with the right one only.
import {browse, new_page} from './browsers.js';
import {dialog, picture, type} from './screen.js';
import {open, words} from './steps.js';
import {claim, finish, none, same} from './tap.js';
import {run, site_url} from './world.js';

const asked = /^(Unlock Security Device|Password Required)/; // Chromium, Firefox

// The status of the answer, or why there is none.
function visit(page, path) {
    return page.goto(site_url('device') + path).then((answer) => answer.status(), (error) => error.message);
}

// act(page) in a browser that has not asked for the PIN yet.
async function afresh(act) {
    const session = await browse('ann', {headless: false});

    try {
        await act(await new_page(session));
    } finally {
        await session.browser.close();
    }
}

await afresh(async (page) => {
    const answer = visit(page, '/api/session');

    await claim('the browser asks for the PIN of the token', async () => {
        await dialog(asked);
        picture('token-asks');
    });
    await claim('a wrong one is asked for again', async () => {
        const first = await dialog(asked);

        type('111111', 'Return');
        await dialog(asked, {other: first});
        picture('token-wrong');
    });
    await claim('and opens nothing', async () => {
        type('Escape');
        const said = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 10000, 'nothing came'))]);

        same(/^[0-9]/.test(String(said)), false);
    });
});
await afresh(async (page) => {
    const answer = visit(page, '/api/session');

    await claim('the right PIN opens the portal', async () => {
        await dialog(asked);
        type(process.env.PIN, 'Return');
        same(await answer, 200);
    });
    await claim('as the officer whose token it is', async () => {
        const session = JSON.parse(await page.evaluate(() => fetch('/api/session').then((one) => one.text())));

        same([session.officer.name, session.credential.interface], ['Ann Other', 'portal-device']);
    });
    await claim('its pages too, without another question', async () => {
        await open(page, 'device', '/');
        same(await words(page, 'h1'), 'Device part');
        picture('token-open');
    });
});
for (const store of ['.pki/nssdb', 'firefox'])
    await claim(`the key is not in the browser's own store (${store})`, () => {
        let said;

        try {
            said = run('certutil', '-K', '-d', `sql:${process.env.FOLDER}/people/ann/${store}`);
        } catch (error) {
            said = error.stderr;
        }
        none(said.split('\n').filter((line) => /^<\s*\d+>/.test(line))); // "< 0> rsa ..." for each key
    });
finish();
