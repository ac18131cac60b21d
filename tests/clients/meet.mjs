// Real clients of one kind meet on several nodes, by transport after transport, in vocabulary after vocabulary.
//
//   node meet.mjs --client sioc22 --transports polling,websocket,upgrade --vocabularies 002,003 NODE_URL...
//
// Prints a line of JSON for each meeting, and fails if one of them is not what wire.md says. `--other` names another
// client for those who come second; `--round-robin` puts a balancer in front of the nodes that knows no sessions.

import { parseArgs } from "node:util";
import { open, transportsOf } from "./clients.mjs";
import { Deviation, Person } from "./person.mjs";
import { roundRobin } from "./round-robin.mjs";
import { sidOf } from "./sid.mjs";
import { VOCABULARIES } from "./vocabularies.mjs";
import { observers } from "./window.mjs";

const { values: options, positionals: nodes } = parseArgs({
  allowPositionals: true,
  options: {
    client: { type: "string" },
    other: { type: "string" },
    transports: { type: "string" },
    vocabularies: { type: "string", default: Object.keys(VOCABULARIES).join() },
    "round-robin": { type: "boolean", default: false },
  },
});

const names = [options.client, options.other ?? options.client];
const transports = options.transports?.split(",") ?? transportsOf(names);
const clients = names.map(open);
const refusals = [];
const balancer = options["round-robin"] ? await roundRobin(nodes, { observe }) : null;
if (!balancer) observers.add(observe);

/** Two runs on one cluster are told apart. */
const RUN = Date.now().toString(36);
const everyone = [];
let failed = false;
for (const vocabulary of options.vocabularies.split(",")) {
  for (const transport of transports) await meeting(vocabulary, transport);
}
balancer?.close();
process.exit(failed ? 1 : 0);

async function meeting(vocabulary, transport) {
  const { namespace, path, meet } = VOCABULARIES[vocabulary];
  let next = 0;
  const enter = async (name, how = {}) => {
    const turn = next++;
    const url = balancer?.url ?? nodes[turn % nodes.length];
    const one = await Person.connect(clients[Math.min(turn, 1)], url, { name, transport, namespace, path, ...how });
    everyone.push(one);
    return one;
  };
  const [began, crossed] = [Date.now(), balancer?.crossed()];
  const how = { apart: balancer === null };
  const met = meet(enter, `${vocabulary} ${transport} ${RUN}`, how);
  const wrong = await met.then(() => complaint(transport, crossed), (error) => error);
  for (const one of everyone) one.leave();
  failed ||= wrong !== null;
  console.log(JSON.stringify({ vocabulary, transport, ms: Date.now() - began, ok: wrong === null }));
  const why = wrong instanceof Deviation ? wrong.message : wrong?.stack;
  if (wrong) console.error(`${vocabulary} by ${transport}: ${why}`);
}

/** What nobody in the story could notice. */
function complaint(transport, crossed) {
  const refused = refusals.splice(0);
  if (refused.length > 0) return new Deviation(`answers of 400 and above: ${refused}`);
  const crosses = balancer === null || transport === "websocket" || balancer.crossed() > crossed;
  return crosses ? null : new Deviation("no session was sent to more than one node");
}

/** A client that leaves may have one more question under way, which nobody answers any more. */
function observe(status, url) {
  const sid = sidOf(url);
  // Some clients do not know their own.
  const hasLeft = everyone.some((one) => one.hasLeft && (one.sid ?? sid) === sid);
  if (status >= 400 && !hasLeft) refusals.push(`${status} ${url}`);
}
