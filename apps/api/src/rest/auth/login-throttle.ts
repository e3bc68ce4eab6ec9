import { setTimeout as delay } from 'node:timers/promises';
import { countLoginFailure, forgetLoginFailures, loginFailures } from '@millrace/persistence';
import type { SqlRunner } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';

/** After this many failures in the window a name has to wait. */
const NAME_FAILURES_MAX = 10;
/** An address may be a whole office. */
const ADDRESS_FAILURES_MAX = 50;
const WINDOW_SECONDS = 60;
/** Each failure makes the next attempt this much slower. */
const STEP_MS = 50;

/** Slows down guessing of passwords, per name and per address. Counted in the database: a restart forgets nothing, and all processes count together. */
export class LoginThrottle {
  constructor(private readonly db: SqlRunner) {}

  /** Waits a little after failures. @throws MillraceError `unavailable` after too many. */
  async pass(name: string, address: string): Promise<void> {
    const keys = keysOf(name, address);
    const failures = await loginFailures(this.db, keys, WINDOW_SECONDS);
    const [ofName, ofAddress] = keys.map((key) => failures.get(key) ?? 0);
    if (ofName! >= NAME_FAILURES_MAX || ofAddress! >= ADDRESS_FAILURES_MAX) throw new MillraceError('unavailable', 'Too many failed logins; try again in a minute');
    const slower = Math.max(ofName!, (ofAddress! * NAME_FAILURES_MAX) / ADDRESS_FAILURES_MAX);
    if (slower >= 1) await delay(STEP_MS * slower);
  }

  failed(name: string, address: string): Promise<void> {
    return countLoginFailure(this.db, keysOf(name, address), WINDOW_SECONDS);
  }

  /** The name's failures are forgotten; the address's are not, or one good password would buy fifty guesses at others. */
  async succeeded(name: string): Promise<void> {
    await forgetLoginFailures(this.db, [keysOf(name, '')[0]!]);
  }
}

/** NUL cannot be stored. */
function keysOf(name: string, address: string): [string, string] {
  return [`name:${name.replaceAll('\0', '')}`, `address:${address}`];
}
