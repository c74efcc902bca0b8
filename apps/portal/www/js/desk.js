// The Service Desk: how to reach it, and a form for a report.
import {post} from '/js/api.js';
import {by, make} from '/js/dom.js';
import {forget_problems, on_submit, show_problems} from '/js/form.js';
import {go_to, public_page} from '/js/page.js';

const fields = [
    {field: 'name', most: 128, missing: 'Enter your name'},
    {field: 'contact', most: 256, missing: 'Enter an e-mail address or a telephone number'},
    {field: 'text', most: 4000, missing: 'Describe what happened'},
];

// The limits are in octets of UTF-8, as the service counts them.
function problem({field, most, missing}) {
    const text = by(field).value.trim();

    if (text === '')
        return {field, text: missing};
    return new TextEncoder().encode(text).length > most ? {field, text: `Shorten this to at most ${most.toLocaleString('en-GB')} characters`} : null;
}

function reported(answer) {
    const number = answer.number ?? answer.report?.number, panel = make('div', {class: 'result good'}, make('h2', {}, number ? `Report ${number} has been taken` : 'Your report has been taken'),
        make('p', {}, 'The Service Desk has it, and will use the contact that you gave.'));

    by('form').replaceWith(panel);
    go_to(panel.querySelector('h2'));
}

async function send() {
    const problems = fields.map(problem).filter(Boolean);

    forget_problems();
    if (problems.length > 0)
        show_problems(problems);
    else
        reported(await post('/api/desk', Object.fromEntries(fields.map(({field}) => [field, by(field).value.trim()]))));
}

public_page((site) => {
    by('contact-text').textContent = site.desk || 'The operator has not published how to reach the Service Desk. Use the form below.';
    on_submit(by('form'), send);
});
