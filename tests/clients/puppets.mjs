// Clients in other languages, as puppets: programs that connect, say and leave as they are told, and tell what they
// hear, by a line of JSON for each. So the conversations are written once, for every client.
//
// To a puppet: `{ do: "connect", who, url, namespace?, path?, transport, auth?, first? }`, where `who` numbers its
// connections and `first` is what it says in its `connect` handler; `{ do: "say", who, words }`;
// `{ do: "ask", who, number, words }`; `{ do: "transport", who, number }`; `{ do: "leave", who }`.
// From it: `{ who, connected: sid }`, `{ who, refused }`, `{ who, heard: words }`, `{ who, gone }`,
// `{ who, number, answer }`. When its input ends, so do they.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Deviation, within } from "./deviation.mjs";
import { lastOf } from "./line.mjs";

/** What to run, below the repository's root; `alone` has a process for each connection. */
export const PUPPETS = {
  python4: { version: "python-socketio 4", command: [...python("venv-eio3"), "sync"] },
  "python4-async": { version: "python-socketio 4 async", command: [...python("venv-eio3"), "async"] },
  python5: { version: "python-socketio 5", command: [...python("venv"), "sync"] },
  "python5-async": { version: "python-socketio 5 async", command: [...python("venv"), "async"] },
  rust: {
    version: "rust_socketio 0.6",
    command: [".cache/rust-client/debug/hubbub-rust-client"],
    alone: true,
  },
};

/** A client, as `load` gives them. */
export function pull(name) {
  const { version, command, alone } = PUPPETS[name];
  const together = alone ? null : new Puppet(version, command);
  return { version, connect: (...how) => (together ?? new Puppet(version, command)).connect(...how) };
}

class Puppet {
  #connections = [];
  #input;

  constructor(version, [program, ...args]) {
    const { stdin, stdout } = spawn(program, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    // Who has ended takes no more orders; that it has ended is told below.
    this.#input = stdin.on("error", () => {});
    createInterface({ input: stdout })
      .on("line", (line) => this.#told(JSON.parse(line)))
      .on("close", () => this.#connections.forEach((one) => one.ends(`${version} has ended`)));
  }

  connect(url, how, ears) {
    const strings = new Strings(this, this.#connections.length, how.transport, ears);
    this.#connections.push(strings);
    strings.order("connect", { url, ...how });
    return strings;
  }

  order(what) {
    this.#input.write(`${JSON.stringify(what)}\n`);
  }

  #told({ who, ...what }) {
    this.#connections[who].told(what);
  }
}

/** One connection of a puppet: the same as a Line. */
class Strings {
  #puppet;
  #who;
  #transport;
  #ears;
  #questions = [];

  constructor(puppet, who, transport, ears) {
    this.#puppet = puppet;
    this.#who = who;
    this.#transport = transport;
    this.#ears = ears;
  }

  order(what, how) {
    this.#puppet.order({ do: what, who: this.#who, ...how });
  }

  told({ number, answer, ...told }) {
    if (number !== undefined) this.#questions[number](answer);
    for (const [what, about] of Object.entries(told)) this.#ears[what](about);
  }

  ends(why) {
    this.#ears.refused(why);
    this.#ears.gone(why);
  }

  say(words) {
    this.order("say", { words });
  }

  ask(words) {
    return this.#question("ask", { words });
  }

  async settled(deadline) {
    const transport = await within(deadline, "its transport", this.#question("transport"));
    if (transport !== lastOf(this.#transport)) throw new Deviation(`it is on ${transport}`);
  }

  leave() {
    this.order("leave");
  }

  #question(what, how) {
    return new Promise((resolve) => {
      this.order(what, { number: this.#questions.push(resolve) - 1, ...how });
    });
  }
}

function python(venv) {
  return [`.cache/${venv}/bin/python`, "tests/clients/puppet.py"];
}

const ROOT = new URL("../..", import.meta.url);
