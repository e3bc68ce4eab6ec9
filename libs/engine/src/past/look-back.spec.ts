import { expect, it } from 'vitest';
import { lookBack } from './look-back.js';

type Options = Parameters<typeof lookBack>[0];
const past: Options = {};
const below: Options = { waitForDownstream: true };
const strict: Options = { ignoreFirstDependsOnPast: false };
const run = (instances: number, unsuccessful: number, unsuccessfulBelow = 0) => ({ runId: 'r1', instances, unsuccessful, unsuccessfulBelow });

it.each([
  // what                                                       options  the run before   any earlier instance   goes
  ['no run before', past, null, false, true],
  ['no run before, first not ignored', strict, null, false, true],
  ['it succeeded or was skipped', past, run(1, 0), true, true],
  ['it failed, runs or is not decided', past, run(1, 1), true, false],
  ['mapped: all did well', past, run(5, 0), true, true],
  ['mapped: one did not', past, run(5, 1), true, false],
  ['the task is new: no run ever had it', past, run(0, 0), false, true],
  ['the task is new, first not ignored', strict, run(0, 0), false, false],
  ['the task was gone in the run before, and there earlier', past, run(0, 0), true, false],
  ['downstream does not matter', past, run(1, 0, 3), true, true],
  ['downstream matters, and did well', below, run(1, 0, 0), true, true],
  ['downstream matters, and did not do well', below, run(1, 0, 1), true, false],
  ['downstream did well, it did not', below, run(1, 1, 0), true, false],
])('%s', (_, options, previous, anyPrior, goes) => {
  const said = lookBack(options, { previous, anyPrior });
  expect(said.open).toBe(goes);
  if (!said.open) expect(said).toMatchObject({ runId: 'r1', reason: expect.stringContaining('run r1') as string });
});
