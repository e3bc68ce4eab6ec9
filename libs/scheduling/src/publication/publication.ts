import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { compactDocument, wakePartition } from '@millrace/contracts';
import type { DagDocument, DagDocumentInput } from '@millrace/contracts';
import type { Timetable } from '@millrace/engine';
import type { Broker } from '@millrace/messaging';
import { AssetReferencesWriter, PublicationWriter, TimetableWriter } from '@millrace/persistence';
import type { Database, NextRunColumns, StoredAutomatedRun, StoredDag, Transaction } from '@millrace/persistence';
import { uuidV7From } from '@millrace/vocabulary';
import { dagAssets } from './asset-references.js';
import { checkDocuments } from './check-documents.js';
import type { CheckedDag, DocumentProblem } from './check-documents.js';
import type { QueueTeams } from '../placement/queue-teams.js';
import { timetableOf } from '../schedules/timetable-of.js';
import type { PublishedFile, PublishedTimetable, PublishedTogether, PublishResult } from './published-file.js';
import { runsProblem } from './timetable-desk.js';

type Told = Pick<PublishedTimetable, 'runs' | 'isComplete'>;
const NOTHING_TOLD: Told = { runs: [], isComplete: false };
const NO_RUN: NextRunColumns = { logicalDate: null, intervalStart: null, intervalEnd: null, runAfter: null };

/**
 * Makes dag versions out of what dag-processors hand over. A file is published whole or not at all: with any problem the last
 * good version of its dags stays, and the file gets an import error that says what to mend.
 */
export class Publication {
  constructor(
    private readonly database: Database,
    private readonly broker: Broker,
    private readonly options: { readonly pausedAtCreation: boolean; readonly maxMapLength?: number; readonly queueTeams?: QueueTeams },
  ) {}

