// The official Socket.IO chat example: people with names, how many they are, and who types. Its page shows what it says
// by itself: one hears the others only.

import { awaken } from "../person.mjs";
import { acknowledged, settle, TEXTS } from "./words.mjs";

export const example = {
  async meet(enter, tag) {
    const [ann, bob] = [`ann ${tag}`, `Zoë <i>🦀</i> ${tag}`];
    const Ann = await enter("ann", { first: ["add user", ann] });
    await Ann.hears(["login", { numUsers: 1 }]);
    // On another node, the word of Ann's arrival may come as late as Bob, and later.
    const Bob = await enter("bob", { first: ["add user", bob], lists: ["user joined"] });
    await Bob.hears(["login", { numUsers: 2 }]);
    await Ann.hears(["user joined", { username: bob, numUsers: 2 }]);

    for (const message of TEXTS) {
      for (const [one, username, other] of [[Ann, ann, Bob], [Bob, bob, Ann]]) {
        await type(one, username, other);
        one.say("new message", message);
        await other.hears(["new message", { username, message }]);
      }
    }
    await acknowledged(Bob, "new message", "acknowledge me");
    await Ann.hears(["new message", { username: bob, message: "acknowledge me" }]);

    await settle(Ann, Bob);
    Bob.leave();
    await Ann.hears(["user left", { username: bob, numUsers: 1 }]);

    // Who never says a word hears it too, and here that Ann is gone before the next two meet.
    const Eve = await enter("eve");
    const knock = (message) => [["new message", message], ["new message", { username: ann, message }]];
    await awaken([Eve], Ann, (times) => knock(`knock ${times}`), [Eve]);
    Ann.leave();
    await Eve.hears(["user left", { username: ann, numUsers: 0 }]);
  },
};

async function type(one, username, other) {
  for (const word of ["typing", "stop typing"]) {
    await acknowledged(one, word);
    await other.hears([word, { username }]);
  }
}
