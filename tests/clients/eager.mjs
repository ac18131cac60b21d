// A hundred clients say who they are in their `connect` handler, as the tutorials do, many at a time: each is heard.
// Then the next hundred, up to COUNT.
//
//   node eager.mjs NODE_URL NODE_URL [COUNT]

import { BY_ALL, load } from "./generations.mjs";
import { Deviation, Person } from "./person.mjs";

const nodes = process.argv.slice(2, 4);
const COUNT = Number(process.argv[4] ?? 100);
const CROWD = 100;
const AT_ONCE = 20;

const clients = ["sioc13", "sioc14", "sioc22", "sioc4"].map(load);
for (let first = 0; first < COUNT; first += CROWD) await gather(first);
console.log(JSON.stringify({ connections: COUNT }));

async function gather(start) {
  const crowd = [];
  for (let first = start; first < start + CROWD; first += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, index) => first + index);
    crowd.push(...(await Promise.all(numbers.map(enter))));
  }
  const everyone = Object.fromEntries(crowd.map(({ name }) => [name, name]));
  for (const one of crowd) {
    await one.hearsUntil(["updateChat", "Server", "you have connected"]);
    await one.lists("updateUsers", everyone);
  }
  // Nobody was answered twice, and everybody hears what is said now.
  crowd[0].say("sendChat", "the end");
  for (const one of crowd) {
    const rest = await one.hearsUntil(["updateChat", crowd[0].name, "the end"]);
    if (rest.some(([, , text]) => text === "you have connected")) throw new Deviation(`${one.name} was greeted twice`);
  }
  for (const one of crowd) one.leave();
}

function enter(number) {
  const transport = BY_ALL[number % BY_ALL.length];
  const name = `person ${number}`;
  const [client, node] = [clients, nodes].map((all) => all[number % all.length]);
  return Person.connect(client, node, { name, transport, first: ["addUser", name], lists: ["updateUsers"] });
}