  async publishFile(file: PublishedFile): Promise<PublishResult> {
    if (file.importError !== null) {
      await this.#refuse(file, file.importError.stackTrace, file.importError.line > 0 ? file.importError.line : null);
      return { dags: [], refused: '' };
    }
    const { dags, problems } = checkDocuments(file.dagDocuments, this.options.maxMapLength);
    const allProblems = [...bundleProblems(file), ...problems, ...timetableProblems(file)];
    if (allProblems.length > 0) return this.#refuseProblems(file, allProblems);

    const outcome = await this.database.inTransaction(async (tx) => {
      const writer = new PublicationWriter(tx.client);
      const now = await writer.lock();
      const stored = new Map((await writer.dagsOf(dags.map((dag) => dag.document.dagId))).map((row) => [row.dag_id, row]));
      const conflicts = [...ownershipProblems(file, dags, stored), ...(await teamProblems(writer, dags)), ...(await this.#queueProblems(writer, file, dags))];
      if (conflicts.length > 0) return { problems: conflicts, published: [], retired: [] };

      await writer.touchBundle(file.bundleName, file.bundleVersion || null);
      if (file.bundleHash !== '') await writer.storeBlob(file.bundleHash, file.bundle);
      const published: { dagId: string; versionNumber: number; changed: boolean }[] = [];
      for (const dag of dags) published.push(await this.#publishDag(tx, writer, file, dag, stored.get(dag.document.dagId), now));
      const retired = await writer.retireMissing(file.bundleName, file.relativeFileloc, published.map((dag) => dag.dagId));
      if (retired.length > 0 || published.some((dag) => dag.changed)) await new AssetReferencesWriter(tx.client).settleActivity();
      await writer.clearImportError(file.bundleName, file.relativeFileloc);
      return { problems: [], published, retired };
    });
    if (outcome.problems.length > 0) return this.#refuseProblems(file, outcome.problems);
    this.#ring([...outcome.published.filter((dag) => dag.changed).map((dag) => dag.dagId), ...outcome.retired]);
    return { dags: outcome.published, refused: '' };
  }

  /**
   * Publishes files that belong together, all or none of them, in one transaction with what `and` writes. What is current already is left alone.
   * @param only the one file these are all of (a document); null: they are the whole bundle, whose other dags become stale
   * @param and its answer, when not null, says why nothing may be published after all
   */
  async publishTogether(bundleName: string, only: string | null, files: readonly PublishedFile[], and: (tx: Transaction) => Promise<string | null>): Promise<PublishedTogether> {
    const checked = files.map((file) => ({ file, ...checkDocuments(file.dagDocuments, this.options.maxMapLength) }));
    const problems = checked.flatMap(({ file, problems: own }) => [...own, ...timetableProblems(file)].map((problem) => ({ ...problem, file: file.relativeFileloc })));
    const owners = new Map<string, string>();
    for (const { file, dags } of checked) {
      for (const { document } of dags) {
        const first = owners.get(document.dagId);
        if (first === undefined) owners.set(document.dagId, file.relativeFileloc);
        else problems.push({ where: document.definedAt, message: `dag id "${document.dagId}" is used by two files: ${first} and ${file.relativeFileloc}; rename one of them`, file: file.relativeFileloc });
      }
    }
    if (problems.length > 0) return { problems, changed: [], retired: [] };
    const outcome = await this.database.inTransaction(async (tx): Promise<PublishedTogether> => {
      const writer = new PublicationWriter(tx.client);
      const now = await writer.lock();
      const stored = new Map((await writer.dagsOf([...owners.keys()])).map((row) => [row.dag_id, row]));
      const conflicts: (DocumentProblem & { file: string })[] = [];
      for (const { file, dags } of checked) for (const problem of [...ownershipProblems(file, dags, stored, true), ...(await teamProblems(writer, dags)), ...(await this.#queueProblems(writer, file, dags))]) conflicts.push({ ...problem, file: file.relativeFileloc });
      if (conflicts.length > 0) return { problems: conflicts, changed: [], retired: [] };
      const refusal = await and(tx);
      if (refusal !== null) return { problems: [{ where: null, message: refusal, file: '' }], changed: [], retired: [] };
      await writer.touchBundle(bundleName, files[0]?.bundleVersion || null);
      const changed: { dagId: string; versionNumber: number; isNew: boolean }[] = [];
      for (const { file, dags } of checked) {
        for (const dag of dags) {
          const known = stored.get(dag.document.dagId);
          if (known !== undefined && isCurrent(known, file, dag.document)) continue;
          const { dagId, versionNumber } = await this.#publishDag(tx, writer, file, dag, known, now);
          changed.push({ dagId, versionNumber, isNew: known === undefined || known.is_stale });
        }
      }
      const retired = only === null ? await writer.retireOthers(bundleName, [...owners.keys()]) : await writer.retireMissing(bundleName, only, [...owners.keys()]);
      if (only !== null) await writer.clearImportError(bundleName, only);
      if (retired.length > 0 || changed.length > 0) await new AssetReferencesWriter(tx.client).settleActivity();
      return { problems: [], changed, retired };
    });
    this.#ring([...outcome.changed.map((dag) => dag.dagId), ...outcome.retired]);
    return outcome;
  }

  /** The dags of these files, by the hash their version has or would have. */
  contentHashes(files: readonly PublishedFile[]): Map<string, string> {
    return new Map(files.flatMap((file) => checkDocuments(file.dagDocuments, this.options.maxMapLength).dags.map(({ document }) => [document.dagId, contentHash(compactDocument(document), file.bundleHash)] as const)));
  }

  /** Takes the whole list of a folder's files; dags of files that are not in it become stale. Returns how many did. */
  async reportFolder(bundleName: string, relativeFilelocs: readonly string[]): Promise<{ readonly staleDags: number }> {
    const retired = await this.database.inTransaction(async (tx) => {
      const writer = new PublicationWriter(tx.client);
      await writer.lock();
      await writer.touchBundle(bundleName);
      const retired = await writer.retireFiles(bundleName, relativeFilelocs);
      if (retired.length > 0) await new AssetReferencesWriter(tx.client).settleActivity();
      return retired;
    });
    this.#ring(retired);
    return { staleDags: retired.length };
  }

  async #publishDag(tx: Transaction, writer: PublicationWriter, file: PublishedFile, dag: CheckedDag, stored: StoredDag | undefined, now: Date): Promise<{ dagId: string; versionNumber: number; changed: boolean }> {
    const { document } = dag;
    const told = document.schedule?.kind === 'custom' ? (file.timetables?.find((one) => one.dagId === document.dagId) ?? NOTHING_TOLD) : null;
    const timetable = told === null ? dag.timetable : timetableOf(document, told.runs);
    await writer.upsertDag({
      dagId: document.dagId,
      bundleName: file.bundleName,
      relativeFileloc: file.relativeFileloc,
      fileloc: file.fileloc,
      team: document.team,
      displayName: document.displayName ?? null,
      description: document.description,
      owners: document.owners.length > 0 ? document.owners : [...new Set(document.tasks.map((task) => task.owner))].sort(),
      tags: [...new Set(document.tags)].sort(),
      ...timetableTexts(document, timetable),
      pausedAtCreation: document.isPausedUponCreation ?? this.options.pausedAtCreation,
      parseSeconds: file.parseDurationMs / 1_000,
      maxActiveRuns: document.maxActiveRuns,
      maxActiveTasks: document.maxActiveTasks,
      maxConsecutiveFailedRuns: document.maxConsecutiveFailedRuns,
      hasDeadlines: document.deadlines.length > 0,
    });
    const compact = compactDocument(document);
    const version = await writer.upsertVersion({
      id: uuidV7From(now.getTime(), randomBytes(10)),
      dagId: document.dagId,
      contentHash: contentHash(compact, file.bundleHash),
      bundleHash: file.bundleHash === '' ? null : file.bundleHash,
      bundleName: file.bundleName,
      document: compact,
      source: withoutNul(file.source),
      bundleVersion: file.bundleVersion || null,
    });
    const changed = stored?.current_version_id !== version.id;
    if (changed) await new AssetReferencesWriter(tx.client).replace(document.dagId, dagAssets(document));
    if (changed) await this.#publishTimetable(tx, writer, document.dagId, version.id, told, stored);
    if (stored === undefined || stored.is_stale || !isDeepStrictEqual(stored.schedule_part, schedulePart(document))) {
      const last = await writer.lastAutomatedRun(document.dagId);
      // A timetable in dag code that has made runs is asked how it goes on after them; until then nothing is asked for.
      await writer.setNextRun(document.dagId, told !== null && last !== null ? NO_RUN : nextRun(timetable, last, now));
    }
    return { dagId: document.dagId, versionNumber: version.versionNumber, changed: changed || stored?.is_stale === true };
  }

  /** Tasks in queues that are for other teams than the one the dag will be of. */
  async #queueProblems(writer: PublicationWriter, file: PublishedFile, dags: readonly CheckedDag[]): Promise<DocumentProblem[]> {
    const { queueTeams } = this.options;
    if (queueTeams === undefined || queueTeams.isEmpty) return [];
    const problems: DocumentProblem[] = [];
    for (const { document } of dags) {
      const team = (await writer.ownerOf(file.bundleName, file.relativeFileloc, document.team)) ?? '';
      for (const task of document.tasks) {
        if (!queueTeams.mayUse(task.queue, team)) problems.push({ where: task.definedAt ?? document.definedAt, message: `task "${task.taskId}": ${queueTeams.refusal(task.queue, document.dagId, team)}` });
      }
    }
    return problems;
  }

  /** The first runs of a dag's own timetable; of one that has made runs, a processor is asked how it goes on. */
  async #publishTimetable(tx: Transaction, writer: PublicationWriter, dagId: string, versionId: string, told: Told | null, stored: StoredDag | undefined): Promise<void> {
    const timetables = new TimetableWriter(tx);
    if (told === null) return stored === undefined ? undefined : timetables.forget(dagId);
    if ((await writer.lastAutomatedRun(dagId)) === null) return timetables.publish(dagId, versionId, null, told.runs, told.isComplete);
    await timetables.await(dagId, stored?.current_version_id ?? versionId);
  }

  async #refuseProblems(file: PublishedFile, problems: readonly DocumentProblem[]): Promise<PublishResult> {
    const text = problems.map((problem) => `${problem.where ?? file.relativeFileloc}: ${problem.message}`).join('\n');
    await this.#refuse(file, text, lineOf(problems[0]?.where ?? null));
    return { dags: [], refused: text };
  }

  async #refuse(file: PublishedFile, stackTrace: string, line: number | null): Promise<void> {
    await this.database.inTransaction(async (tx) => {
      const writer = new PublicationWriter(tx.client);
      await writer.lock();
      await writer.touchBundle(file.bundleName);
      await writer.recordImportError({ bundleName: file.bundleName, relativeFileloc: file.relativeFileloc, fileloc: file.fileloc, stackTrace: withoutNul(stackTrace), line });
    });
  }

  /** Schedulers plan these dags' timers anew; when the message is lost, their next look at due dags finds them. */
  #ring(dagIds: readonly string[]): void {
    for (const dagId of dagIds) this.broker.ring(wakePartition(dagId), { v: 1, runs: [], dags: [dagId], assets: [dagId] });
  }
}

