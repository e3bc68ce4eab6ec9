import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocumentInput, executionProto } from '@millrace/contracts';
import { InProcessLiveUpdates } from '@millrace/live-updates';
import { InProcessBroker, InProcessBus } from '@millrace/messaging';
import { AssetReferencesWriter, Database, WorkerSessions } from '@millrace/persistence';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { MigratedDatabase } from '@millrace/persistence/testing';
import type { Logger } from '@millrace/telemetry';
import { uuidV7From } from '@millrace/vocabulary';
import type { AttemptId, ClaimToken, InstanceId, RunId, SessionId } from '@millrace/vocabulary';
import { waitFor } from '@millrace/test-services';
import { createCommands } from '../commands/create-commands.js';
import { dagAssets } from '../publication/asset-references.js';
import type { Commands } from '../commands/commands.js';
import type { QueueTeams } from '../placement/queue-teams.js';
import { SchedulerCore } from '../scheduler/scheduler-core.js';
import type { SchedulerCoreOptions } from '../scheduler/scheduler-core.js';

const told = process.env['MILLRACE_RIG_LOG'] === undefined ? (): void => {} : (message: string, fields?: object): void => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
const silent: Logger = { debug: told, info: told, warn: told, error: told, child: () => silent };

type Grant = executionProto.Grant;
type Completion = executionProto.Completion;

export interface RigOptions {
  readonly schedulers?: number;
  readonly doorbell?: boolean;
  readonly continuation?: boolean;
  readonly leaseTtlMs?: number;
  readonly sweepEveryMs?: number;
  readonly queueTeams?: QueueTeams;
}

/** What a rig's worker does with an attempt; `null`: says nothing, as a worker that died would. */
export type Behaviour = (grant: Grant) => Partial<Completion> | null | Promise<Partial<Completion> | null>;

/** Schedulers with a real database, an in-process broker, and workers that answer as a spec says. For specs. */
export class SchedulerRig {
  readonly cores: SchedulerCore[] = [];
  readonly commands: Commands;
  /** Every attempt a worker began, in order. */
  readonly started: Grant[] = [];
  #closers: (() => Promise<void>)[] = [];

  private constructor(
    readonly migrated: MigratedDatabase,
    readonly bus: InProcessBus,
    readonly broker: InProcessBroker,
    private readonly options: RigOptions,
  ) {
    this.commands = createCommands({ database: migrated.database, broker, logger: silent });
  }

  static async open(options: RigOptions = {}): Promise<SchedulerRig> {
    const migrated = await migratedDatabase();
    const bus = new InProcessBus();
    const broker = new InProcessBroker({ bus });
    await broker.start();
    const rig = new SchedulerRig(migrated, bus, broker, options);
    for (let i = 0; i < (options.schedulers ?? 1); i++) await rig.addScheduler();
    return rig;
  }

