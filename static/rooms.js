// The rooms that this page is in, and the conversations with one person: entering, leaving, and what happens in them.

import { SHOWN } from "./lists.js";
import { PAGE } from "./past.js";
import { Room } from "./room.js";

export class Rooms {
  #all = [];
  #current = null;
  #chat;
  #memory;
  #past;
  #page;

  /** `page` knows `isOwn(message)` and hears `changed()`. */
  constructor(chat, memory, past, page) {
    this.#chat = chat;
    this.#memory = memory;
    this.#past = past;
    this.#page = page;
  }

  get all() {
    return this.#all;
  }

  get current() {
    return this.#current;
  }

  set current(room) {
    this.#current = room;
    this.#memory.room = room?.id ?? null;
  }

  get unread() {
    return this.#all.reduce((sum, { unread }) => sum + unread, 0);
  }

  get(id) {
    return this.#all.find((room) => room.id === id);
  }

  /** The room that shows `key` on the page. */
  shownAs(key) {
    return this.#all.find((room) => room.key === key);
  }

  /** The room of that name, which is ours from now on. */
  open(id) {
    const known = this.get(id);
    if (known) return known;
    const room = this.#add({ id });
    // Why it cannot be joined is told by `left`.
    this.#chat.join(id, { limit: PAGE }).catch(() => {});
    return room;
  }

  /** The conversation with that person. */
  openDirect(partner) {
    return this.#all.find((room) => room.partner?.user === partner.user) ?? this.#add({ partner });
  }

  /** Where this tab was, or the first room. Answers the one to show. */
  restore(first) {
    const { room: last, rooms, partners } = this.#memory;
    for (const { id, user, name } of partners) this.#add({ id, partner: { user, name } });
    for (const id of rooms.length > 0 ? rooms : [first]) this.open(id);
    return this.get(last) ?? this.#all.at(-1);
  }

  leave(room) {
    this.#forget(room);
    // Cut off or not, we are not in it again. A conversation is only out of sight.
    if (!room.isDirect) this.#chat.leave(room.id).catch(() => {});
  }

  /** The connection is lost, and with it every room until it is joined again. */
  part() {
    for (const room of this.#all) room.joined = false;
  }

  /** Forgets everything, as for a new person. */
  clear() {
    this.#all = [];
    this.current = null;
    this.#remember();
  }

  /** We hear a room, for the first time or again. */
  joined({ room: id, again, messages = [], members, count }) {
    const room = this.get(id) ?? this.#add({ id });
    room.joined = true;
    const fresh = messages.filter((message) => room.place(message, this.#page.isOwn(message))).length;
    if (again) this.#count(room, fresh);
    else room.hasMore = messages.length >= PAGE;
    if (room.isDirect) this.#greet(room);
    else this.#listPeople(room, members, count);
    this.#page.changed();
  }

  /** A room cannot be joined any more. */
  left(id) {
    const room = this.get(id);
    if (room) this.#forget(room);
  }

  hear(message) {
    const own = this.#page.isOwn(message);
    const room = this.get(message.room) ?? this.#meet(message, own);
    if (room.place(message, own) && !own) this.#count(room, 1);
    if (room !== this.#current) room.shorten();
  }

  change(update) {
    this.get(update.room)?.change(update, this.#page.isOwn(update));
  }

  /** A word of ours is stored: of a new conversation we know only now what the server calls it. */
  said(room, line, receipt) {
    if (room.id === null) this.#name(room, receipt.room);
    room.said(line, receipt);
  }

  /** Somebody speaks to us alone for the first time, or we do from elsewhere. */
  #meet({ room: id, user, name, cid }, own) {
    const begun = own ? this.#all.find((room) => room.unsaid(cid)) : this.#all.find((room) => room.partner?.user === user);
    const room = begun ?? this.#add({ id, partner: own ? null : { user, name } });
    room.joined = true;
    this.#name(room, id);
    return room;
  }

  /** Whoever said something to us is the partner; the rest is remembered. */
  async #greet(room) {
    if (room.lines.length === 0) await this.#past.begin(room);
    const other = room.lines.find(({ own, user }) => user && !own);
    if (other) room.partner ??= { user: other.user, name: other.name };
    this.#remember();
    this.#page.changed();
  }

  #name(room, id) {
    room.id = id;
    this.#remember();
  }

  /** The answer to `join` may hold only the first of many, and a greeting holds none. */
  async #listPeople({ id, people }, members, count) {
    people.expect();
    if (members) people.welcome({ members, count });
    let next = members && people.known >= people.count ? null : undefined;
    try {
      while (next !== null && (people.known < SHOWN || !members)) {
        const page = await this.#chat.members(id, { after: next });
        if (members) people.add(page.members);
        else people.welcome(page);
        members = page.members;
        next = page.next ?? null;
        this.#page.changed();
      }
    } catch {
      // Cut off: the next `joined` asks again.
    }
    people.settle();
  }

  #count(room, fresh) {
    if (room !== this.#current || document.hidden) room.unread += fresh;
  }

  #add(about) {
    const room = new Room(about);
    this.#all.push(room);
    this.#remember();
    return room;
  }

  #forget(room) {
    room.joined = false;
    this.#all = this.#all.filter((other) => other !== room);
    this.#remember();
    if (room === this.#current) this.current = this.#all.at(-1) ?? null;
  }

  #remember() {
    const [directs, rooms] = [true, false].map((kind) => this.#all.filter((room) => room.isDirect === kind && room.id !== null));
    this.#memory.rooms = rooms.map(({ id }) => id);
    this.#memory.partners = directs.filter(({ partner }) => partner).map(({ id, partner }) => ({ id, ...partner }));
  }
}
