// Pages of other origins, in a browser: one that the nodes allow talks, with credentials and headers of its own, which
// takes preflights; one that they do not allow gets no connection.
//
//   node origins.mjs SCREENSHOTS_FOLDER NODE_URL NODE_URL
//
// The nodes allow http://page.example alone (HUBBUB__SECURITY__ORIGINS).

import { readFileSync } from "node:fs";
import http from "node:http";
import { expectQuiet, launch, newPage } from "./chromium.mjs";
import { bundleOf, TRANSPORTS } from "../clients/generations.mjs";
import { roundRobin } from "../clients/round-robin.mjs";

const [, ...nodes] = process.argv.slice(2);
const [ALLOWED, FORBIDDEN] = ["page.example", "elsewhere.example"];
const CLIENTS = ["sioc13", "sioc22", "sioc4"];

// What is still on its way when a page is closed is answered while the next one talks: each has its own number.
let visits = 0;
const answers = [];
const observe = (status, url, { method }) => answers.push({ status, method, visit: visitOf(url) });
const balancer = await roundRobin(nodes, { observe });
const site = await serve();
const browser = await launch(...[ALLOWED, FORBIDDEN].map((from) => ({ from, to: `127.0.0.1:${site.address().port}` })));
try {
  for (const client of CLIENTS) {
    for (const transport of ["polling", "websocket", "upgrade"]) {
      await talks(client, transport);
      await isRefused(client, transport);
    }
  }
} finally {
  await browser.close();
  balancer.close();
  site.close();
}

/** A page that says something, and hears it. */
async function talks(client, transport) {
  const { page, visit, heard } = await speakFrom(ALLOWED, client, transport);
  expect(`${client} by ${transport} hears`, "Grüße 🦀", heard);
  expectQuiet({ [client]: page });
  await page.context().close();
  // 1.3.6 can send no headers of its own.
  const preflights = answersTo(visit).filter(({ method }) => method === "OPTIONS");
  const wanted = client !== "sioc13" && transport !== "websocket";
  expect(`whether ${client} asked first by ${transport}`, wanted, preflights.length > 0);
}

/** The same page, on another site. */
async function isRefused(client, transport) {
  const { page, visit, heard } = await speakFrom(FORBIDDEN, client, transport);
  expect(`${client} from elsewhere by ${transport}`, true, heard.startsWith("refused: "));
  await page.context().close();
  const statuses = new Set(answersTo(visit).map(({ status }) => status));
  // An upgrade's answer is not among them.
  const wanted = transport === "websocket" ? "" : "403";
  expect(`the answers to ${client} from elsewhere by ${transport}`, wanted, [...statuses].join());
}

/** A page of that host that speaks, and what came of it. */
async function speakFrom(host, client, transport) {
  const visit = `${++visits}`;
  const page = await open(host, client);
  const options = { url: balancer.url, query: `visit=${visit}`, ...TRANSPORTS[transport], ...extras(client) };
  return { page, visit, heard: await page.evaluate(speak, options) };
}

function answersTo(visit) {
  return answers.filter((answer) => answer.visit === visit);
}

function visitOf(url) {
  return new URL(url, "http://balancer").searchParams.get("visit");
}

/** In the page: what it heard, or why it is not connected. */
function speak({ url, ...options }) {
  return new Promise((resolve) => {
    const socket = window.io(url, { ...options, path: "/sio/socket.io", forceNew: true, reconnection: false });
    socket.on("connect", () => socket.emit("message", "Grüße 🦀"));
    socket.on("response", resolve);
    for (const what of ["connect_error", "error"]) {
      socket.on(what, (error) => resolve(`refused: ${error.message ?? error}`));
    }
  });
}

/** Credentials and a header, as each generation has them; all old ones send credentials anyway. */
function extras(client) {
  const extraHeaders = { "X-Page": "one" };
  const extras = {
    sioc22: { transportOptions: { polling: { extraHeaders } } },
    sioc4: { withCredentials: true, extraHeaders },
  };
  return extras[client] ?? {};
}

async function open(host, client) {
  const page = await newPage(browser);
  await page.goto(`http://${host}/${client}`);
  return page;
}

/** A site of empty pages, each with a client. */
function serve() {
  const site = http.createServer((request, answer) => {
    const [, client, part] = request.url.split("/");
    const page = `<!DOCTYPE html><link rel="icon" href="data:,"><script src="/${client}/io.js"></script>`;
    answer.setHeader("content-type", `text/${part ? "javascript" : "html"}; charset=utf-8`);
    answer.end(part ? readFileSync(bundleOf(client)) : page);
  });
  return new Promise((resolve) => site.listen(0, "127.0.0.1", () => resolve(site)));
}

function expect(what, wanted, is) {
  if (is !== wanted) throw new Error(`${what} should be ${wanted}, but is ${is}`);
}
