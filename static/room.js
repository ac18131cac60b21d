// A room as this page knows it: what was said, in the room's order, and who is there.

import { People } from "./people.js";

export class Room {
  key = nextKey("room");
  people = new People();
  joined = false;
  unread = 0;
  /** Whether there is more of the past than the lines that are here. */
  hasMore = false;
  isReading = false;
  #lines = [];
  #unsaid = [];
  #updates = [];

  /**
   * `id` is what the server calls it, null before the first word to a `partner`, `{ user, name }`, who is null in a room
   * of many and where we do not know yet.
   */
  constructor({ id = null, partner = null }) {
    this.id = id;
    this.partner = partner;
  }

  get name() {
    return this.isDirect ? this.partner?.name ?? "Somebody" : this.id;
  }

  get isDirect() {
    return this.partner !== null || this.id.startsWith("@");
  }

  /** What to show: what the room heard, then what it has not heard yet. */
  get lines() {
    return [...this.#lines, ...this.#unsaid];
  }

  /** The oldest message that is here. */
  get first() {
    return this.#lines.find(({ hole }) => !hole);
  }

  /** The last of our own words that we can still change. */
  get lastOwn() {
    return this.#lines.findLast(({ own, deleted }) => own && !deleted);
  }

  /** Puts our own words up before the room has heard them. */
  say(cid, text, author) {
    const line = Object.assign(newLine(), author, { cid, text, own: true, ts: Date.now(), status: "waiting" });
    this.#unsaid.push(line);
    return line;
  }

  unsaid(cid) {
    return this.#unsaid.find((line) => line.cid === cid);
  }

  /** Our words are stored; the answer may be here before the message itself, or after it. */
  said(line, { id, epoch, seq, ts }) {
    if (line.status === "stored") return;
    const { cid, user, name, text } = line;
    this.place({ id, epoch, seq, ts, cid, user, name, text }, true);
  }

  /** Takes words back that the room has not heard. */
  unsay(line) {
    this.#unsaid = this.#unsaid.filter((other) => other !== line);
  }

  /**
   * Puts a message where it belongs, whether it is live, from the past, or the answer to our own; says whether it is
   * new here.
   */
  place(message, own) {
    const known = this.#known(message, own);
    const line = Object.assign(known ?? newLine(), message, { own: own || known?.own === true, status: "stored", refusal: null });
    if (known) this.#take(known);
    this.#insert(line);
    // The past is told as it was when we asked; this was told meanwhile.
    for (const update of this.#updates) if (update.id === line.id) apply(line, update);
    return !known;
  }

  /** A message was edited or deleted, or somebody has something to say to it. `own` is whether it was we. */
  change(update, own) {
    this.#updates = [...this.#updates, { ...update, own }].slice(-UPDATES);
    const line = this.#lines.find(({ id }) => id === update.id);
    if (line) apply(line, { ...update, own });
  }

  /** Lines that are too many, of the past that nobody looks at. */
  shorten() {
    const surplus = this.#lines.length - KEPT;
    if (surplus <= 0) return;
    this.#lines.splice(0, surplus);
    this.hasMore = true;
  }

  /** Of what was said between these positions something may be missing. */
  miss(from, to) {
    this.#updates = [];
    const last = this.#lines.at(-1);
    if (last?.hole) last.hole.to = to;
    else this.#insert(Object.assign(newLine(), from, { ts: last?.ts ?? Date.now(), hole: { from, to, isLasting: false } }));
  }

  /** What there was to find has been found: all of it, or what is still kept. */
  mend(line, isWhole) {
    if (isWhole) this.#take(line);
    else line.hole.isLasting = true;
  }

  #known({ id, epoch, seq, cid }, own) {
    const same = (line) => (line.epoch === epoch && line.seq === seq) || (id && line.id === id) || (own && cid && line.cid === cid);
    return this.#lines.findLast((line) => !line.hole && same(line)) ?? this.#unsaid.find(same);
  }

  #take(line) {
    this.#lines = this.#lines.filter((other) => other !== line);
    this.unsay(line);
  }

  #insert(line) {
    const before = this.#lines.findLastIndex((other) => !isLater(other, line));
    this.#lines.splice(before + 1, 0, line);
  }
}

function newLine() {
  return { key: nextKey("line"), text: "", own: false, status: "stored", refusal: null, hole: null, deleted: false, reactions: {}, mine: new Set() };
}

function apply(line, { op, text, ts, emoji, count, own }) {
  if (op === "edit") Object.assign(line, { text, edited: ts });
  if (op === "delete") Object.assign(line, { deleted: true, text: "", reactions: {} });
  if (emoji === undefined) return;
  line.reactions = { ...line.reactions, [emoji]: count };
  if (own) line.mine[op === "react" ? "add" : "delete"](emoji);
}

/** Positions of different epochs cannot be compared; there the clock decides. */
function isLater(line, other) {
  return line.epoch === other.epoch ? line.seq > other.seq : line.ts > other.ts;
}

let keys = 0;
function nextKey(kind) {
  keys += 1;
  return `${kind}-${keys}`;
}

/** Lines that a room keeps, so that a day in a lively room does not fill the browser. */
const KEPT = 500;
/** Changes that are remembered for the sake of a page of the past that is on its way. */
const UPDATES = 200;
