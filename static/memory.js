// What is remembered: the last name, in this browser; the session and the rooms, in this tab.

export class Memory {
  #browser = storage("localStorage");
  #tab = storage("sessionStorage");

  /** The name that was last used in this browser, to offer it again. */
  get lastName() {
    return this.#browser.get("name") ?? "";
  }

  /** The name in use here. Another tab's person may have another. */
  get name() {
    return this.#tab.get("name");
  }

  set name(name) {
    if (name !== this.name) this.session = null;
    this.#tab.set("name", name);
    if (name) this.#browser.set("name", name);
  }

  /** The server's token, with which a reload or another node finds us to be the same person. */
  get session() {
    return this.#tab.get("session");
  }

  set session(session) {
    this.#tab.set("session", session);
  }

  get rooms() {
    const rooms = this.#tab.get("rooms");
    return Array.isArray(rooms) ? rooms : [];
  }

  set rooms(names) {
    this.#tab.set("rooms", names);
  }

  get room() {
    return this.#tab.get("room");
  }

  set room(name) {
    this.#tab.set("room", name);
  }
}

/** A storage of JSON values. Where the browser forbids storage it lasts as long as the page. */
function storage(kind) {
  const values = new Map();
  return {
    get(key) {
      if (values.has(key)) return values.get(key);
      try {
        return JSON.parse(window[kind].getItem(PREFIX + key));
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        window[kind].setItem(PREFIX + key, JSON.stringify(value ?? null));
        values.delete(key);
      } catch {
        values.set(key, value ?? null);
      }
    },
  };
}

const PREFIX = "hubbub.";
