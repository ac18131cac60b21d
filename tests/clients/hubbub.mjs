// static/hubbub.js keeps its word while nodes die, Redis stops and connections break, with the oldest and the newest
// client that it is made for.
//
//   node hubbub.mjs STORY FAULTS_ADDRESS NODE_URL..

import { Chatter, expect, expectWhole, GENERATIONS, newRoom } from "./chatter.mjs";
import { Faults } from "./faults.mjs";
import { Leash } from "./leash.mjs";
import { roundRobin } from "./round-robin.mjs";

const [story, address, ...nodes] = process.argv.slice(2);
const faults = new Faults(address);
const STORIES = { killed, drained, stopped, restarted, cut, frozen, emptied, together };
await STORIES[story]();
process.exit();

/** Two nodes of three die while everybody talks, behind one address. No room's log is too short for all that they say. */
async function killed() {
  const balancer = await roundRobin(nodes);
  const [room, people] = [newRoom(), []];
  for (const name of ["Ann", "Bo", "Cy", "Di"]) {
    people.push(await Chatter.enter(GENERATIONS[people.length % 2], balancer.url, name, { room }));
  }
  const talk = Promise.all(people.map((one) => one.say(room, numbered(one.name, 240))));
  const alive = nodes.map((_, index) => `node-${index + 1}`);
  for (const [index, victim] of people.slice(0, 2).entries()) {
    await victim.until("to be in the middle of it", ({ heard, node }) => node && heard.length > 200 * (index + 1));
    const [name, node] = [victim.node, alive.indexOf(victim.node)];
    alive.splice(node, 1);
    const cutOff = people.filter((one) => one.node === name);
    const killing = faults.make(`kill ${node}`);
    await Promise.all(cutOff.map((one) => one.comesBack(() => killing)));
  }
  await talk;
  await expectWhole(people);
}

/** A node of two is asked to stop, while a balancer that does not look still sends people to it. */
async function drained() {
  const balancer = await roundRobin(nodes);
  const [room, people] = [newRoom(), []];
  for (const [index, generation] of [...GENERATIONS, ...GENERATIONS].entries()) {
    people.push(await Chatter.enter(generation, balancer.url, `person ${index}`, { room }));
  }
  const { node } = people[0];
  const talk = Promise.all(people.map((one) => keepTalking(one, room, () => people.every((one) => one.node !== null && one.node !== node))));
  await faults.make(`stop ${nodes.findIndex((_, index) => node === `node-${index + 1}`)}`);
  await talk;
  await expectWhole(people);
}

