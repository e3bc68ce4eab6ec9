import type { TaskContext } from '../context/task-context.js';
import type { PagedXComs } from '../context/task-context.js';

/**
 * The values of a mapped task, in the order of their indexes, read in pages as they are asked for: never all in memory, unless
 * `toArray` is called. Instances that were skipped or pushed nothing have no place in it.
 * @example for await (const row of rows) … ; rows.length ; await rows.at(3) ; await rows.toArray()
 */
export interface Sequence<T> extends AsyncIterable<T> {
  readonly length: number;
  /** undefined beyond the ends; negative counts from the end. */
  at(index: number): Promise<T | undefined>;
  toArray(): Promise<T[]>;
}

/** How many values one question brings. */
const PAGE = 200;

export interface PageQuestion {
  readonly taskId: string;
  readonly key: string;
  readonly under: readonly number[];
}

export class PagedSequence<T> implements Sequence<T> {
  private readonly pages = new Map<number, readonly T[]>();

  private constructor(private readonly context: TaskContext<object>, private readonly question: PageQuestion, readonly length: number) {}

  static async open<T>(context: TaskContext<object>, question: PageQuestion): Promise<PagedSequence<T>> {
    const first = await read<T>(context, question, 0);
    const sequence = new PagedSequence<T>(context, question, first.total);
    sequence.pages.set(0, first.values.map(({ value }) => value as T));
    return sequence;
  }

  async at(index: number): Promise<T | undefined> {
    const place = index < 0 ? this.length + index : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.length) return undefined;
    for (const [offset, values] of this.pages) if (place >= offset && place < offset + values.length) return values[place - offset];
    const found = await read<T>(this.context, this.question, place);
    this.keep(place, found.values.map(({ value }) => value as T));
    return found.values[0]?.value as T | undefined;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (let place = 0; place < this.length; ) {
      const kept = this.pages.get(place) ?? (await read<T>(this.context, this.question, place)).values.map(({ value }) => value as T);
      if (kept.length === 0) return;
      yield* kept;
      place += kept.length;
    }
  }

  async toArray(): Promise<T[]> {
    const all: T[] = [];
    for await (const value of this) all.push(value);
    return all;
  }

  /** The first page, and the one looked at last. */
  private keep(offset: number, values: readonly T[]): void {
    for (const known of this.pages.keys()) if (known !== 0) this.pages.delete(known);
    this.pages.set(offset, values);
  }
}

/** Values that had to be read at once. */
export class ReadSequence<T> implements Sequence<T> {
  constructor(private readonly values: readonly T[]) {}
  get length(): number {
    return this.values.length;
  }
  at(index: number): Promise<T | undefined> {
    return Promise.resolve(this.values.at(index));
  }
  toArray(): Promise<T[]> {
    return Promise.resolve([...this.values]);
  }
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    yield* this.values;
  }
}

function read<T>(context: TaskContext<object>, { taskId, key, under }: PageQuestion, offset: number): Promise<PagedXComs<T>> {
  return context.ti.xcomPage<T>({ taskId, key, indexPath: under, offset, limit: PAGE, elements: false });
}
