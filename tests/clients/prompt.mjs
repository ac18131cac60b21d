// What is said once a client knows that it is connected, it hears, on another node too.
//
//   node prompt.mjs NODE_URL NODE_URL

import { BY_ALL, load } from "./generations.mjs";
import { Person } from "./person.mjs";

const [here, there] = process.argv.slice(2);
const path = "/sio/socket.io";
const client = load("sioc4");

const spoken = { first: ["message", "0"], path };
const speaker = await Person.connect(client, here, { name: "speaker", transport: "websocket", ...spoken });
await speaker.hears(["response", "0"]);
for (const transport of BY_ALL) {
  for (const how of [{ path }, {}]) {
    for (let number = 1; number <= 20; number += 1) {
      const listener = await Person.connect(client, there, { name: `listener ${number}`, transport, ...how });
      speaker.say("message", `${transport} ${number}`);
      for (const one of [speaker, listener]) await one.hears(["response", `${transport} ${number}`]);
      listener.leave();
    }
  }
}
speaker.leave();
