// How many entries a zip says it has: its end-of-central-directory record, which is the last thing in the file (APPNOTE 4.3.16). This is
// for telling what the upload will mean; the service judges the file itself.

const RECORD = 22;              // octets, without the comment
const COMMENT_MAX = 65535;
const SIGNATURE = 0x06054b50;
const MANY = 0xffff;            // this many, or more (ZIP64)

// The number, Infinity for more than 65,534, or null: this is no zip.
export async function zip_entries(file) {
    const tail = new DataView(await file.slice(Math.max(0, file.size - RECORD - COMMENT_MAX)).arrayBuffer());

    for (let at = tail.byteLength - RECORD; at >= 0; at--) {
        if (tail.getUint32(at, true) === SIGNATURE && at + RECORD + tail.getUint16(at + 20, true) === tail.byteLength) {
            const entries = tail.getUint16(at + 10, true);

            return entries === MANY ? Infinity : entries;
        }
    }
    return null;
}
