// Every error code, from the service's own list, with what to do.
import {get} from '/js/api.js';
import {advice} from '/js/advice.js';
import {by, make} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {table} from '/js/table.js';
import {count, sentence} from '/js/words.js';

// As the web services and the batch report name them (interfaces.md 5, 6), in the order in which they matter to an officer.
const groups = [
    ['CSR_ERROR', 'The CSR is wrong', 'Status CSR_ERROR. Nothing was issued; make a new CSR.'],
    ['INELIGIBLE', 'Your Party is not eligible', 'Status INELIGIBLE. The device’s state says who may ask for its certificates.'],
    ['ISSUANCE_ANOMALY', 'Out of the ordinary', 'Status ISSUANCE_ANOMALY. The Registration Authority must act first.'],
    ['UNKNOWN_DEVICE', 'The device is not known', 'Status UNKNOWN_DEVICE, of the Ad Hoc Web Service.'],
    ['FORMAT_ERROR', 'The file or the message is wrong', 'Status FORMAT_ERROR. Nothing was accepted.'],
    ['WORKFLOW_ERROR', 'Refused or failed for another reason', 'Status WORKFLOW_ERROR: limits, maintenance, credentials, and faults of the service.'],
    ['CA_ERROR', 'The Certification Authority failed', 'Status CA_ERROR. Sending the CSR again may help.'],
];

const columns = [
    {name: 'Code', value: (error) => error.code},
    {name: 'What is wrong', value: (error) => [sentence(error.text), make('div', {class: 'small mono'}, error.name)]},
    {name: 'What to do', value: (error) => error.todo || advice(error)},
];

function matches(error, text) {
    return text === '' || [error.code, error.name, error.text].some((field) => field.toLowerCase().includes(text));
}

function section([status, title, text], errors) {
    const own = errors.filter((error) => error.status === status);

    if (own.length === 0)
        return null;
    return make('section', {}, make('h2', {}, title), make('p', {}, text), table(title, columns, own, {hide_caption: true}));
}

function show(errors) {
    const text = by('find').value.trim().toLowerCase(), found = errors.filter((error) => matches(error, text));

    by('errors').replaceChildren(...groups.map((group) => section(group, found)).filter(Boolean));
    by('count').textContent = found.length === 0 ? 'No code is like that. Look for the part before the colon, such as CR.' : count(found.length, 'code', 'codes');
}

public_page(async () => {
    const {errors} = await get('/api/errors');

    by('find').value = new URLSearchParams(location.search).get('find') || '';
    by('find').addEventListener('input', () => show(errors));
    by('form').addEventListener('submit', (event) => event.preventDefault());
    show(errors);
});
