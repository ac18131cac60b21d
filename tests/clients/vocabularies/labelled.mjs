// Seeds 000 and 001: a greeting, the room's last fifty messages, then what is said; in 001 under a name.

import { acknowledged, settle, TEXTS } from "./words.mjs";

export const simple = {
  namespace: "/ssio",
  async meet(enter, tag) {
    const [Ann, Bob] = await greeted(enter, tag, [], (text) => ["message", { text }]);
    await talk(Ann, Bob, null, null, (name, text) => ["message", { text }]);
    await part(Ann, Bob, ["message", { text: "alone" }]);
  },
};

export const flask = {
  namespace: "/iss",
  async meet(enter, tag) {
    const said = (name, text) => ["message", { text, name }];
    const [Ann, Bob] = await greeted(enter, tag, [["connected"]], (text) => said("New user", text));
    await acknowledged(Bob, "identify", "Zoë 🦀");
    await talk(Ann, Bob, "New user", "Zoë 🦀", said);
    // It may repeat, and is never an error.
    for (const name of ["Zoë 🦀", "Ann €"]) await acknowledged(Ann, "identify", name);
    await talk(Ann, Bob, "Ann €", "Zoë 🦀", said);
    await part(Ann, Bob, said("Ann €", "alone"));
  },
};

/** Ann speaks at once, so that Bob's greeting is known: what Ann found there, and hers. */
async function greeted(enter, tag, greeting, said) {
  const first = `first of ${tag}`;
  const Ann = await enter("ann", { first: ["message", first] });
  await Ann.hears(...greeting);
  const before = await Ann.hearsUntil(said(first));
  const Bob = await enter("bob");
  await Bob.hears(...greeting, ...[...before, said(first)].slice(-50));
  return [Ann, Bob];
}

async function talk(Ann, Bob, ann, bob, said) {
  for (const text of TEXTS) {
    for (const [one, name] of [[Ann, ann], [Bob, bob]]) {
      one.say("message", text);
      for (const other of [Ann, Bob]) await other.hears(said(name, text));
    }
  }
}

async function part(Ann, Bob, alone) {
  await settle(Ann, Bob);
  Bob.leave();
  await acknowledged(Ann, "message", "alone");
  await Ann.hears(alone);
  Ann.leave();
}
