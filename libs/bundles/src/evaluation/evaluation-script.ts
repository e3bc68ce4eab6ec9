/**
 * What the evaluation process runs. Text, because it must start the same from source and from a build.
 * It reads one job line from stdin, evaluates the bundle, and writes one JSON answer to descriptor 3.
 *
 * A job with `locate` runs under the inspector, which the permission model excludes: then files, processes and threads are
 * closed in the same way as the network, when the bundle's first statement says that loading is over.
 *
 * The network is closed here by taking away every way JavaScript has to open a socket; files, child processes, worker
 * threads and native addons are closed by Node's permission model (see sandbox-flags.ts).
 */
export const EVALUATION_SCRIPT = String.raw`
import fs, { closeSync as originalClose, readSync, writeSync as originalWrite } from 'node:fs';
import childProcess from 'node:child_process';
import workerThreads from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import dgram from 'node:dgram';
import dns from 'node:dns';

const closed = (what) => function () {
  throw new Error('a dag file is evaluated without network (' + what + '); do this inside a task');
};
net.Socket.prototype.connect = closed('connect');
net.Server.prototype.listen = closed('listen');
dgram.Socket.prototype.bind = closed('bind');
dgram.Socket.prototype.connect = closed('connect');
dgram.Socket.prototype.send = closed('send');
for (const library of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(library)) {
    if (/^(lookup|resolve|reverse)/.test(name) && typeof library[name] === 'function') library[name] = closed('dns.' + name);
  }
}
globalThis.fetch = closed('fetch');
delete globalThis.WebSocket;
syncBuiltinESMExports();

const write = originalWrite, close = originalClose, exit = process.reallyExit, stringify = JSON.stringify;
const answer = (value) => {
  const bytes = Buffer.from(stringify(value));
  for (let at = 0; at < bytes.length; ) {
    try {
      at += write(3, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
  close(3);
  exit.call(process, 0);
};
const failure = (error) => {
  const thrown = error instanceof Error ? error : new Error('thrown: ' + String(error));
  let stack = '';
  try { stack = String(thrown.stack ?? ''); } catch {}
  return { error: { name: String(thrown.name), message: String(thrown.message), stack, definedAt: typeof thrown.definedAt === 'string' ? thrown.definedAt : null } };
};

process.exit = process.reallyExit = process.abort = (code) => answer(failure(new Error('the file ends its process (process.exit(' + (code ?? '') + ')) while it is evaluated')));

let line = '';
const chunk = Buffer.alloc(4096);
while (!line.includes('\n')) {
  let count = 0;
  try { count = readSync(0, chunk); } catch (error) { if (error.code !== 'EAGAIN') throw error; continue; }
  if (count === 0) exit.call(process, 0);
  line += chunk.toString('utf8', 0, count);
}
const job = JSON.parse(line);
if (job.locate) {
  const libraries = [fs, fs.promises, childProcess, workerThreads];
  globalThis.__millraceLoaded = () => {
    delete globalThis.__millraceLoaded;
    for (const library of libraries) {
      for (const name of Object.keys(library)) {
        try { if (typeof library[name] === 'function') library[name] = closed(name); } catch {}
      }
    }
    process.binding = process._linkedBinding = process.dlopen = process.kill = closed('process');
    syncBuiltinESMExports();
  };
}
process.on('unhandledRejection', (error) => answer(failure(error)));
process.on('uncaughtException', (error) => answer(failure(error)));
Error.stackTraceLimit = 20;
try {
  const module = await import(job.url);
  if (job.plugin) answer({ plugin: module.__millrace_plugin__ });
  const dags = [...module.__millrace_dags__.values()];
  const wanted = job.timetables;
  const told = dags.filter((dag) => dag.hasTimetable && (wanted === undefined || Object.hasOwn(wanted, dag.dagId)));
  const documents = wanted === undefined ? dags.map((dag) => dag.toDocument()) : [];
  const timetables = Object.fromEntries(told.map((dag) => [dag.dagId, dag.timetableRuns(wanted?.[dag.dagId] ?? { after: null, nowMs: Date.now() })]));
  answer({ documents, timetables });
} catch (error) {
  answer(failure(error));
}
`;
