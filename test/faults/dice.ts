/** Random numbers that a seed repeats (mulberry32): the seed of a failing run is printed and can be given again. */
export class Dice {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 ≤ n < 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

/** `MILLRACE_FAULT_SEED`, else another one each day and process. */
export function seedOfThisRun(): number {
  const given = process.env['MILLRACE_FAULT_SEED'];
  if (given === undefined) return (Math.floor(Date.now() / 1_000) ^ process.pid) >>> 0;
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new Error(`MILLRACE_FAULT_SEED=${given} is not a whole number`);
  return seed;
}
