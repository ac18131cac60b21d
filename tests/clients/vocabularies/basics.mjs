// Seed 002: names, a list of them, and a `Server` that comments. Names and texts come back escaped.

import { awaken } from "../person.mjs";
import { acknowledged, settle, TEXTS } from "./words.mjs";

/** As a page that adds its user with one word and sends with another. */
export function basics(add, send) {
  const [chat, users] = add === "addUser" ? ["updateChat", "updateUsers"] : ["updatechat", "updateusers"];
  const meet = async (enter, tag) => {
    const [ann, bob] = [`ann ${tag}`, `Zoë <i>🦀</i> ${tag}`];

    const Ann = await enter("ann", { first: [add, ann], lists: [users] });
    await Ann.hears([chat, "Server", "you have connected"]);
    await Ann.lists(users, roster(ann));

    const Bob = await enter("bob", { first: [add, bob], lists: [users] });
    await Bob.hears([chat, "Server", "you have connected"]);
    await Ann.hears([chat, "Server", `${escaped(bob)} has connected`]);
    for (const one of [Ann, Bob]) await one.lists(users, roster(ann, bob));

    for (const text of TEXTS) {
      for (const [one, name] of [[Ann, ann], [Bob, bob]]) {
        one.say(send, text);
        for (const other of [Ann, Bob]) await other.hears([chat, escaped(name), escaped(text)]);
      }
    }
    await acknowledged(Bob, send, "acknowledge me");
    for (const one of [Ann, Bob]) await one.hears([chat, escaped(bob), "acknowledge me"]);

    await settle(Ann, Bob);
    Bob.leave();
    await Ann.hears([chat, "Server", `${escaped(bob)} has disconnected.`]);
    await Ann.lists(users, roster(ann));
    Ann.say(send, "alone");
    await Ann.hears([chat, ann, "alone"]);

    // Who never says a word hears camelCase, and here that Ann is gone before the next two meet.
    const Eve = await enter("eve", { lists: ["updateUsers"] });
    const anyChat = (word) => word.toLowerCase() === "updatechat";
    await awaken([Eve], Ann, (times) => [[send, `knock ${times}`], [anyChat, ann, `knock ${times}`]]);
    Ann.leave();
    await Eve.hears(["updateChat", "Server", `${ann} has disconnected.`]);
    await Eve.lists("updateUsers", {});
  };
  return { meet };
}

/** One object, whose keys the page prints. */
export function roster(...names) {
  return Object.fromEntries(names.map(escaped).map((name) => [name, name]));
}

export function escaped(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}
