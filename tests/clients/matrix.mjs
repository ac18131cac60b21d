// The matrix: every client meets itself, and the newest the oldest, in every vocabulary and by every transport, once
// straight on two nodes and once behind a balancer that knows no sessions.
//
//   node matrix.mjs [--clients sioc22,rust] CLUSTER...
//
// A cluster is its nodes' URLs with commas between; as many rows are run at once as there are clusters. Prints a table,
// and below it what went wrong, if anything did.

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { CLIENTS, transportsOf } from "./clients.mjs";
import { BY_ALL } from "./line.mjs";
import { VOCABULARIES } from "./vocabularies.mjs";

const { values: options, positionals: clusters } = parseArgs({
  allowPositionals: true,
  options: { clients: { type: "string" } },
});

/** How seed 002 is spelled makes no difference to a client. */
const COLUMNS = Object.keys(VOCABULARIES).filter((vocabulary) => !vocabulary.startsWith("002-"));
const MEET = new URL("meet.mjs", import.meta.url).pathname;
const LEGEND = [
  "Each cell: by polling, websocket and upgrade, on two nodes, then behind a round-robin;",
  "! has failed, - is not served.",
].join(" ");
const PAIRS = ["sioc09", "sioc13"].flatMap((elder) => [[elder, "sioc4"], ["sioc4", elder]]);
const alone = Object.keys(CLIENTS).map((name) => [name]);
const rows = [...alone, ...PAIRS].filter(([name]) => !options.clients || options.clients.split(",").includes(name));

const began = Date.now();
const waiting = rows.map((names) => ({ names, ways: [] }));
const table = [...waiting];
await Promise.all(clusters.map((cluster) => work(cluster.split(","))));
show();
process.exit(table.every(({ ways }) => ways.every(({ code }) => code === 0)) ? 0 : 1);

/** Row after row on one cluster, for meetings of one vocabulary share its room. */
async function work(nodes) {
  for (let row; (row = waiting.shift()); ) {
    const began = Date.now();
    row.ways.push({ where: "on two nodes", ...(await meetings(row.names, nodes)) });
    row.ways.push({ where: "behind a round-robin", ...(await meetings(row.names, ["--round-robin", ...nodes])) });
    row.seconds = (Date.now() - began) / 1000;
  }
}

async function meetings([client, other], how) {
  const who = ["--client", client, ...(other ? ["--other", other] : []), "--vocabularies", COLUMNS.join()];
  const meet = spawn("node", [MEET, ...who, ...how], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => meet.on("exit", resolve));
  const [lines, complaints] = await Promise.all([text(meet.stdout), text(meet.stderr)]);
  return { code: await ended, met: lines.split("\n").filter(Boolean).map((line) => JSON.parse(line)), complaints };
}

function show() {
  line("", COLUMNS, "time");
  for (const { names, ways, seconds } of table) {
    const cells = COLUMNS.map((vocabulary) => ways.map((way) => cell(names, way, vocabulary)).join(" "));
    line(title(names), cells, `${seconds.toFixed(1)} s`);
  }
  const met = table.flatMap(({ ways }) => ways).flatMap(({ met }) => met);
  const failed = met.filter(({ ok }) => !ok).length;
  console.log(`\n${met.length} meetings, ${failed} failed, ${((Date.now() - began) / 1000).toFixed(1)} s. ${LEGEND}`);
  for (const { names, ways } of table) {
    for (const { code, where, complaints } of ways) {
      if (code !== 0) console.log(`\n${title(names)}, ${where}:\n${complaints.trimEnd()}`);
    }
  }
}

function line(first, cells, last) {
  const widths = COLUMNS.map((vocabulary) => Math.max(vocabulary.length, 2 * BY_ALL.length + 1));
  const padded = cells.map((cell, column) => cell.padEnd(widths[column]));
  console.log([first.padEnd(26), ...padded, last.padStart(6)].join("  "));
}

function title(names) {
  return names.map((name) => CLIENTS[name]).join(" + ");
}

function cell(names, { met }, vocabulary) {
  const served = transportsOf(names);
  const passed = met.filter((one) => one.vocabulary === vocabulary && one.ok).map(({ transport }) => transport);
  const mark = (transport) => (passed.includes(transport) ? transport[0] : "!");
  return BY_ALL.map((transport) => (served.includes(transport) ? mark(transport) : "-")).join("");
}
