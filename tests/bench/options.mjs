// What the command line says, or why it cannot be done.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROWS } from "./rows.mjs";
import { missing, ROOT, SERVERS } from "./servers.mjs";

export function readOptions() {
  const { values } = parseArgs({ options: WORDS });
  const { short, only } = values;
  const options = {
    short,
    rows: only.length > 0 ? only : Object.keys(ROWS),
    servers: values.servers.split(","),
    rounds: short ? 1 : Number(values.rounds),
    seconds: short ? 1 : Number(values.seconds),
    results: values.results ?? join(ROOT, short ? "target/bench" : "docs/performance"),
    binaries: resolve(ROOT, values.binaries),
    // A command that runs each measurement, for machines that others use too.
    wrap: (process.env.BENCH_WRAP ?? "").split(" ").filter(Boolean),
  };
  check(options);
  return options;
}

const WORDS = {
  only: { type: "string", multiple: true, default: [] },
  servers: { type: "string", default: Object.keys(SERVERS).join(",") },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "10" },
  short: { type: "boolean", default: false },
  results: { type: "string" },
  binaries: { type: "string", default: join(process.env.CARGO_TARGET_DIR ?? "target", "release") },
};

function check({ rows, servers, rounds, seconds, binaries }) {
  demand(rows.every((row) => row in ROWS), `--only takes: ${Object.keys(ROWS).join(", ")}`);
  demand(servers.every((name) => name in SERVERS), `--servers takes: ${Object.keys(SERVERS).join(",")}`);
  demand(rounds >= 1 && seconds >= 1, "--rounds and --seconds take a number from 1 on");
  demand(missing(servers).length === 0, `not installed: ${missing(servers).join(", ")}; script/rivals installs them`);
  for (const binary of ["hubbub", "hubbub-load"]) {
    demand(existsSync(join(binaries, binary)), `${binaries} has no ${binary}`);
  }
  const joined = rows.some((row) => Object.values(ROWS[row].cases).some(({ redis }) => redis));
  demand(!joined || !spawnSync("redis-server", ["--version"]).error, "there is no redis-server");
}

/** Ends the process where the condition is not met. */
export function demand(condition, otherwise) {
  if (condition) return;
  console.error(`compare: ${otherwise}`);
  process.exit(2);
}
