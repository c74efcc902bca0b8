// One certificate, as the pages show it.
import {facts, make, mono, tag} from '/js/dom.js';
import {moment} from '/js/time.js';
import {interface_words, role_words, usage_words} from '/js/words.js';

export function certificate_subject(certificate) {
    return certificate.deviceId || certificate.eui64 || certificate.serial;
}

export function certificate_kind(certificate) {
    return certificate.profile === 'organisation' || certificate.eui64 ? 'Organisation Certificate' : 'Device Certificate';
}

export function certificate_state(certificate) {
    return certificate.revokedAt ? tag('Revoked', 'bad') : tag('Issued', 'good');
}

// Links whose names say of which certificate they are, for those who read links out of their place.
export function certificate_links(certificate) {
    const of = make('span', {class: 'hidden'}, ` of serial ${certificate.serial}`);

    return make('div', {class: 'actions'},
        make('a', {href: certificate.pem, download: ''}, 'PEM', of.cloneNode(true)),
        make('a', {href: certificate.der, download: ''}, 'DER', of));
}

export function certificate_facts(certificate) {
    return facts([
        ['Kind', certificate_kind(certificate)],
        ['Device ID', certificate.deviceId && mono(certificate.deviceId)],
        ['EUI-64', certificate.eui64 && mono(certificate.eui64)],
        ['Common name', certificate.commonName],
        ['Remote Party Role', role_words(certificate.role, certificate.roleName)],
        ['Key usage', usage_words(certificate.keyUsage)],
        ['Serial number', mono(certificate.serial)],
        ['Issued', moment(certificate, 'issuedAt')],
        ['Expires', moment(certificate, 'expiresAt', 'No end date')],
        ['Revoked', moment(certificate, 'revokedAt', null)],
        ['Came by', interface_words(certificate.interface)],
        ['SHA-256 of the DER', certificate.sha256 && mono(certificate.sha256)],
    ]);
}
