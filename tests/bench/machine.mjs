// Where and of what the figures are.

import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { ROOT, SERVERS } from "./servers.mjs";

export function setting(servers) {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: {
      processor: cpus()[0].model,
      processors: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      kernel: `${type()} ${release()}`,
    },
    versions: Object.fromEntries(servers.map((name) => [name, SERVERS[name].version?.() ?? commit()])),
  };
}

/** With a plus where the sources are not quite that commit's. */
function commit() {
  const changed = git("status", "--porcelain", "--untracked-files=no", "crates", "Cargo.lock");
  return git("rev-parse", "--short=10", "HEAD") + (changed ? "+" : "");
}

function git(...words) {
  return execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
}
