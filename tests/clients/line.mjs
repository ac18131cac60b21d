// One connection of a JavaScript client, whatever its generation: what a Person speaks through.

import { Deviation, within } from "./deviation.mjs";

/** What each asks of a client, and where it must end. */
export const TRANSPORTS = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
  /** As a browser without binary XMLHttpRequests polls, before 3.0. */
  base64: { transports: ["polling"], forceBase64: true },
};

/** Those that every client has, but for the eldest two. */
export const BY_ALL = ["polling", "websocket", "upgrade"];

/** Where a connection by that transport ends. */
export function lastOf(transport) {
  return TRANSPORTS[transport].transports.at(-1);
}

export class Line {
  #socket;
  #ends;

  /** Connects; says `first` in the `connect` handler. `ears` are `{ connected, refused, heard, gone }`. */
  constructor(client, url, { transport, first, ...how }, ears) {
    // Protocol 2 is offered no upgrade.
    this.#ends = client.eio === 2 ? "polling" : lastOf(transport);
    this.#socket = open(client, url, transport, how);
    const socket = this.#socket;
    // Every event goes through here, in every generation; none of the old ones has `onAny`.
    const onevent = socket.onevent;
    socket.onevent = (packet) => {
      ears.heard([...packet.data]);
      onevent.call(socket, packet);
    };
    socket.on("connect", () => {
      if (first) socket.emit(...first);
      ears.connected(socket.io.engine.id);
    });
    socket.on("disconnect", ears.gone);
    for (const what of ["connect_error", "connect_timeout", "error"]) {
      socket.on(what, (error) => ears.refused(`${what}: ${error?.message ?? JSON.stringify(error)}`));
    }
  }

  say(words) {
    this.#socket.emit(...words);
  }

  /** Resolves to the acknowledgement's arguments. */
  ask(words) {
    return new Promise((resolve) => this.#socket.emit(...words, (...answer) => resolve(answer)));
  }

  /** Where it has ended, or a deviation. */
  async settled(deadline) {
    const { engine } = this.#socket.io;
    const wanted = this.#ends;
    if (engine.transport.name !== wanted || engine.upgrading) {
      await within(deadline, "the upgrade", new Promise((resolve) => engine.once("upgrade", resolve)));
    }
    if (engine.transport.name !== wanted) throw new Deviation(`it is on ${engine.transport.name}`);
  }

  leave() {
    this.#socket.disconnect();
  }
}

/** A socket of its own, that never comes back by itself. Before 3.0 there is no `auth`: the query has it. */
function open({ io, eio }, url, transport, { namespace = "/", path = "/socket.io", auth }) {
  const credentials = eio === 4 ? { auth } : { query: { auth: JSON.stringify(auth) } };
  const lasting = { forceNew: true, reconnection: false };
  return io(url + namespace, { path, ...TRANSPORTS[transport], ...lasting, ...(auth && credentials) });
}
