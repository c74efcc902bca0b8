// A batch, from the zip to the results on disk; and a page that follows it while it is open.
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {download} from './browsers.js';
import {look, watch} from './look.js';
import {choose, fact, focus, follow, open, submit, until_words, words} from './steps.js';
import {claim, has, same} from './tap.js';
import {home, make_meters, operator, place, run} from './world.js';

const COUNT = 6;
const FIRST = '90-B3-D5-1F-30-07-00-00';
const NAME = 'Meters of the browser.zip';

async function wrong_files(page) {
    await open(page, 'device', '/upload.html');
    await claim('batch: no file is told at the field', async () => {
        await submit(page);
        await page.waitForSelector('#summary');
        same([await focus(page), await words(page, '#summary li a')], ['summary', 'Choose a .zip file']);
    });
    await look(page, 'device-upload-nothing');
    await claim('batch: nor is what is no zip, before it is sent', async () => {
        writeFileSync(place('no.zip'), 'this is no zip');
        await choose(page, 'file', place('no.zip'));
        await until_words(page, '#summary', 'this file is not one, or it is damaged');
    });
}

async function before_it_is_sent(page, zip) {
    await open(page, 'device', '/upload.html');
    await claim('batch: before it is sent: does it fit tonight, when is it due, what is left', async () => {
        await choose(page, 'file', zip);
        await until_words(page, '#forecast', 'If you submit it now');
        same(await fact(page, 'CSRs in it'), String(COUNT));
        has(await fact(page, 'Tonight'), 'Fits tonight');
        has(await fact(page, 'Due'), ', 08:00 G');
        has(await fact(page, 'Left of the 24 hour limit'), ' of 400; ');
        has(await words(page, '#forecast'), 'Nothing has been sent yet');
    });
    await look(page, 'device-upload-forecast');
    await claim('batch: more than is left is told too', async () => {
        make_meters(place('many.zip'), 180, '90-B3-D5-1F-30-08-00-00');
        await choose(page, 'file', place('many.zip'));
        await until_words(page, '#forecast', 'Over the limit');
    });
    await look(page, 'device-upload-over');
}

// The number of the batch.
async function send(page, zip) {
    let id = null;

    await open(page, 'device', '/upload.html');
    await claim('batch: accepted, with its number and its place', async () => {
        await choose(page, 'file', zip);
        await until_words(page, '#forecast', 'If you submit it now');
        await submit(page);
        await until_words(page, 'main', `Accepted: ${COUNT} CSRs`);
        same(await focus(page), 'accepted');
        id = Number(/Its number is (\d+)\./.exec(await words(page, 'main'))[1]);
        has(await fact(page, 'Place'), 'CSRs before it');
    });
    await look(page, 'device-upload-accepted');
    return id;
}

function row_of(id) {
    return `.stack tr:has(a[href="/batch.html?id=${id}"])`;
}

// Two pages that stay open while the operator runs the night: neither is loaded again.
async function live(page, session, id) {
    const other = await session.browser.newPage();

    await watch(other);
    await open(other, 'device', '/batches.html');
    await open(page, 'device', `/batch.html?id=${id}`);
    await claim('live: the batch waits', async () => {
        has(await fact(page, 'State'), 'Accepted');
        has(await words(other, row_of(id)), `0 of ${COUNT} (0%) processed`);
    });
    for (const one of [page, other])
        await one.evaluate(() => {
            window.stayed = true;
        });
    operator('smki-batch', 'run', '--once', '--ignore-window', '--quiet');
    await other.bringToFront();
    await claim('live: the list tells the run by itself', async () => {
        await until_words(other, row_of(id), `${COUNT} of ${COUNT} (100%) processed`, 70000);
        has(await words(other, row_of(id)), 'Processed, not released yet');
        same(await other.evaluate(() => window.stayed), true);
    });
    await look(other, 'device-batches-processed');
    operator('smki-batch', 'release', String(id));
    await page.bringToFront();
    await claim('live: the page of the batch tells the release by itself, and a screen reader', async () => {
        await until_words(page, '#batch', 'Completed', 70000);
        same(await page.evaluate(() => window.stayed), true);
        same(await words(page, '#spoken'), 'Completed');
    });
    await other.bringToFront(); // what is hidden is not drawn
    await look(other, 'device-batches-after', {pictures: false});
    await other.close();
    await page.bringToFront();
}

async function results(page, session, id) {
    await open(page, 'device', `/batch.html?id=${id}`);
    await look(page, 'device-batch-results');
    await claim('batch: the results on disk: a certificate for each CSR', async () => {
        const file = await download(session, () => follow(page, 'Certificates (zip)'));
        const list = run('unzip', '-Z1', file).trim().split('\n').sort();

        has(path.basename(file), '-response.zip');
        same(list.length, COUNT);
        same(list[0], `${FIRST.replaceAll('-', '')}-ds.crt`);
        run('unzip', '-o', '-q', file, list[0], '-d', place('unpacked'));
        run('openssl', 'verify', '-ignore_critical', '-CAfile', path.join(home, 'ca/dca-root.pem'), '-untrusted', path.join(home, 'ca/dca.pem'), place('unpacked', list[0]));
    });
    await claim('batch: and the report, with a record for each', async () => {
        const file = await download(session, () => follow(page, 'Report (text)'));

        same(run('grep', '-c', 'success', file).trim(), String(COUNT));
    });
}

export async function batch(page, session) {
    const zip = place(NAME);

    make_meters(zip, COUNT, FIRST);
    await wrong_files(page);
    await before_it_is_sent(page, zip);
    const id = await send(page, zip);

    if (id === null)
        return;
    await live(page, session, id);
    await results(page, session, id);
}
