// Ask a shipped release: one question (a small world at a sweep) per line on stdin, one answer (its rows afterwards) per line
// on stdout, in order. The release's own maintenance module decides; only what surrounds it is ours.
//
//   node driver.mjs --package DIR              answer questions until the input ends
//   node driver.mjs --package DIR --describe   say what was found in DIR, as one line of JSON
//
// Exit codes: 0 done, 2 wrong arguments or a line that is no question, 3 the release has changed shape, 4 its sweep failed.

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { enter } from "./fakes.mjs";
import { load } from "./release.mjs";
import { Shape } from "./shape.mjs";
import { World } from "./world.mjs";

const write = process.stdout.write.bind(process.stdout);

/** stdout belongs to the protocol; and the product must neither find its user's files nor leave some of its own. */
function isolate() {
  process.stdout.write = process.stderr.write.bind(process.stderr);
  for (const name of Object.keys(process.env)) if (name.startsWith("OPENCLAW_")) delete process.env[name];
  const home = join(tmpdir(), `lostproof-release-${process.pid}`);
  Object.assign(process.env, { HOME: home, USERPROFILE: home, OPENCLAW_STATE_DIR: join(home, "state") });
  process.on("exit", () => rmSync(home, { recursive: true, force: true }));
}

/** One sweep of the release over the world of one question. */
async function ask(release, request) {
  const world = new World(request, release.traits);
  const clock = Date.now;
  enter(world);
  release.authority?.({ runtimeAuthoritative: world.authoritative, cronRuntimeAuthoritative: world.authoritative });
  Date.now = () => world.now;
  try {
    await release.sweep();
  } finally {
    Date.now = clock;
  }
  if (release.called.size > 0) {
    throw new Shape(`${release.module} calls ${[...release.called].sort().join(", ")}, which the driver does not know`);
  }
  return world.answer();
}

/** Sweep a world that takes the longest ways through the rule, so that a strange release is told before it is believed. */
async function rehearse(release) {
  const [now, job] = [1_800_000_000_000, "rehearsal"];
  const row = (name, status, age, error = null) => ({
    row: name, job, run: `cron:${job}:${now - age}`, status, created: now - age, started: now - age, last_event: now - age,
    ended: error && now - age, error,
  });
  const lost = row("lost", "lost", 800_000, "backing session missing");
  const rows = [row("stale", "running", 900_000), row("fresh", "queued", 1), lost];
  const process = { authoritative: true, active_jobs: [], executing: null };
  const world = { now, grace: 300_000, process, rows, jobs: [], log: [], ledger: [], unreadable: { jobs: false, logs: [] } };
  await ask(release, { ask: 0, ...world });
  await ask(release, { ask: 1, ...world, ledger: [{ ...rows[0], status: "succeeded", ended: now - 1 }] });
}

/** What fails before anything was asked lies in the release: it is not as the driver knows releases to be. */
async function known(work, told) {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Shape ? error : new Shape(`${told}: ${error?.message ?? error}`);
  }
}

async function answerAll(release) {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim()) write(`${JSON.stringify(await ask(release, JSON.parse(line)))}\n`);
  }
}

async function main() {
  const { values } = parseArgs({ options: { package: { type: "string" }, describe: { type: "boolean", default: false } } });
  if (!values.package) throw new SyntaxError("--package DIR is needed");
  isolate();
  const folder = resolve(values.package);
  const release = await known(load(folder), `${folder} does not load`);
  release.watching = true;
  await known(rehearse(release), `${release.module} does not sweep`);
  if (!values.describe) return answerAll(release);
  const { version, module, via, injected, missing } = release;
  return write(`${JSON.stringify({ version, module, via, node: process.version, injected, missing })}\n`);
}

function fail(error) {
  if (error instanceof Shape) process.stderr.write(`shape: ${error.message}\n`);
  else process.stderr.write(`${error?.stack ?? error}\n`);
  return error instanceof Shape ? 3 : error instanceof SyntaxError || error?.code?.startsWith?.("ERR_PARSE_ARGS") ? 2 : 4;
}

// The release may leave timers and handles behind: the end of the input ends this process, once all is written.
const code = await main().then(() => 0, fail);
write("", () => process.exit(code));
