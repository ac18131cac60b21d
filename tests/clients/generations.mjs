// The generations of Socket.IO clients: the browser's bundle of each, run as a page would run it.

import { readFileSync } from "node:fs";
import { runInContext } from "node:vm";
import { newWindow } from "./window.mjs";

/** Alias in package.json -> its bundle, the Engine.IO protocol, whether it has `auth`. */
export const GENERATIONS = {
  sioc13: { version: "1.3.6", bundle: "socket.io.js", eio: 3 },
  sioc14: { version: "1.4.4", bundle: "socket.io.js", eio: 3 },
  sioc17: { version: "1.7.4", bundle: "dist/socket.io.js", eio: 3 },
  sioc22: { version: "2.2.0", bundle: "dist/socket.io.js", eio: 3 },
  sioc25: { version: "2.5.0", bundle: "dist/socket.io.js", eio: 3 },
  sioc31: { version: "3.1.3", bundle: "dist/socket.io.js", eio: 4 },
  sioc4: { version: "4.8", bundle: "dist/socket.io.js", eio: 4 },
};

/** What each asks of a client, and where it must end. */
export const TRANSPORTS = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
  /** As a browser without binary XMLHttpRequests polls, before 3.0. */
  base64: { transports: ["polling"], forceBase64: true },
};

/** Those that every generation has. */
export const BY_ALL = ["polling", "websocket", "upgrade"];

/** The path of a generation's bundle. */
export function bundleOf(generation) {
  const { bundle } = GENERATIONS[generation];
  return new URL(`node_modules/${generation}/${bundle}`, import.meta.url).pathname;
}

/** A client: the generation, and its `io` in a window of its own. */
export function load(generation) {
  const window = newWindow();
  const file = bundleOf(generation);
  runInContext(readFileSync(file, "utf8"), window, { filename: file });
  return { ...GENERATIONS[generation], io: window.io };
}
