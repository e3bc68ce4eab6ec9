import { join } from 'node:path';
import amqp from 'amqplib';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { checkPromises } from '../oracle/check.js';
import type { Observed, Violation } from '../oracle/observed.js';
import type { Dice } from './dice.js';
import type { OwnRabbitMq } from './own-rabbitmq.js';

const LOAD = ['load_chain', 'load_fan', 'load_flaky', 'load_long', 'load_mapped', 'load_pooled', 'load_waiting', 'load_looping', 'load_producer'] as const;
/** Not triggered: the ticks of a schedule, and what an asset asks for. */
const BY_THEMSELVES = ['load_ticks', 'load_consumer'] as const;
const TASK_QUEUES = ['default', 'other'];
/** However long a fault takes, the load ends here. */
const MOST_RUNS = 150;
/** Everything must be over this long after the fault has healed. Generous: the machine may be busy. */
const RECOVERY_LIMIT_MS = 90_000;

/** Leases and heartbeats scaled down, so that a lost worker is a matter of seconds. */
export const SCALED = {
  'scheduler.lease_ttl_ms': 4_000, 'scheduler.beat_every_ms': 500, 'worker.self_fence_ms': 2_500, 'scheduler.sweep_every_ms': 200, 'worker.kill_grace_ms': 500,
  'broker.confirm_timeout_ms': 2_000, 'worker.drain_grace_ms': 2_000,
} as const;

/** One constellation under a small mixed load, the faults, and the question afterwards whether every promise held. */
export class FaultBench {
  private lastRun = 0;
  /** From the end of the last fault until everything was over. */
  private recoveryMs = 0;

  private constructor(
    readonly constellation: Constellation,
    readonly broker: OwnRabbitMq,
    readonly dice: Dice,
  ) {}

  static async start(broker: OwnRabbitMq, dice: Dice): Promise<FaultBench> {
    const constellation = await Constellation.start({
      label: 'faults', schedulers: 2, brokerUrl: broker.url, settings: SCALED,
      workers: [{ queues: ['default'], concurrency: 4 }, { queues: ['other'], concurrency: 4 }, { queues: TASK_QUEUES, concurrency: 4 }],
      dags: ['ledgered.ts', 'told.ts', 'mixed-load.ts'].map((file) => join(REPOSITORY_ROOT, 'test/dags', file)),
    });
    await eventually('the load dags to be published', async () => (await constellation.database.query('select 1 from dag where current_version_id is not null')).rows.length === LOAD.length + BY_THEMSELVES.length);
    await constellation.database.query(`insert into pool (name, slots) values ('narrow', 2)`);
    return new FaultBench(constellation, broker, dice);
  }

  /**
   * Triggers mixed runs, one after the other with up to 150 ms between, as long as `fault` goes on and at least `atLeast`;
   * then waits until everything is over. @returns the broken promises.
   */
  async under(atLeast: number, fault: () => Promise<void>): Promise<Violation[]> {
    let over = false;
    const load = this.load((count) => count >= atLeast && (over || count >= MOST_RUNS));
    try {
      await fault();
    } finally {
      over = true;
    }
    const healed = performance.now();
    await load;
    const violations = await this.settle();
    this.recoveryMs = Math.round(performance.now() - healed);
    return violations;
  }

  /** What happened so far, for the record: a fault that touched nothing proves nothing. */
  async tally(): Promise<Readonly<Record<string, unknown>>> {
    const { rows } = await this.constellation.database.query(`select (select count(*)::int from dag_run) as runs, (select count(*)::int from task_instance) as instances,
      (select count(*)::int from task_instance_history where state = 'lost') as lost, (select count(*)::int from task_instance_history where state <> 'lost') as "otherTries",
      (select count(*)::int from worker_session where state = 'lost') as "lostSessions"`);
    const reasons = await this.constellation.database.query(`select regexp_replace(reason, '[0-9a-f-]{36}|[0-9]+', '…', 'g') as why, count(*)::int as times from task_instance_history where state = 'lost' group by 1`);
    return { ...rows[0], lostBecause: reasons.rows, recoveryMs: this.recoveryMs, ledgerLines: this.constellation.ledger().length, unknownAnswers: this.constellation.journal.entries.filter((entry) => entry.answer === 'unknown').length };
  }

  /** The session of a worker's present life. */
  async sessionOf(worker: string): Promise<string> {
    return eventually(`a session of ${worker}`, async () => {
      const { rows } = await this.constellation.database.query<{ id: string }>(`select id from worker_session where worker_name = $1 and state = 'active' and lease_expires_at > now()`, [worker]);
      return rows.at(0)?.id;
    });
  }

