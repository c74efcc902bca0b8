// Debian's browsers, each with a person's own HOME: the credential is in the browser's own store, and is chosen without a question.
import {mkdirSync, readdirSync, rmSync, statSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {browser_name, modules, place, root} from './world.js';

const {default: puppeteer} = createRequire(`${modules}/`)('puppeteer-core');
const LIMIT = 60000; // ms for anything that a page does: a machine can be busy

const preferences = {
    'security.default_personal_cert': 'Select Automatically',
    'security.OCSP.enabled': 0,                     // the IKICA's certificates name no responder; nothing leaves this machine
    'browser.download.folderList': 2,
    'browser.download.useDownloadDir': true,
    'browser.download.always_ask_before_handling_new_types': false,
    'browser.download.alwaysOpenPanel': false,
    'browser.helperApps.neverAsk.saveToDisk': 'application/x-pem-file,application/pkix-cert,application/zip,text/plain,application/octet-stream,application/pdf',
    'browser.download.manager.addToRecentDocs': false,
    'pdfjs.disabled': true,                         // it opens what was downloaded, in front of the page
};

function chromium(home, downloads) {
    return {
        browser: 'chrome', executablePath: path.join(root, 'tests/browser/chromium.sh'), userDataDir: path.join(home, 'chromium'),
        downloadBehavior: {policy: 'allow', downloadPath: downloads},
        args: ['--no-sandbox', '--disable-gpu', '--lang=en-GB', '--disable-features=Translate,OptimizationHints,MediaRouter', '--no-first-run'],
        env: {...process.env, HOME: home},
    };
}

function firefox(home, downloads) {
    return {
        browser: 'firefox', executablePath: '/usr/bin/firefox-esr', userDataDir: path.join(home, 'firefox'), args: [],
        extraPrefsFirefox: {...preferences, 'browser.download.dir': downloads}, env: {...process.env, HOME: home},
    };
}

// The browser of a person of world.sh. `downloads` is where its files land.
export async function browse(person, options = {}) {
    const home = place('people', person), downloads = path.join(home, 'downloads');
    const make = {chromium, firefox}[browser_name];

    mkdirSync(downloads, {recursive: true});
    const browser = await puppeteer.launch({...make(home, downloads), headless: true, timeout: 120000, defaultViewport: null, ...options});

    return {browser, downloads, home};
}

export async function new_page({browser}) {
    const page = await browser.newPage();

    page.setDefaultTimeout(LIMIT);
    return page;
}

const unfinished = /\.(crdownload|part|tmp)$|^\.org\.chromium/;

function names(downloads) {
    return readdirSync(downloads).filter((name) => !unfinished.test(name));
}

// The file that act() makes the browser download: its path, once it is whole.
export async function download({downloads}, act) {
    for (const name of readdirSync(downloads))
        rmSync(path.join(downloads, name));
    await act();
    for (const end = Date.now() + LIMIT; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
        const found = names(downloads);

        if (found.length > 0 && readdirSync(downloads).length === found.length && statSync(path.join(downloads, found[0])).size > 0)
            return path.join(downloads, found[0]);
    }
    throw new Error(`nothing was downloaded; there is: ${readdirSync(downloads).join(', ') || 'nothing'}`);
}
