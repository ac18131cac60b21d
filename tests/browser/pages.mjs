// Pages of our own that make the calls of seeds 000, 001 and 004 with the client that each names, in a browser.
//
//   node pages.mjs SCREENSHOTS_FOLDER 000|001|004 NODE_URL NODE_URL
//
// The nodes serve the page. Seed 000 insists on https, so there is TLS in front of its nodes.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectQuiet, launch, newPage, serveLibraries, shows } from "./chromium.mjs";
import { roundRobin } from "../clients/round-robin.mjs";

const [screenshots, seed, ...nodes] = process.argv.slice(2);
const TEXTS = ["hello", "Grüße, façade", "emoji 👋🏽 🦀", "<b>bold</b> & {{1 + 1}}"];

const browser = await launch();
const seeds = { "000": simple, "001": flask, "004": teamtalk };
try {
  await seeds[seed]();
} finally {
  await browser.close();
}

async function simple() {
  const tls = certificate();
  const fronts = await Promise.all(nodes.map((node) => roundRobin([node], { tls })));
  const pages = [];
  for (const { port } of fronts) pages.push(await open(`https://localhost:${port}/`));
  await talk(pages, ".message", [], (text) => [text]);
  // Who comes later is told what was said.
  const late = await open(`https://localhost:${fronts[0].port}/`);
  await shows(late, ".message", TEXTS.flatMap((text) => [text, text]));
  expectQuiet({ ...pages, late });
  for (const front of fronts) front.close();
}

async function flask() {
  const pages = [];
  for (const node of nodes) pages.push(await open(`${node}/`));
  await pages[1].fill("#name", "Zoë 🦀");
  await pages[1].press("#name", "Enter");
  await talk(pages, ".message", [], (text, page) => [`${page === 0 ? "New user" : "Zoë 🦀"}: ${text}`]);
  expectQuiet(pages);
}

async function teamtalk() {
  const ann = await open(`${nodes[0]}/?user=Ann`);
  await shows(ann, "li", ["Ann: I am here", "Ann: I am here"]);
  const bob = await open(`${nodes[1]}/?user=${encodeURIComponent("Zoë 🦀")}`);
  const arrived = ["Zoë 🦀: I am here", "Zoë 🦀: I am here"];
  await shows(bob, "li", arrived);
  await shows(ann, "li", ["Ann: I am here", "Ann: I am here", ...arrived]);
  await shows(ann, "li.event", ["Ann: I am here", arrived[0]]);
  await bob.evaluate(() => document.querySelectorAll("li").forEach((line) => line.remove()));
  await ann.evaluate(() => document.querySelectorAll("li").forEach((line) => line.remove()));
  await talk([ann, bob], "li", [], (text, page) => Array(2).fill(`${page === 0 ? "Ann" : "Zoë 🦀"}: ${text}`));
  expectQuiet({ ann, bob });
}

/** Each says each text in turn, and all show what `lines` makes of it. */
async function talk(pages, selector, shown, lines) {
  for (const text of TEXTS) {
    for (const [index, page] of pages.entries()) {
      await page.fill("#text", text);
      await page.press("#text", "Enter");
      shown.push(...lines(text, index));
      for (const other of pages) await shows(other, selector, shown);
    }
  }
  await pages[0].screenshot({ path: join(screenshots, `${seed}.png`) });
}

/** Opens it, and waits until its client is connected: until then the page hears nothing. */
async function open(url) {
  const page = await newPage(browser, { ignoreHTTPSErrors: true });
  await serveLibraries(page);
  await page.goto(url);
  await page.waitForSelector("html.connected");
  return page;
}

function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "hubbub-tls-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", cert], { stdio: "pipe" });
  const made = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return made;
}
