// One CSR, from the paste to the certificate on disk, which openssl then checks against the CA and the CSR's key.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {download} from './browsers.js';
import {look} from './look.js';
import {choose, fact, focus, follow, open, paste, submit, until_words, words} from './steps.js';
import {claim, has, same} from './tap.js';
import {home, make_request, place, run} from './world.js';

// The certificate is of the CSR's key, and of the CA's chain to its root. PEM or DER.
function check_certificate(file, csr, ca) {
    const authority = (name) => path.join(home, 'ca', `${name}.pem`), form = file.endsWith('.der') ? 'DER' : 'PEM';
    const pem = run('openssl', 'x509', '-inform', form, '-in', file);
    const key = run('openssl', 'x509', '-inform', form, '-in', file, '-noout', '-pubkey');
    const at = place('downloaded.pem');

    has(pem, 'BEGIN CERTIFICATE');
    run('openssl', 'x509', '-inform', form, '-in', file, '-out', at);
    run('openssl', 'verify', '-ignore_critical', '-CAfile', authority(`${ca}-root`), '-untrusted', authority(ca), at);
    same(key, run('openssl', 'req', '-in', csr, '-noout', '-pubkey'));
}

async function downloads(page, session, csr, ca, name) {
    await claim(`${name}: the certificate as PEM is on disk: of the CA, of the CSR’s key`, async () => {
        const file = await download(session, () => follow(page, 'Download as PEM'));

        has(file, '.pem');
        check_certificate(file, csr, ca);
    });
    await claim(`${name}: and as DER`, async () => {
        const file = await download(session, () => follow(page, 'Download as DER'));

        has(file, '.der');
        check_certificate(file, csr, ca);
    });
}

async function bad_input(page, site) {
    await open(page, site, '/submit.html');
    await claim('nothing pasted: the summary has the focus, and names the field', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same(await focus(page), 'summary');
        same(await words(page, '#summary li a'), 'Paste a CSR, or choose a file that holds one');
        has(await page.title(), 'Error: ');
    });
    await look(page, `${site}-submit-nothing`);
    await claim('its link leads to the field, which says the same', async () => {
        await page.click('#summary li a');
        same(await focus(page), 'csr');
        same(await page.$eval('#csr', (field) => [field.getAttribute('aria-invalid'), field.getAttribute('aria-describedby')]), ['true', 'csr-error csr-hint']);
        has(await words(page, '#csr-error'), 'Paste a CSR');
    });
    await claim('what is no CSR: said before it is sent, with its code', async () => {
        await paste(page, 'csr', 'Dear Sir or Madam');
        await until_words(page, '#said', 'Would be refused CR:AA2');
    });
    await look(page, `${site}-submit-bad`);
    await claim('and when it is sent all the same: in the summary', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same(await focus(page), 'summary');
        has(await words(page, '#summary'), 'Error code CR:AA2');
    });
    await look(page, `${site}-submit-refused`);
}

// How many requests a page sent to issue something.
function issues_of(page) {
    const sent = [];

    page.on('request', (request) => {
        if (request.method() === 'POST' && new URL(request.url()).pathname === '/api/csr')
            sent.push(request.url());
    });
    return sent;
}

async function issue(page, session, {site, csr, ca, kind, facts}) {
    const sent = issues_of(page);

    await open(page, site, '/submit.html');
    await claim(`${kind}: what the chosen file says is shown`, async () => {
        await choose(page, 'file', csr);
        await until_words(page, '#said', 'Can be sent');
        for (const [name, value] of Object.entries(facts))
            same(await fact(page, name), value);
    });
    await claim(`${kind}: nothing was sent yet`, () => same(sent, []));
    await look(page, `${site}-submit-look`);
    await claim(`${kind}: issued, and the focus is where that is said`, async () => {
        await submit(page);
        await until_words(page, 'main', `${kind} issued`);
        same(await focus(page), 'issued');
    });
    await page.click('main details summary');
    await look(page, `${site}-submit-issued`);
    await downloads(page, session, csr, ca, kind);
}

async function twice(page, csr) {
    await claim('the same Device CSR once more is refused with its code', async () => {
        await open(page, 'device', '/submit.html');
        await paste(page, 'csr', readFileSync(csr, 'utf8'));
        await submit(page);
        await page.waitForSelector('#summary');
        has(await words(page, '#summary'), 'Error code CR:9999');
    });
    await look(page, 'device-submit-duplicate');
}

