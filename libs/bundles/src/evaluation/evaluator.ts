import { z } from 'zod';
import { dagDocumentSchema, pluginDocumentSchema } from '@millrace/contracts';
import type { DagDocument, PluginDocument } from '@millrace/contracts';
import type { Bundle } from '../bundling/bundle-file.js';
import { importFailure } from '../import-errors/import-failure.js';
import type { ImportFailure } from '../import-errors/import-failure.js';
import { SourcePositions, isAuthorsFile } from '../import-errors/source-positions.js';
import type { SourcePosition } from '../import-errors/source-positions.js';
import { BUNDLE_FILE, SandboxProcess } from './sandbox-process.js';
import type { EvaluationLimits, SandboxQuestion } from './sandbox-process.js';

export type EvaluationOutcome = { readonly ok: true; readonly documents: readonly DagDocument[]; readonly timetables: Readonly<Record<string, ToldTimetable>> } | { readonly ok: false; readonly failure: ImportFailure };

const runSchema = z.object({ logicalDateMs: z.number(), intervalStartMs: z.number(), intervalEndMs: z.number(), runAfterMs: z.number() });
const timetableSchema = z.object({ runs: z.array(runSchema).max(1_000), isComplete: z.boolean() });
/** The next runs of a timetable written in dag code, ascending; milliseconds since 1970 UTC. */
export type ToldTimetable = z.infer<typeof timetableSchema>;
export type ToldRun = z.infer<typeof runSchema>;
export type TimetablesOutcome = { readonly ok: true; readonly timetables: Readonly<Record<string, ToldTimetable>> } | { readonly ok: false; readonly message: string };

export type PluginEvaluation = { readonly ok: true; readonly document: PluginDocument } | { readonly ok: false; readonly failure: ImportFailure };

const answerSchema = z.union([
  z.object({ documents: z.array(z.unknown()), timetables: z.record(z.string(), timetableSchema).default({}) }),
  z.object({ error: z.object({ name: z.string(), message: z.string(), stack: z.string(), definedAt: z.string().nullable() }) }),
]);

/** Turns bundles into dag documents, each in a process of its own. Keeps one process started ahead: Node.js takes 50–100 ms to start. */
export class Evaluator {
  private spare: SandboxProcess | null = null;
  private readonly running = new Set<SandboxProcess>();
  private disposed = false;

  constructor(private readonly limits: EvaluationLimits) {}

  /** Starts the process the next evaluation will use. */
  warm(): void {
    if (this.disposed || this.spare?.usable === true) return;
    void this.spare?.dispose(); // It died while it waited; its folder goes.
    this.spare = new SandboxProcess(this.limits);
  }

  /** @param path the dag file relative to its folder, for messages */
  async evaluate(bundle: Bundle, path: string): Promise<EvaluationOutcome> {
    const answer = await this.ask(bundle, path, {});
    return 'failure' in answer ? { ok: false, failure: answer.failure } : this.read(answer.json, bundle, path);
  }

  /** What a module of a plugins folder gives. @param path as in messages, `plugins/finance.ts` */
  async evaluatePlugin(bundle: Bundle, path: string): Promise<PluginEvaluation> {
    const answer = await this.ask(bundle, path, { plugin: true });
    if ('failure' in answer) return { ok: false, failure: answer.failure };
    const positions = new SourcePositions(bundle.sourceMap);
    const given = asJson(answer.json) as { plugin?: unknown; error?: { name: string; message: string; stack: string; definedAt: string | null } } | null;
    if (given?.error !== undefined) return { ok: false, failure: thrown(given.error, positions, path) };
    const checked = pluginDocumentSchema.safeParse(given?.plugin);
    if (!checked.success) return { ok: false, failure: importFailure(`the plugin's description cannot be read: ${checked.error.issues[0]?.path.join('.') ?? ''}: ${checked.error.issues[0]?.message ?? ''}`, { file: path }) };
    const { definedAt } = checked.data;
    const place = definedAt === null ? null : positionIn(positions.translate(definedAt, BUNDLE_FILE));
    return { ok: true, document: { ...checked.data, definedAt: place === null ? null : `${place.file}:${place.line}` } };
  }

