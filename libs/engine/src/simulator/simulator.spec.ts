import { expect, it } from 'vitest';
import { describeFailure, simulate } from './simulate.js';

const RUNS = Number(process.env['MILLRACE_SIMULATOR_RUNS'] ?? 5_000);
const FIRST_SEED = Number(process.env['MILLRACE_SIMULATOR_SEED'] ?? 1);

it(`${RUNS} random runs in random worlds keep every promise`, { timeout: 60_000 + RUNS * 100 }, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const failure = simulate(seed);
    expect(failure === null ? null : describeFailure(failure)).toBeNull();
  }
});
