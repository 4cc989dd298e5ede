// What the release's maintenance module is given instead of its own registry, stores and sessions, by the names it uses.
// The names differ between releases, their meaning hardly; a release takes those it knows.

let world = null;

export function enter(next) {
  world = next;
}

const none = () => undefined;
const never = () => false;
const empty = () => [];
const emptyLater = async () => [];

/** The task registry. */
const REGISTRY = {
  ensureTaskRegistryReady: none,
  listTaskRecords: (wanted) => world.list(wanted),
  getTaskById: (name) => world.get(name),
  resolveTaskForLookupToken: (name) => world.get(name),
  deleteTaskRecordById: (name) => world.remove(name),
  setTaskCleanupAfterById: ({ taskId, cleanupAfter }) => world.update(taskId, { cleanupAfter }),
  markTaskLostById: ({ taskId, ...told }) =>
    world.update(taskId, closing({ ...told, status: "lost" }, told.error !== undefined)),
  // An error given as undefined clears the row's error since the releases that repair rows; before, it left it alone.
  markTaskTerminalById: ({ taskId, ...told }) =>
    world.update(taskId, closing(told, told.error !== undefined || (world.traits.repairs && Object.hasOwn(told, "error")))),
  maybeDeliverTaskTerminalUpdate: none,
  hasActiveTaskForChildSessionKey: never,
};

function closing({ status, endedAt, lastEventAt, error, cleanupAfter }, withError) {
  return {
    status,
    endedAt,
    lastEventAt: lastEventAt ?? endedAt,
    ...(withError ? { error } : {}),
    ...(cleanupAfter === undefined ? {} : { cleanupAfter }),
  };
}

/** The registry as the later releases reach into it: a live map of rows, reads that are prepared, writes in custody. */
const LIVE_REGISTRY = {
  tasks: {
    get: (name) => world.rows.get(name),
    has: (name) => world.rows.has(name),
    keys: () => world.rows.keys(),
    values: () => world.rows.values(),
    entries: () => world.rows.entries(),
    [Symbol.iterator]: () => world.rows.entries(),
    get size() {
      return world.rows.size;
    },
  },
  prepareTaskRegistryRead: async () => PREPARED,
  withTaskRegistryMutation: (change) => change(),
};

const PREPARED = {
  assertOwnerCurrent: none,
  assertCurrent: none,
  isTaskCurrent: () => true,
  isTaskSettled: () => true,
  getTaskById: (name) => world.get(name),
};

/** Everything that may tell how a run ended, or that it still executes. */
const EVIDENCE = {
  isCronJobActive: (job) => world.activeJobs.has(job),
  isCronRuntimeAuthoritative: () => world.authoritative,
  isRuntimeAuthoritative: () => world.authoritative,
  resolveCronStorePath: () => "jobs",
  resolveCronJobsStorePath: () => "jobs",
  loadCronStoreSync: () => ({ version: 1, jobs: world.jobs() }),
  loadCronJobsStoreSync: () => ({ version: 1, jobs: world.jobs() }),
  resolveCronRunLogPath: ({ jobId }) => `runs/${jobId}`,
  // Earlier releases give the file first, then what to read of it.
  readCronRunLogEntriesSync: (file, options) => lines(options ?? file),
  listTaskRegistryRecordsByRuntimeSourceIdFromSqlite: ({ sourceId }) => world.rowsOnDisk(sourceId.trim()),
};

function lines({ jobId, limit = 200 }) {
  return world.linesOf(jobId).slice(-limit);
}

/** Sessions, processes and turns: there are none. A cron row must not be judged by them. */
const SESSIONS = {
  loadSessionStore: () => ({}),
  listSessionEntries: empty,
  listSessionEntriesReadOnly: empty,
  readSessionBackingFacts: empty,
  readSessionBackingFactsInWorker: emptyLater,
  resolveStorePath: () => "sessions",
  resolveSessionStorePathCore: () => "sessions",
  readAcpSessionEntry: () => null,
  listAcpSessionEntries: emptyLater,
  closeAcpSession: none,
  listSessionBindingsBySession: empty,
  unbindSessionBindings: emptyLater,
  getSessionBindingService: () => ({ listBySession: empty, unbind: emptyLater }),
  getAcpSessionManager: () => ({ closeSession: none }),
  getAgentRunContext: none,
  hasActiveAcpTurn: never,
  isAcpTurnActive: never,
  hasSubagentTaskOwner: never,
  isBackgroundExecSessionActive: never,
  parseAgentSessionKey: () => null,
  deriveSessionChatTypeFromKey: () => "unknown",
};

/** Chores of the same sweep that would touch real files. */
const CHORES = {
  createSubsystemLogger: () => SILENT,
  getRuntimeConfig: () => ({}),
  isPluginStateDatabaseOpen: never,
  sweepExpiredPluginStateEntries: none,
  sweepExpiredPluginStateEntriesInWorker: async () => undefined,
};

const SILENT = Object.fromEntries(["trace", "debug", "info", "warn", "error", "fatal", "raw"].map((level) => [level, none]));

export const FAKES = { __proto__: null, ...REGISTRY, ...LIVE_REGISTRY, ...EVIDENCE, ...SESSIONS, ...CHORES };

/** A release must take all of these, and its rows from one of `ROW_SOURCES`: else its decisions cannot be seen. */
export const NEEDED = ["getTaskById", "markTaskLostById", "setTaskCleanupAfterById", "deleteTaskRecordById"];
export const ROW_SOURCES = ["listTaskRecords", "tasks"];

/** Helpers that only compute, and hooks for plugins, of which none is loaded: the release keeps its own. */
export const PURE = new Set([
  "acpSessionActorKey",
  "cloneTaskRecord",
  "compareTasksNewestFirst",
  "cronTaskRecordStoreKey",
  "getDetachedTaskLifecycleRuntime",
  "isBackgroundExecTask",
  "isChildlessCodexNativeSubagentTask",
  "isChildlessNativeSubagentTask",
  "isContextEngineTurnMaintenanceTask",
  "isHarnessOwnedSubagentTask",
  "isTerminalTaskStatus",
  "normalizeLowercaseStringOrEmpty",
  "normalizeOptionalString",
  "parseStrictNonNegativeInteger",
  "readTaskBackingInstance",
  "resolveAcpSessionTarget",
  "resolveChildlessNativeSubagentTaskDefinition",
  "resolveCronTaskRecordTimestamp",
  "resolveEffectiveTaskCleanupAfter",
  "resolveGlobalSingleton",
  "resolveTaskCleanupAfter",
  "resolveTaskRetentionMs",
  "tryRecoverTaskBeforeMarkLost",
]);

/** The active set of releases that keep it in the module itself, behind a name on the global object. */
export const ACTIVE_SET = Symbol.for("openclaw.cron.activeJobs");
export const activeSet = {
  get activeJobIds() {
    return world?.activeJobs ?? new Set();
  },
};
