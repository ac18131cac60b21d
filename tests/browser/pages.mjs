// Pages of our own that make the calls of seeds 000, 001 and 004 with the client that each names, in a browser.
//
//   node pages.mjs [--round-robin] SCREENSHOTS_FOLDER 000|001|004 NODE_URL NODE_URL
//
// The nodes serve the page. `--round-robin` puts a balancer in front of them. Seed 000 insists on https.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { expectQuiet, launch, newPage, serveLibraries, shows } from "./chromium.mjs";
import { fronts } from "./fronts.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { "round-robin": { type: "boolean", default: false } },
});
const [screenshots, seed, ...nodes] = positionals;
const TEXTS = ["hello", "Grüße, façade", "emoji 👋🏽 🦀", "<b>bold</b> & {{1 + 1}}"];

const seeds = { "000": simple, "001": flask, "004": teamtalk };
const tls = seed === "000" ? certificate() : undefined;
const { urls, close } = await fronts(nodes, { balanced: options["round-robin"], tls });
const browser = await launch();
try {
  await seeds[seed]();
} finally {
  await browser.close();
}
close();

async function simple() {
  const pages = [];
  for (const url of urls) pages.push(await open(url));
  await talk(pages, ".message", [], (text) => [text]);
  // Who comes later is told what was said.
  const late = await open(urls[0]);
  await shows(late, ".message", TEXTS.flatMap((text) => [text, text]));
  expectQuiet({ ...pages, late });
}

async function flask() {
  const pages = [];
  for (const url of urls) pages.push(await open(url));
  await pages[1].fill("#name", "Zoë 🦀");
  await pages[1].press("#name", "Enter");
  await talk(pages, ".message", [], (text, page) => [`${page === 0 ? "New user" : "Zoë 🦀"}: ${text}`]);
  expectQuiet(pages);
}

async function teamtalk() {
  const ann = await open(`${urls[0]}/?user=Ann`);
  await shows(ann, "li", ["Ann: I am here", "Ann: I am here"]);
  const bob = await open(`${urls[1]}/?user=${encodeURIComponent("Zoë 🦀")}`);
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
