// Reading a release without running it: where its maintenance module is, what it takes from others, what it needs to load.

import { existsSync, readFileSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { FAKES, NEEDED, PURE, ROW_SOURCES } from "./fakes.mjs";

export const SWEEP = "sweepTaskRegistry";
export const SETTER = "setTaskRegistryMaintenanceRuntimeForTests";
export const AUTHORITY = "configureTaskRegistryMaintenance";
export const HANDLE = "lostproof.driver";

const MEMBERS = /\btaskRegistryMaintenanceRuntime\.(\w+)/g;
const EXPORT = /^export \{([^}]*)\};?$/gm;
const IMPORT = /^import \{([^}]*)\} from ("\.[^"]+");?$/gm;
const BARE = /^import "\.[^"]+";?$/gm;
const LAZY = /\bawait import\("\.[^"]+"\)/g;

// What a module needs to load: imports, and what it requires on the spot. (A `require` kept for later serves other runtimes.)
const LOADS = new RegExp(
  [
    /^\s*(?:import|export)\b[^"';()]*?\bfrom\s*["']([^"'\n]+)["']/,
    /^\s*import\s*["']([^"'\n]+)["']/,
    /\bcreateRequire\(import\.meta\.url\)\(["']([^"'\n]+)["']\)/,
  ]
    .map((kind) => kind.source)
    .join("|"),
  "gm",
);

/** The release is not as this driver knows releases to be. */
export class Shape extends Error {}

/** What can be told about the release in `folder` from its text alone. */
export function read(folder) {
  const { entry, file, source } = find(realpathSync(join(folder, "dist")));
  const imports = clauses(source, IMPORT).map(local).map(plain);
  const members = new Set([...source.matchAll(MEMBERS)].map(([, name]) => name));
  const strange = [...members].filter((name) => !(name in FAKES));
  const settable = new RegExp(`function ${SETTER}\\(\\w+\\) \\{`).test(source);
  const via = settable && strange.length === 0 ? "seam" : "imports";
  const taken = new Set([...(via === "seam" ? members : []), ...imports.filter((name) => name in FAKES)]);
  const shape = {
    version: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version,
    module: basename(file),
    via,
    injected: [...taken].sort(),
    missing: strange.sort(),
    entry,
    file,
    source: rewrite(source),
    traits: { closes: source.includes("markTaskTerminalById"), repairs: source.includes("isRecoverableLostCronTask") },
  };
  demand(shape, source, strange);
  return shape;
}

/** The files and packages without which the rewritten module does not load. Chunks that load lazily serve other runtimes. */
export function closure(shape) {
  const files = new Map([[shape.entry, readFileSync(shape.entry, "utf8")]]);
  files.set(shape.file, shape.source);
  const packages = new Set();
  for (const [file, source] of files) {
    for (const name of loads(source)) {
      const imported = resolve(dirname(file), name);
      if (!name.startsWith(".")) packages.add(packageOf(name));
      else if (!files.has(imported) && existsSync(imported)) files.set(imported, readFileSync(imported, "utf8"));
    }
  }
  return { files: [...files.keys()].sort(), packages: [...packages].sort() };
}

function loads(source) {
  return [...source.matchAll(LOADS)].map(([, ...names]) => names.find((name) => name !== undefined));
}

function packageOf(name) {
  return name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
}

/** The chunk that other chunks import the sweep from by its full name, and the chunk where it is written. */
function find(dist) {
  const chunks = readdirSync(dist).filter((name) => /^task-registry\.maintenance[-.].*m?js$/.test(name)).sort();
  if (chunks.length === 0) throw new Shape(`no task-registry.maintenance-*.js in its dist folder`);
  for (const name of chunks) {
    const entry = join(dist, name);
    const source = readFileSync(entry, "utf8");
    if (!clauses(source, EXPORT).includes(SWEEP)) continue;
    if (source.includes(`function ${SWEEP}(`)) return { entry, file: entry, source };
    const home = [...source.matchAll(IMPORT)].find(([, names]) => names.split(",").map(local).includes(SWEEP));
    if (!home) continue;
    const file = join(dist, JSON.parse(home[2]));
    return { entry, file, source: readFileSync(file, "utf8") };
  }
  throw new Shape(`none of ${chunks.join(", ")} exports ${SWEEP}`);
}

/** Refuse a release whose decisions the fakes could not see, or that they could not tell all they should. */
function demand(shape, source, strange) {
  const missing = NEEDED.filter((name) => !shape.injected.includes(name));
  if (!ROW_SOURCES.some((name) => shape.injected.includes(name))) missing.push(ROW_SOURCES.join(" or "));
  if (missing.length > 0 && strange.length > 0) {
    throw new Shape(`${shape.module} wants ${strange.join(", ")}, which the driver does not know`);
  }
  if (missing.length > 0) throw new Shape(`${shape.module} does not take ${missing.join(", ")}`);
  if (shape.via === "imports" && /configured\w*RuntimeAuthoritative/.test(source) && !source.includes(`${AUTHORITY} as`)) {
    throw new Shape(`${shape.module} has an authority flag, but does not export ${AUTHORITY}`);
  }
}

/** The name by which a module uses what it imports or exports: `a as b` is b; a bundler's `b$1` is b, too. */
function local(clause) {
  return clause.trim().split(/\s+as\s+/).at(-1);
}

function plain(name) {
  return name.replace(/\$\d+$/, "");
}

/** What stands between the braces of a module's imports or exports. */
function clauses(source, kind) {
  return [...source.matchAll(kind)].flatMap(([, names]) => names.split(",").map((clause) => clause.trim()));
}

/** The module with other bindings in place of the imports that the driver knows, or does not trust. */
function rewrite(source) {
  const bindings = [`const $lostproof = globalThis[Symbol.for("${HANDLE}")];`];
  const body = source.replace(IMPORT, (line, names, from) => {
    const kept = names.split(",").filter((clause) => {
      const name = local(clause);
      if (!(plain(name) in FAKES)) return true;
      bindings.push(`const ${name} = $lostproof.fakes.${plain(name)};`);
      return false;
    });
    if (kept.length === 0) return "";
    return `import { ${kept.map((clause) => watched(clause, bindings)).join(", ")} } from ${from};`;
  });
  // What is left to import for its effects, or lazily, belongs to stores and sessions, which the fakes stand for.
  return `${bindings.join(" ")}\n${body.replace(BARE, "").replace(LAZY, "await $lostproof.lazy()")}`;
}

/** Let an import that is neither faked nor known to only compute tell when a sweep calls it. */
function watched(clause, bindings) {
  const name = local(clause);
  if (PURE.has(plain(name))) return clause;
  const exported = clause.trim().split(/\s+as\s+/)[0];
  bindings.push(`const ${name} = $lostproof.watch("${plain(name)}", $real_${name});`);
  return `${exported} as $real_${name}`;
}
