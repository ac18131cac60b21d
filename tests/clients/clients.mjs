// Every client that the tests have, by name.

import { GENERATIONS, load } from "./generations.mjs";
import { BY_ALL } from "./line.mjs";
import { pull, PUPPETS } from "./puppets.mjs";

const generations = Object.entries(GENERATIONS);
const inNode = generations.filter(([, { onlyBundle }]) => !onlyBundle);

/** Name -> what it is called in a table. */
export const CLIENTS = {
  ...Object.fromEntries(generations.map(([name, { version }]) => [name, `${version} bundle`])),
  ...Object.fromEntries(inNode.map(([name, { version }]) => [`${name}-node`, `${version} Node`])),
  ...Object.fromEntries(Object.entries(PUPPETS).map(([name, { version }]) => [name, version])),
};

/** The transports by which all of these are served. */
export function transportsOf(names) {
  return names.reduce((shared, name) => shared.filter((one) => servedBy(name).includes(one)), BY_ALL);
}

function servedBy(name) {
  return GENERATIONS[name]?.transports ?? BY_ALL;
}

/** A client: `connect(url, how, ears)` gives a connection, which a Person speaks through. */
export function open(name) {
  return name in PUPPETS ? pull(name) : load(name);
}
