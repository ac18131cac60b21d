// A real headless Chromium, and pages in it that must not complain about anything.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const installed = createRequire(new URL("../clients/package.json", import.meta.url));
const { chromium } = installed("playwright-core");

/**
 * A browser. `origins` are `{ from, to }`, both `host:port`: what pages ask the one for goes to the other, WebSockets
 * included, and they do not notice.
 */
export function launch(...origins) {
  const rules = origins.map(({ from, to }) => `MAP ${from} ${to}`);
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      `--host-resolver-rules=${rules}`,
    ],
  });
}

/** A page of a person of their own, on which every complaint is kept; `complaints(page)` are those so far. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(TIME);
  const page = await context.newPage();
  const complaints = [];
  COMPLAINTS.set(page, complaints);
  page.on("console", (line) => line.type() === "error" && complaints.push(`console: ${line.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
  page.on("response", (answer) => answer.status() >= 400 && complaints.push(`${answer.status()}: ${answer.url()}`));
  page.on("crash", () => complaints.push("the page crashed"));
  // The browser also writes these to the console; this says which directive it was.
  await page.exposeFunction("violated", (what) => complaints.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violated(`${event.violatedDirective} forbids ${event.blockedURI}`);
    });
  });
  return page;
}

export function complaints(page) {
  return COMPLAINTS.get(page);
}

/** Fails if a page complained about anything. */
export function expectQuiet(pages) {
  for (const [name, page] of Object.entries(pages)) {
    if (complaints(page).length > 0) throw new Error(`${name}'s page complains:\n${complaints(page).join("\n")}`);
  }
}

/** What the tutorials' pages load from other hosts, from the packages installed here. */
export async function serveLibraries(page) {
  const files = {
    "**/ajax.googleapis.com/ajax/libs/jquery/1.6.4/*": ["jquery/node-jquery.js", fromNode],
    "**/ajax.googleapis.com/ajax/libs/angularjs/1.4.8/*": ["angular/angular.min.js"],
    "**/cdnjs.cloudflare.com/ajax/libs/socket.io/1.4.4/*": ["sioc14/socket.io.js"],
    "**/cdnjs.cloudflare.com/ajax/libs/socket.io/1.3.6/*": ["sioc13/socket.io.js"],
  };
  for (const [address, [file, change = (text) => text]] of Object.entries(files)) {
    const path = new URL(`../clients/node_modules/${file}`, import.meta.url);
    const body = change(readFileSync(path, "utf8"));
    await page.route(address, (route) => route.fulfill({ body, contentType: "text/javascript" }));
  }
}

/** Waits until what the page shows satisfies this. */
export async function eventually(what, look, satisfied) {
  const end = Date.now() + TIME;
  let seen;
  do {
    seen = await look();
    if (satisfied(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (Date.now() < end);
  throw new Error(`waited ${TIME / 1000} s for ${what}; it is ${JSON.stringify(seen)}`);
}

/** Waits until the texts of these elements are exactly these. */
export function shows(page, selector, texts) {
  const look = () => page.locator(selector).allTextContents();
  const wanted = JSON.stringify(texts);
  return eventually(`${selector} to show ${wanted}`, look, (seen) => JSON.stringify(seen) === wanted);
}

/** jQuery 1.6 is on npm for Node alone: this gives it back to the browser. */
function fromNode(text) {
  return `var module = {};\n${text}\nwindow.jQuery = window.$ = module.exports;`;
}

const COMPLAINTS = new WeakMap();
const TIME = 15_000;