  /** Waits until the worker runs something: striking an idle one proves little. */
  async busy(worker: string): Promise<void> {
    await eventually(`${worker} to run a task`, async () => {
      const { rows } = await this.constellation.database.query(
        `select 1 from task_instance i join worker_session s on s.id = i.session_id where s.worker_name = $1 and s.state = 'active' and i.state = 'running' limit 1`, [worker]);
      return rows.length > 0;
    });
  }

  /** A moment the dice choose: where exactly a fault strikes must not be where the test thinks. */
  async moment(fromMs: number, toMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.dice.between(fromMs, toMs)));
  }

  /** A run triggered now ends: the others carry on. @returns how long that took, ms */
  async othersGoOn(): Promise<number> {
    const began = performance.now();
    const runId = this.nextRunId();
    await eventually('a trigger to be answered', async () => (await this.constellation.client.trigger('load_flaky', runId)) === 'done');
    await this.ended('load_flaky', runId);
    return performance.now() - began;
  }

  async withBroker(work: (channel: amqp.Channel) => Promise<void>): Promise<void> {
    const connection = await amqp.connect(this.broker.url, { noDelay: true });
    connection.on('error', () => undefined); // a call under way rejects with it
    try {
      const channel = await connection.createChannel();
      channel.on('error', () => undefined); // a failed call rejects with it
      await work(channel);
    } finally {
      await connection.close();
    }
  }

  get taskQueues(): readonly string[] {
    return TASK_QUEUES.map((queue) => `millrace.tasks.${queue}`);
  }

  private async load(enough: (count: number) => boolean): Promise<void> {
    for (let count = 0; !enough(count); count++) {
      await this.constellation.client.trigger(this.dice.pick(LOAD), this.nextRunId());
      await this.moment(0, 150);
    }
  }

  private async settle(): Promise<Violation[]> {
    // Ticks go on: what was due until now must be over, later ones are none of this check's business.
    const until = Math.floor(Date.now() / 1_000) * 1_000;
    await eventually('all runs to end and all messages to be taken', async () => {
      const { rows } = await this.constellation.database.query(
        `select (select count(*)::int from dag_run where state in ('queued', 'running') and (logical_date is null or logical_date < $1)) as open,
                (select count(*)::int from dag_run where dag_id = 'load_ticks' and logical_date < $1) as ticks`, [new Date(until)]);
      return rows[0].open === 0 && rows[0].ticks >= (until - this.constellation.startedAt.getTime()) / 1_000 - 1;
    }, RECOVERY_LIMIT_MS).catch(async (error: unknown) => {
      const { rows } = await this.constellation.database.query(
        `select i.dag_id, i.run_id, i.task_id, i.state, i.try_number, i.reason, r.state as run, r.quarantined_at from task_instance i join dag_run r on r.id = i.dag_run_id
         where r.state in ('queued', 'running') and i.state is distinct from 'success' and (r.logical_date is null or r.logical_date < $1) limit 20`, [new Date(until)]);
      throw new Error(`${String(error)}; seed ${this.dice.seed}; service logs in ${this.constellation.logsFolder}; open:\n${rows.map((row) => JSON.stringify(row)).join('\n')}`);
    });
    return eventually('no message and no event to wait', async () => {
      const violations = checkPromises(settledPart(await this.constellation.observe([this.ticks(until)]), until));
      return violations.some((violation) => violation.promise === 12) ? null : violations;
    }, 15_000).catch(async () => checkPromises(settledPart(await this.constellation.observe([this.ticks(until)]), until)));
  }

  private ticks(until: number): { dagId: string; everyMs: number; from: number; until: number } {
    const from = this.constellation.startedAt.getTime();
    return { dagId: 'load_ticks', everyMs: 1_000, from: from + 1_000, until: until - 1_000 };
  }

  private nextRunId(): string {
    return `run_${++this.lastRun}`;
  }

  private async ended(dagId: string, runId: string): Promise<void> {
    await eventually(`${dagId}/${runId} to end`, async () => {
      const { rows } = await this.constellation.database.query('select state from dag_run where dag_id = $1 and run_id = $2', [dagId, runId]);
      return rows[0]?.state === 'success' || rows[0]?.state === 'failed';
    });
  }
}

/** Leaves out the ticks due after `until` and what they have written so far. */
function settledPart(observed: Observed, until: number): Observed {
  const later = new Set(observed.runs.filter((run) => run.logicalDate !== null && run.logicalDate >= until).map((run) => `${run.dagId}/${run.runId}`));
  const kept = (row: { dagId: string; runId: string }): boolean => !later.has(`${row.dagId}/${row.runId}`);
  return {
    ...observed,
    runs: observed.runs.filter(kept), instances: observed.instances.filter(kept), history: observed.history.filter(kept),
    ledger: observed.ledger.filter((line) => kept({ dagId: line.dag, runId: line.run })),
  };
}
