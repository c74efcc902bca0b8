// The portal under test and its operator: what portal.sh has made ready.
import {execFileSync} from 'node:child_process';
import {mkdirSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';

const environment = (name) => {
    if (!process.env[name])
        throw new Error(`${name} is not set: this is started by portal.sh`);
    return process.env[name];
};

export const root = environment('ROOT');
export const browser_name = environment('BROWSER');
export const folder = environment('FOLDER');
export const home = environment('HOME_OF_PORTAL');
export const screenshots = path.join(environment('SCREENSHOTS'), browser_name);
export const modules = environment('NODE_MODULES');

const timely = environment('TIMELY').split('\n').filter(Boolean);
const programs = {smki: 'smki/smki', 'smki-batch': 'batch/smki-batch', 'smki-client': 'client/smki-client'};

mkdirSync(screenshots, {recursive: true});

// https://localhost:PORT of a site: landing, device, device-internet ...
export function site_url(site) {
    return `https://localhost:${environment(`PORT_${site.replaceAll('-', '_')}`)}`;
}

// The operator's command, on the portal's home and by its clock: operator('smki', 'desk', 'list') gives what it printed.
export function operator(program, ...words) {
    const [command, ...before] = timely;

    return execFileSync(command, [...before, path.join(environment('PROGRAMS'), programs[program]), '--home', home, ...words],
        {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});
}

// Any other program; throws with what it said when it ends with another status than 0.
export function run(program, ...words) {
    return execFileSync(program, words, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, LC_ALL: 'C'}});
}

// The portal's clock: seconds from the real one.
export function set_clock(date) {
    const clock = environment('CLOCK'), ahead = Math.round((date - Date.now()) / 1000);

    writeFileSync(`${clock}.new`, `${ahead < 0 ? '' : '+'}${ahead}\n`);
    renameSync(`${clock}.new`, clock);
}

export function place(...names) {
    return path.join(folder, ...names);
}

// Zip of new Device CSRs from this Device ID on, with the keys kept in `keys`.
export function make_meters(zip, count, first) {
    execFileSync(path.join(environment('PROGRAMS'), programs['smki-client']),
        ['make-csr', '--quiet', '--count', String(count), '--usage', 'ds', '--first', first, '--zip', zip], {stdio: 'ignore'});
}

// One Device CSR by openssl; its path without extension has .csr and .key.
export function make_request(name, meter, usage = 'digitalSignature') {
    const at = place(name);

    execFileSync('openssl', ['req', '-new', '-config', path.join(root, 'examples/device.cnf'), '-subj', '/', '-sha256', '-nodes', '-newkey', 'ec',
        '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', `${at}.key`, '-out', `${at}.csr`],
    {stdio: 'ignore', env: {...process.env, METER: meter, USE: usage}});
    return at;
}