  async addScheduler(): Promise<SchedulerCore> {
    const database = new Database({ url: this.migrated.url, poolSize: 6, namedStatements: true, applicationName: 'rig' });
    const broker = new InProcessBroker({ bus: this.bus });
    await broker.start();
    const id = uuidV7From(Date.now(), randomBytes(10));
    const options: SchedulerCoreOptions = {
      self: { id, kind: 'scheduler', hostname: 'rig', pid: null, address: `rig:${this.cores.length}`, version: '0' },
      doorbell: this.options.doorbell ?? true,
      sweepEveryMs: this.options.sweepEveryMs ?? 200,
      leaseTtlMs: this.options.leaseTtlMs ?? 15_000,
      beatEveryMs: 500,
      batchMax: 200,
      continuation: this.options.continuation ?? true,
      maxCachedInstances: 100_000,
      xcomMaxBytes: 1_000_000,
      republishAfterMs: 1_000,
      ...(this.options.queueTeams === undefined ? {} : { queueTeams: this.options.queueTeams }),
    };
    const core = new SchedulerCore(database, broker, new InProcessLiveUpdates(), silent, options, { committed() {}, swept() {}, published() {} });
    await core.start();
    // Partitions are shared out when every scheduler has heard of the newcomer.
    for (const other of this.cores) await other.membership.once();
    this.cores.push(core);
    this.#closers.push(async () => {
      await core.stop();
      await broker.stop();
      await database.stop();
    });
    return core;
  }

  /** Publishes a dag as a new version. */
  async publish(input: DagDocumentInput): Promise<void> {
    const document = dagDocumentSchema.parse(input);
    const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex');
    const id = uuidV7From(Date.now(), randomBytes(10));
    await this.sql(`insert into dag_bundle (name) values ('rig') on conflict do nothing`);
    await this.sql(`insert into bundle_blob (hash, content) values ($1, '') on conflict do nothing`, [hash]);
    await this.sql(
      `insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, max_active_runs, max_active_tasks) values ($1, 'rig', 'rig.ts', 'rig.ts', $2, $3)
       on conflict (dag_id) do update set max_active_runs = excluded.max_active_runs`,
      [document.dagId, document.maxActiveRuns, document.maxActiveTasks],
    );
    await this.sql(
      `insert into dag_version (id, dag_id, version_number, content_hash, bundle_hash, bundle_name, document)
       values ($1, $2, (select count(*) + 1 from dag_version where dag_id = $2), $3, $3, 'rig', $4)`,
      [id, document.dagId, hash, JSON.stringify(document)],
    );
    await new AssetReferencesWriter(this.migrated.database.pool).replace(document.dagId, dagAssets(document));
    await this.sql(`update dag set current_version_id = $2, next_run_after = case when $3 then now() end, hold_after_failure = $4 where dag_id = $1`, [document.dagId, id, document.schedule !== null, document.holdAfterFailure]);
  }

  /** A worker on one scheduler that does with each attempt what `behaviour` says. */
  async addWorker(behaviour: Behaviour, options: { readonly core?: SchedulerCore; readonly slots?: number; readonly queues?: readonly string[]; readonly continues?: boolean } = {}): Promise<RigWorker> {
    const worker = new RigWorker(this, options.core ?? this.cores[0]!, behaviour, options.slots ?? 4, options.queues ?? ['default'], options.continues ?? true);
    await worker.start();
    this.#closers.push(() => worker.stop());
    return worker;
  }

  async sql<Row extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.migrated.database.pool.query<Row>(text, values)).rows;
  }

  async trigger(dagId: string, more: Partial<Parameters<Commands['trigger']>[0]> = {}): Promise<RunId> {
    return (await this.commands.trigger({ dagId, triggeredBy: 'test', actor: 'rig', ...more })).id;
  }

  async runState(id: RunId): Promise<string> {
    return (await this.sql<{ state: string }>('select state from dag_run where id = $1', [id]))[0]!.state;
  }

  /** Waits until the run has ended. */
  async ended(id: RunId): Promise<string> {
    return waitFor(async () => ['success', 'failed'].includes(await this.runState(id)) && this.runState(id), { timeoutMs: 20_000, what: `run ${id} to end` });
  }

  /** `{ taskId: state }`. */
  async states(id: RunId): Promise<Record<string, string | null>> {
    const rows = await this.sql<{ task_id: string; state: string | null }>('select task_id, state from task_instance where dag_run_id = $1 order by task_id', [id]);
    return Object.fromEntries(rows.map((row) => [row.task_id, row.state]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
    await this.broker.stop();
    await this.migrated[Symbol.asyncDispose]();
  }
}

export class RigWorker {
  readonly sessionId = uuidV7From(Date.now(), randomBytes(10)) as string as SessionId;
  readonly name = `rig-${this.sessionId.slice(-6)}`;
  readonly cancelled: AttemptId[] = [];
  /** Callbacks it was handed. */
  readonly told: executionProto.Callback[] = [];
  #subscriptions: { cancel(): Promise<void> }[] = [];
  #leave: (() => void) | undefined;
  readonly #held = new Set<AttemptId>();

  constructor(
    private readonly rig: SchedulerRig,
    private readonly core: SchedulerCore,
    private readonly behaviour: Behaviour,
    private readonly slots: number,
    private readonly queues: readonly string[],
    private readonly continues: boolean,
  ) {}

  async start(): Promise<void> {
    const sessions = new WorkerSessions(this.rig.migrated.database);
    await sessions.open({ id: this.sessionId, workerName: this.name, logHost: '127.0.0.1', logPort: 1, queues: this.queues, slots: this.slots, version: '0', pid: null }, 15_000);
    this.#leave = this.core.workers.add({ sessionId: this.sessionId, queues: new Set(this.queues), callback: (told) => void this.told.push(told), cancel: (ids) => void this.cancelled.push(...ids), ended: () => undefined, offer: (offer) => void this.#offered(offer) });
    for (const queue of this.queues) {
      this.#subscriptions.push(
        await this.rig.broker.consumeAttempts(queue, { prefetch: this.slots }, async (delivery) => {
          for (const [instanceId, attemptId] of delivery.message.ids) await this.#claim(instanceId, attemptId);
          delivery.ack();
        }),
      );
    }
  }

  async #offered({ attempts }: executionProto.Offer): Promise<void> {
    for (const { instanceId, attemptId } of attempts) await this.#claim(instanceId, attemptId);
  }

  async #claim(instanceId: string, attemptId: string): Promise<void> {
    const grant = await this.core.claims.claim({
      instanceId: instanceId as InstanceId, attemptId: attemptId as AttemptId, token: randomUUID() as string as ClaimToken, sessionId: this.sessionId, workerName: this.name,
    });
    if (grant !== null) void this.run(grant);
  }

  /** Runs an attempt and what it is handed next. */
  async run(grant: Grant): Promise<void> {
    this.rig.started.push(grant);
    this.#held.add(grant.attemptId as AttemptId);
    const answered = this.behaviour(grant);
    const result = answered instanceof Promise ? await answered : answered;
    if (result === null) return;
    const answer = await this.report(grant, result);
    this.#held.delete(grant.attemptId as AttemptId);
    for (const next of answer.next) void this.run(next);
  }

  report(grant: Grant, result: Partial<Completion>): ReturnType<SchedulerCore['completions']['complete']> {
    const taker = { sessionId: this.sessionId, workerName: this.name, queues: new Set(this.queues) };
    return this.core.completions.complete(
      {
        instanceId: grant.instanceId, attemptId: grant.attemptId, claimToken: grant.claimToken, outcome: 'success', retryable: true, error: '', xcoms: [], startedAt: undefined, endedAt: undefined,
        resumeAt: '', resumeJson: '', correlationKey: '', renderedFieldsJson: '', hasBranch: false, branchTaskIds: [], wantsMore: this.continues, onlySuccessor: false, pid: 4711, skipDownstream: '', loop: '', indexName: '', giveUpAt: '', giveUpThen: '', errorNames: [], question: undefined, outletEventsJson: '', ...result,
      },
      taker,
    );
  }

  /** Says it is alive; what it holds is what it began and has not reported. */
  async beat(): Promise<void> {
    await new WorkerSessions(this.rig.migrated.database).beat(this.sessionId, this.slots, [...this.#held], false, 15_000);
  }

  /** Its lease has run out. */
  async expire(): Promise<void> {
    await this.stop();
    await this.rig.sql(`update worker_session set state = 'lost' where id = $1`, [this.sessionId]);
  }

  async stop(): Promise<void> {
    this.#leave?.();
    for (const subscription of this.#subscriptions.splice(0)) await subscription.cancel();
  }
}
