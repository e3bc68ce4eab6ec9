import { dag } from '@millrace/sdk';
import type { Connection, Operator, TaskContext } from '@millrace/sdk';

export interface Ran {
  readonly result: any;
  readonly error: (Error & { readonly code?: string; readonly millrace?: string; readonly [name: string]: unknown }) | null;
  readonly log: readonly string[];
}

export type ConnectionFields = Partial<Omit<Connection, 'connectionId'>> & Pick<Connection, 'connType'>;

/** Runs one operator in this process, as a runner would after it has rendered the templates. */
export async function runOperator(make: () => Operator<any>, connections: Readonly<Record<string, ConnectionFields>> = {}, more: Partial<TaskContext> = {}): Promise<Ran> {
  let operator: Operator<any> | undefined;
  dag('test', {}, () => void (operator = make()));
  const { context, log } = contextFor(connections, more);
  try {
    const returned: unknown = await operator?.execute(context);
    // As XCom does it: what JSON cannot carry must not work here either.
    return { result: returned === undefined ? undefined : JSON.parse(JSON.stringify(returned)), error: null, log };
  } catch (error) {
    return { result: undefined, error: error as Ran['error'], log };
  }
}

export function contextFor(connections: Readonly<Record<string, ConnectionFields>> = {}, more: Partial<TaskContext> = {}): { readonly context: TaskContext; readonly log: string[] } {
  const log: string[] = [];
  const keep = (...words: unknown[]): void => void log.push(words.map(String).join(' '));
  const context = {
    dagId: 'test', taskId: 't', runId: 'r', tryNumber: 1, maxTries: 1, attemptId: 'attempt-1', indexPath: [], mapIndex: -1, logicalDate: null, dataIntervalEnd: null, runAfter: new Date(), startDate: new Date(), firstStartDate: new Date(),
    looks: 0, get nowMs() { return Date.now(); }, resume: null, resumedBy: null, signal: new AbortController().signal, params: {}, log: { debug: keep, info: keep, warn: keep, error: keep }, maskSecret: () => undefined,
    connections: {
      get: (connectionId: string) => {
        const fields = connections[connectionId];
        if (fields === undefined) return Promise.reject(new Error(`there is no connection "${connectionId}"`));
        return Promise.resolve({ connectionId, host: null, port: null, login: null, password: null, schema: null, extra: {}, ...fields });
      },
    },
    ...more,
  } as unknown as TaskContext;
  return { context, log };
}
