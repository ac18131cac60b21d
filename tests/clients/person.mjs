// One person at a client: what they say, and everything that they hear, in order.

import { isDeepStrictEqual, inspect } from "node:util";
import { GENERATIONS, TRANSPORTS } from "./generations.mjs";

/** What was heard, or not heard, is not what wire.md says. */
export class Deviation extends Error {}

export class Person {
  #socket;
  #heard = [];
  #lists = new Map();
  #waiting = [];
  #gone = null;

  /**
   * Connects, and says `first` at once in the `connect` handler, as the tutorials do. Words in `lists` may come at any
   * time and as often as they like: of them only the last one heard counts.
   */
  static async connect(io, url, { name, generation, transport, namespace = "/", path = "/socket.io", auth, first, lists = [] }) {
    const credentials = GENERATIONS[generation].eio === 4 ? { auth } : { query: { auth: JSON.stringify(auth) } };
    const socket = io(url + namespace, {
      path,
      ...TRANSPORTS[transport],
      forceNew: true,
      reconnection: false,
      ...(auth && credentials),
    });
    const person = new Person(name, socket, transport, lists);
    await within(CONNECT_TIME, `${name} to connect`, new Promise((resolve, reject) => {
      socket.on("connect", () => {
        if (first) socket.emit(...first);
        person.sid = socket.io.engine.id;
        resolve();
      });
      const refused = (what) => (error) => reject(new Deviation(`${name}: ${what}: ${error?.message ?? inspect(error)}`));
      for (const what of ["connect_error", "connect_timeout", "error"]) socket.on(what, refused(what));
    }));
    return person;
  }

  constructor(name, socket, transport, lists) {
    Object.assign(this, { name, transport, hasLeft: false });
    this.#socket = socket;
    for (const word of lists) this.#lists.set(word, []);
    // Every event goes through here, in every generation; none of the old ones has `onAny`.
    const onevent = socket.onevent;
    socket.onevent = (packet) => {
      this.#hear([...packet.data]);
      onevent.call(socket, packet);
    };
    socket.on("disconnect", (reason) => {
      this.#gone = reason;
      this.#wake();
    });
  }

  say(...words) {
    this.#socket.emit(...words);
  }

  /** Says it and resolves to the acknowledgement's arguments. */
  ask(...words) {
    const answer = new Promise((resolve) => this.#socket.emit(...words, (...args) => resolve(args)));
    return within(HEAR_TIME, `${this.name}: ${words[0]} to be acknowledged`, answer);
  }

  /** The next things heard are exactly these, in this order. */
  async hears(...events) {
    for (const expected of events) {
      const event = await this.#next(inspect(expected, SHOWN));
      if (!matches(expected, event)) {
        throw new Deviation(`${this.name} should hear ${inspect(expected, SHOWN)}\n  but heard ${inspect(event, SHOWN)}`);
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

  /** Whether the connection became what it should be. */
  async settles() {
    const { engine } = this.#socket.io;
    const wanted = TRANSPORTS[this.transport].transports.at(-1);
    if (engine.transport.name !== wanted || engine.upgrading) {
      const upgraded = new Promise((resolve) => engine.once("upgrade", resolve));
      await within(HEAR_TIME, `${this.name}'s upgrade`, upgraded);
    }
    if (engine.transport.name !== wanted) throw new Deviation(`${this.name} is on ${engine.transport.name}`);
  }

  leave() {
    this.hasLeft = true;
    this.#socket.disconnect();
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
 * Speaks until all of these hear it, for a socket hears its rooms only some milliseconds after its CONNECT. `say(n)` is
 * what is said, `hear(n)` what is heard of it, at last by everyone.
 */
export async function awaken(listeners, speaker, say, hear) {
  let times = 0;
  do {
    speaker.say(...say((times += 1)));
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!listeners.every(({ hasHeard }) => hasHeard) && times < KNOCKS);
  for (const one of [speaker, ...listeners]) await one.hearsUntil(hear(times));
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

/** The promise, or a deviation that says what was waited for. */
export async function within(time, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Deviation(`waited ${time / 1000} s for ${what}`)), time);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const KNOCKS = 500;
const CONNECT_TIME = 15_000;
const HEAR_TIME = 10_000;
const SHOWN = { depth: 6, breakLength: 160, maxArrayLength: 20 };
