// What a CSR says, as the service's own checker reads it: the same codes and words as when it is issued.
import {facts, make, mono, tag} from '/js/dom.js';
import {role_words, sentence, usage_words} from '/js/words.js';

const signatures = {good: ['Good', 'good'], bad: ['Does not verify', 'bad']};

function verdict(said) {
    if (said.ok)
        return make('p', {}, tag('Can be sent', 'good'), ' The form and the signature are as they should be. Nothing has been sent yet.');
    return [
        make('p', {}, tag('Would be refused', 'bad'), ' ', make('strong', {}, said.code), ' ', sentence(said.text)),
        make('p', {}, make('a', {href: `/errors.html?find=${encodeURIComponent(said.code)}`}, `What to do about ${said.code}`)),
    ];
}

// said: POST /api/csr/check. Of a CSR that is refused only what could be read of it is there.
export function csr_facts(said) {
    const signature = signatures[said.signature];

    return make('section', {class: `result ${said.ok ? 'good' : 'bad'}`, 'aria-labelledby': 'said-title'},
        make('h2', {id: 'said-title'}, 'What this CSR says'),
        verdict(said),
        facts([
            ['Device ID', said.deviceId && mono(said.deviceId)],
            ['EUI-64', said.eui64 && mono(said.eui64)],
            ['Common name', said.commonName],
            ['Remote Party Role', role_words(said.role, said.roleName)],
            ['Key usage', usage_words(said.keyUsage)],
            ['Hardware type', said.hardwareType && mono(said.hardwareType)],
            ['Signature', signature && tag(...signature)],
            ['SHA-256 of the public key', said.keyPrint && mono(said.keyPrint)],
        ]),
        (said.notices || []).map((notice) => make('p', {}, sentence(notice))));
}
