// What a receipt proves of a document: description, entry, leaf, inclusion proof, checkpoint, one after another.
//
// The same steps as greenlane/verify takes, as far as they need no word from outside: whose key signed the checkpoint is told by
// a trust file, and whether the chain holds it by the chain. Sources: RFC 8785, RFC 9162 section 2.1.3.2, C2SP tlog-checkpoint.

import { joined, sha256 } from "./unixfs.js";

const DOCUMENT = 2;
const BLINDED = 0x80;
const ENTRY_BYTES = 65;
const HASH_BYTES = 32;
const MAX_HASHES = 64;

/** What was compared and is not the same; `more` says it to those who want the numbers. */
export class Refused extends Error {
  constructor(words, more = []) {
    super(words);
    this.more = more;
  }
}

/** What a receipt proves.
 *
 * Returns the description, and the log's origin, size and root under which its entry stands.
 *
 * Throws Refused where a step does not hold. */
export async function judgeReceipt(receipt) {
  must(receipt?.type === "GreenlaneReceipt" && receipt.version === 1, "The receipt cannot be read.");
  const entry = base64(receipt.entry, ENTRY_BYTES);
  must((entry[0] & ~BLINDED) === DOCUMENT, "The receipt is not one of a document.");
  const { document: description, salt } = receipt.disclosure ?? {};
  must(typeof description === "object" && description !== null, "The receipt does not say what is stated of the document.");
  const plain = [hex(description.digest), await sha256(canonicalBytes(description))];
  const isBlinded = entry[0] >= BLINDED;
  must(isBlinded === ((salt ?? null) !== null), "The receipt's entry cannot be opened.");
  const shown = isBlinded ? await blinded(plain, base64(salt, HASH_BYTES)) : plain;
  must(same(entry.subarray(1), joined(...shown)), "What is stated of this document is not what was logged.");
  const checkpoint = await standsInLog(receipt, entry);
  const { center, chainId } = receipt.anchor;
  return { description, checkpoint, leafIndex: receipt.inclusion.leafIndex, center, chainId };
}

async function standsInLog(receipt, entry) {
  const { leafIndex, treeSize, hashes } = receipt.inclusion ?? {};
  must(isCount(leafIndex) && isCount(treeSize) && leafIndex < treeSize, "The receipt names no place in a log.");
  must(Array.isArray(hashes) && hashes.length <= MAX_HASHES, "The receipt's proof cannot be read.");
  const leaf = await sha256(joined(Uint8Array.of(0), entry));
  const root = await rootOf(leaf, leafIndex, treeSize, hashes.map((text) => base64(text, HASH_BYTES)));
  const checkpoint = readCheckpoint(receipt.checkpoint);
  must(checkpoint.treeSize === treeSize && same(checkpoint.root, root), "The document's entry does not stand in the log.");
  must(
    receipt.anchor?.treeSize === treeSize && same(hex(receipt.anchor.root), root),
    "The log state in the receipt is not the one that is said to be anchored.",
  );
  return checkpoint;
}

/** The root that a proof leads to; Refused where its length fits no such place. */
async function rootOf(leaf, leafIndex, treeSize, hashes) {
  let [place, last, hash] = [leafIndex, treeSize - 1, leaf];
  for (const beside of hashes) {
    must(last > 0, "The receipt's proof is longer than the log is deep.");
    if (place % 2 === 1 || place === last) {
      hash = await sha256(joined(Uint8Array.of(1), beside, hash));
      while (place % 2 === 0 && place > 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else {
      hash = await sha256(joined(Uint8Array.of(1), hash, beside));
    }
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  must(last === 0, "The receipt's proof is shorter than the log is deep.");
  return hash;
}

/** The first three lines of a signed note. */
function readCheckpoint(note) {
  must(typeof note === "string", "The receipt has no checkpoint.");
  const lines = note.slice(0, note.lastIndexOf("\n\n") + 1).split("\n");
  must(lines.length === 4 && lines[3] === "" && /^(0|[1-9][0-9]{0,15})$/.test(lines[1]), "The checkpoint cannot be read.");
  return { origin: lines[0], treeSize: Number(lines[1]), root: base64(lines[2], HASH_BYTES), note };
}

async function blinded(digests, salt) {
  const key = await crypto.subtle.importKey("raw", salt, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return Promise.all(digests.map(async (digest) => new Uint8Array(await crypto.subtle.sign("HMAC", key, digest))));
}

/** RFC 8785 bytes. JavaScript's own order of texts and way of writing texts and numbers is the one it asks for. */
export function canonicalBytes(value) {
  return new TextEncoder().encode(JSON.stringify(sorted(value)));
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  // A map without a prototype: a key called __proto__ is a key like any other. Keys that look like numbers would be moved to
  // the front; a description has none, and one that has is not the one that was logged.
  const ordered = Object.create(null);
  for (const key of Object.keys(value).sort()) ordered[key] = sorted(value[key]);
  return ordered;
}

/** The bytes that a text in standard base64 stands for. */
export function base64(text, length) {
  must(typeof text === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, "The receipt cannot be read.");
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  must(bytes.length === length, "The receipt cannot be read.");
  return bytes;
}

/** The 32 bytes that a text in hex, with or without 0x, stands for. */
export function hex(text) {
  const found = typeof text === "string" ? /^(?:0x)?((?:[0-9a-f]{2}){32})$/.exec(text) : null;
  must(found !== null, "The receipt cannot be read.");
  return Uint8Array.from(found[1].match(/../g), (pair) => Number.parseInt(pair, 16));
}

/** Whether two runs of bytes are the same. */
export function same(left, right) {
  return left.length === right.length && left.every((byte, place) => byte === right[place]);
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Goes on where something holds, and refuses with the words where it does not. */
export function must(holds, words, more = []) {
  if (!holds) throw new Refused(words, more);
}
