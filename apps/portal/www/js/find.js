// Finding a certificate by Device ID, EUI-64 or serial number. What is looked for stands in the address, so that it can be kept and sent on.
import {get} from '/js/api.js';
import {certificate_facts, certificate_kind, certificate_links, certificate_state} from '/js/certificate.js';
import {by, make} from '/js/dom.js';
import {forget_problems, on_submit, show_problems, show_refusal} from '/js/form.js';
import {officer_page} from '/js/page.js';
import {count} from '/js/words.js';

function one(certificate) {
    return make('section', {},
        make('h3', {}, `${certificate_kind(certificate)} `, certificate_state(certificate)),
        certificate_facts(certificate), certificate_links(certificate),
        !certificate.own && make('p', {class: 'small'}, 'This certificate is another Party’s. Certificates are public in the repository; who asked for it is not.'));
}

function show(text, answer) {
    const found = answer.certificates, heading = make('h2', {}, found.length === 0 ? 'Nothing found' : count(found.length, 'certificate found', 'certificates found'));

    by('found').replaceChildren(heading,
        found.length === 0 && make('p', {}, `No Device or Organisation Certificate has been issued for ${text}.`) || '', ...found.map(one),
        answer.more ? make('p', {}, 'There are more. Look for a serial number to find one that is not here.') : '');
}

async function find() {
    const text = by('find').value.trim();

    forget_problems();
    if (text === '') {
        by('found').replaceChildren();
        show_problems([{field: 'find', text: 'Enter a Device ID, an EUI-64 or a serial number'}]);
        return;
    }
    history.replaceState(null, '', `?find=${encodeURIComponent(text)}`);
    try {
        show(text, await get(`/api/certificates?find=${encodeURIComponent(text)}`));
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        by('found').replaceChildren();
        show_refusal(refusal, 'find');
    }
}

officer_page(async () => {
    const asked = new URLSearchParams(location.search).get('find');

    on_submit(by('form'), find);
    if (asked) {
        by('find').value = asked;
        await find();
    }
});
