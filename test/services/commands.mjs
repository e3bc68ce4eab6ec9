// Running programs for the test command.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs to the end. Output is shown, or collected when `quiet`. Never throws for a failing program: look at `code`. */
export function run(command, args, { quiet = false, timeoutMs = 900_000, onStart, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit', timeout: timeoutMs, killSignal: 'SIGKILL', ...options });
    onStart?.(child);
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    child.stderr?.on('data', (data) => (output += data));
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

/** Full path of a program, also in the folders root has and others have not. */
export function programPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];
  return folders.filter((folder) => folder !== '').map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

export function succeeds(command, args, timeoutMs) {
  return spawnSync(command, args, { stdio: 'ignore', timeout: timeoutMs }).status === 0;
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until `check` resolves without throwing; the last error is in the message when time is up. */
export async function untilAnswers(what, check, timeoutMs) {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= until) throw new Error(`${what} did not answer within ${timeoutMs / 1000} s: ${error.message}`, { cause: error });
    }
    await sleep(150);
  }
}
