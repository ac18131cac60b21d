// Processes on this machine: started, waited for, and told to end when whoever started them does.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";

const STARTING = 10_000;
const ENDING = 5_000;
const GLANCE = 20;
const TAIL = 2_000;
const PORTS_TRIED = 5;

// Nobody's settings of a node are what is measured.
const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HUBBUB__")));

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill()));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

export class Program {
  #child;
  #ended;
  #said = "";

  /** `told` hears what it says, as it comes. */
  constructor([command, ...words], { environment = {}, told } = {}) {
    const env = { ...surroundings, ...environment };
    this.#child = spawn(command, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#said = (this.#said + text).slice(-TAIL);
        told?.(text);
      });
    }
    running.add(this.#child);
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("close", (code, signal) => resolve(code ?? signal));
    }).finally(() => running.delete(this.#child));
  }

  get pid() {
    return this.#child.pid;
  }

  /** The end of what it has said. */
  get said() {
    return this.#said.trim();
  }

  /** Resolves to its exit code, the signal that ended it, or why there is none. */
  ended() {
    return this.#ended;
  }

  /** Waits until `ready` resolves to something true; a process that ends before, or never gets there, is an error. */
  async reaches(ready) {
    const deadline = Date.now() + STARTING;
    const over = this.#ended.then((how) => this.#fail(`ended with ${how}`));
    while (!(await Promise.race([ready(), over]))) {
      if (Date.now() > deadline) this.#fail(`was not ready after ${STARTING / 1000} s`);
      await Promise.race([pause(GLANCE), over]);
    }
  }

  /** CPU seconds so far. */
  spent() {
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_SECOND;
  }

  async stop() {
    this.#child.kill();
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), ENDING);
    await this.#ended;
    clearTimeout(killer);
  }

  #fail(how) {
    throw new Error(`${this.#child.spawnargs.join(" ")} ${how}\n${this.said}`);
  }
}

/** What `start` makes of so many ports; of others, where somebody else was faster to take one. */
export async function onFreePorts(count, start) {
  for (let tried = 1; ; tried++) {
    const ports = await freePorts(count);
    try {
      return await start(ports);
    } catch (error) {
      if (tried === PORTS_TRIED || !/in use/i.test(error.message)) throw error;
    }
  }
}

/** Different ones, for they are held until all are found. */
async function freePorts(count) {
  const held = await Promise.all(Array.from({ length: count }, hold));
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function hold() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

/** Whether somebody accepts connections there. */
export function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// What Linux tells user space, on every machine.
const TICKS_PER_SECOND = 100;
