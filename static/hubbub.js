// A client of Hubbub's protocol v1, around any socket.io-client from 3.0 on, in browsers and in Node.js.
//
// It keeps the position of every room, so that its listeners hear each message once and in order wherever it comes
// back to, and it repeats what it sends until that is stored or refused for good.

/** @typedef {{ epoch: number, seq: number }} Position */
/** @typedef {{ id: string, room: string, epoch: number, seq: number, ts: number, dup?: boolean }} Receipt */
/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store */

/** The server said no, or nothing: `code` is one of the protocol's error codes, or `unreachable`. */
export class Refusal extends Error {
  constructor({ code = UNREACHABLE, message = code, retry_after_ms: retryAfter = PAUSE } = {}) {
    super(message);
    this.code = code;
    /** Milliseconds after which another try is welcome. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later, unchanged. */
  get passing() {
    return PASSING.includes(this.code);
  }
}

/**
 * One person, whichever node serves them. `on` hears
 *
 * - `message`, `update`: each one of the rooms that we are in, once and in order;
 * - `presence`, `typing`, `read`: as they come;
 * - `joined {room, again, recovered, epoch, seq, count, messages?, members?}`: the room is heard from there on;
 * - `recovered {room, from, to}`: everything that was said while we were away has been heard;
 * - `missed {room, from, to}`: of what is after `from` and up to `to` some may be missing: `history` has what there is;
 * - `left {room, refusal}`: the room cannot be joined any more;
 * - `sent {cid, room?, to?}`, `held {.., refusal}`: a word is on its way to the server, or waits for its next try;
 * - `state (name, refusal?)`: `connecting`, `connected`, `reconnecting`, `offline`, and why it is not connected yet;
 * - `ready`: the server's greeting; `refused (refusal)`, `bye {reason}`: it will not have us, and that is the end.
 */
export class Hubbub {
  #socket;
  #store;
  #name;
  #session;
  #ready = null;
  #wasReady = false;
  #returning;
  #listeners = new Map();
  #rooms = new Map();
  #queues = new Map();
  #unanswered = new Set();
  #typed = new Map();

