// The product's own page in a browser, on two nodes.
//
//   node page.mjs SCREENSHOTS_FOLDER NODE_URL NODE_URL
//
// What it complains about (errors, violations of its policy, answers of 400 and above) is a failure.

import { join } from "node:path";
import { complaints, eventually, expectQuiet, launch, newPage, shows } from "./chromium.mjs";
import { connected, enter, hook, people, say, texts } from "./ours.mjs";

const [screenshots, ...nodes] = process.argv.slice(2);
const MARKUP = `<img src=x onerror="document.title='owned'"> <b>bold</b> & &amp;`;

const browser = await launch();
try {
  await checkHeaders();
  const ann = await enter(browser, nodes[0], "Ann");
  const bob = await enter(browser, nodes[1], "Zoë <i>🦀</i>");
  await meet(ann, bob);
  await talk(ann, bob);
  await openRoom(ann, bob);
  await reload(ann, bob);
  await turnAway();
  await onPhone(ann);
  await part(ann, bob);
} finally {
  await browser.close();
}

async function checkHeaders() {
  const answer = await fetch(nodes[0]);
  const policy = answer.headers.get("content-security-policy") ?? "";
  for (const forbidden of ["unsafe-inline", "unsafe-eval", "*"]) {
    if (policy === "" || policy.includes(forbidden)) throw new Error(`the page's policy is ${policy}`);
  }
  if (answer.headers.get("x-content-type-options") !== "nosniff") throw new Error("the page may be sniffed");
}

async function meet(ann, bob) {
  const served = await Promise.all([ann, bob].map((page) => page.textContent(hook("node"))));
  if (served[0] === served[1] || served.includes("")) throw new Error(`the pages are on the nodes ${served}`);
  for (const page of [ann, bob]) {
    await people(page, "Ann", "Zoë <i>🦀</i>");
    await shows(page, hook("count"), ["2"]);
  }
}

async function talk(ann, bob) {
  const before = await texts(ann);
  const said = [];
  for (const text of ["hello", "Grüße, façade, 你好", "emoji 👋🏽 👩‍👩‍👧 🦀", MARKUP]) {
    for (const page of [ann, bob]) {
      await page.fill(hook("text"), text);
      await (page === ann ? page.click(hook("send")) : page.press(hook("text"), "Enter"));
      said.push(text);
      for (const other of [ann, bob]) await shows(other, `${hook("message")} .text`, [...before, ...said]);
    }
  }
  for (const page of [ann, bob]) await noMarkup(page);
}

async function openRoom(ann, bob) {
  const lobby = await texts(ann);
  for (const page of [ann, bob]) {
    await page.fill(hook("join-room"), MARKUP.slice(0, 60));
    await page.press(hook("join-room"), "Enter");
  }
  for (const page of [ann, bob]) {
    await people(page, "Ann", "Zoë <i>🦀</i>");
    await noMarkup(page);
  }
  await say(bob, "only here");
  await shows(ann, `${hook("message")} .text`, ["only here"]);
  await ann.screenshot({ path: join(screenshots, "markup.png") });
  for (const page of [ann, bob]) {
    await page.click(hook("leave-room"));
    await shows(page, `${hook("message")} .text`, lobby);
  }
}

/** Who reloads is the same person, in the same room, and nothing that was said is gone. */
async function reload(ann, bob) {
  const [said, log] = [await texts(bob), `${hook("message")} .text`];
  await bob.reload();
  await connected(bob);
  await shows(bob, log, said);
  for (const page of [ann, bob]) await people(page, "Ann", "Zoë <i>🦀</i>");
  await say(bob, "here again");
  for (const page of [ann, bob]) await shows(page, log, [...said, "here again"]);
}

async function turnAway() {
  const page = await newPage(browser);
  await page.goto(nodes[1]);
  await page.fill(hook("name"), "Ann");
  await page.click(hook("enter"));
  await eventually("a reason", () => page.textContent(hook("error")), (text) => text.includes("name already"));
  // The connection ends while its next poll may be on the way, which then is answered 400.
  const wrong = complaints(page).filter((line) => !line.includes("400"));
  if (wrong.length > 0) throw new Error(`the stranger's page complains:\n${wrong.join("\n")}`);
  await page.context().close();
}

async function onPhone(ann) {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" };
  const cleo = await enter(browser, nodes[1], "Cleo", phone);
  await say(ann, "Hello Cleo, on your phone");
  await eventually("Ann's text", () => texts(cleo), (shown) => shown.at(-1) === "Hello Cleo, on your phone");
  const [width, needed] = await cleo.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  if (needed > width) throw new Error(`the page is ${needed} wide on a phone of ${width}`);
  await cleo.screenshot({ path: join(screenshots, "phone.png") });
  await people(ann, "Ann", "Cleo", "Zoë <i>🦀</i>");
  expectQuiet({ cleo });
  await cleo.context().close();
}

async function part(ann, bob) {
  await people(ann, "Ann", "Zoë <i>🦀</i>");
  await ann.screenshot({ path: join(screenshots, "desktop.png") });
  expectQuiet({ ann, bob });
  await bob.click(hook("exit"));
  await people(ann, "Ann");
  await shows(ann, hook("count"), ["1"]);
  expectQuiet({ ann });
}

/** What people typed is text: it made no elements and ran nothing. */
async function noMarkup(page) {
  const made = await page.locator("#chat :is(img, .text *, .member-name *, .author *, .room-name *)").count();
  const title = await page.title();
  if (made > 0 || title === "owned") throw new Error(`${made} elements came out of texts; the title is ${title}`);
  if (complaints(page).length > 0) throw new Error(complaints(page).join("\n"));
}
