// Takes the picture of the page that the documents show.
//
//   node portrait.mjs FILE NODE_URL NODE_URL

import { expectQuiet, launch } from "./chromium.mjs";
import { enter, hook, people, say } from "./ours.mjs";

const [file, ...nodes] = process.argv.slice(2);
const CONVERSATION = [
  ["Bo", "Good morning! Did you read the draft?"],
  ["Ana", "On the train. I like it: the second chapter says in ten lines what the old one needed four pages for."],
  ["Bo", "That was the idea :)"],
  ["Bo", "Anything that should go?"],
  ["Ana", "Only the long table. I would put it at the end, for those who look things up."],
  ["Bo", "Agreed. I move it this afternoon and then it can go out."],
  ["Ana", "Lunch first?"],
  ["Bo", "Lunch first. Meet you downstairs in five."],
];

const browser = await launch();
const pages = { Ana: await enter(browser, nodes[0], "Ana"), Bo: await enter(browser, nodes[1], "Bo") };
for (const [name, text] of CONVERSATION) {
  await say(pages[name], text);
  for (const page of Object.values(pages)) await page.locator(hook("message"), { hasText: text }).waitFor();
}
await people(pages.Ana, "Ana", "Bo");
await pages.Ana.locator(".own.stored .status").last().waitFor();
expectQuiet(pages);
await pages.Ana.screenshot({ path: file });
await browser.close();