  /**
   * @param io socket.io-client's `io`
   * @param {object} [how]
   * @param {string} [how.url] where the nodes are; where the page came from if it is left out
   * @param {string} [how.name] who we are; without one whom `storage` remembers, or a guest
   * @param {Store} [how.storage] keeps the session, so that after a reload we are the same: `sessionStorage`
   * @param {object} [how.options] for the client, such as `{ transports: ["websocket"] }`
   */
  constructor(io, { url = "", name, storage, options = {} } = {}) {
    this.#store = storage;
    this.#recall(name);
    // The client's own `retries` would repeat a request before its room is joined.
    const auth = (answer) => answer(this.#credentials());
    this.#socket = io(`${url}/v1`, { ...DELAYS, ...options, autoConnect: false, auth });
    this.#hear();
  }

  /** The last `ready`, or null while there is no connection. */
  get ready() {
    return this.#ready;
  }

  /** Whether the nodes may still know us from before. */
  get hasSession() {
    return this.#session !== null;
  }

  /** Calls `listener` at every `event`. */
  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  /** Connects, and comes back whenever the connection is lost, until `close`. Under another name we are somebody new. */
  open(name = this.#name) {
    if (name !== this.#name) this.#remember(name, null);
    this.#tell("state", "connecting");
    this.#socket.connect();
    return this;
  }

  /** Goes for good: the others see us leave at once, and what was not sent is not sent. */
  close() {
    this.#end(new Refusal());
  }

  /**
   * Joins a room, now and after every reconnect. Resolves to the first answer, which `joined` has told before.
   * @param {string} name
   * @param {{ limit?: number, since?: Position }} [how] `since` goes on where an earlier program stopped
   */
  join(name, { limit, since } = {}) {
    const room = this.#rooms.get(name) ?? this.#know(name, since);
    if (room.joined) return this.request("join", { room: name, limit });
    room.limit = limit;
    return new Promise((resolve, reject) => {
      room.entering.push({ resolve, reject });
      if (this.#ready) this.#enter(room);
    });
  }

  /** Leaves it; what was not sent there is not sent. */
  async leave(name) {
    const room = this.#rooms.get(name);
    if (room) this.#forget(room, new Refusal({ code: "not_joined" }));
    // Who is cut off is not in the room, and is not joined again.
    if (this.#ready) await this.request("leave", { room: name });
  }

  /**
   * Says `text` in a room that was joined, or to a person. Resolves once it is stored, however long that takes; words
   * for one room are stored in the order of the calls.
   * @param {{ room?: string, to?: string, text: string, reply_to?: string, cid?: string }} message
   * @returns {Promise<Receipt>}
   */
  send(message) {
    return this.#say("send", message);
  }

  /**
   * Changes a message, in its turn after what was sent before.
   * @param {{ room: string, id: string, op: "edit" | "delete" | "react" | "unreact", text?: string, emoji?: string }} change
   */
  modify(change) {
    return this.#say("modify", change);
  }

  /**
   * A page of the past, the oldest first: `{messages, more}`. Asked once, as every `request`.
   * @param {string} room
   * @param {{ before?: string, after?: string, limit?: number }} [page] ids of messages
   */
  history(room, { before, after, limit } = {}) {
    return this.request("history", { room, before, after, limit });
  }

  /**
   * A page of who is there: `{members, count, next?}`.
   * @param {string} room
   * @param {{ after?: string, limit?: number }} [page]
   */
  members(room, { after, limit } = {}) {
    return this.request("members", { room, after, limit });
  }

  /** To be called at every key: the room is told every few seconds, and of the end at once. */
  typing(room, on = true) {
    const last = this.#typed.get(room) ?? -Infinity;
    if (on ? Date.now() - last < TYPING_TIME : !this.#typed.has(room)) return;
    if (on) this.#typed.set(room, Date.now());
    else this.#typed.delete(room);
    if (this.#ready) this.#socket.emit("typing", { room, on });
  }

  /** We have read the room up to there. */
  read(room, seq) {
    if (this.#ready) this.#socket.emit("read", { room, seq });
  }

  rename(name) {
    return this.request("rename", { name }, ({ session }) => this.#remember(name, session ?? this.#session));
  }

  /**
   * Asks once. Resolves to the answer of a request that succeeded, rejects with a `Refusal` otherwise. `granted` hears
   * the answer before any event that came behind it, which no promise can.
   * @param {string} event
   * @param {object} body
   * @param {(answer: any) => void} [granted]
   */
  request(event, body, granted = () => {}) {
    return new Promise((resolve, reject) => {
      if (!this.#ready) return reject(new Refusal());
      /** @param {any} [answer] */
      const settle = (answer) => {
        if (!this.#unanswered.delete(settle)) return;
        clearTimeout(timer);
        if (!answer?.ok) return reject(new Refusal(answer?.error));
        granted(answer);
        resolve(answer);
      };
      // Perhaps nobody is there any more and no heartbeat has told yet: another connection will tell.
      const timer = setTimeout(() => this.#socket.io.engine.transport.close(), ANSWER_TIME);
      this.#unanswered.add(settle);
      this.#socket.emit(event, body, settle);
    });
  }

  #tell(event, ...told) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...told);
  }

  // The connection

  #hear() {
    const heard = {
      ready: (ready) => this.#welcomed(ready),
      disconnect: (reason) => this.#disconnected(reason),
      connect_error: (error) => this.#turnedAway(error),
      bye: (bye) => this.#dismissed(bye),
      message: (message) => this.#take("message", message),
      update: (update) => this.#take("update", update),
      gap: (gap) => this.#jump(gap),
    };
    for (const event of ["presence", "typing", "read"]) heard[event] = (body) => this.#tell(event, body);
    for (const event in heard) this.#socket.on(event, heard[event]);
  }

  #credentials() {
    const stood = [...this.#rooms.values()].filter(({ position }) => position);
    const rooms = Object.fromEntries(stood.map(({ name, position }) => [name, position]));
    return { name: this.#name, session: this.#session ?? undefined, rooms };
  }

  #welcomed(ready) {
    this.#ready = ready;
    this.#wasReady = true;
    this.#remember(this.#name, ready.session);
    this.#socket.io.reconnectionDelay(DELAYS.reconnectionDelay);
    const stands = ready.rooms ?? {};
    // Conversations that somebody has with us are named unasked.
    for (const name in stands) if (!this.#rooms.has(name)) this.#know(name);
    const rooms = [...this.#rooms.values()];
    this.#tell("state", "connected");
    this.#tell("ready", ready);
    for (const room of rooms) this.#resume(room, stands[room.name]);
    for (const key of this.#queues.keys()) this.#flush(key);
  }

  #disconnected(reason) {
    this.#part();
    if (reason === "io client disconnect") return;
    this.#tell("state", "reconnecting");
    // The one case in which the client does not come back by itself.
    if (reason === "io server disconnect") this.#comeBack(PAUSE);
  }

  #turnedAway({ message, data }) {
    // Otherwise it was no word of the server's, and the client is trying again already. In 3.x it always seems to be.
    const spoken = !this.#socket.active || CODES.includes(message);
    const refusal = new Refusal(spoken ? { code: message, ...data } : {});
    if (refusal.passing) {
      this.#tell("state", this.#wasReady ? "reconnecting" : "connecting", refusal);
      return spoken && this.#comeBack(refusal.retryAfter);
    }
    // A session that ran out is no reason to bother anyone: the name alone may still do.
    if (this.hasSession && STALE.includes(refusal.code)) {
      this.#remember(this.#name, null);
      return this.#comeBack(0);
    }
    this.#end(refusal);
    this.#tell("refused", refusal);
  }

  #dismissed({ reason, retry_after_ms: wait }) {
    if (reason === "expired") this.#remember(this.#name, null);
    // The client waits for at least half of its delay.
    if (wait) this.#socket.io.reconnectionDelay(2 * wait);
    if (!FINAL.includes(reason)) return;
    this.#end(new Refusal({ code: reason }));
    this.#tell("bye", { reason });
  }

  /** A little after `wait`, not at the same moment as everyone else who was sent away. */
  #comeBack(wait) {
    clearTimeout(this.#returning);
    this.#returning = setTimeout(() => this.#socket.connect(), wait * (1 + Math.random() / 2));
  }

  #end(refusal) {
    clearTimeout(this.#returning);
    this.#remember(this.#name, null);
    this.#wasReady = false;
    for (const room of [...this.#rooms.values()]) this.#forget(room, refusal);
    for (const key of [...this.#queues.keys()]) this.#drop(key, refusal);
    this.#socket.disconnect();
    this.#part();
    this.#tell("state", "offline");
  }

  #part() {
    this.#ready = null;
    this.#typed.clear();
    for (const room of this.#rooms.values()) Object.assign(room, { joined: false, replay: null });
    for (const settle of [...this.#unanswered]) settle();
  }

  #recall(name) {
    let known = null;
    try {
      known = JSON.parse(this.#store?.getItem(STORED) ?? null);
    } catch {
      // Somebody else's: we are new.
    }
    this.#name = name ?? known?.name;
    this.#session = this.#name === known?.name ? known?.session ?? null : null;
  }

  #remember(name, session) {
    this.#name = name;
    this.#session = session;
    if (session) this.#store?.setItem(STORED, JSON.stringify({ name, session }));
    else this.#store?.removeItem(STORED);
  }

  // The rooms

  #know(name, position = null) {
    const room = { name, position, limit: undefined, joined: false, replay: null, entering: [] };
    this.#rooms.set(name, room);
    return room;
  }

  async #enter(room) {
    const body = { room: room.name, limit: room.limit, since: room.position ?? undefined };
    try {
      await this.request("join", body, (answer) => this.#isWaiting(room) && this.#stand(room, answer));
    } catch (refusal) {
      this.#notJoined(room, refusal);
    }
  }

  /** After a greeting that says where we stand in a room, or why we do not, or nothing. */
  #resume(room, stand) {
    if (stand === undefined) this.#enter(room);
    else if (stand.error) this.#notJoined(room, new Refusal(stand.error));
    else this.#stand(room, stand);
  }

  /** We are in the room: what was missed follows, or is missing. */
  #stand(room, stand) {
    const { name, position: from } = room;
    const to = { epoch: stand.epoch, seq: stand.seq };
    room.joined = true;
    if (from && stand.recovered) room.replay = { from, to };
    else this.#move(room, to);
    this.#tell("joined", { ...stand, room: name, again: from !== null });
    settleAll(room.entering, "resolve", stand);
    this.#checkReplay(room);
    this.#flush(keyOf({ room: name }));
  }

  #notJoined(room, refusal) {
    if (!this.#ready || !this.#isWaiting(room)) return;
    const again = () => this.#ready && this.#isWaiting(room) && this.#enter(room);
    if (refusal.passing) return setTimeout(again, refusal.retryAfter);
    this.#forget(room, refusal);
    this.#tell("left", { room: room.name, refusal });
  }

  #isWaiting(room) {
    return this.#rooms.get(room.name) === room && !room.joined;
  }

  #forget(room, refusal) {
    this.#rooms.delete(room.name);
    settleAll(room.entering, "reject", refusal);
    this.#drop(keyOf({ room: room.name }), refusal);
  }

  #take(event, body) {
    // Somebody begins a conversation with us.
    if (isDirect(body.room) && !this.#rooms.has(body.room)) this.#know(body.room).joined = true;
    const room = this.#rooms.get(body.room);
    if (!room?.joined || reaches(room.position, body)) return;
    this.#jump({ ...body, seq: body.seq - 1 });
    room.position = { epoch: body.epoch, seq: body.seq };
    this.#tell(event, body);
    this.#checkReplay(room);
  }

  /** What follows comes after this position. */
  #jump({ room: name, epoch, seq }) {
    const room = this.#rooms.get(name);
    if (room?.joined && !reaches(room.position, { epoch, seq })) this.#move(room, { epoch, seq });
  }

  /** Goes on from `to`. What is between may be missing, unless we had heard nothing before. */
  #move(room, to) {
    const from = room.position;
    Object.assign(room, { position: to, replay: null });
    if (from && !(reaches(from, to) && reaches(to, from))) this.#tell("missed", { room: room.name, from, to });
  }

  #checkReplay(room) {
    const { name, replay, position } = room;
    if (!replay || !reaches(position, replay.to)) return;
    room.replay = null;
    this.#tell("recovered", { room: name, ...replay });
  }

  // What we say

  #say(event, body) {
    const key = keyOf(body);
    if (!this.#queues.has(key)) this.#queues.set(key, { waiting: [], isBusy: false });
    return new Promise((resolve, reject) => {
      const word = { event, body: { cid: newCid(), ...body }, resolve, reject, unanswered: 0, doubtful: Infinity };
      this.#queues.get(key).waiting.push(word);
      this.#flush(key);
    });
  }

  /** One word at a time, so that they arrive in the order in which they were said. */
  async #flush(key) {
    const queue = this.#queues.get(key);
    if (!queue || queue.isBusy) return;
    queue.isBusy = true;
    while (queue.waiting.length > 0 && this.#mayTalk(queue.waiting[0].body)) await this.#attempt(queue.waiting);
    queue.isBusy = false;
  }

  #mayTalk({ room }) {
    return this.#ready !== null && (room === undefined || this.#rooms.get(room)?.joined === true);
  }

  async #attempt(waiting) {
    const [word] = waiting;
    const { text, ...about } = word.body;
    const began = Date.now();
    try {
      if (bytes(text) > this.#ready.limits?.text) throw new Refusal({ code: "too_large" });
      this.#tell("sent", about);
      word.resolve(await this.request(word.event, word.body));
    } catch (refusal) {
      if (mayRepeat(word, refusal, began)) {
        this.#tell("held", { ...about, refusal });
        return this.#ready && pause(refusal.retryAfter);
      }
      word.reject(refusal);
    }
    if (waiting[0] === word) waiting.shift();
  }

  #drop(key, refusal) {
    settleAll(this.#queues.get(key)?.waiting ?? [], "reject", refusal);
    this.#queues.delete(key);
  }
}

/** Whether it can be tried again, surely without saying it twice, and it is not this word that breaks the connection. */
function mayRepeat(word, { code, passing }, began) {
  if (code === UNREACHABLE) word.unanswered += 1;
  if (MAYBE_STORED.includes(code)) word.doubtful = Math.min(word.doubtful, began);
  return passing && word.unanswered < TRIES && Date.now() - word.doubtful < CID_TIME;
}

/** Whether who stands at `position` has heard what is at the other. Other epochs tell nothing. */
function reaches(position, { epoch, seq }) {
  return position?.epoch === epoch && position.seq >= seq;
}

function isDirect(room) {
  return room.startsWith("@");
}

/** @param {{ room?: string, to?: string }} whereto */
function keyOf({ room, to }) {
  return room === undefined ? `to ${to}` : `in ${room}`;
}

function bytes(text = "") {
  return new TextEncoder().encode(text).length;
}

/** An id of our own for what we say. `crypto.randomUUID` is missing where a page came over plain HTTP. */
export function newCid() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function settleAll(promises, how, value) {
  for (const promise of promises.splice(0)) promise[how](value);
}

function pause(time) {
  return new Promise((resume) => setTimeout(resume, time));
}

const UNREACHABLE = "unreachable";
const PASSING = ["rate_limited", "unavailable", "draining", UNREACHABLE];
const MAYBE_STORED = ["unavailable", UNREACHABLE];
const STALE = ["unauthorized", "expired"];
/** With which a node turns away. */
const CODES = [...PASSING, ...STALE, "bad_request", "forbidden", "banned", "name_taken", "name_invalid", "too_large"];
const FINAL = ["kicked", "banned", "replaced"];
const STORED = "hubbub.session";
const DELAYS = { reconnectionDelay: 500, reconnectionDelayMax: 5000 };
const PAUSE = 1000;
const ANSWER_TIME = 8000;
const TYPING_TIME = 3000;
/** Tries without an answer, until a word is held to be the reason. */
const TRIES = 10;
/** The nodes remember a cid for five minutes. */
const CID_TIME = 4 * 60 * 1000;
