// Every page of every site.

const help = [['guide', '/guide.html', 'User guide'], ['errors', '/errors.html', 'Error codes'], ['browsers', '/browsers.html', 'Supported browsers'],
    ['client', '/client.html', 'Authentication Client'], ['status', '/status.html', 'Notices and maintenance'], ['desk', '/desk.html', 'Service Desk'],
    ['missing', '/nothing.html', 'This page does not exist']];
const officers = [['account', '/account.html', 'My Party and credential'], ['pickup', '/pickup.html', 'Certificate pickup'],
    ['find', '/find.html', 'Find a certificate'], ['announce', '/announce.html', 'Announce extra demand'], ['documents', '/documents.html', 'Documents']];
const organisation = [['home', '/', 'Organisation part'], ['submit', '/submit.html', 'Submit an Organisation CSR'], ...officers, ...help];
const device = [['home', '/', 'Device part'], ['submit', '/submit.html', 'Submit an Ad Hoc Device CSR'], ['upload', '/upload.html', 'Submit a Batched CSR'],
    ['batches', '/batches.html', 'Batches'], ['batch-completed', '/batch.html?id=1', 'Meters week 47.zip'],
    ['batch-waiting', '/batch.html?id=3', 'Replacement programme, North West region, electricity and gas, single phase.zip'],
    ['batch-of-others', '/batch.html?id=2', 'Batch'], ['night', '/night.html', 'The night'], ['demand', '/demand.html', 'Demand of my Party'], ...officers, ...help];

// site: [name, path, what its h1 says]; those that tell the same on several sites are drawn on the first one.
export const pages = {
    landing: [['home', '/', 'SMKI Portal'], ...help, ...officers],
    download: [['home', '/', 'Authentication Client'], ...help.filter(([name]) => name !== 'client')],
    device, organisation, 'device-internet': device, 'organisation-internet': organisation,
};

const drawn = {
    landing: () => true,
    download: (name) => name === 'home',
    device: (name) => name !== 'missing',
    organisation: (name) => ['home', 'submit', 'account', 'pickup', 'announce'].includes(name),
    'device-internet': (name) => ['home', 'documents', 'account'].includes(name),
    'organisation-internet': () => false,
};

export function is_drawn(site, name) {
    return drawn[site](name);
}