  private async ask(bundle: Bundle, path: string, question: SandboxQuestion): Promise<{ readonly json: string } | { readonly failure: ImportFailure }> {
    this.warm();
    const process = this.spare ?? new SandboxProcess(this.limits);
    this.spare = null;
    this.running.add(process);
    const end = await process.evaluate(bundle.code, question).finally(() => this.running.delete(process));
    this.warm();
    const fail = (message: string): { failure: ImportFailure } => ({ failure: importFailure(message, { file: path }) });
    switch (end.kind) {
      case 'timeout':
        return { failure: await this.located(bundle, path, Math.min(500, this.limits.timeoutMs), `evaluating the file did not end within ${this.limits.timeoutMs / 1_000} s; is there an endless loop, or work that belongs into a task?`) };
      case 'memory':
        return { failure: await this.located(bundle, path, 2_000, `evaluating the file took more than ${this.limits.memoryMb} MB; large data belongs into a task`) };
      case 'output':
        return fail(`the dags of the file are more than ${Math.floor(end.bytes / 1e6)} MB as data; split the file`);
      case 'ended':
        return fail(end.exitCode === 13 ? 'a top-level await never ended' : `the file ended its evaluation itself (${end.exitCode === null ? `signal ${end.signal ?? 'unknown'}` : `exit code ${end.exitCode}; process.exit()?`})${end.stderr === '' ? '' : `: ${end.stderr.trim().split('\n').slice(-5).join('\n')}`}`);
      case 'answer':
        return { json: end.json };
    }
  }

  /** How the timetables of these dags go on after the runs that are known. @param code a bundle as it was published */
  async timetables(code: Uint8Array, wanted: Readonly<Record<string, { readonly after: ToldRun | null; readonly nowMs: number }>>): Promise<TimetablesOutcome> {
    this.warm();
    const process = this.spare ?? new SandboxProcess(this.limits);
    this.spare = null;
    this.running.add(process);
    const end = await process.evaluate(code, { timetables: wanted }).finally(() => this.running.delete(process));
    this.warm();
    if (end.kind !== 'answer') return { ok: false, message: end.kind === 'timeout' ? `no answer within ${this.limits.timeoutMs / 1_000} s` : `the evaluation ended without an answer (${end.kind})` };
    const answer = answerSchema.safeParse(asJson(end.json));
    if (!answer.success) return { ok: false, message: 'the evaluation answered in an unknown form' };
    return 'error' in answer.data ? { ok: false, message: `${answer.data.error.name}: ${answer.data.error.message}` } : { ok: true, timetables: answer.data.timetables };
  }

  /** Ends what is running; evaluations in flight fail. */
  async dispose(): Promise<void> {
    this.disposed = true;
    await Promise.all([this.spare, ...this.running].map((process) => process?.dispose()));
    this.spare = null;
  }

  /** Runs the file once more to see where it is when it goes wrong. */
  private async located(bundle: Bundle, path: string, afterMs: number, message: string): Promise<ImportFailure> {
    if (this.disposed) return importFailure(message, { file: path });
    const process = new SandboxProcess(this.limits, true);
    this.running.add(process);
    const frames = await process.whereIs(bundle.code, afterMs).finally(() => this.running.delete(process));
    const positions = new SourcePositions(bundle.sourceMap);
    const places = frames.flatMap((frame) => {
      const found = positions.find(frame.line, frame.column);
      return found === null || !isAuthorsFile(found.file) ? [] : [{ ...found, functionName: frame.functionName }];
    });
    const place = places[0] ?? { file: path };
    return importFailure(message, place, places[0] === undefined ? null : positions.sourceOf(places[0].file), places.map((at) => `    at ${at.functionName === '' ? '' : `${at.functionName} `}${at.file}:${at.line}:${at.column}`));
  }

