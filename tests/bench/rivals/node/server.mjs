// socket.io on Node.js as its documentation has it: node server.mjs PORT [REDIS]

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, redis] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, { path: "/sio/socket.io/" });
if (redis) io.adapter(await joinedBy(redis));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("response", text));
});
http.listen(Number(port), "127.0.0.1");

async function joinedBy(url) {
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}
