// One person at a client: what they say, and everything that they hear, in order.

import { isDeepStrictEqual, inspect } from "node:util";
import { TRANSPORTS } from "./generations.mjs";

/** What was heard, or not heard, is not what wire.md says. */
export class Deviation extends Error {}

export class Person {
  #socket;
  #heard = [];
  #lists = new Map();
  #waiting = [];
  #gone = null;

  /**
   * Connects with a client, and says `first` at once in the `connect` handler, as the tutorials do. Words in `lists` may
   * come at any time and as often as they like: of them only the last one heard counts.
   */
  static async connect(client, url, { name, transport, lists = [], first, ...how }) {
    const person = new Person(name, open(client, url, transport, how), transport, lists);
    await within(CONNECT_TIME, `${name} to connect`, person.#connected(first));
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

  #connected(first) {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.on("connect", () => {
        if (first) socket.emit(...first);
        this.sid = socket.io.engine.id;
        resolve();
      });
      for (const what of ["connect_error", "connect_timeout", "error"]) {
        socket.on(what, (error) => reject(new Deviation(`${this.name}: ${what}: ${error?.message ?? inspect(error)}`)));
      }
    });
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

/** A socket of its own, that never comes back by itself. Before 3.0 there is no `auth`: the query has it. */
function open({ io, eio }, url, transport, { namespace = "/", path = "/socket.io", auth }) {
  const credentials = eio === 4 ? { auth } : { query: { auth: JSON.stringify(auth) } };
  const lasting = { forceNew: true, reconnection: false };
  return io(url + namespace, { path, ...TRANSPORTS[transport], ...lasting, ...(auth && credentials) });
}

/**
 * Speaks until all of these hear it, for a socket hears its rooms only some milliseconds after its CONNECT. `knock(n)`
 * is what is said and what is heard of it, at last by everyone.
 */
export async function awaken(listeners, speaker, knock) {
  let times = 0;
  do {
    speaker.say(...knock((times += 1))[0]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!listeners.every(({ hasHeard }) => hasHeard) && times < KNOCKS);
  for (const one of [speaker, ...listeners]) await one.hearsUntil(knock(times).at(-1));
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
