/** A rule that names instants, in milliseconds. null: there is none. */
export interface Instants {
  nextAfter(instantMs: number): number | null;
  lastBefore(instantMs: number): number | null;
  /** The instant itself if it is named, else the next. */
  alignToNext(instantMs: number): number | null;
  alignToPrev(instantMs: number): number | null;
  /** When a dag that has neither runs nor a start begins. */
  firstRun(nowMs: number): number | null;
  /** Set for a rule that counts from wherever it begins. */
  readonly periodMs?: number;
}

/** Every `periodMs`, from wherever it begins: any instant is aligned. */
export class DeltaInstants implements Instants {
  constructor(readonly periodMs: number) {}

  nextAfter(instantMs: number): number {
    return instantMs + this.periodMs;
  }

  lastBefore(instantMs: number): number {
    return instantMs - this.periodMs;
  }

  alignToNext(instantMs: number): number {
    return instantMs;
  }

  alignToPrev(instantMs: number): number {
    return instantMs;
  }

  firstRun(nowMs: number): number {
    return nowMs;
  }
}
