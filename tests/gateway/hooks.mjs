// Loaded into the gateway before its own code (node --import), also into its worker threads.
//
// LAB_HOOK names a control file. While it holds {"id", "pattern", "occurrence", "onward", "when", "action"}, the statements
// and file writes that match the pattern are counted, and at the given occurrence (and, if onward, at each later one) the
// process is killed, stopped, or given an error.
// LAB_TRACE names a file to which every writing statement is noted. Connections beyond loopback are refused and noted.

import fs from "node:fs";
import module from "node:module";
import net from "node:net";
import sqlite from "node:sqlite";
import { threadId } from "node:worker_threads";

const { closeSync, openSync, readFileSync, writeSync } = fs; // ours, never hooked
const control = process.env.LAB_HOOK;
const trace = process.env.LAB_TRACE;
const WRITES = /^\s*(insert|update|delete|replace|begin|commit|end|rollback|savepoint|release)\b/i;

let armed = null;
let armedText = "";

function command() {
  let text = "";
  try {
    text = readFileSync(control, "utf8");
  } catch {
    return null; // nothing is armed
  }
  if (text !== armedText) {
    armedText = text;
    armed = text ? JSON.parse(text) : null;
    if (armed) armed.regexp = new RegExp(armed.pattern, "is");
  }
  return armed;
}

function note(file, entry) {
  if (!file) return;
  const descriptor = openSync(file, "a");
  writeSync(descriptor, JSON.stringify({ at: Date.now(), pid: process.pid, thread: threadId, ...entry }) + "\n");
  closeSync(descriptor);
}

// The count is kept in a file, so that all threads and processes count together.
function nth(hook, what) {
  note(`${control}.${hook.id}`, { what: what.slice(0, 8000) });
  return readFileSync(`${control}.${hook.id}`, "utf8").split("\n").length - 1;
}

function act(hook) {
  if (hook.action === "kill") process.kill(process.pid, "SIGKILL");
  if (hook.action === "stop") process.kill(process.pid, "SIGSTOP");
  if (hook.action === "fail") throw new Error("disk I/O error (made by the laboratory)");
}

function guarded(what, write) {
  const hook = control ? command() : null;
  const count = hook !== null && hook.regexp.test(what) ? nth(hook, what) : 0;
  const hit = count > 0 && (count === hook.occurrence || (hook.onward && count > hook.occurrence));
  if (hit && hook.when === "before") act(hook);
  const result = write();
  if (hit && hook.when === "after") act(hook);
  return result;
}

function wrap(owner, name, describe) {
  const original = owner[name];
  owner[name] = function (...args) {
    const what = describe(this, args);
    if (what === null) return original.apply(this, args);
    if (trace) note(trace, { what: what.slice(0, 8000) });
    return guarded(what, () => original.apply(this, args));
  };
}

function values(args) {
  return JSON.stringify(args, (_, value) => (typeof value === "bigint" ? Number(value) : value));
}

wrap(sqlite.DatabaseSync.prototype, "exec", (_, [sql]) => (WRITES.test(sql) ? sql : null));
for (const name of ["run", "get", "all"]) {
  wrap(sqlite.StatementSync.prototype, name, (statement, args) =>
    WRITES.test(statement.sourceSQL) ? `${statement.sourceSQL} -- ${values(args)}` : null,
  );
}
const path = ([file, ...rest], name) => `${name} ${file} -- ${typeof rest[0] === "string" ? rest[0] : ""}`;
for (const name of ["appendFile", "writeFile", "rename"]) {
  wrap(fs.promises, name, (_, args) => path(args, name));
  wrap(fs, `${name}Sync`, (_, args) => path(args, name));
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = typeof options === "object" && options !== null ? options.host : args[1];
  const local = host === undefined || /^(localhost|127\.[\d.]+|::1|\[::1\])$/.test(host);
  if (local || options?.path) return connect.apply(this, args);
  note(process.env.LAB_REFUSED, { host, port: options.port ?? args[0] });
  process.nextTick(() => this.destroy(Object.assign(new Error("only loopback is allowed here"), { code: "ECONNREFUSED" })));
  return this;
};

module.syncBuiltinESMExports();
