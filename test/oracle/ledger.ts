import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { groupBy } from './group-by.js';

/**
 * What test tasks write outside PostgreSQL, one JSON line per fact, O_APPEND + fsync, before and after their effect.
 * `ns` is CLOCK_MONOTONIC, comparable between processes of one machine. Decimal text, because it does not fit a double.
 */
const lineSchema = z.object({
  event: z.enum(['start', 'end', 'killed']),
  attempt: z.string().min(1),
  /** What an outside system would compare: grows with every try of the instance. */
  fence: z.number().int(),
  dag: z.string(),
  run: z.string(),
  task: z.string(),
  index: z.array(z.number().int()),
  try: z.number().int().positive(),
  pid: z.number().int(),
  ns: z.string().regex(/^\d+$/),
  /** Of an end: whether the task is about to return (ok) or to throw. */
  ok: z.boolean().optional(),
});
export type LedgerLine = z.infer<typeof lineSchema>;

/** @throws when a line is not whole: one write(2) a line can't be torn by a kill, so a torn one is a defect of the test. */
export function readLedger(file: string): LedgerLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line, i) => {
    const parsed = lineSchema.safeParse(tryJson(line));
    if (!parsed.success) throw new Error(`${file}:${i + 1}: not a ledger line: ${line.slice(0, 200)}`);
    return parsed.data;
  });
}

const toldSchema = z.object({ id: z.string(), on: z.string(), dag: z.string(), run: z.string(), task: z.string() });

/** What callbacks wrote, as {@link readLedger} reads it. */
export function readTold(file: string): z.infer<typeof toldSchema>[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => toldSchema.parse(JSON.parse(line)));
}

/** One attempt as the ledger saw it. */
export interface LedgerAttempt {
  readonly attempt: string;
  readonly first: LedgerLine;
  readonly starts: readonly LedgerLine[];
  readonly ends: readonly LedgerLine[];
  readonly startNs: bigint;
  /** null: it never said that it ended; it was killed, or still runs. */
  readonly endNs: bigint | null;
}

export function attemptsOf(ledger: readonly LedgerLine[]): LedgerAttempt[] {
  const byAttempt = groupBy(ledger, (line) => line.attempt);
  return [...byAttempt].map(([attempt, lines]) => {
    const starts = lines.filter((line) => line.event === 'start');
    const ends = lines.filter((line) => line.event !== 'start');
    const first = starts[0] ?? (lines[0] as LedgerLine);
    const last = ends.at(-1);
    return { attempt, first, starts, ends, startNs: BigInt(first.ns), endNs: last === undefined ? null : BigInt(last.ns) };
  });
}

/** Names the instance a line belongs to: dag, run, task and index. */
export function instanceKey(line: Pick<LedgerLine, 'dag' | 'run' | 'task' | 'index'>): string {
  return JSON.stringify([line.dag, line.run, line.task, line.index]);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
