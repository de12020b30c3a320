// The name of a document's bytes, computed chunk by chunk: a CID of version 1 over SHA-256.
//
// One chunk of 1 MiB is a raw block; more hang, 1,024 to a node, under DAG-PB nodes that hold UnixFS. The same as
// greenlane/core/documents/unixfs.py. Source: IPIP-499, profile unixfs-v1-2025.

const CHUNK_BYTES = 1_048_576;
const MAX_LINKS = 1_024;

const RAW = 0x55;
const DAG_PB = 0x70;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** The bytes one after another. */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** SHA-256 of bytes that are all there. */
export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** A CID as people and addresses write it, out of its codec and digest. */
function cidText(codec, digest) {
  let text = "b";
  let held = 0;
  let bits = 0;
  for (const byte of cidBytes(codec, digest)) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

function cidBytes(codec, digest) {
  return joined(Uint8Array.of(1, codec, 0x12, 0x20), digest);
}

/** An unsigned number in groups of seven bits; up to 2^53, where the bits of JavaScript's own operators end at 32. */
function varint(number) {
  const bytes = [];
  while (number >= 0x80) {
    bytes.push((number % 0x80) | 0x80);
    number = Math.floor(number / 0x80);
  }
  bytes.push(number);
  return Uint8Array.from(bytes);
}

function bytesField(tag, bytes) {
  return joined(Uint8Array.of(tag), varint(bytes.length), bytes);
}

function numberField(tag, number) {
  return joined(Uint8Array.of(tag), varint(number));
}

/** The root over chunks: each a link {codec, digest, size, treeBytes}, in their order, at least one. */
async function rootOver(links, maxLinks) {
  let level = links;
  while (level.length > 1) {
    const above = [];
    for (let start = 0; start < level.length; start += maxLinks) above.push(await node(level.slice(start, start + maxLinks)));
    level = above;
  }
  return level[0];
}

async function node(links) {
  const size = links.reduce((sum, link) => sum + link.size, 0);
  const linked = links.map((link) => {
    const name = bytesField(0x0a, cidBytes(link.codec, link.digest));
    return bytesField(0x12, joined(name, bytesField(0x12, new Uint8Array()), numberField(0x18, link.treeBytes)));
  });
  const file = joined(numberField(0x08, 2), numberField(0x18, size), ...links.map((link) => numberField(0x20, link.size)));
  // The links stand before the data, though their field has the higher number: DAG-PB has this one spelling.
  const block = joined(...linked, bytesField(0x0a, file));
  const treeBytes = block.length + links.reduce((sum, link) => sum + link.treeBytes, 0);
  return { codec: DAG_PB, digest: await sha256(block), size, treeBytes };
}

/** Takes bytes in pieces of any size; holds one chunk at a time. */
export class Identifier {
  #chunk;
  #maxLinks;
  #filled = 0;
  #links = [];
  #whole = null;
  size = 0;

  constructor({ chunkBytes = CHUNK_BYTES, maxLinks = MAX_LINKS } = {}) {
    this.#chunk = new Uint8Array(chunkBytes);
    this.#maxLinks = maxLinks;
  }

  async add(piece) {
    this.size += piece.length;
    for (let taken = 0; taken < piece.length; ) {
      if (this.#filled === this.#chunk.length) await this.#flush();
      const part = piece.subarray(taken, taken + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
    }
  }

  /** What the bytes are: their CID, how many they are, and SHA-256 of all of them. */
  async finish() {
    const last = await this.#flush();
    const root = await rootOver(this.#links, this.#maxLinks);
    return { cid: cidText(root.codec, root.digest), size: this.size, digest: this.#whole === null ? last : this.#whole.digest() };
  }

  async #flush() {
    const bytes = this.#chunk.subarray(0, this.#filled);
    if (this.#whole === null && this.size > this.#chunk.length) {
      // The browser's own SHA-256 takes all bytes at once; of one chunk it is the chunk's digest.
      const kept = await import("./sha256.js");
      this.#whole = kept.sha256.create();
    }
    this.#whole?.update(bytes);
    const digest = await sha256(bytes);
    this.#links.push({ codec: RAW, digest, size: this.#filled, treeBytes: this.#filled });
    this.#filled = 0;
    return digest;
  }
}
