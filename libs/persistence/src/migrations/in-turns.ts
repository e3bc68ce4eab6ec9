import { setTimeout as sleep } from 'node:timers/promises';
import { sqlState } from '../database/database.js';

/** Tries again what met a lock somebody else held for longer than the migration waits: it waits in short turns, so that nobody queues up behind it. */
export async function inTurns<T>(work: () => Promise<T>, turns: number, pauseMs: number): Promise<T> {
  for (let turn = 1; ; turn++) {
    try {
      return await work();
    } catch (error) {
      if (sqlState(error) !== '55P03' && sqlState((error as { driverError?: unknown }).driverError) !== '55P03') throw error;
      if (turn >= turns) throw error;
      await sleep(pauseMs);
    }
  }
}
