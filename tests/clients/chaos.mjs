// One person of tests/chaos: socket.io-client and static/hubbub.js, that say on standard output what they see, and are
// told on standard input what to do: `Talking`, `Settling`, or `Leaving`.
//
//   node chaos.mjs '{"url", "name", "number", "transports", "rooms", "pace", "quota"}'

import { createInterface } from "node:readline";
import { io } from "sioc4";
import { Hubbub } from "../../static/hubbub.js";

const { url, name, number, transports, rooms, pace, quota } = JSON.parse(process.argv[2]);
const PAGE = 100;
/** Before something is asked again that was refused, in milliseconds. */
const PAUSE = 100;

const hubbub = new Hubbub(io, { url, name, options: { transports, forceNew: true } });
const stands = new Map(rooms.map((room) => [room, { joined: false, replaying: false, gaps: 0, read: 0 }]));
let mode = "Listening";
let connected = false;
let whole = false;

for (const event of ["message", "update"]) {
  hubbub.on(event, (body) => {
    // As it came: the judge compares what everyone was told.
    console.log(`42/v1,${JSON.stringify([event, body])}`);
    const stand = stands.get(body.room);
    stand.at = { epoch: body.epoch, seq: body.seq };
    if (event === "message") stand.last = body.id;
  });
}
hubbub.on("ready", () => {
  connected = true;
  say("connected");
});
hubbub.on("state", (state) => {
  if (!connected || state === "connected") return;
  [connected, whole] = [false, false];
  for (const stand of stands.values()) stand.joined = false;
  say("lost");
});
hubbub.on("missed", ({ room, to }) => {
  const stand = stands.get(room);
  Object.assign(stand, { at: to, replaying: false });
  say("gap", { room, ...to });
  whole = false;
  stand.gaps += 1;
  if (stand.gaps === stand.read + 1) readHistory(room, stand);
});
hubbub.on("joined", ({ room, again, recovered, epoch, seq }) => {
  const stand = stands.get(room);
  say("resumed", { room, since: again ? stand.at : null, epoch, seq, recovered });
  Object.assign(stand, { joined: true, replaying: again && recovered });
  if (!stand.replaying) stand.at = { epoch, seq };
  becomesWhole();
});
hubbub.on("recovered", ({ room }) => {
  stands.get(room).replaying = false;
  becomesWhole();
});
hubbub.on("refused", (refusal) => say("refused", { message: refusal.message }));

createInterface({ input: process.stdin }).on("line", (line) => {
  mode = line;
  if (mode === "Leaving") process.exit();
  if (mode === "Talking") talk();
  if (mode === "Settling" && pace === null) say("quiet");
});
hubbub.open();
for (const room of rooms) hubbub.join(room, { limit: 1 });

function say(what, body) {
  console.log(JSON.stringify(body ? [what, body] : [what]));
}

function becomesWhole() {
  const isThere = ({ joined, replaying, gaps, read }) => joined && !replaying && gaps === read;
  if (whole || !connected || ![...stands.values()].every(isThere)) return;
  whole = true;
  say("whole");
}

/** What the history has after the last message before the gap. */
async function readHistory(room, stand) {
  let after = stand.last;
  while (stand.read < stand.gaps) {
    const { gaps } = stand;
    try {
      const { messages, more } = await hubbub.history(room, { after, limit: PAGE });
      for (const message of messages) say("shown", message);
      after = messages.at(-1)?.id ?? after;
      if (!more) stand.read = gaps;
    } catch (refusal) {
      if (!refusal.passing) return say("strange", { message: refusal.message });
      await pause(refusal.retryAfter);
    }
  }
  becomesWhole();
}

async function talk() {
  for (let count = 0; mode === "Talking" && pace !== null && count < quota; count += 1) {
    const [room, cid] = [rooms[count % rooms.length], `${number}-${count}`];
    const { epoch, seq } = await hubbub.send({ room, cid, text: `${cid} ✓` });
    say("acked", { room, cid, epoch, seq });
    await pause(pace);
  }
  if (pace !== null) say("quiet");
}

function pause(time) {
  return new Promise((resume) => setTimeout(resume, Math.max(time, PAUSE)));
}
