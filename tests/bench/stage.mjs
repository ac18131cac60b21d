// One measurement on its stage: servers started for it alone, a load on them, and what is worth keeping of its report.
//   node stage.mjs FILE CASE HOW     writes the record of a case into a file; the other two are JSON

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Program } from "./processes.mjs";
import { inScratch } from "./scratch.mjs";
import { start, startRedis } from "./servers.mjs";

const WARM_UP = 2; // seconds

const [file, test, how] = process.argv.slice(2);
const found = await inScratch((folder) => play(JSON.parse(test), JSON.parse(how), folder));
await writeFile(file, JSON.stringify(found));

async function play({ server, nodes, redis, load }, how, folder) {
  const players = [];
  try {
    const store = redis ? enter(players, await startRedis(folder)) : undefined;
    const crowd = [];
    for (let node = 0; node < nodes; node++) {
      crowd.push(enter(players, await start(server, { redis: store?.url, binaries: how.binaries })));
    }
    const spent = store?.program.spent();
    const report = await put(load, crowd, join(folder, "report.json"), how);
    return record(report, load, store && store.program.spent() - spent);
  } finally {
    for (const { program } of players.reverse()) await program.stop();
  }
}

function enter(players, started) {
  players.push(started);
  return started;
}

/** A report is there even when the verdict is bad; without one, the load generator has failed. */
async function put(load, crowd, file, { binaries, seconds }) {
  const nodes = crowd.flatMap(({ url }) => ["--url", url]);
  const processes = crowd.map(({ program }) => String(program.pid));
  const words = [...wordsOf(load, seconds), ...nodes, "--json", file, "--pid", ...processes];
  const generator = new Program([join(binaries, "hubbub-load"), ...words], { told: (text) => process.stderr.write(text) });
  const ended = await generator.ended();
  return readFile(file, "utf8").then(JSON.parse, () => {
    throw new Error(`hubbub-load ${words.join(" ")} ended with ${ended}\n${generator.said}`);
  });
}

function wordsOf({ workload, clients, ...load }, seconds) {
  return [workload, "--clients", clients, "--seconds", seconds, ...paceOf(workload, load, seconds)].map(String);
}

function paceOf(workload, { inflight, rate, dialect }, seconds) {
  const short = Math.min(WARM_UP, seconds);
  if (workload === "idle") return [];
  if (workload === "overload") return ["--dialect", dialect, "--carried", short, "--warm-up", short];
  return [...(inflight ? ["--closed", "--inflight", inflight] : ["--rate", rate]), "--warm-up", short];
}

function record(report, load, redisSpent) {
  return report.workload === "idle" ? restRecord(report) : talkRecord(report, load, redisSpent);
}

function restRecord(report) {
  return {
    kib_per_connection: report.kib_per_connection,
    cpu_ms_per_connect: report.server_cpu_ms_per_connect,
    connects_per_second: report.connects_per_second,
    connect_p99_ms: report.connect_ms.p99,
    cut_off: report.cut_off,
  };
}

function talkRecord(report, load, redisSpent) {
  const { p50, p99, max } = report.latency_ms;
  const { said, lost, repeated, reordered, strayed, holes, other_order, cut_off } = report;
  return {
    cpu_per_million: report.server_cpu_per_million,
    // Over the whole run, as it is read before and after it.
    ...(redisSpent !== undefined && { redis_cpu_per_million: (redisSpent * 1e6) / (said * load.clients - lost) }),
    deliveries_per_second: report.deliveries_per_second,
    messages_per_second: report.messages_per_second,
    ...{ p50_ms: p50, p99_ms: p99, max_ms: max },
    server_load: report.server_load,
    load_generator_load: report.own_load,
    load_generator_behind_ms: report.behind_ms,
    ...(report.workload === "overload" && overloadRecord(report)),
    ...{ said, lost, repeated, reordered, strayed, holes, other_order, cut_off },
  };
}

function overloadRecord({ carried, offered_per_second, kept, announced, gone }) {
  return { carried_per_second: carried.messages_per_second, offered_per_second, kept, announced, gone };
}