export async function device_csr(page, session) {
    const request = make_request('meter', '90B3D51F30060001');

    await bad_input(page, 'device');
    await issue(page, session, {
        site: 'device', csr: `${request}.csr`, ca: 'dca', kind: 'Device Certificate',
        facts: {'Device ID': '90-B3-D5-1F-30-06-00-01', 'Key usage': 'Digital signature (digitalSignature)', Signature: 'Good'},
    });
    await twice(page, `${request}.csr`);
}

export async function organisation_csr(page, session) {
    await bad_input(page, 'organisation');
    await issue(page, session, {
        site: 'organisation', csr: place('organisation.csr'), ca: 'oca', kind: 'Organisation Certificate',
        facts: {'EUI-64': '90-B3-D5-1F-30-01-00-00', 'Remote Party Role': '02 (supplier)', Signature: 'Good'},
    });
    await claim('a Device CSR is refused in the Organisation part', async () => {
        await open(page, 'organisation', '/submit.html');
        await choose(page, 'file', `${make_request('wrong-part', '90B3D51F30060002')}.csr`);
        await until_words(page, '#said', 'Would be refused CR:');
    });
}

// What the keyboard alone reaches: Tab until the focus is on `wanted`, at most so many times.
async function tab_to(page, wanted, most) {
    const passed = [];

    for (let turn = 0; turn < most; turn++) {
        await page.keyboard.press('Tab');
        passed.push(await focus(page));
        if (passed.at(-1) === wanted)
            return passed;
    }
    throw new Error(`“${wanted}” is not reached; what is: ${passed.join(' | ')}`);
}

async function press_enter_and_see(page, selector) {
    await page.keyboard.press('Enter');
    await page.waitForSelector(selector);
}

// The whole way without a pointing device: skip link, paste, look, submit, download.
export async function by_keyboard(page, session) {
    const request = make_request('keyboard', '90B3D51F30060003', 'keyAgreement');

    await open(page, 'device', '/submit.html');
    await claim('keyboard: the first stop skips to the content', async () => {
        await page.keyboard.press('Tab');
        same(await focus(page), 'Skip to the content');
        await page.keyboard.press('Enter');
        await page.waitForFunction(() => document.activeElement.id === 'main');
    });
    await claim('keyboard: then the fields in the order of the page, then the button', async () => {
        same(await tab_to(page, 'csr', 3), ['submit a batch', 'csr']);
        await page.keyboard.type(readFileSync(`${request}.csr`, 'utf8').replace(/-----[^-]*-----|\n/g, ''));
        await until_words(page, '#said', 'Can be sent');
        same(await tab_to(page, 'Submit this CSR', 3), ['file', 'Submit this CSR']);
    });
    await claim('keyboard: where the focus is can be seen', async () => {
        const {outlineStyle, outlineWidth} = await page.evaluate(() => {
            const style = getComputedStyle(document.activeElement);

            return {outlineStyle: style.outlineStyle, outlineWidth: style.outlineWidth};
        });

        same([outlineStyle, outlineWidth], ['solid', '3px']);
    });
    await look(page, 'device-submit-by-keyboard');
    await claim('keyboard: Enter submits, and the certificate is issued', async () => {
        await page.focus('#form button[type="submit"]');
        await press_enter_and_see(page, '#issued');
        same(await focus(page), 'issued');
    });
    await claim('keyboard: the next stops lead to the file, and Enter fetches it', async () => {
        await tab_to(page, 'Download as PEM', 4);
        check_certificate(await download(session, () => page.keyboard.press('Enter')), `${request}.csr`, 'dca');
    });
    await claim('keyboard: the menu of a phone opens and closes', async () => {
        await page.setViewport({width: 390, height: 844});
        await page.focus('.menu-button');
        await page.keyboard.press('Enter');
        same(await page.$eval('.menu-button', (button) => button.getAttribute('aria-expanded')), 'true');
        same(await page.$eval('#menu-list', (list) => list.offsetHeight > 0), true);
        await page.keyboard.press('Enter');
        same(await page.$eval('#menu-list', (list) => list.offsetHeight > 0), false);
    });
}

