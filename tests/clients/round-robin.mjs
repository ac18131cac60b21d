// A balancer that knows nothing of sessions: each request goes to the next node, on a kept connection too; a
// WebSocket stays where its upgrade went. A node that takes no connection any more is asked no more.

import http from "node:http";
import https from "node:https";
import net from "node:net";
import { sidOf } from "./sid.mjs";

/**
 * Its `url`, and how many sessions it has sent to more than one node. `tls` is `{ key, cert }`; `observe(status, url,
 * request)` is told of every answer, those to upgrades excepted.
 */
export async function roundRobin(nodes, { tls, observe = () => {} } = {}) {
  const targets = nodes.map((node) => new URL(node));
  const agent = new http.Agent({ keepAlive: true });
  const sessions = new Map();
  let turn = 0;

  function next(request) {
    const target = targets[turn++ % targets.length];
    note(sidOf(request.url), target);
    return target;
  }

  function note(sid, target) {
    if (sid) sessions.set(sid, (sessions.get(sid) ?? new Set()).add(target));
  }

  function failed({ code }, target) {
    if (code === "ECONNREFUSED" && targets.includes(target)) targets.splice(targets.indexOf(target), 1);
  }

  const server = tls ? https.createServer(tls) : http.createServer();
  server.on("request", (request, answer) => {
    const target = next(request);
    const { hostname, port } = target;
    const { method, url: path, headers } = request;
    const onward = http.request({ hostname, port, method, path, headers, agent }, (back) => {
      observe(back.statusCode, path, request);
      note(back.headers["x-hubbub-sid"], target);
      answer.writeHead(back.statusCode, back.rawHeaders);
      back.pipe(answer);
    });
    onward.on("error", (error) => {
      failed(error, target);
      answer.destroy();
    });
    answer.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("upgrade", (request, client, head) => {
    const target = next(request);
    const { hostname, port } = target;
    const node = net.connect(port, hostname, () => {
      node.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines(request.rawHeaders)}\r\n`);
      node.write(head);
      client.pipe(node).pipe(client);
    });
    node.on("error", (error) => failed(error, target));
    for (const [one, other] of [[client, node], [node, client]]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${server.address().port}`,
    port: server.address().port,
    crossed: () => [...sessions.values()].filter((nodes) => nodes.size > 1).length,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function lines(rawHeaders) {
  let text = "";
  for (let at = 0; at < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  return text;
}
