// An officer whose key is on a token: the browser asks for the PIN in a dialog of its own, and the portal opens with the right one only.
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {browse, new_page} from './browsers.js';
import {claim, finish, note, same} from './tap.js';
import {browser_name, screenshots, site_url} from './world.js';

const pin = process.env.PIN;

function x(...words) {
    return execFileSync('xdotool', words, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']}).trim();
}

function windows() {
    try {
        return x('search', '--onlyvisible', '--name', '.*').split('\n').filter(Boolean);
    } catch {
        return [];
    }
}

function picture(name) {
    try {
        execFileSync('import', ['-window', 'root', path.join(screenshots, `${name}.png`)]);
    } catch {}
}
const session = await browse('ann', {headless: false});
const page = await new_page(session);
const before = windows();
note(before.map((w) => w + ' ' + x('getwindowname', w)).join('; '));
const going = page.goto(site_url('device') + '/api/session').then((a) => a.status(), (e) => e.message);
for (let i = 0; i < 20; i++) {
    await new Promise((r) => setTimeout(r, 500));
    const now = windows().filter((w) => !before.includes(w));
    if (now.length) { note('new ' + now.map((w) => w + ' ' + x('getwindowname', w) + ' ' + x('getwindowgeometry', w).replace(/\n/g, ' ')).join('; ')); break; }
}
await new Promise((r) => setTimeout(r, 1000));
picture('token-dialog');
x('type', '--delay', '60', pin);
picture('token-typed');
x('key', 'Return');
const done = await Promise.race([going, new Promise((r) => setTimeout(() => r('timeout'), 15000))]);
note(done);
picture('token-after');
await claim('opens', () => same(done, 200));
await session.browser.close();
finish();
