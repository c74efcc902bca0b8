// A batch of CSRs as a zip: what it holds and when it will be done is told before it is sent; then it is sent, with its progress.
import {get, send_file} from '/js/api.js';
import {batch_facts, due_words} from '/js/batch_facts.js';
import {by, facts, make, tag} from '/js/dom.js';
import {forget_problems, on_submit, show_problems, show_refusal} from '/js/form.js';
import {go_to, officer_page, refusal_box} from '/js/page.js';
import {moment} from '/js/time.js';
import {count, number, sentence, size} from '/js/words.js';
import {zip_entries} from '/js/zip.js';

const SPOKEN = 25; // per cent: how often progress is told to a screen reader

let limits = {};
let round = 0;

function tonight_words(forecast) {
    if (forecast.tonight)
        return [tag('Fits tonight', 'good'), ' It is expected to be done before the night closes.'];
    return [tag('Not tonight', 'warn'), ' There is more before it than the coming night is expected to do.'];
}

function quota_words(forecast) {
    if (forecast.overQuota)
        return [tag('Over the limit', 'warn'), ` ${number(forecast.left)} of ${number(forecast.limit)} are left. The batch is still accepted, and queued behind all work that is due.`];
    return `${number(forecast.left)} of ${number(forecast.limit)}; ${number(forecast.leftAfter)} after this batch`;
}

function forecast_facts(file, entries, forecast) {
    return make('section', {class: 'box', 'aria-labelledby': 'forecast-title'},
        make('h2', {id: 'forecast-title'}, 'If you submit it now'),
        facts([
            ['File', `${file.name}, ${size(file.size)}`],
            ['CSRs in it', number(entries)],
            ['Tonight', tonight_words(forecast)],
            ['Due', due_words(forecast)],
            ['Expected', forecast.finishesAt ? ['from ', moment(forecast, 'startsAt', 'not known'), ' to ', moment(forecast, 'finishesAt')] : 'not known yet'],
            ['Left of the 24 hour limit', quota_words(forecast)],
            ['Some is free again from', forecast.overQuota ? moment(forecast, 'resetAt', null) : null],
        ]),
        make('p', {class: 'small'}, 'Nothing has been sent yet.'));
}

// What is wrong with the file as far as the page can see, or null.
function file_problem(file, entries) {
    if (file === undefined)
        return 'Choose a .zip file';
    if (!/\.zip$/i.test(file.name))
        return 'Choose a file whose name ends in .zip';
    if (limits.batchBytes && file.size > limits.batchBytes)
        return `Choose a smaller file: at most ${size(limits.batchBytes)} are taken`;
    if (entries === null)
        return 'Choose a .zip file: this file is not one, or it is damaged';
    if (entries === 0)
        return 'Choose a .zip file with CSRs in it: this one is empty';
    if (entries > limits.batchCsrs)
        return `Split the batch: it holds ${entries === Infinity ? 'more than 65,000' : number(entries)} CSRs, and at most ${number(limits.batchCsrs)} are taken at a time`;
    return null;
}

async function problem_now() {
    const file = by('file').files[0];

    return file_problem(file, file && await zip_entries(file));
}

async function look() {
    const file = by('file').files[0], mine = ++round;

    forget_problems();
    by('forecast').replaceChildren();
    if (file === undefined)
        return;
    const entries = await zip_entries(file), problem = file_problem(file, entries);

    if (problem !== null) {
        show_problems([{field: 'file', text: problem}]);
        return;
    }
    try {
        const forecast = await get(`/api/forecast?csrs=${entries}`);

        if (mine === round)
            by('forecast').replaceChildren(forecast_facts(file, entries, forecast));
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        by('forecast').replaceChildren(refusal_box(refusal));
    }
}

function progress_show(file) {
    const bar = make('progress', {id: 'bar', max: '100', value: '0', 'aria-labelledby': 'bar-name'});
    const words = make('p', {}, `0\u00a0% of ${size(file.size)}`), spoken = make('p', {class: 'hidden', role: 'status'});
    let told = 0;

    by('progress').replaceChildren(make('p', {id: 'bar-name'}, make('strong', {}, `Sending ${file.name}`)), bar, words, spoken);
    return (sent, all) => {
        const percent = Math.min(100, Math.floor(100 * sent / Math.max(all, 1)));

        bar.value = percent;
        words.textContent = percent === 100 ? 'All sent. The service is checking the file.' : `${percent}\u00a0% of ${size(all)}`;
        if (percent >= told + SPOKEN || percent === 100) {
            told = percent;
            spoken.textContent = words.textContent;
        }
    };
}

function accepted(answer) {
    const batch = answer.batch, panel = make('section', {'aria-labelledby': 'accepted'},
        make('div', {class: 'result good'}, make('h2', {id: 'accepted'}, `Accepted: ${count(batch.csrs, 'CSR', 'CSRs')}`),
            make('p', {}, `Its number is ${batch.id}. `, make('a', {href: `/batch.html?id=${batch.id}`}, 'Follow this batch'))),
        answer.verdict?.overQuota && make('div', {class: 'notice'}, make('h2', {}, 'Queued behind due work'), make('p', {}, sentence(answer.verdict.text))),
        batch_facts(batch),
        make('p', {}, make('a', {href: '/upload.html'}, 'Submit another batch')));

    by('content').replaceChildren(panel);
    go_to(panel.querySelector('h2'));
}

async function send() {
    const problem = await problem_now(), file = by('file').files[0];

    forget_problems();
    if (problem !== null) {
        show_problems([{field: 'file', text: problem}]);
        return;
    }
    await get('/api/session'); // a fresh token: it is better refused before a long upload than after
    by('file').disabled = true;
    try {
        accepted(await send_file(`/api/batches?name=${encodeURIComponent(file.name)}`, file, 'application/zip', progress_show(file)));
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        by('progress').replaceChildren();
        by('file').disabled = false;
        show_refusal(refusal, 'file');
    }
}

officer_page(async (site) => {
    limits = site.limits;
    by('file').addEventListener('change', look);
    on_submit(by('form'), send);
    await look();
});
