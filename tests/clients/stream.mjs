// One client says five hundred things as fast as it can, from its `connect` handler on, so also during its upgrade:
// everyone hears each of them once, in order, on both nodes.
//
//   node stream.mjs NODE_URL NODE_URL

import { BY_ALL, load } from "./generations.mjs";
import { Deviation, Person } from "./person.mjs";

const nodes = process.argv.slice(2);
const COUNT = 500;

for (const generation of ["sioc13", "sioc14", "sioc22", "sioc4"]) {
  for (const transport of BY_ALL) await stream(generation, transport);
}
process.exit();

async function stream(generation, transport) {
  const began = Date.now();
  const client = load(generation);
  const path = "/sio/socket.io";
  const enter = (node, name, first) => Person.connect(client, node, { name, transport, path, first });
  const hearers = [];
  for (const [index, node] of nodes.entries()) {
    hearers.push(await enter(node, `hearer ${index}`, ["message", `${index} is here`]));
    for (const one of hearers) await one.hears(["response", `${index} is here`]);
  }
  const text = (number) => `${generation} ${transport} ${number} 🦀`;
  const speaker = await enter(nodes[0], "speaker", ["message", text(0)]);
  for (let number = 1; number < COUNT; number += 1) speaker.say("message", text(number));
  for (const one of [speaker, ...hearers]) {
    for (let number = 0; number < COUNT; number += 1) await one.hears(["response", text(number)]);
  }
  // Nothing came twice: the next thing is the next thing said.
  const [extra] = await speaker.ask("message", "the end");
  if (extra !== undefined) throw new Deviation(`the acknowledgement says ${JSON.stringify(extra)}`);
  for (const one of [speaker, ...hearers]) {
    await one.hears(["response", "the end"]);
    await one.settles();
    one.leave();
  }
  console.log(JSON.stringify({ generation, transport, messages: COUNT, ms: Date.now() - began }));
}
