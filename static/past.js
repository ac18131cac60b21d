// The past of a room, page by page: what was said before the lines that are here, and what may be missing among them.

import { Refusal } from "./hubbub.js";

export class Past {
  #chat;
  #page;

  /** `page` knows `isOwn(message)`, and hears `changed()` and `refused(room, refusal)`. */
  constructor(chat, page) {
    this.#chat = chat;
    this.#page = page;
  }

  /** The last page, of a room of which nothing is here. */
  begin(room) {
    return this.#read(room, () => this.#older(room));
  }

  /** The page before what is here. */
  async older(room) {
    if (room.hasMore && room.joined) await this.#read(room, () => this.#older(room, room.first?.id));
  }

  /** Reads back to where a hole begins, or to the end of the history. */
  mend(room, line) {
    return this.#read(room, async () => {
      const { from } = line.hole;
      let page = await this.#fetch(room);
      while (page.more && !isBackAt(page, from)) page = await this.#fetch(room, page.messages[0].id);
      room.mend(line, isBackAt(page, from));
    });
  }

  async #older(room, before) {
    room.hasMore = (await this.#fetch(room, before)).more;
  }

  async #fetch(room, before) {
    const page = await this.#chat.history(room.id, { before, limit: PAGE });
    for (const message of page.messages) room.place(message, this.#page.isOwn(message));
    return page;
  }

  /** One after the other: the answer of one says where the next begins. */
  async #read(room, read) {
    if (room.isReading) return;
    room.isReading = true;
    this.#page.changed();
    try {
      await read();
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.#page.refused(room, refusal);
    }
    room.isReading = false;
    this.#page.changed();
  }
}

function isBackAt({ messages: [first] }, { epoch, seq }) {
  return first?.epoch === epoch && first.seq <= seq;
}

/** Messages of the past that are read at once. */
export const PAGE = 50;
