// The generations of JavaScript's client: the browser's bundle of each, run as a page would run it, and its Node build.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runInContext } from "node:vm";
import { ElderLine } from "./elder-line.mjs";
import { Line } from "./line.mjs";
import { newWindow } from "./window.mjs";

export { BY_ALL, TRANSPORTS } from "./line.mjs";

/**
 * Alias in package.json -> its bundle and the Engine.IO protocol; 4 has `auth`. The Node builds of the first two want
 * a WebSocket that nothing compiles any more.
 */
export const GENERATIONS = {
  sioc09: { version: "0.9.16", bundle: "dist/socket.io.js", onlyBundle: true, transports: ["polling", "websocket"] },
  /** It may ask for an upgrade, and is offered none. */
  sioc10: { version: "1.0.6", bundle: "socket.io.js", onlyBundle: true, eio: 2, transports: ["polling", "upgrade"] },
  sioc13: { version: "1.3.6", bundle: "socket.io.js", eio: 3 },
  sioc14: { version: "1.4.4", bundle: "socket.io.js", eio: 3 },
  sioc17: { version: "1.7.4", bundle: "dist/socket.io.js", eio: 3 },
  sioc22: { version: "2.2.0", bundle: "dist/socket.io.js", eio: 3 },
  sioc25: { version: "2.5.0", bundle: "dist/socket.io.js", eio: 3 },
  sioc31: { version: "3.1.3", bundle: "dist/socket.io.js", eio: 4 },
  sioc4: { version: "4.8", bundle: "dist/socket.io.js", eio: 4 },
};

/** The path of a generation's bundle. */
export function bundleOf(generation) {
  const { bundle } = GENERATIONS[generation];
  return new URL(`node_modules/${generation}/${bundle}`, import.meta.url).pathname;
}

/** A client: `sioc22` is the bundle, in a window of its own, and `sioc22-node` what Node requires. */
export function load(name) {
  const [generation, build] = name.split("-");
  const client = { ...GENERATIONS[generation], io: build === "node" ? require(generation) : inWindow(generation) };
  const Kind = client.eio ? Line : ElderLine;
  return { ...client, connect: (url, how, ears) => new Kind(client, url, how, ears) };
}

function inWindow(generation) {
  const window = newWindow();
  const file = bundleOf(generation);
  runInContext(readFileSync(file, "utf8"), window, { filename: file });
  return window.io;
}

const require = createRequire(import.meta.url);
