// A room as this page knows it: what was said, in the room's order, and who is there.

import { People } from "./people.js";

export class Room {
  people = new People();
  joined = false;
  unread = 0;
  #lines = [];
  #unsaid = [];
  #position = null;
  #parted = null;
  #hole = false;

  constructor(name) {
    this.name = name;
  }

  /** What to show: what the room heard, then what it has not heard yet. */
  get lines() {
    return [...this.#lines, ...this.#unsaid];
  }

  /** Puts our own words up before the room has heard them. */
  say(cid, text, author) {
    const line = { ...author, cid, text, key: nextKey(), own: true, ts: Date.now(), status: "pending", refusal: null };
    this.#unsaid.push(line);
    return line;
  }

  /** Our words are stored; the answer may be here before the message itself, or after it. */
  said(line, { id, seq, ts }) {
    if (line.status === "stored") return;
    this.place({ id, seq, ts, epoch: this.#position?.epoch, cid: line.cid, user: line.user, name: line.name, text: line.text }, true);
  }

  /** Takes words back that the room has not heard. */
  unsay(line) {
    this.#unsaid = this.#unsaid.filter((other) => other !== line);
  }

  /**
   * Puts a message where it belongs, whether it is live, repeated, or the answer to our own; says whether it is
   * new here.
   */
  place(message, own) {
    const known = this.#known(message, own);
    const line = Object.assign(known ?? { key: nextKey() }, message, { own: own || known?.own === true, status: "stored", refusal: null });
    if (known) this.#take(known);
    else if (this.#hole) {
      line.hole = true;
      this.#hole = false;
    }
    this.#insert(line);
    this.#advance(line);
    return !known;
  }

  /** The connection is lost: from here on something may be missed. */
  part() {
    this.joined = false;
    this.#parted = this.#position;
  }

  /** We hear the room from here on. Says how many of its messages are new here. */
  welcome(answer, isOwn) {
    this.joined = true;
    this.#hole ||= missed(this.#parted, answer);
    this.#parted = null;
    const fresh = answer.messages.filter((message) => this.place(message, isOwn(message)));
    this.#advance(answer);
    this.people.welcome(answer);
    return fresh.length;
  }

  #known({ id, epoch, seq, cid }, own) {
    const same = (line) => (line.epoch === epoch && line.seq === seq) || (id && line.id === id) || (own && cid && line.cid === cid);
    return this.#lines.findLast(same) ?? this.#unsaid.find(same);
  }

  #take(line) {
    this.#lines = this.#lines.filter((other) => other !== line);
    this.unsay(line);
  }

  #insert(line) {
    const before = this.#lines.findLastIndex((other) => !later(other, line));
    this.#lines.splice(before + 1, 0, line);
    this.#lines.splice(0, this.#lines.length - KEPT);
  }

  #advance({ epoch, seq }) {
    if (this.#position?.epoch !== epoch || this.#position.seq < seq) this.#position = { epoch, seq };
  }
}

/** Positions of different epochs cannot be compared; there the clock decides. */
function later(line, other) {
  return line.epoch === other.epoch ? line.seq > other.seq : line.ts > other.ts;
}

/** Whether something was said between our last position and the first message of the answer. */
function missed(last, { epoch, seq, messages }) {
  if (last === null) return false;
  return epoch !== last.epoch || (messages[0]?.seq ?? seq + 1) > last.seq + 1;
}

let keys = 0;
function nextKey() {
  keys += 1;
  return `line-${keys}`;
}

/** Lines that a room keeps, so that a day in a lively room does not fill the browser. */
const KEPT = 500;
