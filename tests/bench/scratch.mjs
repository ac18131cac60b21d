// Folders for as long as something needs them, also where that is told to end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set();
process.on("exit", () => folders.forEach(remove));

/** What `work` makes in a folder of its own. */
export async function inScratch(work) {
  const folder = mkdtempSync(join(tmpdir(), "hubbub-compare-"));
  folders.add(folder);
  try {
    return await work(folder);
  } finally {
    remove(folder);
  }
}

function remove(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}
