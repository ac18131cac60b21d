// Tables in a page: between markers, everything is made of the results.

import { DEMANDS, faults, faultsOf, judge } from "./demands.mjs";
import { FIGURES, ratios, rounds, show, showRatio, showSpread } from "./figures.mjs";
import { ROWS } from "./rows.mjs";
import { SERVERS } from "./servers.mjs";

/** The page with its tables made anew. A marker without a table of that name is an error, and so is a table that no marker asks for. */
export function renew(page, results) {
  const wanted = new Set(["demands", "servers", ...Object.keys(ROWS)]);
  const renewed = page.replaceAll(MARKED, (_, begin, name, end) => {
    if (!wanted.delete(name)) throw new Error(`the page asks for a table '${name}', which is none or there already`);
    return `${begin}\n\n${table(name, results)}\n\n${end}`;
  });
  if (wanted.size > 0) throw new Error(`the page has no place for: ${[...wanted].join(", ")}`);
  return renewed;
}

const MARKED = /(<!-- table: (\S+) -->)[^]*?(<!-- end of table -->)/g;

function table(name, results) {
  if (name === "demands") return demandTable(results);
  if (name === "servers") return serverTable(results);
  return results[name] ? rowTable(name, results[name]) : "Not measured yet.";
}

function demandTable(results) {
  const judged = new Map(judge(results).map((judgement) => [judgement.what, judgement]));
  const lines = DEMANDS.map(({ what, must, goal }) => {
    const { found, reached } = judged.get(what) ?? {};
    const figure = found ? showSpread(found, showRatio) : "not measured yet";
    return [what, showRatio(must), showRatio(goal), figure, reached ?? ""];
  });
  const wrong = ["lost, repeated, reordered, at twice the load too", "0", "0", show(faults(results))];
  const verdict = faults(results) === 0 ? "goal" : "missed";
  return markdown(["work", "must", "goal", "figure", "reached"], [...lines, [...wrong, results.overload ? verdict : ""]]);
}

/** Each server as it was in the newest results that have it. */
function serverTable(results) {
  const newest = Object.values(results).toSorted((one, other) => one.date.localeCompare(other.date));
  const versions = Object.assign({}, ...newest.map((result) => result.versions));
  const lines = Object.keys(SERVERS).filter((name) => versions[name]);
  return markdown(["server", "versions"], lines.map((name) => [SERVERS[name].title, versions[name]]));
}

function rowTable(name, result) {
  const row = ROWS[name];
  const cases = Object.keys(row.cases).filter((each) => result.runs.some((run) => run.case === each));
  const compared = comparable(row) ? row.figures.filter((figure) => FIGURES[figure].less) : [];
  const titles = row.figures.flatMap((figure) => [FIGURES[figure].title, ...(compared.includes(figure) ? ["Hubbub's part of it"] : [])]);
  const lines = cases.map((each) => [
    SERVERS[each]?.title ?? each,
    ...row.figures.flatMap((figure) => cells(result, each, figure, compared.includes(figure))),
    ...(row.cases[each].load.workload === "idle" ? [cutOff(result, each)] : [wrong(result, each), cutOff(result, each)]),
  ]);
  const last = row.cases[cases[0]].load.workload === "idle" ? ["cut off"] : ["lost, repeated or out of order", "cut off"];
  return `${provenance(result)}\n\n${markdown(["", ...titles, ...last], lines)}`;
}

/** Whether its cases are servers that do the same. */
function comparable(row) {
  return Object.keys(row.cases).length > 1 && "hubbub" in row.cases;
}

function cells(result, name, figure, isCompared) {
  const cell = showSpread(rounds(result, name, figure));
  if (!isCompared) return [cell];
  return [cell, name === "hubbub" ? "" : showSpread(ratios(result, "hubbub", name, figure), showRatio)];
}

function wrong(result, name) {
  return showSum(result, name, faultsOf);
}

function cutOff(result, name) {
  return showSum(result, name, (run) => run.cut_off);
}

/** Of all rounds together. */
function showSum(result, name, take) {
  const numbers = result.runs.filter((run) => run.case === name).map(take);
  return show(numbers.reduce((sum, number) => sum + number, 0));
}

function provenance({ rounds: times, seconds, commit, date, machine }) {
  const repeated = times === 1 ? "One round" : `${times} alternating rounds`;
  const { processors, processor, kernel } = machine;
  return `${repeated} of ${seconds} s; commit ${commit}, ${date}; ${processors} × ${processor}, ${kernel}.`;
}

function markdown(titles, lines) {
  const rule = titles.map(() => "---");
  return [titles, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
