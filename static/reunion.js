// Whether anything was missed while we were away: known once every room has told. The rest is told at once.

export class Reunion {
  #awaited = new Set();
  #missing = new Set();
  #wasAway = false;
  #told;

  /** `told(rooms, wasAway)` hears in which rooms something may be missing, once for each time that we were away. */
  constructor(told) {
    this.#told = told;
  }

  part(rooms) {
    this.#wasAway = true;
    this.#awaited = new Set(rooms);
  }

  recovered(room) {
    this.#settle(room);
  }

  missed(room) {
    this.#missing.add(room);
    this.#settle(room);
  }

  /** It is no room of ours any more. */
  left(room) {
    this.#settle(room);
  }

  /** We are not coming back. */
  end() {
    this.#wasAway = false;
    this.#awaited.clear();
    this.#missing.clear();
  }

  #settle(room) {
    this.#awaited.delete(room);
    if (this.#awaited.size > 0 || (!this.#wasAway && this.#missing.size === 0)) return;
    this.#told([...this.#missing], this.#wasAway);
    this.end();
  }
}
