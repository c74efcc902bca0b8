// What my Party asked for in the last 24 hours, beside its limits.
import {get} from '/js/api.js';
import {chart_key, hours_chart, limit_chart} from '/js/chart.js';
import {by, facts, make} from '/js/dom.js';
import {officer_page} from '/js/page.js';
import {table} from '/js/table.js';
import {clock, clock_zone, day, day_of, moment} from '/js/time.js';
import {count, number, rule_words, rules} from '/js/words.js';

const modes = {observe: 'Counted, not enforced', off: 'Not counted', smooth: 'Enforced by waiting for the next moment'};

const hour_columns = [
    {name: 'Hour', value: (hour) => `${clock(hour.from)} to ${clock_zone(hour.to)}`},
    {name: 'CSRs', value: (hour) => number(hour.count), number: true},
];

function agreement_words(rule) {
    const agreement = rule.agreement;

    if (!agreement)
        return null;
    return `Agreement ${agreement.number}, ${day(day_of(agreement.from))} to ${day(day_of(agreement.to))}: ${number(agreement.limit)} in place of ${number(rule.ownLimit)}`;
}

function window_rule(rule) {
    const used = `${number(rule.used)} of ${number(rule.limit)} CSRs used in the last 24 hours`;

    return [
        make('p', {}, make('strong', {}, used), rule.used > rule.limit ? ': over the limit' : `, ${number(rule.remaining)} left`, '.'),
        limit_chart(rule.used, rule.limit, used),
        chart_key([['done', 'Used'], ['limit', 'Limit']]),
        facts([
            ['Agreement', agreement_words(rule)],
            ['Some is free again from', rule.used > 0 ? moment(rule, 'resetAt', null) : null],
            ['All is free again from', rule.used > 0 ? moment(rule, 'roomAt', null) : null],
            ['This limit is', modes[rule.mode]],
        ]),
        rule.used > 0 && hours_chart(rule, `CSRs in each of the last 24 hours: ${rule_words(rule.rule)}. The numbers are in the table below.`),
        rule.used > 0 && chart_key([['done', 'CSRs accepted in an hour']]),
        rule.used > 0 && make('details', {}, make('summary', {}, 'The numbers as a table', make('span', {class: 'hidden'}, `: ${rule_words(rule.rule)}`)),
            table(`CSRs in each hour: ${rule_words(rule.rule)}`, hour_columns, rule.hours, {hide_caption: true, slim: true})),
    ];
}

function pace_rule(rule) {
    return facts([
        ['Pace now', `one CSR in ${(rule.limit / 1000).toLocaleString('en-GB')} seconds`],
        ['Last CSR', moment(rule, 'lastAt', 'none yet')],
        ['Agreement', rule.agreement ? `Agreement ${rule.agreement.number}` : null],
        ['This limit is', modes[rule.mode]],
    ]);
}

function turn_rule(rule) {
    return facts([
        ['At a time', count(rule.limit, 'submission', 'submissions')],
        ['Under way now', number(rule.used)],
        ['Agreement', rule.agreement ? `Agreement ${rule.agreement.number}` : null],
        ['This limit is', modes[rule.mode]],
    ]);
}

const kinds = {'adhoc-pace': pace_rule, 'batch-one': turn_rule};

function section(rule) {
    return make('section', {}, make('h2', {}, rules[rule.rule]?.name || rule.rule),
        rule.mode === 'off' ? make('p', {}, 'The operator has switched this limit off.') : (kinds[rule.rule] || window_rule)(rule));
}

officer_page(async () => {
    const demand = await get('/api/demand');

    by('demand').replaceChildren(make('p', {class: 'small'}, 'As of ', moment(demand, 'at'), '.'), ...demand.rules.map(section));
});
