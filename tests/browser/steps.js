// What an officer does with a page.
import {site_url} from './world.js';

// Opens a page, and waits until what it asks for at its start is there.
export async function open(page, site, path) {
    await page.goto(site_url(site) + path, {waitUntil: 'load'});
    await ready(page);
}

export async function ready(page) {
    await page.waitForSelector('html[data-ready="yes"]');
}

// What is told in an element, as it is read: one blank for any.
export async function words(page, selector) {
    return page.evaluate((where) => (document.querySelector(where)?.textContent ?? 'there is none').replace(/\s+/g, ' ').trim(), selector);
}

// The value of a fact of the page: fact(page, 'Device ID').
export async function fact(page, name) {
    return page.evaluate((wanted) => [...document.querySelectorAll('.facts > div')].filter((one) => one.querySelector('dt').textContent === wanted)
        .map((one) => one.querySelector('dd').textContent.replace(/\s+/g, ' ').trim())[0] ?? 'there is none', name);
}

// Waits until that is told in an element; else says what the page told instead.
export async function until_words(page, selector, text, timeout = 60000) {
    try {
        await page.waitForFunction((where, part) => document.querySelector(where)?.textContent.replace(/\s+/g, ' ').includes(part), {timeout}, selector, text);
    } catch (error) {
        throw new Error(`“${text}” did not come in ${selector}; there is: ${(await words(page, 'main')).slice(0, 1000)} (${error.message})`);
    }
}

// Where the focus is: an id, or what the element says.
export async function focus(page) {
    return page.evaluate(() => document.activeElement.id || document.activeElement.textContent.replace(/\s+/g, ' ').trim());
}

export async function fill(page, id, text) {
    await page.evaluate((where) => {
        document.getElementById(where).value = '';
    }, id);
    await page.type(`#${id}`, text);
}

// A long text at once, as if pasted.
export async function paste(page, id, text) {
    await page.evaluate((where, value) => {
        const field = document.getElementById(where);

        field.focus();
        field.value = value;
        field.dispatchEvent(new InputEvent('input', {bubbles: true, inputType: 'insertFromPaste'}));
    }, id, text);
}

export async function choose(page, id, file) {
    await (await page.$(`#${id}`)).uploadFile(file);
}

// By the keyboard: a page that is being laid out anew can move away from under a pointer.
export async function submit(page) {
    await page.focus('#form button[type="submit"]');
    await page.keyboard.press('Enter');
}

// The link that says so.
export async function follow(page, text) {
    const link = await page.evaluateHandle((part) => [...document.querySelectorAll('main a')].find((one) => one.textContent.replace(/\s+/g, ' ').includes(part)), text);

    if (!link.asElement())
        throw new Error(`no link says “${text}”`);
    await link.asElement().click();
}
