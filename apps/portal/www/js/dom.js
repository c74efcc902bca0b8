// Elements out of words. Texts only ever become text nodes and attributes: nothing that a user or the server wrote is read as HTML.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function')
            element.addEventListener(name, value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(
        (child) => child instanceof Node ? child : String(child)));
    return element;
}

// make('a', {href: '/'}, 'Home'): attributes that are functions are listeners; children are nodes, texts, arrays of them, or null.
export function make(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

export function by(id) {
    return document.getElementById(id);
}

// A list of facts: [['Device ID', '90-B3-..'], ...]; those without a value are left out. Null when none has one.
export function facts(pairs) {
    const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');

    return known.length === 0 ? null : make('dl', {class: 'facts'}, known.map(
        ([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}

// A word of state, e.g. tag('Completed', 'good').
export function tag(word, kind = '') {
    return make('span', {class: `tag ${kind}`.trim()}, word);
}

export function mono(text) {
    return make('span', {class: 'mono'}, text);
}
