// One person at a client: what they say, and everything that they hear, in order.

import { isDeepStrictEqual, inspect } from "node:util";
import { Deviation, within } from "./deviation.mjs";

export { Deviation, within };

export class Person {
  #line;
  #heard = [];
  #lists = new Map();
  #waiting = [];
  #gone = null;

  /**
   * Connects with a client, and says `first` at once in the `connect` handler, as the tutorials do. Words in `lists` may
   * come at any time and as often as they like: of them only the last one heard counts.
   */
  static async connect(client, url, { name, lists = [], ...how }) {
    const person = new Person(name, lists);
    await within(CONNECT_TIME, `${name} to connect`, person.#connect(client, url, how));
    return person;
  }

  constructor(name, lists) {
    Object.assign(this, { name, hasLeft: false });
    for (const word of lists) this.#lists.set(word, []);
  }

  say(...words) {
    this.#line.say(words);
  }

  /** Says it and resolves to the acknowledgement's arguments. */
  ask(...words) {
    return within(HEAR_TIME, `${this.name}: ${words[0]} to be acknowledged`, this.#line.ask(words));
  }

  /** The next things heard are exactly these, in this order. */
  async hears(...events) {
    for (const expected of events) {
      const event = await this.#next(inspect(expected, SHOWN));
      if (!matches(expected, event)) {
        const [wanted, got] = [expected, event].map((one) => inspect(one, SHOWN));
        throw new Deviation(`${this.name} should hear ${wanted}\n  but heard ${got}`);
      }
    }
  }

  /** Everything heard before this event; the event is heard then too. */
  async hearsUntil(expected) {
    const before = [];
    for (;;) {
      const event = await this.#next(inspect(expected, SHOWN));
      if (matches(expected, event)) return before;
      before.push(event);
    }
  }

  /** Whether they have heard anything that nobody has looked at. */
  get hasHeard() {
    return this.#heard.length > 0;
  }

  /** The last list of that word is this, now or soon. */
  lists(word, ...expected) {
    return this.untilLists(word, `${word} ${inspect(expected, SHOWN)}`, (heard) => matches(expected, heard.at(-1)));
  }

  /** The lists of that word, all of them so far, come to satisfy this. */
  async untilLists(word, what, satisfied) {
    const heard = this.#lists.get(word);
    while (!satisfied(heard)) await this.#change(`${what}; the last was ${inspect(heard.at(-1), SHOWN)}`);
  }

  /** The connection becomes what it should be. */
  settles() {
    return this.#line.settled(HEAR_TIME);
  }

  leave() {
    this.hasLeft = true;
    this.#line.leave();
  }

  #connect(client, url, how) {
    return new Promise((resolve, reject) => {
      this.#line = client.connect(url, how, {
        connected: (sid) => resolve(Object.assign(this, { sid })),
        refused: (why) => reject(new Deviation(`${this.name}: ${why}`)),
        heard: (event) => this.#hear(event),
        gone: (reason) => this.#goes(reason),
      });
    });
  }

  #goes(reason) {
    this.#gone = reason;
    this.#wake();
  }

  #hear(event) {
    const list = this.#lists.get(event[0]);
    if (list) list.push(event.slice(1));
    else this.#heard.push(event);
    this.#wake();
  }

  async #next(what) {
    while (this.#heard.length === 0) await this.#change(what);
    return this.#heard.shift();
  }

  async #change(what) {
    if (this.#gone) throw new Deviation(`${this.name} should hear ${what}\n  but was disconnected: ${this.#gone}`);
    const change = new Promise((resolve) => this.#waiting.push(resolve));
    await within(HEAR_TIME, `${this.name} to hear ${what}`, change);
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/**
 * Speaks until all of these hear it, for a socket hears its rooms only some milliseconds after its CONNECT. `knock(n)`
 * is what is said and what is heard of it, at last by everyone, or by these `hearers`.
 */
export async function awaken(listeners, speaker, knock, hearers = [speaker, ...listeners]) {
  let times = 0;
  do {
    speaker.say(...knock((times += 1))[0]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!listeners.every(({ hasHeard }) => hasHeard) && times < KNOCKS);
  for (const one of hearers) await one.hearsUntil(knock(times).at(-1));
}

/** Equal, where a regular expression stands for a string and a function for whatever it is true of. */
export function matches(expected, heard) {
  if (expected instanceof RegExp) return typeof heard === "string" && expected.test(heard);
  if (typeof expected === "function") return expected(heard) === true;
  if (expected === null || typeof expected !== "object") return Object.is(expected, heard);
  if (heard === null || typeof heard !== "object" || Array.isArray(expected) !== Array.isArray(heard)) return false;
  const [keys, heardKeys] = [expected, heard].map((object) => Object.keys(object).sort());
  return isDeepStrictEqual(keys, heardKeys) && keys.every((key) => matches(expected[key], heard[key]));
}

const KNOCKS = 500;
const CONNECT_TIME = 15_000;
const HEAR_TIME = 10_000;
const SHOWN = { depth: 6, breakLength: 160, maxArrayLength: 20 };
