// One CSR, pasted or chosen as a file: shown as the service reads it, then sent. The Organisation and the Device part share it.
import {get, post_text} from '/js/api.js';
import {certificate_facts, certificate_kind} from '/js/certificate.js';
import {csr_facts} from '/js/csr.js';
import {by, make} from '/js/dom.js';
import {forget_problems, on_submit, show_problems, show_refusal} from '/js/form.js';
import {go_to, officer_page} from '/js/page.js';
import {count, sentence} from '/js/words.js';

const SETTLE = 400;          // ms without a key stroke before the text is looked at
const FILE_LIMIT = 16384;    // octets: no CSR is larger

let looked_at = '';          // the text that `said` is about
let said = null;
let round = 0;               // answers can overtake each other; only the newest counts
let settle = 0;              // the timer of SETTLE

function text_now() {
    return by('csr').value.trim();
}

async function look() {
    const text = text_now(), mine = ++round;

    if (text === looked_at)
        return said;
    const answer = text === '' ? null : await post_text('/api/csr/check', text);

    if (mine !== round)
        return said;
    looked_at = text;
    said = answer;
    by('said').replaceChildren(...(answer === null ? [] : [csr_facts(answer)]));
    return said;
}

async function look_quietly() {
    try {
        await look();
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        show_refusal(refusal, 'csr');
    }
}

function watch_text() {
    by('csr').addEventListener('input', () => {
        clearTimeout(settle);
        settle = setTimeout(look_quietly, SETTLE);
    });
}

function watch_file() {
    by('file').addEventListener('change', async () => {
        const file = by('file').files[0];

        if (file === undefined)
            return;
        if (file.size > FILE_LIMIT) {
            show_problems([{field: 'file', text: 'Choose a file that holds one CSR: this one is larger than a CSR can be'}]);
            return;
        }
        forget_problems();
        by('csr').value = await file.text();
        await look_quietly();
    });
}

function left_words(left) {
    if (!left || left.limit === 0)
        return null;
    const limit = `${count(left.limit, 'Ad Hoc Device CSR', 'Ad Hoc Device CSRs')} in any 24 hours`;

    if (left.remaining === 0)
        return make('p', {}, `Your Party has used its limit of ${limit}. `, left.resetAtUk ? ['The next one can be submitted from ', make('strong', {}, left.resetAtUk), '.'] : '');
    return make('p', {}, `Your Party can submit ${count(left.remaining, 'more CSR', 'more CSRs')} before the limit of ${limit}.`);
}

function issued(answer) {
    const certificate = answer.certificate, panel = make('section', {'aria-labelledby': 'issued'},
        make('div', {class: 'result good'}, make('h2', {id: 'issued'}, `${certificate_kind(certificate)} issued`),
            make('p', {}, 'It is in the repository, and on the ', make('a', {href: '/pickup.html'}, 'certificate pickup'), ' page for 30 days.')),
        certificate_facts(certificate),
        make('div', {class: 'actions'},
            make('a', {class: 'button', href: certificate.pem, download: ''}, 'Download as PEM'),
            make('a', {class: 'button', href: certificate.der, download: ''}, 'Download as DER')),
        make('details', {}, make('summary', {}, 'The certificate as text'), make('pre', {class: 'mono', id: 'pem'}, answer.pem)),
        left_words(answer.left),
        make('p', {}, make('a', {href: '/submit.html'}, 'Submit another CSR')));

    by('content').replaceChildren(panel);
    go_to(panel.querySelector('h2'));
}

async function send() {
    clearTimeout(settle);
    forget_problems();
    if (text_now() === '') {
        show_problems([{field: 'csr', text: 'Paste a CSR, or choose a file that holds one'}]);
        return;
    }
    const checked = await look();

    if (checked !== null && !checked.ok) {
        show_refusal({message: sentence(checked.text), code: checked.code}, 'csr');
        return;
    }
    try {
        issued(await post_text('/api/csr', text_now()));
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        show_refusal(refusal, 'csr');
    }
}

async function show_quota() {
    const demand = await get('/api/demand'), rule = demand.rules.find((entry) => entry.rule === 'portal-adhoc');

    by('quota').replaceChildren(...[rule && left_words(rule)].filter(Boolean));
}

officer_page(async (site) => {
    watch_text();
    watch_file();
    on_submit(by('form'), send);
    if (text_now() !== '')
        await look_quietly(); // the browser kept the text over a reload
    if (site.part === 'device' && by('quota'))
        await show_quota();
});
