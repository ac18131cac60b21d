// What is demanded of the figures, and whether they reach it.

import { ratios, steepness, summary } from "./figures.mjs";
import { ROWS } from "./rows.mjs";

/** `figure` takes all results, and returns the ratio in each round. */
export const DEMANDS = [
  against("node", "saturation", "cpu", 1 / 25, 1 / 40, "saturation, 2,000 clients, 1 node: CPU per delivery against Node"),
  against("socketioxide", "saturation", "cpu", 1 / 2.5, 1 / 4, "the same against bare socketioxide"),
  against("node", "two-nodes", "cpu", 1 / 12, 1 / 20, "2 nodes through Redis, log and order kept, against Node with its adapter"),
  against("node", "steady", "cpu", 0.65, 0.5, "20 messages/s to 500: CPU per delivery against Node"),
  against("socketioxide", "brisk", "cpu", 0.7, 0.4, "200 messages/s to 500: CPU per delivery against bare socketioxide"),
  against("node", "idle", "memory", 1, 0.7, "idle memory per WebSocket against Node"),
  against("raw", "across", "p50", 1.5, 1.2, "p50 across nodes, 20 messages/s to 500, against the raw server through Redis"),
  against("raw", "across", "p99", 1.5, 1.2, "p99 of the same"),
  against("node", "idle", "connect", 0.25, 0.15, "connect CPU against Node"),
  flat("flat-clients", "cost per delivery from 100 to 5,000 clients, the highest by the lowest"),
  flat("flat-nodes", "cost per delivery from 1 to 4 nodes, the highest by the lowest"),
];

/** Each demand whose cases were measured, with the ratios of its rounds and what they reach. */
export function judge(results) {
  return DEMANDS.filter((demand) => isMeasured(demand, results[demand.row])).map((demand) => {
    const found = demand.figure(results[demand.row]);
    return { ...demand, found, reached: reach(demand, found) };
  });
}

/** Nothing costs nothing: a figure that could not be taken is no good one. */
function reach({ must, goal }, found) {
  const { median } = summary(found);
  if (!found.every((ratio) => ratio > 0)) return "missed";
  return median <= goal ? "goal" : median <= must ? "must" : "missed";
}

function isMeasured({ needs }, result) {
  return needs.every((name) => result?.runs.some((run) => run.case === name));
}

/** How many deliveries of Hubbub's, in all measured rows, were lost, repeated or out of order. */
export function faults(results) {
  const runs = Object.entries(results).flatMap(([row, { runs }]) => runs.filter((run) => isHubbub(row, run)));
  return runs.reduce((sum, run) => sum + faultsOf(run), 0);
}

export function faultsOf({ lost = 0, repeated = 0, reordered = 0, strayed = 0, holes = 0, other_order = 0 }) {
  return lost + repeated + reordered + strayed + holes + other_order;
}

/** Connections that Hubbub closed; of those that it closed where it was asked for too much, whoever never came back. */
export function cutOff(results) {
  const runs = Object.entries(results).flatMap(([row, { runs }]) => runs.filter((run) => isHubbub(row, run)));
  return runs.reduce((sum, run) => sum + (run.gone ?? run.cut_off), 0);
}

function isHubbub(row, run) {
  return ROWS[row].cases[run.case].server === "hubbub";
}

function against(other, row, figure, must, goal, what) {
  return { what, row, must, goal, needs: ["hubbub", other], figure: (result) => ratios(result, "hubbub", other, figure) };
}

function flat(row, what) {
  return { what, row, must: 1.5, goal: 1.2, needs: Object.keys(ROWS[row].cases), figure: (result) => steepness(result, "cpu") };
}
