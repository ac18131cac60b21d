// Scrolling back into what was said before, on the product's own page: what is read stays in its place.
//
//   node past.mjs SCREENSHOTS_FOLDER NODE_URL NODE_URL

import { join } from "node:path";
import { Chatter } from "../clients/chatter.mjs";
import { eventually, expectQuiet, launch } from "./chromium.mjs";
import { enter, hook, join as joinRoom, texts } from "./ours.mjs";

const [screenshots, ...nodes] = process.argv.slice(2);
const ROOM = "long ago";
const SAID = Array.from({ length: 180 }, (_, index) => `line ${index}${"\nand more of it".repeat(index % 3)}`);

const browser = await launch();
const speaker = await Chatter.enter("sioc4-node", nodes[1], "Speaker", { room: ROOM });
try {
  await speaker.say(ROOM, SAID);
  await scroll();
  await byKeyboard();
} finally {
  await browser.close();
}
process.exit();

/** By scrolling, to the very beginning; new lines do not disturb. */
async function scroll() {
  const ann = await enter(browser, nodes[0], "Ann");
  await joinRoom(ann, ROOM);
  await hasLines(ann, 50);
  const read = await scrolledTo(ann, 10);
  await hasLines(ann, 100);
  await isAt(ann, read);
  await ann.screenshot({ path: join(screenshots, "past.png") });
  await speaker.say(ROOM, ["and one more"]);
  await hasLines(ann, 101);
  await isAt(ann, read);
  await ann.locator("#jump").waitFor();
  for (const count of [151, 181]) {
    await scrolledTo(ann, 0);
    await hasLines(ann, count);
  }
  await ann.locator(hook("older")).waitFor({ state: "hidden" });
  const shown = await texts(ann);
  if (JSON.stringify(shown) !== JSON.stringify(speaker.said)) throw new Error(`the past is ${shown}`);
  expectQuiet({ ann });
}

/** With the keyboard alone. */
async function byKeyboard() {
  const bob = await enter(browser, nodes[1], "Bob");
  await joinRoom(bob, ROOM);
  await hasLines(bob, 50);
  // To scroll there would already be enough.
  await bob.locator(hook("older")).evaluate((button) => button.focus({ preventScroll: true }));
  const read = await scrolledTo(bob, 200);
  await bob.keyboard.press("Enter");
  await hasLines(bob, 100);
  await isAt(bob, read);
  expectQuiet({ bob });
}

function hasLines(page, count) {
  return eventually(`${count} lines`, () => texts(page), ({ length }) => length === count);
}

/** Scrolls, and answers which line is read then, and where it is, before anything else happens. */
function scrolledTo(page, top) {
  return page.evaluate((to) => {
    const log = document.getElementById("messages");
    log.scrollTop = to;
    const isInSight = (line) => line.getBoundingClientRect().bottom > log.getBoundingClientRect().top;
    const line = [...document.querySelectorAll("#lines > li")].find(isInSight);
    return { key: line.dataset.key, top: line.getBoundingClientRect().top };
  }, top);
}

async function isAt(page, { key, top }) {
  const now = await page.evaluate((key) => document.querySelector(`[data-key="${key}"]`).getBoundingClientRect().top, key);
  if (Math.abs(now - top) > 1) throw new Error(`${key} was at ${top}, and is at ${now}`);
}
