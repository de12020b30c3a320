// The marks beside the documents of a page: each is computed here, in the reader's own browser, one after another.

import { canCheck, check, compared, NO_SECURE_CONTEXT, sizeWords } from "./integrity.js";
import { Refused } from "./receipt.js";

// What was checked is shown and saved from memory up to this size: never other bytes than those.
const MAX_KEPT_BYTES = 64_000_000;
// Above this a mark waits to be asked: it may be somebody's mobile data.
const MAX_UNASKED_BYTES = 5_000_000;
const MAX_UNASKED_BYTES_OF_PAGE = 25_000_000;
const SHOWN_OTHERWISE = "This page shows something else of the document than what was logged.";
const CHIPS = { passed: "Integrity checked", failed: "FAILED", not_checked: "Not checked" };

/** A new element with a text, and a class where one is given. */
export function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Shows an outcome in a mark. */
export function show(mark, { verdict, words, more = [], button = null }) {
  const chip = element("span", CHIPS[verdict], `chip ${verdict}`);
  const told = element("span", words, "told");
  if (verdict === "failed") told.setAttribute("role", "alert");
  const line = element("p", "", "foot");
  line.append(chip, " ", told);
  if (button !== null) line.append(" ", button);
  const parts = [line];
  if (more.length > 0) {
    const details = document.createElement("details");
    const list = document.createElement("ol");
    list.append(...more.map((step) => element("li", step)));
    details.append(element("summary", "What was compared"), list);
    parts.push(details);
  }
  mark.replaceChildren(...parts);
  mark.dataset.verdict = verdict;
  mark.closest("[data-document]")?.classList.toggle("failed", verdict === "failed");
}

/** Shows that something is being computed; answers with what to call as it goes on. */
export function showProgress(mark, size) {
  const told = element("span", "Your browser is checking it…", "told");
  const bar = document.createElement("progress");
  bar.max = Math.max(size, 1);
  bar.setAttribute("aria-label", "Checked so far");
  const line = element("p", "", "foot");
  line.append(bar, " ", told);
  mark.replaceChildren(line);
  mark.dataset.verdict = "checking";
  return (bytes) => {
    bar.value = bytes;
  };
}

/** A button that does something once it is pressed. */
export function button(words, about, press) {
  const made = element("button", words, "plain");
  made.type = "button";
  if (about) made.append(element("span", ` (${about})`, "away"));
  made.addEventListener("click", press);
  return made;
}

class Mark {
  constructor(item) {
    this.item = item;
    this.place = item.querySelector("[data-mark]");
    const { cid, size, center, leaf } = item.dataset;
    this.shown = { cid, size: Number(size), center, leafIndex: Number(leaf) };
    this.saves = item.querySelectorAll("[data-save]");
    this.name = item.querySelector("[data-shown=name]")?.textContent ?? "";
  }

  async run() {
    const tell = showProgress(this.place, this.shown.size);
    const hadFocus = this.hadFocus;
    const parts = [];
    const keep = this.shown.size <= MAX_KEPT_BYTES && this.saves.length > 0 ? (piece) => parts.push(piece) : undefined;
    const outcome = await check(this.shown, { tell, keep, looks: (description) => this.looks(description) });
    if (outcome.verdict === "passed" && parts.length > 0) this.hand(parts, outcome.proof.description);
    if (outcome.verdict === "failed") this.warn();
    const again = outcome.verdict === "not_checked" && canCheck ? this.asked("Check again") : null;
    const when = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
    const more = outcome.verdict === "passed" ? compared(outcome) : (outcome.more ?? []);
    show(this.place, { ...outcome, words: this.words(outcome, when), more, button: again });
    if (hadFocus) this.place.querySelector("button, summary")?.focus();
    return outcome.verdict;
  }

  words({ verdict, words, proof, found, isPending }, when) {
    if (verdict === "passed") {
      const entry = proof.leafIndex.toLocaleString("en");
      const read = `Your browser read all ${sizeWords(found.size)} at ${when}`;
      return `${read}: they are, to the last bit, what stands as entry ${entry} in the log ${proof.checkpoint.origin}, as this server shows it.`;
    }
    if (verdict === "failed") {
      return `Do not rely on this document. ${words} Ask the firm that attached it, or another center, for the right one.`;
    }
    return isPending && found ? `${words} The bytes are the ones that this CID names.` : words;
  }

