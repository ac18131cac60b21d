// What the vocabularies' stories share.

import { inspect } from "node:util";
import { Deviation, matches } from "../person.mjs";

export const TEXTS = [
  "hello",
  "Grüße, João, façade, čeština",
  "emoji 👋🏽 👩‍👩‍👧 🦀, €, 你好",
  `<b>bold</b> & "quotes" 's`,
];

/** In the tutorials an acknowledgement is empty. */
export async function acknowledged(one, ...words) {
  expect(`the acknowledgement of ${words[0]}`, [], await one.ask(...words));
}

export async function settle(...people) {
  for (const one of people) await one.settles();
}

export function expect(what, expected, heard) {
  if (matches(expected, heard)) return;
  throw new Deviation(`${what} should be ${inspect(expected, SHOWN)}\n  but is ${inspect(heard, SHOWN)}`);
}

const SHOWN = { depth: 4, breakLength: 160, maxArrayLength: 3 };
