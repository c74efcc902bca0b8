// Charts as SVG, drawn at the width they have, so that their words keep their size on a phone. Whoever cannot see them has the table beside.
import {draw, make} from '/js/dom.js';
import {clock} from '/js/time.js';
import {number} from '/js/words.js';

const MARGIN = {left: 52, right: 22, top: 26, bottom: 28};
const PLOT = 190;  // px: height of the bars' field
const LANE = 46;   // px: height of a batch's lane
const HOUR = 3600 * 1000;
const LETTER = 7;  // px: about the width of one in a chart

function hatch(id) {
    return draw('defs', {}, draw('pattern', {id, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'},
        draw('rect', {class: 'hatch-ground', width: 6, height: 6}), draw('line', {class: 'hatch', x1: 0, y1: 0, x2: 0, y2: 6})));
}

// 1, 2 or 5 times a power of ten, so that four steps or fewer reach `top`.
function step_of(top) {
    const power = 10 ** Math.floor(Math.log10(Math.max(top, 1) / 4));

    return Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((step) => step * 4 >= top));
}

function scale_y(top, height) {
    const step = step_of(top), end = Math.ceil(Math.max(top, 1) / step) * step;

    return {step, end, at: (value) => MARGIN.top + height - height * Math.min(value, end) / end};
}

function grid(scale, width) {
    const lines = [];

    for (let value = 0; value <= scale.end; value += scale.step)
        lines.push(draw('line', {class: value === 0 ? 'axis' : 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: scale.at(value), y2: scale.at(value)}),
            draw('text', {class: 'soft', x: MARGIN.left - 8, y: scale.at(value) + 4, 'text-anchor': 'end'}, number(value)));
    return lines;
}

function scale_x(from, to, width) {
    const start = new Date(from).getTime(), end = new Date(to).getTime(), room = width - MARGIN.left - MARGIN.right;

    return {start, end, at: (iso) => MARGIN.left + room * (Math.min(Math.max(new Date(iso).getTime(), start), end) - start) / (end - start)};
}

// The hours below the bars: each, or each second, third .. one where the chart is narrow.
function hours(scale, width, y) {
    const count = Math.round((scale.end - scale.start) / HOUR), each = [1, 2, 3, 4, 6, 12].find((step) => (width - MARGIN.left) / (count / step) >= 46) || 12;
    const marks = [];

    for (let hour = 0; hour <= count; hour += each) {
        const iso = new Date(scale.start + hour * HOUR).toISOString(), x = scale.at(iso);

        marks.push(draw('line', {class: 'axis', x1: x, x2: x, y1: y, y2: y + 5}),
            draw('text', {class: 'soft', x, y: y + 20, 'text-anchor': 'middle'}, clock(iso)));
    }
    return marks;
}

function bar(attributes, x0, x1, y0, y1) {
    return draw('rect', {...attributes, x: Math.min(x0, x1) + 1, width: Math.max(Math.abs(x1 - x0) - 2, 1), y: Math.min(y0, y1), height: Math.max(Math.abs(y1 - y0), 0)});
}

function now_mark(x_scale, now, bottom) {
    const time = new Date(now).getTime();

    if (time < x_scale.start || time > x_scale.end)
        return null;
    const x = x_scale.at(now), left = x > (x_scale.at(x_scale.end) + MARGIN.left) / 2;

    return [draw('line', {class: 'now', x1: x, x2: x, y1: MARGIN.top - 8, y2: bottom}),
        draw('text', {x: x + (left ? -6 : 6), y: MARGIN.top - 12, 'text-anchor': left ? 'end' : 'start'}, `Now ${clock(now)}`)];
}

