// Claims, as TAP says them. A claim is told when its promise is settled: what a check throws is why it does not hold.

let counted = 0, broken = 0;

function comment(text) {
    for (const line of String(text).split('\n').slice(0, 40))
        console.log(`# ${line}`);
}

function tell(holds, words, why) {
    counted++;
    console.log(`${holds ? 'ok' : 'not ok'} ${counted} - ${words}`);
    if (!holds) {
        broken++;
        comment(why);
    }
}

// claim('the page is there', () => ...): holds when the check neither throws nor gives false.
export async function claim(words, check) {
    try {
        tell(await check() !== false, words, 'it is not so');
    } catch (error) {
        tell(false, words, error.stack || error);
    }
}

// What stands there, in the words of whoever reads the failure.
export function same(is, should) {
    const [left, right] = [is, should].map((value) => JSON.stringify(value));

    if (left !== right)
        throw new Error(`it is ${left}, and should be ${right}`);
}

export function has(text, part) {
    if (!String(text).includes(part))
        throw new Error(`“${part}” is not in “${String(text).slice(0, 1500)}”`);
}

export function none(list) {
    if (list.length > 0)
        throw new Error(list.join('\n'));
}

export function note(text) {
    comment(text);
}

// The plan at the end; the process ends with 1 when a claim did not hold.
export function finish() {
    console.log(`1..${counted}`);
    process.exitCode = broken > 0 ? 1 : 0;
}
