// The screen that the browser is on: windows that are no page, and what is typed into them (xdotool).
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {screenshots} from './world.js';

const LIMIT = 60000; // ms until a window is there: a machine can be busy

function x(...words) {
    return execFileSync('xdotool', words, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}).trim();
}

// [{window, name}]; one that is closed meanwhile is left out.
function windows() {
    try {
        return x('search', '--onlyvisible', '--name', '.').split('\n').map((window) => ({window, name: x('getwindowname', window)}));
    } catch {
        return [];
    }
}

// The window whose name is so, once it is there, and is another one than `other`.
export async function dialog(name, {other} = {}) {
    for (const end = Date.now() + LIMIT; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
        const found = windows().find((one) => name.test(one.name) && one.window !== other);

        if (found) {
            await new Promise((resolve) => setTimeout(resolve, 1000)); // until it has the keyboard
            return found.window;
        }
    }
    throw new Error(`no window is called ${name}; there are: ${windows().map((one) => one.name).join(', ') || 'none'}`);
}

// Types texts, and keys by their names (Return, Escape).
export function type(...words) {
    for (const word of words)
        if (word === 'Return' || word === 'Escape')
            x('key', word);
        else
            x('type', '--delay', '50', word);
}

// A picture of the screen; without ImageMagick there is none.
export function picture(name) {
    try {
        execFileSync('import', ['-window', 'root', path.join(screenshots, `${name}.png`)], {stdio: 'ignore'});
    } catch {
        // a picture is for looking at, no claim hangs on it
    }
}
