// Everything that two people can do with words on the product's own page, on two nodes.
//
//   node words.mjs SCREENSHOTS_FOLDER FAULTS_ADDRESS NODE_URL NODE_URL

import { join } from "node:path";
import { Faults } from "../clients/faults.mjs";
import { eventually, expectQuiet, launch, shows } from "./chromium.mjs";
import { connected, enter, hook, line, openMenu, say, texts } from "./ours.mjs";

const [screenshots, address, ...nodes] = process.argv.slice(2);
const faults = new Faults(address);
const LINES = `${hook("message")} .text`;

const browser = await launch();
const [ann, bob] = [await enter(browser, nodes[0], "Ann"), await enter(browser, nodes[1], "Bob")];
try {
  await write();
  await wait();
  await edit();
  await react();
  await remove();
  await speakAlone();
  await onPhone();
  expectQuiet({ ann, bob });
} finally {
  await browser.close();
}
process.exit();

/** Who writes is seen writing until it is said. */
async function write() {
  await ann.locator(hook("text")).pressSequentially("hel");
  await isWriting(bob, "Ann is writing…");
  await ann.fill(hook("text"), "");
  await isWriting(bob, "");
  await ann.locator(hook("text")).pressSequentially("hello");
  await isWriting(bob, "Ann is writing…");
  await bob.screenshot({ path: join(screenshots, "typing.png") });
  await ann.press(hook("text"), "Enter");
  await shows(bob, LINES, ["hello"]);
  await isWriting(bob, "");
}

/** What is said while nothing can be stored is seen to wait, and is stored later. */
async function wait() {
  await hasStatus(ann, "hello", "stored", "Stored");
  await faults.make("pause redis");
  await say(ann, "patience");
  await hasStatus(ann, "patience", "sent", "Sent");
  await hasStatus(ann, "patience", "waiting", "Waiting");
  await ann.screenshot({ path: join(screenshots, "waiting.png") });
  await faults.make("resume redis");
  await hasStatus(ann, "patience", "stored", "Stored");
  for (const page of [ann, bob]) await shows(page, LINES, ["hello", "patience"]);
}

/** One's own words can be changed, from the menu and by the arrow key; Escape leaves them. */
async function edit() {
  await openMenu(ann, "hello");
  await ann.screenshot({ path: join(screenshots, "menu.png") });
  await ann.click(hook("edit"));
  await ann.keyboard.type(", Bob");
  await ann.screenshot({ path: join(screenshots, "editing.png") });
  await ann.keyboard.press("Enter");
  for (const page of [ann, bob]) await shows(page, LINES, ["hello, Bob", "patience"]);
  await line(bob, "hello, Bob").locator(".edited").waitFor();

  await ann.press(hook("text"), "ArrowUp");
  await ann.keyboard.type("!");
  await ann.keyboard.press("Escape");
  await eventually("an empty field", () => ann.inputValue(hook("text")), (text) => text === "");
  await ann.press(hook("text"), "ArrowUp");
  await ann.keyboard.type(", please");
  await ann.keyboard.press("Enter");
  for (const page of [ann, bob]) await shows(page, LINES, ["hello, Bob", "patience, please"]);

  await openMenu(bob, "hello, Bob");
  await bob.locator(hook("emoji")).first().waitFor();
  for (const name of ["edit", "delete"]) if (await bob.isVisible(hook(name))) throw new Error(`Bob may ${name} what Ann said`);
  await bob.keyboard.press("Escape");
  await bob.locator(hook("menu-open")).waitFor({ state: "detached" });
  const focused = await bob.evaluate(() => document.activeElement.dataset.testid);
  if (focused !== "menu") throw new Error(`after Escape the focus is on ${focused}`);
}

/** Emoji are counted, and one's own can be taken back. */
async function react() {
  await openMenu(bob, "hello, Bob");
  await bob.keyboard.press("Enter");
  for (const page of [ann, bob]) await reactions(page, "hello, Bob", ["👍 1"]);
  await pressed(bob, "hello, Bob", "true");
  await pressed(ann, "hello, Bob", "false");
  await line(ann, "hello, Bob").locator(hook("reaction")).click();
  for (const page of [ann, bob]) await reactions(page, "hello, Bob", ["👍 2"]);
  await openMenu(ann, "hello, Bob");
  await ann.locator(hook("emoji")).nth(3).click();
  for (const page of [ann, bob]) await reactions(page, "hello, Bob", ["👍 2", "🎉 1"]);
  await bob.screenshot({ path: join(screenshots, "reactions.png") });

  // Whoever comes later sees the same, and finds out by trying that it was said already.
  await bob.reload();
  await connected(bob);
  await reactions(bob, "hello, Bob", ["👍 2", "🎉 1"]);
  const thumb = line(bob, "hello, Bob").locator(hook("reaction")).first();
  await thumb.click();
  await pressed(bob, "hello, Bob", "true");
  await thumb.click();
  for (const page of [ann, bob]) await reactions(page, "hello, Bob", ["👍 1", "🎉 1"]);
}

