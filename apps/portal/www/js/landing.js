// The landing page: the ways in. Addresses are the operator's configuration.
import {by, make} from '/js/dom.js';
import {public_page} from '/js/page.js';

function join(base, path) {
    return base.replace(/\/+$/, '') + path;
}

// A way that the operator does not offer stays in place and says so.
function lead(link, base) {
    const path = link.dataset.path;

    if (base)
        link.href = join(base, path);
    else
        link.replaceWith(make('strong', {}, `${link.textContent}: not offered here`));
}

public_page((site) => {
    const urls = site.urls || {};

    for (const link of document.querySelectorAll('[data-way]'))
        lead(link, urls[link.dataset.way]);
    by('operator').textContent = site.operator ? `Operated by ${site.operator}.` : '';
});
