// Forms: an error summary at the top of the page that takes the focus and links to the field, and the same words at the field.
import {by, make} from '/js/dom.js';
import {refusal_words} from '/js/page.js';

const title = document.title;

function field_of(id) {
    return by(id)?.closest('.field');
}

function describe(input, id, on) {
    const words = (input.getAttribute('aria-describedby') || '').split(' ').filter((word) => word !== '' && word !== id);

    if (on)
        words.unshift(id);
    if (words.length > 0)
        input.setAttribute('aria-describedby', words.join(' '));
    else
        input.removeAttribute('aria-describedby');
}

function unmark(error) {
    const field = error.closest('.field');

    field.classList.remove('wrong');
    for (const input of field.querySelectorAll('[aria-invalid]'))
        input.removeAttribute('aria-invalid');
    for (const described of [field, ...field.querySelectorAll('[aria-describedby]')])
        describe(described, error.id, false);
    error.remove();
}

function mark(id, text) {
    const input = by(id), field = field_of(id);
    const error = make('p', {class: 'error', id: `${id}-error`}, make('span', {class: 'hidden'}, 'Error: '), text);
    const described = field.tagName === 'FIELDSET' ? field : input;

    field.classList.add('wrong');
    input.setAttribute('aria-invalid', 'true');
    describe(described, error.id, true);
    (field.querySelector(':scope > .hint') || field.querySelector('label, legend')).after(error);
}

export function forget_problems() {
    by('summary')?.remove();
    for (const error of document.querySelectorAll('.field > .error'))
        unmark(error);
    document.title = title;
}

function summary(children) {
    const box = make('div', {class: 'summary', id: 'summary', role: 'alert', tabindex: '-1', 'aria-labelledby': 'summary-title'},
        make('h2', {id: 'summary-title'}, 'There is a problem'), children);

    by('main').prepend(box);
    document.title = `Error: ${title}`;
    box.focus();
    box.scrollIntoView({block: 'start'});
}

function jump(id) {
    return (event) => {
        event.preventDefault();
        by(id).focus();
        (field_of(id) || by(id)).scrollIntoView({block: 'start'});
    };
}

// problems: [{field: 'csr', text: 'Paste a CSR'}]; `more`: nodes that follow the list.
export function show_problems(problems, more = []) {
    forget_problems();
    for (const problem of problems)
        mark(problem.field, problem.text);
    summary([make('ul', {}, problems.map((problem) => make('li', {}, make('a', {href: `#${problem.field}`, click: jump(problem.field)}, problem.text)))), more]);
}

// What the service refused, at the field it is about; without a field in the summary only.
export function show_refusal(refusal, field = null) {
    if (field !== null) {
        show_problems([{field, text: refusal.message}], refusal_words(refusal).slice(1));
        return;
    }
    forget_problems();
    summary(refusal_words(refusal));
}

// Runs act() when the form is sent; a second press while it runs does nothing.
export function on_submit(form, act) {
    const button = form.querySelector('button[type="submit"]');

    form.noValidate = true; // the page's own words, in the summary
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (button.getAttribute('aria-disabled') === 'true')
            return;
        button.setAttribute('aria-disabled', 'true');
        try {
            await act();
        } catch (refusal) {
            if (refusal.status === undefined)
                throw refusal;
            show_refusal(refusal);
        } finally {
            button.removeAttribute('aria-disabled');
        }
    });
}
