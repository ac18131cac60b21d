// The pages of seeds 002 and 003 as printed, in two browsers on two nodes.
//
//   node seeds.mjs [--round-robin] SCREENSHOTS_FOLDER walkthrough|final|bocadillo NODE_URL NODE_URL
//
// The nodes serve the page (HUBBUB__HTTP__STATIC_DIR). `--round-robin` puts a balancer in front of them.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { expectQuiet, launch, newPage, serveLibraries, shows } from "./chromium.mjs";
import { fronts } from "./fronts.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { "round-robin": { type: "boolean", default: false } },
});
const [screenshots, seed, ...nodes] = positionals;
const TEXTS = ["hello", "Grüße, façade", "emoji 👋🏽 🦀", "<b>bold</b> & <script>alert(1)</script>"];

const seeds = {
  walkthrough: basics,
  final: basics,
  bocadillo,
};

// The pages say `io.connect('http://localhost:8080')`, and so that is where they live.
const HOST = "localhost:8080";
const { urls, close } = await fronts(nodes, { balanced: options["round-robin"] });
const browsers = await Promise.all(urls.map((url) => launch({ from: HOST, to: new URL(url).host })));
try {
  await seeds[seed](browsers);
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
}
close();

async function basics([here, there]) {
  const ann = await open(here, "Ann");
  await shows(ann, "#users div", ["Ann"]);
  const bob = await open(there, "Zoë <i>🦀</i>");
  for (const page of [ann, bob]) await shows(page, "#users div", ["Ann", "Zoë <i>🦀</i>"]);

  const said = [];
  for (const text of TEXTS) {
    for (const [page, name] of [[ann, "Ann"], [bob, "Zoë <i>🦀</i>"]]) {
      await page.fill("#data", text);
      await (page === ann ? page.click("#datasend") : page.press("#data", "Enter"));
      said.push(`${name}: ${text}`);
      for (const other of [ann, bob]) await talk(other, said);
    }
  }
  await ann.screenshot({ path: join(screenshots, `${seed}.png`) });
  expectQuiet({ ann, bob });
  await bob.close();
  await talk(ann, [...said, "Server: Zoë <i>🦀</i> has disconnected."]);
  await shows(ann, "#users div", ["Ann"]);
  expectQuiet({ ann });
}

/** The conversation, less what the server said at the beginning, is these lines; and they are text, no markup. */
async function talk(page, lines) {
  const greetings = (await page.locator("#conversation").textContent()).includes("Zoë <i>🦀</i> has connected")
    ? ["Server: you have connected", "Server: Zoë <i>🦀</i> has connected"]
    : ["Server: you have connected"];
  await shows(page, "#conversation", [[...greetings, ...lines].join("")]);
}

async function bocadillo([here, there]) {
  const client = await (await fetch(`${nodes[0]}/socket.io/socket.io.js`)).text();
  if (!client.includes("Socket.IO v2.2.0")) throw new Error("its client should be 2.2.0");
  const [ann, bob] = [await open(here), await open(there)];
  const said = [];
  for (const text of TEXTS) {
    for (const page of [ann, bob]) {
      await page.fill("#message", text);
      await page.press("#message", "Enter");
      said.push(text);
      for (const other of [ann, bob]) await shows(other, "#messages li", said);
    }
  }
  const colour = await ann.locator("form button").evaluate((button) => getComputedStyle(button).backgroundColor);
  if (colour !== "rgb(130, 224, 255)") throw new Error(`/static/styles.css is not in force: the button is ${colour}`);
  await ann.screenshot({ path: join(screenshots, `${seed}.png`) });
  expectQuiet({ ann, bob });
}

async function open(browser, name) {
  const page = await newPage(browser);
  await serveLibraries(page);
  page.on("dialog", (dialog) => dialog.accept(name));
  const connected = page.waitForEvent("console", (line) => name || line.text() === "Connected!").catch(() => {});
  await page.goto(`http://${HOST}/`);
  if (!name) await connected;
  return page;
}
