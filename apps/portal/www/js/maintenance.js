// The page that stands in place of every other while Planned Maintenance is on.
import {by, make} from '/js/dom.js';
import {public_page} from '/js/page.js';
import {moment} from '/js/time.js';

public_page((site) => {
    const plan = site.maintenance;

    by('plan').replaceChildren(...(plan
        ? [make('p', {class: 'lead'}, 'The portal is expected back by ', make('strong', {}, moment(plan, 'to')), '.'), make('p', {}, plan.text),
            make('p', {}, plan.pauseNight ? 'No batch is worked on until then; what was accepted keeps its turn.' : 'Batches that were accepted are worked on as usual.')]
        : [make('p', {class: 'lead'}, 'It is over. ', make('a', {href: '/'}, 'Go to the first page'))]));
    by('desk').textContent = site.desk || '';
});
