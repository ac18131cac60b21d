// What the eldest clients do besides talking.
//
//   node elders.mjs refused NODE_URL...       who is refused, and how it is told
//   node elders.mjs back STOP NODE_URL...     behind a balancer; a connection to STOP stops the first node

import net from "node:net";
import { load } from "./generations.mjs";
import { Deviation, Person, within } from "./person.mjs";
import { roundRobin } from "./round-robin.mjs";
import { expect } from "./vocabularies/words.mjs";

const PATH = "/sio/socket.io";
const DEADLINE = 30_000;

const [what, ...urls] = process.argv.slice(2);
await { refused, back }[what](urls);
process.exit();

async function refused(nodes) {
  const answer = await fetch(`${nodes[0]}/socket.io/?EIO=2&transport=websocket`);
  expect("the answer to 1.0", [400, 0], [answer.status, (await answer.json()).code]);
  const one = { name: "1.0", transport: "websocket" };
  expect("what 1.0 hears", "1.0: connect_error: websocket error", await refusal(Person.connect(load("sioc10"), nodes[0], one)));

  for (const transport of ["polling", "websocket"]) {
    const how = { name: "Ann", transport, namespace: "/v1", auth: { name: `Ann by ${transport}` } };
    const Ann = await Person.connect(load("sioc09"), nodes[0], how);
    await Ann.hears(["ready", () => true]);
    const other = Person.connect(load("sioc09"), nodes.at(-1), how);
    expect("what a second Ann hears", "Ann: connect_failed: unauthorized", await refusal(other));
    Ann.leave();
  }
}

/** Why nobody was let in. */
async function refusal(connecting) {
  const came = await connecting.catch((error) => error);
  if (!(came instanceof Deviation)) throw new Deviation("it should be refused");
  return came.message;
}

/** By each transport there is somebody on each node; then the first stops, once told so, and everyone is heard again. */
async function back([stop, ...nodes]) {
  const balancer = await roundRobin(nodes);
  const everyone = [];
  for (const transport of ["polling", "websocket"]) everyone.push(...(await onEachNode(balancer.url, transport)));
  const speaker = { name: "speaker", transport: "websocket", path: PATH, first: ["message", "hello"] };
  const Ann = await Person.connect(load("sioc4"), nodes[1], speaker);
  await allHear(everyone, Ann, "before");

  const here = everyone[0].node;
  const leaving = everyone.filter(({ node }) => node === here);
  net.connect(new URL(stop).port).end();
  await within(DEADLINE, "those on the first node to be gone", Promise.all(leaving.map(({ gone }) => gone)));
  await allHear(everyone, Ann, "after");
  for (const { node } of everyone) expect("where they are", (name) => name !== here, node);
}

async function onEachNode(url, transport) {
  const those = [];
  while (new Set(those.map(({ node }) => node)).size < 2) {
    // Those who shake hands one right after the other do so with one node after the other.
    those.push(...(await Promise.all([1, 2, 3].map(() => comes(url, transport)))));
  }
  return those;
}

/** One who comes back by itself: `node` is where it is, `heard` what it has heard, `gone` when it first is. */
function comes(url, transport) {
  const one = { heard: new Set() };
  const connected = new Promise((resolve) => {
    one.gone = new Promise((gone) => {
      load("sioc09").connect(url, { transport, path: PATH, reconnect: true }, {
        connected: (sid) => resolve(Object.assign(one, { node: sid.split(".")[1] })),
        heard: ([, text]) => one.heard.add(text),
        gone,
        // While it is away.
        refused: () => {},
      });
    });
  });
  return within(DEADLINE, "it to connect", connected);
}

/** Says it until everybody has heard it, for nobody knows when they all are there. */
async function allHear(everyone, speaker, text) {
  const began = Date.now();
  while (!everyone.every(({ heard }) => heard.has(text))) {
    if (Date.now() - began > DEADLINE) throw new Deviation(`not everyone is there ${text} the node has stopped`);
    speaker.say("message", text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
