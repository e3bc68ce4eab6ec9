import { randomUUID } from 'node:crypto';
import type { StateQuestion } from '@millrace/contracts';
import type { Ask } from './supervisor-questions.js';
import { toXComJson } from './xcom-json.js';

export interface VersionedValue<T> {
  readonly value: T;
  readonly version: number;
}

/** Values of a task, or of an asset, that outlive tries and runs. Every change is stored when its promise resolves. */
export class StoredStates {
  constructor(
    private readonly ask: Ask,
    private readonly asset: string,
  ) {}

  /** The value; the fallback, or null, when there is none. */
  async get<T = unknown>(key: string, fallback: T | null = null): Promise<T | null> {
    return (await this.read<T>(key))?.value ?? fallback;
  }

  /** The value with its version; null when there is none. */
  async read<T = unknown>(key: string): Promise<VersionedValue<T> | null> {
    const { json, version } = await this.#do('get', key, '', null);
    return json === null ? null : { value: JSON.parse(json) as T, version };
  }

  /** Stores a value whatever is there. @returns its version */
  async set(key: string, value: unknown): Promise<number> {
    return (await this.#do('set', key, toXComJson(value, `state "${key}"`), null)).version;
  }

  /**
   * Stores a value only when the stored one still has this version; null: only when there is none.
   * @returns the new version; null: somebody else was first, and nothing was changed
   */
  async compareAndSet(key: string, expectedVersion: number | null, value: unknown): Promise<number | null> {
    const { version, conflict } = await this.#do('set', key, toXComJson(value, `state "${key}"`), expectedVersion ?? 0);
    return conflict ? null : version;
  }

  /** Changes a value by what it is now, as often as it takes. */
  async update<T>(key: string, change: (value: T | null) => T): Promise<T> {
    for (;;) {
      const found = await this.read<T>(key);
      const value = change(found?.value ?? null);
      if ((await this.compareAndSet(key, found?.version ?? null, value)) !== null) return value;
    }
  }

  async delete(key: string): Promise<void> {
    await this.#do('delete', key, '', null);
  }

  /** All keys, in order. */
  async keys(): Promise<string[]> {
    const { json } = await this.#do('list', '', '', null);
    return json === null ? [] : (JSON.parse(json) as string[]);
  }

  async #do(operation: StateQuestion['operation'], key: string, json: string, expectedVersion: number | null): Promise<{ json: string | null; version: number; conflict: boolean }> {
    // The same operation may be sent twice when an answer is lost; its id tells that it is the same.
    const answer = await this.ask({ ask: 'state', operation, asset: this.asset, key, json, expectedVersion, operationId: randomUUID() });
    if (!('stored' in answer)) throw new Error('the worker answered something else than was asked');
    return answer.stored;
  }
}
