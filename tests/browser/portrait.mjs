// Takes the picture of the page that the documents show.
//
//   node portrait.mjs FILE NODE_URL NODE_URL

import { expectQuiet, launch } from "./chromium.mjs";
import { enter, hook, line, openMenu, people, say } from "./ours.mjs";

const [file, ...nodes] = process.argv.slice(2);
const CONVERSATION = [
  ["Bo", "Good morning! Did you read the draft?"],
  ["Ana", "On the train. I like it: the second chapter says in ten lines what the old one needed four pages for."],
  ["Bo", "That was the idea :)"],
  ["Bo", "Anything that should go?"],
  ["Ana", "Only the long table. I would put it at the end, for those who look things up."],
  ["Bo", "Agreed. I move it this afternoon and then it can go out."],
];

const browser = await launch();
const pages = { Ana: await enter(browser, nodes[0], "Ana"), Bo: await enter(browser, nodes[1], "Bo") };
for (const [name, text] of CONVERSATION) {
  await say(pages[name], text);
  for (const page of Object.values(pages)) await page.locator(hook("message"), { hasText: text }).waitFor();
}
await react("Bo", "On the train", 1);
await react("Ana", "Agreed", 0);
await react("Bo", "Agreed", 0);
await people(pages.Ana, "Ana", "Bo");
await pages.Ana.locator(".own.stored .status").last().waitFor();
// Bo says one more thing, to Ana alone, and begins another.
await pages.Bo.locator(hook("write-to"), { hasText: "Ana" }).click();
await say(pages.Bo, "The table stays, I am told.");
await pages.Ana.locator(`${hook("direct-list")} .badge:not([hidden])`).waitFor();
await pages.Bo.locator(`${hook("room-list")} button`).click();
await pages.Bo.locator(hook("text")).pressSequentially("On my way");
await pages.Ana.locator(hook("typing"), { hasText: "Bo is writing" }).waitFor();
await pages.Ana.click(hook("text"));
expectQuiet(pages);
await pages.Ana.screenshot({ path: file });
await browser.close();

async function react(name, text, emoji) {
  await openMenu(pages[name], text);
  await pages[name].locator(hook("emoji")).nth(emoji).click();
  for (const page of Object.values(pages)) await line(page, text).locator(hook("reaction")).first().waitFor();
}
