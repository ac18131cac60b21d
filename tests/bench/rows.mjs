// What is measured: rows of cases, each a server and what the load generator does with it.

const ALL = ["hubbub", "node", "bun", "python", "socketioxide", "raw"];

/** A row's `figures` are the columns of its table: see figures.mjs. Its first case is what the others are compared with. */
export const ROWS = {
  saturation: {
    title: "Saturation: 2,000 clients, 10 senders with 10 messages in flight each, one node",
    figures: ["cpu", "deliveries", "p50", "p99"],
    cases: each(["hubbub", "node", "bun", "socketioxide", "raw"], closed(2_000, 10)),
  },
  "saturation-python": {
    title: "Saturation with 1 message in flight each: 2,000 clients, 10 senders, one node",
    figures: ["cpu", "deliveries", "p50", "p99"],
    cases: each(["hubbub", "python"], closed(2_000, 1)),
  },
  "two-nodes": {
    title: "Two nodes through Redis: 2,000 clients, 10 senders with 10 messages in flight each",
    figures: ["cpu", "redis", "deliveries", "p50", "p99"],
    cases: each(["hubbub", "node", "raw"], closed(2_000, 10), 2),
  },
  steady: {
    title: "20 messages/s to 500 clients, one node",
    figures: ["cpu", "p50", "p99"],
    cases: each(ALL, open(500, 20)),
  },
  brisk: {
    title: "200 messages/s to 500 clients, one node",
    figures: ["cpu", "deliveries", "p50", "p99"],
    cases: each(["hubbub", "socketioxide", "node"], open(500, 200)),
  },
  across: {
    title: "Two nodes through Redis: 20 messages/s to 500 clients, half of them on each node",
    figures: ["cpu", "redis", "p50", "p99"],
    cases: each(["hubbub", "raw"], open(500, 20), 2),
  },
  idle: {
    title: "5,000 idle connections by WebSocket, one node",
    figures: ["memory", "connect", "connects"],
    cases: each(ALL, { workload: "idle", clients: 5_000 }),
  },
  "flat-clients": {
    title: "20 messages/s to 100, 500, 2,000 and 5,000 clients, one node",
    figures: ["cpu", "deliveries", "p50", "p99"],
    cases: Object.fromEntries(
      [100, 500, 2_000, 5_000].map((clients) => [`${thousands(clients)} clients`, { server: "hubbub", nodes: 1, load: open(clients, 20) }]),
    ),
  },
  "flat-nodes": {
    title: "20 messages/s to 2,000 clients on 1, 2 and 4 nodes, all through Redis",
    figures: ["cpu", "redis", "deliveries", "p50", "p99"],
    cases: Object.fromEntries(
      [1, 2, 4].map((nodes) => [`${nodes} node${nodes > 1 ? "s" : ""}`, { server: "hubbub", nodes, redis: true, load: open(2_000, 20) }]),
    ),
  },
  overload: {
    title: "Twice what a closed loop of growing depth found to be carried: 1,000 clients, 10 senders",
    figures: ["carried", "offered", "said", "deliveries", "kept", "announced", "gone"],
    cases: Object.fromEntries(
      [1, 2].flatMap((nodes) => ["003", "v1"].map((dialect) => [`${dialect}, ${nodes} node${nodes > 1 ? "s" : ""}`, overloaded(dialect, nodes)])),
    ),
  },
};

/** A sender says its next message when it has heard one of its own, as fast as the server can. */
function closed(clients, inflight) {
  return { workload: "fanout", clients, inflight };
}

/** So many messages a second, of all senders together. */
function open(clients, rate) {
  return { workload: "fanout", clients, rate };
}

function each(servers, load, nodes = 1) {
  return Object.fromEntries(servers.map((server) => [server, { server, nodes, redis: nodes > 1, load }]));
}

/** As many messages a second as it carries, and then twice as many. */
function overloaded(dialect, nodes) {
  return { server: "hubbub", nodes, redis: nodes > 1, load: { workload: "overload", clients: 1_000, dialect } };
}

function thousands(number) {
  return number.toLocaleString("en");
}
