// A confidential document, opened in the reader's own browser with the key that the link carries behind its #.
//
// The part of a link behind # is never sent to any server. The key is read here, and stays in this page.

import { ask, canCheck, compared, count, identify, judged, mustBeNamed, mustBeStated } from "./integrity.js";
import { NO_SECURE_CONTEXT, NotChecked, outcomeOf, sizeWords } from "./integrity.js";
import { button, element, show, showProgress } from "./marks.js";
import { hex, must, Refused, same } from "./receipt.js";

const KEY = /^AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}$/;
const KEY_CHARACTERS = 74;
const MAX_UNASKED_BYTES = 5_000_000;
// All of it stands in the browser's memory until it is saved.
const MAX_BYTES_HERE = 256 * 1024 * 1024;
const PICTURES = new Set(["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"]);
const ITEMS = "https://id.gs1.org/";
const DAY = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
const AGAIN = "Copy the whole link again, or ask whoever sent it.";
const MISTYPED = `The key in this link is mistyped. ${AGAIN}`;
const WRONG_KEY = "This key does not open this document. It may be the key of another one, or of an older version.";

/** Words for a person about a key that is none; null where it is one. */
export function faultOfKey(text) {
  if (KEY.test(text)) return null;
  if (!text.startsWith("AGE-SECRET-KEY-")) return `What stands behind the # of this link is no key. ${AGAIN}`;
  if (text.length < KEY_CHARACTERS) {
    return `The key in this link is cut off: it has ${text.length} of ${KEY_CHARACTERS} characters. ${AGAIN}`;
  }
  return MISTYPED;
}

/** Opens age files with one key. */
class Opener {
  constructor(key, kept) {
    this.decrypter = new kept.Decrypter();
    try {
      this.decrypter.addIdentity(key);
    } catch {
      throw new NotChecked(MISTYPED);
    }
  }

  /** The bytes in an age file, as a stream. */
  async open(stream) {
    try {
      return await this.decrypter.decrypt(stream);
    } catch (error) {
      if (error instanceof NotChecked || error instanceof Refused) throw error;
      if (/no identity matched/.test(error.message)) throw new NotChecked(WRONG_KEY);
      throw new Refused("The encrypted bytes are damaged: they cannot be opened.");
    }
  }
}

/** Passes bytes on and tells what they are once all have passed. */
function watched(stream, options) {
  const [forUs, onward] = stream.tee();
  const identified = identify(forUs, options);
  // Whoever reads the other half may fail first; this one's fault is then told by whoever awaits it.
  identified.catch(() => {});
  return { identified, onward };
}

/** One thing that a document is about; what has a page of this server leads there. */
function subject(uri) {
  const line = element("span", "", "item long");
  const item = uri.startsWith(ITEMS) ? element("a", uri.slice(ITEMS.length)) : document.createTextNode(uri);
  if (uri.startsWith(ITEMS)) item.href = uri.slice(ITEMS.length - 1);
  line.append(item);
  return line;
}

class Confidential {
  constructor(place) {
    this.place = place;
    this.cid = place.dataset.cid;
    this.size = Number(place.dataset.size);
    this.mark = place.querySelector("[data-mark]");
    this.facts = place.querySelector("[data-facts]");
    this.opened = place.querySelector("[data-opened]");
    this.form = place.querySelector("form");
    this.isBusy = false;
    this.next = null;
  }

