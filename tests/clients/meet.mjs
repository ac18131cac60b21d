// Real clients of one generation meet on several nodes, by transport after transport, in vocabulary after vocabulary.
//
//   node meet.mjs --client sioc22 --transports polling,websocket,upgrade --vocabularies 002,003 NODE_URL...
//
// Prints a line of JSON for each meeting, and fails if one of them is not what wire.md says. `--other` names another
// generation for those who come second; `--round-robin` puts a balancer in front of the nodes that knows no sessions.

import { parseArgs } from "node:util";
import { BY_ALL, load } from "./generations.mjs";
import { Deviation, Person } from "./person.mjs";
import { roundRobin } from "./round-robin.mjs";
import { VOCABULARIES } from "./vocabularies.mjs";
import { observers } from "./window.mjs";

const { values: options, positionals: nodes } = parseArgs({
  allowPositionals: true,
  options: {
    client: { type: "string" },
    other: { type: "string" },
    transports: { type: "string", default: BY_ALL.join() },
    vocabularies: { type: "string", default: Object.keys(VOCABULARIES).join() },
    "round-robin": { type: "boolean", default: false },
  },
});

const clients = [options.client, options.other ?? options.client].map(load);
const balancer = options["round-robin"] ? await roundRobin(nodes) : null;
const refusals = [];
const left = new Set();
observers.add((status, url) => status >= 400 && refusals.push(url));

/** Two runs on one cluster are told apart. */
const RUN = Date.now().toString(36);
let failed = false;
for (const vocabulary of options.vocabularies.split(",")) {
  for (const transport of options.transports.split(",")) await meeting(vocabulary, transport);
}
balancer?.close();
process.exit(failed ? 1 : 0);

async function meeting(vocabulary, transport) {
  const { namespace, path, meet } = VOCABULARIES[vocabulary];
  const tag = `${vocabulary} ${transport} ${RUN}`;
  const everyone = [];
  const enter = async (name, how = {}) => {
    const turn = everyone.length;
    const url = balancer?.url ?? nodes[turn % nodes.length];
    const one = await Person.connect(clients[Math.min(turn, 1)], url, { name, transport, namespace, path, ...how });
    everyone.push(one);
    return one;
  };
  const began = Date.now();
  const crossed = balancer?.crossed();
  const wrong = await meet(enter, tag, { apart: balancer === null }).then(() => complaint(), (error) => error);
  for (const one of everyone) {
    one.leave();
    left.add(one.sid);
  }
  failed ||= wrong !== null;
  report({ vocabulary, transport, ms: Date.now() - began, ok: wrong === null });
  if (wrong) console.error(wrong instanceof Deviation ? wrong.message : wrong);

  function complaint() {
    // A client that leaves may have had one more question under way, which nobody answers any more.
    for (const one of everyone) if (one.hasLeft) left.add(one.sid);
    const refused = refusals.splice(0).filter((url) => !left.has(new URL(url).searchParams.get("sid")));
    if (refused.length > 0) return new Deviation(`answers of 400 and above: ${refused}`);
    const crosses = balancer === null || transport === "websocket" || balancer.crossed() > crossed;
    return crosses ? null : new Deviation("no session was sent to more than one node");
  }
}

function report(line) {
  const versions = clients.map(({ version }) => version);
  const crossed = balancer && { crossed: balancer.crossed() };
  console.log(JSON.stringify({ clients: [...new Set(versions)], ...line, ...crossed }));
}
