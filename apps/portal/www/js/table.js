// Tables that a phone can show: css/smki.css turns each row into a block with the column's name before each value. The roles are written
// out since browsers forget a table's own when it is laid out as blocks.
import {make} from '/js/dom.js';

function cell(column, value, first) {
    const attributes = {class: column.number ? 'number' : null};

    if (first)
        return make('th', {...attributes, scope: 'row', role: 'rowheader'}, value);
    return make('td', {...attributes, role: 'cell', 'data-name': column.name}, value);
}

function row(columns, item) {
    return make('tr', {role: 'row'}, columns.map((column, index) => cell(column, column.value(item), index === 0)));
}

// columns: [{name, value(item) -> text or nodes, number: right-aligned}]; the first is the row's header. `slim`: a few short columns, which
// stay side by side on a phone too.
export function table(caption, columns, items, {hide_caption = false, slim = false} = {}) {
    return make('table', {role: 'table', class: slim ? 'slim' : 'stack'},
        make('caption', {class: hide_caption ? 'hidden' : null}, caption),
        make('thead', {role: 'rowgroup'}, make('tr', {role: 'row'},
            columns.map((column) => make('th', {scope: 'col', role: 'columnheader', class: column.number ? 'number' : null}, column.name)))),
        make('tbody', {role: 'rowgroup'}, items.map((item) => row(columns, item))));
}

// New rows in an old table, for pages that are kept up to date: the focus stays on the link it was on.
export function table_refill(element, columns, items) {
    const held = element.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;

    element.tBodies[0].replaceChildren(...items.map((item) => row(columns, item)));
    if (held !== null)
        [...element.querySelectorAll('a')].find((link) => link.getAttribute('href') === held)?.focus();
}
