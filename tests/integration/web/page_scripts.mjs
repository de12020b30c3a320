// Runs the pages' own modules, outside of a browser, over cases on the standard input: [{ask, …}, …] in, [answer, …] out.
import { createReadStream, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(process.argv[2] + "/");
const load = (name) => import(new URL(name, folder));
const { Identifier } = await load("unixfs.js");
const { canonicalBytes } = await load("receipt.js");
const { judged } = await load("integrity.js");
const text = (bytes) => Buffer.from(bytes).toString("hex");

const answers = {
  async identify({ file, piece, layout }) {
    const identifier = new Identifier(layout ?? undefined);
    for await (const part of createReadStream(file, { highWaterMark: piece })) await identifier.add(new Uint8Array(part));
    const found = await identifier.finish();
    return [found.cid, found.size, text(found.digest)];
  },
  async canonical({ value }) {
    return text(canonicalBytes(value));
  },
  async judge({ receipt, cid, center, leafIndex }) {
    try {
      const proof = await judged(receipt, { cid, center, leafIndex });
      return ["passed", proof.leafIndex, proof.checkpoint.origin, proof.checkpoint.treeSize, text(proof.checkpoint.root)];
    } catch (error) {
      return [error.constructor.name, error.message];
    }
  },
};

const found = [];
for (const { ask, ...given } of JSON.parse(readFileSync(0, "utf8"))) found.push(await answers[ask](given));
process.stdout.write(JSON.stringify(found));