function bundleProblems(file: PublishedFile): DocumentProblem[] {
  if (file.bundleHash === '' && file.bundle.length === 0) return [];
  const actual = createHash('sha256').update(file.bundle).digest('hex');
  return actual === file.bundleHash ? [] : [{ where: null, message: `the bundle's bytes have sha-256 ${actual}, but it was announced as ${file.bundleHash}; publish the file again` }];
}

function timetableProblems(file: PublishedFile): DocumentProblem[] {
  return (file.timetables ?? []).flatMap(({ dagId, runs }) => {
    const problem = runsProblem(runs, null);
    return problem === null ? [] : [{ where: null, message: `timetable of dag "${dagId}": ${problem}` }];
  });
}

function isCurrent(stored: StoredDag, file: PublishedFile, document: DagDocument): boolean {
  return !stored.is_stale && !stored.has_import_errors && stored.bundle_name === file.bundleName && stored.relative_fileloc === file.relativeFileloc && stored.content_hash === contentHash(compactDocument(document), file.bundleHash);
}

/** @param withinBundle a dag may go from one file of its bundle to another, since all of them are published together */
function ownershipProblems(file: PublishedFile, dags: readonly CheckedDag[], stored: ReadonlyMap<string, StoredDag>, withinBundle = false): DocumentProblem[] {
  return dags.flatMap(({ document }) => {
    const owner = stored.get(document.dagId);
    if (!owner || owner.is_stale || (owner.bundle_name === file.bundleName && (withinBundle || owner.relative_fileloc === file.relativeFileloc))) return [];
    return [{
      where: document.definedAt,
      message: `dag id "${document.dagId}" is used by two files: ${owner.bundle_name}/${owner.relative_fileloc} (which keeps it) and ${file.bundleName}/${file.relativeFileloc}; rename one of them`,
    }];
  });
}

