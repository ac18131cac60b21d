// The node under the product's own page dies, and another one behind the same address goes on; and what may be missing
// is said, and looked for.
//
//   node away.mjs SCREENSHOTS_FOLDER FAULTS_ADDRESS NODE_URL NODE_URL

import { join } from "node:path";
import { Chatter } from "../clients/chatter.mjs";
import { Faults } from "../clients/faults.mjs";
import { Leash } from "../clients/leash.mjs";
import { roundRobin } from "../clients/round-robin.mjs";
import { complaints, eventually, expectQuiet, launch, shows } from "./chromium.mjs";
import { connected, enter, hook, isTold, people, say } from "./ours.mjs";

const [screenshots, address, ...nodes] = process.argv.slice(2);
const faults = new Faults(address);
const LINES = `${hook("message")} .text`;

const browser = await launch();
try {
  await nothingMissed();
  await somethingMissed();
} finally {
  await browser.close();
}
process.exit();

/** What was said by everyone meanwhile, the page's own person included, is there once and in order. */
async function nothingMissed() {
  const balancer = await roundRobin(nodes);
  const ann = await enter(browser, balancer.url, "Ann");
  const died = await ann.textContent(hook("node"));
  const number = Number(died.split("-")[1]) - 1;
  const bob = await Chatter.enter("sioc4-node", nodes[1 - number], "Bob", { room: "lobby" });
  await say(ann, "before");
  await bob.hears("before");
  await faults.make(`kill ${number}`);
  await bob.say("lobby", ["meanwhile"]);
  await say(ann, "into the dark");
  await isTold(ann, "Reconnected. Nothing was missed.");
  await connected(ann);
  await ann.screenshot({ path: join(screenshots, "reconnected.png") });
  await shows(ann, LINES, ["before", "meanwhile", "into the dark"]);
  await bob.hears("before", "meanwhile", "into the dark");
  if ((await ann.textContent(hook("node"))) === died) throw new Error("it is still on the node that died");
  await people(ann, "Ann", "Bob");
  await ann.locator(hook("hole")).waitFor({ state: "detached" });
  await say(ann, "after");
  await bob.until("to have heard each once", ({ texts }) => texts.join() === "before,meanwhile,into the dark,after");
  onlyAway(ann);
  bob.chat.close();
  await ann.context().close();
  nodes.splice(number, 1);
}

/** The log has lost what was said while the page was away: the history still has it. */
async function somethingMissed() {
  const leash = await Leash.to(nodes[0]);
  const cleo = await enter(browser, leash.url, "Cleo");
  const dan = await Chatter.enter("sioc4-node", nodes[0], "Dan", { room: "lobby" });
  await dan.say("lobby", ["one"]);
  await seesLast(cleo, "one");
  leash.hold();
  await dan.say("lobby", ["two", "three"]);
  await faults.make("forget {room:lobby}:s");
  leash.cut();
  await isTold(cleo, "Reconnected. Some messages may be missing in lobby.");
  await dan.say("lobby", ["four"]);
  await seesLast(cleo, "four");
  await shows(cleo, `${hook("hole")} .hole-text`, ["Some messages may be missing here"]);
  await cleo.screenshot({ path: join(screenshots, "missing.png") });
  await cleo.click(hook("mend"));
  const seen = () => cleo.locator(LINES).allTextContents();
  await eventually("the missing ones", seen, (texts) => texts.slice(-4).join() === "one,two,three,four");
  await cleo.locator(hook("hole")).waitFor({ state: "detached" });

  // Redis has lost everything: nobody can say what was there.
  await faults.make("empty redis");
  await isTold(cleo, "Some messages may be missing in lobby.");
  await cleo.locator(hook("hole")).waitFor();
  await dan.say("lobby", ["five"]);
  await seesLast(cleo, "five");
  await cleo.click(hook("mend"));
  await shows(cleo, `${hook("hole")} .hole-text`, ["Some messages are not kept any more"]);
  await people(cleo, "Cleo", "Dan");
  await cleo.screenshot({ path: join(screenshots, "lost.png") });
  onlyAway(cleo);
}

function seesLast(page, text) {
  return eventually(`to see ${text}`, () => page.locator(LINES).allTextContents(), (texts) => texts.at(-1) === text);
}

/** A connection that breaks is written to the console; nothing else is. */
function onlyAway(page) {
  const wrong = complaints(page).filter((line) => !/ERR_|WebSocket|40[04]/.test(line));
  if (wrong.length > 0) throw new Error(`the page complains:\n${wrong.join("\n")}`);
}
