// What is remembered: the last name, in this browser; who we are and where we were, in this tab.

export class Memory {
  #browser = storage("localStorage");
  #tab = storage("sessionStorage");

  /** The name that was last used in this browser, to offer it again. */
  get lastName() {
    return read(this.#browser, "name") ?? "";
  }

  /** The name in use here. Another tab's person may have another. */
  get name() {
    return read(this.#tab, "name");
  }

  set name(name) {
    write(this.#tab, "name", name);
    if (name) write(this.#browser, "name", name);
  }

  get rooms() {
    return list(read(this.#tab, "rooms"));
  }

  set rooms(names) {
    write(this.#tab, "rooms", names);
  }

  /** With whom each direct conversation is: `[{ id, user, name }]`. */
  get partners() {
    return list(read(this.#tab, "partners"));
  }

  set partners(partners) {
    write(this.#tab, "partners", partners);
  }

  get room() {
    return read(this.#tab, "room");
  }

  set room(name) {
    write(this.#tab, "room", name);
  }

  /** For whoever keeps something of their own as long as this tab. */
  get tab() {
    return this.#tab;
  }
}

/** As `Storage`; where the browser forbids that, it lasts as long as the page. */
function storage(kind) {
  const values = new Map();
  return {
    getItem(key) {
      if (values.has(key)) return values.get(key);
      try {
        return window[kind].getItem(key);
      } catch {
        return null;
      }
    },
    setItem(key, value) {
      try {
        window[kind].setItem(key, value);
        values.delete(key);
      } catch {
        values.set(key, value);
      }
    },
    removeItem(key) {
      this.setItem(key, "null");
    },
  };
}

function read(store, key) {
  try {
    return JSON.parse(store.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

function write(store, key, value) {
  store.setItem(PREFIX + key, JSON.stringify(value ?? null));
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

const PREFIX = "hubbub.";
