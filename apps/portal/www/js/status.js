// Notices, and Planned Maintenance: what is on, what is coming.
import {by, facts, make, tag} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {moment} from '/js/time.js';

function maintenance(plan, now) {
    return make('section', {class: now ? 'notice' : 'box'}, make('h3', {}, plan.text || 'Planned Maintenance', ' ', now ? tag('On now', 'warn') : tag('Planned')),
        facts([
            ['From', moment(plan, 'from')],
            ['To', moment(plan, 'to')],
            ['Batches', plan.pauseNight ? 'No batch is worked on until it ends' : 'Batches that were accepted are worked on as usual'],
        ]));
}

function notice(entry) {
    return make('li', {}, make('strong', {}, moment(entry, 'from')), ': ', entry.text);
}

public_page((site) => {
    const planned = site.planned || [], notices = site.notices || [];

    by('now').replaceChildren(site.maintenance ? maintenance(site.maintenance, true)
        : make('p', {}, tag('Available', 'good'), ' No Planned Maintenance is on.'));
    by('planned').replaceChildren(...(planned.length === 0 ? [make('p', {}, 'None is planned.')] : planned.map((plan) => maintenance(plan, false))));
    by('notices-part').hidden = notices.length === 0;
    by('notices').replaceChildren(make('ul', {}, notices.map(notice)));
    by('as-of').textContent = site.nowUk ? `As of ${site.nowUk}.` : '';
});
