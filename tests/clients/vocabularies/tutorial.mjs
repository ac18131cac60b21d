// The official Socket.IO tutorial: texts with the place where they stand, by which one who comes back asks for what
// was missed. What is said twice with one `clientOffset` is said once.

import { acknowledged, expect, settle, TEXTS } from "./words.mjs";

export const tutorial = {
  async meet(enter, tag) {
    const first = `first of ${tag}`;
    const Ann = await enter("ann", { auth: { serverOffset: 0 }, first: ["chat message", first, `${tag} first`] });
    const since = place();
    await Ann.hearsUntil(["chat message", first, since.hear]);

    const Bob = await enter("bob", { auth: { serverOffset: since.at }, first: ["chat message", "Bob", `${tag} Bob`] });
    const last = place();
    for (const one of [Ann, Bob]) await one.hears(["chat message", "Bob", last.hear]);
    for (const [index, text] of TEXTS.entries()) {
      for (const one of [Ann, Bob]) {
        const words = ["chat message", text, `${tag} ${index} of ${one.name}`];
        for (const _ of ["said", "said again"]) await acknowledged(one, ...words);
        for (const other of [Ann, Bob]) await other.hears(["chat message", text, last.hear]);
      }
    }
    expect("whether the last has another place than the first", false, last.at === since.at);

    await settle(Ann, Bob);
    Bob.leave();
    const missed = TEXTS.map((text) => ["chat message", text, place().hear]);
    for (const [index, text] of TEXTS.entries()) await acknowledged(Ann, "chat message", text, `${tag} ${index} alone`);
    await Ann.hears(...missed);
    const back = await enter("bob again", { auth: { serverOffset: last.at } });
    await back.hears(...missed);
    back.leave();
    Ann.leave();
  },
};

/** A place in the order, as the page keeps it: the last that it heard. */
function place() {
  const here = {
    at: undefined,
    hear: (offset) => {
      here.at = offset;
      return typeof offset === "string" || typeof offset === "number";
    },
  };
  return here;
}
