// socket.io on Bun by its own engine, as its documentation has it: bun server.mjs PORT

import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

const io = new Server();
const engine = new Engine({ path: "/sio/socket.io/" });
io.bind(engine);

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("response", text));
});

export default { hostname: "127.0.0.1", port: Number(process.argv[2]), ...engine.handler() };
