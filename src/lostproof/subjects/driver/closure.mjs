// Say what of a package the driver needs: node closure.mjs --package DIR prints {files, packages} as one line of JSON.

import { realpathSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";

import { Shape, closure, read } from "./shape.mjs";

const { values } = parseArgs({ options: { package: { type: "string" } } });
try {
  const folder = realpathSync(values.package);
  const { files, packages } = closure(read(folder));
  console.log(JSON.stringify({ files: files.map((file) => relative(folder, file)), packages }));
} catch (error) {
  if (!(error instanceof Shape)) throw error;
  console.error(`shape: ${error.message}`);
  process.exitCode = 3;
}
