// Our own protocol: every request is answered, and both the answer and the message say where it stands.

import { expect, settle, TEXTS } from "./words.mjs";

export const v1 = {
  namespace: "/v1",
  async meet(enter, tag, { apart }) {
    const room = `room ${tag}`;
    const Ann = await arrive(enter, `ann ${tag}`);
    const empty = await join(Ann, room, [Ann]);
    expect("a new room's messages", [], empty.messages);

    const Bob = await arrive(enter, `Zoë ${tag}`);
    if (apart) expect("whether both are on one node", false, Ann.node === Bob.node);
    await join(Bob, room, [Ann, Bob]);
    await Ann.seesPeople(room, Ann, Bob);

    const said = await talk(room, Ann, Bob, empty);
    const { members, count } = await answered(Bob, "members", { room });
    expect("the members", { members: listed(Ann, Bob), count: 2 }, { members: sorted(members), count });

    const Cleo = await arrive(enter, `Cleo ${tag}`);
    const { messages } = await join(Cleo, room, [Ann, Bob, Cleo]);
    expect("what was said before Cleo came", said, messages);

    await settle(Ann.person, Bob.person, Cleo.person);
    for (const one of [Bob, Cleo]) await answered(one, "leave", { room });
    await Ann.seesPeople(room, Ann);
    await refused(Bob, "not_joined", "send", { room, text: "from outside", cid: "1" });
    await talk(room, Ann, Ann, { ...empty, seq: empty.seq + said.length });
    for (const { person } of [Ann, Bob, Cleo]) person.leave();
  },
};

/** One person, and who they are told to be. */
class Member {
  constructor(person, { user, node }) {
    Object.assign(this, { person, id: user.id, name: user.name, node });
  }

  /** The list of the last join, and the differences since, come to these people. */
  async seesPeople(room, ...people) {
    const wanted = JSON.stringify(people.map(({ id }) => id).sort());
    await this.person.untilLists("presence", `that ${wanted} are in ${room}`, (changes) => {
      const present = new Set(this.#found);
      for (const [{ join, leave }] of changes) {
        for (const user of leave) present.delete(user);
        for (const { user } of join) present.add(user);
      }
      return JSON.stringify([...present].sort()) === wanted && changes.at(-1)?.[0].count === people.length;
    });
  }

  found(members) {
    this.#found = members.map(({ user }) => user);
  }

  #found = [];
}

async function arrive(enter, name) {
  const person = await enter(name, { auth: { name }, lists: ["presence"] });
  let ready;
  await person.hears(["ready", (body) => (ready = body) !== null]);
  expect("ready", {
    session: filled,
    user: { id: filled, name, guest: (guest) => typeof guest === "boolean" },
    node: filled,
    limits: ({ text }) => text > 0,
    rooms: {},
  }, ready);
  return new Member(person, ready);
}

async function join(one, room, people) {
  const { epoch, seq, recovered, messages, members, count } = await answered(one, "join", { room });
  const wanted = { recovered: false, members: listed(...people), count: people.length };
  expect("the answer to join", wanted, { recovered, members: sorted(members), count });
  one.found(members);
  return { epoch, seq, messages };
}

/** Everything that was said, as both heard it and as the answers have it. */
async function talk(room, Ann, Bob, { epoch, seq }) {
  const said = [];
  for (const [index, text] of TEXTS.entries()) {
    for (const one of new Set([Ann, Bob])) {
      seq += 1;
      const cid = `${seq} of ${one.name}`;
      const place = await answered(one, "send", { room, text, cid });
      expect("its place", { ok: true, id: filled, room, seq, epoch, ts: recent }, place);
      const message = { ...place, room, epoch, seq, user: one.id, name: one.name, text, cid };
      delete message.ok;
      for (const { person } of new Set([Ann, Bob])) await person.hears(["message", message]);
      said.push(message);
    }
  }
  return said;
}

async function answered({ person }, ...words) {
  const [ack, ...more] = await person.ask(...words);
  expect(`the answer to ${words[0]}`, true, ack?.ok === true && more.length === 0);
  return ack;
}

async function refused({ person }, code, ...words) {
  const refusal = { ok: false, error: { code, message: filled } };
  expect(`the answer to ${words[0]}`, [refusal], await person.ask(...words));
}

function listed(...people) {
  return sorted(people.map(({ id, name }) => ({ user: id, name, devices: 1 })));
}

function sorted(members) {
  return members.toSorted((one, other) => (one.user < other.user ? -1 : 1));
}

function filled(text) {
  return typeof text === "string" && text.length > 0;
}

function recent(ts) {
  return Math.abs(Date.now() - ts) < 60_000;
}
