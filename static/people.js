// Who is in a room: whole lists when they come, differences in between.

export class People {
  count = 0;
  #names = new Map();
  /** What changed while a list is on its way: the list may be older than these. */
  #changes = null;

  /** A list was asked for: it replaces what is known when it comes. */
  expect() {
    this.#changes = new Map();
  }

  /** The answer to `join`: the first people, and how many there are. */
  welcome({ members, count }) {
    this.#names.clear();
    this.add(members);
    for (const [user, name] of this.#changes ?? []) this.#set(user, name);
    this.count = members.length < count ? count : this.#names.size;
  }

  /** A page more of the list. */
  add(members) {
    for (const { user, name } of members) {
      if (!this.#changes?.has(user)) this.#names.set(user, name);
    }
  }

  /** The list is whole. */
  settle() {
    this.#changes = null;
  }

  change({ join = [], leave = [], count }) {
    for (const user of leave) this.#hear(user, null);
    for (const { user, name } of join) this.#hear(user, name);
    this.count = count ?? this.#names.size;
  }

  get known() {
    return this.#names.size;
  }

  /** The first `most` people by name, `me` before all. */
  list(me, most) {
    return [...this.#names]
      .map(([user, name]) => ({ user, name, own: user === me }))
      .sort((one, other) => other.own - one.own || BY_NAME.compare(one.name, other.name))
      .slice(0, most);
  }

  #hear(user, name) {
    this.#changes?.set(user, name);
    this.#set(user, name);
  }

  #set(user, name) {
    if (name === null) this.#names.delete(user);
    else this.#names.set(user, name);
  }
}

const BY_NAME = new Intl.Collator();
