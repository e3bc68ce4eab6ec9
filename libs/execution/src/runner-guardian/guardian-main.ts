import { endProcessTree } from '../process-tree/process-tree.js';
import { SelfFence } from '../runner/self-fence.js';
import type { FromGuardian, ToGuardian } from './guardian-protocol.js';

/*
 * Entry of a worker's guardian: a process that does nothing but wait. When its worker dies or freezes it ends every runner
 * with all that its task started. Runners see to that themselves as far as they can; one whose task blocks its process, or
 * started processes in groups of their own, cannot.
 */
const runners = new Map<string, number>();
const fence = new SelfFence(Number(process.argv[2]), () => void endAll());
fence.start();

process.on('message', (message) => {
  fence.heard();
  const said = message as ToGuardian;
  if (said.type === 'guard') runners.set(said.runnerId, said.pid);
  else if (said.type === 'ended') runners.delete(said.runnerId);
});
process.on('disconnect', end);
// The worker may have ended before anybody listened.
if (!process.connected) end();
else process.send?.({ type: 'listening' } satisfies FromGuardian);
// Whoever ends the worker's terminal or service must not end the one who cleans up after it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

function end(): void {
  void endAll().then(() => process.exit(0));
}

/** A worker that was only frozen finds its runners gone, and gets a guardian that guards the next ones. */
async function endAll(): Promise<void> {
  const all = [...runners];
  runners.clear();
  await Promise.allSettled(all.map(([runnerId, pid]) => endProcessTree(pid, runnerId, 0)));
  fence.heard();
  fence.start();
}
