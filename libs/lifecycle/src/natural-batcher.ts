export interface BatcherOptions<Item, Result> {
  /** Items one flush may take; the rest waits for the next flush. */
  readonly maxSize: number;
  /** Handles a batch; results in the order of the items. A throw fails every item of this batch, not of the next. */
  readonly flush: (items: Item[]) => Promise<readonly Result[]>;
}

/**
 * One flush in flight; what arrives meanwhile is the next batch. No timer: alone an item leaves at once, under load batches
 * grow by themselves. Items that arrive in the same turn of the event loop share the first flush.
 */
export class NaturalBatcher<Item, Result> {
  private items: Item[] = [];
  private settlers: Settler<Result>[] = [];
  private busy = false;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: BatcherOptions<Item, Result>) {
    if (!(Number.isInteger(options.maxSize) && options.maxSize > 0)) throw new RangeError(`maxSize must be a whole number > 0, got ${options.maxSize}`);
  }

  /** Items that wait for a flush to begin. */
  get waiting(): number {
    return this.items.length;
  }

  /** The item's result. Rejects with the error of the flush that took it. */
  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.items.push(item);
      this.settlers.push({ resolve, reject });
      if (this.busy) return;
      this.busy = true;
      setImmediate(this.work);
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    return this.busy ? new Promise((resolve) => this.idleWaiters.push(resolve)) : Promise.resolve();
  }

  private readonly work = async (): Promise<void> => {
    while (this.items.length > 0) {
      const whole = this.items.length <= this.options.maxSize;
      const items = whole ? this.items : this.items.splice(0, this.options.maxSize);
      const settlers = whole ? this.settlers : this.settlers.splice(0, this.options.maxSize);
      if (whole) [this.items, this.settlers] = [[], []];
      await this.flush(items, settlers);
    }
    this.busy = false;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  };

  private async flush(items: Item[], settlers: Settler<Result>[]): Promise<void> {
    const count = items.length;
    try {
      const results = await this.options.flush(items);
      if (results.length !== count) throw new Error(`a flush of ${count} items gave ${results.length} results`);
      for (let i = 0; i < count; i++) (settlers[i] as Settler<Result>).resolve(results[i] as Result);
    } catch (error) {
      for (const settler of settlers) settler.reject(error);
    }
  }
}

interface Settler<Result> {
  resolve(result: Result): void;
  reject(error: unknown): void;
}
