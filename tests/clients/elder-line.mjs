// One connection of a client of Socket.IO 0.9, to which everything has another name: the same as a Line.

import { Deviation } from "./deviation.mjs";

const TRANSPORTS = { polling: "xhr-polling", websocket: "websocket" };

/** What the client itself says where everything else was said by the node. */
const ITS_OWN = [
  ...["connecting", "connect", "connect_failed", "disconnect", "error"],
  ...["reconnecting", "reconnect", "reconnect_failed"],
];

export class ElderLine {
  #socket;
  #transport;

  constructor({ io }, url, { transport, first, ...how }, ears) {
    this.#transport = TRANSPORTS[transport];
    this.#socket = open(io, url, this.#transport, how);
    const socket = this.#socket;
    const emit = socket.$emit;
    socket.$emit = (word, ...args) => {
      if (!ITS_OWN.includes(word)) ears.heard([word, ...args]);
      emit.call(socket, word, ...args);
    };
    socket.on("connect", () => {
      if (first) socket.emit(...first);
      ears.connected(socket.socket.sessionid);
    });
    socket.on("disconnect", (reason) => ears.gone(reason ?? "its transport has closed"));
    for (const what of ["connect_failed", "error"]) {
      socket.on(what, (reason) => ears.refused(`${what}: ${reason}`));
    }
  }

  say(words) {
    this.#socket.emit(...words);
  }

  ask(words) {
    return new Promise((resolve) => this.#socket.emit(...words, (...answer) => resolve(answer)));
  }

  async settled() {
    const { name } = this.#socket.socket.transport;
    if (name !== this.#transport) throw new Deviation(`it is on ${name}`);
  }

  /** While it posts, it would keep its last words to itself and go. */
  leave() {
    const { socket } = this.#socket;
    if (!socket.doBuffer) return socket.disconnect();
    const setBuffer = socket.setBuffer;
    socket.setBuffer = (posts) => {
      setBuffer.call(socket, posts);
      if (!socket.doBuffer) socket.disconnect();
    };
  }
}

/** A socket of its own, that never comes back by itself unless `how` says so. The query has its `auth`. */
function open(io, url, transport, { namespace = "/", path = "/socket.io", auth, reconnect = false }) {
  const query = auth ? `auth=${encodeURIComponent(JSON.stringify(auth))}` : "";
  const lasting = { "force new connection": true, reconnect };
  return io.connect(url + namespace, { resource: path.slice(1), transports: [transport], query, ...lasting });
}