  /** Saves and shows the very bytes that were checked, and no others that the server may send for them. */
  hand(parts, description) {
    const picture = this.item.querySelector("[data-picture]");
    const look = description.mediaType === "application/pdf" ? this.item.querySelector("[data-look]") : null;
    const type = picture === null && look === null ? "application/octet-stream" : description.mediaType;
    const address = URL.createObjectURL(new Blob(parts, { type }));
    for (const link of [...this.saves, ...(look === null ? [] : [look])]) link.href = address;
    if (picture === null) return;
    const image = new Image();
    image.src = address;
    image.alt = `${picture.dataset.picture}: ${description.name}`;
    image.className = "preview";
    picture.replaceChildren(image);
  }

  /** What is false is not offered for reading any more; whoever complains of it needs it. */
  warn() {
    for (const link of this.saves) link.textContent = "Save it as evidence";
    this.item.querySelector("[data-look]")?.remove();
  }

  /** A button that checks when asked. */
  asked(words) {
    return button(words, this.name, () => {
      this.hadFocus = true;
      void this.run();
    });
  }

  wait() {
    const size = sizeWords(this.shown.size);
    const words = `Your browser checks it when you ask: it reads all ${size} for that.`;
    show(this.place, { verdict: "not_checked", words, button: this.asked(`Check now, ${size}`) });
  }

  /** That what stands on the page is what the statement says. */
  looks(description) {
    for (const field of ["name", "issuer", "issuedOn", "documentType"]) {
      const value = description[field];
      const place = this.item.querySelector(`[data-shown=${field}]`);
      const words = place === null ? null : (place.dataset.value ?? place.textContent);
      if (words !== value) throw new Refused(SHOWN_OTHERWISE);
    }
    const { center, leaf } = this.item.dataset;
    const also = Array.from(this.item.querySelectorAll("[data-also]"), (place) => [place, place.dataset.also]);
    const headings = document.querySelectorAll(`[data-heading="${center}/${leaf}"]`);
    for (const [place, field] of [...also, ...Array.from(headings, (heading) => [heading, "name"])]) {
      if ((place.dataset.value ?? place.textContent) !== description[field]) throw new Refused(SHOWN_OTHERWISE);
    }
    if (this.item.dataset.statedBy !== description.statedBy) {
      throw new Refused("This page says that somebody else attached the document than who did by the log.");
    }
    // A page tells of a thing: a document that is about others may be hung on it by whoever runs the server.
    const about = JSON.parse(this.item.dataset.about);
    if (about.length === 0 || !about.every((uri) => description.about.includes(uri))) {
      throw new Refused("By the log the document is not about what this page shows it for.");
    }
  }
}

/** Marks every document of the page; one at a time, as they come into view. */
export function markAll() {
  const marks = new Map(Array.from(document.querySelectorAll("[data-document]"), (item) => [item, new Mark(item)]));
  const summary = document.querySelector("[data-summary]");
  const verdicts = new Map();
  const queue = [];
  let isRunning = false;
  let room = navigator.connection?.saveData ? 0 : MAX_UNASKED_BYTES_OF_PAGE;

  function tellAll() {
    const found = [...verdicts.values()];
    const failed = found.filter((verdict) => verdict === "failed").length;
    const passed = found.filter((verdict) => verdict === "passed").length;
    if (summary === null || passed + failed === 0) return;
    const total = marks.size;
    summary.textContent = failed > 0 ? `${failed} of ${total} FAILED the check` : `${passed} of ${total} checked here`;
    summary.classList.toggle("failed", failed > 0);
    const alarm = document.querySelector("[data-alarm]");
    if (alarm === null) return;
    alarm.hidden = failed === 0;
    const many = failed === 1 ? "1 document" : `${failed} documents`;
    alarm.firstElementChild.textContent = `${many} of this page FAILED the check in your browser. `;
  }

  async function work() {
    if (isRunning) return;
    isRunning = true;
    for (let mark = queue.shift(); mark !== undefined; mark = queue.shift()) {
      if (mark.shown.size > Math.min(room, MAX_UNASKED_BYTES)) {
        mark.wait();
        continue;
      }
      room -= mark.shown.size;
      await mark.run();
    }
    isRunning = false;
  }

  for (const mark of marks.values()) {
    const run = mark.run.bind(mark);
    mark.run = async () => {
      const verdict = await run();
      verdicts.set(mark, verdict);
      tellAll();
    };
  }
  if (!canCheck) {
    for (const mark of marks.values()) show(mark.place, { verdict: "not_checked", words: NO_SECURE_CONTEXT });
    return;
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      seen.unobserve(entry.target);
      queue.push(marks.get(entry.target));
    }
    void work();
  }, { rootMargin: "200px" });
  for (const [item, mark] of marks) {
    show(mark.place, { verdict: "not_checked", words: "Your browser checks it as soon as you come to it.", button: null });
    seen.observe(item);
  }
}

markAll();