  start() {
    this.form.hidden = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = this.form.querySelector("input").value.trim();
      void this.take(typed.includes("#") ? typed.slice(typed.indexOf("#") + 1) : typed);
    });
    addEventListener("hashchange", () => this.fromAddress());
    // It would take the place of the key in the address.
    document.querySelector(".skip")?.addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector("main").focus();
    });
    this.fromAddress();
  }

  fromAddress() {
    const text = location.hash.slice(1);
    if (text === "") return;
    void this.take(text);
  }

  /** Takes a key, after the one before it has been seen to. */
  async take(text) {
    this.next = text;
    if (this.isBusy) return;
    this.isBusy = true;
    while (this.next !== null) {
      const taken = this.next;
      this.next = null;
      await this.tryKey(taken);
    }
    this.isBusy = false;
  }

  async tryKey(text) {
    const key = text.trim().toUpperCase();
    this.facts.replaceChildren();
    this.opened.replaceChildren();
    const fault = faultOfKey(key);
    if (fault !== null) return show(this.mark, { verdict: "not_checked", words: fault });
    if (!canCheck) return show(this.mark, { verdict: "not_checked", words: NO_SECURE_CONTEXT });
    this.form.hidden = true;
    document.querySelector("[data-without-key]")?.remove();
    showProgress(this.mark, 1);
    try {
      const opener = new Opener(key, await import("./age.js"));
      const { proof, open } = await this.receipt(opener);
      if (proof !== null) this.tellFacts(proof.description);
      await this.offer(opener, proof, open);
    } catch (error) {
      this.tell(outcomeOf(error));
      this.form.hidden = false;
    }
  }

  tell(outcome) {
    const words = outcome.verdict === "failed" ? `Do not rely on this document. ${outcome.words}` : outcome.words;
    show(this.mark, { ...outcome, words });
  }

  /** What the log proves, or why that cannot be told yet. */
  async receipt(opener) {
    try {
      const answer = await ask(`/v1/documents/${this.cid}/receipt.age`, "*/*");
      const text = await new Response(await opener.open(answer.body)).text();
      const proof = await judged(text, { cid: this.cid });
      must(proof.description.confidential !== null, "The receipt is of a document that is not confidential.");
      return { proof, open: null };
    } catch (error) {
      if (error instanceof TypeError) throw new Refused("The encrypted receipt is damaged: it cannot be opened.");
      if (!(error instanceof NotChecked) || error.message === WRONG_KEY) throw error;
      return { proof: null, open: error };
    }
  }

  /** What is stated of the document; nothing of it ever was on the server's page. */
  tellFacts(description) {
    const types = JSON.parse(this.place.dataset.types);
    const about = document.createElement("span");
    about.append(...description.about.map(subject));
    const day = description.issuedOn === null ? [] : [new Date(description.issuedOn).toLocaleDateString("en-GB", DAY)];
    const rows = [
      ["What it is", types[description.documentType] ?? description.documentType],
      ...(description.issuer === null ? [] : [["Issued by", description.issuer]]),
      ...day.map((words) => ["Day on it", words]),
      ["Attached by", description.statedBy],
      ["Readers", description.confidential.readers.map((reader) => reader.name ?? "whoever holds a link with a key").join(", ")],
    ].map(([term, words]) => this.row(term, document.createTextNode(words)));
    this.facts.replaceChildren(...rows, this.row("About", about));
    document.querySelector("h1").textContent = description.name;
  }

  row(term, node) {
    const [row, value] = [document.createElement("div"), document.createElement("dd")];
    value.append(node);
    row.append(element("dt", term), value);
    return row;
  }

  /** Opens a small document at once, and a larger one when asked. */
  async offer(opener, proof, open) {
    if (this.size > MAX_BYTES_HERE) {
      const size = sizeWords(this.size);
      const words = `The key opens it. It has ${size}, too much for a browser to hold: use greenlane document get with this link.`;
      return show(this.mark, { verdict: "not_checked", words });
    }
    const go = () => this.decrypt(opener, proof, open);
    if (this.size <= MAX_UNASKED_BYTES && !navigator.connection?.saveData) return go();
    const ask = button(`Open and check it now, ${sizeWords(this.size)}`, "", go);
    return show(this.mark, { verdict: "not_checked", words: "The key opens this document.", button: ask });
  }

  async decrypt(opener, proof, open) {
    try {
      const tell = showProgress(this.mark, this.size);
      const answer = await ask(`/v1/documents/${this.cid}`, "*/*");
      const { identified, onward } = watched(answer.body, { most: this.size, tell });
      const parts = [];
      let plain = null;
      let fault = null;
      try {
        plain = await identify(await opener.open(onward), { keep: (piece) => parts.push(piece) });
      } catch (error) {
        const isOurs = error instanceof NotChecked || error instanceof Refused;
        fault = isOurs ? error : new Refused("The encrypted bytes are damaged: they cannot be opened.");
      }
      // Bytes that are not those of the CID are the plainer reason why something cannot be opened.
      const found = await identified;
      mustBeNamed(found, this.cid);
      if (fault !== null) throw fault;
      if (proof !== null) {
        mustBeStated(found, proof.description);
        const isStated = same(plain.digest, hex(proof.description.digest));
        must(isStated, "What was opened is not what was logged: its SHA-256 is another.");
      }
      this.hand(parts, proof?.description);
      if (proof === null) {
        const words = `It was opened. Whether it is what was logged is not checked: ${open.message}`;
        return show(this.mark, { verdict: "not_checked", words });
      }
      const more = compared({ proof, found });
      more.splice(1, 0, `What they decrypt to, ${count(plain.size)}, has the SHA-256 that its owner stated.`);
      const words = `Your browser opened it, and it is, to the last bit, what stands in the log ${proof.checkpoint.origin}.`;
      show(this.mark, { verdict: "passed", words, more });
    } catch (error) {
      this.tell(outcomeOf(error));
      this.form.hidden = false;
    }
  }

  /** Offers what was opened: to save it, and pictures and PDF to look at. */
  hand(parts, description) {
    const type = description?.mediaType ?? "application/octet-stream";
    const isSafe = PICTURES.has(type) || type === "application/pdf";
    // Whatever else it is must never be shown as a page of this server.
    const address = URL.createObjectURL(new Blob(parts, { type: isSafe ? type : "application/octet-stream" }));
    const save = element("a", "Save it", "button");
    save.href = address;
    save.download = description?.name ?? `${this.cid}.bin`;
    const line = element("p", "", "foot");
    line.append(save);
    const shown = [line];
    if (type === "application/pdf") {
      const look = element("a", "Open the PDF");
      look.href = address;
      look.target = "_blank";
      look.rel = "noopener";
      line.append(look);
    }
    if (PICTURES.has(type)) {
      const picture = new Image();
      picture.src = address;
      picture.alt = description.name;
      picture.className = "preview";
      shown.push(picture);
    }
    const hide = button("Take the key out of the address bar", "", () => {
      history.replaceState(null, "", location.pathname + location.search);
      hide.replaceWith(element("span", "The key is gone from the address bar; this page still has it until you leave.", "soft"));
    });
    if (location.hash !== "") line.append(hide);
    this.opened.replaceChildren(...shown);
  }
}

for (const place of document.querySelectorAll("[data-confidential]")) new Confidential(place).start();