/** Says one thing after the other until then, and not so fast that a room forgets what one second of absence misses. */
async function keepTalking(one, room, isEnough) {
  for (let number = 0; !isEnough(); number += 1) {
    await one.say(room, [`${one.name} ${number}`]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Redis stops in the middle of everything, so that nobody knows what became of the words on their way to it. */
async function stopped() {
  await expectWhole((await outage("pause redis", "resume redis")).people);
}

/** Redis dies, and comes back with what it had. Its last words may have reached nobody: then everyone is told so. */
async function restarted() {
  const { room, people } = await outage("kill redis", "start redis");
  const said = people.flatMap((one) => one.said);
  for (const one of people) await one.say(room, [`the end of ${one.name}`]);
  for (const one of people) {
    await one.hears(...people.map(({ name }) => `the end of ${name}`));
    const heard = one.texts.filter((text) => said.includes(text));
    expect(`how much ${one.name} heard twice`, heard.length - new Set(heard).size, 0);
    expect(`whether ${one.name} knows`, one.missed.length > 0, heard.length < said.length || one.missed.length > 0);
  }
  const kept = await history(people[0], room);
  for (const { name, said } of people) expect(`what ${name} said`, kept.filter((one) => one.name === name).map(({ text }) => text), said);
}

async function outage(begin, end) {
  const [room, people] = [newRoom(), []];
  for (const [index, generation] of GENERATIONS.entries()) {
    people.push(await Chatter.enter(generation, nodes[index], `person ${index}`, { room }));
  }
  const talk = Promise.all(people.map((one) => one.say(room, numbered(one.name, 300))));
  for (const one of people) await one.until("to be in the middle of it", ({ heard }) => heard.length > 100);
  await faults.make(begin);
  for (const one of people) {
    await one.until("to be told to wait, twice", ({ held }) => held.length >= 2);
    expect("why", one.held[0].refusal.code, "unavailable");
  }
  const late = GENERATIONS.map((generation, index) => new Chatter(generation, nodes[index], `late ${index}`));
  for (const one of late) await one.until("to be refused", ({ reasons }) => reasons.includes("unavailable"));
  await faults.make(end);
  for (const one of late) await one.until("to be admitted", ({ states }) => states.at(-1) === "connected");
  await talk;
  return { room, people };
}

/** All of it, page by page. */
async function history({ chat }, room) {
  let page = await chat.history(room, { limit: 100 });
  let messages = page.messages;
  while (page.more) {
    page = await chat.history(room, { before: messages[0].id, limit: 100 });
    messages = [...page.messages, ...messages];
  }
  return messages;
}

/** The connection breaks when a message has been stored and its sender does not know. */
async function cut() {
  for (const generation of GENERATIONS) {
    for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) await cutOnce(generation, transports);
  }
}

async function cutOnce(generation, transports) {
  const [room, leash] = [newRoom(), await Leash.to(nodes[0])];
  const Ann = await Chatter.enter(generation, leash.url, `Ann of ${room}`, { room, options: { transports } });
  const Bo = await Chatter.enter(generation, nodes[1], `Bo of ${room}`, { room });
  await Ann.say(room, ["before"]);
  await Ann.hears("before");
  leash.deafen();
  const receipts = Ann.say(room, ["once", "behind it"]);
  await Bo.hears("once");
  await Bo.say(room, ["meanwhile"]);
  await Ann.comesBack(() => leash.cut());
  const [once, behind] = await receipts;
  expect("whether a second try was told that it was one", [once.dup ?? false, behind.dup ?? false], [true, false]);
  await expectWhole([Ann, Bo]);
  expect("how much was recovered", Ann.recovered.map(({ from, to }) => to.seq - from.seq), [2]);
  expect("whether the greeting took Ann back in", Ann.joined.map(({ again, members }) => [again, members === undefined]), [[false, false], [true, true]]);
  await hearAgain(room, Ann);
  for (const { chat } of [Ann, Bo]) chat.close();
}

/** The connection stays and carries nothing, long before any heartbeat is overdue. */
async function frozen() {
  const turns = GENERATIONS.flatMap((generation) => [["websocket"], ["polling"]].map((transports) => freezeOnce(generation, transports)));
  await Promise.all(turns);
}

async function freezeOnce(generation, transports) {
  const [room, leash] = [newRoom(), await Leash.to(nodes[0])];
  const Ann = await Chatter.enter(generation, leash.url, `Ann of ${room}`, { room, options: { transports } });
  const Bo = await Chatter.enter(generation, nodes[1], `Bo of ${room}`, { room });
  leash.freeze();
  const said = Ann.say(room, ["anybody there?"]);
  await Bo.say(room, ["meanwhile"]);
  await Ann.comesBack(() => {});
  await said;
  await expectWhole([Ann, Bo]);
}

/** Whoever asks for what they know is told it again, and it does not come out of hubbub.js. */
async function hearAgain(room, one) {
  const { epoch, seq } = one.heard[0];
  await one.chat.request("join", { room, since: { epoch, seq: seq - 1 } });
  await one.say(room, ["the last word"]);
  await one.hears("the last word");
  expect("what was heard", one.texts.filter((text) => text === "once"), ["once"]);
}

/** What a room's log has lost while somebody was away may be missing, and so may what Redis has lost. */
async function emptied() {
  const [room, leash] = [newRoom(), await Leash.to(nodes[0])];
  const [Ann, Bo] = [await Chatter.enter("sioc31-node", leash.url, "Ann", { room }), await Chatter.enter("sioc4-node", nodes[1], "Bo", { room })];
  await Bo.say(room, ["one"]);
  await Ann.hears("one");
  leash.hold();
  await Bo.say(room, ["two", "three"]);
  await faults.make(`forget {room:${room}}:s`);
  leash.cut();
  await Ann.until("to be told what may be missing", ({ missed }) => missed.length === 1);
  const { messages } = await Ann.chat.history(room);
  expect("what there still is", messages.map(({ text }) => text), ["one", "two", "three"]);
  expect("what may be missing", Ann.missed[0].to.seq - Ann.missed[0].from.seq, 2);

  await faults.make("empty redis");
  for (const one of [Ann, Bo]) await one.until("to be told of a new beginning", ({ missed }) => missed.at(-1)?.to.epoch > missed.at(-1)?.from.epoch);
  for (const one of [Ann, Bo]) await one.say(room, [`${one.name} goes on`]);
  for (const one of [Ann, Bo]) await one.hears("Ann goes on", "Bo goes on");
}

/** They change what they said, tell that they write and have read, and speak to one alone. */
async function together() {
  const room = newRoom();
  const Ann = await Chatter.enter("sioc31-node", nodes[0], "Ann", { room });
  const Bo = await Chatter.enter("sioc4-node", nodes[1], "Bo", { room });
  await change(room, Ann, Bo);
  await hint(room, Ann, Bo);
  await speakAlone(Ann, Bo);
  await comeAgain(room);
}

async function change(room, Ann, Bo) {
  const { id } = await Ann.chat.send({ room, text: "helo" });
  const changes = [
    [Ann, { op: "edit", text: "hello" }],
    [Bo, { op: "react", emoji: "👍" }],
    [Ann, { op: "react", emoji: "👍" }],
    [Bo, { op: "unreact", emoji: "👍" }],
    [Ann, { op: "delete" }],
  ];
  for (const [one, what] of changes) await one.chat.modify({ room, id, ...what });
  const told = (one) => one.heard.filter((event) => event.op).map(({ op, user, text, emoji, count }) => [op, user, text ?? emoji ?? "", count ?? 0]);
  const wanted = [["edit", Ann.user, "hello", 0], ["react", Bo.user, "👍", 1], ["react", Ann.user, "👍", 2], ["unreact", Bo.user, "👍", 1], ["delete", Ann.user, "", 0]];
  for (const one of [Ann, Bo]) {
    await one.until("to hear the changes", () => told(one).length === wanted.length);
    expect(`what ${one.name} was told`, told(one), wanted);
  }
  const refused = await Bo.chat.modify({ room, id, op: "edit", text: "mine" }).catch(({ code }) => code);
  expect("what comes of another's message", ["forbidden", "not_found"].includes(refused), true);
}

async function hint(room, Ann, Bo) {
  for (let key = 0; key < 20; key += 1) Ann.chat.typing(room);
  Ann.chat.typing(room, false);
  await Bo.until("to hear that Ann writes no more", ({ typing }) => typing.at(-1)?.on === false);
  expect("how often Bo was told", Bo.typing.map(({ name, on }) => [name, on]), [["Ann", true], ["Ann", false]]);
  const { seq } = Bo.heard.at(-1);
  Bo.chat.read(room, seq);
  await Ann.until("to hear that Bo has read", ({ read }) => read.length === 1);
  expect("what Bo has read", [Ann.read[0].user, Ann.read[0].seq], [Bo.user, seq]);
}

async function speakAlone(Ann, Bo) {
  const { room } = await Ann.chat.send({ to: Bo.user, text: "psst" });
  await Bo.hears("psst");
  expect("where Bo heard it", Bo.heard.at(-1).room, room);
  await Bo.chat.send({ room, text: "yes?" });
  await Ann.hears("psst", "yes?");
}

/** Who comes again with what was stored is the same, and finds the room where it was left. */
async function comeAgain(room) {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const Cy = await Chatter.enter("sioc4-node", nodes[0], "Cy", { room, storage });
  const { epoch, seq } = await Cy.chat.send({ room, text: "before" });
  await Cy.chat.rename("Cyril");
  const again = await Chatter.enter("sioc31-node", nodes[1], undefined, { storage });
  await again.chat.join(room, { since: { epoch, seq: seq - 1 } });
  await again.hears("before");
  expect("who it is", [again.chat.ready.user.name, again.user], ["Cyril", Cy.user]);
  expect("what was missed", [again.missed, again.recovered.length], [[], 1]);
  Cy.chat.close();
  expect("what is stored for one who has left", kept.size, 0);
}

function numbered(name, count) {
  return Array.from({ length: count }, (_, index) => `${name} ${index} 🦀`);
}
