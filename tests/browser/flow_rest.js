// Finding, extra demand, documents, the Authentication Client, the Service Desk.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {download} from './browsers.js';
import {look} from './look.js';
import {fact, fill, focus, follow, open, submit, until_words, words} from './steps.js';
import {claim, has, same} from './tap.js';
import {operator, place, run} from './world.js';

export async function find(page, session) {
    await open(page, 'device', '/find.html');
    await claim('find: nothing entered is told at the field', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same([await focus(page), await words(page, '#summary li a')], ['summary', 'Enter a Device ID, an EUI-64 or a serial number']);
    });
    await claim('find: what is no Device ID neither', async () => {
        await fill(page, 'find', 'a meter');
        await submit(page);
        await until_words(page, '#summary', 'Error code');
    });
    await look(page, 'device-find-bad');
    await claim('find: a Device ID in another form is found', async () => {
        await fill(page, 'find', '90b3d51f30020000');
        await submit(page);
        await until_words(page, '#found', '1 certificate found');
        same(await fact(page, 'Device ID'), '90-B3-D5-1F-30-02-00-00');
        has(page.url(), '?find=90b3d51f30020000');
    });
    await look(page, 'device-find-found');
    await claim('find: and fetched', async () => {
        has(run('openssl', 'x509', '-in', await download(session, () => follow(page, 'PEM')), '-noout', '-issuer'), 'issuer');
    });
    await claim('find: none is told as none', async () => {
        await fill(page, 'find', '90-B3-D5-1F-30-99-99-99');
        await submit(page);
        await until_words(page, '#found', 'Nothing found');
    });
    await look(page, 'device-find-none');
}

function days_ahead(days) {
    const [year, month, day] = new Date(Date.now() + days * 24 * 3600 * 1000).toISOString().slice(0, 10).split('-').map(Number);

    return {day, month, year};
}

async function fill_day(page, name, days) {
    for (const [part, value] of Object.entries(days_ahead(days)))
        await fill(page, `${name}-${part}`, String(value));
}

export async function announce(page) {
    await open(page, 'device', '/announce.html');
    await claim('announce: all that is missing is in the summary', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same(await page.$$eval('#summary li', (items) => items.length), 4);
        same(await focus(page), 'summary');
    });
    await look(page, 'device-announce-nothing');
    await claim('announce: fewer than seven days are told while they are typed', async () => {
        await fill_day(page, 'first', 3);
        await until_words(page, '#notice-time', 'at least 7 days');
    });
    await look(page, 'device-announce-short');
    await claim('announce: recorded', async () => {
        await page.click('#rule-1');
        await fill_day(page, 'first', 20);
        await fill_day(page, 'last', 22);
        await fill(page, 'expected', '80,000');
        await fill(page, 'text', 'Replacement programme');
        same(await words(page, '#notice-time'), '');
        await submit(page);
        await until_words(page, 'main', 'Announced: notice 1');
        await until_words(page, '#notices', 'Waiting for the operator');
    });
    await look(page, 'device-announce-done');
    await claim('announce: the operator has it', () => {
        const [notice] = JSON.parse(operator('smki', 'agreement', 'notices', '--json')).notices ?? JSON.parse(operator('smki', 'agreement', 'notices', '--json'));

        same([notice.expected, notice.text], [80000, 'Replacement programme']);
    });
    await claim('announce: and the answer is on the page', async () => {
        operator('smki', 'agreement', 'approve', '1', '--limit', '80000');
        await open(page, 'device', '/announce.html');
        has(await words(page, '#notices'), 'Approved');
    });
    await look(page, 'device-announce-approved');
}

export async function documents(page, session) {
    await claim('documents: what is downloaded is what was added', async () => {
        await open(page, 'device-internet', '/documents.html');
        same(readFileSync(await download(session, () => follow(page, 'Device Certificate Policy')), 'utf8'),
            readFileSync(place('Device-Certificate-Policy.pdf'), 'utf8'));
        await page.bringToFront();
    });
}

export async function installer(page, session) {
    await open(page, 'download', '/');
    await claim('Authentication Client: openssl accepts its signature, and its sum is the published one', async () => {
        const file = await download(session, () => follow(page, 'authentication-client.deb (')), kept = place('kept.deb');

        run('cp', file, kept);
        const signature = await download(session, () => page.click('a[href$=".p7s"]'));

        same(path.basename(signature), 'authentication-client.deb.p7s');
        run('openssl', 'cms', '-verify', '-binary', '-inform', 'DER', '-in', signature, '-content', kept, '-CAfile', place('sign.pem'), '-purpose', 'any', '-out', '/dev/null');
        same(run('sha256sum', kept).split(' ')[0], await fact(page, 'SHA-256'));
    });
}

export async function desk(page) {
    await open(page, 'landing', '/desk.html');
    await claim('Service Desk: all that is missing is in the summary', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same(await page.$$eval('#summary li', (items) => items.length), 3);
    });
    await look(page, 'landing-desk-nothing');
    await claim('Service Desk: a report is taken', async () => {
        await fill(page, 'name', 'Sam Taylor');
        await fill(page, 'contact', 'sam@example.org');
        await fill(page, 'text', 'The token is not found');
        await submit(page);
        await until_words(page, 'main', 'Report 1 has been taken');
    });
    await look(page, 'landing-desk-taken');
    await claim('Service Desk: the operator reads it', () => has(operator('smki', 'desk', 'list'), 'Sam Taylor'));
}

export async function error_list(page) {
    await open(page, 'landing', '/errors.html?find=CR:AA7');
    await claim('error codes: one is found by its code', async () => {
        same([await words(page, '#count'), await words(page, '#errors th[scope="row"]')], ['1 code', 'CR:AA7']);
    });
    await look(page, 'landing-errors-found');
}

export async function ways_in(page) {
    await open(page, 'landing', '/');
    await claim('landing: each way leads to its site', async () => {
        const ways = await page.$$eval('[data-way]', (links) => links.map((link) => link.href || `${link.textContent} leads nowhere`));

        same(ways.filter((way) => !/^https:\/\/localhost:\d+\//.test(way)), []);
        same(new Set(ways).size, 7);
    });
}
