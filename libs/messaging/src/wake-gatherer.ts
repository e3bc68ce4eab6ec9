import type { Wake } from '@millrace/contracts';

/** Ids of one ring, as the schema limits them. */
const MAX_IDS = 1_000;

interface Gathered {
  readonly runs: Set<string>;
  readonly dags: Set<string>;
  readonly assets: Set<string>;
  readonly grants: Set<string>;
  slots: boolean;
}

/** Rings of the same turn of the event loop and the same partition become one message. */
export class WakeGatherer {
  private gathered = new Map<number, Gathered>();

  constructor(private readonly send: (partition: number, wake: Wake) => void) {}

  add(partition: number, wake: Wake): void {
    if (this.gathered.size === 0) setImmediate(() => this.flush());
    let entry = this.gathered.get(partition);
    if (entry === undefined) this.gathered.set(partition, (entry = { runs: new Set(), dags: new Set(), assets: new Set(), grants: new Set(), slots: false }));
    for (const run of wake.runs) entry.runs.add(run);
    for (const dag of wake.dags) entry.dags.add(dag);
    for (const dag of wake.assets ?? []) entry.assets.add(dag);
    for (const run of wake.grants ?? []) entry.grants.add(run);
    entry.slots ||= wake.slots === true;
  }

  private flush(): void {
    const gathered = this.gathered;
    this.gathered = new Map();
    for (const [partition, { runs, dags, assets, grants, slots }] of gathered) {
      const [allRuns, allDags, allAssets, allGrants] = [[...runs], [...dags], [...assets], [...grants]];
      for (let at = 0; at < Math.max(allRuns.length, allDags.length, allAssets.length, allGrants.length, slots ? 1 : 0); at += MAX_IDS) {
        const [updated, granted] = [allAssets.slice(at, at + MAX_IDS), allGrants.slice(at, at + MAX_IDS)];
        this.send(partition, {
          v: 1, runs: allRuns.slice(at, at + MAX_IDS), dags: allDags.slice(at, at + MAX_IDS),
          ...(updated.length > 0 ? { assets: updated } : {}), ...(granted.length > 0 ? { grants: granted } : {}), ...(slots && at === 0 ? { slots } : {}),
        });
      }
    }
  }
}
