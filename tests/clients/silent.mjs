// A socket that never says a word hears every vocabulary of `/`, and is neither greeted, named nor counted.
//
//   node silent.mjs NODE_URL NODE_URL

import { BY_ALL, load } from "./generations.mjs";
import { awaken, Person } from "./person.mjs";

const [here, there] = process.argv.slice(2);

for (const generation of ["sioc13", "sioc22", "sioc4"]) {
  for (const transport of BY_ALL) await listen(generation, transport);
}
process.exit();

async function listen(generation, transport) {
  const began = Date.now();
  const client = load(generation);
  const enter = (node, name, how = {}) => Person.connect(client, node, { name, transport, ...how });
  const [lists, path] = [["updateUsers"], "/sio/socket.io"];
  const silent = await enter(here, "silent", { lists });
  const elsewhere = await enter(here, "silent at /sio", { path });
  const bocadillo = await enter(there, "bocadillo", { path, first: ["message", "knock"] });
  await bocadillo.hears(["response", "knock"]);
  await awaken([silent, elsewhere], bocadillo, (times) => [
    ["message", `knock ${times}`],
    ["response", `knock ${times}`],
  ]);
  // Seed 004's room is the last that an undecided socket comes to hear.
  const knock = (times) => ["new message", "event_name"].map((word) => [word, { user: "Cleo", message: `${times}` }]);
  const teamtalk = await enter(there, "teamtalk", { first: knock(0)[0] });
  await teamtalk.hears(...knock(0));
  await awaken([silent], teamtalk, knock);

  const camel = await enter(there, "camel", { first: ["addUser", "Ann"], lists });
  await camel.hears(["updateChat", "Server", "you have connected"]);
  await silent.hears(["updateChat", "Server", "Ann has connected"]);
  for (const one of [silent, camel]) await one.lists("updateUsers", { Ann: "Ann" });
  camel.say("sendChat", "from Ann");
  for (const one of [silent, camel]) await one.hears(["updateChat", "Ann", "from Ann"]);

  const lower = await enter(there, "lower", { first: ["adduser", "Bob"], lists: ["updateusers"] });
  await lower.hears(["updatechat", "Server", "you have connected"]);
  for (const one of [silent, camel]) await one.hears(["updateChat", "Server", "Bob has connected"]);
  for (const one of [silent, camel]) await one.lists("updateUsers", { Ann: "Ann", Bob: "Bob" });
  await lower.lists("updateusers", { Ann: "Ann", Bob: "Bob" });
  lower.say("sendchat", "from Bob");
  for (const one of [silent, camel]) await one.hears(["updateChat", "Bob", "from Bob"]);
  await lower.hears(["updatechat", "Bob", "from Bob"]);

  bocadillo.say("message", "hi from 003");
  for (const one of [silent, elsewhere, bocadillo]) await one.hears(["response", "hi from 003"]);

  const body = { user: "Cleo", message: "hi from 004" };
  teamtalk.say("new message", body);
  teamtalk.say("submit message", { ...body, channel: "rust" });
  for (const one of [silent, teamtalk]) {
    await one.hears(["new message", body], ["event_name", body], ["announce message", filed("rust")]);
  }

  lower.leave();
  for (const one of [silent, camel]) await one.hears(["updateChat", "Server", "Bob has disconnected."]);
  camel.leave();
  await silent.hears(["updateChat", "Server", "Ann has disconnected."]);
  await silent.lists("updateUsers", {});
  bocadillo.say("message", "the end of 003");
  for (const one of [silent, elsewhere]) await one.hears(["response", "the end of 003"]);
  for (const one of [silent, elsewhere, bocadillo, teamtalk]) one.leave();
  console.log(JSON.stringify({ generation, transport, ms: Date.now() - began }));
}

/** With a time between, that is not ours. */
function filed(channel) {
  return (heard) => heard.channel === channel && typeof heard.timestamp === "string";
}
