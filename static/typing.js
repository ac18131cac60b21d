// Who is writing at the moment, as far as we were told lately.

export class Typing {
  #rooms = new Map();
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  hear({ room, user, name, on }) {
    if (on) this.#begin(room, user, name);
    else this.stop(room, user);
  }

  /** Whoever has said something is not writing it any more. */
  stop(room, user) {
    const writer = this.#in(room).get(user);
    if (!writer) return;
    clearTimeout(writer.timer);
    this.#in(room).delete(user);
    this.#changed();
  }

  names(room) {
    return [...this.#in(room).values()].map(({ name }) => name);
  }

  #begin(room, user, name) {
    clearTimeout(this.#in(room).get(user)?.timer);
    const timer = setTimeout(() => this.stop(room, user), LASTS);
    this.#in(room).set(user, { name, timer });
    this.#changed();
  }

  #in(room) {
    if (!this.#rooms.has(room)) this.#rooms.set(room, new Map());
    return this.#rooms.get(room);
  }
}

/** It is told again every three seconds; whoever falls silent has stopped. */
const LASTS = 5000;
