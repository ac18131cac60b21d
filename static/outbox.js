// Our words on their way to the server: one at a time per room, so that they arrive in the order they were written.

import { Refusal } from "./connection.js";

export class Outbox {
  /** Bytes of UTF-8 that the server takes as one text. Much more would cost us the connection. */
  longest = 32 * 1024;
  #request;
  #changed;
  #queues = new WeakMap();
  #busy = new WeakSet();

  /** `request(event, body)` asks the server; `changed()` hears that a line looks different now. */
  constructor(request, changed) {
    this.#request = request;
    this.#changed = changed;
  }

  /** Sends a line as soon as its room is joined. */
  add(room, line) {
    line.attempts = 0;
    this.#queue(room).push(line);
    this.flush(room);
  }

  /** Once more with the same cid: if the server has it after all, it is not said twice. */
  retry(room, line) {
    line.status = "pending";
    line.refusal = null;
    this.#changed();
    this.add(room, line);
  }

  /** Forgets what a room has not heard. */
  drop(room) {
    this.#queues.delete(room);
  }

  /** Goes on with a room that was joined again. */
  async flush(room) {
    if (this.#busy.has(room)) return;
    this.#busy.add(room);
    try {
      while (room.joined && this.#queue(room).length > 0) await this.#next(room);
    } finally {
      this.#busy.delete(room);
    }
  }

  async #next(room) {
    const queue = this.#queue(room);
    const [line] = queue;
    const refusal = line.status === "pending" ? await this.#attempt(room, line) : null;
    if (refusal && line.status === "pending") {
      const again = refusal.passing || refusal.code === "unreachable";
      if (again && line.attempts < ATTEMPTS) return pause(refusal.code === "unreachable" ? 0 : refusal.retryAfter ?? PAUSE);
      line.status = "failed";
      line.refusal = refusal;
    }
    queue.shift();
    this.#changed();
  }

  /** One try, counted: a message that costs us the connection every time must not be tried for ever. */
  async #attempt(room, line) {
    if (new TextEncoder().encode(line.text).length > this.longest) return new Refusal("too_large");
    line.attempts += 1;
    try {
      room.said(line, await this.#request("send", { room: room.name, text: line.text, cid: line.cid }));
      return null;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  #queue(room) {
    if (!this.#queues.has(room)) this.#queues.set(room, []);
    return this.#queues.get(room);
  }
}

/** An id of our own for a message. `crypto.randomUUID` is missing where the page came over plain HTTP. */
export function newCid() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(wait) {
  return new Promise((resume) => setTimeout(resume, wait));
}

const ATTEMPTS = 4;
const PAUSE = 1000;
