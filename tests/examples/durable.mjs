// A subject in JavaScript: 2026.5.28's rule, as a program that answers questions over a pipe.

import { createInterface } from "node:readline";

const RESULTS = { ok: "succeeded", skipped: "succeeded", error: "failed" };

/** The job and the start that the run id names, or nothing. */
function execution(row) {
  const named = /^cron:(.+):\s*(\+?[0-9]+)$/.exec((row.run ?? "").trim());
  if (!named || (row.job || named[1]) !== named[1]) return undefined;
  return { job: named[1], start: Number(named[2]) };
}

/** What the log, else the job state, says of this very run. */
function recorded(row, world) {
  const run = execution(row);
  if (!run) return undefined;
  const lines = world.unreadable.logs.includes(run.job) ? [] : world.log;
  const jobs = world.unreadable.jobs ? [] : world.jobs;
  return lines.findLast((line) => line.job === run.job && line.run_at === run.start)
    ?? jobs.find((state) => state.job === run.job && state.last?.at === run.start)?.last;
}

/** The row after the sweep. */
function swept(row, world) {
  if (row.status !== "running" && row.status !== "queued") return row;
  const result = recorded(row, world);
  if (result) {
    const timedOut = result.error === "cron: job execution timed out";
    return { ...row, status: timedOut ? "timed_out" : RESULTS[result.status], error: result.error };
  }
  const age = world.now - (row.last_event ?? row.started ?? row.created);
  const alive = !world.process.authoritative || world.process.active_jobs.includes(row.job);
  return alive || age < world.grace ? row : { ...row, status: "lost" };
}

for await (const line of createInterface({ input: process.stdin })) {
  const world = JSON.parse(line);
  console.log(JSON.stringify({ ask: world.ask, rows: world.rows.map((row) => swept(row, world)) }));
}
