// Announcing extra demand: at least seven days ahead. The operator makes an agreement of it, or declines.
import {get, post} from '/js/api.js';
import {by, make, tag} from '/js/dom.js';
import {forget_problems, on_submit, show_problems, show_refusal} from '/js/form.js';
import {go_to, officer_page} from '/js/page.js';
import {table} from '/js/table.js';
import {day, day_of, moment} from '/js/time.js';
import {count, number, rule_words} from '/js/words.js';

const DAY = 24 * 3600 * 1000;
const states = {announced: ['Waiting for the operator', 'busy'], approved: ['Approved', 'good'], declined: ['Declined', 'bad']};

function value(id) {
    return by(id).value.trim();
}

// The day of three fields as "2026-12-08", or null when it is none of the calendar.
function date_of(name) {
    const [year, month, date] = ['year', 'month', 'day'].map((part) => Number(value(`${name}-${part}`)));
    const iso = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
    const read = new Date(`${iso}T00:00:00Z`);

    return year >= 2000 && !Number.isNaN(read.getTime()) && read.toISOString().startsWith(iso) ? iso : null;
}

function rule_now() {
    return document.querySelector('input[name="rule"]:checked')?.value || null;
}

function filled() {
    return {rule: rule_now(), firstDay: date_of('first'), lastDay: date_of('last'), expected: Number(value('expected').replaceAll(',', '')), text: value('text')};
}

function problems(notice, today) {
    const list = [];

    if (notice.rule === null)
        list.push({field: 'rule-1', text: 'Select the interface that the extra demand comes by'});
    if (notice.firstDay === null)
        list.push({field: 'first-day', text: 'Enter the first day, such as 8 12 2026'});
    else if (notice.firstDay < today)
        list.push({field: 'first-day', text: 'The first day must be today or later'});
    if (notice.lastDay === null)
        list.push({field: 'last-day', text: 'Enter the last day, such as 15 12 2026'});
    else if (notice.firstDay !== null && notice.lastDay < notice.firstDay)
        list.push({field: 'last-day', text: 'The last day must not be before the first day'});
    if (!Number.isInteger(notice.expected) || notice.expected < 1)
        list.push({field: 'expected', text: 'Enter the expected number of CSRs in any 24 hours, such as 80,000'});
    return list;
}

// The seven days (CoCo 3), while the dates are typed: a short notice is taken, and told. A day begins at midnight, so the seventh from today is not seven days off.
function show_notice_time(today, notice_days) {
    const first = date_of('first');
    const days = first === null ? null : Math.round((new Date(first) - new Date(today)) / DAY);
    const text = days === null || days < 0 || days > notice_days ? ''
        : `This is ${days === 0 ? 'today' : `in ${days} ${days === 1 ? 'day' : 'days'}`}. The Code of Connection asks for at least ${count(notice_days, 'day', 'days')}: you can announce it, and the operator may decline.`;

    if (by('notice-time').textContent !== text)
        by('notice-time').textContent = text;
}

function days_words(notice) {
    const first = notice.firstDay || day_of(notice.from), last = notice.lastDay || day_of(new Date(new Date(notice.to) - 1).toISOString());

    return first === last ? day(first) : `${day(first)} to ${day(last)}`;
}

function state_words(notice) {
    const more = notice.state === 'approved' && notice.agreement ? `Agreement ${notice.agreement}` : notice.reason;

    return [tag(...(states[notice.state] || [notice.state])), more ? make('div', {class: 'small'}, more) : ''];
}

const columns = [
    {name: 'Number', value: (notice) => String(notice.number)},
    {name: 'Interface', value: (notice) => rule_words(notice.rule)},
    {name: 'Days', value: days_words},
    {name: 'CSRs in 24 hours', value: (notice) => number(notice.expected), number: true},
    {name: 'Announced', value: (notice) => [moment(notice, 'notifiedAt'), (notice.shortNotice ?? notice.short_notice) ? make('div', {class: 'small'}, 'At short notice') : '']},
    {name: 'State', value: state_words},
];

async function show_notices() {
    const {notices} = await get('/api/notices');

    by('notices').replaceChildren(notices.length === 0 ? make('p', {}, 'Your Party has announced nothing.')
        : table('Notices of your Party', columns, [...notices].sort((a, b) => b.number - a.number), {hide_caption: true}));
}

function announced(answer) {
    const notice = answer.notice || answer, panel = make('div', {class: 'result good'}, make('h2', {}, `Announced: notice ${notice.number}`),
        make('p', {}, 'Recorded ', moment(notice, 'notifiedAt', 'now'), '. The operator makes an agreement of it, or declines; the state is in the list below.'),
        (notice.shortNotice ?? notice.short_notice) ? make('p', {}, 'It is at short notice, so the operator may decline.') : null,
        make('p', {}, make('a', {href: '/announce.html'}, 'Announce more')));

    by('form').replaceWith(panel);
    go_to(panel.querySelector('h2'));
}

async function send(today) {
    const notice = filled(), wrong = problems(notice, today);

    forget_problems();
    if (wrong.length > 0) {
        show_problems(wrong);
        return;
    }
    try {
        announced(await post('/api/notices', notice));
        await show_notices();
    } catch (refusal) {
        if (refusal.status === undefined)
            throw refusal;
        show_refusal(refusal);
    }
}

officer_page(async (site) => {
    const today = day_of(site.now || new Date().toISOString());

    on_submit(by('form'), () => send(today));
    by('form').addEventListener('input', () => show_notice_time(today, site.limits.noticeDays));
    await show_notices();
});
