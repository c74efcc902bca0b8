// Keeps a page up to date while it is open: one GET each few seconds, slower when nobody looks, and none when nothing moves. The reader can stop
// it (WCAG 2.2.2).
import {by, make} from '/js/dom.js';
import {clock_zone} from '/js/time.js';

const SEEN = 5000;      // ms between two looks
const WAITING = 20000;  // ms: nothing is being processed, the queue may still move
const UNSEEN = 45000;   // ms while the page is hidden: within the minute that the server keeps an idle connection
const LOST = 30000;     // ms after an answer that did not come

// look() asks, shows, and returns 'moving', 'waiting' or 'still'. `place` is the element for the line that says how fresh the page is.
export function live(look, place) {
    const words = make('span', {}), button = make('button', {type: 'button', class: 'plain'}, 'Pause updates');
    let timer = 0, paused = false, state = 'moving', seen = new Date();

    function tell(text) {
        words.textContent = text;
    }

    function plan() {
        clearTimeout(timer);
        if (paused || state === 'still')
            return;
        timer = setTimeout(turn, document.hidden ? UNSEEN : {moving: SEEN, waiting: WAITING, lost: LOST}[state]);
    }

    function show() {
        button.hidden = state === 'still';
        if (state === 'still')
            tell('Nothing is moving, so this page is not being updated.');
        else if (state === 'lost')
            tell(`The portal did not answer. This is from ${clock_zone(seen)}.`);
        else
            tell(paused ? `Paused. This is from ${clock_zone(seen)}.` : `Kept up to date, last at ${clock_zone(seen)}.`);
    }

    async function turn() {
        try {
            state = await look();
            seen = new Date();
        } catch (refusal) {
            if (refusal.status === undefined)
                throw refusal;
            state = 'lost';
        }
        show();
        plan();
    }

    button.addEventListener('click', () => {
        paused = !paused;
        button.textContent = paused ? 'Resume updates' : 'Pause updates';
        show();
        if (!paused)
            turn();
        else
            plan();
    });
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden && !paused && state !== 'still')
            turn();
        else
            plan();
    });
    place.replaceChildren(make('div', {class: 'actions'}, words, button));
    // The first look is the page's own: a refusal of it is shown in place of the page.
    return look().then((first) => {
        state = first;
        show();
        plan();
    });
}

// Tells a screen reader of a change, and only of that.
export function announce(text) {
    by('spoken').textContent = text;
}
