// Asks the test that started this script to break something: one line there, and one back once it is done.

import { connect } from "node:net";
import { createInterface } from "node:readline";

export class Faults {
  #socket;
  #answers;

  constructor(address) {
    const [host, port] = address.split(":");
    this.#socket = connect(port, host);
    this.#answers = createInterface({ input: this.#socket })[Symbol.asyncIterator]();
  }

  /** `kill NODE`, `stop NODE`, `pause redis`, `resume redis`, `kill redis`, `start redis`, `empty redis` or `forget KEY`. */
  async make(fault) {
    this.#socket.write(`${fault}\n`);
    const { value } = await this.#answers.next();
    if (value !== "done") throw new Error(`${fault}: ${value}`);
  }
}
