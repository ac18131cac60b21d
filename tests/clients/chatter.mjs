// People who speak through static/hubbub.js, and remember everything that it told them.

import { randomUUID } from "node:crypto";
import { Hubbub } from "../../static/hubbub.js";
import { Deviation, within } from "./deviation.mjs";
import { load } from "./generations.mjs";

/** The oldest and the newest client that it must work with. */
export const GENERATIONS = ["sioc31-node", "sioc4-node"];

export class Chatter {
  heard = [];
  said = [];
  states = [];
  reasons = [];
  recovered = [];
  missed = [];
  held = [];
  joined = [];
  typing = [];
  read = [];
  #waiting = [];

  /** Enters and joins the room. */
  static async enter(generation, url, name, { room, ...how } = {}) {
    const chatter = new Chatter(generation, url, name, how);
    if (room) await within(TIME, `${name} to join`, chatter.chat.join(room));
    return chatter;
  }

  constructor(generation, url, name, { options, storage } = {}) {
    this.name = name;
    this.chat = new Hubbub(load(generation).io, { url, name, storage, options: { forceNew: true, ...options } });
    for (const event of ["message", "update"]) this.chat.on(event, (body) => this.#note(this.heard, body));
    for (const event of ["recovered", "missed", "held", "joined", "typing", "read"]) this.chat.on(event, (body) => this.#note(this[event], body));
    this.chat.on("state", (state, refusal) => {
      if (refusal) this.reasons.push(refusal.code);
      this.#note(this.states, state);
    });
    this.chat.open();
  }

  /** The id of the node that serves them, null while none does. */
  get node() {
    return this.chat.ready?.node ?? null;
  }

  get user() {
    return this.chat.ready.user.id;
  }

  get texts() {
    return this.heard.map(({ text }) => text);
  }

  /** Says all of these, without waiting in between. Resolves to the receipts. */
  say(room, texts) {
    const receipts = texts.map((text) => this.chat.send({ room, text }));
    this.said.push(...texts);
    return within(LONG_TIME, `everything that ${this.name} said to be stored`, Promise.all(receipts));
  }

  /** Resolves once that is so. */
  until(what, isSo, time = TIME) {
    return within(time, `${this.name}: ${what}`, this.#until(isSo));
  }

  hears(...texts) {
    return this.until(`to hear ${texts}`, () => texts.every((text) => this.texts.includes(text)));
  }

  /** They are away for a while, and are told that they missed nothing. `breakIt` is what takes them away. */
  async comesBack(breakIt) {
    const [left, back] = [this.states.length, this.recovered.length];
    await breakIt();
    await this.until("to have noticed", ({ states }) => states.slice(left).includes("reconnecting"));
    await this.until("to be told that nothing was missed", ({ recovered }) => recovered.length > back);
  }

  async #until(isSo) {
    while (!isSo(this)) await new Promise((resolve) => this.#waiting.push(resolve));
  }

  #note(list, what) {
    list.push(what);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A room that nobody else is in. */
export function newRoom() {
  return `room ${randomUUID().slice(0, 8)}`;
}

/** Everyone has heard the same: everything that anyone said, once, each one's words in their order, without a hole. */
export async function expectWhole(chatters) {
  const said = chatters.flatMap((one) => one.said);
  for (const one of chatters) await one.until("to hear everything", ({ heard }) => heard.length >= said.length, LONG_TIME);
  const [first] = chatters;
  for (const { name, heard, missed, texts } of chatters) {
    expect(`${name}'s number of messages`, heard.length, said.length);
    expect(`what ${name} heard`, texts, first.texts);
    expect(`${name}'s positions`, heard.map(placeOf), heard.map((_, index) => placeOf({ ...heard[0], seq: heard[0].seq + index })));
    expect(`what ${name} missed`, missed, []);
    for (const other of chatters) expect(`${other.name}, as ${name} heard it`, wordsOf(other, heard), other.said);
  }
}

export function expect(what, seen, wanted) {
  const [one, other] = [seen, wanted].map((value) => JSON.stringify(value));
  if (one !== other) throw new Deviation(`${what} should be\n  ${other.slice(0, SHOWN)}\n  but is\n  ${one.slice(0, SHOWN)}`);
}

function wordsOf({ name }, heard) {
  return heard.filter((message) => message.name === name).map(({ text }) => text);
}

function placeOf({ epoch, seq }) {
  return `${epoch}:${seq}`;
}

const TIME = 20_000;
const LONG_TIME = 60_000;
const SHOWN = 2000;
