// UK dates and times, always with the zone. The server writes the words beside each moment (acceptedAt, acceptedAtUk); what it did not
// write is made here in the same form.
import {make} from '/js/dom.js';

const ZONE = 'Europe/London';
const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: ZONE, day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});
const day_words = new Intl.DateTimeFormat('en-GB', {timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric'});
const uk_day = new Intl.DateTimeFormat('en-CA', {timeZone: ZONE, year: 'numeric', month: '2-digit', day: '2-digit'});

function split(iso) {
    return Object.fromEntries(parts.formatToParts(new Date(iso)).map((part) => [part.type, part.value]));
}

// "23 November 2026, 20:00 GMT"
export function words(iso) {
    const {day, month, year, hour, minute, timeZoneName} = split(iso);

    return `${day} ${month} ${year}, ${hour}:${minute} ${timeZoneName}`;
}

// "20:00"
export function clock(iso) {
    const {hour, minute} = split(iso);

    return `${hour}:${minute}`;
}

// "20:00 GMT"
export function clock_zone(iso) {
    return `${clock(iso)} ${split(iso).timeZoneName}`;
}

// A day of the calendar: "2026-11-23" is "23 November 2026".
export function day(text) {
    const date = new Date(`${text}T00:00:00Z`);

    return Number.isNaN(date.getTime()) ? text : day_words.format(date);
}

// The UK day of a moment: "2026-11-23".
export function day_of(iso) {
    return uk_day.format(new Date(iso));
}

function snake(name) {
    return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

// "23 November 2026," and "20:00 GMT": a line may end between the two, and nowhere else.
function pieces(text) {
    const [date, ...time] = text.split(', ');

    return time.length === 0 ? text : [make('span', {}, `${date},`), ' ', make('span', {}, time.join(', '))];
}

// The moment `name` of an object as <time>, or `none` where there is none.
export function moment(object, name, none = '') {
    const iso = object[name] ?? object[snake(name)];

    if (!iso)
        return none;
    return make('time', {datetime: iso}, pieces(object[`${name}Uk`] || words(iso)));
}
