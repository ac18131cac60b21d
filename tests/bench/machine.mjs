// Where and of what the figures are.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
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

/** The last that changed what a node is made of; with a plus where the sources are not quite that commit's. */
function commit() {
  if (!existsSync(join(ROOT, ".git"))) return "unknown";
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ...SOURCES);
  return git("log", "-1", "--format=%h", "--abbrev=10", "--", ...SOURCES) + (changed ? "+" : "");
}

function git(...words) {
  return execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
}

const SOURCES = ["crates", "static", "Cargo.toml", "Cargo.lock"];
