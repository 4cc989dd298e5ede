// One question as the release sees it: its own kind of records, a registry, the stores, the clock.
// A world lives for one sweep; nothing is kept between questions.

const RETENTION_MS = 7 * 24 * 3600 * 1000;
const ACTIVE = new Set(["queued", "running"]);

/** `traits` tells registries apart: with `closes` they put times in order, with `repairs` an error can be cleared. */
export class World {
  constructor(request, traits) {
    this.now = request.now;
    this.authoritative = request.process.authoritative;
    this.activeJobs = new Set(request.process.active_jobs);
    this.rows = new Map(request.rows.map((row) => [row.row, record(row)]));
    this.request = request;
    this.traits = traits;
    this.disk = null; // until it is read; what is written before waits in `written`
    this.written = new Map();
    this.logs = null;
  }

  /** The registry's own order: newest first, of equals the later inserted first. */
  list(wanted = () => true) {
    const all = [...this.rows.values()].filter(wanted).map((row) => ({ ...row })).reverse();
    return all.sort((one, other) => other.createdAt - one.createdAt);
  }

  get(name) {
    const row = this.rows.get(name.trim());
    return row && { ...row };
  }

  /** Change a row as the registry does: in memory, and the whole row written over the one on disk. */
  update(name, patch) {
    const current = this.rows.get(name);
    if (!current) return null;
    const next = { ...current, ...patch };
    if (this.traits.repairs && next.error === undefined) delete next.error;
    if (this.traits.closes) orderTimes(next);
    if (!ACTIVE.has(next.status)) next.cleanupAfter ??= (next.endedAt ?? next.lastEventAt ?? this.now) + RETENTION_MS;
    this.rows.set(name, next);
    this.#write(name, next);
    return { ...next };
  }

  remove(name) {
    this.#write(name, null);
    return this.rows.delete(name);
  }

  /** The rows of a job on disk, in the order of the product's query. */
  rowsOnDisk(job) {
    const rows = [...(this.#disk().get(job)?.values() ?? [])].map((row) => ({ ...row }));
    return rows.sort((one, other) => one.createdAt - other.createdAt || (one.taskId < other.taskId ? -1 : 1));
  }

  linesOf(job) {
    if (this.request.unreadable.logs.includes(job)) throw new Error(`the run log of ${job} cannot be read`);
    this.logs ??= Map.groupBy(this.request.log, (line) => line.job);
    return (this.logs.get(job) ?? []).map(logEntry);
  }

  jobs() {
    if (this.request.unreadable.jobs) throw new Error("the cron store cannot be read");
    return this.request.jobs.map(storedJob);
  }

  answer() {
    const left = this.request.rows.map((row) => this.rows.get(row.row)).filter(Boolean);
    const told = ({ taskId, status, endedAt, error }) => ({ row: taskId, status, ended: endedAt ?? null, error: error ?? null });
    return { ask: this.request.ask, rows: left.map(told) };
  }

  /** Job -> row name -> record. Made on the first read: most releases never ask. */
  #disk() {
    if (this.disk) return this.disk;
    this.disk = new Map();
    const rows = new Map([...this.request.rows, ...this.request.ledger].map((row) => [row.row, row]));
    for (const [name, row] of rows) this.#place(name, this.written.has(name) ? this.written.get(name) : record(row));
    return this.disk;
  }

  #write(name, row) {
    if (!this.disk) return void this.written.set(name, row);
    for (const rows of this.disk.values()) if (rows.delete(name)) break;
    return this.#place(name, row);
  }

  #place(name, row) {
    if (!row) return;
    if (!this.disk.has(row.sourceId)) this.disk.set(row.sourceId, new Map());
    this.disk.get(row.sourceId).set(name, row);
  }
}

/** Keep a key only if there is something to say: the product leaves absent columns out. */
function sparse(entries) {
  const kept = {};
  for (const key in entries) {
    if (entries[key] !== null && entries[key] !== undefined) kept[key] = entries[key];
  }
  return kept;
}

function record(row) {
  return sparse({
    taskId: row.row,
    runtime: "cron",
    sourceId: row.job,
    requesterSessionKey: "",
    ownerKey: "",
    scopeKind: "system",
    // Never empty: a row without a session counts as alive in the oldest releases, whatever else they look at.
    childSessionKey: `agent:main:cron:${row.job ?? row.row}`,
    agentId: "main",
    runId: row.run,
    label: row.job,
    task: row.job ?? row.row,
    status: row.status,
    deliveryStatus: "not_applicable",
    notifyPolicy: "silent",
    createdAt: row.created,
    startedAt: row.started,
    endedAt: row.ended,
    lastEventAt: row.last_event,
    error: row.error,
  });
}

function logEntry(line) {
  return sparse({
    ts: line.written,
    jobId: line.job,
    action: "finished",
    status: line.status,
    error: line.error,
    runAtMs: line.run_at,
    durationMs: line.duration,
  });
}

function storedJob({ job, enabled, marker, last }) {
  return {
    id: job,
    name: job,
    enabled,
    createdAtMs: 0,
    updatedAtMs: 0,
    schedule: { kind: "cron", expr: "* * * * *" },
    sessionTarget: "isolated",
    wakeMode: "now",
    payload: { kind: "agentTurn", message: "" },
    state: sparse({
      runningAtMs: marker,
      lastRunAtMs: last?.at,
      lastRunStatus: last?.status,
      lastStatus: last?.status,
      lastDurationMs: last?.duration,
      lastError: last?.error,
    }),
  };
}

/** No row is created after it started, nor ended before. */
function orderTimes(row) {
  const times = [row.createdAt, row.startedAt, row.lastEventAt, row.endedAt].filter((time) => typeof time === "number");
  row.createdAt = Math.min(...times);
  const from = row.startedAt ?? row.createdAt;
  if (typeof row.endedAt === "number") row.endedAt = Math.max(row.endedAt, from);
  if (typeof row.lastEventAt === "number") row.lastEventAt = Math.max(row.lastEventAt, from);
}
