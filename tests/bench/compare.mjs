// Measures Hubbub and its rivals by the same work, in alternating order, and judges the figures: see README.md.

import { cutOff, faults, judge } from "./demands.mjs";
import { FIGURES, show, showRatio, showSpread } from "./figures.mjs";
import { setting } from "./machine.mjs";
import { measure } from "./measurement.mjs";
import { readOptions } from "./options.mjs";
import { read, write } from "./results.mjs";
import { ROWS } from "./rows.mjs";

const options = readOptions();
const results = read(options.results);
const measured = {};
for (const row of options.rows) {
  measured[row] = await measureRow(row);
  results[row] = measured[row];
  write(options.results, row, measured[row]);
}
process.exitCode = conclude() ? 0 : 1;

async function measureRow(row) {
  const cases = Object.entries(ROWS[row].cases).filter(([, { server }]) => options.servers.includes(server));
  console.log(`\n${ROWS[row].title}`);
  const runs = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const [name, test] of alternating(cases, round)) {
      runs.push({ round, case: name, ...(await measureCase(row, name, test, round)) });
    }
  }
  const { rounds, seconds } = options;
  return { rounds, seconds, ...setting([...new Set(cases.map(([, { server }]) => server))]), runs };
}

/** Forwards and backwards in turn, so that none always comes behind the same one. */
function alternating(cases, round) {
  return round % 2 ? cases : cases.toReversed();
}

async function measureCase(row, name, test, round) {
  const label = `  ${round}/${options.rounds} ${name}`;
  const told = process.stderr.isTTY ? (text) => process.stderr.write(`\r\x1b[K${label}: ${text.trimEnd()}`) : undefined;
  const found = await measure({ ...test, load: settled(test.load) }, { ...options, told });
  if (told) process.stderr.write("\r\x1b[K");
  const figures = ROWS[row].figures.map((figure) => `${show(FIGURES[figure].take(found))} ${FIGURES[figure].title}`);
  console.log(`${label}: ${figures.join(", ")}`);
  return found;
}

/** The load as it is put: fewer clients where only the driver is tried. */
function settled(load) {
  return { ...load, clients: options.short ? Math.min(load.clients, 40) : load.clients };
}

/** Whether nothing is wrong in what was measured now. */
function conclude() {
  const judged = options.short ? [] : judge(measured);
  console.log("");
  for (const { what, must, goal, found, reached } of judged) {
    console.log(`${reached.padEnd(6)}  ${what}: ${showSpread(found, showRatio)}, must ${showRatio(must)}, goal ${showRatio(goal)}`);
  }
  const wrong = [faults(measured), cutOff(measured)];
  console.log(`Hubbub: ${wrong[0]} deliveries lost, repeated or reordered, ${wrong[1]} connections cut off or gone for good`);
  return judged.every(({ reached }) => reached !== "missed") && wrong.every((count) => count === 0);
}
