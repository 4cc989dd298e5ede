// Loading a release with the fakes in its way. Its files stay untouched.

import { registerHooks } from "node:module";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

import { ACTIVE_SET, FAKES, activeSet } from "./fakes.mjs";
import { AUTHORITY, HANDLE, SETTER, SWEEP, Shape, read } from "./shape.mjs";

/** Load the release in `folder`: its sweep, its authority flag, and what the fakes need to know about it. */
export async function load(folder) {
  const release = { ...read(folder), served: false, called: new Set(), watching: false };
  intercept(release);
  const exports = await import(pathToFileURL(release.entry));
  if (!release.served) throw new Shape(`${basename(release.entry)} loads another module than ${release.module}`);
  if (typeof exports[SWEEP] !== "function") throw new Shape(`no ${SWEEP} is exported by ${basename(release.entry)}`);
  if (release.via === "seam") exports[SETTER](FAKES);
  // The oldest release that asks for active jobs keeps them in the very module, behind a name on the global object.
  else if (!release.injected.includes("isCronJobActive")) globalThis[ACTIVE_SET] = activeSet;
  release.sweep = exports[SWEEP];
  // Without the seam the authority flag lives in the module, and this is its only door.
  release.authority = release.via === "imports" ? exports[AUTHORITY] : undefined;
  return release;
}

/** Serve the rewritten module in the place of its file. */
function intercept(release) {
  const url = pathToFileURL(release.file).href;
  const served = { format: "module", source: release.source, shortCircuit: true };
  const lent = { fakes: FAKES, watch: (name, bound) => watch(release, name, bound), lazy: async () => ({}) };
  globalThis[Symbol.for(HANDLE)] = lent;
  registerHooks({
    load(wanted, context, next) {
      if (wanted !== url) return next(wanted, context);
      release.served = true;
      return served;
    },
  });
}

/** Let a function that the driver does not know tell when a sweep calls it. */
function watch(release, name, bound) {
  if (typeof bound !== "function") return bound;
  return new Proxy(bound, {
    apply(target, self, args) {
      if (release.watching) release.called.add(name);
      return Reflect.apply(target, self, args);
    },
  });
}
