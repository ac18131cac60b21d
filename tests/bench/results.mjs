// Results in files: one of JSON for each row, a line for each run.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROWS } from "./rows.mjs";

/** By the row's name; rows that were never measured are not there. */
export function read(folder) {
  const measured = Object.keys(ROWS).filter((row) => existsSync(path(folder, row)));
  return Object.fromEntries(measured.map((row) => [row, JSON.parse(readFileSync(path(folder, row), "utf8"))]));
}

export function write(folder, row, { runs, ...rest }) {
  mkdirSync(folder, { recursive: true });
  const lines = runs.map((run) => `    ${JSON.stringify(run, short)}`).join(",\n");
  const head = JSON.stringify({ row, ...rest }, null, 2).replace(/\n}$/, "");
  writeFileSync(path(folder, row), `${head},\n  "runs": [\n${lines}\n  ]\n}\n`);
}

/** As many digits as mean something. */
function short(_, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}

function path(folder, row) {
  return join(folder, `${row}.json`);
}
