// The connection to a node, by protocol v1: its state, its session, and requests with their answers.

/** The server said no, or nothing: `code` is one of the protocol's error codes, or "unreachable". */
export class Refusal extends Error {
  constructor(code, { message = "", retry_after_ms: retryAfter = null } = {}) {
    super(message || code);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later, unchanged. */
  get passing() {
    return PASSING.includes(this.code);
  }
}

/**
 * One person's connection. `listener` hears `state(name, trouble?)`, `ready(ready)`, `refused(refusal)` when the
 * server will not have us, `farewell(reason)` when it sent us away for good, and every other event under its own
 * name. `trouble` is the refusal for which it is not connected yet; it goes on trying.
 */
export class Connection {
  #socket;
  #listener;
  #memory;
  #name = "";
  #wasReady = false;
  #ready = false;
  #returning = null;

  constructor(io, memory, listener) {
    this.#memory = memory;
    this.#listener = listener;
    // The client's own `retries` is not used: after a reconnect it would repeat a message before its room is joined.
    this.#socket = io("/v1", {
      autoConnect: false,
      auth: (answer) => answer(this.#credentials()),
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
    });
    this.#hear();
  }

  get ready() {
    return this.#ready;
  }

  open(name) {
    this.#name = name;
    this.#listener.state("connecting");
    this.#socket.connect();
  }

  /** Goes for good: the others see us leave at once, and the next to enter is somebody new. */
  close() {
    clearTimeout(this.#returning);
    this.#wasReady = false;
    this.#ready = false;
    this.#memory.session = null;
    this.#socket.disconnect();
    this.#listener.state("offline");
  }

  /** Resolves to the answer of a request that succeeded, rejects with a `Refusal` otherwise. */
  async request(event, body) {
    if (!this.#ready) throw new Refusal("unreachable");
    let answer;
    try {
      answer = await this.#socket.timeout(ANSWER_TIME).emitWithAck(event, body);
    } catch {
      throw new Refusal("unreachable");
    }
    if (answer?.ok) return answer;
    throw new Refusal(answer?.error?.code ?? "unreachable", answer?.error);
  }

  #credentials() {
    const session = this.#memory.session;
    return session ? { name: this.#name, session } : { name: this.#name };
  }

  #hear() {
    const socket = this.#socket;
    socket.on("ready", (ready) => {
      this.#memory.session = ready.session;
      this.#ready = this.#wasReady = true;
      this.#listener.state("connected");
      this.#listener.ready(ready);
    });
    socket.on("disconnect", (reason) => {
      this.#ready = false;
      if (reason === "io client disconnect") return;
      this.#listener.state("reconnecting");
      // The one case in which the client does not come back by itself.
      if (reason === "io server disconnect") this.#comeBack(RETURN_TIME);
    });
    socket.on("connect_error", (error) => this.#turnedAway(error));
    socket.on("bye", (bye) => this.#dismissed(bye ?? {}));
    for (const event of HEARD) socket.on(event, (body) => this.#listener[event](body));
  }

  #turnedAway(error) {
    this.#ready = false;
    // Active: it was the transport, not the server's word, and the client is trying again already.
    if (this.#socket.active) return this.#trouble(new Refusal("unreachable"));
    const refusal = new Refusal(error.data?.code ?? error.message, error.data);
    if (refusal.passing) {
      this.#trouble(refusal);
      return this.#comeBack(refusal.retryAfter ?? RETURN_TIME);
    }
    const hadSession = this.#memory.session !== null;
    this.#memory.session = null;
    // A session that ran out is no reason to bother anyone: the name alone may still do.
    if (hadSession && STALE.includes(refusal.code)) return this.#comeBack(0);
    this.close();
    this.#listener.refused(refusal);
  }

  #trouble(refusal) {
    this.#listener.state(this.#wasReady ? "reconnecting" : "connecting", refusal);
  }

  #dismissed({ reason }) {
    if (reason === "expired") this.#memory.session = null;
    if (!FINAL.includes(reason)) return;
    this.close();
    this.#listener.farewell(reason);
  }

  /** Comes back a little after `wait`, not at the same moment as everyone else who was sent away. */
  #comeBack(wait) {
    clearTimeout(this.#returning);
    this.#returning = setTimeout(() => this.#socket.connect(), wait * (1 + Math.random() / 2));
  }
}

const HEARD = ["message", "presence"];
const PASSING = ["rate_limited", "unavailable", "draining"];
const STALE = ["unauthorized", "expired"];
const FINAL = ["kicked", "banned", "replaced"];
const ANSWER_TIME = 5000;
const RETURN_TIME = 1000;
