import type { Wake } from '@millrace/contracts';

/** Ids of one ring, as the schema limits them. */
const MAX_IDS = 1_000;

/** Rings of the same turn of the event loop and the same partition become one message. */
export class WakeGatherer {
  private gathered = new Map<number, { runs: Set<string>; dags: Set<string> }>();

  constructor(private readonly send: (partition: number, wake: Wake) => void) {}

  add(partition: number, wake: Wake): void {
    if (this.gathered.size === 0) setImmediate(() => this.flush());
    let entry = this.gathered.get(partition);
    if (entry === undefined) this.gathered.set(partition, (entry = { runs: new Set(), dags: new Set() }));
    for (const run of wake.runs) entry.runs.add(run);
    for (const dag of wake.dags) entry.dags.add(dag);
  }

  private flush(): void {
    const gathered = this.gathered;
    this.gathered = new Map();
    for (const [partition, { runs, dags }] of gathered) {
      const [allRuns, allDags] = [[...runs], [...dags]];
      for (let at = 0; at < Math.max(allRuns.length, allDags.length); at += MAX_IDS) {
        this.send(partition, { v: 1, runs: allRuns.slice(at, at + MAX_IDS), dags: allDags.slice(at, at + MAX_IDS) });
      }
    }
  }
}
