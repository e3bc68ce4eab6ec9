import type { RunnerAnswer, RunnerQuestion } from '@millrace/contracts';

type XComQuestion = Extract<RunnerQuestion, { ask: 'xcom' }>;
interface Row {
  readonly taskId: string;
  readonly indexPath: readonly number[];
  readonly json: string;
}

/** XComs of the run, as the tasks of it ask for them. */
export class XComTable {
  private readonly rows = new Map<string, Row>();

  /** @param others of other dags: `dag.task` */
  constructor(private readonly dagId: string, private readonly runId: string, private readonly others: Readonly<Record<string, unknown>>) {}

  set(taskId: string, indexPath: readonly number[], key: string, json: string): void {
    this.rows.set(keyOf(taskId, indexPath, key), { taskId, indexPath, json });
  }

  /** A new try forgets what the last one pushed. */
  clear(taskId: string, indexPath: readonly number[]): void {
    const prefix = keyOf(taskId, indexPath, '');
    for (const key of this.rows.keys()) if (key.startsWith(prefix)) this.rows.delete(key);
  }

  of(taskId: string, indexPath: readonly number[]): Record<string, unknown> {
    const prefix = keyOf(taskId, indexPath, '');
    return Object.fromEntries([...this.rows].flatMap(([key, row]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), JSON.parse(row.json) as unknown]] : [])));
  }

  answer(question: XComQuestion): RunnerAnswer {
    if ((question.dagId !== null && question.dagId !== this.dagId) || (question.runId !== null && question.runId !== this.runId)) return this.answerOfOthers(question);
    const { page, key } = question;
    if (page === undefined) {
      const path = question.indexPath;
      return { xcoms: question.taskIds.flatMap((taskId) => this.under(taskId, path ?? [], key).filter((row) => path === null || row.indexPath.length === path.length)) };
    }
    const [taskId = ''] = question.taskIds;
    const found = this.under(taskId, page.under, key);
    if (!page.elements) return { xcoms: found.slice(page.offset, page.offset + page.limit), total: found.length };
    const whole = found.find((row) => row.indexPath.length === page.under.length);
    const value: unknown = whole === undefined ? [] : JSON.parse(whole.json);
    const elements = Array.isArray(value) ? value : typeof value === 'object' && value !== null ? Object.entries(value) : null;
    if (elements === null) return { xcoms: [], total: -1 };
    return { xcoms: elements.slice(page.offset, page.offset + page.limit).map((element) => ({ taskId, indexPath: page.under, json: JSON.stringify(element) })), total: elements.length };
  }

  private answerOfOthers({ dagId, taskIds }: XComQuestion): RunnerAnswer {
    return { xcoms: taskIds.flatMap((taskId) => {
      const name = `${dagId ?? this.dagId}.${taskId}`;
      return Object.hasOwn(this.others, name) ? [{ taskId, indexPath: [], json: JSON.stringify(this.others[name]) }] : [];
    }) };
  }

  private under(taskId: string, path: readonly number[], key: string): Row[] {
    const found: Row[] = [];
    for (const [name, row] of this.rows) {
      if (row.taskId === taskId && name.endsWith(`\n${key}`) && keyOf(taskId, row.indexPath, key) === name && path.every((index, i) => row.indexPath[i] === index)) found.push(row);
    }
    return found.sort((a, b) => inOrder(a.indexPath, b.indexPath));
  }
}

function keyOf(taskId: string, indexPath: readonly number[], key: string): string {
  return `${taskId}\n${indexPath.join('.')}\n${key}`;
}

export function inOrder(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return a.length - b.length;
}
