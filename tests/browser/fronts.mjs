// Where a page of two people lives: each on a node of its own, or both behind a balancer that knows no sessions.

import { roundRobin } from "../clients/round-robin.mjs";

/**
 * `urls` are two; `close` fails where a balancer was asked for and no session was sent to more than one node. `tls` is
 * `{ key, cert }`.
 */
export async function fronts(nodes, { balanced, tls }) {
  const groups = balanced ? [nodes] : nodes.map((node) => [node]);
  const balancers = await Promise.all(groups.map((group) => roundRobin(group, { tls })));
  const urls = [balancers[0], balancers.at(-1)].map(({ url }) => url);
  return { urls, close };

  function close() {
    for (const balancer of balancers) balancer.close();
    if (balanced && balancers[0].crossed() === 0) throw new Error("no session was sent to more than one node");
  }
}
