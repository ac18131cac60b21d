// Seed 004, and the application that its post links to: texts that name their sender, some of them in channels.

import { acknowledged, settle, TEXTS } from "./words.mjs";

export const teamtalk = {
  async meet(enter, tag) {
    const first = { user: "ann", message: `first of ${tag}` };
    const Ann = await enter("ann", { first: ["new message", first] });
    await Ann.hears(...twice(first));
    const second = { user: "Zoë 🦀", message: "first of Bob" };
    const Bob = await enter("bob", { first: ["new message", second] });
    await Ann.hears(...twice(second));
    // Bob's node may be a moment behind: what was said right before he came may reach him too.
    await Bob.hearsUntil(twice(second).at(-1));
    for (const message of TEXTS) {
      for (const [one, user] of [[Ann, "ann"], [Bob, "Zoë 🦀"]]) {
        one.say("new message", { user, message });
        for (const other of [Ann, Bob]) await other.hears(...twice({ user, message }));
      }
    }
    await inChannel(Ann, Bob, `rust ${tag}`);

    await settle(Ann, Bob);
    Bob.leave();
    const alone = { user: "ann", message: "alone" };
    await acknowledged(Ann, "new message", alone);
    await Ann.hears(...twice(alone));
    Ann.leave();
  },
};

async function inChannel(Ann, Bob, channel) {
  const user = "ann €";
  Bob.say("channel selected", { current_channel: channel });
  await Bob.hears(["display channel", { channel, messages: [] }]);
  for (const message of TEXTS) {
    Ann.say("submit message", { message, channel, user });
    const announcement = { user, timestamp: TIMESTAMP, message, channel };
    for (const one of [Ann, Bob]) await one.hears(["announce message", announcement]);
  }
  const line = (text) => (heard) => heard.startsWith(`${user} | `) && heard.endsWith(` : ${text}`);
  Bob.say("channel selected", { current_channel: channel });
  await Bob.hears(["display channel", { channel, messages: TEXTS.map(line) }]);
}

/** Under its own name, and under the post's placeholder. */
function twice(body) {
  return [["new message", body], ["event_name", body]];
}

const TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;
