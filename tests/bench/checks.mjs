// Whether figures that are bad are called so, by results that are made up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cutOff, DEMANDS, faults, judge } from "./demands.mjs";
import { ratios, showRatio, showSpread, summary } from "./figures.mjs";
import { renew } from "./page.mjs";
import { ROWS } from "./rows.mjs";

const PAGE = ["demands", "servers", ...Object.keys(ROWS)].map((name) => `<!-- table: ${name} -->\n<!-- end of table -->`).join("\n");

test("a ratio is taken within each round", () => {
  const result = saturated([1, 40], [4, 40]);
  assert.deepEqual(ratios(result, "hubbub", "node", "cpu"), [1 / 40, 0.1]);
});

test("the middle of an even number of rounds lies between two", () => {
  assert.deepEqual(summary([4, 1, 3, 10]), { median: 3.5, least: 1, most: 10 });
});

test("a figure reaches its goal, only what it must, or neither", () => {
  const reached = (cost) => judge({ saturation: saturated([cost, 100]) })[0].reached;
  assert.deepEqual([2, 3, 5].map(reached), ["goal", "must", "missed"]);
});

test("a figure that could not be taken in one round reaches nothing", () => {
  assert.equal(judge({ saturation: saturated([1, 100], [null, 100], [1, 100]) })[0].reached, "missed");
});

test("a row without one of the servers is not judged", () => {
  const { runs, ...rest } = saturated([1, 40]);
  const alone = { ...rest, runs: runs.filter((run) => run.case === "hubbub") };
  assert.deepEqual(judge({ saturation: alone }), []);
});

test("what hubbub loses is a fault, what a rival loses is not", () => {
  const result = saturated([1, 40]);
  result.runs[1].lost = 5;
  assert.equal(faults({ saturation: result }), 0);
  Object.assign(result.runs[0], { lost: 1, repeated: 2, reordered: 3, strayed: 4, holes: 5, other_order: 6 });
  assert.equal(faults({ saturation: result }), 21);
});

test("whom hubbub cuts off counts, but for those who came back from asking too much", () => {
  const result = saturated([1, 40]);
  result.runs[0].cut_off = 3;
  assert.equal(cutOff({ saturation: result }), 3);
  result.runs[0].gone = 1;
  assert.equal(cutOff({ saturation: result }), 1);
});

test("numbers are shown with three digits, small ratios as parts", () => {
  assert.equal(showSpread([0.123456, 0.2, 12_345.6]), "0.2 (0.123 to 12,346)");
  assert.deepEqual([1 / 25, 0.4, 1.5].map(showRatio), ["1/25", "0.4", "1.5"]);
});

test("the page has every table once, and shows what it is made of", () => {
  const page = renew(PAGE, { saturation: saturated([1, 40], [1, 50]) });
  assert.match(page, /saturation, 2,000 clients.*\| 1\/44.4 \(1\/50 to 1\/40\) \| goal \|/);
  assert.match(page, /\| Node \| 45 \(40 to 50\) \|/);
  assert.equal(renew(page, { saturation: saturated([1, 40], [1, 50]) }), page);
});

test("a page with a table too few or too many is refused", () => {
  assert.throws(() => renew("", {}), /no place for: demands/);
  assert.throws(() => renew(`${PAGE}<!-- table: saturation --><!-- end of table -->`, {}), /there already/);
});

test("every demand is made of a row that is measured", () => {
  assert.deepEqual(DEMANDS.filter(({ row }) => !(row in ROWS)), []);
});

/** CPU per million, of Hubbub and of Node, in each round. */
function saturated(...rounds) {
  const runs = rounds.flatMap((costs, round) =>
    costs.map((cpu_per_million, server) => ({ round: round + 1, case: ["hubbub", "node"][server], cpu_per_million, ...NOTHING_WRONG })),
  );
  return { rounds: rounds.length, seconds: 1, date: "2000-01-01", commit: "0", machine: {}, versions: {}, runs };
}

const NOTHING_WRONG = { lost: 0, repeated: 0, reordered: 0, other_order: 0, cut_off: 0 };