function short(text, width) {
    const room = Math.max(Math.floor(width / LETTER), 4);

    return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

function lane(x_scale, batch, y, width) {
    const late = batch.atRisk ? ', may be late' : '', starts = batch.startsAt, finishes = batch.finishesAt;
    const name = short(batch.title, width - MARGIN.left - MARGIN.right - LETTER * (late.length + 4));
    const label = draw('text', {x: MARGIN.left, y: y + 14}, `${batch.place}. ${name}${late}`);
    const inside = starts && finishes && new Date(starts).getTime() < x_scale.end;
    const words = draw('text', {class: 'soft', x: MARGIN.left, y: y + 34}, finishes ? 'Runs in a later night' : 'Time not known yet');

    if (!inside)
        return [label, words];
    const x0 = x_scale.at(starts), x1 = Math.max(x_scale.at(finishes), x0 + 6);

    return [label, draw('line', {class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y + 30, y2: y + 30}),
        draw('rect', {class: `mine${batch.atRisk ? ' late' : ''}`, x: x0, width: x1 - x0, y: y + 23, height: 14, rx: 2})];
}

function night_svg(night, now, width, label) {
    const capacity = night.capacity / Math.max(night.slots.length, 1);
    const top = Math.max(capacity, ...night.slots.map((slot) => slot.planned + slot.done));
    const y = scale_y(top, PLOT), x = scale_x(night.opens, night.closes, width), bottom = MARGIN.top + PLOT, lanes = bottom + MARGIN.bottom + 10;
    const height = lanes + night.batches.length * LANE;
    const bars = night.slots.map((slot) => [
        slot.done > 0 && bar({class: 'done'}, x.at(slot.from), x.at(slot.to), y.at(0), y.at(slot.done)),
        slot.planned > 0 && bar({class: 'planned', fill: 'url(#hatch-night)'}, x.at(slot.from), x.at(slot.to), y.at(slot.done), y.at(slot.done + slot.planned)),
    ]);

    return draw('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label}, hatch('hatch-night'), grid(y, width), bars,
        draw('line', {class: 'capacity', x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(capacity), y2: y.at(capacity)}),
        hours(x, width, bottom), now_mark(x, now, height), night.batches.map((batch, index) => lane(x, batch, lanes + index * LANE, width)));
}

function hours_svg(rule, width, label) {
    const top = Math.max(...rule.hours.map((hour) => hour.count)), y = scale_y(top, 110);
    const x = scale_x(rule.hours[0].from, rule.hours.at(-1).to, width), bottom = MARGIN.top + 110;

    return draw('svg', {viewBox: `0 0 ${width} ${bottom + MARGIN.bottom}`, role: 'img', 'aria-label': label}, grid(y, width),
        rule.hours.map((hour) => hour.count > 0 && bar({class: 'done'}, x.at(hour.from), x.at(hour.to), y.at(0), y.at(hour.count))), hours(x, width, bottom));
}

// What is used of a limit, as one bar: what is beyond the limit goes past its mark.
function limit_svg(used, limit, width, label) {
    const end = Math.max(limit, used), at = (value) => 2 + (width - 4) * value / Math.max(end, 1);

    return draw('svg', {viewBox: `0 0 ${width} 30`, role: 'img', 'aria-label': label},
        draw('rect', {class: 'ground', x: 1, y: 5, width: width - 2, height: 20}),
        used > 0 && draw('rect', {class: 'done', x: 1, y: 5, width: Math.max(at(used) - 1, 2), height: 20}),
        draw('line', {class: 'halo', x1: at(limit), x2: at(limit), y1: 0, y2: 30}), draw('line', {class: 'limit', x1: at(limit), x2: at(limit), y1: 0, y2: 30}));
}

// Keeps a drawing as wide as its place.
function place(picture) {
    const box = make('div', {class: 'chart'});
    let width = 0;

    new ResizeObserver(() => {
        const room = Math.floor(box.clientWidth);

        if (room > 0 && room !== width) {
            width = room;
            box.replaceChildren(picture(room));
        }
    }).observe(box);
    return box;
}

// night: GET /api/night, each of its batches with a `title`.
export function night_chart(night, now, label) {
    return place((width) => night_svg(night, now, width, label));
}

export function hours_chart(rule, label) {
    return place((width) => hours_svg(rule, width, label));
}

export function limit_chart(used, limit, label) {
    return place((width) => limit_svg(used, limit, Math.min(width, 704), label));
}

function key_picture(kind) {
    if (kind === 'capacity' || kind === 'limit')
        return draw('line', {class: kind, x1: 0, x2: 28, y1: 8, y2: 8});
    return draw('rect', {class: kind, fill: kind === 'planned' ? 'url(#hatch-key)' : null, x: 1, y: 1, width: 26, height: 14});
}

// What the signs of a chart mean: [['done', 'Done'], ...].
export function chart_key(signs) {
    return make('ul', {class: 'key chart'}, signs.map(([kind, words]) => make('li', {},
        draw('svg', {viewBox: '0 0 28 16', 'aria-hidden': 'true'}, kind === 'planned' && hatch('hatch-key'), key_picture(kind)), words)));
}