  private read(json: string, bundle: Bundle, path: string): EvaluationOutcome {
    const positions = new SourcePositions(bundle.sourceMap);
    let parsed: unknown;
    try {
      parsed = JSON.parse(json);
    } catch {
      return { ok: false, failure: importFailure('the evaluation answered with something that is no JSON', { file: path }) };
    }
    const answer = answerSchema.safeParse(parsed);
    if (!answer.success) return { ok: false, failure: importFailure('the evaluation answered in an unknown form; was the file bundled with another version of the SDK?', { file: path }) };
    if ('error' in answer.data) return { ok: false, failure: thrown(answer.data.error, positions, path) };
    const documents: DagDocument[] = [];
    for (const raw of answer.data.documents) {
      const checked = dagDocumentSchema.safeParse(raw, { reportInput: true });
      if (!checked.success) return { ok: false, failure: badDocument(raw, checked.error, positions, path) };
      documents.push(inSourceTerms(checked.data, positions));
    }
    if (documents.length === 0) return { ok: false, failure: importFailure('the file defines no dag; call dag(…) at its top level, or rename the file to begin with "_" if it is a module for others', { file: path }) };
    return { ok: true, documents, timetables: answer.data.timetables };
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** An error the file threw: placed at the definition it is about, else at the author's line nearest to the throw. */
function thrown(error: { name: string; message: string; stack: string; definedAt: string | null }, positions: SourcePositions, path: string): ImportFailure {
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line)).map((line) => positions.translate(line, BUNDLE_FILE));
  const about = error.definedAt === null ? null : positionIn(positions.translate(error.definedAt, BUNDLE_FILE));
  const authors = frames.map(positionIn).filter((place) => place !== null && isAuthorsFile(place.file));
  const place = about ?? authors[0] ?? { file: path, line: 0, column: 0 };
  const message = `${error.name}: ${positions.translate(error.message, BUNDLE_FILE)}`;
  const shown = frames.filter((line) => {
    const at = positionIn(line);
    return at !== null && isAuthorsFile(at.file);
  });
  return importFailure(message, place, positions.sourceOf(place.file), shown);
}

function badDocument(raw: unknown, error: z.ZodError, positions: SourcePositions, path: string): ImportFailure {
  const issue = error.issues[0];
  const where = issue?.path ?? [];
  const dag = raw as { dagId?: unknown; definedAt?: unknown; tasks?: { taskId?: unknown; definedAt?: unknown }[] };
  const task = where[0] === 'tasks' && typeof where[1] === 'number' ? dag.tasks?.[where[1]] : undefined;
  const site = String((task ?? dag).definedAt ?? '');
  const place = positionIn(positions.translate(site, BUNDLE_FILE)) ?? { file: path, line: 0, column: 0 };
  const subject = task === undefined ? `dag "${String(dag.dagId)}"` : `task "${String(task.taskId)}"`;
  const field = (task === undefined ? where : where.slice(2)).map(String).join('.');
  return importFailure(`${subject}: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'is no dag document'}`, place, positions.sourceOf(place.file));
}

/** `definedAt` as `file:line`, which stays the same when the line is edited elsewhere. */
function inSourceTerms(document: DagDocument, positions: SourcePositions): DagDocument {
  const site = (text: string | null): string | null => {
    const place = text === null ? null : positionIn(positions.translate(text, BUNDLE_FILE));
    return place === null ? null : `${place.file}:${place.line}`;
  };
  return { ...document, definedAt: site(document.definedAt), tasks: document.tasks.map((task) => ({ ...task, definedAt: site(task.definedAt) })) };
}

function positionIn(text: string): SourcePosition | null {
  const match = /(?:\(|at |^)(?:async )?([^\s()]+?):(\d+):(\d+)\)?$/.exec(text.trim());
  if (match === null || match[1] === undefined || match[1].startsWith('node:')) return null;
  return { file: match[1].replace(/^file:\/\//, ''), line: Number(match[2]), column: Number(match[3]) };
}
