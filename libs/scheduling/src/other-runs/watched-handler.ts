import { randomBytes } from 'node:crypto';
import { OtherRunsStore, Signals } from '@millrace/persistence';
import { uuidV7From } from '@millrace/vocabulary';
import type { InstanceId } from '@millrace/vocabulary';
import type { OutboxHandler } from '../outbox/outbox-runner.js';
import type { RunCache } from '../run-cache/run-cache.js';
import { judgeOthers, waitKey } from './other-runs.js';
import { waitCondition } from './questions.js';

/** Something ended in a run that is waited for: whoever's wait is over by it is told, exactly once, by a signal that waits for them if need be. */
export function watchedHandler(cache: RunCache, deliver: (to: readonly InstanceId[]) => void): OutboxHandler {
  return {
    kind: 'watched',
    async handle(tx, row) {
      const store = new OtherRunsStore(tx);
      const over: InstanceId[] = [];
      for (const waiter of await store.waitersOf(row.runId!)) {
        const condition = waitCondition.parse(waiter.condition);
        const { verdict } = await judgeOthers(tx, cache, condition);
        if (verdict === 'waiting') continue;
        await new Signals(tx).add([uuidV7From(Date.now(), randomBytes(10))], [waiter.instanceId], waitKey(waiter), JSON.stringify({ verdict }));
        over.push(waiter.instanceId);
      }
      if (over.length === 0) return;
      await store.forget(over);
      return () => deliver(over);
    },
  };
}