async function remove() {
  await openMenu(ann, "patience, please");
  await ann.click(hook("delete"));
  await eventually("to be asked again", () => ann.textContent(hook("delete")), (text) => text.endsWith("?"));
  await ann.click(hook("delete"));
  for (const page of [ann, bob]) await shows(page, LINES, ["hello, Bob", "This message was deleted."]);
  const menu = line(bob, "This message was deleted.").locator(hook("menu"));
  if (await menu.isVisible()) throw new Error("something can be done with what was deleted");
}

/** A conversation of two begins in the list of people, is found by the other, and is there again after a reload. */
async function speakAlone() {
  const cleo = await enter(browser, nodes[0], "Cleo");
  await ann.locator(hook("write-to"), { hasText: "Bob" }).click();
  await say(ann, "only you");
  await say(ann, "really");
  for (const page of [ann, bob]) await shows(page, `${hook("direct-list")} .room-name`, [page === ann ? "Bob" : "Ann"]);
  await shows(bob, `${hook("direct-list")} .badge`, ["2"]);
  await bob.locator(`${hook("direct-list")} button`).click();
  await shows(bob, LINES, ["only you", "really"]);
  // Whom it is with is known before they have said anything.
  await ann.reload();
  await ann.locator(`${hook("direct-list")} button`, { hasText: "Bob" }).click();
  await shows(ann, LINES, ["only you", "really"]);
  await say(bob, "I am all ears");
  await shows(ann, LINES, ["only you", "really", "I am all ears"]);
  await ann.screenshot({ path: join(screenshots, "direct.png") });

  for (const page of [ann, bob]) {
    await page.reload();
    await connected(page);
    await page.locator(`${hook("direct-list")} button`, { hasText: page === ann ? "Bob" : "Ann" }).click();
    await shows(page, LINES, ["only you", "really", "I am all ears"]);
  }
  await say(ann, "still there");
  await shows(bob, LINES, ["only you", "really", "I am all ears", "still there"]);
  if ((await texts(cleo)).some((text) => text.includes("only you"))) throw new Error("Cleo hears it too");
  if (await cleo.isVisible("#directs")) throw new Error("Cleo has a conversation with somebody");
  expectQuiet({ cleo });
  await cleo.context().close();
}

async function onPhone() {
  const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
  const dora = await enter(browser, nodes[1], "Dora", phone);
  await line(dora, "hello, Bob").locator(hook("menu")).tap();
  await dora.screenshot({ path: join(screenshots, "phone-menu.png") });
  await dora.locator(hook("emoji")).nth(1).tap();
  await reactions(dora, "hello, Bob", ["👍 1", "❤️ 1", "🎉 1"]);
  const [width, needed] = await dora.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  if (needed > width) throw new Error(`the page is ${needed} wide on a phone of ${width}`);
  await dora.screenshot({ path: join(screenshots, "phone-reactions.png") });
  expectQuiet({ dora });
  await dora.context().close();
}

function isWriting(page, text) {
  return eventually(`to be shown “${text}”`, () => page.textContent(hook("typing")), (shown) => shown === text);
}

async function hasStatus(page, text, status, words) {
  await page.locator(`${hook("message")}[data-status="${status}"]`, { hasText: text }).waitFor();
  await eventually(words, () => line(page, text).locator(".status").textContent(), (shown) => shown === words);
}

function reactions(page, text, wanted) {
  const look = () => line(page, text).locator(hook("reaction")).allTextContents();
  return eventually(`the reactions to be ${wanted}`, look, (seen) => seen.join() === wanted.join());
}

function pressed(page, text, isPressed) {
  const look = () => line(page, text).locator(hook("reaction")).first().getAttribute("aria-pressed");
  return eventually(`the reaction to be one's own: ${isPressed}`, look, (seen) => seen === isPressed);
}
