import { failPoint } from './fail-point.js';

/** A pause a test asked for: `reached` tells that the code stands there, `release` lets it go on. */
export interface Hold<Value> {
  readonly reached: Promise<Value>;
  release(): void;
}

/**
 * A named point of the code that tests can wait for, stop at, or (as a fail point of the same name) die at.
 * Without listeners `emit` is two comparisons. Tests wait for signals instead of sleeping.
 */
export class Signal<Value = void> {
  private listeners: ((value: Value) => void)[] | null = null;
  private holds: { reach: (value: Value) => void; released: Promise<void> }[] | null = null;

  /** @param name kebab-case; says what just happened: `committed`, `after-commit-before-publish`. */
  constructor(readonly name: string) {}

  /** Tells listeners. Does not wait, does not throw. */
  emit(value: Value): void {
    failPoint(this.name);
    if (this.listeners !== null) for (const listener of this.listeners.slice()) listener(value);
  }

  /** Like `emit`, and waits while a test holds this point: `await point.pass(x)`. Resolved at once in production. */
  pass(value: Value): Promise<void> | undefined {
    this.emit(value);
    const hold = this.holds?.shift();
    if (hold === undefined) return undefined;
    hold.reach(value);
    return hold.released;
  }

  /** The next value that satisfies `wanted`, emitted after this call. */
  next(wanted: (value: Value) => boolean = () => true): Promise<Value> {
    return new Promise((resolve) => {
      const off = this.on((value) => {
        if (!wanted(value)) return;
        off();
        resolve(value);
      });
    });
  }

  /** Calls the listener until the returned function is called. */
  on(listener: (value: Value) => void): () => void {
    this.listeners = [...(this.listeners ?? []), listener];
    return () => {
      const rest = (this.listeners ?? []).filter((other) => other !== listener);
      this.listeners = rest.length === 0 ? null : rest;
    };
  }

  /** Stops the next `pass` until released. */
  hold(): Hold<Value> {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<Value>((reach) => {
      this.holds = [...(this.holds ?? []), { reach, released }];
    });
    return { reached, release };
  }
}
