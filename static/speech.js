// What we say: new words, second tries, and changes to what has been said.

import { newCid, Refusal } from "./hubbub.js";

export class Speech {
  #chat;
  #rooms;
  #page;

  /** `page` hears `changed()` and `refused(room, refusal)`. */
  constructor(chat, rooms, page) {
    this.#chat = chat;
    this.#rooms = rooms;
    this.#page = page;
  }

  say(room, text, author) {
    this.#send(room, room.say(newCid(), text, author));
  }

  /** Once more with the same cid: if the server has it after all, it is not said twice. */
  retry(room, line) {
    Object.assign(line, { status: "waiting", refusal: null });
    this.#send(room, line);
  }

  discard(room, line) {
    room.unsay(line);
    this.#page.changed();
  }

  edit(room, line, text) {
    return this.#modify(room, line, { op: "edit", text });
  }

  remove(room, line) {
    return this.#modify(room, line, { op: "delete" });
  }

  /** Says this emoji to a message, or takes it back. */
  async react(room, line, emoji) {
    const op = line.mine.has(emoji) ? "unreact" : "react";
    const answer = await this.#modify(room, line, { op, emoji });
    // It was so already, since before this page was loaded.
    if (answer?.dup) line.mine[op === "react" ? "add" : "delete"](emoji);
    this.#page.changed();
  }

  /** One of our words is on its way to the server, or waits for its next try. */
  moved({ cid }, status) {
    for (const room of this.#rooms.all) Object.assign(room.unsaid(cid) ?? {}, { status });
    this.#page.changed();
  }

  async #send(room, line) {
    const { cid, text } = line;
    const whereto = room.partner ? { to: room.partner.user } : { room: room.id };
    this.#page.changed();
    try {
      this.#rooms.said(room, line, await this.#chat.send({ ...whereto, cid, text }));
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      // The answer may be lost and the message be here.
      if (line.status !== "stored") Object.assign(line, { status: "failed", refusal });
    }
    this.#page.changed();
  }

  async #modify(room, { id }, change) {
    try {
      return await this.#chat.modify({ room: room.id, id, ...change });
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.#page.refused(room, refusal);
      return null;
    }
  }
}
