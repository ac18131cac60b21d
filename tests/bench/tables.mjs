// Writes the tables of docs/PERFORMANCE.md: node tests/bench/tables.mjs [--check] [--results FOLDER] [--page FILE]
// With --check it writes nothing, and fails when the page's tables are not what the results say.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renew } from "./page.mjs";
import { read } from "./results.mjs";
import { ROOT } from "./servers.mjs";

const { values } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    results: { type: "string", default: join(ROOT, "docs/performance") },
    page: { type: "string", default: join(ROOT, "docs/PERFORMANCE.md") },
  },
});

const page = readFileSync(values.page, "utf8");
const renewed = renew(page, read(values.results));
if (!values.check) writeFileSync(values.page, renewed);
if (values.check && renewed !== page) {
  console.error(`the tables of ${values.page} are not what ${values.results} says: node tests/bench/tables.mjs writes them`);
  process.exitCode = 1;
}
