// What holds of every page in every state: axe-core finds nothing, nothing is cut off at 320 px, nothing is asked of others or complained of.
// Pictures of it are kept for people to look at.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {claim, none} from './tap.js';
import {browser_name, modules, screenshots} from './world.js';

const axe = readFileSync(createRequire(`${modules}/`).resolve('axe-core/axe.min.js'), 'utf8');
const rules = {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations']};

const DESKTOP = {width: 1280, height: 900};
const PHONE = {width: 390, height: 844};
const NARROW = {width: 320, height: 640}; // WCAG 2.2, 1.4.10

const faults = new WeakMap();  // of each page: what was complained of
const asked = new WeakMap();   // ... and the origins that something was asked of since the last look
const visited = new WeakMap(); // ... and those that it was at itself

// A refusal is an answer that pages are made for; the browser writes one line for each into its console.
const is_refusal = /the server responded with a status of (4\d\d|503)/;

function remember(page, text) {
    faults.get(page).push(text);
}

// From now on, of this page; before its first address.
export async function watch(page) {
    faults.set(page, []);
    asked.set(page, new Set());
    page.on('request', (request) => {
        if (!/^(data|blob|about):/.test(request.url()))
            asked.get(page).add(new URL(request.url()).origin);
    });
    visited.set(page, new Set());
    page.on('framenavigated', (frame) => {
        if (/^https:/.test(frame.url()))
            visited.get(page).add(new URL(frame.url()).origin);
    });
    page.on('console', (message) => {
        if (['error', 'warn', 'warning', 'assert'].includes(message.type()) && !is_refusal.test(message.text()))
            remember(page, `console: ${message.text()}`);
    });
    page.on('pageerror', (error) => remember(page, `script: ${error.message}`));
    await page.evaluateOnNewDocument(() => {
        window.violations = [];
        document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
    });
}

// Origins that something was asked of, and where the page itself has not been since the last look.
function strangers(page) {
    const here = new URL(page.url()).origin, all = [...asked.get(page)].filter((origin) => origin !== here && !visited.get(page).has(origin));

    asked.get(page).clear();
    visited.set(page, new Set([here])); // of a page that is just being left something may come yet
    return all.map((origin) => `asked ${origin}`);
}

async function complaints(page) {
    const violations = await page.evaluate(() => window.violations ?? ['the page is not watched']);

    return [...faults.get(page).splice(0), ...strangers(page), ...violations.map((violation) => `policy: ${violation}`)];
}

// Wide as asked for, and drawn: charts follow their place.
async function resize(page, size) {
    await page.setViewport(size);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

function finding(violation) {
    return `${violation.id}: ${violation.help}\n${violation.nodes.slice(0, 4).map((node) => `    ${node.html.slice(0, 200)}`).join('\n')}`;
}

async function axe_findings(page) {
    await page.evaluate(`if (window.axe === undefined) { ${axe} }`);
    return (await page.evaluate((options) => window.axe.run(document, options), rules)).violations.map(finding);
}

// The page is no wider than its window, and nothing in it stands out at the right.
function sideways() {
    const room = document.documentElement.clientWidth, list = [];

    if (document.documentElement.scrollWidth > room)
        list.push(`the page is ${document.documentElement.scrollWidth} px wide, in ${room} px`);
    for (const element of document.querySelectorAll('body *')) {
        const box = element.getBoundingClientRect();

        if (element.checkVisibility() && box.width > 1 && box.height > 1 && box.right > room + 1 && !element.closest('.hidden, svg'))
            list.push(`${element.tagName} ${element.className} ends at ${Math.round(box.right)} px: ${element.textContent.trim().slice(0, 60)}`);
    }
    return list.slice(0, 8);
}

// Chromium's are enough for people to look at; SCREENSHOTS_OF=firefox takes the others.
async function picture(page, name, size) {
    await resize(page, size);
    if (browser_name === (process.env.SCREENSHOTS_OF || 'chromium'))
        await page.screenshot({path: path.join(screenshots, `${name}-${size.width}.png`), fullPage: true});
}

// The claims on the page as it stands. `pictures`: keep some, and let axe look at it both as on a desk and as on a phone; without, at the
// narrowest only.
export async function look(page, name, {pictures = true} = {}) {
    for (const size of pictures ? [DESKTOP, PHONE] : []) {
        await picture(page, name, size);
        await claim(`${name}: axe finds nothing at ${size.width} px`, async () => none(await axe_findings(page)));
    }
    await resize(page, NARROW);
    if (!pictures)
        await claim(`${name}: axe finds nothing at ${NARROW.width} px`, async () => none(await axe_findings(page)));
    await claim(`${name}: fits into ${NARROW.width} px`, async () => none(await page.evaluate(sideways)));
    await claim(`${name}: asks nobody else, and nothing is complained of`, async () => none(await complaints(page)));
    if (pictures)
        await resize(page, DESKTOP);
}
