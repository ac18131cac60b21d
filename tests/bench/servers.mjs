// The servers that are compared: how each is started, and what exactly it is.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { listens, onFreePorts, Program } from "./processes.mjs";

export const ROOT = join(import.meta.dirname, "../..");
const RIVALS = join(import.meta.dirname, "rivals");
const INSTALLED = join(ROOT, ".cache/rivals");
const NODE_MODULES = join(RIVALS, "node/node_modules/socket.io");
const BUN = join(RIVALS, "bun/node_modules/.bin/bun");
const PYTHON = join(INSTALLED, "python/bin/python");
const [SOCKETIOXIDE, RAW] = ["socketioxide", "raw"].map((name) => join(INSTALLED, "rust/release", name));

/** A rival's `command` is what PORT and, where it is one of several, REDIS are added to; it `needs` these to be there. */
export const SERVERS = {
  hubbub: { title: "Hubbub" },
  node: {
    title: "Node",
    command: [process.execPath, join(RIVALS, "node/server.mjs")],
    needs: [NODE_MODULES],
    version: () => `${modules("node", ["socket.io", "ws", "@socket.io/redis-adapter", "redis"])}, Node.js ${process.version.slice(1)}`,
  },
  bun: {
    title: "Bun",
    command: [BUN, join(RIVALS, "bun/server.mjs")],
    needs: [BUN],
    version: () => modules("bun", ["socket.io", "@socket.io/bun-engine", "bun"]),
  },
  python: {
    title: "Python",
    command: [PYTHON, join(RIVALS, "python/server.py")],
    needs: [PYTHON],
    version: () => wheels(["python-socketio", "uvicorn", "uvloop", "httptools", "websockets"]),
  },
  socketioxide: {
    title: "socketioxide",
    command: [SOCKETIOXIDE],
    needs: [SOCKETIOXIDE],
    version: () => crates(["socketioxide", "axum", "tokio"]),
  },
  raw: {
    title: "raw",
    command: [RAW],
    needs: [RAW],
    version: () => crates(["tokio"]),
  },
};

/** Those of these servers that are not installed. */
export function missing(names) {
  return names.filter((name) => !(SERVERS[name].needs ?? []).every((path) => existsSync(path)));
}

/** One node of a server; resolves to `{ url, program }` when it can be connected to. */
export function start(name, { redis, binaries }) {
  return name === "hubbub" ? startHubbub(binaries, redis) : startRival(SERVERS[name].command, redis);
}

function startRival(command, redis) {
  return onFreePorts(1, async ([port]) => {
    const words = [...command, String(port), ...(redis ? [redis] : [])];
    const program = new Program(words, { environment: { NODE_ENV: "production" } });
    await program.reaches(() => listens(port));
    return { url: `http://127.0.0.1:${port}`, program };
  });
}

function startHubbub(binaries, redis) {
  return onFreePorts(2, async ([port, admin]) => {
    const program = new Program([join(binaries, "hubbub")], { environment: surroundings(port, admin, redis) });
    await program.reaches(() => answers(`http://127.0.0.1:${admin}/readyz`));
    return { url: `http://127.0.0.1:${port}`, program };
  });
}

function surroundings(port, admin, redis) {
  return {
    HUBBUB__HTTP__ADDR: `127.0.0.1:${port}`,
    HUBBUB__ADMIN__ADDR: `127.0.0.1:${admin}`,
    HUBBUB__NODE__ADVERTISE: `127.0.0.1:${port}`,
    HUBBUB__DRAIN__DELAY: "1ms",
    HUBBUB__DRAIN__WINDOW: "1s",
    HUBBUB__LOG__LEVEL: "warn",
    ...(redis && { HUBBUB__REDIS__URL: redis }),
  };
}

async function answers(address) {
  return fetch(address).then((answer) => answer.ok, () => false);
}

/** A Redis that remembers nothing. */
export function startRedis(folder) {
  return onFreePorts(1, async ([port]) => {
    const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
    const program = new Program(["redis-server", ...words]);
    await program.reaches(() => listens(port));
    return { url: `redis://127.0.0.1:${port}`, program };
  });
}

function modules(rival, names) {
  const versionOf = (name) => JSON.parse(read(`${rival}/node_modules/${name}/package.json`)).version;
  return names.map((name) => `${name} ${versionOf(name)}`).join(", ");
}

function wheels(names) {
  const text = read("python/requirements.txt");
  return names.map((name) => `${name} ${text.match(new RegExp(`^${name}==(.+)$`, "m"))[1]}`).join(", ");
}

function crates(names) {
  const text = read("rust/Cargo.lock");
  return names.map((name) => `${name} ${text.match(new RegExp(`name = "${name}"\nversion = "(.+)"`))[1]}`).join(", ");
}

function read(path) {
  return readFileSync(join(RIVALS, path), "utf8");
}
