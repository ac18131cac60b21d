// Seed 003: one string in, the same string out.

import { acknowledged, settle, TEXTS } from "./words.mjs";

export const bocadillo = {
  path: "/sio/socket.io",
  async meet(enter, tag) {
    const Ann = await enter("ann", { first: ["message", `first of ${tag}`] });
    await Ann.hears(["response", `first of ${tag}`]);
    const Bob = await enter("bob", { first: ["message", "first of Bob"] });
    for (const one of [Ann, Bob]) await one.hears(["response", "first of Bob"]);
    for (const text of TEXTS) {
      for (const one of [Ann, Bob]) {
        one.say("message", text);
        for (const other of [Ann, Bob]) await other.hears(["response", text]);
      }
    }
    await settle(Ann, Bob);
    Bob.leave();
    await acknowledged(Ann, "message", "alone");
    await Ann.hears(["response", "alone"]);
    Ann.leave();
  },
};
