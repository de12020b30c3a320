// Compares a document's bytes, what is stated of it, and the log, in the reader's own browser.
//
// Three answers, as everywhere: passed, failed, not_checked. What could not be asked is never called failed.

import { judgeReceipt, must, hex, Refused, same } from "./receipt.js";
import { Identifier } from "./unixfs.js";

/** Why something could not be checked, in words for people. */
export class NotChecked extends Error {
  constructor(words, { isPending = false } = {}) {
    super(words);
    this.isPending = isPending;
  }
}

/** Whether this browser can compute SHA-256 here; it does so only on pages that came over HTTPS, or from this very machine. */
export const canCheck = globalThis.crypto?.subtle !== undefined;

export const NO_SECURE_CONTEXT =
  "This page did not come over HTTPS, so your browser does not compute checksums here. Open it with https:// and look again.";

const COPY_DAMAGED =
  "This server's copy of the document is damaged, and was not used. Look again later, or ask another center that holds it.";

/** Asks this server; NotChecked where the answer is no document and no receipt. */
export async function ask(path, accept) {
  let answer;
  try {
    answer = await fetch(path, { headers: { Accept: accept }, credentials: "omit", cache: "no-store", redirect: "error" });
  } catch {
    throw new NotChecked("The server could not be reached. Look whether you are connected, and check again.");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (problem.code === "log-damaged") throw new Refused(`The server's own log does not prove this document. ${problem.detail}`);
  if (problem.code === "receipt-not-ready") {
    throw new NotChecked("It is logged and not yet anchored on the chain, which takes a little while.", { isPending: true });
  }
  if (problem.code === "document-bytes-refused") throw new NotChecked(COPY_DAMAGED);
  if (answer.status === 410) throw new NotChecked("It was withdrawn: its bytes are no longer handed out.");
  const words = typeof problem.detail === "string" ? problem.detail : `The server answered ${answer.status}.`;
  throw new NotChecked(words);
}

/** Reads a stream to its end and tells what its bytes are; ends early where there are more than there may be. */
export async function identify(stream, { most = Infinity, tell = () => {}, keep = () => {} } = {}) {
  const identifier = new Identifier();
  const reader = stream.getReader();
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error instanceof NotChecked || error instanceof Refused) throw error;
      throw new NotChecked("The connection ended before all bytes had come. Check again.");
    }
    if (piece.done) break;
    await identifier.add(piece.value);
    keep(piece.value);
    if (identifier.size > most) {
      await reader.cancel();
      throw new Refused(`The server sent more bytes than the ${most.toLocaleString("en")} that were logged.`);
    }
    tell(identifier.size);
  }
  return identifier.finish();
}

/** Judges a receipt, and that it is of the document and the place that are shown. */
export async function judged(text, { cid, center, leafIndex }) {
  let receipt;
  try {
    receipt = JSON.parse(text);
  } catch {
    throw new Refused("The receipt cannot be read.");
  }
  const proof = await judgeReceipt(receipt);
  must(proof.description.cid === cid, "The receipt is of another document.");
  must(center === undefined || proof.center === center, "The receipt is of another center's log than the page says.");
  must(leafIndex === undefined || proof.leafIndex === leafIndex, "The receipt is of another entry than the page says.");
  return proof;
}

/** That bytes are those that a statement names. */
export function mustBeStated(found, description) {
  const stored = description.confidential?.digest ?? description.digest;
  must(found.size === description.size, `${count(found.size)} came, and ${count(description.size)} were logged.`);
  must(same(found.digest, hex(stored)), "The bytes are not the ones that were logged: their SHA-256 is another.");
}

/** That bytes are those that a CID names. */
export function mustBeNamed(found, cid) {
  must(found.cid === cid, "The bytes are not the ones that were logged.", [
    `Logged under this address: bytes with the CID ${cid}.`,
    `What the server sent now: ${count(found.size)} with the CID ${found.cid}.`,
  ]);
}

/** The receipt's address of one statement. */
export function receiptPath({ cid, center, leafIndex }) {
  return `/v1/documents/${cid}/receipt?center=${center}&leaf=${leafIndex}`;
}

/** Checks one public document: {verdict, words, proof, found}.
 *
 * shown: its cid, size, center and leafIndex as the page has them; looks: says Refused where the page shows other words; keep: is
 * given the bytes, piece by piece, before it is known what they are. */
export async function check(shown, { tell = () => {}, looks = () => {}, keep = () => {} } = {}) {
  if (!canCheck) return { verdict: "not_checked", words: NO_SECURE_CONTEXT };
  try {
    let proof = null;
    let open = null;
    try {
      const answer = await ask(receiptPath(shown), "application/json");
      proof = await judged(await answer.text(), shown);
      looks(proof.description);
    } catch (error) {
      // Whether the bytes are those of the CID can be told all the same.
      if (!(error instanceof NotChecked)) throw error;
      open = error;
    }
    const bytes = await ask(`/v1/documents/${shown.cid}`, "*/*");
    const found = await identify(bytes.body, { most: proof?.description.size ?? shown.size, tell, keep });
    mustBeNamed(found, shown.cid);
    if (open !== null) return { verdict: "not_checked", words: open.message, isPending: open.isPending, found };
    mustBeStated(found, proof.description);
    return { verdict: "passed", words: "", proof, found };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** What an error means for a mark. */
export function outcomeOf(error) {
  if (error instanceof Refused) return { verdict: "failed", words: error.message, more: error.more };
  if (error instanceof NotChecked) return { verdict: "not_checked", words: error.message, isPending: error.isPending };
  console.error(error);
  return { verdict: "not_checked", words: "Your browser could not make this check. Another or a newer one may." };
}

/** What was compared, step by step, in words. */
export function compared({ proof, found }, { hasShown = true } = {}) {
  const { description, checkpoint } = proof;
  const hashes = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const place = proof.leafIndex.toLocaleString("en");
  const entries = `${checkpoint.treeSize.toLocaleString("en")} ${checkpoint.treeSize === 1 ? "entry" : "entries"}`;
  return [
    `All ${count(found.size)} were read and hashed here. They have the CID ${found.cid} and the SHA-256 ${hashes(found.digest)}.`,
    `What is stated of the document${hasShown ? ", as shown here," : ""} names that CID and that SHA-256.`,
    `The SHA-256 of that statement by ${description.statedBy} stands in entry ${place} of a log, counted from 0.`,
    `That entry leads to the root ${hashes(checkpoint.root)}: the checkpoint of the log ${checkpoint.origin} at ${entries}.`,
    `The receipt says that chain ${proof.chainId} holds that root. Your browser cannot ask the chain: ` +
      "whoever wants to know takes the receipt and runs greenlane verify.",
  ];
}

/** A number of bytes as people say it. */
export function count(bytes) {
  return bytes === 1 ? "1 byte" : `${bytes.toLocaleString("en")} bytes`;
}

/** A size in the unit that people use. */
export function sizeWords(bytes) {
  if (bytes < 1_000) return count(bytes);
  for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (bytes >= unit) {
      const tenths = Math.floor((bytes * 10 + unit / 2) / unit);
      const amount = tenths < 100 ? tenths / 10 : Math.floor((bytes + unit / 2) / unit);
      return `${amount.toLocaleString("en")} ${name}`;
    }
  }
  return count(bytes);
}