async function teamProblems(writer: PublicationWriter, dags: readonly CheckedDag[]): Promise<DocumentProblem[]> {
  const teams = [...new Set(dags.flatMap((dag) => dag.document.team ?? []))];
  if (teams.length === 0) return [];
  const missing = await writer.missingTeams(teams);
  return dags.flatMap(({ document }) =>
    document.team !== null && missing.includes(document.team) ? [{ where: document.definedAt, message: `dag "${document.dagId}": team "${document.team}" does not exist` }] : [],
  );
}

/** Same content, same version: the document as stored plus the code it runs. */
function contentHash(document: DagDocumentInput, bundleHash: string): string {
  return createHash('sha256').update(bundleHash).update('\n').update(JSON.stringify(document)).digest('hex');
}

/** What the next run depends on; must name the same fields as PublicationWriter.dagsOf. */
function schedulePart(document: DagDocument): unknown {
  const { schedule, timezone, startDate, endDate, catchup } = document;
  return JSON.parse(JSON.stringify({ schedule, timezone, startDate, endDate, catchup }));
}

function nextRun(timetable: Timetable | null, last: StoredAutomatedRun | null, now: Date): NextRunColumns {
  const next = timetable?.next(
    last && { logicalDateMs: last.logical_date.getTime(), intervalStartMs: last.data_interval_start.getTime(), intervalEndMs: last.data_interval_end.getTime(), runAfterMs: last.run_after.getTime() },
    now.getTime(),
  );
  if (!next) return NO_RUN;
  return { logicalDate: new Date(next.logicalDateMs), intervalStart: new Date(next.intervalStartMs), intervalEnd: new Date(next.intervalEndMs), runAfter: new Date(next.runAfterMs) };
}

/** As Airflow shows a schedule that has no times of its own. */
function timetableTexts(document: DagDocument, timetable: Timetable | null): { timetableSummary: string | null; timetableDescription: string } {
  if (timetable !== null && document.schedule?.kind === 'assetsOrTime') return { timetableSummary: `Asset or ${timetable.summary}`, timetableDescription: `Triggered by assets or ${timetable.description}` };
  if (timetable !== null) return { timetableSummary: timetable.summary, timetableDescription: timetable.description };
  if (document.schedule?.kind === 'assets') return { timetableSummary: 'Asset', timetableDescription: 'Triggered by assets' };
  if (document.schedule?.kind === 'partitionedAssets') return { timetableSummary: 'Partitioned Asset', timetableDescription: 'Triggered by assets' };
  return { timetableSummary: null, timetableDescription: 'Never, external triggers only' };
}

function lineOf(where: string | null): number | null {
  const line = /:(\d+)(?::\d+)?$/.exec(where ?? '')?.[1];
  return line === undefined ? null : Number(line);
}

/** PostgreSQL text cannot hold NUL, and a thrown message may. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\u2400');
}
