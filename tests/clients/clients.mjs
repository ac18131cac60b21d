// Every client that the tests have, by name.

import { GENERATIONS, load } from "./generations.mjs";
import { pull, PUPPETS } from "./puppets.mjs";

/** Name -> what it is called in a table. */
export const CLIENTS = {
  ...Object.fromEntries(Object.entries(GENERATIONS).map(([name, { version }]) => [name, `${version} bundle`])),
  ...Object.fromEntries(Object.entries(GENERATIONS).map(([name, { version }]) => [`${name}-node`, `${version} Node`])),
  ...Object.fromEntries(Object.entries(PUPPETS).map(([name, { version }]) => [name, version])),
};

/** A client: `connect(url, how, ears)` gives a connection, which a Person speaks through. */
export function open(name) {
  return name in PUPPETS ? pull(name) : load(name);
}
