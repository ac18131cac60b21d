// Somebody is called as what every object has. They are in the list like anybody else, and the page's objects stay as
// they were, with each generation's own way to read what it hears.
//
//   node kin.mjs NODE_URL NODE_URL

import { GENERATIONS, load } from "./generations.mjs";
import { Deviation, Person } from "./person.mjs";
import { roster } from "./vocabularies/basics.mjs";

const NAMES = ["__proto__", "constructor", "hasOwnProperty", "toString", "length"];
const nodes = process.argv.slice(2);

for (const generation of Object.keys(GENERATIONS)) await meet(load(generation), generation);
process.exit();

async function meet(client, generation) {
  const everyone = [];
  for (const [index, name] of NAMES.entries()) {
    const how = { name, transport: "polling", first: ["addUser", name], lists: ["updateUsers"] };
    everyone.push(await Person.connect(client, nodes[index % nodes.length], how));
  }
  for (const one of everyone) {
    await one.lists("updateUsers", roster(...NAMES));
    await one.untilLists("updateUsers", "an ordinary object", ([...lists]) => isOrdinary(lists.at(-1)[0]));
  }
  everyone[0].say("sendChat", "the end");
  for (const one of everyone) await one.hearsUntil(["updateChat", "__proto__", "the end"]);
  for (const one of everyone) one.leave();
  console.log(JSON.stringify({ generation }));
}

/** What the page does with it: it prints the keys. */
function isOrdinary(list) {
  const printed = [];
  for (const name in list) printed.push(name);
  const parent = Object.getPrototypeOf(list);
  const untouched = Object.getPrototypeOf(parent) === null && typeof parent.toString === "function";
  if (!untouched) throw new Deviation("the objects of the page have changed");
  return printed.sort().join() === [...NAMES].sort().join();
}
