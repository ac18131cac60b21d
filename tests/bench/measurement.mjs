// One measurement, in a process of its own, so that a command can stand in front of all that it does.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Program } from "./processes.mjs";
import { inScratch } from "./scratch.mjs";

/** Resolves to the record of a case; `wrap` is the command in front, `told` hears how it goes. */
export function measure(test, { wrap, told, binaries, seconds }) {
  return inScratch(async (folder) => {
    const file = join(folder, "record.json");
    const words = [STAGE, file, JSON.stringify(test), JSON.stringify({ binaries, seconds })];
    const program = new Program([...wrap, process.execPath, ...words], { told });
    const ended = await program.ended();
    if (ended !== 0) throw new Error(`the measurement of ${test.server} ended with ${ended}\n${program.said}`);
    return JSON.parse(await readFile(file, "utf8"));
  });
}

const STAGE = join(import.meta.dirname, "stage.mjs");
