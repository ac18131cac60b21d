// A wire to a node that can be cut at any moment, also for one direction only.

import net from "node:net";

export class Leash {
  #server;
  #ends = new Map();
  #isDeaf = false;
  #isHeld = false;

  static async to(url) {
    const { hostname, port } = new URL(url);
    const leash = new Leash();
    leash.#server = net.createServer((client) => leash.#tie(client, net.connect(port, hostname)));
    await new Promise((resolve) => leash.#server.listen(0, "127.0.0.1", resolve));
    return leash;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** From now on the node still hears its clients, and they hear nothing. */
  deafen() {
    this.#isDeaf = true;
  }

  /** From now on neither hears the other. */
  hold() {
    this.#isDeaf = this.#isHeld = true;
  }

  /** The connections that there are hear nothing any more and say nothing; others are as good as new. */
  freeze() {
    for (const end of this.#ends.keys()) this.#ends.set(end, true);
  }

  /** Breaks every connection. The next ones are as good as new. */
  cut() {
    this.#isDeaf = this.#isHeld = false;
    for (const end of this.#ends.keys()) end.destroy();
  }

  #tie(client, node) {
    const isFrozen = () => this.#ends.get(client);
    this.#ends.set(client, false);
    client.on("data", (data) => this.#isHeld || isFrozen() || node.write(data));
    node.on("data", (data) => this.#isDeaf || isFrozen() || client.write(data));
    for (const end of [client, node]) end.on("error", () => end.destroy());
    node.on("close", () => this.#isDeaf || isFrozen() || client.destroy());
    client.on("close", () => this.#ends.delete(client) && node.destroy());
  }
}
