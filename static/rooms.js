// The rooms that this page is in: joining them, again after every reconnect, and leaving them.

import { Refusal } from "./connection.js";
import { SHOWN } from "./lists.js";
import { Room } from "./room.js";

export class Rooms {
  #all = new Map();
  #current = null;
  #memory;
  #page;

  /**
   * `page` lends what a room needs of it: `connection()`, `outbox`, `isOwn(message)`, and hears `changed()` and
   * `notJoined(room, refusal)`.
   */
  constructor(memory, page) {
    this.#memory = memory;
    this.#page = page;
  }

  get all() {
    return [...this.#all.values()];
  }

  get current() {
    return this.#current;
  }

  set current(room) {
    this.#current = room;
    this.#memory.room = room?.name ?? null;
  }

  get unread() {
    return this.all.reduce((sum, { unread }) => sum + unread, 0);
  }

  get(name) {
    return this.#all.get(name);
  }

  /** The room of that name, which is ours from now on. */
  open(name) {
    if (!this.#all.has(name)) {
      this.#all.set(name, new Room(name));
      this.#remember();
    }
    return this.#all.get(name);
  }

  /** The rooms that this tab was in, or the first one. Answers the one to show. */
  restore(first) {
    const names = this.#memory.rooms.length > 0 ? this.#memory.rooms : [first];
    for (const name of names) this.open(name);
    return this.get(this.#memory.room) ?? this.get(names[0]);
  }

  joinAll() {
    for (const room of this.all) this.join(room);
  }

  async join(room) {
    room.people.expect();
    try {
      const answer = await this.#request("join", { room: room.name, limit: FIRST });
      const rejoined = room.lines.length > 0;
      const fresh = room.welcome(answer, this.#page.isOwn);
      if (rejoined) this.#count(room, fresh);
      this.#page.changed();
      this.#page.outbox.flush(room);
      await this.#listPeople(room);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#notJoined(room, error);
    }
  }

  async leave(room) {
    this.#forget(room);
    try {
      await this.#request("leave", { room: room.name });
    } catch (error) {
      // Out of it already, or cut off: either way we are not joined again.
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** The connection is lost, and with it every room until it is joined again. */
  part() {
    for (const room of this.all) room.part();
  }

  /** Forgets everything, as for a new person. */
  clear() {
    this.#all.clear();
    this.current = null;
    this.#remember();
  }

  hear(message) {
    const room = this.get(message.room);
    const own = this.#page.isOwn(message);
    if (room?.place(message, own) && !own) this.#count(room, 1);
  }

  #count(room, fresh) {
    if (room !== this.#current || document.hidden) room.unread += fresh;
  }

  #notJoined(room, refusal) {
    // Cut off, or left in the meantime: the next connection joins what is left.
    if (room.joined || !this.#page.connection().ready || !this.#isOurs(room)) return;
    if (refusal.passing || refusal.code === "unreachable") {
      setTimeout(() => this.#isOurs(room) && !room.joined && this.join(room), refusal.retryAfter ?? LATER);
    } else {
      this.#forget(room);
    }
    this.#page.notJoined(room, refusal);
  }

  /** The answer to `join` may hold only the first of many. */
  async #listPeople(room) {
    const { people } = room;
    let next = people.known < people.count ? undefined : null;
    while (next !== null && people.known < SHOWN) {
      const page = await this.#request("members", { room: room.name, after: next });
      people.add(page.members);
      next = page.next ?? null;
      this.#page.changed();
    }
    people.settle();
  }

  #forget(room) {
    room.joined = false;
    this.#all.delete(room.name);
    this.#page.outbox.drop(room);
    this.#remember();
    if (room === this.#current) this.current = this.all.at(-1) ?? null;
  }

  #remember() {
    this.#memory.rooms = [...this.#all.keys()];
  }

  #isOurs(room) {
    return this.get(room.name) === room;
  }

  #request(event, body) {
    return this.#page.connection().request(event, body);
  }
}

/** Messages of the past that a room shows at first. */
const FIRST = 50;
/** Until a room that could not be joined is tried again. */
const LATER = 2000;
